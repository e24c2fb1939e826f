#include "schemas/incident.h"

#include <array>
#include <cstddef>

namespace rootnote {
namespace {

// In the order of the enumerators.
constexpr std::array<std::string_view, 4> kSeverities = {"info", "warning", "major", "critical"};
constexpr std::array<std::string_view, 5> kFamilies = {"errors", "latency", "saturation", "traffic",
                                                       "down"};
constexpr std::array<std::string_view, 4> kStatuses = {"open", "resolved", "merged", "superseded"};
constexpr std::array<std::string_view, 6> kStates = {"open",     "updated", "resolved",
                                                     "reopened", "merged",  "superseded"};

template <typename Enum, size_t kCount>
std::optional<Enum> Parse(const std::array<std::string_view, kCount>& words,
                          std::string_view word) {
  for (size_t i = 0; i < kCount; ++i) {
    if (words[i] == word) {
      return static_cast<Enum>(i);
    }
  }
  return std::nullopt;
}

}  // namespace

std::string_view Name(Severity severity) { return kSeverities[static_cast<size_t>(severity)]; }
std::string_view Name(Family family) { return kFamilies[static_cast<size_t>(family)]; }
std::string_view Name(IncidentStatus status) { return kStatuses[static_cast<size_t>(status)]; }
std::string_view Name(IncidentState state) { return kStates[static_cast<size_t>(state)]; }

std::optional<Severity> ParseSeverity(std::string_view word) {
  return Parse<Severity>(kSeverities, word);
}
std::optional<Family> ParseFamily(std::string_view word) { return Parse<Family>(kFamilies, word); }
std::optional<IncidentStatus> ParseStatus(std::string_view word) {
  return Parse<IncidentStatus>(kStatuses, word);
}
std::optional<IncidentState> ParseState(std::string_view word) {
  return Parse<IncidentState>(kStates, word);
}

}  // namespace rootnote
