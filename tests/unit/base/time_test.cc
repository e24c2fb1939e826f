#include "schemas/base/time.h"

#include <random>
#include <string>

#include <gtest/gtest.h>

namespace rootnote {
namespace {

struct TimeCase {
  const char* text;
  int64_t ms;
};

TEST(ParseRfc3339, ReadsWhatRfc3339Allows) {
  const TimeCase cases[] = {
      {"1970-01-01T00:00:00Z", 0},
      {"2026-11-22T07:17:16.117Z", 1795331836117},
      {"2026-11-22T07:17:16Z", 1795331836000},
      {"2026-11-22T07:17:16.1Z", 1795331836100},
      {"2026-11-22T07:17:16.1179Z", 1795331836117},
      {"2026-11-22T07:17:16.117999999Z", 1795331836117},
      {"2026-11-22T07:17:16.000000001Z", 1795331836000},
      {"2026-11-22T08:17:16.117+01:00", 1795331836117},
      {"2026-11-22T01:47:16.117-05:30", 1795331836117},
      {"2026-11-22T07:17:16.117-00:00", 1795331836117},
      {"2026-11-22t07:17:16.117z", 1795331836117},
      {"1969-12-31T23:59:59.9999Z", -1},
      {"2024-02-29T00:00:00Z", 1709164800000},
      {"2000-02-29T00:00:00Z", 951782400000},
      {"0001-01-01T00:00:00Z", -62135596800000},
      {"0000-01-01T00:00:00Z", -62167219200000},
      {"9999-12-31T23:59:59.999Z", 253402300799999},
      {"2016-12-31T23:59:60Z", 1483228799999},
      {"2016-12-31T23:59:60.5Z", 1483228799999},
  };
  for (const TimeCase& one : cases) {
    const std::optional<EventTime> time = ParseRfc3339(one.text);
    ASSERT_TRUE(time.has_value()) << one.text;
    EXPECT_EQ(ToMillis(*time), one.ms) << one.text;
  }
}

TEST(ParseRfc3339, RejectsEverythingElse) {
  for (const char* text : {"",
                           "Z",
                           "2026-11-22",
                           "2026-11-22T07:17:16",
                           "2026-11-22 07:17:16Z",
                           "2026-11-22T07:17Z",
                           "2026-11-22T07:17:16.Z",
                           "2026-11-22T07:17:16.1234567890Z",
                           "2026-11-22T07:17:16,117Z",
                           "2026-13-22T07:17:16Z",
                           "2026-00-22T07:17:16Z",
                           "2026-11-31T07:17:16Z",
                           "2026-11-00T07:17:16Z",
                           "2025-02-29T00:00:00Z",
                           "1900-02-29T00:00:00Z",
                           "2026-11-22T24:00:00Z",
                           "2026-11-22T07:60:16Z",
                           "2026-11-22T07:17:61Z",
                           "2026-11-22T07:17:16+1:00",
                           "2026-11-22T07:17:16+0100",
                           "2026-11-22T07:17:16+24:00",
                           "2026-11-22T07:17:16+01:60",
                           "2026-11-22T07:17:16Zx",
                           " 2026-11-22T07:17:16Z",
                           "2026-11-22T07:17:16Z ",
                           "26-11-22T07:17:16Z",
                           "+026-11-22T07:17:16Z",
                           "2026-11-22T07:17:16.1x7Z",
                           "20261122T071716Z"}) {
    EXPECT_FALSE(ParseRfc3339(text).has_value()) << text;
  }
}

TEST(FormatRfc3339, WritesWhatParses) {
  EXPECT_EQ(FormatRfc3339(FromMillis(1795331836117)), "2026-11-22T07:17:16.117Z");
  EXPECT_EQ(FormatRfc3339(FromMillis(1795331836000)), "2026-11-22T07:17:16Z");
  EXPECT_EQ(FormatRfc3339(FromMillis(1795331836007)), "2026-11-22T07:17:16.007Z");
  EXPECT_EQ(FormatRfc3339(FromMillis(-1)), "1969-12-31T23:59:59.999Z");
  EXPECT_EQ(FormatRfc3339(kMinTime), "0000-01-01T00:00:00Z");
  EXPECT_EQ(FormatRfc3339(kMaxTime), "9999-12-31T23:59:59.999Z");

  std::mt19937_64 random(7);
  std::uniform_int_distribution<int64_t> any(-62167219200000, 253402300799999);
  for (int i = 0; i < 20'000; ++i) {
    const EventTime time = FromMillis(any(random));
    EXPECT_EQ(ParseRfc3339(FormatRfc3339(time)), time) << ToMillis(time);
  }
}

// The calendar against the one of the C++ library.
TEST(FormatRfc3339, AgreesWithChrono) {
  for (int64_t day = -700'000; day < 2'900'000; day += 61) {
    const std::chrono::year_month_day date{std::chrono::sys_days(std::chrono::days(day))};
    const std::string text = FormatRfc3339(FromMillis(day * 86'400'000));
    ASSERT_EQ(std::stoi(text.substr(0, 4)), static_cast<int>(date.year())) << day;
    ASSERT_EQ(std::stoul(text.substr(5, 2)), static_cast<unsigned>(date.month())) << day;
    ASSERT_EQ(std::stoul(text.substr(8, 2)), static_cast<unsigned>(date.day())) << day;
  }
}

TEST(ParseDuration, ReadsPrometheusDurations) {
  const TimeCase cases[] = {{"0", 0},
                            {"0s", 0},
                            {"5m", 300'000},
                            {"90s", 90'000},
                            {"1h30m", 5'400'000},
                            {"1d12h", 129'600'000},
                            {"200ms", 200},
                            {"1s500ms", 1500},
                            {"1w", 604'800'000},
                            {"1y2w3d4h5m6s7ms", 33'019'506'007},
                            {"1000000s", 1'000'000'000}};
  for (const TimeCase& one : cases) {
    const std::optional<Millis> duration = ParseDuration(one.text);
    ASSERT_TRUE(duration.has_value()) << one.text;
    EXPECT_EQ(duration->count(), one.ms) << one.text;
  }
}

TEST(ParseDuration, RejectsEverythingElse) {
  for (const char* text : {"", "5", "m", "-5m", "5m5m", "5s1m", "1.5h", "5 m", "5M", "5min", "1m30",
                           "99999999999999999999s", "9999999999999y", "1µs", "1ms1s", "00"}) {
    EXPECT_FALSE(ParseDuration(text).has_value()) << text;
  }
}

TEST(FormatDuration, WritesTheShortestWords) {
  const TimeCase cases[] = {
      {"0s", 0},           {"200ms", 200},        {"1s500ms", 1500},      {"1m30s", 90'000},
      {"5m", 300'000},     {"1h", 3'600'000},     {"1d12h", 129'600'000}, {"8d", 691'200'000},
      {"1w", 604'800'000}, {"1y", 31'536'000'000}};
  for (const TimeCase& one : cases) {
    EXPECT_EQ(FormatDuration(Millis(one.ms)), one.text);
  }
  std::mt19937_64 random(11);
  for (int i = 0; i < 10'000; ++i) {
    const Millis duration(static_cast<int64_t>(random() >> (1 + random() % 62)));
    EXPECT_EQ(ParseDuration(FormatDuration(duration)), duration) << duration.count();
  }
}

}  // namespace
}  // namespace rootnote
