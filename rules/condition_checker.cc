#include "rules/condition_checker.h"

#include <algorithm>
#include <utility>

#include "fmt/core.h"

#include "rules/pattern_checker.h"
#include "rules/promql/duration_expr.h"
#include "rules/promql/evaluator.h"
#include "rules/promql/words.h"
#include "rules/token_reader.h"
#include "rules/value_range.h"

namespace rootnote {
namespace {

using promql::Expr;
using promql::ExprKind;

class ExprChecker {
 public:
  ExprChecker(const ConditionPlace& place, Scope& scope) : place_(place), scope_(scope) {}

  void Check(Expr& expr) {
    if (expr.type != promql::ValueType::kVector) {
      scope_.Error(DiagnosticCode::kNotACondition, expr.span,
                   fmt::format("`{}` is {}, not a condition", promql::ToString(expr),
                               promql::TypeName(expr.type)),
                   "a condition keeps elements by their value: rate(errors_total[5m]) > 1");
      return;
    }
    if (const std::string what = promql::NotExecuted(expr); !what.empty()) {
      scope_.NotExecuted(expr.span, what);
    }
    Walk(expr, [&](Expr& node) { CheckNative(node); });
    Walk(expr, [&](Expr& node) { CheckReach(node); });
    CheckHistory(expr);
    CheckLabels(expr);
    Walk(expr, [&](Expr& node) { CheckUnits(node); });
    CheckSense(expr);
    std::vector<std::string> labels = place_.by;
    for (const auto& identity : place_.identities) {
      labels.insert(labels.end(), identity.begin(), identity.end());
    }
    SetEventLabels(expr, labels);
  }

 private:
  // Prometheus gives nothing for series of numbers; a rule that can never fire is told so.
  void CheckNative(const Expr& node) {
    constexpr std::string_view kNative[] = {"histogram_avg", "histogram_count", "histogram_sum",
                                            "histogram_stddev", "histogram_stdvar"};
    const bool native =
        node.kind == ExprKind::kCall &&
        std::find(std::begin(kNative), std::end(kNative), node.text) != std::end(kNative);
    if (!native) return;
    scope_.Error(DiagnosticCode::kNotExecutedYet, node.span,
                 fmt::format("not executed yet: native histograms, which {} is for", node.text),
                 "classic histograms have series of their own: rate(x_sum[5m]) / "
                 "rate(x_count[5m]) is the mean");
  }

  void CheckReach(const Expr& node) {
    if (node.kind != ExprKind::kSelector && node.kind != ExprKind::kSubquery) return;
    if (node.offset < Millis(0)) {
      scope_.Error(DiagnosticCode::kLooksAhead, node.span,
                   "a negative offset looks into the future", "live rules see only what has come");
    }
    if (node.at && node.at->kind == promql::AtModifier::Kind::kTime) {
      scope_.Error(DiagnosticCode::kLooksAhead, node.span,
                   "`@` with a fixed time is out of what a live rule can see",
                   "use `offset` to look back from the present instant");
    }
    CheckDuration(node.range_expr.get(), node.span, false);
    CheckDuration(node.step_expr.get(), node.span, false);
    CheckDuration(node.offset_expr.get(), node.span, true);
  }

  // A rule is asked about one instant at a time: step() and range() are zero there.
  void CheckDuration(const promql::DurationExpr* duration, Span span, bool signed_allowed) {
    if (duration == nullptr) return;
    const absl::StatusOr<Millis> length = promql::DurationOf(*duration, {}, signed_allowed);
    if (length.ok()) return;
    scope_.Error(DiagnosticCode::kNoQueryHere, duration->span.end > 0 ? duration->span : span,
                 fmt::format("`{}` has no meaning in a live rule: step() and range() are of a "
                             "query over a time, and zero here",
                             promql::ToString(*duration)),
                 "write the duration itself: [5m]");
  }

  void CheckHistory(const Expr& expr) {
    const Millis needed = promql::HistoryNeeded(expr, scope_.options().lookback);
    if (needed <= scope_.options().max_history) return;
    scope_.Error(DiagnosticCode::kHistoryTooLong, expr.span,
                 fmt::format("this looks {} back, at most {} are kept", FormatDuration(needed),
                             FormatDuration(scope_.options().max_history)),
                 "shorten the range or the offset, or raise `max_history` in the configuration");
  }

