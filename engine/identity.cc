#include "engine/identity.h"

#include <span>
#include <utility>
#include <vector>

namespace rootnote {
namespace {

constexpr char kBySeparator = '\xff';  // in no UTF-8 text

using LabelMap = std::span<const std::pair<std::string, std::string>>;

// The sample's labels as one end of the relation reads them: `from { app=caller }`.
Labels AsEnd(const Kind& kind, LabelMap renamed, const Labels& labels) {
  std::vector<Label> pairs;
  for (const std::string& part : kind.identity) {
    std::string_view read = part;
    for (const auto& [identity, label] : renamed) {
      if (identity == part) {
        read = label;
      }
    }
    pairs.emplace_back(part, labels.Get(read));
  }
  return Labels::FromViews(std::move(pairs));
}

// The first kind whose entity is in the map, else the first that the labels can name at all.
std::optional<std::string> EndOf(const Program& program, const std::vector<KindId>& kinds,
                                 LabelMap renamed, const Labels& labels, const Topology& topology) {
  std::optional<std::string> named;
  for (const KindId id : kinds) {
    const Kind& kind = program.kind(id);
    std::optional<std::string> entity =
        EntityOf(program, id, AsEnd(kind, renamed, labels), topology);
    if (entity && topology.Find(*entity)) {
      return entity;
    }
    if (entity && !named) {
      named = std::move(entity);
    }
  }
  return named;
}

std::string ByOf(const Signal& signal, const Labels& labels) {
  std::string by;
  for (const std::string& name : signal.by) {
    by += name;
    by += kBySeparator;
    by += labels.Get(name);
    by += kBySeparator;
  }
  return by;
}

// What an imported alert, or a series that it reads, is about.
std::optional<std::string> AlertEntity(const Program& program, const Signal& signal,
                                       const Labels& labels, const Topology& topology) {
  const ImportedAlert& alert = *signal.imported;
  if (alert.identity_from.empty() || !signal.kind) return alert.target;
  const Kind& kind = program.kind(*signal.kind);
  auto entity = EntityOf(program, *signal.kind, AsEnd(kind, alert.identity_from, labels), topology);
  return entity ? entity : EntityOf(program, *signal.kind, labels, topology);
}

}  // namespace

InstanceKey InstanceOfAlert(const Program& program, const Signal& signal, const Labels& labels,
                            const Topology& topology) {
  InstanceKey key;
  key.entity = AlertEntity(program, signal, labels, topology).value_or(signal.imported->target);
  for (const auto& [name, value] : labels.ToVector()) {
    key.by += name;
    key.by += kBySeparator;
    key.by += value;
    key.by += kBySeparator;
  }
  return key;
}

std::optional<std::string> EntityOf(const Program& program, KindId kind, const Labels& labels,
                                    const Topology& topology) {
  if (std::optional<std::string> name = EntityName(program.kind(kind), labels)) {
    return name;
  }
  if (const std::optional<EntityId> found = topology.Resolve(kind, labels)) {
    return std::string(topology.Name(*found));
  }
  return std::nullopt;
}

std::vector<std::pair<std::string, std::string>> ByLabels(const InstanceKey& key) {
  std::vector<std::pair<std::string, std::string>> labels;
  std::string_view rest = key.by;
  while (!rest.empty()) {
    const size_t name = rest.find(kBySeparator);
    const size_t value = rest.find(kBySeparator, name + 1);
    labels.emplace_back(rest.substr(0, name), rest.substr(name + 1, value - name - 1));
    rest.remove_prefix(value + 1);
  }
  return labels;
}

std::optional<InstanceKey> InstanceOf(const Program& program, const Signal& signal,
                                      const Labels& labels, const Topology& topology) {
  InstanceKey key;
  if (signal.imported) {
    auto entity = AlertEntity(program, signal, labels, topology);
    if (!entity) {
      return std::nullopt;
    }
    key.entity = *std::move(entity);
  } else if (signal.relation) {
    const Relation& relation = program.relation(*signal.relation);
    auto to = EndOf(program, relation.to_kinds, relation.to_labels, labels, topology);
    auto from = EndOf(program, relation.from_kinds, relation.from_labels, labels, topology);
    if (!to || !from) {
      return std::nullopt;
    }
    key.entity = *std::move(to);
    key.relation_from = *std::move(from);
  } else if (signal.kind) {
    auto entity = EntityOf(program, *signal.kind, labels, topology);
    if (!entity) {
      return std::nullopt;
    }
    key.entity = *std::move(entity);
  } else {
    return std::nullopt;
  }
  key.by = ByOf(signal, labels);
  return key;
}

}  // namespace rootnote
