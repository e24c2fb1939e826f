// The cases of tests/oracle_rules: rules of our own after the habits of public exporters, on random
// series; what must come out is what Prometheus' package `rules` gave.
#include <iostream>
#include <optional>
#include <string>
#include <vector>

#include "gtest/gtest.h"

#include "rules/prometheus/group.h"
#include "rules/prometheus/rule_file.h"
#include "tests/unit/prometheus/oracle_case.h"

namespace rootnote::prometheus {
namespace {

class Replay {
 public:
  explicit Replay(const std::string& name) {
    const std::vector<RuleSource> sources = {
        RuleSource(name + ".yaml", ReadWhole(kFolder + name + ".yaml"))};
    Diagnostics diagnostics;
    std::optional<RuleFile> file = ParseRuleFile(sources[0], 0, diagnostics);
    for (const Diagnostic& diagnostic : diagnostics.list()) {
      ADD_FAILURE() << FormatDiagnostic(diagnostic, sources);
    }
    if (!file) return;
    rules_ = file->alerting() + file->recording();
    GroupOptions options;
    options.external_labels = Labels::From({{"cluster", "blue"}});
    options.external_url = "http://prometheus.example";
    for (const RuleGroup& group : file->groups) groups_.emplace_back(group, options);
    input_ = ReadSeries(name);
  }

  void Run() {
    for (size_t i = 0; i < kInstants; ++i) {
      const EventTime at = FromMillis(0) + static_cast<int64_t>(i) * kStep;
      for (const promqltest::SeriesLine& series : input_) {
        if (i >= series.values.size() || !series.values[i]) continue;
        EXPECT_TRUE(store_.Append(series.labels, {at, *series.values[i]}).ok());
      }
      for (GroupEvaluation& group : groups_) {
        const Millis interval = group.group().interval.value_or(Millis{60'000});
        if (ToMillis(at) % interval.count() != 0) continue;
        group.Evaluate(at, store_, store_);
        for (size_t k = 0; k < group.states().size(); ++k) lives_.Look(group, k, at);
      }
      lives_.LookAtSeries(store_, at);
    }
  }

  std::vector<std::string> Result() const { return lives_.Result(); }
  size_t rules() const { return rules_; }

 private:
  size_t rules_ = 0;
  std::vector<GroupEvaluation> groups_;
  std::vector<promqltest::SeriesLine> input_;
  MemorySeries store_;
  Lives lives_;
};

class Oracle : public testing::TestWithParam<const char*> {};

TEST_P(Oracle, RulesDoAsInPrometheus) {
  Replay replay(GetParam());
  replay.Run();
  const std::vector<std::string> expected =
      Lines(ReadWhole(std::string(kFolder) + GetParam() + ".golden"));
  const std::vector<std::string> got = replay.Result();
  EXPECT_GT(replay.rules(), 30u);
  EXPECT_GT(expected.size(), 100u);
  ExpectGolden(GetParam(), expected, got);
  std::cout << GetParam() << ": " << replay.rules() << " rules, " << expected.size() << " lines\n";
}

INSTANTIATE_TEST_SUITE_P(Cases, Oracle,
                         testing::Values("blackbox", "haproxy", "kafka", "kubernetes", "node",
                                         "postgres"),
                         [](const auto& param) { return std::string(param.param); });

}  // namespace
}  // namespace rootnote::prometheus
