#include "engine/maintenance.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"

#include "tests/unit/topology/estate.h"

namespace rootnote {
namespace {

using ::testing::ElementsAre;

EventTime Utc(std::string_view text) { return ParseRfc3339(text).value(); }

Maintenance::Local Clock(int32_t hour, int32_t minute) {
  Maintenance::Local local;
  local.minute_of_day = hour * 60 + minute;
  return local;
}

Maintenance::Local Date(int32_t year, int32_t month, int32_t day, int32_t hour) {
  Maintenance::Local local = Clock(hour, 0);
  local.year = year;
  local.month = month;
  local.day = day;
  return local;
}

Maintenance Every(std::vector<uint8_t> weekdays, Maintenance::Local from, Maintenance::Local to,
                  std::string zone) {
  Maintenance window;
  window.name = "w";
  window.recurring = true;
  window.weekdays = std::move(weekdays);
  window.from = from;
  window.to = to;
  window.zone = std::move(zone);
  window.entities = {"array:a1"};
  return window;
}

class MaintenanceTest : public ::testing::Test {
 protected:
  // `text` are instants in UTC; returns which lie in the only window, as "yn…".
  static std::string InWindow(const Maintenance& window, std::vector<std::string_view> text) {
    auto program = Estate();
    program->maintenance = {window};
    MaintenanceCalendar calendar(program);
    std::string answer;
    for (const std::string_view instant : text) {
      answer += calendar.AnyOpen(Utc(instant)) ? 'y' : 'n';
    }
    return answer;
  }
  void Apply(const TopologyChange& change, EventTime now = kMinTime) {
    EXPECT_EQ(store_.Apply(change, now), std::nullopt);
  }
  std::string Covering(MaintenanceCalendar& calendar, std::string_view entity, EventTime time) {
    const Maintenance* const window = calendar.Covering(*store_.Snapshot(), entity, time);
    return window == nullptr ? "none" : window->name;
  }

