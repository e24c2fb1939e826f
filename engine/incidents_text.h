// Titles and summaries: templates filled in, and the words where no rule gives any.
// Private to the incident store. Thread: any.
#pragma once

#include <string>
#include <string_view>

#include "engine/incidents_live.h"
#include "rules/program.h"
#include "schemas/incident.h"

namespace rootnote {

// {identity label}, {entity}, {kind}, {fault}, {root.LABEL}, {impact}, {impact.apps}: counts what
// is affected, not what may be. An unknown reference stays as it is written.
std::string Render(const Template& text, const Program& program, const Incident& incident);

std::string TitleOf(const Program& program, const LiveIncident& live, const Incident& incident);
std::string SummaryOf(const Program& program, const LiveIncident& live, const Incident& incident);

// "2 apps" / "1 app".
std::string Count(int64_t count, std::string_view word);
// Shortest text that reads well: up to three significant decimals.
std::string NumberWords(double value);

}  // namespace rootnote
