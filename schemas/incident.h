// The incident record: what Rootnote emits (schemas/incident.schema.json, additive within v1).
// Every revision is complete. Lists are sorted as the engine decided; the encoder keeps their
// order. Meaning of each field: DESIGN section 7 and SEMANTICS section 6, docs/formats.md.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "schemas/base/time.h"

namespace rootnote {

enum class Severity : uint8_t { kInfo, kWarning, kMajor, kCritical };
enum class Family : uint8_t { kErrors, kLatency, kSaturation, kTraffic, kDown };
enum class IncidentStatus : uint8_t { kOpen, kResolved, kMerged, kSuperseded };
enum class IncidentState : uint8_t { kOpen, kUpdated, kResolved, kReopened, kMerged, kSuperseded };

std::string_view Name(Severity severity);
std::string_view Name(Family family);
std::string_view Name(IncidentStatus status);
std::string_view Name(IncidentState state);
std::optional<Severity> ParseSeverity(std::string_view word);
std::optional<Family> ParseFamily(std::string_view word);
std::optional<IncidentStatus> ParseStatus(std::string_view word);
std::optional<IncidentState> ParseState(std::string_view word);

struct Incident {
  // One summand of a score: the parts of a candidate add up to it exactly.
  struct ScorePart {
    std::string what;  // own_evidence, effects, silence, missing, timing, prior, change, …
    int64_t points = 0;
    std::string detail;  // "app:shop 140, vm:web1 100"
    friend bool operator==(const ScorePart&, const ScorePart&) = default;
  };
  struct Root {
    std::string entity, kind, fault;
    int64_t score = 0;
    EventTime onset;
    std::optional<EventTime> recovered_at;
    bool monitored = false;
    bool observed = false;            // it showed the fault itself in this episode
    std::vector<std::string> causes;  // entities whose failure made the group fail
    std::vector<ScorePart> parts;     // of the score; none: not told
  };
  struct Impact {
    std::string entity, kind;
    std::vector<std::string> path;       // entities from the root to this one, both included
    std::vector<std::string> relations;  // relation names along the path, one fewer than path
    std::vector<std::string> signals;
    EventTime onset;
    bool potential = false;
    std::string maintenance;  // name of the window, if any
  };
  struct Symptom {
    std::string signal, entity;
    std::string relation_from;  // signals on relations: the depending end, else ""
    Family family = Family::kErrors;
    Severity severity = Severity::kWarning;
    EventTime onset;
    std::optional<EventTime> resolved_at;
    std::string resolved_reason;  // "" by itself, no_data, rule_removed, entity_removed
    double value = 0;
    std::string summary;  // the rule's words for it, filled in; "" if it has none
    // Of imported alerts: what Prometheus would have sent; of one where several are about the
    // entity.
    std::map<std::string, std::string> labels, annotations;
  };
  struct RuledOut {
    std::string what;    // entity (`edge:e1`) or summary word (`storage`)
    std::string fault;   // fault considered, may be ""
    std::string reason;  // healthy_and_fresh, tolerated, began_after_effect, explains_too_little,
                         // no_path_at_onset, in_maintenance, scores_lower
    std::string detail;  // "array a1: 1 of 8 disks failing, tolerated"
    std::optional<int64_t> score;       // as the root, where it was judged
    std::vector<ScorePart> parts;       // of this score
    std::vector<std::string> entities;  // what a summary word stands for; may be cut
  };
  struct Evidence {
    std::string signal, entity;
    double value = 0;
    std::optional<double> threshold;
    EventTime time;
    std::string topic;
    int32_t partition = -1;
    int64_t offset = -1;
  };
  struct Change {
    std::string event, entity, detail;
    EventTime time;
    friend bool operator==(const Change&, const Change&) = default;
  };
  // Somebody has it in hand: reminders cease.
  struct Acknowledgement {
    std::string by;
    EventTime at;
    std::string comment;
    friend bool operator==(const Acknowledgement&, const Acknowledgement&) = default;
  };
  // Somebody does not want to hear of it for a while: it is routed to nobody new.
  struct Silence {
    std::string id, by;
    EventTime until;
    std::string comment;
    friend bool operator==(const Silence&, const Silence&) = default;
  };
  struct KindCount {
    int64_t actual = 0, potential = 0;
  };
  struct BlastRadius {
    int64_t actual = 0, potential = 0;
    std::map<std::string, KindCount> kinds;
    std::map<std::string, std::vector<std::string>> labels;  // region: affected values
    std::map<std::string, std::vector<std::string>>
        healthy;  // region: values with monitored, healthy entities of the affected kinds
  };

  std::string id, key;
  int64_t episode = 1, revision = 1;
  IncidentStatus status = IncidentStatus::kOpen;
  IncidentState state = IncidentState::kOpen;
  std::string reason;  // closed list, SEMANTICS section 6
  Severity severity = Severity::kWarning;
  std::string title, summary;
  EventTime started_at, opened_at, updated_at;
  std::optional<EventTime> reopened_at;  // the last time, if ever
  std::optional<EventTime> resolved_at;
  std::optional<Acknowledgement> acknowledged;
  std::optional<Silence> silenced;
  bool catching_up = false;  // made while event time lay far behind the wall clock: not routed
  std::vector<Root> root;    // candidates ranked, the first is the root
  std::vector<Impact> impact;
  int64_t impact_total = 0;
  BlastRadius blast_radius;
  std::vector<Symptom> symptoms;
  int64_t symptoms_total = 0;
  std::string maintenance_name, maintenance_owner;
  std::vector<RuledOut> ruled_out;
  std::vector<std::string> unexplained;  // "signal entity"
  std::vector<Evidence> evidence;
  int64_t evidence_total = 0;
  std::vector<Change> changes;
  std::map<std::string, std::string> labels;
  std::string owner, runbook;
  std::vector<std::string> links;
  std::string merged_into, superseded_by;
  std::vector<std::string> merged_from;
  std::vector<std::string> routed;  // topics that got it besides the incidents topic; ascending
  std::string rules_version, topology_version, engine_version;
  std::vector<std::string> limits;
};

}  // namespace rootnote
