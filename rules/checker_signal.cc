#include <algorithm>
#include <set>
#include <utility>

#include "fmt/core.h"

#include "rules/checker.h"
#include "rules/condition_checker.h"
#include "rules/expr_facts.h"
#include "rules/pattern_checker.h"
#include "rules/token_reader.h"

namespace rootnote {
namespace {

// `id=label` of one end applied to a kind's identity.
std::vector<std::string> SampleLabels(
    const Kind& kind, const std::vector<std::pair<std::string, std::string>>& mapping) {
  std::vector<std::string> labels;
  for (const std::string& id : kind.identity) {
    const auto at = std::find_if(mapping.begin(), mapping.end(),
                                 [&](const auto& pair) { return pair.first == id; });
    labels.push_back(at == mapping.end() ? id : at->second);
  }
  return labels;
}

// Labels of both ends, for each pair of kinds that the relation may join.
std::vector<std::vector<std::string>> RelationIdentities(const Program& program,
                                                         const Relation& relation) {
  std::vector<std::vector<std::string>> identities;
  for (const KindId from : relation.from_kinds) {
    for (const KindId to : relation.to_kinds) {
      std::vector<std::string> labels = SampleLabels(program.kind(from), relation.from_labels);
      for (std::string& label : SampleLabels(program.kind(to), relation.to_labels)) {
        if (std::find(labels.begin(), labels.end(), label) == labels.end()) {
          labels.push_back(std::move(label));
        }
      }
      identities.push_back(std::move(labels));
    }
  }
  return identities;
}

class SignalChecker {
 public:
  SignalChecker(ast::Signal& from, const std::set<std::string>& cycles, Scope& scope)
      : from_(from), scope_(scope) {
    place_.in_cycle = cycles.contains(from.name.text);
  }

  Signal Check() {
    signal_.name = from_.name.text;
    signal_.place = scope_.PlaceOf(from_.span);
    if (from_.broken) return std::move(signal_);
    CheckOn();
    CheckWords();
    if (from_.imported) {
      TakeAlert(*from_.imported);
      return std::move(signal_);
    }
    CheckEvery();
    CheckBy();
    place_.signal = signal_.name;
    place_.by = signal_.by;
    place_.every = signal_.every;
    if (!place_.identities.empty()) CheckConditions();
    CheckRest();
    return std::move(signal_);
  }

 private:
  void CheckOn() {
    const Program& program = scope_.program();
    if (!from_.on_relation) {
      signal_.kind = scope_.FindKind(from_.on);
      if (!signal_.kind) return;
      const Kind& kind = program.kind(*signal_.kind);
      place_.identities = {kind.identity};
      place_.aliases = kind.aliases;
      place_.on = fmt::format("kind `{}`", kind.name);
      return;
    }
    signal_.relation = scope_.FindRelation(from_.on);
    if (!signal_.relation) return;
    const Relation& relation = program.relation(*signal_.relation);
    place_.identities = RelationIdentities(program, relation);
    place_.on = fmt::format("relation `{}`", relation.name);
    place_.on_relation = true;
  }

  void CheckWords() {
    if (from_.family) signal_.family = scope_.FindFamily(*from_.family).value_or(signal_.family);
    if (from_.severity) {
      signal_.severity = scope_.FindSeverity(*from_.severity).value_or(signal_.severity);
    }
    if (!from_.no_data) return;
    static constexpr NoDataPolicy kPolicies[] = {NoDataPolicy::kResolve, NoDataPolicy::kHold,
                                                 NoDataPolicy::kRaise};
    const std::optional<size_t> at =
        scope_.FindWord(*from_.no_data, "`no data` policy", {"resolve", "hold", "raise"});
    if (at) signal_.no_data = kPolicies[*at];
  }

  // What Prometheus accepts is not judged by the rules of this language.
  void TakeAlert(const ast::ImportedAlert& alert) {
    signal_.every = from_.every->value;
    const Comparison comparison = TopComparison(*alert.expr);
    signal_.when.what = alert.expr;
    signal_.when.threshold = comparison.threshold;
    signal_.when.direction = comparison.direction;
    if (from_.when.hold) signal_.when.hold = from_.when.hold->value;
    signal_.imported = ImportedAlert{alert.target, alert.identity_from};
    CheckRest();
  }

