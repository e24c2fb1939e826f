// The cases of tests/oracle_rules, and how their golden files tell what groups do: when each alert
// became pending, firing and inactive, when a rule failed, what was recorded.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <fstream>
#include <map>
#include <optional>
#include <sstream>
#include <string>
#include <variant>
#include <vector>

#include "fmt/format.h"
#include "gtest/gtest.h"

#include "rules/prometheus/group.h"
#include "rules/promql/parser.h"
#include "rules/promqltest/series_line.h"
#include "rules/unquote.h"

namespace rootnote::prometheus {

// As main.go of the oracle has them.
inline constexpr Millis kStep{30'000};
inline constexpr int kInstants = 181;
inline constexpr const char* kFolder = "tests/oracle_rules/cases/";

inline std::string ReadWhole(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  EXPECT_TRUE(in.good()) << path;
  std::ostringstream text;
  text << in.rdbuf();
  return std::move(text).str();
}

inline std::vector<std::string> Lines(const std::string& text) {
  std::vector<std::string> lines;
  std::istringstream in(text);
  for (std::string line; std::getline(in, line);) lines.push_back(line);
  return lines;
}

// Labels as Go prints them.
inline std::string Shown(const Labels& labels) {
  std::string text = "{";
  for (const auto& [name, value] : labels.ToVector()) {
    text += fmt::format("{}{}={}", text.size() > 1 ? ", " : "", name, Quote(value));
  }
  return text + "}";
}

inline std::vector<promqltest::SeriesLine> ReadSeries(const std::string& name) {
  std::vector<promqltest::SeriesLine> all;
  for (const std::string& line : Lines(ReadWhole(kFolder + name + ".series"))) {
    absl::StatusOr<promqltest::SeriesLine> series = promqltest::ParseSeriesLine(line);
    EXPECT_TRUE(series.ok()) << series.status();
    if (series.ok()) all.push_back(*std::move(series));
  }
  return all;
}

struct Life {
  std::string state, times;
  std::optional<std::string> first_text;
};

// What was seen of groups, instant by instant.
class Lives {
 public:
  // After the evaluation of the group at `at`.
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

  // What was recorded for the times that the golden files ask for; a minute later, since groups
  // with a query_offset record late.
  void LookAtSeries(const promql::SeriesStore& store, EventTime at) {
    constexpr Millis kLate{60'000};
    for (const int64_t minutes : {20, 45, 90}) {
      const EventTime asked = FromMillis(minutes * 60'000);
      const EventTime last = FromMillis(0) + (kInstants - 1) * kStep;
      if (at != std::min(asked + kLate, last)) continue;
      for (const char* expr : {R"({__name__=~".*:.*"})", R"({__name__=~"ALERTS.*"})"}) {
        std::vector<std::string> samples = Samples(store, expr, asked);
        samples_.insert(samples_.end(), samples.begin(), samples.end());
      }
    }
  }

  // As a golden file has it.
  std::vector<std::string> Result() const {
    std::vector<std::string> lines;
    for (const auto& [key, life] : lives_) {
      lines.push_back(key + "\t" + life.times.substr(1) +
                      (life.first_text ? "\t" + *life.first_text : ""));
    }
    std::sort(lines.begin(), lines.end());
    lines.insert(lines.end(), samples_.begin(), samples_.end());
    return lines;
  }

 private:
  void Note(const std::string& key, const std::string& state, EventTime at) {
    Life& life = lives_[key];
    if (life.state == state) return;
    life.state = state;
    life.times += fmt::format(" {}{}", ToMillis(at) / 1000, state[0]);
  }

  static std::vector<std::string> Samples(const promql::SeriesStore& store, const std::string& text,
                                          EventTime at) {
    Diagnostics diagnostics;
    const std::unique_ptr<promql::Expr> expr = promql::ParseText(text, diagnostics);
    promql::EvalOptions options;
    options.start = options.end = at;
    const absl::StatusOr<promql::Value> value = promql::Evaluate(*expr, at, store, options);
    EXPECT_TRUE(value.ok()) << value.status();
    std::vector<std::string> lines;
    for (const promql::Element& element : std::get<promql::Vector>(*value)) {
      lines.push_back(fmt::format("={}\t{}\t{:.12g}", ToMillis(at) / 1000, Shown(element.labels),
                                  element.value));
    }
    std::sort(lines.begin(), lines.end());
    return lines;
  }

  std::map<std::string, Life> lives_;
  std::vector<std::string> samples_;
};

// The last word of a recorded sample may differ in the last digits.
inline bool Same(const std::string& expected, const std::string& got) {
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

// Line by line.
inline void ExpectGolden(const std::string& name, const std::vector<std::string>& expected,
                         const std::vector<std::string>& got) {
  size_t wrong = 0;
  for (size_t at = 0; at < std::max(expected.size(), got.size()) && wrong < 5; ++at) {
    const std::string want = at < expected.size() ? expected[at] : "nothing";
    const std::string have = at < got.size() ? got[at] : "nothing";
    if (Same(want, have)) continue;
    ++wrong;
    ADD_FAILURE() << name << ", line " << at + 1 << "\nexpected  " << want << "\ngot       "
                  << have;
  }
}

}  // namespace rootnote::prometheus
