#include "engine/incidents_parts.h"

#include <algorithm>
#include <string>
#include <string_view>
#include <utility>

#include "fmt/format.h"

#include "engine/correlator_score.h"
#include "engine/incidents_text.h"

namespace rootnote {
namespace {

// So many symptoms of a part are named: what one line of a terminal holds.
constexpr size_t kNamedMax = 6;

// "app:shop errors 140, vm:web1 latency 100 and 3 more", the heaviest first.
std::string WeightWords(const Estate& estate, const std::vector<RegionItem>& items,
                        const std::vector<Explained>& explained, bool own) {
  std::vector<std::pair<int64_t, std::string>> named;
  for (const Explained& entry : explained) {
    if (entry.own != own || entry.weight == 0) continue;
    const uint64_t node = items[entry.item].node;
    named.emplace_back(-entry.weight,
                       fmt::format("{} {}", estate.Name(EntityOf(node)), Name(FamilyOf(node))));
  }
  std::sort(named.begin(), named.end());
  std::string text;
  for (size_t i = 0; i < std::min(named.size(), kNamedMax); ++i) {
    text += fmt::format("{}{} {}", i == 0 ? "" : ", ", named[i].second, -named[i].first);
  }
  if (named.size() > kNamedMax) text += fmt::format(" and {} more", named.size() - kNamedMax);
  return text;
}

std::string MissingWords(const Candidate& candidate) {
  return fmt::format("{} of {} that should show it {} well", candidate.missing,
                     candidate.missing + candidate.shown, candidate.missing == 1 ? "is" : "are");
}

}  // namespace

std::vector<Incident::ScorePart> PartsOf(const Estate& estate, const std::vector<RegionItem>& items,
                                         const Candidate& candidate,
                                         const std::vector<Explained>& explained) {
  const ScoreSum sum = SumOf(candidate, explained);
  std::vector<Incident::ScorePart> parts;
  const auto add = [&](std::string_view what, int64_t points, std::string detail) {
    if (points != 0) parts.push_back({std::string(what), points, std::move(detail)});
  };
  add("own_evidence", sum.own, WeightWords(estate, items, explained, true));
  add("effects", sum.others, WeightWords(estate, items, explained, false));
  add("silence", -sum.silence,
      candidate.healthy ? "it is watched, and well itself" : "it does not show it itself");
  add("missing", -sum.missing, MissingWords(candidate));
  add("timing", -sum.violations,
      fmt::format("{} that began before it, or too late",
                  Count(static_cast<int64_t>(candidate.violations), "effect")));
  add("prior", -sum.prior,
      candidate.relation ? "it is a relation, and nobody declared a fault"
                         : "nobody declared this fault");
  add("change", sum.change, "somebody changed it shortly before");
  return parts;
}

}  // namespace rootnote
