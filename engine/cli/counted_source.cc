#include "engine/cli/counted_source.h"

namespace rootnote {

absl::StatusOr<SourceBatch> CountedSource::Poll(const PollLimits& limits, Millis timeout) {
  on_poll_();
  ASSIGN_OR_RETURN(SourceBatch batch, source_.Poll(limits, timeout));
  for (const PartitionNotice& notice : batch.notices) {
    if (notice.type == PartitionNotice::Type::kAssigned) partitions_.insert(notice.partition);
    if (notice.type == PartitionNotice::Type::kRevoked) partitions_.erase(notice.partition);
  }
  int64_t bytes = 0;
  for (const Record& record : batch.batch.records) {
    bytes += record.value ? static_cast<int64_t>(record.value->size()) : 0;
  }
  bool over = false;
  {
    const std::lock_guard lock(mu_);
    bytes_ahead_ -= bytes;
    records_ahead_ -= static_cast<int64_t>(batch.batch.records.size());
    over = produced_all_ && records_ahead_ == 0;
  }
  room_.notify_all();
  if (over && batch.batch.empty() && !finished_) {
    finished_ = true;
    for (const TopicPartition& partition : partitions_) {
      batch.notices.push_back({.type = PartitionNotice::Type::kFinished, .partition = partition});
    }
  }
  return batch;
}

bool CountedSource::WaitForRoom(int64_t bytes, int64_t ahead) {
  std::unique_lock lock(mu_);
  room_.wait(lock, [&] { return abandoned_ || bytes_ahead_ <= ahead; });
  bytes_ahead_ += bytes;
  ++records_ahead_;
  return !abandoned_;
}

void CountedSource::ProducedAll() {
  const std::lock_guard lock(mu_);
  produced_all_ = true;
}

void CountedSource::Abandon() {
  {
    const std::lock_guard lock(mu_);
    abandoned_ = true;
  }
  room_.notify_all();
}

}  // namespace rootnote
