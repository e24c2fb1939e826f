// Detection: a closed tick's samples and events in, signal transitions out. Owns the shards with
// their series, what is watched and what is missing, and the signals' state; decides nothing about
// causes. The cut between this and correlation is where data shrinks, and the cut between machines.
// Steps of a tick: events projected → shards prepare (parallel), admit, append (parallel) → signals
// that are due at this instant evaluated (parallel) → instances → transitions in order.
// Thread: one at a time; the work inside runs on the shard pool.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"

#include "engine/absence.h"
#include "engine/detect.h"
#include "engine/events.h"
#include "engine/imported_rules.h"
#include "engine/metrics.h"
#include "engine/outbox.h"
#include "engine/patterns.h"
#include "engine/router.h"
#include "engine/rule_set.h"
#include "engine/series_store.h"
#include "engine/shard.h"
#include "engine/shard_pool.h"
#include "engine/signals.h"
#include "engine/watch.h"
#include "schemas/base/string_view.h"

namespace rootnote {

struct DetectorOptions {
  uint32_t shards = 64;
  Millis lookback{300'000};
  Millis evaluation_interval{5'000};
  Millis tick{1'000};
  Millis event_memory{5'000};  // the longest allowed lateness
  size_t series_max = 2'000'000;
  // What templates of imported alerts see as $externalLabels and $externalURL.
  Labels external_labels;
  std::string external_url;
};

class Detector {
 public:
  // Borrows all but the options.
  Detector(const RuleSet& rules, ShardPool& pool, const TopicNames& topics,
           const DetectorOptions& options, Metrics& metrics);

  // What a former run knew to fire. Each takes up its `for`, hysteresis and onset where they were,
  // at the first instant at which its signal is evaluated.
  void Resume(const std::vector<Transition>& symptoms);

  // Takes the tick's samples and events (not its topology changes: `topology` has them), evaluates
  // what is due. `frozen`: a part of the input could not be read, so that silence says nothing;
  // absence does not advance, and rules that speak of it keep their state.
  std::vector<Transition> Close(TickWork work, const Topology& topology, bool frozen);

  // The next tick after `tick` that must be closed even if nothing arrives for it; kMaxTime: none,
  // because no window holds anything and no instance is active.
  EventTime NextDue(EventTime tick) const;

  // Results that name no entity, since the last call; each once per hour of event time.
  std::vector<UnresolvedResult> TakeUnresolved();

  // Nothing older than `from` was read: a rule that looks further back than that is warming, and
  // not evaluated, until it no longer does. Never goes back.
  void CoverFrom(EventTime from) { covered_from_ = std::max(covered_from_, from); }
  bool Warm(SignalId signal, EventTime at) const { return Covers(rules_.plan(signal).settles, at); }
  size_t warming(EventTime at) const;
  // All symptoms as they are now (SignalBook::Symptoms), complete.
  std::vector<Transition> Active(const Topology& topology) const;
  bool Active(SignalId signal, const std::string& entity, const std::string& relation_from) const {
    return book_.Has(signal, entity, relation_from);
  }
  // A series of the entity that the signal reads is in memory.
  bool Hears(SignalId signal, std::string_view entity) const {
    return watch_.Newest(signal, entity) != nullptr;
  }

  // A pattern that matched long ago may still hold: a signal that it names fires.
  bool Lasts(SignalId signal, const std::string& entity) const {
    return patterns_.Awaited(signal, entity);
  }

  const WatchBook& watch() const { return watch_; }
  const ImportedRules& imported() const { return imported_; }
  const WindowStore& store() const { return store_; }
  size_t active() const { return book_.active(); }
  bool begun() const { return begun_; }

 private:
  bool Covers(Millis settles, EventTime at) const {
    return covered_from_ == kMinTime || at - settles >= covered_from_;
  }
  void Ingest(TickWork work, const Topology& topology);
  std::vector<const Series*> Admit();
  std::vector<SignalId> Due(EventTime instant) const;
  void Evaluate(EventTime instant, const Topology& topology, bool frozen,
                std::vector<Transition>& out);
  void StepLimits(EventTime instant, std::vector<Transition>& out);
  void EvaluateImported(EventTime instant, const Topology& topology, bool frozen,
                        std::vector<Transition>& out);
  SignalStep StepOf(const ImportedRules::Alerts& alerts, EventTime instant,
                    const Topology& topology) const;
  void Match(EventTime tick, const Topology& topology, std::vector<Transition>& out);
  void NoteEdges(const Topology& topology);
  SignalStep StepOf(SignalResult result, EventTime instant, const Topology& topology);
  std::vector<Running> TakeResumed(const SignalStep& step,
                                   const std::function<const std::set<InstanceKey>&()>& with_data);
  void Unresolve(const Signal& signal, const promql::Element& element, EventTime instant);
  static std::string SaidBy(const AlertTexts& alert);
  void Complete(Transition& transition, const Topology& topology) const;
  void Sweep(EventTime tick);

  const RuleSet& rules_;
  ShardPool& pool_;
  const TopicNames& topics_;
  DetectorOptions options_;
  std::vector<Shard> shards_;
  WindowStore store_;
  EventProjection events_;
  WatchBook watch_;
  Absence absence_;
  SignalBook book_;
  PatternBook patterns_;
  ImportedRules imported_;
  std::vector<ArrivedEvent> awaited_;             // events of this tick that patterns name
  std::vector<EventTime> evaluated_from_;         // by SignalId
  std::vector<std::vector<Transition>> resumed_;  // by SignalId, until it is evaluated first
  std::optional<SignalId> limits_;                // our own signal about rules at their limit
  std::unique_ptr<Evaluator> evaluator_;
  bool always_due_ = false;  // some signal says something about nothing, as absent() does
  std::set<Millis> grids_;   // every `every`
  bool begun_ = false;       // something was observed
  EventTime covered_from_ = kMinTime;
  StringMap<bool> names_;  // of series → whether it is an event; as many as series at most
  uint64_t topology_version_ = 0;
  EventTime swept_ = kMinTime;

  std::map<std::pair<std::string, Labels>, EventTime> unresolved_seen_;  // bounded
  std::vector<UnresolvedResult> unresolved_;

  Metric &samples_, &duplicates_, &conflicts_, &refused_, &events_taken_, &event_duplicates_,
      &event_not_numbers_, &series_, &instances_, &shed_, &patterns_shed_, &patterns_unresolved_,
      &unresolved_total_, &name_conflicts_;
  std::vector<Metric*> evaluation_errors_, matches_;  // by SignalId
};

}  // namespace rootnote
