#include "rules/promql/duration_expr.h"

#include <cmath>
#include <string_view>

#include "fmt/format.h"

#include "rules/promql/summation.h"

namespace rootnote::promql {
namespace {

using Op = DurationExpr::Op;

// Go keeps durations in nanoseconds; what does not fit there is out of range here too.
constexpr double kSecondsMax = 9'223'372'036.854775807;

absl::Status Wrong(const DurationExpr& expr, std::string_view what) {
  return absl::InvalidArgumentError(fmt::format("{}:{}: {}", expr.span.begin, expr.span.end, what));
}

double InSeconds(Millis time) { return static_cast<double>(time.count()) / 1000; }

absl::StatusOr<double> SecondsOf(const DurationExpr& expr, const QueryWindow& query) {
  double left = 0;
  double right = 0;
  if (expr.left) {
    ASSIGN_OR_RETURN(left, SecondsOf(*expr.left, query));
  }
  if (expr.right) {
    ASSIGN_OR_RETURN(right, SecondsOf(*expr.right, query));
  }
  switch (expr.op) {
    case Op::kNumber:
      return expr.number;
    case Op::kStep:
      return InSeconds(query.step);
    case Op::kRange:
      return InSeconds(query.range);
    case Op::kPlus:
    case Op::kParen:
      return left;
    case Op::kMinus:
      return -left;
    case Op::kAdd:
      return left + right;
    case Op::kSub:
      return left - right;
    case Op::kMul:
      return left * right;
    case Op::kDiv:
      if (right == 0) return Wrong(expr, "division by zero");
      return left / right;
    case Op::kMod:
      if (right == 0) return Wrong(expr, "modulo by zero");
      return std::fmod(left, right);
    case Op::kPow:
      return std::pow(left, right);
    case Op::kMinOf:
      return MinOrNan(left, right);
    case Op::kMaxOf:
      return MaxOrNan(left, right);
  }
  return 0.0;
}

std::string_view Symbol(Op op) {
  switch (op) {
    case Op::kAdd:
      return " + ";
    case Op::kSub:
      return " - ";
    case Op::kMul:
      return " * ";
    case Op::kDiv:
      return " / ";
    case Op::kMod:
      return " % ";
    default:
      return " ^ ";
  }
}

}  // namespace

bool DependsOnQuery(const DurationExpr& expr) {
  return expr.op == Op::kStep || expr.op == Op::kRange ||
         (expr.left && DependsOnQuery(*expr.left)) || (expr.right && DependsOnQuery(*expr.right));
}

absl::StatusOr<Millis> DurationOf(const DurationExpr& expr, const QueryWindow& query,
                                  bool signed_allowed) {
  ASSIGN_OR_RETURN(const double seconds, SecondsOf(expr, query));
  if (!std::isfinite(seconds)) return Wrong(expr, "duration is NaN or infinite");
  if (seconds <= 0 && !signed_allowed) return Wrong(expr, "duration must be greater than 0");
  if (std::abs(seconds) > kSecondsMax) return Wrong(expr, "duration is out of range");
  return Millis(static_cast<int64_t>(seconds * 1000));
}

std::string ToString(const DurationExpr& expr) {
  switch (expr.op) {
    case Op::kNumber:
      return fmt::format("{}", expr.number);
    case Op::kStep:
      return "step()";
    case Op::kRange:
      return "range()";
    case Op::kPlus:
      return "+" + ToString(*expr.left);
    case Op::kMinus:
      return "-" + ToString(*expr.left);
    case Op::kParen:
      return "(" + ToString(*expr.left) + ")";
    case Op::kMinOf:
    case Op::kMaxOf:
      return fmt::format("{}({}, {})", expr.op == Op::kMinOf ? "min_of" : "max_of",
                         ToString(*expr.left), ToString(*expr.right));
    default:
      return ToString(*expr.left) + std::string(Symbol(expr.op)) + ToString(*expr.right);
  }
}

}  // namespace rootnote::promql
