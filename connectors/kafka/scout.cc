#include "connectors/kafka/scout.h"

#include <algorithm>
#include <utility>

#include "fmt/format.h"
#include "librdkafka/rdkafka.h"

#include "connectors/kafka/positions.h"

namespace rootnote {
namespace {

constexpr Millis kAnswer{2'000};
constexpr Millis kEvery{1'000};
constexpr Millis kSoon{250};
constexpr int kPatternLooks = 5;  // patterns ask for every topic of the cluster: not every time
constexpr int kBeyondLooks = 3;   // a broker that has just taken over may not know its end yet
constexpr int kHeldBackLooks = 20;
constexpr int kMissingLooks = 3;
constexpr int kFailuresSaid = 5;

}  // namespace

PartitionScout::PartitionScout(rd_kafka_s* client, const KafkaSourceOptions& options,
                               Listener listener)
    : client_(client), options_(options), listener_(std::move(listener)), watched_(client) {}

absl::Status PartitionScout::Start() {
  RETURN_IF_ERROR(selection_.Add(options_.topics));
  for (const std::string& topic : selection_.names()) {
    topics_[topic];
  }
  for (const std::string& topic : options_.assigned) {
    topics_[topic];
  }
  for (const auto& [name, topic] : topics_) {
    RETURN_IF_ERROR(watched_.Add(name));
  }
  thread_ = std::thread([this] { Run(); });
  return absl::OkStatus();
}

void PartitionScout::Stop() {
  {
    const std::lock_guard lock(mutex_);
    closing_ = true;
  }
  changed_.notify_all();
  if (thread_.joinable()) {
    thread_.join();
  }
}

PartitionScout::Report PartitionScout::Take() {
  const std::lock_guard lock(mutex_);
  return std::exchange(report_, {});
}

void PartitionScout::LookAgain(const TopicPartition& partition) {
  const std::lock_guard lock(mutex_);
  look_again_.insert(partition);
  look_soon_ = true;
  changed_.notify_all();
}

bool PartitionScout::Closing() {
  const std::lock_guard lock(mutex_);
  return closing_;
}

bool PartitionScout::BeginLook() {
  const std::lock_guard lock(mutex_);
  look_soon_ = false;
  return !closing_;
}

void PartitionScout::Run() {
  while (BeginLook()) {
    const Millis wait = LookOnce() ? kEvery : kSoon;
    std::unique_lock lock(mutex_);
    changed_.wait_for(lock, wait, [this] { return closing_ || look_soon_; });
  }
}

bool PartitionScout::LookOnce() {
  absl::Status status = LookForTopics();
  bool complete = status.ok();
  if (status.ok()) {
    std::vector<Placement> wanted = Wanted();
    complete = wanted.empty();
    status = Place(std::move(wanted));
  }
  if (status.ok()) {
    said_.erase("");
    TellEnds();
  } else if (!Closing()) {
    SayOnce("", 4, fmt::format("{}: trying again", std::string(status.message())));
  }
  const bool missing = std::any_of(topics_.begin(), topics_.end(), [](const auto& entry) {
    return entry.second.missing > 0 && !entry.second.placed.empty();
  });
  return complete && status.ok() && !missing;
}

absl::Status PartitionScout::LookForTopics() {
  if (selection_.has_patterns() && looks_ % kPatternLooks == 0) {
    ASSIGN_OR_RETURN(const std::vector<ClusterTopic> all, AllTopics(client_, kAnswer));
    for (const ClusterTopic& seen : all) {
      if (selection_.InPattern(seen.name) && !topics_.contains(seen.name)) {
        RETURN_IF_ERROR(watched_.Add(seen.name));
        topics_[seen.name].looked = looks_ > 0;
      }
    }
  }
  if (topics_.empty()) {
    SayOnce("^", 4, "no topic matches the patterns yet: waiting for one");
    ++looks_;
    return absl::OkStatus();
  }
  ASSIGN_OR_RETURN(const std::vector<ClusterTopic> seen, watched_.Look(kAnswer));
  for (const ClusterTopic& topic : seen) {
    Meet(topic);
  }
  ++looks_;
  return absl::OkStatus();
}

void PartitionScout::Meet(const ClusterTopic& seen) {
  Topic& topic = topics_[seen.name];
  if (seen.Missing()) {
    topic.looked = true;
    MeetMissing(seen.name, topic);
    return;
  }
  if (seen.error != RD_KAFKA_RESP_ERR_NO_ERROR || seen.leaders.empty()) {
    SayOnce(seen.name, 4,
            fmt::format(
                "{}: trying again",
                std::string(TopicError("looking for topics", seen.name, seen.error).message())));
    return;
  }
  if (!std::exchange(topic.looked, true)) {
    topic.partitions_at_start = seen.leaders.size();
  }
  topic.leaders = seen.leaders;
  if (topic.missing > 0) {
    MeetAgain(seen.name, topic);
  }
  const auto without =
      std::count_if(seen.leaders.begin(), seen.leaders.end(), [](int32_t id) { return id < 0; });
  if (without > 0) {
    SayOnce(seen.name, 4,
            fmt::format("topic {}: {} of {} partitions have no leader: waiting for them", seen.name,
                        without, seen.leaders.size()));
  } else {
    said_.erase(seen.name);
  }
}

void PartitionScout::MeetMissing(const std::string& name, Topic& topic) {
  topic.leaders.clear();
  ++topic.missing;
  if (topic.placed.empty()) {
    SayOnce(name, 4, fmt::format("waiting for topic {}: it does not exist yet", name));
    return;
  }
  if (topic.missing > 1) {
    return;
  }
  Say(3, fmt::format("topic {} is gone: it was deleted, waiting for it to come back", name));
  topic.returning = topic.placed;
  {
    const std::lock_guard lock(mutex_);
    report_.gone.insert(name);
    std::erase_if(report_.placed, [&](const Placement& placement) {
      const bool same = placement.partition.topic == name;
      if (same && placement.cause == Cause::kNew) {  // never begun
        topic.placed.erase(placement.partition.partition);
        topic.returning.erase(placement.partition.partition);
      }
      return same;
    });
  }
  listener_.reported();
}

void PartitionScout::MeetAgain(const std::string& name, Topic& topic) {
  topic.anew = topic.missing >= kMissingLooks;
  topic.missing = 0;
  const auto count = static_cast<int32_t>(topic.leaders.size());
  Say(5, fmt::format("topic {} is there, with {} partitions", name, count));
  const std::set<int32_t> removed(topic.returning.lower_bound(count), topic.returning.end());
  if (removed.empty()) {
    return;
  }
  {
    const std::lock_guard lock(mutex_);
    for (const int32_t id : removed) {
      topic.returning.erase(id);
      topic.placed.erase(id);
      report_.removed.push_back({name, id});
    }
  }
  listener_.reported();
}

std::vector<PartitionScout::Placement> PartitionScout::Wanted() {
  std::vector<Placement> wanted;
  const std::lock_guard lock(mutex_);
  for (const auto& [name, topic] : topics_) {
    for (size_t i = 0; i < topic.leaders.size(); ++i) {
      const TopicPartition partition{name, static_cast<int32_t>(i)};
      if (topic.leaders[i] < 0) {
        continue;
      }
      if (!topic.placed.contains(partition.partition)) {
        wanted.push_back({.partition = partition, .cause = Cause::kNew});
      } else if (topic.returning.contains(partition.partition)) {
        wanted.push_back({.partition = partition, .cause = Cause::kBack, .anew = topic.anew});
      } else if (look_again_.contains(partition)) {
        wanted.push_back({.partition = partition, .cause = Cause::kOutOfRange});
      }
    }
  }
  return wanted;
}

// False: the answer is not to be trusted yet.
bool PartitionScout::Settled(const Placement& placement) {
  const auto committed = options_.committed.find(placement.partition);
  return placement.cause != Cause::kNew || committed == options_.committed.end() ||
         committed->second <= placement.log.end || ++beyond_[placement.partition] >= kBeyondLooks;
}

void PartitionScout::Decide(std::optional<int64_t> timed, Placement& placement) {
  const TopicPartition& partition = placement.partition;
  const LogRange& log = placement.log;
  Topic& topic = topics_[partition.topic];
  if (placement.cause == Cause::kNew) {
    const bool at_start = static_cast<size_t>(partition.partition) < topic.partitions_at_start;
    const Position position = FirstPosition(options_, partition, at_start, log, timed);
    placement.offset = position.offset;
    placement.skipped = position.skipped;
    const auto committed = options_.committed.find(partition);
    if (position.skipped && committed != options_.committed.end()) {
      Say(4, fmt::format("{} [{}]: the committed offset {} is outside of what is kept, {} to {}: "
                         "going on at {}",
                         partition.topic, partition.partition, committed->second, log.begin,
                         log.end, position.offset));
    }
    topic.placed.insert(partition.partition);
    beyond_.erase(partition);
  }
  const auto end = topic.ends.find(partition.partition);
  placement.anew = placement.anew || (end != topic.ends.end() && log.end < end->second);
  topic.returning.erase(partition.partition);
}

absl::Status PartitionScout::Place(std::vector<Placement> wanted) {
  std::vector<TopicPartition> all;
  std::vector<TopicPartition> added;
  for (const Placement& placement : wanted) {
    all.push_back(placement.partition);
    if (placement.cause == Cause::kNew) {
      added.push_back(placement.partition);
    }
  }
  ASSIGN_OR_RETURN(const auto ranges, LogRanges(client_, all, kAnswer));
  std::map<TopicPartition, int64_t> timed;
  if (options_.from_time) {
    ASSIGN_OR_RETURN(timed, OffsetsAt(client_, added, ToMillis(*options_.from_time), kAnswer));
  }
  const auto unsettled = std::erase_if(wanted, [&](Placement& placement) {
    const auto range = ranges.find(placement.partition);
    const bool needs_time = options_.from_time && placement.cause == Cause::kNew;
    if (range == ranges.end() || (needs_time && !timed.contains(placement.partition))) {
      return true;
    }
    placement.log = range->second;
    return !Settled(placement);
  });
  // All that is there begins at once if it can be: time must not run ahead of a part of it.
  if (wanted.empty() || (unsettled > 0 && !begun_ && ++held_back_ < kHeldBackLooks)) {
    return absl::OkStatus();
  }
  begun_ = true;
  for (Placement& placement : wanted) {
    const auto time = timed.find(placement.partition);
    const bool has_time = time != timed.end() && time->second >= 0;
    Decide(has_time ? std::optional(time->second) : std::nullopt, placement);
  }
  {
    const std::lock_guard lock(mutex_);
    for (Placement& placement : wanted) {
      look_again_.erase(placement.partition);
      report_.placed.push_back(std::move(placement));
    }
  }
  listener_.reported();
  return absl::OkStatus();
}

void PartitionScout::TellEnds() {
  std::vector<TopicPartition> placed;
  for (const auto& [name, topic] : topics_) {
    for (const int32_t id : topic.placed) {
      const auto index = static_cast<size_t>(id);
      if (index < topic.leaders.size() && topic.leaders[index] >= 0) {
        placed.push_back({name, id});
      }
    }
  }
  const auto ends = OffsetsAt(client_, placed, kLogEnd, kAnswer);
  if (!ends.ok()) {
    if (++ends_failed_ == kFailuresSaid) {
      Say(4, fmt::format("the ends of partitions are not known: {}",
                         std::string(ends.status().message())));
    }
    return;
  }
  ends_failed_ = 0;
  for (const auto& [partition, end] : *ends) {
    if (end >= 0) {
      topics_[partition.topic].ends[partition.partition] = end;
      listener_.ended(partition, end);
    }
  }
}

void PartitionScout::Say(int level, const std::string& message) {
  if (options_.log) {
    options_.log({level, "ROOTNOTE", message});
  }
}

// Again only when the words have changed, or it has been well in between.
void PartitionScout::SayOnce(const std::string& about, int level, const std::string& message) {
  std::string& said = said_[about];
  if (said != message) {
    said = message;
    Say(level, message);
  }
}

}  // namespace rootnote
