#include "rules/checker.h"

#include <algorithm>
#include <utility>

#include "fmt/core.h"

#include "rules/promql/evaluator.h"
#include "rules/token_reader.h"
#include "schemas/projection.h"

namespace rootnote {
namespace {

// Ids have 16 bits.
constexpr size_t kIdsMax = 65'535;

std::vector<std::string> Texts(const std::vector<ast::Name>& names) {
  std::vector<std::string> texts;
  for (const ast::Name& name : names) texts.push_back(name.text);
  return texts;
}

bool FitsIds(size_t size, std::string_view what, Span span, Scope& scope) {
  if (size < kIdsMax) return true;
  if (size == kIdsMax) {
    scope.Error(DiagnosticCode::kBadAmount, span, fmt::format("more than {} {}", kIdsMax, what),
                "split the rule set");
  }
  return false;
}

void CheckLabelsOnce(const ast::Kind& kind, Scope& scope) {
  std::vector<ast::Name> all = kind.identity;
  all.insert(all.end(), kind.aliases.begin(), kind.aliases.end());
  for (size_t i = 0; i < all.size(); ++i) {
    for (size_t j = 0; j < i; ++j) {
      if (all[i].text != all[j].text) continue;
      scope.Error(DiagnosticCode::kDeclaredTwice, all[i].span,
                  fmt::format("the label `{}` is named twice in the kind `{}`", all[i].text,
                              kind.name.text),
                  "keep one of them");
      break;
    }
  }
}

std::vector<KindId> FindKinds(const std::vector<ast::Name>& names, Scope& scope) {
  std::vector<KindId> kinds;
  for (const ast::Name& name : names) {
    const std::optional<KindId> kind = scope.FindKind(name);
    if (!kind) continue;
    if (std::find(kinds.begin(), kinds.end(), *kind) != kinds.end()) {
      scope.Error(DiagnosticCode::kDeclaredTwice, name.span,
                  fmt::format("the kind `{}` is named twice", name.text), "keep one of them");
      continue;
    }
    kinds.push_back(*kind);
  }
  return kinds;
}

// The left side of each `id=label` must identify a kind of that end.
std::vector<std::pair<std::string, std::string>> EndLabels(
    const std::vector<std::pair<ast::Name, ast::Name>>& labels, const std::vector<KindId>& kinds,
    Scope& scope) {
  std::vector<std::string> identity;
  for (const KindId id : kinds) {
    const Kind& kind = scope.program().kind(id);
    identity.insert(identity.end(), kind.identity.begin(), kind.identity.end());
  }
  std::vector<std::pair<std::string, std::string>> result;
  for (const auto& [id, label] : labels) {
    if (!identity.empty() &&
        std::find(identity.begin(), identity.end(), id.text) == identity.end()) {
      scope.Error(DiagnosticCode::kNotIdentityLabel, id.span,
                  fmt::format("`{}` does not identify this end of the relation", id.text),
                  Suggest(id.text, identity, "write identity label = label of the sample"));
    }
    result.emplace_back(id.text, label.text);
  }
  return result;
}

void CheckCarries(const ast::Relation& from, Relation& relation, Scope& scope) {
  for (const ast::Carries& carries : from.carries) {
    const std::optional<Family> source = scope.FindFamily(carries.from);
    const std::optional<Family> target = carries.to ? scope.FindFamily(*carries.to) : source;
    if (source && target) relation.carries.push_back({*source, *target});
  }
  if (from.carries.empty() && !from.broken) {
    scope.Warning(DiagnosticCode::kCarriesNothing, from.name.span,
                  fmt::format("the relation `{}` carries nothing", from.name.text),
                  "no failure travels over it; say which families do: carries errors, latency");
  }
}

void CheckTolerates(const ast::Relation& from, Relation& relation, Scope& scope) {
  for (const ast::Tolerates& clause : from.tolerates) {
    Tolerance tolerance;
    const double amount = clause.amount.percent ? clause.amount.value * 100 : clause.amount.value;
    const bool percent = clause.type == ast::Tolerates::Type::kPercent;
    if (amount < 0 || amount != static_cast<double>(static_cast<uint32_t>(amount)) ||
        amount > 1e6) {
      scope.Error(DiagnosticCode::kBadAmount, clause.amount.span,
                  "only whole numbers can be tolerated", "write 1, all but 1, or 25%");
      continue;
    }
    if (percent && amount >= 100) {
      scope.Error(DiagnosticCode::kTooTolerant, clause.amount.span,
                  fmt::format("`{}` tolerates that all fail", from.name.text),
                  "less than 100%, or leave out `carries`");
    } else if (amount == 0 && clause.type != ast::Tolerates::Type::kAllBut) {
      scope.Warning(DiagnosticCode::kWithoutEffect, clause.amount.span,
                    "`tolerates 0` tolerates nothing", "leave it out");
    } else if (amount == 0) {
      scope.Error(DiagnosticCode::kTooTolerant, clause.amount.span,
                  fmt::format("`{}` tolerates that all fail", from.name.text), "all but 1 or more");
    }
    tolerance.amount = static_cast<uint32_t>(amount);
    tolerance.type = percent                                        ? Tolerance::Type::kPercent
                     : clause.type == ast::Tolerates::Type::kAllBut ? Tolerance::Type::kAllBut
                                                                    : Tolerance::Type::kCount;
    for (const ast::Name& name : clause.families) {
      const std::optional<Family> family = scope.FindFamily(name);
      if (!family) continue;
      tolerance.families.push_back(*family);
      const bool carried =
          std::any_of(relation.carries.begin(), relation.carries.end(),
                      [&](const CarriedFamily& carries) { return carries.from == *family; });
      if (!carried) {
        scope.Warning(DiagnosticCode::kWithoutEffect, name.span,
                      fmt::format("`{}` does not carry {}, so none can be tolerated",
                                  from.name.text, name.text),
                      "name families that stand behind `carries`, before `as`");
      }
    }
    relation.tolerances.push_back(std::move(tolerance));
  }
}

Route CheckRoute(const ast::Route& from, Scope& scope) {
  Route route;
  if (from.severity_at_least) route.severity_at_least = scope.FindSeverity(*from.severity_at_least);
  for (const ast::MatcherNode& node : from.matchers) route.matchers.push_back(node.matcher);
  route.topic = from.topic.text;
  const bool legal =
      !route.topic.empty() && route.topic.size() <= 249 && route.topic != "." &&
      route.topic != ".." &&
      route.topic.find_first_not_of(
          "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-") == std::string::npos;
  if (!legal) {
    scope.Error(DiagnosticCode::kBadTopic, from.topic.span,
                fmt::format("`{}` cannot be the name of a Kafka topic", route.topic),
                "letters, digits, `.`, `_` and `-`, at most 249 of them");
  }
  if (from.projection) {
    route.projection = from.projection->text;
    const std::vector<std::string> known = ProjectionNames();
    if (std::find(known.begin(), known.end(), route.projection) == known.end()) {
      const std::string near = DidYouMean(route.projection, known);
      scope.Error(DiagnosticCode::kUnknownWord, from.projection->span,
                  fmt::format("there is no projection `{}`", route.projection),
                  near.empty() ? fmt::format("there is: {}", JoinWords(known, "and"))
                               : fmt::format("did you mean `{}`?", near));
    }
  }
  return route;
}

bool SameRoute(const Route& a, const Route& b) {
  return a.severity_at_least == b.severity_at_least && a.topic == b.topic &&
         a.projection == b.projection &&
         std::equal(a.matchers.begin(), a.matchers.end(), b.matchers.begin(), b.matchers.end(),
                    [](const promql::Matcher& x, const promql::Matcher& y) {
                      return x.name == y.name && x.op == y.op && x.value == y.value;
                    });
}

void CheckRoutes(const std::vector<ast::Route>& routes, IncidentPolicy& policy, Scope& scope) {
  for (const ast::Route& from : routes) {
    Route route = CheckRoute(from, scope);
    const bool again = std::any_of(policy.routes.begin(), policy.routes.end(),
                                   [&](const Route& other) { return SameRoute(other, route); });
    if (again) {
      scope.Warning(DiagnosticCode::kWithoutEffect, from.span, "the same route stands above",
                    "an incident goes to a topic once, however many routes say so");
    }
    const auto other =
        std::find_if(policy.routes.begin(), policy.routes.end(), [&](const Route& one) {
          return one.topic == route.topic && one.projection != route.projection;
        });
    if (other != policy.routes.end()) {
      const auto form = [](const Route& one) {
        return one.projection.empty() ? std::string("as they are")
                                      : fmt::format("as {}", one.projection);
      };
      scope.Error(DiagnosticCode::kTopicOfTwoForms, from.span,
                  fmt::format("the topic {} would get records {} and {}", route.topic, form(*other),
                              form(route)),
                  "give each form a topic of its own");
    }
    policy.routes.push_back(std::move(route));
  }
}

void CheckFlapping(const ast::Flapping& from, IncidentPolicy& policy, Scope& scope) {
  policy.flapping = Flapping{from.changes, from.in.value, from.quiet.value};
  if (from.changes < 2 || from.in.value <= Millis(0) || from.quiet.value <= Millis(0)) {
    scope.Error(DiagnosticCode::kBadAmount, from.span,
                "an incident flaps after 2 changes or more, within a time and until another",
                "flapping after 5 changes in 10m until quiet for 15m");
  } else if (from.quiet.value <= policy.resolve_after) {
    scope.Warning(
        DiagnosticCode::kWithoutEffect, from.quiet.span,
        fmt::format("it resolves after {} of quiet anyway", FormatDuration(policy.resolve_after)),
        "make it longer than `resolve after`");
  }
}

}  // namespace

void Check(std::vector<ast::File>& files, const CompileOptions& options, Diagnostics& diagnostics,
           Program& program) {
  Scope scope(program, options, diagnostics);
  DeclareKinds(files, scope);
  DeclareRelations(files, scope);
  DeclareSignals(files, scope);
  DeclareFaults(files, scope);
  CheckPolicy(files, scope);
  CheckMaintenance(files, scope);
  CheckTests(files, scope);
  CheckReuse(files, scope);
  CheckRuleSetSense(scope);
}

// The same kind in the same words, in another file: packs that speak of hosts go together.
bool IsSameKind(const ast::Kind& kind, const ast::File& file, const Scope& scope) {
  if (!scope.IsDeclared("kind", kind.name)) return false;
  const std::optional<KindId> known = scope.program().FindKind(kind.name.text);
  if (!known) return false;
  const Kind& other = scope.program().kind(*known);
  return other.place.source != file.source && other.identity == Texts(kind.identity) &&
         other.aliases == Texts(kind.aliases);
}

void DeclareKinds(const std::vector<ast::File>& files, Scope& scope) {
  for (const ast::File& file : files) {
    scope.Enter(file.source);
    for (const ast::Kind& from : file.kinds) {
      if (!FitsIds(scope.program().kinds.size(), "kinds", from.name.span, scope)) continue;
      if (IsSameKind(from, file, scope)) continue;
      if (!scope.Declare("kind", from.name)) continue;
      CheckLabelsOnce(from, scope);
      scope.program().kinds.push_back(
          {from.name.text, Texts(from.identity), Texts(from.aliases), scope.PlaceOf(from.span)});
    }
  }
}

void DeclareRelations(const std::vector<ast::File>& files, Scope& scope) {
  for (const ast::File& file : files) {
    scope.Enter(file.source);
    for (const ast::Relation& from : file.relations) {
      if (!FitsIds(scope.program().relations.size(), "relations", from.name.span, scope)) continue;
      if (!scope.Declare("relation", from.name)) continue;
      Relation relation;
      relation.name = from.name.text;
      relation.place = scope.PlaceOf(from.span);
      relation.from_kinds = FindKinds(from.from_kinds, scope);
      relation.to_kinds = FindKinds(from.to_kinds, scope);
      relation.from_labels = EndLabels(from.from_labels, relation.from_kinds, scope);
      relation.to_labels = EndLabels(from.to_labels, relation.to_kinds, scope);
      if (from.within) relation.within = from.within->value;
      CheckCarries(from, relation, scope);
      CheckTolerates(from, relation, scope);
      scope.program().relations.push_back(std::move(relation));
    }
  }
}

void CheckPolicy(const std::vector<ast::File>& files, Scope& scope) {
  bool declared = false;
  for (const ast::File& file : files) {
    scope.Enter(file.source);
    for (const ast::Incidents& from : file.incidents) {
      if (std::exchange(declared, true)) {
        scope.Error(DiagnosticCode::kDeclaredTwice, from.span,
                    "there is more than one `incidents` block", "one rule set has one policy");
        continue;
      }
      IncidentPolicy& policy = scope.program().incidents;
      const auto set = [](Millis& value, const std::optional<ast::Time>& time) {
        if (time) value = time->value;
      };
      set(policy.hold_back, from.hold_back);
      set(policy.reopen_within, from.reopen);
      set(policy.remind_every, from.remind);
      set(policy.resolve_after, from.resolve_after);
      policy.tolerated_open_info = from.tolerated_open_info;
      CheckRoutes(from.routes, policy, scope);
      if (from.merge) {
        scope.Warning(DiagnosticCode::kWithoutEffect, from.merge->span,
                      "`merge within` bounds nothing: incidents that come to share their root and "
                      "fault merge, however long they have been open",
                      "leave it out");
      }
      if (from.flapping) CheckFlapping(*from.flapping, policy, scope);
    }
  }
}

void CheckReuse(std::vector<ast::File>& files, Scope& scope) {
  for (ast::File& file : files) {
    scope.Enter(file.source);
    for (const ast::Def& def : file.defs) scope.Declare("definition", def.name);
    for (const ast::Import& import : file.imports) {
      scope.FindWord(import.format, "format to import", {"prometheus"});
      for (const auto& [kind, label] : import.mapping) scope.FindKind(kind);
    }
  }
}

}  // namespace rootnote
