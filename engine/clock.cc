#include "engine/clock.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "schemas/base/check.h"

namespace rootnote {
namespace {

constexpr size_t kJumpsMax = 64;
constexpr size_t kConfirmationsNeeded = 3;
constexpr size_t kDecisionsMax = 4'096;
constexpr Millis kTrailingJumpMax{86'400'000};

// Event times come from outside: sums near the ends of the range stay at the ends.
EventTime Plus(EventTime time, Millis delta) {
  if (delta.count() >= 0) {
    return time > kMaxTime - delta ? kMaxTime : time + delta;
  }
  return time < kMinTime - delta ? kMinTime : time + delta;
}

EventTime Minus(EventTime time, Millis delta) { return Plus(time, -delta); }

int64_t FloorTo(int64_t value, int64_t step) {
  const int64_t rest = value % step;
  if (rest >= 0) {
    return value - rest;
  }
  return value < std::numeric_limits<int64_t>::min() + step ? std::numeric_limits<int64_t>::min()
                                                            : value - rest - step;
}

}  // namespace

std::string_view Name(ClockDecision::Type type) {
  switch (type) {
    case ClockDecision::Type::kIdle:
      return "idle";
    case ClockDecision::Type::kActive:
      return "active";
    case ClockDecision::Type::kClamped:
      return "clamped";
    case ClockDecision::Type::kUnconfirmed:
      return "unconfirmed";
    case ClockDecision::Type::kConfirmed:
      return "confirmed";
    case ClockDecision::Type::kUnreachable:
      return "unreachable";
    case ClockDecision::Type::kFrozen:
      return "frozen";
    case ClockDecision::Type::kReachable:
      return "reachable";
    case ClockDecision::Type::kFinished:
      return "finished";
    case ClockDecision::Type::kSilent:
      return "silent";
  }
  return "";
}

Clock::Clock(const ClockOptions& options) : options_(options) { CHECK(options.tick.count() > 0); }

PartitionIndex Clock::Add(TopicPartition partition, const PartitionOptions& options) {
  size_t index = 0;
  while (index < partitions_.size() && partitions_[index].used) {
    ++index;
  }
  if (index == partitions_.size()) {
    partitions_.emplace_back();
  }
  Partition fresh;
  fresh.name = std::move(partition);
  fresh.options = options;
  fresh.used = true;
  fresh.last_record_wall = wall_;
  partitions_[index] = std::move(fresh);
  Recompute();
  return PartitionIndex(static_cast<uint32_t>(index));
}

void Clock::Remove(PartitionIndex index) {
  Partition& partition = At(index);
  if (partition.options.holds_time && !partition.provisional) {
    removed_last_ = std::max(removed_last_, partition.last);
  }
  partition = Partition();
  Recompute();
}

void Clock::Finish(PartitionIndex index) {
  Partition& partition = At(index);
  if (partition.finished) {
    return;
  }
  partition.finished = true;
  Decide(ClockDecision::Type::kFinished, partition, partition.contribution);
  Recompute();
}

std::optional<PartitionIndex> Clock::Find(const TopicPartition& partition) const {
  for (size_t i = 0; i < partitions_.size(); ++i) {
    if (partitions_[i].used && partitions_[i].name == partition) {
      return PartitionIndex(static_cast<uint32_t>(i));
    }
  }
  return std::nullopt;
}

void Clock::AtEnd(PartitionIndex index, std::optional<EventTime> now) {
  if (!now) {
    return;
  }
  Partition& partition = At(index);
  partition.last_end_wall = now;
  SetReachable(partition);
}

void Clock::Unreachable(PartitionIndex index, std::optional<EventTime> now) {
  Partition& partition = At(index);
  if (!now || partition.unreachable_since) {
    return;
  }
  partition.unreachable_since = now;
  partition.last_end_wall.reset();
  Decide(ClockDecision::Type::kUnreachable, partition, partition.contribution);
}

Stamp Clock::Observe(PartitionIndex index, EventTime event_time,
                     std::optional<IngestTime> receive_time, uint64_t series) {
  Partition& partition = At(index);
  Stamp stamp;
  stamp.time = event_time;
  if (receive_time && event_time > Plus(*receive_time, options_.skew_limit)) {
    stamp.time = *receive_time;
    stamp.clamped = true;
    Decide(ClockDecision::Type::kClamped, partition, event_time);
  }
  Woken(partition);
  if (!partition.options.holds_time) {
    stamp.tick = TickOf(stamp.time);
    if (stamp.tick <= closed_ && closed_ != kMinTime) {
      stamp.tick = Plus(closed_, options_.tick);
    }
    return stamp;
  }
  // A record's own time is a receive time only if a wall clock stood beside it when it was read.
  const EventTime effective = receive_time ? std::min(stamp.time, *receive_time) : stamp.time;
  if (receive_time && (wall_ || following_)) {
    ObserveDated(partition, effective, stamp);
  } else {
    ObserveUndated(partition, effective, series, stamp);
  }
  stamp.tick = TickOf(stamp.time);
  stamp.late = stamp.time <= closed_ && closed_ != kMinTime;
  return stamp;
}

void Clock::ObserveDated(Partition& partition, EventTime effective, Stamp& stamp) {
  partition.provisional = false;
  partition.highest = std::max(partition.highest, effective);
  partition.last = std::max(partition.last, stamp.time);
  Contribute(partition, Minus(partition.highest, partition.options.allowed_lateness));
}

// Without a trustworthy receive time the only measure of a jump ahead is what the partition's other
// series say. The first record has nothing to be measured by: it holds time until a second agrees.
void Clock::ObserveUndated(Partition& partition, EventTime time, uint64_t series, Stamp& stamp) {
  ++partition.records;
  if (partition.series.size() < kConfirmationsNeeded &&
      std::find(partition.series.begin(), partition.series.end(), series) ==
          partition.series.end()) {
    partition.series.push_back(series);
  }
  if (partition.highest == kMinTime) {
    partition.highest = time;
    partition.last = stamp.time;
    partition.provisional = true;
    partition.first_series = series;
    return;
  }
  if (time > Plus(partition.highest, options_.skew_limit)) {
    Jumped(partition, series, time, stamp);
    return;
  }
  if (partition.provisional && time < Minus(partition.highest, options_.skew_limit)) {
    // The first record was the one that lies, or the next ones will say so: it is a jump from here.
    ++partition.jumped;
    partition.jumps.push_back({partition.first_series, partition.highest, partition.records - 1});
    partition.highest = time;
    partition.last = stamp.time;
    partition.first_series = series;
    return;
  }
  partition.provisional = false;
  partition.last_normal = partition.records;
  std::erase_if(partition.jumps, [&](const Jump& jump) { return jump.series == series; });
  partition.highest = std::max(partition.highest, time);
  partition.last = std::max(partition.last, stamp.time);
  Contribute(partition, Minus(partition.highest, partition.options.allowed_lateness));
}

void Clock::Jumped(Partition& partition, uint64_t series, EventTime time, Stamp& stamp) {
  ++partition.jumped;
  auto& jumps = partition.jumps;
  const auto of_series = [&](const Jump& jump) { return jump.series == series; };
  const auto count = std::count_if(jumps.begin(), jumps.end(), of_series);
  if (count >= static_cast<std::ptrdiff_t>(kConfirmationsNeeded)) {
    jumps.erase(std::find_if(jumps.begin(), jumps.end(), of_series));
  } else if (jumps.size() >= kJumpsMax) {
    jumps.erase(jumps.begin());
  }
  jumps.push_back({series, time, partition.records});
  if (Confirm(partition) && time <= partition.highest) {
    return;
  }
  if (partition.held >= kJumpsMax) {
    stamp.time = partition.highest;
    stamp.clamped = true;
    Decide(ClockDecision::Type::kClamped, partition, time);
    return;
  }
  ++partition.held;
  stamp.unconfirmed = true;
  Decide(ClockDecision::Type::kUnconfirmed, partition, time);
}

// A jump counts up to the highest time that three series have reached (if the partition has fewer,
// that three records have).
bool Clock::Confirm(Partition& partition) {
  auto& jumps = partition.jumps;
  if (jumps.size() < kConfirmationsNeeded) {
    return false;
  }
  std::vector<Jump> descending = jumps;
  std::stable_sort(descending.begin(), descending.end(),
                   [](const Jump& a, const Jump& b) { return a.time > b.time; });
  std::vector<uint64_t> seen;
  for (size_t i = 0; i < descending.size(); ++i) {
    if (std::find(seen.begin(), seen.end(), descending[i].series) == seen.end()) {
      seen.push_back(descending[i].series);
    }
    if (i + 1 < kConfirmationsNeeded || seen.size() < partition.series.size()) {
      continue;
    }
    partition.highest = descending[i].time;
    // What lies within the limit of the new height is no jump any more, step by step upwards.
    for (size_t j = i; j-- > 0;) {
      if (descending[j].time <= Plus(partition.highest, options_.skew_limit)) {
        partition.highest = descending[j].time;
      }
    }
    std::erase_if(jumps, [&](const Jump& jump) { return jump.time <= partition.highest; });
    partition.provisional = false;
    partition.last = std::max(partition.last, partition.highest);
    partition.held = jumps.size();
    Decide(ClockDecision::Type::kConfirmed, partition, partition.highest);
    Contribute(partition, Minus(partition.highest, partition.options.allowed_lateness));
    return true;
  }
  return false;
}

// A record came: neither idle nor unreachable.
void Clock::Woken(Partition& partition) {
  partition.last_record_wall = wall_;
  SetReachable(partition);
  if (partition.idle) {
    partition.idle = false;
    const EventTime own = partition.provisional
                              ? kMinTime
                              : Minus(partition.highest, partition.options.allowed_lateness);
    Decide(ClockDecision::Type::kActive, partition, own);
    Contribute(partition, own);
  }
}

void Clock::SetReachable(Partition& partition) {
  if (!partition.unreachable_since) {
    return;
  }
  // One that was far behind is catching up on what was kept: its silence is not seen yet.
  if (wall_ && Plus(partition.contribution, options_.skew_limit) >= *partition.unreachable_since) {
    silent_until_ = std::max(silent_until_, *wall_);
    Decide(ClockDecision::Type::kSilent, partition, silent_until_);
  }
  partition.unreachable_since.reset();
  Decide(ClockDecision::Type::kReachable, partition, partition.contribution);
  if (partition.frozen) {
    partition.frozen = false;
    Recompute();
  }
}

EventTime Clock::Advance(std::optional<EventTime> now) {
  if (!now) {
    return watermark_;
  }
  wall_ = wall_ ? std::max(*wall_, *now) : *now;
  for (Partition& partition : partitions_) {
    if (partition.used && partition.options.holds_time && !partition.finished) {
      UpdateFromWall(partition);
    }
  }
  Recompute();
  return watermark_;
}

void Clock::UpdateFromWall(Partition& partition) {
  if (!partition.last_record_wall) {
    partition.last_record_wall = wall_;
  }
  if (partition.unreachable_since && !partition.frozen &&
      *wall_ >= Plus(*partition.unreachable_since, options_.max_hold)) {
    partition.frozen = true;
    Decide(ClockDecision::Type::kFrozen, partition, partition.contribution);
  }
  const bool idle = partition.last_end_wall &&
                    *wall_ <= Plus(*partition.last_end_wall, options_.idle_after) &&
                    *wall_ >= Plus(*partition.last_record_wall, options_.idle_after);
  EventTime own = kMinTime;
  if (!partition.provisional && partition.highest != kMinTime) {
    own = Minus(partition.highest, partition.options.allowed_lateness);
  }
  partition.contribution =
      idle ? std::max(own, Minus(*wall_, partition.options.allowed_lateness)) : own;
  if (idle && !partition.idle) {
    Decide(ClockDecision::Type::kIdle, partition, partition.contribution);
  }
  partition.idle = idle;
}

void Clock::CloseThrough(EventTime time) { SetWatermark(Plus(TickOf(time), Millis(1))); }

bool Clock::HoldsTime(const Partition& partition) const {
  return partition.used && partition.options.holds_time && !partition.finished && !partition.frozen;
}

// Keeps the least contribution with the number of partitions that have it, so that a record costs a
// look at all partitions only when it moves the last of these.
void Clock::Contribute(Partition& partition, EventTime watermark) {
  const EventTime before = std::exchange(partition.contribution, watermark);
  if (before == watermark || !HoldsTime(partition)) {
    return;
  }
  if (watermark < least_) {
    least_ = watermark;
    at_least_ = 1;
    return;
  }
  if (watermark == least_) {
    ++at_least_;
  } else if (before == least_ && --at_least_ == 0) {
    Recompute();
  }
}

void Clock::Recompute() {
  least_ = kMaxTime;
  at_least_ = 0;
  for (const Partition& partition : partitions_) {
    if (!HoldsTime(partition)) {
      continue;
    }
    if (partition.contribution < least_) {
      least_ = partition.contribution;
      at_least_ = 0;
    }
    at_least_ += partition.contribution == least_ ? 1 : 0;
  }
  if (at_least_ > 0) {
    SetWatermark(least_);
  }
}

void Clock::Follow(EventTime watermark, const std::vector<ClockDecision>& decisions) {
  following_ = true;
  for (const ClockDecision& decision : decisions) {
    const std::optional<PartitionIndex> partition = Find(decision.partition);
    if (decision.type == ClockDecision::Type::kSilent) {
      silent_until_ = std::max(silent_until_, decision.time);
    } else if (partition && decision.type == ClockDecision::Type::kFrozen) {
      At(*partition).frozen = true;
    } else if (partition && decision.type == ClockDecision::Type::kReachable) {
      At(*partition).frozen = false;
    }
  }
  MoveWatermark(watermark);
}

void Clock::SetWatermark(EventTime watermark) {
  if (!following_) {
    MoveWatermark(watermark);
  }
}

void Clock::MoveWatermark(EventTime watermark) {
  if (watermark <= watermark_) {
    return;
  }
  watermark_ = watermark;
  const EventTime closed = FromMillis(FloorTo(ToMillis(watermark) - 1, options_.tick.count()));
  closed_ = std::max(closed_, closed);
}

EventTime Clock::WatermarkOf(PartitionIndex partition) const { return At(partition).contribution; }

EventTime Clock::TickOf(EventTime time) const {
  const int64_t step = options_.tick.count();
  const EventTime floor = FromMillis(FloorTo(ToMillis(time), step));
  return floor == time ? floor : Plus(floor, options_.tick);
}

EventTime Clock::LastTime() const {
  EventTime last = removed_last_;
  EventTime first_of_provisional = kMaxTime;
  for (const Partition& partition : partitions_) {
    if (!partition.used || !partition.options.holds_time || partition.highest == kMinTime) {
      continue;
    }
    if (partition.provisional) {
      first_of_provisional = std::min(first_of_provisional, partition.last);
    } else {
      last = std::max(last, partition.last);
    }
  }
  if (last == kMinTime && first_of_provisional != kMaxTime) {
    last = first_of_provisional;
  }
  std::vector<EventTime> tails;
  for (const Partition& partition : partitions_) {
    if (!partition.used || !partition.options.holds_time || !partition.finished) {
      continue;
    }
    if (partition.provisional) {
      tails.push_back(partition.last);
    }
    const bool sparse = 2 * partition.jumped >= partition.records;
    for (const Jump& jump : partition.jumps) {
      if (jump.record > partition.last_normal &&
          (sparse || partition.series.size() < kConfirmationsNeeded)) {
        tails.push_back(jump.time);
      }
    }
  }
  std::sort(tails.begin(), tails.end());
  for (const EventTime tail : tails) {
    if (tail > last && tail <= Plus(last, kTrailingJumpMax)) {
      last = tail;
    }
  }
  return last;
}

bool Clock::finished() const {
  bool any = false;
  for (const Partition& partition : partitions_) {
    if (partition.used && partition.options.holds_time) {
      if (!partition.finished) {
        return false;
      }
      any = true;
    }
  }
  return any;
}

bool Clock::Ahead(PartitionIndex index) const {
  const Partition& partition = At(index);
  return HoldsTime(partition) && partition.contribution > least_ &&
         partition.contribution > Plus(watermark_, options_.ahead_max);
}

bool Clock::Idle(PartitionIndex partition) const { return At(partition).idle; }

bool Clock::Frozen(PartitionIndex partition) const { return At(partition).frozen; }

std::optional<PartitionIndex> Clock::NextToRead() const {
  std::optional<PartitionIndex> next;
  EventTime lowest = kMaxTime;
  for (size_t i = 0; i < partitions_.size(); ++i) {
    const Partition& partition = partitions_[i];
    if (partition.used && partition.options.holds_time && !partition.finished &&
        (!next || partition.contribution < lowest)) {
      next = PartitionIndex(static_cast<uint32_t>(i));
      lowest = partition.contribution;
    }
  }
  return next;
}

void Clock::Decide(ClockDecision::Type type, const Partition& partition, EventTime time) {
  if (type == ClockDecision::Type::kClamped || type == ClockDecision::Type::kUnconfirmed) {
    for (ClockDecision& decision : decisions_) {
      if (decision.type == type && decision.partition == partition.name) {
        ++decision.count;
        decision.time = time;
        return;
      }
    }
  }
  if (decisions_.size() < kDecisionsMax) {
    decisions_.push_back({type, partition.name, time, 1});
  }
}

std::vector<ClockDecision> Clock::TakeDecisions() { return std::exchange(decisions_, {}); }

Clock::Partition& Clock::At(PartitionIndex index) {
  CHECK(index.index() < partitions_.size() && partitions_[index.index()].used);
  return partitions_[index.index()];
}

const Clock::Partition& Clock::At(PartitionIndex index) const {
  CHECK(index.index() < partitions_.size() && partitions_[index.index()].used);
  return partitions_[index.index()];
}

}  // namespace rootnote
