#include "engine/rule_set.h"

#include <algorithm>
#include <charconv>
#include <utility>

#include "engine/patterns.h"

namespace rootnote {
namespace {

using promql::Expr;
using promql::ExprKind;
using promql::Matcher;
using promql::MatchOp;

// Two selectors with the same key see the same and are kept once.
std::string InternKey(const Selector& selector) {
  std::string key = selector.presence ? "p" : selector.range ? "r" : "i";
  auto add = [&key](std::string_view text) {
    key += text;
    key += '\xff';
  };
  for (const Matcher& matcher : selector.matchers) {
    add(matcher.name);
    key += static_cast<char>('0' + static_cast<int>(matcher.op));
    add(matcher.value);
  }
  key += '\xfe';
  add(selector.unwrap);
  for (const std::string& label : selector.event_labels) {
    add(label);
  }
  return key;
}

std::string RequiredName(const std::vector<Matcher>& matchers) {
  for (const Matcher& matcher : matchers) {
    if (matcher.name == kMetricName && matcher.op == MatchOp::kEqual) {
      return matcher.value;
    }
  }
  return "";
}

bool YieldsOnEmpty(const Expr& expr) {
  if (expr.kind == ExprKind::kCall &&
      (expr.text == "absent" || expr.text == "absent_over_time" || expr.text == "vector")) {
    return true;
  }
  return std::any_of(expr.args.begin(), expr.args.end(),
                     [](const auto& arg) { return YieldsOnEmpty(*arg); });
}

// The right sides of divisions that decide a condition: a share of something that must be there.
void CollectDenominators(const Expr& expr, std::vector<const Expr*>& out) {
  if (expr.kind == ExprKind::kParen) {
    CollectDenominators(*expr.args[0], out);
  } else if (expr.kind == ExprKind::kBinary && expr.op == promql::BinaryOp::kDiv) {
    const std::vector<const Expr*> right = promql::Selectors(*expr.args[1]);
    out.insert(out.end(), right.begin(), right.end());
  } else if (expr.kind == ExprKind::kBinary) {
    for (const auto& arg : expr.args) {
      CollectDenominators(*arg, out);
    }
  }
}

void SortUnique(std::vector<SelectorId>& ids) {
  std::sort(ids.begin(), ids.end());
  ids.erase(std::unique(ids.begin(), ids.end()), ids.end());
}

// Twice the usual interval of collectors.
constexpr Millis kSentOnce{30'000};

std::string_view AttributeOrLabel(const Event& event, std::string_view name) {
  if (name == kMetricName) {
    return event.name;
  }
  const std::string_view label = event.labels.Get(name);
  return label.empty() ? event.attributes.Get(name) : label;
}

}  // namespace

bool Selector::Matches(const Labels& labels) const {
  return std::all_of(matchers.begin(), matchers.end(), [&labels](const Matcher& matcher) {
    return matcher.Matches(labels.Get(matcher.name));
  });
}

bool Selector::Matches(const Event& event) const {
  return (range || presence) &&
         std::all_of(matchers.begin(), matchers.end(), [&event](const Matcher& matcher) {
           return matcher.Matches(AttributeOrLabel(event, matcher.name));
         });
}

std::optional<double> Selector::ValueOf(const Event& event) const {
  if (unwrap.empty()) {
    return 1.0;
  }
  const std::string_view text = AttributeOrLabel(event, unwrap);
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (text.empty() || error != std::errc() || end != text.data() + text.size()) {
    return std::nullopt;
  }
  return value;
}

Labels Selector::Project(const Event& event) const {
  if (presence) {
    return event.labels.With(kMetricName, event.name);
  }
  std::vector<Label> pairs;
  pairs.reserve(event_labels.size() + 1);
  pairs.emplace_back(kMetricName, event.name);
  for (const std::string& label : event_labels) {
    if (label != kMetricName) {
      pairs.emplace_back(label, AttributeOrLabel(event, label));
    }
  }
  return Labels::FromViews(std::move(pairs));
}

RuleSet::RuleSet(std::shared_ptr<const Program> program, Millis lookback)
    : program_(std::move(program)) {
  PlanGroups(lookback);
  for (const Signal& signal : program_->signals) {
    Plan(signal, lookback);
  }
  for (size_t i = 0; i < imported_.size(); ++i) {
    for (size_t k = 0; k < imported_[i].size(); ++k) {
      const std::optional<SignalId> signal = program_->groups[i].signals[k];
      if (signal) plans_[signal->index()].settles = imported_[i][k].settles;
    }
  }
  PlanPatterns();
  for (size_t i = 0; i < selectors_.size(); ++i) {
    const SelectorId id(static_cast<uint32_t>(i));
    if (selectors_[i].name.empty()) {
      any_name_.push_back(id);
    } else {
      by_name_[selectors_[i].name].push_back(id);
    }
    history_ = std::max(history_, selectors_[i].history);
  }
}

SelectorId RuleSet::Intern(Selector selector) {
  const std::string key = InternKey(selector);
  const auto found = interned_.find(key);
  if (found != interned_.end()) {
    Millis& history = selectors_[found->second.index()].history;
    history = std::max(history, selector.history);
    return found->second;
  }
  const SelectorId id(static_cast<uint32_t>(selectors_.size()));
  interned_.emplace(key, id);
  selectors_.push_back(std::move(selector));
  return id;
}

SelectorId RuleSet::Add(const Expr& node, Millis history) {
  Selector selector;
  selector.name = RequiredName(node.matchers);
  selector.matchers = node.matchers;
  selector.range = node.range.has_value();
  selector.unwrap = node.unwrap;
  selector.event_labels = node.event_labels;
  selector.history = history;
  const SelectorId id = Intern(std::move(selector));
  nodes_.emplace(&node, id);
  return id;
}

// In the order of evaluation: what a rule reads of later ones, in a circle, counts for nothing.
void RuleSet::PlanGroups(Millis lookback) {
  if (program_->groups.empty()) return;
  prometheus::RuleGroups groups;
  for (const ImportedGroup& group : program_->groups) {
    groups.push_back(group.group);
    imported_.emplace_back(group.group->rules.size());
  }
  written_.emplace(groups);
  for (size_t i = 0; i < groups.size(); ++i) {
    for (size_t k = 0; k < groups[i]->rules.size(); ++k) {
      imported_[i][k] = PlanRule(*groups[i], groups[i]->rules[k], lookback);
    }
  }
}

ImportedRulePlan RuleSet::PlanRule(const prometheus::RuleGroup& group, const prometheus::Rule& rule,
                                   Millis lookback) {
  const Millis sent_once = std::min(lookback, kSentOnce);
  ImportedRulePlan plan, before;
  const auto add = [&](const Expr& expr) {
    const Millis history = promql::HistoryNeeded(expr, lookback) + group.query_offset;
    plan.history = std::max(plan.history, history);
    plan.settles =
        std::max(plan.settles, promql::HistoryNeeded(expr, sent_once) + group.query_offset);
    for (const Expr* node : promql::Selectors(expr)) {
      Add(*node, history);
      const ImportedRulePlan behind = Behind(*node);
      before.history = std::max(before.history, behind.history);
      before.settles = std::max(before.settles, behind.settles);
    }
  };
  add(*rule.expr);
  for (const auto& query : rule.queries) add(*query);
  plan.history += before.history + rule.hold + rule.keep_firing + *group.interval;
  plan.settles += before.settles;
  plan.of_silence = promql::Selectors(*rule.expr).empty() || YieldsOnEmpty(*rule.expr);
  return plan;
}

ImportedRulePlan RuleSet::Behind(const Expr& selector) const {
  ImportedRulePlan behind;
  if (!written_) return behind;
  for (const prometheus::RulePlace& place : written_->WritersOf(selector)) {
    const prometheus::RuleGroup& group = *program_->groups[place.group].group;
    const prometheus::Rule& rule = group.rules[place.rule];
    const ImportedRulePlan& plan = imported_[place.group][place.rule];
    if (plan.history == Millis(0)) continue;  // comes later
    behind.history = std::max(behind.history, plan.history);
    behind.settles = std::max(behind.settles, plan.settles + *group.interval + rule.hold);
  }
  return behind;
}

void RuleSet::Plan(const Signal& signal, Millis lookback) {
  SignalPlan plan;
  auto add_condition = [&](const Condition& condition, bool watched) {
    if (const auto* missing = std::get_if<MissingCondition>(&condition.what)) {
      Selector selector;
      selector.name = missing->metric;
      Matcher name;
      name.name = kMetricName;
      name.value = missing->metric;
      selector.matchers = missing->matchers;
      selector.matchers.push_back(std::move(name));
      selector.presence = true;
      const SelectorId id = Intern(std::move(selector));
      if (watched) {
        plan.selectors.push_back(id);
      }
      return;
    }
    if (std::holds_alternative<PatternCondition>(condition.what)) {
      return;
    }
    const ExprPtr& expr = std::get<ExprPtr>(condition.what);
    const Millis history = promql::HistoryNeeded(*expr, lookback);
    ImportedRulePlan before;
    for (const Expr* node : promql::Selectors(*expr)) {
      const SelectorId id = Add(*node, history);
      if (watched) {
        plan.selectors.push_back(id);
      }
      const ImportedRulePlan behind = Behind(*node);
      before.history = std::max(before.history, behind.history);
      before.settles = std::max(before.settles, behind.settles);
    }
    plan.history = std::max(plan.history, history + before.history);
    plan.settles = std::max(
        plan.settles, promql::HistoryNeeded(*expr, std::min(lookback, kSentOnce)) + before.settles);
    if (watched) {
      plan.yields_on_empty = plan.selectors.empty() || YieldsOnEmpty(*expr);
      std::vector<const Expr*> denominators;
      CollectDenominators(*expr, denominators);
      for (const Expr* node : denominators) {
        plan.denominators.push_back(nodes_.at(node));
      }
    }
  };
  add_condition(signal.when, true);
  if (signal.clear) {
    add_condition(*signal.clear, false);
  }
  SortUnique(plan.selectors);
  SortUnique(plan.denominators);
  plans_.push_back(std::move(plan));
}

// A pattern looks as far back as it is long, and as what it names must have been read for.
void RuleSet::PlanPatterns() {
  for (const SignalId id : PatternOrder(*program_)) {
    const auto& pattern = std::get<PatternCondition>(program_->signal(id).when.what);
    SignalPlan& plan = plans_[id.index()];
    for (const PatternElement& element : pattern.elements) {
      for (const PatternStep& step : element.steps) {
        if (!step.signal) {
          awaited_.try_emplace(step.name, true);
          continue;
        }
        named_by_patterns_.push_back(*step.signal);
        const SignalPlan& before = plans_[step.signal->index()];
        const Signal& named = program_->signal(*step.signal);
        const Millis timers = named.when.hold + named.keep_firing + named.every;
        plan.history = std::max(plan.history, before.history + timers);
        plan.settles = std::max(plan.settles, before.settles + timers);
      }
    }
    plan.history += pattern.bound + pattern.lasts;
    plan.settles += pattern.bound;
  }
}

Millis RuleSet::WarmUp(Millis limit) const {
  Millis longest{0};
  for (size_t i = 0; i < plans_.size(); ++i) {
    const Signal& signal = program_->signals[i];
    Millis needed = plans_[i].history + signal.when.hold + signal.keep_firing + signal.every;
    if (const auto* missing = std::get_if<MissingCondition>(&signal.when.what)) {
      needed += missing->duration;
    }
    longest = std::max(longest, needed);
  }
  return std::min(longest, limit);
}

std::optional<SelectorId> RuleSet::Find(const Expr& selector) const {
  const auto found = nodes_.find(&selector);
  return found == nodes_.end() ? std::nullopt : std::optional(found->second);
}

bool RuleSet::Sees(std::string_view name) const {
  return Awaits(name) || !any_name_.empty() || by_name_.find(name) != by_name_.end();
}

template <typename Item>
std::vector<SelectorId> RuleSet::MatchName(std::string_view name, const Item& item) const {
  std::vector<SelectorId> out;
  auto add = [&](const std::vector<SelectorId>& candidates) {
    for (const SelectorId id : candidates) {
      if (selector(id).Matches(item)) {
        out.push_back(id);
      }
    }
  };
  if (const auto found = by_name_.find(name); found != by_name_.end()) {
    add(found->second);
  }
  add(any_name_);
  std::sort(out.begin(), out.end());
  return out;
}

std::vector<SelectorId> RuleSet::Match(const Labels& labels) const {
  return MatchName(labels.metric(), labels);
}

std::vector<SelectorId> RuleSet::Match(const Event& event) const {
  return MatchName(event.name, event);
}

}  // namespace rootnote
