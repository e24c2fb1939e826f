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
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/container/inlined_vector.h"

#include "engine/topology.h"
#include "engine/topology_edges.h"
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
  using Owner = TopologyOwner;
  struct EntityOwner : Owner {
    Labels labels;
  };
  struct EntityState {
    absl::InlinedVector<EntityOwner, 1> owners;  // who said so last comes last
    uint32_t edges_open = 0;
    uint32_t edges_kept = 0;  // with those that only history keeps
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
  std::optional<SourceId> FindSource(const TopologyChange& change, std::string_view feed);
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
  Labels MergeLabels(const EntityState& state, std::optional<KindId> kind) const;
  void NameEntity(EntityId id, SourceId source, const Labels& labels);
  void OpenEdge(const EdgeKey& key, SourceId source, EventTime time);
  // Takes the owners for which `gone` is true from the relation, and ends it when none is left.
  template <typename Gone>
  void Disown(EdgeTable::Slot slot, const Gone& gone, EventTime time);
  void CloseEdge(EdgeTable::Slot slot, EventTime time);
  void EraseEdge(EdgeTable::Slot slot);
  void Touched(EdgeTable::Slot slot);
  void Prune(EventTime now);
  void PruneEdge(const EdgeKey& key, EventTime horizon);
  void Extend(EdgeTable::Slot slot, EventTime time);
  void Forget(EntityId id);
  std::vector<EdgeTable::Slot> OpenEdgesOf(EntityId id);

  // topology_merge.cc: what was touched, into the adjacency lists that readers see.
  struct Touch {
    EntityId node;
    EdgeTable::Slot slot = 0;
    bool downstream = false;
  };
  void MergeTouched();
  std::vector<Touch> TouchesByNode() const;
  void Rebuild(EntityId id, std::span<const Touch> touched);
  void RebuildSide(std::span<const Edge> old, std::span<const Touch> touched,
                   std::vector<Edge>& edges) const;
  bool Before(const Edge& a, const Edge& b) const;
  void SortByName(std::vector<EntityId>& ids) const;
  void RankNames();
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
  // The last answer of SourceOf: feeds mostly say one thing after the other.
  std::string last_feed_, last_named_;
  std::optional<SourceId> last_source_;

  NodeTable nodes_;
  HashIndex names_, aliases_;
  std::vector<std::shared_ptr<const std::vector<EntityId>>> of_kind_;
  std::vector<std::vector<EntityId>> kind_added_, kind_removed_;  // since the last snapshot
  std::vector<EntityState> states_;                               // by entity
  std::vector<EntityId> free_;
  EdgeTable edges_;
  std::vector<EdgeTable::Slot> touched_;  // each once, since the last snapshot …
  // … and the first `touched_indexed_` of them by end, made when somebody asks.
  absl::flat_hash_map<EntityId, std::vector<EdgeTable::Slot>> touched_of_;
  size_t touched_indexed_ = 0;
  std::vector<uint32_t> rank_;     // by entity: place by name; only while much is merged
  std::vector<EntityId> written_;  // since the last snapshot, each once
  std::priority_queue<Ending, std::vector<Ending>, std::greater<>> endings_;

  uint32_t generation_ = 1;
  bool dirty_ = false;
  size_t alive_ = 0, relations_alive_ = 0;
  EventTime updated_ = kMinTime, now_ = kMinTime;
  std::shared_ptr<const TopologySnapshot> current_;
};

template <typename Gone>
void TopologyStore::Graph::Disown(EdgeTable::Slot slot, const Gone& gone, EventTime time) {
  if (slot == EdgeTable::kNone) {
    return;
  }
  edges_.Disown(slot, gone);
  if (!edges_.Owned(slot) && edges_.Open(slot)) {
    CloseEdge(slot, time);
  }
}

}  // namespace rootnote
