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
    AddHttpApi(server_, pipeline_, metrics_);
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
  Metrics metrics_;
  Pipeline pipeline_;
  HttpServer server_;
};

TEST_F(HttpApiTest, BeforeTheRunNothingIsReadyAndNothingIsThere) {
  EXPECT_EQ(Get("/-/healthy").status, 200);
  EXPECT_EQ(Get("/-/ready").status, 503);
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

}  // namespace
}  // namespace rootnote
