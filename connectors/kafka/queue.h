// Between the threads that fetch and the one that polls: bounded queues of batches, one per
// partition. Knows no librdkafka. Private to connectors/kafka.
#pragma once

#include <array>
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
  std::vector<Record> records;
  std::shared_ptr<const void> owner;
  size_t bytes = 0;
};

// Thread: any; the fetching threads call the first group, the polling one the second.
class PartitionQueues {
 public:
  static constexpr size_t kFetchersMax = 2;
  // `wake[i]` tells fetcher i that a partition it holds back has been drained.
  using Wake = std::array<std::function<void()>, kFetchersMax>;

  explicit PartitionQueues(size_t bytes_max) : bytes_max_(bytes_max) {}

  void SetWake(size_t fetcher, std::function<void()> wake);
  void Assign(size_t fetcher, std::vector<PartitionNotice> assigned);
  // What is queued of them is dropped.
  void Revoke(std::vector<PartitionNotice> revoked);
  // True when the partition is full now: the fetcher must hold it back until TakeDrained names it.
  bool Push(const TopicPartition& partition, RecordChunk chunk);
  std::vector<TopicPartition> TakeDrained(size_t fetcher);
  // Told again whenever a fetch has succeeded; passed on when everything before has been polled.
  void AtEnd(const TopicPartition& partition, int64_t offset);
  void Unreachable(const TopicPartition& partition, int64_t offset);
  // Every Poll from now on returns it.
  void Fail(absl::Status error);

  absl::StatusOr<SourceBatch> Poll(const PollLimits& limits, Millis timeout);
  void SetPaused(const TopicPartition& partition, bool paused);

 private:
  struct Queue {
    size_t fetcher = 0;
    std::deque<RecordChunk> chunks;
    size_t taken = 0;  // records of the first chunk
    size_t bytes = 0;
    bool held = false;
    std::optional<int64_t> at_end;
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
  std::array<std::vector<TopicPartition>, kFetchersMax> drained_;
  Wake wake_;
  TopicPartition turn_;  // where the next Poll begins
  absl::Status error_;
};

}  // namespace rootnote
