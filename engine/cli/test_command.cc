#include <algorithm>
#include <filesystem>
#include <utility>

#include "fmt/format.h"

#include "engine/cli/commands.h"
#include "engine/cli/exit_code.h"
#include "engine/cli/rule_yaml.h"
#include "engine/cli/terminal.h"
#include "engine/cli/test_report.h"

namespace rootnote {
namespace {

namespace fs = std::filesystem;

// What a folder is searched for; a file that is named may be of any kind.
bool IsTestFile(const fs::path& path) {
  return path.extension() == ".rn" || path.extension() == ".test";
}

absl::StatusOr<std::vector<std::string>> TestFiles(const std::vector<std::string>& paths) {
  std::vector<std::string> files;
  for (const std::string& path : paths) {
    std::error_code error;
    if (!fs::is_directory(path, error)) {
      files.push_back(path);
      continue;
    }
    const auto first = static_cast<std::ptrdiff_t>(files.size());
    for (const auto& entry : fs::recursive_directory_iterator(path, error)) {
      if (IsTestFile(entry.path())) files.push_back(entry.path().string());
    }
    if (error || files.size() == static_cast<size_t>(first)) {
      return absl::NotFoundError(fmt::format("{}: no tests (*.rn, *.test) in this folder{}", path,
                                             error ? fmt::format(" ({})", error.message()) : ""));
    }
    std::sort(files.begin() + first, files.end());
  }
  return files;
}

absl::StatusOr<TestReport> RunTestFile(const std::string& path, const TestArguments& arguments) {
  const std::string extension = fs::path(path).extension().string();
  if (extension == ".test") return RunPromqlTests(path, !arguments.immediate_name_removal);
  if (extension == ".yaml" || extension == ".yml") return RunUnitTestFile(path);
  return RunRuleTests(path);
}

}  // namespace

int RunTest(const TestArguments& arguments) {
  const Terminal out(stdout);
  const absl::StatusOr<std::vector<std::string>> files = TestFiles(arguments.paths);
  if (!files.ok()) return PrintFailure(files.status());
  std::vector<TestReport> reports;
  size_t passed = 0, failed = 0, skipped = 0;
  for (const std::string& file : *files) {
    absl::StatusOr<TestReport> report = RunTestFile(file, arguments);
    if (!report.ok()) return PrintFailure(report.status());
    PrintReport(*report, arguments.verbose, out);
    passed += report->Count(TestOutcome::kPassed);
    failed += report->Count(TestOutcome::kFailed);
    skipped += report->Count(TestOutcome::kSkipped);
    reports.push_back(*std::move(report));
  }
  if (!arguments.junit.empty()) {
    const absl::Status status = WriteJunit(arguments.junit, reports);
    if (!status.ok()) return PrintFailure(status);
  }
  if (arguments.summary) out.Print(SummaryTable(reports));
  out.Print(fmt::format("{} passed, {} failed, {} skipped\n", passed, failed, skipped));
  return failed == 0 ? kExitOk : kExitFindings;
}

}  // namespace rootnote
