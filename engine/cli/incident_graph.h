// An incident as a graph: who makes whom fail, from cause to impact. Drawn in layers for a
// terminal, written for Graphviz and Mermaid, and as JSON.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/cli/terminal.h"
#include "schemas/incident.h"

namespace rootnote {

struct IncidentGraph {
  enum class Role : uint8_t { kCause, kRoot, kAffected, kSilent, kAtRisk };
  struct Node {
    std::string entity, kind;
    Role role = Role::kSilent;
    size_t layer = 0;  // relations away from the root; causes come before it, with 0 as well
    std::vector<std::string> shows;  // signals; of the root its fault
    std::optional<EventTime> onset;
    std::string maintenance;
  };
  struct Edge {
    size_t from = 0, to = 0;  // indexes into nodes: failure flows from `from` to `to`
    std::string relation;     // "" where the record does not name it
  };
  std::vector<Node> nodes;  // causes, root, then by layer and role
  std::vector<Edge> edges;  // by (from, to)
};

std::string_view Name(IncidentGraph::Role role);

// Of what the record lists; a record that was cut gives a part of it.
IncidentGraph GraphOf(const Incident& incident);

// Layers from top to bottom, one line an entity, at most `per_layer` of a kind in each.
std::string DrawLayers(const IncidentGraph& graph, const Terminal& terminal, size_t per_layer = 6);

std::string GraphDot(const Incident& incident, const IncidentGraph& graph);
std::string GraphMermaid(const Incident& incident, const IncidentGraph& graph);

}  // namespace rootnote