  void CheckLabels(const Expr& expr) {
    const LabelFlow flow = LabelsOf(expr);
    std::vector<std::string> best;
    for (const std::vector<std::string>& identity : place_.identities) {
      std::vector<std::string> lost;
      for (const std::string& label : identity) {
        if (!flow.MayCarry(label)) lost.push_back(label);
      }
      if (lost.empty()) {
        best.clear();
        break;
      }
      if (best.empty() || lost.size() < best.size()) best = std::move(lost);
    }
    const bool alias = std::any_of(place_.aliases.begin(), place_.aliases.end(),
                                   [&](const auto& label) { return flow.MayCarry(label); });
    // An alias can stand in only if it is one of the few labels that are left for certain.
    const bool named_by_alias = alias && !flow.all_but;
    if (!best.empty() && !named_by_alias) {
      scope_.Error(DiagnosticCode::kIdentityLost, expr.span,
                   fmt::format("the result has no label {}, so it cannot name its {}",
                               JoinWords(best, "and"), place_.on),
                   fmt::format("keep the identity: by ({})", Identity()));
    }
    for (const std::string& label : place_.by) {
      if (flow.MayCarry(label)) continue;
      scope_.Error(DiagnosticCode::kIdentityLost, expr.span,
                   fmt::format("the result has no label {}, which `by` names", label),
                   "keep it in the expression, or take it out of `by`");
    }
  }

  std::string Identity() const {
    std::string text;
    for (const std::string& label : place_.identities.front()) {
      text += (text.empty() ? "" : ", ") + label;
    }
    return text;
  }

  // A comparison whose one side is a literal with a unit.
  void CheckUnits(Expr& node) {
    if (node.kind != ExprKind::kBinary || !promql::IsComparison(node.op)) return;
    for (const size_t side : {size_t{1}, size_t{0}}) {
      Expr* literal = node.args[side].get();
      while (literal->kind == ExprKind::kParen || literal->kind == ExprKind::kUnary) {
        literal = literal->args[0].get();
      }
      if (literal->kind != ExprKind::kNumber || literal->unit == Unit::kNone) continue;
      CheckLiteral(node, *node.args[1 - side], *literal);
      return;
    }
  }

  void CheckLiteral(const Expr& comparison, const Expr& subject, Expr& literal) {
    const Dimension have = DimensionOf(subject);
    const Dimension want = DimensionOf(literal);
    const std::string text(scope_.TextAt(literal.span));
    if (literal.unit == Unit::kRatio && have.type == Dimension::Type::kPercent) {
      literal.number *= 100;
      literal.unit = Unit::kNone;
      literal.percent = false;
    } else if (literal.unit == Unit::kRatio && have.type == Dimension::Type::kUnknown &&
               !have.quotient) {
      const double number = literal.number;
      scope_.Warning(DiagnosticCode::kPercentOfUnknown, literal.span,
                     fmt::format("{} is read as {:.12g}; if this metric counts in percent, it must "
                                 "be {:.12g}",
                                 text, number, number * 100),
                     "metrics in percent end in `_percent`, ratios in `_ratio`; or write the bare "
                     "number");
    } else if ((have.known() && !(have == want)) || have.type == Dimension::Type::kPercent) {
      scope_.Error(DiagnosticCode::kDimensionMismatch, comparison.span,
                   fmt::format("{} is compared with {}, which is {}", text,
                               scope_.TextAt(subject.span), ToString(have)),
                   have == Dimension{Dimension::Type::kKnown}
                       ? "write a percentage or a bare number"
                       : fmt::format("write the number in {}, or a bare number", ToString(have)));
    }
  }

  // What is legal but never what one wants.
  void CheckSense(const Expr& expr) {
    const Expr& top = WithoutParens(expr);
    if (top.kind == ExprKind::kBinary && promql::IsComparison(top.op) && top.return_bool) {
      scope_.Warning(DiagnosticCode::kAlwaysTrue, expr.span,
                     "`bool` keeps every element, so this is true for all of them",
                     "leave out `bool`");
    } else if (!Filters(expr)) {
      scope_.Warning(DiagnosticCode::kAlwaysTrue, expr.span,
                     "nothing is compared: this is true wherever it has a value",
                     "compare it: … > 0");
    }
    if (top.kind == ExprKind::kBinary && top.op == promql::BinaryOp::kAnd) CheckRange(top);
    CheckBounds(top);
  }

  // rate(x[5m]) < 0, hour() > 23, x unless x
  void CheckBounds(const Expr& top) {
    if (top.kind != ExprKind::kBinary) return;
    const bool on_all = !top.matching || (!top.matching->on && top.matching->labels.empty());
    if (top.op == promql::BinaryOp::kUnless && on_all &&
        promql::ToString(*top.args[0]) == promql::ToString(*top.args[1])) {
      scope_.Warning(DiagnosticCode::kNeverTrue, top.span,
                     "both sides are the same, so nothing is left: this is never true",
                     "compare with another time or another metric");
    }
    if (!promql::IsComparison(top.op) || top.return_bool) return;
    if (NeverHolds(top)) {
      scope_.Warning(DiagnosticCode::kNeverTrue, top.span,
                     "no value of the one side is ever so: this is never true",
                     "a rate or a count is never below 0, and nothing equals NaN");
    } else if (AlwaysHolds(top)) {
      scope_.Warning(DiagnosticCode::kAlwaysTrue, top.span,
                     "every value is so: this is true wherever it has a value",
                     "a rate or a count is never below 0; compare with more: … > 0");
    }
  }

