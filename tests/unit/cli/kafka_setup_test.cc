#include "engine/cli/kafka_setup.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace rootnote {
namespace {

using ::testing::AllOf;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::Key;
using ::testing::Not;
using ::testing::Pair;

KafkaConfig Kafka() {
  KafkaConfig kafka;
  kafka.bootstrap_servers = "k:9092";
  kafka.group = "g";
  kafka.instance = "a";
  kafka.properties = {{"sasl.password", "for-all"}, {"ssl.key.password", "pw"}};
  kafka.consumer = {{"session.timeout.ms", "9000"}};
  kafka.producer = {{"compression.codec", "none"}};
  return kafka;
}

TEST(KafkaSetupTest, TheElectionIsAMemberOfTheGroup) {
  const KafkaProperties properties = ElectionProperties(Kafka());
  EXPECT_THAT(
      properties,
      AllOf(Contains(Pair("bootstrap.servers", "k:9092")), Contains(Pair("group.id", "g")),
            Contains(Pair("group.instance.id", "a")), Contains(Pair("session.timeout.ms", "9000")),
            Contains(Pair("sasl.password", "for-all")), Contains(Pair("client.id", "rootnote"))));
  EXPECT_THAT(properties, Not(Contains(Key("compression.codec"))));
  KafkaConfig dynamic = Kafka();
  dynamic.instance.clear();
  EXPECT_THAT(ElectionProperties(dynamic), Not(Contains(Key("group.instance.id"))));
}

// The second client of one process with the same instance would be thrown out of the group.
TEST(KafkaSetupTest, TheSourceIsNoMember) {
  KafkaConfig kafka = Kafka();
  EXPECT_THAT(SourceProperties(kafka),
              AllOf(Contains(Pair("group.id", "g")), Contains(Pair("session.timeout.ms", "9000")),
                    Not(Contains(Key("group.instance.id")))));
  kafka.consumer["group.instance.id"] = "given";
  EXPECT_THAT(SourceProperties(kafka), Not(Contains(Key("group.instance.id"))));
}

TEST(KafkaSetupTest, TheSinkHasTheTransactionalId) {
  KafkaConfig kafka = Kafka();
  EXPECT_THAT(
      SinkProperties(kafka),
      AllOf(Contains(Pair("transactional.id", "g")), Contains(Pair("compression.codec", "none")),
            Not(Contains(Key("group.id"))), Not(Contains(Key("session.timeout.ms")))));
  kafka.transactional_id = "t";
  kafka.producer["message.max.bytes"] = "7";
  EXPECT_THAT(SinkProperties(kafka), AllOf(Contains(Pair("transactional.id", "t")),
                                           Contains(Pair("message.max.bytes", "7"))));
  EXPECT_THAT(AdminProperties(kafka),
              AllOf(Contains(Key("bootstrap.servers")), Contains(Key("sasl.password")),
                    Not(Contains(Key("transactional.id")))));
}

Config Small() {
  Config config;
  config.kafka = Kafka();
  config.output.partitions = 3;
  return config;
}

std::vector<std::string> Names(const std::vector<TopicSpec>& topics) {
  std::vector<std::string> names;
  for (const TopicSpec& topic : topics) names.push_back(topic.name);
  return names;
}

TEST(KafkaSetupTest, OutputsAndTheElectionAreCreated) {
  const std::vector<TopicSpec> topics = OutputTopicSpecs(Small(), {});
  EXPECT_THAT(Names(topics), ElementsAre("g.active", "rootnote.dead-letter", "rootnote.incidents",
                                         "rootnote.late", "rootnote.unresolved"));
  EXPECT_EQ(topics[0].partitions, 1);
  EXPECT_EQ(topics[1].partitions, 3);
  EXPECT_THAT(topics[1].config, AllOf(Contains(Pair("cleanup.policy", "delete")),
                                      Contains(Pair("retention.ms", "604800000"))));
  EXPECT_THAT(topics[2].config, AllOf(Contains(Pair("cleanup.policy", "compact,delete")),
                                      Contains(Pair("min.compaction.lag.ms", "86400000")),
                                      Contains(Pair("retention.ms", "7776000000"))));
}

TEST(KafkaSetupTest, RoutedTopicsAreLikeTheIncidents) {
  IncidentPolicy policy;
  policy.routes = {{.topic = "pager"}, {.topic = "mail"}, {.topic = "pager"}};
  const std::vector<TopicSpec> topics = OutputTopicSpecs(Small(), policy);
  ASSERT_EQ(topics.size(), 7U);
  EXPECT_EQ(topics[1].name, "mail");
  EXPECT_EQ(topics[2].name, "pager");
  EXPECT_EQ(topics[2].config, topics[4].config);
}

TEST(KafkaSetupTest, AShadowHasItsOwnTopicsAndRoutesNothing) {
  IncidentPolicy policy;
  policy.routes = {{.topic = "pager"}};
  EXPECT_THAT(
      Names(OutputTopicSpecs(Shadowed(Small()), policy)),
      ElementsAre("g.shadow.active", "rootnote.dead-letter.shadow", "rootnote.incidents.shadow",
                  "rootnote.late.shadow", "rootnote.unresolved.shadow"));
}

TEST(KafkaSetupTest, ATopicUnderTwoKeysIsCreatedOnce) {
  Config config = Small();
  config.pipeline.outputs.late = config.pipeline.outputs.unresolved = "rest";
  EXPECT_EQ(OutputTopicSpecs(config, {}).size(), 4U);
}

TEST(KafkaSetupTest, SecretsAreFound) {
  EXPECT_THAT(SecretsOf(Kafka()), ElementsAre("for-all", "pw"));
}

TEST(KafkaSetupTest, WhatLibrdkafkaLacksIsNamedOnce) {
  KafkaConfig kafka = Kafka();
  EXPECT_THAT(LackingFeatures(kafka, {}), ElementsAre());
  kafka.properties = {{"security.protocol", "SASL_SSL"},
                      {"sasl.mechanisms", "SCRAM-SHA-512"},
                      {"sasl.oauthbearer.method", "oidc"}};
  kafka.consumer = {{"security.protocol", "ssl"}};
  kafka.producer = {{"compression.codec", "zstd"}};
  EXPECT_THAT(LackingFeatures(kafka, {"lz4", "ssl"}),
              ElementsAre("compression zstd", "SASL/SCRAM", "OIDC"));
  EXPECT_THAT(LackingFeatures(kafka, {}),
              ElementsAre("compression zstd", "TLS", "SASL/SCRAM", "OIDC"));
  EXPECT_THAT(LackingFeatures(kafka, {"zstd", "ssl", "sasl_scram", "oidc"}), ElementsAre());
}

TEST(KafkaSetupTest, PropertiesAreCheckedWithoutABroker) {
  KafkaConfig kafka = Kafka();
  kafka.bootstrap_servers = "nowhere.invalid:9092";
  kafka.properties = {{"security.protocol", "plaintext"}};
  EXPECT_TRUE(CheckKafkaProperties(kafka).ok()) << CheckKafkaProperties(kafka);
  const auto wrong = [&](const char* name, const char* value) {
    KafkaConfig other = kafka;
    other.producer[name] = value;
    const absl::Status status = CheckKafkaProperties(other);
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << name;
    return std::string(status.message());
  };
  EXPECT_THAT(wrong("linger.millis", "5"), ::testing::HasSubstr("linger.millis"));
  EXPECT_THAT(wrong("linger.ms", "soon"), ::testing::HasSubstr("linger.ms"));
  kafka.producer["security.protocol"] = "ssl";
  EXPECT_THAT(wrong("ssl.ca.location", "/nowhere/ca.pem"), ::testing::HasSubstr("ca"));
}

}  // namespace
}  // namespace rootnote
