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
  uint32_t generation = 0;
  std::optional<KindId> kind;
  std::string name;  // "" once forgotten
  Labels labels;
  Validity validity;
  uint32_t upstream_count = 0, downstream_count = 0;
  std::shared_ptr<const Edge[]> edges;  // upstream first; shared by the versions of the node

  std::span<const Edge> upstream() const { return {edges.get(), upstream_count}; }
  std::span<const Edge> downstream() const {
    return {edges.get() + upstream_count, downstream_count};
  }
};

// Nodes by id: a tree of two levels, so that neither a new version nor a change copies much.
class NodeTable {
 public:
  size_t size() const { return size_; }
  const TopologyNode& At(EntityId id) const {
    const size_t at = id.index();
    return *groups_[at / kGroup]->chunks[at / kChunk % kChunk]->nodes[at % kChunk];
  }
  // The node to write to. The reference is good until the next call with another generation.
  TopologyNode& Mutable(EntityId id, uint32_t generation);
  EntityId Append(uint32_t generation);

 private:
  static constexpr size_t kChunk = 64, kGroup = kChunk * kChunk;
  struct Chunk {
    uint32_t generation = 0;
    std::array<std::shared_ptr<TopologyNode>, kChunk> nodes;
  };
  struct Group {
    uint32_t generation = 0;
    std::array<std::shared_ptr<Chunk>, kChunk> chunks;
  };
  // The place of the node, in a chunk and a group of this generation.
  std::shared_ptr<TopologyNode>& Place(size_t at, uint32_t generation);

  std::vector<std::shared_ptr<Group>> groups_;
  size_t size_ = 0;
};

// Hash → ids, several per hash allowed, in small open tables. Only 44 bits of the hash are kept:
// the reader compares what the hash was of. Visits come in no order.
class HashIndex {
 public:
  HashIndex() : root_(std::make_shared<Root>()) {}
  void Insert(uint64_t hash, EntityId id, uint32_t generation);
  void Erase(uint64_t hash, EntityId id, uint32_t generation);
  template <typename Visit>
  void ForEach(uint64_t hash, const Visit& visit) const {
    const Shard* const shard = root_->shards[hash % kShards].get();
    if (shard == nullptr) {
      return;
    }
    const uint32_t tag = TagOf(hash);
    const size_t mask = shard->slots.size() - 1;
    for (size_t at = tag & mask; shard->slots[at].id != kFree; at = (at + 1) & mask) {
      if (shard->slots[at].tag == tag) {
        visit(shard->slots[at].id);
      }
    }
  }

 private:
  static constexpr size_t kShards = 4'096;
  static constexpr EntityId kFree{~0U};
  struct Slot {
    uint32_t tag = 0;
    EntityId id = kFree;
    friend bool operator==(const Slot&, const Slot&) = default;
  };
  struct Shard {
    uint32_t generation = 0;
    uint32_t count = 0;
    std::vector<Slot> slots = std::vector<Slot>(8);  // a power of two, never full
  };
  static uint32_t TagOf(uint64_t hash) { return static_cast<uint32_t>(hash >> 32); }
  static void Put(std::vector<Slot>& slots, const Slot& slot);
  Shard& MutableShard(uint64_t hash, uint32_t generation);

  struct Root {
    uint32_t generation = 0;
    std::vector<std::shared_ptr<Shard>> shards = std::vector<std::shared_ptr<Shard>>(kShards);
  };
  std::shared_ptr<Root> root_;
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
  std::span<const Edge> Upstream(EntityId id) const override { return nodes.At(id).upstream(); }
  std::span<const Edge> Downstream(EntityId id) const override { return nodes.At(id).downstream(); }
  std::span<const EntityId> OfKind(KindId kind) const override { return *of_kind[kind.index()]; }
  std::optional<EntityId> Resolve(KindId kind, const Labels& labels) const override;
  uint64_t version() const override { return version_number; }
  EventTime updated_at() const override { return updated; }
  size_t entities_alive() const override { return alive; }
  size_t relations_alive() const override { return relations; }
  bool ChangedSince(uint64_t version, std::vector<EntityId>& changed_ids) const override;

  // The entity of `kind` with this alias: the only one alive, else the only one deleted.
  std::optional<EntityId> FindAlias(KindId kind, std::string_view value) const;

  std::shared_ptr<const Program> program;
  NodeTable nodes;
  HashIndex names, aliases;
  std::vector<std::shared_ptr<const std::vector<EntityId>>> of_kind;
  uint64_t version_number = 0;
  EventTime updated = kMinTime;
  size_t alive = 0, relations = 0;
  std::vector<EntityId> changed;  // since the version before, unordered; not of the first one
};

}  // namespace rootnote
