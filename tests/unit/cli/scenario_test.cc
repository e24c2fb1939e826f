// Scenarios judge: what holds passes, and what does not hold fails, expectation by expectation.
#include "engine/cli/scenario.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"

#include "rules/compiler.h"
#include "tests/unit/cli/small_story.h"

namespace rootnote {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

// vm:v1 is down from 1m10s to 5m10s, app:shop fails with it; then all is well.
constexpr std::string_view kTest = R"(
test "down" {
  topology {
    vm:v1 <- app:shop
    vm:v2 <- app:wiki
  }
  series vm_up{vm="v1"}                1x6 0x24 1x30 every 10s
  series vm_up{vm="v2"}                1x60 every 10s
  series app_error_ratio{app="shop"}   0.01x6 0.5x24 0.01x30 every 10s
  EXPECT
}
)";

std::shared_ptr<const Program> Rules(const std::string& text) {
  const CompileResult result = Compile({RuleSource("test.rn", text)});
  for (const Diagnostic& diagnostic : result.diagnostics.list()) {
    EXPECT_NE(diagnostic.level, DiagnosticLevel::kError)
        << FormatDiagnostic(diagnostic, result.sources);
  }
  return result.program;
}

std::shared_ptr<const Program> RulesWith(std::string_view expectation) {
  std::string test(kTest);
  test.replace(test.find("EXPECT"), 6, expectation);
  return Rules(std::string(testing::kSmallRules) + test);
}

ScenarioOutcome OutcomeOf(const std::shared_ptr<const Program>& program,
                          const ScenarioDelivery& delivery = {}) {
  const auto outcome = RunScenario(program, program->tests.at(0), delivery);
  EXPECT_TRUE(outcome.ok()) << outcome.status();
  return outcome.ok() ? *outcome : ScenarioOutcome();
}

struct Judged {
  const char* expectation;
  bool holds;
};

class ScenarioTest : public ::testing::TestWithParam<Judged> {};

TEST_P(ScenarioTest, IsJudgedOnWhatHappened) {
  const auto program = RulesWith(GetParam().expectation);
  ASSERT_NE(program, nullptr);
  const ScenarioOutcome outcome = OutcomeOf(program);
  ASSERT_EQ(outcome.expectations.size(), 1U);
  const Expected& judged = outcome.expectations[0];
  EXPECT_EQ(judged.holds, GetParam().holds) << judged.expected << " / " << judged.got;
  EXPECT_EQ(outcome.passed(), GetParam().holds);
  EXPECT_FALSE(judged.expected.empty());
  EXPECT_FALSE(judged.got.empty());
}

INSTANTIATE_TEST_SUITE_P(
    Expectations, ScenarioTest,
    ::testing::Values(
        Judged{"expect at 4m one incident { root vm:v1 }", true},
        Judged{"expect at 4m one incident { root vm:v2 }", false},
        Judged{"expect at 4m one incident { root app:shop }", false},
        Judged{"expect at 4m two incidents", false}, Judged{"expect at 4m no incident", false},
        Judged{"expect at 1m no incident", true},
        Judged{"expect at 1m one incident { root vm:v1 }", false},
        Judged{"expect at 9m no incident", true},  // resolved by then
        Judged{"expect at 9m one incident { root vm:v1 status resolved }", true},
        Judged{"expect at 4m one incident { root vm:v1 status resolved }", false},
        Judged{"expect at 4m one incident { root vm:v1 impact app:shop by runs_on actual }", true},
        Judged{"expect at 4m one incident { root vm:v1 impact app:shop by runs_on potential }",
               false},
        Judged{"expect at 4m one incident { root vm:v1 impact app:shop by stored_on }", false},
        Judged{"expect at 4m one incident { root vm:v1 impact app:wiki }", false},
        Judged{"expect at 4m one incident { root vm:v1 not impact app:wiki }", true},
        Judged{"expect at 4m one incident { root vm:v1 not impact app:shop }", false},
        Judged{"expect at 4m one incident { root vm:v1 severity major }", true},
        Judged{"expect at 4m one incident { root vm:v1 severity critical }", false},
        Judged{"expect at 4m one incident { root vm:v1 causes disk:a1/d1 }", false},
        Judged{"expect at 4m one incident { root vm:v1 ruled out vm:v2 }", false},
        Judged{"expect never incident { root vm:v1 }", false},
        Judged{"expect never incident { root vm:v2 }", true},
        Judged{"expect never incident {}", false},
        Judged{"expect signal vm_down on vm:v1 firing at 4m", true},
        Judged{"expect signal vm_down on vm:v1 inactive at 4m", false},
        Judged{"expect signal vm_down on vm:v1 pending at 1m15s", true},
        Judged{"expect signal vm_down on vm:v1 firing at 1m15s", false},
        Judged{"expect signal vm_down on vm:v2 inactive at 4m", true},
        Judged{"expect signal vm_down on vm:v1 inactive at 9m", true}));

