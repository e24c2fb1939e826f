// What Prometheus 3's own engine answered, in tests/oracle/golden: families written by us, and
// random pairs of expressions and series. tests/oracle/README.md says how they are made.
#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <sstream>
#include <string>
#include <vector>

#include "gtest/gtest.h"

#include "rules/promqltest/runner.h"

namespace rootnote::promqltest {
namespace {

namespace fs = std::filesystem;

std::string ReadFile(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream text;
  text << file.rdbuf();
  return std::move(text).str();
}

// What the cases were made with.
RunOptions AsServersDo() {
  RunOptions options;
  options.delayed_name_removal = false;
  return options;
}

struct Counts {
  size_t passed = 0, failed = 0;
};

Counts RunGolden(const fs::path& path) {
  Counts counts;
  const std::string text = ReadFile(path);
  for (const CaseResult& result : RunScript(text, AsServersDo())) {
    if (result.outcome == Outcome::kPassed) {
      ++counts.passed;
      continue;
    }
    // Skipped is failed here: the cases have nothing that is not supported.
    if (++counts.failed > 20) continue;
    ADD_FAILURE() << path.string() << ":" << result.line << ": " << result.text << "\n"
                  << result.message << "\nexpected" << result.expected << "\ngot" << result.got
                  << "\nover the series of the `load` above that line";
  }
  return counts;
}

TEST(Conformance, AsPrometheusAnswers) {
  std::vector<fs::path> files;
  for (const auto& entry : fs::directory_iterator("tests/oracle/golden")) {
    files.push_back(entry.path());
  }
  std::sort(files.begin(), files.end());
  size_t families = 0, random = 0;
  for (const fs::path& path : files) {
    const Counts counts = RunGolden(path);
    EXPECT_GT(counts.passed, 10U) << path;
    const bool is_random = path.filename().string().substr(0, 7) == "random_";
    (is_random ? random : families) += counts.passed;
    std::cout << path.filename().string() << ": " << counts.passed << " passed, " << counts.failed
              << " failed\n";
  }
  std::cout << families << " cases of families and " << random
            << " random pairs agree with Prometheus\n";
  EXPECT_GE(families, 1500U);
  EXPECT_GE(random, 2000U);
}

}  // namespace
}  // namespace rootnote::promqltest
