// Patterns over signals and events (SEMANTICS section 4): what was seen of each key, as the partial
// matches of a small automaton, and the matches that are live. Steps that come one after the other
// are found whatever else comes between; of partial matches that can only end alike one is kept.
// Bounded by `within`, by the number of keys per rule and of partial matches per key.
// Thread: one at a time.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "engine/events.h"
#include "engine/pattern_key.h"
#include "engine/signals.h"
#include "engine/topology.h"
#include "rules/program.h"
#include "schemas/base/string_view.h"

namespace rootnote {

// The program's pattern signals, in the order in which they must be stepped: those that a pattern
// names before it.
std::vector<SignalId> PatternOrder(const Program& program);

// What completed the latest match of an entity: the time, and the record of the event, if it was
// one.
struct PatternOrigin {
  EventTime time;
  RecordPosition position;
};

struct PatternLimits {
  size_t keys = 100'000;  // per rule; new ones are refused
  size_t runs = 256;      // partial matches per key; the oldest are dropped
};

class PatternBook {
 public:
  explicit PatternBook(const Program& program, PatternLimits limits = {});

  const std::vector<SignalId>& order() const { return order_; }
  bool empty() const { return order_.empty(); }

  // The tick's events and, as they come, the edges of signals stepped in it.
  void Begin(EventTime tick, std::vector<ArrivedEvent> events);
  // `known`: the edge was seen; false: it fires, but when it began is not known.
  void Add(const InstanceEdge& edge, bool known, const Topology& topology);

  // What is live at the tick. Edges of all signals that the pattern names must have been added.
  std::vector<Observed> Step(SignalId signal, const Topology& topology);

  // The next moment at which something changes although nothing arrives; kMaxTime: none.
  EventTime NextWake() const;
  // A signal that the pattern names fires for the entity, so that a match of old may last.
  bool Awaited(SignalId signal, const std::string& entity) const;

  // Null when nothing is live for the entity.
  const PatternOrigin* OriginOf(SignalId signal, const std::string& entity) const;

  uint64_t shed() const { return shed_; }              // keys and partial matches refused
  uint64_t unresolved() const { return unresolved_; }  // items that name no key
  size_t keys() const;                                 // in memory, of all rules

 private:
  struct Rule {
    const Signal* signal = nullptr;  // null: no pattern
    std::unique_ptr<PatternPlan> plan;
    std::map<InstanceKey, std::unique_ptr<PatternKey>> keys;
    std::set<InstanceKey> live;
    StringMap<PatternOrigin> origins;  // by entity, of what is live
    std::set<std::pair<EventTime, InstanceKey>> wakes;
    std::map<std::pair<SignalId, InstanceKey>, std::set<InstanceKey>> awaited;  // firing → keys
  };
  using Arrivals = std::map<InstanceKey, std::vector<PatternArrival>>;

  std::optional<InstanceKey> KeyOf(const Rule& rule, const PatternStep& step,
                                   const PatternItem& item, const Topology& topology) const;
  void Sort(Rule& rule, const PatternItemPtr& item, const Topology& topology, Arrivals& into);
  void NoteOrigin(Rule& rule, const InstanceKey& key, const PatternKey& state,
                  const std::vector<PatternArrival>& arrivals) const;
  void Visit(Rule& rule, const InstanceKey& key, const std::vector<PatternArrival>& arrivals);

  const Program& program_;
  PatternLimits limits_;
  std::vector<Rule> rules_;  // by SignalId
  std::vector<SignalId> order_;
  StringMap<std::vector<SignalId>> by_event_;
  std::map<SignalId, std::vector<SignalId>> by_signal_;
  EventTime tick_ = kMinTime;
  uint64_t sequence_ = 0;
  std::vector<std::shared_ptr<PatternItem>> items_;   // of this tick: events, then edges
  std::set<std::pair<SignalId, InstanceKey>> ended_;  // in this tick
  std::set<std::pair<SignalId, InstanceKey>> firing_;
  uint64_t shed_ = 0, unresolved_ = 0;
};

}  // namespace rootnote
