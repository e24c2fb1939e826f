// Functions on classic histograms: series of cumulative counts with the upper bound in `le`.
#pragma once

#include "rules/promql/evaluation.h"

namespace rootnote::promql {

// Warns of a φ outside of [0, 1].
void CheckQuantile(double phi, const Expr& arg, const Evaluation& evaluation);

// histogram_quantile(φ, v), histogram_quantiles(v, label, φ, …), histogram_fraction(low, high, v).
absl::StatusOr<Vector> EvalHistogramQuantile(const Expr& call, EventTime t,
                                             const Evaluation& evaluation);
absl::StatusOr<Vector> EvalHistogramQuantiles(const Expr& call, EventTime t,
                                              const Evaluation& evaluation);
absl::StatusOr<Vector> EvalHistogramFraction(const Expr& call, EventTime t,
                                             const Evaluation& evaluation);

}  // namespace rootnote::promql
