// What is legal, but never what one wants, once all rules are known: windows and holds that are
// shorter than what is sampled, signals that can correlate with nothing.
#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <utility>

#include "fmt/core.h"

#include "rules/checker.h"
#include "rules/promql/ast.h"

namespace rootnote {
namespace {

// Functions that say nothing about a window with one sample.
constexpr std::string_view kNeedTwo[] = {
    "rate",           "increase", "irate",
    "idelta",         "delta",    "deriv",
    "predict_linear", "changes",  "double_exponential_smoothing"};

// The shortest step at which a test sends each metric.
std::map<std::string, Millis> SampleIntervals(const Program& program) {
  std::map<std::string, Millis> intervals;
  for (const Test& test : program.tests) {
    for (const TestSeries& series : test.series) {
      if (series.event || series.step <= Millis(0) || series.values.size() < 2) continue;
      const auto [at, fresh] = intervals.emplace(series.name, series.step);
      if (!fresh) at->second = std::min(at->second, series.step);
    }
  }
  return intervals;
}

class SenseChecker {
 public:
  explicit SenseChecker(Scope& scope)
      : scope_(scope), intervals_(SampleIntervals(scope.program())) {
    CollectUses();
  }

  void Check(SignalId id) {
    const Signal& signal = scope_.program().signal(id);
    if (signal.imported) return;
    scope_.Enter(signal.place.source);
    for (const Condition* condition : {&signal.when, signal.clear ? &*signal.clear : nullptr}) {
      if (condition == nullptr) continue;
      const auto* expr = std::get_if<ExprPtr>(&condition->what);
      if (expr == nullptr || *expr == nullptr) continue;
      CheckWindows(**expr, signal);
      CheckHold(**expr, *condition, signal);
    }
    CheckCovered(id, signal);
  }

 private:
  void CheckWindows(const promql::Expr& expr, const Signal& signal) {
    const bool needs_two =
        expr.kind == promql::ExprKind::kCall &&
        std::find(std::begin(kNeedTwo), std::end(kNeedTwo), expr.text) != std::end(kNeedTwo);
    for (const auto& arg : expr.args) {
      if (needs_two && arg->kind == promql::ExprKind::kSelector && arg->range) {
        CheckWindow(*arg, expr.text, signal);
      }
      CheckWindows(*arg, signal);
    }
  }

  void CheckWindow(const promql::Expr& selector, const std::string& function,
                   const Signal& signal) {
    const auto known = intervals_.find(selector.text);
    const Millis interval = known != intervals_.end()
                                ? known->second
                                : std::min(signal.every, scope_.options().evaluation_interval);
    if (*selector.range >= 2 * interval) return;
    scope_.Warning(DiagnosticCode::kWindowTooShort, selector.span,
                   fmt::format("{} needs two samples, and {} hold one where samples come every {}",
                               function, FormatDuration(*selector.range), FormatDuration(interval)),
                   fmt::format("take four intervals, so that one may be lost: [{}]",
                               FormatDuration(4 * interval)));
  }

  // The longest interval counts: no sample comes in between.
  void CheckHold(const promql::Expr& expr, const Condition& condition, const Signal& signal) {
    if (condition.hold <= Millis(0) || condition.hold < signal.every) return;
    Millis shortest{0};
    for (const promql::Expr* selector : promql::Selectors(expr)) {
      const auto known = intervals_.find(selector->text);
      if (known == intervals_.end() || selector->range) return;
      shortest = shortest == Millis(0) ? known->second : std::min(shortest, known->second);
    }
    if (condition.hold >= shortest) return;
    scope_.Warning(DiagnosticCode::kForShorterThanEvery, expr.span,
                   fmt::format("`for {}` is shorter than the interval of the samples, {}: one "
                               "sample is enough to fire",
                               FormatDuration(condition.hold), FormatDuration(shortest)),
                   "make it a few intervals of the samples");
  }

  // A symptom of a family that no relation of its kind carries, and that no fault asks for, opens
  // an incident of its own and is never part of another.
  void CheckCovered(SignalId id, const Signal& signal) {
    const Program& program = scope_.program();
    if (!signal.kind || Used(id, signal)) return;
    bool related = false;
    for (const Relation& relation : program.relations) {
      const auto has = [&](const std::vector<KindId>& kinds) {
        return std::find(kinds.begin(), kinds.end(), *signal.kind) != kinds.end();
      };
      const bool below = has(relation.to_kinds), above = has(relation.from_kinds);
      for (const CarriedFamily& carried : relation.carries) {
        related = related || below || above;
        if ((below && carried.from == signal.family) || (above && carried.to == signal.family)) {
          return;
        }
      }
    }
    if (!related) return;
    scope_.Warning(
        DiagnosticCode::kSignalUncovered, NameSpan(signal),
        fmt::format("no relation of {} carries {}, and no fault uses `{}`: it correlates with "
                    "nothing",
                    program.kind(*signal.kind).name, Name(signal.family), signal.name),
        "let a relation carry it (perhaps `as` another family), correct its family, or name it in "
        "a fault");
  }

  Span NameSpan(const Signal& signal) const {
    const Span whole = signal.place.span;
    constexpr std::string_view kWord = "signal";
    const size_t at = scope_.TextAt(whole).find(signal.name, kWord.size());
    if (at == std::string_view::npos) return whole;
    const uint32_t begin = whole.begin + static_cast<uint32_t>(at);
    return {begin, begin + static_cast<uint32_t>(signal.name.size())};
  }

  // By a fault, or as a step of a pattern.
  bool Used(SignalId id, const Signal& signal) const {
    return used_.contains(id.index()) || asked_.contains({signal.family, *signal.kind});
  }

  void CollectUses() {
    for (const Signal& signal : scope_.program().signals) {
      const auto* pattern = std::get_if<PatternCondition>(&signal.when.what);
      if (pattern == nullptr) continue;
      for (const PatternElement& element : pattern->elements) {
        for (const PatternStep& step : element.steps) {
          if (step.signal) used_.insert(step.signal->index());
        }
      }
    }
    for (const Fault& fault : scope_.program().faults) {
      for (const SignalId id : fault.shown_by) used_.insert(id.index());
      for (const Effect& effect : fault.causes) {
        if (effect.signal) used_.insert(effect.signal->index());
        if (effect.family_on) asked_.insert(*effect.family_on);
      }
    }
  }

  Scope& scope_;
  const std::map<std::string, Millis> intervals_;
  std::set<size_t> used_;                      // signals that faults name
  std::set<std::pair<Family, KindId>> asked_;  // what faults cause on a kind
};

}  // namespace

void CheckRuleSetSense(Scope& scope) {
  // After errors, half of what this looks at is missing.
  if (scope.errors() > 0) return;
  SenseChecker checker(scope);
  for (size_t i = 0; i < scope.program().signals.size(); ++i) {
    checker.Check(SignalId(static_cast<uint32_t>(i)));
  }
}

}  // namespace rootnote
