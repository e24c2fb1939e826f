#include "engine/signal_text.h"

#include <algorithm>
#include <optional>
#include <string_view>

#include "fmt/format.h"

namespace rootnote {
namespace {

std::string Number(double value) { return fmt::format("{:.4g}", value); }

std::string MapLabel(const Topology& topology, const std::string& entity, std::string_view label) {
  const std::optional<EntityId> id = topology.Find(entity);
  return id ? std::string(topology.LabelsOf(*id).Get(label)) : std::string();
}

std::string IdentityLabel(const Program& program, const std::string& entity,
                          std::string_view label) {
  const std::optional<KindId> kind = program.FindKind(KindName(entity));
  if (!kind) return "";
  const std::optional<Labels> identity = IdentityLabels(program.kind(*kind), entity);
  return identity ? std::string(identity->Get(label)) : std::string();
}

std::string Word(const std::string& reference, const Signal& signal, const Transition& of) {
  if (reference == "entity" || reference == "to") return of.entity;
  if (reference == "from") return of.relation_from;
  if (reference == "kind") return std::string(KindName(of.entity));
  if (reference == "signal") return signal.name;
  if (reference == "family") return std::string(Name(signal.family));
  if (reference == "severity") return std::string(Name(signal.severity));
  if (reference == "value") return Number(of.value);
  if (reference == "threshold" && signal.when.threshold) return Number(*signal.when.threshold);
  return "";
}

std::string Labelled(const std::string& label, const Signal& signal, const Transition& of,
                     const Topology& topology) {
  for (const auto& [name, value] : signal.labels) {
    if (name == label) return value;
  }
  return MapLabel(topology, of.entity, label);
}

std::string Value(const std::string& reference, const Program& program, const Transition& of,
                  const Topology& topology) {
  const Signal& signal = program.signal(of.signal);
  for (const auto& [name, value] : of.bindings) {
    if (name == reference) return value;
  }
  if (reference.starts_with("labels.")) {
    return Labelled(reference.substr(7), signal, of, topology);
  }
  for (const std::string& entity : {of.entity, of.relation_from}) {
    std::string identity = IdentityLabel(program, entity, reference);
    if (!identity.empty()) return identity;
  }
  std::string word = Word(reference, signal, of);
  return !word.empty() ? word : MapLabel(topology, of.entity, reference);
}

}  // namespace

std::string FillIn(const Template& text, const Program& program, const Transition& transition,
                   const Topology& topology) {
  std::string filled;
  for (const Template::Piece& piece : text.pieces) {
    if (!piece.reference) {
      filled += piece.text;
      continue;
    }
    const std::string value = Value(piece.text, program, transition, topology);
    filled += value.empty() ? "?" : value;
  }
  return filled;
}

}  // namespace rootnote
