#include "engine/maintenance.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "absl/container/flat_hash_set.h"
#include "absl/time/civil_time.h"
#include "absl/time/time.h"

#include "schemas/base/check.h"
#include "schemas/base/string_view.h"

namespace rootnote {
namespace {

// Civil arithmetic stays far from the ends of its range: 1900 to 9999.
constexpr EventTime kFirst = FromMillis(-2'208'988'800'000);
constexpr EventTime kLast = FromMillis(253'370'764'800'000);

// How far ahead the next span of a rare window is looked for: a 29 February is eight years away at
// most, and a year more for what must fit besides.
constexpr int kSearchDays = 9 * 366;

EventTime ToEventTime(absl::Time time) { return FromMillis(absl::ToUnixMillis(time)); }
absl::Time ToAbslTime(EventTime time) { return absl::FromUnixMillis(ToMillis(time)); }

// The machine's own zone and names that leave the database are no zones of a rule.
bool LoadZone(const std::string& name, absl::TimeZone& zone) {
  const auto allowed = [](char c) {
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '/' ||
           c == '_' || c == '-' || c == '+';
  };
  if (name.empty() || name.front() < 'A' || name.front() > 'Z' ||
      !std::all_of(name.begin(), name.end(), allowed)) {
    return false;
  }
  return absl::LoadTimeZone(name, &zone);
}

// The instants whose local time lies in [from, to): one span, or two where an hour is doubled.
void AppendSpans(const absl::TimeZone& zone, absl::CivilMinute from, absl::CivilMinute to,
                 std::vector<MaintenanceSpan>& spans) {
  const absl::TimeZone::TimeInfo begin = zone.At(absl::CivilSecond(from));
  const absl::TimeZone::TimeInfo end = zone.At(absl::CivilSecond(to));
  using Kind = absl::TimeZone::TimeInfo;
  const absl::Time first = begin.kind == Kind::SKIPPED ? begin.trans : begin.pre;
  const absl::Time last = end.kind == Kind::SKIPPED ? end.trans : end.post;
  const auto append = [&](absl::Time a, absl::Time b) {
    if (a < b) {
      spans.push_back({ToEventTime(a), ToEventTime(b)});
    }
  };
  const bool begin_twice = begin.kind == Kind::REPEATED;
  const bool end_twice = end.kind == Kind::REPEATED;
  if (begin_twice && end_twice && begin.trans == end.trans) {
    append(begin.pre, end.pre);
    append(begin.post, end.post);
  } else if (begin_twice) {
    append(begin.pre, begin.trans);
    append(begin.post, last);
  } else if (end_twice) {
    append(first, end.pre);
    append(end.trans, end.post);
  } else {
    append(first, last);
  }
}

absl::CivilMinute Moment(absl::CivilDay day, int32_t minute_of_day) {
  return absl::CivilMinute(day) + minute_of_day;
}

bool OnWeekday(const Maintenance& window, absl::CivilDay day) {
  // absl counts from Monday, rules from Sunday.
  const auto weekday = static_cast<uint8_t>((static_cast<int>(absl::GetWeekday(day)) + 1) % 7);
  return window.weekdays.empty() || std::find(window.weekdays.begin(), window.weekdays.end(),
                                              weekday) != window.weekdays.end();
}

absl::CivilDay DayOf(const Maintenance::Local& date) {
  return absl::CivilDay(date.year, date.month, date.day);
}

// Days since the Monday of a week, 0 to 6.
int64_t DaysIntoWeek(absl::CivilDay day) { return static_cast<int64_t>(absl::GetWeekday(day)); }

bool InItsWeek(const Maintenance& window, absl::CivilDay day) {
  if (window.weeks <= 1 || window.starting.year == 0) return true;
  const absl::CivilDay first = DayOf(window.starting);
  const int64_t days = (day - DaysIntoWeek(day)) - (first - DaysIntoWeek(first));
  return days / 7 % window.weeks == 0;
}

// Of the day's own month: 31 → the 31st and the last one.
bool OnMonthDay(const Maintenance& window, absl::CivilDay day) {
  const bool last = (day + 1).month() != day.month();
  return window.month_days.empty() ||
         std::any_of(window.month_days.begin(), window.month_days.end(),
                     [&](int32_t wanted) { return wanted < 0 ? last : wanted == day.day(); });
}

bool IsNth(const Maintenance& window, absl::CivilDay day) {
  const int32_t nth = (day.day() - 1) / 7 + 1;
  const bool last = (day + 7).month() != day.month();
  return window.nth.empty() ||
         std::any_of(window.nth.begin(), window.nth.end(),
                     [&](int32_t wanted) { return wanted < 0 ? last : wanted == nth; });
}

// Whether a recurring window begins on that day.
bool Begins(const Maintenance& window, absl::CivilDay day) {
  if (window.starting.year != 0 && day < DayOf(window.starting)) return false;
  if (window.until.year != 0 && day > DayOf(window.until)) return false;
  const bool excepted =
      std::any_of(window.except.begin(), window.except.end(),
                  [&](const Maintenance::Local& date) { return DayOf(date) == day; });
  return !excepted && OnWeekday(window, day) && InItsWeek(window, day) && OnMonthDay(window, day) &&
         IsNth(window, day);
}

// All spans of the window that may touch the week after `time`, ascending, apart from each other.
std::vector<MaintenanceSpan> SpansNear(const Maintenance& window, const absl::TimeZone& zone,
                                       EventTime time) {
  std::vector<MaintenanceSpan> spans;
  const bool next_day = window.to.minute_of_day <= window.from.minute_of_day;
  if (!window.recurring) {
    const absl::CivilDay first(window.from.year, window.from.month, window.from.day);
    absl::CivilDay last = next_day ? first + 1 : first;
    if (window.to.year != 0) {
      last = absl::CivilDay(window.to.year, window.to.month, window.to.day);
    }
    AppendSpans(zone, Moment(first, window.from.minute_of_day),
                Moment(last, window.to.minute_of_day), spans);
    return spans;
  }
  const absl::CivilDay today = absl::ToCivilDay(ToAbslTime(time), zone);
  for (absl::CivilDay day = today - 3; day <= today + 9; ++day) {
    if (Begins(window, day)) {
      AppendSpans(zone, Moment(day, window.from.minute_of_day),
                  Moment(next_day ? day + 1 : day, window.to.minute_of_day), spans);
    }
  }
  std::sort(spans.begin(), spans.end(),
            [](const MaintenanceSpan& a, const MaintenanceSpan& b) { return a.from < b.from; });
  std::vector<MaintenanceSpan> joined;
  for (const MaintenanceSpan& span : spans) {
    if (!joined.empty() && span.from <= joined.back().to) {
      joined.back().to = std::max(joined.back().to, span.to);
    } else {
      joined.push_back(span);
    }
  }
  return joined;
}

}  // namespace

class MaintenanceCalendar::Calendar {
 public:
  explicit Calendar(std::shared_ptr<const Program> program) : program_(std::move(program)) {
    windows_.resize(program_->maintenance.size());
    for (size_t i = 0; i < windows_.size(); ++i) {
      windows_[i].known = LoadZone(program_->maintenance[i].zone, windows_[i].zone);
    }
  }

