// What was considered and is not the cause, with a true reason each. The walk for this list goes on
// beyond healthy and tolerated entities, over every relation, and is summed up by area.
// Private to the incident store. Thread: the pipeline's.
#pragma once

#include <string_view>
#include <vector>

#include "engine/correlator.h"
#include "engine/correlator_estate.h"
#include "engine/incidents_live.h"
#include "schemas/incident.h"

namespace rootnote {

// Candidates of the region that point at the same symptoms as the root and lost, with the reason;
// effects of the root are none.
std::vector<Incident::RuledOut> RejectedFor(const Estate& estate, const RegionView& region,
                                            const Candidate& root);

// Areas reachable upstream of what is affected, declared faults that are not shown, and the
// rejected candidates: at most `max`.
std::vector<Incident::RuledOut> RuledOutOf(const Estate& estate, const LiveIncident& live,
                                           const ImpactView& view, size_t max);

// The word an SRE has for a kind's area: storage, database, network, dns, compute; else the kind.
std::string_view AreaOf(std::string_view kind);

}  // namespace rootnote
