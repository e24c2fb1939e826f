// Topics and offsets on the embedded Kafka; transactions and what the broker refuses are for a real
// one.
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "librdkafka/rdkafka.h"

#include "connectors/kafka/embedded.h"
#include "connectors/kafka/offsets.h"
#include "connectors/kafka/topics.h"
#include "tests/unit/connectors/reading.h"

namespace rootnote {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;

class KafkaOffsetsTest : public testing::Test {
 protected:
  void SetUp() override {
    auto kafka = StartEmbeddedKafka();
    ASSERT_TRUE(kafka.ok()) << kafka.status();
    kafka_ = *std::move(kafka);
    properties_ = {{"bootstrap.servers", kafka_->bootstrap_servers()}, {"group.id", "g"}};
    ASSERT_TRUE(kafka_->CreateTopic("metrics-a", 2).ok());
    ASSERT_TRUE(kafka_->CreateTopic("events", 1).ok());
  }

  // As another member would have done.
  void CommitAsMember(const std::vector<CommitOffset>& offsets) {
    rd_kafka_conf_t* conf = rd_kafka_conf_new();
    for (const auto& [name, value] : properties_) {
      ASSERT_EQ(rd_kafka_conf_set(conf, name.c_str(), value.c_str(), nullptr, 0), RD_KAFKA_CONF_OK);
    }
    rd_kafka_t* client = rd_kafka_new(RD_KAFKA_CONSUMER, conf, nullptr, 0);
    rd_kafka_topic_partition_list_t* list = rd_kafka_topic_partition_list_new(1);
    for (const CommitOffset& offset : offsets) {
      auto* element = rd_kafka_topic_partition_list_add(list, offset.partition.topic.c_str(),
                                                        offset.partition.partition);
      element->offset = offset.offset;
      element->metadata = ::strdup(offset.metadata.c_str());
      element->metadata_size = offset.metadata.size();
    }
    EXPECT_EQ(rd_kafka_commit(client, list, 0), RD_KAFKA_RESP_ERR_NO_ERROR);
    rd_kafka_topic_partition_list_destroy(list);
    rd_kafka_consumer_close(client);
    rd_kafka_destroy(client);
  }

  std::unique_ptr<EmbeddedKafka> kafka_;
  std::map<std::string, std::string> properties_;
};

TEST_F(KafkaOffsetsTest, CommittedOffsetsComeWithTheirMetadataInOrder) {
  CommitAsMember({{{"metrics-a", 1}, 17, "{\"tick\":5}"}, {{"events", 0}, 0, ""}});
  const auto offsets = ReadCommittedOffsets(properties_, {"^metrics-.*", "events"}, 20s);
  ASSERT_TRUE(offsets.ok()) << offsets.status();
  ASSERT_EQ(offsets->size(), 2U);
  EXPECT_EQ((*offsets)[0].partition, (TopicPartition{"events", 0}));
  EXPECT_EQ((*offsets)[0].offset, 0);
  EXPECT_EQ((*offsets)[1].partition, (TopicPartition{"metrics-a", 1}));
  EXPECT_EQ((*offsets)[1].offset, 17);
  EXPECT_EQ((*offsets)[1].metadata, "{\"tick\":5}");
}

TEST_F(KafkaOffsetsTest, AWholeTopicIsEachPartitionInItsOrder) {
  auto producer = OpenKafkaProducer({{"bootstrap.servers", kafka_->bootstrap_servers()}});
  ASSERT_TRUE(producer.ok());
  for (int i = 0; i < 30; ++i) {
    OutputRecord record;
    record.topic = "metrics-a";
    record.key = "k";
    record.value = std::to_string(i);
    record.headers = {{"h", "v"}};
    ASSERT_TRUE((*producer)->Produce(record, i % 2).ok());
  }
  ASSERT_TRUE((*producer)->Flush(20s).ok());
  std::map<int32_t, std::vector<ReadRecord>> read;
  const absl::Status status = ReadTopicWhole(properties_, "metrics-a", 20s, [&](const Record& r) {
    read[r.partition].push_back(Owned(r));
  });
  ASSERT_TRUE(status.ok()) << status;
  ASSERT_EQ(read.size(), 2U);
  for (const auto& [partition, records] : read) {
    ASSERT_EQ(records.size(), 15U);
    for (size_t i = 0; i < records.size(); ++i) {
      EXPECT_EQ(records[i].offset, static_cast<int64_t>(i));
      EXPECT_EQ(records[i].value, std::to_string(2 * static_cast<int>(i) + partition));
      EXPECT_EQ(records[i].headers.size(), 1U);
    }
  }
}

TEST_F(KafkaOffsetsTest, AnEmptyTopicIsReadAtOnce) {
  int visits = 0;
  const absl::Status status =
      ReadTopicWhole(properties_, "events", 20s, [&](const Record&) { ++visits; });
  EXPECT_TRUE(status.ok()) << status;
  EXPECT_EQ(visits, 0);
}

TEST_F(KafkaOffsetsTest, ABrokerThatCannotBeReachedIsNamedWithTheReason) {
  kafka_->SetReachable(false);
  std::vector<std::string> said;
  const auto log = [&](const KafkaLog& line) {
    if (line.facility == "ROOTNOTE") {
      said.push_back(line.message);
    }
  };
  const auto offsets = ReadCommittedOffsets(properties_, {"events"}, 1s, log);
  EXPECT_TRUE(absl::IsDeadlineExceeded(offsets.status())) << offsets.status();
  EXPECT_THAT(
      std::string(offsets.status().message()),
      AllOf(HasSubstr(kafka_->bootstrap_servers()), HasSubstr("group g"), HasSubstr("refused")));
  const absl::Status whole = ReadTopicWhole(
      properties_, "events", 1s, [](const Record&) {}, log);
  EXPECT_TRUE(absl::IsDeadlineExceeded(whole)) << whole;
  const absl::Status topics = EnsureTopics(properties_, {{"events", 1, {}}}, true, -1, 1s, log);
  EXPECT_TRUE(absl::IsDeadlineExceeded(topics)) << topics;
  EXPECT_LE(said.size(), 3U);
}

TEST_F(KafkaOffsetsTest, TopicsThatAreThereAreLeftAlone) {
  const absl::Status status =
      EnsureTopics(properties_, {{"events", 1, {}}, {"metrics-a", 9, {}}}, false, -1, 20s);
  EXPECT_TRUE(status.ok()) << status;
}

TEST_F(KafkaOffsetsTest, WhatIsMissingOrRefusedIsNamed) {
  EXPECT_THAT(std::string(ReadCommittedOffsets({}, {"t"}, 1s).status().message()),
              HasSubstr("group.id"));
  properties_["no.such.property"] = "1";
  EXPECT_THAT(std::string(EnsureTopics(properties_, {{"t", 1, {}}}, true, -1, 1s).message()),
              HasSubstr("no.such.property"));
  EXPECT_TRUE(absl::IsInvalidArgument(ReadTopicWhole(properties_, "t", 1s, [](const Record&) {})));
}

}  // namespace
}  // namespace rootnote
