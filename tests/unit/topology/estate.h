// A small program by hand, and short ways to write changes of its map.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "engine/topology.h"
#include "rules/program.h"

namespace rootnote {

constexpr EventTime At(int64_t seconds) { return FromMillis(seconds * 1'000); }

// kinds app (alias host_app), vm (aliases fqdn, ip), disk {array, disk}, array;
// relations runs_on: app -> vm, calls: app -> app, built_from: array -> disk, stored_on: vm ->
// array.
inline std::shared_ptr<Program> Estate() {
  auto program = std::make_shared<Program>();
  const auto kind = [&](std::string name, std::vector<std::string> identity,
                        std::vector<std::string> aliases) {
    Kind declared;
    declared.name = std::move(name);
    declared.identity = std::move(identity);
    declared.aliases = std::move(aliases);
    program->kinds.push_back(std::move(declared));
    return KindId(static_cast<uint16_t>(program->kinds.size() - 1));
  };
  const KindId app = kind("app", {"app"}, {"host_app"});
  const KindId vm = kind("vm", {"vm"}, {"fqdn", "ip"});
  const KindId disk = kind("disk", {"array", "disk"}, {});
  const KindId array = kind("array", {"array"}, {});
  const auto relation = [&](std::string name, KindId from, KindId to) {
    Relation declared;
    declared.name = std::move(name);
    declared.from_kinds = {from};
    declared.to_kinds = {to};
    program->relations.push_back(std::move(declared));
  };
  relation("runs_on", app, vm);
  relation("calls", app, app);
  relation("built_from", array, disk);
  relation("stored_on", vm, array);
  return program;
}

inline TopologyChange Entity(std::string name,
                             std::vector<std::pair<std::string, std::string>> labels = {}) {
  TopologyChange change;
  change.entity = std::move(name);
  change.labels = Labels::From(std::move(labels));
  return change;
}

inline TopologyChange EntityDeleted(std::string name) {
  TopologyChange change;
  change.type = TopologyChange::Type::kEntityDeleted;
  change.entity = std::move(name);
  return change;
}

inline TopologyChange RelationAdded(std::string relation, std::string from, std::string to) {
  TopologyChange change;
  change.type = TopologyChange::Type::kRelation;
  change.relation = std::move(relation);
  change.from = std::move(from);
  change.to = std::move(to);
  return change;
}

inline TopologyChange RelationDeleted(std::string relation, std::string from, std::string to) {
  TopologyChange change = RelationAdded(std::move(relation), std::move(from), std::move(to));
  change.type = TopologyChange::Type::kRelationDeleted;
  return change;
}

inline TopologyChange SnapshotMark(bool begin, std::string source, std::string epoch) {
  TopologyChange change;
  change.type = begin ? TopologyChange::Type::kSnapshotBegin : TopologyChange::Type::kSnapshotEnd;
  change.source = std::move(source);
  change.epoch = std::move(epoch);
  return change;
}

inline TopologyChange From(std::string source, TopologyChange change) {
  change.source = std::move(source);
  return change;
}

inline TopologyChange Dated(EventTime time, TopologyChange change) {
  change.time = time;
  return change;
}

// "runs_on vm:a [10,20) vm:b [20,-)": seconds, `-` for no end. One line per list.
inline std::string EdgesText(const Topology& map, const Program& program, std::string_view entity,
                             bool upstream = true) {
  const std::optional<EntityId> id = map.Find(entity);
  if (!id) {
    return "unknown";
  }
  const auto bound = [](EventTime time) {
    if (time == kMinTime || time == kMaxTime) {
      return std::string("-");
    }
    return std::to_string(ToMillis(time) / 1'000);
  };
  std::string text;
  for (const Edge& edge : upstream ? map.Upstream(*id) : map.Downstream(*id)) {
    if (!text.empty()) {
      text += ' ';
    }
    text += program.relation(edge.relation).name;
    text += ' ';
    text += map.Name(edge.other);
    text += " [" + bound(edge.validity.from) + "," + bound(edge.validity.to) + ")";
  }
  return text;
}

}  // namespace rootnote
