#include "engine/correlator_gates.h"

#include <algorithm>
#include <string>
#include <utility>

#include "fmt/format.h"

namespace rootnote {
namespace {

bool Contains(const std::vector<EntityId>& entities, EntityId entity) {
  return std::find(entities.begin(), entities.end(), entity) != entities.end();
}

}  // namespace

std::vector<EntityId> MembersOf(const Estate& estate, EntityId group, RelationId relation,
                                EventTime begin, EventTime end) {
  std::vector<EntityId> members;
  for (const Edge& edge : estate.Upstream(group)) {
    if (edge.relation != relation || !edge.validity.Within(begin, end)) continue;
    // Edges are sorted by the other's name within a relation: repeats stand side by side.
    if (members.empty() || members.back() != edge.other) members.push_back(edge.other);
  }
  return members;
}

bool FailsIn(const Estate& estate, EntityId member, RelationId relation, uint16_t clause) {
  for (size_t i = 0; i < kFamilies; ++i) {
    auto family = static_cast<Family>(i);
    const std::vector<uint16_t>& clauses = estate.rules().Clauses(relation, family);
    if (estate.rules().Becomes(relation, family).empty()) continue;
    if (std::find(clauses.begin(), clauses.end(), clause) == clauses.end()) continue;
    if (estate.Failing(ToNode(member, family))) return true;
  }
  return false;
}

uint32_t Gate::failed() const {
  size_t count = failing.size();
  for (EntityId member : attributable) count += Contains(failing, member) ? 0 : 1;
  return static_cast<uint32_t>(count);
}

Gate& Gates::Get(EntityId group, RelationId relation, uint16_t clause) {
  std::pair<uint32_t, uint32_t> key(group.value(), (uint32_t{relation.value()} << 16) | clause);
  auto [entry, fresh] = index_.try_emplace(key, static_cast<uint32_t>(gates_.size()));
  if (!fresh) return gates_[entry->second];
  Gate& gate = gates_.emplace_back();
  gate.group = group;
  gate.relation = relation;
  std::vector<EntityId> members = MembersOf(*estate_, group, relation, begin_, end_);
  gate.members = static_cast<uint32_t>(members.size());
  gate.tolerated =
      ToleratedCount(estate_->program().relation(relation).tolerances[clause], gate.members);
  for (EntityId member : members) {
    if (FailsIn(*estate_, member, relation, clause)) gate.failing.push_back(member);
  }
  return gate;
}

void Gates::Attribute(EntityId group, RelationId relation, uint16_t clause, EntityId member,
                      bool assumed) {
  Gate& gate = Get(group, relation, clause);
  if (Contains(gate.attributable, member)) return;
  gate.attributable.push_back(member);
  if (assumed) gate.assumed.push_back(member);
}

bool Gates::Open(EntityId group, RelationId relation, Family from, bool jointly) {
  for (uint16_t clause : estate_->rules().Clauses(relation, from)) {
    const Gate& gate = Get(group, relation, clause);
    if (jointly ? !gate.PassesJointly() : !gate.PassesAlone()) return false;
  }
  return true;
}

void Gates::Wait(const Waiting& waiting) {
  GroupKey key(waiting.edge.other.value(), waiting.edge.relation.value());
  auto [entry, fresh] = waiting_.try_emplace(key);
  if (fresh) groups_.push_back(key);
  entry->second.push_back(waiting);
}

std::vector<Gates::Waiting> Gates::Released(EntityId group, RelationId relation, bool jointly) {
  std::vector<Waiting> released, kept;
  auto found = waiting_.find(GroupKey(group.value(), relation.value()));
  if (found == waiting_.end()) return released;
  for (const Waiting& step : found->second) {
    bool open = Open(group, relation, step.from, jointly);
    (open ? released : kept).push_back(step);
  }
  found->second = std::move(kept);
  return released;
}

std::vector<Gates::Waiting> Gates::ReleasedJointly() {
  std::vector<Waiting> released;
  for (GroupKey key : groups_) {
    std::vector<Waiting> steps =
        Released(EntityId(key.first), RelationId(key.second), /*jointly=*/true);
    released.insert(released.end(), steps.begin(), steps.end());
  }
  return released;
}

std::vector<Tolerated> Gates::Closed() const {
  std::vector<Tolerated> closed;
  for (GroupKey key : groups_) {
    if (waiting_.at(key).empty()) continue;
    Tolerated group{EntityId(key.first), RelationId(key.second), 0, 0};
    for (const Gate& gate : gates_) {
      if (gate.group != group.group || gate.relation != group.relation) continue;
      group.failed = std::max(group.failed, gate.failed());
      group.members = gate.members;
    }
    closed.push_back(group);
  }
  return closed;
}

std::vector<BrokenGroup> BrokenGroupsOf(const Estate& estate, const ActiveSymptom& symptom) {
  std::vector<BrokenGroup> groups;
  const Family family = estate.SignalOf(symptom).family;
  const EventTime begin = symptom.symptom.onset - estate.options().topology_grace;
  const EventTime end = std::max(symptom.symptom.onset, estate.now());
  for (const Edge& edge : estate.Downstream(symptom.entity)) {
    if (!edge.validity.Within(begin, end)) continue;
    const std::vector<uint16_t>& clauses = estate.rules().Clauses(edge.relation, family);
    if (clauses.empty() || estate.rules().Becomes(edge.relation, family).empty()) continue;
    BrokenGroup group{edge.other, edge.relation, {}, {}, 0, 0};
    std::vector<EntityId> members = MembersOf(estate, edge.other, edge.relation, begin, end);
    group.members = static_cast<uint32_t>(members.size());
    bool broken = true;
    for (uint16_t clause : clauses) {
      const Tolerance& tolerance = estate.program().relation(edge.relation).tolerances[clause];
      group.tolerated = std::max(group.tolerated, ToleratedCount(tolerance, group.members));
      std::vector<EntityId> failed;
      for (EntityId member : members) {
        if (FailsIn(estate, member, edge.relation, clause)) failed.push_back(member);
      }
      broken = broken && failed.size() > ToleratedCount(tolerance, group.members);
      if (failed.size() > group.failed.size()) group.failed = std::move(failed);
    }
    // A gate that tolerates nothing is no redundancy that could be lost.
    if (!broken || group.tolerated == 0) continue;
    group.families = estate.rules().Becomes(edge.relation, family);
    groups.push_back(std::move(group));
  }
  return groups;
}

std::string GateWords(const Estate& estate, EntityId group, RelationId relation, uint32_t failed,
                      uint32_t members) {
  std::string kind = "members";
  const std::vector<KindId>& kinds = estate.program().relation(relation).to_kinds;
  if (kinds.size() == 1) kind = PluralOf(estate.program().kind(kinds[0]).name);
  return fmt::format("{}: {} of {} {} failing, tolerated", estate.Name(group), failed, members,
                     kind);
}

}  // namespace rootnote
