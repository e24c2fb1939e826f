// What arrived, by the tick that will take it and the shard that owns it. Only these batches cross
// threads.
// Thread: one at a time.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/events.h"
#include "engine/shard.h"
#include "schemas/base/string_view.h"
#include "schemas/schema.h"

namespace rootnote {

// Names of topics as RecordPosition has them.
class TopicNames {
 public:
  uint32_t Intern(std::string_view topic);
  const std::string& Name(uint32_t topic) const { return names_[topic]; }

 private:
  std::vector<std::string> names_;
  StringMap<uint32_t> index_;
};

struct ArrivedChange {
  TopologyChange change;
  EventTime now;  // when it holds from if it has no time of its own
};

// All that one tick takes.
struct TickWork {
  EventTime tick;
  std::vector<ArrivedChange> changes;  // by time, then as arrived
  std::vector<ArrivedEvent> events;
  std::vector<Event> suspects;                    // changes, whether or not a rule sees them
  std::vector<std::vector<ShardSample>> samples;  // by shard
};

class Router {
 public:
  explicit Router(uint32_t shards);

  void Add(EventTime tick, ShardSample sample);
  void Add(EventTime tick, ArrivedEvent event);
  void Add(EventTime tick, ArrivedChange change);
  void AddSuspect(EventTime tick, Event event);

  // The earliest tick with work up to `last`; nullopt: none.
  std::optional<EventTime> NextTick(EventTime last) const;
  // Its work; empty if nothing came for it.
  TickWork Take(EventTime tick);
  bool empty() const { return ticks_.empty(); }

 private:
  TickWork& At(EventTime tick);

  uint32_t shards_;
  std::map<EventTime, TickWork> ticks_;
};

}  // namespace rootnote
