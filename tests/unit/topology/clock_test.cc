#include "engine/clock.h"

#include <random>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

#include "tests/unit/topology/estate.h"

namespace rootnote {
namespace {

using Type = ClockDecision::Type;

// A wall clock far from the event times' beginning, in seconds.
constexpr int64_t kWall = 1'000'000;

class ClockTest : public ::testing::Test {
 protected:
  PartitionIndex Add(std::string topic, Millis lateness = Millis(5'000), bool holds_time = true) {
    return clock_.Add({std::move(topic), 0}, {lateness, holds_time});
  }
  // A record in a file without record times.
  Stamp Undated(PartitionIndex partition, int64_t seconds, uint64_t series = 1) {
    return clock_.Observe(partition, At(seconds), std::nullopt, series);
  }
  // A record of a live broker.
  Stamp Live(PartitionIndex partition, int64_t seconds, int64_t receive) {
    return clock_.Observe(partition, At(seconds), At(receive), 1);
  }
  size_t Count(Type type) {
    size_t count = 0;
    for (const ClockDecision& decision : decisions_) {
      count += decision.type == type ? decision.count : 0;
    }
    for (const ClockDecision& decision : clock_.TakeDecisions()) {
      count += decision.type == type ? decision.count : 0;
      decisions_.push_back(decision);
    }
    return count;
  }

  Clock clock_{ClockOptions()};
  std::vector<ClockDecision> decisions_;
};

TEST_F(ClockTest, TicksCoverUpToTheirEnd) {
  EXPECT_EQ(clock_.TickOf(FromMillis(1)), At(1));
  EXPECT_EQ(clock_.TickOf(FromMillis(1'000)), At(1));
  EXPECT_EQ(clock_.TickOf(FromMillis(1'001)), At(2));
  EXPECT_EQ(clock_.TickOf(FromMillis(0)), At(0));
  EXPECT_EQ(clock_.TickOf(FromMillis(-1)), At(0));
  EXPECT_EQ(clock_.TickOf(FromMillis(-1'001)), At(-1));
  EXPECT_LE(clock_.TickOf(kMaxTime), kMaxTime);
  EXPECT_GE(clock_.TickOf(kMinTime), kMinTime);
}

TEST_F(ClockTest, TickClosesWhenTheWatermarkIsAboveIt) {
  const PartitionIndex a = Add("a", Millis(0));
  Undated(a, 99);
  Undated(a, 100);
  EXPECT_EQ(clock_.watermark(), At(100));
  EXPECT_EQ(clock_.closed(), At(99));
  clock_.Observe(a, FromMillis(100'001), std::nullopt, 1);
  EXPECT_EQ(clock_.closed(), At(100));
}

TEST_F(ClockTest, WatermarkIsTheHighestTimeLessLateness) {
  const PartitionIndex a = Add("a");
  EXPECT_EQ(clock_.watermark(), kMinTime);
  Undated(a, 100);
  EXPECT_EQ(clock_.watermark(), kMinTime);  // nothing agrees with the first record yet
  Undated(a, 98);
  EXPECT_EQ(clock_.watermark(), At(95));
  Undated(a, 97);
  EXPECT_EQ(clock_.watermark(), At(95));
  Undated(a, 103);
  EXPECT_EQ(clock_.watermark(), At(98));
  EXPECT_EQ(clock_.LastTime(), At(103));
}

TEST_F(ClockTest, LateIsWhatLiesInAClosedTick) {
  const PartitionIndex a = Add("a");
  Undated(a, 100);
  Undated(a, 110);
  ASSERT_EQ(clock_.closed(), At(104));
  const Stamp late = clock_.Observe(a, FromMillis(104'000), std::nullopt, 1);
  EXPECT_TRUE(late.late);
  EXPECT_EQ(late.time, At(104));
  EXPECT_EQ(late.tick, At(104));
  const Stamp in_time = clock_.Observe(a, FromMillis(104'001), std::nullopt, 1);
  EXPECT_FALSE(in_time.late);
  EXPECT_EQ(in_time.tick, At(105));
}

TEST_F(ClockTest, TheEngineWaitsForTheSlowest) {
  const PartitionIndex a = Add("a");
  const PartitionIndex b = Add("b", Millis(10'000));
  Undated(a, 100), Undated(a, 100);
  EXPECT_EQ(clock_.watermark(), kMinTime);
  Undated(b, 50), Undated(b, 50);
  EXPECT_EQ(clock_.watermark(), At(40));
  Undated(b, 200);
  EXPECT_EQ(clock_.watermark(), At(95));
  // A partition that comes later does not turn time back.
  const PartitionIndex c = Add("c");
  EXPECT_EQ(clock_.watermark(), At(95));
  EXPECT_TRUE(Undated(c, 90).late);
  Undated(a, 150);
  EXPECT_EQ(clock_.watermark(), At(95));
  Undated(c, 120);
  EXPECT_EQ(clock_.watermark(), At(115));
  clock_.Remove(c);
  EXPECT_EQ(clock_.watermark(), At(145));
}

TEST_F(ClockTest, FinishedFilesHoldNoTime) {
  const PartitionIndex a = Add("a");
  const PartitionIndex b = Add("b");
  Undated(a, 100), Undated(a, 100);
  Undated(b, 300), Undated(b, 300);
  EXPECT_EQ(clock_.watermark(), At(95));
  EXPECT_FALSE(clock_.finished());
  clock_.Finish(a);
  EXPECT_EQ(clock_.watermark(), At(295));
  clock_.Finish(b);
  EXPECT_TRUE(clock_.finished());
  EXPECT_EQ(clock_.watermark(), At(295));
  EXPECT_EQ(clock_.LastTime(), At(300));
  clock_.CloseThrough(clock_.LastTime());
  EXPECT_EQ(clock_.closed(), At(300));
}

TEST_F(ClockTest, TopologyNeverHoldsTimeAndIsNeverLate) {
  const PartitionIndex map = Add("map", Millis(0), false);
  const PartitionIndex a = Add("a");
  Undated(a, 100), Undated(a, 110);
  EXPECT_EQ(clock_.watermark(), At(105));
  const Stamp stamp = Undated(map, 1);
  EXPECT_FALSE(stamp.late);
  EXPECT_EQ(stamp.time, At(1));
  EXPECT_EQ(stamp.tick, At(105));  // 104 is closed
  Undated(map, 10'000);
  EXPECT_EQ(clock_.watermark(), At(105));
  EXPECT_EQ(clock_.LastTime(), At(110));
  EXPECT_FALSE(clock_.Ahead(map));
  clock_.Finish(a);
  EXPECT_TRUE(clock_.finished());
}

TEST_F(ClockTest, ALyingClockIsReplacedByTheReceiveTime) {
  clock_.Advance(At(kWall));
  const PartitionIndex a = Add("a");
  Live(a, kWall - 1, kWall);
  EXPECT_EQ(clock_.watermark(), At(kWall - 6));
  const Stamp allowed = Live(a, kWall + 300, kWall);
  EXPECT_FALSE(allowed.clamped);
  EXPECT_EQ(allowed.time, At(kWall + 300));
  EXPECT_EQ(clock_.watermark(), At(kWall - 5));  // the receive time moves it, not the event time
  const Stamp lie = clock_.Observe(a, At(kWall + 300) + Millis(1), At(kWall), 1);
  EXPECT_TRUE(lie.clamped);
  EXPECT_EQ(lie.time, At(kWall));
  EXPECT_EQ(clock_.watermark(), At(kWall - 5));
  Live(a, 200'000'000, kWall);
  EXPECT_EQ(Count(Type::kClamped), 2U);
  // The past is never replaced.
  const Stamp past = Live(a, 5, kWall + 1);
  EXPECT_EQ(past.time, At(5));
  EXPECT_TRUE(past.late);
  EXPECT_FALSE(past.clamped);
}

TEST_F(ClockTest, IdlePartitionsFollowTheWallClock) {
  clock_.Advance(At(kWall));
  const PartitionIndex a = Add("a");
  const PartitionIndex b = Add("b");
  Live(a, kWall, kWall);
  clock_.AtEnd(b, At(kWall));
  clock_.Advance(At(kWall + 9));
  EXPECT_EQ(clock_.watermark(), kMinTime);  // not for ten seconds yet
  Live(a, kWall + 10, kWall + 10);
  clock_.AtEnd(b, At(kWall + 10));
  clock_.Advance(At(kWall + 10));
  EXPECT_TRUE(clock_.Idle(b));
  EXPECT_EQ(clock_.watermark(), At(kWall + 5));
  clock_.Advance(At(kWall + 14));
  EXPECT_EQ(clock_.watermark(), At(kWall + 5));  // a is not idle
  // b speaks again, of what is just not closed.
  const Stamp stamp = Live(b, kWall + 6, kWall + 14);
  EXPECT_FALSE(stamp.late);
  EXPECT_FALSE(clock_.Idle(b));
  Live(a, kWall + 40, kWall + 40);
  EXPECT_EQ(clock_.watermark(), At(kWall + 5));  // b holds it again
  EXPECT_EQ(Count(Type::kIdle), 1U);
  EXPECT_EQ(Count(Type::kActive), 1U);
}

TEST_F(ClockTest, IdleNeedsAFreshFetch) {
  clock_.Advance(At(kWall));
  const PartitionIndex a = Add("a");
  Live(a, kWall, kWall);
  clock_.AtEnd(a, At(kWall));
  clock_.Advance(At(kWall + 11));  // the last successful fetch is 11 s old
  EXPECT_FALSE(clock_.Idle(a));
  EXPECT_EQ(clock_.watermark(), At(kWall - 5));
  clock_.AtEnd(a, At(kWall + 11));
  clock_.Advance(At(kWall + 11));
  EXPECT_TRUE(clock_.Idle(a));
  EXPECT_EQ(clock_.watermark(), At(kWall + 6));
  clock_.Advance(At(kWall + 3));  // a wall clock that is set back
  EXPECT_EQ(clock_.watermark(), At(kWall + 6));
}

TEST_F(ClockTest, WithoutAWallClockNothingIsIdleOrUnreachable) {
  const PartitionIndex a = Add("a");
  Undated(a, 100), Undated(a, 100);
  clock_.AtEnd(a, std::nullopt);
  clock_.Unreachable(a, std::nullopt);
  EXPECT_EQ(clock_.Advance(std::nullopt), At(95));
  EXPECT_FALSE(clock_.Idle(a));
  EXPECT_FALSE(clock_.Frozen(a));
}

TEST_F(ClockTest, UnreachablePartitionsHoldTimeForAWhile) {
  clock_.Advance(At(kWall));
  const PartitionIndex a = Add("a");
  const PartitionIndex b = Add("b");
  Live(a, kWall, kWall);
  Live(b, kWall, kWall);
  clock_.Unreachable(b, At(kWall));
  Live(a, kWall + 299, kWall + 299);
  clock_.Advance(At(kWall + 299));
  EXPECT_EQ(clock_.watermark(), At(kWall - 5));
  EXPECT_FALSE(clock_.Frozen(b));
  clock_.Unreachable(b, At(kWall + 299));  // said again: the hold is not begun again
  clock_.Advance(At(kWall + 300));
  EXPECT_TRUE(clock_.Frozen(b));
  EXPECT_EQ(clock_.watermark(), At(kWall + 294));
  // Back again: it counts, what it missed is late.
  EXPECT_TRUE(Live(b, kWall + 1, kWall + 301).late);
  EXPECT_FALSE(clock_.Frozen(b));
  Live(a, kWall + 400, kWall + 400);
  EXPECT_EQ(clock_.watermark(), At(kWall + 294));
  EXPECT_EQ(Count(Type::kUnreachable), 1U);
  EXPECT_EQ(Count(Type::kFrozen), 1U);
  EXPECT_EQ(Count(Type::kReachable), 1U);
}

TEST_F(ClockTest, AJumpInAFileCountsWhenThreeSeriesConfirmIt) {
  const PartitionIndex a = Add("a");
  for (uint64_t series = 1; series <= 5; ++series) {
    Undated(a, 100, series);
  }
  const Stamp first = Undated(a, 1'000, 1);
  EXPECT_TRUE(first.unconfirmed);
  EXPECT_EQ(first.time, At(1'000));
  EXPECT_EQ(clock_.watermark(), At(95));
  EXPECT_TRUE(Undated(a, 1'000, 1).unconfirmed);  // the same series says nothing new
  EXPECT_TRUE(Undated(a, 1'001, 1).unconfirmed);
  EXPECT_TRUE(Undated(a, 1'002, 2).unconfirmed);
  EXPECT_EQ(clock_.watermark(), At(95));
  const Stamp third = Undated(a, 1'003, 3);
  EXPECT_FALSE(third.unconfirmed);
  EXPECT_EQ(clock_.watermark(), At(998));
  EXPECT_EQ(Count(Type::kUnconfirmed), 4U);
  EXPECT_EQ(Count(Type::kConfirmed), 1U);
}

TEST_F(ClockTest, ALyingSeriesInAFileMovesNothing) {
  const PartitionIndex a = Add("a");
  for (int64_t t = 100; t < 400; t += 10) {
    for (uint64_t series = 1; series <= 4; ++series) {
      const Stamp stamp = Undated(a, series == 4 ? t + 200'000'000 : t, series);
      EXPECT_FALSE(stamp.late);
    }
  }
  EXPECT_EQ(clock_.watermark(), At(385));
  EXPECT_EQ(clock_.LastTime(), At(390));
  clock_.Finish(a);
  EXPECT_EQ(clock_.LastTime(), At(390));
}

TEST_F(ClockTest, ASeriesThatComesBackTakesItsJumpBack) {
  const PartitionIndex a = Add("a");
  for (uint64_t series = 1; series <= 5; ++series) {
    Undated(a, 100, series);
  }
  for (uint64_t series = 1; series <= 5; ++series) {
    Undated(a, 10'000, series);
    Undated(a, 101, series);
  }
  EXPECT_EQ(clock_.watermark(), At(96));
  EXPECT_EQ(Count(Type::kConfirmed), 0U);
}

TEST_F(ClockTest, TheFirstRecordMayBeTheLiar) {
  const PartitionIndex a = Add("a");
  Undated(a, 200'000'000, 9);
  EXPECT_EQ(clock_.watermark(), kMinTime);
  EXPECT_FALSE(Undated(a, 100, 1).late);
  EXPECT_FALSE(Undated(a, 101, 2).late);
  EXPECT_EQ(clock_.watermark(), At(96));
  EXPECT_EQ(clock_.LastTime(), At(101));
}

TEST_F(ClockTest, HeldJumpsAreBounded) {
  const PartitionIndex a = Add("a");
  for (uint64_t series = 1; series <= 3; ++series) {
    Undated(a, 100, series);
  }
  size_t held = 0, clamped = 0;
  for (int i = 0; i < 1'000; ++i) {
    const Stamp stamp = Undated(a, 1'000'000 + i, 1 + static_cast<uint64_t>(i % 2));
    held += stamp.unconfirmed ? 1 : 0;
    clamped += stamp.clamped ? 1 : 0;
    if (stamp.clamped) {
      EXPECT_EQ(stamp.time, At(100));
    }
  }
  EXPECT_EQ(held + clamped, 1'000U);
  EXPECT_LE(held, 64U);
  // The third series still confirms.
  EXPECT_FALSE(Undated(a, 1'000'999, 3).unconfirmed);
  EXPECT_GT(clock_.watermark(), At(1'000'000));
}

TEST_F(ClockTest, AFileOfOneSeriesWithAGapGoesOn) {
  const PartitionIndex a = Add("a");
  Undated(a, 100), Undated(a, 110);
  Undated(a, 4'000), Undated(a, 4'010);
  EXPECT_EQ(clock_.watermark(), At(105));
  Undated(a, 4'020);
  EXPECT_EQ(clock_.watermark(), At(4'015));
}

TEST_F(ClockTest, SparseRecordsAreEvaluatedToTheLast) {
  const PartitionIndex a = Add("a");
  for (uint64_t i = 0; i < 6; ++i) {
    EXPECT_FALSE(Undated(a, 600 * static_cast<int64_t>(i), i).late);
  }
  clock_.Finish(a);
  EXPECT_EQ(clock_.LastTime(), At(3'000));
}

TEST_F(ClockTest, TwoRecordsFarApartAreEvaluatedToTheLast) {
  const PartitionIndex a = Add("a");
  Undated(a, 100, 1);
  Undated(a, 1'000, 2);
  clock_.Finish(a);
  EXPECT_EQ(clock_.LastTime(), At(1'000));
}

TEST_F(ClockTest, ALiarAtTheEndOfAFileIsNotItsEnd) {
  const PartitionIndex a = Add("a");
  for (uint64_t i = 0; i < 30; ++i) {
    Undated(a, 100 + static_cast<int64_t>(i), i % 5);
  }
  Undated(a, 3'000, 1);
  clock_.Finish(a);
  EXPECT_EQ(clock_.LastTime(), At(129));
}

TEST_F(ClockTest, AheadMeansAboveTheEngine) {
  const PartitionIndex a = Add("a");
  const PartitionIndex slow = Add("slow", Millis(60'000));
  Undated(a, 100), Undated(a, 100);
  EXPECT_TRUE(clock_.Ahead(a));  // the other said nothing yet
  EXPECT_FALSE(clock_.Ahead(slow));
  Undated(slow, 130), Undated(slow, 130);
  EXPECT_EQ(clock_.watermark(), At(70));
  EXPECT_FALSE(clock_.Ahead(a));
  Undated(a, 105);
  EXPECT_FALSE(clock_.Ahead(a));
  Undated(a, 106);
  EXPECT_TRUE(clock_.Ahead(a));
  // Whoever holds the engine back is never ahead, whatever its lateness.
  EXPECT_FALSE(clock_.Ahead(slow));
}

TEST_F(ClockTest, ReplayReadsTheLowestWatermarkThenTheFirst) {
  const PartitionIndex a = Add("a");
  const PartitionIndex map = Add("map", Millis(0), false);
  const PartitionIndex b = Add("b");
  EXPECT_EQ(clock_.NextToRead(), a);
  Undated(a, 100), Undated(a, 100);
  EXPECT_EQ(clock_.NextToRead(), b);
  Undated(b, 100), Undated(b, 100);
  EXPECT_EQ(clock_.NextToRead(), a);
  Undated(a, 101);
  EXPECT_EQ(clock_.NextToRead(), b);
  clock_.Finish(b);
  EXPECT_EQ(clock_.NextToRead(), a);
  clock_.Finish(a);
  EXPECT_EQ(clock_.NextToRead(), std::nullopt);
  EXPECT_NE(map, a);
}

TEST_F(ClockTest, RemovedIndexesAreGivenAgain) {
  const PartitionIndex a = Add("a");
  const PartitionIndex b = Add("b");
  EXPECT_EQ(clock_.Find({"b", 0}), b);
  clock_.Remove(a);
  EXPECT_EQ(clock_.Find({"a", 0}), std::nullopt);
  EXPECT_EQ(Add("c"), a);
  EXPECT_EQ(clock_.WatermarkOf(a), kMinTime);
}

TEST_F(ClockTest, TimesAtTheEndsOfTheRangeAreSafe) {
  const PartitionIndex a = Add("a");
  for (const EventTime time : {kMaxTime, kMinTime, kMinTime + Millis(1), kMaxTime - Millis(1)}) {
    for (uint64_t series = 0; series < 5; ++series) {
      clock_.Observe(a, time, std::nullopt, series);
      clock_.Observe(a, time, kMaxTime, series);
      clock_.Observe(a, time, kMinTime, series);
    }
  }
  EXPECT_LE(clock_.closed(), clock_.watermark());
}

TEST_F(ClockTest, DecisionsAreBounded) {
  clock_.Advance(At(kWall));
  const PartitionIndex a = Add("a");
  for (int64_t i = 1; i < 20'000; ++i) {
    clock_.Unreachable(a, At(kWall + i));
    clock_.AtEnd(a, At(kWall + i));
  }
  EXPECT_EQ(clock_.TakeDecisions().size(), 4'096U);
  EXPECT_TRUE(clock_.TakeDecisions().empty());
}

// The watermark by its definition, from all records so far.
TEST_F(ClockTest, AgreesWithTheDefinitionOnRandomRecords) {
  std::mt19937 random(7);
  const auto next = [&](int64_t n) {
    return static_cast<int64_t>(random() % static_cast<uint64_t>(n));
  };
  for (int round = 0; round < 200; ++round) {
    Clock clock{ClockOptions()};
    clock.Advance(At(kWall));
    const size_t count = 1 + static_cast<size_t>(next(5));
    std::vector<PartitionIndex> partitions;
    std::vector<Millis> lateness;
    std::vector<EventTime> highest(count, kMinTime);
    for (size_t i = 0; i < count; ++i) {
      lateness.emplace_back(next(8) * 1'000);
      partitions.push_back(clock.Add({"t", static_cast<int32_t>(i)}, {lateness[i], true}));
    }
    EventTime expected = kMinTime;
    for (int64_t step = 0; step < 200; ++step) {
      const auto i = static_cast<size_t>(next(static_cast<int64_t>(count)));
      const EventTime receive = At(kWall + step);
      const EventTime time = receive + Millis(next(400'000) - 90'000);
      const EventTime closed =
          expected == kMinTime ? kMinTime : clock.TickOf(expected - Millis(1'000));
      const Stamp stamp = clock.Observe(partitions[i], time, receive, 1);
      EXPECT_EQ(stamp.clamped, time > receive + Millis(300'000));
      EXPECT_EQ(stamp.time, stamp.clamped ? receive : time);
      EXPECT_EQ(stamp.late, closed != kMinTime && stamp.time <= closed);
      highest[i] = std::max(highest[i], std::min(time, receive));
      EventTime least = kMaxTime;
      for (size_t k = 0; k < count; ++k) {
        least = std::min(least, highest[k] == kMinTime ? kMinTime : highest[k] - lateness[k]);
      }
      expected = std::max(expected, least);
      ASSERT_EQ(clock.watermark(), expected) << "round " << round << " step " << step;
    }
  }
}

}  // namespace
}  // namespace rootnote
