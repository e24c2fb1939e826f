// An incident in words, for a terminal: what is broken for whom, since when, because of what.
#pragma once

#include <string>
#include <string_view>

#include "engine/cli/terminal.h"
#include "schemas/incident.h"

namespace rootnote {

std::string IncidentText(const Incident& incident, const Terminal& terminal);

}  // namespace rootnote
