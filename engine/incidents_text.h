// Titles and summaries: templates filled in, and the words where no rule gives any: what is broken
// for whom, since when, because of what. Private to the incident store. Thread: the pipeline's.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "engine/correlator_estate.h"
#include "engine/incidents_live.h"
#include "rules/program.h"
#include "schemas/incident.h"

namespace rootnote {

// {entity}, {kind}, {name}, {fault}, {severity}, {since}, {until}, {because}, {affected},
// {affected.apps}, {places}, {impact.apps}, {impact.total}, {labels.NAME}, {identity label}. What
// is unknown stays as it is written.
std::string Render(const Template& text, const Estate& estate, const Incident& incident);

std::string TitleOf(const Estate& estate, const LiveIncident& live, const Incident& incident);
std::string SummaryOf(const Estate& estate, const LiveIncident& live, const Incident& incident);

// "2 apps" / "1 app".
std::string Count(int64_t count, std::string_view word);
// Shortest text that reads well: up to three significant decimals.
std::string NumberWords(double value);
// "a", "a and b", "a, b and c", "a, b and 5 more".
std::string Enumerated(const std::vector<std::string>& names, size_t max);
// What people call it: "VM web1", by the map's label `name` or `display_name` if it has one.
std::string Called(const Estate& estate, std::string_view entity);
// At most 2,000 bytes of it, whole characters.
std::string CutText(std::string_view text);

}  // namespace rootnote
