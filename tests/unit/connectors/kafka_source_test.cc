#include <set>
#include <thread>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

#include "connectors/kafka/embedded.h"
#include "connectors/kafka/source.h"
#include "tests/unit/connectors/reading.h"

namespace rootnote {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using NoticeType = PartitionNotice::Type;

constexpr int64_t kNowMs = 1'700'000'000'000;

OutputRecord Out(std::string topic, std::optional<std::string> key,
                 std::optional<std::string> value) {
  OutputRecord record;
  record.topic = std::move(topic);
  record.key = std::move(key);
  record.value = std::move(value);
  return record;
}

int ThreadsOfThisProcess() {
  int threads = 0;
  for (const auto& entry : std::filesystem::directory_iterator("/proc/self/task")) {
    threads += entry.exists() ? 1 : 0;
  }
  return threads;
}

// One embedded Kafka for all; each test has topics of its own.
class KafkaSourceTest : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    auto kafka = StartEmbeddedKafka();
    ASSERT_TRUE(kafka.ok()) << kafka.status();
    kafka_ = std::move(*kafka).release();
    auto producer = OpenKafkaProducer({{"bootstrap.servers", kafka_->bootstrap_servers()}});
    ASSERT_TRUE(producer.ok()) << producer.status();
    producer_ = std::move(*producer).release();
  }
  static void TearDownTestSuite() {
    delete producer_;
    delete kafka_;
  }

  static void Produce(const OutputRecord& record, int32_t partition) {
    ASSERT_TRUE(producer_->Produce(record, partition).ok());
  }
  static void Flush() {
    const absl::Status status = producer_->Flush(20s);
    ASSERT_TRUE(status.ok()) << status;
  }
  // `count` records in each of `partitions`, whose values are their numbers; to be flushed.
  static void ProduceNumbers(const std::string& topic, int partitions, int count, size_t size = 0) {
    ASSERT_TRUE(kafka_->CreateTopic(topic, partitions).ok());
    for (int i = 0; i < count; ++i) {
      for (int partition = 0; partition < partitions; ++partition) {
        std::string value = std::to_string(i);
        value.resize(std::max(value.size(), size), ' ');
        Produce(Out(topic, std::nullopt, value), partition);
      }
    }
  }

  static KafkaSourceOptions Options() {
    KafkaSourceOptions options;
    options.properties = {{"bootstrap.servers", kafka_->bootstrap_servers()},
                          {"fetch.wait.max.ms", "20"}};
    options.from_beginning = true;
    options.now = [] { return FromMillis(kNowMs); };
    return options;
  }
  static KafkaSourceOptions Assigned(std::vector<std::string> topics) {
    KafkaSourceOptions options = Options();
    options.assigned = std::move(topics);
    return options;
  }
  static std::unique_ptr<KafkaSource> Open(KafkaSourceOptions options) {
    auto source = OpenKafkaSource(std::move(options));
    EXPECT_TRUE(source.ok()) << source.status();
    return source.ok() ? *std::move(source) : nullptr;
  }

  static EmbeddedKafka* kafka_;
  static KafkaProducer* producer_;
};

EmbeddedKafka* KafkaSourceTest::kafka_ = nullptr;
KafkaProducer* KafkaSourceTest::producer_ = nullptr;

// All offsets of each partition from 0 on, each once, in order, with the value of its number.
void ExpectNumbers(const Reading& reading, size_t partitions, size_t count) {
  const auto by_partition = reading.ByPartition();
  EXPECT_EQ(by_partition.size(), partitions);
  for (const auto& [partition, records] : by_partition) {
    ASSERT_EQ(records.size(), count) << partition.topic << " " << partition.partition;
    for (size_t i = 0; i < count; ++i) {
      ASSERT_EQ(records[i].offset, static_cast<int64_t>(i));
      ASSERT_EQ(std::stoul(*records[i].value), i);
    }
  }
}

