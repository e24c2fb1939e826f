#include "rules/prometheus/group.h"

#include <algorithm>
#include <variant>

#include "fmt/format.h"

#include "rules/promql/parser.h"
#include "schemas/schema.h"

namespace rootnote::prometheus {
namespace {

// Prometheus' resolvedRetention.
constexpr Millis kResolvedRetention{900'000};

using LabelMap = std::map<std::string, std::string>;

LabelMap ToMap(const Labels& labels) {
  LabelMap map;
  for (const auto& [name, value] : labels.ToVector()) map.emplace(name, value);
  return map;
}

Labels FromMap(const LabelMap& map) { return Labels::From({map.begin(), map.end()}); }

// As Prometheus' label builder: an empty value takes the label away.
void Set(LabelMap& map, const std::string& name, std::string value) {
  if (value.empty()) {
    map.erase(name);
  } else {
    map[name] = std::move(value);
  }
}

bool HasOrderOfItsOwn(const promql::Expr& expr) {
  const promql::Expr* inner = &expr;
  while (inner->kind == promql::ExprKind::kParen) inner = inner->args[0].get();
  return (inner->kind == promql::ExprKind::kCall && inner->text.starts_with("sort")) ||
         (inner->kind == promql::ExprKind::kAggregate &&
          (inner->text == "topk" || inner->text == "bottomk"));
}

bool LabelsBefore(const promql::Element& a, const promql::Element& b) {
  return a.labels.ToVector() < b.labels.ToVector();
}

absl::Status Limited(const RuleGroup& group, size_t count, std::string_view noun) {
  if (group.limit > 0 && count > static_cast<size_t>(group.limit)) {
    return absl::InvalidArgumentError(
        fmt::format("exceeded limit of {} with {} {}", group.limit, count, noun));
  }
  return absl::OkStatus();
}

struct Step {
  bool keep = true;      // in the state
  bool counted = false;  // pending or firing
};

// What an instant makes of an alert that may be in the result.
Step Advance(Alert& alert, bool in_result, const Rule& rule, EventTime t) {
  Step step;
  if (!in_result) {
    bool keep_firing = false;
    if (alert.state == AlertState::kFiring && rule.keep_firing > Millis{0}) {
      if (!alert.keep_firing_since) alert.keep_firing_since = t;
      keep_firing = t - *alert.keep_firing_since < rule.keep_firing;
    }
    const bool old = alert.resolved_at && t - *alert.resolved_at > kResolvedRetention;
    step.keep = alert.state != AlertState::kPending && !old;
    if (alert.state != AlertState::kInactive && !keep_firing) {
      alert.state = AlertState::kInactive;
      alert.resolved_at = t;
    }
    if (!keep_firing) return step;
  } else {
    alert.keep_firing_since.reset();
  }
  step.counted = true;
  const bool long_enough = t - alert.active_at >= rule.hold;
  if (alert.state == AlertState::kPending && long_enough) alert.state = AlertState::kFiring;
  if (alert.state == AlertState::kFiring && !long_enough) {
    alert.state = AlertState::kPending;
    alert.keep_firing_since.reset();
  }
  return step;
}

}  // namespace

GroupEvaluation::GroupEvaluation(RuleGroup group, GroupOptions options)
    : group_(std::move(group)), options_(std::move(options)) {
  states_.resize(group_.rules.size());
  const auto parse = [](const Rule& rule, const prometheus::Texts& texts) {
    std::vector<Text> parsed;
    for (const auto& [name, text] : texts) {
      parsed.push_back({name, text, std::shared_ptr<const Template>()});
      if (text.find("{{") == std::string::npos) continue;
      parsed.back().parsed = ParseAlertTemplate(rule.name, text);
    }
    return parsed;
  };
  for (const Rule& rule : group_.rules) {
    if (rule.alerting) {
      texts_.push_back({parse(rule, rule.labels), parse(rule, rule.annotations)});
    } else {
      texts_.emplace_back();
    }
  }
}

void GroupEvaluation::Evaluate(EventTime t, const promql::SeriesStore& store, SampleSink& recorded,
                               const GroupHooks& hooks) {
  for (size_t i = 0; i < group_.rules.size(); ++i) {
    if (!hooks.ready || hooks.ready(i)) EvaluateRule(i, t, store, recorded, hooks);
  }
}

bool GroupEvaluation::busy() const {
  return std::any_of(states_.begin(), states_.end(), [](const RuleState& state) {
    return !state.returned.empty() ||
           std::any_of(state.alerts.begin(), state.alerts.end(),
                       [](const auto& alert) { return alert.second.active(); });
  });
}

void GroupEvaluation::EvaluateRule(size_t index, EventTime t, const promql::SeriesStore& store,
                                   SampleSink& recorded, const GroupHooks& hooks) {
  const Rule& rule = group_.rules[index];
  RuleState& state = states_[index];
  state.error.clear();
  const auto fail = [&](const absl::Status& status) {
    state.error = std::string(status.message());
  };
  const EventTime at = t - group_.query_offset;
  absl::StatusOr<promql::Vector> vector = Query(*rule.expr, at, store);
  if (!vector.ok()) return fail(vector.status());
  const absl::StatusOr<Samples> samples =
      rule.alerting ? Alerts(index, t, *vector, store, hooks) : Record(rule, *std::move(vector));
  if (!samples.ok()) return fail(samples.status());
  std::set<Labels> returned;
  for (const Sample& sample : *samples) {
    const absl::Status appended = recorded.Append(sample.labels, {at, sample.value});
    if (appended.ok()) {
      returned.insert(sample.labels);
    } else {
      fail(appended);
    }
  }
  for (const Labels& labels : state.returned) {
    if (returned.contains(labels)) continue;
    // Refused when another rule has written the series at this instant: then it is not stale.
    recorded.Append(labels, {at, StaleNan()}).IgnoreError();
  }
  state.returned = std::move(returned);
  recorded.Publish();
}

absl::StatusOr<promql::Vector> GroupEvaluation::Query(const promql::Expr& expr, EventTime t,
                                                      const promql::SeriesStore& store) const {
  promql::EvalOptions options;
  options.lookback = options_.lookback;
  options.default_step = options_.default_step;
  options.start = options.end = t;
  ASSIGN_OR_RETURN(promql::Value value, promql::Evaluate(expr, t, store, options));
  if (auto* vector = std::get_if<promql::Vector>(&value)) {
    if (vector->size() > options_.series_max) {
      return absl::ResourceExhaustedError(fmt::format("more than {} results", options_.series_max));
    }
    return std::move(*vector);
  }
  if (const auto* scalar = std::get_if<double>(&value)) {
    return promql::Vector{{Labels(), *scalar}};
  }
  return absl::InvalidArgumentError("rule result is not a vector or scalar");
}

absl::StatusOr<GroupEvaluation::Samples> GroupEvaluation::Record(const Rule& rule,
                                                                 promql::Vector vector) const {
  Samples samples;
  std::set<Labels> seen;
  for (const promql::Element& element : vector) {
    LabelMap map = ToMap(element.labels);
    Set(map, std::string(kMetricName), rule.name);
    for (const auto& [name, value] : rule.labels) Set(map, name, value);
    Labels labels = FromMap(map);
    if (!seen.insert(labels).second) {
      return absl::InvalidArgumentError(
          "vector contains metrics with the same labelset after applying rule labels");
    }
    samples.push_back({std::move(labels), element.value});
  }
  RETURN_IF_ERROR(Limited(group_, samples.size(), "series"));
  return samples;
}

std::string GroupEvaluation::Expand(const Rule& rule, const Text& text,
                                    const TemplateContext& context) const {
  if (text.parsed.ok() && *text.parsed == nullptr) return text.text;
  if (!text.parsed.ok()) return TemplateError("parsing", rule.name, text.parsed.status());
  absl::StatusOr<std::string> expanded = Execute(**text.parsed, context);
  if (expanded.ok()) return *std::move(expanded);
  return TemplateError("executing", rule.name, expanded.status());
}

TemplateContext GroupEvaluation::ContextAt(EventTime t, const promql::SeriesStore& store) const {
  TemplateContext context;
  context.external_labels = options_.external_labels;
  context.external_url = options_.external_url;
  context.server_url = options_.server_url;
  context.now = t;
  context.query = [this, t, &store](const std::string& text) -> absl::StatusOr<promql::Vector> {
    Diagnostics diagnostics;
    promql::ParseOptions options;
    options.extensions = false;
    const std::unique_ptr<promql::Expr> expr = promql::ParseText(text, diagnostics, options);
    if (expr == nullptr || diagnostics.has_errors()) {
      return absl::InvalidArgumentError(
          diagnostics.list().empty() ? "parse error" : diagnostics.list().front().message);
    }
    ASSIGN_OR_RETURN(promql::Vector result, Query(*expr, t, store));
    if (!HasOrderOfItsOwn(*expr)) std::sort(result.begin(), result.end(), LabelsBefore);
    return result;
  };
  return context;
}

absl::StatusOr<GroupEvaluation::AlertMap> GroupEvaluation::InResult(
    size_t index, EventTime t, const promql::Vector& vector,
    const promql::SeriesStore& store) const {
  const Rule& rule = group_.rules[index];
  TemplateContext context = ContextAt(t, store);
  AlertMap found;
  for (const promql::Element& element : vector) {
    context.labels = element.labels;
    context.value = element.value;
    LabelMap map = ToMap(element.labels);
    map.erase(std::string(kMetricName));
    for (const Text& text : texts_[index].labels) {
      Set(map, text.name, Expand(rule, text, context));
    }
    map["alertname"] = rule.name;
    Alert alert;
    alert.labels = FromMap(map);
    alert.active_at = t;
    alert.value = element.value;
    for (const Text& text : texts_[index].annotations) {
      alert.annotations.emplace_back(text.name, Expand(rule, text, context));
    }
    const Labels key = alert.labels;
    if (!found.emplace(key, std::move(alert)).second) {
      return absl::InvalidArgumentError(
          "vector contains metrics with the same labelset after applying alert labels");
    }
  }
  return found;
}

void GroupEvaluation::AppendAlertSeries(const Rule& rule, const Alert& alert,
                                        Samples& samples) const {
  if (!options_.keep_alert_series) return;
  LabelMap map(rule.labels.begin(), rule.labels.end());
  for (const auto& [name, value] : alert.labels.ToVector()) {
    map[std::string(name)] = std::string(value);
  }
  map["alertname"] = rule.name;
  map[std::string(kMetricName)] = "ALERTS_FOR_STATE";
  const auto seconds = std::chrono::floor<std::chrono::seconds>(alert.active_at);
  const auto since = static_cast<double>(seconds.time_since_epoch().count());
  const Labels for_state = FromMap(map);
  map[std::string(kMetricName)] = "ALERTS";
  map["alertstate"] = alert.state == AlertState::kFiring ? "firing" : "pending";
  samples.push_back({FromMap(map), 1});
  samples.push_back({for_state, since});
}

absl::StatusOr<GroupEvaluation::Samples> GroupEvaluation::Alerts(size_t index, EventTime t,
                                                                 const promql::Vector& vector,
                                                                 const promql::SeriesStore& store,
                                                                 const GroupHooks& hooks) {
  ASSIGN_OR_RETURN(AlertMap found, InResult(index, t, vector, store));
  const Rule& rule = group_.rules[index];
  AlertMap& alerts = states_[index].alerts;
  for (auto& [labels, alert] : found) {
    const auto known = alerts.find(labels);
    if (known != alerts.end() && known->second.state != AlertState::kInactive) {
      known->second.value = alert.value;
      known->second.annotations = std::move(alert.annotations);
    } else {
      if (hooks.active_since) alert.active_at = hooks.active_since(index, labels).value_or(t);
      alerts[labels] = std::move(alert);
    }
  }
  Samples samples;
  size_t counted = 0;
  for (auto it = alerts.begin(); it != alerts.end();) {
    const Step step = Advance(it->second, found.contains(it->first), rule, t);
    if (step.counted) {
      ++counted;
      AppendAlertSeries(rule, it->second, samples);
    }
    it = step.keep ? std::next(it) : alerts.erase(it);
  }
  const absl::Status limited = Limited(group_, counted, "alerts");
  if (!limited.ok()) {
    alerts.clear();
    return limited;
  }
  return samples;
}

}  // namespace rootnote::prometheus
