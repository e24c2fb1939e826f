// All series of all shards as rules read them: per selector its members in the order of selections,
// so that a selection costs its members and no matching.
// Thread: written by the pipeline between ticks' steps; Select on many threads in between.
#pragma once

#include <vector>

#include "engine/rule_set.h"
#include "engine/series.h"
#include "rules/promql/evaluator.h"

namespace rootnote {

class WindowStore : public promql::SeriesStore {
 public:
  explicit WindowStore(const RuleSet& rules);

  // New series, any order; borrowed from their shards until dropped.
  void Add(const std::vector<const Series*>& series);
  // Lets go of all series that are marked dead.
  void DropDead();

  // Nodes of the loaded program find their members; any other selector is matched against all
  // series of samples (not events), label by label.
  std::vector<promql::SeriesPoints> Select(const promql::Expr& selector, EventTime from,
                                           EventTime to) const override;

  const std::vector<const Series*>& members(SelectorId id) const { return members_[id.index()]; }
  size_t size() const { return all_.size(); }
  // The newest sample of any series; kMinTime while there is none.
  EventTime newest() const { return newest_; }
  void Saw(EventTime time) { newest_ = time > newest_ ? time : newest_; }

 private:
  const RuleSet& rules_;
  std::vector<std::vector<const Series*>> members_;  // by SelectorId, in selection order
  std::vector<const Series*> all_;                   // in selection order
  EventTime newest_ = kMinTime;
};

}  // namespace rootnote
