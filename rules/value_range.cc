#include "rules/value_range.h"

#include <algorithm>
#include <optional>
#include <string_view>

#include "rules/expr_facts.h"
#include "rules/promql/words.h"

namespace rootnote {
namespace {

using promql::BinaryOp;
using promql::Expr;
using promql::ExprKind;

struct KnownRange {
  std::string_view name;
  ValueRange range;
};

constexpr double kInfinite = HUGE_VAL;

// Functions whose results are bounded, as Prometheus documents them.
constexpr KnownRange kFunctions[] = {
    {"abs", {0, kInfinite}},
    {"absent", {1, 1}},
    {"absent_over_time", {1, 1}},
    {"acosh", {0, kInfinite}},
    {"anomaly_onset_over_time", {-100, 100}},
    {"anomaly_over_time", {-100, 100}},
    {"changes", {0, kInfinite}},
    {"cos", {-1, 1}},
    {"cosh", {1, kInfinite}},
    {"count_over_time", {0, kInfinite}},
    {"day_of_month", {1, 31}},
    {"day_of_week", {0, 6}},
    {"day_of_year", {1, 366}},
    {"days_in_month", {28, 31}},
    {"exp", {0, kInfinite}},
    {"hour", {0, 23}},
    {"increase", {0, kInfinite}},
    {"irate", {0, kInfinite}},
    {"mad_over_time", {0, kInfinite}},
    {"minute", {0, 59}},
    {"month", {1, 12}},
    {"present_over_time", {1, 1}},
    {"rate", {0, kInfinite}},
    {"rate_anomaly_over_time", {-100, 100}},
    {"resets", {0, kInfinite}},
    {"sgn", {-1, 1}},
    {"sin", {-1, 1}},
    {"sqrt", {0, kInfinite}},
    {"stddev_over_time", {0, kInfinite}},
    {"stdvar_over_time", {0, kInfinite}},
    {"tanh", {-1, 1}},
};
// Functions that leave what they are given within its bounds.
constexpr std::string_view kKeeping[] = {"sort",       "sort_desc",     "label_replace",
                                         "label_join", "sort_by_label", "sort_by_label_desc"};

ValueRange RangeOfCall(const Expr& expr) {
  for (const KnownRange& known : kFunctions) {
    if (known.name == expr.text) return known.range;
  }
  const bool keeps =
      std::find(std::begin(kKeeping), std::end(kKeeping), expr.text) != std::end(kKeeping);
  return keeps && !expr.args.empty() ? RangeOf(*expr.args[0]) : ValueRange{};
}

ValueRange RangeOfAggregate(const Expr& expr) {
  const std::string_view name = expr.text;
  if (name == "count" || name == "count_values") return {name == "count" ? 1.0 : -kInfinite};
  if (name == "group") return {1, 1};
  if (name == "stddev" || name == "stdvar") return {0, kInfinite};
  if (expr.args.empty()) return {};
  const ValueRange inner = RangeOf(*expr.args.back());
  if (name == "sum") {
    return {inner.min >= 0 ? inner.min : -kInfinite, inner.max <= 0 ? inner.max : kInfinite};
  }
  // A quantile may be asked for outside 0 … 1, and is infinite then.
  return name == "quantile" ? ValueRange{} : inner;
}

ValueRange RangeOfBinary(const Expr& expr) {
  const ValueRange a = RangeOf(*expr.args[0]), b = RangeOf(*expr.args[1]);
  if (promql::IsComparison(expr.op)) return expr.return_bool ? ValueRange{0, 1} : a;
  switch (expr.op) {
    case BinaryOp::kAdd:
      return {a.min + b.min, a.max + b.max};
    case BinaryOp::kMul:
    case BinaryOp::kDiv:
      return a.min >= 0 && b.min >= 0 ? ValueRange{0, kInfinite} : ValueRange{};
    case BinaryOp::kAnd:
    case BinaryOp::kUnless:
      return a;
    case BinaryOp::kOr:
      return {std::min(a.min, b.min), std::max(a.max, b.max)};
    default:
      return {};
  }
}

// The comparison with the constant on its right side.
struct Bound {
  BinaryOp op;
  double limit;
  ValueRange range;
};

std::optional<Bound> BoundOf(const Expr& comparison) {
  const std::optional<double> right = ConstantOf(*comparison.args[1]);
  const std::optional<double> left = ConstantOf(*comparison.args[0]);
  if (right.has_value() == left.has_value()) return std::nullopt;
  if (right) return Bound{comparison.op, *right, RangeOf(*comparison.args[0])};
  const auto mirrored = [](BinaryOp op) {
    switch (op) {
      case BinaryOp::kLt:
        return BinaryOp::kGt;
      case BinaryOp::kLe:
        return BinaryOp::kGe;
      case BinaryOp::kGt:
        return BinaryOp::kLt;
      case BinaryOp::kGe:
        return BinaryOp::kLe;
      default:
        return op;
    }
  };
  return Bound{mirrored(comparison.op), *left, RangeOf(*comparison.args[1])};
}

}  // namespace

ValueRange RangeOf(const Expr& expr) {
  if (const std::optional<double> constant = ConstantOf(expr)) return {*constant, *constant};
  switch (expr.kind) {
    case ExprKind::kParen:
      return RangeOf(*expr.args[0]);
    case ExprKind::kUnary: {
      const ValueRange inner = RangeOf(*expr.args[0]);
      return expr.op == BinaryOp::kSub ? ValueRange{-inner.max, -inner.min} : inner;
    }
    case ExprKind::kBinary:
      return RangeOfBinary(expr);
    case ExprKind::kAggregate:
      return RangeOfAggregate(expr);
    case ExprKind::kCall:
      return RangeOfCall(expr);
    default:
      return {};
  }
}

bool NeverHolds(const Expr& comparison) {
  const std::optional<Bound> bound = BoundOf(comparison);
  if (!bound) return false;
  const auto& [op, limit, range] = *bound;
  if (std::isnan(limit)) return op != BinaryOp::kNe;
  switch (op) {
    case BinaryOp::kGt:
      return range.max <= limit;
    case BinaryOp::kGe:
      return range.max < limit;
    case BinaryOp::kLt:
      return range.min >= limit;
    case BinaryOp::kLe:
      return range.min > limit;
    case BinaryOp::kEq:
      return limit < range.min || limit > range.max;
    default:
      return false;
  }
}

bool AlwaysHolds(const Expr& comparison) {
  const std::optional<Bound> bound = BoundOf(comparison);
  if (!bound) return false;
  const auto& [op, limit, range] = *bound;
  if (std::isnan(limit)) return op == BinaryOp::kNe;
  switch (op) {
    case BinaryOp::kGt:
      return range.min > limit;
    case BinaryOp::kGe:
      return range.min >= limit;
    case BinaryOp::kLt:
      return range.max < limit;
    case BinaryOp::kLe:
      return range.max <= limit;
    case BinaryOp::kNe:
      return limit < range.min || limit > range.max;
    default:
      return false;
  }
}

}  // namespace rootnote
