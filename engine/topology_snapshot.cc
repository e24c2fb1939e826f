#include "engine/topology_snapshot.h"

#include <algorithm>

namespace rootnote {

namespace {

// A piece of this generation to write to: another's is copied first, as readers may see it.
template <typename Piece>
Piece& Own(std::shared_ptr<Piece>& piece, uint32_t generation) {
  if (piece == nullptr) {
    piece = std::make_shared<Piece>();
  } else if (piece->generation != generation) {
    piece = std::make_shared<Piece>(*piece);
  }
  piece->generation = generation;
  return *piece;
}

}  // namespace

std::shared_ptr<TopologyNode>& NodeTable::Place(size_t at, uint32_t generation) {
  Group& group = Own(groups_[at / kGroup], generation);
  return Own(group.chunks[at / kChunk % kChunk], generation).nodes[at % kChunk];
}

TopologyNode& NodeTable::Mutable(EntityId id, uint32_t generation) {
  return Own(Place(id.index(), generation), generation);
}

EntityId NodeTable::Append(uint32_t generation) {
  if (size_ % kGroup == 0) {
    groups_.emplace_back();
  }
  Own(Place(size_, generation), generation);
  return EntityId(static_cast<uint32_t>(size_++));
}

HashIndex::Shard& HashIndex::MutableShard(uint64_t hash, uint32_t generation) {
  return Own(Own(root_, generation).shards[hash % kShards], generation);
}

void HashIndex::Put(std::vector<Slot>& slots, const Slot& slot) {
  const size_t mask = slots.size() - 1;
  size_t at = slot.tag & mask;
  while (slots[at].id != kFree) {
    at = (at + 1) & mask;
  }
  slots[at] = slot;
}

void HashIndex::Insert(uint64_t hash, EntityId id, uint32_t generation) {
  const Slot slot{TagOf(hash), id};
  bool known = false;
  ForEach(hash, [&](EntityId other) { known = known || other == id; });
  if (known) {
    return;
  }
  Shard& shard = MutableShard(hash, generation);
  if ((shard.count + 1) * 4 > shard.slots.size() * 3) {
    std::vector<Slot> larger(shard.slots.size() * 2);
    for (const Slot& old : shard.slots) {
      if (old.id != kFree) {
        Put(larger, old);
      }
    }
    shard.slots = std::move(larger);
  }
  Put(shard.slots, slot);
  ++shard.count;
}

void HashIndex::Erase(uint64_t hash, EntityId id, uint32_t generation) {
  const Slot slot{TagOf(hash), id};
  Shard& shard = MutableShard(hash, generation);
  const size_t mask = shard.slots.size() - 1;
  size_t at = slot.tag & mask;
  while (shard.slots[at] != slot) {
    if (shard.slots[at].id == kFree) {
      return;
    }
    at = (at + 1) & mask;
  }
  --shard.count;
  // What stands behind it moves up, unless that would put it before its own place.
  for (size_t next = (at + 1) & mask; shard.slots[next].id != kFree; next = (next + 1) & mask) {
    const size_t home = shard.slots[next].tag & mask;
    if (((next - home) & mask) >= ((next - at) & mask)) {
      shard.slots[at] = shard.slots[next];
      at = next;
    }
  }
  shard.slots[at] = Slot();
}

uint64_t AliasHash(KindId kind, std::string_view value) {
  return HashBytes(value) ^ (0x9e3779b97f4a7c15ULL * (uint64_t{kind.value()} + 1));
}

std::vector<std::string_view> AliasesOf(const Program& program, const TopologyNode& node) {
  std::vector<std::string_view> values;
  if (!node.kind) {
    return values;
  }
  for (const std::string& label : program.kind(*node.kind).aliases) {
    const std::string_view value = node.labels.Get(label);
    if (!value.empty() && std::find(values.begin(), values.end(), value) == values.end()) {
      values.push_back(value);
    }
  }
  return values;
}

std::optional<EntityId> TopologySnapshot::Find(std::string_view entity) const {
  std::optional<EntityId> found;
  names.ForEach(HashBytes(entity), [&](EntityId id) {
    if (nodes.At(id).name == entity) {
      found = id;
    }
  });
  return found;
}

std::optional<EntityId> TopologySnapshot::FindAlias(KindId kind, std::string_view value) const {
  std::optional<EntityId> living, gone;
  size_t living_count = 0, gone_count = 0;
  aliases.ForEach(AliasHash(kind, value), [&](EntityId id) {
    const TopologyNode& node = nodes.At(id);
    const std::vector<std::string_view> values = AliasesOf(*program, node);
    if (node.kind != kind || std::find(values.begin(), values.end(), value) == values.end()) {
      return;
    }
    const bool lives = node.validity.to == kMaxTime;
    (lives ? living : gone) = id;
    ++(lives ? living_count : gone_count);
  });
  if (living_count > 0) {
    return living_count == 1 ? living : std::nullopt;
  }
  return gone_count == 1 ? gone : std::nullopt;
}

std::optional<EntityId> TopologySnapshot::Resolve(KindId kind, const Labels& labels) const {
  const Kind& declared = program->kind(kind);
  if (const std::optional<std::string> name = EntityName(declared, labels)) {
    if (const std::optional<EntityId> id = Find(*name)) {
      return id;
    }
  }
  if (declared.aliases.empty()) {
    return std::nullopt;
  }
  for (const std::string& alias : declared.aliases) {
    const std::string_view value = labels.Get(alias);
    if (!value.empty()) {
      if (const std::optional<EntityId> id = FindAlias(kind, value)) {
        return id;
      }
    }
  }
  if (declared.identity.size() == 1) {
    const std::string_view value = labels.Get(declared.identity.front());
    if (!value.empty()) {
      return FindAlias(kind, value);
    }
  }
  return std::nullopt;
}

bool TopologySnapshot::ChangedSince(uint64_t version, std::vector<EntityId>& changed_ids) const {
  if (version == version_number) {
    return true;
  }
  if (version + 1 != version_number) {
    return false;
  }
  changed_ids.insert(changed_ids.end(), changed.begin(), changed.end());
  return true;
}

}  // namespace rootnote
