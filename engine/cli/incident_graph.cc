#include "engine/cli/incident_graph.h"

#include <algorithm>
#include <set>
#include <tuple>
#include <utility>

#include "fmt/format.h"

namespace rootnote {
namespace {

using Role = IncidentGraph::Role;
using Node = IncidentGraph::Node;

std::string_view KindOf(std::string_view entity) { return entity.substr(0, entity.find(':')); }

class Gathering {
 public:
  explicit Gathering(const Incident& incident) : incident_(incident) {}

  IncidentGraph Take() {
    if (incident_.root.empty()) return {};
    const Incident::Root& root = incident_.root.front();
    for (const std::string& cause : root.causes) {
      Add(cause, Role::kCause, 0);
      edges_.emplace(cause, root.entity, "");
    }
    Add(root.entity, Role::kRoot, 0).onset = root.onset;
    nodes_.at(root.entity).shows = {root.fault};
    for (const Incident::Impact& impact : incident_.impact) AddImpact(impact);
    AddSymptoms();
    return Ordered();
  }

 private:
  Node& Add(const std::string& entity, Role role, size_t layer) {
    auto [at, fresh] = nodes_.try_emplace(entity);
    Node& node = at->second;
    if (fresh) {
      node.entity = entity;
      node.kind = KindOf(entity);
      node.role = role;
      node.layer = layer;
    }
    // Who is affected says more than that others are reached through it.
    if (node.role > Role::kRoot) node.role = std::min(node.role, role);
    node.layer = std::min(node.layer, layer);
    return node;
  }

  void AddImpact(const Incident::Impact& impact) {
    const size_t length = impact.path.size();
    for (size_t i = 0; i < length; ++i) {
      const bool last = i + 1 == length;
      const Role role = impact.potential ? Role::kAtRisk : last ? Role::kAffected : Role::kSilent;
      Add(impact.path[i], role, i);
      if (i == 0) continue;
      const std::string relation =
          i - 1 < impact.relations.size() ? impact.relations[i - 1] : std::string();
      edges_.emplace(impact.path[i - 1], impact.path[i], relation);
    }
    auto node = nodes_.find(impact.entity);
    if (node == nodes_.end()) return;
    node->second.maintenance = impact.maintenance;
    if (impact.potential) return;
    node->second.shows = impact.signals;
    node->second.onset = impact.onset;
  }

  // What the causes show stands among the symptoms only.
  void AddSymptoms() {
    for (const Incident::Symptom& symptom : incident_.symptoms) {
      auto node = nodes_.find(symptom.entity);
      if (node == nodes_.end() || node->second.role != Role::kCause) continue;
      node->second.shows.push_back(symptom.signal);
      node->second.onset = std::min(node->second.onset.value_or(symptom.onset), symptom.onset);
    }
  }

  IncidentGraph Ordered() {
    IncidentGraph graph;
    std::vector<Node*> order;
    for (auto& [entity, node] : nodes_) order.push_back(&node);
    // Roles within a layer stay together by kind: what fails, what is passed through, what may.
    std::stable_sort(order.begin(), order.end(), [](const Node* a, const Node* b) {
      const auto key = [](const Node* node) {
        return std::tuple(node->role == Role::kCause ? 0 : 1, node->layer,
                          std::string_view(node->kind), node->role);
      };
      return key(a) < key(b);
    });
    std::map<std::string, size_t> places;
    for (Node* node : order) {
      places[node->entity] = graph.nodes.size();
      graph.nodes.push_back(std::move(*node));
    }
    for (const auto& [from, to, relation] : edges_) {
      graph.edges.push_back({places.at(from), places.at(to), relation});
    }
    std::sort(graph.edges.begin(), graph.edges.end(), [](const auto& a, const auto& b) {
      return std::tie(a.from, a.to, a.relation) < std::tie(b.from, b.to, b.relation);
    });
    return graph;
  }

