// A live run with a journal, told again from the journal and the same records without a wall clock:
// the same transitions and the same incidents, to the byte, whatever arrival did.
#include "engine/retelling.h"

#include <algorithm>
#include <cstdio>
#include <map>
#include <random>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "fmt/format.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

#include "engine/pipeline.h"
#include "tests/unit/engine/live_source.h"
#include "tests/unit/engine/small_estate.h"

namespace rootnote {
namespace {

using testing::FaultySink;
using ::testing::HasSubstr;
using testing::LiveSource;
using testing::On;
using testing::Rules;
using testing::T;

struct Told {
  std::vector<std::string> transitions;
  std::string incidents, late;
};

Told Tell(Source& source, PipelineOptions options, absl::Status& status,
          const std::function<void(Pipeline&)>& before = {}) {
  FaultySink sink;
  Metrics metrics;
  Pipeline pipeline(Rules(), source, sink, metrics, options);
  Told told;
  pipeline.OnTransition([&](const Transition& transition, const Program& program) {
    told.transitions.push_back(
        fmt::format("{} {} {} {} since {} {}", FormatRfc3339(transition.time),
                    program.signal(transition.signal).name, transition.entity, Name(transition.to),
                    FormatRfc3339(transition.onset), transition.value));
  });
  if (before) {
    before(pipeline);
  }
  status = pipeline.Run();
  told.incidents = sink.Lines(options.outputs.incidents);
  told.late = sink.Lines(options.outputs.late);
  return told;
}

// Records with the second of the wall clock at which they arrive.
using Arrivals = std::multimap<int64_t, MemoryRecord>;

// Delays by partition and now and then by record; some beyond the lateness, some clocks ahead.
Arrivals Delayed(std::mt19937& random) {
  Arrivals out;
  const auto pick = [&random](int below) { return static_cast<int>(random() % below); };
  for (MemoryRecord& record : testing::Map()) {
    out.emplace(0, std::move(record));
  }
  const int slow = pick(3);
  for (testing::TimedRecord& one : testing::Story()) {
    const int partition = one.record.topic == "logs" ? 2 : one.record.partition;
    int64_t second = (one.time - T(0)).count() / 1'000 + 1 + (partition == slow ? 2 : 0);
    second += pick(40) == 0 ? 5 + pick(30) : 0;
    second += second > 200 && second < 260 && partition == slow ? 60 : 0;
    one.record.receive_time = T(0) + Millis(second * 1'000 - pick(200) * 50);
    out.emplace(second, std::move(one.record));
  }
  out.emplace(150, On("topology", R"({"relation":"runs_on","from":"app:shop","to":"vm:web3"})"));
  out.emplace(290,
              On("topology", R"({"relation":"stored_on","from":"vm:web3","to":"datastore:ds1"})"));
  return out;
}

class RetellingTest : public ::testing::Test {
 protected:
  void TearDown() override { std::remove(journal_.c_str()); }

  PipelineOptions Options() {
    PipelineOptions options = testing::Options();
    options.max_hold = Millis(30'000);
    return options;
  }

  Told Live(const Arrivals& arrivals, std::mt19937& random) {
    LiveSource source;
    EventTime wall = T(0);
    std::set<TopicPartition> partitions;
    for (const auto& [second, record] : arrivals) {
      partitions.insert({record.topic, record.partition});
    }
    std::vector<PartitionNotice> assigned;
    for (const TopicPartition& partition : partitions) {
      assigned.push_back(
          {PartitionNotice::Type::kAssigned, partition, 0, partition.topic == "topology" ? 9 : -1});
    }
    source.turns.push_back({{}, assigned, {}});
    const auto away = static_cast<int64_t>(50 + random() % 400);  // a partition cannot be fetched
    for (int64_t second = 0; second <= 760; ++second) {
      LiveSource::Turn turn;
      const auto [from, to] = arrivals.equal_range(second);
      std::set<TopicPartition> empty = partitions;
      for (auto at = from; at != to; ++at) {
        turn.records.push_back(at->second);
        empty.erase({at->second.topic, at->second.partition});
      }
      for (const TopicPartition& partition : empty) {
        const bool unreachable = second > away && second < away + 70 && partition.topic == "logs";
        turn.notices.push_back(
            {unreachable ? PartitionNotice::Type::kUnreachable : PartitionNotice::Type::kAtEnd,
             partition, 0, -1});
      }
      turn.before = [&wall, second] { wall = T(second); };
      source.turns.push_back(std::move(turn));
    }
    PipelineOptions options = Options();
    options.now = [&wall] { return wall; };
    options.journal_path = journal_;
    absl::Status status;
    Told told = Tell(source, options, status, [&source](Pipeline& pipeline) {
      source.at_end = [&pipeline] { pipeline.Stop(); };
    });
    EXPECT_TRUE(status.ok()) << status.message();
    return told;
  }

  // Partition by partition, as a dump of topics has them.
  std::vector<MemoryRecord> Dump(const Arrivals& arrivals) {
    std::map<TopicPartition, std::vector<MemoryRecord>> by_partition;
    for (const auto& [second, record] : arrivals) {
      by_partition[{record.topic, record.partition}].push_back(record);
    }
    std::vector<MemoryRecord> out;
    for (auto& [partition, records] : by_partition) {
      out.insert(out.end(), records.begin(), records.end());
    }
    return out;
  }

  Told Again(std::vector<MemoryRecord> dump, absl::Status& status, int threads = 1,
             size_t batch = 256) {
    MemorySource source(std::move(dump));
    PipelineOptions options = Options();
    options.retold_path = journal_;
    options.threads = threads;
    options.batch_records = batch;
    return Tell(source, options, status);
  }

  const std::string journal_ = ::testing::TempDir() + "/retelling_" +
                               ::testing::UnitTest::GetInstance()->current_test_info()->name() +
                               ".jsonl";
};

size_t Lines(std::string_view text) {
  return static_cast<size_t>(std::count(text.begin(), text.end(), '\n'));
}

TEST_F(RetellingTest, WhatArrivalDecidedIsToldAgainToTheByte) {
  size_t late = 0, incidents = 0;
  for (unsigned seed = 1; seed <= 20; ++seed) {
    SCOPED_TRACE(seed);
    std::mt19937 random(seed);
    const Arrivals arrivals = Delayed(random);
    const Told live = Live(arrivals, random);
    for (const auto& [threads, batch] : {std::pair(1, size_t{256}), std::pair(3, size_t{1})}) {
      absl::Status status;
      const Told again = Again(Dump(arrivals), status, threads, batch);
      ASSERT_TRUE(status.ok()) << status.message();
      ASSERT_EQ(again.transitions, live.transitions);
      ASSERT_EQ(again.incidents, live.incidents);
      ASSERT_EQ(Lines(again.late), Lines(live.late));
    }
    late += Lines(live.late);
    incidents += Lines(live.incidents);
  }
  EXPECT_GT(late, 200u);
  EXPECT_GT(incidents, 60u);
}

TEST_F(RetellingTest, WithoutTheJournalTheSameRecordsSaySomethingElse) {
  std::mt19937 random(1);
  const Arrivals arrivals = Delayed(random);
  const Told live = Live(arrivals, random);
  MemorySource source(Dump(arrivals));
  absl::Status status;
  const Told plain = Tell(source, Options(), status);
  EXPECT_NE(plain.transitions, live.transitions) << "else this test shows nothing";
}

TEST_F(RetellingTest, AnInputThatEndsTooEarlyIsAnError) {
  std::mt19937 random(1);
  Arrivals arrivals = Delayed(random);
  Live(arrivals, random);
  std::vector<MemoryRecord> dump = Dump(arrivals);
  dump.erase(std::find_if(dump.begin(), dump.end(),
                          [](const MemoryRecord& record) { return record.topic == "metrics"; }));
  absl::Status status;
  Again(dump, status);
  EXPECT_EQ(status.code(), absl::StatusCode::kDataLoss);
  EXPECT_THAT(std::string(status.message()), HasSubstr("metrics/0 had been read up to offset"));
}

TEST_F(RetellingTest, ATermThatWentOnFromAFormerOneIsRefused) {
  Journal journal;
  ASSERT_TRUE(journal.Append(journal_, T(7)).ok());
  ASSERT_TRUE(journal.Close().ok());
  absl::Status status;
  Again({}, status);
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(status.message()), HasSubstr("goes on from a run before it"));
}

}  // namespace
}  // namespace rootnote