TEST(ScenarioRunTest, SaysWhatItExpectedAndWhatItGot) {
  const auto program =
      RulesWith("expect at 4m one incident { root vm:v2 impact app:wiki by runs_on potential }");
  ASSERT_NE(program, nullptr);
  const ScenarioOutcome outcome = OutcomeOf(program);
  EXPECT_EQ(outcome.expectations[0].expected,
            "1 incident(s) { root vm:v2 impact app:wiki by runs_on potential }");
  EXPECT_THAT(outcome.expectations[0].got,
              AllOf(StartsWith("rn-"), HasSubstr("root vm:v1"), HasSubstr("(root vm:v1)")));
  const std::string timeline = Timeline(*program, program->tests[0], outcome);
  EXPECT_THAT(timeline, AllOf(HasSubstr("vm_down on vm:v1"), HasSubstr("incident open"),
                              HasSubstr("incident resolved")));
}

// A test whose own records cannot be read does not pass, whatever it expects.
TEST(ScenarioRunTest, DeadLettersFailATest) {
  ScenarioOutcome outcome;
  outcome.expectations = {{.holds = true}};
  EXPECT_TRUE(outcome.passed());
  outcome.dead_letters = "{}\n";
  EXPECT_FALSE(outcome.passed());
}

TEST(ScenarioRunTest, DeliveryDecidesNothing) {
  const auto program = RulesWith("expect at 4m one incident { root vm:v1 }");
  ASSERT_NE(program, nullptr);
  const ScenarioOutcome plain = OutcomeOf(program);
  EXPECT_EQ(OutcomeOf(program, {.threads = 7, .batch_records = 1}).output, plain.output);
  const ScenarioOutcome shuffled = OutcomeOf(program, {.shuffle_seed = 3});
  const ScenarioOutcome spread =
      OutcomeOf(program, {.shuffle_seed = 9, .duplicates = true, .partitions = 3});
  EXPECT_NE(plain.output, "");
  EXPECT_EQ(shuffled.output, spread.output);  // both without positions
  EXPECT_EQ(shuffled.revisions.size(), plain.revisions.size());
}

TEST(ScenarioRunTest, RecordsAreShuffledWithinTheLatenessOnly) {
  const auto program = RulesWith("expect at 4m one incident { root vm:v1 }");
  ASSERT_NE(program, nullptr);
  const rootnote::Test& test = program->tests[0];
  const auto plain = ScenarioRecords(test, {});
  const auto shuffled = ScenarioRecords(test, {.shuffle_seed = 3});
  const auto doubled = ScenarioRecords(test, {.duplicates = true});
  ASSERT_EQ(plain.size(), shuffled.size());
  EXPECT_GT(doubled.size(), plain.size());
  size_t displaced = 0;
  for (size_t i = 0; i < plain.size(); ++i) displaced += plain[i].value != shuffled[i].value;
  EXPECT_GT(displaced, plain.size() / 4);
}

}  // namespace
}  // namespace rootnote
