#include <utility>

#include "fmt/format.h"

#include "engine/cli/rule_files.h"
#include "engine/cli/test_report.h"
#include "rules/promqltest/runner.h"

namespace rootnote {
namespace {

TestOutcome OutcomeOf(promqltest::Outcome outcome) {
  switch (outcome) {
    case promqltest::Outcome::kPassed:
      return TestOutcome::kPassed;
    case promqltest::Outcome::kFailed:
      return TestOutcome::kFailed;
    default:
      return TestOutcome::kSkipped;
  }
}

}  // namespace

absl::StatusOr<TestReport> RunPromqlTests(const std::string& path, bool delayed_name_removal) {
  ASSIGN_OR_RETURN(const std::vector<RuleSource> sources, ReadRuleFiles({path}));
  TestReport report;
  report.many = true;
  promqltest::RunOptions options;
  options.delayed_name_removal = delayed_name_removal;
  for (promqltest::CaseResult& result : promqltest::RunScript(sources.front().text(), options)) {
    TestCase test_case;
    test_case.file = path;
    test_case.name = fmt::format("{}: {}", result.line, result.text);
    test_case.outcome = OutcomeOf(result.outcome);
    test_case.message = std::move(result.message);
    if (!result.got.empty()) {
      test_case.detail = fmt::format("expected{}\ngot{}\n", result.expected, result.got);
    }
    report.Add(std::move(test_case));
  }
  return report;
}

}  // namespace rootnote
