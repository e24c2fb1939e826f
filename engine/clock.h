// Event time of all partitions (SEMANTICS section 1): watermarks, late records, clocks that lie,
// ticks.
//
// A partition's watermark is the highest of its min(event time, receive time), less its lateness.
// The engine's is the least over the partitions that hold time; it never goes back. Tick k covers
// (k − Δ, k] and is closed when the watermark is above k; what comes for a closed tick is late.
// All is decided record by record in the order of Observe, so that batches decide nothing. The wall
// clock enters by Advance and the notices only; in replay it never comes and partitions hold time
// until Finish. Decisions that arrival made are kept for the journal (TakeDecisions).
// Idle partitions as in Apache Flink's WithIdleness. Thread: one at a time.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "connectors/record.h"
#include "schemas/base/strong_id.h"
#include "schemas/base/time.h"

namespace rootnote {

// Dense, given by Clock::Add in rising order; an index is given again after Remove.
using PartitionIndex = StrongId<struct PartitionIndexTag>;

struct ClockOptions {
  Millis tick{1'000};
  Millis skew_limit{300'000};  // an event time further ahead of its receive time is replaced by it
  Millis idle_after{10'000};   // without records for so long, and at the end, a partition is idle
  Millis max_hold{300'000};    // how long an unreachable partition holds time
  Millis ahead_max{30'000};    // Ahead() says yes beyond this
};

struct PartitionOptions {
  Millis allowed_lateness{5'000};
  bool holds_time = true;  // false: topology and control, `holds_back: false`
};

// What one record's time became.
struct Stamp {
  EventTime time;            // the record's own, or its receive time when that lay too far behind
  EventTime tick;            // the end of the tick that covers `time`
  bool late = false;         // that tick is closed; never for partitions that do not hold time
  bool clamped = false;      // `time` was replaced
  bool unconfirmed = false;  // a jump ahead without receive time that no three series confirm yet:
                             // taken at its own time, but time does not move for it
};

// A decision that the arrival of records or the wall clock made; the journal keeps it.
struct ClockDecision {
  enum class Type : uint8_t {
    kIdle,         // contributes the wall clock: at `time` the watermark that it gave
    kActive,       // has records again
    kClamped,      // `count` event times replaced
    kUnconfirmed,  // `count` jumps ahead that move no time yet
    kConfirmed,    // a jump to `time` counts
    kUnreachable,  // holds time from now on
    kFrozen,       // held too long: time goes on without it
    kReachable,    // again
    kFinished,
    kSilent,  // could not be read until `time`: silence up to there says nothing
  };
  Type type = Type::kIdle;
  TopicPartition partition;
  EventTime time;  // see type; otherwise the partition's watermark
  uint64_t count = 1;
};
std::string_view Name(ClockDecision::Type type);

class Clock {
 public:
  explicit Clock(const ClockOptions& options);

  // A partition holds time (at the beginning) from here on, until its first record or until idle.
  PartitionIndex Add(TopicPartition partition, const PartitionOptions& options);
  void Remove(PartitionIndex partition);
  // Files: the last record was observed. It holds time no longer.
  void Finish(PartitionIndex partition);
  std::optional<PartitionIndex> Find(const TopicPartition& partition) const;

  // A fetch succeeded and found nothing more / failed, at wall clock `now`. Without a wall clock
  // (replay) neither has an effect.
  void AtEnd(PartitionIndex partition, std::optional<EventTime> now);
  void Unreachable(PartitionIndex partition, std::optional<EventTime> now);

  // The time of one sample or event of a record, in the order of the records. `series` tells
  // sources apart where a jump needs confirmation (hash of the labels).
  Stamp Observe(PartitionIndex partition, EventTime event_time,
                std::optional<IngestTime> receive_time, uint64_t series);

  // Lets idle and unreachable partitions contribute as of wall clock `now` (never goes back;
  // nullopt in replay). Returns the engine's watermark. Call it once per poll, before its records.
  EventTime Advance(std::optional<EventTime> now);

  // Replay's end and restarts: the watermark is at least just past the tick that covers `time`.
  void CloseThrough(EventTime time);

  // A run that is told again: from the first call on, time moves by these alone. Decisions of who
  // is frozen, and of silence, hold as they did.
  void Follow(EventTime watermark, const std::vector<ClockDecision>& decisions);

  // Engine's watermark; kMinTime until every partition that holds time has said something.
  EventTime watermark() const { return watermark_; }
  EventTime WatermarkOf(PartitionIndex partition) const;
  // End of the last closed tick; kMinTime while there is none.
  EventTime closed() const { return closed_; }
  // The end of the tick that covers `time`.
  EventTime TickOf(EventTime time) const;
  // The highest time observed that counts; kMinTime while there is none. Of unconfirmed jumps those
  // count that end a finished file which is sparse or has fewer than three series, if less than a
  // day ahead of the rest: nothing that came later speaks against them.
  EventTime LastTime() const;
  // At least one partition that holds time was added, and all of these are finished.
  bool finished() const;

  // Its watermark is more than ahead_max above the engine's: pause it, so that catching up cannot
  // fill memory. Never true for the partition that holds the engine back.
  bool Ahead(PartitionIndex partition) const;
  bool Idle(PartitionIndex partition) const;
  // Unreachable for longer than max_hold: `missing` over what it carries stays as it is.
  bool Frozen(PartitionIndex partition) const;
  // The wall clock as last told; nullopt in replay.
  std::optional<EventTime> wall() const { return wall_; }
  // Up to here silence may be ours: a partition could not be fetched while it was near the wall
  // clock, and then could again. kMinTime: never so.
  EventTime silent_until() const { return silent_until_; }
  // Replay's order: the partition to read next, lowest watermark first, then lowest index; nullopt
  // when all are finished. Partitions that do not hold time are not named.
  std::optional<PartitionIndex> NextToRead() const;

  // What was decided since the last call, in order; replaced and unconfirmed times are counted
  // together. At most 4,096 are kept.
  std::vector<ClockDecision> TakeDecisions();

 private:
  struct Jump {
    uint64_t series = 0;
    EventTime time;
    uint64_t record = 0;  // its number within the partition
  };
  struct Partition {
    TopicPartition name;
    PartitionOptions options;
    bool used = false;
    bool finished = false;
    EventTime highest = kMinTime;  // of the times that count
    EventTime last = kMinTime;     // the same before the receive time was looked at
    bool provisional = false;      // `highest` is the first record's and nothing agreed yet
    uint64_t first_series = 0;     // … which was of this series
    std::vector<Jump> jumps;       // unconfirmed, in order of arrival, at most kJumpsMax
    std::vector<uint64_t> series;  // the first three that were seen
    uint64_t records = 0;          // that a receive time did not judge …
    uint64_t jumped = 0;           // … of which jumped
    uint64_t last_normal = 0;      // number of the last that did not
    uint64_t held = 0;             // unconfirmed ones that were taken at their own time
    EventTime contribution = kMinTime;
    std::optional<EventTime> last_record_wall;  // or when it was added
    std::optional<EventTime> last_end_wall, unreachable_since;
    bool idle = false;
    bool frozen = false;
  };

  void ObserveDated(Partition& partition, EventTime receive_time, Stamp& stamp);
  void ObserveUndated(Partition& partition, EventTime time, uint64_t series, Stamp& stamp);
  void Jumped(Partition& partition, uint64_t series, EventTime time, Stamp& stamp);
  bool Confirm(Partition& partition);
  void Woken(Partition& partition);
  void Contribute(Partition& partition, EventTime watermark);
  void UpdateFromWall(Partition& partition);
  void SetReachable(Partition& partition);
  bool HoldsTime(const Partition& partition) const;
  void Recompute();
  void SetWatermark(EventTime watermark);
  void MoveWatermark(EventTime watermark);
  void Decide(ClockDecision::Type type, const Partition& partition, EventTime time);
  Partition& At(PartitionIndex index);
  const Partition& At(PartitionIndex index) const;

  ClockOptions options_;
  std::vector<Partition> partitions_;
  EventTime watermark_ = kMinTime;
  EventTime closed_ = kMinTime;
  EventTime removed_last_ = kMinTime;  // LastTime() of partitions that were removed
  EventTime least_ = kMinTime;         // the least contribution, of which there are …
  size_t at_least_ = 0;                // … so many
  std::optional<EventTime> wall_;
  bool following_ = false;
  EventTime silent_until_ = kMinTime;
  std::vector<ClockDecision> decisions_;
};

}  // namespace rootnote
