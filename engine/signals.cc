#include "engine/signals.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

namespace rootnote {
namespace {

constexpr Millis kHoldMax{86'400'000};  // `no data hold` ends after a day

bool ByKey(const Observed& a, const Observed& b) { return a.key < b.key; }

// Ascending, each key once with its most extreme value.
void Normalise(std::vector<Observed>& observed, Condition::Direction direction) {
  std::stable_sort(observed.begin(), observed.end(), ByKey);
  size_t kept = 0;
  for (size_t i = 0; i < observed.size(); ++i) {
    if (kept > 0 && observed[kept - 1].key == observed[i].key) {
      double& value = observed[kept - 1].value;
      if (MoreExtreme(direction, value, observed[i].value) != value) {
        observed[kept - 1].bindings = std::move(observed[i].bindings);
      }
      value = MoreExtreme(direction, value, observed[i].value);
    } else {
      if (kept != i) {
        observed[kept] = std::move(observed[i]);
      }
      ++kept;
    }
  }
  observed.resize(kept);
}

bool Contains(const std::vector<InstanceKey>& sorted, const InstanceKey& key) {
  return std::binary_search(sorted.begin(), sorted.end(), key);
}

// Starts the timer if it does not run; whether it has run for `duration`.
bool Elapsed(EventTime& since, EventTime now, Millis duration) {
  if (since == kMaxTime) {
    since = now;
  }
  return now - since >= duration;
}

}  // namespace

double MoreExtreme(Condition::Direction direction, double a, double b) {
  if (std::isnan(a) || std::isnan(b)) {
    return std::isnan(a) ? b : a;
  }
  return direction == Condition::Direction::kBelow ? std::min(a, b) : std::max(a, b);
}

SignalBook::SignalBook(const Program& program, uint32_t instances_max)
    : program_(program), instances_max_(instances_max), signals_(program.signals.size()) {}

// Its timers have run since its onset; those of its end begin here.
void SignalBook::Resume(const Signal& signal, const SignalStep& step) {
  for (const Running& running : step.running) {
    Instance instance;
    instance.onset = running.onset;
    instance.value = running.value;
    instance.firing = step.time - running.onset >= signal.when.hold;
    active_ += signals_[step.signal.index()].instances.emplace(running.key, instance).second;
  }
}

void SignalBook::True(const Signal& signal, const SignalStep& step, const Observed& observed) {
  auto& instances = signals_[step.signal.index()].instances;
  auto found = instances.find(observed.key);
  if (found == instances.end()) {
    const uint32_t limit = signal.series_max == 0 ? instances_max_ : signal.series_max;
    if (instances.size() >= limit) {
      ++shed_;
      ++signals_[step.signal.index()].shed;
      return;
    }
    found = instances.emplace(observed.key, Instance{}).first;
    found->second.onset = step.time;
    ++active_;
  }
  Instance& instance = found->second;
  instance.value = observed.value;
  instance.bindings = observed.bindings;
  instance.off_since = instance.clear_since = instance.no_data_since = kMaxTime;
  if (!instance.firing && step.time - instance.onset >= signal.when.hold) {
    instance.firing = true;
    if (signals_[step.signal.index()].watched) {
      edges_.push_back({step.signal, observed.key, true, instance.onset, observed.value});
    }
  }
}

void SignalBook::NotTrue(const Signal& signal, const SignalStep& step, const InstanceKey& key,
                         Instance& instance) {
  if (!instance.firing) {
    instance.ended = true;
    return;
  }
  const bool data = !step.has_data || step.has_data(key);
  if (data) {
    instance.no_data_since = kMaxTime;
  } else if (signal.no_data == NoDataPolicy::kHold) {
    instance.clear_since = kMaxTime;
    instance.ended = Elapsed(instance.no_data_since, step.time, kHoldMax);
    instance.ended_without_data = instance.ended;
    return;
  }
  if (data && signal.clear) {
    if (!Contains(step.clear, key)) {
      instance.clear_since = kMaxTime;
      instance.off_since = kMaxTime;
      return;
    }
    if (!Elapsed(instance.clear_since, step.time, signal.clear->hold)) {
      return;
    }
  }
  instance.ended = Elapsed(instance.off_since, step.time, signal.keep_firing);
  instance.ended_without_data = instance.ended && !data;
}

// Limits were applied where it was decided.
void SignalBook::Decide(SignalId signal, std::vector<Decided> decided) {
  SignalInstances& state = signals_[signal.index()];
  for (auto& [key, instance] : state.instances) instance.ended = true;
  for (Decided& one : decided) {
    const auto [at, added] = state.instances.try_emplace(one.key);
    active_ += added ? 1 : 0;
    Instance& instance = at->second;
    if (one.firing && !instance.firing && state.watched) {
      edges_.push_back({signal, one.key, true, one.onset, one.value});
    }
    instance.ended = false;
    instance.firing = one.firing;
    instance.onset = one.onset;
    instance.value = one.value;
    instance.alert = std::move(one.alert);
  }
}

void SignalBook::Step(SignalStep step, std::vector<Transition>& out) {
  const Signal& signal = program_.signal(step.signal);
  SignalInstances& state = signals_[step.signal.index()];
  state.shed = 0;
  if (step.decided) {
    Decide(step.signal, *std::move(step.decided));
    Merge(signal, step, out);
    return;
  }
  if (signal.no_data == NoDataPolicy::kRaise) {
    for (InstanceKey& key : step.known_without_data) {
      step.when.push_back({std::move(key), std::numeric_limits<double>::quiet_NaN()});
    }
  }
  Resume(signal, step);
  Normalise(step.when, signal.when.direction);
  std::sort(step.clear.begin(), step.clear.end());
  if (step.when.empty() && state.instances.empty()) {
    return;
  }
  auto observed = step.when.begin();
  for (auto& [key, instance] : state.instances) {
    while (observed != step.when.end() && observed->key < key) {
      ++observed;
    }
    if (observed == step.when.end() || observed->key != key) {
      NotTrue(signal, step, key, instance);
    }
  }
  for (const Observed& one : step.when) {
    True(signal, step, one);
  }
  Merge(signal, step, out);
}

void SignalBook::Merge(const Signal& signal, const SignalStep& step, std::vector<Transition>& out) {
  SignalInstances& state = signals_[step.signal.index()];
  for (auto at = state.instances.begin(); at != state.instances.end();) {
    const InstanceKey first = at->first;
    Symptom now;
    now.onset = kMaxTime;
    double value = std::numeric_limits<double>::quiet_NaN();
    double ended_value = value;
    bool without_data = false;
    const InstanceKey* speaker = nullptr;  // whose value it is
    bool told_by_firing = false;
    while (at != state.instances.end() && at->first.SameSymptom(first)) {
      const Instance& instance = at->second;
      if (instance.ended) {
        ended_value = MoreExtreme(signal.when.direction, ended_value, instance.value);
        without_data = without_data || instance.ended_without_data;
        if (instance.firing && state.watched) {
          edges_.push_back({step.signal, at->first, false, instance.onset, instance.value});
        }
        at = state.instances.erase(at);
        --active_;
        continue;
      }
      now.state =
          instance.firing ? SignalState::kFiring : std::max(now.state, SignalState::kPending);
      // The alert's words: of the first that fires, else of the first that is pending.
      if (now.alert == nullptr || (instance.firing && !told_by_firing)) {
        now.alert = instance.alert;
        told_by_firing = instance.firing;
      }
      now.onset = std::min(now.onset, instance.onset);
      const double before =
          std::exchange(value, MoreExtreme(signal.when.direction, value, instance.value));
      if (speaker == nullptr || value != before) {
        speaker = &at->first;
        now.bindings = instance.bindings;
      }
      ++at;
    }
    if (speaker != nullptr) {
      std::vector<std::pair<std::string, std::string>> by = ByLabels(*speaker);
      now.bindings.insert(now.bindings.end(), by.begin(), by.end());
    }
    Symptom& before = state.symptoms[{first.entity, first.relation_from}];
    now.value = value;
    now.since = now.state == before.state ? before.since : step.time;
    if (before.state != SignalState::kInactive) {
      now.onset = before.onset;  // the run goes on, whichever instance began it
    }
    if (now.state != before.state) {
      Transition transition;
      transition.time = step.time;
      transition.signal = step.signal;
      transition.entity = first.entity;
      transition.relation_from = first.relation_from;
      transition.from = before.state;
      transition.to = now.state;
      transition.onset = now.onset;
      transition.value = now.state == SignalState::kInactive ? ended_value : value;
      transition.alert = now.alert;
      transition.reason = now.state == SignalState::kInactive && without_data ? "no_data" : "";
      transition.bindings = now.bindings;
      out.push_back(std::move(transition));
    }
    if (now.state == SignalState::kInactive) {
      state.symptoms.erase({first.entity, first.relation_from});
    } else {
      before = now;
    }
  }
}

std::vector<Transition> SignalBook::Symptoms() const {
  std::vector<Transition> out;
  for (size_t i = 0; i < signals_.size(); ++i) {
    for (const auto& [key, symptom] : signals_[i].symptoms) {
      Transition& transition = out.emplace_back();
      transition.time = symptom.since;
      transition.signal = SignalId(static_cast<uint32_t>(i));
      transition.entity = key.first;
      transition.relation_from = key.second;
      transition.to = symptom.state;
      transition.onset = symptom.onset;
      transition.value = symptom.value;
      transition.bindings = symptom.bindings;
      transition.alert = symptom.alert;
    }
  }
  std::sort(out.begin(), out.end());
  return out;
}

bool SignalBook::Has(SignalId signal, const std::string& entity,
                     const std::string& relation_from) const {
  return signals_[signal.index()].symptoms.contains({entity, relation_from});
}

}  // namespace rootnote
