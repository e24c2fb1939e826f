// The whole way on small rules: records in, incidents out. Threads, batches, order and repetition
// of delivery must decide nothing; no offset leaves before what came of its record.
#include "engine/pipeline.h"

#include <algorithm>
#include <map>
#include <set>
#include <string>

#include "fmt/format.h"
#include "gtest/gtest.h"

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
using testing::ShuffledWithin;
using testing::Story;
using testing::T;
using testing::With;
using testing::WithDuplicates;

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

// A topic with a projection gets another form of the same revisions, whatever the other topics get.
TEST(Pipeline, RoutesSendWhatTheirProjectionMakes) {
  std::string rules(testing::kRules);
  rules.replace(rules.find("incidents { hold back 20s }"), std::string::npos,
                "incidents { hold back 20s route to topic \"all\" "
                "route to topic \"pages\" as pagerduty }");
  FaultySink sink;
  Metrics metrics;
  const Ran ran =
      Replay(With(Map(), InOrder(Story())), Options(), sink, metrics, testing::Rules(rules));
  ASSERT_TRUE(ran.status.ok()) << ran.status.message();
  EXPECT_EQ(sink.Lines("all"), ran.incidents);
  size_t pages = 0;
  for (const OutputRecord& record : sink.records()) {
    if (record.topic != "pages") {
      continue;
    }
    ASSERT_LT(pages, ran.decoded.size());
    const Incident& incident = ran.decoded[pages++];
    EXPECT_EQ(record.key, incident.id);
    const bool open = incident.status == IncidentStatus::kOpen;
    const std::string begin = fmt::format(R"({{"event_action":"{}","dedup_key":"{}",)",
                                          open ? "trigger" : "resolve", incident.id);
    EXPECT_EQ(record.value->substr(0, begin.size()), begin);
    const std::map<std::string, std::optional<std::string>> headers(record.headers.begin(),
                                                                    record.headers.end());
    EXPECT_EQ(headers.at("ce_type"), "rootnote.incident.pagerduty");
    EXPECT_EQ(headers.at("x-rootnote-projection"), "pagerduty");
    EXPECT_EQ(headers.at("x-rootnote-status"), Name(incident.status));
  }
  EXPECT_EQ(pages, ran.decoded.size());
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

TEST(Pipeline, ReportsUnknownFormatsBeforeReading) {
  PipelineOptions options = Options();
  options.topics[1].format = "no-such-format";
  const Ran ran = Replay(Map(), options);
  EXPECT_FALSE(ran.status.ok());
  EXPECT_NE(std::string(ran.status.message()).find("metrics"), std::string::npos);
}

}  // namespace
}  // namespace rootnote
