#include "engine/detect.h"

#include <cmath>
#include <utility>
#include <variant>

namespace rootnote {
namespace {

class ReferenceEvaluator : public Evaluator {
 public:
  ReferenceEvaluator(const RuleSet& rules, const WindowStore& store, ShardPool& pool,
                     const promql::EvalOptions& options)
      : rules_(rules), store_(store), pool_(pool), options_(options) {}

  std::vector<SignalResult> Evaluate(EventTime instant, std::span<const SignalId> due) override {
    std::vector<SignalResult> results(due.size());
    pool_.ForEach(due.size(), [&](size_t i, size_t) { results[i] = EvaluateOne(instant, due[i]); });
    return results;
  }

  std::vector<Labels> WithData(EventTime instant, SignalId signal) override {
    std::vector<Labels> out;
    const auto* expr = std::get_if<ExprPtr>(&rules_.program().signal(signal).when.what);
    if (expr == nullptr) {
      return out;
    }
    for (const promql::Expr* node : promql::Selectors(**expr)) {
      const EventTime to = instant - node->offset;
      const EventTime from = to - node->range.value_or(options_.lookback);
      for (const promql::SeriesPoints& series : store_.Select(*node, from, to)) {
        // An instant selector takes the newest point, and a stale marker there is none.
        if (node->range || !IsStaleNan(series.points.back().value)) {
          out.push_back(series.labels);
        }
      }
    }
    return out;
  }

 private:
  SignalResult EvaluateOne(EventTime instant, SignalId id) const {
    const Signal& signal = rules_.program().signal(id);
    SignalResult result;
    result.signal = id;
    result.status = EvaluateInto(signal.when, instant, result.when);
    if (result.status.ok() && signal.clear) {
      result.status = EvaluateInto(*signal.clear, instant, result.clear);
    }
    return result;
  }

  absl::Status EvaluateInto(const Condition& condition, EventTime instant,
                            promql::Vector& out) const {
    const auto* expr = std::get_if<ExprPtr>(&condition.what);
    if (expr == nullptr) {
      return absl::OkStatus();
    }
    promql::EvalOptions options = options_;
    options.start = options.end = instant;
    ASSIGN_OR_RETURN(promql::Value value, promql::Evaluate(**expr, instant, store_, options));
    if (auto* vector = std::get_if<promql::Vector>(&value)) {
      out = std::move(*vector);
      return absl::OkStatus();
    }
    if (const auto* scalar = std::get_if<double>(&value)) {
      out.push_back({Labels(), *scalar});
      return absl::OkStatus();
    }
    return absl::InvalidArgumentError("a condition must be a vector or a number");
  }

  const RuleSet& rules_;
  const WindowStore& store_;
  ShardPool& pool_;
  promql::EvalOptions options_;
};

}  // namespace

std::unique_ptr<Evaluator> MakeReferenceEvaluator(const RuleSet& rules, const WindowStore& store,
                                                  ShardPool& pool,
                                                  const promql::EvalOptions& options) {
  return std::make_unique<ReferenceEvaluator>(rules, store, pool, options);
}

}  // namespace rootnote
