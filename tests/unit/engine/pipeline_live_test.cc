// A live input: the wall clock stands in for idle partitions, the sink gets commits while it goes
// on.
#include <algorithm>
#include <deque>
#include <functional>
#include <map>
#include <set>
#include <string>

#include "fmt/format.h"
#include "gtest/gtest.h"

#include "engine/pipeline.h"
#include "schemas/incident_encoder.h"
#include "tests/unit/engine/small_estate.h"

namespace rootnote {
namespace {

using testing::FaultySink;
using testing::Rules;
using testing::Sampled;
using testing::T;

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

TEST(PipelineLive, LiveInputClosesTicksByTheWallClockWhenIdle) {
  const auto program = Rules(R"(
kind vm { id vm }
signal hot on vm { when temperature > 80 for 10s  family errors }
incidents { hold back 0s }
)");
  EventTime wall = T(0);
  PipelineOptions options;
  options.topics.push_back({"metrics", TopicRole::kData, "rootnote-json", "", Millis(5'000)});
  options.now = [&wall] { return wall; };
  LiveSource source;
  const TopicPartition name{"metrics", 0};
  source.turns.push_back({{}, {{PartitionNotice::Type::kAssigned, name, 0, -1}}, {}});
  for (int second = 0; second <= 20; second += 5) {
    MemoryRecord record = Sampled(T(second), "temperature", R"({"vm":"v"})", 90).record;
    record.receive_time = T(second);
    source.turns.push_back({{record}, {}, [&wall, second] { wall = T(second); }});
  }
  // Then silence; fetches succeed.
  for (int second = 21; second <= 60; ++second) {
    source.turns.push_back({{}, {{PartitionNotice::Type::kAtEnd, name, 5, -1}}, [&wall, second] {
                              wall = T(second);
                            }});
  }
  FaultySink sink;
  Metrics metrics;
  Pipeline pipeline(program, source, sink, metrics, options);
  source.at_end = [&pipeline] { pipeline.Stop(); };
  std::vector<EventTime> fired;
  pipeline.OnTransition([&fired](const Transition& transition, const Program&) {
    if (transition.to == SignalState::kFiring) {
      fired.push_back(transition.time);
    }
  });
  ASSERT_TRUE(pipeline.Run().ok());
  EXPECT_EQ(fired, std::vector<EventTime>{T(10)});
  EXPECT_EQ(sink.offsets().at(name), 5);
  EXPECT_EQ(pipeline.View()->watermark, T(55)) << "60 s of wall clock less the lateness";
  EXPECT_FALSE(sink.Lines(options.outputs.incidents).empty());
}

TEST(PipelineLive, APartitionFarAheadIsPaused) {
  EventTime wall = T(1'000);
  PipelineOptions options;
  options.now = [&wall] { return wall; };
  LiveSource source;
  source.turns.push_back({{},
                          {{PartitionNotice::Type::kAssigned, {"metrics", 0}, 0, -1},
                           {PartitionNotice::Type::kAssigned, {"metrics", 1}, 0, -1}},
                          {}});
  std::vector<MemoryRecord> records;
  records.push_back(Sampled(T(0), "vm_write_latency_seconds", R"({"vm":"web1"})", 1, 0).record);
  for (int second = 0; second < 100; second += 10) {
    records.push_back(
        Sampled(T(second), "vm_write_latency_seconds", R"({"vm":"web2"})", 1, 1).record);
  }
  for (MemoryRecord& record : records) {
    record.receive_time = wall;
  }
  source.turns.push_back({records, {}, {}});
  FaultySink sink;
  Metrics metrics;
  Pipeline pipeline(Rules(), source, sink, metrics, options);
  source.at_end = [&pipeline] { pipeline.Stop(); };
  ASSERT_TRUE(pipeline.Run().ok());
  EXPECT_GE(source.paused, 1);
}

}  // namespace
}  // namespace rootnote
