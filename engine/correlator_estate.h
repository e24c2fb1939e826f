// What every part of correlation looks at: rules by family, the map, what is active, who is
// watched. Private to the correlator and the incident store. Thread: the pipeline's.
#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "absl/container/flat_hash_map.h"

#include "engine/correlator.h"
#include "engine/topology.h"
#include "engine/transition.h"
#include "rules/program.h"
#include "schemas/base/string_view.h"

namespace rootnote {

// (entity, family) in one word: walks, cycles and evidence are always per node.
using NodeKey = uint64_t;
inline constexpr size_t kFamilies = 5;
constexpr NodeKey ToNode(EntityId entity, Family family) {
  return (NodeKey{entity.value()} << 3) | static_cast<NodeKey>(family);
}
constexpr EntityId EntityOf(NodeKey node) { return EntityId(static_cast<uint32_t>(node >> 3)); }
constexpr Family FamilyOf(NodeKey node) { return static_cast<Family>(node & 7); }

// Whether one of the ascending nodes is of the entity.
bool Reaches(const std::vector<NodeKey>& nodes, EntityId entity);

// The program, by what walks ask. Immutable.
class RuleIndex {
 public:
  explicit RuleIndex(const Program& program);

  // Families of the entity depended on that may show as `to` on the depending one.
  const std::vector<Family>& Origins(RelationId relation, Family to) const;
  // What `from` on the entity depended on may become on the depending one.
  const std::vector<Family>& Becomes(RelationId relation, Family from) const;
  // The same for a signal on the relation itself: what `from` on the entity depended on may show as
  // on the relation, and what may have made `to` there. A failure that the relation does not carry
  // is seen on it as it is.
  const std::vector<Family>& ShowsOn(RelationId relation, Family from) const;
  const std::vector<Family>& ShownBy(RelationId relation, Family to) const;
  // Clauses of the relation that tolerate `from`; indexes into Relation::tolerances.
  const std::vector<uint16_t>& Clauses(RelationId relation, Family from) const;
  // The longest `for` + `every` of the signals that watch the kind in the family.
  Millis ShowTime(std::optional<KindId> kind, Family family) const;
  Millis ShowTime(RelationId relation, Family family) const;
  // How much earlier than its onset the symptom may have begun: longest range + every.
  Millis Uncertainty(SignalId signal) const { return uncertainty_[signal.index()]; }
  const std::vector<FaultId>& FaultsOf(std::optional<KindId> kind) const;
  std::optional<KindId> FindKind(std::string_view name) const;

 private:
  void AddRelation(const Relation& relation);

  template <typename T>
  using PerFamily = std::array<std::vector<T>, kFamilies>;
  std::vector<PerFamily<Family>> origins_, becomes_, shows_on_, shown_by_;
  std::vector<PerFamily<uint16_t>> clauses_;
  std::vector<std::array<Millis, kFamilies>> show_time_, relation_show_time_;
  std::vector<Millis> uncertainty_;
  std::vector<std::vector<FaultId>> faults_;
  StringMap<KindId> kinds_;
  std::vector<FaultId> no_faults_;
};

// The plural of a kind's name: disks, switches, proxies.
std::string PluralOf(std::string_view word);

// How many of `members` may fail.
uint32_t ToleratedCount(const Tolerance& tolerance, uint32_t members);

// Weight of a symptom in scores; see docs/correlation.md.
int64_t WeightOf(Severity severity, SignalState state);

// A relation that has symptoms of its own: a node of the walks between its ends. Its name is formed
// as an entity's, of the kind of relation and its two ends: calls:app%3Ashop/app%3Acart.
struct RelationEnds {
  RelationId relation;
  std::optional<EntityId> from;  // the depending end; nullopt: not in the map
  EntityId to;                   // the end depended on
};
std::string RelationName(const Program& program, const Symptom& symptom);

// Whom a symptom speaks of in the record of an incident with this root: of a symptom on a relation
// the end depended on, but the root if that is the relation itself or the end that depends.
const std::string& ConcernedBy(const Program& program, const Symptom& symptom,
                               const std::string& root);

class Estate {
 public:
  Estate(std::shared_ptr<const Program> program, const WatchView& watch,
         const CorrelatorOptions& options);

