// One candidate: which fault, what it explains, what speaks against it, and the score.
// The constants are explained, and worked through on a story, in docs/correlation.md.
// Private to the correlator. Thread: the pipeline's.
#pragma once

#include <cstdint>
#include <vector>

#include "absl/container/flat_hash_map.h"

#include "engine/correlator.h"
#include "engine/correlator_estate.h"
#include "engine/correlator_gates.h"
#include "engine/correlator_walk.h"

namespace rootnote {

// What a region knows of one upstream entity before it is judged.
struct Suspect {
  EntityId entity;
  uint8_t families = 0;             // bit per family in which symptoms reach it
  std::vector<uint32_t> items;      // that reach it
  std::vector<BrokenGroup> groups;  // that it is, and that lost their redundancy
};

using ItemIndex = absl::flat_hash_map<NodeKey, uint32_t>;

Candidate Judge(const Estate& estate, const std::vector<RegionItem>& items, const ItemIndex& index,
                const Suspect& suspect);

// The score of `explained` for the candidate, everything else as judged.
ScoreSum SumOf(const Candidate& candidate, const std::vector<Explained>& explained);
inline int64_t ScoreOf(const Candidate& candidate, const std::vector<Explained>& explained) {
  return SumOf(candidate, explained).Total();
}

// What `weight` explained from a family that the candidate does not show costs it.
int64_t SilencePrice(int64_t weight, Origin origin);

// Whether the candidate may be a root with this score, and nothing but counter-evidence is in the
// way.
bool MayOpen(const Candidate& candidate, const ScoreSum& sum, int64_t threshold);

// The walk with which the candidate was judged.
Spread SpreadOf(const Estate& estate, const Candidate& candidate);

// How far the signals that a fault shows are shown by the entity itself.
enum class Shown : uint8_t {
  kAll,      // as the fault declares
  kPartly,   // some of `shows all of`, and what is missing is watched
  kRefuted,  // none, and it is watched
  kSilent,   // cannot be seen
};
Shown ShownBy(const Estate& estate, EntityId entity, const Fault& fault);

}  // namespace rootnote
