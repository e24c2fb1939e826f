// What the configuration says about Kafka, shadow runs and reloads.
#include "fmt/format.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

#include "engine/cli/config.h"

namespace rootnote {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Pair;
using ::testing::UnorderedElementsAre;

constexpr const char* kSmallest = R"(rules: [rules.rn]
kafka: {bootstrap_servers: "localhost:9092"}
inputs: [{topic: metrics}]
)";

Config Good(std::string_view text) {
  const absl::StatusOr<Config> config = ParseConfig(text, "c.yaml");
  EXPECT_TRUE(config.ok()) << config.status();
  return config.ok() ? *config : Config();
}

// The findings, a line each; "" when there are none.
std::string Wrong(std::string_view text) {
  const absl::StatusOr<Config> config = ParseConfig(text, "c.yaml");
  if (config.ok()) return "";
  EXPECT_EQ(config.status().code(), absl::StatusCode::kInvalidArgument);
  return std::string(config.status().message());
}

Config WithStart(const std::string& start) {
  return Good("rules: r\ninputs: [{topic: t}]\nkafka: {bootstrap_servers: k, start: " + start +
              "}\n");
}

TEST(KafkaConfigTest, TheStartIsAWordOrATime) {
  EXPECT_FALSE(WithStart("latest").kafka.from_beginning);
  EXPECT_TRUE(WithStart("earliest").kafka.from_beginning);
  const KafkaConfig timed = WithStart("2026-11-22T08:00:00+01:00").kafka;
  EXPECT_EQ(timed.from_time, ParseRfc3339("2026-11-22T07:00:00Z"));
  EXPECT_FALSE(timed.from_beginning);
  EXPECT_THAT(
      Wrong("rules: r\ninputs: [{topic: t}]\nkafka: {bootstrap_servers: k, start: 2026-13-01}\n"),
      HasSubstr("c.yaml:3:38: error: kafka.start must be a time such as"));
}

TEST(KafkaConfigTest, TopicsThatWouldFeedThemselvesAreRefused) {
  const auto wrong = [](const std::string& more) {
    return Wrong("rules: r\nkafka: {bootstrap_servers: k}\n" + more);
  };
  EXPECT_THAT(wrong("inputs: [{topic: t}, {topic: ^root}]\n"),
              AllOf(HasSubstr("c.yaml:3:9: error: inputs take in rootnote.late by the topic ^root"),
                    HasSubstr("outputs.dead_letter")));
  EXPECT_THAT(wrong("inputs: [{topic: t}]\noutputs: {unresolved: t}\n"),
              HasSubstr("inputs take in t by the topic t, and it is outputs.unresolved"));
  EXPECT_THAT(wrong("inputs: [{topic: t}]\noutputs: {late: \"a b\"}\n"),
              HasSubstr("outputs late \"a b\" is no name of a topic"));
  EXPECT_EQ(wrong("inputs: [{topic: ^telegraf}]\n"), "");
  EXPECT_THAT(wrong("inputs: [{topic: ^map, role: topology}]\n"),
              HasSubstr("c.yaml:3:18: error: inputs[0].topic is read whole"));
}

TEST(KafkaConfigTest, ReplicationAndPartitionsHaveBounds) {
  const auto wrong = [](const std::string& more) {
    return Wrong("rules: r\ninputs: [{topic: t}]\nkafka: {bootstrap_servers: k, " + more);
  };
  EXPECT_THAT(wrong("replication_factor: 0}\n"), HasSubstr("replication_factor cannot be 0"));
  EXPECT_THAT(wrong("replication_factor: -2}\n"), HasSubstr("from -1 to 100"));
  EXPECT_THAT(wrong("replication_factor: 3}\noutputs: {partitions: 0}\n"),
              HasSubstr("outputs.partitions must be a whole number from 1 to 1000"));
  EXPECT_EQ(wrong("replication_factor: 3}\noutputs: {partitions: 3}\n"), "");
}

TEST(KafkaConfigTest, ShadowedTouchesNothingOfTheRunInEarnest) {
  Config config = Good(R"(rules: r
kafka: {bootstrap_servers: k, group: g, transactional_id: id, election_topic: e, instance: i}
inputs: [{topic: t}]
outputs: {incidents: in, dead_letter: dl, late: la, unresolved: un}
engine: {journal: j}
)");
  config.outputs = {{"in", "-"}, {"dl", "dead.jsonl"}};
  const Config shadow = Shadowed(config);
  EXPECT_TRUE(shadow.shadow);
  EXPECT_EQ(shadow.kafka.group, "g.shadow");
  EXPECT_EQ(shadow.kafka.transactional_id, "id.shadow");
  EXPECT_EQ(shadow.kafka.election_topic, "e.shadow");
  EXPECT_EQ(shadow.pipeline.outputs.incidents, "in.shadow");
  EXPECT_EQ(shadow.pipeline.outputs.dead_letter, "dl.shadow");
  EXPECT_EQ(shadow.pipeline.outputs.late, "la.shadow");
  EXPECT_EQ(shadow.pipeline.outputs.unresolved, "un.shadow");
  EXPECT_EQ(shadow.pipeline.journal_path, "j.shadow");
  EXPECT_THAT(shadow.outputs,
              UnorderedElementsAre(Pair("in.shadow", "-"), Pair("dl.shadow", "dead.jsonl.shadow")));
  EXPECT_EQ(shadow.pipeline.topics[0].topic, "t");
}

TEST(KafkaConfigTest, WhatIsNotGivenStaysDefaultInAShadow) {
  const Config shadow = Shadowed(Good(kSmallest));
  EXPECT_EQ(shadow.kafka.transactional_id, "");
  EXPECT_EQ(shadow.kafka.election_topic, "");
  EXPECT_EQ(shadow.pipeline.journal_path, "");
}

TEST(KafkaConfigTest, SomeChangesNeedARestart) {
  const Config running = Good(kSmallest);
  EXPECT_THAT(NeedsRestart(running, running), IsEmpty());
  Config read = running;
  read.rules = {"others.rn"};
  read.kafka.producer["linger.ms"] = "7";
  read.pipeline.threads = 5;
  EXPECT_THAT(NeedsRestart(running, read), IsEmpty());
  read.http.port = 1;
  read.kafka.group = "other";
  EXPECT_THAT(NeedsRestart(running, read), ElementsAre("kafka.group", "http.port"));
}

}  // namespace
}  // namespace rootnote
