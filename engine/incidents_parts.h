// The score of a candidate as a sum that a person can check (docs/correlation.md).
// Private to the incident store. Thread: the pipeline's.
#pragma once

#include <vector>

#include "engine/correlator.h"
#include "engine/correlator_estate.h"
#include "schemas/incident.h"

namespace rootnote {

// The points add up to the score that the candidate has on `explained`. Parts without points are
// left out; details name what counts most.
std::vector<Incident::ScorePart> PartsOf(const Estate& estate, const std::vector<RegionItem>& items,
                                         const Candidate& candidate,
                                         const std::vector<Explained>& explained);

}  // namespace rootnote
