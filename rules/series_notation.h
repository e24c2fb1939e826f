// The values of a test series, as Prometheus' unit tests write them.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace rootnote {

// Appends the values of one word: `5`, `0+10x60` (61 values), `3x4` (5 values), `_` and `_x3`
// (gaps), `stale`. "" or what is wrong. Source: Prometheus' documentation of unit tests for rules.
std::string AppendSeriesNotation(std::string_view word, std::vector<std::optional<double>>& values);

}  // namespace rootnote
