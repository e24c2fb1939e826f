// From the writer's table to the lists that readers see: the relations that were touched since the
// last snapshot, and the entities of every kind by name.
#include <algorithm>
#include <functional>
#include <iterator>
#include <map>
#include <tuple>
#include <utility>

#include "engine/topology_graph.h"

namespace rootnote {
namespace {

// So many at once are put in order by ranks of all names instead of by comparing names.
constexpr size_t kManyTouched = 65'536;

size_t CommonPrefix(std::string_view a, std::string_view b) {
  const size_t length = std::min(a.size(), b.size());
  return static_cast<size_t>(
      std::mismatch(a.begin(), a.begin() + static_cast<std::ptrdiff_t>(length), b.begin()).first -
      a.begin());
}

// The first bytes as a number that compares like them.
uint64_t Leading(std::string_view text) {
  uint64_t number = 0;
  for (size_t i = 0; i < 8; ++i) {
    number = number << 8 | (i < text.size() ? static_cast<unsigned char>(text[i]) : 0);
  }
  return number;
}

}  // namespace

// Names of one kind mostly begin alike: what follows decides, eight bytes at a time.
void TopologyStore::Graph::SortByName(std::vector<EntityId>& ids) const {
  if (ids.size() < 2) {
    return;
  }
  const std::string_view first = nodes_.At(ids.front()).name;
  size_t common = first.size();
  for (const EntityId id : ids) {
    common = CommonPrefix(first.substr(0, common), nodes_.At(id).name);
  }
  struct Keyed {
    uint64_t leading;
    EntityId id;
  };
  std::vector<Keyed> keyed;
  keyed.reserve(ids.size());
  for (const EntityId id : ids) {
    keyed.push_back({Leading(std::string_view(nodes_.At(id).name).substr(common)), id});
  }
  std::sort(keyed.begin(), keyed.end(), [&](const Keyed& a, const Keyed& b) {
    if (a.leading != b.leading) {
      return a.leading < b.leading;
    }
    return a.id != b.id && nodes_.At(a.id).name < nodes_.At(b.id).name;
  });
  std::transform(keyed.begin(), keyed.end(), ids.begin(), [](const Keyed& key) { return key.id; });
}

void TopologyStore::Graph::RankNames() {
  // With the colon, so that kinds stand in the order of their entities' names.
  std::map<std::string, std::vector<EntityId>, std::less<>> kinds;
  std::vector<EntityId>* last = nullptr;
  std::string_view last_kind;
  for (uint32_t i = 0; i < nodes_.size(); ++i) {
    const std::string_view name = nodes_.At(EntityId(i)).name;
    if (name.empty()) {
      continue;
    }
    const std::string_view kind = name.substr(0, name.find(':') + 1);
    if (last == nullptr || kind != last_kind) {
      const auto found = kinds.try_emplace(std::string(kind)).first;
      last = &found->second;
      last_kind = found->first;
    }
    last->push_back(EntityId(i));
  }
  rank_.assign(nodes_.size(), 0);
  uint32_t next = 0;
  for (auto& [kind, ids] : kinds) {
    SortByName(ids);
    for (const EntityId id : ids) {
      rank_[id.index()] = next++;
    }
  }
}

bool TopologyStore::Graph::Before(const Edge& a, const Edge& b) const {
  if (a.relation != b.relation) {
    return a.relation < b.relation;
  }
  if (a.other != b.other) {
    return rank_.empty() ? nodes_.At(a.other).name < nodes_.At(b.other).name
                         : rank_[a.other.index()] < rank_[b.other.index()];
  }
  return a.validity.from < b.validity.from;
}

// Both ends of all that was touched, by entity; of one entity upstream first, else as touched.
std::vector<TopologyStore::Graph::Touch> TopologyStore::Graph::TouchesByNode() const {
  std::vector<uint32_t> places(nodes_.size() + 1, 0);
  for (const EdgeTable::Slot slot : touched_) {
    const EdgeKey key = edges_.KeyOf(slot);
    ++places[key.from.index() + 1];
    ++places[key.to.index() + 1];
  }
  for (size_t i = 1; i < places.size(); ++i) {
    places[i] += places[i - 1];
  }
  std::vector<Touch> touches(touched_.size() * 2);
  for (const bool downstream : {false, true}) {
    for (const EdgeTable::Slot slot : touched_) {
      const EdgeKey key = edges_.KeyOf(slot);
      const EntityId node = downstream ? key.to : key.from;
      touches[places[node.index()]++] = {node, slot, downstream};
    }
  }
  return touches;
}

void TopologyStore::Graph::MergeTouched() {
  std::vector<Touch> touches;
  if (touched_.size() >= kManyTouched) {
    RankNames();
    touches = TouchesByNode();
  } else {
    for (const EdgeTable::Slot slot : touched_) {
      const EdgeKey key = edges_.KeyOf(slot);
      touches.push_back({key.from, slot, false});
      touches.push_back({key.to, slot, true});
    }
    std::sort(touches.begin(), touches.end(), [](const Touch& a, const Touch& b) {
      return std::tie(a.node, a.downstream, a.slot) < std::tie(b.node, b.downstream, b.slot);
    });
  }
  for (size_t begin = 0, end = 0; begin < touches.size(); begin = end) {
    while (end < touches.size() && touches[end].node == touches[begin].node) {
      ++end;
    }
    Rebuild(touches[begin].node, std::span<const Touch>(touches).subspan(begin, end - begin));
  }
  for (const EdgeTable::Slot slot : touched_) {
    edges_.Unmark(slot);
  }
  edges_.FreeErased();
  touched_ = {};
  touched_of_ = {};
  touched_indexed_ = 0;
}

// The lists of one entity, made anew: `touched` is all of it, upstream first.
void TopologyStore::Graph::Rebuild(EntityId id, std::span<const Touch> touched) {
  const auto downstream = std::find_if(touched.begin(), touched.end(),
                                       [](const Touch& touch) { return touch.downstream; });
  const auto split = static_cast<size_t>(downstream - touched.begin());
  std::vector<Edge> edges;
  const TopologyNode& before = nodes_.At(id);
  edges.reserve(before.upstream_count + before.downstream_count + touched.size());
  RebuildSide(before.upstream(), touched.first(split), edges);
  const size_t upstream = edges.size();
  RebuildSide(before.downstream(), touched.subspan(split), edges);
  TopologyNode& node = Write(id);
  node.upstream_count = static_cast<uint32_t>(upstream);
  node.downstream_count = static_cast<uint32_t>(edges.size() - upstream);
  const std::shared_ptr<Edge[]> lists = std::make_shared<Edge[]>(edges.size());
  std::copy(edges.begin(), edges.end(), lists.get());
  node.edges = lists;
}

// Takes what was touched of one side out of the old list, and merges in what holds of it now.
void TopologyStore::Graph::RebuildSide(std::span<const Edge> old, std::span<const Touch> touched,
                                       std::vector<Edge>& edges) const {
  if (touched.empty()) {
    edges.insert(edges.end(), old.begin(), old.end());
    return;
  }
  using Key = std::pair<RelationId, EntityId>;
  std::vector<Key> replaced;
  std::vector<Edge> fresh;
  for (const Touch& touch : touched) {
    const EdgeKey key = edges_.KeyOf(touch.slot);
    const EntityId other = touch.downstream ? key.from : key.to;
    if (!old.empty()) {
      replaced.emplace_back(key.relation, other);
    }
    if (!edges_.Exists(touch.slot)) {
      continue;
    }
    if (const std::vector<Validity>* const older = edges_.Older(touch.slot)) {
      for (const Validity& validity : *older) {
        fresh.push_back({key.relation, other, validity});
      }
    }
    fresh.push_back({key.relation, other, edges_.Present(touch.slot)});
  }
  const auto before = [this](const Edge& a, const Edge& b) { return Before(a, b); };
  std::sort(fresh.begin(), fresh.end(), before);
  std::sort(replaced.begin(), replaced.end());
  // Few among many: each one's place is looked for, instead of comparing all names.
  auto rest = old.begin();
  const auto keep_until = [&](std::span<const Edge>::iterator end) {
    std::copy_if(rest, end, std::back_inserter(edges), [&](const Edge& edge) {
      return !std::binary_search(replaced.begin(), replaced.end(), Key(edge.relation, edge.other));
    });
    rest = end;
  };
  for (const Edge& edge : fresh) {
    keep_until(std::lower_bound(rest, old.end(), edge, before));
    edges.push_back(edge);
  }
  keep_until(old.end());
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
    if (rank_.empty()) {
      SortByName(added);
    } else {
      std::sort(added.begin(), added.end(),
                [&](EntityId a, EntityId b) { return rank_[a.index()] < rank_[b.index()]; });
    }
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

}  // namespace rootnote
