// Offsets, events, dead letters and late records: what stands between bytes and shards.
#include <map>
#include <set>

#include "gtest/gtest.h"

#include "engine/changes.h"
#include "engine/events.h"
#include "engine/intake.h"
#include "engine/outbox.h"
#include "engine/shard_pool.h"
#include "tests/unit/engine/small_rules.h"

namespace rootnote {
namespace {

using testing::At;
using testing::Of;
using testing::ProgramBuilder;
using testing::When;

TEST(OffsetCut, IsTheLowestOffsetThatNoClosedTickHas) {
  OffsetCut cut;
  EXPECT_EQ(cut.Next(At(100)), std::nullopt);
  cut.Applied(10, At(3));
  cut.Applied(11, At(1));
  cut.Applied(12, kMinTime);
  EXPECT_EQ(cut.Next(At(0)), 10);
  EXPECT_EQ(cut.Next(At(2)), 10) << "11 is in, 10 is not";
  EXPECT_EQ(cut.Next(At(3)), 13);
  cut.Applied(20, At(5));
  EXPECT_EQ(cut.Next(At(4)), 20) << "offsets may have gaps";
}

TEST(ShardPool, RunsEveryPieceOnceAndWorkersDiffer) {
  for (const int threads : {1, 2, 7}) {
    ShardPool pool(threads);
    std::vector<int> runs(1'000);
    std::vector<int> busy(static_cast<size_t>(threads));
    pool.ForEach(runs.size(), [&](size_t i, size_t worker) {
      EXPECT_EQ(++busy[worker], 1) << "a worker runs one piece at a time";
      ++runs[i];
      --busy[worker];
    });
    EXPECT_EQ(runs, std::vector<int>(1'000, 1));
  }
}

Event Named(std::string name, int64_t time, std::string id = "", std::string message = "") {
  Event event;
  event.name = std::move(name);
  event.labels = Of({{"app", "shop"}, {"zone", "z"}});
  event.attributes = Of({{"latency_ms", "12.5"}, {"user", "u"}});
  event.id = std::move(id);
  event.message = std::move(message);
  event.time = At(time);
  return event;
}

struct Projected {
  explicit Projected(std::string_view expression, std::vector<std::string> labels) {
    ProgramBuilder builder;
    const ExprPtr expr = testing::Expression(expression);
    for (const promql::Expr* node : promql::Selectors(*expr)) {
      const_cast<promql::Expr*>(node)->event_labels = labels;  // as the checker sets them
    }
    Condition when;
    when.what = expr;
    builder.AddSignal("s", builder.AddKind("app", {"app"}), when);
    rules = std::make_unique<RuleSet>(builder.Build(), Millis(300'000));
    projection = std::make_unique<EventProjection>(*rules, Millis(5'000));
  }
  std::vector<ShardSample> Take(std::vector<Event> events, int64_t tick) {
    std::vector<ArrivedEvent> arrived;
    for (Event& event : events) {
      arrived.push_back({std::move(event), "logs", {}});
    }
    return projection->Project(std::move(arrived), At(tick), counts);
  }
  std::unique_ptr<RuleSet> rules;
  std::unique_ptr<EventProjection> projection;
  EventCounts counts;
};

TEST(EventProjection, EqualEventsCountOnceAndOthersAreAMultiset) {
  Projected projected("sum by (app) (count_over_time(oops[1m])) > 0", {"app"});
  const auto samples = projected.Take(
      {Named("oops", 1), Named("oops", 1), Named("oops", 2), Named("oops", 1, "", "another")}, 2);
  ASSERT_EQ(samples.size(), 3u);
  EXPECT_EQ(projected.counts.duplicates, 1u);
  EXPECT_EQ(samples[0].key.labels, Of({{"__name__", "oops"}, {"app", "shop"}}));
  EXPECT_EQ(samples[0].value, 1.0);
}

TEST(EventProjection, AnIdDecidesAloneWithinTheLateness) {
  Projected projected("count_over_time(oops[1m]) > 0", {"app"});
  EXPECT_EQ(projected.Take({Named("oops", 1, "7"), Named("oops", 1, "8")}, 1).size(), 2u);
  EXPECT_EQ(projected.Take({Named("oops", 3, "7", "again")}, 3).size(), 0u);
  EXPECT_EQ(projected.Take({Named("oops", 30, "7")}, 30).size(), 1u) << "long after";
}

TEST(EventProjection, FiltersOnAttributesAndUnwrapsThem) {
  Projected projected("max_over_time(oops{user=\"u\"} | unwrap latency_ms [1m]) > 0", {"app"});
  const auto samples = projected.Take({Named("oops", 1)}, 1);
  ASSERT_EQ(samples.size(), 1u);
  EXPECT_EQ(samples[0].value, 12.5);
  Event strange = Named("oops", 2);
  strange.attributes = Of({{"latency_ms", "fast"}, {"user", "u"}});
  EXPECT_TRUE(projected.Take({strange}, 2).empty());
  EXPECT_EQ(projected.counts.not_numbers, 1u);
  strange.attributes = Of({{"latency_ms", "1"}, {"user", "v"}});
  EXPECT_TRUE(projected.Take({strange}, 3).empty());
}

std::map<std::string, std::string> HeadersOf(const OutputRecord& record) {
  std::map<std::string, std::string> headers;
  for (const auto& [name, value] : record.headers) {
    EXPECT_TRUE(headers.emplace(name, value.value_or("")).second) << name << " twice";
  }
  return headers;
}

class KeepingSink : public Sink {
 public:
  absl::Status Write(const Commit& commit) override {
    if (aborts > 0) {
      --aborts;
      return absl::AbortedError("not now");
    }
    commits.push_back(commit);
    return absl::OkStatus();
  }
  absl::Status Close() override { return absl::OkStatus(); }
  int aborts = 0;
  std::vector<Commit> commits;
};

struct Boxed {
  Boxed() : outbox(OutputTopics(), true, "1.2.3", metrics) {}
  Metrics metrics;
  Outbox outbox;
};

TEST(Outbox, ADeadLetterIsTheRecordWithItsReason) {
  Boxed boxed;
  ArrivedRecord arrived;
  arrived.record.topic = "metrics";
  arrived.record.partition = 3;
  arrived.record.offset = 42;
  arrived.record.key = "k";
  arrived.record.value = std::string_view("\xff\x00{", 3);
  arrived.record.headers = {{"trace", "t1"}, {"empty", std::nullopt}};
  arrived.record.record_time = At(5);
  arrived.format = "rootnote-json";
  boxed.outbox.AddDeadLetter(arrived, "VALUE_CONVERTER",
                             {DecodeError::kBadUtf8, "byte 0 is no UTF-8", "/value", 7});
  KeepingSink sink;
  sink.aborts = 2;
  ASSERT_TRUE(boxed.outbox.Write(sink).ok());
  ASSERT_EQ(sink.commits.size(), 1u);
  const OutputRecord& letter = sink.commits[0].records.at(0);
  EXPECT_EQ(letter.topic, "rootnote.dead-letter");
  EXPECT_EQ(letter.key, "k");
  EXPECT_EQ(letter.value, std::string("\xff\x00{", 3));
  EXPECT_EQ(letter.timestamp, At(5));
  const auto headers = HeadersOf(letter);
  EXPECT_EQ(headers.at("trace"), "t1");
  EXPECT_EQ(headers.at("__connect.errors.topic"), "metrics");
  EXPECT_EQ(headers.at("__connect.errors.partition"), "3");
  EXPECT_EQ(headers.at("__connect.errors.offset"), "42");
  EXPECT_EQ(headers.at("__connect.errors.connector.name"), "rootnote");
  EXPECT_EQ(headers.at("__connect.errors.stage"), "VALUE_CONVERTER");
  EXPECT_EQ(headers.at("__connect.errors.exception.message"), "bad_utf8: byte 0 is no UTF-8");
  EXPECT_EQ(headers.at("x-rootnote-format"), "rootnote-json");
  EXPECT_EQ(headers.at("x-rootnote-json-pointer"), "/value");
  EXPECT_EQ(headers.at("x-rootnote-byte-offset"), "7");
  EXPECT_EQ(headers.at("x-rootnote-version"), "1.2.3");

  // What was a dead letter once and comes back keeps its first place, and each header once.
  ArrivedRecord again = arrived;
  for (const auto& [name, value] : letter.headers) {
    if (name != "trace" && name != "empty") {
      again.record.headers.push_back({name, value});
    }
  }
  again.record.topic = "rootnote.dead-letter";
  boxed.outbox.AddDeadLetter(again, "VALUE_CONVERTER", {DecodeError::kBadJson, "still", "", 0});
  ASSERT_TRUE(boxed.outbox.Write(sink).ok());
  EXPECT_EQ(HeadersOf(sink.commits[1].records.at(0)).at("__connect.errors.topic"), "metrics");
}

TEST(Outbox, NothingIsLostOrDoubledByAborts) {
  Boxed boxed;
  KeepingSink sink;
  sink.aborts = 3;
  boxed.outbox.AddUnresolved({"s", Of({{"a", "b\"c"}}), 1.5, At(1)});
  boxed.outbox.AddOffset({{"metrics", 0}, 7, ""});
  EXPECT_FALSE(boxed.outbox.Write(sink, 3).ok()) << "three attempts, three aborts";
  ASSERT_TRUE(boxed.outbox.Write(sink, 3).ok());
  ASSERT_EQ(sink.commits.size(), 1u);
  EXPECT_EQ(sink.commits[0].records.size(), 1u);
  EXPECT_EQ(sink.commits[0].records[0].value,
            "{\"signal\":\"s\",\"labels\":{\"a\":\"b\\\"c\"},\"value\":1.5,\"time\":\"" +
                FormatRfc3339(At(1)) + "\"}");
  EXPECT_EQ(sink.commits[0].offsets.at(0).offset, 7);
  EXPECT_TRUE(boxed.outbox.empty());
}

TEST(Changes, AWordOfTheNameSaysSo) {
  for (const char* name : {"deploy_finished", "config.changed", "app-release", "rollback"}) {
    EXPECT_TRUE(IsChange(name)) << name;
  }
  for (const char* name : {"employed", "exchange_rate", "request", "", "_"}) {
    EXPECT_FALSE(IsChange(name)) << name;
  }
}

TEST(Changes, AreAboutTheMostExactEntityOfTheMapAndCountOnce) {
  ProgramBuilder builder;
  builder.AddKind("region", {"zone"});
  builder.AddKind("instance", {"app", "zone"});
  builder.AddKind("app", {"app"});
  const auto program = builder.Build();
  TopologyStore store(program, TopologyOptions());
  for (const char* name : {"region:z", "app:shop"}) {
    TopologyChange change;
    change.entity = name;
    store.Apply(change, kMinTime);
  }
  const Event event = Named("deploy_finished", 1);
  EXPECT_EQ(ChangesOf(*program, {event}, *store.Snapshot()).at(0).entity, "region:z");
  TopologyChange instance;
  instance.entity = "instance:shop/z";
  store.Apply(instance, kMinTime);
  const auto changes = ChangesOf(*program, {event, event}, *store.Snapshot());
  ASSERT_EQ(changes.size(), 1u);
  EXPECT_EQ(changes[0].entity, "instance:shop/z");
  EXPECT_EQ(changes[0].detail, "latency_ms 12.5, user u");
}

TEST(OwnJson, WritesWhatTheDecoderReads) {
  Sample sample{Of({{"__name__", "up"}, {"host", "a\nb"}}), 0.1, At(0)};
  auto decoder = MakeDecoder("rootnote-json");
  ASSERT_TRUE(decoder.ok());
  for (const double value : {0.1, -1e300, StaleNan(), -1.0 / 0.0}) {
    sample.value = value;
    Decoded decoded;
    const auto failure = (*decoder)->Decode(OwnJson(sample), DecodeContext(), decoded);
    ASSERT_FALSE(failure) << failure->detail << " in " << OwnJson(sample);
    ASSERT_EQ(decoded.samples.size(), 1u);
    EXPECT_EQ(decoded.samples[0].labels, sample.labels);
    EXPECT_EQ(decoded.samples[0].time, sample.time);
    EXPECT_EQ(std::bit_cast<uint64_t>(decoded.samples[0].value), std::bit_cast<uint64_t>(value));
  }
  const Event event = Named("oops", 1, "id", "said \"no\"");
  Decoded decoded;
  ASSERT_FALSE((*decoder)->Decode(OwnJson(event), DecodeContext(), decoded));
  EXPECT_EQ(decoded.events.at(0).message, event.message);
  EXPECT_EQ(decoded.events.at(0).labels, event.labels);
}

}  // namespace
}  // namespace rootnote
