// Names of metrics and events that someone has seen, and expressions that ask for others.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "rules/diagnostic.h"
#include "rules/program.h"

namespace rootnote {

// The names in a list (one per line) or in a text exposition of Prometheus; ascending, each once.
// Comments and what holds no name are passed over.
std::vector<std::string> ReadMetricNames(std::string_view text);

// Warns where a signal asks for a name that is not in `seen` (ascending).
void CheckMetricsSeen(const Program& program, const std::vector<std::string>& seen,
                      Diagnostics& diagnostics);

}  // namespace rootnote
