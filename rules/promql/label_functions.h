// Functions that look at labels, not at values.
#pragma once

#include "rules/promql/evaluation.h"

namespace rootnote::promql {

absl::StatusOr<Vector> LabelReplace(const Expr& call, Vector vector);
absl::StatusOr<Vector> LabelJoin(const Expr& call, Vector vector);

// What absent() and absent_over_time() carry: the labels that the selector asks for by equality.
Labels AbsentLabels(const Expr& selector);

// histogram_quantile over classic buckets: elements that differ in the label `le` only.
Vector HistogramQuantile(double phi, const Vector& buckets);

}  // namespace rootnote::promql
