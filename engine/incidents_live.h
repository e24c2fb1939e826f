// One incident while it lives: what the record is made from at each revision.
// Private to the incident store. Thread: the pipeline's.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <tuple>
#include <vector>

#include "engine/correlator.h"
#include "schemas/incident.h"

namespace rootnote {

// Everything that belonged to the episode, ended or not.
struct OwnedSymptom {
  Symptom symptom;
  std::optional<EventTime> resolved_at;
  std::string resolved_reason;
};

struct OwnedImpact {
  std::vector<std::string> path, relations;  // empty: no path from the present root
  std::set<std::string> signals;
  EventTime onset;
  std::string maintenance;
};

// What an incident shows in the record: entity, signal, relation_from.
using RecordKey = std::tuple<std::string, std::string, std::string>;

// All that belonged to the present episode.
struct Episode {
  std::map<RecordKey, OwnedSymptom> symptoms;
  std::map<std::string, OwnedImpact> impact;  // actual, by entity

  // Of a restored record: symptoms of signals that the rules no longer have, and what it counts but
  // had no room for: impact by kind.
  std::vector<Incident::Symptom> foreign;
  int64_t hidden_symptoms = 0;
  std::vector<EventTime> turns;  // opened, reopened, resolved: within `flapping … in D` of the last
  std::map<std::string, int64_t> hidden_impact;
};

struct LiveIncident : Episode {
  Incident record;   // the latest revision; id, key, episode and opened_at from the first
  int64_t slot = 0;  // rises with every opening: ActiveSymptom::owner
  std::string root, fault;
  std::optional<FaultId> declared;
  Candidate candidate;                 // the root as last judged
  std::vector<Incident::Root> rivals;  // valid, for the same symptoms, best first
  std::vector<Incident::RuledOut> rejected;
  std::vector<std::string> causes;
  bool had_evidence = false;  // the root showed it itself in this episode
  std::optional<EventTime> recovered_at;

  int64_t active = 0;  // owned symptoms that still last …
  int64_t info = 0;    // … of which so many are only evidence and hold nothing open
  EventTime last_end;  // when the last of them ended
  std::string end_reason;

  std::string challenger;  // may become the root if it stays better
  EventTime challenged_at;

  // What the next revision says; "" none. `due_state`: it opens or reopens. Urgent ones do not wait
  // for the throttle.
  std::string due_reason;
  bool due_urgent = false;
  std::optional<IncidentState> due_state;
  std::optional<Incident::Acknowledgement> held;  // as the record says it from here on
  EventTime last_emitted = kMinTime;
  Severity severity = Severity::kInfo;
  bool in_maintenance = false;
  bool tolerated = false;      // opened only because the policy wants tolerated findings as info
  std::set<int64_t> taken_by;  // incidents that released symptoms went to

  // Rebuilt from its record, and its root not judged since: the record's words still hold.
  bool unjudged = false;
  EventTime restored_until = kMinTime;  // of the record it was rebuilt from
};

}  // namespace rootnote
