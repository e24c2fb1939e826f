#include "connectors/kafka/positions.h"

#include <algorithm>

namespace rootnote {
namespace {

// Behind the end of its log. A log made anew begins at 0; one that begins later has been cut short
// by an election among brokers, and what comes next is written at its end.
Position Beyond(const LogRange& log) { return {log.begin == 0 ? log.begin : log.end, true}; }

bool IsWhole(const KafkaSourceOptions& options, const std::string& topic) {
  return std::find(options.assigned.begin(), options.assigned.end(), topic) !=
         options.assigned.end();
}

}  // namespace

Position FirstPosition(const KafkaSourceOptions& options, const TopicPartition& partition,
                       bool at_start, const LogRange& log, std::optional<int64_t> timed) {
  if (IsWhole(options, partition.topic)) {
    return {log.begin, false};
  }
  if (options.anew.contains(partition.topic)) {
    return {log.begin, true};
  }
  const auto first = options.committed.lower_bound({partition.topic, -1});
  const bool topic_committed =
      first != options.committed.end() && first->first.topic == partition.topic;
  const auto committed = options.committed.find(partition);
  if (committed != options.committed.end()) {
    if (committed->second > log.end) {
      return Beyond(log);
    }
    const int64_t asked = std::min(committed->second, timed.value_or(committed->second));
    return {std::max(asked, log.begin), asked < log.begin};
  }
  if (topic_committed || !at_start) {
    return {log.begin, log.begin > 0};
  }
  if (options.from_beginning) {
    return {log.begin, false};
  }
  return {timed.value_or(log.end), false};
}

Position NextPosition(int64_t next, const LogRange& log, bool out_of_range) {
  if (next < log.begin) {
    return {log.begin, true};
  }
  // The stable end may lag behind what the broker has: only its word counts.
  return next > log.end && out_of_range ? Beyond(log) : Position{next, false};
}

}  // namespace rootnote