  std::shared_ptr<Program> program_ = Estate();
  TopologyStore store_{program_, TopologyOptions()};
};

TEST_F(MaintenanceTest, SundayNightInParis) {
  // 2026-11-22 is a Sunday; Paris is an hour ahead of UTC in winter, two in summer.
  const Maintenance window = Every({0}, Clock(2, 0), Clock(4, 0), "Europe/Paris");
  EXPECT_EQ(
      InWindow(window, {"2026-11-22T00:59:59Z", "2026-11-22T01:00:00Z", "2026-11-22T02:59:59.999Z",
                        "2026-11-22T03:00:00Z", "2026-11-23T01:30:00Z", "2026-11-29T01:30:00Z"}),
      "nyynny");
  EXPECT_EQ(InWindow(window, {"2026-07-04T23:59:59Z", "2026-07-05T00:00:00Z",
                              "2026-07-05T01:59:59Z", "2026-07-05T02:00:00Z"}),
            "nyyn");
}

TEST_F(MaintenanceTest, WeekdayIsThatOfTheZone) {
  // Sunday 23:00 in Los Angeles is Monday in UTC.
  const Maintenance window = Every({0}, Clock(22, 0), Clock(23, 30), "America/Los_Angeles");
  EXPECT_EQ(
      InWindow(window, {"2026-11-22T22:30:00Z", "2026-11-23T06:30:00Z", "2026-11-23T07:30:00Z"}),
      "nyn");
}

TEST_F(MaintenanceTest, EarlierEndIsTheNextDay) {
  const Maintenance window = Every({6}, Clock(22, 0), Clock(2, 0), "UTC");
  EXPECT_EQ(
      InWindow(window, {"2026-11-21T21:59:00Z", "2026-11-21T22:00:00Z", "2026-11-22T01:59:00Z",
                        "2026-11-22T02:00:00Z", "2026-11-22T23:00:00Z"}),
      "nyynn");
}

TEST_F(MaintenanceTest, EveryDayAndToMidnight) {
  const Maintenance window = Every({}, Clock(23, 0), Clock(24, 0), "UTC");
  EXPECT_EQ(
      InWindow(window, {"2026-11-24T22:59:59Z", "2026-11-24T23:00:00Z", "2026-11-24T23:59:59Z",
                        "2026-11-25T00:00:00Z", "2026-11-25T23:30:00Z"}),
      "nyyny");
  const Maintenance always = Every({}, Clock(6, 0), Clock(6, 0), "UTC");
  EXPECT_EQ(InWindow(always, {"2026-11-24T05:59:59Z", "2026-11-24T06:00:00Z"}), "yy");
}

TEST_F(MaintenanceTest, SkippedHourStartsAtItsEnd) {
  // Paris, 2026-03-29: 02:00 becomes 03:00 at 01:00Z. Los Angeles, 2026-03-08: at 10:00Z.
  const Maintenance paris = Every({0}, Clock(2, 30), Clock(4, 0), "Europe/Paris");
  EXPECT_EQ(InWindow(paris, {"2026-03-29T00:59:59Z", "2026-03-29T01:00:00Z", "2026-03-29T01:59:59Z",
                             "2026-03-29T02:00:00Z"}),
            "nyyn");
  const Maintenance inside = Every({0}, Clock(2, 15), Clock(2, 45), "Europe/Paris");
  EXPECT_EQ(
      InWindow(inside, {"2026-03-29T00:59:59Z", "2026-03-29T01:00:00Z", "2026-03-29T01:20:00Z"}),
      "nnn");
  const Maintenance angeles = Every({0}, Clock(1, 0), Clock(2, 30), "America/Los_Angeles");
  EXPECT_EQ(InWindow(angeles, {"2026-03-08T08:59:59Z", "2026-03-08T09:00:00Z",
                               "2026-03-08T09:59:59Z", "2026-03-08T10:00:00Z"}),
            "nyyn");
}

TEST_F(MaintenanceTest, DoubledHourIsCoveredTwice) {
  // Paris, 2026-10-25: 03:00 becomes 02:00 at 01:00Z; 02:00 to 03:00 runs from 00:00Z to 02:00Z.
  const Maintenance whole = Every({0}, Clock(2, 0), Clock(3, 0), "Europe/Paris");
  EXPECT_EQ(InWindow(whole, {"2026-10-24T23:59:59Z", "2026-10-25T00:00:00Z", "2026-10-25T01:00:00Z",
                             "2026-10-25T01:59:59Z", "2026-10-25T02:00:00Z"}),
            "nyyyn");
  const Maintenance half = Every({0}, Clock(2, 0), Clock(2, 30), "Europe/Paris");
  EXPECT_EQ(
      InWindow(half, {"2026-10-25T00:00:00Z", "2026-10-25T00:29:59Z", "2026-10-25T00:30:00Z",
                      "2026-10-25T01:00:00Z", "2026-10-25T01:29:59Z", "2026-10-25T01:30:00Z"}),
      "yynyyn");
  // Los Angeles, 2026-11-01: 02:00 becomes 01:00 at 09:00Z.
  const Maintenance into = Every({0}, Clock(0, 0), Clock(1, 30), "America/Los_Angeles");
  EXPECT_EQ(InWindow(into, {"2026-11-01T06:59:59Z", "2026-11-01T07:00:00Z", "2026-11-01T08:29:59Z",
                            "2026-11-01T08:30:00Z", "2026-11-01T09:00:00Z", "2026-11-01T09:29:59Z",
                            "2026-11-01T09:30:00Z"}),
            "nyynyyn");
  const Maintenance out = Every({0}, Clock(1, 30), Clock(3, 0), "America/Los_Angeles");
  EXPECT_EQ(InWindow(out, {"2026-11-01T08:29:59Z", "2026-11-01T08:30:00Z", "2026-11-01T09:00:00Z",
                           "2026-11-01T09:30:00Z", "2026-11-01T10:59:59Z", "2026-11-01T11:00:00Z"}),
            "nynyyn");
}

TEST_F(MaintenanceTest, OneOffWindow) {
  Maintenance window;
  window.name = "launch event";
  window.from = Date(2026, 3, 21, 16);
  window.to = Date(2026, 3, 21, 20);
  window.zone = "America/Los_Angeles";  // 7 hours behind UTC by then
  EXPECT_EQ(
      InWindow(window, {"2026-03-21T22:59:59Z", "2026-03-21T23:00:00Z", "2026-03-22T02:59:59Z",
                        "2026-03-22T03:00:00Z", "2026-03-28T23:00:00Z", "2025-03-21T23:30:00Z"}),
      "nyynnn");
}

TEST_F(MaintenanceTest, EveryOtherWeek) {
  Maintenance window = Every({2}, Clock(22, 0), Clock(2, 0), "UTC");  // tuesdays
  window.weeks = 2;
  window.starting = Date(2026, 1, 8, 0);  // a thursday: the first tuesday of its weeks is later
  EXPECT_EQ(
      InWindow(window, {"2026-01-06T23:00:00Z", "2026-01-13T23:00:00Z", "2026-01-20T23:00:00Z",
                        "2026-01-21T01:59:59Z", "2026-01-21T02:00:00Z", "2026-01-27T23:00:00Z",
                        "2026-12-22T23:00:00Z"}),
      "nnyynny");
}

TEST_F(MaintenanceTest, NthWeekdayOfTheMonth) {
  Maintenance window = Every({2}, Clock(18, 0), Clock(20, 0), "America/New_York");
  window.nth = {2, -1};
  EXPECT_EQ(
      InWindow(window, {"2026-03-03T23:00:00Z", "2026-03-10T22:00:00Z", "2026-03-17T22:00:00Z",
                        "2026-03-24T22:00:00Z", "2026-03-31T22:00:00Z", "2026-02-10T23:00:00Z",
                        "2026-02-24T23:00:00Z"}),
      "nynnyyy");
}

TEST_F(MaintenanceTest, DaysOfTheMonthStartAndEnd) {
  Maintenance window = Every({}, Clock(23, 0), Clock(24, 0), "UTC");
  window.month_days = {31, -1};
  window.starting = Date(2026, 1, 31, 0);
  window.until = Date(2026, 5, 31, 0);
  window.except = {Date(2026, 3, 31, 0)};
  EXPECT_EQ(
      InWindow(window, {"2025-12-31T23:30:00Z", "2026-01-31T23:30:00Z", "2026-02-28T23:30:00Z",
                        "2026-02-27T23:30:00Z", "2026-03-31T23:30:00Z", "2026-04-30T23:30:00Z",
                        "2026-05-31T23:59:59Z", "2026-06-30T23:30:00Z"}),
      "nyynnyyn");
}

TEST_F(MaintenanceTest, RareWindowsAreFoundFarAhead) {
  Maintenance leap = Every({}, Clock(1, 0), Clock(2, 0), "Europe/Paris");
  leap.month_days = {29};
  leap.nth = {5};
  leap.starting = Date(2027, 2, 1, 0);
  Maintenance never = Every({}, Clock(1, 0), Clock(2, 0), "UTC");
  never.until = Date(2026, 1, 1, 0);
  program_->maintenance = {leap, never};
  MaintenanceCalendar calendar(program_);
  // The 29th of March 2027 is the fifth of its weekday, as every 29th is.
  EXPECT_EQ(calendar.SpanAt(program_->maintenance[0], Utc("2026-06-01T00:00:00Z"))->from,
            Utc("2027-03-28T23:00:00Z"));
  EXPECT_FALSE(calendar.SpanAt(program_->maintenance[1], Utc("2026-06-01T00:00:00Z")));
}

// Against a day by day count of what the words say.
TEST_F(MaintenanceTest, EveryDayOfTwoYearsAsTheWordsSay) {
  Maintenance window = Every({1, 4}, Clock(12, 0), Clock(13, 0), "UTC");  // mondays, thursdays
  window.weeks = 3;
  window.nth = {1, 3};
  window.starting = Date(2026, 1, 1, 0);
  program_->maintenance = {window};
  MaintenanceCalendar calendar(program_);
  const EventTime first = Utc("2026-01-01T12:30:00Z");  // a thursday
  int open = 0;
  for (int day = 0; day < 730; ++day) {
    const EventTime noon = first + std::chrono::hours(24) * day;
    const int day_of_month = std::stoi(FormatRfc3339(noon).substr(8, 2));
    const int weekday = (4 + day) % 7;  // 0 is sunday
    const int week = (day + 3) / 7;     // since monday, 2025-12-29
    const int nth = (day_of_month - 1) / 7 + 1;
    const bool expected = (weekday == 1 || weekday == 4) && week % 3 == 0 && (nth == 1 || nth == 3);
    EXPECT_EQ(calendar.AnyOpen(noon), expected) << FormatRfc3339(noon);
    open += expected ? 1 : 0;
  }
  EXPECT_GT(open, 10);
}

TEST_F(MaintenanceTest, NextChangeAndSpan) {
  program_->maintenance = {Every({0}, Clock(2, 0), Clock(4, 0), "Europe/Paris")};
  Maintenance once;
  once.from = Date(2026, 11, 24, 5);
  once.to = Date(2026, 11, 24, 6);
  program_->maintenance.push_back(once);
  MaintenanceCalendar calendar(program_);
  EXPECT_EQ(calendar.NextChange(Utc("2026-11-20T00:00:00Z")), Utc("2026-11-22T01:00:00Z"));
  EXPECT_EQ(calendar.NextChange(Utc("2026-11-22T01:00:00Z")), Utc("2026-11-22T03:00:00Z"));
  EXPECT_EQ(calendar.NextChange(Utc("2026-11-22T03:00:00Z")), Utc("2026-11-24T05:00:00Z"));
  EXPECT_EQ(calendar.NextChange(Utc("2026-11-24T05:30:00Z")), Utc("2026-11-24T06:00:00Z"));
  const auto span = calendar.SpanAt(program_->maintenance[0], Utc("2026-11-22T02:00:00Z")).value();
  EXPECT_EQ(span.from, Utc("2026-11-22T01:00:00Z"));
  EXPECT_EQ(span.to, Utc("2026-11-22T03:00:00Z"));
  EXPECT_EQ(calendar.SpanAt(program_->maintenance[0], Utc("2026-11-22T04:00:00Z"))->from,
            Utc("2026-11-29T01:00:00Z"));
  EXPECT_FALSE(calendar.SpanAt(program_->maintenance[1], Utc("2026-12-01T00:00:00Z")));
  // Times beyond any calendar.
  EXPECT_FALSE(calendar.AnyOpen(kMinTime));
  EXPECT_FALSE(calendar.AnyOpen(kMaxTime));
}

TEST_F(MaintenanceTest, UnknownZonesAreNamedAndNeverOpen) {
  program_->maintenance = {Every({}, Clock(0, 0), Clock(24, 0), "Europe/Paris"),
                           Every({}, Clock(0, 0), Clock(24, 0), "Europe/Pariss"),
                           Every({}, Clock(0, 0), Clock(24, 0), "UTC"),
                           Every({}, Clock(0, 0), Clock(24, 0), "/etc/localtime"),
                           Every({}, Clock(0, 0), Clock(24, 0), "Europe/Pariss"),
                           Every({}, Clock(0, 0), Clock(24, 0), "../zone")};
  EXPECT_THAT(MaintenanceCalendar::UnknownZones(*program_),
              ElementsAre("Europe/Pariss", "/etc/localtime", "../zone"));
  program_->maintenance = {program_->maintenance[1]};
  MaintenanceCalendar calendar(program_);
  EXPECT_FALSE(calendar.AnyOpen(Utc("2026-11-22T01:00:00Z")));
  EXPECT_EQ(calendar.NextChange(Utc("2026-11-22T01:00:00Z")), std::nullopt);
}

TEST_F(MaintenanceTest, SelectsByKindAndLabels) {
  Maintenance window;
  window.name = "cold";
  window.recurring = true;
  window.from = Clock(0, 0);
  window.to = Clock(24, 0);
  window.kind = program_->FindKind("disk");
  promql::Matcher array;
  array.name = "array";
  array.value = "a1";
  promql::Matcher tier;
  tier.name = "tier";
  tier.op = promql::MatchOp::kNotEqual;
  tier.value = "hot";
  window.where = {array, tier};
  program_->maintenance = {window};
  MaintenanceCalendar calendar(program_);
  Apply(Entity("disk:a1/d1", {{"tier", "cold"}}));
  Apply(Entity("disk:a1/d2", {{"tier", "hot"}}));
  Apply(Entity("disk:a2/d1"));
  const EventTime now = Utc("2026-11-22T01:00:00Z");
  EXPECT_EQ(Covering(calendar, "disk:a1/d1", now), "cold");
  EXPECT_EQ(Covering(calendar, "disk:a1/d2", now), "none");
  EXPECT_EQ(Covering(calendar, "disk:a2/d1", now), "none");
  EXPECT_EQ(Covering(calendar, "disk:a1/unmapped", now), "cold");
  EXPECT_EQ(Covering(calendar, "array:a1", now), "none");
}

TEST_F(MaintenanceTest, AllAboveAsOfNow) {
  Maintenance window = Every({}, Clock(0, 0), Clock(24, 0), "UTC");
  window.reach = Maintenance::Reach::kAllAbove;
  program_->maintenance = {window};
  MaintenanceCalendar calendar(program_);
  const EventTime start = Utc("2026-11-22T01:00:00Z");
  Apply(RelationAdded("built_from", "array:a1", "disk:a1/d1"), start);
  Apply(RelationAdded("stored_on", "vm:web1", "array:a1"), start);
  Apply(RelationAdded("runs_on", "app:shop", "vm:web1"), start);
  Apply(RelationAdded("calls", "app:portal", "app:shop"), start);
  Apply(RelationAdded("calls", "app:shop", "app:portal"), start);  // a cycle
  Apply(Dated(start + Millis(60'000), RelationDeleted("runs_on", "app:shop", "vm:web1")), start);
  EXPECT_EQ(Covering(calendar, "array:a1", start), "w");
  EXPECT_EQ(Covering(calendar, "vm:web1", start), "w");
  EXPECT_EQ(Covering(calendar, "app:shop", start), "w");
  EXPECT_EQ(Covering(calendar, "app:portal", start), "w");
  EXPECT_EQ(Covering(calendar, "disk:a1/d1", start), "none");
  // The same map, a minute later: the app has moved away.
  EXPECT_EQ(Covering(calendar, "app:portal", start + Millis(59'999)), "w");
  EXPECT_EQ(Covering(calendar, "app:portal", start + Millis(60'000)), "none");
  EXPECT_EQ(Covering(calendar, "vm:web1", start + Millis(60'000)), "w");
  EXPECT_EQ(Covering(calendar, "app:portal", start), "w");
  // A new map.
  Apply(RelationAdded("runs_on", "app:new", "vm:web1"), start + Millis(60'000));
  EXPECT_EQ(Covering(calendar, "app:new", start + Millis(60'000)), "w");
}

TEST_F(MaintenanceTest, AllBelow) {
  Maintenance window = Every({}, Clock(0, 0), Clock(24, 0), "UTC");
  window.entities = {"app:shop"};
  window.reach = Maintenance::Reach::kAllBelow;
  program_->maintenance = {window};
  MaintenanceCalendar calendar(program_);
  Apply(RelationAdded("runs_on", "app:shop", "vm:web1"));
  Apply(RelationAdded("stored_on", "vm:web1", "array:a1"));
  Apply(RelationAdded("calls", "app:portal", "app:shop"));
  const EventTime now = Utc("2026-11-22T01:00:00Z");
  EXPECT_EQ(Covering(calendar, "array:a1", now), "w");
  EXPECT_EQ(Covering(calendar, "app:shop", now), "w");
  EXPECT_EQ(Covering(calendar, "app:portal", now), "none");
}

TEST_F(MaintenanceTest, OfSeveralTheFirstDeclared) {
  program_->maintenance = {Every({}, Clock(4, 0), Clock(5, 0), "UTC"),
                           Every({}, Clock(0, 0), Clock(24, 0), "UTC")};
  program_->maintenance[0].name = "first";
  program_->maintenance[1].name = "second";
  MaintenanceCalendar calendar(program_);
  EXPECT_EQ(Covering(calendar, "array:a1", Utc("2026-11-22T04:30:00Z")), "first");
  EXPECT_EQ(Covering(calendar, "array:a1", Utc("2026-11-22T05:30:00Z")), "second");
  EXPECT_EQ(Covering(calendar, "array:a2", Utc("2026-11-22T05:30:00Z")), "none");
}

}  // namespace
}  // namespace rootnote
