// Events that say somebody changed something: suspects for `changes[]` of an incident. By
// convention an event is a change if a word of its name (between `_`, `.` or `-`) says so: deploy,
// release, rollback, config, change, upgrade and their forms. It is about the entity that its
// labels name most exactly. Thread: any.
#pragma once

#include <optional>
#include <string_view>
#include <vector>

#include "engine/topology.h"
#include "rules/program.h"
#include "schemas/incident.h"
#include "schemas/schema.h"

namespace rootnote {

bool IsChange(std::string_view event_name);

// nullopt: its labels name no entity of the map.
std::optional<Incident::Change> ChangeOf(const Program& program, const Event& event,
                                         const Topology& topology);

// Of all events of a tick: by (time, event, entity, detail), each once.
std::vector<Incident::Change> ChangesOf(const Program& program, const std::vector<Event>& events,
                                        const Topology& topology);

}  // namespace rootnote
