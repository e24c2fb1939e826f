// Between the threads that fetch and the one that polls: bounded queues of batches, one per
// partition. Knows no librdkafka. Private to connectors/kafka.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <vector>

#include "connectors/source.h"
#include "schemas/base/status.h"

namespace rootnote {

// Records of one partition, ascending, with the memory they view.
struct RecordChunk {
  std::vector<Record> records;  // empty: the notice, in its place between records
  std::optional<PartitionNotice> notice;
  std::shared_ptr<const void> owner;
  size_t bytes = 0;
};

// Thread: any; the fetching threads call the first group, the polling one the second.
class PartitionQueues {
 public:
  explicit PartitionQueues(size_t bytes_max) : bytes_max_(bytes_max) {}

  // Called when a partition that is held back has been drained.
  void SetWake(std::function<void()> wake);
  void Assign(std::vector<PartitionNotice> assigned);
  // What is queued of them is dropped.
  void Revoke(std::vector<PartitionNotice> revoked);
  // True when the partition is full now: the fetcher must hold it back until TakeDrained names it.
  bool Push(const TopicPartition& partition, RecordChunk chunk);
  std::vector<TopicPartition> TakeDrained();
  // Behind the records that are queued.
  void Skipped(const TopicPartition& partition, int64_t offset, int64_t end_offset);
  // The latest is passed on with the next poll; does not end its waiting.
  void End(const TopicPartition& partition, int64_t end_offset);
  // Told again whenever a fetch has succeeded; passed on when everything before has been polled.
  void AtEnd(const TopicPartition& partition, int64_t offset);
  void Unreachable(const TopicPartition& partition, int64_t offset);
  // Every Poll from now on returns it.
  void Fail(absl::Status error);

  absl::StatusOr<SourceBatch> Poll(const PollLimits& limits, Millis timeout);
  void SetPaused(const TopicPartition& partition, bool paused);

 private:
  struct Queue {
    std::deque<RecordChunk> chunks;
    size_t taken = 0;  // records of the first chunk
    size_t bytes = 0;
    bool held = false;
    std::optional<int64_t> at_end;
    std::optional<int64_t> end;
  };
  using Queues = std::map<TopicPartition, Queue>;

  size_t PartitionBytesMax() const;
  bool Paused(const TopicPartition& partition) const { return paused_.contains(partition); }
  bool Ready() const;
  void TakeNotices(SourceBatch& out);
  void TakeRecords(const PollLimits& limits, SourceBatch& out);
  void TakeFrom(const TopicPartition& id, Queue& queue, const PollLimits& limits, SourceBatch& out,
                std::vector<std::shared_ptr<const void>>& owners);

  const size_t bytes_max_;
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  // Guarded by mutex_.
  Queues queues_;
  std::set<TopicPartition> paused_;
  std::vector<PartitionNotice> notices_;
  std::vector<TopicPartition> drained_;
  std::function<void()> wake_;
  TopicPartition turn_;  // where the next Poll begins
  absl::Status error_;
};

}  // namespace rootnote
