// Durations that are computed, as in x[5m * 2] and x offset (step() / 2): a small tree of their
// own, in seconds. Source: Prometheus 3's "duration expressions".
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "rules/source.h"
#include "schemas/base/status.h"
#include "schemas/base/time.h"

namespace rootnote::promql {

struct DurationExpr {
  enum class Op : uint8_t {
    kNumber,
    kStep,   // step(): of the range query, 0 at an instant
    kRange,  // range(): from the start to the end of the query
    kPlus,   // signs
    kMinus,
    kParen,
    kAdd,
    kSub,
    kMul,
    kDiv,
    kMod,
    kPow,
    kMinOf,
    kMaxOf,
  } op = Op::kNumber;
  double number = 0;
  Span span;
  std::shared_ptr<const DurationExpr> left;  // the operand of signs and parentheses as well
  std::shared_ptr<const DurationExpr> right;
};

// The query that step() and range() speak of.
struct QueryWindow {
  Millis step{0};
  Millis range{0};
};

// Whether it holds step() or range().
bool DependsOnQuery(const DurationExpr& expr);

// Cut to whole milliseconds. InvalidArgument for division by zero, for what is no number or does
// not fit, and, unless `signed_allowed`, for what is not above zero.
absl::StatusOr<Millis> DurationOf(const DurationExpr& expr, const QueryWindow& query,
                                  bool signed_allowed);

std::string ToString(const DurationExpr& expr);

}  // namespace rootnote::promql
