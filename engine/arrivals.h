// One record after the other becomes part of the tick that its times belong to: late ones, dead
// letters and what no rule can see are sorted out here, and the journal learns what arrival
// decided. All is decided record by record, so that how they were polled decides nothing. Thread:
// one at a time.
#pragma once

#include <optional>
#include <string>

#include "engine/clock.h"
#include "engine/intake.h"
#include "engine/journal.h"
#include "engine/outbox.h"
#include "engine/router.h"
#include "engine/rule_set.h"
#include "engine/topology.h"

namespace rootnote {

class Arrivals {
 public:
  struct Into {  // where things go; all borrowed
    Clock& clock;
    Journal& journal;
    Router& router;
    TopologyStore& topology;
    Outbox& outbox;
  };
  // `replay`: dated records of the map take effect at their own time, undated ones and those of a
  // feed's first snapshot hold from `topology_from`.
  Arrivals(const RuleSet& rules, const Into& into, Millis tick, bool replay,
           EventTime topology_from, Metrics& metrics);

  // `loading`: the map is being read to the ends found at start; it holds at once.
  void Apply(IntakePartition& partition, const ArrivedRecord& arrived, bool loading);
  // The clock may have moved: tells the journal of ticks that closed.
  void NoteClosed();

 private:
  EventTime ApplyPoints(IntakePartition& partition, const ArrivedRecord& arrived);
  Stamp StampOf(IntakePartition& partition, const ArrivedRecord& arrived, EventTime time,
                uint64_t series);
  void ApplyChanges(IntakePartition& partition, const ArrivedRecord& arrived, bool loading);
  void ApplyChange(const TopologyChange& change, EventTime now);
  EventTime OpenTick() const;

  const RuleSet& rules_;
  Into into_;
  Millis tick_;
  bool replay_;
  EventTime topology_from_;
  EventTime noted_closed_ = kMinTime;
  Metrics& metrics_;
  Metric &nulls_, &unseen_, &late_, &clamped_, &changes_, &changes_refused_;
};

}  // namespace rootnote
