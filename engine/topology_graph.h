// The writer behind TopologyStore: who owns what, the intervals of every relation, what may be
// forgotten. The readers' side is in topology_snapshot.h.
#pragma once

#include <algorithm>
#include <cstdint>
#include <memory>
#include <optional>
#include <queue>
#include <span>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/container/inlined_vector.h"

#include "engine/topology.h"
#include "engine/topology_snapshot.h"
#include "schemas/base/string_view.h"

namespace rootnote {

class TopologyStore::Graph {
 public:
  Graph(std::shared_ptr<const Program> program, const TopologyOptions& options);

  std::optional<std::string> Apply(const TopologyChange& change, EventTime now,
                                   std::string_view feed);
  std::shared_ptr<const Topology> Snapshot();
  std::vector<std::string> AliasConflicts(size_t max) const;
  const TopologyStats& stats() const { return stats_; }

 private:
  using SourceId = uint16_t;
  using Problem = std::optional<std::string>;

  struct Source {
    std::string feed;        // the last that it came by
    uint32_t epoch = 0;      // number of its last snapshot begin
    bool open = false;       // … which has no end yet
    std::string epoch_name;  // what the begin called it
  };
  struct Owner {
    SourceId source = 0;
    uint32_t epoch = 0;  // in which it said so last
  };
  struct EntityOwner : Owner {
    Labels labels;
  };
  struct EntityState {
    absl::InlinedVector<EntityOwner, 1> owners;  // who said so last comes last
    uint32_t edges_open = 0;
    uint32_t edges_kept = 0;  // with those that only history keeps
  };
  struct EdgeKey {
    RelationId relation;
    EntityId from, to;
    friend auto operator<=>(const EdgeKey&, const EdgeKey&) = default;
    template <typename H>
    friend H AbslHashValue(H state, const EdgeKey& key) {
      return H::combine(std::move(state), key.relation, key.from, key.to);
    }
  };
  struct EdgeState {
    Validity present;
    std::unique_ptr<std::vector<Validity>> older;  // ascending; null for none
    absl::InlinedVector<Owner, 1> owners;
    bool open() const { return present.to == kMaxTime; }
  };
  // One side of a relation of one entity that changed since its adjacency lists were built.
  struct Touch {
    bool upstream = false;
    RelationId relation;
    EntityId other;
    friend auto operator<=>(const Touch&, const Touch&) = default;
  };
  // When something that ended may be forgotten.
  struct Ending {
    EventTime to;
    bool entity = false;  // relations of one time go first
    EdgeKey key;          // entities: `from` only
    friend auto operator<=>(const Ending&, const Ending&) = default;
  };
  // An entity that a change names, looked up once.
  struct End {
    std::string_view name;
    std::optional<EntityId> id;
  };
  // Whom a delete speaks for.
  struct Speaker {
    std::optional<SourceId> source;  // absent: every owner of the feed
    std::string_view feed;
  };

  // topology.cc: what a change says.
  Problem AddEntity(const TopologyChange& change, SourceId source, EventTime time);
  void DeleteEntity(const TopologyChange& change, const Speaker& speaker, EventTime time);
  Problem AddRelation(const TopologyChange& change, SourceId source, EventTime time);
  Problem DeleteRelation(const TopologyChange& change, const Speaker& speaker, EventTime time);
  Problem BeginSnapshot(const TopologyChange& change, std::string_view feed);
  Problem EndSnapshot(const TopologyChange& change, std::string_view feed, EventTime time);
  std::optional<SourceId> SourceOf(const TopologyChange& change, std::string_view feed);
  std::optional<SourceId> SourceNamed(std::string_view name, std::string_view feed);
  bool SpeaksFor(const Speaker& speaker, const Owner& owner) const;
  Problem CheckName(std::string_view entity) const;
  Problem CheckEnd(const Relation& relation, const End& end, bool from) const;
  Problem Invalid(std::string words);
  std::optional<KindId> KindNamed(std::string_view name) const;

  // topology_graph.cc: entities and relations over time.
  std::optional<EntityId> Find(std::string_view entity) const;
  EntityId OpenOrCreate(const End& entity, EventTime time);
  void OpenEntity(EntityId id, EventTime time);
  void CloseIfUnnamed(EntityId id, EventTime time);
  void UpdateLabels(EntityId id);
  void NameEntity(EntityId id, SourceId source, const Labels& labels);
  void OpenEdge(const EdgeKey& key, SourceId source, EventTime time);
  // Takes the owners for which `gone` is true from the relation, and ends it when none is left.
  template <typename Gone>
  void Disown(const EdgeKey& key, const Gone& gone, EventTime time);
  void CloseEdge(const EdgeKey& key, EventTime time);
  void EraseEdge(const EdgeKey& key);
  void Touched(const EdgeKey& key);
  static EdgeKey KeyOf(EntityId node, const Touch& touch);
  void Prune(EventTime now);
  void PruneEdge(const EdgeKey& key, EventTime horizon);
  void Forget(EntityId id);
  std::vector<EdgeKey> OpenEdgesOf(EntityId id) const;
  void MergeTouched();
  void Rebuild(EntityId id, std::vector<Edge>& edges, std::span<const Touch> touched) const;
  void UpdateKinds();
  TopologyNode& Write(EntityId id);
  size_t entities_kept() const { return nodes_.size() - free_.size(); }

  std::shared_ptr<const Program> program_;
  TopologyOptions options_;
  TopologyStats stats_;
  StringMap<KindId> kinds_;
  StringMap<RelationId> relations_;

  std::vector<Source> sources_;
  StringMap<SourceId> source_ids_;      // "s" + source or "f" + feed
  StringMap<SourceId> open_snapshots_;  // by feed: the latest

  NodeTable nodes_;
  HashIndex names_, aliases_;
  std::vector<std::shared_ptr<const std::vector<EntityId>>> of_kind_;
  std::vector<std::vector<EntityId>> kind_added_, kind_removed_;  // since the last snapshot
  std::vector<EntityState> states_;                               // by entity
  std::vector<EntityId> free_;
  absl::flat_hash_map<EdgeKey, EdgeState> edges_;
  absl::flat_hash_map<EntityId, std::vector<Touch>> touched_;
  std::priority_queue<Ending, std::vector<Ending>, std::greater<>> endings_;

  uint64_t generation_ = 1;
  bool dirty_ = false;
  size_t alive_ = 0, relations_alive_ = 0;
  EventTime updated_ = kMinTime, now_ = kMinTime;
  std::shared_ptr<const TopologySnapshot> current_;
};

template <typename Gone>
void TopologyStore::Graph::Disown(const EdgeKey& key, const Gone& gone, EventTime time) {
  const auto found = edges_.find(key);
  if (found == edges_.end()) {
    return;
  }
  auto& owners = found->second.owners;
  owners.erase(std::remove_if(owners.begin(), owners.end(), gone), owners.end());
  if (owners.empty() && found->second.open()) {
    CloseEdge(key, time);
  }
}

}  // namespace rootnote
