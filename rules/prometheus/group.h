// A rule group at its instants: what Prometheus 3's package `rules` does, in memory. Rules are
// evaluated in their order; what one records the next can read. Time is the caller's.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "rules/prometheus/memory_series.h"
#include "rules/prometheus/rule_file.h"
#include "rules/prometheus/template.h"
#include "rules/promql/evaluator.h"
#include "schemas/base/status.h"
#include "schemas/base/time.h"
#include "schemas/labels.h"

namespace rootnote::prometheus {

enum class AlertState : uint8_t { kInactive, kPending, kFiring };

struct Alert {
  Labels labels;      // with alertname; the identity
  Texts annotations;  // expanded; never part of it
  AlertState state = AlertState::kPending;
  EventTime active_at;
  std::optional<EventTime> keep_firing_since, resolved_at;
  double value = 0;

  // Neither resolved nor gone; what Prometheus calls an active alert.
  bool active() const { return !resolved_at; }
};

struct GroupOptions {
  Millis lookback{300'000};
  Millis default_step{60'000};  // of subqueries without a step
  Labels external_labels;
  std::string external_url;               // $externalURL
  std::optional<std::string> server_url;  // externalURL, pathPrefix
  size_t series_max = 100'000;            // results of one rule; more is an error of it
  bool keep_alert_series = true;          // ALERTS and ALERTS_FOR_STATE
};

// What who evaluates a group may want to have a say in; each may be empty.
struct GroupHooks {
  // Whether the rule (by index) is evaluated; otherwise its state stays as it is. Empty: all are.
  std::function<bool(size_t)> ready;
  // Since when a new alert of the rule is known to be active; nullopt: since now. So `for` goes on
  // after a restart, as Prometheus reads it back from ALERTS_FOR_STATE.
  std::function<std::optional<EventTime>(size_t, const Labels&)> active_since;
};

// The state of one rule of a group.
struct RuleState {
  std::map<Labels, Alert> alerts;  // resolved ones stay for 15 minutes, as in Prometheus
  std::set<Labels> returned;       // series that the last good evaluation wrote
  std::string error;               // of the last evaluation; "" when it was good
};

// Not thread-safe. Keeps the group.
class GroupEvaluation {
 public:
  GroupEvaluation(RuleGroup group, GroupOptions options);

  // The rules at instant `t`. `store` is what they read, and must show what was appended to
  // `recorded` once it is published.
  void Evaluate(EventTime t, const promql::SeriesStore& store, SampleSink& recorded,
                const GroupHooks& hooks = {});

  const RuleGroup& group() const { return group_; }
  // In the order of the rules.
  const std::vector<RuleState>& states() const { return states_; }
  // Some series was written last time, or some alert is pending or firing: the next instant has
  // something to say, even if there is nothing to read any more.
  bool busy() const;

 private:
  struct Text {
    std::string name, text;
    absl::StatusOr<std::shared_ptr<const Template>> parsed;  // null: the text stands for itself
  };
  struct RuleTexts {
    std::vector<Text> labels, annotations;
  };
  struct Sample {
    Labels labels;
    double value = 0;
  };
  using Samples = std::vector<Sample>;
  using AlertMap = std::map<Labels, Alert>;

  void EvaluateRule(size_t index, EventTime t, const promql::SeriesStore& store,
                    SampleSink& recorded, const GroupHooks& hooks);
  absl::StatusOr<promql::Vector> Query(const promql::Expr& expr, EventTime t,
                                       const promql::SeriesStore& store) const;
  absl::StatusOr<Samples> Record(const Rule& rule, promql::Vector vector) const;
  absl::StatusOr<Samples> Alerts(size_t index, EventTime t, const promql::Vector& vector,
                                 const promql::SeriesStore& store, const GroupHooks& hooks);
  TemplateContext ContextAt(EventTime t, const promql::SeriesStore& store) const;
  absl::StatusOr<AlertMap> InResult(size_t index, EventTime t, const promql::Vector& vector,
                                    const promql::SeriesStore& store) const;
  std::string Expand(const Rule& rule, const Text& text, const TemplateContext& context) const;
  void AppendAlertSeries(const Rule& rule, const Alert& alert, Samples& samples) const;

  RuleGroup group_;
  GroupOptions options_;
  std::vector<RuleTexts> texts_;
  std::vector<RuleState> states_;
};

}  // namespace rootnote::prometheus
