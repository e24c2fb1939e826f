#include <algorithm>
#include <array>
#include <deque>
#include <set>
#include <utility>

#include "fmt/core.h"

#include "rules/checker.h"
#include "rules/token_reader.h"

namespace rootnote {
namespace {

constexpr std::array<Family, 5> kFamilies = {Family::kErrors, Family::kLatency, Family::kSaturation,
                                             Family::kTraffic, Family::kDown};

using State = std::pair<KindId, Family>;

// Where a failure of `kind`, in whatever family, can get to over `over` (all relations if empty).
std::set<State> Reachable(const Program& program, KindId kind,
                          const std::vector<RelationId>& over) {
  std::set<State> reached;
  std::deque<State> open;
  for (const Family family : kFamilies) open.emplace_back(kind, family);
  while (!open.empty()) {
    const State from = open.front();
    open.pop_front();
    for (size_t i = 0; i < program.relations.size(); ++i) {
      const Relation& relation = program.relations[i];
      if (!over.empty() &&
          std::find(over.begin(), over.end(), RelationId(static_cast<uint16_t>(i))) == over.end()) {
        continue;
      }
      if (std::find(relation.to_kinds.begin(), relation.to_kinds.end(), from.first) ==
          relation.to_kinds.end()) {
        continue;
      }
      for (const CarriedFamily& carried : relation.carries) {
        if (carried.from != from.second) continue;
        for (const KindId dependant : relation.from_kinds) {
          const State next{dependant, carried.to};
          if (reached.insert(next).second) open.push_back(next);
        }
      }
    }
  }
  return reached;
}

class FaultChecker {
 public:
  FaultChecker(const ast::Fault& from, Scope& scope) : from_(from), scope_(scope) {}

  Fault Check() {
    fault_.name = from_.name.text;
    fault_.place = scope_.PlaceOf(from_.span);
    kind_ = scope_.FindKind(from_.on);
    if (kind_) fault_.kind = *kind_;
    CheckShows();
    for (const ast::Causes& causes : from_.causes) CheckCauses(causes);
    for (const ast::SeverityChoice& choice : from_.severity) {
      SeverityRule rule;
      rule.severity = scope_.FindSeverity(choice.severity).value_or(rule.severity);
      if (choice.kind) rule.when_impact_has = scope_.FindKind(*choice.kind);
      fault_.severity.push_back(rule);
    }
    fault_.title = Text(from_.title);
    fault_.summary = Text(from_.summary);
    if (from_.runbook) fault_.runbook = from_.runbook->text;
    if (from_.owner) fault_.owner = from_.owner->text;
    return std::move(fault_);
  }

 private:
  void CheckShows() {
    for (const ast::Name& name : from_.shown_by) {
      const std::optional<SignalId> id = scope_.FindSignal(name);
      if (!id) continue;
      if (std::find(fault_.shown_by.begin(), fault_.shown_by.end(), *id) != fault_.shown_by.end()) {
        scope_.Error(DiagnosticCode::kDeclaredTwice, name.span,
                     fmt::format("the signal `{}` is named twice", name.text), "keep one of them");
        continue;
      }
      fault_.shown_by.push_back(*id);
      CheckOnKind(*id, name);
    }
    if (from_.shows == ast::Fault::Shows::kNothing) return;
    fault_.shows = from_.shows == ast::Fault::Shows::kAll ? Fault::Shows::kAll : Fault::Shows::kAny;
  }

  // A fault shows on its own entity; a relation counts for both of its ends.
  void CheckOnKind(SignalId id, const ast::Name& name) {
    const Signal& signal = scope_.program().signal(id);
    if (!kind_ || (!signal.kind && !signal.relation)) return;
    std::string on;
    if (signal.kind) {
      if (*signal.kind == *kind_) return;
      on = scope_.program().kind(*signal.kind).name;
    } else {
      const Relation& relation = scope_.program().relation(*signal.relation);
      for (const auto* ends : {&relation.from_kinds, &relation.to_kinds}) {
        if (std::find(ends->begin(), ends->end(), *kind_) != ends->end()) return;
      }
      on = relation.name;
    }
    scope_.Error(
        DiagnosticCode::kSignalOfOtherKind, name.span,
        fmt::format("the signal `{}` is on {}, the fault on {}", name.text, on, from_.on.text),
        "what shows on others stands behind `causes`");
  }

