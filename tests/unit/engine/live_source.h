// A source that gives what a test queued, poll by poll.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <utility>
#include <vector>

#include "connectors/memory/memory.h"
#include "connectors/source.h"

namespace rootnote::testing {

// A live input by hand: each poll gives what the test queued, and the test moves the clock.
class LiveSource : public Source {
 public:
  struct Turn {
    std::vector<MemoryRecord> records;
    std::vector<PartitionNotice> notices;
    std::function<void()> before;
  };
  std::deque<Turn> turns;
  std::function<void()> at_end;

  absl::StatusOr<SourceBatch> Poll(const PollLimits&, Millis) override {
    SourceBatch out;
    if (turns.empty()) {
      at_end();
      return out;
    }
    auto turn = std::make_shared<Turn>(std::move(turns.front()));
    turns.pop_front();
    if (turn->before) {
      turn->before();
    }
    out.notices = turn->notices;
    for (const MemoryRecord& record : turn->records) {
      Record view;
      view.topic = record.topic;
      view.partition = record.partition;
      view.offset = offsets_[{record.topic, record.partition}]++;
      view.value = record.value;
      view.record_time = record.record_time;
      view.receive_time = record.receive_time;
      out.batch.records.push_back(std::move(view));
    }
    out.batch.keep_alive = turn;
    return out;
  }
  void Pause(const TopicPartition&) override { ++paused; }
  void Resume(const TopicPartition&) override {}
  void Close() override {}
  int paused = 0;

 private:
  std::map<TopicPartition, int64_t> offsets_;
};

}  // namespace rootnote::testing
