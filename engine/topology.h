// The map of the estate: entities and typed, directed relations (A depends on B), time-versioned.
//
// A Topology is an immutable snapshot shared by readers; TopologyStore is the writer that makes the
// next one. A deleted edge or entity keeps its interval for `history` so that a symptom is judged
// on the map as of its onset (SEMANTICS section 5). Limits: entities_max, relations_max; beyond
// them new ones are refused and counted. Design size: 1M entities, 5M relations; cycles are legal.
// Thread: Topology any; TopologyStore one at a time.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "rules/program.h"
#include "schemas/base/strong_id.h"
#include "schemas/base/time.h"
#include "schemas/labels.h"
#include "schemas/schema.h"

namespace rootnote {

// Dense within one store, stable over its snapshots; given again when the entity is long gone
// (deleted, and `history` over). Never decides an order that leaves the engine: sort by name for
// that.
using EntityId = StrongId<struct EntityTag>;

// Valid at every instant of [from, to).
struct Validity {
  EventTime from = kMinTime;
  EventTime to = kMaxTime;
  bool At(EventTime time) const { return from <= time && time < to; }
  // Valid at any instant of [begin, end].
  bool Within(EventTime begin, EventTime end) const { return from <= end && begin < to; }
};

struct Edge {
  RelationId relation;
  EntityId other;  // the entity depended on (upstream edges) or depending (downstream edges)
  Validity validity;
};

class Topology {
 public:
  virtual ~Topology() = default;

  virtual std::optional<EntityId> Find(std::string_view entity) const = 0;
  virtual size_t size() const = 0;  // ids run from 0 to size() - 1, deleted ones included
  virtual std::string_view Name(EntityId id) const = 0;
  virtual std::optional<KindId> KindOf(EntityId id) const = 0;  // nullopt: kind no rule declares
  virtual const Labels& LabelsOf(EntityId id) const = 0;        // its own labels, without identity
  virtual Validity ValidityOf(EntityId id) const = 0;  // its present interval, else its last
  // What `id` depends on, and what depends on it; sorted by (relation, name of other, validity).
  virtual std::span<const Edge> Upstream(EntityId id) const = 0;
  virtual std::span<const Edge> Downstream(EntityId id) const = 0;
  // Entities of a kind, ascending by name, deleted ones included.
  virtual std::span<const EntityId> OfKind(KindId kind) const = 0;

  // The entity of `kind` that a sample's labels name: by identity labels, else by alias (a label of
  // Kind::aliases, or the only identity label, holds another name of it). nullopt also if several
  // that are alive share the alias.
  virtual std::optional<EntityId> Resolve(KindId kind, const Labels& labels) const = 0;

  virtual uint64_t version() const = 0;      // rises with every snapshot that differs
  virtual EventTime updated_at() const = 0;  // time of the latest change; kMinTime: undated
  // Appends the entities whose name, kind, labels, validity or relations differ from those in
  // `version`, unordered; false when that is too long ago to tell.
  virtual bool ChangedSince(uint64_t version, std::vector<EntityId>& changed_ids) const = 0;
  virtual size_t entities_alive() const = 0;
  virtual size_t relations_alive() const = 0;
};

struct TopologyOptions {
  size_t entities_max = 2'000'000;
  size_t relations_max = 10'000'000;
  size_t sources_max = 1'000;
  size_t intervals_max = 16;  // kept per relation between two entities; the oldest go
  Millis history{3'600'000};  // how long what was deleted stays judgeable
};

struct TopologyStats {
  uint64_t changes = 0;
  uint64_t refused_limit = 0;
  uint64_t alias_conflicts = 0;
  uint64_t unknown_kind = 0;      // entities of kinds that no rule declares (kept, inert)
  uint64_t unknown_relation = 0;  // relations that no rule declares (dropped)
  uint64_t refused_invalid =
      0;                // bad names, ends that the relation does not join, lone snapshot ends
  uint64_t pruned = 0;  // entities and relations forgotten after `history`
};

// The writer. What is said later holds: an add after a delete opens a new interval, a delete closes
// it.
//
// Ownership: who said that something exists is its owner, and it lives until no owner says so any
// more. The owner is the change's source; without one the snapshot that is open on its feed, else
// the feed itself. An entity that only relations name lives while one of these does. A delete
// without source speaks for all owners of its feed, and ends the entity's relations of these owners
// too. Snapshot end: what the source had and did not name since its begin loses this owner.
class TopologyStore {
 public:
  TopologyStore(std::shared_ptr<const Program> program, const TopologyOptions& options);
  ~TopologyStore();

  // Applies one change at event time `now` (a change's own time wins when it has one; undated ones
  // of the first load hold from the beginning: pass kMinTime). Entities named only by a relation
  // are created. A problem is returned in words (refused, unknown relation), for the dead-letter or
  // the log. `feed` tells feeds apart (topic or file), see above.
  std::optional<std::string> Apply(const TopologyChange& change, EventTime now,
                                   std::string_view feed = {});

  // The present snapshot; a new object only if something changed since the last call.
  std::shared_ptr<const Topology> Snapshot();

  const TopologyStats& stats() const;

  // "alias 10.0.0.1 of kind host: host:a, host:b", ascending, at most `max`: as of the last
  // Snapshot.
  std::vector<std::string> AliasConflicts(size_t max = 100) const;

 private:
  class Graph;
  std::unique_ptr<Graph> graph_;
};

}  // namespace rootnote
