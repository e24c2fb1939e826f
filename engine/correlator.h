// From symptoms to root causes: a streaming codebook over the topology (DESIGN section 6, SEMANTICS
// section 5, docs/correlation.md).
//
// Keeps the active symptoms and says, for each connected region of them that changed, which
// (entity, fault) explains what, at which score. Knows nothing of incidents' identity:
// IncidentStore does that and writes back who owns a symptom. An idle tick costs nothing; a change
// costs its own region. Thread: one at a time (the pipeline's thread). No wall clock, no
// randomness. Order by name only.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "absl/container/flat_hash_map.h"

#include "engine/base_rates.h"
#include "engine/topology.h"
#include "engine/transition.h"
#include "rules/program.h"
#include "schemas/incident.h"

namespace rootnote {

struct CorrelatorOptions {
  uint32_t depth_max = 10;          // relations from a symptom to its root
  uint32_t nodes_max = 20'000;      // per walk; beyond: cut, and said so in limits[]
  uint32_t symptoms_max = 200'000;  // active; beyond: refused and counted
  uint32_t changes_max = 10'000;    // entities whose last changes are remembered; the oldest go
  Millis topology_grace{300'000};   // an edge counts if it was valid this long before the onset
  Millis allowed_lateness{5'000};
  std::shared_ptr<const BaseRates> rates;  // null: none are known
  int64_t threshold = 100;  // the least score with which a root without evidence of its own opens
};

// A symptom that is pending or firing.
struct Symptom {
  SignalId signal;
  std::string entity;
  std::string relation_from;
  SignalState state = SignalState::kPending;
  EventTime onset;                // certain not later than this
  EventTime fired_at = kMaxTime;  // when it first fired; kMaxTime while pending
  double value = 0;
  bool unmapped = false;
  EvidencePosition position;
  std::string summary;                      // the rule's words, filled in when it fired
  std::shared_ptr<const AlertTexts> alert;  // of imported alerts; else null
};

// What the last evaluation made of a symptom that no incident owns.
enum class Verdict : uint8_t { kPending, kHeldBack, kTolerated, kMaintenance, kBelowThreshold };

inline constexpr int64_t kNoIncident = -1;

// An active symptom with what correlation keeps beside it. The last group is IncidentStore's.
struct ActiveSymptom {
  Symptom symptom;
  EntityId entity;              // an id of our own when it is not in the map
  std::vector<uint64_t> reach;  // nodes (entity, family) upstream, itself included; ascending
  bool reach_cut = false;       // the walk met its budget
  uint64_t region = 0;          // of the last evaluation
  int64_t owner = kNoIncident;
  int64_t barred = kNoIncident;         // released by this incident: not folded in again
  const Maintenance* window = nullptr;  // its entity is in this window now
  Millis uncertainty{0};                // how much earlier it may have begun
  EventTime eligible_since = kMaxTime;  // fires, outside windows, not tolerated, since then
  Verdict verdict = Verdict::kPending;
  std::string detail;
};

// (entity, family) with active symptoms: what is explained, once each.
struct RegionItem {
  uint64_t node = 0;
  std::vector<ActiveSymptom*> symptoms;  // by (signal, relation_from)
  int64_t weight = 0;
  EventTime onset;        // the earliest
  Millis uncertainty{0};  // how much earlier it may have begun
  bool firing = false;    // one of at least warning fires
  // The best score of a silent cause that only symptoms of this entity point to. Such causes never
  // win and are not judged; they only keep hold-back from ending early.
  int64_t shadow = 0;
};

// A relation that tolerates what failed: nothing above is explained through it.
struct Tolerated {
  EntityId group;
  RelationId relation;
  uint32_t failed = 0, members = 0;
};

// What speaks for the family in which a walk starts.
enum class Origin : uint8_t {
  kEvidence,  // the candidate shows it
  kSilent,    // nothing fresh watches it
  kHealthy,   // it is watched, and nothing shows
  kUnseen,    // kSilent, and nothing that is explained shows this family either
};

struct Explained {
  uint32_t item = 0;                  // index into RegionView::items()
  int64_t weight = 0;                 // what it adds to the score
  Origin origin = Origin::kEvidence;  // of the way that leads to it
  bool own = false;                   // the candidate's own, or a failed member's
  bool weak = false;                  // only reached through something healthy
  bool joint = false;                 // only because other members of a group failed as well
  Millis lag{0};                      // bounds summed along the path
  Family start = Family::kErrors;     // of the candidate, from which it follows
  bool beside =
      false;  // no relation says so: it shows beside what is explained, or follows from that
  bool seen = false;  // own, but seen by others: on a relation to the candidate
};

// The score as the sum that a person can check (docs/correlation.md).
struct ScoreSum {
  int64_t own = 0;         // what the candidate, or the failed members of the group, show
  int64_t others = 0;      // what else it explains
  int64_t silence = 0;     // price of not showing it itself
  int64_t missing = 0;     // price of dependants that should show something and are well
  int64_t violations = 0;  // price of times that do not fit
  int64_t prior = 0;       // price of a fault that nobody declared, and of a relation as root
  int64_t change = 0;      // somebody changed the candidate shortly before

  int64_t Total() const { return own + others - silence - missing - violations - prior + change; }
};

// One entity as the root, with its best fault, judged on all symptoms of its region.
struct Candidate {
  EntityId entity;
  std::string name, fault;
  std::optional<FaultId> declared;
  std::vector<Explained> explained;  // by item
  std::vector<EntityId> causes;      // failed members that made the group fail; by name
  std::vector<Tolerated> tolerated_by;
  EventTime onset;  // earliest of own evidence, else of what it explains
  int64_t score = 0, penalty = 0;
  ScoreSum sum;             // of `score`
  uint32_t missing = 0;     // dependants that should show something and are fresh and healthy
  uint32_t shown = 0;       // dependants that show it
  uint32_t violations = 0;  // effects that began before it, or too late
  uint32_t silent = 0;      // entities without symptom on the paths, itself included
  uint32_t spread = 0;      // symptomatic nodes that depend on it
  bool own_evidence = false;
  bool own_firing = false;  // … that fires, of at least warning
  bool group = false;       // lost its redundancy
  bool monitored = false;
  bool relation = false;          // is a relation, and not an entity
  bool changed = false;           // somebody changed it shortly before its onset
  bool healthy = false;           // fresh, and nothing the matter with it
  bool began_after = false;       // most of what it explains began before it
  bool tolerated = false;         // every relation that would carry it out tolerates it
  EventTime next_due = kMaxTime;  // when the next expected symptom is due
  // With what it was walked: families by bit, those that are shown, the newest onset explained.
  uint8_t families = 0, evidence = 0;
  EventTime latest;
  // Of the score, for people: filled in once an incident tells of it.
  std::vector<Incident::ScorePart> parts;
  // May be a root at all: rejected ones are only named in ruled_out[].
  bool valid = false;
};

struct ImpactPath {
  EntityId entity;
  std::vector<EntityId> path;  // from the root to it, both included
  std::vector<RelationId> relations;
  bool showing = false;  // has a symptom that explains it
};

// What depends on a candidate, by the shortest path of the strongest kind.
struct ImpactView {
  std::vector<ImpactPath> paths;     // by (length, name)
  uint32_t silent_on_paths = 0;      // entities on the way to a symptom that nothing monitors
  std::vector<std::string> assumed;  // members counted as failed although nothing monitors them
  bool cut = false;
};

class Estate;
struct Suspect;

// One connected active region at one instant, ready to be asked. Valid until the next Evaluate.
class RegionView {
 public:
  // `symptoms` by key; `roots`: entities to judge in any case.
  RegionView(const Estate& estate, uint64_t id, std::vector<ActiveSymptom*> symptoms,
             const std::vector<EntityId>& roots);

  uint64_t id() const { return id_; }
  const std::vector<ActiveSymptom*>& symptoms() const { return symptoms_; }
  const std::vector<RegionItem>& items() const { return items_; }           // by first symptom
  const std::vector<Candidate>& candidates() const { return candidates_; }  // best first
  const Candidate* Find(EntityId entity) const;
  // By item: whether the candidate explains it.
  std::vector<bool> Marks(const std::vector<Explained>& explained) const;

  // Greedy cover of the items for which `open` is true: candidates with the score they have on
  // what is left, best first. Those that do not reach the threshold are left out, and `excluded`.
  struct Hypothesis {
    const Candidate* candidate = nullptr;
    int64_t score = 0;
    ScoreSum sum;  // of `score`
    std::vector<Explained> explained;
    bool dominates = false;  // hold-back may end early (SEMANTICS section 5)
  };
  std::vector<Hypothesis> Cover(const std::vector<bool>& open,
                                const std::vector<EntityId>& excluded) const;

 private:
  void AddItems();
  std::map<uint32_t, Suspect> CollectSuspects() const;
  std::vector<Suspect> FindSuspects(const std::vector<EntityId>& roots);
  void Shadow(const Suspect& suspect);
  void DemoteJoint();
  void DropBeside();
  bool ExplainsAlone(const Candidate& upstream, const std::vector<EntityId>& members) const;
  Hypothesis Restrict(const Candidate& candidate, const std::vector<bool>& left) const;
  bool Opens(const Hypothesis& hypothesis) const;
  bool Dominates(const Hypothesis& hypothesis) const;
  bool DependsOn(const Candidate& rival, const Candidate& candidate) const;

  const Estate& estate_;
  uint64_t id_;
  std::vector<ActiveSymptom*> symptoms_;
  std::vector<RegionItem> items_;
  std::vector<Candidate> candidates_;
  absl::flat_hash_map<uint32_t, uint32_t> by_entity_;  // indexes into candidates_
};

// What depends on the candidate, as of its onset and now.
ImpactView ImpactOf(const Estate& estate, const Candidate& candidate);

// A candidate with the score and the number of items it explains on what is left.
struct Contender {
  const Candidate& candidate;
  int64_t score = 0;
  size_t count = 0;
};

// Strict order (DESIGN section 6.4).
bool RanksBefore(const Contender& a, const Contender& b);

struct CorrelatorStats {
  uint64_t refused_limit = 0;  // transitions beyond symptoms_max
  uint64_t evaluations = 0;    // regions judged
};

class Correlator {
 public:
  Correlator(std::shared_ptr<const Program> program, const WatchView& watch,
             const CorrelatorOptions& options);
  ~Correlator();

  // A new map: reach is walked again where it may differ.
  void SetTopology(std::shared_ptr<const Topology> topology, EventTime now);

  // The end of a symptom, as the owner needs to see it.
  struct Ended {
    ActiveSymptom symptom;
    EventTime time;
    std::string reason;
  };
  // Somebody changed the entity: a suspect (docs/correlation.md).
  void NoteChange(std::string_view entity, EventTime time);
  // One transition; an end is appended to `ended`.
  void Apply(const Transition& transition, std::vector<Ended>& ended);
  // Symptoms of entities that left the map more than the grace ago end.
  void EndRemoved(EventTime now, std::vector<Ended>& ended);

  // The active symptom, or null. Valid until it ends.
  ActiveSymptom* Find(std::string_view entity, SignalId signal, std::string_view relation_from);
  // Who owns a symptom; kNoIncident: nobody.
  void SetOwner(ActiveSymptom& symptom, int64_t owner);
  // A region is judged again when it changes, and not later than at `due`.
  void SetDue(uint64_t region, EventTime due);
  // The earliest of these, kMinTime if something has changed.
  EventTime NextDue() const;
  void TouchAll();

  // Regions to be judged at `now`, in order of their first symptom. Symptoms that one incident owns
  // stay in one region. `roots`: root entity by owner.
  std::vector<RegionView> Evaluate(EventTime now, const std::map<int64_t, std::string>& roots);

  // All active symptoms, by (entity, signal, relation_from).
  std::vector<ActiveSymptom*> Active();
  std::vector<const ActiveSymptom*> Active() const;
  bool empty() const;

  const Estate& estate() const;
  const CorrelatorStats& stats() const;

 private:
  class Table;
  std::unique_ptr<Table> table_;
};

}  // namespace rootnote
