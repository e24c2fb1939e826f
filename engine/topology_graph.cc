#include "engine/topology_graph.h"

#include <algorithm>
#include <functional>
#include <iterator>

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
void TopologyStore::Graph::UpdateLabels(EntityId id) {
  const EntityState& state = states_[id.index()];
  std::vector<Label> pairs;
  for (const EntityOwner& owner : state.owners) {
    const std::vector<Label> own = owner.labels.ToVector();
    pairs.insert(pairs.end(), own.begin(), own.end());
  }
  const std::optional<KindId> kind = nodes_.At(id).kind;
  if (kind) {
    const std::vector<std::string>& identity = program_->kind(*kind).identity;
    std::erase_if(pairs, [&](const Label& label) {
      return std::find(identity.begin(), identity.end(), label.first) != identity.end();
    });
  }
  Labels merged = Labels::FromViews(std::move(pairs));
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
    aliases_.ForEach(
        hash, [&](EntityId other) { taken = taken || nodes_.At(other).validity.to == kMaxTime; });
    stats_.alias_conflicts += taken ? 1 : 0;
    aliases_.Insert(hash, id, generation_);
  }
}

void TopologyStore::Graph::Touched(const EdgeKey& key) {
  touched_[key.from].push_back({true, key.relation, key.to});
  touched_[key.to].push_back({false, key.relation, key.from});
  dirty_ = true;
}

TopologyStore::Graph::EdgeKey TopologyStore::Graph::KeyOf(EntityId node, const Touch& touch) {
  return touch.upstream ? EdgeKey{touch.relation, node, touch.other}
                        : EdgeKey{touch.relation, touch.other, node};
}

void TopologyStore::Graph::OpenEdge(const EdgeKey& key, SourceId source, EventTime time) {
  const auto [found, is_new] = edges_.try_emplace(key);
  EdgeState& edge = found->second;
  const auto owner = std::find_if(edge.owners.begin(), edge.owners.end(),
                                  [&](const Owner& known) { return known.source == source; });
  if (owner != edge.owners.end()) {
    owner->epoch = sources_[source].epoch;
  } else {
    edge.owners.push_back({source, sources_[source].epoch});
  }
  const Validity before = edge.present;
  const bool was_open = !is_new && edge.open();
  if (is_new) {
    edge.present = {time, kMaxTime};
    ++states_[key.from.index()].edges_kept;
    ++states_[key.to.index()].edges_kept;
  } else if (was_open) {
    edge.present.from = std::min(edge.present.from, time);
  } else if (time <= before.to) {
    edge.present = {std::min(before.from, time), kMaxTime};
  } else {
    if (edge.older == nullptr) {
      edge.older = std::make_unique<std::vector<Validity>>();
    }
    edge.older->push_back(before);
    edge.present = {time, kMaxTime};
    if (edge.older->size() >= options_.intervals_max) {
      edge.older->erase(edge.older->begin());
    }
  }
  // Reaching back to an older interval makes them one.
  while (edge.older != nullptr && !edge.older->empty() &&
         edge.present.from <= edge.older->back().to) {
    edge.present.from = std::min(edge.present.from, edge.older->back().from);
    edge.older->pop_back();
  }
  if (!was_open) {
    ++relations_alive_;
    ++states_[key.from.index()].edges_open;
    ++states_[key.to.index()].edges_open;
  }
  if (is_new || !was_open || before.from != edge.present.from) {
    Touched(key);
  }
}

void TopologyStore::Graph::CloseEdge(const EdgeKey& key, EventTime time) {
  EdgeState& edge = edges_.find(key)->second;
  edge.owners.clear();
  --relations_alive_;
  --states_[key.from.index()].edges_open;
  --states_[key.to.index()].edges_open;
  if (time <= edge.present.from) {
    // It never held.
    if (edge.older == nullptr || edge.older->empty()) {
      EraseEdge(key);
    } else {
      edge.present = edge.older->back();
      edge.older->pop_back();
      Touched(key);
    }
  } else {
    edge.present.to = time;
    endings_.push({time, false, key});
    Touched(key);
  }
  CloseIfUnnamed(key.from, time);
  CloseIfUnnamed(key.to, time);
}

