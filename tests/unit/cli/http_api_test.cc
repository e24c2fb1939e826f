// The HTTP face of a pipeline: before, while and after it runs.
#include "engine/cli/http_api.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "rapidjson/document.h"

#include "connectors/memory/memory.h"
#include "rules/compiler.h"
#include "tests/unit/cli/process.h"
#include "tests/unit/cli/small_story.h"

namespace rootnote {
namespace {

using ::rootnote::testing::HttpAnswer;
using ::rootnote::testing::HttpGet;
using ::testing::AllOf;
using ::testing::Contains;
using ::testing::HasSubstr;

std::vector<MemoryRecord> Lines(std::string_view topic, std::string_view text) {
  std::vector<MemoryRecord> records;
  for (size_t end; (end = text.find('\n')) != std::string_view::npos; text.remove_prefix(end + 1)) {
    MemoryRecord record{.topic = std::string(topic)};
    record.value = std::string(text.substr(0, end));
    records.push_back(std::move(record));
  }
  return records;
}

std::vector<MemoryRecord> Story() {
  std::vector<MemoryRecord> records = Lines("map", testing::kSmallMap);
  for (MemoryRecord& record : Lines("input", testing::SmallInput())) {
    records.push_back(std::move(record));
  }
  return records;
}

PipelineOptions Options() {
  PipelineOptions options;
  options.topics = {{.topic = "map", .role = TopicRole::kTopology, .format = "rootnote-json"},
                    {.topic = "input", .format = "rootnote-json"}};
  return options;
}

class HttpApiTest : public ::testing::Test {
 protected:
  HttpApiTest()
      : result_(Compile({RuleSource("small.rn", std::string(testing::kSmallRules))})),
        source_(Story()),
        pipeline_(result_.program, source_, sink_, metrics_, Options()),
        server_({.address = "127.0.0.1", .port = 0}) {
    AddDaemonMetrics(metrics_, status_);
    AddHttpApi(
        server_, [this] { return status_.Views(); }, metrics_);
    status_.BeginTerm([this] { return pipeline_.View(); });
    EXPECT_TRUE(server_.Start().ok());
  }

  HttpAnswer Get(std::string_view path) const { return HttpGet(server_.port(), path); }

  rapidjson::Document Json(std::string_view path) const {
    const HttpAnswer answer = Get(path);
    EXPECT_THAT(answer.head, HasSubstr("Content-Type: application/json"));
    rapidjson::Document document;
    EXPECT_FALSE(document.Parse(answer.body.data(), answer.body.size()).HasParseError())
        << answer.body;
    return document;
  }

