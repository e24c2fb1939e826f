// Events of one tick → what selectors count of them. Equal events count once within the lateness,
// or an event's id decides alone (SEMANTICS section 2); an event is then projected onto what each
// selector groups by. Thread: one at a time.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"

#include "engine/rule_set.h"
#include "engine/shard.h"
#include "schemas/base/string_view.h"
#include "schemas/schema.h"

namespace rootnote {

struct ArrivedEvent {
  Event event;
  std::string source;
  RecordPosition position;
};

struct EventCounts {
  uint64_t taken = 0;
  uint64_t duplicates = 0;
  uint64_t not_numbers = 0;  // what should be unwrapped is none
};

class EventProjection {
 public:
  // `memory`: how long an id is remembered behind the tick, the longest lateness of a source.
  EventProjection(const RuleSet& rules, Millis memory, size_t ids_max = 1'000'000);

  // In the order of (time, source, identity); the samples are in that order, too. `awaited` gets
  // those that patterns name.
  std::vector<ShardSample> Project(std::vector<ArrivedEvent> events, EventTime tick,
                                   EventCounts& counts,
                                   std::vector<ArrivedEvent>* awaited = nullptr);

  uint64_t ids_forgotten() const { return ids_forgotten_; }

 private:
  bool SeenBefore(const ArrivedEvent& event, const ArrivedEvent* previous);
  void ForgetIds(EventTime tick);

  const RuleSet& rules_;
  Millis memory_;
  size_t ids_max_;
  StringMap<EventTime> ids_;  // name FF id → its time
  EventTime swept_ = kMinTime;
  uint64_t ids_forgotten_ = 0;  // before their time, for want of room
};

}  // namespace rootnote
