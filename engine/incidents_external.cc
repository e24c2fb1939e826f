// Something outside the map: incidents that began together on entities of one kind, that nothing in
// the map explains, and that share a label which those that are well do not have. They become one,
// with the label as its root: external:region/uk.
#include <algorithm>
#include <map>
#include <tuple>
#include <utility>
#include <vector>

#include "fmt/format.h"

#include "engine/incidents_lifecycle.h"

namespace rootnote {
namespace {

constexpr std::string_view kExternal = "external";
// Two entities that fail at a time may be chance, and most labels have pairs; three are a pattern.
constexpr size_t kMembersMin = 3;
// They begin within the grace of the map: what one event breaks shows within minutes.
constexpr Millis kWindow{5 * 60'000};
// Entities of the kind that are looked at: bounds the cost, which only openings have.
constexpr size_t kScanMax = 20'000;

struct Group {
  KindId kind;
  Family family = Family::kErrors;
  size_t label = 0;  // index into blast_labels: the wider ones come first
  std::string value;
  friend bool operator<(const Group& a, const Group& b) {
    return std::tie(a.label, a.value, a.kind, a.family) <
           std::tie(b.label, b.value, b.kind, b.family);
  }
};

// At least half of those with the value fail, and less than half of the others, of which there are.
bool Separates(const Estate& estate, const Group& group, const std::string& label) {
  size_t inside = 0, inside_failing = 0, outside = 0, outside_failing = 0;
  Labels identity;
  std::span<const EntityId> entities = estate.map().OfKind(group.kind);
  for (EntityId entity : entities.first(std::min(entities.size(), kScanMax))) {
    const NodeKey node = ToNode(entity, group.family);
    const bool failing = estate.Failing(node);
    if (!estate.Alive(entity) || (!failing && estate.WatchOf(node) != Watch::kFresh)) continue;
    const std::string_view value = LabelOf(estate, entity, label, identity);
    if (value.empty()) continue;
    const bool in = value == group.value;
    ++(in ? inside : outside);
    if (failing) ++(in ? inside_failing : outside_failing);
  }
  return inside_failing >= kMembersMin && inside_failing * 2 >= inside && outside > 0 &&
         outside_failing * 2 < outside;
}

// The path of everything that the incident affects now begins one step further out.
void Prefix(LiveIncident& live, const std::string& root, const std::string& label) {
  for (auto& [entity, impact] : live.impact) {
    if (impact.path.empty()) continue;
    impact.path.insert(impact.path.begin(), root);
    impact.relations.insert(impact.relations.begin(), label);
  }
  OwnedImpact& own =
      live.impact.try_emplace(live.root, OwnedImpact{{}, {}, {}, kMaxTime, ""}).first->second;
  own.path = {root, live.root};
  own.relations = {label};
}

}  // namespace

bool IsExternal(const LiveIncident& live) {
  return live.root.starts_with(kExternal) && live.root.substr(kExternal.size(), 1) == ":" &&
         live.fault.starts_with(kExternal);
}

// Moves the root of the incident outside the map.
void IncidentStore::Lifecycle::Externalise(LiveIncident& live, const std::string& root,
                                           const std::string& label, Family family) {
  Prefix(live, root, label);
  OwnedImpact& own = live.impact.at(live.root);
  for (const auto& [key, owned] : live.symptoms) {
    if (ConcernedBy(*program_, owned.symptom, live.root) != live.root) continue;
    own.signals.insert(program_->signal(owned.symptom.signal).name);
    own.onset = std::min(own.onset, owned.symptom.onset);
  }
  if (own.onset == kMaxTime) own.onset = live.candidate.onset;
  Candidate outside;
  outside.name = live.root = root;
  outside.fault = live.fault = fmt::format("{}_{}", kExternal, Name(family));
  outside.onset = outside.latest = live.candidate.onset;
  outside.sum = live.candidate.sum;
  outside.sum.others += std::exchange(outside.sum.own, 0);
  outside.score = outside.sum.Total();
  live.candidate = std::move(outside);
  live.declared.reset();
  live.had_evidence = false;
  live.causes.clear(), live.rivals.clear(), live.rejected.clear();
  live.challenger.clear();
  Note(live, "root_changed", /*urgent=*/true);
}

// Only openings can complete a group.
void IncidentStore::Lifecycle::FindExternal() {
  const Estate& estate = correlator_.estate();
  const bool opened = std::any_of(open_.begin(), open_.end(), [](const auto& entry) {
    return entry.second.due_state.has_value();
  });
  if (!opened || estate.rules().FindKind(kExternal)) return;
  std::map<Group, std::vector<int64_t>> groups;
  for (const auto& [slot, live] : open_) {
    if (!live.had_evidence || live.recovered_at || live.candidate.group || live.in_maintenance ||
        live.tolerated || live.unjudged || live.candidate.relation) {
      continue;
    }
    if (live.record.opened_at + kWindow < now_) continue;
    const std::optional<EntityId> root = estate.Find(live.root);
    const std::optional<KindId> kind = root ? estate.KindOf(*root) : std::nullopt;
    if (!kind || !estate.InMap(*root)) continue;
    Labels identity;
    for (size_t label = 0; label < options_.blast_labels.size(); ++label) {
      const std::string value(LabelOf(estate, *root, options_.blast_labels[label], identity));
      for (size_t i = 0; i < kFamilies && !value.empty(); ++i) {
        const auto family = static_cast<Family>(i);
        if (estate.Failing(ToNode(*root, family))) {
          groups[{*kind, family, label, value}].push_back(slot);
        }
      }
    }
  }
  for (const auto& [group, slots] : groups) {
    const std::string& label = options_.blast_labels[group.label];
    const std::string root =
        fmt::format("{}:{}/{}", kExternal, EncodeIdPart(label), EncodeIdPart(group.value));
    const std::string fault = fmt::format("{}_{}", kExternal, Name(group.family));
    const auto known = std::find_if(open_.begin(), open_.end(), [&](const auto& entry) {
      return entry.second.root == root && entry.second.fault == fault;
    });
    std::vector<int64_t> members;
    for (int64_t slot : slots) {
      auto live = open_.find(slot);
      if (live != open_.end() && !IsExternal(live->second)) members.push_back(slot);
    }
    if (members.empty() || (known == open_.end() && members.size() < kMembersMin)) continue;
    if (!Separates(estate, group, label)) continue;
    if (known != open_.end()) Note(known->second, "impact_grew", /*urgent=*/false);
    for (int64_t slot : members) Externalise(open_.at(slot), root, label, group.family);
    LiveIncident& first = open_.at(members.front());
    if (known == open_.end() && first.due_state == IncidentState::kOpen) {
      if (episodes_[first.record.key] == first.record.episode) --episodes_[first.record.key];
      Identify(first, root + "|" + fault);
    }
    // MergeShared makes one of all that share root and fault.
  }
}

// What else goes wrong with the affected ones, and with what depends on them, belongs to it.
void IncidentStore::Lifecycle::FoldExternal(LiveIncident& live, const RegionView& region,
                                            std::vector<bool>& open) {
  const Estate& estate = correlator_.estate();
  for (const Candidate& candidate : region.candidates()) {
    const auto victim = live.impact.find(candidate.name);
    if (!candidate.own_evidence || victim == live.impact.end() || victim->second.path.empty()) {
      continue;
    }
    const std::string label = victim->second.relations.front();
    bool taken = false;
    for (const Explained& explained : candidate.explained) {
      if (!open[explained.item]) continue;
      open[explained.item] = false;
      OwnAll(live, region.items()[explained.item]);
      taken = true;
    }
    if (!taken) continue;
    for (const ImpactPath& path : ImpactOf(estate, candidate).paths) {
      const auto impact = live.impact.find(std::string(estate.Name(path.entity)));
      if (impact == live.impact.end() || !impact->second.path.empty()) continue;
      impact->second.path = {live.root};
      impact->second.relations = {label};
      for (EntityId step : path.path) impact->second.path.emplace_back(estate.Name(step));
      for (RelationId step : path.relations) {
        impact->second.relations.push_back(program_->relation(step).name);
      }
    }
  }
}

}  // namespace rootnote
