// Functions that look at labels, not at values.
#pragma once

#include <string_view>

#include "rules/promql/evaluation.h"

namespace rootnote::promql {

absl::StatusOr<Vector> LabelReplace(const Expr& call, Vector vector);
absl::StatusOr<Vector> LabelJoin(const Expr& call, Vector vector);

// What absent() and absent_over_time() carry: the labels that the selector asks for by equality.
Labels AbsentLabels(const Expr& selector);

// "node2" before "node10": numbers within texts order by their value.
bool NaturalLess(std::string_view a, std::string_view b);

// sort_by_label and sort_by_label_desc: by the labels named, then by all of them.
void SortByLabel(const Expr& call, Vector& vector);

}  // namespace rootnote::promql