  const Incident& incident_;
  std::map<std::string, Node> nodes_;
  std::set<std::tuple<std::string, std::string, std::string>> edges_;
};

struct Mark {
  std::string_view sign;
  Ink ink;
};

Mark MarkOf(Role role) {
  switch (role) {
    case Role::kCause:
    case Role::kRoot:
      return {"■", Ink::kRed};
    case Role::kAffected:
      return {"●", Ink::kYellow};
    case Role::kSilent:
      return {"○", Ink::kDim};
    case Role::kAtRisk:
      return {"◌", Ink::kDim};
  }
  return {"?", Ink::kPlain};
}

std::string Clock(EventTime time) { return FormatRfc3339(time).substr(11, 8); }

class Drawing {
 public:
  Drawing(const IncidentGraph& graph, const Terminal& terminal, size_t per_layer)
      : graph_(graph), terminal_(terminal), per_layer_(std::max<size_t>(per_layer, 1)) {}

  std::string Text() {
    for (size_t at = 0; at < graph_.nodes.size();) at = Layer(at);
    return table_.Text("  ");
  }

 private:
  static int StageOf(const Node& node) {
    return node.role == Role::kCause ? 0 : node.role == Role::kRoot ? 1 : 2;
  }

  // All nodes of one layer; where the next one begins.
  size_t Layer(size_t begin) {
    const Node& first = graph_.nodes[begin];
    size_t end = begin;
    while (end < graph_.nodes.size() && graph_.nodes[end].layer == first.layer &&
           StageOf(graph_.nodes[end]) == StageOf(first)) {
      ++end;
    }
    if (begin > 0) Connector(begin, end);
    static constexpr std::string_view kStages[] = {"cause", "root", "impact"};
    const bool named = begin == 0 || StageOf(graph_.nodes[begin - 1]) != StageOf(first);
    label_ = named ? kStages[StageOf(first)] : "";
    for (size_t at = begin; at < end;) {
      size_t same = at;
      while (same < end && graph_.nodes[same].kind == graph_.nodes[at].kind) ++same;
      Group(at, same);
      at = same;
    }
    return end;
  }

  // The relations over which the layer is reached.
  void Connector(size_t begin, size_t end) {
    std::set<std::string> names;
    for (const IncidentGraph::Edge& edge : graph_.edges) {
      if (edge.to >= begin && edge.to < end) names.insert(edge.relation);
    }
    names.erase("");
    const std::string words = fmt::format("{}", fmt::join(names, ", "));
    table_.Row({"", terminal_.Paint(Ink::kDim, words.empty() ? "│" : "│ " + words)});
  }

  void Group(size_t begin, size_t end) {
    const size_t count = end - begin;
    // One more line says nothing more than "and 1 more".
    const size_t shown = count <= per_layer_ + 1 ? count : per_layer_;
    for (size_t i = begin; i < begin + shown; ++i) Line(graph_.nodes[i]);
    if (shown == count) return;
    std::map<Role, size_t> rest;
    for (size_t i = begin + shown; i < end; ++i) ++rest[graph_.nodes[i].role];
    std::string words;
    for (const auto& [role, number] : rest) {
      words += fmt::format("{}{} {}", words.empty() ? "" : ", ", number, Name(role));
    }
    const Mark mark = MarkOf(rest.begin()->first);
    table_.Row({Label(),
                fmt::format("{} and {} more {}", terminal_.Paint(mark.ink, mark.sign),
                            count - shown, graph_.nodes[begin].kind),
                terminal_.Paint(Ink::kDim, words)});
  }

  std::string Label() { return terminal_.Paint(Ink::kDim, std::exchange(label_, "")); }

  void Line(const Node& node) {
    const Mark mark = MarkOf(node.role);
    std::string shows = fmt::format("{}", fmt::join(node.shows, ", "));
    if (node.role == Role::kSilent) shows = "shows nothing itself";
    if (node.role == Role::kAtRisk) shows = "at risk";
    if (!node.maintenance.empty()) shows += fmt::format(", maintenance \"{}\"", node.maintenance);
    const bool dim = node.role == Role::kSilent || node.role == Role::kAtRisk;
    const Ink ink = node.role == Role::kRoot ? Ink::kBold : dim ? Ink::kDim : Ink::kPlain;
    std::vector<std::string> row = {Label(),
                                    fmt::format("{} {}", terminal_.Paint(mark.ink, mark.sign),
                                                terminal_.Paint(ink, node.entity)),
                                    terminal_.Paint(dim ? Ink::kDim : Ink::kPlain, shows)};
    if (node.onset) row.push_back("since " + Clock(*node.onset));
    table_.Row(std::move(row));
  }

