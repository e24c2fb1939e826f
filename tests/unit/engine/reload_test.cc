// Rules that are loaded anew while others are in the middle of their `for`: each unchanged signal
// goes on as if nothing had happened, to the instant, though windows are not kept but filled again
// from as little history as the rules look back.
#include <algorithm>
#include <iterator>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "fmt/format.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

#include "engine/pipeline.h"
#include "engine/resume.h"
#include "engine/rule_set.h"
#include "tests/unit/engine/commit_log.h"
#include "tests/unit/engine/since.h"
#include "tests/unit/engine/small_estate.h"

namespace rootnote {
namespace {

using testing::CommitLog;
using testing::On;
using testing::Rules;
using testing::Sampled;
using testing::Since;
using testing::T;

constexpr std::string_view kUnchanged = R"(
kind vm { id vm }
signal hot on vm { when temperature > 80 for 2m  family errors }
signal kept on vm { when cpu > 0.9 for 1m  keep firing for 90s  family saturation }
signal sticky on vm { when fill > 80 for 30s  clear fill < 60 for 1m  family saturation }
signal full on vm { when used > 80  clear used < 60 for 20s  by fs  family errors }
signal failing on vm {
  when sum by (vm) (count_over_time(request{code="500"}[2m])) >= 5 for 40s
  family errors
}
signal steep on vm { when deriv(temperature[1m]) > 0.5 for 15s  family latency }
signal quiet on vm { when beat < 1 for 30s  no data hold  family down }
incidents { hold back 0s }
)";

// Before and after the reload; what stands first moves every other signal's number.
constexpr std::string_view kBefore = R"(
signal other on vm { when temperature > 70 for 1m  family traffic }
)";
constexpr std::string_view kAfter = R"(
kind pool { id pool }
signal an_other on pool { when size > 3  family traffic }
signal other on vm { when temperature > 60 for 5m  family traffic }
)";

constexpr int kSeconds = 2'400;
constexpr Millis kHistory{3'600'000};

struct Dated {
  EventTime time;
  MemoryRecord record;
};

double Fill(int second) { return second < 120 ? 40 : second < 300 ? 90 : second < 1'800 ? 70 : 50; }

// Forty minutes in which every timer is met in the middle: short peaks, gaps, values that stay
// between two thresholds for longer than any window.
std::vector<MemoryRecord> Story() {
  std::vector<testing::TimedRecord> out;
  for (int second = 0; second <= kSeconds; second += 10) {
    const EventTime time = T(second);
    const auto sample = [&](std::string_view metric, std::string_view labels, double value) {
      out.push_back(Sampled(time, metric, labels, value));
    };
    const bool hot = (second > 300 && second < 410) || (second > 500 && second < 900) ||
                     (second > 1'500 && second < 1'700);
    sample("temperature", R"({"vm":"a"})", hot ? 85 + second % 100 / 10.0 : 40);
    sample("cpu", R"({"vm":"a"})", second % 300 < 130 ? 0.95 : 0.2);
    sample("fill", R"({"vm":"a"})", Fill(second));
    sample("used", R"({"vm":"b","fs":"/"})", Fill((second + 1'900) % kSeconds));
    sample("used", R"({"vm":"b","fs":"/home"})", Fill(second));
    if (second < 700 || second > 1'300) {
      sample("beat", R"({"vm":"b"})", second > 600 && second < 1'400 ? 0 : 1);
    }
    if (second % 700 < 90) {
      out.push_back({time, On("logs", fmt::format(R"({{"event":"request","labels":{{"vm":"a",)"
                                                  R"("code":"500"}},"message":"{}","time":"{}"}})",
                                                  second, FormatRfc3339(time)))});
    }
  }
  std::vector<MemoryRecord> records;
  for (testing::TimedRecord& one : out) {
    one.record.record_time = one.time;
    records.push_back(std::move(one.record));
  }
  return records;
}

struct Lived {
  std::vector<std::string> transitions;
  std::vector<EventTime> times;  // of each
};

bool Changed(std::string_view signal) { return signal == "other" || signal == "an_other"; }

void Live(const std::string& rules, CommitLog& log, ResumePoint resume, Lived& lived) {
  const auto program = Rules(rules);
  ASSERT_NE(program, nullptr);
  PipelineOptions options;
  options.topics.push_back({"metrics", TopicRole::kData, "rootnote-json", "", Millis(5'000)});
  options.topics.push_back({"logs", TopicRole::kData, "auto", "", Millis(5'000)});
  options.batch_records = 7;
  EventTime from = kMinTime;
  if (resume.closed != kMinTime) {
    resume.warm_from = resume.closed - RuleSet(program, options.lookback).WarmUp(kHistory);
    from = resume.warm_from - Millis(5'000);
  }
  options.resume = std::move(resume);
  Since source(Story(), from);
  Metrics metrics;
  Pipeline pipeline(program, source, log, metrics, std::move(options));
  pipeline.OnTransition([&](const Transition& transition, const Program& of) {
    const std::string& signal = of.signal(transition.signal).name;
    if (!Changed(signal)) {
      lived.times.push_back(transition.time);
      lived.transitions.push_back(
          fmt::format("{} {} {} {}->{} since {} {}", FormatRfc3339(transition.time), signal,
                      transition.entity, Name(transition.from), Name(transition.to),
                      FormatRfc3339(transition.onset), transition.value));
    }
  });
  EXPECT_EQ(pipeline.Run().ok(), log.limit == SIZE_MAX);
}

// What a reader of both runs saw: the former one up to its last commit.
std::vector<std::string> Joined(const Lived& before, EventTime closed, const Lived& after) {
  std::vector<std::string> out;
  for (size_t i = 0; i < before.transitions.size(); ++i) {
    if (before.times[i] <= closed) {
      out.push_back(before.transitions[i]);
    }
  }
  out.insert(out.end(), after.transitions.begin(), after.transitions.end());
  std::sort(out.begin(), out.end());
  return out;
}

void ExpectTheSame(std::string_view then) {
  const std::string first = std::string(kBefore) + std::string(kUnchanged);
  const std::string second = std::string(then) + std::string(kUnchanged);
  CommitLog whole;
  Lived never;
  Live(first, whole, {}, never);
  std::sort(never.transitions.begin(), never.transitions.end());
  ASSERT_GT(never.transitions.size(), 40u);
  ASSERT_GT(whole.commits.size(), 30u);
  for (size_t limit = 1; limit < whole.commits.size(); ++limit) {
    SCOPED_TRACE(limit);
    CommitLog log;
    log.limit = limit;
    Lived before, after;
    Live(first, log, {}, before);
    const ResumePoint resume = log.Resume();
    log.limit = SIZE_MAX;
    Live(second, log, resume, after);
    const std::vector<std::string> joined = Joined(before, resume.closed, after);
    std::vector<std::string> differ;
    std::set_symmetric_difference(joined.begin(), joined.end(), never.transitions.begin(),
                                  never.transitions.end(), std::back_inserter(differ));
    ASSERT_THAT(differ, ::testing::IsEmpty()) << "from " << FormatRfc3339(resume.closed);
  }
}

TEST(Reload, UnchangedSignalsGoOnToTheInstant) { ExpectTheSame(kAfter); }
TEST(Reload, ARestartWithTheSameRulesGoesOnToTheInstant) { ExpectTheSame(kBefore); }
TEST(Reload, ARuleThatIsGoneTakesNothingWithIt) { ExpectTheSame(""); }

}  // namespace
}  // namespace rootnote
