#include "rules/program_text.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <string_view>

#include "fmt/core.h"

#include "rules/prometheus/rule_file.h"
#include "rules/token_reader.h"
#include "rules/unquote.h"
#include "schemas/schema.h"

namespace rootnote {
namespace {

std::string Join(const std::vector<std::string>& words) {
  std::string text;
  for (const std::string& word : words) text += (text.empty() ? "" : ", ") + word;
  return text;
}

// The shortest text that reads back as the same number.
std::string NumberText(double value) {
  std::array<char, 32> buffer{};
  const auto [end, error] = std::to_chars(buffer.data(), buffer.data() + buffer.size(), value);
  return error == std::errc() ? std::string(buffer.data(), end) : "NaN";
}

std::string KindsText(const Program& program, const std::vector<KindId>& kinds) {
  std::vector<std::string> names;
  for (const KindId id : kinds) names.push_back(program.kind(id).name);
  return Join(names);
}

std::string FamiliesText(const std::vector<Family>& families) {
  std::vector<std::string> names;
  for (const Family family : families) names.emplace_back(Name(family));
  return Join(names);
}

std::string MatcherText(const promql::Matcher& matcher) {
  static constexpr std::array<std::string_view, 4> kOps = {"=", "!=", "=~", "!~"};
  return fmt::format("{}{}{}", matcher.name, kOps[static_cast<size_t>(matcher.op)],
                     Quote(matcher.value));
}

std::string MatchersText(const std::vector<promql::Matcher>& matchers) {
  std::string text;
  for (const promql::Matcher& matcher : matchers) {
    text += (text.empty() ? "" : ", ") + MatcherText(matcher);
  }
  return text;
}

// As it is written in a rule file: parts with other characters in quotes.
std::string EntityText(std::string_view entity) {
  const size_t colon = entity.find(':');
  if (colon == std::string_view::npos) return std::string(entity);
  std::string text(entity.substr(0, colon));
  char separator = ':';
  std::string_view rest = entity.substr(colon + 1);
  while (true) {
    const size_t slash = rest.find('/');
    const std::string_view part = rest.substr(0, slash);
    const bool plain = !part.empty() && std::all_of(part.begin(), part.end(), IsEntityChar);
    text += separator + (plain ? std::string(part) : Quote(DecodeIdPart(part)));
    if (slash == std::string_view::npos) return text;
    rest.remove_prefix(slash + 1);
    separator = '/';
  }
}

std::string EntitiesText(const std::vector<std::string>& entities) {
  std::vector<std::string> texts;
  for (const std::string& entity : entities) texts.push_back(EntityText(entity));
  return Join(texts);
}

std::string LabelsText(const Labels& labels) {
  std::string text;
  for (const Label& label : labels.ToVector()) {
    if (label.first == kMetricName) continue;
    text += fmt::format("{}{}={}", text.empty() ? "" : ", ", label.first,
                        Quote(std::string(label.second)));
  }
  return text.empty() ? "" : "{" + text + "}";
}

std::string TemplateText(const Template& text) {
  std::string joined;
  for (const Template::Piece& piece : text.pieces) {
    if (piece.reference) {
      joined += "{" + piece.text + "}";
      continue;
    }
    for (const char c : piece.text) {
      joined += c;
      if (c == '{' || c == '}') joined += c;
    }
  }
  return Quote(joined);
}

std::string TextOf(const Kind& kind) {
  std::string text = fmt::format("kind {} {{ id {} }}", kind.name, Join(kind.identity));
  if (!kind.aliases.empty()) text += " alias " + Join(kind.aliases);
  return text + "\n";
}

std::string EndText(std::string_view word,
                    const std::vector<std::pair<std::string, std::string>>& labels) {
  if (labels.empty()) return "";
  std::vector<std::string> pairs;
  for (const auto& [id, label] : labels) pairs.push_back(id + "=" + label);
  return fmt::format(" {} {{ {} }}", word, Join(pairs));
}

std::string TextOf(const Program& program, const Relation& relation) {
  std::string text =
      fmt::format("relation {} : {} -> {}", relation.name, KindsText(program, relation.from_kinds),
                  KindsText(program, relation.to_kinds));
  text += EndText("from", relation.from_labels) + EndText("to", relation.to_labels);
  std::vector<std::string> carries;
  for (const CarriedFamily& family : relation.carries) {
    carries.push_back(family.from == family.to
                          ? std::string(Name(family.from))
                          : fmt::format("{} as {}", Name(family.from), Name(family.to)));
  }
  if (!carries.empty()) text += " carries " + Join(carries);
  if (relation.within) text += " within " + FormatDuration(*relation.within);
  for (const Tolerance& tolerance : relation.tolerances) {
    text += fmt::format(" tolerates {}{}{}",
                        tolerance.type == Tolerance::Type::kAllBut ? "all but " : "",
                        tolerance.amount, tolerance.type == Tolerance::Type::kPercent ? "%" : "");
    if (!tolerance.families.empty()) text += " " + FamiliesText(tolerance.families);
  }
  return text + "\n";
}

std::string OperandText(const PatternStep::Operand& operand,
                        const std::vector<std::string>& aliases) {
  using Type = PatternStep::Operand::Type;
  switch (operand.type) {
    case Type::kText:
      return Quote(operand.text);
    case Type::kNumber:
      return NumberText(operand.number);
    case Type::kOwn:
      return operand.text;
    case Type::kAlias:
      break;
  }
  return aliases[operand.alias] + "." + operand.text;
}

std::string StepText(const PatternStep& step, const std::vector<std::string>& aliases) {
  static constexpr std::array<std::string_view, 6> kOps = {"==", "!=", "<", "<=", ">", ">="};
  std::string text = (step.signal ? "signal " : "event ") + step.name;
  if (!step.matchers.empty()) text += "{" + MatchersText(step.matchers) + "}";
  if (step.alias) text += " as " + aliases[*step.alias];
  for (size_t i = 0; i < step.where.size(); ++i) {
    const PatternStep::Filter& filter = step.where[i];
    const bool regex = filter.op == PatternStep::Filter::Op::kMatch;
    const std::string_view op = !regex ? kOps[static_cast<size_t>(filter.op)]
                                : filter.matcher.op == promql::MatchOp::kRegex ? "=~"
                                                                               : "!~";
    text += fmt::format("{}{} {} {}", i == 0 ? " where " : " and ",
                        OperandText(filter.left, aliases), op, OperandText(filter.right, aliases));
  }
  if (!step.by.empty()) text += " by (" + Join(step.by) + ")";
  if (step.of_last > 0) return text + fmt::format(" {} of last {}", step.times, step.of_last);
  return step.times > 1 ? text + fmt::format(" {} times", step.times) : text;
}

std::string PatternText(const PatternCondition& pattern) {
  std::string text;
  for (const PatternElement& element : pattern.elements) {
    if (!text.empty()) text += " then ";
    if (element.immediately) text += "immediately ";
    if (element.negated) text += "no ";
    std::vector<std::string> steps;
    for (const PatternStep& step : element.steps) {
      steps.push_back(StepText(step, pattern.aliases));
    }
    text += element.group ? fmt::format("{} of ({})", element.needed, Join(steps)) : steps.front();
    if (element.within > Millis(0)) {
      text += (element.negated ? " for " : " within ") + FormatDuration(element.within);
    }
  }
  if (pattern.resolve_after) text += " resolve after " + FormatDuration(*pattern.resolve_after);
  return text;
}

std::string ConditionText(const Condition& condition) {
  if (const auto* pattern = std::get_if<PatternCondition>(&condition.what)) {
    std::string text = PatternText(*pattern);
    if (condition.hold > Millis(0)) text += " for " + FormatDuration(condition.hold);
    return text;
  }
  if (const auto* missing = std::get_if<MissingCondition>(&condition.what)) {
    std::string text = "missing " + missing->metric;
    if (!missing->matchers.empty()) text += "{" + MatchersText(missing->matchers) + "}";
    text += " for " + FormatDuration(missing->duration);
    if (missing->expected) text += " expected";
    if (!missing->where.empty()) text += " where " + MatchersText(missing->where);
    return text + " seen within " + FormatDuration(missing->seen_within);
  }
  std::string text = promql::ToString(*std::get<ExprPtr>(condition.what));
  if (condition.hold > Millis(0)) text += " for " + FormatDuration(condition.hold);
  return text;
}

std::string_view NoDataText(NoDataPolicy policy) {
  switch (policy) {
    case NoDataPolicy::kResolve:
      return "resolve";
    case NoDataPolicy::kHold:
      return "hold";
    case NoDataPolicy::kRaise:
      return "raise";
  }
  return "resolve";
}

std::string ClauseLine(std::string_view word, std::string_view value) {
  return value.empty() ? "" : fmt::format("  {} {}\n", word, value);
}

// The clauses that decide when a signal is true.
std::string MeaningClauses(const Signal& signal) {
  std::string text = ClauseLine("when", ConditionText(signal.when));
  if (signal.clear) text += ClauseLine("clear", ConditionText(*signal.clear));
  if (signal.keep_firing > Millis(0)) {
    text += ClauseLine("keep firing for", FormatDuration(signal.keep_firing));
  }
  text += ClauseLine("no data", NoDataText(signal.no_data));
  text += ClauseLine("by", Join(signal.by));
  if (const auto* pattern = std::get_if<PatternCondition>(&signal.when.what)) {
    if (pattern->policy == MatchPolicy::kEvery) text += ClauseLine("match", "every");
    if (pattern->policy == MatchPolicy::kNoOverlap) text += ClauseLine("match", "no overlap");
  }
  text += ClauseLine("every", FormatDuration(signal.every));
  text += ClauseLine("family", Name(signal.family));
  if (signal.series_max > 0) text += fmt::format("  limit {} series\n", signal.series_max);
  if (signal.imported) {
    text += "  # about " + signal.imported->target;
    for (const auto& [part, label] : signal.imported->identity_from) {
      text += fmt::format(" {}={}", part, label);
    }
    text += '\n';
  }
  return text;
}

// In comments, since the language has no words for it: it counts for the program's version.
std::string TextOf(const ImportedGroup& group) {
  std::string text = "# ";
  for (const char c : prometheus::ToString(*group.group)) {
    text += c;
    if (c == '\n') text += "# ";
  }
  return text + "\n";
}

std::string OnText(const Program& program, const Signal& signal) {
  if (signal.kind) return program.kind(*signal.kind).name;
  return signal.relation ? "relation " + program.relation(*signal.relation).name : "";
}

std::string TextOf(const Program& program, const Signal& signal) {
  std::string text = fmt::format("signal {} on {} {{\n", signal.name, OnText(program, signal));
  text += MeaningClauses(signal);
  text += ClauseLine("severity", Name(signal.severity));
  std::vector<std::string> labels;
  for (const auto& [name, value] : signal.labels) labels.push_back(name + "=" + Quote(value));
  if (!labels.empty()) text += fmt::format("  labels {{{}}}\n", Join(labels));
  if (!signal.summary.empty()) text += ClauseLine("summary", TemplateText(signal.summary));
  if (!signal.description.empty()) {
    text += ClauseLine("description", TemplateText(signal.description));
  }
  if (!signal.runbook.empty()) text += ClauseLine("runbook", Quote(signal.runbook));
  if (!signal.owner.empty()) text += ClauseLine("owner", Quote(signal.owner));
  return text + "}\n";
}

std::string EffectText(const Program& program, const Effect& effect) {
  std::string text = effect.signal ? program.signal(*effect.signal).name
                                   : fmt::format("{} on {}", Name(effect.family_on->first),
                                                 program.kind(effect.family_on->second).name);
  std::string over;
  for (const RelationId id : effect.over) {
    over += (over.empty() ? "" : " or ") + program.relation(id).name;
  }
  if (!over.empty()) text += " over " + over;
  if (effect.within) text += " within " + FormatDuration(*effect.within);
  return text;
}

std::string FaultMeaning(const Program& program, const Fault& fault) {
  std::string text;
  if (fault.shows != Fault::Shows::kNothing) {
    std::vector<std::string> names;
    for (const SignalId id : fault.shown_by) names.push_back(program.signal(id).name);
    text += fmt::format("  shows {} of ({})\n", fault.shows == Fault::Shows::kAll ? "all" : "any",
                        Join(names));
  }
  for (const Effect& effect : fault.causes) {
    text += ClauseLine("causes", EffectText(program, effect));
  }
  return text;
}

std::string TextOf(const Program& program, const Fault& fault) {
  std::string text = fmt::format("fault {} on {} {{\n", fault.name, program.kind(fault.kind).name);
  text += FaultMeaning(program, fault);
  if (!fault.title.empty()) text += ClauseLine("title", TemplateText(fault.title));
  if (!fault.summary.empty()) text += ClauseLine("summary", TemplateText(fault.summary));
  std::vector<std::string> choices;
  for (const SeverityRule& rule : fault.severity) {
    choices.push_back(
        rule.when_impact_has
            ? fmt::format("{} when impact has {}", Name(rule.severity),
                          program.kind(*rule.when_impact_has).name)
            : fmt::format("{}{}", choices.empty() ? "" : "else ", Name(rule.severity)));
  }
  text += ClauseLine("severity", Join(choices));
  if (!fault.runbook.empty()) text += ClauseLine("runbook", Quote(fault.runbook));
  if (!fault.owner.empty()) text += ClauseLine("owner", Quote(fault.owner));
  return text + "}\n";
}

std::string TextOf(const IncidentPolicy& policy) {
  std::string text = "incidents {\n";
  text += ClauseLine("hold back", FormatDuration(policy.hold_back));
  text += ClauseLine("reopen within", FormatDuration(policy.reopen_within));
  text += ClauseLine("resolve after", FormatDuration(policy.resolve_after));
  text += ClauseLine("remind every", FormatDuration(policy.remind_every));
  if (policy.flapping) {
    text += fmt::format("  flapping after {} changes in {} until quiet for {}\n",
                        policy.flapping->changes, FormatDuration(policy.flapping->in),
                        FormatDuration(policy.flapping->quiet));
  }
  if (policy.tolerated_open_info) text += "  tolerated open info\n";
  for (const Route& route : policy.routes) {
    std::string when = route.severity_at_least
                           ? fmt::format("severity >= {} ", Name(*route.severity_at_least))
                           : "";
    for (const promql::Matcher& matcher : route.matchers) when += MatcherText(matcher) + " ";
    text += fmt::format("  route {}to topic {}{}\n", when, Quote(route.topic),
                        route.projection.empty() ? "" : " as " + route.projection);
  }
  return text + "}\n";
}

std::string LocalText(const Maintenance::Local& time) {
  const std::string clock =
      fmt::format("{:02}:{:02}", time.minute_of_day / 60, time.minute_of_day % 60);
  if (time.year == 0) return clock;
  return fmt::format("{:04}-{:02}-{:02} {}", time.year, time.month, time.day, clock);
}

std::string DateText(const Maintenance::Local& date) {
  return fmt::format("{:04}-{:02}-{:02}", date.year, date.month, date.day);
}

// `days` as they are named, with what else decides the date.
std::string RecurrenceText(const Maintenance& window, const std::string& days) {
  static constexpr std::array<std::string_view, 5> kOrdinals = {"first", "second", "third",
                                                                "fourth", "fifth"};
  std::vector<std::string> words;
  if (!window.month_days.empty()) {
    for (const int32_t day : window.month_days) {
      words.push_back(day < 0 ? "last" : fmt::format("{}", day));
    }
    return "month on day " + Join(words);
  }
  if (!window.nth.empty()) {
    for (const int32_t nth : window.nth) {
      words.emplace_back(nth < 0 ? "last" : kOrdinals[static_cast<size_t>(nth - 1) % 5]);
    }
    return Join(words) + " " + days + " of the month";
  }
  return window.weeks > 1 ? fmt::format("{} weeks on {}", window.weeks, days) : days;
}

std::string TextOf(const Program& program, const Maintenance& window) {
  static constexpr std::array<std::string_view, 7> kDays = {
      "sunday", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday"};
  std::string text = fmt::format("maintenance {} on ", Quote(window.name));
  text += window.kind ? program.kind(*window.kind).name : EntitiesText(window.entities);
  if (!window.where.empty()) text += " where " + MatchersText(window.where);
  if (window.reach == Maintenance::Reach::kAllAbove) text += " and all above";
  if (window.reach == Maintenance::Reach::kAllBelow) text += " and all below";
  if (window.recurring) {
    std::vector<std::string> days;
    for (const uint8_t day : window.weekdays) days.emplace_back(kDays[day % kDays.size()]);
    text += " every " + RecurrenceText(window, days.empty() ? std::string("day") : Join(days));
  } else {
    text += " from";
  }
  text += fmt::format(" {} to {} in {}", LocalText(window.from), LocalText(window.to), window.zone);
  if (window.starting.year != 0) text += " starting " + DateText(window.starting);
  if (window.until.year != 0) text += " until " + DateText(window.until);
  for (size_t i = 0; i < window.except.size(); ++i) {
    text += (i == 0 ? " except " : ", ") + DateText(window.except[i]);
  }
  if (!window.owner.empty()) text += " owner " + Quote(window.owner);
  return text + "\n";
}

std::string TextOf(const Test::Change& change) {
  std::string text = "    ";
  if (change.dated) {
    text += fmt::format("at {}: {} ", FormatDuration(change.at), change.deleted ? "delete" : "add");
  }
  text += change.relation.empty() ? EntityText(change.entity)
                                  : fmt::format("{} <-({})- {}", EntityText(change.to),
                                                change.relation, EntityText(change.from));
  const std::string labels = LabelsText(change.labels);
  return text + (labels.empty() ? "" : " " + labels) + "\n";
}

std::string TextOf(const TestSeries& series) {
  std::string text = fmt::format("  {} {}{}", series.event ? "event" : "series", series.name,
                                 LabelsText(series.labels));
  if (series.event) {
    text += LabelsText(series.attributes).empty() ? "" : " " + LabelsText(series.attributes);
    if (!series.message.empty()) text += " " + Quote(series.message);
    if (series.values.size() == 1) return text + " at " + FormatDuration(series.start) + "\n";
    const Millis end = series.start + series.step * static_cast<int64_t>(series.values.size() - 1);
    return fmt::format("{} every {} from {} to {}\n", text, FormatDuration(series.step),
                       FormatDuration(series.start), FormatDuration(end));
  }
  for (size_t i = 0; i < series.values.size();) {
    size_t same = 1;
    const std::optional<double>& value = series.values[i];
    while (i + same < series.values.size() && series.values[i + same] == value) ++same;
    const bool stale = value && IsStaleNan(*value);
    const std::string word = stale ? "stale" : value ? NumberText(*value) : "_";
    // `5x2` is three fives, `_x2` are two gaps.
    text += same == 1 ? " " + word : fmt::format(" {}x{}", word, value ? same - 1 : same);
    i += same;
  }
  text += " every " + FormatDuration(series.step);
  if (series.start > Millis(0)) text += " from " + FormatDuration(series.start);
  return text + "\n";
}

std::string TextOf(const TestExpectation::Pattern& pattern) {
  std::string text = " {";
  const auto add = [&](std::string_view word, const std::string& value) {
    if (!value.empty()) text += fmt::format(" {} {} ", word, value);
  };
  add("root", pattern.root.empty() ? "" : EntityText(pattern.root));
  add("fault", pattern.fault);
  for (const auto& impact : pattern.impact) {
    std::string words = EntityText(impact.entity);
    if (!impact.by.empty()) words += " by " + Join(impact.by);
    if (impact.potential) words += *impact.potential ? " potential" : " actual";
    add("impact", words);
  }
  add("not impact", EntitiesText(pattern.not_impact));
  add("causes", EntitiesText(pattern.causes));
  add("ruled out", Join(pattern.ruled_out));
  add("severity", pattern.severity);
  add("status", pattern.status);
  add("maintenance", pattern.maintenance.empty() ? "" : Quote(pattern.maintenance));
  if (pattern.reason) add("reason", *pattern.reason);
  return text + "}";
}

std::string TextOf(const TestExpectation& expectation) {
  std::string text = "  expect ";
  if (expectation.what == TestExpectation::What::kSignal) {
    return fmt::format("{}at {} signal {} on {} {}\n", text, FormatDuration(expectation.at),
                       expectation.signal, EntityText(expectation.entity), expectation.state);
  }
  const bool never = expectation.when == TestExpectation::When::kNever;
  text += never ? "never " : fmt::format("at {} ", FormatDuration(expectation.at));
  if (expectation.what == TestExpectation::What::kNoIncident) return text + "no incident\n";
  text += never ? "incident" : fmt::format("{} incidents", expectation.count);
  if (!expectation.more.empty()) {
    for (const TestExpectation::Pattern& pattern : expectation.more) text += TextOf(pattern);
  } else {
    text += TextOf(expectation.pattern);
  }
  return text + "\n";
}

std::string TextOf(const Test& test) {
  std::string text = fmt::format("test {} {{\n", Quote(test.name));
  if (test.start) text += ClauseLine("start", FormatRfc3339(*test.start));
  if (!test.topology.empty()) {
    text += "  topology {\n";
    for (const Test::Change& change : test.topology) text += TextOf(change);
    text += "  }\n";
  }
  for (const TestSeries& series : test.series) text += TextOf(series);
  for (const TestExpectation& expectation : test.expectations) text += TextOf(expectation);
  return text + "}\n";
}

}  // namespace

std::string DeclarationsText(const Program& program) {
  std::string text;
  for (const Kind& kind : program.kinds) text += TextOf(kind);
  for (const Relation& relation : program.relations) text += TextOf(program, relation);
  for (const Signal& signal : program.signals) text += TextOf(program, signal);
  for (const ImportedGroup& group : program.groups) text += TextOf(group);
  for (const Fault& fault : program.faults) text += TextOf(program, fault);
  text += TextOf(program.incidents);
  for (const Maintenance& window : program.maintenance) text += TextOf(program, window);
  return text;
}

std::string MeaningOf(const Program& program, const Signal& signal) {
  std::string text = fmt::format("signal {}\n", signal.name);
  if (signal.kind) {
    text += TextOf(program.kind(*signal.kind));
  } else if (signal.relation) {
    const Relation& relation = program.relation(*signal.relation);
    for (const auto* ends : {&relation.from_kinds, &relation.to_kinds}) {
      for (const KindId id : *ends) text += TextOf(program.kind(id));
    }
    text += EndText("from", relation.from_labels) + EndText("to", relation.to_labels) + "\n";
  }
  return text + MeaningClauses(signal);
}

std::string MeaningOf(const Program& program, const Fault& fault) {
  std::string text = fmt::format("fault {}\n", fault.name) + TextOf(program.kind(fault.kind));
  text += FaultMeaning(program, fault);
  for (const SignalId id : fault.shown_by) text += MeaningOf(program, program.signal(id));
  for (const Effect& effect : fault.causes) {
    if (effect.signal) text += MeaningOf(program, program.signal(*effect.signal));
    for (const RelationId id : effect.over) text += TextOf(program, program.relation(id));
  }
  return text;
}

std::string ToString(const Program& program) {
  std::string text = DeclarationsText(program);
  for (const Test& test : program.tests) text += TextOf(test);
  return text;
}

}  // namespace rootnote
