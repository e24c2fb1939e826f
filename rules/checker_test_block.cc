#include <algorithm>
#include <map>
#include <set>
#include <utility>

#include "fmt/core.h"

#include "rules/checker.h"
#include "rules/prometheus/dependencies.h"
#include "rules/token_reader.h"

namespace rootnote {
namespace {

// Lists multiply: what the topologies of all tests may grow to.
constexpr size_t kEdgesMax = 300'000;

std::vector<std::pair<std::string, std::string>> Pairs(
    const std::vector<std::pair<ast::Name, ast::Text>>& labels) {
  std::vector<std::pair<std::string, std::string>> pairs;
  for (const auto& [name, text] : labels) pairs.emplace_back(name.text, text.text);
  return pairs;
}

// Metrics and events that any signal reads.
std::set<std::string> NamesRead(const Program& program) {
  std::set<std::string> names;
  const auto add = [&](const Condition& condition) {
    if (const auto* missing = std::get_if<MissingCondition>(&condition.what)) {
      names.insert(missing->metric);
    } else if (const auto* pattern = std::get_if<PatternCondition>(&condition.what)) {
      for (const PatternElement& element : pattern->elements) {
        for (const PatternStep& step : element.steps) names.insert(step.name);
      }
    } else if (const auto* expr = std::get_if<ExprPtr>(&condition.what); *expr != nullptr) {
      for (const promql::Expr* selector : promql::Selectors(**expr)) {
        // A selector without a name may read anything.
        names.insert(selector->text);
      }
    }
  };
  for (const Signal& signal : program.signals) {
    add(signal.when);
    if (signal.clear) add(*signal.clear);
  }
  for (const ImportedGroup& group : program.groups) {
    for (const prometheus::Rule& rule : group.group->rules) {
      for (const promql::Expr* selector : prometheus::ReadBy(rule)) names.insert(selector->text);
    }
  }
  return names;
}

class TestChecker {
 public:
  TestChecker(const ast::Test& from, const std::set<std::string>& names_read, bool patterns,
              size_t& edges_left, Scope& scope)
      : from_(from),
        names_read_(names_read),
        patterns_(patterns),
        edges_left_(edges_left),
        scope_(scope) {}

  Test Check() {
    test_.name = from_.name.text;
    test_.place = scope_.PlaceOf(from_.span);
    if (from_.start) test_.start = from_.start->first;
    CheckTopology();
    for (const ast::Series& series : from_.series) CheckSeries(series);
    for (const ast::Expectation& expectation : from_.expectations) CheckExpectation(expectation);
    if (from_.expectations.empty()) {
      scope_.Warning(DiagnosticCode::kTestExpectsNothing, from_.name.span,
                     "this test expects nothing, so it cannot fail",
                     "say what must come out: expect at 4m no incident");
    }
    return std::move(test_);
  }

 private:
  void CheckTopology() {
    for (const ast::TopologyLine& line : from_.topology) {
      for (const ast::TopologyLink& link : line.chain) {
        for (const ast::TopologyLink::Item& item : link.items) AddEntity(line, item);
      }
      for (size_t i = 1; i < line.chain.size(); ++i) {
        AddRelations(line, line.chain[i - 1], line.chain[i]);
      }
    }
  }

  Test::Change ChangeAt(const ast::TopologyLine& line) const {
    Test::Change change;
    change.dated = line.at.has_value();
    if (line.at) change.at = line.at->value;
    change.deleted = line.deleted;
    return change;
  }

  // An entity is stated once; labels that come later are added to it.
  void AddEntity(const ast::TopologyLine& line, const ast::TopologyLink::Item& item) {
    scope_.CheckEntity(item.entity);
    // `delete a <- b` takes the relation away, not its ends.
    if (line.deleted && line.chain.size() > 1) return;
    if (line.at) NoteTime(line.at->value);
    Labels labels = Labels::From(Pairs(item.labels));
    const auto known = entities_.find(item.entity.name);
    if (known != entities_.end() && !line.deleted) {
      Test::Change& change = test_.topology[known->second];
      if (!line.at || labels.empty()) {
        for (const Label& label : labels.ToVector()) {
          change.labels = change.labels.With(label.first, label.second);
        }
        return;
      }
    }
    Test::Change change = ChangeAt(line);
    change.entity = item.entity.name;
    change.labels = std::move(labels);
    if (line.deleted) {
      entities_.erase(item.entity.name);
      mentioned_.insert(item.entity.name);
    } else {
      entities_[item.entity.name] = test_.topology.size();
      mentioned_.insert(item.entity.name);
    }
    test_.topology.push_back(std::move(change));
  }

