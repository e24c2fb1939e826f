#include "engine/changes.h"

#include <algorithm>
#include <array>
#include <string>
#include <tuple>
#include <utility>

#include "engine/identity.h"

namespace rootnote {
namespace {

constexpr std::array<std::string_view, 19> kWords = {
    "change",     "changed",   "config",  "configuration", "deploy",      "deployed", "deployment",
    "migrated",   "migration", "patch",   "patched",       "release",     "released", "rollback",
    "rolledback", "rollout",   "upgrade", "upgraded",      "reconfigured"};

std::string DetailOf(const Event& event) {
  if (!event.message.empty()) {
    return event.message;
  }
  std::string detail;
  for (const auto& [name, value] : event.attributes.ToVector()) {
    detail += detail.empty() ? "" : ", ";
    detail += name;
    detail += ' ';
    detail += value;
  }
  return detail;
}

auto Order(const Incident::Change& change) {
  return std::tie(change.time, change.event, change.entity, change.detail);
}

}  // namespace

bool IsChange(std::string_view event_name) {
  while (!event_name.empty()) {
    const size_t end = event_name.find_first_of("_.-");
    const std::string_view word = event_name.substr(0, end);
    if (std::find(kWords.begin(), kWords.end(), word) != kWords.end()) {
      return true;
    }
    event_name = end == std::string_view::npos ? "" : event_name.substr(end + 1);
  }
  return false;
}

std::optional<Incident::Change> ChangeOf(const Program& program, const Event& event,
                                         const Topology& topology) {
  std::optional<Incident::Change> change;
  size_t exactness = 0;
  for (size_t i = 0; i < program.kinds.size(); ++i) {
    const size_t parts = program.kinds[i].identity.size();
    if (change && parts <= exactness) {
      continue;
    }
    const auto entity = EntityOf(program, KindId(static_cast<uint16_t>(i)), event.labels, topology);
    if (entity && topology.Find(*entity)) {
      change = Incident::Change{event.name, *entity, DetailOf(event), event.time};
      exactness = parts;
    }
  }
  return change;
}

std::vector<Incident::Change> ChangesOf(const Program& program, const std::vector<Event>& events,
                                        const Topology& topology) {
  std::vector<Incident::Change> changes;
  for (const Event& event : events) {
    if (auto change = ChangeOf(program, event, topology)) {
      changes.push_back(*std::move(change));
    }
  }
  std::sort(changes.begin(), changes.end(),
            [](const auto& a, const auto& b) { return Order(a) < Order(b); });
  changes.erase(std::unique(changes.begin(), changes.end(),
                            [](const auto& a, const auto& b) { return Order(a) == Order(b); }),
                changes.end());
  return changes;
}

}  // namespace rootnote