  const IncidentGraph& graph_;
  const Terminal& terminal_;
  const size_t per_layer_;
  Table table_;
  std::string label_;
};

std::string Quoted(std::string_view text) {
  std::string quoted = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') quoted += '\\';
    quoted += c == '\n' ? "\\n" : std::string(1, c);
  }
  return quoted + '"';
}

// Mermaid has no escapes within quotes but HTML's.
std::string Escaped(std::string_view text) {
  std::string escaped;
  for (const char c : text) {
    escaped += c == '"'    ? "&quot;"
               : c == '<'  ? "&lt;"
               : c == '>'  ? "&gt;"
               : c == '&'  ? "&amp;"
               : c == '\n' ? " "
                           : std::string(1, c);
  }
  return escaped;
}

std::string Detail(const Node& node) {
  if (node.role == Role::kSilent || node.role == Role::kAtRisk) return std::string(Name(node.role));
  return fmt::format("{}", fmt::join(node.shows, ", "));
}

}  // namespace

std::string_view Name(Role role) {
  switch (role) {
    case Role::kCause:
      return "cause";
    case Role::kRoot:
      return "root";
    case Role::kAffected:
      return "affected";
    case Role::kSilent:
      return "silent";
    case Role::kAtRisk:
      return "at risk";
  }
  return "";
}

IncidentGraph GraphOf(const Incident& incident) { return Gathering(incident).Take(); }

std::string DrawLayers(const IncidentGraph& graph, const Terminal& terminal, size_t per_layer) {
  return Drawing(graph, terminal, per_layer).Text();
}

std::string GraphDot(const Incident& incident, const IncidentGraph& graph) {
  std::string text = fmt::format(
      "digraph incident {{\n  rankdir=TB;\n  label={};\n  labelloc=t;\n  node [shape=box];\n",
      Quoted(incident.title));
  for (size_t i = 0; i < graph.nodes.size(); ++i) {
    const Node& node = graph.nodes[i];
    std::string_view look;
    switch (node.role) {
      case Role::kCause:
      case Role::kRoot:
        look = ", style=filled, fillcolor=\"#f4b6b6\"";
        break;
      case Role::kAffected:
        look = ", style=filled, fillcolor=\"#fbe5b6\"";
        break;
      case Role::kSilent:
      case Role::kAtRisk:
        look = ", style=dashed";
        break;
    }
    text +=
        fmt::format("  n{} [label={}{}];\n", i, Quoted(node.entity + "\n" + Detail(node)), look);
  }
  for (const IncidentGraph::Edge& edge : graph.edges) {
    text += fmt::format("  n{} -> n{}{};\n", edge.from, edge.to,
                        edge.relation.empty() ? "" : " [label=" + Quoted(edge.relation) + "]");
  }
  return text + "}\n";
}

std::string GraphMermaid(const Incident& incident, const IncidentGraph& graph) {
  std::string text = fmt::format("%% {}\ngraph TD\n", Escaped(incident.title));
  for (size_t i = 0; i < graph.nodes.size(); ++i) {
    const Node& node = graph.nodes[i];
    std::string role(Name(node.role));
    std::replace(role.begin(), role.end(), ' ', '_');
    text += fmt::format("  n{}[\"{}<br/>{}\"]:::{}\n", i, Escaped(node.entity),
                        Escaped(Detail(node)), role);
  }
  for (const IncidentGraph::Edge& edge : graph.edges) {
    text += edge.relation.empty() ? fmt::format("  n{} --> n{}\n", edge.from, edge.to)
                                  : fmt::format("  n{} -->|\"{}\"| n{}\n", edge.from,
                                                Escaped(edge.relation), edge.to);
  }
  return text +
         "  classDef cause fill:#f4b6b6\n  classDef root fill:#f4b6b6\n"
         "  classDef affected fill:#fbe5b6\n"
         "  classDef silent stroke-dasharray: 4\n  classDef at_risk stroke-dasharray: 4\n";
}

}  // namespace rootnote
