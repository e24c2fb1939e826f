// The goldens of tests/golden: a source, a line `----`, and what the compiler makes of it. Files of
// a folder that several sources share are parted by lines `==== NAME`. UPDATE_GOLDEN=1 rewrites.
#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

#include "rules/compiler.h"
#include "rules/parser.h"
#include "tests/unit/rules/ast_dump.h"

namespace rootnote {
namespace {

constexpr std::string_view kSeparator = "----\n";

std::string ReadFile(const std::filesystem::path& path) {
  std::ifstream in(path, std::ios::binary);
  std::ostringstream text;
  text << in.rdbuf();
  return text.str();
}

std::vector<std::filesystem::path> FilesIn(const std::string& folder) {
  std::vector<std::filesystem::path> files;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    if (entry.is_regular_file()) files.push_back(entry.path());
  }
  std::sort(files.begin(), files.end());
  return files;
}

// `==== NAME` begins a further source; what stands before the first is `rules.rn`.
std::vector<RuleSource> SplitSources(const std::string& text) {
  std::vector<RuleSource> sources;
  std::string name = "rules.rn", body;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    if (line.rfind("==== ", 0) != 0) {
      body += line + "\n";
      continue;
    }
    if (!body.empty()) sources.emplace_back(name, body);
    name = line.substr(5);
    body.clear();
  }
  sources.emplace_back(name, body);
  return sources;
}

std::string Diagnose(const CompileResult& result) {
  std::string text;
  for (const Diagnostic& diagnostic : result.diagnostics.list()) {
    text += FormatDiagnostic(diagnostic, result.sources);
  }
  return text.empty() ? "no diagnostics\n" : text;
}

// Calls `make` with the source of each golden and compares.
template <typename Make>
void CheckGoldens(const std::string& folder, size_t at_least, const Make& make) {
  const bool update = std::getenv("UPDATE_GOLDEN") != nullptr;
  size_t count = 0;
  for (const std::filesystem::path& path : FilesIn(folder)) {
    if (path.extension() != ".golden") continue;
    SCOPED_TRACE(path.string());
    const std::string text = ReadFile(path);
    const size_t separator = text.find("\n" + std::string(kSeparator));
    ASSERT_TRUE(separator != std::string::npos || update) << "no line ----";
    const std::string source =
        text.substr(0, separator == std::string::npos ? separator : separator + 1);
    const std::string made = make(SplitSources(source));
    ++count;
    if (update) {
      std::ofstream(path, std::ios::binary) << source << kSeparator << made;
      continue;
    }
    EXPECT_EQ(text.substr(separator + 1 + kSeparator.size()), made);
  }
  EXPECT_GE(count, at_least) << "goldens in " << folder;
}

TEST(Golden, Diagnostics) {
  CheckGoldens("tests/golden/diagnostics", 120, [](std::vector<RuleSource> sources) {
    const CompileResult result = Compile(std::move(sources));
    EXPECT_EQ(result.program == nullptr, result.diagnostics.has_errors());
    return Diagnose(result);
  });
}

std::string DumpOf(const RuleSource& source) {
  Diagnostics diagnostics;
  StringSet signals;
  const std::vector<Token> tokens = Lex(source, 0, diagnostics);
  CollectSignalNames(tokens, signals);
  const ParsedFile parsed = ParseFile(source, 0, tokens, signals, diagnostics);
  std::string text = Dump(parsed.file);
  for (const Diagnostic& diagnostic : diagnostics.list()) {
    text += FormatDiagnostic(diagnostic, {source});
  }
  return text;
}

TEST(Golden, SyntaxTrees) {
  CheckGoldens("tests/golden/parser", 2,
               [](std::vector<RuleSource> sources) { return DumpOf(sources.at(0)); });
}

TEST(Golden, SyntaxTreeOfTheTour) {
  const std::string made = DumpOf(RuleSource("tour.rn", ReadFile("tests/golden/tour.rn")));
  if (std::getenv("UPDATE_GOLDEN") != nullptr) {
    std::ofstream("tests/golden/tour.tree", std::ios::binary) << made;
  }
  EXPECT_EQ(ReadFile("tests/golden/tour.tree"), made);
}

TEST(Golden, Programs) {
  CheckGoldens("tests/golden/programs", 5, [](std::vector<RuleSource> sources) {
    const CompileResult result = Compile(std::move(sources));
    if (result.program == nullptr) return Diagnose(result);
    return ToString(*result.program);
  });
}

// A program's text is itself a rule file, and means the same.
TEST(Golden, ProgramTextCompilesToTheSameProgram) {
  for (const std::filesystem::path& path : FilesIn("tests/golden/programs")) {
    SCOPED_TRACE(path.string());
    const std::string text = ReadFile(path);
    const CompileResult first = Compile(SplitSources(text.substr(0, text.find("\n----\n") + 1)));
    ASSERT_NE(first.program, nullptr) << Diagnose(first);
    const CompileResult second = Compile({RuleSource("text.rn", ToString(*first.program))});
    ASSERT_NE(second.program, nullptr) << Diagnose(second);
    EXPECT_EQ(ToString(*first.program), ToString(*second.program));
    EXPECT_EQ(first.program->version, second.program->version);
    for (size_t i = 0; i < first.program->signals.size(); ++i) {
      EXPECT_EQ(first.program->signals[i].hash, second.program->signals[i].hash);
    }
  }
}

}  // namespace
}  // namespace rootnote
