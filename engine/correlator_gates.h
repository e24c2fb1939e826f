// Gates: a relation that tolerates failures passes nothing until more of its members fail.
// Judged per candidate (SEMANTICS section 5). Private to the correlator. Thread: the pipeline's.
#pragma once

#include <cstdint>
#include <vector>

#include "absl/container/flat_hash_map.h"

#include "engine/correlator_estate.h"

namespace rootnote {

// Members of (group, relation), distinct, by name; edges valid at any instant of [begin, end].
std::vector<EntityId> MembersOf(const Estate& estate, EntityId group, RelationId relation,
                                EventTime begin, EventTime end);

// Whether the member fires in a family that the relation carries and the clause covers.
bool FailsIn(const Estate& estate, EntityId member, RelationId relation, uint16_t clause);

// One clause of one group, as one candidate sees it.
struct Gate {
  EntityId group;
  RelationId relation;
  uint32_t members = 0, tolerated = 0;
  std::vector<EntityId> failing;       // with an active symptom; by name
  std::vector<EntityId> attributable;  // what the candidate makes fail, as reached
  std::vector<EntityId> assumed;       // … of them without fresh monitor and symptom

  uint32_t failed() const;  // failing or attributable
  bool PassesAlone() const { return attributable.size() > tolerated; }
  bool PassesJointly() const { return failed() > tolerated; }
};

// The gates that one walk met.
class Gates {
 public:
  // A step that waits at its gates: node `at` would make the group's `family` fail.
  struct Waiting {
    int32_t at = -1;
    Edge edge;
    Family from = Family::kErrors;
    uint8_t grade = 0;
  };

  Gates(const Estate& estate, EventTime begin, EventTime end)
      : estate_(&estate), begin_(begin), end_(end) {}

  // Notes that the candidate makes `member` fail.
  void Attribute(EntityId group, RelationId relation, uint16_t clause, EntityId member,
                 bool assumed);
  // Whether all clauses that cover `from` let the candidate through on its own / with others.
  bool Open(EntityId group, RelationId relation, Family from, bool jointly);
  void Wait(const Waiting& waiting);
  // Steps of one relation of one group, or of all groups, whose gates are open now leave the list.
  std::vector<Waiting> Released(EntityId group, RelationId relation, bool jointly);
  std::vector<Waiting> ReleasedJointly();

  const std::vector<Gate>& all() const { return gates_; }  // as met
  // Groups that hold back what the candidate does, as met.
  std::vector<Tolerated> Closed() const;

 private:
  using GroupKey = std::pair<uint32_t, uint16_t>;
  Gate& Get(EntityId group, RelationId relation, uint16_t clause);

  const Estate* estate_;  // never null
  EventTime begin_, end_;
  std::vector<Gate> gates_;
  absl::flat_hash_map<std::pair<uint32_t, uint32_t>, uint32_t> index_;
  std::vector<GroupKey> groups_;  // that steps wait for, as met
  absl::flat_hash_map<GroupKey, std::vector<Waiting>> waiting_;
};

// Groups whose firing members are more than the relation tolerates: candidates of their own.
struct BrokenGroup {
  EntityId group;
  RelationId relation;
  std::vector<EntityId> failed;  // firing, by name
  std::vector<Family> families;  // in which the group fails
  uint32_t members = 0, tolerated = 0;
};

// The groups that `symptom` makes fail together with other members.
std::vector<BrokenGroup> BrokenGroupsOf(const Estate& estate, const ActiveSymptom& symptom);

// "array:a1: 1 of 8 disks failing, tolerated".
std::string GateWords(const Estate& estate, EntityId group, RelationId relation, uint32_t failed,
                      uint32_t members);

}  // namespace rootnote
