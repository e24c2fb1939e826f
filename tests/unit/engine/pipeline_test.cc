// The whole way on small rules: records in, incidents out. Threads, batches, order and repetition
// of delivery must decide nothing; no offset leaves before what came of its record.
#include "engine/pipeline.h"

#include <algorithm>
#include <deque>
#include <map>
#include <set>
#include <string>

#include "fmt/format.h"
#include "gtest/gtest.h"

#include "rules/compiler.h"
#include "schemas/incident_encoder.h"
#include "tests/harness/deliveries.h"

namespace rootnote {
namespace {

using testing::FaultySink;
using testing::InOrder;
using testing::ShuffledWithin;
using testing::TimedRecord;
using testing::WithDuplicates;

constexpr std::string_view kRules = R"(
kind app       { id app }
kind vm        { id vm }
kind datastore { id datastore }
kind array     { id array }
kind disk      { id array, disk }

relation runs_on    : app -> vm          carries errors, latency, down as errors
relation stored_on  : vm -> datastore    carries errors, latency within 2m
relation backed_by  : datastore -> array carries errors, latency
relation built_from : array -> disk      carries errors, errors as latency tolerates 1

signal disk_write_errors on disk {
  when rate(diskio_write_errors_total[1m]) > 0.1 for 10s
  family errors
}
signal vm_slow on vm {
  when avg_over_time(vm_write_latency_seconds[30s]) > 0.1 for 10s
  family latency
}
signal app_errors on app {
  when sum by (app) (count_over_time(request{code="500"}[30s]))
       / sum by (app) (count_over_time(request[30s])) > 20% for 10s
  family errors
}
incidents { hold back 20s }
)";

EventTime T(int64_t seconds) { return FromMillis(1'774'094'400'000 + seconds * 1'000); }

std::shared_ptr<const Program> Rules(std::string_view text = kRules) {
  CompileResult result = Compile({RuleSource("rules.rn", std::string(text))});
  for (const Diagnostic& diagnostic : result.diagnostics.list()) {
    if (diagnostic.level == DiagnosticLevel::kError) {
      ADD_FAILURE() << FormatDiagnostic(diagnostic, result.sources);
    }
  }
  return result.program;
}

MemoryRecord On(std::string topic, std::string value, int32_t partition = 0) {
  MemoryRecord record;
  record.topic = std::move(topic);
  record.partition = partition;
  record.value = std::move(value);
  return record;
}

TimedRecord Sampled(EventTime time, std::string_view metric, std::string_view labels, double value,
                    int32_t partition = 0) {
  return {time, On("metrics",
                   fmt::format(R"({{"metric":"{}","labels":{},"value":{},"time":"{}"}})", metric,
                               labels, value, FormatRfc3339(time)),
                   partition)};
}

std::vector<MemoryRecord> Map() {
  std::vector<MemoryRecord> records;
  auto relation = [&records](std::string_view name, std::string_view from, std::string_view to) {
    records.push_back(On(
        "topology", fmt::format(R"({{"relation":"{}","from":"{}","to":"{}"}})", name, from, to)));
  };
  relation("runs_on", "app:shop", "vm:web1");
  relation("runs_on", "app:shop", "vm:web2");
  relation("stored_on", "vm:web1", "datastore:ds1");
  relation("stored_on", "vm:web2", "datastore:ds1");
  relation("backed_by", "datastore:ds1", "array:a1");
  for (int disk = 0; disk < 4; ++disk) {
    relation("built_from", "array:a1", fmt::format("disk:a1/d{}", disk));
  }
  return records;
}

// Ten minutes: d1 fails at 2m, d2 at 4m; the VMs are slow and the app fails from 4m30s until 7m.
std::vector<TimedRecord> Story() {
  std::vector<TimedRecord> out;
  for (int second = 0; second <= 600; second += 5) {
    const EventTime time = T(second) + Millis(second % 7 * 100);
    for (int disk = 0; disk < 4; ++disk) {
      const int begin = disk == 1 ? 120 : disk == 2 ? 240 : 10'000;
      const int errors = std::max(0, std::min(second, 420) - begin);
      out.push_back(Sampled(time, "diskio_write_errors_total",
                            fmt::format(R"({{"array":"a1","disk":"d{}"}})", disk), errors,
                            disk % 2));
    }
    const bool bad = second >= 270 && second < 420;
    for (const char* vm : {"web1", "web2"}) {
      out.push_back(Sampled(time, "vm_write_latency_seconds", fmt::format(R"({{"vm":"{}"}})", vm),
                            bad ? 0.9 : 0.004, 1));
    }
    for (int request = 0; request < 4; ++request) {
      out.push_back({time + Millis(request),
                     On("logs", fmt::format(R"({{"event":"request","labels":{{"app":"shop","code":)"
                                            R"("{}"}},"message":"r{}","time":"{}"}})",
                                            bad && request % 2 == 0 ? 500 : 200, request,
                                            FormatRfc3339(time + Millis(request))))});
    }
  }
  return out;
}

PipelineOptions Options() {
  PipelineOptions options;
  options.topics.push_back({"topology", TopicRole::kTopology, "rootnote-json", "", Millis(0)});
  options.topics.push_back({"metrics", TopicRole::kData, "rootnote-json", "", Millis(5'000)});
  options.topics.push_back({"logs", TopicRole::kData, "auto", "", Millis(5'000)});
  return options;
}

struct Ran {
  absl::Status status;
  std::string incidents;     // lines
  std::string dead_letters;  // lines
  std::vector<Incident> decoded;
  std::shared_ptr<const EngineView> view;
  size_t late = 0;
};

std::vector<MemoryRecord> With(std::vector<MemoryRecord> map, std::vector<MemoryRecord> records) {
  map.insert(map.end(), std::make_move_iterator(records.begin()),
             std::make_move_iterator(records.end()));
  return map;
}

Ran Replay(std::vector<MemoryRecord> records, const PipelineOptions& options, FaultySink& sink,
           Metrics& metrics, const std::shared_ptr<const Program>& program = Rules()) {
  MemorySource source(std::move(records));
  Pipeline pipeline(program, source, sink, metrics, options);
  size_t called = 0;
  pipeline.OnIncident([&](const Incident&) {
    ++called;
    EXPECT_LE(called,
              static_cast<size_t>(std::count_if(
                  sink.records().begin(), sink.records().end(),
                  [&](const auto& record) { return record.topic == options.outputs.incidents; })))
        << "called before the commit";
  });
  Ran ran;
  ran.status = pipeline.Run();
  ran.incidents = sink.Lines(options.outputs.incidents);
  ran.dead_letters = sink.Lines(options.outputs.dead_letter);
  for (const OutputRecord& record : sink.records()) {
    ran.late += record.topic == options.outputs.late;
    if (record.topic == options.outputs.incidents) {
      auto incident = DecodeIncident(*record.value);
      EXPECT_TRUE(incident.ok()) << incident.status().message();
      if (incident.ok()) {
        ran.decoded.push_back(*std::move(incident));
      }
    }
  }
  EXPECT_EQ(called, ran.decoded.size());
  ran.view = pipeline.View();
  EXPECT_EQ(sink.violation(), "");
  return ran;
}

Ran Replay(std::vector<MemoryRecord> records, const PipelineOptions& options = Options()) {
  FaultySink sink;
  Metrics metrics;
  return Replay(std::move(records), options, sink, metrics);
}

TEST(Pipeline, TwoDisksOfOneGroupAreOneIncident) {
  const Ran ran = Replay(With(Map(), InOrder(Story())));
  ASSERT_TRUE(ran.status.ok()) << ran.status.message();
  ASSERT_FALSE(ran.decoded.empty());
  std::set<std::string> ids;
  for (const Incident& incident : ran.decoded) {
    ids.insert(incident.id);
  }
  EXPECT_EQ(ids.size(), 1u) << ran.incidents;
  const Incident& last = ran.decoded.back();
  EXPECT_EQ(last.root.at(0).entity, "array:a1") << ran.incidents;
  EXPECT_EQ(last.root.at(0).causes, (std::vector<std::string>{"disk:a1/d1", "disk:a1/d2"}));
  EXPECT_EQ(last.status, IncidentStatus::kResolved) << ran.incidents;
  EXPECT_EQ(ran.view->incidents.size(), 1u);
  EXPECT_EQ(ran.view->closed_tick, T(601)) << "all instants up to the last record";
}

TEST(Pipeline, ThreadsBatchesAndShardsDecideNothing) {
  const std::vector<MemoryRecord> records = With(Map(), InOrder(Story()));
  PipelineOptions options = Options();
  const Ran first = Replay(records, options);
  ASSERT_FALSE(first.incidents.empty());
  for (const int threads : {1, 2, 7}) {
    for (const size_t batch : {size_t{1}, size_t{256}}) {
      options.threads = threads;
      options.batch_records = batch;
      options.shards = threads == 7 ? 7 : 64;
      EXPECT_EQ(Replay(records, options).incidents, first.incidents)
          << threads << " threads, batches of " << batch;
    }
  }
}

TEST(Pipeline, OrderWithinLatenessAndRepetitionDecideNothing) {
  PipelineOptions options = Options();
  options.evidence_positions = false;
  const Ran first = Replay(With(Map(), InOrder(Story())), options);
  ASSERT_FALSE(first.incidents.empty());
  for (uint64_t seed = 1; seed <= 5; ++seed) {
    const Ran shuffled = Replay(With(Map(), ShuffledWithin(Story(), Millis(5'000), seed)), options);
    EXPECT_EQ(shuffled.late, 0u);
    EXPECT_EQ(shuffled.incidents, first.incidents) << "seed " << seed;
  }
  const Ran repeated = Replay(With(Map(), InOrder(WithDuplicates(Story(), 3, 4))), options);
  EXPECT_EQ(repeated.late, 0u);
  EXPECT_EQ(repeated.incidents, first.incidents);
}

TEST(Pipeline, PoisonGoesToTheDeadLettersAndTheRestGoesOn) {
  std::vector<MemoryRecord> records = With(Map(), InOrder(Story()));
  const Ran clean = Replay(records);
  FaultySink sink;
  std::vector<MemoryRecord> poisoned;
  std::map<int32_t, int64_t> offsets;
  size_t count = 0, seen = 0;
  for (MemoryRecord& record : records) {
    const bool metrics = record.topic == "metrics";
    if (metrics && seen++ % 50 == 0) {
      MemoryRecord bad = On("metrics", R"({"metric":"up","vlaue":1})", record.partition);
      bad.key = "k";
      sink.poison[{"metrics", record.partition}].insert(offsets[record.partition]++);
      poisoned.push_back(std::move(bad));
      ++count;
    }
    offsets[record.partition] += metrics;
    poisoned.push_back(std::move(record));
  }
  ASSERT_GT(count, 5u);
  Metrics metrics;
  PipelineOptions options = Options();
  const Ran ran = Replay(std::move(poisoned), options, sink, metrics);
  EXPECT_EQ(std::count(ran.dead_letters.begin(), ran.dead_letters.end(), '\n'),
            static_cast<std::ptrdiff_t>(count));
  ASSERT_EQ(ran.decoded.size(), clean.decoded.size());
  for (size_t i = 0; i < ran.decoded.size(); ++i) {
    IncidentEncoding encoding;
    encoding.evidence_positions = false;
    EXPECT_EQ(EncodeIncident(ran.decoded[i], encoding), EncodeIncident(clean.decoded[i], encoding));
  }
}

TEST(Pipeline, AtTheEndEveryOffsetOfAClosedTickIsCommitted) {
  FaultySink sink;
  Metrics metrics;
  const std::vector<MemoryRecord> records = With(Map(), InOrder(Story()));
  std::map<TopicPartition, int64_t> ends;
  for (const MemoryRecord& record : records) {
    ++ends[{record.topic, record.partition}];
  }
  ends.erase({"topology", 0});  // read whole at every start
  Replay(records, Options(), sink, metrics);
  EXPECT_EQ(sink.offsets(), ends);
}

TEST(Pipeline, AbortedCommitsAreRepeatedWhole) {
  const std::vector<MemoryRecord> records = With(Map(), InOrder(Story()));
  const Ran clean = Replay(records);
  FaultySink sink;
  sink.abort = {0, 1, 3};
  Metrics metrics;
  const Ran ran = Replay(records, Options(), sink, metrics);
  EXPECT_TRUE(ran.status.ok());
  EXPECT_EQ(ran.incidents, clean.incidents);
  EXPECT_EQ(sink.calls(), sink.accepted() + 3);
}

TEST(Pipeline, AnUnknownOutcomeEndsTheRun) {
  FaultySink sink;
  sink.unavailable_from = 1;
  Metrics metrics;
  const Ran ran = Replay(With(Map(), InOrder(Story())), Options(), sink, metrics);
  EXPECT_TRUE(absl::IsUnavailable(ran.status)) << ran.status.message();
  EXPECT_EQ(sink.calls(), 2u) << "not asked again";
}

TEST(Pipeline, LateRecordsGoToTheLateTopic) {
  std::vector<MemoryRecord> records = With(Map(), InOrder(Story()));
  MemoryRecord late = Sampled(T(100), "vm_write_latency_seconds", R"({"vm":"web1"})", 5, 1).record;
  late.key = "k";
  late.headers = {{"trace", "t"}};
  records.push_back(late);
  FaultySink sink;
  Metrics metrics;
  const PipelineOptions options = Options();
  const Ran ran = Replay(std::move(records), options, sink, metrics);
  ASSERT_EQ(ran.late, 1u);
  const auto found = std::find_if(
      sink.records().begin(), sink.records().end(),
      [&](const OutputRecord& record) { return record.topic == options.outputs.late; });
  EXPECT_EQ(found->key, "k");
  EXPECT_EQ(found->value, late.value);
  const std::map<std::string, std::optional<std::string>> headers(found->headers.begin(),
                                                                  found->headers.end());
  EXPECT_EQ(headers.at("trace"), "t");
  EXPECT_EQ(headers.at("x-rootnote-source"), "metrics");
  EXPECT_NE(metrics.Text().find("rootnote_late_events_total{source=\"metrics\"} 1"),
            std::string::npos);
}

TEST(Pipeline, HoursWithoutInputAreSkipped) {
  std::vector<TimedRecord> records = Story();
  const size_t size = records.size();
  for (size_t i = 0; i < size; ++i) {
    if (records[i].time >= T(500)) {
      TimedRecord later = records[i];
      const EventTime time = later.time + 90h;
      std::string& value = *later.record.value;
      value.replace(value.find("\"time\":") + 8, FormatRfc3339(later.time).size(),
                    FormatRfc3339(time));
      records.push_back({time, later.record});
    }
  }
  FaultySink sink;
  Metrics metrics;
  Replay(With(Map(), InOrder(std::move(records))), Options(), sink, metrics);
  const std::string text = metrics.Text();
  const size_t at = text.find("\nrootnote_ticks_closed_total ");
  ASSERT_NE(at, std::string::npos);
  EXPECT_LT(std::stoll(text.substr(at + 29)), 5'000) << "ninety hours are 324,000 ticks";
}

TEST(Pipeline, DatedChangesOfTheMapHoldFromTheirTime) {
  // The VMs move to another datastore before they get slow: the disks explain nothing then.
  std::vector<MemoryRecord> map = Map();
  for (const char* vm : {"web1", "web2"}) {
    map.push_back(On("topology", fmt::format(R"({{"relation":"stored_on","from":"vm:{}","to":)"
                                             R"("datastore:ds1","deleted":true,"time":"{}"}})",
                                             vm, FormatRfc3339(T(-4'000)))));
  }
  const Ran ran = Replay(With(map, InOrder(Story())));
  ASSERT_FALSE(ran.decoded.empty());
  for (const Incident& incident : ran.decoded) {
    for (const Incident::Impact& impact : incident.impact) {
      EXPECT_FALSE(incident.root.at(0).entity == "array:a1" && impact.entity.starts_with("vm:"))
          << ran.incidents;
    }
  }
}

TEST(Pipeline, ResultsThatNameNoEntityAreReportedOnce) {
  const auto program = Rules(R"(
kind vm { id vm }
signal hot on vm { when temperature > 80  family errors }
)");
  std::vector<TimedRecord> records;
  for (int second = 0; second < 100; second += 5) {
    records.push_back(Sampled(T(second), "temperature", R"({"host":"h"})", 90));
  }
  FaultySink sink;
  Metrics metrics;
  PipelineOptions options = Options();
  options.topics.erase(options.topics.begin());
  Replay(InOrder(std::move(records)), options, sink, metrics, program);
  EXPECT_EQ(sink.Lines(options.outputs.unresolved),
            fmt::format(R"({{"signal":"hot","labels":{{"host":"h"}},"value":90,"time":"{}"}})",
                        FormatRfc3339(T(0))) +
                "\n");
}

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

TEST(Pipeline, LiveInputClosesTicksByTheWallClockWhenIdle) {
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

TEST(Pipeline, APartitionFarAheadIsPaused) {
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

TEST(Pipeline, ReportsUnknownFormatsBeforeReading) {
  PipelineOptions options = Options();
  options.topics[1].format = "no-such-format";
  const Ran ran = Replay(Map(), options);
  EXPECT_FALSE(ran.status.ok());
  EXPECT_NE(std::string(ran.status.message()).find("metrics"), std::string::npos);
}

}  // namespace
}  // namespace rootnote
