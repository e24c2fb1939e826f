#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "connectors/file/sink.h"
#include "connectors/file/source.h"
#include "tests/unit/connectors/reading.h"

namespace rootnote {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

OutputRecord Out(std::string topic, std::optional<std::string> value) {
  OutputRecord record;
  record.topic = std::move(topic);
  record.value = std::move(value);
  return record;
}

Commit Of(std::vector<OutputRecord> records) { return {std::move(records), {}}; }

TEST(FileSinkTest, ValuesAreLinesByTopicAndOthersAreCounted) {
  const TemporaryFolder folder;
  auto sink = OpenFileSink(
      {{{"i", folder.Path("i")}, {"l", folder.Path("both")}, {"u", folder.Path("both")}}});
  ASSERT_TRUE(sink.ok()) << sink.status();
  ASSERT_TRUE(
      (*sink)->Write(Of({Out("i", "1"), Out("u", "a"), Out("l", "b"), Out("x", "?")})).ok());
  EXPECT_EQ(folder.Read("i"), "1\n");  // there before Close
  ASSERT_TRUE((*sink)->Write(Of({Out("i", std::nullopt), Out("i", "2"), Out("u", "c")})).ok());
  EXPECT_EQ((*sink)->dropped_records(), 1U);
  ASSERT_TRUE((*sink)->Close().ok());
  EXPECT_EQ(folder.Read("i"), "1\n2\n");
  EXPECT_EQ(folder.Read("both"), "a\nb\nc\n");
}

TEST(FileSinkTest, AFileIsEmptiedOrGoneOnWith) {
  const TemporaryFolder folder;
  const std::string path = folder.Write("i", "old\n");
  auto appending = OpenFileSink({{{"i", path}}, true});
  ASSERT_TRUE((*appending)->Write(Of({Out("i", "new")})).ok());
  ASSERT_TRUE((*appending)->Close().ok());
  EXPECT_EQ(folder.Read("i"), "old\nnew\n");
  auto fresh = OpenFileSink({{{"i", path}}});
  ASSERT_TRUE((*fresh)->Close().ok());
  EXPECT_EQ(folder.Read("i"), "");
}

TEST(FileSinkTest, PackedLinesAreReadBackAfterEachCommit) {
  const TemporaryFolder folder;
  const std::string path = folder.Path("i.zst");
  auto sink = OpenFileSink({{{"i", path}}});
  ASSERT_TRUE(sink.ok());
  std::vector<std::string> lines;
  for (int i = 0; i < 100; ++i) {
    lines.push_back("line " + std::to_string(i) + std::string(5000, 'x'));
    ASSERT_TRUE((*sink)->Write(Of({Out("i", lines.back())})).ok());
    if (i % 33 == 0) {
      auto source = OpenFileSource({{{path}}});
      ASSERT_TRUE(source.ok());
      Reading reading(**source);
      reading.UntilFinished(1);
      EXPECT_EQ(reading.Values(), lines);
    }
  }
  EXPECT_LT(folder.Read("i.zst").size(), 20'000U);
}

TEST(FileSinkTest, ADeadLetterCanBeReadAgainAsItWas) {
  const TemporaryFolder folder;
  const std::string path = folder.Path("dead");
  auto sink = OpenFileSink({{{"dead", path}}});
  OutputRecord text = Out("dead", "{\"broken\": \"\n");
  text.key = "key";
  text.timestamp = FromMillis(77);
  text.headers = {{"mine", "1"},
                  {"__connect.errors.topic", "metrics"},
                  {"__connect.errors.partition", "2"},
                  {"__connect.errors.offset", "1234567890123"}};
  OutputRecord bytes = text;
  bytes.value = std::string("\xff\x00\xc3", 3);
  bytes.headers[3].second = "1234567890124";
  OutputRecord nothing = text;
  nothing.value = std::nullopt;
  nothing.key = std::nullopt;
  nothing.headers[3].second = "1234567890125";
  ASSERT_TRUE((*sink)->Write(Of({text, bytes, nothing})).ok());
  ASSERT_TRUE((*sink)->Close().ok());
  EXPECT_THAT(folder.Read("dead"), HasSubstr("\"payload_base64\":\"/wDD\""));

  auto source = OpenFileSource({{{path, Envelope::kKcat}}});
  ASSERT_TRUE(source.ok()) << source.status();
  Reading reading(**source);
  reading.UntilFinished(1);
  ASSERT_EQ(reading.records.size(), 3U);
  EXPECT_EQ(reading.records[0].partition, (TopicPartition{"metrics", 2}));
  EXPECT_EQ(reading.records[0].offset, 1234567890123);
  EXPECT_EQ(reading.records[0].key, "key");
  EXPECT_EQ(reading.records[0].value, text.value);
  EXPECT_EQ(reading.records[0].record_time, FromMillis(77));
  EXPECT_EQ(reading.records[0].headers[0].second, "1");
  EXPECT_EQ(reading.records[1].value, bytes.value);
  EXPECT_EQ(reading.records[2].value, std::nullopt);
  EXPECT_EQ(reading.records[2].key, std::nullopt);
}

TEST(FileSinkTest, WhatCannotBeMadeIsNamed) {
  const TemporaryFolder folder;
  const auto sink = OpenFileSink({{{"i", folder.Path("no/such/folder")}}});
  ASSERT_TRUE(absl::IsNotFound(sink.status()));
  EXPECT_THAT(std::string(sink.status().message()), HasSubstr("no/such/folder"));
}

TEST(FileSinkTest, AFullDiskIsAnError) {
  if (::access("/dev/full", W_OK) != 0) {
    GTEST_SKIP() << "no /dev/full here";
  }
  auto sink = OpenFileSink({{{"i", "/dev/full"}}});
  ASSERT_TRUE(sink.ok()) << sink.status();
  const absl::Status status = (*sink)->Write(Of({Out("i", "1")}));
  EXPECT_TRUE(absl::IsResourceExhausted(status)) << status;
  EXPECT_THAT(std::string(status.message()), HasSubstr("/dev/full"));
}

TEST(FileSinkTest, APipeWithoutReaderIsAnErrorAndNoSignal) {
  const TemporaryFolder folder;
  const std::string path = folder.Path("pipe");
  ASSERT_EQ(::mkfifo(path.c_str(), 0600), 0);
  const int reader = ::open(path.c_str(), O_RDONLY | O_NONBLOCK);
  auto sink = OpenFileSink({{{"i", path}}});
  ASSERT_TRUE(sink.ok()) << sink.status();
  ASSERT_TRUE((*sink)->Write(Of({Out("i", "1")})).ok());
  ::close(reader);
  EXPECT_TRUE(absl::IsFailedPrecondition((*sink)->Write(Of({Out("i", "2")}))));
}

}  // namespace
}  // namespace rootnote
