// An incident in words, for a terminal: what is broken for whom, since when, because of what.
#pragma once

#include <string>
#include <string_view>

#include "engine/cli/terminal.h"
#include "schemas/incident.h"

namespace rootnote {

std::string IncidentText(const Incident& incident, const Terminal& terminal);

// What spoke against `entity` as the root.
std::string WhyNotText(const Incident& incident, std::string_view entity, const Terminal& terminal);

}  // namespace rootnote
