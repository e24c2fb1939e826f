// Functions over the points of one series: rate, *_over_time and their kin.
#pragma once

#include <optional>
#include <span>
#include <string_view>

#include "rules/promql/evaluation.h"

namespace rootnote::promql {

struct RangeCall {
  std::span<const Point> points;  // at least one
  const Range& range;
  // Scalar arguments in order: quantile_over_time's φ, predict_linear's seconds, the two factors.
  double first = 0;
  double second = 0;
  double third = 0;
};

// Nothing: the series has no value (too few points).
using RangeFunction = std::optional<double> (*)(const RangeCall& call);

// Null for what is no such function. absent_over_time is not one: it looks at all series.
RangeFunction FindRangeFunction(std::string_view name);

}  // namespace rootnote::promql
