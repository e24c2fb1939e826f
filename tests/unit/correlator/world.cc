#include "tests/unit/correlator/world.h"

#include <algorithm>
#include <sstream>

#include "gtest/gtest.h"

#include "rules/compiler.h"
#include "rules/diagnostic.h"
#include "schemas/incident_encoder.h"

namespace rootnote {
namespace {

// 2026-03-01T00:00:00Z
constexpr int64_t kStart = 1'772'323'200'000;

struct Line {
  std::string from, relation, to;
};

std::vector<Line> Lines(std::string_view text) {
  std::vector<Line> lines;
  std::istringstream in{std::string(text)};
  std::string from, arrow, to;
  while (in >> from >> arrow >> to) {
    lines.push_back({from, arrow.substr(1, arrow.size() - 3), to});
  }
  return lines;
}

}  // namespace

Watch FakeWatch::Of(std::string_view entity, Family family, EventTime) const {
  std::string_view kind = entity.substr(0, entity.find(':'));
  if (blind_.contains(entity) || blind_.contains(kind)) return Watch::kUnmonitored;
  for (const Signal& signal : program_->signals) {
    if (!signal.kind || program_->kind(*signal.kind).name != kind) continue;
    if (signal.family != family || signal.severity == Severity::kInfo) continue;
    return stale_.contains(entity) || stale_.contains(kind) ? Watch::kStale : Watch::kFresh;
  }
  return Watch::kUnmonitored;
}

Watch FakeWatch::OfRelation(RelationId relation, std::string_view from, std::string_view to,
                            Family family, EventTime) const {
  if (blind_.contains(from) || blind_.contains(to)) return Watch::kUnmonitored;
  for (const Signal& signal : program_->signals) {
    if (signal.relation == relation && signal.family == family) return Watch::kFresh;
  }
  return Watch::kUnmonitored;
}

std::shared_ptr<const Program> CompileRules(std::string_view text) {
  CompileResult result = Compile({RuleSource("world.rn", std::string(text))});
  if (result.program == nullptr) {
    ADD_FAILURE() << "the rules of the test do not compile";
    for (const Diagnostic& diagnostic : result.diagnostics.list()) {
      ADD_FAILURE() << FormatDiagnostic(diagnostic, result.sources);
    }
  }
  return result.program;
}

World::World(std::string_view rules)
    : program_(CompileRules(rules)),
      watch_(std::make_unique<FakeWatch>(program_)),
      topology_(program_, TopologyOptions{}),
      store_(std::make_unique<IncidentStore>(program_, *watch_, IncidentOptions{})) {}

EventTime World::At(double seconds) {
  return FromMillis(kStart + static_cast<int64_t>(seconds * 1000));
}

void World::Map(std::string_view lines) {
  for (const Line& line : Lines(lines)) {
    TopologyChange change;
    change.type = TopologyChange::Type::kRelation;
    change.relation = line.relation;
    change.from = line.from;
    change.to = line.to;
    auto problem = topology_.Apply(change, kMinTime);
    EXPECT_FALSE(problem.has_value()) << problem.value_or("");
  }
}

void World::MapAt(std::string_view lines, double at) {
  for (const Line& line : Lines(lines)) {
    TopologyChange change;
    change.type = TopologyChange::Type::kRelation;
    change.relation = line.relation;
    change.from = line.from;
    change.to = line.to;
    change.time = At(at);
    changes_.emplace(ToMillis(At(at)), change);
  }
}

void World::Unmap(std::string_view lines, double at) {
  for (const Line& line : Lines(lines)) {
    TopologyChange change;
    change.type = TopologyChange::Type::kRelationDeleted;
    change.relation = line.relation;
    change.from = line.from;
    change.to = line.to;
    change.time = At(at);
    changes_.emplace(ToMillis(At(at)), change);
  }
}

void World::Entity(std::string_view entity,
                   const std::vector<std::pair<std::string, std::string>>& labels, double at) {
  TopologyChange change;
  change.entity = entity;
  change.labels = Labels::From(labels);
  if (at > -1e6) {
    change.time = At(at);
    changes_.emplace(ToMillis(At(at)), change);
  } else {
    topology_.Apply(change, kMinTime);
  }
}

void World::Delete(std::string_view entity, double at) {
  TopologyChange change;
  change.type = TopologyChange::Type::kEntityDeleted;
  change.entity = entity;
  change.time = At(at);
  changes_.emplace(ToMillis(At(at)), change);
}

void World::Pending(double at, std::string_view signal, std::string_view entity) {
  Transition& transition = queue_[ToMillis(At(at))].emplace_back();
  transition.time = transition.onset = At(at);
  transition.signal = *program_->FindSignal(signal);
  transition.entity = entity;
  transition.to = SignalState::kPending;
}

Transition World::Firing(double at, std::string_view signal, std::string_view entity, double onset,
                         double value) const {
  Transition transition;
  transition.time = At(at);
  transition.onset = At(onset < 0 ? at : onset);
  transition.signal = *program_->FindSignal(signal);
  transition.entity = entity;
  transition.from = SignalState::kPending;
  transition.to = SignalState::kFiring;
  transition.value = value;
  transition.position = {"metrics", 0, static_cast<int64_t>(at), At(at)};
  return transition;
}

void World::Fire(double at, std::string_view signal, std::string_view entity, double onset,
                 double value) {
  queue_[ToMillis(At(at))].push_back(Firing(at, signal, entity, onset, value));
}

void World::FireOn(double at, std::string_view signal, std::string_view from,
                   std::string_view entity, double onset) {
  Fire(at, signal, entity, onset);
  queue_[ToMillis(At(at))].back().relation_from = from;
}

void World::EndOn(double at, std::string_view signal, std::string_view from,
                  std::string_view entity) {
  End(at, signal, entity);
  queue_[ToMillis(At(at))].back().relation_from = from;
}

void World::Send(double at, const Transition& transition) {
  queue_[ToMillis(At(at))].push_back(transition);
}

void World::End(double at, std::string_view signal, std::string_view entity, std::string reason) {
  Transition& transition = queue_[ToMillis(At(at))].emplace_back();
  transition.time = transition.onset = At(at);
  transition.signal = *program_->FindSignal(signal);
  transition.entity = entity;
  transition.from = SignalState::kFiring;
  transition.to = SignalState::kInactive;
  transition.reason = std::move(reason);
}

std::vector<Incident> World::Run(double until) {
  std::vector<Incident> news;
  for (int64_t tick = now_ == 0 ? kStart : now_ + 1000; tick <= ToMillis(At(until)); tick += 1000) {
    now_ = tick;
    while (!changes_.empty() && changes_.begin()->first <= tick) {
      auto problem = topology_.Apply(changes_.begin()->second, FromMillis(tick));
      EXPECT_FALSE(problem.has_value()) << problem.value_or("");
      changes_.erase(changes_.begin());
    }
    std::vector<Transition> transitions;
    while (!queue_.empty() && queue_.begin()->first <= tick) {
      for (Transition& next : queue_.begin()->second) transitions.push_back(std::move(next));
      queue_.erase(queue_.begin());
    }
    std::sort(transitions.begin(), transitions.end());
    history_.insert(history_.end(), transitions.begin(), transitions.end());
    for (Incident& incident : Step(transitions)) news.push_back(std::move(incident));
  }
  return news;
}

std::vector<Incident> World::Step(const std::vector<Transition>& transitions) {
  std::vector<Incident> news = store_->Step(FromMillis(now_), transitions, topology_.Snapshot());
  emitted_.insert(emitted_.end(), news.begin(), news.end());
  return news;
}

std::vector<Incident> World::Restart(bool with_ends, const IncidentOptions& options,
                                     const std::function<void()>& before) {
  while (records_.size() < emitted_.size()) {
    absl::StatusOr<Incident> read = DecodeIncident(EncodeIncident(emitted_[records_.size()]));
    EXPECT_TRUE(read.ok()) << read.status();
    records_.push_back(read.ok() ? *std::move(read) : Incident());
  }
  std::set<std::tuple<std::string, std::string>> unresolved;
  for (const Incident& incident : Latest()) {
    if (incident.status != IncidentStatus::kOpen) continue;
    for (const Incident::Symptom& symptom : incident.symptoms) {
      if (!symptom.resolved_at) unresolved.emplace(symptom.entity, symptom.signal);
    }
  }
  store_ = std::make_unique<IncidentStore>(program_, *watch_, options);
  store_->Restore(records_);
  // The last run of every symptom: its beginning, its firing, its end.
  std::map<std::tuple<std::string, std::string>, std::vector<Transition>> runs;
  for (const Transition& transition : history_) {
    std::vector<Transition>& run =
        runs[{transition.entity, program_->signal(transition.signal).name}];
    const bool over = !run.empty() && run.back().to == SignalState::kInactive;
    if (over && transition.to == SignalState::kInactive) continue;
    if (over || (run.empty() && transition.to == SignalState::kInactive)) run.clear();
    if (!run.empty() || transition.to != SignalState::kInactive) run.push_back(transition);
  }
  std::vector<Transition> again;
  for (const auto& [key, run] : runs) {
    const bool over = run.empty() || run.back().to == SignalState::kInactive;
    if (over && !(with_ends && unresolved.contains(key))) continue;
    again.insert(again.end(), run.begin(), run.end());
  }
  std::sort(again.begin(), again.end());
  if (before) before();
  return Step(again);
}

std::vector<Incident> World::Latest() const {
  std::map<std::string, Incident> latest;
  std::vector<std::string> order;
  for (const Incident& incident : emitted_) {
    if (!latest.contains(incident.id)) order.push_back(incident.id);
    latest[incident.id] = incident;
  }
  std::vector<Incident> result;
  for (const std::string& id : order) result.push_back(latest[id]);
  return result;
}

std::string World::Verdict(std::string_view signal, std::string_view entity) const {
  for (const Finding& finding : store_->Findings()) {
    if (finding.signal == signal && finding.entity == entity) {
      return finding.verdict + ": " + finding.detail;
    }
  }
  return "none";
}

std::set<std::string> Impacted(const Incident& incident, bool potential) {
  std::set<std::string> names;
  for (const Incident::Impact& impact : incident.impact) {
    if (impact.potential == potential) names.insert(impact.entity);
  }
  return names;
}

const Incident::Impact* FindImpact(const Incident& incident, std::string_view entity) {
  for (const Incident::Impact& impact : incident.impact) {
    if (impact.entity == entity) return &impact;
  }
  return nullptr;
}

const Incident::RuledOut* FindRuledOut(const Incident& incident, std::string_view what) {
  for (const Incident::RuledOut& out : incident.ruled_out) {
    if (out.what == what) return &out;
  }
  return nullptr;
}

}  // namespace rootnote