  // Everything on the right depends on everything on the left.
  void AddRelations(const ast::TopologyLine& line, const ast::TopologyLink& lower,
                    const ast::TopologyLink& upper) {
    const size_t edges = lower.items.size() * upper.items.size();
    if (edges > edges_left_) {
      scope_.Error(DiagnosticCode::kBadAmount, upper.arrow,
                   fmt::format("the tests have more than {} relations", kEdgesMax),
                   "make the lists shorter");
      return;
    }
    edges_left_ -= edges;
    if (line.at) NoteTime(line.at->value);
    for (const auto& to : lower.items) {
      for (const auto& from : upper.items) {
        const std::optional<std::string> relation = FindRelation(
            upper, std::string(KindName(from.entity.name)), std::string(KindName(to.entity.name)));
        if (!relation) return;
        Test::Change change = ChangeAt(line);
        change.relation = *relation;
        change.from = from.entity.name;
        change.to = to.entity.name;
        test_.topology.push_back(std::move(change));
      }
    }
  }

  std::optional<std::string> FindRelation(const ast::TopologyLink& link, const std::string& from,
                                          const std::string& to) {
    const Program& program = scope_.program();
    const std::optional<KindId> from_kind = program.FindKind(from);
    const std::optional<KindId> to_kind = program.FindKind(to);
    if (!from_kind || !to_kind) return std::nullopt;  // Reported already.
    std::vector<std::string> fitting;
    for (const Relation& relation : program.relations) {
      const auto has = [](const std::vector<KindId>& kinds, KindId kind) {
        return std::find(kinds.begin(), kinds.end(), kind) != kinds.end();
      };
      if (has(relation.from_kinds, *from_kind) && has(relation.to_kinds, *to_kind)) {
        fitting.push_back(relation.name);
      }
    }
    if (link.relation) {
      const std::string& name = link.relation->text;
      if (std::find(fitting.begin(), fitting.end(), name) != fitting.end()) return name;
      if (scope_.FindRelation(*link.relation)) {
        scope_.Error(DiagnosticCode::kRelationOfOthers, link.relation->span,
                     fmt::format("the relation `{}` does not lead from {} to {}", name, from, to),
                     fitting.empty() ? fmt::format("declare: relation NAME : {} -> {}", from, to)
                                     : "there is: " + JoinWords(fitting, "and"));
      }
      return std::nullopt;
    }
    if (fitting.size() == 1) return fitting.front();
    if (fitting.empty()) {
      scope_.Error(DiagnosticCode::kNoRelation, link.arrow,
                   fmt::format("no relation leads from {} to {}", from, to),
                   fmt::format("`a <- b` means that b depends on a; declare: relation NAME : {} -> "
                               "{}",
                               from, to));
    } else {
      scope_.Error(DiagnosticCode::kSeveralRelations, link.arrow,
                   fmt::format("{} relations lead from {} to {}: {}", fitting.size(), from, to,
                               JoinWords(fitting, "and")),
                   fmt::format("say which: <-({})-", fitting.front()));
    }
    return std::nullopt;
  }

  void CheckSeries(const ast::Series& from) {
    TestSeries series;
    series.event = from.event;
    series.name = from.name.text;
    std::vector<std::pair<std::string, std::string>> labels = Pairs(from.labels);
    for (const auto& [name, value] : labels) values_.insert(value);
    if (!from.event) labels.emplace_back(std::string(kMetricName), from.name.text);
    series.labels = Labels::From(std::move(labels));
    series.attributes = Labels::From(Pairs(from.attributes));
    series.message = from.message;
    if (from.event && scope_.program().FindSignal(series.name)) {
      scope_.Warning(DiagnosticCode::kSignalAndEvent, from.name.span,
                     fmt::format("`{}` is a signal and an event", series.name),
                     "a pattern would mean the signal; rename one of them");
    }
    if (!names_read_.contains(series.name) && !names_read_.contains("") && !patterns_) {
      std::vector<std::string> names(names_read_.begin(), names_read_.end());
      names.insert(names.end(), scope_.options().metrics_seen.begin(),
                   scope_.options().metrics_seen.end());
      scope_.Warning(DiagnosticCode::kSeriesNobodyReads, from.name.span,
                     fmt::format("no signal reads `{}`", series.name),
                     Suggest(series.name, names, "leave it out, or write the signal"));
    }
    if (from.every && from.every->value <= Millis(0)) {
      scope_.Error(DiagnosticCode::kBadAmount, from.every->span,
                   "the step must be longer than nothing", "every 10s");
      return;
    }
    if (from.event) {
      AddEvents(from, std::move(series));
      return;
    }
    series.values = from.values;
    series.step = from.every->value;
    if (from.from) series.start = from.from->value;
    Add(std::move(series));
  }

