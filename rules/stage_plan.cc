#include "rules/stage_plan.h"

#include <algorithm>
#include <iterator>
#include <string_view>

#include "fmt/format.h"

#include "rules/promql/words.h"

namespace rootnote {
namespace {

using promql::Expr;
using promql::ExprKind;

// A sample of a window: time and value. An instance: state, since when, last value, its key's id.
constexpr uint64_t kSampleBytes = 16;
constexpr uint64_t kInstanceBytes = 64;
// Of patterns, as the engine bounds them (docs/rule-language.md, "Limits"): keys of a rule, partial
// matches of a key; bytes of a partial match without its items, of a reference to one, and of an
// item with labels of the usual length.
constexpr uint64_t kPatternKeys = 100'000;
constexpr uint64_t kPatternRuns = 256;
constexpr uint64_t kRunBytes = 192;
constexpr uint64_t kItemRefBytes = 16;
constexpr uint64_t kItemBytes = 400;
// A counted step keeps no partial matches but when its items came.
constexpr uint64_t kHits = 10'000;
constexpr uint64_t kHitBytes = 24;

template <size_t N>
bool IsOneOf(std::string_view name, const std::string_view (&names)[N]) {
  return std::find(std::begin(names), std::end(names), name) != std::end(names);
}

constexpr std::string_view kInFullNames[] = {"topk",        "bottomk",       "limitk",
                                             "limit_ratio", "count_values",  "sort",
                                             "sort_desc",   "sort_by_label", "sort_by_label_desc",
                                             "info",        "baseline"};
// Functions that look at several series at once, or give series other labels.
constexpr std::string_view kGroupNames[] = {"absent",
                                            "absent_over_time",
                                            "scalar",
                                            "label_replace",
                                            "label_join",
                                            "histogram_quantile",
                                            "histogram_fraction"};

Stage StageOfArgs(const Expr& expr) {
  Stage stage = Stage::kConstant;
  for (const auto& arg : expr.args) stage = std::max(stage, StageOf(*arg));
  return stage;
}

// The largest parts of `stage`, in order of appearance.
void Collect(const Expr& expr, Stage stage, std::vector<std::string>& parts) {
  const Stage own = StageOf(expr);
  if (own < stage) return;
  const bool whole = own == stage && (stage == Stage::kSeries || StageOfArgs(expr) < stage ||
                                      stage == Stage::kGroup || expr.kind == ExprKind::kSubquery ||
                                      IsOneOf(expr.text, kInFullNames));
  if (whole) {
    parts.push_back(promql::ToString(expr));
    return;
  }
  for (const auto& arg : expr.args) Collect(*arg, stage, parts);
}

// The longest window below `expr`, subqueries multiplied by what they repeat.
uint64_t LookedAt(const Expr& expr, Millis interval) {
  uint64_t samples = 0;
  if (expr.kind == ExprKind::kSelector) {
    samples = expr.range ? static_cast<uint64_t>(*expr.range / interval) + 1 : 1;
  }
  for (const auto& arg : expr.args) samples += LookedAt(*arg, interval);
  if (expr.kind == ExprKind::kSubquery && expr.range) {
    const Millis step = expr.step > Millis(0) ? expr.step : interval;
    samples *= static_cast<uint64_t>(*expr.range / step) + 1;
  }
  return samples;
}

Millis SampleIntervalOf(const Program& program, const Expr& expr) {
  Millis interval{0};
  for (const promql::Expr* selector : promql::Selectors(expr)) {
    for (const Test& test : program.tests) {
      for (const TestSeries& series : test.series) {
        if (series.event || series.name != selector->text || series.step <= Millis(0)) continue;
        interval = interval == Millis(0) ? series.step : std::min(interval, series.step);
      }
    }
  }
  return interval;
}

void PlanExpr(const Program& program, const Expr& expr, const CompileOptions& options,
              SignalPlan& plan) {
  Collect(expr, Stage::kSeries, plan.series);
  Collect(expr, Stage::kGroup, plan.group);
  Collect(expr, Stage::kInFull, plan.in_full);
  plan.history = std::max(plan.history, promql::HistoryNeeded(expr, options.lookback));
  const Millis known = SampleIntervalOf(program, expr);
  if (known > Millis(0) && (!plan.interval_known || known < plan.sample_interval)) {
    plan.sample_interval = known;
    plan.interval_known = true;
  }
  plan.looked_at += LookedAt(expr, plan.sample_interval);
}

std::string ListText(std::string_view name, const std::vector<std::string>& parts) {
  std::string text;
  for (const std::string& part : parts) {
    text += fmt::format("  {:<8} {}\n", text.empty() ? name : "", part);
  }
  return text;
}

std::string StepText(const PatternStep& step) {
  std::string text = fmt::format("{} {}", step.signal ? "signal" : "event", step.name);
  if (!step.matchers.empty() || !step.where.empty()) text += " with a filter";
  if (step.of_last > 0) return text + fmt::format(", {} of last {}", step.times, step.of_last);
  return step.times > 1 ? text + fmt::format(", {} times", step.times) : text;
}

std::string ElementText(const PatternElement& element, bool first) {
  std::string text = first ? "" : element.immediately ? "then immediately " : "then ";
  if (element.negated) text += "no ";
  if (element.group) text += fmt::format("{} of (", element.needed);
  for (size_t i = 0; i < element.steps.size(); ++i) {
    text += (i > 0 ? ", " : "") + StepText(element.steps[i]);
  }
  if (element.group) text += ")";
  if (element.within > Millis(0)) {
    text +=
        fmt::format(" {} {}", element.negated ? "for" : "within", FormatDuration(element.within));
  }
  return text;
}

std::string PatternPlanText(const PatternCondition& pattern) {
  std::string text;
  for (const PatternElement& element : pattern.elements) {
    text += fmt::format("  {:<8} {}\n", text.empty() ? "pattern" : "",
                        ElementText(element, text.empty()));
  }
  const PatternBound bound = BoundOf(pattern);
  const std::string_view what = bound.counted ? "times of items" : "partial matches";
  text += fmt::format("  {:<8} {}, and as long as a match lasts\n", "history",
                      FormatDuration(pattern.bound + pattern.lasts));
  text += fmt::format("  {:<8} at most {} bytes per key: {} {} of {}{}, and {}\n", "state",
                      bound.key_bytes, bound.runs, what, bound.run_bytes,
                      bound.counted ? "" : " with their items", kInstanceBytes);
  text += fmt::format("  {:<8} at most {} {} looked at per item of a key, nothing per instant\n",
                      "cost", bound.runs, what);
  text += fmt::format("  {:<8} {} keys, at most {} bytes\n", "limit", kPatternKeys,
                      kPatternKeys * bound.key_bytes);
  return text;
}

std::string PlanText(const Program& program, const Signal& signal, const CompileOptions& options) {
  const SignalPlan plan = PlanOf(program, signal, options);
  const std::string on = signal.kind       ? program.kind(*signal.kind).name
                         : signal.relation ? "relation " + program.relation(*signal.relation).name
                                           : "";
  std::string text = fmt::format("signal {} on {}\n  {:<8} every {}\n", signal.name, on, "grid",
                                 FormatDuration(plan.grid));
  if (const auto* missing = std::get_if<MissingCondition>(&signal.when.what)) {
    return text + fmt::format(
                      "  {:<8} absence of {}: a timer per entity, nothing per instant\n"
                      "  {:<8} {}\n  {:<8} at most {} bytes per entity\n",
                      "plan", missing->metric, "history", FormatDuration(missing->seen_within),
                      "state", plan.key_bytes);
  }
  if (const auto* pattern = std::get_if<PatternCondition>(&signal.when.what)) {
    return fmt::format("signal {} on {}\n  {:<8} every tick\n", signal.name, on, "grid") +
           PatternPlanText(*pattern);
  }
  text += ListText("series", plan.series) + ListText("group", plan.group) +
          ListText("in full", plan.in_full);
  text += fmt::format("  {:<8} {}\n", "history", FormatDuration(plan.history));
  // A key of a group has as many series as it happens to have.
  const bool one_series = plan.group.empty() && plan.in_full.empty();
  text += fmt::format("  {:<8} at most {} bytes per {}: {} samples of {}, one every {}{}, and {}\n",
                      "state", plan.key_bytes, one_series ? "key" : "series of a key", plan.samples,
                      kSampleBytes, FormatDuration(plan.sample_interval),
                      plan.interval_known ? "" : " (assumed)", kInstanceBytes);
  text += fmt::format(
      "  {:<8} at most {} samples looked at per series and instant, {:.3g} per sample\n", "cost",
      plan.looked_at, static_cast<double>(plan.looked_at) * plan.instants_per_sample);
  if (signal.series_max > 0) {
    text += fmt::format("  {:<8} {} series, at most {} bytes\n", "limit", signal.series_max,
                        signal.series_max * plan.key_bytes);
  }
  return text;
}

}  // namespace

Stage StageOf(const Expr& expr) {
  switch (expr.kind) {
    case ExprKind::kNumber:
    case ExprKind::kString:
      return Stage::kConstant;
    case ExprKind::kSelector:
      return Stage::kSeries;
    case ExprKind::kSubquery:
      return Stage::kInFull;
    case ExprKind::kParen:
    case ExprKind::kUnary:
      return StageOfArgs(expr);
    case ExprKind::kBinary: {
      const bool mixes = expr.args[0]->type == promql::ValueType::kVector &&
                         expr.args[1]->type == promql::ValueType::kVector;
      return std::max(StageOfArgs(expr), mixes ? Stage::kGroup : Stage::kConstant);
    }
    case ExprKind::kAggregate:
      return std::max(StageOfArgs(expr),
                      IsOneOf(expr.text, kInFullNames) ? Stage::kInFull : Stage::kGroup);
    case ExprKind::kCall:
      if (IsOneOf(expr.text, kInFullNames)) return Stage::kInFull;
      return std::max(StageOfArgs(expr),
                      IsOneOf(expr.text, kGroupNames) ? Stage::kGroup : Stage::kConstant);
  }
  return Stage::kInFull;
}

SignalPlan PlanOf(const Program& program, const Signal& signal, const CompileOptions& options) {
  SignalPlan plan;
  plan.grid = signal.every;
  plan.sample_interval = std::max(signal.every, Millis(1));
  for (const Condition* condition : {&signal.when, signal.clear ? &*signal.clear : nullptr}) {
    if (condition == nullptr) continue;
    const auto* expr = std::get_if<ExprPtr>(&condition->what);
    if (expr != nullptr && *expr) PlanExpr(program, **expr, options, plan);
  }
  // Two at the borders: the window is open on the left, and samples come late.
  plan.samples = static_cast<uint64_t>(plan.history / plan.sample_interval) + 2;
  plan.series_bytes = plan.history > Millis(0) ? plan.samples * kSampleBytes : 0;
  plan.key_bytes = plan.series_bytes + kInstanceBytes;
  plan.instants_per_sample = static_cast<double>(plan.sample_interval.count()) /
                             static_cast<double>(std::max<int64_t>(plan.grid.count(), 1));
  return plan;
}

PatternBound BoundOf(const PatternCondition& pattern) {
  PatternBound bound;
  uint64_t steps = 0, kept = pattern.aliases.size();
  for (const PatternElement& element : pattern.elements) {
    steps = std::max<uint64_t>(steps, element.steps.size());
    if (element.group) kept = std::max<uint64_t>(kept, element.steps.size());
  }
  const PatternStep& first = pattern.elements[0].steps[0];
  bound.counted = pattern.elements.size() == 1 && !pattern.elements[0].group &&
                  (first.times > 1 || first.of_last > 0);
  bound.runs = !bound.counted ? kPatternRuns : first.of_last > 0 ? first.of_last : kHits;
  bound.run_bytes = bound.counted ? kHitBytes
                                  : kRunBytes + kItemRefBytes * (steps + pattern.aliases.size()) +
                                        kItemBytes * kept;
  bound.key_bytes = bound.runs * bound.run_bytes + kInstanceBytes;
  return bound;
}

std::string PlansText(const Program& program, const CompileOptions& options) {
  std::string text =
      "Every condition is evaluated in full by the reference evaluator at each instant of its "
      "grid.\nThe stages say where its parts belong once they are computed incrementally: per "
      "series, per\ngroup of series, or in full for good.\n";
  for (const Signal& signal : program.signals) {
    text += "\n" + PlanText(program, signal, options);
  }
  return text;
}

}  // namespace rootnote
