#include <thread>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zstd.h>

#include "connectors/file/source.h"
#include "tests/unit/connectors/reading.h"

namespace rootnote {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using NoticeType = PartitionNotice::Type;

std::unique_ptr<Source> Open(std::vector<FileInput> inputs, size_t line_bytes_max = 16U << 20) {
  auto source = OpenFileSource({std::move(inputs), line_bytes_max});
  EXPECT_TRUE(source.ok()) << source.status();
  return source.ok() ? *std::move(source) : nullptr;
}

std::string Packed(const std::string& text) {
  std::string packed(ZSTD_compressBound(text.size()), '\0');
  packed.resize(ZSTD_compress(packed.data(), packed.size(), text.data(), text.size(), 1));
  return packed;
}

std::vector<std::string> ValuesOf(const std::string& path, size_t line_bytes_max = 16U << 20) {
  const auto source = Open({{path}}, line_bytes_max);
  Reading reading(*source);
  reading.UntilFinished(1);
  EXPECT_TRUE(reading.status.ok()) << reading.status;
  return reading.Values();
}

TEST(FileSourceTest, LinesAreRecordsWithTheirNumbersAsOffsets) {
  const TemporaryFolder folder;
  const std::string path = folder.Write("a.jsonl", "{\"a\":1}\n\n{\"a\":2}\r\n\r\n{\"a\":3}");
  const auto source = Open({{path}});
  Reading reading(*source);
  reading.UntilFinished(1);
  ASSERT_THAT(reading.Values(), ElementsAre("{\"a\":1}", "{\"a\":2}", "{\"a\":3}"));
  EXPECT_EQ(reading.records[0].offset, 0);
  EXPECT_EQ(reading.records[1].offset, 2);
  EXPECT_EQ(reading.records[2].offset, 4);
  for (const ReadRecord& record : reading.records) {
    EXPECT_EQ(record.partition, (TopicPartition{path, 0}));
    EXPECT_FALSE(record.key || record.record_time || record.receive_time);
  }
  ASSERT_EQ(reading.notices.size(), 2U);
  EXPECT_EQ(reading.notices[0].type, NoticeType::kAssigned);
  EXPECT_EQ(reading.notices[1].type, NoticeType::kFinished);
}

TEST(FileSourceTest, AnEmptyFileIsFinishedAtOnce) {
  const TemporaryFolder folder;
  EXPECT_THAT(ValuesOf(folder.Write("empty", "")), IsEmpty());
  EXPECT_THAT(ValuesOf(folder.Write("blank", "\n\r\n\n")), IsEmpty());
  EXPECT_THAT(ValuesOf(folder.Write("empty.zst", "")), IsEmpty());
}

TEST(FileSourceTest, TheErrorOfAMissingFileNamesItAndTheReason) {
  const TemporaryFolder folder;
  const auto source = OpenFileSource({{{folder.Path("none.jsonl")}}});
  ASSERT_TRUE(absl::IsNotFound(source.status())) << source.status();
  EXPECT_THAT(std::string(source.status().message()),
              AllOf(HasSubstr("none.jsonl"), HasSubstr("No such file")));
  EXPECT_TRUE(absl::IsNotFound(OpenFileSource({{{folder.Path("")}}}).status()));
  EXPECT_TRUE(absl::IsInvalidArgument(OpenFileSource({}).status()));
}

TEST(FileSourceTest, TheSameFileTwiceIsRefused) {
  const TemporaryFolder folder;
  const std::string path = folder.Write("a", "1\n");
  EXPECT_TRUE(absl::IsInvalidArgument(OpenFileSource({{{path}, {path}}}).status()));
}

TEST(FileSourceTest, ALongLineIsCutAndTheNextOneIsWhole) {
  const TemporaryFolder folder;
  const std::string long_line(3'000'000, 'x');
  const std::string path = folder.Write("a", "before\n" + long_line + "\nafter\n" + long_line);
  EXPECT_THAT(ValuesOf(path, 1000),
              ElementsAre("before", std::string(1000, 'x'), "after", std::string(1000, 'x')));
  EXPECT_THAT(ValuesOf(path), ElementsAre("before", long_line, "after", long_line));
}

TEST(FileSourceTest, ManyLinesAcrossChunksComeWholeAndPacked) {
  const TemporaryFolder folder;
  std::string text;
  std::vector<std::string> lines;
  for (int i = 0; i < 60'000; ++i) {
    lines.push_back("{\"line\":" + std::to_string(i) +
                    std::string(static_cast<size_t>(i % 97), ' ') + "}");
    text += lines.back() + (i % 3 == 0 ? "\r\n" : "\n");
  }
  EXPECT_EQ(ValuesOf(folder.Write("plain", text)), lines);
  EXPECT_EQ(ValuesOf(folder.Write("a.zst", Packed(text))), lines);
  // Told by its bytes, not by its name; and frames one after the other are one text.
  const size_t half = text.size() / 2;
  EXPECT_EQ(ValuesOf(folder.Write("b", Packed(text.substr(0, half)) + Packed(text.substr(half)))),
            lines);
}

TEST(FileSourceTest, BrokenZstdIsAnErrorWithItsFile) {
  const TemporaryFolder folder;
  const std::string packed = Packed(std::string(100'000, 'a') + "\n" + std::string(5'000, 'b'));
  for (const auto& [name, bytes] :
       std::map<std::string, std::string>{{"cut.zst", packed.substr(0, packed.size() - 3)},
                                          {"broken.zst", packed.substr(0, 4) + "garbage garbage"},
                                          {"plain.zst", "{\"a\":1}\n"}}) {
    const auto source = Open({{folder.Write(name, bytes)}});
    Reading reading(*source);
    for (int i = 0; i < 100 && reading.status.ok(); ++i) {
      reading.Poll(0ms);
    }
    EXPECT_TRUE(absl::IsDataLoss(reading.status)) << name << ": " << reading.status;
    EXPECT_THAT(std::string(reading.status.message()), HasSubstr(name));
  }
}

TEST(FileSourceTest, InputsTakeTurnsAndLimitsHold) {
  const TemporaryFolder folder;
  const auto source = Open({{folder.Write("a", "a0\na1\na2\na3\na4\n")},
                            {folder.Write("b", "b0\n")},
                            {folder.Write("c", "c0\nc1\nc2\n")}});
  Reading reading(*source, {2, 1U << 20});
  reading.UntilFinished(3);
  EXPECT_THAT(reading.Values(), ElementsAre("a0", "a1", "b0", "c0", "c1", "a2", "a3", "c2", "a4"));
}

TEST(FileSourceTest, BytesBoundABatch) {
  const TemporaryFolder folder;
  const auto source = Open({{folder.Write("a", "0123456789\n0123456789\n0123456789\n")}});
  Reading reading(*source, {100, 15});
  reading.UntilFinished(1);
  EXPECT_EQ(reading.batch_sizes[0], 2U);
  EXPECT_EQ(reading.records.size(), 3U);
}

TEST(FileSourceTest, APausedInputWaitsWithoutLosingItsPlace) {
  const TemporaryFolder folder;
  const std::string a = folder.Write("a", "a0\na1\na2\n");
  const auto source = Open({{a}, {folder.Write("b", "b0\nb1\nb2\n")}});
  Reading reading(*source, {1, 1U << 20});
  reading.Poll();
  source->Pause({a, 0});
  source->Pause({a, 0});
  reading.UntilFinished(1);
  EXPECT_THAT(reading.Values(), ElementsAre("a0", "b0", "b1", "b2"));
  reading.Poll(10s);  // all that is left is paused: returns at once
  EXPECT_EQ(reading.records.size(), 4U);
  source->Resume({a, 0});
  source->Resume({a, 0});
  reading.UntilFinished(2);
  EXPECT_THAT(reading.Values(), ElementsAre("a0", "b0", "b1", "b2", "a1", "a2"));
}

TEST(FileSourceTest, ABatchOutlivesItsSource) {
  const TemporaryFolder folder;
  auto source = Open({{folder.Write("a", "first\nsecond\n")}});
  auto polled = source->Poll({}, 0ms);
  ASSERT_TRUE(polled.ok());
  source->Close();
  source.reset();
  ASSERT_EQ(polled->batch.records.size(), 2U);
  EXPECT_EQ(*polled->batch.records[1].value, "second");
  EXPECT_EQ(polled->batch.records[1].topic, folder.Path("a"));
}

TEST(FileSourceTest, APipeWaitsForItsWriter) {
  const TemporaryFolder folder;
  const std::string path = folder.Path("pipe");
  ASSERT_EQ(::mkfifo(path.c_str(), 0600), 0);
  const int both = ::open(path.c_str(), O_RDWR);  // a reader's open does not wait for a writer
  const auto source = Open({{path}});
  Reading reading(*source);
  reading.Until([&] { return reading.Count(NoticeType::kAtEnd) == 1; });
  ASSERT_EQ(::write(both, "on", 2), 2);
  reading.Poll(0ms);
  EXPECT_THAT(reading.Values(), IsEmpty());
  ASSERT_EQ(::write(both, "e\ntwo\n", 6), 6);
  reading.Until([&] { return reading.records.size() == 2; });
  EXPECT_EQ(reading.Count(NoticeType::kFinished), 0U);
  ::close(both);
  reading.UntilFinished(1);
  EXPECT_THAT(reading.Values(), ElementsAre("one", "two"));
}

std::string EnvelopeLine(const std::string& topic, int partition, int offset,
                         const std::string& payload) {
  return "{\"topic\":\"" + topic + "\",\"partition\":" + std::to_string(partition) +
         ",\"offset\":" + std::to_string(offset) +
         ",\"tstype\":\"create\",\"ts\":" + std::to_string(1000 + offset) +
         ",\"broker\":1,\"key\":null,\"payload\":\"" + payload + "\"}\n";
}

TEST(FileEnvelopeTest, TheFieldsOfKcatAreTakenOver) {
  const TemporaryFolder folder;
  const std::string text =
      R"({"topic":"t","partition":3,"offset":41,"tstype":"create","ts":1700000000123,"broker":1,)"
      R"("headers":["a","1","b",null,"a","ü"],"key":"k\n","payload":"{\"x\":\"\u00e9\\n\"}"})"
      "\n"
      R"({"topic":"t","partition":3,"offset":44,"tstype":"unknown","ts":-1,"key":"gone","payload":null})"
      "\n"
      R"({"topic":"t","partition":0,"offset":0,"tstype":"logappend","ts":5,"payload_base64":"/wCA"})";
  const auto source = Open({{folder.Write("e", text), Envelope::kKcat}});
  Reading reading(*source);
  reading.UntilFinished(2);
  ASSERT_EQ(reading.records.size(), 3U) << reading.status;
  const ReadRecord& first = reading.records[0];
  EXPECT_EQ(first.partition, (TopicPartition{"t", 3}));
  EXPECT_EQ(first.offset, 41);
  EXPECT_EQ(first.key, "k\n");
  EXPECT_EQ(first.value, "{\"x\":\"é\\n\"}");
  EXPECT_EQ(first.record_time, FromMillis(1700000000123));
  EXPECT_EQ(first.receive_time, first.record_time);
  ASSERT_EQ(first.headers.size(), 3U);
  EXPECT_EQ(first.headers[1].second, std::nullopt);
  EXPECT_EQ(first.headers[2].second, "ü");
  EXPECT_EQ(reading.records[1].value, std::nullopt);
  EXPECT_EQ(reading.records[1].key, "gone");
  EXPECT_EQ(reading.records[1].record_time, std::nullopt);
  EXPECT_EQ(reading.records[2].value, std::string("\xff\x00\x80", 3));
  const PartitionNotice& assigned = reading.latest[{"t", 3}][NoticeType::kAssigned];
  EXPECT_EQ(assigned.offset, 41);
  EXPECT_EQ(assigned.end_offset, 45);
}

