#include "engine/cli/measured.h"

#include <deque>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace rootnote {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

// Gives what the test puts in, and remembers what it was told.
class ScriptedSource : public Source {
 public:
  absl::StatusOr<SourceBatch> Poll(const PollLimits& /*limits*/, Millis /*timeout*/) override {
    if (batches.empty()) return absl::UnavailableError("no more");
    SourceBatch batch = std::move(batches.front());
    batches.pop_front();
    return batch;
  }
  void Pause(const TopicPartition& partition) override {
    told.push_back("pause " + partition.topic);
  }
  void Resume(const TopicPartition& partition) override {
    told.push_back("resume " + partition.topic);
  }
  void Close() override { told.emplace_back("close"); }

  std::deque<SourceBatch> batches;
  std::vector<std::string> told;
};

class MeasuredSourceTest : public ::testing::Test {
 protected:
  MeasuredSourceTest()
      : measured_(
            source_, {"map"}, [this] { return now_; }, metrics_) {}

  void Poll(SourceBatch batch = {}) {
    source_.batches.push_back(std::move(batch));
    EXPECT_TRUE(measured_.Poll({}, Millis(0)).ok());
  }
  Record At(std::string_view topic, Millis ago) const {
    Record record{.topic = topic};
    record.record_time = now_ - ago;
    return record;
  }

  EventTime now_ = *ParseRfc3339("2026-11-22T07:00:00Z");
  ScriptedSource source_;
  Metrics metrics_;
  MeasuredSource measured_;
};

TEST_F(MeasuredSourceTest, RecordsHaveAnAgeAndSoHasTheMap) {
  SourceBatch batch;
  Record undated{.topic = "metrics"};
  batch.batch.records = {At("metrics", Millis(50)),
                         At("map", Millis(9'000)),
                         At("map", Millis(10'000)),
                         At("metrics", Millis(1'500)),
                         undated,
                         At("metrics", Millis(-70))};
  Poll(std::move(batch));
  EXPECT_THAT(metrics_.Text(), AllOf(HasSubstr("rootnote_event_age_seconds_bucket{le=\"0.1\"} 2\n"),
                                     HasSubstr("rootnote_event_age_seconds_bucket{le=\"1\"} 2\n"),
                                     HasSubstr("rootnote_event_age_seconds_bucket{le=\"2\"} 3\n"),
                                     HasSubstr("rootnote_event_age_seconds_sum 1.55\n"),
                                     HasSubstr("rootnote_topology_age_seconds 9\n")));
  now_ += Millis(1'000);
  Poll();
  EXPECT_THAT(metrics_.Text(), HasSubstr("rootnote_topology_age_seconds 10\n"));
}

TEST_F(MeasuredSourceTest, PartitionsThatAreHeldBackAreCountedTogether) {
  const auto expect = [&](std::string_view seconds) {
    EXPECT_THAT(metrics_.Text(),
                HasSubstr("rootnote_backpressure_seconds_total " + std::string(seconds) + "\n"));
  };
  Poll();
  measured_.Pause({"a", 0});
  measured_.Pause({"a", 0});
  measured_.Pause({"b", 1});
  now_ += Millis(500);
  Poll();
  expect("1");
  measured_.Resume({"b", 1});
  now_ += Millis(500);
  Poll();
  expect("1.5");
  SourceBatch revoked;
  revoked.notices = {{.type = PartitionNotice::Type::kRevoked, .partition = {"a", 0}}};
  Poll(std::move(revoked));
  now_ += Millis(500);
  Poll();
  expect("1.5");
  now_ -= Millis(5'000);  // the wall clock may go back
  Poll();
  expect("1.5");
  EXPECT_THAT(source_.told, ElementsAre("pause a", "pause a", "pause b", "resume b"));
}

TEST_F(MeasuredSourceTest, ErrorsAreHandedOn) {
  EXPECT_EQ(measured_.Poll({}, Millis(0)).status().code(), absl::StatusCode::kUnavailable);
  measured_.Close();
  EXPECT_THAT(source_.told, ElementsAre("close"));
}

class ScriptedSink : public Sink {
 public:
  absl::Status Write(const Commit& /*commit*/) override { return next; }
  absl::Status Close() override { return absl::DataLossError("close"); }
  absl::Status next;
};

TEST(MeasuredSinkTest, CommitsAreCountedByTheirEnd) {
  ScriptedSink sink;
  Metrics metrics;
  MeasuredSink measured(sink, metrics);
  EXPECT_TRUE(measured.Write({}).ok());
  for (const absl::Status& status :
       {absl::AbortedError("a"), absl::AbortedError("b"), absl::UnavailableError("c"),
        absl::FailedPreconditionError("d"), absl::InvalidArgumentError("e"),
        absl::InternalError("f")}) {
    sink.next = status;
    EXPECT_EQ(measured.Write({}), status);
  }
  EXPECT_THAT(metrics.Text(),
              AllOf(HasSubstr("rootnote_kafka_commits_total{result=\"aborted\"} 2\n"),
                    HasSubstr("rootnote_kafka_commits_total{result=\"committed\"} 1\n"),
                    HasSubstr("rootnote_kafka_commits_total{result=\"failed\"} 1\n"),
                    HasSubstr("rootnote_kafka_commits_total{result=\"fenced\"} 1\n"),
                    HasSubstr("rootnote_kafka_commits_total{result=\"refused\"} 1\n"),
                    HasSubstr("rootnote_kafka_commits_total{result=\"unknown\"} 1\n"),
                    HasSubstr("rootnote_kafka_commit_duration_seconds_count 7\n")));
  EXPECT_EQ(measured.Close().code(), absl::StatusCode::kDataLoss);
}

TEST(MeasureDetectionTest, OnlyTheFirstRevisionCounts) {
  Metrics metrics;
  Incident incident;
  incident.started_at = FromMillis(1'000'000);
  incident.revision = 1;
  MeasureDetection(incident, FromMillis(1'042'000), metrics);
  incident.revision = 2;
  MeasureDetection(incident, FromMillis(1'050'000), metrics);
  incident.revision = 1;
  incident.catching_up = true;
  MeasureDetection(incident, FromMillis(9'050'000), metrics);
  EXPECT_THAT(metrics.Text(),
              AllOf(HasSubstr("rootnote_incident_detection_delay_seconds_sum 42\n"),
                    HasSubstr("rootnote_incident_detection_delay_seconds_count 1\n")));
}

}  // namespace
}  // namespace rootnote
