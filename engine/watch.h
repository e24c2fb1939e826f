// Who is watched by which rules: bindings (signal, entity, series), made once when a series is
// admitted. Correlation asks whether silence means health (WatchView), transitions take the
// position of the newest sample behind them from here. Thread: written by the pipeline between
// ticks' steps; reads are const.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/identity.h"
#include "engine/rule_set.h"
#include "engine/series.h"
#include "engine/transition.h"
#include "schemas/base/string_view.h"

namespace rootnote {

class WatchBook : public WatchView {
 public:
  WatchBook(const RuleSet& rules, Millis lookback);

  // Series that no label names an entity for are tried again by Retry, when the map has changed.
  void Bind(const std::vector<const Series*>& series, const Topology& topology);
  void Retry(const Topology& topology);
  // Lets go of the series that are marked dead.
  void DropDead();

  Watch Of(std::string_view entity, Family family, EventTime at) const override;
  Watch OfRelation(RelationId relation, std::string_view from, std::string_view to, Family family,
                   EventTime at) const override;
  Millis IntervalOf(SignalId signal, std::string_view entity) const override;

  // The series with the newest sample that the signal sees of the entity; null: none is bound.
  const Series* Newest(SignalId signal, std::string_view entity) const;
  // The instances that the signal's series name, each once per series, unordered.
  std::vector<InstanceKey> Known(SignalId signal, const Topology& topology) const;

  size_t unresolved() const { return unresolved_.size(); }

 private:
  struct Binding {
    SignalId signal;
    SelectorId selector;
    const Series* series = nullptr;
  };
  bool TryBind(const Binding& binding, const Topology& topology);
  // Of the signals for which `counts` is true: fresh if one of them is.
  template <typename Counts>
  Watch Best(const std::vector<Binding>& bindings, EventTime at, const Counts& counts) const;
  bool Fresh(const std::vector<Binding>& bindings, SignalId signal, EventTime at) const;
  bool FreshSelector(const std::vector<Binding>& bindings, SignalId signal, SelectorId selector,
                     EventTime at) const;

  const RuleSet& rules_;
  Millis lookback_;
  std::vector<std::vector<SignalId>> signals_of_;  // by SelectorId
  StringMap<std::vector<Binding>> by_entity_;
  StringMap<std::vector<Binding>> by_relation_;  // those of signals on relations once more
  std::vector<Binding> unresolved_;
  // Selectors that ever named an entity of the signal, by SignalId: the others are joined in by
  // other labels and cannot tell.
  std::vector<std::vector<SelectorId>> telling_;
  std::vector<bool> sees_events_;  // by SelectorId
};

}  // namespace rootnote
