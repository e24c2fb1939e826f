// Every test block of tests/scenarios, examples and rules/packs, as it stands and under other
// deliveries: the same bytes for any number of threads and any batch size; the same records,
// evidence positions aside, when the input is shuffled within the lateness, delivered twice in
// part, or spread over partitions.
#include <algorithm>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include "gtest/gtest.h"

#include "engine/cli/rule_files.h"
#include "engine/cli/scenario.h"
#include "engine/cli/terminal.h"
#include "rules/compiler.h"

namespace rootnote {
namespace {

using TestBlock = rootnote::Test;  // not gtest's

// ctest runs in the root of the repository.
std::vector<std::string> ScenarioFiles() {
  std::vector<std::string> files;
  for (const auto* folder : {"tests/scenarios", "examples", "rules/packs"}) {
    for (const auto& entry : std::filesystem::recursive_directory_iterator(folder)) {
      if (entry.path().extension() == ".rn") files.push_back(entry.path().string());
    }
  }
  std::sort(files.begin(), files.end());
  return files;
}

class Scenarios : public testing::TestWithParam<std::string> {
 protected:
  void SetUp() override {
    auto sources = ReadRuleFiles({GetParam()});
    ASSERT_TRUE(sources.ok()) << sources.status();
    CompileResult result = Compile(*std::move(sources), WithPacks());
    for (const Diagnostic& diagnostic : result.diagnostics.list()) {
      messages_ += FormatDiagnostic(diagnostic, result.sources);
    }
    program_ = result.program;
    ASSERT_NE(program_, nullptr) << messages_;
  }

  ScenarioOutcome Run(const TestBlock& test, const ScenarioDelivery& delivery) {
    absl::StatusOr<ScenarioOutcome> outcome = RunScenario(program_, test, delivery);
    EXPECT_TRUE(outcome.ok()) << outcome.status();
    return outcome.ok() ? *std::move(outcome) : ScenarioOutcome();
  }

  std::shared_ptr<const Program> program_;
  std::string messages_;
};

TEST_P(Scenarios, Hold) {
  for (const TestBlock& test : program_->tests) {
    SCOPED_TRACE(test.name);
    const ScenarioOutcome outcome = Run(test, {});
    EXPECT_EQ(outcome.dead_letters, "");
    for (const Expected& expected : outcome.expectations) {
      EXPECT_TRUE(expected.holds) << "expected " << expected.expected << "\ngot      "
                                  << expected.got;
    }
    if (!outcome.passed()) ADD_FAILURE() << Timeline(*program_, test, outcome);
  }
}

TEST_P(Scenarios, SameBytesForThreadsAndBatches) {
  for (const TestBlock& test : program_->tests) {
    SCOPED_TRACE(test.name);
    const std::string bytes = Run(test, {}).output;
    for (const int threads : {1, 2, 7}) {
      for (const size_t batch : {size_t{1}, size_t{256}}) {
        EXPECT_EQ(Run(test, {.threads = threads, .batch_records = batch}).output, bytes)
            << threads << " threads, batches of " << batch;
      }
    }
  }
}

TEST_P(Scenarios, SameRecordsShuffledDuplicatedSpread) {
  for (const TestBlock& test : program_->tests) {
    SCOPED_TRACE(test.name);
    // Two partitions leave positions out, as every delivery below does.
    const std::string records = Run(test, {.partitions = 2}).output;
    for (const uint64_t seed : {1, 2, 3}) {
      EXPECT_EQ(Run(test, {.shuffle_seed = seed}).output, records) << "shuffled with seed " << seed;
    }
    EXPECT_EQ(Run(test, {.duplicates = true}).output, records) << "duplicates";
    EXPECT_EQ(
        Run(test, {.threads = 2, .shuffle_seed = 4, .duplicates = true, .partitions = 3}).output,
        records)
        << "all at once";
  }
}

std::string TestName(const testing::TestParamInfo<std::string>& info) {
  std::string name = std::filesystem::path(info.param).stem().string();
  for (char& c : name) {
    if (!std::isalnum(static_cast<unsigned char>(c))) c = '_';
  }
  return name;
}

INSTANTIATE_TEST_SUITE_P(Files, Scenarios, testing::ValuesIn(ScenarioFiles()), TestName);

// A `never` in every scenario: a test that only says what comes would miss what must not.
TEST(ScenarioFiles, SayWhatMustNotCome) {
  size_t files = 0;
  for (const std::string& file : ScenarioFiles()) {
    if (file.find("tests/scenarios/") == std::string::npos) continue;
    std::ifstream in(file);
    std::ostringstream text;
    text << in.rdbuf();
    EXPECT_NE(text.str().find("expect never"), std::string::npos) << file;
    EXPECT_TRUE(text.str().starts_with("# Why: ")) << file << " does not say why it exists";
    ++files;
  }
  EXPECT_GE(files, 25U);
}

}  // namespace
}  // namespace rootnote
