#include "engine/correlator.h"

#include <algorithm>
#include <map>
#include <tuple>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"

#include "engine/correlator_estate.h"
#include "engine/correlator_gates.h"
#include "engine/correlator_walk.h"

namespace rootnote {
namespace {

using SymptomKey = std::tuple<std::string, SignalId, std::string>;

SymptomKey KeyOf(const Symptom& symptom) {
  return {symptom.entity, symptom.signal, symptom.relation_from};
}

void SortByKey(std::vector<ActiveSymptom*>& symptoms) {
  std::sort(symptoms.begin(), symptoms.end(), [](ActiveSymptom* a, ActiveSymptom* b) {
    return KeyOf(a->symptom) < KeyOf(b->symptom);
  });
}

struct RegionState {
  EventTime due = kMaxTime;
  absl::flat_hash_set<ActiveSymptom*> members;  // never iterated where order matters
};

}  // namespace

class Correlator::Table {
 public:
  Table(std::shared_ptr<const Program> program, const WatchView& watch,
        const CorrelatorOptions& options)
      : estate(std::move(program), watch, options) {}

  void SetTopology(std::shared_ptr<const Topology> topology, EventTime now);
  void Apply(const Transition& transition, std::vector<Ended>& ended);
  void EndRemoved(EventTime now, std::vector<Ended>& ended);
  void SetOwner(ActiveSymptom& symptom, int64_t owner);
  std::vector<RegionView> Evaluate(EventTime now, const std::map<int64_t, std::string>& roots);

  Estate estate;
  CorrelatorStats stats;
  std::map<SymptomKey, ActiveSymptom> symptoms;
  std::map<uint64_t, RegionState> regions;
  EventTime next_removal = kMaxTime;  // when a deleted entity's symptoms end
  bool changed = false;               // some region or symptom waits to be judged

 private:
  void Reach(ActiveSymptom& active);
  void Unreach(ActiveSymptom& active);
  void ReachRelation(const ActiveSymptom& seen);
  void Forget(EntityId relation);
  void Touch(ActiveSymptom& active);
  EventTime RemovalOf(const ActiveSymptom& active) const;
  void Finish(ActiveSymptom& active, EventTime time, const std::string& reason,
              std::vector<Ended>& ended);
  void Neighbours(const ActiveSymptom& active, absl::flat_hash_set<int64_t>& crossed,
                  std::vector<ActiveSymptom*>& out) const;
  std::vector<ActiveSymptom*> Gather(ActiveSymptom& start,
                                     absl::flat_hash_set<ActiveSymptom*>& seen) const;
  std::vector<ActiveSymptom*> TakeDirty(EventTime now);
  uint64_t Settle(const std::vector<ActiveSymptom*>& members);
  std::vector<EntityId> RootsIn(uint64_t region, const std::vector<ActiveSymptom*>& members,
                                const std::map<int64_t, std::string>& roots) const;

