#include "engine/events.h"

#include <algorithm>
#include <optional>
#include <tuple>
#include <utility>

namespace rootnote {
namespace {

auto Identity(const Event& event) {
  return std::make_tuple(std::string_view(event.name), event.labels.bytes(),
                         event.attributes.bytes(), std::string_view(event.message),
                         std::string_view(event.id));
}

bool Before(const ArrivedEvent& a, const ArrivedEvent& b) {
  if (a.event.time != b.event.time) {
    return a.event.time < b.event.time;
  }
  // Equal ones stand together whatever their source; the source decides which of them stays.
  const auto left = Identity(a.event);
  const auto right = Identity(b.event);
  return left != right ? left < right
                       : std::tie(a.source, a.position) < std::tie(b.source, b.position);
}

}  // namespace

EventProjection::EventProjection(const RuleSet& rules, Millis memory, size_t ids_max)
    : rules_(rules), memory_(memory), ids_max_(ids_max) {}

bool EventProjection::SeenBefore(const ArrivedEvent& event, const ArrivedEvent* previous) {
  if (event.event.id.empty()) {
    return previous != nullptr && previous->event.time == event.event.time &&
           Identity(previous->event) == Identity(event.event);
  }
  if (ids_.size() >= ids_max_) {
    ids_forgotten_ += ids_.size();
    ids_.clear();
  }
  const std::string key = event.event.name + '\xff' + event.event.id;
  return !ids_.try_emplace(key, event.event.time).second;
}

void EventProjection::ForgetIds(EventTime tick) {
  if (swept_ != kMinTime && tick - swept_ < memory_) {
    return;
  }
  swept_ = tick;
  absl::erase_if(ids_, [&](const auto& item) { return item.second < tick - 2 * memory_; });
}

std::vector<ShardSample> EventProjection::Project(std::vector<ArrivedEvent> events, EventTime tick,
                                                  EventCounts& counts,
                                                  std::vector<ArrivedEvent>* awaited) {
  std::vector<ShardSample> out;
  ForgetIds(tick);
  std::sort(events.begin(), events.end(), Before);
  const ArrivedEvent* previous = nullptr;
  for (const ArrivedEvent& arrived : events) {
    const bool seen = SeenBefore(arrived, previous);
    previous = &arrived;
    if (seen) {
      ++counts.duplicates;
      continue;
    }
    ++counts.taken;
    if (awaited != nullptr && rules_.Awaits(arrived.event.name)) {
      awaited->push_back(arrived);
    }
    for (const SelectorId id : rules_.Match(arrived.event)) {
      const Selector& selector = rules_.selector(id);
      const std::optional<double> value = selector.ValueOf(arrived.event);
      if (!value) {
        ++counts.not_numbers;
        continue;
      }
      out.push_back(
          {{selector.Project(arrived.event), id}, arrived.event.time, *value, arrived.position});
    }
  }
  return out;
}

}  // namespace rootnote
