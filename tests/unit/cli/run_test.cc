// `rootnote run`, as a process: on files and pipes, and on an embedded Kafka in this test.
#include <chrono>
#include <cstdlib>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include "connectors/kafka/embedded.h"
#include "connectors/kafka/source.h"
#include "engine/cli/exit_code.h"
#include "schemas/incident_encoder.h"
#include "tests/unit/cli/process.h"
#include "tests/unit/cli/small_story.h"

namespace rootnote {
namespace {

using ::rootnote::testing::Exit;
using ::rootnote::testing::Folder;
using ::rootnote::testing::HttpAnswer;
using ::rootnote::testing::HttpGet;
using ::rootnote::testing::Process;
using ::rootnote::testing::SmallInput;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

constexpr auto kPatience = std::chrono::seconds(30);

// The port of the line that says where HTTP listens.
int HttpPort(Process& process) {
  constexpr std::string_view kPort = "\"port\":";
  if (!process.Says("serving /metrics") || !process.Says(kPort)) return 0;
  const std::string said = process.Err();
  return std::atoi(said.c_str() + said.find(kPort) + kPort.size());
}

// Asks until the answer has the status, or patience ends.
HttpAnswer Eventually(int port, std::string_view path, std::string_view part) {
  const auto deadline = std::chrono::steady_clock::now() + kPatience;
  HttpAnswer answer;
  while (std::chrono::steady_clock::now() < deadline) {
    answer = HttpGet(port, path);
    if (answer.status == 200 && answer.body.find(part) != std::string::npos) break;
    poll(nullptr, 0, 10);
  }
  return answer;
}

class RunTest : public ::testing::Test {
 protected:
  RunTest() {
    folder_.Write("rules.rn", testing::kSmallRules);
    folder_.Write("map.jsonl", testing::kSmallMap);
  }

  std::string FilesConfig(const std::string& input, std::string_view more = "") {
    return folder_.Write(
        "rootnote.yaml",
        fmt::format("rules: [{}]\n"
                    "inputs:\n"
                    "  - {{file: {}, role: topology, format: rootnote-json}}\n"
                    "  - {{file: \"{}\"}}\n"
                    "{}",
                    folder_.Path("rules.rn"), folder_.Path("map.jsonl"), input, more));
  }

