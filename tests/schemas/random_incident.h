// Incidents with every field in every state, for round trips and for the check against
// schemas/incident.schema.json.
#pragma once

#include <cstddef>
#include <cstdint>
#include <random>

#include "schemas/incident.h"

namespace rootnote {

// `size` scales the lists: 0 gives empty ones, 1 a few items, 100 a storm.
Incident RandomIncident(std::mt19937_64& random, size_t size);

}  // namespace rootnote
