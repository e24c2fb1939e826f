#include "engine/topology_graph.h"

#include <algorithm>
#include <utility>

namespace rootnote {
std::optional<EntityId> TopologyStore::Graph::Find(std::string_view entity) const {
  std::optional<EntityId> found;
  names_.ForEach(HashBytes(entity), [&](EntityId id) {
    if (nodes_.At(id).name == entity) {
      found = id;
    }
  });
  return found;
}

TopologyNode& TopologyStore::Graph::Write(EntityId id) {
  dirty_ = true;
  // Of the first map everything is new, and nobody asks what changed.
  if (current_ != nullptr && nodes_.At(id).generation != generation_) {
    written_.push_back(id);
  }
  return nodes_.Mutable(id, generation_);
}

EntityId TopologyStore::Graph::OpenOrCreate(const End& entity, EventTime time) {
  if (entity.id) {
    OpenEntity(*entity.id, time);
    return *entity.id;
  }
  EntityId id;
  if (free_.empty()) {
    id = nodes_.Append(generation_);
    states_.emplace_back();
    if (current_ != nullptr) {
      written_.push_back(id);
    }
  } else {
    id = free_.back();
    free_.pop_back();
  }
  TopologyNode& node = Write(id);
  node.name = entity.name;
  node.kind = KindNamed(KindName(entity.name));
  node.validity = {time, kMaxTime};
  names_.Insert(HashBytes(entity.name), id, generation_);
  ++alive_;
  if (node.kind) {
    kind_added_[node.kind->index()].push_back(id);
  } else {
    ++stats_.unknown_kind;
  }
  return id;
}

void TopologyStore::Graph::OpenEntity(EntityId id, EventTime time) {
  const Validity validity = nodes_.At(id).validity;
  if (validity.to == kMaxTime) {
    if (time < validity.from) {
      Write(id).validity.from = time;
    }
    return;
  }
  // An interval that begins before the last one ended goes on with it.
  const bool joins = time <= validity.to && validity.from < validity.to;
  Write(id).validity = {joins ? std::min(validity.from, time) : time, kMaxTime};
  ++alive_;
  UpdateLabels(id);
}

void TopologyStore::Graph::CloseIfUnnamed(EntityId id, EventTime time) {
  const EntityState& state = states_[id.index()];
  const Validity validity = nodes_.At(id).validity;
  if (!state.owners.empty() || state.edges_open > 0 || validity.to != kMaxTime) {
    return;
  }
  const EventTime to = std::max(time, validity.from);
  Write(id).validity.to = to;
  --alive_;
  endings_.push({to, true, {RelationId(), id, EntityId()}});
}

void TopologyStore::Graph::NameEntity(EntityId id, SourceId source, const Labels& labels) {
  auto& owners = states_[id.index()].owners;
  const auto known = std::find_if(owners.begin(), owners.end(),
                                  [&](const EntityOwner& owner) { return owner.source == source; });
  if (known != owners.end()) {
    owners.erase(known);
  }
  EntityOwner owner;
  owner.source = source;
  owner.epoch = sources_[source].epoch;
  owner.labels = labels;
  owners.push_back(std::move(owner));
  UpdateLabels(id);
}

// The union of what the owners say; of two values the later statement's holds.
Labels TopologyStore::Graph::MergeLabels(const EntityState& state,
                                         std::optional<KindId> kind) const {
  static const std::vector<std::string> kNone;
  const std::vector<std::string>& identity = kind ? program_->kind(*kind).identity : kNone;
  const auto names = [&](const Labels& labels) {
    return std::any_of(identity.begin(), identity.end(),
                       [&](const std::string& label) { return labels.Has(label); });
  };
  if (state.owners.size() == 1 && !names(state.owners.front().labels)) {
    return state.owners.front().labels;  // shares the bytes
  }
  std::vector<Label> pairs;
  for (const EntityOwner& owner : state.owners) {
    const std::vector<Label> own = owner.labels.ToVector();
    pairs.insert(pairs.end(), own.begin(), own.end());
  }
  std::erase_if(pairs, [&](const Label& label) {
    return std::find(identity.begin(), identity.end(), label.first) != identity.end();
  });
  return Labels::FromViews(std::move(pairs));
}

void TopologyStore::Graph::UpdateLabels(EntityId id) {
  const EntityState& state = states_[id.index()];
  const std::optional<KindId> kind = nodes_.At(id).kind;
  Labels merged = MergeLabels(state, kind);
  if (merged == nodes_.At(id).labels) {
    return;
  }
  TopologyNode& node = Write(id);
  for (const std::string_view value : AliasesOf(*program_, node)) {
    aliases_.Erase(AliasHash(*kind, value), id, generation_);
  }
  node.labels = std::move(merged);
  for (const std::string_view value : AliasesOf(*program_, node)) {
    const uint64_t hash = AliasHash(*kind, value);
    bool taken = false;
    aliases_.ForEach(hash, [&](EntityId other) {
      const TopologyNode& known = nodes_.At(other);
      if (taken || other == id || known.kind != kind || known.validity.to != kMaxTime) return;
      const std::vector<std::string_view> its = AliasesOf(*program_, known);
      taken = std::find(its.begin(), its.end(), value) != its.end();
    });
    stats_.alias_conflicts += taken ? 1 : 0;
    aliases_.Insert(hash, id, generation_);
  }
}

void TopologyStore::Graph::Touched(EdgeTable::Slot slot) {
  dirty_ = true;
  if (edges_.Mark(slot)) {
    touched_.push_back(slot);
  }
}

// Its present interval begins, or reaches back to `time`.
void TopologyStore::Graph::Extend(EdgeTable::Slot slot, EventTime time) {
  Validity present = edges_.Present(slot);
  if (present.to == kMinTime) {
    present = {time, kMaxTime};
  } else if (present.to == kMaxTime || time <= present.to) {
    present = {std::min(present.from, time), kMaxTime};
  } else {
    edges_.AddOlder(slot, present);
    present = {time, kMaxTime};
    std::vector<Validity>& older = *edges_.Older(slot);
    if (older.size() >= options_.intervals_max) {
      older.erase(older.begin());
    }
  }
  // Reaching back to an older interval makes them one.
  if (std::vector<Validity>* const older = edges_.Older(slot)) {
    while (!older->empty() && present.from <= older->back().to) {
      present.from = std::min(present.from, older->back().from);
      older->pop_back();
    }
    edges_.DropOlderIfEmpty(slot);
  }
  edges_.SetPresent(slot, present);
}

void TopologyStore::Graph::OpenEdge(const EdgeKey& key, SourceId source, EventTime time) {
  EdgeTable::Slot slot = edges_.Find(key);
  const bool is_new = slot == EdgeTable::kNone;
  if (is_new) {
    slot = edges_.Add(key);
    ++states_[key.from.index()].edges_kept;
    ++states_[key.to.index()].edges_kept;
  }
  edges_.Own(slot, {source, sources_[source].epoch});
  const EventTime from = edges_.Present(slot).from;
  const bool was_open = edges_.Open(slot);
  Extend(slot, time);
  if (!was_open) {
    ++relations_alive_;
    ++states_[key.from.index()].edges_open;
    ++states_[key.to.index()].edges_open;
  }
  if (!was_open || from != edges_.Present(slot).from) {
    Touched(slot);
  }
}

void TopologyStore::Graph::CloseEdge(EdgeTable::Slot slot, EventTime time) {
  const EdgeKey key = edges_.KeyOf(slot);
  edges_.DropOwners(slot);
  --relations_alive_;
  --states_[key.from.index()].edges_open;
  --states_[key.to.index()].edges_open;
  const EventTime from = edges_.Present(slot).from;
  if (time > from) {
    edges_.SetPresent(slot, {from, time});
    endings_.push({time, false, key});
    Touched(slot);
  } else if (std::vector<Validity>* const older = edges_.Older(slot)) {
    // The present interval never held.
    edges_.SetPresent(slot, older->back());
    older->pop_back();
    edges_.DropOlderIfEmpty(slot);
    Touched(slot);
  } else {
    EraseEdge(slot);
  }
  CloseIfUnnamed(key.from, time);
  CloseIfUnnamed(key.to, time);
}

void TopologyStore::Graph::EraseEdge(EdgeTable::Slot slot) {
  const EdgeKey key = edges_.KeyOf(slot);
  Touched(slot);
  edges_.Erase(slot);
  for (const EntityId end : {key.from, key.to}) {
    EntityState& state = states_[end.index()];
    const Validity validity = nodes_.At(end).validity;
    if (--state.edges_kept == 0 && validity.to != kMaxTime) {
      endings_.push({validity.to, true, {RelationId(), end, EntityId()}});
    }
  }
}

void TopologyStore::Graph::Prune(EventTime now) {
  now_ = std::max(now_, now);
  if (now_ < kMinTime + options_.history) {
    return;
  }
  const EventTime horizon = now_ - options_.history;
  while (!endings_.empty() && endings_.top().to < horizon) {
    const Ending ending = endings_.top();
    endings_.pop();
    if (!ending.entity) {
      PruneEdge(ending.key, horizon);
    } else if (const TopologyNode& node = nodes_.At(ending.key.from);
               !node.name.empty() && node.validity.to < horizon &&
               states_[ending.key.from.index()].edges_kept == 0) {
      Forget(ending.key.from);
    }
  }
}

void TopologyStore::Graph::PruneEdge(const EdgeKey& key, EventTime horizon) {
  const EdgeTable::Slot slot = edges_.Find(key);
  if (slot == EdgeTable::kNone) {
    return;
  }
  if (edges_.Present(slot).to < horizon) {
    ++stats_.pruned;
    EraseEdge(slot);
    return;
  }
  std::vector<Validity>* const older = edges_.Older(slot);
  if (older != nullptr &&
      std::erase_if(*older, [&](const Validity& old) { return old.to < horizon; }) > 0) {
    edges_.DropOlderIfEmpty(slot);
    Touched(slot);
  }
}

void TopologyStore::Graph::Forget(EntityId id) {
  ++stats_.pruned;
  TopologyNode& node = Write(id);
  names_.Erase(HashBytes(node.name), id, generation_);
  if (node.kind) {
    for (const std::string_view value : AliasesOf(*program_, node)) {
      aliases_.Erase(AliasHash(*node.kind, value), id, generation_);
    }
    if (std::erase(kind_added_[node.kind->index()], id) == 0) {
      kind_removed_[node.kind->index()].push_back(id);
    }
  }
  const uint32_t generation = node.generation;
  node = TopologyNode();
  node.generation = generation;
  node.validity = {kMinTime, kMinTime};
  states_[id.index()] = EntityState();
  free_.push_back(id);
}

// Those that the lists show, and those that were touched since.
std::vector<EdgeTable::Slot> TopologyStore::Graph::OpenEdgesOf(EntityId id) {
  std::vector<EdgeTable::Slot> slots;
  if (states_[id.index()].edges_open == 0) {
    return slots;
  }
  const TopologyNode& node = nodes_.At(id);
  for (const Edge& edge : node.upstream()) {
    slots.push_back(edges_.Find({edge.relation, id, edge.other}));
  }
  for (const Edge& edge : node.downstream()) {
    slots.push_back(edges_.Find({edge.relation, edge.other, id}));
  }
  for (; touched_indexed_ < touched_.size(); ++touched_indexed_) {
    const EdgeKey key = edges_.KeyOf(touched_[touched_indexed_]);
    touched_of_[key.from].push_back(touched_[touched_indexed_]);
    touched_of_[key.to].push_back(touched_[touched_indexed_]);
  }
  if (const auto touched = touched_of_.find(id); touched != touched_of_.end()) {
    slots.insert(slots.end(), touched->second.begin(), touched->second.end());
  }
  std::sort(slots.begin(), slots.end());
  slots.erase(std::unique(slots.begin(), slots.end()), slots.end());
  std::erase_if(
      slots, [&](EdgeTable::Slot slot) { return slot == EdgeTable::kNone || !edges_.Open(slot); });
  return slots;
}

std::shared_ptr<const Topology> TopologyStore::Graph::Snapshot() {
  if (!dirty_ && current_ != nullptr) {
    return current_;
  }
  MergeTouched();
  UpdateKinds();
  rank_ = {};
  auto snapshot = std::make_shared<TopologySnapshot>();
  snapshot->program = program_;
  snapshot->nodes = nodes_;
  snapshot->names = names_;
  snapshot->aliases = aliases_;
  snapshot->of_kind = of_kind_;
  snapshot->version_number = current_ == nullptr ? 0 : current_->version_number + 1;
  snapshot->updated = updated_;
  snapshot->alive = alive_;
  snapshot->relations = relations_alive_;
  snapshot->changed = std::exchange(written_, {});
  current_ = std::move(snapshot);
  ++generation_;
  dirty_ = false;
  return current_;
}

}  // namespace rootnote