  Folder folder_;
};

TEST_F(RunTest, FilesInAndIncidentsOut) {
  const std::string input = folder_.Write("input.jsonl", SmallInput());
  const Exit exit =
      testing::RunBinary({"run", "-c", FilesConfig(input, "http: {enabled: false}\n")});
  EXPECT_EQ(exit.code, kExitOk) << exit.err;
  // Standard output has the records alone, the log is on standard error.
  const Exit replayed =
      testing::RunBinary({"replay", "--rules", folder_.Path("rules.rn"), "--topology",
                          folder_.Path("map.jsonl"), "--input", input, "--output", "-"});
  EXPECT_THAT(replayed.out, HasSubstr("vm:v1"));
  EXPECT_EQ(exit.out, replayed.out);
  EXPECT_THAT(exit.err, AllOf(HasSubstr("\"msg\":\"incident\",\"id\":\"rn-"),
                              HasSubstr("\"root\":\"vm:v1\"")));
}

TEST_F(RunTest, StandardInputWorks) {
  const Exit exit = testing::RunBinary({"run", "-c", FilesConfig("-", "http: {enabled: false}\n")},
                                       {}, SmallInput());
  EXPECT_EQ(exit.code, kExitOk) << exit.err;
  EXPECT_THAT(exit.out, HasSubstr("\"status\":\"resolved\""));
}

TEST_F(RunTest, SigtermCommitsWhatIsClosedAndEndsWith0) {
  const std::string pipe = folder_.Path("pipe");
  ASSERT_EQ(mkfifo(pipe.c_str(), 0600), 0);
  const int feed = open(pipe.c_str(), O_RDWR | O_CLOEXEC);  // both ends: nobody waits
  ASSERT_GE(feed, 0);
  Process process({"run", "-c", FilesConfig(pipe, "http: {port: 0}\n")});
  const int port = HttpPort(process);
  ASSERT_NE(port, 0) << process.Err();
  EXPECT_EQ(HttpGet(port, "/-/healthy").status, 200);

  // The first two minutes: the incident opens, and nothing more comes.
  std::string input = SmallInput();
  input.resize(input.find(testing::SmallSample("vm_up", R"("vm":"v1")", 0, 130)));
  ASSERT_EQ(write(feed, input.data(), input.size()), static_cast<ssize_t>(input.size()));
  EXPECT_EQ(Eventually(port, "/-/ready", "ready").status, 200);
  const HttpAnswer incidents = Eventually(port, "/api/v1/incidents", "vm:v1");
  EXPECT_THAT(incidents.body, HasSubstr("\"status\":\"open\""));
  EXPECT_THAT(HttpGet(port, "/api/v1/findings").body, HasSubstr("tolerated"));

  process.Signal(SIGTERM);
  const Exit exit = process.Wait();
  close(feed);
  EXPECT_EQ(exit.code, kExitOk) << exit.err;
  EXPECT_THAT(exit.out, AllOf(HasSubstr("\"root\":[{\"entity\":\"vm:v1\""),
                              Not(HasSubstr("\"status\":\"resolved\""))));
  EXPECT_THAT(exit.err, HasSubstr("stopping"));
}

TEST_F(RunTest, SigintBeforeTheFirstRecordEndsIt) {
  const std::string pipe = folder_.Path("pipe");
  ASSERT_EQ(mkfifo(pipe.c_str(), 0600), 0);
  const int feed = open(pipe.c_str(), O_RDWR | O_CLOEXEC);
  Process process({"run", "-c", FilesConfig(pipe, "http: {port: 0}\n")});
  EXPECT_NE(HttpPort(process), 0) << process.Err();
  process.Signal(SIGINT);
  EXPECT_EQ(process.Wait().code, kExitOk);
  close(feed);
}

TEST_F(RunTest, APortThatIsTakenIs69) {
  const std::string pipe = folder_.Path("pipe");
  ASSERT_EQ(mkfifo(pipe.c_str(), 0600), 0);
  const int feed = open(pipe.c_str(), O_RDWR | O_CLOEXEC);
  Process first({"run", "-c", FilesConfig(pipe, "http: {port: 0}\n")});
  const int port = HttpPort(first);
  ASSERT_NE(port, 0);
  const std::string config = FilesConfig(folder_.Write("input.jsonl", SmallInput()),
                                         fmt::format("http: {{port: {}}}\n", port));
  const Exit exit = testing::RunBinary({"run", "-c", config});
  EXPECT_EQ(exit.code, kExitUnavailable) << exit.err;
  EXPECT_THAT(exit.err, HasSubstr(std::to_string(port)));
  close(feed);
}

TEST_F(RunTest, ABrokerThatIsNotThereIsWaitedFor) {
  const std::string config =
      folder_.Write("kafka.yaml", fmt::format("rules: [{}]\n"
                                              "kafka: {{bootstrap_servers: \"127.0.0.1:1\"}}\n"
                                              "inputs: [{{topic: metrics}}]\n"
                                              "http: {{port: 0}}\n",
                                              folder_.Path("rules.rn")));
  Process process({"run", "-c", config});
  const int port = HttpPort(process);
  ASSERT_NE(port, 0) << process.Err();
  EXPECT_TRUE(process.Says("waiting for the broker")) << process.Err();
  const HttpAnswer ready = HttpGet(port, "/-/ready");
  EXPECT_EQ(ready.status, 503);
  EXPECT_THAT(ready.body, HasSubstr("starting: waiting for the broker"));
  EXPECT_EQ(HttpGet(port, "/-/healthy").status, 200);
  process.Signal(SIGTERM);
  EXPECT_EQ(process.Wait().code, kExitOk);
}

TEST_F(RunTest, TheLogIsTextOrJsonAsAsked) {
  const std::string config =
      FilesConfig(folder_.Write("input.jsonl", SmallInput()), "http: {enabled: false}\n");
  const Exit text = testing::RunBinary({"run", "-c", config, "--log-format", "text"});
  EXPECT_EQ(text.code, kExitOk) << text.err;
  EXPECT_THAT(text.err, AllOf(HasSubstr("Z info  incident   "), HasSubstr(" id=rn-"),
                              Not(HasSubstr("\x1b["))));
  const Exit quiet = testing::RunBinary({"run", "-c", config, "--log-level", "error"});
  EXPECT_EQ(quiet.err, "");
  EXPECT_EQ(testing::RunBinary({"run", "-c", config, "--log-level", "loud"}).code, kExitUsage);
}

TEST_F(RunTest, WhatIsWrongAtTheStartIsInTheLogOnce) {
  const std::string config = FilesConfig("x", "http: {prot: 0}\n");
  const Exit exit = testing::RunBinary({"run", "-c", config});
  EXPECT_EQ(exit.code, kExitConfig);
  EXPECT_THAT(exit.err, HasSubstr("{\"ts\":\""));
  const size_t said = exit.err.find("did you mean port?");
  ASSERT_NE(said, std::string::npos) << exit.err;
  EXPECT_EQ(exit.err.find("did you mean port?", said + 1), std::string::npos);
}

TEST_F(RunTest, AShadowWritesBeside) {
  const std::string out = folder_.Path("incidents.jsonl");
  const std::string config = FilesConfig(
      folder_.Write("input.jsonl", SmallInput()),
      fmt::format("outputs: {{files: {{rootnote.incidents: {}}}}}\nhttp: {{enabled: false}}\n",
                  out));
  const Exit exit = testing::RunBinary({"run", "-c", config, "--shadow"});
  EXPECT_EQ(exit.code, kExitOk) << exit.err;
  EXPECT_THAT(testing::ReadFile(out + ".shadow"), HasSubstr("vm:v1"));
  EXPECT_NE(access(out.c_str(), F_OK), 0);
}

TEST_F(RunTest, AWrongLibrdkafkaPropertyIs78) {
  const std::string config = folder_.Write(
      "kafka.yaml", fmt::format("rules: [{}]\n"
                                "kafka: {{bootstrap_servers: \"127.0.0.1:1\", consumer: "
                                "{{fetch.wait.max.millis: 5}}}}\n"
                                "inputs: [{{topic: metrics}}]\n",
                                folder_.Path("rules.rn")));
  const Exit exit = testing::RunBinary({"run", "-c", config});
  EXPECT_EQ(exit.code, kExitConfig);
  EXPECT_THAT(exit.err, HasSubstr("fetch.wait.max.millis"));
}

// An embedded Kafka with the small story on it, five minutes old by the wall clock.
class KafkaRunTest : public RunTest {
 protected:
  void SetUp() override {
    auto kafka = StartEmbeddedKafka();
    ASSERT_TRUE(kafka.ok()) << kafka.status();
    kafka_ = *std::move(kafka);
    for (const char* topic : {"topology", "rootnote.incidents", "rootnote.dead-letter",
                              "rootnote.late", "rootnote.unresolved"}) {
      ASSERT_TRUE(kafka_->CreateTopic(topic, 1).ok());
    }
    ASSERT_TRUE(kafka_->CreateTopic("metrics", 2).ok());
    auto producer = OpenKafkaProducer({{"bootstrap.servers", kafka_->bootstrap_servers()}});
    ASSERT_TRUE(producer.ok()) << producer.status();
    producer_ = *std::move(producer);
  }

