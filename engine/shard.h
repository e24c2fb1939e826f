// A virtual shard: the only owner of its series. A closed tick passes in three steps, so that
// limits are applied in the order of labels whatever the number of shards: Prepare (parallel) sorts
// what came and names the series that are new, Admit (serial, in the order of all shards'
// newcomers), Append (parallel). Thread: one at a time; readers of its series only between ticks.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "absl/container/flat_hash_map.h"

#include "engine/rule_set.h"
#include "engine/series.h"

namespace rootnote {

// One sample (or one event as a selector counts it) on its way to its shard.
struct ShardSample {
  SeriesKey key;
  EventTime time;
  double value = 0;
  RecordPosition position;
};

// The shard that owns a series: a fixed hash of its labels, the same on every machine, in every
// run.
size_t ShardOf(const SeriesKey& key, size_t shards);

struct ShardCounts {
  uint64_t appended = 0;
  uint64_t duplicates = 0;  // same series, time and bits
  uint64_t conflicts = 0;   // same series and time, another value: the larger was kept
  uint64_t refused = 0;     // samples of series that were not admitted
};

class Shard {
 public:
  // A series that was not there; `index` is its place for Admit.
  struct Newcomer {
    SeriesKey key;
    std::vector<SelectorId> selectors;
    Series* series = nullptr;  // once admitted
  };

  explicit Shard(const RuleSet& rules);

  void Prepare(std::vector<ShardSample> samples);
  std::vector<Newcomer>& newcomers() { return newcomers_; }  // in byte order, until Append
  Series& Admit(size_t newcomer);
  // One that is there; and one that rules record, which joins at once.
  Series* Find(const SeriesKey& key);
  Series& Admit(const SeriesKey& key, std::vector<SelectorId> selectors);
  ShardCounts Append(EventTime tick);

  // Marks as dead the series that nothing needs any more and forgets those marked before. The store
  // lets go of them in between.
  void MarkDead(EventTime tick, Millis lookback);
  void RemoveDead();

  size_t size() const { return series_.size(); }

 private:
  struct Entry {
    uint32_t sample = 0;
    Series* series = nullptr;
    uint32_t newcomer = 0;  // if series is null
  };
  bool Before(const Entry& a, const Entry& b) const;

  const RuleSet& rules_;
  absl::flat_hash_map<SeriesKey, std::unique_ptr<Series>> series_;

  std::vector<ShardSample> samples_;  // of the tick between Prepare and Append
  std::vector<Entry> entries_;
  std::vector<Newcomer> newcomers_;
};

}  // namespace rootnote
