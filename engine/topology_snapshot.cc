#include "engine/topology_snapshot.h"

#include <algorithm>

namespace rootnote {

NodeTable::Chunk& NodeTable::MutableChunk(size_t index, uint64_t generation) {
  std::shared_ptr<Chunk>& chunk = chunks_[index];
  if (chunk->generation != generation) {
    chunk = std::make_shared<Chunk>(*chunk);
    chunk->generation = generation;
  }
  return *chunk;
}

TopologyNode& NodeTable::Mutable(EntityId id, uint64_t generation) {
  Chunk& chunk = MutableChunk(id.index() / kChunk, generation);
  std::shared_ptr<TopologyNode>& node = chunk.nodes[id.index() % kChunk];
  if (node->generation != generation) {
    node = std::make_shared<TopologyNode>(*node);
    node->generation = generation;
  }
  return *node;
}

EntityId NodeTable::Append(uint64_t generation) {
  if (size_ % kChunk == 0) {
    chunks_.push_back(std::make_shared<Chunk>());
    chunks_.back()->generation = generation;
  }
  Chunk& chunk = MutableChunk(size_ / kChunk, generation);
  auto node = std::make_shared<TopologyNode>();
  node->generation = generation;
  chunk.nodes[size_ % kChunk] = std::move(node);
  return EntityId(static_cast<uint32_t>(size_++));
}

size_t HashIndex::LowerBound(const Shard& shard, const Entry& entry) {
  const auto found = std::lower_bound(shard.entries.begin(), shard.entries.end(), entry);
  return static_cast<size_t>(found - shard.entries.begin());
}

HashIndex::Shard& HashIndex::MutableShard(uint64_t hash, uint64_t generation) {
  std::shared_ptr<Shard>& shard = shards_[hash % kShards];
  if (shard == nullptr) {
    shard = std::make_shared<Shard>();
  } else if (shard->generation != generation) {
    shard = std::make_shared<Shard>(*shard);
  }
  shard->generation = generation;
  return *shard;
}

void HashIndex::Insert(uint64_t hash, EntityId id, uint64_t generation) {
  Shard& shard = MutableShard(hash, generation);
  const size_t at = LowerBound(shard, {hash, id});
  if (at == shard.entries.size() || shard.entries[at] != Entry{hash, id}) {
    shard.entries.insert(shard.entries.begin() + static_cast<std::ptrdiff_t>(at), {hash, id});
  }
}

void HashIndex::Erase(uint64_t hash, EntityId id, uint64_t generation) {
  Shard& shard = MutableShard(hash, generation);
  const size_t at = LowerBound(shard, {hash, id});
  if (at < shard.entries.size() && shard.entries[at] == Entry{hash, id}) {
    shard.entries.erase(shard.entries.begin() + static_cast<std::ptrdiff_t>(at));
  }
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

}  // namespace rootnote
