// Where the parts of a signal's condition belong once it is computed incrementally, and what it can
// cost at most. `check --explain` prints it. Today every condition is evaluated in full by the
// reference evaluator; the stages say which part needs that for good.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "rules/compiler.h"
#include "rules/program.h"

namespace rootnote {

enum class Stage : uint8_t {
  kConstant,
  kSeries,  // one series at a time: selectors, range functions, arithmetic with constants
  kGroup,   // several series: aggregation, matching, absence
  kInFull,  // no incremental form: topk, sort, count_values, subqueries
};
Stage StageOf(const promql::Expr& expr);

struct SignalPlan {
  Millis grid{0}, history{0};
  std::vector<std::string> series, group, in_full;  // the largest parts of each stage
  Millis sample_interval{0};  // of the metrics, from the tests of the rule set, else the grid's
  bool interval_known = false;
  // Upper bounds: samples that one series keeps, the bytes of a series' window and an instance's
  // state, samples looked at per series and instant, and instants per sample.
  uint64_t samples = 0, series_bytes = 0, key_bytes = 0, looked_at = 0;
  double instants_per_sample = 0;
};

SignalPlan PlanOf(const Program& program, const Signal& signal, const CompileOptions& options);

// What one key of a pattern can keep at most.
struct PatternBound {
  bool counted = false;  // only when items came
  uint64_t runs = 0, run_bytes = 0, key_bytes = 0;
};
PatternBound BoundOf(const PatternCondition& pattern);

// All signals of a program, as text.
std::string PlansText(const Program& program, const CompileOptions& options);

}  // namespace rootnote