TEST_F(KafkaSourceTest, KeysHeadersTimesAndTombstonesComeAsTheyWent) {
  ASSERT_TRUE(kafka_->CreateTopic("fields", 1).ok());
  OutputRecord full = Out("fields", "key", std::string("\x00\xff{", 3));
  full.timestamp = FromMillis(kNowMs - 5);
  full.headers = {{"a", "1"}, {"b", std::nullopt}, {"a", ""}};
  Produce(full, 0);
  OutputRecord ahead = Out("fields", "", "");
  ahead.timestamp = FromMillis(kNowMs + 200'000'000'000);
  Produce(ahead, 0);
  Produce(Out("fields", "gone", std::nullopt), 0);
  Flush();

  const auto source = Open(Assigned({"fields"}));
  Reading reading(*source);
  reading.Until([&] { return reading.records.size() == 3; });
  const ReadRecord& first = reading.records[0];
  EXPECT_EQ(first.partition, (TopicPartition{"fields", 0}));
  EXPECT_EQ(first.key, "key");
  EXPECT_EQ(first.value, full.value);
  EXPECT_EQ(first.headers, full.headers);
  EXPECT_EQ(first.record_time, FromMillis(kNowMs - 5));
  EXPECT_EQ(first.receive_time, FromMillis(kNowMs - 5));
  EXPECT_EQ(reading.records[1].record_time, ahead.timestamp);
  EXPECT_EQ(reading.records[1].receive_time, FromMillis(kNowMs));
  EXPECT_EQ(reading.records[1].key, "");
  EXPECT_EQ(reading.records[1].value, "");
  EXPECT_EQ(reading.records[2].key, "gone");
  EXPECT_EQ(reading.records[2].value, std::nullopt);
}

TEST_F(KafkaSourceTest, AnEmptyTopicIsAtItsEndAtOnce) {
  ASSERT_TRUE(kafka_->CreateTopic("empty", 2).ok());
  const auto source = Open(Assigned({"empty"}));
  Reading reading(*source);
  reading.Until([&] { return reading.Count(NoticeType::kAtEnd) == 2; });
  EXPECT_EQ((reading.latest[{"empty", 1}][NoticeType::kAssigned].end_offset), 0);
  EXPECT_TRUE(reading.records.empty());
  // It is said again while fetches at the end succeed.
  reading.notices.clear();
  reading.Until([&] {
    return std::count_if(reading.notices.begin(), reading.notices.end(),
                         [](const auto& notice) { return notice.type == NoticeType::kAtEnd; }) >= 2;
  });
}

TEST_F(KafkaSourceTest, PausingLosesNothingAndRepeatsNothing) {
  ProduceNumbers("pausing", 2, 3000, 500);
  Flush();
  KafkaSourceOptions options = Assigned({"pausing"});
  options.queue_bytes_max = 1U << 20;  // less than what a partition holds
  const auto source = Open(options);
  Reading reading(*source, {100, 1U << 20});
  const TopicPartition paused{"pausing", 0};
  reading.Until([&] { return reading.ByPartition()[paused].size() >= 200; });
  source->Pause(paused);
  source->Pause(paused);
  const size_t before = reading.ByPartition()[paused].size();
  reading.Until([&] { return reading.latest[{"pausing", 1}].contains(NoticeType::kAtEnd); });
  EXPECT_EQ(reading.ByPartition()[paused].size(), before);
  EXPECT_EQ((reading.ByPartition()[{"pausing", 1}].size()), 3000U);
  source->Resume({"pausing", 1});  // was never paused
  for (int i = 0; i < 20; ++i) {
    source->Resume(paused);
    reading.Poll();
    source->Pause(paused);
    reading.Poll(0ms);
  }
  source->Resume(paused);
  reading.Until([&] { return reading.latest[paused].contains(NoticeType::kAtEnd); });
  ExpectNumbers(reading, 2, 3000);
  EXPECT_EQ(source->repeated_records(), 0U);
}

TEST_F(KafkaSourceTest, FiftyThousandRecordsPassThroughASmallQueue) {
  ProduceNumbers("volume", 5, 10'000);
  Flush();
  KafkaSourceOptions options = Assigned({"volume"});
  options.queue_bytes_max = 64U << 10;
  options.properties["queued.max.messages.kbytes"] = "256";
  const auto source = Open(options);
  Reading reading(*source);
  reading.Until([&] { return reading.Count(NoticeType::kAtEnd) == 5; });
  ExpectNumbers(reading, 5, 10'000);
}

TEST_F(KafkaSourceTest, RefusedPropertiesAreNamed) {
  const auto message = [](const std::string& name, const std::string& value) {
    KafkaSourceOptions options = Options();
    options.topics = {"t"};
    options.properties[name] = value;
    const auto source = OpenKafkaSource(options);
    EXPECT_TRUE(absl::IsInvalidArgument(source.status())) << source.status();
    return std::string(source.status().message());
  };
  EXPECT_THAT(message("no.such.property", "1"), HasSubstr("no.such.property"));
  EXPECT_THAT(message("fetch.wait.max.ms", "soon"), HasSubstr("fetch.wait.max.ms"));
  EXPECT_THAT(message("enable.auto.commit", "true"), HasSubstr("enable.auto.commit"));
  EXPECT_THAT(message("isolation.level", "read_uncommitted"), HasSubstr("isolation.level"));
  EXPECT_THAT(message("security.protocol", "none"), HasSubstr("security.protocol"));
  EXPECT_THAT(message("auto.offset.reset", "latest"), HasSubstr("auto.offset.reset"));
  EXPECT_TRUE(absl::IsInvalidArgument(OpenKafkaSource(Options()).status()));
  KafkaSourceOptions pattern = Options();
  pattern.topics = {"^metrics-("};
  EXPECT_THAT(std::string(OpenKafkaSource(pattern).status().message()), HasSubstr("^metrics-("));
}

TEST_F(KafkaSourceTest, CloseDuringTrafficLeavesNoThread) {
  ProduceNumbers("closing", 3, 1000);
  Flush();
  const int before = ThreadsOfThisProcess();
  for (int i = 0; i < 3; ++i) {
    KafkaSourceOptions options = Assigned({"closing"});
    const auto source = Open(options);
    Reading reading(*source);
    reading.Until([&] { return reading.records.size() >= static_cast<size_t>(i) * 300; });
    source->Close();
    source->Close();
  }
  EXPECT_EQ(ThreadsOfThisProcess(), before);
}

TEST_F(KafkaSourceTest, NamesPatternsAndWholeTopicsAreReadAndToldTheirEnds) {
  ProduceNumbers("metrics-a", 3, 40);
  ProduceNumbers("metrics-b", 1, 40);
  ProduceNumbers("events", 2, 40);
  ProduceNumbers("unread", 1, 40);
  ProduceNumbers("topology", 2, 40);
  Flush();
  KafkaSourceOptions options = Assigned({"topology"});
  options.topics = {"events", "^metrics-.*"};
  const auto source = Open(options);
  Reading reading(*source);
  reading.Until([&] {
    return reading.Count(NoticeType::kAtEnd) == 8 && reading.Count(NoticeType::kEnd) == 8;
  });
  ExpectNumbers(reading, 8, 40);
  for (const auto& [partition, notices] : reading.latest) {
    const PartitionNotice& assigned = notices.at(NoticeType::kAssigned);
    EXPECT_EQ(assigned.offset, 0) << partition.topic;
    EXPECT_EQ(assigned.end_offset, 40) << partition.topic;
    EXPECT_EQ(notices.at(NoticeType::kAtEnd).offset, 40) << partition.topic;
    EXPECT_EQ(notices.at(NoticeType::kEnd).end_offset, 40) << partition.topic;
    EXPECT_FALSE(notices.contains(NoticeType::kSkipped)) << partition.topic;
    EXPECT_NE(partition.topic, "unread");
  }
  // All that was there came at once: time must not run on before the last of them.
  for (size_t i = 0; i < 8; ++i) {
    EXPECT_EQ(reading.notices[i].type, NoticeType::kAssigned);
  }
  // What comes later is read too.
  Produce(Out("events", std::nullopt, "40"), 1);
  Produce(Out("topology", std::nullopt, "40"), 0);
  Flush();
  reading.Until([&] { return reading.records.size() == 8 * 40 + 2; });
  const TopicPartition grown{"events", 1};
  reading.Until([&] { return reading.latest[grown][NoticeType::kEnd].end_offset == 41; });
}

TEST_F(KafkaSourceTest, WithoutTheBeginningOnlyWhatIsNewIsRead) {
  ProduceNumbers("latest", 1, 10);
  Flush();
  KafkaSourceOptions options = Options();
  options.from_beginning = false;
  options.topics = {"latest"};
  const auto source = Open(options);
  Reading reading(*source);
  reading.Until([&] { return reading.Count(NoticeType::kAtEnd) == 1; });
  EXPECT_EQ((reading.latest[{"latest", 0}][NoticeType::kAssigned].offset), 10);
  Produce(Out("latest", std::nullopt, "new"), 0);
  Flush();
  reading.Until([&] { return !reading.records.empty(); });
  EXPECT_THAT(reading.Values(), ElementsAre("new"));
}

TEST_F(KafkaSourceTest, ReadingGoesOnWhereTheGroupHasCommitted) {
  ProduceNumbers("committed", 3, 10);
  Flush();
  KafkaSourceOptions options = Options();
  options.from_beginning = false;
  options.topics = {"committed"};
  options.committed = {{{"committed", 0}, 8}, {{"committed", 1}, 10}};
  const auto source = Open(options);
  Reading reading(*source);
  reading.Until([&] { return reading.Count(NoticeType::kAtEnd) == 3; });
  const auto first = [&](int32_t partition) {
    return reading.latest[{"committed", partition}][NoticeType::kAssigned].offset;
  };
  EXPECT_EQ(first(0), 8);
  EXPECT_EQ(first(1), 10);
  EXPECT_EQ(first(2), 0);  // was added since
  EXPECT_EQ(reading.records.size(), 12U);
  EXPECT_EQ(reading.Count(NoticeType::kSkipped), 0U);
}

// More than the embedded Kafka keeps in a partition: its beginning goes.
TEST_F(KafkaSourceTest, ACommittedOffsetThatIsGoneIsToldAndReadingGoesOn) {
  ProduceNumbers("eaten", 1, 12, 900'000);
  Flush();
  KafkaSourceOptions options = Options();
  options.from_beginning = false;
  options.topics = {"eaten"};
  options.committed = {{{"eaten", 0}, 1}};
  const auto source = Open(options);
  Reading reading(*source);
  reading.Until([&] { return reading.Count(NoticeType::kAtEnd) == 1; });
  const PartitionNotice& skipped = reading.latest[{"eaten", 0}][NoticeType::kSkipped];
  EXPECT_GT(skipped.offset, 1);
  EXPECT_EQ(skipped.end_offset, 12);
  ASSERT_FALSE(reading.records.empty());
  EXPECT_EQ(reading.records.front().offset, skipped.offset);
  EXPECT_EQ(reading.records.back().offset, 11);
}

// A commit from before the topic was made anew.
TEST_F(KafkaSourceTest, ACommittedOffsetBehindTheEndBeginsTheNewLog) {
  ProduceNumbers("shorter", 1, 10);
  ProduceNumbers("beside", 1, 10);
  Flush();
  KafkaSourceOptions options = Options();
  options.from_beginning = false;
  options.topics = {"shorter", "beside"};
  options.committed = {{{"shorter", 0}, 500}, {{"beside", 0}, 0}};
  const auto source = Open(options);
  Reading reading(*source);
  reading.Until([&] { return reading.Count(NoticeType::kAtEnd) == 2; });
  EXPECT_EQ((reading.latest[{"shorter", 0}][NoticeType::kSkipped].offset), 0);
  EXPECT_EQ(reading.Count(NoticeType::kSkipped), 1U);
  ExpectNumbers(reading, 2, 10);
  // The other waits for it, so that time does not run ahead.
  EXPECT_EQ(reading.notices[0].type, NoticeType::kAssigned);
  EXPECT_EQ(reading.notices[1].type, NoticeType::kAssigned);
}

TEST_F(KafkaSourceTest, ALogThatIsGoneIsToldAndTheNewOneIsReadWhole) {
  ProduceNumbers("anew", 1, 3);
  Flush();
  KafkaSourceOptions options = Options();
  options.from_beginning = false;
  options.topics = {"anew"};
  options.committed = {{{"anew", 0}, 2}};
  options.anew = {"anew"};
  const auto source = Open(options);
  Reading reading(*source);
  reading.Until([&] { return reading.Count(NoticeType::kAtEnd) == 1; });
  EXPECT_EQ((reading.latest[{"anew", 0}][NoticeType::kSkipped].offset), 0);
  ExpectNumbers(reading, 1, 3);
}

TEST(KafkaReachTest, ABrokerThatGoesAwayIsNoticedAndItsReturnToo) {
  auto kafka = StartEmbeddedKafka();
  ASSERT_TRUE(kafka.ok());
  ASSERT_TRUE((*kafka)->CreateTopic("t", 1).ok());
  KafkaSourceOptions options;
  options.assigned = {"t"};
  options.properties = {{"bootstrap.servers", (*kafka)->bootstrap_servers()},
                        {"reconnect.backoff.max.ms", "200"},
                        {"statistics.interval.ms", "200"}};
  auto source = OpenKafkaSource(options);
  ASSERT_TRUE(source.ok()) << source.status();
  Reading reading(**source);
  reading.Until([&] { return reading.Count(NoticeType::kAtEnd) == 1; });
  (*kafka)->SetReachable(false);
  reading.Until([&] { return reading.Count(NoticeType::kUnreachable) == 1; });
  (*kafka)->SetReachable(true);
  reading.latest.clear();
  reading.Until([&] { return reading.Count(NoticeType::kAtEnd) == 1; });
}

TEST(KafkaReachTest, ABrokerThatIsNotThereYetIsSaidOnceAndWaitedFor) {
  auto kafka = StartEmbeddedKafka();
  ASSERT_TRUE(kafka.ok());
  ASSERT_TRUE((*kafka)->CreateTopic("late", 1).ok());
  (*kafka)->SetReachable(false);
  std::mutex mutex;
  std::vector<std::string> logs;
  KafkaSourceOptions options;
  options.assigned = {"late"};
  options.properties = {{"bootstrap.servers", (*kafka)->bootstrap_servers()},
                        {"reconnect.backoff.max.ms", "200"}};
  options.log = [&](const KafkaLog& log) {
    const std::lock_guard lock(mutex);
    if (log.facility == "ROOTNOTE") {
      logs.push_back(log.message);
    }
  };
  auto source = OpenKafkaSource(options);
  ASSERT_TRUE(source.ok()) << source.status();
  Reading reading(**source);
  reading.Until([&] {
    const std::lock_guard lock(mutex);
    return !logs.empty();
  });
  (*kafka)->SetReachable(true);
  reading.Until([&] { return reading.Count(NoticeType::kAtEnd) == 1; });
  (*source)->Close();
  EXPECT_THAT(logs, ElementsAre(HasSubstr("trying again")));
}

TEST(KafkaLibraryTest, SaysWhatItIs) {
  EXPECT_FALSE(KafkaLibraryVersion().empty());
  EXPECT_THAT(KafkaLibraryFeatures(), testing::Contains("sasl_scram"));
}

}  // namespace
}  // namespace rootnote
