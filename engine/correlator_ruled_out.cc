#include "engine/correlator_ruled_out.h"

#include <algorithm>
#include <deque>
#include <map>
#include <set>
#include <string>
#include <utility>

#include "fmt/format.h"

#include "engine/correlator_gates.h"
#include "engine/correlator_score.h"
#include "engine/incidents_parts.h"
#include "engine/incidents_text.h"

namespace rootnote {
namespace {

// Bounds of the walk: it only explains, so it may end early, but it must not cost more than a walk
// of the ranking.
constexpr size_t kStartsMax = 500;
constexpr size_t kNodesMax = 5'000;
// Declared faults of so many entities are listed one by one, more are summed up.
constexpr size_t kFaultsSingly = 3;
constexpr size_t kNamedMax = 3;
constexpr size_t kRejectedMax = 5;
// Entities of an area that are listed beside the sum, for who asks after one of them.
constexpr size_t kEntitiesMax = 50;

struct AreaWord {
  std::string_view kind, area;
};
// The names that SREs give their kinds. What is not here is an area of its own.
constexpr AreaWord kAreas[] = {
    {"array", "storage"},         {"bucket", "storage"},     {"datastore", "storage"},
    {"disk", "storage"},          {"filesystem", "storage"}, {"lun", "storage"},
    {"raid", "storage"},          {"storage", "storage"},    {"volume", "storage"},
    {"cluster_db", "database"},   {"database", "database"},  {"db", "database"},
    {"mysql", "database"},        {"postgres", "database"},  {"redis", "database"},
    {"edge", "network"},          {"firewall", "network"},   {"gateway", "network"},
    {"interface", "network"},     {"link", "network"},       {"lb", "network"},
    {"load_balancer", "network"}, {"network", "network"},    {"pool", "network"},
    {"router", "network"},        {"switch", "network"},     {"dns", "dns"},
    {"resolver", "dns"},          {"container", "compute"},  {"host", "compute"},
    {"hypervisor", "compute"},    {"node", "compute"},       {"pod", "compute"},
    {"server", "compute"},        {"vm", "compute"},
};

// How one entity is, for this list.
struct Standing {
  enum class Condition : uint8_t {
    kHealthy,
    kPending,  // nothing can be said of it yet
    kTolerated,
    kMaintenance,
    kFailing,
    kUnwatched
  };
  Condition condition = Condition::kUnwatched;
  std::string detail;  // of what is wrong
  std::string signal;
};

Standing StandingOf(const Estate& estate, EntityId entity) {
  Standing standing;
  bool tolerated = true, window = false, failing = false, pending = false;
  for (size_t i = 0; i < kFamilies; ++i) {
    NodeKey node = ToNode(entity, static_cast<Family>(i));
    if (estate.WatchOf(node) == Watch::kFresh) standing.condition = Standing::Condition::kHealthy;
    pending = pending || estate.Showing(node);
    if (!estate.Failing(node)) continue;
    failing = true;
    for (const ActiveSymptom* active : estate.At(node)) {
      if (active->symptom.state != SignalState::kFiring) continue;
      window = window || active->window != nullptr;
      tolerated =
          tolerated && active->verdict == Verdict::kTolerated && active->owner == kNoIncident;
      if (standing.detail.empty()) standing.detail = active->detail;
      const std::string& name = estate.SignalOf(*active).name;
      if (standing.signal.empty() || name < standing.signal) standing.signal = name;
    }
  }
  if (!failing) {
    if (pending) standing.condition = Standing::Condition::kPending;
    return standing;
  }
  standing.condition = window      ? Standing::Condition::kMaintenance
                       : tolerated ? Standing::Condition::kTolerated
                                   : Standing::Condition::kFailing;
  return standing;
}

struct Reached {
  EntityId entity;
  bool at_onset = true;  // over relations that held when it began
};

// Everything that something affected depends on, over every relation, healthy or not; last what it
// only depended on before or depends on since.
std::vector<Reached> ReachableFrom(const Estate& estate, const std::vector<EntityId>& starts,
                                   EventTime onset) {
  const EventTime begin = onset - estate.options().topology_grace;
  std::vector<Reached> result;
  std::set<uint32_t> seen;
  std::deque<std::pair<EntityId, uint32_t>> queue, later;
  for (EntityId start : starts) {
    if (seen.insert(start.value()).second) queue.emplace_back(start, 0);
  }
  // Crosses what it can; edges that did not hold at the onset are left for the second round.
  auto expand = [&](EntityId entity, uint32_t depth, bool at_onset) {
    for (const Edge& edge : estate.Upstream(entity)) {
      if (at_onset && !edge.validity.Within(begin, onset)) {
        later.emplace_back(edge.other, depth + 1);
      } else if (seen.insert(edge.other.value()).second) {
        queue.emplace_back(edge.other, depth + 1);
      }
    }
  };
  for (bool at_onset : {true, false}) {
    while (!queue.empty() && result.size() < kNodesMax) {
      auto [entity, depth] = queue.front();
      queue.pop_front();
      result.push_back({entity, at_onset});
      if (depth < estate.options().depth_max) expand(entity, depth, at_onset);
    }
    for (auto [entity, depth] : std::exchange(later, {})) {
      if (seen.insert(entity.value()).second) queue.emplace_back(entity, depth);
    }
  }
  std::sort(result.begin(), result.end(), [&](const Reached& a, const Reached& b) {
    return estate.Name(a.entity) < estate.Name(b.entity);
  });
  return result;
}

struct Area {
  std::map<std::string, std::vector<EntityId>> healthy, unwatched;  // by kind
  std::vector<std::pair<EntityId, Standing>> tolerated;
  bool failing = false;
};

std::string Counted(const Estate& estate,
                    const std::map<std::string, std::vector<EntityId>>& kinds) {
  std::string text;
  for (const auto& [kind, entities] : kinds) {
    text += text.empty() ? "" : ", ";
    text += entities.size() == 1 ? std::string(estate.Name(entities[0]))
                                 : Count(static_cast<int64_t>(entities.size()), kind);
  }
  return text;
}

Incident::RuledOut Sum(const Estate& estate, std::string_view word, const Area& area) {
  Incident::RuledOut out;
  out.what = word;
  out.reason = area.tolerated.empty() ? "healthy_and_fresh" : "tolerated";
  for (const auto& [kind, entities] : area.healthy) {
    for (EntityId entity : entities) {
      if (out.entities.size() < kEntitiesMax) out.entities.emplace_back(estate.Name(entity));
    }
  }
  if (!area.healthy.empty()) out.detail = Counted(estate, area.healthy) + " healthy and fresh";
  size_t named = 0;
  for (const auto& [entity, standing] : area.tolerated) {
    if (named++ >= kNamedMax) continue;
    out.detail += fmt::format("{}{} failing, tolerated{}", out.detail.empty() ? "" : "; ",
                              estate.Name(entity),
                              standing.detail.empty() ? "" : " (" + standing.detail + ")");
  }
  if (named > kNamedMax) out.detail += fmt::format(" and {} more", named - kNamedMax);
  if (!area.unwatched.empty()) {
    out.detail += fmt::format("; not monitored: {}", Counted(estate, area.unwatched));
  }
  return out;
}

// "edge:e1: traffic_surge 1.6 but no connection_flood".
std::string ShownWords(const Estate& estate, EntityId entity, const Fault& fault) {
  std::string shown, absent;
  for (SignalId id : fault.shown_by) {
    const Signal& signal = estate.program().signal(id);
    const ActiveSymptom* found = nullptr;
    for (const ActiveSymptom* active : estate.At(ToNode(entity, signal.family))) {
      if (active->symptom.signal == id) found = active;
    }
    std::string& list = found != nullptr ? shown : absent;
    list += list.empty() ? "" : (found != nullptr ? " and " : " or ");
    list += signal.name;
    if (found != nullptr) list += " " + NumberWords(found->symptom.value);
  }
  if (shown.empty()) return fmt::format("{}: no {}", estate.Name(entity), absent);
  return fmt::format("{}: {} but no {}", estate.Name(entity), shown, absent);
}

void AddFaults(const Estate& estate, const std::vector<EntityId>& entities,
               std::vector<Incident::RuledOut>& out) {
  std::map<std::string, std::vector<Incident::RuledOut>> refuted;  // by fault
  for (EntityId entity : entities) {
    for (FaultId id : estate.rules().FaultsOf(estate.KindOf(entity))) {
      const Fault& fault = estate.program().fault(id);
      const Shown shown = ShownBy(estate, entity, fault);
      if (shown != Shown::kPartly && shown != Shown::kRefuted) continue;
      Incident::RuledOut entry{
          std::string(estate.Name(entity)), fault.name,
          shown == Shown::kPartly ? "explains_too_little" : "healthy_and_fresh",
          ShownWords(estate, entity, fault)};
      if (shown == Shown::kPartly) {
        out.push_back(std::move(entry));
      } else {
        refuted[fault.name].push_back(std::move(entry));
      }
    }
  }
  for (auto& [fault, entries] : refuted) {
    if (entries.size() <= kFaultsSingly) {
      for (Incident::RuledOut& entry : entries) out.push_back(std::move(entry));
      continue;
    }
    std::string kind(KindName(entries[0].what));
    out.push_back(
        {fault, fault, "healthy_and_fresh",
         fmt::format("{} show none of it", Count(static_cast<int64_t>(entries.size()), kind))});
  }
}

// Everything upstream of what is affected, sorted into what can be said of it.
struct Survey {
  Survey(const Estate& estate, const LiveIncident& live, const ImpactView& view);

