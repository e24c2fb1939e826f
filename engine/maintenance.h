// Who is in maintenance, and when (LANGUAGE's fine print, SEMANTICS section 6).
//
// Windows are local to their IANA zone: `to` before `from` in a recurring window is the next day, a
// local time that daylight saving skips starts where the gap ends, a doubled hour is covered twice.
// `and all above` is everything that depends on the selection, transitively, as of the moment
// asked. Covered entities are kept per window until the map or an edge's validity changes. Thread:
// one at a time. Zones are read from the system's database when the calendar is made.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/topology.h"
#include "rules/program.h"
#include "schemas/base/time.h"

namespace rootnote {

// Covers every instant of [from, to).
struct MaintenanceSpan {
  EventTime from;
  EventTime to;
};

class MaintenanceCalendar {
 public:
  explicit MaintenanceCalendar(std::shared_ptr<const Program> program);
  ~MaintenanceCalendar();

  // The window that covers the entity at `time`, or null; of several the one declared first.
  // Borrowed from the program. An entity that is not in the map is covered if a window names it or
  // selects its kind and identity.
  const Maintenance* Covering(const Topology& topology, std::string_view entity, EventTime time);
  const Maintenance* Covering(const Topology& topology, EntityId entity, EventTime time);
  bool Covers(const Topology& topology, std::string_view entity, EventTime time) {
    return Covering(topology, entity, time) != nullptr;
  }

  // Any window is open at `time`: a quick no for the common case.
  bool AnyOpen(EventTime time);
  // The next instant after `time` at which a window opens or closes; nullopt: never again.
  std::optional<EventTime> NextChange(EventTime time);
  // The span of one window that covers `time`, else the next one; nullopt: never again.
  std::optional<MaintenanceSpan> SpanAt(const Maintenance& window, EventTime time) const;

  // Names in the program that the zone database does not have, once each in order of declaration.
  // Windows of such a zone never open.
  static std::vector<std::string> UnknownZones(const Program& program);

 private:
  class Calendar;
  std::unique_ptr<Calendar> calendar_;
};

}  // namespace rootnote
