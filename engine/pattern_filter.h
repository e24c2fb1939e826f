// Filters of a pattern's steps.
#pragma once

#include <vector>

#include "engine/pattern_key.h"

namespace rootnote {

// Whether the item passes; `bound`: the items that aliases stand for, by alias, null where there is
// none yet.
bool Holds(const PatternStep::Filter& filter, const PatternItem& own,
           const std::vector<PatternItemPtr>& bound);

}  // namespace rootnote
