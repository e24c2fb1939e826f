#include "engine/shard.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <utility>

namespace rootnote {
namespace {

// How long a series without samples is remembered beyond what its windows need, so that a silent
// source stays known as monitored.
constexpr Millis kRemembered{3'600'000};

// The larger value first, NaN last; bits decide between equals.
bool WinsOver(double a, double b) {
  if (std::isnan(a) != std::isnan(b)) {
    return std::isnan(b);
  }
  if (!std::isnan(a) && a != b) {
    return a > b;
  }
  return std::bit_cast<uint64_t>(a) > std::bit_cast<uint64_t>(b);
}

}  // namespace

size_t ShardOf(const SeriesKey& key, size_t shards) {
  // The low bits stay for the hash tables within a shard.
  return (key.labels.hash() >> 32) % shards;
}

Shard::Shard(const RuleSet& rules) : rules_(rules) {}

bool Shard::Before(const Entry& a, const Entry& b) const {
  if (a.series != b.series || a.newcomer != b.newcomer) {
    // Series do not see each other: any order that keeps each one together will do.
    return a.series != b.series ? std::less<>()(a.series, b.series) : a.newcomer < b.newcomer;
  }
  const ShardSample& left = samples_[a.sample];
  const ShardSample& right = samples_[b.sample];
  if (left.time != right.time) {
    return left.time < right.time;
  }
  if (WinsOver(left.value, right.value)) {
    return true;
  }
  return !WinsOver(right.value, left.value) && left.position < right.position;
}

void Shard::Prepare(std::vector<ShardSample> samples) {
  samples_ = std::move(samples);
  entries_.clear();
  newcomers_.clear();
  absl::flat_hash_map<SeriesKey, uint32_t> fresh;
  for (uint32_t i = 0; i < samples_.size(); ++i) {
    const SeriesKey& key = samples_[i].key;
    if (const auto found = series_.find(key); found != series_.end()) {
      entries_.push_back({i, found->second.get(), 0});
      continue;
    }
    const auto [at, added] = fresh.try_emplace(key, static_cast<uint32_t>(newcomers_.size()));
    if (added) {
      newcomers_.push_back({key, {}, nullptr});
    }
    entries_.push_back({i, nullptr, at->second});
  }
  std::vector<uint32_t> order(newcomers_.size());
  for (uint32_t i = 0; i < order.size(); ++i) {
    order[i] = i;
  }
  std::sort(order.begin(), order.end(), [this](uint32_t a, uint32_t b) {
    return InByteOrder(newcomers_[a].key, newcomers_[b].key);
  });
  std::vector<Newcomer> sorted(newcomers_.size());
  std::vector<uint32_t> place(newcomers_.size());
  for (uint32_t i = 0; i < order.size(); ++i) {
    place[order[i]] = i;
    sorted[i] = std::move(newcomers_[order[i]]);
    SeriesKey& key = sorted[i].key;
    sorted[i].selectors =
        key.projection ? std::vector<SelectorId>{*key.projection} : rules_.Match(key.labels);
  }
  newcomers_ = std::move(sorted);
  for (Entry& entry : entries_) {
    entry.newcomer = entry.series == nullptr ? place[entry.newcomer] : 0;
  }
  std::sort(entries_.begin(), entries_.end(),
            [this](const Entry& a, const Entry& b) { return Before(a, b); });
}

Series& Shard::Admit(size_t newcomer) {
  Newcomer& from = newcomers_[newcomer];
  Series& series = Admit(from.key, from.selectors);
  from.series = &series;
  return series;
}

Series* Shard::Find(const SeriesKey& key) {
  const auto found = series_.find(key);
  return found == series_.end() ? nullptr : found->second.get();
}

Series& Shard::Admit(const SeriesKey& key, std::vector<SelectorId> selectors) {
  auto series = std::make_unique<Series>();
  series->key = key;
  series->selectors = std::move(selectors);
  for (const SelectorId id : series->selectors) {
    series->history = std::max(series->history, rules_.selector(id).history);
  }
  return *series_.emplace(key, std::move(series)).first->second;
}

ShardCounts Shard::Append(EventTime tick) {
  ShardCounts counts;
  const Series* previous = nullptr;
  EventTime previous_time = kMinTime;
  double previous_value = 0;
  for (const Entry& entry : entries_) {
    Series* series = entry.series == nullptr ? newcomers_[entry.newcomer].series : entry.series;
    if (series == nullptr) {
      ++counts.refused;
      continue;
    }
    const ShardSample& sample = samples_[entry.sample];
    if (series == previous && sample.time == previous_time && !series->key.projection) {
      const bool equal =
          std::bit_cast<uint64_t>(sample.value) == std::bit_cast<uint64_t>(previous_value);
      ++(equal ? counts.duplicates : counts.conflicts);
      continue;
    }
    series->Append(sample.time, sample.value, sample.position, tick);
    ++counts.appended;
    previous = series;
    previous_time = sample.time;
    previous_value = sample.value;
  }
  samples_.clear();
  entries_.clear();
  newcomers_.clear();
  return counts;
}

void Shard::MarkDead(EventTime tick, Millis lookback) {
  for (const auto& [key, series] : series_) {
    series->Prune(tick);
    const Millis kept = std::max(series->history, series->FreshFor(lookback)) + kRemembered;
    series->dead = series->last <= tick - kept;
  }
}

void Shard::RemoveDead() {
  absl::erase_if(series_, [](const auto& item) { return item.second->dead; });
}

}  // namespace rootnote
