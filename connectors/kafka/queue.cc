#include "connectors/kafka/queue.h"

#include <algorithm>
#include <utility>

namespace rootnote {
namespace {

// Whatever the number of partitions: less than this is all overhead.
constexpr size_t kPartitionBytesMin = 256U << 10;

}  // namespace

size_t PartitionQueues::PartitionBytesMax() const {
  return std::max(kPartitionBytesMin, bytes_max_ / std::max<size_t>(1, queues_.size()));
}

void PartitionQueues::SetWake(std::function<void()> wake) {
  const std::lock_guard lock(mutex_);
  wake_ = std::move(wake);
}

void PartitionQueues::Assign(std::vector<PartitionNotice> assigned) {
  const std::lock_guard lock(mutex_);
  for (PartitionNotice& notice : assigned) {
    queues_[notice.partition] = Queue();
    notices_.push_back(std::move(notice));
  }
  changed_.notify_all();
}

void PartitionQueues::Revoke(std::vector<PartitionNotice> revoked) {
  const std::lock_guard lock(mutex_);
  for (PartitionNotice& notice : revoked) {
    queues_.erase(notice.partition);
    paused_.erase(notice.partition);
    notices_.push_back(std::move(notice));
  }
  changed_.notify_all();
}

bool PartitionQueues::Push(const TopicPartition& partition, RecordChunk chunk) {
  const std::lock_guard lock(mutex_);
  const auto found = queues_.find(partition);
  if (found == queues_.end() || chunk.records.empty()) {
    return false;
  }
  Queue& queue = found->second;
  queue.bytes += chunk.bytes;
  queue.at_end.reset();
  queue.chunks.push_back(std::move(chunk));
  if (!Paused(partition)) {
    changed_.notify_all();
  }
  if (queue.held || queue.bytes < PartitionBytesMax()) {
    return false;
  }
  queue.held = true;
  return true;
}

std::vector<TopicPartition> PartitionQueues::TakeDrained() {
  const std::lock_guard lock(mutex_);
  return std::exchange(drained_, {});
}

void PartitionQueues::Skipped(const TopicPartition& partition, int64_t offset, int64_t end_offset) {
  const std::lock_guard lock(mutex_);
  const auto found = queues_.find(partition);
  if (found != queues_.end()) {
    RecordChunk chunk;
    chunk.notice = {PartitionNotice::Type::kSkipped, partition, offset, end_offset};
    found->second.at_end.reset();
    found->second.chunks.push_back(std::move(chunk));
    changed_.notify_all();
  }
}

void PartitionQueues::End(const TopicPartition& partition, int64_t end_offset) {
  const std::lock_guard lock(mutex_);
  const auto found = queues_.find(partition);
  if (found != queues_.end()) {
    found->second.end = end_offset;
  }
}

void PartitionQueues::AtEnd(const TopicPartition& partition, int64_t offset) {
  const std::lock_guard lock(mutex_);
  const auto found = queues_.find(partition);
  if (found != queues_.end()) {
    found->second.at_end = offset;
    changed_.notify_all();
  }
}

void PartitionQueues::Unreachable(const TopicPartition& partition, int64_t offset) {
  const std::lock_guard lock(mutex_);
  const auto found = queues_.find(partition);
  if (found != queues_.end()) {
    found->second.at_end.reset();
    notices_.push_back({PartitionNotice::Type::kUnreachable, partition, offset, -1});
    changed_.notify_all();
  }
}

void PartitionQueues::Fail(absl::Status error) {
  const std::lock_guard lock(mutex_);
  error_.Update(std::move(error));
  changed_.notify_all();
}

void PartitionQueues::SetPaused(const TopicPartition& partition, bool paused) {
  const std::lock_guard lock(mutex_);
  if (!paused) {
    paused_.erase(partition);
  } else if (queues_.contains(partition)) {
    paused_.insert(partition);
  }
}

bool PartitionQueues::Ready() const {
  return !error_.ok() || !notices_.empty() ||
         std::any_of(queues_.begin(), queues_.end(), [this](const auto& entry) {
           const auto& [id, queue] = entry;
           return queue.chunks.empty() ? queue.at_end.has_value() : !Paused(id);
         });
}

void PartitionQueues::TakeNotices(SourceBatch& out) {
  out.notices = std::exchange(notices_, {});
  for (auto& [id, queue] : queues_) {
    if (queue.chunks.empty() && queue.at_end) {
      out.notices.push_back({PartitionNotice::Type::kAtEnd, id, *queue.at_end, -1});
      queue.at_end.reset();
    }
    if (queue.end) {
      out.notices.push_back({PartitionNotice::Type::kEnd, id, -1, *queue.end});
      queue.end.reset();
    }
  }
}

void PartitionQueues::TakeFrom(const TopicPartition& id, Queue& queue, const PollLimits& limits,
                               SourceBatch& out, std::vector<std::shared_ptr<const void>>& owners) {
  std::vector<Record>& records = out.batch.records;
  const size_t records_before = records.size();
  while (!queue.chunks.empty() && records.size() < limits.records_max &&
         out.batch.bytes < limits.bytes_max) {
    RecordChunk& chunk = queue.chunks.front();
    if (chunk.notice) {
      if (records.size() > records_before) {
        break;  // it would come before them
      }
      out.notices.push_back(*std::move(chunk.notice));
      queue.chunks.pop_front();
      continue;
    }
    const size_t left = chunk.records.size() - queue.taken;
    const size_t count = std::min(left, limits.records_max - records.size());
    const size_t bytes = chunk.bytes / left * count + (count == left ? chunk.bytes % left : 0);
    const auto first = chunk.records.begin() + static_cast<std::ptrdiff_t>(queue.taken);
    std::move(first, first + static_cast<std::ptrdiff_t>(count), std::back_inserter(records));
    owners.push_back(chunk.owner);
    out.batch.bytes += bytes;
    queue.bytes -= bytes;
    chunk.bytes -= bytes;
    queue.taken += count;
    if (count == left) {
      queue.chunks.pop_front();
      queue.taken = 0;
    }
  }
  if (queue.held && queue.bytes <= PartitionBytesMax() / 2) {
    queue.held = false;
    drained_.push_back(id);
    if (wake_) {
      wake_();
    }
  }
}

void PartitionQueues::TakeRecords(const PollLimits& limits, SourceBatch& out) {
  std::vector<std::shared_ptr<const void>> owners;
  auto it = queues_.lower_bound(turn_);
  for (size_t i = 0; i < queues_.size(); ++i, ++it) {
    if (it == queues_.end()) {
      it = queues_.begin();
    }
    if (!Paused(it->first)) {
      TakeFrom(it->first, it->second, limits, out, owners);
    }
    if (out.batch.records.size() >= limits.records_max || out.batch.bytes >= limits.bytes_max) {
      // The next turn belongs to the partition behind this one.
      const auto next = std::next(it);
      turn_ = next == queues_.end() ? TopicPartition() : next->first;
      break;
    }
  }
  if (!owners.empty()) {
    out.batch.keep_alive = std::make_shared<const decltype(owners)>(std::move(owners));
  }
}

absl::StatusOr<SourceBatch> PartitionQueues::Poll(const PollLimits& limits, Millis timeout) {
  std::unique_lock lock(mutex_);
  changed_.wait_for(lock, timeout, [this] { return Ready(); });
  if (!error_.ok()) {
    return error_;
  }
  SourceBatch out;
  TakeNotices(out);
  TakeRecords(limits, out);
  return out;
}

}  // namespace rootnote
