#include "engine/topology_edges.h"

namespace rootnote {

EdgeTable::Slot EdgeTable::Add(const EdgeKey& key) {
  Slot slot = end_;
  if (free_.empty()) {
    if (slot % kChunk == 0) chunks_.push_back(std::make_unique<std::array<Entry, kChunk>>());
    ++end_;
  } else {
    slot = free_.back();
    free_.pop_back();
  }
  Entry& entry = At(slot);
  entry = Entry();
  entry.relation = key.relation;
  entry.from = key.from;
  entry.to = key.to;
  index_.insert(slot);
  return slot;
}

void EdgeTable::Erase(Slot slot) {
  index_.erase(KeyOf(slot));
  DropOwners(slot);
  older_.erase(slot);
  At(slot).present = {kMinTime, kMinTime};
  erased_.push_back(slot);
}

void EdgeTable::FreeErased() {
  free_.insert(free_.end(), erased_.begin(), erased_.end());
  erased_.clear();
}

std::vector<Validity>* EdgeTable::Older(Slot slot) {
  if (older_.empty()) return nullptr;
  const auto found = older_.find(slot);
  return found == older_.end() ? nullptr : &found->second;
}

const std::vector<Validity>* EdgeTable::Older(Slot slot) const {
  if (older_.empty()) return nullptr;
  const auto found = older_.find(slot);
  return found == older_.end() ? nullptr : &found->second;
}

void EdgeTable::DropOlderIfEmpty(Slot slot) {
  const auto found = older_.find(slot);
  if (found != older_.end() && found->second.empty()) older_.erase(found);
}

void EdgeTable::Own(Slot slot, const TopologyOwner& owner) {
  Entry& entry = At(slot);
  if (entry.source == kNoSource || entry.source == owner.source) {
    entry.source = owner.source;
    entry.epoch = owner.epoch & 0x7fffffffU;
    return;
  }
  std::vector<TopologyOwner>& others = more_owners_[slot];
  for (TopologyOwner& other : others) {
    if (other.source == owner.source) {
      other.epoch = owner.epoch;
      return;
    }
  }
  others.push_back(owner);
}

void EdgeTable::DropOwners(Slot slot) {
  At(slot).source = kNoSource;
  if (!more_owners_.empty()) more_owners_.erase(slot);
}

}  // namespace rootnote