TEST(FileEnvelopeTest, AllPartitionsAreKnownBeforeTheFirstRecord) {
  const TemporaryFolder folder;
  const std::string text = EnvelopeLine("t", 0, 0, "p0") + EnvelopeLine("t", 0, 1, "p0") +
                           EnvelopeLine("u", 1, 7, "p1") + EnvelopeLine("t", 0, 2, "p0");
  const auto source = Open({{folder.Write("e", text), Envelope::kKcat}});
  Reading reading(*source, {1, 1U << 20});
  reading.Poll();
  EXPECT_EQ(reading.Count(NoticeType::kAssigned), 2U);
  EXPECT_EQ(reading.records.size(), 1U);
  reading.Until([&] { return reading.records.size() == 3; });
  reading.Poll();
  EXPECT_TRUE((reading.latest[{"u", 1}].contains(NoticeType::kFinished)));
  reading.UntilFinished(2);
  EXPECT_EQ(reading.records.size(), 4U);
}

TEST(FileEnvelopeTest, APausedPartitionDoesNotBlockTheOthersOfItsFile) {
  const TemporaryFolder folder;
  std::string text;
  for (int i = 0; i < 1000; ++i) {
    text += EnvelopeLine("t", 0, i, "zero");
  }
  for (int i = 0; i < 10; ++i) {
    text += EnvelopeLine("t", 1, i, "one");
  }
  const auto source = Open({{folder.Write("e.zst", Packed(text)), Envelope::kKcat}});
  source->Pause({"t", 0});
  Reading reading(*source);
  reading.UntilFinished(1);
  EXPECT_EQ(reading.records.size(), 10U);
  EXPECT_EQ(reading.records[9].value, "one");
  source->Resume({"t", 0});
  reading.UntilFinished(2);
  const auto records = reading.ByPartition()[{"t", 0}];
  ASSERT_EQ(records.size(), 1000U);
  for (int i = 0; i < 1000; ++i) {
    ASSERT_EQ(records[static_cast<size_t>(i)].offset, i);
  }
}

