// Every relation the map knows of, living or only kept by history, as the writer sees it.
//
// A relation is 32 bytes in a slot; what few have (a second owner, former intervals) stands beside.
// Slots are numbered as they were taken, so walking them is the same in every run.
// Private to the writer. Thread: one at a time.
#pragma once

#include <algorithm>
#include <array>
#include <compare>
#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"

#include "engine/topology.h"

namespace rootnote {

struct EdgeKey {
  RelationId relation;
  EntityId from, to;
  friend auto operator<=>(const EdgeKey&, const EdgeKey&) = default;
};

// Who said so, and in which of its snapshots last.
struct TopologyOwner {
  uint16_t source = 0;
  uint32_t epoch = 0;
};

class EdgeTable {
 public:
  using Slot = uint32_t;
  static constexpr Slot kNone = ~Slot{0};

  EdgeTable() : index_(0, SlotHash{this}, SlotEqual{this}) {}
  EdgeTable(const EdgeTable&) = delete;
  EdgeTable& operator=(const EdgeTable&) = delete;

  size_t size() const { return index_.size(); }
  // One above the highest slot ever taken; between are some that stand for nothing any more.
  Slot end() const { return end_; }

  Slot Find(const EdgeKey& key) const {
    const auto found = index_.find(key);
    return found == index_.end() ? kNone : *found;
  }
  // A slot for a relation that is not known; never valid yet, without owner.
  Slot Add(const EdgeKey& key);
  // The key stays readable until FreeErased.
  void Erase(Slot slot);
  // Slots of erased relations may be taken again.
  void FreeErased();

  EdgeKey KeyOf(Slot slot) const {
    const Entry& entry = At(slot);
    return {entry.relation, entry.from, entry.to};
  }
  bool Exists(Slot slot) const { return At(slot).present.to != kMinTime; }
  const Validity& Present(Slot slot) const { return At(slot).present; }
  void SetPresent(Slot slot, const Validity& validity) { At(slot).present = validity; }
  bool Open(Slot slot) const { return At(slot).present.to == kMaxTime; }

  // Former intervals, ascending; null for none.
  std::vector<Validity>* Older(Slot slot);
  const std::vector<Validity>* Older(Slot slot) const;
  void AddOlder(Slot slot, const Validity& validity) { older_[slot].push_back(validity); }
  void DropOlderIfEmpty(Slot slot);

  // Adds the owner, or says that it said so again.
  void Own(Slot slot, const TopologyOwner& owner);
  void DropOwners(Slot slot);
  // Removes the owners for which `gone` is true; whether one was.
  template <typename Gone>
  bool Disown(Slot slot, const Gone& gone);
  bool Owned(Slot slot) const { return At(slot).source != kNoSource; }

  // A mark of the caller's; true if it was not set.
  bool Mark(Slot slot) {
    Entry& entry = At(slot);
    const bool fresh = entry.marked == 0;
    entry.marked = 1;
    return fresh;
  }
  void Unmark(Slot slot) { At(slot).marked = 0; }

 private:
  static constexpr uint16_t kNoSource = UINT16_MAX;
  static constexpr uint32_t kChunk = 4'096;
  struct Entry {
    RelationId relation;
    uint16_t source = kNoSource;  // the first owner …
    uint32_t epoch : 31 = 0;
    uint32_t marked : 1 = 0;
    EntityId from, to;
    Validity present{kMinTime, kMinTime};
  };
  struct SlotHash {
    using is_transparent = void;
    const EdgeTable* table;
    size_t operator()(const EdgeKey& key) const {
      // Murmur's mixing of 64 bits; decides nothing that can be seen.
      uint64_t hash = (uint64_t{key.from.value()} << 32 | key.to.value()) ^
                      uint64_t { key.relation.value() } * 0x9e3779b97f4a7c15ULL;
      hash = (hash ^ hash >> 33) * 0xff51afd7ed558ccdULL;
      hash = (hash ^ hash >> 33) * 0xc4ceb9fe1a85ec53ULL;
      return hash ^ hash >> 33;
    }
    size_t operator()(Slot slot) const { return (*this)(table->KeyOf(slot)); }
  };
  struct SlotEqual {
    using is_transparent = void;
    const EdgeTable* table;
    bool operator()(Slot a, Slot b) const { return a == b; }
    bool operator()(Slot a, const EdgeKey& b) const { return table->KeyOf(a) == b; }
    bool operator()(const EdgeKey& a, Slot b) const { return table->KeyOf(b) == a; }
  };

  Entry& At(Slot slot) { return (*chunks_[slot / kChunk])[slot % kChunk]; }
  const Entry& At(Slot slot) const { return (*chunks_[slot / kChunk])[slot % kChunk]; }

  std::vector<std::unique_ptr<std::array<Entry, kChunk>>> chunks_;
  absl::flat_hash_set<Slot, SlotHash, SlotEqual> index_;
  absl::flat_hash_map<Slot, std::vector<Validity>> older_;
  absl::flat_hash_map<Slot, std::vector<TopologyOwner>> more_owners_;  // … and the others
  std::vector<Slot> free_, erased_;
  Slot end_ = 0;
};

template <typename Gone>
bool EdgeTable::Disown(Slot slot, const Gone& gone) {
  Entry& entry = At(slot);
  if (entry.source == kNoSource) return false;
  const auto more = more_owners_.find(slot);
  if (more == more_owners_.end()) {
    if (!gone(TopologyOwner{entry.source, entry.epoch})) return false;
    entry.source = kNoSource;
    return true;
  }
  std::vector<TopologyOwner> owners = std::move(more->second);
  more_owners_.erase(more);
  owners.push_back({entry.source, entry.epoch});
  const size_t before = owners.size();
  owners.erase(std::remove_if(owners.begin(), owners.end(), gone), owners.end());
  const bool changed = owners.size() != before;
  entry.source = kNoSource;
  for (const TopologyOwner& owner : owners) Own(slot, owner);
  return changed;
}

}  // namespace rootnote
