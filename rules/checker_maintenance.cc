#include <algorithm>
#include <tuple>
#include <utility>

#include "fmt/core.h"

#include "rules/checker.h"

namespace rootnote {
namespace {

// AREA, AREA/PLACE, Etc/GMT+5. Whether the zone exists is known where zones are loaded.
bool IsZoneSyntax(std::string_view zone) {
  if (zone.empty() || zone.size() > 64 || zone.front() == '/' || zone.back() == '/') return false;
  return std::all_of(zone.begin(), zone.end(), [](char c) {
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '/' ||
           c == '_' || c == '+' || c == '-';
  });
}

Maintenance::Local Convert(const ast::LocalTime& time) {
  return {time.year, time.month, time.day, time.minute_of_day};
}

void CheckWindow(const ast::Maintenance& from, Scope& scope) {
  const auto key = [](const ast::LocalTime& time) {
    return std::tuple(time.year, time.month, time.day, time.minute_of_day);
  };
  if (from.recurring && key(from.from) == key(from.to)) {
    scope.Error(DiagnosticCode::kBadTime, from.to.span, "the window is empty",
                "a whole day is 00:00 to 24:00");
  } else if (!from.recurring && key(from.from) >= key(from.to)) {
    scope.Error(DiagnosticCode::kBadTime, from.to.span, "the window ends before it begins",
                "`to` is later than `from`");
  }
  if (from.weeks_span.end > from.weeks_span.begin && from.weeks < 1) {
    scope.Error(DiagnosticCode::kBadTime, from.weeks_span, "never is no recurrence",
                "every 1 week, or more");
  } else if (from.weeks > 1 && !from.starting) {
    scope.Error(DiagnosticCode::kBadTime, from.weeks_span,
                fmt::format("every {} weeks, but counted from when?", from.weeks),
                "add `starting 2026-01-04`: the first week it is in");
  }
  if (from.starting && from.until && key(*from.starting) > key(*from.until)) {
    scope.Error(DiagnosticCode::kBadTime, from.until->span, "it ends before it starts",
                "`until` is not earlier than `starting`");
  }
  if (from.zone && !IsZoneSyntax(from.zone->text)) {
    scope.Error(DiagnosticCode::kBadTime, from.zone->span,
                fmt::format("`{}` is no time zone", from.zone->text),
                "write it as the IANA does: Europe/Paris, UTC");
  }
}

}  // namespace

void CheckMaintenance(const std::vector<ast::File>& files, Scope& scope) {
  for (const ast::File& file : files) {
    scope.Enter(file.source);
    for (const ast::Maintenance& from : file.maintenance) {
      if (!scope.Declare("maintenance", {from.name.text, from.name.span})) continue;
      Maintenance window;
      window.name = from.name.text;
      window.place = scope.PlaceOf(from.span);
      if (from.owner) window.owner = from.owner->text;
      for (const ast::Entity& entity : from.entities) {
        scope.CheckEntity(entity);
        window.entities.push_back(entity.name);
      }
      if (from.kind) window.kind = scope.FindKind(*from.kind);
      for (const ast::MatcherNode& node : from.where) window.where.push_back(node.matcher);
      window.reach = static_cast<Maintenance::Reach>(from.reach);
      window.recurring = from.recurring;
      window.weekdays = from.weekdays;
      std::sort(window.weekdays.begin(), window.weekdays.end());
      window.weekdays.erase(std::unique(window.weekdays.begin(), window.weekdays.end()),
                            window.weekdays.end());
      window.weeks = from.weeks;
      if (from.starting) window.starting = Convert(*from.starting);
      if (from.until) window.until = Convert(*from.until);
      window.month_days = from.month_days;
      window.nth = from.nth;
      for (const ast::LocalTime& date : from.except) window.except.push_back(Convert(date));
      window.from = Convert(from.from);
      window.to = Convert(from.to);
      if (from.zone) window.zone = from.zone->text;
      CheckWindow(from, scope);
      scope.program().maintenance.push_back(std::move(window));
    }
  }
}

}  // namespace rootnote
