// A live input: the wall clock stands in for idle partitions, the sink gets commits while it goes
// on.
#include <algorithm>
#include <set>
#include <string>

#include "fmt/format.h"
#include "gtest/gtest.h"

#include "engine/pipeline.h"
#include "schemas/incident_encoder.h"
#include "tests/unit/engine/live_source.h"
#include "tests/unit/engine/small_estate.h"

namespace rootnote {
namespace {

using testing::FaultySink;
using testing::LiveSource;
using testing::Rules;
using testing::Sampled;
using testing::T;

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
