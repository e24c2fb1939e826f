// Checked rules, ready to run: what the engine executes. Immutable, shared by all threads,
// printable, hashable per declaration (a reload keeps the state of what hashes the same). Names are
// resolved to dense indexes into the vectors below; the order is the order of declaration.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "rules/promql/ast.h"
#include "rules/source.h"
#include "schemas/base/strong_id.h"
#include "schemas/base/time.h"
#include "schemas/incident.h"
#include "schemas/labels.h"

namespace rootnote {

using KindId = StrongId<struct KindTag, uint16_t>;
using RelationId = StrongId<struct RelationTag, uint16_t>;
using SignalId = StrongId<struct SignalTag>;
using FaultId = StrongId<struct FaultTag>;

// Where a declaration stands, for messages and /api.
struct Place {
  uint32_t source = 0;  // index into Program::sources
  Span span;
};

// kind disk { id array, disk }: the parts of an entity's id and the labels they are read from.
struct Kind {
  std::string name;
  std::vector<std::string> identity;  // label names, in id order
  std::vector<std::string> aliases;   // labels whose value is another name of the entity
  Place place;
};

struct CarriedFamily {
  Family from = Family::kErrors;  // on the entity depended on
  Family to = Family::kErrors;    // what it becomes on the depending one
};

struct Tolerance {
  enum class Type : uint8_t { kCount, kAllBut, kPercent } type = Type::kCount;
  uint32_t amount = 0;
  std::vector<Family> families;  // empty: all that is carried
};

// relation runs_on : app -> vm: A depends on B; failure flows from B to A.
struct Relation {
  std::string name;
  std::vector<KindId> from_kinds, to_kinds;
  std::vector<CarriedFamily> carries;
  std::vector<Tolerance> tolerances;
  std::optional<Millis> within;  // lag bound: how long until the dependant must show it
  // `from { app=caller }`: (identity label, label of the sample) of each end
  std::vector<std::pair<std::string, std::string>> from_labels, to_labels;
  Place place;
};

using ExprPtr = std::shared_ptr<const promql::Expr>;

namespace prometheus {
struct RuleGroup;
}

// when missing heartbeat for 90s expected where monitored="true"
struct MissingCondition {
  std::string metric;  // a metric or an event
  std::vector<promql::Matcher> matchers;
  Millis duration{0};
  bool expected = false;               // also entities of the map that never sent it
  std::vector<promql::Matcher> where;  // on the entity's labels
  Millis seen_within{86'400'000};
};

// What one step of a pattern waits for: an event, or a signal that begins to fire.
struct PatternStep {
  // Of a filter: a text, a number, an attribute of the item itself, or of an earlier step's.
  struct Operand {
    enum class Type : uint8_t { kText, kNumber, kOwn, kAlias } type = Type::kText;
    std::string text;  // the text, or the attribute's name
    double number = 0;
    size_t alias = 0;  // kAlias: index into PatternCondition::aliases
  };
  struct Filter {
    enum class Op : uint8_t {
      kEqual,
      kNotEqual,
      kLess,
      kLessEqual,
      kGreater,
      kGreaterEqual,
      kMatch
    };
    Operand left, right;
    Op op = Op::kEqual;
    promql::Matcher matcher;  // kMatch: the right side
  };

