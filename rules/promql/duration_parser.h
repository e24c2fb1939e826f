// Durations as they stand in brackets and behind offset: a word, a number of seconds, or computed.
#pragma once

#include <memory>
#include <optional>
#include <string_view>

#include "rules/promql/duration_expr.h"
#include "rules/promql/reader.h"

namespace rootnote::promql {

struct ParsedDuration {
  Millis value{0};  // with step() and range() as zero, and zero if that cannot be
  std::shared_ptr<const DurationExpr> expr;  // null unless it depends on the query
};

// In brackets: all of it up to `]` or `:`. Above zero. Nothing after a complaint.
std::optional<ParsedDuration> ParseRangeDuration(Reader& reader, std::string_view context);

// Behind offset: one operand with a sign; what is longer needs parentheses.
std::optional<ParsedDuration> ParseOffsetDuration(Reader& reader);

}  // namespace rootnote::promql
