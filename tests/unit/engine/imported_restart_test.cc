// Imported groups across a restart: windows are filled again, what rules record is recorded again,
// and every alert goes on to the instant as if nothing had happened. And the limit of series.
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
#include "rules/compiler.h"
#include "tests/unit/engine/commit_log.h"
#include "tests/unit/engine/since.h"
#include "tests/unit/engine/small_estate.h"

namespace rootnote {
namespace {

using testing::CommitLog;
using testing::Sampled;
using testing::Since;
using testing::T;

constexpr std::string_view kRules = R"(
kind vm { id vm }
import prometheus "rules.yaml" { vm from machine }
signal recorded_hot on vm { when sum by (vm) (vm:temperature:avg2m) > 100 for 1m every 15s }
incidents { hold back 0s }
)";

constexpr std::string_view kGroups = R"y(
groups:
  - name: alerts
    interval: 15s
    rules:
      - alert: Hot
        expr: max_over_time(vm:temperature:avg2m[1m]) > 80
        for: 90s
        keep_firing_for: 45s
        labels: { severity: critical, heat: '{{ if gt $value 80.0 }}high{{ end }}' }
        annotations: { summary: '{{ $labels.machine }} is hot: {{ $value | humanize }}' }
      - alert: HotForLong
        expr: count by (machine) (ALERTS{alertname="Hot",alertstate="firing"}) > 0
        for: 3m
  - name: records
    interval: 15s
    rules:
      - record: vm:temperature:avg2m
        expr: |
          label_replace(avg by (machine) (avg_over_time(temperature[2m])),
                        "vm", "$1", "machine", "(.*)")
)y";

std::shared_ptr<const Program> Imported() {
  CompileOptions options;
  options.read_rule_files = [](const std::string&, const std::string&) {
    return std::vector<RuleSource>{RuleSource("rules.yaml", std::string(kGroups))};
  };
  CompileResult result = Compile({RuleSource("rules.rn", std::string(kRules))}, options);
  for (const Diagnostic& diagnostic : result.diagnostics.list()) {
    ADD_FAILURE() << FormatDiagnostic(diagnostic, result.sources);
  }
  return result.program;
}

// Half an hour of peaks, longer and shorter than every timer.
std::vector<MemoryRecord> Story() {
  std::vector<MemoryRecord> records;
  for (int second = 0; second <= 1'800; second += 10) {
    const bool hot = (second > 250 && second < 340) || (second > 500 && second < 900) ||
                     (second > 1'000 && second < 1'060) || second > 1'500;
    for (const char* machine : {"a", "b"}) {
      const double value = hot == (machine[0] == 'a') ? 95.5 + second % 70 : 40;
      testing::TimedRecord one =
          Sampled(T(second), "temperature", fmt::format(R"({{"machine":"{}"}})", machine), value);
      one.record.record_time = one.time;
      records.push_back(std::move(one.record));
    }
  }
  return records;
}

struct Lived {
  std::vector<std::string> transitions;
  std::vector<EventTime> times;  // of each
};

void Live(CommitLog& log, ResumePoint resume, Lived& lived) {
  const auto program = Imported();
  ASSERT_NE(program, nullptr);
  PipelineOptions options;
  options.topics.push_back({"metrics", TopicRole::kData, "rootnote-json", "", Millis(5'000)});
  options.batch_records = 7;
  EventTime from = kMinTime;
  if (resume.closed != kMinTime) {
    resume.warm_from = resume.closed - RuleSet(program, options.lookback).WarmUp(Millis(3'600'000));
    from = resume.warm_from - Millis(5'000);
  }
  options.resume = std::move(resume);
  Since source(Story(), from);
  Metrics metrics;
  Pipeline pipeline(program, source, log, metrics, std::move(options));
  pipeline.OnTransition([&](const Transition& transition, const Program& of) {
    lived.times.push_back(transition.time);
    lived.transitions.push_back(
        fmt::format("{} {} {} {}->{} since {} {}", FormatRfc3339(transition.time),
                    of.signal(transition.signal).name, transition.entity, Name(transition.from),
                    Name(transition.to), FormatRfc3339(transition.onset), transition.value));
  });
  EXPECT_EQ(pipeline.Run().ok(), log.limit == SIZE_MAX);
}

TEST(ImportedRestart, GoesOnToTheInstant) {
  CommitLog whole;
  Lived never;
  Live(whole, {}, never);
  std::sort(never.transitions.begin(), never.transitions.end());
  ASSERT_GT(never.transitions.size(), 20u);
  ASSERT_GT(whole.commits.size(), 20u);
  const std::vector<Incident> incidents = whole.Incidents();
  const bool told = std::any_of(incidents.begin(), incidents.end(), [](const Incident& incident) {
    return incident.summary.find("a is hot: ") != std::string::npos && !incident.symptoms.empty() &&
           incident.symptoms[0].labels.at("machine") == "a";
  });
  EXPECT_TRUE(told);
  for (size_t limit = 1; limit < whole.commits.size(); limit += 2) {
    SCOPED_TRACE(limit);
    CommitLog log;
    log.limit = limit;
    Lived before, after;
    Live(log, {}, before);
    const ResumePoint resume = log.Resume();
    log.limit = SIZE_MAX;
    Live(log, resume, after);
    std::vector<std::string> joined = after.transitions;
    for (size_t i = 0; i < before.transitions.size(); ++i) {
      if (before.times[i] <= resume.closed) joined.push_back(before.transitions[i]);
    }
    std::sort(joined.begin(), joined.end());
    std::vector<std::string> differ;
    std::set_symmetric_difference(joined.begin(), joined.end(), never.transitions.begin(),
                                  never.transitions.end(), std::back_inserter(differ));
    ASSERT_THAT(differ, ::testing::IsEmpty()) << "from " << FormatRfc3339(resume.closed);
  }
}

// What rules record counts as what is received; the rule that finds no room has an error, and what
// is there stays.
TEST(ImportedLimits, RecordedSeriesCountAgainstTheLimit) {
  PipelineOptions options;
  options.topics.push_back({"metrics", TopicRole::kData, "rootnote-json", "", Millis(5'000)});
  options.series_max = 3;
  MemorySource source(Story());
  CommitLog log;
  Metrics metrics;
  Pipeline pipeline(Imported(), source, log, metrics, std::move(options));
  size_t hot = 0;
  pipeline.OnTransition([&](const Transition& transition, const Program& of) {
    hot += of.signal(transition.signal).name == "Hot" ? 1 : 0;
  });
  ASSERT_TRUE(pipeline.Run().ok());
  const std::string text = metrics.Text();
  EXPECT_THAT(text, ::testing::HasSubstr("rootnote_series 3\n"));
  EXPECT_THAT(text, ::testing::HasSubstr(
                        "rootnote_rule_evaluation_errors_total{rule=\"vm:temperature:avg2m\"} "));
  EXPECT_THAT(text, ::testing::Not(::testing::HasSubstr(
                        "rootnote_rule_evaluation_errors_total{rule=\"vm:temperature:avg2m\"} 0")));
  EXPECT_GT(hot, 0U);
}

}  // namespace
}  // namespace rootnote
