// The decision of an incident record for a person: in words and as a drawn path, or as JSON; and
// what spoke against an entity that is not the root.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/cli/terminal.h"
#include "schemas/base/status.h"
#include "schemas/incident.h"

namespace rootnote {

std::string ExplanationText(const Incident& incident, const Terminal& terminal);
std::string ExplanationJson(const Incident& incident);

// What a record says of an entity. Several may hold.
struct WhyNot {
  std::string entity;
  // root, cause, ruled_out, summed_up, rival, affected, at_risk, on_path, unexplained,
  // not_considered
  struct Finding {
    std::string verdict, reason, words;
    std::optional<int64_t> score;
    std::vector<Incident::ScorePart> parts;
  };
  std::vector<Finding> findings;
};
WhyNot WhyNotOf(const Incident& incident, std::string_view entity);
std::string WhyNotText(const Incident& incident, const WhyNot& why, const Terminal& terminal);
std::string WhyNotJson(const Incident& incident, const WhyNot& why);

// What the record says of a signal on an entity: "" if nothing.
std::string SymptomText(const Incident& incident, std::string_view signal, std::string_view entity);

// The answer of a daemon's /api/v1/findings, asked after a signal on an entity. InvalidArgument: it
// is none.
absl::StatusOr<std::string> FindingText(std::string_view json, std::string_view signal,
                                        std::string_view entity);

}  // namespace rootnote
