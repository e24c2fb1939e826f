#include <chrono>
#include <fstream>

#include "fmt/format.h"

#include "engine/cli/commands.h"
#include "engine/cli/exit_code.h"
#include "engine/cli/rule_files.h"
#include "engine/cli/scenario.h"
#include "engine/cli/terminal.h"

namespace rootnote {
namespace {

struct Tally {
  size_t passed = 0, failed = 0;
  std::string junit;
};

std::string Where(const Program& program, const Place& place) {
  const RuleSource& source = program.sources[place.source];
  const Position position = source.At(place.span.begin);
  return fmt::format("{}:{}:{}", source.name(), position.line, position.column);
}

std::string XmlEscape(std::string_view text) {
  std::string escaped;
  for (const char c : text) {
    switch (c) {
      case '&':
        escaped += "&amp;";
        break;
      case '<':
        escaped += "&lt;";
        break;
      case '>':
        escaped += "&gt;";
        break;
      case '"':
        escaped += "&quot;";
        break;
      default:
        escaped += static_cast<unsigned char>(c) < 0x20 && c != '\n' && c != '\t' ? ' ' : c;
    }
  }
  return escaped;
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

absl::Status RunOne(const std::shared_ptr<const Program>& program, const Test& test,
                    const TestArguments& arguments, const Terminal& out, Tally& tally) {
  ASSIGN_OR_RETURN(const ScenarioOutcome outcome, RunScenario(program, test));
  const bool passed = outcome.passed();
  const std::string file = program->sources[test.place.source].name();
  const std::string word = passed ? out.Paint(Ink::kGreen, "pass") : out.Paint(Ink::kRed, "FAIL");
  out.Print(fmt::format("{}  {}: {}\n", word, file, test.name));
  std::string failure;
  if (!passed) {
    failure = FailureText(*program, test, outcome);
    out.Print(failure);
  } else if (arguments.verbose) {
    for (const Expected& expected : outcome.expectations) {
      out.Print(fmt::format("    {}: {}\n", Where(*program, expected.place), expected.expected));
    }
  }
  ++(passed ? tally.passed : tally.failed);
  tally.junit +=
      fmt::format("  <testcase classname=\"{}\" name=\"{}\">{}</testcase>\n", XmlEscape(file),
                  XmlEscape(test.name),
                  passed ? ""
                         : fmt::format("<failure message=\"expectation failed\">{}</failure>",
                                       XmlEscape(failure)));
  return absl::OkStatus();
}

absl::Status WriteJunit(const std::string& path, const Tally& tally) {
  std::ofstream file(path, std::ios::binary);
  file << fmt::format(
      "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
      "<testsuite name=\"rootnote\" tests=\"{}\" failures=\"{}\">\n{}</testsuite>\n",
      tally.passed + tally.failed, tally.failed, tally.junit);
  file.close();
  if (file.fail()) return absl::DataLossError(fmt::format("{}: cannot be written", path));
  return absl::OkStatus();
}

// Each file is a world of its own: scenario files declare the same names.
absl::Status RunFile(RuleSource source, const TestArguments& arguments, const Terminal& out,
                     Tally& tally) {
  std::vector<RuleSource> sources;
  const std::string name = source.name();
  sources.push_back(std::move(source));
  const CompileResult result = Compile(std::move(sources));
  if (!PrintDiagnostics(result, Terminal(stderr))) {
    out.Print(fmt::format("{}  {}: the rules have errors\n", out.Paint(Ink::kRed, "FAIL"), name));
    ++tally.failed;
    tally.junit += fmt::format(
        "  <testcase classname=\"{}\" name=\"rules\"><failure message=\"rules have errors\"/>"
        "</testcase>\n",
        XmlEscape(name));
    return absl::OkStatus();
  }
  for (const Test& test : result.program->tests) {
    RETURN_IF_ERROR(RunOne(result.program, test, arguments, out, tally));
  }
  return absl::OkStatus();
}

}  // namespace

int RunTest(const TestArguments& arguments) {
  const Terminal out(stdout);
  absl::StatusOr<std::vector<RuleSource>> sources = ReadRuleFiles(arguments.paths);
  if (!sources.ok()) return PrintFailure(sources.status());
  Tally tally;
  for (RuleSource& source : *sources) {
    const absl::Status status = RunFile(std::move(source), arguments, out, tally);
    if (!status.ok()) return PrintFailure(status);
  }
  if (!arguments.junit.empty()) {
    const absl::Status status = WriteJunit(arguments.junit, tally);
    if (!status.ok()) return PrintFailure(status);
  }
  out.Print(fmt::format("{} passed, {} failed\n", tally.passed, tally.failed));
  return tally.failed == 0 ? kExitOk : kExitFindings;
}

}  // namespace rootnote
