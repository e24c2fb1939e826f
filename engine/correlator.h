// From symptoms to root causes: a streaming codebook over the topology (DESIGN section 6,
// SEMANTICS section 5). Takes symptom changes tick by tick in event-time order, keeps the active ones,
// and for each active region ranks (entity, fault) candidates. Knows nothing of incidents' identity:
// IncidentStore does that.
// Thread: one at a time (the pipeline's thread). No wall clock, no randomness.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "engine/topology.h"
#include "engine/transition.h"
#include "rules/program.h"
#include "schemas/incident.h"

namespace rootnote {

struct CorrelatorOptions {
  uint32_t depth_max = 10;
  uint32_t nodes_max = 20'000;      // per walk
  uint32_t symptoms_max = 200'000;  // active; beyond: refused and counted
  Millis topology_grace{300'000};
  Millis allowed_lateness{5'000};
  int64_t threshold = 100;          // the least score that opens
};

// A symptom that is pending or firing.
struct Symptom {
  SignalId signal;
  std::string entity;
  std::string relation_from;
  SignalState state = SignalState::kPending;
  EventTime onset;      // certain not later than this
  EventTime fired_at;   // when it first fired; kMaxTime while pending
  double value = 0;
  bool unmapped = false;
  bool maintenance = false;  // its entity is in a window
  EvidencePosition position;
};

// A root with what it explains. Everything sorted and complete enough to fill an incident record.
struct Hypothesis {
  std::string entity;
  std::string fault;                // declared name, or inferred (strongest signal, redundancy_lost, unobserved_FAMILY)
  std::optional<FaultId> declared;
  int64_t score = 0;
  EventTime onset;                  // earliest of own evidence, else of what it explains
  bool monitored = false;
  bool own_evidence = false;
  bool dominates = false;           // hold-back may end early (SEMANTICS section 5)
  std::vector<std::string> causes;  // failed members of a group
  std::vector<size_t> explains;     // indexes into Correlation::symptoms
  std::vector<Incident::Impact> impact;  // actual before potential, by depth, then name
  std::vector<std::string> limits;
};

// One connected active region.
struct Region {
  std::vector<Hypothesis> cover;       // greedy cover, best first: each wants an incident
  std::vector<Hypothesis> candidates;  // ranked rivals of cover[0], at most 10
  std::vector<size_t> unexplained;     // indexes into Correlation::symptoms
  std::vector<size_t> tolerated;       // symptoms that relations tolerate: findings, not incidents
  std::vector<Incident::RuledOut> ruled_out;
};

struct Correlation {
  std::vector<Symptom> symptoms;  // all active, by (entity, signal, relation_from)
  std::vector<Region> regions;
};

// implementation note: the helper who owns this header refines it; IncidentStore is its only client.

}  // namespace rootnote