  // a > 5 and a < 3
  void CheckRange(const Expr& both) {
    const Expr& left = WithoutParens(*both.args[0]);
    const Expr& right = WithoutParens(*both.args[1]);
    const Comparison a = TopComparison(left), b = TopComparison(right);
    if (!a.threshold || !b.threshold || left.args.size() != 2 || right.args.size() != 2) return;
    if (promql::ToString(*left.args[0]) != promql::ToString(*right.args[0])) return;
    using Direction = Condition::Direction;
    const bool above_below = a.direction == Direction::kAbove && b.direction == Direction::kBelow;
    const bool below_above = a.direction == Direction::kBelow && b.direction == Direction::kAbove;
    if ((above_below && *a.threshold >= *b.threshold) ||
        (below_above && *b.threshold >= *a.threshold)) {
      scope_.Warning(DiagnosticCode::kNeverTrue, both.span,
                     "nothing is on both sides at once: this is never true",
                     "use `or`, or exchange the numbers");
    }
  }

  const ConditionPlace& place_;
  Scope& scope_;
};

std::vector<promql::Matcher> Matchers(const std::vector<ast::MatcherNode>& nodes) {
  std::vector<promql::Matcher> matchers;
  for (const ast::MatcherNode& node : nodes) matchers.push_back(node.matcher);
  return matchers;
}

MissingCondition CheckMissing(const ast::Missing& from, const ConditionPlace& place, Scope& scope) {
  MissingCondition missing;
  missing.metric = from.metric.text;
  missing.matchers = Matchers(from.matchers);
  missing.duration = from.hold->value;
  missing.expected = from.expected;
  missing.where = Matchers(from.where);
  if (from.seen_within) missing.seen_within = from.seen_within->value;
  if (missing.duration <= Millis(0)) {
    scope.Error(DiagnosticCode::kBadAmount, from.hold->span, "`for` must be longer than nothing",
                "a few times the interval at which it is sent: for 90s");
  } else if (!from.expected && missing.seen_within <= missing.duration) {
    scope.Warning(
        DiagnosticCode::kNeverTrue, from.hold->span,
        fmt::format("what was last seen {} ago is not seen within {}: this never fires",
                    FormatDuration(missing.duration), FormatDuration(missing.seen_within)),
        "make `seen within` longer than `for`");
  } else if (missing.duration < place.every) {
    scope.Warning(DiagnosticCode::kForShorterThanEvery, from.hold->span,
                  fmt::format("`for {}` is shorter than the interval of {}",
                              FormatDuration(missing.duration), FormatDuration(place.every)),
                  "make it a few intervals");
  }
  if (place.on_relation) {
    scope.Error(DiagnosticCode::kNotACondition, from.metric.span,
                "`missing` is about entities of a kind, not about a relation",
                "write the signal on the kind that sends it");
  }
  return missing;
}

}  // namespace

Condition CheckCondition(ast::Condition& from, const ConditionPlace& place, Scope& scope) {
  Condition condition;
  if (from.hold) {
    condition.hold = from.hold->value;
    if (condition.hold > Millis(0) && condition.hold < place.every) {
      scope.Warning(DiagnosticCode::kForShorterThanEvery, from.hold->span,
                    fmt::format("`for {}` is shorter than the interval of {}: it waits one "
                                "interval",
                                FormatDuration(condition.hold), FormatDuration(place.every)),
                    "make it a few intervals, or evaluate more often: every 1s");
    }
  }
  if (auto* expr = std::get_if<std::unique_ptr<Expr>>(&from.what)) {
    ExprChecker(place, scope).Check(**expr);
    const Comparison comparison = TopComparison(**expr);
    condition.threshold = comparison.threshold;
    condition.direction = comparison.direction;
    condition.what = ExprPtr(std::move(*expr));
  } else if (const auto* missing = std::get_if<ast::Missing>(&from.what)) {
    condition.what = CheckMissing(*missing, place, scope);
  } else if (const auto* pattern = std::get_if<ast::Pattern>(&from.what)) {
    condition.what = CheckPattern(*pattern, place, scope);
  }
  return condition;
}

}  // namespace rootnote
