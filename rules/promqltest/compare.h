// What a query gave against what a test expects, as Prometheus compares it.
#pragma once

#include <string>

#include "rules/promql/evaluator.h"
#include "rules/promqltest/script.h"

namespace rootnote::promqltest {

// Within one millionth of the sum of their sizes; NaN is NaN, a stale marker only a stale marker.
bool AlmostEqual(double a, double b);

// "" or how they differ. Of an instant query: scalars, vectors, strings, and range vectors at the
// times of `expect range vector`.
std::string CompareInstant(const EvalCommand& eval, const promql::Value& got);
std::string CompareRange(const EvalCommand& eval, const promql::Matrix& got);

std::string CompareAnnotations(const EvalCommand& eval, const promql::Annotations& got);

// Lines for a person.
std::string ExpectedText(const EvalCommand& eval);
std::string ValueText(const promql::Value& value);

}  // namespace rootnote::promqltest
