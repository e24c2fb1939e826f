// One record after the other becomes part of the tick that its times belong to: late ones, dead
// letters and what no rule can see are sorted out here, and the journal learns what arrival
// decided. All is decided record by record, so that how they were polled decides nothing. Thread:
// one at a time.
#pragma once

#include <map>
#include <string>
#include <string_view>

#include "engine/clock.h"
#include "engine/incidents.h"
#include "engine/intake.h"
#include "engine/journal.h"
#include "engine/outbox.h"
#include "engine/resume.h"
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
    IncidentStore& incidents;
  };
  // `replay`: dated records of the map take effect at their own time, undated ones and those of a
  // feed's first snapshot hold from `topology_from`.
  // `resume`: what was decided before fills windows and is not said again; borrowed.
  Arrivals(const RuleSet& rules, const Into& into, Millis tick, bool replay,
           EventTime topology_from, const ResumePoint& resume, Metrics& metrics);

  // `loading`: the map is being read to the ends found at start; it holds at once.
  void Apply(IntakePartition& partition, const ArrivedRecord& arrived, bool loading);
  // The clock may have moved: tells the journal of ticks that closed.
  void NoteClosed();

 private:
  EventTime ApplyPoints(IntakePartition& partition, const ArrivedRecord& arrived);
  bool Decided(const IntakePartition& partition, const Record& record) const;
  // Whether something became part of a tick.
  bool Route(const Sample& sample, const Stamp& stamp, const RecordPosition& position);
  bool Route(const Event& event, const Stamp& stamp, const RecordPosition& position,
             const std::string& source);
  Stamp StampOf(IntakePartition& partition, const ArrivedRecord& arrived, EventTime time,
                uint64_t series);
  void ApplyChanges(IntakePartition& partition, const ArrivedRecord& arrived, bool loading);
  void ApplyControls(IntakePartition& partition, const ArrivedRecord& arrived, bool loading);
  void ApplyChange(const TopologyChange& change, EventTime now);
  EventTime OpenTick() const;

  const RuleSet& rules_;
  Into into_;
  Millis tick_;
  bool replay_;
  EventTime topology_from_;
  const ResumePoint& resume_;
  EventTime noted_closed_ = kMinTime;
  struct Parsed {
    Metric* samples = nullptr;
    Metric* events = nullptr;
    Metric* changes = nullptr;
  };
  void CountParsed(const ArrivedRecord& arrived);

  Metrics& metrics_;
  std::map<std::string_view, Parsed> parsed_;  // by format
  Metric &nulls_, &unseen_, &late_, &clamped_, &changes_, &changes_refused_, &controls_;
  HistogramMetric& age_;
};

}  // namespace rootnote
