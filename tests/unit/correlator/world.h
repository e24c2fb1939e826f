// A small world for correlation: rules as text, a map, who is watched, and symptoms by hand.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "engine/incidents.h"
#include "engine/topology.h"
#include "engine/transition.h"
#include "rules/program.h"

namespace rootnote {

// Fresh wherever the kind has a signal of at least warning in the family, unless said otherwise.
class FakeWatch : public WatchView {
 public:
  explicit FakeWatch(std::shared_ptr<const Program> program) : program_(std::move(program)) {}
  Watch Of(std::string_view entity, Family family, EventTime at) const override;
  // An entity, or a whole kind.
  void Blind(std::string_view what) { blind_.emplace(what); }
  // Relations are watched where they have signals, all between the same kinds of entities.
  Watch OfRelation(RelationId relation, std::string_view from, std::string_view to, Family family,
                   EventTime at) const override;
  void Stale(std::string_view what) { stale_.emplace(what); }

 private:
  std::shared_ptr<const Program> program_;
  std::set<std::string, std::less<>> blind_, stale_;
};

// Times are seconds since the start.
class World {
 public:
  explicit World(std::string_view rules);

  FakeWatch& watch() { return *watch_; }
  std::shared_ptr<const Program> shared_program() const { return program_; }
  std::shared_ptr<const Topology> Snapshot() { return topology_.Snapshot(); }
  static EventTime At(double seconds);

  // "vm:v1 -runs_on-> host:h1", several per text, one a line; `from`, `to`: validity.
  void Map(std::string_view lines);
  void MapAt(std::string_view lines, double at);
  void Unmap(std::string_view lines, double at);
  void Entity(std::string_view entity,
              const std::vector<std::pair<std::string, std::string>>& labels, double at = -1e6);
  void Delete(std::string_view entity, double at);

  Transition Firing(double at, std::string_view signal, std::string_view entity, double onset = -1,
                    double value = 1) const;

  // Queued until Run reaches their time. The onset is the start of pending.
  void Pending(double at, std::string_view signal, std::string_view entity);
  void Fire(double at, std::string_view signal, std::string_view entity, double onset = -1,
            double value = 1);
  // On the relation by which `from` depends on the entity.
  void FireOn(double at, std::string_view signal, std::string_view from, std::string_view entity,
              double onset = -1);
  void EndOn(double at, std::string_view signal, std::string_view from, std::string_view entity);
  void End(double at, std::string_view signal, std::string_view entity, std::string reason = "");
  void Send(double at, const Transition& transition);
  // Ticks of a second up to and with `until`; what was emitted on the way.
  std::vector<Incident> Run(double until);

  // A new store takes over from the records emitted so far and, in a step of its own, from the
  // symptoms as they are at the tick last run; what that emits. `with_ends`: it also hears of the
  // ends that the records do not know yet. `before`: what else is read before the first step.
  std::vector<Incident> Restart(bool with_ends = true, const IncidentOptions& options = {},
                                const std::function<void()>& before = nullptr);

  IncidentStore& store() { return *store_; }
  // All revisions so far.
  const std::vector<Incident>& emitted() const { return emitted_; }
  // The latest revision of every incident.
  std::vector<Incident> Latest() const;
  std::string Verdict(std::string_view signal, std::string_view entity) const;

 private:
  std::shared_ptr<const Program> program_;
  std::unique_ptr<FakeWatch> watch_;
  TopologyStore topology_;
  std::unique_ptr<IncidentStore> store_;
  std::multimap<int64_t, TopologyChange> changes_;
  std::map<int64_t, std::vector<Transition>> queue_;
  std::vector<Incident> records_;    // emitted_, as read from the topic
  std::vector<Transition> history_;  // all that were stepped through
  std::vector<Incident> emitted_;
  std::vector<Incident> Step(const std::vector<Transition>& transitions);

  int64_t now_ = 0;
};

std::shared_ptr<const Program> CompileRules(std::string_view text);

// Names of the entities of a kind in the impact, actual or potential ones.
std::set<std::string> Impacted(const Incident& incident, bool potential = false);
const Incident::Impact* FindImpact(const Incident& incident, std::string_view entity);
const Incident::RuledOut* FindRuledOut(const Incident& incident, std::string_view what);

}  // namespace rootnote
