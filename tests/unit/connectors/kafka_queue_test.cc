#include <chrono>
#include <random>
#include <thread>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

#include "connectors/kafka/queue.h"
#include "connectors/kafka/statistics.h"

namespace rootnote {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using NoticeType = PartitionNotice::Type;

const TopicPartition kA{"a", 0};
const TopicPartition kB{"b", 0};

PartitionNotice Notice(NoticeType type, const TopicPartition& partition) {
  return {type, partition, 0, -1};
}

RecordChunk Chunk(int64_t first, int count, size_t bytes) {
  RecordChunk chunk;
  for (int i = 0; i < count; ++i) {
    Record record;
    record.offset = first + i;
    chunk.records.push_back(record);
  }
  chunk.bytes = bytes;
  chunk.owner = std::make_shared<int>(0);
  return chunk;
}

SourceBatch Polled(PartitionQueues& queues, PollLimits limits = {}) {
  auto polled = queues.Poll(limits, 0ms);
  EXPECT_TRUE(polled.ok()) << polled.status();
  return polled.ok() ? *std::move(polled) : SourceBatch();
}

std::vector<NoticeType> Types(const SourceBatch& batch) {
  std::vector<NoticeType> types;
  for (const PartitionNotice& notice : batch.notices) {
    types.push_back(notice.type);
  }
  return types;
}

TEST(PartitionQueuesTest, TheEndIsToldAfterTheRecordsBeforeIt) {
  PartitionQueues queues(1U << 20);
  queues.Assign({Notice(NoticeType::kAssigned, kA)});
  EXPECT_FALSE(queues.Push(kA, Chunk(0, 3, 300)));
  queues.AtEnd(kA, 3);
  SourceBatch batch = Polled(queues, {2, 1U << 20});
  EXPECT_THAT(Types(batch), ElementsAre(NoticeType::kAssigned));
  EXPECT_EQ(batch.batch.records.size(), 2U);
  EXPECT_EQ(batch.batch.bytes, 200U);
  batch = Polled(queues);
  EXPECT_THAT(Types(batch), IsEmpty());
  EXPECT_EQ(batch.batch.bytes, 100U);
  EXPECT_EQ(batch.batch.records[0].offset, 2);
  batch = Polled(queues);
  EXPECT_THAT(Types(batch), ElementsAre(NoticeType::kAtEnd));
  EXPECT_THAT(Types(Polled(queues)), IsEmpty());
}

TEST(PartitionQueuesTest, AnEndThatIsNoneAnyMoreIsNotTold) {
  PartitionQueues queues(1U << 20);
  queues.Assign({Notice(NoticeType::kAssigned, kA)});
  queues.AtEnd(kA, 0);
  queues.Push(kA, Chunk(0, 1, 10));
  EXPECT_THAT(Types(Polled(queues)), ElementsAre(NoticeType::kAssigned));
  EXPECT_THAT(Types(Polled(queues)), IsEmpty());
}

TEST(PartitionQueuesTest, AGapIsToldBetweenTheRecordsAroundIt) {
  PartitionQueues queues(1U << 20);
  queues.Assign({Notice(NoticeType::kAssigned, kA), Notice(NoticeType::kAssigned, kB)});
  queues.Push(kA, Chunk(5, 2, 10));
  queues.AtEnd(kA, 7);
  queues.Skipped(kA, 0, 3);
  queues.Push(kA, Chunk(0, 3, 10));
  queues.Push(kB, Chunk(9, 1, 10));
  SourceBatch batch = Polled(queues);
  EXPECT_THAT(Types(batch), ElementsAre(NoticeType::kAssigned, NoticeType::kAssigned));
  ASSERT_EQ(batch.batch.records.size(), 3U);
  EXPECT_EQ(batch.batch.records[1].offset, 6);
  EXPECT_EQ(batch.batch.records[2].offset, 9);
  batch = Polled(queues);
  EXPECT_THAT(Types(batch), ElementsAre(NoticeType::kSkipped));
  EXPECT_EQ(batch.notices[0].offset, 0);
  EXPECT_EQ(batch.notices[0].end_offset, 3);
  ASSERT_EQ(batch.batch.records.size(), 3U);
  EXPECT_EQ(batch.batch.records[0].offset, 0);
}

TEST(PartitionQueuesTest, AGapWithNothingBehindItIsToldAndAPauseHoldsItBack) {
  PartitionQueues queues(1U << 20);
  queues.Assign({Notice(NoticeType::kAssigned, kA)});
  Polled(queues);
  queues.SetPaused(kA, true);
  queues.Skipped(kA, 8, 8);
  EXPECT_THAT(Types(Polled(queues)), IsEmpty());
  queues.SetPaused(kA, false);
  EXPECT_THAT(Types(Polled(queues)), ElementsAre(NoticeType::kSkipped));
  EXPECT_THAT(Types(Polled(queues)), IsEmpty());
}

TEST(PartitionQueuesTest, OnlyTheLatestEndIsTold) {
  PartitionQueues queues(1U << 20);
  queues.Assign({Notice(NoticeType::kAssigned, kA)});
  Polled(queues);
  queues.End(kA, 5);
  queues.End(kA, 7);
  queues.End(kB, 1);
  const SourceBatch batch = Polled(queues);
  EXPECT_THAT(Types(batch), ElementsAre(NoticeType::kEnd));
  EXPECT_EQ(batch.notices[0].end_offset, 7);
  EXPECT_THAT(Types(Polled(queues)), IsEmpty());
}

TEST(PartitionQueuesTest, RevokingDropsWhatIsQueuedAndForgetsThePause) {
  PartitionQueues queues(1U << 20);
  queues.Assign({Notice(NoticeType::kAssigned, kA), Notice(NoticeType::kAssigned, kB)});
  queues.SetPaused(kA, true);
  queues.Push(kA, Chunk(0, 5, 10));
  queues.Push(kB, Chunk(7, 1, 10));
  queues.Revoke({Notice(NoticeType::kRevoked, kA)});
  EXPECT_FALSE(queues.Push(kA, Chunk(5, 1, 10)));
  SourceBatch batch = Polled(queues);
  ASSERT_EQ(batch.batch.records.size(), 1U);
  EXPECT_EQ(batch.batch.records[0].offset, 7);
  queues.Assign({Notice(NoticeType::kAssigned, kA)});
  queues.Push(kA, Chunk(3, 1, 10));
  EXPECT_EQ(Polled(queues).batch.records.size(), 1U);
}

TEST(PartitionQueuesTest, AFullPartitionIsHeldOnceAndReleasedWhenHalfEmpty) {
  PartitionQueues queues(512U << 10);
  int woken = 0;
  queues.SetWake([&] { ++woken; });
  queues.Assign({Notice(NoticeType::kAssigned, kA)});
  EXPECT_FALSE(queues.Push(kA, Chunk(0, 100, 400U << 10)));
  EXPECT_TRUE(queues.Push(kA, Chunk(100, 100, 400U << 10)));
  EXPECT_FALSE(queues.Push(kA, Chunk(200, 100, 400U << 10)));
  Polled(queues, {100, 1U << 30});
  Polled(queues, {100, 1U << 30});
  EXPECT_THAT(queues.TakeDrained(), IsEmpty());
  EXPECT_EQ(woken, 0);
  Polled(queues, {50, 1U << 30});
  EXPECT_EQ(woken, 1);
  EXPECT_THAT(queues.TakeDrained(), ElementsAre(kA));
  EXPECT_THAT(queues.TakeDrained(), IsEmpty());
}

TEST(PartitionQueuesTest, PartitionsTakeTurns) {
  PartitionQueues queues(1U << 20);
  queues.Assign({Notice(NoticeType::kAssigned, kA), Notice(NoticeType::kAssigned, kB)});
  queues.Push(kA, Chunk(0, 10, 10));
  queues.Push(kB, Chunk(100, 10, 10));
  EXPECT_EQ(Polled(queues, {2, 1U << 20}).batch.records[0].offset, 0);
  EXPECT_EQ(Polled(queues, {2, 1U << 20}).batch.records[0].offset, 100);
  EXPECT_EQ(Polled(queues, {2, 1U << 20}).batch.records[0].offset, 2);
}

TEST(PartitionQueuesTest, AnErrorStays) {
  PartitionQueues queues(1U << 20);
  queues.Assign({Notice(NoticeType::kAssigned, kA)});
  queues.Fail(absl::FailedPreconditionError("fenced"));
  queues.Fail(absl::InternalError("later"));
  EXPECT_TRUE(absl::IsFailedPrecondition(queues.Poll({}, 0ms).status()));
  EXPECT_TRUE(absl::IsFailedPrecondition(queues.Poll({}, 0ms).status()));
}

TEST(PartitionQueuesTest, APollIsWokenByWhatComes) {
  PartitionQueues queues(1U << 20);
  queues.Assign({Notice(NoticeType::kAssigned, kA)});
  Polled(queues);
  std::thread fetcher([&] { queues.Push(kA, Chunk(0, 1, 10)); });
  const auto polled = queues.Poll({}, 60s);
  fetcher.join();
  ASSERT_TRUE(polled.ok());
  EXPECT_EQ(polled->batch.records.size(), 1U);
}

// Any mixture of pushing, pausing and polling: each partition's offsets come out once, in order.
TEST(PartitionQueuesTest, NothingIsLostOrRepeatedWhateverTheOrder) {
  std::mt19937 random(7);
  const auto upto = [&](int n) { return static_cast<int>(random() % static_cast<unsigned>(n)); };
  PartitionQueues queues(256U << 10);
  const std::vector<TopicPartition> ids = {kA, kB, {"c", 3}};
  for (const TopicPartition& id : ids) {
    queues.Assign({Notice(NoticeType::kAssigned, id)});
  }
  std::vector<std::string> names = {"a", "b", "c"};
  std::vector<int64_t> pushed(3, 0);
  std::vector<int64_t> polled(3, 0);
  const auto poll = [&] {
    const SourceBatch batch = Polled(queues, {static_cast<size_t>(1 + upto(40)), 1U << 20});
    for (const Record& record : batch.batch.records) {
      const auto index = static_cast<size_t>(record.partition);
      ASSERT_EQ(record.offset, polled[index]++);
    }
  };
  for (int step = 0; step < 20'000; ++step) {
    const auto index = static_cast<size_t>(upto(3));
    const int choice = upto(10);
    if (choice < 4) {
      RecordChunk chunk = Chunk(pushed[index], 1 + upto(20), 1000);
      for (Record& record : chunk.records) {
        record.partition = static_cast<int32_t>(index);
      }
      pushed[index] += static_cast<int64_t>(chunk.records.size());
      queues.Push(ids[index], std::move(chunk));
    } else if (choice < 6) {
      queues.SetPaused(ids[index], choice == 4);
    } else {
      poll();
    }
  }
  for (const TopicPartition& id : ids) {
    queues.SetPaused(id, false);
  }
  while (polled != pushed) {
    const auto before = polled;
    poll();
    ASSERT_NE(polled, before);
  }
}

TEST(StatisticsTest, HealthIsThatOfThePartitionsLeader) {
  const auto read = ReadStatistics(
      R"({"brokers":{"h:1/1":{"nodeid":1,"source":"learned","state":"UP","rxidle":1500},)"
      R"("h:2/2":{"nodeid":2,"source":"learned","state":"CONNECT","rxidle":-1},)"
      R"("GroupCoordinator":{"nodeid":2,"source":"logical","state":"UP","rxidle":1}},)"
      R"("topics":{"t":{"partitions":{"0":{"partition":0,"broker":1,"fetch_state":"active",)"
      R"("consumer_lag":5},"1":{"partition":1,"broker":2,"fetch_state":"none"},)"
      R"("2":{"partition":2,"broker":-1},"-1":{"partition":-1,"broker":-1}}}}})");
  ASSERT_TRUE(read.ok()) << read.status();
  ASSERT_EQ(read->size(), 3U);
  const FetchHealth& first = read->at({"t", 0});
  EXPECT_TRUE(first.connected && first.fetching);
  EXPECT_EQ(first.silent, std::chrono::microseconds(1500));
  EXPECT_EQ(first.lag, 5);
  EXPECT_FALSE(read->at({"t", 1}).connected);
  EXPECT_FALSE(read->at({"t", 2}).connected);
  for (const char* broken : {"", "[", "[]", "{}", "{\"topics\":1}"}) {
    EXPECT_FALSE(ReadStatistics(broken).ok()) << broken;
  }
}

}  // namespace
}  // namespace rootnote