  CompileResult result_;
  MemorySource source_;
  MemorySink sink_;
  EventTime now_ = *ParseRfc3339("2026-11-22T07:00:00Z");
  DaemonStatus status_{[this] { return now_; }};
  Metrics metrics_;
  Pipeline pipeline_;
  HttpServer server_;
};

TEST_F(HttpApiTest, BeforeTheRunNothingIsReadyAndNothingIsThere) {
  EXPECT_EQ(Get("/-/healthy").status, 200);
  EXPECT_EQ(Get("/-/ready").status, 503);
  EXPECT_STREQ(Json("/api/v1/status")["phase"].GetString(), "loading");
  EXPECT_EQ(Get("/metrics").status, 200);
  EXPECT_EQ(Json("/api/v1/incidents")["incidents"].Size(), 0U);
  EXPECT_EQ(Json("/api/v1/findings")["findings"].Size(), 0U);
  EXPECT_EQ(Get("/api/v1/incidents/rn-1").status, 404);
  EXPECT_EQ(Get("/").status, 404);
}

TEST_F(HttpApiTest, WhileItRunsWhatIsCommittedIsShown) {
  size_t told = 0;
  pipeline_.OnIncident([&](const Incident& incident) {
    ++told;
    EXPECT_EQ(Get("/-/ready").status, 200);
    // Several revisions may have left in one commit: the latest is shown.
    const rapidjson::Document one = Json("/api/v1/incidents/" + incident.id);
    EXPECT_STREQ(one["incident_id"].GetString(), incident.id.c_str());
    EXPECT_GE(one["revision"].GetInt64(), incident.revision);
  });
  ASSERT_TRUE(pipeline_.Run().ok());
  EXPECT_GT(told, 1U);
}

TEST_F(HttpApiTest, IncidentsAreTheRecordsOnTheTopic) {
  ASSERT_TRUE(pipeline_.Run().ok());
  const rapidjson::Document list = Json("/api/v1/incidents");
  ASSERT_EQ(list["incidents"].Size(), 1U);
  const std::string id = list["incidents"][0]["incident_id"].GetString();
  EXPECT_STREQ(list["incidents"][0]["root"][0]["entity"].GetString(), "vm:v1");
  const std::string lines = sink_.Lines("rootnote.incidents");
  const size_t last = lines.rfind('\n', lines.size() - 2);
  EXPECT_EQ(Get("/api/v1/incidents/" + id).body, lines.substr(last + 1));
}

TEST_F(HttpApiTest, FindingsSayWhyNothingOpened) {
  ASSERT_TRUE(pipeline_.Run().ok());
  std::vector<std::string> findings;
  const rapidjson::Document answer = Json("/api/v1/findings");
  for (const auto& finding : answer["findings"].GetArray()) {
    findings.push_back(fmt::format("{} {} {} {}", finding["signal"].GetString(),
                                   finding["entity"].GetString(), finding["state"].GetString(),
                                   finding["verdict"].GetString()));
  }
  EXPECT_THAT(findings, ::testing::ElementsAre("app_errors app:wiki firing in_maintenance",
                                               "disk_errors disk:a1/d2 firing tolerated",
                                               "memory_high host:h1 firing below_threshold"));
}

TEST_F(HttpApiTest, MetricsCountWhatHappened) {
  ASSERT_TRUE(pipeline_.Run().ok());
  const HttpAnswer answer = Get("/metrics");
  EXPECT_THAT(answer.head, HasSubstr("Content-Type: text/plain; version=0.0.4"));
  EXPECT_THAT(answer.body, AllOf(HasSubstr("# TYPE rootnote_"), HasSubstr("rootnote_incidents_"),
                                 HasSubstr("rootnote_topology_entities")));
}

// A view that no pipeline made, for what a run in a test does not come to.
std::shared_ptr<const EngineView> View(Phase phase, size_t warming = 0) {
  auto view = std::make_shared<EngineView>();
  view->phase = phase;
  view->warming = warming;
  view->ready = warming == 0 && (phase == Phase::kLive || phase == Phase::kCatchingUp);
  view->watermark = *ParseRfc3339("2026-11-22T06:59:00Z");
  view->topology_version = 4;
  view->topology_entities = 17;
  view->partitions = {
      {.partition = {"map", 0}, .role = TopicRole::kTopology, .next_offset = 9, .end_offset = 9},
      {.partition = {"met\"rics", 1},
       .watermark = *ParseRfc3339("2026-11-22T06:59:00Z"),
       .next_offset = 70,
       .end_offset = 100,
       .unreachable = true},
      {.partition = {"new", 0}, .idle = true}};
  return view;
}

TEST_F(HttpApiTest, ReadyIsForTheOneThatWorks) {
  const auto expect = [&](int status, std::string_view why) {
    const HttpAnswer answer = Get("/-/ready");
    EXPECT_EQ(answer.status, status) << answer.body;
    EXPECT_THAT(answer.body, HasSubstr(std::string(why)));
    EXPECT_EQ(Get("/-/healthy").status, 200);
    const bool ready = status == 200;
    EXPECT_THAT(Get("/metrics").body, HasSubstr(ready ? "rootnote_ready 1" : "rootnote_ready 0"));
  };
  status_.EndTerm();
  expect(503, "standby: another member of the group is active");
  status_.SetWaitingFor("waiting for the incidents topic");
  expect(503, "standby: waiting for the incidents topic");
  Phase phase = Phase::kLoading;
  size_t warming = 0;
  status_.BeginTerm([&] { return View(phase, warming); });
  expect(503, "loading: waiting for partitions and the map");
  phase = Phase::kWarmingUp;
  expect(503, "warming up");
  phase = Phase::kCatchingUp;
  expect(200, "ready");
  warming = 1;
  expect(503, "1 rule looks further back than was read");
  phase = Phase::kLive;
  warming = 2;
  expect(503, "2 rules look further back");
  warming = 0;
  expect(200, "ready");
  status_.SetRole(Role::kStopping);
  expect(503, "stopping");
  status_.EndTerm();
  expect(503, "stopping");
}

TEST_F(HttpApiTest, ReadyBeforeTheFirstTermSaysWhatIsAwaited) {
  DaemonStatus status([] { return EventTime(); });
  EXPECT_EQ(ReadinessOf(status.Views()).why, "starting: waiting for the broker");
  status.SetWaitingFor("waiting for topic map, which does not exist");
  EXPECT_EQ(ReadinessOf(status.Views()).why,
            "starting: waiting for topic map, which does not exist");
  status.SetRole(Role::kStandby);
  EXPECT_EQ(ReadinessOf(status.Views()).why, "standby: another member of the group is active");
}

std::shared_ptr<const Settings> SettingsOf(std::shared_ptr<const Program> program) {
  auto settings = std::make_shared<Settings>();
  settings->path = "/etc/rootnote.yaml";
  settings->config_hash = "0123456789abcdef";
  settings->program = std::move(program);
  settings->config.kafka.bootstrap_servers = "k:9092";
  settings->config.kafka.properties["sasl.password"] = "hunter2";
  settings->config.kafka.instance = "a";
  return settings;
}

TEST_F(HttpApiTest, StatusTellsWhatIsGoingOn) {
  status_.SetSettings(SettingsOf(result_.program));
  now_ += Millis(1'000);
  status_.EndTerm();
  now_ += Millis(500);
  status_.BeginTerm([] { return View(Phase::kLive); });
  const rapidjson::Document status = Json("/api/v1/status");
  EXPECT_GT(status["version"].GetStringLength(), 0U);
  EXPECT_STREQ(status["started_at"].GetString(), "2026-11-22T07:00:00Z");
  EXPECT_STREQ(status["role"].GetString(), "active");
  EXPECT_STREQ(status["role_since"].GetString(), "2026-11-22T07:00:01.500Z");
  EXPECT_EQ(status["term"].GetInt(), 2);
  EXPECT_TRUE(status["ready"].GetBool());
  EXPECT_STREQ(status["phase"].GetString(), "live");
  EXPECT_STREQ(status["watermark"].GetString(), "2026-11-22T06:59:00Z");
  EXPECT_FALSE(status.HasMember("closed_tick"));
  EXPECT_STREQ(status["config"]["file"].GetString(), "/etc/rootnote.yaml");
  EXPECT_STREQ(status["config"]["hash"].GetString(), "0123456789abcdef");
  EXPECT_TRUE(status["config"]["last_reload_successful"].GetBool());
  EXPECT_STREQ(status["rules"]["files"][0].GetString(), "small.rn");
  EXPECT_STREQ(status["rules"]["hash"].GetString(), result_.program->version.c_str());
  EXPECT_EQ(status["rules"]["signals"].GetInt(), 4);
  EXPECT_STREQ(status["kafka"]["transactional_id"].GetString(), "rootnote");
  EXPECT_STREQ(status["kafka"]["election_topic"].GetString(), "rootnote.active");
  EXPECT_EQ(status["topology"]["entities"].GetInt(), 17);
  EXPECT_EQ(status["incidents"]["open"].GetInt(), 0);
  ASSERT_EQ(status["partitions"].Size(), 3U);
  const auto& metrics = status["partitions"][1];
  EXPECT_STREQ(metrics["topic"].GetString(), "met\"rics");
  EXPECT_EQ(metrics["lag"].GetInt(), 30);
  EXPECT_TRUE(metrics["unreachable"].GetBool());
  EXPECT_STREQ(status["partitions"][0]["role"].GetString(), "topology");
  EXPECT_FALSE(status["partitions"][2].HasMember("lag"));
  EXPECT_TRUE(status["partitions"][2]["idle"].GetBool());
  EXPECT_THAT(Get("/api/v1/status").body, ::testing::Not(HasSubstr("hunter2")));
}

TEST_F(HttpApiTest, AStandbyHasAStatusToo) {
  status_.EndTerm();
  const rapidjson::Document status = Json("/api/v1/status");
  EXPECT_STREQ(status["role"].GetString(), "standby");
  EXPECT_FALSE(status["ready"].GetBool());
  EXPECT_FALSE(status.HasMember("partitions"));
  EXPECT_EQ(Json("/api/v1/incidents")["incidents"].Size(), 0U);
}

TEST_F(HttpApiTest, MetricsTellOfTheDaemon) {
  status_.SetSettings(SettingsOf(result_.program));
  status_.BeginTerm([] { return View(Phase::kLive); });
  uint64_t rebalances = 3;
  status_.CountRebalances([&] { return rebalances; });
  EXPECT_THAT(
      Get("/metrics").body,
      AllOf(HasSubstr(
                "rootnote_kafka_consumer_lag_records{topic=\"met\\\"rics\",partition=\"1\"} 30"),
            HasSubstr("rootnote_kafka_consumer_lag_records{topic=\"map\",partition=\"0\"} 0"),
            ::testing::Not(HasSubstr("topic=\"new\"")),
            HasSubstr("rootnote_kafka_partitions_assigned 3"),
            HasSubstr("rootnote_kafka_connected 0"),
            HasSubstr("rootnote_config_hash_info{config=\"0123456789abcdef\",rules=\""),
            HasSubstr("rootnote_config_last_reload_successful 1"),
            HasSubstr("rootnote_config_last_reload_success_timestamp_seconds 1795330800"),
            HasSubstr("rootnote_role{role=\"active\"} 1"), HasSubstr("rootnote_terms_total 2"),
            HasSubstr("rootnote_kafka_rebalances_total{type=\"members\"} 3"),
            HasSubstr("rootnote_build_info{librdkafka=\"")));
  status_.ReloadFailed();
  status_.CountRebalances({});
  rebalances = 0;
  status_.EndTerm();
  EXPECT_THAT(Get("/metrics").body,
              AllOf(HasSubstr("rootnote_config_last_reload_successful 0"),
                    HasSubstr("rootnote_config_reloads_total{result=\"refused\"} 1"),
                    HasSubstr("rootnote_role{role=\"standby\"} 1"),
                    HasSubstr("rootnote_kafka_rebalances_total{type=\"members\"} 3"),
                    ::testing::Not(HasSubstr("consumer_lag"))));
}

}  // namespace
}  // namespace rootnote
