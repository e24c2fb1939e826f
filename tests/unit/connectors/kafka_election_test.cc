// The election on the embedded Kafka, which knows groups well enough for it; sessions that expire
// and static members are for a real broker.
#include <atomic>
#include <future>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "librdkafka/rdkafka.h"

#include "connectors/kafka/election.h"
#include "connectors/kafka/embedded.h"

namespace rootnote {
namespace {

using testing::HasSubstr;

class KafkaElectionTest : public testing::Test {
 protected:
  void SetUp() override {
    auto kafka = StartEmbeddedKafka();
    ASSERT_TRUE(kafka.ok()) << kafka.status();
    kafka_ = *std::move(kafka);
    ASSERT_TRUE(kafka_->CreateTopic("g.active", 1).ok());
  }
  // The embedded Kafka lets a group's first member wait for 3 s, and takes a second less than the
  // session for a rebalance.
  KafkaElectionOptions Options(const std::string& session_ms = "2500") {
    KafkaElectionOptions options;
    options.topic = "g.active";
    options.properties = {{"bootstrap.servers", kafka_->bootstrap_servers()},
                          {"group.id", "g"},
                          {"session.timeout.ms", session_ms},
                          {"heartbeat.interval.ms", "100"},
                          {"reconnect.backoff.max.ms", "200"}};
    return options;
  }
  std::unique_ptr<KafkaElection> Join(const KafkaElectionOptions& options) {
    auto election = JoinElection(options);
    EXPECT_TRUE(election.ok()) << election.status();
    return election.ok() ? *std::move(election) : nullptr;
  }

  std::unique_ptr<EmbeddedKafka> kafka_;
};

// Which of two keeps the lock depends on member ids, and the embedded Kafka's are addresses: that
// the first keeps it is for a real broker.
TEST_F(KafkaElectionTest, OneOfTwoHoldsAndWhenItLeavesTheOtherTakesOver) {
  auto holder = Join(Options());
  ASSERT_TRUE(holder->WaitFor(true, 30s).ok());
  EXPECT_TRUE(holder->holds());
  void* metadata = holder->Metadata();
  ASSERT_NE(metadata, nullptr);
  rd_kafka_consumer_group_metadata_destroy(
      static_cast<rd_kafka_consumer_group_metadata_t*>(metadata));
  std::promise<void> first_lost;
  holder->OnLost([&] { first_lost.set_value(); });

  auto other = Join(Options());
  // A member that is told that it stands by has been given its share.
  const bool moved = other->WaitFor(true, 6s).ok();
  EXPECT_GE(other->rebalances(), 1U);
  if (moved) {
    ASSERT_EQ(first_lost.get_future().wait_for(30s), std::future_status::ready);
    std::swap(holder, other);
  }
  EXPECT_TRUE(holder->holds());
  EXPECT_FALSE(other->holds());

  std::atomic<int> lost = 0;
  holder->OnLost([&] { ++lost; });
  holder->Close();
  EXPECT_FALSE(holder->holds());
  EXPECT_EQ(lost, 0);  // it was not lost, it was given up
  EXPECT_EQ(holder->Metadata(), nullptr);
  EXPECT_TRUE(absl::IsFailedPrecondition(holder->WaitFor(true, 30s)));
  EXPECT_TRUE(other->WaitFor(true, 30s).ok());
}

TEST_F(KafkaElectionTest, ASessionWithoutAnAnswerEndsTheHold) {
  const auto election = Join(Options("4500"));
  ASSERT_TRUE(election->WaitFor(true, 30s).ok());
  std::promise<void> lost;
  election->OnLost([&] { lost.set_value(); });
  kafka_->SetReachable(false);
  ASSERT_EQ(lost.get_future().wait_for(30s), std::future_status::ready);
  EXPECT_FALSE(election->holds());
  EXPECT_TRUE(election->WaitFor(false, 0ms).ok());
  // Who asks later is told as well.
  std::promise<void> told;
  election->OnLost([&] { told.set_value(); });
  EXPECT_EQ(told.get_future().wait_for(30s), std::future_status::ready);
  kafka_->SetReachable(true);
  EXPECT_TRUE(election->WaitFor(true, 60s).ok());
}

TEST_F(KafkaElectionTest, WhatIsMissingOrRefusedIsNamed) {
  KafkaElectionOptions options = Options();
  options.properties.erase("group.id");
  EXPECT_THAT(std::string(JoinElection(options).status().message()), HasSubstr("group.id"));
  options = Options();
  options.properties["partition.assignment.strategy"] = "roundrobin";
  EXPECT_THAT(std::string(JoinElection(options).status().message()), HasSubstr("strategy"));
}

}  // namespace
}  // namespace rootnote
