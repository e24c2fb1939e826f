#include "connectors/memory/memory.h"

#include <algorithm>
#include <utility>

namespace rootnote {

MemorySource::MemorySource(std::vector<MemoryRecord> records)
    : records_(std::make_shared<const std::vector<MemoryRecord>>(std::move(records))) {
  for (size_t i = 0; i < records_->size(); ++i) {
    const TopicPartition name{(*records_)[i].topic, (*records_)[i].partition};
    Partition* partition = Find(name);
    if (partition == nullptr) {
      partitions_.push_back({.name = name});
      partition = &partitions_.back();
    }
    partition->records.push_back(i);
  }
}

MemorySource::Partition* MemorySource::Find(const TopicPartition& name) {
  for (Partition& partition : partitions_) {
    if (partition.name == name) return &partition;
  }
  return nullptr;
}

Record MemorySource::View(const MemoryRecord& record, int64_t offset) const {
  Record view{.topic = record.topic, .partition = record.partition, .offset = offset};
  if (record.key) view.key = *record.key;
  if (record.value) view.value = *record.value;
  for (const auto& [key, value] : record.headers) {
    HeaderView header{.key = key};
    if (value) header.value = *value;
    view.headers.push_back(header);
  }
  view.record_time = record.record_time;
  view.receive_time = record.receive_time;
  return view;
}

absl::StatusOr<SourceBatch> MemorySource::Poll(const PollLimits& limits, Millis /*timeout*/) {
  SourceBatch result;
  result.batch.keep_alive = records_;
  if (!announced_) {
    announced_ = true;
    for (const Partition& partition : partitions_) {
      result.notices.push_back({.type = PartitionNotice::Type::kAssigned,
                                .partition = partition.name,
                                .offset = 0,
                                .end_offset = static_cast<int64_t>(partition.records.size())});
    }
    return result;
  }
  for (size_t tried = 0; tried < partitions_.size(); ++tried) {
    Partition& partition = partitions_[turn_++ % partitions_.size()];
    if (partition.paused || partition.finished) continue;
    if (partition.next == partition.records.size()) {
      partition.finished = true;
      result.notices.push_back({.type = PartitionNotice::Type::kFinished,
                                .partition = partition.name,
                                .offset = static_cast<int64_t>(partition.next)});
      continue;
    }
    while (partition.next < partition.records.size() &&
           result.batch.records.size() < limits.records_max &&
           (result.batch.bytes < limits.bytes_max || result.batch.empty())) {
      const MemoryRecord& record = (*records_)[partition.records[partition.next]];
      result.batch.records.push_back(View(record, static_cast<int64_t>(partition.next)));
      result.batch.bytes += record.value ? record.value->size() : 0;
      ++partition.next;
    }
    break;
  }
  return result;
}

void MemorySource::Pause(const TopicPartition& name) {
  if (Partition* partition = Find(name)) partition->paused = true;
}

void MemorySource::Resume(const TopicPartition& name) {
  if (Partition* partition = Find(name)) partition->paused = false;
}

absl::Status MemorySink::Write(const Commit& commit) {
  records_.insert(records_.end(), commit.records.begin(), commit.records.end());
  for (const CommitOffset& offset : commit.offsets) {
    int64_t& committed = offsets_[offset.partition];
    committed = std::max(committed, offset.offset);
  }
  return absl::OkStatus();
}

std::string MemorySink::Lines(std::string_view topic) const {
  std::string lines;
  for (const OutputRecord& record : records_) {
    if (record.topic != topic || !record.value) continue;
    lines += *record.value;
    lines += '\n';
  }
  return lines;
}

}  // namespace rootnote
