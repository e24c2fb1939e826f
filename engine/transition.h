// What detection hands to correlation: changes of signal instances, a thousand times fewer than
// samples.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "rules/program.h"
#include "schemas/base/time.h"
#include "schemas/labels.h"

namespace rootnote {

enum class SignalState : uint8_t { kInactive, kPending, kFiring };
std::string_view Name(SignalState state);

// Where a finding was seen last: the newest sample behind it.
struct EvidencePosition {
  std::string topic;
  int32_t partition = -1;
  int64_t offset = -1;
  EventTime time;
};

// What an imported alert says: its labels, which are its identity, and its annotations, expanded.
struct AlertTexts {
  Labels labels;
  std::vector<std::pair<std::string, std::string>> annotations;  // ascending by name
};

// One symptom per (signal, entity): the instances of the same entity are merged before
// (firing while any is; the earliest onset; the most extreme value).
struct Transition {
  EventTime time;  // the instant or tick that decided it
  SignalId signal;
  std::string entity;         // kind:id; for signals on relations the depended-on end
  std::string relation_from;  // signals on relations: the depending end, else ""
  SignalState from = SignalState::kInactive;
  SignalState to = SignalState::kInactive;
  EventTime onset;  // first instant of the present uninterrupted pending/firing run
  double value = 0;
  bool unmapped = false;  // the entity is not in the map
  std::string reason;     // of an end: "", "no_data", "rule_removed", "entity_removed"
  EvidencePosition position;
  // Of what begins to fire: the values that tell this instance from others of the entity, and that
  // a pattern's steps carried ({d.version}); and the rule's summary, filled in with them.
  std::vector<std::pair<std::string, std::string>> bindings;
  std::string summary;
  std::shared_ptr<const AlertTexts> alert;  // of imported alerts, while they are active; else null

  // The order in which transitions are released: (time, signal name order = id, entity,
  // relation_from).
  friend bool operator<(const Transition& a, const Transition& b);
};

// Whether an entity is watched in a family, asked by correlation (SEMANTICS section 5).
enum class Watch : uint8_t {
  kUnmonitored,  // no non-info signal of the family is bound to a series of the entity
  kStale,        // bound, but some selector has no sample within max(lookback, 3 × its interval)
  kFresh,        // bound and fresh: silence means health
};

class WatchView {
 public:
  virtual ~WatchView() = default;
  virtual Watch Of(std::string_view entity, Family family, EventTime at) const = 0;
  // The same of the relation between two entities: signals on it, and not on one of its ends.
  virtual Watch OfRelation(RelationId relation, std::string_view from, std::string_view to,
                           Family family, EventTime at) const {
    (void)relation, (void)from, (void)to, (void)family, (void)at;
    return Watch::kUnmonitored;
  }
  // The time between two samples of what the signal sees of the entity; 0: not known. What a signal
  // shows may have begun so much earlier.
  virtual Millis IntervalOf(SignalId signal, std::string_view entity) const {
    (void)signal, (void)entity;
    return Millis{0};
  }
};

}  // namespace rootnote
