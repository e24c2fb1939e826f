#include "engine/imported_rules.h"

#include <algorithm>
#include <bit>
#include <optional>
#include <utility>

#include "fmt/format.h"

namespace rootnote {

Recorder::Recorder(const RuleSet& rules, std::vector<Shard>& shards, WindowStore& store,
                   size_t series_max, Metrics& metrics)
    : rules_(rules),
      shards_(shards),
      store_(store),
      series_max_(series_max),
      recorded_(metrics.Counter("rootnote_recorded_samples_total",
                                "Samples that imported rules recorded and others read.")),
      refused_(metrics.Counter("rootnote_samples_dropped_total", "Samples that were not taken.",
                               "reason=\"series_limit\"")) {}

absl::Status Recorder::Append(const Labels& labels, promql::Point point) {
  if (!rules_.Sees(labels.metric())) return absl::OkStatus();
  const SeriesKey key{labels, std::nullopt};
  Shard& shard = shards_[ShardOf(key, shards_.size())];
  Series* series = shard.Find(key);
  if (series == nullptr) {
    std::vector<SelectorId> selectors = rules_.Match(labels);
    if (selectors.empty()) return absl::OkStatus();
    if (store_.size() + admitted_.size() >= series_max_) {
      refused_.Add();
      return absl::ResourceExhaustedError(fmt::format("more than {} series", series_max_));
    }
    series = &shard.Admit(key, std::move(selectors));
    admitted_.push_back(series);
  }
  if (point.time < series->last) return absl::InvalidArgumentError("out of order sample");
  if (point.time == series->last && !series->points.empty()) {
    const double known = series->points.back().value;
    if (std::bit_cast<uint64_t>(known) == std::bit_cast<uint64_t>(point.value)) {
      return absl::OkStatus();
    }
    return absl::InvalidArgumentError(
        fmt::format("duplicate sample for timestamp {}; overrides not allowed: existing {}, new "
                    "value {}",
                    ToMillis(point.time), known, point.value));
  }
  series->Append(point.time, point.value, RecordPosition(), instant_);
  recorded_.Add();
  return absl::OkStatus();
}

void Recorder::Publish() {
  if (admitted_.empty()) return;
  store_.Add(admitted_);
  published_.insert(published_.end(), admitted_.begin(), admitted_.end());
  admitted_.clear();
}

ImportedRules::ImportedRules(const RuleSet& rules, std::vector<Shard>& shards, WindowStore& store,
                             const prometheus::GroupOptions& options, size_t series_max,
                             Metrics& metrics)
    : rules_(rules), store_(store), recorder_(rules, shards, store, series_max, metrics) {
  prometheus::GroupOptions group_options = options;
  group_options.keep_alert_series =
      rules.Sees(prometheus::kAlertsMetric) || rules.Sees(prometheus::kAlertsForStateMetric);
  for (const ImportedGroup& group : rules.program().groups) {
    groups_.emplace_back(*group.group, group_options);
    grids_.insert(*group.group->interval);
    std::vector<Metric*>& errors = errors_.emplace_back();
    for (size_t i = 0; i < group.group->rules.size(); ++i) {
      const std::string& name = group.signals[i] ? rules.program().signal(*group.signals[i]).name
                                                 : group.group->rules[i].name;
      errors.push_back(&metrics.Counter("rootnote_rule_evaluation_errors_total",
                                        "Instants at which a rule had no evaluation.",
                                        fmt::format("rule=\"{}\"", EscapeLabelValue(name))));
    }
  }
  for (const auto& plans : rules.imported()) {
    for (const ImportedRulePlan& plan : plans) {
      speaks_of_nothing_ = speaks_of_nothing_ || plan.of_silence;
    }
  }
}

std::vector<ImportedRules::Alerts> ImportedRules::Evaluate(EventTime instant, const Hooks& hooks) {
  std::vector<Alerts> all;
  recorder_.Begin(instant);
  for (size_t i = 0; i < groups_.size(); ++i) {
    const ImportedGroup& group = rules_.program().groups[i];
    if (ToMillis(instant) % group.group->interval->count() != 0) continue;
    std::vector<bool> evaluated(group.group->rules.size());
    prometheus::GroupHooks group_hooks;
    group_hooks.ready = [&](size_t rule) {
      return evaluated[rule] = hooks.ready(rules_.imported()[i][rule]);
    };
    group_hooks.active_since = [&](size_t rule, const Labels& labels) {
      return group.signals[rule] ? hooks.active_since(*group.signals[rule], labels) : std::nullopt;
    };
    groups_[i].Evaluate(instant, store_, recorder_, group_hooks);
    for (size_t rule = 0; rule < evaluated.size(); ++rule) {
      if (!evaluated[rule]) continue;
      const prometheus::RuleState& state = groups_[i].states()[rule];
      errors_[i][rule]->Add(state.error.empty() ? 0 : 1);
      if (group.signals[rule]) all.push_back({*group.signals[rule], &state.alerts});
    }
  }
  return all;
}

bool ImportedRules::busy() const {
  return std::any_of(groups_.begin(), groups_.end(),
                     [](const prometheus::GroupEvaluation& group) { return group.busy(); });
}

}  // namespace rootnote