  void AddEvents(const ast::Series& from, TestSeries series) {
    if (from.every) {
      series.step = from.every->value;
      series.start = from.from ? from.from->value : Millis(0);
      const auto count = static_cast<size_t>((from.to->value - series.start) / series.step) + 1;
      series.values.assign(count, 1.0);
      Add(std::move(series));
      return;
    }
    for (const ast::Time& at : from.at) {
      TestSeries one = series;
      one.start = at.value;
      one.values = {1.0};
      Add(std::move(one));
    }
  }

  void Add(TestSeries series) {
    if (!series.values.empty()) {
      NoteTime(series.start + series.step * static_cast<int64_t>(series.values.size() - 1));
    }
    test_.series.push_back(std::move(series));
  }

  void NoteTime(Millis at) { test_.length = std::max(test_.length, at); }

  void CheckExpectation(const ast::Expectation& from) {
    TestExpectation expectation;
    expectation.place = scope_.PlaceOf(from.span);
    expectation.when = from.never ? TestExpectation::When::kNever : TestExpectation::When::kAt;
    if (from.at) {
      expectation.at = from.at->value;
      NoteTime(expectation.at);
    }
    expectation.what = static_cast<TestExpectation::What>(from.what);
    expectation.count = from.count;
    expectation.any_count = from.never;
    if (from.what == ast::Expectation::What::kSignal) CheckSignal(from, expectation);
    for (size_t i = 0; i < from.patterns.size(); ++i) {
      TestExpectation::Pattern pattern = CheckPattern(from.patterns[i]);
      if (i == 0) expectation.pattern = pattern;
      if (from.patterns.size() > 1) expectation.more.push_back(std::move(pattern));
    }
    test_.expectations.push_back(std::move(expectation));
  }

  void CheckSignal(const ast::Expectation& from, TestExpectation& expectation) {
    expectation.signal = from.signal.text;
    expectation.entity = from.entity.name;
    expectation.state = from.state.text;
    scope_.FindWord(from.state, "state", {"pending", "firing", "inactive"});
    const std::optional<SignalId> id = scope_.FindSignal(from.signal);
    const std::optional<KindId> kind = CheckMentioned(from.entity);
    if (!id || !kind) return;
    const Signal& signal = scope_.program().signal(*id);
    if (signal.kind && *signal.kind != *kind) {
      scope_.Error(DiagnosticCode::kSignalOfOtherKind, from.entity.span,
                   fmt::format("the signal `{}` is on {}", signal.name,
                               scope_.program().kind(*signal.kind).name),
                   "name an entity of that kind");
    }
  }

  // The root may be a relation that is watched itself, calls:"app:shop"/"app:cart", or something
  // outside the map, external:region/uk.
  bool OfNoKind(std::string_view entity) const {
    const std::string_view kind = entity.substr(0, entity.find(':'));
    if (kind == "external") return true;
    const std::vector<Relation>& relations = scope_.program().relations;
    return std::any_of(relations.begin(), relations.end(),
                       [&](const Relation& relation) { return relation.name == kind; });
  }

