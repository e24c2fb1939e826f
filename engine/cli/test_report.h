// What `rootnote test` finds out, whatever the kind of the file: rules with test blocks (*.rn),
// promqltest files (*.test). One function per kind fills a report; this is how it is printed.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "engine/cli/terminal.h"
#include "schemas/base/status.h"

namespace rootnote {

enum class TestOutcome : uint8_t { kPassed, kFailed, kSkipped };

struct TestCase {
  std::string file;
  std::string name;  // a test's name, or where it stands and what it evaluates
  TestOutcome outcome = TestOutcome::kPassed;
  std::string message;  // why it failed or was skipped; may have lines
  std::string detail;   // indented lines for -v: what was expected, and got
};

struct TestReport {
  std::vector<TestCase> cases;
  bool many = false;  // so many cases that those that pass are shown with -v only

  void Add(TestCase test_case) { cases.push_back(std::move(test_case)); }
  size_t Count(TestOutcome outcome) const;
};

// One function per kind of file. A file that is wrong is a failed case; a status is only what keeps
// the whole command from going on, as a file that cannot be read.
absl::StatusOr<TestReport> RunRuleTests(const std::string& path);  // *.rn, rule_tests.cc
absl::StatusOr<TestReport> RunPromqlTests(const std::string& path,
                                          bool delayed_name_removal);  // *.test, promql_tests.cc

// Each case as a line: all of them with `verbose`, which shows details too.
void PrintReport(const TestReport& report, bool verbose, const Terminal& out);

// A row per file: passed, failed, skipped.
std::string SummaryTable(const std::vector<TestReport>& reports);

// DataLoss when the file cannot be written.
absl::Status WriteJunit(const std::string& path, const std::vector<TestReport>& reports);

}  // namespace rootnote
