// The cases of tests/oracle_rules: rules of our own after the habits of public exporters, on random
// series; what must come out is what Prometheus' package `rules` gave.
#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <fstream>
#include <iostream>
#include <map>
#include <optional>
#include <sstream>
#include <string>
#include <vector>

#include "fmt/format.h"
#include "gtest/gtest.h"

#include "rules/prometheus/group.h"
#include "rules/prometheus/rule_file.h"
#include "rules/promql/parser.h"
#include "rules/promqltest/series_line.h"
#include "rules/unquote.h"

namespace rootnote::prometheus {
namespace {

// As main.go of the oracle has them.
constexpr Millis kStep{30'000};
constexpr int kInstants = 181;
constexpr const char* kFolder = "tests/oracle_rules/cases/";

std::string ReadWhole(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  EXPECT_TRUE(in.good()) << path;
  std::ostringstream text;
  text << in.rdbuf();
  return std::move(text).str();
}

std::vector<std::string> Lines(const std::string& text) {
  std::vector<std::string> lines;
  std::istringstream in(text);
  for (std::string line; std::getline(in, line);) lines.push_back(line);
  return lines;
}

// Labels as Go prints them.
std::string Shown(const Labels& labels) {
  std::string text = "{";
  for (const auto& [name, value] : labels.ToVector()) {
    text += fmt::format("{}{}={}", text.size() > 1 ? ", " : "", name, Quote(value));
  }
  return text + "}";
}

struct Life {
  std::string state, times;
  std::optional<std::string> first_text;
};

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
    for (const std::string& line : Lines(ReadWhole(kFolder + name + ".series"))) {
      absl::StatusOr<promqltest::SeriesLine> series = promqltest::ParseSeriesLine(line);
      EXPECT_TRUE(series.ok()) << series.status();
      if (series.ok()) input_.push_back(*std::move(series));
    }
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
        for (size_t k = 0; k < group.states().size(); ++k) Look(group, k, at);
      }
    }
  }

  std::vector<std::string> Result() const {
    std::vector<std::string> lines;
    for (const auto& [key, life] : lives_) {
      lines.push_back(key + "\t" + life.times.substr(1) +
                      (life.first_text ? "\t" + *life.first_text : ""));
    }
    std::sort(lines.begin(), lines.end());
    for (const int64_t minutes : {20, 45, 90}) {
      for (const char* expr : {R"({__name__=~".*:.*"})", R"({__name__=~"ALERTS.*"})"}) {
        std::vector<std::string> samples = Samples(expr, FromMillis(minutes * 60'000));
        lines.insert(lines.end(), samples.begin(), samples.end());
      }
    }
    return lines;
  }

  size_t rules() const { return rules_; }

 private:
  void Note(const std::string& key, const std::string& state, EventTime at) {
    Life& life = lives_[key];
    if (life.state == state) return;
    life.state = state;
    life.times += fmt::format(" {}{}", ToMillis(at) / 1000, state[0]);
  }

  void Look(const GroupEvaluation& group, size_t index, EventTime at) {
    const std::string id = fmt::format("{}/{}", group.group().name, index);
    const RuleState& state = group.states()[index];
    const std::string error = id + "\terror";
    if (!state.error.empty()) {
      Note(error, "error", at);
    } else if (lives_.contains(error)) {
      Note(error, "good", at);
    }
    if (!group.group().rules[index].alerting) return;
    for (const auto& [labels, alert] : state.alerts) {
      if (!alert.active()) continue;
      const std::string key = id + "\t" + Shown(labels);
      Note(key, alert.state == AlertState::kFiring ? "firing" : "pending", at);
      Life& life = lives_[key];
      if (alert.state == AlertState::kFiring && !life.first_text) {
        life.first_text = Shown(Labels::From(alert.annotations));
      }
    }
    for (auto& [key, life] : lives_) {
      if (key.rfind(id + "\t{", 0) != 0) continue;
      bool active = false;
      for (const auto& [labels, alert] : state.alerts) {
        active = active || (alert.active() && key == id + "\t" + Shown(labels));
      }
      if (!active) Note(key, "inactive", at);
    }
  }

  std::vector<std::string> Samples(const std::string& text, EventTime at) const {
    Diagnostics diagnostics;
    const std::unique_ptr<promql::Expr> expr = promql::ParseText(text, diagnostics);
    promql::EvalOptions options;
    options.start = options.end = at;
    const absl::StatusOr<promql::Value> value = promql::Evaluate(*expr, at, store_, options);
    EXPECT_TRUE(value.ok()) << value.status();
    std::vector<std::string> lines;
    for (const promql::Element& element : std::get<promql::Vector>(*value)) {
      lines.push_back(fmt::format("={}\t{}\t{:.12g}", ToMillis(at) / 1000, Shown(element.labels),
                                  element.value));
    }
    std::sort(lines.begin(), lines.end());
    return lines;
  }

  size_t rules_ = 0;
  std::vector<GroupEvaluation> groups_;
  std::vector<promqltest::SeriesLine> input_;
  MemorySeries store_;
  std::map<std::string, Life> lives_;
};

// The last word of a recorded sample may differ in the last digits.
bool Same(const std::string& expected, const std::string& got) {
  if (expected == got) return true;
  const size_t tab = expected.rfind('\t');
  if (expected.empty() || expected[0] != '=' || tab != got.rfind('\t') ||
      expected.substr(0, tab) != got.substr(0, tab)) {
    return false;
  }
  const double a = std::strtod(expected.c_str() + tab + 1, nullptr);
  const double b = std::strtod(got.c_str() + tab + 1, nullptr);
  return a == b || (std::isnan(a) && std::isnan(b)) || std::abs(a - b) <= 1e-9 * std::abs(a);
}

class Oracle : public testing::TestWithParam<const char*> {};

TEST_P(Oracle, RulesDoAsInPrometheus) {
  Replay replay(GetParam());
  replay.Run();
  const std::vector<std::string> expected =
      Lines(ReadWhole(std::string(kFolder) + GetParam() + ".golden"));
  const std::vector<std::string> got = replay.Result();
  EXPECT_GT(replay.rules(), 30u);
  EXPECT_GT(expected.size(), 100u);
  size_t at = 0, wrong = 0;
  for (; at < std::max(expected.size(), got.size()) && wrong < 5; ++at) {
    const std::string want = at < expected.size() ? expected[at] : "nothing";
    const std::string have = at < got.size() ? got[at] : "nothing";
    if (Same(want, have)) continue;
    ++wrong;
    ADD_FAILURE() << "line " << at + 1 << "\nexpected  " << want << "\ngot       " << have;
  }
  std::cout << GetParam() << ": " << replay.rules() << " rules, " << expected.size() << " lines\n";
}

INSTANTIATE_TEST_SUITE_P(Cases, Oracle,
                         testing::Values("blackbox", "haproxy", "kafka", "kubernetes", "node",
                                         "postgres"),
                         [](const auto& param) { return std::string(param.param); });

}  // namespace
}  // namespace rootnote::prometheus
