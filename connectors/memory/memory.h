// A source and a sink in memory: what `rootnote test` runs scenarios on, and tests run pipelines
// on.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "connectors/sink.h"
#include "connectors/source.h"

namespace rootnote {

// One record as a test writes it. Offsets count from 0 per partition in the order given.
struct MemoryRecord {
  std::string topic;
  int32_t partition = 0;
  std::optional<std::string> key;
  std::optional<std::string> value;
  std::vector<std::pair<std::string, std::optional<std::string>>> headers;
  std::optional<EventTime> record_time;
  std::optional<IngestTime> receive_time;
};

// Delivers its records in the order given, each poll from the first unpaused partition that has
// some, then finishes. Like a set of files: partitions are announced at the first poll, in order of
// appearance. Thread: one.
class MemorySource : public Source {
 public:
  explicit MemorySource(std::vector<MemoryRecord> records);

  absl::StatusOr<SourceBatch> Poll(const PollLimits& limits, Millis timeout) override;
  void Pause(const TopicPartition& partition) override;
  void Resume(const TopicPartition& partition) override;
  void Close() override {}

 private:
  struct Partition {
    TopicPartition name;
    std::vector<size_t> records;  // indexes into records_
    size_t next = 0;
    bool finished = false;
    bool paused = false;
  };
  Record View(const MemoryRecord& record, int64_t offset) const;
  Partition* Find(const TopicPartition& partition);

  const std::shared_ptr<const std::vector<MemoryRecord>> records_;
  std::vector<Partition> partitions_;
  size_t turn_ = 0;
  bool announced_ = false;
};

// Keeps all it is given. Thread: one.
class MemorySink : public Sink {
 public:
  absl::Status Write(const Commit& commit) override;
  absl::Status Close() override { return absl::OkStatus(); }

  const std::vector<OutputRecord>& records() const { return records_; }
  // Values of one topic, a line each.
  std::string Lines(std::string_view topic) const;
  const std::map<TopicPartition, int64_t>& offsets() const { return offsets_; }

 private:
  std::vector<OutputRecord> records_;
  std::map<TopicPartition, int64_t> offsets_;
};

}  // namespace rootnote
