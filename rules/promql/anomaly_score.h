// How unusual the last sample of a series is, in units of what is usual for that series: an
// addition of the rule language. Formula and the reason of every constant: docs/packs/anomaly.md.
#pragma once

#include <optional>
#include <span>
#include <string_view>

#include "rules/promql/evaluator.h"
#include "rules/promql/range_functions.h"

namespace rootnote::promql {

struct AnomalyLimits {
  Millis lag{0};      // what is younger is judged and not learned
  double effect = 0;  // smaller distances from the median are none, in the unit of the series
  double ratio = 0;   // … as a part of the median
};

// The median score of the samples in the 90 seconds up to the last of `points` (ascending, without
// stale markers), of two medians that which says less; in [-100, 100], 0 for what is usual or too
// small to matter. Nothing before ten samples were learned, or if the last is as old at the instant
// `now` as the lag.
std::optional<double> AnomalyScore(std::span<const Point> points, EventTime now,
                                   const AnomalyLimits& limits);

// Whether the function keeps the names of metrics: scores are asked of all that a pattern selects.
bool IsAnomalyScore(std::string_view function);

// anomaly_over_time(x[D], lag, effect, ratio), and the same of the growth per second of a counter
// between neighbouring samples.
std::optional<double> AnomalyOverTime(const RangeCall& call);
std::optional<double> RateAnomalyOverTime(const RangeCall& call);
// The score of the last sample alone, but 0 unless it says more than any within the lag: once per
// episode.
std::optional<double> AnomalyOnsetOverTime(const RangeCall& call);

}  // namespace rootnote::promql