  std::set<uint32_t> involved;  // the root, its causes, and all on the paths: not ruled out
  std::map<std::string, Area, std::less<>> areas;
  std::vector<EntityId> others;
  std::vector<Incident::RuledOut> singles;

 private:
  std::vector<EntityId> Starts(const Estate& estate, const LiveIncident& live,
                               const ImpactView& view);
  void Place(const Estate& estate, EntityId entity);
};

std::vector<EntityId> Survey::Starts(const Estate& estate, const LiveIncident& live,
                                     const ImpactView& view) {
  std::vector<EntityId> starts;
  if (std::optional<EntityId> root = estate.Find(live.root)) {
    involved.insert(root->value());
    starts.push_back(*root);
  }
  for (const std::string& cause : live.causes) {
    if (std::optional<EntityId> id = estate.Find(cause)) involved.insert(id->value());
  }
  for (const ImpactPath& path : view.paths) {
    for (EntityId step : path.path) involved.insert(step.value());
    if (starts.size() < kStartsMax) starts.push_back(path.entity);
  }
  for (const auto& [name, impact] : live.impact) {
    std::optional<EntityId> id = estate.Find(name);
    if (!id) continue;
    involved.insert(id->value());
    starts.push_back(*id);
  }
  return starts;
}

void Survey::Place(const Estate& estate, EntityId entity) {
  const std::string name(estate.Name(entity));
  const std::string kind(KindName(name));
  Area& area = areas[std::string(AreaOf(kind))];
  Standing standing = StandingOf(estate, entity);
  switch (standing.condition) {
    case Standing::Condition::kHealthy:
      area.healthy[kind].push_back(entity);
      break;
    case Standing::Condition::kPending:
      break;
    case Standing::Condition::kUnwatched:
      area.unwatched[kind].push_back(entity);
      break;
    case Standing::Condition::kTolerated:
      area.tolerated.emplace_back(entity, std::move(standing));
      break;
    case Standing::Condition::kMaintenance:
      singles.push_back({name, standing.signal, "in_maintenance",
                         fmt::format("{} fails in its maintenance window", name)});
      break;
    case Standing::Condition::kFailing:
      area.failing = true;
      singles.push_back(
          {name, standing.signal, "explains_too_little",
           fmt::format("{}: {} fires, and explains nothing of this", name, standing.signal)});
      break;
  }
}

Survey::Survey(const Estate& estate, const LiveIncident& live, const ImpactView& view) {
  const EventTime onset = live.candidate.onset;
  for (const Reached& reached : ReachableFrom(estate, Starts(estate, live, view), onset)) {
    if (involved.contains(reached.entity.value())) continue;
    if (reached.at_onset) {
      others.push_back(reached.entity);
      Place(estate, reached.entity);
      continue;
    }
    Standing standing = StandingOf(estate, reached.entity);
    if (standing.condition != Standing::Condition::kFailing) continue;
    const std::string name(estate.Name(reached.entity));
    singles.push_back({name, standing.signal, "no_path_at_onset",
                       fmt::format("{} fails, but nothing affected depended on it at {}", name,
                                   FormatRfc3339(onset))});
  }
}

bool Lists(const std::vector<Incident::RuledOut>& list, const Incident::RuledOut& entry) {
  return std::any_of(list.begin(), list.end(), [&](const Incident::RuledOut& other) {
    return other.what == entry.what && other.fault == entry.fault;
  });
}

// What was so when the root was judged last may be otherwise by now.
bool StillHolds(const Estate& estate, EntityId entity, const std::string& reason) {
  const Standing::Condition condition = StandingOf(estate, entity).condition;
  if (reason == "healthy_and_fresh") return condition == Standing::Condition::kHealthy;
  if (reason == "tolerated") return condition == Standing::Condition::kTolerated;
  return true;
}

}  // namespace

std::string_view AreaOf(std::string_view kind) {
  for (const AreaWord& word : kAreas) {
    if (word.kind == kind) return word.area;
  }
  return kind;
}

std::vector<Incident::RuledOut> RejectedFor(const Estate& estate, const RegionView& region,
                                            const Candidate& root) {
  std::vector<Incident::RuledOut> rejected;
  const std::vector<bool> mine = region.Marks(root.explained);
  std::set<uint32_t> effects;
  for (const Explained& explained : root.explained) {
    effects.insert(EntityOf(region.items()[explained.item].node).value());
  }
  for (const Candidate& candidate : region.candidates()) {
    if (candidate.entity == root.entity || rejected.size() >= kRejectedMax) continue;
    if (std::find(root.causes.begin(), root.causes.end(), candidate.entity) != root.causes.end()) {
      continue;
    }
    const bool effect = effects.contains(candidate.entity.value());
    const auto shared =
        static_cast<size_t>(std::count_if(candidate.explained.begin(), candidate.explained.end(),
                                          [&](const Explained& its) { return mine[its.item]; }));
    if (effect || (shared == 0 && !candidate.began_after && !candidate.tolerated)) continue;
    Incident::RuledOut entry;
    entry.what = candidate.name;
    entry.fault = candidate.fault;
    if (candidate.tolerated && !candidate.tolerated_by.empty()) {
      const Tolerated& gate = candidate.tolerated_by.front();
      entry.reason = "tolerated";
      entry.detail = GateWords(estate, gate.group, gate.relation, gate.failed, gate.members);
    } else if (candidate.began_after) {
      entry.reason = "began_after_effect";
      entry.detail = fmt::format("{} began at {}, after what it would have to explain",
                                 candidate.name, FormatRfc3339(candidate.onset));
    } else if (candidate.healthy) {
      entry.reason = "healthy_and_fresh";
      entry.detail = fmt::format("{} healthy and fresh", candidate.name);
    } else if (shared >= root.explained.size()) {
      // One that scores higher as well is a rival in root[], and not ruled out.
      if (candidate.score > root.score) continue;
      entry.reason = "scores_lower";
      entry.detail = fmt::format("explains all {} as well{}, score {} against {}", shared,
                                 candidate.own_evidence ? "" : " but shows nothing itself",
                                 candidate.score, root.score);
    } else {
      entry.reason = "explains_too_little";
      entry.detail = fmt::format("explains {} of {}, score {} against {}", shared,
                                 root.explained.size(), candidate.score, root.score);
    }
    entry.score = candidate.score;
    entry.parts = PartsOf(estate, region.items(), candidate, candidate.explained);
    rejected.push_back(std::move(entry));
  }
  return rejected;
}

std::vector<Incident::RuledOut> RuledOutOf(const Estate& estate, const LiveIncident& live,
                                           const ImpactView& view, size_t max) {
  Survey survey(estate, live, view);
  std::vector<Incident::RuledOut> out;
  for (const auto& [word, area] : survey.areas) {
    // An area in which something else fails for another reason is not ruled out as a whole.
    if (area.failing || (area.healthy.empty() && area.tolerated.empty())) continue;
    out.push_back(Sum(estate, word, area));
  }
  AddFaults(estate, survey.others, out);
  for (const Incident::RuledOut& rejected : live.rejected) {
    std::optional<EntityId> id = estate.Find(rejected.what);
    // A restored record's list is whole, and what is found again replaces it.
    if (live.unjudged && Lists(out, rejected)) continue;
    if (id && survey.involved.contains(id->value())) continue;
    // A restored record speaks of what nobody has judged since.
    if (!live.unjudged && (!id || !StillHolds(estate, *id, rejected.reason))) continue;
    out.push_back(rejected);
  }
  const size_t listed = out.size();
  for (Incident::RuledOut& single : survey.singles) {
    const bool known =
        std::any_of(out.begin(), out.begin() + static_cast<std::ptrdiff_t>(listed),
                    [&](const Incident::RuledOut& entry) { return entry.what == single.what; });
    if (!known) out.push_back(std::move(single));
  }
  if (out.size() > max) out.resize(max);
  return out;
}

}  // namespace rootnote