  const Program& program() const { return *program_; }
  const RuleIndex& rules() const { return rules_; }
  const CorrelatorOptions& options() const { return options_; }
  const Topology& map() const { return *map_; }
  bool has_map() const { return map_ != nullptr; }
  EventTime now() const { return now_; }

  // Changes of the view. Watch answers are kept for one instant.
  void SetMap(std::shared_ptr<const Topology> map) { map_ = std::move(map); }
  void SetNow(EventTime now);
  // The id of a name: the map's, else one of our own that stays while it has an active symptom.
  EntityId Intern(std::string_view name);
  // The same for what a symptom is about: an entity, or the relation it was seen on.
  EntityId InternOf(const Symptom& symptom);
  void Add(ActiveSymptom& symptom);
  void NoteChange(std::string_view entity, EventTime time);
  void Remove(ActiveSymptom& symptom);

  // Whether somebody changed it at an instant of [begin, end].
  bool ChangedWithin(EntityId id, EventTime begin, EventTime end) const;
  // Null: not a relation.
  const RelationEnds* EndsOf(EntityId id) const;
  // Relations with symptoms that point to the entity / that it depends by. By name.
  std::span<const EntityId> RelationsTo(EntityId id) const;
  std::span<const EntityId> RelationsFrom(EntityId id) const;
  // Whether the entity is watched and well in the family in which a relation to it shows something,
  // and so is another relation to it: then the one speaks for itself only. Without the other it may
  // be the entity's own network, which what it measures of itself leaves out.
  bool WellBehind(EntityId to, Family family) const;

  bool InMap(EntityId id) const { return (id.value() & kUnmappedBit) == 0; }
  std::optional<EntityId> Find(std::string_view name) const;
  std::string_view Name(EntityId id) const;
  std::optional<KindId> KindOf(EntityId id) const;
  std::span<const Edge> Upstream(EntityId id) const;
  std::span<const Edge> Downstream(EntityId id) const;
  bool Alive(EntityId id) const;

  const Signal& SignalOf(const ActiveSymptom& active) const {
    return program_->signal(active.symptom.signal);
  }
  // Of a symptom in scores: by severity and state, times what is known of how often its signal
  // fires by itself.
  int64_t WeightOf(const ActiveSymptom& active) const;
  std::span<ActiveSymptom* const> At(NodeKey node) const;
  // Something of at least warning is pending or firing there / fires there.
  bool Showing(NodeKey node) const;
  bool Failing(NodeKey node) const;
  // … in any family.
  bool FailingAnywhere(EntityId id) const;
  Watch WatchOf(NodeKey node) const;
  Watch WatchOf(RelationId relation, EntityId from, EntityId to, Family family) const;
  Millis IntervalOf(const Symptom& symptom) const;

 private:
  static constexpr uint32_t kUnmappedBit = 1U << 31;

  std::shared_ptr<const Program> program_;
  const WatchView& watch_;
  CorrelatorOptions options_;
  RuleIndex rules_;
  std::shared_ptr<const Topology> map_;
  std::vector<int64_t> percent_;  // of the weight, by SignalId
  EventTime now_ = kMinTime;
  absl::flat_hash_map<NodeKey, std::vector<ActiveSymptom*>> active_;
  std::vector<std::string> unmapped_;
  StringMap<uint32_t> unmapped_ids_;
  std::vector<uint32_t> free_;                             // slots of unmapped_
  std::deque<std::pair<std::string, EventTime>> changes_;  // in order of time
  StringMap<std::vector<EventTime>> changed_;
  void Link(EntityId id, const RelationEnds& ends);
  void Unlink(EntityId id);
  absl::flat_hash_map<uint32_t, RelationEnds> ends_;
  absl::flat_hash_map<uint32_t, std::vector<EntityId>> relations_to_, relations_from_;
  mutable absl::flat_hash_map<NodeKey, Watch> watched_;
};

}  // namespace rootnote
