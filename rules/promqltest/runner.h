// Runs promqltest files with the reference evaluator. Source: Prometheus' promql/promqltest, whose
// comparisons and cross-checks are repeated here.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "schemas/base/time.h"

namespace rootnote::promqltest {

enum class Outcome : uint8_t { kPassed, kFailed, kSkipped };

// One `eval`, or a line that is no command.
struct CaseResult {
  size_t line = 0;   // from 1
  std::string text;  // its first line
  Outcome outcome = Outcome::kPassed;
  std::string message;  // why it failed, or what it needs that is not supported
  std::string expected, got;
};

struct RunOptions {
  // Instant queries again as range queries, and with each selector's time fixed by `@`.
  bool cross_check = true;
  // As Prometheus' own runner has it; its servers have it off.
  bool delayed_name_removal = true;
};

// In the order of the file. Needs nothing but the text: series live in memory, the lookback is 5
// minutes, a subquery without a step has one of 1 minute.
std::vector<CaseResult> RunScript(std::string_view text, const RunOptions& options = {});

}  // namespace rootnote::promqltest