  void Produce(const std::string& topic, std::string_view lines) {
    int32_t number = 0;
    for (size_t end; (end = lines.find('\n')) != std::string_view::npos;
         lines.remove_prefix(end + 1)) {
      OutputRecord record{.topic = topic};
      record.value = std::string(lines.substr(0, end));
      ASSERT_TRUE(producer_->Produce(record, topic == "metrics" ? number++ % 2 : 0).ok());
    }
    ASSERT_TRUE(producer_->Flush(std::chrono::seconds(10)).ok());
  }

  std::string KafkaConfig() {
    return folder_.Write("kafka.yaml", fmt::format(R"(rules: [{}]
kafka: {{bootstrap_servers: "${{env:ROOTNOTE_KAFKA}}", start: earliest}}
inputs:
  - {{topic: topology, role: topology, format: rootnote-json}}
  - {{topic: metrics, allowed_lateness: 1s}}
engine: {{idle_after: 1s, commit_interval: 50ms}}
http: {{port: 0}}
)",
                                                   folder_.Path("rules.rn")));
  }

  // Reads the topic until `found` is content with a record, or patience ends.
  template <typename Found>
  std::vector<Incident> ReadIncidents(Found found) {
    auto source =
        OpenKafkaSource({.assigned = {"rootnote.incidents"},
                         .properties = {{"bootstrap.servers", kafka_->bootstrap_servers()},
                                        {"group.id", "reader"}}});
    EXPECT_TRUE(source.ok()) << source.status();
    std::vector<Incident> incidents;
    const auto deadline = std::chrono::steady_clock::now() + kPatience;
    bool done = false;
    while (!done && std::chrono::steady_clock::now() < deadline) {
      const auto batch = (*source)->Poll({}, Millis(200));
      if (!batch.ok()) break;
      for (const Record& record : batch->batch.records) {
        const auto incident = DecodeIncident(*record.value);
        EXPECT_TRUE(incident.ok()) << incident.status();
        EXPECT_EQ(record.key, incident->id);
        incidents.push_back(*incident);
        done = done || found(*incident);
      }
    }
    (*source)->Close();
    EXPECT_TRUE(done) << incidents.size() << " records";
    return incidents;
  }

