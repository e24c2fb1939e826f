#include "rules/pattern_checker.h"

#include <algorithm>
#include <set>
#include <utility>

#include "fmt/core.h"

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

class PatternChecker {
 public:
  explicit PatternChecker(Scope& scope) : scope_(scope) {}

  void Check(const ast::Pattern& pattern) {
    CheckElement(pattern.first);
    for (const ast::PatternLink& link : pattern.then) {
      CheckElement(link.what);
      if (!link.negated && !HasWithin(link.what))
        Unbounded(link.what, "this step may come ever so late");
    }
  }

 private:
  void CheckElement(const Element& element) {
    if (const auto* group = std::get_if<ast::PatternGroup>(&element)) {
      if (!group->within && group->type != ast::PatternGroup::Type::kAny) {
        Unbounded(element, "the parts may be ever so far apart");
      }
      if (group->type == ast::PatternGroup::Type::kSome &&
          (group->some == 0 || group->some > group->steps.size())) {
        scope_.Error(DiagnosticCode::kBadAmount, group->span,
                     fmt::format("{} of {} steps", group->some, group->steps.size()),
                     "at least one, and no more than there are");
      }
    }
    for (const ast::PatternStep* step : StepsOf(element)) CheckStep(*step);
  }

  void CheckStep(const ast::PatternStep& step) {
    const bool signal = scope_.program().FindSignal(step.name.text).has_value();
    if (step.what == ast::PatternStep::What::kSignal) scope_.FindSignal(step.name);
    if (step.what == ast::PatternStep::What::kEvent && signal) {
      scope_.Warning(DiagnosticCode::kSignalAndEvent, step.name.span,
                     fmt::format("`{}` is a signal and an event", step.name.text),
                     "rename one of them");
    }
    if (step.times && (*step.times == 0 || (step.of_last && *step.times > *step.of_last))) {
      scope_.Error(DiagnosticCode::kBadAmount, step.span, "it can never come that often",
                   "at least 1 time, and no more than `of last`");
    }
    if (step.times && !step.of_last && !step.within) {
      scope_.Error(DiagnosticCode::kUnboundedPattern, step.span,
                   "the times may be ever so far apart", "bound it: 5 times within 10m");
    }
    // A filter may name its own step, steps before it, and bare attributes.
    if (step.alias) aliases_.push_back(step.alias->text);
    for (const ast::Filter& filter : step.where) {
      CheckOperand(filter.left);
      CheckOperand(filter.right);
    }
  }

  void CheckOperand(const ast::FilterOperand& operand) {
    const auto* path = std::get_if<std::vector<ast::Name>>(&operand.what);
    if (path == nullptr || path->size() < 2) return;
    const ast::Name& alias = path->front();
    if (std::find(aliases_.begin(), aliases_.end(), alias.text) != aliases_.end()) return;
    scope_.Error(DiagnosticCode::kUnknownAlias, alias.span,
                 fmt::format("no step before this one is called `{}`", alias.text),
                 Suggest(alias.text, aliases_, fmt::format("name it: … as {}", alias.text)));
  }

  void Unbounded(const Element& element, std::string_view why) {
    const Span span = std::holds_alternative<ast::PatternStep>(element)
                          ? std::get<ast::PatternStep>(element).span
                          : std::get<ast::PatternGroup>(element).span;
    scope_.Error(DiagnosticCode::kUnboundedPattern, span,
                 fmt::format("the pattern has no end: {}", why), "bound it: within 15m");
  }

  Scope& scope_;
  std::vector<std::string> aliases_;
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

void CheckPattern(const ast::Pattern& pattern, Scope& scope) {
  PatternChecker(scope).Check(pattern);
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
