#include <condition_variable>
#include <mutex>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "librdkafka/rdkafka.h"
#include "librdkafka/rdkafka_mock.h"

#include "connectors/kafka/embedded.h"
#include "connectors/kafka/sink.h"
#include "tests/unit/connectors/reading.h"

namespace rootnote {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;

// Kafka's numbers of the requests that a transaction is made of.
constexpr int16_t kAddOffsetsToTxn = 25;
constexpr int16_t kEndTxn = 26;
constexpr int16_t kTxnOffsetCommit = 28;

class FixedGroup : public ConsumerGroup {
 public:
  void* Metadata() const override { return rd_kafka_consumer_group_metadata_new("group"); }
};

class ClosedGroup : public ConsumerGroup {
 public:
  void* Metadata() const override { return nullptr; }
};

OutputRecord Out(std::string topic, std::optional<std::string> key,
                 std::optional<std::string> value) {
  OutputRecord record;
  record.topic = std::move(topic);
  record.key = std::move(key);
  record.value = std::move(value);
  return record;
}

Commit Of(std::vector<OutputRecord> records) { return {std::move(records), {}}; }

// A mock cluster of its own, whose requests can be made to fail.
class KafkaSinkTest : public testing::Test {
 protected:
  KafkaSinkTest()
      : client_(rd_kafka_new(RD_KAFKA_PRODUCER, QuietConf(), nullptr, 0)),
        cluster_(rd_kafka_mock_cluster_new(client_, 1)) {}
  static rd_kafka_conf_t* QuietConf() {
    rd_kafka_conf_t* conf = rd_kafka_conf_new();
    rd_kafka_conf_set(conf, "log_level", "2", nullptr, 0);
    return conf;
  }
  ~KafkaSinkTest() override {
    rd_kafka_mock_cluster_destroy(cluster_);
    rd_kafka_destroy(client_);
  }

  void CreateTopic(const std::string& topic) {
    ASSERT_EQ(rd_kafka_mock_topic_create(cluster_, topic.c_str(), 1, 1),
              RD_KAFKA_RESP_ERR_NO_ERROR);
  }
  KafkaSinkOptions Options() {
    KafkaSinkOptions options;
    options.properties = {{"bootstrap.servers", rd_kafka_mock_cluster_bootstraps(cluster_)},
                          {"transactional.id", "test"}};
    options.group = &group_;
    return options;
  }
  std::unique_ptr<Sink> Open(KafkaSinkOptions options) {
    auto sink = OpenKafkaSink(std::move(options));
    EXPECT_TRUE(sink.ok()) << sink.status();
    return sink.ok() ? *std::move(sink) : nullptr;
  }
  // What a reader finds in a topic of one partition.
  std::vector<ReadRecord> ReadAll(const std::string& topic) {
    KafkaSourceOptions options;
    options.assigned = {topic};
    options.properties = {{"bootstrap.servers", rd_kafka_mock_cluster_bootstraps(cluster_)}};
    auto source = OpenKafkaSource(options);
    EXPECT_TRUE(source.ok()) << source.status();
    Reading reading(**source);
    reading.Until([&] { return reading.Count(PartitionNotice::Type::kAtEnd) == 1; });
    return reading.records;
  }
  void FailOnce(int16_t request, rd_kafka_resp_err_t error) {
    rd_kafka_mock_push_request_errors(cluster_, request, 1, error);
  }

