#include "gtest/gtest.h"

#include "connectors/kafka/positions.h"

namespace rootnote {
namespace {

const TopicPartition kA{"a", 0};

// Where reading begins in a log of [100, 200), and whether something is missing before.
struct Case {
  std::optional<int64_t> committed;  // of a/0
  bool sibling = false;              // a/1 has a committed offset
  std::optional<int64_t> timed;
  bool from_beginning = false;
  bool at_start = true;
};

Position First(const Case& c, LogRange log = {100, 200}) {
  KafkaSourceOptions options;
  options.from_beginning = c.from_beginning;
  if (c.committed) {
    options.committed[kA] = *c.committed;
  }
  if (c.sibling) {
    options.committed[{"a", 1}] = 1;
  }
  options.committed[{"other", 0}] = 7;  // says nothing about a
  return FirstPosition(options, kA, c.at_start, log, c.timed);
}

void Expect(const Position& position, int64_t offset, bool skipped) {
  EXPECT_EQ(position.offset, offset);
  EXPECT_EQ(position.skipped, skipped);
}

TEST(PositionsTest, ACommittedOffsetCountsUnlessWhatRulesLookBackOnIsBefore) {
  Expect(First({.committed = 150}), 150, false);
  Expect(First({.committed = 150, .timed = 120}), 120, false);
  Expect(First({.committed = 150, .timed = 180}), 150, false);
  Expect(First({.committed = 200}), 200, false);
  Expect(First({.committed = 150, .from_beginning = true}), 150, false);
  Expect(First({.committed = 150, .at_start = false}), 150, false);
}

TEST(PositionsTest, WhatRetentionHasEatenIsTold) {
  Expect(First({.committed = 99}), 100, true);
  Expect(First({.committed = 99, .timed = 100}), 100, true);
  Expect(First({.committed = 99}, {100, 100}), 100, true);
}

TEST(PositionsTest, ACommittedOffsetBehindTheEndBeginsALogMadeAnewAndNotOneCutShort) {
  Expect(First({.committed = 201}, {0, 200}), 0, true);
  Expect(First({.committed = 201}, {0, 0}), 0, true);
  Expect(First({.committed = 201}, {100, 200}), 200, true);
}

TEST(PositionsTest, APartitionAddedSinceBeginsAtItsBeginning) {
  Expect(First({.sibling = true, .timed = 150}), 100, true);
  Expect(First({.sibling = true}, {0, 50}), 0, false);
  Expect(First({.at_start = false}, {0, 50}), 0, false);
  Expect(First({.timed = 20, .at_start = false}, {0, 50}), 0, false);
}

TEST(PositionsTest, ATopicThatIsNewToTheGroupBeginsAsTheStartSays) {
  Expect(First({}), 200, false);
  Expect(First({.timed = 150}), 150, false);
  Expect(First({.from_beginning = true}), 100, false);
  Expect(First({.timed = 150, .from_beginning = true}), 100, false);
}

TEST(PositionsTest, AWholeTopicIsReadFromItsBeginningWhateverWasCommitted) {
  KafkaSourceOptions options;
  options.assigned = {"a"};
  options.committed[kA] = 150;
  Expect(FirstPosition(options, kA, true, {100, 200}, 120), 100, false);
}

TEST(PositionsTest, OnlyTheBrokersWordSaysThatALogHasChanged) {
  Expect(NextPosition(150, {100, 200}, true), 150, false);
  Expect(NextPosition(150, {100, 200}, false), 150, false);
  Expect(NextPosition(50, {100, 200}, true), 100, true);
  Expect(NextPosition(50, {100, 200}, false), 100, true);
  Expect(NextPosition(300, {0, 200}, true), 0, true);
  Expect(NextPosition(300, {100, 200}, true), 200, true);
  // The stable end lags behind a transaction that is open.
  Expect(NextPosition(300, {0, 200}, false), 300, false);
}

}  // namespace
}  // namespace rootnote
