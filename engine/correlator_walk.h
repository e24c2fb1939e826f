// The two walks: upstream from a symptom to what may cause it, downstream from a candidate to what
// it would make fail. Both per (entity, family), within depth, validity and a node budget. Private
// to the correlator. Thread: the pipeline's.
#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"

#include "engine/correlator_estate.h"
#include "engine/correlator_gates.h"

namespace rootnote {

struct UpstreamWalk {
  std::vector<NodeKey> nodes;  // ascending, the start included
  bool cut = false;            // the node budget ended it
};

// All (entity, family) from which failure may have travelled to `start`, through silent, healthy
// and tolerated ones alike: a gate is judged per candidate. Edges valid within [onset - grace,
// onset].
UpstreamWalk WalkUpstream(const Estate& estate, NodeKey start, EventTime onset);

struct SpreadNode {
  NodeKey node = 0;
  int32_t parent = -1;  // index into Spread::nodes(); -1 at the start
  RelationId relation;  // from the parent
  uint16_t depth = 0;
  uint8_t grade = 0;               // see kGrades below
  bool joint = false;              // only because other members of a group failed as well
  Family start = Family::kErrors;  // of the root, from which it was reached
  bool beside = false;   // shows another family than the one that reached it, at the same time …
  bool beyond = false;   // … or was reached from there
  bool aside = false;    // a relation by which the root depends: it sees its own trouble there
  bool at_onset = true;  // by edges that were valid at the candidate's onset …
  bool lasting = true;   // … and still are
  bool healthy = false;  // it had time to show, is fresh, and shows nothing
  bool showing = false;
  bool fresh = false;
  Millis lag{0};  // bounds summed along the path
  EventTime due;  // from here on silence means health
};

// How sure it is that failure came this way, the surest first: by origin, then the same once more
// for what is only reached through something healthy.
inline constexpr uint8_t kGradeWeak = 3;
inline constexpr uint8_t kGrades = 2 * kGradeWeak;
constexpr Origin OriginOf(uint8_t grade) { return static_cast<Origin>(grade % kGradeWeak); }

class Spread {
 public:
  // `latest`: the newest onset that is to be explained; edges are valid within
  // [onset - grace, latest].
  Spread(const Estate& estate, EntityId root, EventTime onset, EventTime latest);

  void Start(Family family, Origin origin);
  void Run();

  const std::vector<SpreadNode>& nodes() const { return nodes_; }  // strongest first
  const SpreadNode* Find(NodeKey node) const;
  int32_t IndexOf(NodeKey node) const;  // -1 when not reached
  const Gates& gates() const { return gates_; }
  bool cut() const { return cut_; }
  // Every edge that would carry it out of the root itself is behind a gate that holds.
  bool contained() const { return direct_ > 0 && direct_passed_ == 0; }

 private:
  void Push(NodeKey node, int32_t parent, const Edge& edge, uint8_t grade, bool joint);
  void Expand(int32_t at);
  void Cross(int32_t at, const Edge& edge, Family from, uint8_t grade);
  void Show(int32_t at, EntityId relation, Family family, uint8_t grade, bool aside);
  void ShowOnRelations(int32_t at, uint8_t grade);
  bool ShowBeside();
  void Pass(const Gates::Waiting& step, bool joint);
  void Drain();

  const Estate* estate_;  // never null
  EntityId root_;
  EventTime onset_;
  EventTime begin_, end_;
  std::vector<SpreadNode> nodes_;
  absl::flat_hash_map<NodeKey, int32_t> index_;
  std::array<std::deque<int32_t>, kGrades> queues_;
  Gates gates_;
  size_t beside_ = 0;  // nodes before it were looked at by ShowBeside
  uint32_t direct_ = 0, direct_passed_ = 0;
  bool cut_ = false;
};

}  // namespace rootnote
