// From a live incident to the record of one revision.
// Private to the incident store. Thread: the pipeline's.
#pragma once

#include <deque>
#include <map>
#include <string>
#include <vector>

#include "engine/correlator_estate.h"
#include "engine/incidents_live.h"
#include "engine/maintenance.h"
#include "schemas/incident.h"

namespace rootnote {

// Lists are cut to these; totals tell the rest. The encoder cuts further to its bytes.
struct RecordCaps {
  size_t symptoms = 500, evidence = 50, actual = 2'000, potential = 500, ruled_out = 40;
  size_t roots = 5, changes = 10, unexplained = 50, causes = 50;
};

struct RecordContext {
  const Estate& estate;
  MaintenanceCalendar& calendar;
  const std::deque<Incident::Change>& changes;
  const std::vector<std::string>& blast_labels;  // whose values are listed as affected and healthy
  std::string engine_version;
  RecordCaps caps;
};

// Fills everything but identity, status, state, reason and revision.
void FillRecord(const RecordContext& context, LiveIncident& live, Incident& record);

// What depends on the root as last judged; nothing once the root is neither in the map nor active.
ImpactView ViewOf(const Estate& estate, const LiveIncident& live);

// Adds to `routed` the topics that the policy's routes send this open revision to; how many.
size_t AddRoutes(const IncidentPolicy& policy, Incident& record);

// By the fault's rules, else the worst symptom of the episode; info in maintenance.
Severity SeverityOf(const Program& program, const LiveIncident& live);

// The value of a label of the entity: its own, else a part of its identity; "" without. `identity`
// holds the text while it is looked at.
std::string_view LabelOf(const Estate& estate, EntityId id, const std::string& label,
                         Labels& identity);

}  // namespace rootnote
