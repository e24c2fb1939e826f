#include "engine/router.h"

#include <algorithm>
#include <utility>

namespace rootnote {

uint32_t TopicNames::Intern(std::string_view topic) {
  if (const auto found = index_.find(topic); found != index_.end()) {
    return found->second;
  }
  const auto id = static_cast<uint32_t>(names_.size());
  names_.emplace_back(topic);
  index_.emplace(names_.back(), id);
  return id;
}

Router::Router(uint32_t shards) : shards_(std::max(shards, 1U)) {}

TickWork& Router::At(EventTime tick) {
  TickWork& work = ticks_[tick];
  if (work.samples.empty()) {
    work.tick = tick;
    work.samples.resize(shards_);
  }
  return work;
}

void Router::Add(EventTime tick, ShardSample sample) {
  const size_t shard = ShardOf(sample.key, shards_);
  At(tick).samples[shard].push_back(std::move(sample));
}

void Router::Add(EventTime tick, ArrivedEvent event) {
  At(tick).events.push_back(std::move(event));
}

void Router::Add(EventTime tick, ArrivedChange change) {
  At(tick).changes.push_back(std::move(change));
}

void Router::AddSuspect(EventTime tick, Event event) {
  At(tick).suspects.push_back(std::move(event));
}

std::optional<EventTime> Router::NextTick(EventTime last) const {
  if (ticks_.empty() || ticks_.begin()->first > last) {
    return std::nullopt;
  }
  return ticks_.begin()->first;
}

TickWork Router::Take(EventTime tick) {
  const auto found = ticks_.find(tick);
  TickWork work;
  if (found != ticks_.end()) {
    work = std::move(found->second);
    ticks_.erase(found);
  }
  work.tick = tick;
  work.samples.resize(shards_);
  std::stable_sort(work.changes.begin(), work.changes.end(),
                   [](const ArrivedChange& a, const ArrivedChange& b) {
                     return a.change.time.value_or(a.now) < b.change.time.value_or(b.now);
                   });
  return work;
}

}  // namespace rootnote
