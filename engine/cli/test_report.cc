#include "engine/cli/test_report.h"

#include <algorithm>
#include <array>
#include <fstream>
#include <string_view>
#include <utility>

#include "fmt/format.h"

#include "rules/unquote.h"

namespace rootnote {
namespace {

// Indents every line of `text` that has none.
std::string Indented(std::string_view text) {
  std::string lines;
  while (!text.empty()) {
    const size_t end = std::min(text.find('\n'), text.size());
    const std::string_view line = text.substr(0, end);
    if (!line.empty()) lines += fmt::format("{}{}\n", line.front() == ' ' ? "" : "    ", line);
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return lines;
}

std::string_view XmlEntity(char c) {
  switch (c) {
    case '&':
      return "&amp;";
    case '<':
      return "&lt;";
    case '>':
      return "&gt;";
    case '"':
      return "&quot;";
    default:
      return "";
  }
}

// XML has no control characters and nothing that is not UTF-8.
std::string XmlEscape(std::string_view text) {
  std::string escaped;
  while (!text.empty()) {
    const char c = text.front();
    const size_t length = CodePointLength(text);
    if (const std::string_view entity = XmlEntity(c); !entity.empty()) {
      escaped += entity;
    } else if (length == 0) {
      escaped += "\xEF\xBF\xBD";
    } else if (static_cast<unsigned char>(c) < 0x20 && c != '\n' && c != '\t') {
      escaped += ' ';
    } else {
      escaped += text.substr(0, length);
    }
    text.remove_prefix(std::max<size_t>(length, 1));
  }
  return escaped;
}

std::string JunitCase(const TestCase& test_case) {
  std::string body;
  if (test_case.outcome == TestOutcome::kSkipped) {
    body = fmt::format("<skipped message=\"{}\"/>", XmlEscape(test_case.message));
  } else if (test_case.outcome == TestOutcome::kFailed) {
    body = fmt::format("<failure message=\"expectation failed\">{}{}</failure>",
                       XmlEscape(test_case.message), XmlEscape(test_case.detail));
  }
  return fmt::format("  <testcase classname=\"{}\" name=\"{}\">{}</testcase>\n",
                     XmlEscape(test_case.file), XmlEscape(test_case.name), body);
}

void PrintCase(const TestCase& test_case, bool verbose, const Terminal& out) {
  std::string word = out.Paint(Ink::kGreen, "pass");
  if (test_case.outcome == TestOutcome::kFailed) word = out.Paint(Ink::kRed, "FAIL");
  if (test_case.outcome == TestOutcome::kSkipped) word = out.Paint(Ink::kYellow, "skip");
  out.Print(fmt::format("{}  {}: {}\n", word, test_case.file, test_case.name));
  if (test_case.outcome != TestOutcome::kPassed) out.Print(Indented(test_case.message));
  if (verbose || test_case.outcome == TestOutcome::kFailed) out.Print(Indented(test_case.detail));
}

}  // namespace

size_t TestReport::Count(TestOutcome outcome) const {
  return static_cast<size_t>(
      std::count_if(cases.begin(), cases.end(),
                    [outcome](const TestCase& one) { return one.outcome == outcome; }));
}

void PrintReport(const TestReport& report, bool verbose, const Terminal& out) {
  for (const TestCase& test_case : report.cases) {
    if (report.many && !verbose && test_case.outcome == TestOutcome::kPassed) continue;
    PrintCase(test_case, verbose, out);
  }
}

std::string SummaryTable(const std::vector<TestReport>& reports) {
  using Counts = std::array<size_t, 3>;
  std::vector<std::pair<std::string, Counts>> files;  // in the order of their first case
  for (const TestReport& report : reports) {
    for (const TestCase& test_case : report.cases) {
      auto row = std::find_if(files.begin(), files.end(),
                              [&](const auto& file) { return file.first == test_case.file; });
      if (row == files.end()) row = files.insert(files.end(), {test_case.file, Counts{}});
      ++row->second.at(static_cast<size_t>(test_case.outcome));
    }
  }
  Table table;
  table.Row({"file", "passed", "failed", "skipped"});
  for (const auto& [file, counts] : files) {
    table.Row(
        {file, std::to_string(counts[0]), std::to_string(counts[1]), std::to_string(counts[2])});
  }
  return table.Text();
}

absl::Status WriteJunit(const std::string& path, const std::vector<TestReport>& reports) {
  size_t tests = 0, failures = 0, skipped = 0;
  std::string cases;
  for (const TestReport& report : reports) {
    tests += report.cases.size();
    failures += report.Count(TestOutcome::kFailed);
    skipped += report.Count(TestOutcome::kSkipped);
    for (const TestCase& test_case : report.cases) cases += JunitCase(test_case);
  }
  std::ofstream file(path, std::ios::binary);
  file << fmt::format(
      "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
      "<testsuite name=\"rootnote\" tests=\"{}\" failures=\"{}\" skipped=\"{}\">\n{}</testsuite>\n",
      tests, failures, skipped, cases);
  file.close();
  if (file.fail()) return absl::DataLossError(fmt::format("{}: cannot be written", path));
  return absl::OkStatus();
}

}  // namespace rootnote
