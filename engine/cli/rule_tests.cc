#include <utility>

#include "fmt/format.h"

#include "engine/cli/rule_files.h"
#include "engine/cli/scenario.h"
#include "engine/cli/test_report.h"

namespace rootnote {
namespace {

std::string Where(const Program& program, const Place& place) {
  const RuleSource& source = program.sources[place.source];
  const Position position = source.At(place.span.begin);
  return fmt::format("{}:{}:{}", source.name(), position.line, position.column);
}

std::string FailureText(const Program& program, const Test& test, const ScenarioOutcome& outcome) {
  std::string text;
  for (const Expected& expected : outcome.expectations) {
    if (expected.holds) continue;
    text += fmt::format("    {}:\n      expected  {}\n      got       {}\n",
                        Where(program, expected.place), expected.expected, expected.got);
  }
  if (!outcome.dead_letters.empty()) {
    text += fmt::format("    records of the test went to the dead letters:\n      {}\n",
                        outcome.dead_letters.substr(0, outcome.dead_letters.find('\n')));
  }
  return text + "    what happened:\n" + Timeline(program, test, outcome);
}

absl::StatusOr<TestCase> RunOne(const std::shared_ptr<const Program>& program, const Test& test) {
  ASSIGN_OR_RETURN(const ScenarioOutcome outcome, RunScenario(program, test));
  TestCase result;
  result.file = program->sources[test.place.source].name();
  result.name = test.name;
  if (!outcome.passed()) {
    result.outcome = TestOutcome::kFailed;
    result.message = FailureText(*program, test, outcome);
    return result;
  }
  for (const Expected& expected : outcome.expectations) {
    result.detail +=
        fmt::format("    {}: {}\n", Where(*program, expected.place), expected.expected);
  }
  return result;
}

}  // namespace

// Each file is a world of its own: scenario files declare the same names.
absl::StatusOr<TestReport> RunRuleTests(const std::string& path) {
  ASSIGN_OR_RETURN(std::vector<RuleSource> sources, ReadRuleFiles({path}));
  const CompileResult result = Compile(std::move(sources), WithPacks());
  TestReport report;
  if (!PrintDiagnostics(result, Terminal(stderr))) {
    report.Add({path, "the rules have errors", TestOutcome::kFailed, "", ""});
    return report;
  }
  for (const Test& test : result.program->tests) {
    ASSIGN_OR_RETURN(TestCase test_case, RunOne(result.program, test));
    report.Add(std::move(test_case));
  }
  return report;
}

}  // namespace rootnote