  const Maintenance* Covering(const Topology& topology, std::optional<EntityId> id,
                              std::string_view entity, EventTime time) {
    for (size_t i = 0; i < windows_.size(); ++i) {
      if (Open(i, time) && Covered(i, topology, id, entity, time)) {
        return &program_->maintenance[i];
      }
    }
    return nullptr;
  }

  bool AnyOpen(EventTime time) {
    for (size_t i = 0; i < windows_.size(); ++i) {
      if (Open(i, time)) {
        return true;
      }
    }
    return false;
  }

  std::optional<EventTime> NextChange(EventTime time) {
    std::optional<EventTime> next;
    for (size_t i = 0; i < windows_.size(); ++i) {
      Open(i, time);
      const EventTime change = windows_[i].constant_to;
      if (change < kLast && (!next || change < *next)) {
        next = change;
      }
    }
    return next;
  }

  std::optional<MaintenanceSpan> SpanAt(const Maintenance& window, EventTime time) const {
    const auto index = static_cast<size_t>(&window - program_->maintenance.data());
    CHECK(index < windows_.size());
    if (!windows_[index].known || time < kFirst || time > kLast) {
      return std::nullopt;
    }
    const absl::TimeZone& zone = windows_[index].zone;
    for (const MaintenanceSpan& span : SpansNear(window, zone, time)) {
      if (time < span.to) {
        return span;
      }
    }
    if (!window.recurring) {
      return std::nullopt;
    }
    const absl::CivilDay today = absl::ToCivilDay(ToAbslTime(time), zone);
    for (absl::CivilDay day = today; day < today + kSearchDays; ++day) {
      if (!Begins(window, day)) {
        continue;
      }
      const EventTime noon = ToEventTime(absl::FromCivil(absl::CivilHour(day) + 12, zone));
      for (const MaintenanceSpan& span : SpansNear(window, zone, noon)) {
        if (time < span.to) {
          return span;
        }
      }
    }
    return std::nullopt;
  }

 private:
  struct Window {
    absl::TimeZone zone;
    bool known = false;
    // Open or not is the same at every instant of [constant_from, constant_to).
    EventTime constant_from = kMaxTime, constant_to = kMinTime;
    bool open = false;
    // With `and all …`: who is covered, on this map, at every instant of [reached_from,
    // reached_to).
    const Topology* topology = nullptr;
    uint64_t version = 0;
    EventTime reached_from = kMaxTime, reached_to = kMinTime;
    absl::flat_hash_set<EntityId> reached;
  };

