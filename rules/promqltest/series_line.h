// One line of a `load`, or of an expected result: labels and the values at each step.
// Source: Prometheus' documentation of unit tests, and the grammar that reads it ("series
// description").
#pragma once

#include <optional>
#include <string_view>
#include <vector>

#include "schemas/base/status.h"
#include "schemas/labels.h"

namespace rootnote::promqltest {

struct SeriesLine {
  Labels labels;
  // One per step; nothing where the series has no sample (`_`). Markers are StaleNan().
  std::vector<std::optional<double>> values;
  bool histograms = false;  // a value is a native histogram: it is not among the values
};

// `metric{a="b"} 0+10x5 _ _x3 stale 1x2 {{…}}`, with quoted names too: `{"a metric", "a b"="c"}`.
// InvalidArgument says what is wrong.
absl::StatusOr<SeriesLine> ParseSeriesLine(std::string_view line);

// A number alone on its line: what a scalar is expected to be. Go's forms: 0x1f, 1_000, Inf, NaN.
std::optional<double> ParseLoneNumber(std::string_view line);

}  // namespace rootnote::promqltest
