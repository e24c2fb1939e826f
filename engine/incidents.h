// The life of incidents: identity, hold-back, revisions, merge, reopen, resolve, maintenance
// (DESIGN section 7, SEMANTICS section 6). Owns the correlator's verdicts over time.
// Thread: one at a time (the pipeline's thread).
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "engine/correlator.h"
#include "engine/topology.h"
#include "engine/transition.h"
#include "rules/program.h"
#include "schemas/incident.h"
#include "schemas/schema.h"

namespace rootnote {

struct IncidentOptions {
  CorrelatorOptions correlator;
  size_t open_max = 10'000;
  size_t closed_kept_max = 50'000;  // for reopen and episodes; the oldest go first
  size_t changes_max = 1'000;       // remembered as suspects
  size_t silences_max = 10'000;
  // Labels whose values blast_radius lists as affected and healthy.
  std::vector<std::string> blast_labels = {"region", "site", "zone"};
  std::string engine_version;
  bool routing = true;  // whether the policy's routes are followed
};

struct IncidentStats {
  uint64_t opened = 0, reopened = 0, updated = 0, resolved = 0, merged = 0, superseded = 0;
  uint64_t refused_open = 0;      // beyond open_max: the symptoms stay findings
  uint64_t evicted_closed = 0;    // beyond closed_kept_max: they can no longer be reopened
  uint64_t refused_symptoms = 0;  // beyond the correlator's symptoms_max
  uint64_t evaluations = 0;       // regions judged
  uint64_t restored = 0;          // open incidents taken over from their records
  uint64_t routed = 0;            // (incident, topic) pairs that a route added
  uint64_t refused_controls = 0;  // silences beyond silences_max, words about unknown incidents
};

// A rules' finding about something that opened nothing, for explain and /api/v1/findings.
struct Finding {
  std::string signal, entity;
  SignalState state = SignalState::kInactive;
  // pending, held_back, tolerated, in_maintenance, below_threshold, owned
  std::string verdict;
  std::string detail;  // "held back until 10:00:20", "array:a1: 1 of 8 disks failing, tolerated"
  std::string incident_id;  // owned
};

// The engine's view from one tick to the next: feed every closed tick in order, even an empty one.
class IncidentStore {
 public:
  // `watch` is borrowed and outlives the store.
  IncidentStore(std::shared_ptr<const Program> program, const WatchView& watch,
                const IncidentOptions& options);
  ~IncidentStore();

  // Takes over from a former run, before the first Step: any revisions of any incidents, of which
  // the highest of each id counts. Episodes go on, what was resolved can be reopened, what was open
  // lives on. The first Step must hold the present state of all symptoms as transitions: one that
  // an open record lists as unresolved is owned again without a word; one that does not come has
  // ended by then.
  void Restore(std::vector<Incident> records);

  // While true, revisions carry `catching_up` and go to no topic that did not have them before.
  // Once false, the next Step says so (`caught_up`) for each open incident whose last revision
  // carried it.
  void SetCatchingUp(bool catching_up);

  // Symptoms' changes of one tick (sorted), on the map as of its end. Returns the revisions to
  // emit, in the order of (incident id, revision).
  std::vector<Incident> Step(EventTime tick, std::span<const Transition> transitions,
                             std::shared_ptr<const Topology> topology);

  // What people say. Each takes effect with the first Step at or after `from` (a silence's `until`
  // counts from nowhere else); what comes before the first Step is one state, of which only the
  // end counts. Beyond the limit of silences the new ones are refused and counted.
  void Control(const ControlChange& change, EventTime from);

  // Changes that may be suspects (deploys, configuration): events on entities.
  void NoteChange(const Incident::Change& change);

  // Latest revision of every incident that is kept: open first, then by id.
  std::vector<Incident> All() const;
  std::vector<Finding> Findings() const;  // by (signal, entity)
  IncidentStats stats() const;

 private:
  class Lifecycle;
  std::unique_ptr<Lifecycle> lifecycle_;
};

}  // namespace rootnote