  std::string name;                // of the event or signal
  std::optional<SignalId> signal;  // absent: an event
  std::vector<promql::Matcher> matchers;
  std::vector<Filter> where;
  std::vector<std::string> by;  // the labels that name the key here; empty: as the key names them
  std::optional<size_t> alias;
  uint32_t times = 1;
  uint32_t of_last = 0;  // N of last M: M; 0: N times
};

// One step, several in any order, or one that must not come.
struct PatternElement {
  std::vector<PatternStep> steps;  // one, but for groups
  uint32_t needed = 1;             // how many of a group's steps
  bool group = false;
  bool immediately = false;
  bool negated = false;
  // Since the element before (of the first one: how far its items may be apart); of a negated one:
  // how long nothing may come.
  Millis within{0};
};

// What a pattern does once it has matched.
enum class MatchPolicy : uint8_t { kOnce, kEvery, kNoOverlap };

struct PatternCondition {
  std::vector<PatternElement> elements;
  std::vector<std::string> aliases;
  MatchPolicy policy = MatchPolicy::kOnce;
  std::optional<Millis> resolve_after;
  Millis lasts{0};  // a match of events alone, after its completion
  Millis bound{0};  // from the first item to the completion, at most
};

struct Condition {
  std::variant<ExprPtr, MissingCondition, PatternCondition> what;
  Millis hold{0};  // `for`
  // A comparison with a constant at the top: its right side, for evidence; and its direction.
  std::optional<double> threshold;
  enum class Direction : uint8_t { kNone, kAbove, kBelow } direction = Direction::kNone;
};

enum class NoDataPolicy : uint8_t { kResolve, kHold, kRaise };

// "{disk}: {value} write errors/s" in pieces: literal text and references in turn.
struct Template {
  struct Piece {
    bool reference = false;
    std::string text;  // the literal, or the reference's path: "disk", "value", "impact.apps"
  };
  std::vector<Piece> pieces;
  bool empty() const { return pieces.empty(); }
};

// Of a signal that is an alert of Prometheus. Its group decides when it is pending and firing.
struct ImportedAlert {
  // What it is about when the alert's labels name nothing else: "alert_target:NAME".
  std::string target;
  // The parts of the kind's identity, and the labels of the alert that they are read from. Empty:
  // it is always about its target.
  std::vector<std::pair<std::string, std::string>> identity_from;
};

// A group of an imported rule file, evaluated as Prometheus does.
struct ImportedGroup {
  std::shared_ptr<const prometheus::RuleGroup> group;  // its interval is never absent
  std::vector<std::optional<SignalId>> signals;        // by rule; absent: a recording rule
  Place place;
};

struct Signal {
  std::string name;
  std::optional<KindId> kind;          // on KIND …
  std::optional<RelationId> relation;  // … or on relation R
  Condition when;
  std::optional<Condition> clear;
  Millis keep_firing{0};
  NoDataPolicy no_data = NoDataPolicy::kResolve;
  std::vector<std::string> by;  // further labels that make an instance
  Millis every{0};              // the grid; never 0 once checked
  Family family = Family::kErrors;
  Severity severity = Severity::kWarning;
  std::vector<std::pair<std::string, std::string>> labels;
  uint32_t series_max = 0;  // `limit N series`; 0: the engine's default
  Template summary, description;
  std::string runbook, owner;
  std::optional<ImportedAlert> imported;
  uint64_t hash = 0;  // of what decides its meaning, with all it uses
  Place place;
};

// A place where a fault is expected to show: a signal, or a family on a kind.
struct Effect {
  std::optional<SignalId> signal;
  std::optional<std::pair<Family, KindId>> family_on;
  std::vector<RelationId> over;  // empty: along every path that carries the family
  std::optional<Millis> within;
};

struct SeverityRule {  // `critical when impact has transaction, else major`
  Severity severity = Severity::kWarning;
  std::optional<KindId> when_impact_has;  // absent: else
};

struct Fault {
  std::string name;
  KindId kind;
  enum class Shows : uint8_t { kNothing, kAny, kAll } shows = Shows::kNothing;
  std::vector<SignalId> shown_by;
  std::vector<Effect> causes;
  Template title, summary;
  std::vector<SeverityRule> severity;  // first that holds; empty: by symptoms
  std::string runbook, owner;
  uint64_t hash = 0;
  Place place;
};

struct Route {
  std::optional<Severity> severity_at_least;
  std::vector<promql::Matcher> matchers;  // on incident labels
  std::string topic;                      // gets this and every later revision of what once matched
  std::string projection;                 // "", "pagerduty", …
};

// So often opened, reopened or resolved within a time: it stays open until it was quiet for long.
struct Flapping {
  uint32_t changes = 0;
  Millis in{0}, quiet{0};
};

struct IncidentPolicy {
  Millis hold_back{20'000};
  Millis reopen_within{1'800'000};
  Millis resolve_after{60'000};
  Millis remind_every{14'400'000};
  bool tolerated_open_info = false;
  std::optional<Flapping> flapping;
  std::vector<Route> routes;
};

// maintenance "name" on SELECTION [and all above|below] WINDOW owner "…"
struct Maintenance {
  std::string name, owner;
  // Either named entities …
  std::vector<std::string> entities;
  // … or all of a kind whose labels match.
  std::optional<KindId> kind;
  std::vector<promql::Matcher> where;  // on the entity's labels and identity
  enum class Reach : uint8_t { kItself, kAllAbove, kAllBelow } reach = Reach::kItself;

  struct Local {                           // a local date and time of day
    int32_t year = 0, month = 0, day = 0;  // 0: recurring
    int32_t minute_of_day = 0;
  };
  std::vector<uint8_t> weekdays;  // 0 Sunday … 6 Saturday; empty and recurring: every day
  bool recurring = false;
  // Of a recurring window, by the date on which it begins. Of several, all must fit.
  uint32_t weeks = 1;               // every so many weeks (from Monday), counted from …
  Local starting;                   // … this date, before which there is none; year 0: always
  Local until;                      // none begins after this date; year 0: for ever
  std::vector<int32_t> month_days;  // 1 … 31, -1 the last one; empty: any
  std::vector<int32_t> nth;   // the weekday is the 1st … 5th of its month, -1 the last; or any
  std::vector<Local> except;  // none begins on these dates
  Local from, to;
  std::string zone = "UTC";  // IANA
  Place place;
};

// One line of a `series` or `event` block in a test.
struct TestSeries {
  bool event = false;
  std::string name;
  Labels labels;      // with __name__ for series
  Labels attributes;  // events
  std::string message;
  // Values at start, start+step, …; nullopt is a gap. Events: present values mark occurrences.
  std::vector<std::optional<double>> values;
  Millis step{0};
  Millis start{0};
};

struct TestExpectation {
  enum class When : uint8_t { kAt, kNever } when = When::kAt;
  Millis at{0};
  enum class What : uint8_t { kNoIncident, kIncidents, kSignal } what = What::kNoIncident;
  uint32_t count = 1;      // one incident, two incidents
  bool any_count = false;  // `incident {…}` in never: any such
  struct Pattern {
    std::string root, fault;
    struct Impact {
      std::string entity;
      std::vector<std::string> by;  // relation names along the path
      std::optional<bool> potential;
    };
    std::vector<Impact> impact;
    std::vector<std::string> not_impact;
    std::vector<std::string> causes;
    std::vector<std::string> ruled_out;  // entity or word, optionally "entity reason"
    std::string severity, status, maintenance;
    std::optional<std::string> reason;
  } pattern;
  std::vector<Pattern> more;          // one pattern per incident when several are expected
  std::string signal, entity, state;  // kSignal: "pending", "firing", "inactive"
  Place place;
};

struct Test {
  std::string name;
  // The topology block as changes, dated relative to the start when a line says `at T`.
  struct Change {
    Millis at{0};
    bool dated = false;
    bool deleted = false;
    std::string entity;              // an entity …
    std::string relation, from, to;  // … or a relation
    Labels labels;
  };
  std::vector<Change> topology;
  std::vector<TestSeries> series;
  std::vector<TestExpectation> expectations;
  Millis length{0};                // last sample or last expectation, whichever is later
  std::optional<EventTime> start;  // `start 2026-…`: for maintenance windows; default a fixed date
  Place place;
};

struct Program {
  std::vector<RuleSource> sources;
  std::vector<Kind> kinds;
  std::vector<Relation> relations;
  std::vector<Signal> signals;
  std::vector<ImportedGroup> groups;  // in the order of their evaluation
  std::vector<Fault> faults;
  IncidentPolicy incidents;
  std::vector<Maintenance> maintenance;
  std::vector<Test> tests;
  std::string version;  // hex of the hash over all declarations but tests

  std::optional<KindId> FindKind(std::string_view name) const;
  std::optional<RelationId> FindRelation(std::string_view name) const;
  std::optional<SignalId> FindSignal(std::string_view name) const;
  const Kind& kind(KindId id) const { return kinds[id.index()]; }
  const Relation& relation(RelationId id) const { return relations[id.index()]; }
  const Signal& signal(SignalId id) const { return signals[id.index()]; }
  const Fault& fault(FaultId id) const { return faults[id.index()]; }
};

// `disk:a1/d7` from the labels of a sample; nullopt when an identity label is missing.
std::optional<std::string> EntityName(const Kind& kind, const Labels& labels);
// "disk:a1/d7" → {array: a1, disk: d7}; nullopt when the number of parts is wrong.
std::optional<Labels> IdentityLabels(const Kind& kind, std::string_view entity);
// "disk" of "disk:a1/d7".
std::string_view KindName(std::string_view entity);
// One id part as it stands in an entity name: `/`, `:`, `%` percent-encoded; and back.
std::string EncodeIdPart(std::string_view part);
std::string DecodeIdPart(std::string_view part);

// The whole program as text, one declaration after the other (`rootnote explain`, goldens).
std::string ToString(const Program& program);

}  // namespace rootnote
