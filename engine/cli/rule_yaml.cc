#include "engine/cli/rule_yaml.h"

#include <filesystem>
#include <fstream>
#include <sstream>
#include <vector>

#include "fmt/format.h"
#include <glob.h>

#include "engine/cli/terminal.h"
#include "rules/diagnostic.h"
#include "rules/prometheus/unit_test_file.h"

namespace rootnote {
namespace {

absl::StatusOr<std::string> ReadWhole(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  std::ostringstream text;
  text << in.rdbuf();
  if (!in.good()) return absl::NotFoundError(fmt::format("{}: cannot be read", path));
  return std::move(text).str();
}

absl::StatusOr<std::vector<std::string>> Glob(const std::string& pattern) {
  glob_t found{};
  const int result = ::glob(pattern.c_str(), 0, nullptr, &found);
  std::vector<std::string> paths;
  for (size_t i = 0; result == 0 && i < found.gl_pathc; ++i) paths.emplace_back(found.gl_pathv[i]);
  ::globfree(&found);
  if (result != 0 && result != GLOB_NOMATCH) {
    return absl::UnavailableError(fmt::format("{}: cannot be looked for", pattern));
  }
  return paths;
}

std::string Count(size_t count, std::string_view noun) {
  return fmt::format("{} {}{}", count, noun, count == 1 ? "" : "s");
}

}  // namespace

prometheus::UnitTestFiles UnitTestFilesOnDisk() { return {Glob, ReadWhole}; }

absl::StatusOr<std::vector<RuleSource>> ReadRuleFilesOfImport(const std::string& pattern,
                                                              const std::string& from) {
  const std::filesystem::path whole = std::filesystem::path(from).parent_path() / pattern;
  ASSIGN_OR_RETURN(const std::vector<std::string> paths, Glob(whole.string()));
  std::vector<RuleSource> files;
  for (const std::string& name : paths) {
    ASSIGN_OR_RETURN(std::string text, ReadWhole(name));
    files.emplace_back(name, std::move(text));
  }
  return files;
}

absl::StatusOr<TestReport> RunUnitTestFile(const std::string& path) {
  ASSIGN_OR_RETURN(std::string text, ReadWhole(path));
  const std::vector<RuleSource> sources = {RuleSource(path, std::move(text))};
  Diagnostics diagnostics;
  const prometheus::UnitTestReport tests =
      prometheus::RunUnitTests(sources[0], UnitTestFilesOnDisk(), diagnostics);
  TestReport report;
  if (diagnostics.has_errors()) {
    std::string message;
    for (const Diagnostic& diagnostic : diagnostics.list()) {
      message += FormatDiagnostic(diagnostic, sources);
    }
    report.Add({path, "the file", TestOutcome::kFailed, std::move(message), ""});
    return report;
  }
  const Terminal err(stderr);
  for (const std::string& warning : tests.warnings) {
    err.Print(fmt::format("{}: warning: {}\n", path, warning));
  }
  using Outcome = prometheus::UnitTestResult::Outcome;
  for (const prometheus::UnitTestResult& result : tests.results) {
    const TestOutcome outcome = result.outcome == Outcome::kPassed   ? TestOutcome::kPassed
                                : result.outcome == Outcome::kFailed ? TestOutcome::kFailed
                                                                     : TestOutcome::kSkipped;
    report.Add({path, result.name, outcome, result.message, ""});
  }
  return report;
}

YamlCheck CheckPrometheusYaml(const std::string& path, const Terminal& err, YamlCounts& counts) {
  absl::StatusOr<std::string> text = ReadWhole(path);
  if (!text.ok()) return YamlCheck::kNotPrometheus;  // The configuration's reader says why.
  const prometheus::YamlFileKind kind = prometheus::KindOfYaml(*text);
  if (kind == prometheus::YamlFileKind::kOther) return YamlCheck::kNotPrometheus;
  const std::vector<RuleSource> sources = {RuleSource(path, *std::move(text))};
  Diagnostics diagnostics;
  if (kind == prometheus::YamlFileKind::kRules) {
    if (const auto file = prometheus::ParseRuleFile(sources[0], 0, diagnostics)) {
      ++counts.rule_files;
      counts.alerting += file->alerting();
      counts.recording += file->recording();
      counts.groups += file->groups.size();
    }
  } else if (const auto file = prometheus::ParseUnitTestFile(sources[0], 0, diagnostics)) {
    ++counts.test_files;
    counts.tests += file->tests.size();
  }
  diagnostics.Sort();
  for (const Diagnostic& diagnostic : diagnostics.list()) {
    err.Print(FormatDiagnostic(diagnostic, sources));
  }
  return diagnostics.has_errors() ? YamlCheck::kBad : YamlCheck::kGood;
}

void PrintYamlCounts(const YamlCounts& counts, const Terminal& out) {
  const std::string ok = out.Paint(Ink::kGreen, "ok");
  if (counts.rule_files > 0) {
    out.Print(fmt::format("{} {}: {}, {} in {}\n", ok, Count(counts.rule_files, "file"),
                          Count(counts.alerting, "alerting rule"),
                          Count(counts.recording, "recording rule"),
                          Count(counts.groups, "group")));
  }
  if (counts.test_files > 0) {
    out.Print(fmt::format("{} {}: {}\n", ok, Count(counts.test_files, "file"),
                          Count(counts.tests, "unit test")));
  }
}

}  // namespace rootnote
