// `missing NAME for D`: who has not been heard of (SEMANTICS section 3 and 4). Known keys are
// remembered for as long as the rule says, a day by default; `expected` adds the entities of the
// map that never sent anything. While a partition that cannot be fetched is given up on, absence
// does not advance. Thread: one at a time.
#pragma once

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "engine/identity.h"
#include "engine/rule_set.h"
#include "engine/series.h"
#include "engine/signals.h"

namespace rootnote {

class Absence {
 public:
  explicit Absence(const RuleSet& rules);

  void Bind(const std::vector<const Series*>& series);
  void DropDead();

  bool Has(SignalId signal) const { return watched_[signal.index()].condition != nullptr; }
  // Those that are missing at the instant, with the seconds since they were heard of.
  std::vector<Observed> At(SignalId signal, EventTime instant, const Topology& topology);
  // Absence is counted from here at the earliest: time went on without a part of the input.
  void Frozen(EventTime instant) { counted_from_ = instant; }

  // Nothing is remembered, so that nothing can begin to be missing.
  bool quiet() const;

 private:
  struct Watched {
    const MissingCondition* condition = nullptr;  // null: another kind of signal
    SelectorId selector;
    std::vector<std::pair<std::string, const Series*>> series;  // by entity name, as bound
    std::vector<const Series*> unresolved;                      // no entity named yet
    std::map<std::string, EventTime> last;                      // by entity
  };
  void Resolve(SignalId signal, Watched& watched, const Topology& topology);
  void Expected(SignalId signal, const Watched& watched, EventTime instant,
                const Topology& topology, std::vector<Observed>& out) const;

  const RuleSet& rules_;
  std::vector<Watched> watched_;  // by SignalId
  EventTime begin_ = kMaxTime;    // the first instant asked for
  EventTime counted_from_ = kMinTime;
};

}  // namespace rootnote
