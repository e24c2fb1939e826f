// The decisions over time: who owns a symptom, when an incident opens, changes its root, merges,
// ends. Private to the incident store. Thread: the pipeline's.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "engine/correlator.h"
#include "engine/correlator_estate.h"
#include "engine/incidents.h"
#include "engine/incidents_live.h"
#include "engine/incidents_record.h"
#include "engine/maintenance.h"

namespace rootnote {

// Its root is no entity, but a label that everything affected shares.
bool IsExternal(const LiveIncident& live);

class IncidentStore::Lifecycle {
 public:
  Lifecycle(std::shared_ptr<const Program> program, const WatchView& watch,
            const IncidentOptions& options);

  void Restore(std::vector<Incident> records);
  void SetCatchingUp(bool catching_up);
  std::vector<Incident> Step(EventTime tick, std::span<const Transition> transitions,
                             std::shared_ptr<const Topology> topology);
  void Control(const ControlChange& change, EventTime from);
  void NoteChange(const Incident::Change& change);
  std::vector<Incident> All() const;
  std::vector<Finding> Findings() const;
  const IncidentStats& stats() const { return stats_; }

 private:
  struct Closed {
    Incident record;
    std::string root, fault;  // the present ones at the end
    EventTime closed_at;
    Episode episode;
  };

  // Rebuilding.
  void RestoreOpen(Incident record);
  void RestoreClosed(Incident record);
  void ExpectSymptoms();
  bool IsInfo(const std::string& signal) const;
  void ApplyRestored(const Transition& transition, std::vector<Correlator::Ended>& ended);
  void FindRestoredRoots();
  void EndUnseen();
  EventTime LiftedAt(const ActiveSymptom& active);

  // Before the verdicts.
  void OnEnded(const Correlator::Ended& ended);
  void SymptomEnded(LiveIncident& live, const std::string& entity, EventTime time,
                    const std::string& reason, bool info);
  void NoteCaughtUp();
  void MarkWindows(EventTime tick);

  // What people said.
  void ApplyControls();
  void Acknowledge(const ControlChange& change, EventTime at);
  void MarkHeld();
  const ControlChange* SilenceOf(const LiveIncident& live) const;
  bool Fits(const ControlChange& silence, const std::string& entity) const;
  EventTime NextControl() const;

  // One region.
  void Decide(const RegionView& region);
  std::vector<LiveIncident*> IncidentsOf(const RegionView& region);
  void Refresh(LiveIncident& live, const RegionView& region);
  void MarkEligible(const RegionView& region);
  void ConsiderRoot(LiveIncident& live, const RegionView& region, EventTime& due);
  const Candidate* BestChallenger(const LiveIncident& live, const RegionView& region,
                                  const Candidate* present) const;
  bool UnitesWithOthers(const LiveIncident& live, const RegionView& region,
                        const Candidate& challenger) const;
  bool Recovered(const std::string& root) const;  // the root of an open incident
  bool Refuted(const LiveIncident& live, const Candidate* present,
               const Candidate& challenger) const;
  void ChangeRoot(LiveIncident& live, const RegionView& region, const Candidate& root);
  void Fold(const std::vector<LiveIncident*>& incidents, const RegionView& region,
            std::vector<bool>& open);
  void FoldBeside(const RegionView& region);
  bool MayFold(const LiveIncident& live, const RegionItem& item, const Explained& explained) const;
  void Release(const std::vector<LiveIncident*>& incidents, const RegionView& region);
  void Take(LiveIncident& from, LiveIncident& to, const RegionView& region);
  void OpenNew(const RegionView& region, std::vector<bool>& open, EventTime& due);
  LiveIncident& Open(const RegionView& region, const RegionView::Hypothesis& hypothesis);
  LiveIncident& Begin(const Candidate& candidate);
  void Identify(LiveIncident& live, const std::string& key);
  void Describe(LiveIncident& live, const RegionView& region, const Candidate& root);
  void SetVerdicts(const RegionView& region);

  // Something outside the map.
  void FindExternal();
  void Externalise(LiveIncident& live, const std::string& root, const std::string& label,
                   Family family);
  void FoldExternal(LiveIncident& live, const RegionView& region, std::vector<bool>& open);

  // One incident.
  void Own(LiveIncident& live, ActiveSymptom& active);
  void OwnAll(LiveIncident& live, const RegionItem& item);
  bool WasCut(LiveIncident& live, const ActiveSymptom& active);
  void PlaceImpact(LiveIncident& live);
  static void DropBareImpact(LiveIncident& live);
  void Note(LiveIncident& live, std::string_view reason, bool urgent);
  void UpdateSeverity(LiveIncident& live);
  void Emit(LiveIncident& live, IncidentState state, std::string_view reason);
  void Close(LiveIncident& live, IncidentState state, std::string_view reason);
  void NoteTurn(LiveIncident& live) const;
  Millis ResolveAfter(const LiveIncident& live) const;
  void EvictClosed();
  void MergeShared();
  void Merge(LiveIncident& survivor, LiveIncident& later);
  void CloseTaken();
  void RunTimers();
  void EmitDue(LiveIncident& live);
  void ReleaseAll(LiveIncident& live);
  EventTime NextTimer(const LiveIncident& live) const;

  std::shared_ptr<const Program> program_;
  IncidentOptions options_;
  Correlator correlator_;
  MaintenanceCalendar calendar_;
  IncidentStats stats_;
  EventTime now_ = kMinTime;
  EventTime next_due_ = kMinTime;     // of incidents' timers
  EventTime next_window_ = kMinTime;  // when a maintenance window opens or closes
  bool marked_ = false;               // some symptom is in a window
  uint64_t map_version_ = 0;
  bool has_map_ = false;
  int64_t next_slot_ = 0;
  std::map<int64_t, LiveIncident> open_;  // by slot, which is the order of opening
  std::map<std::string, Closed> closed_;  // by id
  std::deque<std::pair<EventTime, std::string>> closed_order_;  // oldest first; may name reopened
  std::map<std::string, int64_t> episodes_;                     // newest by key
  std::deque<Incident::Change> changes_;
  std::multimap<EventTime, ControlChange> controls_;  // that are still to come
  std::map<std::string, ControlChange> silences_;     // that hold, by id
  // Symptoms that restored incidents wait for, until the first Step, with the slot.
  std::map<RecordKey, int64_t> expected_;
  bool rebuilt_ = false;     // from records, and no Step since
  bool first_step_ = false;  // the one after
  bool catching_up_ = false;
  bool may_catch_up_ = false;  // some open incident may have to say that it has caught up
  std::vector<Incident> emitted_;
};

}  // namespace rootnote
