// What is unusual for a series itself: additions of the rule language. Robust throughout: medians,
// so that a fault does not train what it is measured by. Formulas: docs/rule-language.md.
#pragma once

#include <optional>

#include "rules/promql/evaluation.h"
#include "rules/promql/range_functions.h"

namespace rootnote::promql {

// baseline(x, D): the median of x over D; no value before a quarter of D and 30 samples.
absl::StatusOr<Vector> EvalBaseline(const Expr& call, EventTime t, const Evaluation& evaluation);

// How far the last sample is from the median, in robust standard deviations. Source: B. Iglewicz,
// D. Hoaglin, "How to Detect and Handle Outliers", 1993. At least three samples.
std::optional<double> ZscoreOverTime(const RangeCall& call);

// Whether the last sample is above the quantile `call.first` of what was normal before it, or one
// less than `call.second` seconds before it was: 1 or 0. At least 31 samples.
std::optional<double> QuantileAnomalyOverTime(const RangeCall& call);

}  // namespace rootnote::promql