  bool Open(size_t index, EventTime time) {
    Window& window = windows_[index];
    if (window.constant_from <= time && time < window.constant_to) {
      return window.open;
    }
    window.constant_from = kMinTime;
    window.constant_to = kMaxTime;
    window.open = false;
    const Maintenance& declared = program_->maintenance[index];
    if (!window.known || time < kFirst || time > kLast) {
      return false;
    }
    for (const MaintenanceSpan& span : SpansNear(declared, window.zone, time)) {
      if (time < span.from) {
        window.constant_to = span.from;
        break;
      }
      if (time < span.to) {
        window.constant_from = span.from;
        window.constant_to = span.to;
        window.open = true;
        break;
      }
      window.constant_from = span.to;
    }
    if (declared.recurring) {
      // Only the days that were looked at are known.
      window.constant_from = std::max(window.constant_from, time);
      window.constant_to = std::min(window.constant_to, time + std::chrono::days(7));
    }
    return window.open;
  }

  bool Covered(size_t index, const Topology& topology, std::optional<EntityId> id,
               std::string_view entity, EventTime time) {
    const Maintenance& declared = program_->maintenance[index];
    if (Selected(declared, id ? topology.LabelsOf(*id) : Labels(), entity)) {
      return true;
    }
    if (declared.reach == Maintenance::Reach::kItself || !id) {
      return false;
    }
    Window& window = windows_[index];
    if (window.topology != &topology || window.version != topology.version() ||
        time < window.reached_from || time >= window.reached_to) {
      Reach(declared, topology, time, window);
    }
    return window.reached.contains(*id);
  }

  bool Selected(const Maintenance& window, const Labels& own, std::string_view entity) const {
    if (std::find(window.entities.begin(), window.entities.end(), entity) !=
        window.entities.end()) {
      return true;
    }
    if (!window.kind) {
      return false;
    }
    const Kind& kind = program_->kind(*window.kind);
    if (KindName(entity) != kind.name) {
      return false;
    }
    if (window.where.empty()) {
      return true;
    }
    const Labels identity = IdentityLabels(kind, entity).value_or(Labels());
    return std::all_of(window.where.begin(), window.where.end(),
                       [&](const promql::Matcher& matcher) {
                         const std::string_view value = identity.Get(matcher.name);
                         return matcher.Matches(value.empty() ? own.Get(matcher.name) : value);
                       });
  }

  // Everything that depends on the selection (above), or that it depends on (below), at `time`.
  void Reach(const Maintenance& declared, const Topology& topology, EventTime time,
             Window& window) {
    window.topology = &topology;
    window.version = topology.version();
    window.reached_from = kMinTime;
    window.reached_to = kMaxTime;
    window.reached.clear();
    std::vector<EntityId> frontier;
    for (const std::string& name : declared.entities) {
      if (const std::optional<EntityId> id = topology.Find(name)) {
        frontier.push_back(*id);
      }
    }
    if (declared.kind) {
      for (const EntityId id : topology.OfKind(*declared.kind)) {
        if (Selected(declared, topology.LabelsOf(id), topology.Name(id))) {
          frontier.push_back(id);
        }
      }
    }
    window.reached.insert(frontier.begin(), frontier.end());
    while (!frontier.empty()) {
      const EntityId id = frontier.back();
      frontier.pop_back();
      const bool above = declared.reach == Maintenance::Reach::kAllAbove;
      for (const Edge& edge : above ? topology.Downstream(id) : topology.Upstream(id)) {
        for (const EventTime change : {edge.validity.from, edge.validity.to}) {
          if (change <= time) {
            window.reached_from = std::max(window.reached_from, change);
          } else {
            window.reached_to = std::min(window.reached_to, change);
          }
        }
        if (edge.validity.At(time) && window.reached.insert(edge.other).second) {
          frontier.push_back(edge.other);
        }
      }
    }
  }

  std::shared_ptr<const Program> program_;
  std::vector<Window> windows_;  // as in the program
};

MaintenanceCalendar::MaintenanceCalendar(std::shared_ptr<const Program> program)
    : calendar_(std::make_unique<Calendar>(std::move(program))) {}

MaintenanceCalendar::~MaintenanceCalendar() = default;

const Maintenance* MaintenanceCalendar::Covering(const Topology& topology, std::string_view entity,
                                                 EventTime time) {
  return calendar_->Covering(topology, topology.Find(entity), entity, time);
}

const Maintenance* MaintenanceCalendar::Covering(const Topology& topology, EntityId entity,
                                                 EventTime time) {
  return calendar_->Covering(topology, entity, topology.Name(entity), time);
}

bool MaintenanceCalendar::AnyOpen(EventTime time) { return calendar_->AnyOpen(time); }

std::optional<EventTime> MaintenanceCalendar::NextChange(EventTime time) {
  return calendar_->NextChange(time);
}

std::optional<MaintenanceSpan> MaintenanceCalendar::SpanAt(const Maintenance& window,
                                                           EventTime time) const {
  return calendar_->SpanAt(window, time);
}

std::vector<std::string> MaintenanceCalendar::UnknownZones(const Program& program) {
  std::vector<std::string> unknown;
  for (const Maintenance& window : program.maintenance) {
    absl::TimeZone zone;
    if (!LoadZone(window.zone, zone) &&
        std::find(unknown.begin(), unknown.end(), window.zone) == unknown.end()) {
      unknown.push_back(window.zone);
    }
  }
  return unknown;
}

}  // namespace rootnote
