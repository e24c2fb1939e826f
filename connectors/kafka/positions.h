// Where to begin reading a partition, first and after its log has changed under us. Pure. Private
// to connectors/kafka.
#pragma once

#include <cstdint>
#include <optional>

#include "connectors/kafka/lookups.h"
#include "connectors/kafka/source.h"

namespace rootnote {

struct Position {
  int64_t offset = 0;
  bool skipped = false;  // what was asked for is gone: the engine must be told
};

// `at_start`: the partition was there when the source first looked at its topic. `timed`: the first
// record not older than options.from_time; absent when there is none, or no such time.
Position FirstPosition(const KafkaSourceOptions& options, const TopicPartition& partition,
                       bool at_start, const LogRange& log, std::optional<int64_t> timed);

// The broker said that `next` is out of range; or the topic was missing and is back.
Position NextPosition(int64_t next, const LogRange& log, bool out_of_range);

}  // namespace rootnote
