// promtool's unit tests of rules: unmodified files pass or fail as with promtool of Prometheus 3.
// Source: its documentation ("Unit testing for rules") and cmd/promtool.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "rules/diagnostic.h"
#include "rules/source.h"
#include "schemas/base/status.h"

namespace rootnote::prometheus {

// How the runner gets at rule files; it does no I/O itself.
struct UnitTestFiles {
  // The files that match a pattern (relative ones have the test file's folder before them),
  // ascending.
  std::function<absl::StatusOr<std::vector<std::string>>(const std::string& pattern)> glob;
  std::function<absl::StatusOr<std::string>(const std::string& path)> read;
};

struct UnitTestResult {
  enum class Outcome : uint8_t { kPassed, kFailed, kSkipped } outcome = Outcome::kPassed;
  std::string name;     // of the test, or "unnamed#2"
  std::string message;  // expected against got, or why it was skipped
};

struct UnitTestReport {
  std::vector<UnitTestResult> results;
  std::vector<std::string> warnings;  // a pattern that no file matches
};

// One result per entry of `tests`. What is wrong with the file itself goes to `diagnostics` (as
// source 0), and then there are no results.
UnitTestReport RunUnitTests(const RuleSource& file, const UnitTestFiles& files,
                            Diagnostics& diagnostics);

}  // namespace rootnote::prometheus