  FixedGroup group_;
  rd_kafka_t* client_;
  rd_kafka_mock_cluster_t* cluster_;
};

TEST_F(KafkaSinkTest, WhatIsWrittenCanBeRead) {
  CreateTopic("incidents");
  const auto sink = Open(Options());
  OutputRecord full = Out("incidents", "rn-1", "{\"revision\":1}");
  full.headers = {{"state", "open"}, {"none", std::nullopt}, {"state", ""}};
  full.timestamp = FromMillis(1'700'000'000'123);
  Commit first = Of({full, Out("incidents", "rn-2", std::nullopt)});
  first.offsets = {{{"metrics", 0}, 17, "tick 5"}, {{"metrics", 1}, 0, ""}};
  absl::Status status = sink->Write(first);
  ASSERT_TRUE(status.ok()) << status;
  status = sink->Write(Of({Out("incidents", std::nullopt, "")}));
  ASSERT_TRUE(status.ok()) << status;
  EXPECT_TRUE(sink->Write(Commit()).ok());
  EXPECT_TRUE(sink->Close().ok());
  EXPECT_TRUE(absl::IsFailedPrecondition(sink->Write(first)));

  const std::vector<ReadRecord> records = ReadAll("incidents");
  ASSERT_EQ(records.size(), 3U);
  EXPECT_EQ(records[0].key, "rn-1");
  EXPECT_EQ(records[0].value, "{\"revision\":1}");
  EXPECT_EQ(records[0].headers, full.headers);
  EXPECT_EQ(records[0].record_time, full.timestamp);
  EXPECT_EQ(records[1].key, "rn-2");
  EXPECT_EQ(records[1].value, std::nullopt);
  EXPECT_EQ(records[2].key, std::nullopt);
  EXPECT_EQ(records[2].value, "");
}

TEST_F(KafkaSinkTest, AnErrorThatPassesIsTriedAgainInside) {
  CreateTopic("t");
  const auto sink = Open(Options());
  FailOnce(kAddOffsetsToTxn, RD_KAFKA_RESP_ERR_COORDINATOR_LOAD_IN_PROGRESS);
  FailOnce(kEndTxn, RD_KAFKA_RESP_ERR_COORDINATOR_LOAD_IN_PROGRESS);
  Commit commit = Of({Out("t", "k", "v")});
  commit.offsets = {{{"in", 0}, 1, ""}};
  const absl::Status status = sink->Write(commit);
  EXPECT_TRUE(status.ok()) << status;
}

TEST_F(KafkaSinkTest, AGenerationThatHasJustChangedIsTriedAgainInside) {
  CreateTopic("t");
  const auto sink = Open(Options());
  FailOnce(kTxnOffsetCommit, RD_KAFKA_RESP_ERR_ILLEGAL_GENERATION);
  Commit commit = Of({Out("t", "k", "v")});
  commit.offsets = {{{"in", 0}, 1, ""}};
  const absl::Status written = sink->Write(commit);
  EXPECT_TRUE(written.ok()) << written;
}

TEST_F(KafkaSinkTest, AGenerationThatStaysWrongAbortsAndTheSameCommitMayFollow) {
  CreateTopic("t");
  KafkaSinkOptions options = Options();
  options.timeout = 500ms;
  const auto sink = Open(options);
  std::vector<rd_kafka_resp_err_t> errors(100, RD_KAFKA_RESP_ERR_ILLEGAL_GENERATION);
  rd_kafka_mock_push_request_errors_array(cluster_, kTxnOffsetCommit, errors.size(), errors.data());
  Commit commit = Of({Out("t", "k", "v")});
  commit.offsets = {{{"in", 0}, 1, ""}};
  const absl::Status aborted = sink->Write(commit);
  EXPECT_TRUE(absl::IsAborted(aborted)) << aborted;
  rd_kafka_mock_clear_request_errors(cluster_, kTxnOffsetCommit);
  const absl::Status again = sink->Write(commit);
  EXPECT_TRUE(again.ok()) << again;
}

TEST_F(KafkaSinkTest, AFencedProducerIsToldThatAnotherIsActive) {
  CreateTopic("t");
  const auto sink = Open(Options());
  FailOnce(kEndTxn, RD_KAFKA_RESP_ERR_PRODUCER_FENCED);
  const absl::Status fenced = sink->Write(Of({Out("t", "k", "v")}));
  EXPECT_TRUE(absl::IsFailedPrecondition(fenced)) << fenced;
  EXPECT_THAT(std::string(fenced.message()), HasSubstr("another member"));
  EXPECT_EQ(sink->Write(Of({Out("t", "k", "v")})), fenced);
  EXPECT_TRUE(sink->Close().ok());
}

TEST_F(KafkaSinkTest, AMemberThatTheGroupDoesNotKnowIsFencedAsWell) {
  CreateTopic("t");
  const auto sink = Open(Options());
  FailOnce(kTxnOffsetCommit, RD_KAFKA_RESP_ERR_UNKNOWN_MEMBER_ID);
  Commit commit = Of({Out("t", "k", "v")});
  commit.offsets = {{{"in", 0}, 1, ""}};
  const absl::Status fenced = sink->Write(commit);
  EXPECT_TRUE(absl::IsFailedPrecondition(fenced)) << fenced;
  EXPECT_EQ(sink->Write(commit), fenced);
}

TEST_F(KafkaSinkTest, AnUnknownOutcomeIsUnavailableForGood) {
  CreateTopic("t");
  const auto sink = Open(Options());
  FailOnce(kEndTxn, RD_KAFKA_RESP_ERR_INVALID_TXN_STATE);
  const absl::Status unknown = sink->Write(Of({Out("t", "k", "v")}));
  EXPECT_TRUE(absl::IsUnavailable(unknown)) << unknown;
  EXPECT_THAT(std::string(unknown.message()), HasSubstr("unknown"));
  EXPECT_EQ(sink->Write(Of({Out("t", "k", "v")})), unknown);
}

TEST_F(KafkaSinkTest, WhatIsNotAuthorisedIsNamed) {
  CreateTopic("t");
  const auto sink = Open(Options());
  FailOnce(kTxnOffsetCommit, RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED);
  Commit commit = Of({Out("t", "k", "v")});
  commit.offsets = {{{"in", 0}, 1, ""}};
  const absl::Status refused = sink->Write(commit);
  EXPECT_EQ(refused.code(), absl::StatusCode::kPermissionDenied) << refused;
  EXPECT_THAT(std::string(refused.message()), HasSubstr("Read on the group"));
}

TEST_F(KafkaSinkTest, ARecordThatNeverFitsIsNamedAndTheNextOneGoes) {
  CreateTopic("t");
  const auto sink = Open(Options());
  const absl::Status large =
      sink->Write(Of({Out("t", "a", "small"), Out("t", "b", std::string(3'000'000, 'x'))}));
  EXPECT_TRUE(absl::IsInvalidArgument(large)) << large;
  EXPECT_THAT(std::string(large.message()), AllOf(HasSubstr("topic t"), HasSubstr("3000000")));
  EXPECT_TRUE(sink->Write(Of({Out("t", "c", "v")})).ok());
}

TEST_F(KafkaSinkTest, OffsetsOfAClosedConsumerAreNotWritten) {
  CreateTopic("t");
  const ClosedGroup closed;
  KafkaSinkOptions options = Options();
  options.group = &closed;
  const auto sink = Open(options);
  Commit commit = Of({Out("t", "k", "v")});
  commit.offsets = {{{"in", 0}, 1, ""}};
  EXPECT_TRUE(absl::IsFailedPrecondition(sink->Write(commit)));
}

TEST_F(KafkaSinkTest, ACommitWithoutABrokerEndsInTimeAndTheWatchdogBitesBefore) {
  CreateTopic("t");
  std::mutex mutex;
  std::vector<std::string> bites;
  KafkaSinkOptions options = Options();
  options.timeout = 1500ms;
  options.watchdog = 300ms;
  options.fatal = [&](const std::string& message) {
    const std::lock_guard lock(mutex);
    bites.push_back(message);
  };
  const auto sink = Open(options);
  ASSERT_TRUE(sink->Write(Of({Out("t", "k", "v")})).ok());
  rd_kafka_mock_broker_set_down(cluster_, -1);
  const absl::Status status = sink->Write(Of({Out("t", "k", "v")}));
  // Aborted when the broker has never heard of the transaction. When it has, it cannot be told of
  // the abort either, and the producer is given up.
  EXPECT_TRUE(absl::IsAborted(status) || absl::IsUnavailable(status)) << status;
  EXPECT_TRUE(sink->Close().ok());
  const std::lock_guard lock(mutex);
  EXPECT_THAT(bites, ElementsAre(AllOf(HasSubstr("flush"), HasSubstr("restart"))));
}

TEST_F(KafkaSinkTest, MissingAndRefusedPropertiesAreNamed) {
  const auto message = [&](const std::string& name, const std::string& value) {
    KafkaSinkOptions options = Options();
    if (value.empty()) {
      options.properties.erase(name);
    } else {
      options.properties[name] = value;
    }
    const auto sink = OpenKafkaSink(options);
    EXPECT_TRUE(absl::IsInvalidArgument(sink.status())) << sink.status();
    return std::string(sink.status().message());
  };
  EXPECT_THAT(message("transactional.id", ""), HasSubstr("transactional.id"));
  EXPECT_THAT(message("no.such.property", "1"), HasSubstr("no.such.property"));
  EXPECT_THAT(message("enable.idempotence", "false"), HasSubstr("enable.idempotence"));
}

TEST_F(KafkaSinkTest, WithoutABrokerOpeningEndsInTime) {
  rd_kafka_mock_broker_set_down(cluster_, -1);
  KafkaSinkOptions options = Options();
  options.timeout = 500ms;
  const auto sink = OpenKafkaSink(options);
  EXPECT_TRUE(absl::IsUnavailable(sink.status())) << sink.status();
}

}  // namespace
}  // namespace rootnote
