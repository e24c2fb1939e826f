#include "engine/watch.h"

#include <algorithm>

namespace rootnote {
namespace {

// No entity's name holds a line feed.
std::string RelationKey(std::string_view from, std::string_view to) {
  std::string key(from);
  return key.append("\n").append(to);
}

// A record that can be pointed at, then the newer one.
bool TellsMore(const Series& a, const Series& b) {
  const bool a_received = a.position.partition >= 0, b_received = b.position.partition >= 0;
  if (a_received != b_received) return a_received;
  return a.last > b.last || (a.last == b.last && InByteOrder(a.key, b.key));
}

}  // namespace

WatchBook::WatchBook(const RuleSet& rules, Millis lookback)
    : rules_(rules),
      lookback_(lookback),
      signals_of_(rules.selectors().size()),
      telling_(rules.program().signals.size()),
      sees_events_(rules.selectors().size()) {
  for (size_t i = 0; i < rules.program().signals.size(); ++i) {
    const SignalId signal(static_cast<uint32_t>(i));
    for (const SelectorId selector : rules.plan(signal).selectors) {
      signals_of_[selector.index()].push_back(signal);
    }
  }
}

bool WatchBook::TryBind(const Binding& binding, const Topology& topology) {
  const Program& program = rules_.program();
  const auto key =
      InstanceOf(program, program.signal(binding.signal), binding.series->key.labels, topology);
  if (!key) {
    return false;
  }
  by_entity_[key->entity].push_back(binding);
  if (!key->relation_from.empty()) {
    by_relation_[RelationKey(key->relation_from, key->entity)].push_back(binding);
  }
  std::vector<SelectorId>& telling = telling_[binding.signal.index()];
  if (std::find(telling.begin(), telling.end(), binding.selector) == telling.end()) {
    telling.push_back(binding.selector);
  }
  return true;
}

void WatchBook::Bind(const std::vector<const Series*>& series, const Topology& topology) {
  for (const Series* one : series) {
    for (const SelectorId selector : one->selectors) {
      if (one->key.projection) {
        sees_events_[selector.index()] = true;
      }
      for (const SignalId signal : signals_of_[selector.index()]) {
        const Binding binding{signal, selector, one};
        if (!TryBind(binding, topology)) {
          unresolved_.push_back(binding);
        }
      }
    }
  }
}

void WatchBook::Retry(const Topology& topology) {
  const auto bound = [&](const Binding& binding) { return TryBind(binding, topology); };
  unresolved_.erase(std::remove_if(unresolved_.begin(), unresolved_.end(), bound),
                    unresolved_.end());
}

void WatchBook::DropDead() {
  const auto dead = [](const auto& binding) { return binding.series->dead; };
  const auto drop = [&dead](auto& item) {
    std::vector<Binding>& bindings = item.second;
    bindings.erase(std::remove_if(bindings.begin(), bindings.end(), dead), bindings.end());
    return bindings.empty();
  };
  absl::erase_if(by_entity_, drop);
  absl::erase_if(by_relation_, drop);
  unresolved_.erase(std::remove_if(unresolved_.begin(), unresolved_.end(), dead),
                    unresolved_.end());
}

template <typename Counts>
Watch WatchBook::Best(const std::vector<Binding>& bindings, EventTime at,
                      const Counts& counts) const {
  Watch watch = Watch::kUnmonitored;
  std::vector<SignalId> tried;
  for (const Binding& binding : bindings) {
    const Signal& signal = rules_.program().signal(binding.signal);
    if (signal.severity == Severity::kInfo || !counts(signal) ||
        std::find(tried.begin(), tried.end(), binding.signal) != tried.end()) {
      continue;
    }
    tried.push_back(binding.signal);
    if (Fresh(bindings, binding.signal, at)) {
      return Watch::kFresh;
    }
    watch = Watch::kStale;
  }
  return watch;
}

Watch WatchBook::Of(std::string_view entity, Family family, EventTime at) const {
  const auto found = by_entity_.find(entity);
  if (found == by_entity_.end()) {
    return Watch::kUnmonitored;
  }
  // What is seen of a call is said of the call, and no proof that its end is well.
  return Best(found->second, at, [family](const Signal& signal) {
    return signal.family == family && !signal.relation;
  });
}

Watch WatchBook::OfRelation(RelationId relation, std::string_view from, std::string_view to,
                            Family family, EventTime at) const {
  if (by_relation_.empty()) {
    return Watch::kUnmonitored;
  }
  const auto found = by_relation_.find(RelationKey(from, to));
  if (found == by_relation_.end()) {
    return Watch::kUnmonitored;
  }
  return Best(found->second, at, [family, relation](const Signal& signal) {
    return signal.family == family && signal.relation == relation;
  });
}

Millis WatchBook::IntervalOf(SignalId signal, std::string_view entity) const {
  const Series* newest = Newest(signal, entity);
  return newest == nullptr ? Millis{0} : newest->interval;
}

bool WatchBook::Fresh(const std::vector<Binding>& bindings, SignalId signal, EventTime at) const {
  const SignalPlan& plan = rules_.plan(signal);
  bool told = false;
  for (const SelectorId selector : telling_[signal.index()]) {
    const bool denominator =
        std::binary_search(plan.denominators.begin(), plan.denominators.end(), selector);
    if (sees_events_[selector.index()] && !denominator && !rules_.selector(selector).presence) {
      continue;  // no event is no proof of health
    }
    if (!FreshSelector(bindings, signal, selector, at)) {
      return false;
    }
    told = true;
  }
  return told;
}

bool WatchBook::FreshSelector(const std::vector<Binding>& bindings, SignalId signal,
                              SelectorId selector, EventTime at) const {
  return std::any_of(bindings.begin(), bindings.end(), [&](const Binding& binding) {
    if (binding.signal != signal || binding.selector != selector) {
      return false;
    }
    const Series& series = *binding.series;
    const Millis fresh_for = series.key.projection && !rules_.selector(selector).presence
                                 ? rules_.selector(selector).history
                                 : series.FreshFor(lookback_);
    return series.last >= at - fresh_for;
  });
}

const Series* WatchBook::Newest(SignalId signal, std::string_view entity) const {
  const Series* newest = nullptr;
  const auto found = by_entity_.find(entity);
  if (found == by_entity_.end()) {
    return nullptr;
  }
  for (const Binding& binding : found->second) {
    const Series* series = binding.series;
    if (binding.signal == signal && (newest == nullptr || TellsMore(*series, *newest))) {
      newest = series;
    }
  }
  return newest;
}

std::vector<InstanceKey> WatchBook::Known(SignalId signal, const Topology& topology) const {
  std::vector<InstanceKey> known;
  const Program& program = rules_.program();
  for (const auto& [entity, bindings] : by_entity_) {
    for (const Binding& binding : bindings) {
      if (binding.signal == signal) {
        if (auto key =
                InstanceOf(program, program.signal(signal), binding.series->key.labels, topology)) {
          known.push_back(*std::move(key));
        }
      }
    }
  }
  return known;
}

}  // namespace rootnote