void TopologyStore::Graph::EraseEdge(const EdgeKey& key) {
  edges_.erase(key);
  Touched(key);
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
  const auto found = edges_.find(key);
  if (found == edges_.end()) {
    return;
  }
  EdgeState& edge = found->second;
  if (edge.present.to < horizon) {
    ++stats_.pruned;
    EraseEdge(key);
    return;
  }
  if (edge.older != nullptr &&
      std::erase_if(*edge.older, [&](const Validity& old) { return old.to < horizon; }) > 0) {
    if (edge.older->empty()) {
      edge.older.reset();
    }
    Touched(key);
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
  const uint64_t generation = node.generation;
  node = TopologyNode();
  node.generation = generation;
  node.validity = {kMinTime, kMinTime};
  states_[id.index()] = EntityState();
  free_.push_back(id);
}

std::vector<TopologyStore::Graph::EdgeKey> TopologyStore::Graph::OpenEdgesOf(EntityId id) const {
  std::vector<EdgeKey> keys;
  if (states_[id.index()].edges_open == 0) {
    return keys;
  }
  const TopologyNode& node = nodes_.At(id);
  for (const Edge& edge : node.upstream) {
    keys.push_back({edge.relation, id, edge.other});
  }
  for (const Edge& edge : node.downstream) {
    keys.push_back({edge.relation, edge.other, id});
  }
  const auto touched = touched_.find(id);
  if (touched != touched_.end()) {
    for (const Touch& touch : touched->second) {
      keys.push_back(KeyOf(id, touch));
    }
  }
  std::sort(keys.begin(), keys.end());
  keys.erase(std::unique(keys.begin(), keys.end()), keys.end());
  std::erase_if(keys, [&](const EdgeKey& key) {
    const auto edge = edges_.find(key);
    return edge == edges_.end() || !edge->second.open();
  });
  return keys;
}

void TopologyStore::Graph::MergeTouched() {
  for (auto& [id, touched] : touched_) {
    std::sort(touched.begin(), touched.end());
    touched.erase(std::unique(touched.begin(), touched.end()), touched.end());
    const std::span<const Touch> all(touched);
    const auto upstream = std::find_if(touched.begin(), touched.end(),
                                       [](const Touch& touch) { return touch.upstream; });
    const auto split = static_cast<size_t>(upstream - touched.begin());
    TopologyNode& node = Write(id);
    Rebuild(id, node.downstream, all.first(split));
    Rebuild(id, node.upstream, all.subspan(split));
  }
  touched_ = {};
}

// Takes the touched relations of one side of one entity out of its list, and merges in what holds
// of them now. `touched` is of one side, ascending.
void TopologyStore::Graph::Rebuild(EntityId id, std::vector<Edge>& edges,
                                   std::span<const Touch> touched) const {
  if (touched.empty()) {
    return;
  }
  const bool upstream = touched.front().upstream;
  std::erase_if(edges, [&](const Edge& edge) {
    return std::binary_search(touched.begin(), touched.end(),
                              Touch{upstream, edge.relation, edge.other});
  });
  std::vector<Edge> fresh;
  fresh.reserve(touched.size());
  for (const Touch& touch : touched) {
    const auto found = edges_.find(KeyOf(id, touch));
    if (found == edges_.end()) {
      continue;
    }
    if (found->second.older != nullptr) {
      for (const Validity& validity : *found->second.older) {
        fresh.push_back({touch.relation, touch.other, validity});
      }
    }
    fresh.push_back({touch.relation, touch.other, found->second.present});
  }
  const auto before = [&](const Edge& a, const Edge& b) {
    if (a.relation != b.relation) {
      return a.relation < b.relation;
    }
    if (a.other != b.other) {
      return nodes_.At(a.other).name < nodes_.At(b.other).name;
    }
    return a.validity.from < b.validity.from;
  };
  std::sort(fresh.begin(), fresh.end(), before);
  if (edges.empty()) {
    edges = std::move(fresh);
    return;
  }
  std::vector<Edge> merged;
  merged.reserve(edges.size() + fresh.size());
  std::merge(edges.begin(), edges.end(), fresh.begin(), fresh.end(), std::back_inserter(merged),
             before);
  edges = std::move(merged);
}

void TopologyStore::Graph::UpdateKinds() {
  const auto by_name = [&](EntityId a, EntityId b) {
    return nodes_.At(a).name < nodes_.At(b).name;
  };
  for (size_t kind = 0; kind < of_kind_.size(); ++kind) {
    std::vector<EntityId>& added = kind_added_[kind];
    std::vector<EntityId>& removed = kind_removed_[kind];
    if (added.empty() && removed.empty()) {
      continue;
    }
    std::vector<EntityId> kept = *of_kind_[kind];
    std::sort(removed.begin(), removed.end());
    if (!removed.empty()) {
      std::erase_if(kept, [&](EntityId id) {
        return std::binary_search(removed.begin(), removed.end(), id);
      });
    }
    std::sort(added.begin(), added.end(), by_name);
    // Few among many: find each one's place instead of comparing all names.
    std::vector<EntityId> merged;
    merged.reserve(kept.size() + added.size());
    auto rest = kept.begin();
    for (const EntityId id : added) {
      const auto place = std::lower_bound(rest, kept.end(), id, by_name);
      merged.insert(merged.end(), rest, place);
      merged.push_back(id);
      rest = place;
    }
    merged.insert(merged.end(), rest, kept.end());
    of_kind_[kind] = std::make_shared<const std::vector<EntityId>>(std::move(merged));
    added.clear();
    removed.clear();
  }
}

std::shared_ptr<const Topology> TopologyStore::Graph::Snapshot() {
  if (!dirty_ && current_ != nullptr) {
    return current_;
  }
  MergeTouched();
  UpdateKinds();
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
  current_ = std::move(snapshot);
  ++generation_;
  dirty_ = false;
  return current_;
}

}  // namespace rootnote
