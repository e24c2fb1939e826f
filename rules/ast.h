// The syntax tree of rule files, as the parser leaves it: names still words, every part with its
// span. Values only; expressions are owned by unique_ptr. Grammar: docs/rule-language.md.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "rules/promql/ast.h"
#include "rules/source.h"
#include "schemas/base/time.h"

namespace rootnote::ast {

struct Name {
  std::string text;
  Span span;
};

// A duration, with its place.
struct Time {
  Millis value{0};
  Span span;
};

struct Number {
  double value = 0;
  bool percent = false;  // written as N%; value is then N/100
  Span span;
};

struct MatcherNode {
  promql::Matcher matcher;
  Span span;
};

struct Kind {
  Name name;
  std::vector<Name> identity, aliases;
  Span span;
  bool broken = false;  // an error inside was reported; only the name counts
};

struct Carries {
  Name from;
  std::optional<Name> to;  // `as`
};

struct Tolerates {
  enum class Type : uint8_t { kCount, kAllBut, kPercent } type = Type::kCount;
  Number amount;
  std::vector<Name> families;
};

struct Relation {
  Name name;
  std::vector<Name> from_kinds, to_kinds;
  std::vector<std::pair<Name, Name>> from_labels, to_labels;  // id label = label of the sample
  std::vector<Carries> carries;
  std::vector<Tolerates> tolerates;
  std::optional<Time> within;
  Span span;
  bool broken = false;  // an error inside was reported; only the name counts
};

struct Missing {
  Name metric;
  std::vector<MatcherNode> matchers;
  std::optional<Time> hold;
  bool expected = false;
  std::vector<MatcherNode> where;
  std::optional<Time> seen_within;
};

// `e.version == d.version`, `env = "prod"`: an operand is a path of names, a text or a number.
struct FilterOperand {
  std::variant<std::vector<Name>, std::string, double> what;
  Span span;
};
struct Filter {
  FilterOperand left, right;
  std::string op;  // == != =~ !~ < <= > >=
};

// One step of a pattern: what must happen, and how often.
struct PatternStep {
  enum class What : uint8_t { kAny, kEvent, kSignal } what = What::kAny;
  Name name;
  std::vector<MatcherNode> matchers;
  std::optional<Name> alias;
  std::vector<Filter> where;
  std::vector<Name> by;
  std::optional<uint32_t> times;  // N times within D, N of last M
  std::optional<uint32_t> of_last;
  std::optional<Time> within;
  Span span;
};

struct PatternGroup {
  enum class Type : uint8_t { kAll, kAny, kSome } type = Type::kAll;
  uint32_t some = 0;  // N of (…)
  std::vector<PatternStep> steps;
  std::optional<Time> within;
  Span span;
};

struct PatternLink {
  bool immediately = false;
  bool negated = false;  // then no X for D
  std::variant<PatternStep, PatternGroup> what;
  std::optional<Time> absent_for;
};

struct Pattern {
  std::variant<PatternStep, PatternGroup> first;
  std::vector<PatternLink> then;
  std::optional<Time> resolve_after;
  Span span;
};

struct Condition {
  std::variant<std::monostate, std::unique_ptr<promql::Expr>, Missing, Pattern> what;
  std::optional<Time> hold;  // `for`
  Span span;
};

struct Text {
  std::string text;
  Span span;
};

// An alert of an imported rule file: what it is about, and its expression, which was checked there.
struct ImportedAlert {
  std::shared_ptr<const promql::Expr> expr;
  std::string target;
  std::vector<std::pair<std::string, std::string>> identity_from;
};

struct Signal {
  Name name;
  bool on_relation = false;
  Name on;
  Condition when;
  std::optional<Condition> clear;
  std::optional<Time> keep_firing, every;
  std::optional<Name> no_data, family, severity, match;  // match: once | every | no overlap
  std::vector<Name> by;
  std::vector<std::pair<Name, Text>> labels;
  std::optional<Number> limit;
  std::optional<Text> summary, description, runbook, owner;
  std::optional<ImportedAlert> imported;  // then `when` has no more than its `for`
  Span span;
  bool broken = false;  // an error inside was reported; only the name counts
};

struct Effect {
  Name name;  // a signal, or a family when `kind` is set
  std::optional<Name> kind;
};

struct Causes {
  std::vector<Effect> effects;
  std::vector<Name> over;
  std::optional<Time> within;
};

struct SeverityChoice {
  Name severity;
  std::optional<Name> kind;  // when impact has KIND
};

struct Fault {
  Name name, on;
  enum class Shows : uint8_t { kNothing, kAny, kAll } shows = Shows::kNothing;
  std::vector<Name> shown_by;
  std::vector<Causes> causes;
  std::vector<SeverityChoice> severity;
  std::optional<Text> title, summary, runbook, owner;
  Span span;
  bool broken = false;  // an error inside was reported; only the name counts
};

struct Route {
  std::optional<Name> severity_at_least;
  std::vector<MatcherNode> matchers;
  Text topic;
  std::optional<Name> projection;
  Span span;
};

struct Flapping {
  uint32_t changes = 0;
  Time in, quiet;
  Span span;
};

struct Incidents {
  std::optional<Time> hold_back, merge, reopen, remind, resolve_after;
  std::optional<Flapping> flapping;
  std::vector<Route> routes;
  bool tolerated_open_info = false;
  Span span;
};

// `disk:a1/d7` as it was written, in its canonical spelling.
struct Entity {
  std::string name;
  Span span;
};

struct LocalTime {
  int32_t year = 0, month = 0, day = 0;  // 0: a time of day only
  int32_t minute_of_day = 0;
  Span span;
};

struct Maintenance {
  Text name;
  std::vector<Entity> entities;
  std::optional<Name> kind;
  std::vector<MatcherNode> where;
  enum class Reach : uint8_t { kItself, kAllAbove, kAllBelow } reach = Reach::kItself;
  bool recurring = false;
  std::vector<uint8_t> weekdays;
  uint32_t weeks = 1;
  Span weeks_span;
  std::optional<LocalTime> starting, until;
  std::vector<int32_t> month_days, nth;
  std::vector<LocalTime> except;
  LocalTime from, to;
  std::optional<Name> zone;
  std::optional<Text> owner;
  Span span;
};

// Entities of one place in a chain, with the relation that leads to it from the place before.
struct TopologyLink {
  struct Item {
    Entity entity;
    std::vector<std::pair<Name, Text>> labels;
  };
  std::vector<Item> items;
  std::optional<Name> relation;  // `<-(relation)-` before it
  Span arrow;
};

// disk:a1/d7, disk:a1/d8 <- array:a1: each entity depends on those of the link before it.
struct TopologyLine {
  std::optional<Time> at;
  bool deleted = false;
  std::vector<TopologyLink> chain;
};

struct Series {
  bool event = false;
  Name name;
  std::vector<std::pair<Name, Text>> labels, attributes;
  std::string message;
  std::vector<std::optional<double>> values;
  std::optional<Time> every;
  std::vector<Time> at;  // events
  std::optional<Time> from, to;
  Span span;
};

struct IncidentPattern {
  struct Impact {
    Entity entity;
    std::vector<Name> by;
    std::optional<bool> potential;
  };
  std::optional<Entity> root;
  std::optional<Name> fault, severity, status, reason;
  std::vector<Impact> impact;
  std::vector<Entity> not_impact, causes;
  std::vector<Name> ruled_out;
  std::optional<Text> maintenance;
};

struct Expectation {
  bool never = false;
  std::optional<Time> at;
  enum class What : uint8_t { kNoIncident, kIncidents, kSignal } what = What::kNoIncident;
  uint32_t count = 1;
  std::vector<IncidentPattern> patterns;
  Name signal, state;
  Entity entity;
  Span span;
};

struct Test {
  Text name;
  std::optional<std::pair<EventTime, Span>> start;
  std::vector<TopologyLine> topology;
  std::vector<Series> series;
  std::vector<Expectation> expectations;
  Span span;
};

struct Use {
  Text path;
  Span span;
};

struct Def {
  Name name;
  std::vector<Name> parameters;
  std::unique_ptr<promql::Expr> body;
  Span span;
};

struct File;

struct TemplateRule {  // template slo(service, objective) { … }
  Name name;
  std::vector<Name> parameters;
  std::unique_ptr<File> body;
  Span span;
};

struct Instantiation {  // slo("dns", 99.9%)
  Name name;
  std::vector<std::variant<Name, Text, Number>> arguments;
  Span span;
};

struct Import {
  Name format;
  Text path;
  std::vector<std::pair<Name, Name>> mapping;  // kind from label
  Span span;
};

struct File {
  uint32_t source = 0;
  std::vector<Kind> kinds;
  std::vector<Relation> relations;
  std::vector<Signal> signals;
  std::vector<Fault> faults;
  std::vector<Incidents> incidents;
  std::vector<Maintenance> maintenance;
  std::vector<Test> tests;
  std::vector<Use> uses;
  std::vector<Def> defs;
  std::vector<TemplateRule> templates;
  std::vector<Instantiation> instantiations;
  std::vector<Import> imports;
};

}  // namespace rootnote::ast