  void CheckEvery() {
    const Millis tick = scope_.options().tick;
    signal_.every = from_.every ? from_.every->value : scope_.options().evaluation_interval;
    if (!from_.every) return;
    if (signal_.every <= Millis(0)) {
      scope_.Error(DiagnosticCode::kBadAmount, from_.every->span,
                   "`every` must be longer than nothing", "every 15s");
      signal_.every = tick;
    } else if (signal_.every % tick != Millis(0)) {
      scope_.Error(DiagnosticCode::kOffGrid, from_.every->span,
                   fmt::format("{} is no multiple of the tick of {}", FormatDuration(signal_.every),
                               FormatDuration(tick)),
                   fmt::format("take {}", FormatDuration(signal_.every / tick * tick + tick)));
    }
  }

  void CheckBy() {
    for (const ast::Name& label : from_.by) {
      const bool identity =
          std::any_of(place_.identities.begin(), place_.identities.end(), [&](const auto& labels) {
            return std::find(labels.begin(), labels.end(), label.text) != labels.end();
          });
      if (identity) {
        scope_.Warning(DiagnosticCode::kWithoutEffect, label.span,
                       fmt::format("`{}` identifies the {} already", label.text, from_.on.text),
                       "leave it out");
        continue;
      }
      if (std::find(signal_.by.begin(), signal_.by.end(), label.text) != signal_.by.end()) {
        scope_.Error(DiagnosticCode::kDeclaredTwice, label.span,
                     fmt::format("the label `{}` is named twice", label.text), "keep one of them");
        continue;
      }
      signal_.by.push_back(label.text);
    }
  }

  void CheckConditions() {
    if (const auto* pattern = std::get_if<ast::Pattern>(&from_.when.what)) {
      aliases_ = AliasesIn(*pattern);
    }
    signal_.when = CheckCondition(from_.when, place_, scope_);
    CheckMatch();
    if (!from_.clear) return;
    const Span span = from_.clear->span;
    if (std::holds_alternative<ast::Pattern>(from_.clear->what) ||
        std::holds_alternative<PatternCondition>(signal_.when.what)) {
      scope_.Error(DiagnosticCode::kMisplacedStep, span, "a pattern and `clear` do not go together",
                   "a pattern ends by itself; `resolve after 10m` behind it says when");
      return;
    }
    signal_.clear = CheckCondition(*from_.clear, place_, scope_);
    CheckOverlap(span);
  }

  void CheckMatch() {
    auto* pattern = std::get_if<PatternCondition>(&signal_.when.what);
    if (!from_.match) return;
    static constexpr MatchPolicy kPolicies[] = {MatchPolicy::kOnce, MatchPolicy::kEvery,
                                                MatchPolicy::kNoOverlap};
    const std::optional<size_t> at =
        scope_.FindWord(*from_.match, "match policy", {"once", "every", "no overlap"});
    if (pattern == nullptr) {
      scope_.Warning(DiagnosticCode::kWithoutEffect, from_.match->span,
                     "`match` says how often a pattern matches, and this is none", "leave it out");
    } else if (at) {
      pattern->policy = kPolicies[*at];
    }
  }

  // when x > 5, clear x < 8: between 5 and 8 both are true.
  void CheckOverlap(Span span) {
    const auto* when = std::get_if<ExprPtr>(&signal_.when.what);
    const auto* clear = std::get_if<ExprPtr>(&signal_.clear->what);
    if (when == nullptr || clear == nullptr || *when == nullptr || *clear == nullptr) return;
    const Condition& a = signal_.when;
    const Condition& b = *signal_.clear;
    if (!a.threshold || !b.threshold || Subject(**when) != Subject(**clear)) return;
    using Direction = Condition::Direction;
    const bool same = a.direction == b.direction && a.direction != Direction::kNone;
    const bool crossing = (a.direction == Direction::kAbove && b.direction == Direction::kBelow &&
                           *b.threshold > *a.threshold) ||
                          (a.direction == Direction::kBelow && b.direction == Direction::kAbove &&
                           *b.threshold < *a.threshold);
    if (!same && !crossing) return;
    scope_.Warning(DiagnosticCode::kClearOverlapsWhen, span,
                   "`clear` and `when` are true at the same time",
                   "`clear` should begin where `when` has ended: when … > 5, clear … < 3");
  }