TEST(FileEnvelopeTest, WhatIsNoEnvelopeIsAnErrorWithItsLine) {
  const TemporaryFolder folder;
  const std::string good = EnvelopeLine("t", 0, 5, "x");
  int number = 0;
  for (const std::string bad :
       {"{\"topic\":\"t\",\"payload\":\"cut o", "[1]", "{\"payload\":\"x\"}",
        "{\"topic\":\"t\",\"offset\":-1}", "{\"topic\":\"t\",\"partition\":\"0\"}",
        "{\"topic\":\"t\",\"headers\":[\"a\"]}", "{\"topic\":\"t\",\"payload\":{\"a\":1}}",
        "{\"topic\":\"t\",\"headers\":[null,\"a\"]}", "{\"topic\":\"t\",\"headers\":[\"a\",1]}",
        "{\"topic\":\"t\",\"headers\":[[]]}", "{\"topic\":null}", "{\"topic\":\"t\",\"ts\":1.5}",
        "{\"topic\":\"t\",\"partition\":4294967296}", "{\"topic\":\"t\",\"key\":7}",
        "{\"topic\":\"t\",\"payload_base64\":\"a\"}", "{\"topic\":\"t\"} x",
        "{\"topic\":\"t\",\"partition\":0,\"offset\":5,\"payload\":\"again\"}"}) {
    const std::string name = "bad" + std::to_string(number++);
    const auto source =
        OpenFileSource({{{folder.Write(name, good + bad + "\n"), Envelope::kKcat}}});
    ASSERT_TRUE(absl::IsInvalidArgument(source.status())) << bad << ": " << source.status();
    EXPECT_THAT(std::string(source.status().message()), HasSubstr(name + ":2: "));
  }
}

TEST(FileEnvelopeTest, DepthDoesNotEatTheStack) {
  const TemporaryFolder folder;
  const auto line = [](size_t depth) {
    return "{\"topic\":\"t\",\"more\":" + std::string(depth, '[') + "{\"topic\":1}" +
           std::string(depth, ']') + ",\"payload\":\"x\"}\n";
  };
  const auto source = Open({{folder.Write("fair", line(20)), Envelope::kKcat}});
  Reading reading(*source);
  reading.UntilFinished(1);
  EXPECT_THAT(reading.Values(), ElementsAre("x"));
  const auto deep = OpenFileSource({{{folder.Write("deep", line(1'000'000)), Envelope::kKcat}}});
  ASSERT_TRUE(absl::IsInvalidArgument(deep.status())) << deep.status();
  EXPECT_THAT(std::string(deep.status().message()),
              AllOf(HasSubstr("deep:1: "), HasSubstr("nested")));
}

}  // namespace
}  // namespace rootnote
