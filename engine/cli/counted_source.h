// A source that knows how much of what was produced has been delivered, so that the demo can pace
// its producer and can end: after the last record every partition is finished. Thread: Poll by the
// pipeline, the rest by the producer.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <functional>
#include <mutex>
#include <set>

#include "connectors/source.h"

namespace rootnote {

class CountedSource : public Source {
 public:
  // `on_poll` is called before each poll, on the pipeline's thread.
  CountedSource(Source& source, std::function<void()> on_poll)
      : source_(source), on_poll_(std::move(on_poll)) {}

  absl::StatusOr<SourceBatch> Poll(const PollLimits& limits, Millis timeout) override;
  void Pause(const TopicPartition& partition) override { source_.Pause(partition); }
  void Resume(const TopicPartition& partition) override { source_.Resume(partition); }
  void Close() override { source_.Close(); }

  // Counts a record of `bytes` as produced; waits while more than `ahead` bytes are not delivered.
  // False once the consumer is gone.
  bool WaitForRoom(int64_t bytes, int64_t ahead);
  void ProducedAll();
  void Abandon();  // The consumer is gone: nobody waits any more.

 private:
  Source& source_;
  std::function<void()> on_poll_;
  std::set<TopicPartition> partitions_;  // Poll's
  bool finished_ = false;                // Poll's

  std::mutex mu_;
  std::condition_variable room_;
  int64_t bytes_ahead_ = 0;    // guarded by mu_
  int64_t records_ahead_ = 0;  // guarded by mu_
  bool produced_all_ = false;  // guarded by mu_
  bool abandoned_ = false;     // guarded by mu_
};

}  // namespace rootnote
