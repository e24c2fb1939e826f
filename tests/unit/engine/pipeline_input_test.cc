// What arrives otherwise than in the story: late, dated, undated, empty, from nobody, or not at
// all.
#include <algorithm>
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
using testing::InOrder;
using testing::Map;
using testing::On;
using testing::Options;
using testing::Ran;
using testing::Replay;
using testing::Rules;
using testing::Sampled;
using testing::Story;
using testing::T;
using testing::TimedRecord;
using testing::With;

TEST(PipelineInput, LateRecordsGoToTheLateTopic) {
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

TEST(PipelineInput, HoursWithoutInputAreSkipped) {
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

TEST(PipelineInput, DatedChangesOfTheMapHoldFromTheirTime) {
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

TEST(PipelineInput, ResultsThatNameNoEntityAreReportedOnce) {
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

std::string MetricOf(const Metrics& metrics, const std::string& name) {
  const std::string text = "\n" + metrics.Text();
  const size_t at = text.find("\n" + name + " ");
  return at == std::string::npos
             ? "absent"
             : text.substr(at + name.size() + 2, text.find('\n', at + 1) - at - name.size() - 2);
}

TEST(PipelineInput, NullValuesAreCountedAndEmptyOnesAreDeadLetters) {
  std::vector<MemoryRecord> records = With(Map(), InOrder(Story()));
  const Ran clean = Replay(records);
  MemoryRecord null = On("logs", "");
  null.value.reset();
  records.push_back(null);
  records.push_back(On("logs", ""));
  records.push_back(On("logs", " \n"));
  FaultySink sink;
  Metrics metrics;
  const Ran ran = Replay(std::move(records), Options(), sink, metrics);
  EXPECT_EQ(ran.incidents, clean.incidents);
  EXPECT_EQ(MetricOf(metrics, "rootnote_samples_dropped_total{reason=\"null\"}"), "1");
  EXPECT_EQ(MetricOf(metrics, "rootnote_dead_letter_records_total{reason=\"empty\"}"), "2");
}

TEST(PipelineInput, RecordsWithoutATimeTakeTheLastOneSeen) {
  const auto program = Rules(R"(
kind vm { id vm }
signal hot on vm { when temperature > 80  family errors }
incidents { hold back 0s }
)");
  FaultySink sink;
  Metrics metrics;
  PipelineOptions options = Options();
  options.topics.erase(options.topics.begin());
  std::vector<MemoryRecord> records;
  const std::string undated = R"({"metric":"temperature","labels":{"vm":"a"},"value":99})";
  records.push_back(On("metrics", undated));  // nothing seen yet: refused
  records.push_back(Sampled(T(10), "temperature", R"({"vm":"b"})", 1).record);
  records.push_back(On("metrics", undated));
  records.push_back(Sampled(T(20), "temperature", R"({"vm":"b"})", 1).record);
  const Ran ran = Replay(std::move(records), options, sink, metrics, program);
  EXPECT_EQ(std::count(ran.dead_letters.begin(), ran.dead_letters.end(), '\n'), 1);
  ASSERT_FALSE(ran.decoded.empty());
  EXPECT_EQ(ran.decoded[0].root.at(0).entity, "vm:a");
  EXPECT_EQ(ran.decoded[0].root.at(0).onset, T(10));
}

TEST(PipelineInput, TheFirstSnapshotHoldsFromTheBeginning) {
  const Ran undated = Replay(With(Map(), InOrder(Story())));
  std::vector<MemoryRecord> dated;
  const std::string time = fmt::format(",\"time\":\"{}\"}}", FormatRfc3339(T(3'600)));
  dated.push_back(On("topology", R"({"snapshot":"begin","source":"cmdb","epoch":"1")" + time));
  for (MemoryRecord& record : Map()) {
    record.value->replace(record.value->size() - 1, 1, time);
    dated.push_back(record);
  }
  dated.push_back(On("topology", R"({"snapshot":"end","source":"cmdb","epoch":"1")" + time));
  EXPECT_EQ(Replay(With(dated, InOrder(Story()))).decoded.size(), undated.decoded.size());
  // Without the snapshot the same records hold from an hour later: nothing is explained by the
  // array.
  dated.erase(dated.begin());
  dated.pop_back();
  for (const Incident& incident : Replay(With(dated, InOrder(Story()))).decoded) {
    EXPECT_NE(incident.root.at(0).entity, "array:a1");
  }
}

TEST(PipelineInput, TimeGoesOnUntilAndStopsAt) {
  PipelineOptions options = Options();
  options.until = T(1'000);
  EXPECT_EQ(Replay(With(Map(), InOrder(Story())), options).view->closed_tick, T(1'000));
  options = Options();
  options.stop_at = T(300);
  const Ran stopped = Replay(With(Map(), InOrder(Story())), options);
  EXPECT_EQ(stopped.view->closed_tick, T(300));
  ASSERT_FALSE(stopped.decoded.empty());
  EXPECT_EQ(stopped.decoded.back().status, IncidentStatus::kOpen);
}

TEST(PipelineInput, SeriesBeyondTheLimitAreRefusedInTheOrderOfLabels) {
  PipelineOptions options = Options();
  options.series_max = 7;  // of nine: four disks, two VMs, two kinds of requests and all of them
  FaultySink sink;
  Metrics metrics;
  Replay(With(Map(), InOrder(Story())), options, sink, metrics);
  EXPECT_EQ(MetricOf(metrics, "rootnote_series"), "7");
  EXPECT_NE(MetricOf(metrics, "rootnote_samples_dropped_total{reason=\"series_limit\"}"), "0");
}

TEST(PipelineInput, ADeployBeforeTheFaultIsASuspect) {
  std::vector<TimedRecord> records = Story();
  const EventTime time = T(100);
  const auto later = std::find_if(records.begin(), records.end(),
                                  [&](const TimedRecord& one) { return one.time >= time; });
  records.insert(later,
                 {time, On("logs", fmt::format(R"({{"event":"firmware_upgrade","labels":)"
                                               R"({{"array":"a1"}},"message":"7.1","time":"{}"}})",
                                               FormatRfc3339(time)))});
  const Ran ran = Replay(With(Map(), InOrder(std::move(records))));
  ASSERT_FALSE(ran.decoded.empty());
  ASSERT_FALSE(ran.decoded[0].changes.empty()) << ran.incidents;
  EXPECT_EQ(ran.decoded[0].changes[0].entity, "array:a1");
  EXPECT_EQ(ran.decoded[0].changes[0].event, "firmware_upgrade");
}

TEST(PipelineInput, WhatNoRuleSeesIsNotKept) {
  std::vector<TimedRecord> records;
  for (int second = 0; second < 50; ++second) {
    records.push_back(Sampled(T(second), "nobody_asked", R"({"vm":"web1"})", 1));
  }
  FaultySink sink;
  Metrics metrics;
  PipelineOptions options = Options();
  options.topics.erase(options.topics.begin());
  Replay(InOrder(std::move(records)), options, sink, metrics);
  EXPECT_EQ(MetricOf(metrics, "rootnote_samples_dropped_total{reason=\"unseen\"}"), "50");
  EXPECT_EQ(MetricOf(metrics, "rootnote_series"), "0");
}

}  // namespace
}  // namespace rootnote
