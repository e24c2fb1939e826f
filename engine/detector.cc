#include "engine/detector.h"

#include <algorithm>
#include <optional>
#include <set>
#include <utility>

#include "fmt/format.h"

#include "engine/own_rules.h"
#include "engine/signal_text.h"

namespace rootnote {
namespace {

constexpr Millis kSweepEvery{60'000};
constexpr Millis kUnresolvedEvery{3'600'000};
constexpr size_t kUnresolvedMax = 100'000;

promql::EvalOptions EvalOptionsOf(const DetectorOptions& options) {
  promql::EvalOptions eval;
  eval.lookback = options.lookback;
  eval.default_step = options.evaluation_interval;
  return eval;
}

prometheus::GroupOptions GroupOptionsOf(const DetectorOptions& options) {
  prometheus::GroupOptions group;
  group.lookback = options.lookback;
  group.default_step = options.evaluation_interval;
  group.external_labels = options.external_labels;
  group.external_url = options.external_url;
  return group;
}

Metric& Dropped(Metrics& metrics, std::string_view reason) {
  return metrics.Counter("rootnote_samples_dropped_total", "Samples that were not taken.",
                         fmt::format("reason=\"{}\"", reason));
}

}  // namespace

Detector::Detector(const RuleSet& rules, ShardPool& pool, const TopicNames& topics,
                   const DetectorOptions& options, Metrics& metrics)
    : rules_(rules),
      pool_(pool),
      topics_(topics),
      options_(options),
      store_(rules),
      events_(rules, options.event_memory),
      watch_(rules, options.lookback),
      absence_(rules),
      book_(rules.program()),
      patterns_(rules.program()),
      imported_(rules, shards_, store_, GroupOptionsOf(options), options.series_max, metrics),
      evaluated_from_(rules.program().signals.size(), kMaxTime),
      resumed_(rules.program().signals.size()),
      limits_(RuleLimitSignal(rules.program())),
      evaluator_(MakeReferenceEvaluator(rules, store_, pool, EvalOptionsOf(options))),
      samples_(metrics.Counter("rootnote_samples_total", "Samples appended to windows.")),
      duplicates_(Dropped(metrics, "duplicate")),
      conflicts_(Dropped(metrics, "conflict")),
      refused_(Dropped(metrics, "series_limit")),
      events_taken_(metrics.Counter("rootnote_events_total", "Events taken.")),
      event_duplicates_(metrics.Counter("rootnote_event_duplicates_total",
                                        "Events that had been counted already.")),
      event_not_numbers_(metrics.Counter("rootnote_event_unwrap_errors_total",
                                         "Events whose unwrapped attribute is no number.")),
      series_(metrics.Gauge("rootnote_series", "Series in memory.")),
      instances_(metrics.Gauge("rootnote_signal_instances", "Instances pending or firing.")),
      shed_(metrics.Gauge("rootnote_signal_instances_shed", "Instances refused by a limit.")),
      patterns_shed_(metrics.Gauge("rootnote_pattern_matches_shed",
                                   "Partial matches of patterns refused by a limit.")),
      patterns_unresolved_(metrics.Gauge("rootnote_pattern_items_unresolved",
                                         "Events and signals of patterns that name no key.")),
      unresolved_total_(metrics.Counter("rootnote_entity_unresolved_total",
                                        "Results of signals that name no entity.")),
      name_conflicts_(metrics.Counter("rootnote_name_conflicts_total",
                                      "Series of a name that is a metric and an event, too.")) {
  shards_.reserve(std::max(options.shards, 1U));
  for (uint32_t i = 0; i < std::max(options.shards, 1U); ++i) {
    shards_.emplace_back(rules);
  }
  grids_ = imported_.grids();
  always_due_ = imported_.speaks_of_nothing();
  for (const SignalId named : rules.named_by_patterns()) {
    book_.Watch(named);
  }
  for (size_t i = 0; i < rules.program().signals.size(); ++i) {
    const Signal& signal = rules.program().signals[i];
    always_due_ = always_due_ || rules.plan(SignalId(static_cast<uint32_t>(i))).yields_on_empty;
    if (SignalId(static_cast<uint32_t>(i)) != limits_) {
      grids_.insert(signal.every);
    }
    matches_.push_back(&metrics.Counter("rootnote_rule_matches_total",
                                        "Symptoms that began to fire.",
                                        fmt::format("rule=\"{}\"", EscapeLabelValue(signal.name))));
    evaluation_errors_.push_back(&metrics.Counter(
        "rootnote_rule_evaluation_errors_total", "Instants at which a rule had no evaluation.",
        fmt::format("rule=\"{}\"", EscapeLabelValue(signal.name))));
  }
}

std::vector<Transition> Detector::Close(TickWork work, const Topology& topology, bool frozen) {
  const EventTime tick = work.tick;
  const auto anything = [](const auto& samples) { return !samples.empty(); };
  begun_ = begun_ || !work.events.empty() ||
           std::any_of(work.samples.begin(), work.samples.end(), anything);
  if (!begun_) {
    return {};  // time begins with what is observed, not with how old the map is
  }
  if (topology.version() != topology_version_) {
    topology_version_ = topology.version();
    watch_.Retry(topology);
  }
  Ingest(std::move(work), topology);
  std::vector<Transition> transitions;
  Evaluate(tick, topology, frozen, transitions);
  Match(tick, topology, transitions);
  for (Transition& transition : transitions) {
    Complete(transition, topology);
    matches_[transition.signal.index()]->Add(transition.to == SignalState::kFiring ? 1 : 0);
  }
  std::sort(transitions.begin(), transitions.end());
  if (swept_ == kMinTime || tick - swept_ >= kSweepEvery) {
    swept_ = tick;
    Sweep(tick);
  }
  instances_.Set(static_cast<int64_t>(book_.active()));
  shed_.Set(static_cast<int64_t>(book_.shed()));
  patterns_shed_.Set(static_cast<int64_t>(patterns_.shed()));
  patterns_unresolved_.Set(static_cast<int64_t>(patterns_.unresolved()));
  return transitions;
}

void Detector::Ingest(TickWork work, const Topology& topology) {
  EventCounts event_counts;
  for (ShardSample& sample :
       events_.Project(std::move(work.events), work.tick, event_counts, &awaited_)) {
    const size_t shard = ShardOf(sample.key, shards_.size());
    work.samples[shard].push_back(std::move(sample));
  }
  events_taken_.Add(static_cast<int64_t>(event_counts.taken));
  event_duplicates_.Add(static_cast<int64_t>(event_counts.duplicates));
  event_not_numbers_.Add(static_cast<int64_t>(event_counts.not_numbers));

  std::vector<size_t> busy;
  for (size_t i = 0; i < work.samples.size(); ++i) {
    if (!work.samples[i].empty()) {
      busy.push_back(i);
      store_.Saw(work.tick);
    }
  }
  if (busy.empty()) {
    return;
  }
  pool_.ForEach(busy.size(), [&](size_t i, size_t) {
    shards_[busy[i]].Prepare(std::move(work.samples[busy[i]]));
  });
  const std::vector<const Series*> admitted = Admit();
  std::vector<ShardCounts> counts(busy.size());
  pool_.ForEach(busy.size(),
                [&](size_t i, size_t) { counts[i] = shards_[busy[i]].Append(work.tick); });
  for (const ShardCounts& one : counts) {
    samples_.Add(static_cast<int64_t>(one.appended));
    duplicates_.Add(static_cast<int64_t>(one.duplicates));
    conflicts_.Add(static_cast<int64_t>(one.conflicts));
    refused_.Add(static_cast<int64_t>(one.refused));
  }
  store_.Add(admitted);
  watch_.Bind(admitted, topology);
  absence_.Bind(admitted);
  series_.Set(static_cast<int64_t>(store_.size()));
}

// In byte order over all shards, so that a limit does not depend on how many there are.
std::vector<const Series*> Detector::Admit() {
  struct Arrival {
    size_t shard, newcomer;
  };
  std::vector<Arrival> places;
  for (size_t shard = 0; shard < shards_.size(); ++shard) {
    for (size_t i = 0; i < shards_[shard].newcomers().size(); ++i) {
      places.push_back({shard, i});
    }
  }
  std::sort(places.begin(), places.end(), [this](const Arrival& a, const Arrival& b) {
    return InByteOrder(shards_[a.shard].newcomers()[a.newcomer].key,
                       shards_[b.shard].newcomers()[b.newcomer].key);
  });
  const size_t size = store_.size();
  const size_t room = options_.series_max > size ? options_.series_max - size : 0;
  places.resize(std::min(places.size(), room));
  std::vector<const Series*> admitted;
  for (const Arrival& place : places) {
    const Series& series = shards_[place.shard].Admit(place.newcomer);
    const bool event = series.key.projection.has_value();
    const auto [known, added] = names_.try_emplace(series.key.labels.metric(), event);
    name_conflicts_.Add(!added && known->second != event ? 1 : 0);
    admitted.push_back(&series);
  }
  return admitted;
}

size_t Detector::warming(EventTime at) const {
  size_t count = 0;
  for (size_t i = 0; i < rules_.program().signals.size(); ++i) {
    const SignalId id(static_cast<uint32_t>(i));
    count += id == limits_ || Warm(id, at) ? 0 : 1;
  }
  return count;
}

std::vector<Transition> Detector::Active(const Topology& topology) const {
  std::vector<Transition> symptoms = book_.Symptoms();
  for (Transition& transition : symptoms) {
    Complete(transition, topology);
  }
  return symptoms;
}

std::vector<SignalId> Detector::Due(EventTime instant) const {
  std::vector<SignalId> due;
  const Program& program = rules_.program();
  for (size_t i = 0; i < program.signals.size(); ++i) {
    const SignalId id(static_cast<uint32_t>(i));
    const Millis every = program.signals[i].every;
    if (ToMillis(instant) % every.count() != 0) {
      continue;
    }
    if (!Warm(id, instant) || id == limits_) {
      continue;
    }
    if (std::holds_alternative<PatternCondition>(program.signals[i].when.what)) {
      continue;  // at every tick, not at the grid
    }
    if (program.signals[i].imported) {
      continue;  // with its group
    }
    const SignalPlan& plan = rules_.plan(id);
    const bool anything =
        plan.yields_on_empty || book_.Active(id) || absence_.Has(id) ||
        std::any_of(plan.selectors.begin(), plan.selectors.end(),
                    [this](SelectorId selector) { return !store_.members(selector).empty(); });
    if (anything) {
      due.push_back(id);
    }
  }
  return due;
}

void Detector::Evaluate(EventTime instant, const Topology& topology, bool frozen,
                        std::vector<Transition>& out) {
  EvaluateImported(instant, topology, frozen, out);
  const std::vector<SignalId> due = Due(instant);
  for (const SignalId id : due) {
    EventTime& from = evaluated_from_[id.index()];
    from = std::min(from, instant);
  }
  if (frozen) {
    absence_.Frozen(instant);
  }
  std::vector<SignalId> expressions;
  for (const SignalId id : due) {
    const bool of_silence = rules_.plan(id).yields_on_empty ||
                            rules_.program().signal(id).no_data == NoDataPolicy::kRaise;
    if (!absence_.Has(id) && !(frozen && of_silence)) {
      expressions.push_back(id);
    }
  }
  for (SignalResult& result : evaluator_->Evaluate(instant, expressions)) {
    if (!result.status.ok()) {
      evaluation_errors_[result.signal.index()]->Add();
      continue;
    }
    book_.Step(StepOf(std::move(result), instant, topology), out);
  }
  for (const SignalId id : due) {
    if (absence_.Has(id) && !frozen) {
      SignalStep step;
      step.signal = id;
      step.time = instant;
      step.when = absence_.At(id, instant, topology);
      book_.Step(std::move(step), out);
    }
  }
  StepLimits(instant, out);
}

// Rules that shed series at their last instant are at their limit.
void Detector::StepLimits(EventTime instant, std::vector<Transition>& out) {
  if (!limits_ || ToMillis(instant) % rules_.program().signal(*limits_).every.count() != 0) {
    return;
  }
  SignalStep step;
  step.signal = *limits_;
  step.time = instant;
  for (uint32_t i = 0; i < limits_->index(); ++i) {
    if (const uint32_t shed = book_.shed(SignalId(i)); shed > 0) {
      InstanceKey key;
      key.entity = RuleEntity(rules_.program(), rules_.program().signals[i]);
      step.when.push_back({std::move(key), static_cast<double>(shed), {}});
    }
  }
  if (!step.when.empty() || book_.Active(*limits_)) {
    book_.Step(std::move(step), out);
  }
}

// Patterns, in the order of what they name, so that one tick carries through all of them.
void Detector::Match(EventTime tick, const Topology& topology, std::vector<Transition>& out) {
  if (patterns_.empty()) {
    return;
  }
  patterns_.Begin(tick, std::exchange(awaited_, {}));
  NoteEdges(topology);
  for (const SignalId id : patterns_.order()) {
    SignalStep step;
    step.signal = id;
    step.time = tick;
    step.when = patterns_.Step(id, topology);
    if (!Warm(id, tick)) {
      continue;
    }
    EventTime& from = evaluated_from_[id.index()];
    from = std::min(from, tick);
    book_.Step(std::move(step), out);
    NoteEdges(topology);
  }
}

// Of what fired at the first instant at all, after a start in the middle, nobody knows since when.
void Detector::NoteEdges(const Topology& topology) {
  for (const InstanceEdge& edge : book_.TakeEdges()) {
    const bool known =
        covered_from_ == kMinTime || edge.onset > evaluated_from_[edge.signal.index()];
    patterns_.Add(edge, known, topology);
  }
}

SignalStep Detector::StepOf(SignalResult result, EventTime instant, const Topology& topology) {
  const Program& program = rules_.program();
  const Signal& signal = program.signal(result.signal);
  SignalStep step;
  step.signal = result.signal;
  step.time = instant;
  for (const promql::Element& element : result.when) {
    if (auto key = InstanceOf(program, signal, element.labels, topology)) {
      step.when.push_back({*std::move(key), element.value});
    } else {
      Unresolve(signal, element, instant);
    }
  }
  for (const promql::Element& element : result.clear) {
    if (auto key = InstanceOf(program, signal, element.labels, topology)) {
      step.clear.push_back(*std::move(key));
    }
  }
  // Computed when first asked for: only instances that end, and rules about missing data, ask.
  auto known = std::make_shared<std::optional<std::set<InstanceKey>>>();
  auto with_data = [this, known, instant, id = result.signal, &program, &signal,
                    &topology]() -> const std::set<InstanceKey>& {
    if (!*known) {
      known->emplace();
      for (const Labels& labels : evaluator_->WithData(instant, id)) {
        if (auto found = InstanceOf(program, signal, labels, topology)) {
          (*known)->insert(*std::move(found));
        }
      }
    }
    return **known;
  };
  auto has_data = [with_data](const InstanceKey& key) { return with_data().contains(key); };
  if (signal.no_data == NoDataPolicy::kRaise) {
    for (InstanceKey& key : watch_.Known(result.signal, topology)) {
      if (!has_data(key)) {
        step.known_without_data.push_back(std::move(key));
      }
    }
  }
  step.running = TakeResumed(step, with_data);
  step.has_data = std::move(has_data);
  return step;
}

void Detector::Resume(const std::vector<Transition>& symptoms) {
  for (const Transition& symptom : symptoms) {
    resumed_[symptom.signal.index()].push_back(symptom);
  }
}

// A symptom does not say which of its `by` labels fired: those that are true, and where something
// else than `when` decides the end, those that have data.
std::vector<Running> Detector::TakeResumed(
    const SignalStep& step, const std::function<const std::set<InstanceKey>&()>& with_data) {
  std::vector<Running> out;
  const Signal& signal = rules_.program().signal(step.signal);
  for (const Transition& symptom : std::exchange(resumed_[step.signal.index()], {})) {
    if (symptom.onset > step.time) {
      continue;
    }
    const InstanceKey plain{symptom.entity, symptom.relation_from, ""};
    const auto add = [&](const InstanceKey& key) {
      if (key.SameSymptom(plain)) {
        out.push_back({key, symptom.onset, symptom.value});
      }
    };
    if (signal.by.empty()) {
      add(plain);
      continue;
    }
    for (const Observed& observed : step.when) {
      add(observed.key);
    }
    if (signal.clear) {
      for (const InstanceKey& key : with_data()) {
        add(key);
      }
    }
  }
  return out;
}

void Detector::Unresolve(const Signal& signal, const promql::Element& element, EventTime instant) {
  unresolved_total_.Add();
  if (unresolved_seen_.size() >= kUnresolvedMax) {
    std::erase_if(unresolved_seen_,
                  [&](const auto& item) { return item.second <= instant - kUnresolvedEvery; });
    if (unresolved_seen_.size() >= kUnresolvedMax) {
      return;
    }
  }
  const auto [at, added] = unresolved_seen_.try_emplace({signal.name, element.labels}, instant);
  if (!added && instant - at->second < kUnresolvedEvery) {
    return;
  }
  at->second = instant;
  unresolved_.push_back({signal.name, element.labels, element.value, instant});
}

// The annotation that says what is wrong.
std::string Detector::SaidBy(const AlertTexts& alert) {
  for (const char* wanted : {"summary", "message", "title", "description"}) {
    for (const auto& [name, text] : alert.annotations) {
      if (name == wanted && !text.empty()) {
        return text;
      }
    }
  }
  return "";
}

void Detector::Complete(Transition& transition, const Topology& topology) const {
  transition.unmapped = !topology.Find(transition.entity);
  const Series* series = watch_.Newest(transition.signal, transition.entity);
  if (series != nullptr) {
    // What rules record lies on no topic.
    const bool received = series->position.partition >= 0;
    transition.position.topic = received ? topics_.Name(series->position.topic) : "";
    transition.position.partition = series->position.partition;
    transition.position.offset = series->position.offset;
    transition.position.time = series->last;
  } else if (const PatternOrigin* origin =
                 patterns_.OriginOf(transition.signal, transition.entity)) {
    if (origin->position.partition >= 0) {
      transition.position.topic = topics_.Name(origin->position.topic);
      transition.position.partition = origin->position.partition;
      transition.position.offset = origin->position.offset;
    }
    transition.position.time = origin->time;
  } else if (rules_.program().signal(transition.signal).imported) {
    transition.position.time = transition.time;
  }
  const Signal& signal = rules_.program().signal(transition.signal);
  if (transition.to == SignalState::kFiring && !signal.summary.empty()) {
    transition.summary = FillIn(signal.summary, rules_.program(), transition, topology);
  }
  if (transition.to == SignalState::kFiring && transition.alert != nullptr) {
    transition.summary = SaidBy(*transition.alert);
  }
}

void Detector::Sweep(EventTime tick) {
  pool_.ForEach(shards_.size(),
                [&](size_t i, size_t) { shards_[i].MarkDead(tick, options_.lookback); });
  store_.DropDead();
  watch_.DropDead();
  absence_.DropDead();
  pool_.ForEach(shards_.size(), [&](size_t i, size_t) { shards_[i].RemoveDead(); });
  series_.Set(static_cast<int64_t>(store_.size()));
}

EventTime Detector::NextDue(EventTime tick) const {
  if (!begun_) {
    return kMaxTime;
  }
  EventTime next = kMaxTime;
  if (const EventTime wake = patterns_.NextWake(); wake != kMaxTime) {
    const int64_t size = options_.tick.count();
    const int64_t ticks = (std::max(ToMillis(wake), ToMillis(tick) + 1) + size - 1) / size;
    next = FromMillis(ticks * size);
  }
  const bool windows = store_.newest() != kMinTime && tick - rules_.history() <= store_.newest();
  if (!windows && !always_due_ && book_.active() == 0 && absence_.quiet() && !imported_.busy()) {
    return next;
  }
  for (const Millis every : grids_) {
    const int64_t rest = ToMillis(tick) % every.count();
    next = std::min(next, tick + every - Millis(rest >= 0 ? rest : rest + every.count()));
  }
  return next;
}

std::vector<UnresolvedResult> Detector::TakeUnresolved() { return std::exchange(unresolved_, {}); }

}  // namespace rootnote
