// What rules say at an instant of their grid. Behind the interface stands the reference executor
// now: every due expression evaluated in full over the windows (EVALUATION: the oracle of faster
// plans). Thread: one caller at a time; pieces run on the shard pool while nothing is written.
#pragma once

#include <memory>
#include <span>
#include <vector>

#include "engine/rule_set.h"
#include "engine/series_store.h"
#include "engine/shard_pool.h"
#include "rules/promql/evaluator.h"
#include "schemas/base/status.h"

namespace rootnote {

// One signal at one instant.
struct SignalResult {
  SignalId signal;
  absl::Status status;  // not ok: there is no evaluation, instances keep their state
  promql::Vector when;
  promql::Vector clear;
};

class Evaluator {
 public:
  virtual ~Evaluator() = default;

  // `due`: signals whose `when` is an expression. Results in the order of `due`.
  virtual std::vector<SignalResult> Evaluate(EventTime instant, std::span<const SignalId> due) = 0;

  // The labels of every series that a selector of `when` yields at the instant: what "no data" is
  // decided on.
  virtual std::vector<Labels> WithData(EventTime instant, SignalId signal) = 0;
};

// Borrows all of it.
std::unique_ptr<Evaluator> MakeReferenceEvaluator(const RuleSet& rules, const WindowStore& store,
                                                  ShardPool& pool,
                                                  const promql::EvalOptions& options);

}  // namespace rootnote
