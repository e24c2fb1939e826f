// From the labels of a sample or of a rule's result to what they are about: an entity, both ends of
// a relation, and the `by` labels that tell instances of one entity apart. Thread: any.
#pragma once

#include <compare>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "engine/topology.h"
#include "rules/program.h"
#include "schemas/labels.h"

namespace rootnote {

// Identity of a signal's instance (SEMANTICS section 4). Ascending keys keep one entity's together.
struct InstanceKey {
  std::string entity;         // kind:id; of a relation the end depended on
  std::string relation_from;  // of a relation the end that depends, else ""
  std::string by;             // the `by` labels, canonical; "" without

  friend auto operator<=>(const InstanceKey&, const InstanceKey&) = default;
  bool SameSymptom(const InstanceKey& other) const {
    return entity == other.entity && relation_from == other.relation_from;
  }
};

// By identity labels, else by alias in the map; nullopt when the labels do not name it.
std::optional<std::string> EntityOf(const Program& program, KindId kind, const Labels& labels,
                                    const Topology& topology);

// The `by` labels of an instance, with their values.
std::vector<std::pair<std::string, std::string>> ByLabels(const InstanceKey& key);

// Of an alert of an imported group, by its labels: all of them make the instance. One that names no
// entity is about the alert's target.
InstanceKey InstanceOfAlert(const Program& program, const Signal& signal, const Labels& labels,
                            const Topology& topology);

// nullopt: the result cannot carry the identity of the signal's kind or relation.
std::optional<InstanceKey> InstanceOf(const Program& program, const Signal& signal,
                                      const Labels& labels, const Topology& topology);

}  // namespace rootnote
