#include "engine/patterns.h"

#include <algorithm>
#include <optional>
#include <tuple>

namespace rootnote {
namespace {

using LabelPairs = std::vector<std::pair<std::string, std::string>>;

void AddAll(const Labels& labels, LabelPairs& pairs) {
  for (const Label& label : labels.ToVector()) {
    pairs.emplace_back(label.first, label.second);
  }
}

// The identity of one end of a relation, by the labels that samples carry.
void AddEnd(const Program& program, const std::vector<KindId>& kinds, const std::string& entity,
            const LabelPairs& renamed, LabelPairs& pairs) {
  for (const KindId id : kinds) {
    const std::optional<Labels> identity = IdentityLabels(program.kind(id), entity);
    if (!identity) {
      continue;
    }
    for (const Label& label : identity->ToVector()) {
      const auto at = std::find_if(renamed.begin(), renamed.end(),
                                   [&](const auto& pair) { return pair.first == label.first; });
      pairs.emplace_back(at == renamed.end() ? std::string(label.first) : at->second,
                         std::string(label.second));
    }
  }
}

// Later ones win: what the map says, the rule's labels, the instance's own.
Labels LabelsOfInstance(const Program& program, const Signal& signal, const InstanceKey& key,
                        const Topology& topology) {
  LabelPairs pairs;
  if (const std::optional<EntityId> id = topology.Find(key.entity)) {
    AddAll(topology.LabelsOf(*id), pairs);
  }
  pairs.insert(pairs.end(), signal.labels.begin(), signal.labels.end());
  if (signal.relation) {
    const Relation& relation = program.relation(*signal.relation);
    AddEnd(program, relation.to_kinds, key.entity, relation.to_labels, pairs);
    AddEnd(program, relation.from_kinds, key.relation_from, relation.from_labels, pairs);
  } else if (signal.kind) {
    AddEnd(program, {*signal.kind}, key.entity, {}, pairs);
  }
  for (auto& pair : ByLabels(key)) {
    pairs.push_back(std::move(pair));
  }
  return Labels::From(std::move(pairs));
}

bool Selects(const PatternStep& step, const PatternItem& item) {
  return std::all_of(
      step.matchers.begin(), step.matchers.end(), [&](const promql::Matcher& matcher) {
        return matcher.Matches(matcher.name == kMetricName ? std::string_view(item.name)
                                                           : item.Get(matcher.name));
      });
}

bool Before(const std::shared_ptr<PatternItem>& a, const std::shared_ptr<PatternItem>& b) {
  return std::tie(a->time, a->source, a->name, a->labels, a->message) <
         std::tie(b->time, b->source, b->name, b->labels, b->message);
}

// The labels of a sample that name both ends of a relation.
std::vector<std::string> RelationKey(const Program& program, const Relation& relation) {
  std::vector<std::string> key;
  auto add = [&](const std::vector<KindId>& kinds, const LabelPairs& renamed) {
    for (const std::string& part : program.kind(kinds.front()).identity) {
      const auto at = std::find_if(renamed.begin(), renamed.end(),
                                   [&](const auto& pair) { return pair.first == part; });
      const std::string& label = at == renamed.end() ? part : at->second;
      if (std::find(key.begin(), key.end(), label) == key.end()) {
        key.push_back(label);
      }
    }
  };
  add(relation.from_kinds, relation.from_labels);
  add(relation.to_kinds, relation.to_labels);
  return key;
}

}  // namespace

std::vector<SignalId> PatternOrder(const Program& program) {
  std::vector<SignalId> order;
  std::vector<bool> seen(program.signals.size()), done(program.signals.size());
  std::vector<SignalId> stack;
  for (size_t i = program.signals.size(); i-- > 0;) {
    stack.push_back(SignalId(static_cast<uint32_t>(i)));
  }
  while (!stack.empty()) {
    const SignalId id = stack.back();
    const auto* pattern = std::get_if<PatternCondition>(&program.signal(id).when.what);
    if (pattern == nullptr || seen[id.index()]) {
      stack.pop_back();
      if (pattern != nullptr && !done[id.index()]) {
        done[id.index()] = true;
        order.push_back(id);
      }
      continue;
    }
    seen[id.index()] = true;
    for (const PatternElement& element : pattern->elements) {
      for (const PatternStep& step : element.steps) {
        if (step.signal && !seen[step.signal->index()]) {
          stack.push_back(*step.signal);
        }
      }
    }
  }
  return order;
}

PatternBook::PatternBook(const Program& program, PatternLimits limits)
    : program_(program),
      limits_(limits),
      rules_(program.signals.size()),
      order_(PatternOrder(program)) {
  for (const SignalId id : order_) {
    Rule& rule = rules_[id.index()];
    rule.signal = &program.signal(id);
    const auto& pattern = std::get<PatternCondition>(rule.signal->when.what);
    rule.plan = std::make_unique<PatternPlan>(pattern, &rule.signal->summary);
    for (const PatternElement& element : pattern.elements) {
      for (const PatternStep& step : element.steps) {
        std::vector<SignalId>& waiting =
            step.signal ? by_signal_[*step.signal] : by_event_[step.name];
        if (std::find(waiting.begin(), waiting.end(), id) == waiting.end()) {
          waiting.push_back(id);
        }
      }
    }
  }
}

void PatternBook::Begin(EventTime tick, std::vector<ArrivedEvent> events) {
  const EventTime last = tick_;
  tick_ = tick;
  items_.clear();
  ended_.clear();
  for (ArrivedEvent& arrived : events) {
    if (!by_event_.contains(arrived.event.name)) {
      continue;
    }
    auto item = std::make_shared<PatternItem>();
    // One that came after its time, of a source that holds nothing back, counts from now on.
    item->time =
        last == kMinTime ? arrived.event.time : std::max(arrived.event.time, last + Millis(1));
    item->source = std::move(arrived.source);
    LabelPairs pairs;
    AddAll(arrived.event.attributes, pairs);
    AddAll(arrived.event.labels, pairs);
    item->labels = Labels::From(std::move(pairs));
    item->name = std::move(arrived.event.name);
    item->message = std::move(arrived.event.message);
    item->value = 1;
    item->position = arrived.position;
    items_.push_back(std::move(item));
  }
  std::sort(items_.begin(), items_.end(), Before);
  for (const auto& item : items_) {
    item->sequence = ++sequence_;
  }
}

void PatternBook::Add(const InstanceEdge& edge, bool known, const Topology& topology) {
  const auto waiting = by_signal_.find(edge.signal);
  if (waiting == by_signal_.end()) {
    return;
  }
  std::pair<SignalId, InstanceKey> who(edge.signal, edge.key);
  if (!edge.firing) {
    firing_.erase(who);
    ended_.insert(std::move(who));
    return;
  }
  firing_.insert(who);
  auto item = std::make_shared<PatternItem>();
  const Signal& signal = program_.signal(edge.signal);
  item->time = tick_;
  item->name = signal.name;
  item->signal = edge.signal;
  item->instance = edge.key;
  item->labels = LabelsOfInstance(program_, signal, edge.key, topology);
  item->value = edge.value;
  item->sequence = ++sequence_;
  for (const SignalId id : waiting->second) {
    Rule& rule = rules_[id.index()];
    for (const PatternElement& element : rule.plan->pattern.elements) {
      for (const PatternStep& step : element.steps) {
        if (step.signal != edge.signal) {
          continue;
        }
        if (auto key = KeyOf(rule, step, *item, topology)) {
          rule.awaited[who].insert(*std::move(key));
        }
      }
    }
  }
  if (known) {
    items_.push_back(std::move(item));
  }
}

std::optional<InstanceKey> PatternBook::KeyOf(const Rule& rule, const PatternStep& step,
                                              const PatternItem& item,
                                              const Topology& topology) const {
  if (step.by.empty()) {
    return InstanceOf(program_, *rule.signal, item.labels, topology);
  }
  std::vector<std::string> key =
      rule.signal->kind ? program_.kind(*rule.signal->kind).identity
                        : RelationKey(program_, program_.relation(*rule.signal->relation));
  key.insert(key.end(), rule.signal->by.begin(), rule.signal->by.end());
  Labels labels = item.labels;
  for (size_t i = 0; i < std::min(key.size(), step.by.size()); ++i) {
    labels = labels.With(key[i], item.Get(step.by[i]));
  }
  return InstanceOf(program_, *rule.signal, labels, topology);
}

// An item to the keys that its steps name.
void PatternBook::Sort(Rule& rule, const PatternItemPtr& item, const Topology& topology,
                       Arrivals& into) {
  std::map<InstanceKey, PatternArrival> found;
  bool meant = false;
  for (size_t e = 0; e < rule.plan->pattern.elements.size(); ++e) {
    const PatternElement& element = rule.plan->pattern.elements[e];
    for (size_t i = 0; i < element.steps.size(); ++i) {
      const PatternStep& step = element.steps[i];
      if (step.name != item->name || step.signal != item->signal) {
        continue;
      }
      const bool hit = Selects(step, *item);
      if (!hit && step.of_last == 0) {
        continue;
      }
      meant = true;
      const uint64_t bit = uint64_t{1} << (rule.plan->first_step[e] + i);
      if (std::optional<InstanceKey> key = KeyOf(rule, step, *item, topology)) {
        PatternArrival& arrival = found[*std::move(key)];
        arrival.hits |= hit ? bit : 0;
        arrival.near |= bit;
      }
    }
  }
  unresolved_ += meant && found.empty() ? 1 : 0;
  for (auto& [key, arrival] : found) {
    arrival.item = item;
    into[key].push_back(std::move(arrival));
  }
}

void PatternBook::NoteOrigin(Rule& rule, const InstanceKey& key, const PatternKey& state,
                             const std::vector<PatternArrival>& arrivals) const {
  const bool completed = !state.completed().empty();
  if (!completed && rule.origins.contains(key.entity)) {
    return;
  }
  PatternOrigin origin{completed ? state.completed().back() : tick_, {}};
  for (auto at = arrivals.rbegin(); at != arrivals.rend(); ++at) {
    const PatternItem& item = *at->item;
    if (!item.signal && at->hits != 0 && (!completed || item.time == origin.time)) {
      origin = {item.time, item.position};
      break;
    }
  }
  rule.origins[key.entity] = origin;
}

const PatternOrigin* PatternBook::OriginOf(SignalId signal, const std::string& entity) const {
  const auto& origins = rules_[signal.index()].origins;
  const auto at = origins.find(entity);
  return at == origins.end() ? nullptr : &at->second;
}

void PatternBook::Visit(Rule& rule, const InstanceKey& key,
                        const std::vector<PatternArrival>& arrivals) {
  auto found = rule.keys.find(key);
  if (found == rule.keys.end()) {
    if (arrivals.empty()) {
      return;
    }
    if (rule.keys.size() >= limits_.keys) {
      ++shed_;
      return;
    }
    found = rule.keys.emplace(key, std::make_unique<PatternKey>(*rule.plan, limits_.runs)).first;
  }
  PatternKey& state = *found->second;
  rule.wakes.erase({state.wake(), key});
  state.Step(tick_, arrivals, [this](const PatternItem& item) {
    return firing_.contains({*item.signal, item.instance});
  });
  shed_ += state.TakeShed();
  const bool live = state.live() > 0;
  if (live) {
    rule.live.insert(key);
    NoteOrigin(rule, key, state, arrivals);
  } else {
    rule.live.erase(key);
    rule.origins.erase(key.entity);
  }
  if (state.wake() == kMaxTime && !live) {
    rule.keys.erase(found);
  } else {
    rule.wakes.emplace(state.wake(), key);
  }
}

std::vector<Observed> PatternBook::Step(SignalId signal, const Topology& topology) {
  Rule& rule = rules_[signal.index()];
  Arrivals arrivals;
  for (const auto& item : items_) {
    Sort(rule, item, topology, arrivals);
  }
  for (const auto& who : ended_) {
    const auto awaited = rule.awaited.find(who);
    if (awaited == rule.awaited.end()) {
      continue;
    }
    for (const InstanceKey& key : awaited->second) {
      if (const auto found = rule.keys.find(key); found != rule.keys.end()) {
        found->second->Ended(who.first, who.second);
        arrivals.try_emplace(key);
      }
    }
    rule.awaited.erase(awaited);
  }
  for (const auto& [wake, key] : rule.wakes) {
    if (wake > tick_) {
      break;
    }
    arrivals.try_emplace(key);
  }
  for (const auto& [key, list] : arrivals) {
    Visit(rule, key, list);
  }
  std::vector<Observed> live;
  for (const InstanceKey& key : rule.live) {
    const PatternKey& found = *rule.keys.at(key);
    live.push_back({key, found.live(), found.bindings()});
  }
  return live;
}

EventTime PatternBook::NextWake() const {
  EventTime next = kMaxTime;
  for (const SignalId id : order_) {
    const auto& wakes = rules_[id.index()].wakes;
    if (!wakes.empty() && wakes.begin()->first < kMaxTime - Millis(1)) {
      next = std::min(next, wakes.begin()->first);
    }
  }
  return next;
}

bool PatternBook::Awaited(SignalId signal, const std::string& entity) const {
  for (const auto& [who, keys] : rules_[signal.index()].awaited) {
    for (const InstanceKey& key : keys) {
      if (key.entity == entity) {
        return true;
      }
    }
  }
  return false;
}

size_t PatternBook::keys() const {
  size_t keys = 0;
  for (const Rule& rule : rules_) {
    keys += rule.keys.size();
  }
  return keys;
}

}  // namespace rootnote
