// What a snapshot of the map is made of: chunks that versions share until one of them writes.
//
// A piece is stamped with the generation it was made in. The writer changes pieces of the present
// generation in place and copies older ones first, because published snapshots may see these. A
// change of one entity therefore costs a few kilobytes, whatever the size of the map.
// Thread: published snapshots any; the tables' writing side one at a time.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "engine/topology.h"
#include "rules/program.h"
#include "schemas/base/time.h"
#include "schemas/labels.h"

namespace rootnote {

struct TopologyNode {
  uint64_t generation = 0;
  std::string name;  // "" once forgotten
  std::optional<KindId> kind;
  Labels labels;
  Validity validity;
  std::vector<Edge> upstream, downstream;
};

// Nodes by id.
class NodeTable {
 public:
  size_t size() const { return size_; }
  const TopologyNode& At(EntityId id) const {
    return *chunks_[id.index() / kChunk]->nodes[id.index() % kChunk];
  }
  // The node to write to. The reference is good until the next call with another generation.
  TopologyNode& Mutable(EntityId id, uint64_t generation);
  EntityId Append(uint64_t generation);

 private:
  static constexpr size_t kChunk = 256;
  struct Chunk {
    uint64_t generation = 0;
    std::array<std::shared_ptr<TopologyNode>, kChunk> nodes;
  };
  Chunk& MutableChunk(size_t index, uint64_t generation);

  std::vector<std::shared_ptr<Chunk>> chunks_;
  size_t size_ = 0;
};

// Hash → ids, several per hash allowed; the reader compares what the hash was of.
class HashIndex {
 public:
  HashIndex() : shards_(kShards) {}
  void Insert(uint64_t hash, EntityId id, uint64_t generation);
  void Erase(uint64_t hash, EntityId id, uint64_t generation);
  // In the order of ids.
  template <typename Visit>
  void ForEach(uint64_t hash, const Visit& visit) const {
    const Shard* const shard = shards_[hash % kShards].get();
    if (shard == nullptr) {
      return;
    }
    for (size_t i = LowerBound(*shard, {hash, EntityId(0)});
         i < shard->entries.size() && shard->entries[i].hash == hash; ++i) {
      visit(shard->entries[i].id);
    }
  }

 private:
  static constexpr size_t kShards = 4'096;
  struct Entry {
    uint64_t hash = 0;
    EntityId id;
    friend auto operator<=>(const Entry&, const Entry&) = default;
  };
  struct Shard {
    uint64_t generation = 0;
    std::vector<Entry> entries;  // ascending
  };
  static size_t LowerBound(const Shard& shard, const Entry& entry);
  Shard& MutableShard(uint64_t hash, uint64_t generation);

  std::vector<std::shared_ptr<Shard>> shards_;
};

uint64_t AliasHash(KindId kind, std::string_view value);

// Values that name the entity besides its name, without repeats.
std::vector<std::string_view> AliasesOf(const Program& program, const TopologyNode& node);

struct TopologySnapshot final : public Topology {
  std::optional<EntityId> Find(std::string_view entity) const override;
  size_t size() const override { return nodes.size(); }
  std::string_view Name(EntityId id) const override { return nodes.At(id).name; }
  std::optional<KindId> KindOf(EntityId id) const override { return nodes.At(id).kind; }
  const Labels& LabelsOf(EntityId id) const override { return nodes.At(id).labels; }
  Validity ValidityOf(EntityId id) const override { return nodes.At(id).validity; }
  std::span<const Edge> Upstream(EntityId id) const override { return nodes.At(id).upstream; }
  std::span<const Edge> Downstream(EntityId id) const override { return nodes.At(id).downstream; }
  std::span<const EntityId> OfKind(KindId kind) const override { return *of_kind[kind.index()]; }
  std::optional<EntityId> Resolve(KindId kind, const Labels& labels) const override;
  uint64_t version() const override { return version_number; }
  EventTime updated_at() const override { return updated; }
  size_t entities_alive() const override { return alive; }
  size_t relations_alive() const override { return relations; }

  // The entity of `kind` with this alias: the only one alive, else the only one deleted.
  std::optional<EntityId> FindAlias(KindId kind, std::string_view value) const;

  std::shared_ptr<const Program> program;
  NodeTable nodes;
  HashIndex names, aliases;
  std::vector<std::shared_ptr<const std::vector<EntityId>>> of_kind;
  uint64_t version_number = 0;
  EventTime updated = kMinTime;
  size_t alive = 0, relations = 0;
};

}  // namespace rootnote