  std::unique_ptr<EmbeddedKafka> kafka_;
  std::unique_ptr<KafkaProducer> producer_;
};

TEST_F(KafkaRunTest, FromTopicsToIncidentsAndHttp) {
  const EventTime start =
      std::chrono::floor<Millis>(std::chrono::system_clock::now()) - Millis(300'000);
  Produce("topology", testing::kSmallMap);
  Produce("metrics", SmallInput(start) + "not a record\n");
  Process process({"run", "-c", KafkaConfig()}, {{"ROOTNOTE_KAFKA", kafka_->bootstrap_servers()}});
  const int port = HttpPort(process);
  ASSERT_NE(port, 0) << process.Err();

  const std::vector<Incident> incidents = ReadIncidents([](const Incident& incident) {
    return incident.root[0].entity == "vm:v1" && incident.status == IncidentStatus::kResolved;
  });
  std::string id;
  int64_t revision = 0;
  for (const Incident& incident : incidents) {
    if (incident.root[0].entity != "vm:v1") continue;
    EXPECT_EQ(incident.revision, ++revision);
    EXPECT_TRUE(id.empty() || id == incident.id);
    id = incident.id;
    EXPECT_EQ(incident.evidence.at(0).topic, "metrics");
  }
  EXPECT_GE(revision, 2);

  EXPECT_EQ(Eventually(port, "/-/ready", "ready").status, 200);
  EXPECT_EQ(Eventually(port, "/api/v1/incidents/" + id, "resolved").status, 200);
  EXPECT_EQ(HttpGet(port, "/api/v1/incidents/rn-none").status, 404);
  EXPECT_THAT(Eventually(port, "/metrics", "rootnote_dead_letter_records_total").body,
              HasSubstr("rootnote_kafka_records_consumed_total{topic=\"metrics\"}"));

  process.Signal(SIGTERM);
  const Exit exit = process.Wait();
  EXPECT_EQ(exit.code, kExitOk) << exit.err;
  EXPECT_EQ(exit.out, "");
  EXPECT_THAT(exit.err, HasSubstr("stopping"));
}

}  // namespace
}  // namespace rootnote
