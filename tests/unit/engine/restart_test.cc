// A run that ends at any commit, and another that takes its place from what was committed: windows
// are filled again, muted, and incidents come back from their own records. Nothing is said twice,
// nothing is left out, and it ends as if it had never ended.
#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <utility>

#include "gtest/gtest.h"

#include "engine/pipeline.h"
#include "engine/resume.h"
#include "schemas/incident_encoder.h"
#include "tests/unit/engine/commit_log.h"
#include "tests/unit/engine/small_estate.h"

namespace rootnote {
namespace {

using testing::CommitLog;
using testing::InOrder;
using testing::Map;
using testing::On;
using testing::Options;
using testing::Rules;
using testing::Sampled;
using testing::Story;
using testing::T;
using testing::With;

void RunInto(CommitLog& log, const std::vector<MemoryRecord>& records, PipelineOptions options) {
  MemorySource source(records);
  Metrics metrics;
  Pipeline pipeline(Rules(), source, log, metrics, std::move(options));
  const absl::Status status = pipeline.Run();
  EXPECT_EQ(status.ok(), log.limit == SIZE_MAX) << status.message();
}

std::set<std::string> AffectedBy(const Incident& incident) {
  std::set<std::string> out;
  for (const Incident::Impact& impact : incident.impact) {
    if (!impact.potential) {
      out.insert(impact.entity);
    }
  }
  return out;
}

// How each incident ended: what a ticket would say.
std::map<std::string, std::string> Endings(const std::vector<Incident>& incidents) {
  std::map<std::string, std::string> out;
  for (const Incident& incident : incidents) {
    std::string& text = out[incident.id];
    text = std::string(Name(incident.status)) + " " + incident.root.at(0).entity + " " +
           incident.root.at(0).fault + " " + std::string(Name(incident.severity));
    for (const std::string& entity : AffectedBy(incident)) {
      text += " " + entity;
    }
  }
  return out;
}

void ExpectNothingTwiceNothingLeftOut(const std::vector<Incident>& incidents) {
  std::map<std::string, int64_t> revisions;
  for (const Incident& incident : incidents) {
    EXPECT_EQ(incident.revision, ++revisions[incident.id]) << incident.id;
  }
}

std::vector<MemoryRecord> Input() {
  std::vector<MemoryRecord> records = With(Map(), InOrder(Story()));
  std::vector<MemoryRecord> out;
  size_t seen = 0;
  for (MemoryRecord& record : records) {
    if (record.topic == "metrics" && ++seen % 40 == 0) {
      out.push_back(On("metrics", R"({"metric":"up","vlaue":)" + std::to_string(seen) + "}",
                       record.partition));
    }
    if (record.topic == "metrics" && seen % 97 == 0) {
      out.push_back(Sampled(T(0) - Millis(600'000), "vm_write_latency_seconds", R"({"vm":"web1"})",
                            static_cast<double>(seen), record.partition)
                        .record);
    }
    out.push_back(std::move(record));
  }
  return out;
}

PipelineOptions SmallCommits() {
  PipelineOptions options = Options();
  options.batch_records = 7;
  return options;
}

TEST(Restart, AtEveryCommitGoesOnWhereItWas) {
  const std::vector<MemoryRecord> records = Input();
  CommitLog whole;
  RunInto(whole, records, SmallCommits());
  const auto endings = Endings(whole.Incidents());
  ASSERT_FALSE(endings.empty());
  const size_t dead = whole.On(OutputTopics().dead_letter).size();
  ASSERT_GT(dead, 5u);
  ASSERT_GT(whole.commits.size(), 10u);
  for (size_t limit = 0; limit < whole.commits.size(); ++limit) {
    SCOPED_TRACE(limit);
    CommitLog log;
    log.limit = limit;
    RunInto(log, records, SmallCommits());
    PipelineOptions options = SmallCommits();
    options.resume = log.Resume();
    log.limit = SIZE_MAX;
    RunInto(log, records, std::move(options));
    ExpectNothingTwiceNothingLeftOut(log.Incidents());
    EXPECT_EQ(Endings(log.Incidents()), endings);
    EXPECT_EQ(log.On(OutputTopics().dead_letter).size(), dead);
    EXPECT_EQ(log.On(OutputTopics().late).size(), whole.On(OutputTopics().late).size());
  }
}

TEST(Restart, AgainAndAgainIsAsOnce) {
  const std::vector<MemoryRecord> records = Input();
  CommitLog whole;
  RunInto(whole, records, SmallCommits());
  CommitLog log;
  for (size_t limit = 1; limit < whole.commits.size(); limit += 3) {
    log.limit = std::max(limit, log.commits.size() + 1);
    PipelineOptions options = SmallCommits();
    options.resume = log.Resume();
    MemorySource source(records);
    Metrics metrics;
    Pipeline pipeline(Rules(), source, log, metrics, std::move(options));
    if (pipeline.Run().ok()) {
      break;
    }
  }
  log.limit = SIZE_MAX;
  PipelineOptions options = SmallCommits();
  options.resume = log.Resume();
  RunInto(log, records, std::move(options));
  ExpectNothingTwiceNothingLeftOut(log.Incidents());
  EXPECT_EQ(Endings(log.Incidents()), Endings(whole.Incidents()));
}

// `latest`: history fills the windows and says nothing; what is present at its end opens then.
TEST(Restart, AFirstStartOpensOnlyWhatIsPresent) {
  const std::vector<MemoryRecord> records = With(Map(), InOrder(Story()));
  for (const auto& [seconds, open] : {std::pair(330, true), std::pair(500, false)}) {
    PipelineOptions options = Options();
    options.resume.closed = T(seconds);
    CommitLog log;
    RunInto(log, records, std::move(options));
    const std::vector<Incident> incidents = log.Incidents();
    ASSERT_EQ(!incidents.empty(), open) << seconds;
    if (open) {
      EXPECT_EQ(incidents.front().state, IncidentState::kOpen);
      EXPECT_EQ(incidents.front().opened_at, T(seconds));
      EXPECT_EQ(incidents.front().root.at(0).entity, "array:a1");
      EXPECT_LT(incidents.front().started_at, T(seconds));
      EXPECT_EQ(incidents.back().status, IncidentStatus::kResolved);
    }
  }
}

// What the warm-up does not cover cannot say that a symptom is over, nor that one began.
TEST(Restart, WarmingRulesNeitherEndNorBegin) {
  const std::vector<MemoryRecord> records = Input();
  CommitLog log;
  RunInto(log, records, SmallCommits());
  size_t cut = 0;
  for (size_t i = 0; i < log.commits.size(); ++i) {
    for (const OutputRecord& record : log.commits[i].records) {
      cut = record.topic == OutputTopics().incidents && cut == 0 ? i + 2 : cut;
    }
  }
  const auto endings = Endings(log.Incidents());
  log.commits.resize(cut);
  const size_t before = log.Incidents().size();
  PipelineOptions options = SmallCommits();
  options.resume = log.Resume();
  ASSERT_EQ(log.Incidents().back().status, IncidentStatus::kOpen);
  const EventTime closed = options.resume.closed;
  options.resume.warm_from = closed - Millis(1'000);  // all rules look back further
  std::vector<MemoryRecord> tail = records;
  RunInto(log, tail, std::move(options));
  const std::vector<Incident> incidents = log.Incidents();
  ExpectNothingTwiceNothingLeftOut(incidents);
  for (size_t i = before; i < incidents.size(); ++i) {
    EXPECT_TRUE(incidents[i].status == IncidentStatus::kOpen ||
                incidents[i].updated_at > closed + Millis(60'000));
  }
  EXPECT_EQ(Endings(incidents), endings);
}

TEST(CommitMark, IsReadBackAndRefusesWhatIsNotOurs) {
  const CommitMark mark{T(5), 42, 7};
  EXPECT_EQ(ParseCommitMark(ToMetadata(mark)), mark);
  for (const char* other : {"", "{}", "{\"tick\":1}", "{\"tick\":1,\"taken\":-1,\"journal\":0}",
                            "{\"tick\":1,\"taken\":1,\"journal\":0}x", "metadata"}) {
    EXPECT_EQ(ParseCommitMark(other), std::nullopt) << other;
  }
}

TEST(ResumeFrom, TakesTheLatestTickAndTrustsNoOffsetThatWasSetByHand) {
  const TopicPartition a{"metrics", 0}, b{"metrics", 1}, c{"metrics", 2};
  const std::vector<CommitOffset> offsets = {
      {a, 10, ToMetadata({T(5), 12, 0})}, {b, 20, ToMetadata({T(6), 20, 0})}, {c, 30, ""}};
  const ResumePoint resume = ResumeFrom(offsets);
  EXPECT_EQ(resume.closed, T(6));
  EXPECT_EQ(resume.taken, (std::map<TopicPartition, int64_t>{{a, 12}, {b, 20}}));
  EXPECT_EQ(resume.committed, (std::map<TopicPartition, int64_t>{{a, 10}, {b, 20}, {c, 30}}));
}

}  // namespace
}  // namespace rootnote
