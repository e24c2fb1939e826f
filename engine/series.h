// One series as a shard keeps it: its labels, the selectors that see it, its window of samples.
// An event selector's projection of events is a series, too, in which two points may share a time.
// Thread: the owning shard's while it appends; any number of readers in between.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "engine/rule_set.h"
#include "rules/promql/evaluator.h"
#include "schemas/base/time.h"
#include "schemas/labels.h"

namespace rootnote {

// Where a record stood. `topic` indexes the names that Intake keeps.
struct RecordPosition {
  uint32_t topic = 0;
  int32_t partition = -1;
  int64_t offset = -1;
  friend auto operator<=>(const RecordPosition&, const RecordPosition&) = default;
};

// What tells series apart: labels, and for events the selector they are projected for.
struct SeriesKey {
  Labels labels;
  std::optional<SelectorId> projection;

  friend bool operator==(const SeriesKey&, const SeriesKey&) = default;
  template <typename H>
  friend H AbslHashValue(H state, const SeriesKey& key) {
    return H::combine(std::move(state), key.labels,
                      key.projection ? int64_t{key.projection->value()} : int64_t{-1});
  }
};

// The order of selections: label hash, then label bytes; projections behind samples.
bool InSelectionOrder(const SeriesKey& a, const SeriesKey& b);
// The order of admission: label bytes; projections behind samples.
bool InByteOrder(const SeriesKey& a, const SeriesKey& b);

struct Series {
  SeriesKey key;
  std::vector<SelectorId> selectors;  // ascending; none: nothing sees it, no point is kept
  Millis history{0};                  // the longest of its selectors

  std::vector<promql::Point> points;  // ascending; those before `head` are of the past
  size_t head = 0;
  EventTime last = kMinTime;  // of the newest sample
  Millis interval{0};         // the smaller of the last two distances; 0: not known
  Millis distance{0};         // the last one
  RecordPosition position;    // of the newest sample
  bool dead = false;          // left out of the store at its next refresh

  // Keeps the window in order; what no instant from `tick` on can see goes.
  void Append(EventTime time, double value, RecordPosition where, EventTime tick);
  void Prune(EventTime tick);
  // The points in (from, to].
  std::span<const promql::Point> In(EventTime from, EventTime to) const;
  // How old the newest sample of a healthy series may be.
  Millis FreshFor(Millis lookback) const;
};

}  // namespace rootnote