  // By upstream entity; the order within never reaches an output.
  absl::flat_hash_map<uint32_t, absl::flat_hash_set<ActiveSymptom*>> reached_;
  absl::flat_hash_map<int64_t, std::vector<ActiveSymptom*>> owned_;
  absl::flat_hash_set<ActiveSymptom*> dirty_;
  uint64_t next_region_ = 1;
  uint64_t map_version_ = 0;
};

void Correlator::Table::Reach(ActiveSymptom& active) {
  NodeKey start = ToNode(active.entity, estate.SignalOf(active).family);
  UpstreamWalk walk = WalkUpstream(estate, start, active.symptom.onset);
  active.reach = std::move(walk.nodes);
  active.reach_cut = walk.cut;
  uint32_t last = ~0U;
  for (NodeKey node : active.reach) {
    uint32_t entity = EntityOf(node).value();
    if (entity == last) continue;
    last = entity;
    reached_[entity].insert(&active);
  }
}

// What depends on the relation's depending end by now may come from the relation as well.
void Correlator::Table::ReachRelation(const ActiveSymptom& seen) {
  const RelationEnds* ends = estate.EndsOf(seen.entity);
  if (ends == nullptr || !ends->from) return;
  auto found = reached_.find(ends->from->value());
  if (found == reached_.end()) return;
  const Family family = estate.SignalOf(seen).family;
  const NodeKey node = ToNode(seen.entity, family);
  std::vector<ActiveSymptom*> behind;
  for (ActiveSymptom* active : found->second) {
    if (active == &seen || estate.EndsOf(active->entity) != nullptr) continue;
    for (Family becomes : estate.rules().Becomes(ends->relation, family)) {
      const NodeKey from = ToNode(*ends->from, becomes);
      if (!std::binary_search(active->reach.begin(), active->reach.end(), from)) continue;
      behind.push_back(active);
      break;
    }
  }
  for (ActiveSymptom* active : behind) {
    auto at = std::lower_bound(active->reach.begin(), active->reach.end(), node);
    if (at != active->reach.end() && *at == node) continue;
    active->reach.insert(at, node);
    reached_[seen.entity.value()].insert(active);
  }
}

// The relation shows nothing any more, and its id may be given again.
void Correlator::Table::Forget(EntityId relation) {
  auto found = reached_.find(relation.value());
  if (found == reached_.end()) return;
  for (ActiveSymptom* active : found->second) {
    std::erase_if(active->reach, [&](NodeKey node) { return EntityOf(node) == relation; });
  }
  reached_.erase(found);
}

void Correlator::Table::Unreach(ActiveSymptom& active) {
  uint32_t last = ~0U;
  for (NodeKey node : active.reach) {
    uint32_t entity = EntityOf(node).value();
    if (entity == last) continue;
    last = entity;
    auto found = reached_.find(entity);
    found->second.erase(&active);
    if (found->second.empty()) reached_.erase(found);
  }
}

void Correlator::Table::Touch(ActiveSymptom& active) {
  dirty_.insert(&active);
  changed = true;
}

void Correlator::Table::SetTopology(std::shared_ptr<const Topology> topology, EventTime now) {
  if (estate.has_map() && topology->version() == map_version_) {
    return;
  }
  map_version_ = topology->version();
  estate.SetNow(now);
  // Names that were unknown may be in the map now.
  for (auto& [key, active] : symptoms) {
    Unreach(active);
    estate.Remove(active);
  }
  estate.SetMap(std::move(topology));
  next_removal = kMaxTime;
  for (auto& [key, active] : symptoms) {
    active.entity = estate.InternOf(active.symptom);
    active.symptom.unmapped =
        !estate.Find(active.symptom.entity) || !estate.InMap(*estate.Find(active.symptom.entity));
    estate.Add(active);
  }
  // Walks meet relations that show something: all of them first.
  for (auto& [key, active] : symptoms) {
    Reach(active);
    Touch(active);
    next_removal = std::min(next_removal, RemovalOf(active));
  }
}

// When the symptom ends because its entity was deleted. One that began after the grace is of
// something that is not in the map any more and lives on.
EventTime Correlator::Table::RemovalOf(const ActiveSymptom& active) const {
  EventTime until = kMaxTime;
  if (const RelationEnds* ends = estate.EndsOf(active.entity)) {
    until = estate.map().ValidityOf(ends->to).to;
    if (ends->from) until = std::min(until, estate.map().ValidityOf(*ends->from).to);
  } else if (estate.InMap(active.entity)) {
    until = estate.map().ValidityOf(active.entity).to;
  }
  if (until == kMaxTime) return kMaxTime;
  const EventTime end = until + estate.options().topology_grace;
  return active.symptom.onset < end ? end : kMaxTime;
}

void Correlator::Table::EndRemoved(EventTime now, std::vector<Ended>& ended) {
  if (now < next_removal) return;
  next_removal = kMaxTime;
  std::vector<ActiveSymptom*> gone;
  for (auto& [key, active] : symptoms) {
    const EventTime end = RemovalOf(active);
    if (end <= now) {
      gone.push_back(&active);
    } else {
      next_removal = std::min(next_removal, end);
    }
  }
  for (ActiveSymptom* active : gone) Finish(*active, now, "entity_removed", ended);
}

void Correlator::Table::Apply(const Transition& transition, std::vector<Ended>& ended) {
  SymptomKey key(transition.entity, transition.signal, transition.relation_from);
  auto found = symptoms.find(key);
  if (transition.to == SignalState::kInactive) {
    if (found != symptoms.end()) {
      Finish(found->second, transition.time, transition.reason, ended);
    }
    return;
  }
  const bool fresh = found == symptoms.end();
  if (fresh) {
    if (symptoms.size() >= estate.options().symptoms_max) {
      ++stats.refused_limit;
      return;
    }
    found = symptoms.try_emplace(key).first;
  }
  ActiveSymptom& active = found->second;
  Symptom& symptom = active.symptom;
  const EventTime onset = symptom.onset;
  symptom.signal = transition.signal;
  symptom.entity = transition.entity;
  symptom.relation_from = transition.relation_from;
  symptom.state = transition.to;
  symptom.onset = transition.onset;
  symptom.value = transition.value;
  symptom.unmapped = transition.unmapped;
  symptom.position = transition.position;
  symptom.summary = transition.summary;
  if (transition.alert != nullptr) symptom.alert = transition.alert;
  if (transition.to == SignalState::kFiring) {
    if (symptom.fired_at == kMaxTime) symptom.fired_at = transition.time;
  } else {
    symptom.fired_at = kMaxTime;
  }
  if (fresh) {
    active.entity = estate.InternOf(symptom);
    active.uncertainty = estate.rules().Uncertainty(symptom.signal) + estate.IntervalOf(symptom);
    estate.Add(active);
    next_removal = std::min(next_removal, RemovalOf(active));
  }
  if (fresh || onset != symptom.onset) {
    Unreach(active);
    Reach(active);
  }
  if (fresh) ReachRelation(active);
  Touch(active);
}

void Correlator::Table::Finish(ActiveSymptom& active, EventTime time, const std::string& reason,
                               std::vector<Ended>& ended) {
  auto region = regions.find(active.region);
  if (region != regions.end()) {
    region->second.members.erase(&active);
    region->second.due = kMinTime;
  }
  // What it stood beside before its first evaluation is judged with the others that changed.
  changed = true;
  dirty_.erase(&active);
  const int64_t owner = active.owner;
  SetOwner(active, kNoIncident);
  Unreach(active);
  const SymptomKey key = KeyOf(active.symptom);
  const bool relation = estate.EndsOf(active.entity) != nullptr;
  estate.Remove(active);
  if (relation && estate.EndsOf(active.entity) == nullptr) Forget(active.entity);
  ended.push_back({std::move(active), time, reason});
  ended.back().symptom.owner = owner;
  symptoms.erase(key);
}

void Correlator::Table::SetOwner(ActiveSymptom& active, int64_t owner) {
  if (active.owner == owner) return;
  if (active.owner != kNoIncident) {
    auto found = owned_.find(active.owner);
    std::erase(found->second, &active);
    if (found->second.empty()) owned_.erase(found);
  }
  active.owner = owner;
  if (owner != kNoIncident) owned_[owner].push_back(&active);
}

// Symptoms that share an upstream entity, a broken group or the owner. What was crossed once is not
// crossed again: entities as they are, owners below zero.
void Correlator::Table::Neighbours(const ActiveSymptom& active,
                                   absl::flat_hash_set<int64_t>& crossed,
                                   std::vector<ActiveSymptom*>& out) const {
  auto add = [&](EntityId entity) {
    auto found = reached_.find(entity.value());
    if (found == reached_.end() || !crossed.insert(entity.value()).second) return;
    out.insert(out.end(), found->second.begin(), found->second.end());
  };
  uint32_t last = ~0U;
  for (NodeKey node : active.reach) {
    uint32_t entity = EntityOf(node).value();
    if (entity != last) add(EntityId(entity));
    last = entity;
  }
  if (active.symptom.state == SignalState::kFiring) {
    for (const BrokenGroup& group : BrokenGroupsOf(estate, active)) {
      add(group.group);
      for (EntityId member : group.failed) add(member);
    }
  }
  if (active.owner != kNoIncident && crossed.insert(-1 - active.owner).second) {
    const std::vector<ActiveSymptom*>& owned = owned_.at(active.owner);
    out.insert(out.end(), owned.begin(), owned.end());
  }
}

std::vector<ActiveSymptom*> Correlator::Table::Gather(
    ActiveSymptom& start, absl::flat_hash_set<ActiveSymptom*>& seen) const {
  std::vector<ActiveSymptom*> members{&start}, neighbours;
  absl::flat_hash_set<int64_t> crossed;
  seen.insert(&start);
  for (size_t i = 0; i < members.size(); ++i) {
    neighbours.clear();
    Neighbours(*members[i], crossed, neighbours);
    for (ActiveSymptom* neighbour : neighbours) {
      if (seen.insert(neighbour).second) members.push_back(neighbour);
    }
  }
  SortByKey(members);
  return members;
}

// What has to be judged again, by key: regions that are due become their symptoms.
std::vector<ActiveSymptom*> Correlator::Table::TakeDirty(EventTime now) {
  for (auto region = regions.begin(); region != regions.end();) {
    if (region->second.due > now) {
      ++region;
      continue;
    }
    dirty_.insert(region->second.members.begin(), region->second.members.end());
    region = regions.erase(region);
  }
  changed = false;
  std::vector<ActiveSymptom*> starts(dirty_.begin(), dirty_.end());
  dirty_.clear();
  SortByKey(starts);
  return starts;
}

// Moves the members out of their old regions into a new one.
uint64_t Correlator::Table::Settle(const std::vector<ActiveSymptom*>& members) {
  const uint64_t id = next_region_++;
  for (ActiveSymptom* member : members) {
    auto old = regions.find(member->region);
    if (old != regions.end()) {
      old->second.members.erase(member);
      if (old->second.members.empty()) regions.erase(old);
    }
    member->region = id;
    regions[id].members.insert(member);
  }
  return id;
}

// Roots of incidents that own something in the region, or that something in it points to.
std::vector<EntityId> Correlator::Table::RootsIn(
    uint64_t region, const std::vector<ActiveSymptom*>& members,
    const std::map<int64_t, std::string>& roots) const {
  absl::flat_hash_set<int64_t> owners;
  for (const ActiveSymptom* member : members) owners.insert(member->owner);
  std::vector<EntityId> wanted;
  for (const auto& [owner, root] : roots) {
    std::optional<EntityId> entity = estate.Find(root);
    if (!entity) continue;
    auto found = reached_.find(entity->value());
    const bool pointed_to = found != reached_.end() && (*found->second.begin())->region == region;
    if (pointed_to || owners.contains(owner)) wanted.push_back(*entity);
  }
  std::sort(wanted.begin(), wanted.end());
  wanted.erase(std::unique(wanted.begin(), wanted.end()), wanted.end());
  return wanted;
}

std::vector<RegionView> Correlator::Table::Evaluate(EventTime now,
                                                    const std::map<int64_t, std::string>& roots) {
  estate.SetNow(now);
  std::vector<RegionView> views;
  absl::flat_hash_set<ActiveSymptom*> seen;
  for (ActiveSymptom* start : TakeDirty(now)) {
    if (seen.contains(start)) continue;
    std::vector<ActiveSymptom*> members = Gather(*start, seen);
    const uint64_t id = Settle(members);
    const std::vector<EntityId> wanted = RootsIn(id, members, roots);
    ++stats.evaluations;
    views.emplace_back(estate, id, std::move(members), wanted);
  }
  return views;
}

Correlator::Correlator(std::shared_ptr<const Program> program, const WatchView& watch,
                       const CorrelatorOptions& options)
    : table_(std::make_unique<Table>(std::move(program), watch, options)) {}

Correlator::~Correlator() = default;

void Correlator::SetTopology(std::shared_ptr<const Topology> topology, EventTime now) {
  table_->SetTopology(std::move(topology), now);
}

void Correlator::NoteChange(std::string_view entity, EventTime time) {
  table_->estate.NoteChange(entity, time);
}

void Correlator::Apply(const Transition& transition, std::vector<Ended>& ended) {
  table_->Apply(transition, ended);
}

void Correlator::EndRemoved(EventTime now, std::vector<Ended>& ended) {
  table_->EndRemoved(now, ended);
}

ActiveSymptom* Correlator::Find(std::string_view entity, SignalId signal,
                                std::string_view relation_from) {
  auto found = table_->symptoms.find({std::string(entity), signal, std::string(relation_from)});
  return found == table_->symptoms.end() ? nullptr : &found->second;
}

void Correlator::SetOwner(ActiveSymptom& symptom, int64_t owner) {
  table_->SetOwner(symptom, owner);
}

void Correlator::SetDue(uint64_t region, EventTime due) {
  auto found = table_->regions.find(region);
  if (found != table_->regions.end()) found->second.due = std::min(found->second.due, due);
}

void Correlator::TouchAll() {
  for (auto& [id, region] : table_->regions) region.due = kMinTime;
}

EventTime Correlator::NextDue() const {
  if (table_->changed) return kMinTime;
  EventTime due = table_->next_removal;
  for (const auto& [id, region] : table_->regions) due = std::min(due, region.due);
  return due;
}

std::vector<RegionView> Correlator::Evaluate(EventTime now,
                                             const std::map<int64_t, std::string>& roots) {
  return table_->Evaluate(now, roots);
}

std::vector<ActiveSymptom*> Correlator::Active() {
  std::vector<ActiveSymptom*> active;
  for (auto& [key, symptom] : table_->symptoms) active.push_back(&symptom);
  return active;
}

std::vector<const ActiveSymptom*> Correlator::Active() const {
  std::vector<const ActiveSymptom*> active;
  for (const auto& [key, symptom] : table_->symptoms) active.push_back(&symptom);
  return active;
}

bool Correlator::empty() const { return table_->symptoms.empty(); }
const Estate& Correlator::estate() const { return table_->estate; }
const CorrelatorStats& Correlator::stats() const { return table_->stats; }

}  // namespace rootnote
