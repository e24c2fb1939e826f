// Bounds of what an expression can be, whatever the samples are: a count is never negative.
#pragma once

#include <cmath>

#include "rules/promql/ast.h"

namespace rootnote {

// Closed; infinite where nothing is known. A value may also be NaN, which no comparison but `!=`
// holds for.
struct ValueRange {
  double min = -HUGE_VAL;
  double max = HUGE_VAL;

  friend bool operator==(const ValueRange&, const ValueRange&) = default;
};

ValueRange RangeOf(const promql::Expr& expr);

// Whether `comparison` (a binary expression with a comparison operator) holds for no value on its
// left, or for every one that is a number.
bool NeverHolds(const promql::Expr& comparison);
bool AlwaysHolds(const promql::Expr& comparison);

}  // namespace rootnote
