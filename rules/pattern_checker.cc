#include "rules/pattern_checker.h"

#include <algorithm>
#include <memory>
#include <set>
#include <utility>

#include "fmt/core.h"
#include "re2/re2.h"

#include "rules/token_reader.h"

namespace rootnote {
namespace {

using Element = std::variant<ast::PatternStep, ast::PatternGroup>;

// Steps of an element in order.
std::vector<const ast::PatternStep*> StepsOf(const Element& element) {
  if (const auto* step = std::get_if<ast::PatternStep>(&element)) return {step};
  std::vector<const ast::PatternStep*> steps;
  for (const ast::PatternStep& step : std::get<ast::PatternGroup>(element).steps) {
    steps.push_back(&step);
  }
  return steps;
}

std::vector<const ast::PatternStep*> StepsOf(const ast::Pattern& pattern) {
  std::vector<const ast::PatternStep*> steps = StepsOf(pattern.first);
  for (const ast::PatternLink& link : pattern.then) {
    const auto more = StepsOf(link.what);
    steps.insert(steps.end(), more.begin(), more.end());
  }
  return steps;
}

bool HasWithin(const Element& element) {
  if (const auto* step = std::get_if<ast::PatternStep>(&element)) return step->within.has_value();
  return std::get<ast::PatternGroup>(element).within.has_value();
}

// `N of last M` without `within`: items older than this are forgotten.
constexpr Millis kLastWithin{3'600'000};
// A match of events alone without any duration lasts this long.
constexpr Millis kLasts{300'000};
constexpr size_t kStepsMax = 64;

class PatternChecker {
 public:
  PatternChecker(const ConditionPlace& place, Scope& scope) : place_(place), scope_(scope) {}

  PatternCondition Check(const ast::Pattern& pattern) {
    CheckElement(pattern.first);
    for (const ast::PatternLink& link : pattern.then) CheckLink(link);
    if (StepsOf(pattern).size() > kStepsMax) {
      scope_.Error(DiagnosticCode::kBadAmount, pattern.span,
                   fmt::format("more than {} steps", kStepsMax), "write several signals");
    }
    const ast::PatternStep* first = std::get_if<ast::PatternStep>(&pattern.first);
    if (first != nullptr && !first->times && first->within) {
      scope_.Warning(DiagnosticCode::kWithoutEffect, first->within->span,
                     "nothing stands before the first step", "put `within` behind `then …`");
    }
    SetDurations(pattern);
    return std::move(result_);
  }

 private:
  using Operand = PatternStep::Operand;

  void SetDurations(const ast::Pattern& pattern) {
    Millis longest{0}, longest_absent{0};
    for (const PatternElement& element : result_.elements) {
      result_.bound += element.within;
      Millis& kind = element.negated ? longest_absent : longest;
      kind = std::max(kind, element.within);
    }
    result_.lasts = longest > Millis(0) ? longest : longest_absent;
    if (result_.lasts == Millis(0)) result_.lasts = kLasts;
    if (pattern.resolve_after) {
      result_.lasts = pattern.resolve_after->value;
      result_.resolve_after = pattern.resolve_after->value;
    }
    const Millis reach = result_.bound + result_.lasts;
    if (reach > scope_.options().max_history) {
      scope_.Error(DiagnosticCode::kHistoryTooLong, pattern.span,
                   fmt::format("the pattern looks back {}, the most that is kept is {}",
                               FormatDuration(reach), FormatDuration(scope_.options().max_history)),
                   "make its durations shorter");
    }
  }

  void CheckLink(const ast::PatternLink& link) {
    CheckElement(link.what);
    PatternElement& element = result_.elements.back();
    element.immediately = link.immediately;
    element.negated = link.negated;
    if (!link.negated) {
      if (!HasWithin(link.what)) Unbounded(link.what, "this step may come ever so late");
      return;
    }
    element.within = link.absent_for->value;
    if (link.immediately || HasWithin(link.what)) {
      scope_.Error(DiagnosticCode::kMisplacedStep, SpanOf(link.what),
                   "what must not come has no `immediately` and no `within`",
                   "write: then no NAME for 5m");
    }
    const bool counted =
        element.steps.size() == 1 && (element.steps[0].times > 1 || element.steps[0].of_last > 0);
    if (counted || element.needed > 1) {
      scope_.Error(DiagnosticCode::kMisplacedStep, SpanOf(link.what),
                   "what must not come is one step, or any of several",
                   "count it in a signal of its own, and name that here");
    }
  }

  void CheckElement(const Element& from) {
    PatternElement element;
    if (const auto* group = std::get_if<ast::PatternGroup>(&from)) {
      CheckGroup(*group, element);
    } else {
      const auto& step = std::get<ast::PatternStep>(from);
      if (step.within) element.within = step.within->value;
      element.steps.push_back(CheckStep(step, element));
      const PatternStep& checked = element.steps.back();
      if (checked.of_last > 0 && !step.within) element.within = kLastWithin;
      if (result_.elements.empty() && !step.times) element.within = Millis(0);
    }
    result_.elements.push_back(std::move(element));
    for (const ast::PatternStep* step : StepsOf(from)) {
      if (step->alias) aliases_.push_back(step->alias->text);
    }
  }

  void CheckGroup(const ast::PatternGroup& group, PatternElement& element) {
    using Type = ast::PatternGroup::Type;
    if (!group.within && group.type != Type::kAny) {
      Unbounded(group, "the parts may be ever so far apart");
    }
    if (group.type == Type::kSome && (group.some == 0 || group.some > group.steps.size())) {
      scope_.Error(DiagnosticCode::kBadAmount, group.span,
                   fmt::format("{} of {} steps", group.some, group.steps.size()),
                   "at least one, and no more than there are");
    }
    element.group = true;
    element.needed = group.type == Type::kAll   ? static_cast<uint32_t>(group.steps.size())
                     : group.type == Type::kAny ? 1
                                                : group.some;
    if (group.within) element.within = group.within->value;
    for (const ast::PatternStep& step : group.steps) {
      if (step.times || step.within) {
        scope_.Error(DiagnosticCode::kMisplacedStep, step.span,
                     "a part of a group comes once, within the time of the group",
                     "count it in a signal of its own, and name that here");
      }
      element.steps.push_back(CheckStep(step, element));
    }
  }

  PatternStep CheckStep(const ast::PatternStep& step, const PatternElement& element) {
    PatternStep result;
    result.name = step.name.text;
    const std::optional<SignalId> signal = scope_.program().FindSignal(step.name.text);
    if (step.what == ast::PatternStep::What::kSignal) scope_.FindSignal(step.name);
    if (step.what == ast::PatternStep::What::kEvent && signal) {
      scope_.Warning(DiagnosticCode::kSignalAndEvent, step.name.span,
                     fmt::format("`{}` is a signal and an event", step.name.text),
                     "rename one of them");
    }
    if (step.what != ast::PatternStep::What::kEvent) result.signal = signal;
    for (const ast::MatcherNode& node : step.matchers) result.matchers.push_back(node.matcher);
    CheckTimes(step, result);
    CheckBy(step, result);
    if (step.alias) {
      result.alias = result_.aliases.size();
      result_.aliases.push_back(step.alias->text);
      own_alias_ = step.alias->text;
    } else {
      own_alias_.clear();
    }
    siblings_.clear();
    for (const PatternStep& sibling : element.steps) {
      if (sibling.alias) siblings_.push_back(result_.aliases[*sibling.alias]);
    }
    for (const ast::Filter& filter : step.where) CheckFilter(filter, result);
    return result;
  }

  void CheckTimes(const ast::PatternStep& step, PatternStep& result) {
    if (!step.times) return;
    result.times = *step.times;
    result.of_last = step.of_last.value_or(0);
    if (*step.times == 0 || *step.times > kTimesMax || result.of_last > kTimesMax ||
        (step.of_last && *step.times > *step.of_last)) {
      scope_.Error(
          DiagnosticCode::kBadAmount, step.span, "it can never come that often",
          fmt::format("at least 1 time, at most {}, and no more than `of last`", kTimesMax));
    }
    if (!step.of_last && !step.within) {
      scope_.Error(DiagnosticCode::kUnboundedPattern, step.span,
                   "the times may be ever so far apart", "bound it: 5 times within 10m");
    }
  }

  // The labels that name the key stand in its order: those of the identity, then those of `by`.
  void CheckBy(const ast::PatternStep& step, PatternStep& result) {
    if (step.by.empty()) return;
    for (const ast::Name& name : step.by) result.by.push_back(name.text);
    const size_t identity = place_.identities.front().size();
    const size_t with_by = identity + place_.by.size();
    if (result.by.size() == identity || result.by.size() == with_by) return;
    std::string key;
    for (const std::string& label : place_.identities.front()) {
      key += (key.empty() ? "" : ", ") + label;
    }
    for (const std::string& label : place_.by) key += ", " + label;
    scope_.Error(DiagnosticCode::kStepKey, step.by.front().span,
                 fmt::format("the key of this pattern is ({}), and `by` names {} of its parts", key,
                             result.by.size()),
                 fmt::format("name {} labels, in the order of the key", with_by));
  }

  void CheckFilter(const ast::Filter& from, PatternStep& step) {
    using Op = PatternStep::Filter::Op;
    PatternStep::Filter filter;
    filter.left = CheckOperand(from.left);
    filter.right = CheckOperand(from.right);
    static constexpr std::pair<std::string_view, Op> kOps[] = {
        {"==", Op::kEqual},  {"!=", Op::kNotEqual},     {"<", Op::kLess},   {"<=", Op::kLessEqual},
        {">", Op::kGreater}, {">=", Op::kGreaterEqual}, {"=~", Op::kMatch}, {"!~", Op::kMatch}};
    for (const auto& [text, op] : kOps) {
      if (from.op == text) filter.op = op;
    }
    if (filter.op == Op::kMatch) SetRegex(from, filter);
    step.where.push_back(std::move(filter));
  }

  void SetRegex(const ast::Filter& from, PatternStep::Filter& filter) {
    if (filter.right.type != Operand::Type::kText) {
      scope_.Error(DiagnosticCode::kMisplacedStep, from.right.span,
                   "what stands right of `=~` is a text", "write: where version =~ \"1[.].*\"");
      return;
    }
    re2::RE2::Options options(re2::RE2::Quiet);
    options.set_dot_nl(true);
    auto regex = std::make_shared<const re2::RE2>("^(?:" + filter.right.text + ")$", options);
    if (!regex->ok()) {
      scope_.Error(DiagnosticCode::kInvalidRegex, from.right.span, regex->error(),
                   "RE2 syntax; the whole value must match");
      return;
    }
    filter.matcher.op = from.op == "=~" ? promql::MatchOp::kRegex : promql::MatchOp::kNotRegex;
    filter.matcher.value = filter.right.text;
    filter.matcher.regex = std::move(regex);
  }

  // A filter may name its own step, steps before it, and bare attributes.
  Operand CheckOperand(const ast::FilterOperand& from) {
    Operand operand;
    if (const auto* text = std::get_if<std::string>(&from.what)) {
      operand.text = *text;
      return operand;
    }
    if (const auto* number = std::get_if<double>(&from.what)) {
      operand.type = Operand::Type::kNumber;
      operand.number = *number;
      return operand;
    }
    const auto& path = std::get<std::vector<ast::Name>>(from.what);
    const ast::Name& first = path.front();
    const bool plain = path.size() < 2;
    operand.type = Operand::Type::kOwn;
    for (size_t i = plain ? 0 : 1; i < path.size(); ++i) {
      operand.text += (operand.text.empty() ? "" : ".") + path[i].text;
    }
    if (plain || first.text == own_alias_) return operand;
    if (Contains(siblings_, first.text)) {
      scope_.Error(DiagnosticCode::kMisplacedStep, first.span,
                   fmt::format("the parts of a group come in any order: `{}` may not be there yet",
                               first.text),
                   "compare with a step before the group, or behind it");
    } else if (!Contains(aliases_, first.text)) {
      scope_.Error(DiagnosticCode::kUnknownAlias, first.span,
                   fmt::format("no step before this one is called `{}`", first.text),
                   Suggest(first.text, aliases_, fmt::format("name it: … as {}", first.text)));
    }
    operand.type = Operand::Type::kAlias;
    const auto at = std::find(result_.aliases.begin(), result_.aliases.end(), first.text);
    operand.alias = static_cast<size_t>(at - result_.aliases.begin());
    return operand;
  }

  static bool Contains(const std::vector<std::string>& words, const std::string& word) {
    return std::find(words.begin(), words.end(), word) != words.end();
  }

  static Span SpanOf(const Element& element) {
    return std::holds_alternative<ast::PatternStep>(element)
               ? std::get<ast::PatternStep>(element).span
               : std::get<ast::PatternGroup>(element).span;
  }

  void Unbounded(const Element& element, std::string_view why) {
    scope_.Error(DiagnosticCode::kUnboundedPattern, SpanOf(element),
                 fmt::format("the pattern has no end: {}", why), "bound it: within 15m");
  }

  static constexpr uint32_t kTimesMax = 10'000;

  const ConditionPlace& place_;
  Scope& scope_;
  PatternCondition result_;
  std::vector<std::string> aliases_;   // of the elements before
  std::vector<std::string> siblings_;  // of the parts before in the same group
  std::string own_alias_;
};

// Longer chains of waiting signals are not followed.
constexpr size_t kChainMax = 200;

class CycleFinder {
 public:
  CycleFinder(const std::vector<ast::File>& files, Scope& scope) : scope_(scope) {
    for (const ast::File& file : files) {
      for (const ast::Signal& signal : file.signals) nodes_.push_back({&signal, file.source});
    }
  }

  std::set<std::string> Run() {
    for (const Node& node : nodes_) {
      path_.clear();
      Visit(node);
    }
    return std::move(in_cycle_);
  }

 private:
  struct Node {
    const ast::Signal* signal;
    uint32_t source;
  };

  void Visit(const Node& node) {
    const std::string& name = node.signal->name.text;
    if (const auto at = std::find(path_.begin(), path_.end(), name); at != path_.end()) {
      std::vector<std::string> cycle(at, path_.end());
      in_cycle_.insert(cycle.begin(), cycle.end());
      if (reported_.insert(*std::min_element(cycle.begin(), cycle.end())).second) {
        scope_.Enter(node.source);
        cycle.push_back(name);
        scope_.Error(DiagnosticCode::kSignalCycle, node.signal->name.span,
                     "signals wait for each other: " + Arrows(cycle),
                     "let one of them watch a metric or an event");
      }
      return;
    }
    const auto* pattern = std::get_if<ast::Pattern>(&node.signal->when.what);
    if (pattern == nullptr || done_.contains(name) || path_.size() >= kChainMax) return;
    path_.push_back(name);
    for (const ast::Name& next : SignalsIn(*pattern, scope_)) {
      const auto at = std::find_if(nodes_.begin(), nodes_.end(), [&](const Node& other) {
        return other.signal->name.text == next.text;
      });
      if (at != nodes_.end()) Visit(*at);
    }
    path_.pop_back();
    done_.insert(name);
  }

  static std::string Arrows(const std::vector<std::string>& names) {
    std::string text;
    for (const std::string& name : names) text += (text.empty() ? "" : " → ") + name;
    return text;
  }

  Scope& scope_;
  std::vector<Node> nodes_;
  std::vector<std::string> path_;
  std::set<std::string> done_, reported_, in_cycle_;
};

}  // namespace

PatternCondition CheckPattern(const ast::Pattern& pattern, const ConditionPlace& place,
                              Scope& scope) {
  return PatternChecker(place, scope).Check(pattern);
}

void CheckPatternKey(const Signal& signal, const ast::Pattern& from, Scope& scope) {
  const auto* pattern = std::get_if<PatternCondition>(&signal.when.what);
  if (pattern == nullptr || !signal.kind) return;
  const Program& program = scope.program();
  std::vector<std::string> key = program.kind(*signal.kind).identity;
  const std::vector<const ast::PatternStep*> written = StepsOf(from);
  size_t at = 0;
  for (const PatternElement& element : pattern->elements) {
    for (const PatternStep& step : element.steps) {
      const ast::PatternStep& place = *written[at++];
      if (!step.signal) continue;
      const Signal& watched = program.signal(*step.signal);
      if (!watched.kind || watched.kind == signal.kind) continue;
      std::vector<std::string> has = program.kind(*watched.kind).identity;
      has.insert(has.end(), watched.by.begin(), watched.by.end());
      const std::vector<std::string>& wanted = step.by.empty() ? key : step.by;
      for (const std::string& label : wanted) {
        if (std::find(has.begin(), has.end(), label) != has.end()) continue;
        scope.Warning(
            DiagnosticCode::kKeysCannotJoin, place.name.span,
            fmt::format("`{}` is on `{}`, which has no label `{}`: it names no `{}`", step.name,
                        program.kind(*watched.kind).name, label, program.kind(*signal.kind).name),
            "say which labels name it: by (…); or label the entities in the map");
        break;
      }
    }
  }
}

std::vector<ast::Name> SignalsIn(const ast::Pattern& pattern, const Scope& scope) {
  std::vector<ast::Name> names;
  for (const ast::PatternStep* step : StepsOf(pattern)) {
    if (step->what == ast::PatternStep::What::kEvent) continue;
    if (scope.program().FindSignal(step->name.text)) names.push_back(step->name);
  }
  return names;
}

std::vector<std::string> AliasesIn(const ast::Pattern& pattern) {
  std::vector<std::string> aliases;
  for (const ast::PatternStep* step : StepsOf(pattern)) {
    if (step->alias) aliases.push_back(step->alias->text);
  }
  return aliases;
}

std::set<std::string> CheckCycles(const std::vector<ast::File>& files, Scope& scope) {
  return CycleFinder(files, scope).Run();
}

}  // namespace rootnote
