// Event time: integer milliseconds since 1970 UTC (SEMANTICS.md section 1: finer is truncated).
// std::chrono gives the types and the arithmetic; this header gives the text forms.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace rootnote {

using Millis = std::chrono::milliseconds;
using EventTime = std::chrono::sys_time<Millis>;  // when it happened
using IngestTime = EventTime;                     // when we read it; same clock, other meaning

using namespace std::chrono_literals;  // NOLINT: 5s, 200ms

constexpr EventTime kMinTime = EventTime::min();
constexpr EventTime kMaxTime = EventTime::max();

constexpr EventTime FromMillis(int64_t ms) { return EventTime(Millis(ms)); }
constexpr int64_t ToMillis(EventTime time) { return time.time_since_epoch().count(); }

// RFC 3339 with 0 to 9 fraction digits and `Z` or an offset; fractions below a millisecond are
// truncated towards the past. Nothing else is accepted (no leap second but :60 → :59.999, no
// spaces).
std::optional<EventTime> ParseRfc3339(std::string_view text);

// "2026-11-22T07:17:16.117Z"; whole seconds are written without a fraction.
std::string FormatRfc3339(EventTime time);

// Prometheus' duration words, largest first, each at most once: "1d12h", "5m", "90s", "200ms".
std::optional<Millis> ParseDuration(std::string_view text);

// The shortest such words: 90 s is "1m30s"; 0 is "0s".
std::string FormatDuration(Millis duration);

}  // namespace rootnote