  TestExpectation::Pattern CheckPattern(const ast::IncidentPattern& from) {
    TestExpectation::Pattern pattern;
    if (from.root) {
      if (!OfNoKind(from.root->name)) CheckMentioned(*from.root);
      pattern.root = from.root->name;
    }
    if (from.fault) {
      CheckFault(*from.fault);
      pattern.fault = from.fault->text;
    }
    for (const auto& impact : from.impact) {
      CheckMentioned(impact.entity);
      TestExpectation::Pattern::Impact expected{impact.entity.name, {}, impact.potential};
      for (const ast::Name& relation : impact.by) {
        scope_.FindRelation(relation);
        expected.by.push_back(relation.text);
      }
      pattern.impact.push_back(std::move(expected));
    }
    for (const ast::Entity& entity : from.not_impact) {
      CheckMentioned(entity);
      pattern.not_impact.push_back(entity.name);
    }
    for (const ast::Entity& entity : from.causes) {
      CheckMentioned(entity);
      pattern.causes.push_back(entity.name);
    }
    for (const ast::Name& name : from.ruled_out) pattern.ruled_out.push_back(name.text);
    if (from.severity && scope_.FindSeverity(*from.severity))
      pattern.severity = from.severity->text;
    if (from.status) {
      scope_.FindWord(*from.status, "status", {"open", "resolved", "merged", "superseded"});
      pattern.status = from.status->text;
    }
    if (from.maintenance) CheckWindow(*from.maintenance, pattern);
    if (from.reason) pattern.reason = from.reason->text;
    return pattern;
  }

  void CheckWindow(const ast::Text& name, TestExpectation::Pattern& pattern) {
    pattern.maintenance = name.text;
    std::vector<std::string> names;
    for (const Maintenance& window : scope_.program().maintenance) names.push_back(window.name);
    if (std::find(names.begin(), names.end(), name.text) != names.end()) return;
    scope_.Error(DiagnosticCode::kUnknownReference, name.span,
                 fmt::format("there is no maintenance \"{}\"", name.text),
                 Suggest(name.text, names, "declare it: maintenance \"…\" on …"));
  }

  // Declared, or named after a signal, a family or the group.
  void CheckFault(const ast::Name& name) {
    std::vector<std::string> names = {"redundancy_lost"};
    for (const Fault& fault : scope_.program().faults) names.push_back(fault.name);
    for (const Signal& signal : scope_.program().signals) names.push_back(signal.name);
    for (const std::string_view family : {"errors", "latency", "saturation", "traffic", "down"}) {
      names.push_back(fmt::format("unobserved_{}", family));
    }
    if (std::find(names.begin(), names.end(), name.text) != names.end()) return;
    scope_.Error(DiagnosticCode::kUnknownFault, name.span,
                 fmt::format("no root can have the fault `{}`", name.text),
                 Suggest(name.text, names,
                         "a fault, a signal, redundancy_lost, or unobserved_ and a family"));
  }

  // An entity that the test neither has in its topology nor names in a label is a slip of the pen.
  std::optional<KindId> CheckMentioned(const ast::Entity& entity) {
    const std::optional<KindId> kind = scope_.CheckEntity(entity);
    if (!kind || mentioned_.contains(entity.name)) return kind;
    const std::optional<Labels> identity =
        IdentityLabels(scope_.program().kind(*kind), entity.name);
    if (identity) {
      for (const Label& label : identity->ToVector()) {
        if (values_.contains(std::string(label.second))) return kind;
      }
    }
    std::vector<std::string> names(mentioned_.begin(), mentioned_.end());
    scope_.Warning(DiagnosticCode::kEntityNotInTest, entity.span,
                   fmt::format("`{}` is not in this test", entity.name),
                   Suggest(entity.name, names, "add it to the topology"));
    return kind;
  }

  const ast::Test& from_;
  const std::set<std::string>& names_read_;
  const bool patterns_;
  size_t& edges_left_;
  Scope& scope_;
  Test test_;
  std::map<std::string, size_t> entities_;  // index of the change that made it
  std::set<std::string> mentioned_;
  std::set<std::string> values_;  // of labels of series and events
};

}  // namespace

void CheckTests(const std::vector<ast::File>& files, Scope& scope) {
  const std::set<std::string> names_read = NamesRead(scope.program());
  bool patterns = false;
  size_t edges_left = kEdgesMax;
  for (const ast::File& file : files) {
    for (const ast::Signal& signal : file.signals) {
      patterns |= signal.broken || std::holds_alternative<ast::Pattern>(signal.when.what);
    }
  }
  for (const ast::File& file : files) {
    scope.Enter(file.source);
    for (const ast::Test& from : file.tests) {
      scope.Declare("test", {from.name.text, from.name.span});
      scope.program().tests.push_back(
          TestChecker(from, names_read, patterns, edges_left, scope).Check());
    }
  }
}

}  // namespace rootnote
