#include "engine/pattern_key.h"

#include <algorithm>
#include <charconv>
#include <map>
#include <tuple>

#include "schemas/base/check.h"

namespace rootnote {
namespace {

using Operand = PatternStep::Operand;
using Filter = PatternStep::Filter;

std::optional<double> NumberOf(std::string_view text) {
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (text.empty() || error != std::errc() || end != text.data() + text.size()) {
    return std::nullopt;
  }
  return value;
}

struct OperandValue {
  std::string_view text;
  std::optional<double> number;
};

OperandValue Attribute(const PatternItem* item, std::string_view name) {
  OperandValue value;
  if (item == nullptr) {
    return value;
  }
  value.text = item->Get(name);
  value.number =
      value.text.empty() && name == "value" ? std::optional(item->value) : NumberOf(value.text);
  return value;
}

OperandValue ValueOf(const Operand& operand, const PatternItem& own,
                     const std::vector<PatternItemPtr>& bound) {
  switch (operand.type) {
    case Operand::Type::kText:
      return {operand.text, NumberOf(operand.text)};
    case Operand::Type::kNumber:
      return {"", operand.number};
    case Operand::Type::kOwn:
      return Attribute(&own, operand.text);
    case Operand::Type::kAlias:
      break;
  }
  return Attribute(bound[operand.alias].get(), operand.text);
}

bool Equal(const Filter& filter, const OperandValue& left, const OperandValue& right) {
  const bool numeric =
      filter.left.type == Operand::Type::kNumber || filter.right.type == Operand::Type::kNumber;
  return numeric ? left.number && right.number && *left.number == *right.number
                 : left.text == right.text;
}

bool Holds(const Filter& filter, const PatternItem& own, const std::vector<PatternItemPtr>& bound) {
  const OperandValue left = ValueOf(filter.left, own, bound);
  if (filter.op == Filter::Op::kMatch) {
    return filter.matcher.Matches(left.text);
  }
  const OperandValue right = ValueOf(filter.right, own, bound);
  const bool numbers = left.number && right.number;
  switch (filter.op) {
    case Filter::Op::kEqual:
      return Equal(filter, left, right);
    case Filter::Op::kNotEqual:
      return !Equal(filter, left, right);
    case Filter::Op::kLess:
      return numbers && *left.number < *right.number;
    case Filter::Op::kLessEqual:
      return numbers && *left.number <= *right.number;
    case Filter::Op::kGreater:
      return numbers && *left.number > *right.number;
    case Filter::Op::kGreaterEqual:
      return numbers && *left.number >= *right.number;
    case Filter::Op::kMatch:
      break;
  }
  return false;
}

void MarkUsed(const Operand& operand, std::vector<bool>& used) {
  if (operand.type == Operand::Type::kAlias) {
    used[operand.alias] = true;
  }
}

// The latest of a group's items that is a signal.
PatternItemPtr LatestSignal(const std::vector<PatternItemPtr>& filled) {
  PatternItemPtr latest;
  for (const PatternItemPtr& item : filled) {
    if (item != nullptr && item->signal &&
        (latest == nullptr ||
         std::tie(latest->time, latest->sequence) < std::tie(item->time, item->sequence))) {
      latest = item;
    }
  }
  return latest;
}

}  // namespace

std::string_view PatternItem::Get(std::string_view attribute) const {
  const std::string_view found = labels.Get(attribute);
  if (!found.empty()) {
    return found;
  }
  return attribute == "message" ? std::string_view(message) : std::string_view();
}

void PatternPlan::Name(const Template& words) {
  for (const Template::Piece& piece : words.pieces) {
    const size_t dot = piece.reference ? piece.text.find('.') : std::string::npos;
    if (dot == std::string::npos) {
      continue;
    }
    const auto alias =
        std::find(pattern.aliases.begin(), pattern.aliases.end(), piece.text.substr(0, dot));
    if (alias == pattern.aliases.end()) {
      continue;
    }
    const auto index = static_cast<size_t>(alias - pattern.aliases.begin());
    alias_used[index] = true;
    named.push_back({piece.text, index, piece.text.substr(dot + 1)});
  }
}

PatternPlan::PatternPlan(const PatternCondition& condition, const Template* words)
    : pattern(condition), alias_used(condition.aliases.size()) {
  size_t steps = 0;
  for (const PatternElement& element : pattern.elements) {
    first_step.push_back(steps);
    steps += element.steps.size();
    for (const PatternStep& step : element.steps) {
      for (const Filter& filter : step.where) {
        MarkUsed(filter.left, alias_used);
        MarkUsed(filter.right, alias_used);
      }
    }
  }
  if (words != nullptr) {
    Name(*words);
  }
  const PatternElement& first = pattern.elements.front();
  const bool counted = !first.group && (first.steps[0].times > 1 || first.steps[0].of_last > 0);
  counting = pattern.elements.size() == 1 && counted && !pattern.resolve_after &&
             pattern.policy != MatchPolicy::kNoOverlap;
}

bool PatternKey::Fits(size_t element, size_t step, const PatternArrival& arrival,
                      const std::vector<PatternItemPtr>& bound) const {
  const size_t bit = plan_.first_step[element] + step;
  if ((arrival.hits >> bit & 1) == 0) {
    return false;
  }
  const std::vector<Filter>& where = plan_.pattern.elements[element].steps[step].where;
  return std::all_of(where.begin(), where.end(),
                     [&](const Filter& filter) { return Holds(filter, *arrival.item, bound); });
}

void PatternKey::Step(EventTime tick, const std::vector<PatternArrival>& arrivals,
                      const Firing& firing) {
  firing_ = &firing;
  tick_ = tick;
  reached_ = false;
  completed_.clear();
  for (size_t from = 0; from < arrivals.size();) {
    const EventTime time = arrivals[from].item->time;
    PassSilence(time - Millis(1));
    size_t to = from;
    for (; to < arrivals.size() && arrivals[to].item->time == time; ++to) {
      const size_t runs = runs_.size();
      for (size_t i = 0; i < std::min(runs, runs_.size()); ++i) {
        Offer(i, arrivals[to]);
      }
      if (time > not_before_) {
        Begin(arrivals[to]);
      }
    }
    const bool named = std::any_of(arrivals.begin() + static_cast<ptrdiff_t>(from),
                                   arrivals.begin() + static_cast<ptrdiff_t>(to),
                                   [](const PatternArrival& one) { return one.hits != 0; });
    if (named) {
      Settle(time);
    }
    from = to;
  }
  PassSilence(tick);
  Expire();
  SetWake();
  firing_ = nullptr;
}

// The first element. What it finds goes on as a run that waits for the second.
void PatternKey::Begin(const PatternArrival& arrival) {
  const PatternElement& first = plan_.pattern.elements.front();
  if (first.group) {
    BeginGroup(arrival);
    return;
  }
  const PatternStep& step = first.steps[0];
  if (step.times > 1 || step.of_last > 0) {
    BeginCounted(arrival);
    return;
  }
  Run run;
  run.bound.resize(plan_.pattern.aliases.size());
  if (!Fits(0, 0, arrival, run.bound)) {
    return;
  }
  run.start = arrival.item->sequence;
  Bind(run, 0, 0, arrival.item);
  Advance(std::move(run), arrival.item->time);
}

void PatternKey::BeginCounted(const PatternArrival& arrival) {
  const PatternStep& step = plan_.pattern.elements.front().steps[0];
  Run run;
  run.bound.resize(plan_.pattern.aliases.size());
  const bool hit = Fits(0, 0, arrival, run.bound);
  const bool near = step.of_last > 0 && (arrival.near & 1) != 0;
  if (!hit && !near) {
    return;
  }
  hits_.push_back({arrival.item->time, arrival.item->sequence, hit});
  if (hits_.size() > std::max(step.times, step.of_last) && !plan_.counting) {
    hits_.pop_front();
  } else if (step.of_last > 0 && hits_.size() > step.of_last) {
    hits_.pop_front();
  } else if (hits_.size() > 10'000) {  // the window counts no further
    hits_.pop_front();
  }
  if (!hit || Counted(arrival.item->time) < step.times) {
    return;
  }
  uint32_t left = step.times;
  for (auto at = hits_.rbegin(); at != hits_.rend() && left > 0; ++at) {
    left -= at->hit ? 1 : 0;
    run.start = at->sequence;
  }
  Bind(run, 0, 0, arrival.item);
  Advance(std::move(run), arrival.item->time);
}

void PatternKey::BeginGroup(const PatternArrival& arrival) {
  const PatternElement& first = plan_.pattern.elements.front();
  Run run;
  run.bound.resize(plan_.pattern.aliases.size());
  first_filled_.resize(first.steps.size());
  bool any = false;
  for (size_t i = 0; i < first.steps.size(); ++i) {
    if (Fits(0, i, arrival, run.bound)) {
      first_filled_[i] = arrival.item;
      any = true;
    }
  }
  if (!any) {
    return;
  }
  std::vector<PatternItemPtr> filled(first.steps.size());
  std::vector<std::pair<EventTime, uint64_t>> times;
  for (size_t i = 0; i < first.steps.size(); ++i) {
    const PatternItemPtr& item = first_filled_[i];
    if (item != nullptr && arrival.item->time - item->time <= first.within) {
      filled[i] = item;
      times.emplace_back(item->time, item->sequence);
    }
  }
  if (times.size() < first.needed) {
    return;
  }
  std::sort(times.rbegin(), times.rend());
  run.start = times[first.needed - 1].second;
  if (plan_.pattern.policy == MatchPolicy::kEvery && done_.contains(run.start)) {
    return;
  }
  BindGroup(run, 0, filled);
  Advance(std::move(run), arrival.item->time);
}

void PatternKey::Offer(size_t index, const PatternArrival& arrival) {
  const Run& run = runs_[index];
  const PatternElement& element = plan_.pattern.elements[run.element];
  const EventTime time = arrival.item->time;
  if (run.dead || time <= run.since) {
    return;
  }
  if (time > run.since + element.within) {
    runs_[index].dead = !element.negated;
    return;
  }
  if (element.negated) {
    for (size_t i = 0; i < element.steps.size(); ++i) {
      runs_[index].dead = runs_[index].dead || Fits(run.element, i, arrival, run.bound);
    }
  } else if (element.group) {
    OfferGroup(index, arrival);
  } else {
    OfferStep(index, arrival);
  }
}

void PatternKey::OfferStep(size_t index, const PatternArrival& arrival) {
  Run& run = runs_[index];
  const size_t at = run.element;
  const PatternStep& step = plan_.pattern.elements[at].steps[0];
  const bool fits = Fits(at, 0, arrival, run.bound);
  if (step.of_last > 0) {
    const bool near = (arrival.near >> plan_.first_step[at] & 1) != 0;
    if (!fits && !near) {
      return;
    }
    run.last.push_back(fits);
    if (run.last.size() > step.of_last) {
      run.last.pop_front();
    }
    run.count = static_cast<uint32_t>(std::count(run.last.begin(), run.last.end(), true));
  } else if (fits) {
    run.count = std::min(run.count + 1, step.times);
  }
  if (!fits) {
    return;
  }
  run.begun = true;
  if (run.count < step.times) {
    return;
  }
  Run next = run;
  if (step.times == 1 && step.of_last == 0) {
    run.begun = false;  // it waits for a later one, as before
    run.count = 0;
  }
  Bind(next, at, 0, arrival.item);
  Advance(std::move(next), arrival.item->time);
}

void PatternKey::OfferGroup(size_t index, const PatternArrival& arrival) {
  Run& run = runs_[index];
  const size_t at = run.element;
  const PatternElement& element = plan_.pattern.elements[at];
  run.filled.resize(element.steps.size());
  bool any = false;
  for (size_t i = 0; i < element.steps.size(); ++i) {
    if (Fits(at, i, arrival, run.bound)) {
      run.filled[i] = arrival.item;
      any = true;
    }
  }
  if (!any) {
    return;
  }
  run.begun = true;
  const auto filled = std::count_if(run.filled.begin(), run.filled.end(),
                                    [](const PatternItemPtr& item) { return item != nullptr; });
  if (static_cast<uint32_t>(filled) < element.needed) {
    return;
  }
  Run next = run;
  BindGroup(next, at, run.filled);
  Advance(std::move(next), arrival.item->time);
}

void PatternKey::Bind(Run& run, size_t element, size_t step, const PatternItemPtr& item) const {
  const std::optional<size_t> alias = plan_.pattern.elements[element].steps[step].alias;
  if (alias && plan_.alias_used[*alias]) {
    run.bound[*alias] = item;
  }
  if (item->signal) {
    run.last_signal = item;
  }
}

void PatternKey::BindGroup(Run& run, size_t element,
                           const std::vector<PatternItemPtr>& filled) const {
  const PatternElement& group = plan_.pattern.elements[element];
  for (size_t i = 0; i < group.steps.size(); ++i) {
    const std::optional<size_t> alias = group.steps[i].alias;
    if (alias && plan_.alias_used[*alias]) {
      run.bound[*alias] = filled[i];
    }
  }
  if (PatternItemPtr latest = LatestSignal(filled)) {
    run.last_signal = std::move(latest);
  }
}

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