  void CheckCauses(const ast::Causes& causes) {
    std::vector<RelationId> over;
    for (const ast::Name& name : causes.over) {
      const std::optional<RelationId> relation = scope_.FindRelation(name);
      if (relation) over.push_back(*relation);
    }
    const bool whole = over.size() == causes.over.size();
    for (const ast::Effect& from : causes.effects) {
      Effect effect;
      effect.over = over;
      if (causes.within) effect.within = causes.within->value;
      if (!ResolveEffect(from, effect)) continue;
      if (whole && kind_) CheckCarried(from, effect);
      fault_.causes.push_back(std::move(effect));
    }
  }

  bool ResolveEffect(const ast::Effect& from, Effect& effect) {
    const std::optional<Family> family = ParseFamily(from.name.text);
    const bool signal = family && scope_.program().FindSignal(from.name.text).has_value();
    if (from.kind && family) {
      const std::optional<KindId> kind = scope_.FindKind(*from.kind);
      if (!kind) return false;
      effect.family_on = {*family, *kind};
      return true;
    }
    if (family && !signal) {
      scope_.Error(DiagnosticCode::kExpected, from.name.span,
                   fmt::format("`{}` is a family: on which kind?", from.name.text),
                   fmt::format("write {} on KIND", from.name.text));
      return false;
    }
    effect.signal = scope_.FindSignal(from.name);
    if (!effect.signal) return false;
    if (from.kind) {
      const std::optional<KindId> kind = scope_.FindKind(*from.kind);
      const Signal& found = scope_.program().signal(*effect.signal);
      if (kind && found.kind && *found.kind != *kind) {
        scope_.Error(DiagnosticCode::kSignalOfOtherKind, from.kind->span,
                     fmt::format("the signal `{}` is on {}", from.name.text,
                                 scope_.program().kind(*found.kind).name),
                     "leave out `on`, a signal says itself where it is");
      }
    }
    return true;
  }

  void CheckCarried(const ast::Effect& from, const Effect& effect) {
    const Program& program = scope_.program();
    std::vector<State> wanted;
    if (effect.family_on) {
      wanted.emplace_back(effect.family_on->second, effect.family_on->first);
    } else {
      const Signal& signal = program.signal(*effect.signal);
      if (signal.kind) wanted.emplace_back(*signal.kind, signal.family);
      if (signal.relation) {
        const Relation& relation = program.relation(*signal.relation);
        for (const auto* ends : {&relation.from_kinds, &relation.to_kinds}) {
          for (const KindId kind : *ends) wanted.emplace_back(kind, signal.family);
        }
      }
    }
    if (wanted.empty()) return;
    const std::set<State> reached = Reachable(program, *kind_, effect.over);
    for (const State& state : wanted) {
      if (reached.contains(state)) return;
      // A symptom on a relation also tells of the entity below it.
      if (!effect.family_on && program.signal(*effect.signal).relation && state.first == *kind_) {
        return;
      }
    }
    const State& state = wanted.front();
    scope_.Error(
        DiagnosticCode::kCauseNotCarried, from.name.span,
        fmt::format("no relation carries {} from {} to {}", Name(state.second), from_.on.text,
                    program.kind(state.first).name),
        effect.over.empty()
            ? "declare the relations on the way and what they `carry`, or correct the effect"
            : "name all relations of the path behind `over`, or leave `over` out");
  }

  Template Text(const std::optional<ast::Text>& text) {
    if (!text) return {};
    std::vector<std::string> known = {"entity", "kind",  "fault",    "severity", "name",
                                      "since",  "until", "affected", "because",  "places"};
    if (kind_) {
      const std::vector<std::string>& identity = scope_.program().kind(*kind_).identity;
      known.insert(known.end(), identity.begin(), identity.end());
    }
    for (const std::string_view word : {"total", "actual", "potential"}) {
      known.push_back(fmt::format("impact.{}", word));
    }
    for (const Kind& kind : scope_.program().kinds) {
      known.push_back("impact." + kind.name);
      known.push_back("impact." + kind.name + "s");
      known.push_back("affected." + kind.name);
      known.push_back("affected." + kind.name + "s");
    }
    if (!kind_) known.clear();
    return scope_.ParseTemplate(*text, known, {"labels."});
  }

  const ast::Fault& from_;
  Scope& scope_;
  Fault fault_;
  std::optional<KindId> kind_;
};

}  // namespace

void DeclareFaults(const std::vector<ast::File>& files, Scope& scope) {
  for (const ast::File& file : files) {
    scope.Enter(file.source);
    for (const ast::Fault& from : file.faults) {
      if (!scope.Declare("fault", from.name)) continue;
      scope.program().faults.push_back(FaultChecker(from, scope).Check());
    }
  }
}

}  // namespace rootnote
