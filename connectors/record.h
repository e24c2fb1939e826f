// What passes between a connector and the engine: bytes with their position. No Kafka here.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "schemas/base/time.h"

namespace rootnote {

struct HeaderView {
  std::string_view key;
  std::optional<std::string_view> value;
};

// One record of a source. Views live as long as the batch they came in.
struct Record {
  std::string_view topic;  // a file's topic is its path as given, "-" for stdin
  int32_t partition = 0;
  int64_t offset = 0;  // a file's offset is the 0-based line
  std::optional<std::string_view> key;
  std::optional<std::string_view> value;  // null: a tombstone
  std::vector<HeaderView> headers;
  // When the source says the record was made; absent for plain files.
  std::optional<EventTime> record_time;
  // Broker time, or min(CreateTime, wall clock at the poll); absent for files without record times.
  std::optional<IngestTime> receive_time;
};

// A half-open range of offsets, [begin, end), ascending in `records` per partition.
struct RecordBatch {
  std::vector<Record> records;
  std::shared_ptr<const void> keep_alive;  // owns every byte the records view
  size_t bytes = 0;

  bool empty() const { return records.empty(); }
};

struct TopicPartition {
  std::string topic;
  int32_t partition = 0;
  friend auto operator<=>(const TopicPartition&, const TopicPartition&) = default;
};

// What a sink writes. Owns its bytes.
struct OutputRecord {
  std::string topic;
  std::optional<std::string> key;
  std::optional<std::string> value;
  std::vector<std::pair<std::string, std::optional<std::string>>> headers;
  std::optional<EventTime> timestamp;
};

// Next offset to consume of a partition, and what travels with it in the commit metadata.
struct CommitOffset {
  TopicPartition partition;
  int64_t offset = 0;
  std::string metadata;
};

}  // namespace rootnote