  // The text of what is compared, "" if it is not a plain comparison.
  static std::string Subject(const promql::Expr& expr) {
    const promql::Expr& top = WithoutParens(expr);
    if (top.kind != promql::ExprKind::kBinary) return "";
    return promql::ToString(ConstantOf(*top.args[1]) ? *top.args[0] : *top.args[1]);
  }

  void CheckRest() {
    if (from_.keep_firing) signal_.keep_firing = from_.keep_firing->value;
    for (const auto& [name, text] : from_.labels) signal_.labels.emplace_back(name.text, text.text);
    std::sort(signal_.labels.begin(), signal_.labels.end());
    if (from_.limit) {
      const double limit = from_.limit->value;
      if (from_.limit->percent || limit < 1 || limit > 1e8 ||
          limit != static_cast<double>(static_cast<uint32_t>(limit))) {
        scope_.Error(DiagnosticCode::kBadAmount, from_.limit->span,
                     "a limit is a whole number of series", "limit 10000 series");
      } else {
        signal_.series_max = static_cast<uint32_t>(limit);
      }
    }
    signal_.summary = Text(from_.summary);
    signal_.description = Text(from_.description);
    if (from_.runbook) signal_.runbook = from_.runbook->text;
    if (from_.owner) signal_.owner = from_.owner->text;
  }

  Template Text(const std::optional<ast::Text>& text) {
    if (!text) return {};
    std::vector<std::string> known = {"entity", "kind",      "signal", "family", "severity",
                                      "value",  "threshold", "from",   "to"};
    if (!place_.on_relation) known.resize(known.size() - 2);
    for (const auto& identity : place_.identities) {
      known.insert(known.end(), identity.begin(), identity.end());
    }
    known.insert(known.end(), signal_.by.begin(), signal_.by.end());
    known.insert(known.end(), place_.aliases.begin(), place_.aliases.end());
    std::sort(known.begin(), known.end());
    known.erase(std::unique(known.begin(), known.end()), known.end());
    // Attributes of a pattern's steps: {d.version}.
    std::vector<std::string> prefixes = {"labels."};
    for (const std::string& alias : aliases_) prefixes.push_back(alias + ".");
    if (place_.identities.empty()) known.clear();
    return scope_.ParseTemplate(*text, known, prefixes);
  }

  ast::Signal& from_;
  Scope& scope_;
  Signal signal_;
  ConditionPlace place_;
  std::vector<std::string> aliases_;
};

}  // namespace

void DeclareSignals(std::vector<ast::File>& files, Scope& scope) {
  std::vector<std::pair<ast::Signal*, uint32_t>> declared;
  for (ast::File& file : files) {
    scope.Enter(file.source);
    for (ast::Signal& from : file.signals) {
      if (!scope.Declare("signal", from.name)) continue;
      declared.emplace_back(&from, file.source);
      scope.program().signals.emplace_back().name = from.name.text;
    }
  }
  const std::set<std::string> cycles = CheckCycles(files, scope);
  for (size_t i = 0; i < declared.size(); ++i) {
    scope.Enter(declared[i].second);
    scope.program().signals[i] = SignalChecker(*declared[i].first, cycles, scope).Check();
  }
  for (size_t i = 0; i < declared.size(); ++i) {
    const auto* pattern = std::get_if<ast::Pattern>(&declared[i].first->when.what);
    if (pattern == nullptr || declared[i].first->broken) continue;
    scope.Enter(declared[i].second);
    CheckPatternKey(scope.program().signals[i], *pattern, scope);
  }
}

}  // namespace rootnote
