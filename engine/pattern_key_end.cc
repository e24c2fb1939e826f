// How matches end: complete, silent long enough, superseded, too old; and when to look again.
#include <algorithm>
#include <map>
#include <tuple>

#include "engine/pattern_key.h"

namespace rootnote {

void PatternKey::Advance(Run run, EventTime time) {
  ++run.element;
  run.since = time;
  run.count = 0;
  run.last.clear();
  run.filled.clear();
  run.begun = false;
  if (plan_.pattern.policy != MatchPolicy::kEvery) {
    run.start = 0;  // whichever began it, it counts for all
  }
  if (run.element == plan_.pattern.elements.size()) {
    Complete(run, time);
  } else {
    runs_.push_back(std::move(run));
  }
}

void PatternKey::Complete(const Run& run, EventTime time) {
  completed_.push_back(time);
  if (plan_.counting) {
    reached_ = true;
    return;
  }
  if (live_.empty()) {
    bindings_.clear();
    for (const PatternPlan::Named& named : plan_.named) {
      const PatternItemPtr& item = run.bound[named.alias];
      bindings_.emplace_back(named.reference, item == nullptr
                                                  ? std::string()
                                                  : std::string(item->Get(named.attribute)));
    }
  }
  const uint64_t start = run.start;
  const bool by_signal = run.last_signal != nullptr && !plan_.pattern.resolve_after;
  Live live;
  if (by_signal && (*firing_)(*run.last_signal)) {
    live.until = kMaxTime;
    live.signal = run.last_signal;
  } else {
    live.until = by_signal ? tick_ : time + plan_.pattern.lasts;
    live.until = std::max(live.until, tick_ + Millis(1));  // seen once, at least
  }
  if (plan_.pattern.policy == MatchPolicy::kOnce) {
    // One match; it lasts as long as the longest of those that would be.
    std::erase_if(live_, [&](const Live& one) {
      return live.signal == nullptr
                 ? one.signal == nullptr && one.until <= live.until
                 : one.signal != nullptr && one.signal->signal == live.signal->signal &&
                       one.signal->instance == live.signal->instance;
    });
  }
  live_.push_back(std::move(live));
  if (live_.size() > runs_max_) {
    live_.erase(live_.begin());
    ++shed_;
  }
  switch (plan_.pattern.policy) {
    case MatchPolicy::kOnce:
      return;  // whatever else matches prolongs it
    case MatchPolicy::kEvery:
      for (Run& other : runs_) {
        other.dead = other.dead || other.start == start;
      }
      if (plan_.pattern.elements.front().group) {
        done_.insert(start);
      }
      return;
    case MatchPolicy::kNoOverlap:
      for (Run& other : runs_) {
        other.dead = true;
      }
      not_before_ = time;
      hits_.clear();
      first_filled_.clear();
  }
}

// Elements that nothing must come in, up to a time: all items up to it are known.
void PatternKey::PassSilence(EventTime until) {
  while (true) {
    size_t next = runs_.size();
    for (size_t i = 0; i < runs_.size(); ++i) {
      const PatternElement& element = plan_.pattern.elements[runs_[i].element];
      const bool due =
          !runs_[i].dead && element.negated && runs_[i].since + element.within <= until;
      if (due && (next == runs_.size() ||
                  runs_[i].since + element.within <
                      runs_[next].since + plan_.pattern.elements[runs_[next].element].within)) {
        next = i;
      }
    }
    if (next == runs_.size()) {
      break;
    }
    Run run = runs_[next];
    runs_[next].dead = true;
    const EventTime time = run.since + plan_.pattern.elements[run.element].within;
    Advance(std::move(run), time);
  }
}

// All items of one time were offered.
void PatternKey::Settle(EventTime time) {
  for (Run& run : runs_) {
    const PatternElement& element = plan_.pattern.elements[run.element];
    run.dead = run.dead || (element.immediately && !run.begun && run.since < time);
  }
  Prune();
}

// Of runs that can only end alike the latest stays, which can still do all that the others can.
void PatternKey::Prune() {
  using Key = std::tuple<size_t, uint64_t, uint32_t, bool, std::deque<bool>,
                         std::vector<const PatternItem*>>;
  std::map<Key, size_t> best;
  for (size_t i = 0; i < runs_.size(); ++i) {
    Run& run = runs_[i];
    if (run.dead) {
      continue;
    }
    if (plan_.pattern.elements[run.element].negated) {
      continue;
    }
    std::vector<const PatternItem*> items;
    for (const auto* list : {&run.bound, &run.filled}) {
      for (const PatternItemPtr& item : *list) {
        items.push_back(item.get());
      }
    }
    const auto [at, added] = best.try_emplace(
        Key(run.element, run.start, run.count, run.begun, run.last, std::move(items)), i);
    if (added) {
      continue;
    }
    Run& other = runs_[at->second];
    const bool better = run.since >= other.since;
    (better ? other : run).dead = true;
    at->second = better ? i : at->second;
  }
  PruneSilent();
  std::erase_if(runs_, [](const Run& run) { return run.dead; });
  if (runs_.size() > runs_max_) {
    shed_ += runs_.size() - runs_max_;
    runs_.erase(runs_.begin(), runs_.begin() + static_cast<ptrdiff_t>(runs_.size() - runs_max_));
  }
}

// Runs that wait for the last silence are broken together or not at all. Where one match after the
// other only prolongs the first, those between two that overlap make no difference; where a match
// uses up what was there, only the first does.
void PatternKey::PruneSilent() {
  const size_t last = plan_.pattern.elements.size() - 1;
  if (!plan_.pattern.elements[last].negated || plan_.pattern.policy == MatchPolicy::kEvery) {
    return;
  }
  const bool first_only = plan_.pattern.policy == MatchPolicy::kNoOverlap;
  std::map<std::vector<const PatternItem*>, std::vector<size_t>> alike;  // ascending by `since`
  for (size_t i = 0; i < runs_.size(); ++i) {
    if (runs_[i].dead || runs_[i].element != last || runs_[i].last_signal != nullptr) {
      continue;
    }
    std::vector<const PatternItem*> items;
    for (const PatternItemPtr& item : runs_[i].bound) {
      items.push_back(item.get());
    }
    alike[std::move(items)].push_back(i);
  }
  for (const auto& [items, runs] : alike) {
    for (size_t i = 1, kept = 0; i < runs.size(); ++i) {
      const bool between =
          i + 1 < runs.size() &&
          runs_[runs[i + 1]].since - runs_[runs[kept]].since <= plan_.pattern.lasts;
      if (first_only || between) {
        runs_[runs[i]].dead = true;
      } else {
        kept = i;
      }
    }
  }
}

void PatternKey::Expire() {
  const PatternElement& first = plan_.pattern.elements.front();
  std::erase_if(runs_, [this](const Run& run) {
    const PatternElement& element = plan_.pattern.elements[run.element];
    return run.dead || (!element.negated && run.since + element.within <= tick_);
  });
  while (!hits_.empty() && hits_.front().time + first.within <= tick_) {
    hits_.pop_front();
  }
  for (PatternItemPtr& item : first_filled_) {
    if (item != nullptr && item->time + first.within <= tick_) {
      item = nullptr;
    }
  }
  std::erase_if(done_, [this](uint64_t sequence) {
    return std::none_of(first_filled_.begin(), first_filled_.end(), [&](const auto& item) {
      return item != nullptr && item->sequence == sequence;
    });
  });
  std::erase_if(live_, [this](const Live& live) { return live.until <= tick_; });
}

void PatternKey::Ended(SignalId signal, const InstanceKey& instance) {
  std::erase_if(live_, [&](const Live& live) {
    return live.signal != nullptr && live.signal->signal == signal &&
           live.signal->instance == instance;
  });
}

// Hits in the window that ends there.
size_t PatternKey::Counted(EventTime at) const {
  const Millis within = plan_.pattern.elements.front().within;
  return static_cast<size_t>(std::count_if(hits_.begin(), hits_.end(), [&](const Hit& hit) {
    return hit.hit && hit.time > at - within;
  }));
}

double PatternKey::live() const {
  if (!plan_.counting) {
    const bool once = plan_.pattern.policy == MatchPolicy::kOnce;
    return once ? std::min<double>(1, static_cast<double>(live_.size()))
                : static_cast<double>(live_.size());
  }
  const size_t times = plan_.pattern.elements.front().steps[0].times;
  const size_t counted = Counted(tick_);
  return reached_ || counted >= times ? static_cast<double>(std::max(counted, times)) : 0;
}

void PatternKey::SetWake() {
  wake_ = kMaxTime;
  const Millis first = plan_.pattern.elements.front().within;
  for (const Run& run : runs_) {
    wake_ = std::min(wake_, run.since + plan_.pattern.elements[run.element].within);
  }
  for (const Live& live : live_) {
    wake_ = std::min(wake_, live.until == kMaxTime ? kMaxTime - Millis(1) : live.until);
  }
  // A window that holds too few is looked at when all has left it, for the room it takes.
  if (plan_.counting && !hits_.empty()) {
    const uint32_t times = plan_.pattern.elements.front().steps[0].times;
    wake_ = std::min(
        wake_, reached_ && Counted(tick_) < times ? tick_ + Millis(1) : hits_.front().time + first);
  } else if (!hits_.empty()) {
    wake_ = std::min(wake_, hits_.back().time + first);
  }
  for (const PatternItemPtr& item : first_filled_) {
    if (item != nullptr) {
      wake_ = std::min(wake_, item->time + first);
    }
  }
}

}  // namespace rootnote
