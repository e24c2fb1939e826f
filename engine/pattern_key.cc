#include "engine/pattern_key.h"

#include <algorithm>
#include <tuple>

#include "engine/pattern_filter.h"

namespace rootnote {
namespace {

using Operand = PatternStep::Operand;
using Filter = PatternStep::Filter;

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

}  // namespace rootnote
