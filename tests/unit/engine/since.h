// A source that begins in the middle.
#pragma once

#include <utility>
#include <vector>

#include "connectors/memory/memory.h"
#include "connectors/source.h"
#include "schemas/base/time.h"

namespace rootnote::testing {

// As a broker gives it from a time on: what is older is not read, and offsets stay.
class Since : public Source {
 public:
  Since(std::vector<MemoryRecord> records, EventTime from)
      : all_(std::move(records)), from_(from) {}
  absl::StatusOr<SourceBatch> Poll(const PollLimits& limits, Millis timeout) override {
    absl::StatusOr<SourceBatch> polled = all_.Poll(limits, timeout);
    if (polled.ok()) {
      std::erase_if(polled->batch.records,
                    [this](const Record& record) { return *record.record_time < from_; });
    }
    return polled;
  }
  void Pause(const TopicPartition& partition) override { all_.Pause(partition); }
  void Resume(const TopicPartition& partition) override { all_.Resume(partition); }
  void Close() override {}

 private:
  MemorySource all_;
  EventTime from_;
};

}  // namespace rootnote::testing
