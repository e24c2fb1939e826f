#include "engine/journal.h"

#include <cstdio>
#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

#include "tests/unit/topology/estate.h"

namespace rootnote {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

std::string ReadAll(const std::string& path) {
  std::string text;
  std::FILE* const file = std::fopen(path.c_str(), "rb");
  for (int c = 0; file != nullptr && (c = std::fgetc(file)) != EOF;) {
    text += static_cast<char>(c);
  }
  if (file != nullptr) {
    std::fclose(file);
  }
  return text;
}

void WriteAll(const std::string& path, std::string_view text) {
  std::FILE* const file = std::fopen(path.c_str(), "wb");
  ASSERT_NE(file, nullptr);
  std::fwrite(text.data(), 1, text.size(), file);
  std::fclose(file);
}

class JournalTest : public ::testing::Test {
 protected:
  void TearDown() override { std::remove(path_.c_str()); }

  std::string path_ = ::testing::TempDir() + "/journal_" +
                      ::testing::UnitTest::GetInstance()->current_test_info()->name() + ".jsonl";
};

TEST_F(JournalTest, ALineNamesOnlyWhatChanged) {
  Journal journal;
  ASSERT_TRUE(journal.Open(path_).ok());
  journal.Took({"metrics", 1}, 8);
  journal.Took({"metrics", 0}, 11);
  journal.Took({"metrics", 1}, 9);
  journal.CloseTick(At(1), FromMillis(1'001));
  journal.CloseTick(At(2), FromMillis(2'001));  // nothing happened
  journal.Took({"metrics", 1}, 10);
  journal.TookTopology({"map", 0}, 4);
  journal.Decided({{ClockDecision::Type::kClamped, {"metrics", 1}, At(9), 3}});
  journal.CloseTick(At(3), FromMillis(3'500));
  ASSERT_TRUE(journal.Flush().ok());
  EXPECT_EQ(ReadAll(path_),
            "{\"tick\":1000,\"watermark\":1001,\"cuts\":[[\"metrics\",0,11],[\"metrics\",1,9]]}\n"
            "{\"tick\":2000,\"watermark\":2001}\n"
            "{\"tick\":3000,\"watermark\":3500,\"cuts\":[[\"metrics\",1,10]],"
            "\"clock\":[[\"clamped\",\"metrics\",1,9000,3]],\"topology\":[[\"map\",0,4]]}\n");
  EXPECT_EQ(journal.lines(), 3U);
}

// What arrives next may be late because of it; ticks that close in silence are one line.
TEST_F(JournalTest, AnEmptyTickIsWrittenWhenItMatters) {
  Journal journal;
  ASSERT_TRUE(journal.Open(path_).ok());
  journal.CloseTick(At(1), FromMillis(1'001));
  journal.CloseTick(At(2), FromMillis(2'001));
  ASSERT_TRUE(journal.Flush().ok());
  EXPECT_EQ(ReadAll(path_), "");
  ASSERT_TRUE(journal.Close().ok());
  EXPECT_EQ(ReadAll(path_), "{\"tick\":2000,\"watermark\":2001}\n");
}

TEST_F(JournalTest, ALaterTermIsAppended) {
  for (int term = 0; term < 2; ++term) {
    Journal journal;
    ASSERT_TRUE((term == 0 ? journal.Open(path_) : journal.Append(path_, At(1))).ok());
    journal.Took({"t", 0}, 1);
    journal.CloseTick(At(2), At(2));
    ASSERT_TRUE(journal.Close().ok());
  }
  const std::string tick = "{\"tick\":2000,\"watermark\":2000,\"cuts\":[[\"t\",0,1]]}\n";
  EXPECT_EQ(ReadAll(path_), tick + "{\"tick\":1000,\"watermark\":1000,\"resumed\":true}\n" + tick);
  EXPECT_TRUE(ParseJournalEntry(R"({"tick":1,"watermark":1,"resumed":true})")->resumed);
}

TEST_F(JournalTest, IsReadBackAsItWasWritten) {
  Journal journal;
  ASSERT_TRUE(journal.Open(path_).ok());
  journal.Took({"odd \"topic\"\\\n", -1}, 5);
  journal.Decided({{ClockDecision::Type::kIdle, {"t", 2}, kMinTime, 1},
                   {ClockDecision::Type::kFinished, {"t", 3}, At(7), 1}});
  journal.CloseTick(At(-5), At(-4));
  ASSERT_TRUE(journal.Flush().ok());
  absl::StatusOr<JournalReader> reader = JournalReader::Open(path_);
  ASSERT_TRUE(reader.ok());
  const auto entry = reader->Next();
  ASSERT_TRUE(entry.ok()) << entry.status();
  ASSERT_TRUE(entry->has_value());
  EXPECT_EQ((*entry)->tick, At(-5));
  EXPECT_EQ((*entry)->watermark, At(-4));
  EXPECT_THAT((*entry)->cuts, ElementsAre(JournalCut{{"odd \"topic\"\\\n", -1}, 5}));
  ASSERT_EQ((*entry)->clock.size(), 2U);
  EXPECT_EQ((*entry)->clock[0].time, kMinTime);
  EXPECT_EQ((*entry)->clock[1].type, ClockDecision::Type::kFinished);
  EXPECT_EQ((*entry)->clock[1].partition, (TopicPartition{"t", 3}));
  EXPECT_EQ(ToJson(**entry) + "\n", ReadAll(path_));
  EXPECT_EQ(reader->Next().value(), std::nullopt);
}

TEST_F(JournalTest, ALineThatWasCutShortIsTheEnd) {
  WriteAll(path_, "{\"tick\":1,\"watermark\":2}\n{\"tick\":2,\"water");
  absl::StatusOr<JournalReader> reader = JournalReader::Open(path_);
  ASSERT_TRUE(reader.ok());
  EXPECT_TRUE(reader->Next().value().has_value());
  EXPECT_FALSE(reader->Next().value().has_value());
}

TEST_F(JournalTest, DamageIsNamedWithItsLine) {
  WriteAll(path_, "{\"tick\":1,\"watermark\":2}\n{\"tick\":x}\n");
  absl::StatusOr<JournalReader> reader = JournalReader::Open(path_);
  ASSERT_TRUE(reader.ok());
  ASSERT_TRUE(reader->Next().ok());
  const auto damaged = reader->Next();
  EXPECT_EQ(damaged.status().code(), absl::StatusCode::kDataLoss);
  EXPECT_THAT(std::string(damaged.status().message()), HasSubstr(":2: "));
}

TEST_F(JournalTest, EveryPrefixOfALineIsRefused) {
  JournalEntry entry;
  entry.tick = At(1);
  entry.watermark = At(2);
  entry.cuts = {{{"a\tb", 0}, 5}, {{"c", 1}, 6}};
  entry.clock = {{ClockDecision::Type::kFrozen, {"c", 1}, At(3), 1}};
  entry.topology = {{{"map", 0}, 1}};
  const std::string line = ToJson(entry);
  EXPECT_TRUE(ParseJournalEntry(line).ok());
  for (size_t size = 0; size < line.size(); ++size) {
    EXPECT_FALSE(ParseJournalEntry(std::string_view(line).substr(0, size)).ok()) << size;
  }
  EXPECT_FALSE(ParseJournalEntry(line + " ").ok());
}

TEST_F(JournalTest, CannotBeCreated) {
  Journal journal;
  const absl::Status status = journal.Open(path_ + "/no/such/folder");
  EXPECT_EQ(status.code(), absl::StatusCode::kUnavailable);
  EXPECT_FALSE(JournalReader::Open(path_ + "/no/such/folder").ok());
}

TEST_F(JournalTest, AFullDiskIsReportedOnce) {
  Journal journal;
  if (!journal.Open("/dev/full").ok()) {
    GTEST_SKIP() << "no /dev/full here";
  }
  journal.Took({"t", 0}, 1);
  journal.CloseTick(At(1), At(2));
  EXPECT_EQ(journal.Flush().code(), absl::StatusCode::kUnavailable);
}

TEST_F(JournalTest, BufferAndPendingAreBounded) {
  Journal journal;
  ASSERT_TRUE(journal.Open(path_).ok());
  for (int64_t i = 0; i < 100'010; ++i) {
    journal.TookTopology({"map", 0}, i);
  }
  EXPECT_EQ(journal.dropped(), 10U);
  journal.CloseTick(At(1), At(2));
  // More than the buffer holds: written without a Flush.
  EXPECT_GT(ReadAll(path_).size(), 0U);
}

TEST_F(JournalTest, WithoutAFileNothingIsKept) {
  Journal journal;
  journal.Took({"t", 0}, 1);
  journal.CloseTick(At(1), At(2));
  EXPECT_TRUE(journal.Flush().ok());
  EXPECT_EQ(journal.lines(), 0U);
}

}  // namespace
}  // namespace rootnote
