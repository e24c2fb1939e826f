// What is unusual for a series itself, and what only looks so.
#include "rules/promql/anomaly_score.h"

#include <cmath>
#include <functional>
#include <limits>
#include <random>
#include <span>
#include <vector>

#include <gtest/gtest.h>

namespace rootnote::promql {
namespace {

using std::chrono_literals::operator""min;
using std::chrono_literals::operator""h;

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();

// The unit of a series like Quiet below, from so many samples learned.
double Unit(size_t learned) { return 1.4826 * (1 + 15.0 / static_cast<double>(learned)); }

// Even and odd samples around 100: median 100, MAD 1, and peaks of 1.
double Quiet(size_t i) { return i % 2 == 0 ? 99 : 101; }

std::vector<Point> Samples(size_t count, Millis interval, const std::function<double(size_t)>& at) {
  std::vector<Point> points;
  for (size_t i = 0; i < count; ++i) {
    points.push_back({EventTime(interval * static_cast<int64_t>(i + 1)), at(i)});
  }
  return points;
}

// The last two samples.
void SetLast(std::vector<Point>& points, double value) {
  points.back().value = value;
  points[points.size() - 2].value = value;
}

std::optional<double> ScoreOfLast(const std::vector<Point>& points, AnomalyLimits limits) {
  return AnomalyScore(points, points.back().time, limits);
}

TEST(AnomalyScore, CountsInWhatIsUsual) {
  auto points = Samples(100, 1min, Quiet);
  SetLast(points, 100 + 10 * Unit(90));
  EXPECT_NEAR(*ScoreOfLast(points, {10min, 0, 0}), 10, 1e-9);
  SetLast(points, 100 - 10 * Unit(90));
  EXPECT_NEAR(*ScoreOfLast(points, {10min, 0, 0}), -10, 1e-9);
}

TEST(AnomalyScore, OneRowAMinuteMayBeAHiccup) {
  auto points = Samples(100, 1min, Quiet);
  points[98].value = 101;
  points[99].value = 1000;
  EXPECT_NEAR(*ScoreOfLast(points, {10min, 0, 0}), 1 / Unit(90), 1e-9);
  points[98].value = 100 - 10 * Unit(90);  // the one up, the other down
  EXPECT_EQ(*ScoreOfLast(points, {10min, 0, 0}), 0);
  points[98].value = 100 + 10 * Unit(90);
  EXPECT_NEAR(*ScoreOfLast(points, {10min, 0, 0}), 10, 1e-9);
}

// A mean over five minutes has lasted; of many rows the middle one counts.
TEST(AnomalyScore, JudgesByTimeAndNotByRows) {
  auto slow = Samples(100, 5min, Quiet);
  slow.back().value = 100 + 10 * Unit(98);
  EXPECT_NEAR(*ScoreOfLast(slow, {10min, 0, 0}), 10, 1e-9);
  auto fast = Samples(200, std::chrono::seconds(20), Quiet);  // five rows in 90 s
  for (const size_t i : {195, 197, 199}) fast[i].value = 100 - 10 * Unit(170);
  for (const size_t i : {196, 198}) fast[i].value = 100;
  EXPECT_NEAR(*ScoreOfLast(fast, {10min, 0, 0}), -10, 1e-9);
  fast[195].value = 100;
  EXPECT_EQ(*ScoreOfLast(fast, {10min, 0, 0}), 0);
}

TEST(AnomalyScore, NeedsTenSamplesAndOneThatIsYoung) {
  const auto points = Samples(20, 1min, Quiet);
  EXPECT_TRUE(ScoreOfLast(points, {10min, 0, 0}).has_value());  // 1 … 10 are learned
  EXPECT_FALSE(ScoreOfLast(points, {11min, 0, 0}).has_value());
  EXPECT_TRUE(AnomalyScore(points, points.back().time + 9min, {10min, 0, 0}).has_value());
  EXPECT_FALSE(AnomalyScore(points, points.back().time + 10min, {10min, 0, 0}).has_value());
  EXPECT_FALSE(AnomalyScore({}, EventTime(1h), {10min, 0, 0}).has_value());
}

TEST(AnomalyScore, WhatIsNoNumberDoesNotCount) {
  auto points = Samples(100, 1min, Quiet);
  points[50].value = kNan;
  points[61].value = HUGE_VAL;
  points[97].value = points[98].value = 100 + 10 * Unit(88);
  points[99].value = kNan;
  EXPECT_NEAR(*ScoreOfLast(points, {10min, 0, 0}), 10, 1e-9);
}

// Student's t: what is known from few samples may be wrong.
TEST(AnomalyScore, FewSamplesSayLess) {
  auto few = Samples(20, 1min, Quiet);
  SetLast(few, 100 + 10 * 1.4826);
  EXPECT_NEAR(*ScoreOfLast(few, {10min, 0, 0}), 4, 1e-9);
}

TEST(AnomalyScore, SmallEffectsAreNone) {
  auto points = Samples(100, 1min, Quiet);
  SetLast(points, 140);
  EXPECT_GT(*ScoreOfLast(points, {10min, 39, 0.39}), 6);
  EXPECT_EQ(*ScoreOfLast(points, {10min, 41, 0}), 0);
  EXPECT_EQ(*ScoreOfLast(points, {10min, 0, 0.41}), 0);
}

// A constant series has no deviation to count in.
TEST(AnomalyScore, ConstantsAreMeasuredByTheEffectThatMatters) {
  auto points = Samples(100, 1min, [](size_t) { return 100.0; });
  EXPECT_EQ(*ScoreOfLast(points, {10min, 0, 0}), 0);
  SetLast(points, 99);
  EXPECT_EQ(*ScoreOfLast(points, {10min, 2, 0}), 0);
  EXPECT_NEAR(*ScoreOfLast(points, {10min, 1, 0}), -10, 1e-9);
  EXPECT_EQ(*ScoreOfLast(points, {10min, 0, 0}), -100);
}

// A fault of a quarter of the time, and younger than the lag or not, does not train what it is
// measured by.
TEST(AnomalyScore, AFaultIsNotLearned) {
  const auto at = [](size_t i) { return i < 150 ? Quiet(i) : 500.0; };
  EXPECT_EQ(*ScoreOfLast(Samples(155, 1min, at), {10min, 0, 0}), 100);
  EXPECT_EQ(*ScoreOfLast(Samples(200, 1min, at), {10min, 0, 0}), 100);
}

// Spikes that come again and again are how this series is.
TEST(AnomalyScore, PeaksThatComeAgainAreUsual) {
  const auto at = [](size_t i) { return i % 20 == 7 ? 150 : Quiet(i); };
  auto points = Samples(400, 1min, at);
  const double few = 1 + 15.0 / 390;
  SetLast(points, 150);
  EXPECT_NEAR(*ScoreOfLast(points, {10min, 0, 0}), 2 / few, 1e-9);
  SetLast(points, 300);
  EXPECT_NEAR(*ScoreOfLast(points, {10min, 0, 0}), 8 / few, 1e-9);
  SetLast(points, 80);  // downwards it never went
  EXPECT_NEAR(*ScoreOfLast(points, {10min, 0, 0}), -20 / Unit(390), 1e-9);
}

// A job at the same time of the day is usual; at another time, or before a day was seen, it is not.
TEST(AnomalyScore, WhatComesDailyIsUsual) {
  const AnomalyLimits limits{30min, 0, 0};
  const auto at = [](size_t i) { return i % 144 == 100 || i % 144 == 101 ? 500 : Quiet(i); };
  EXPECT_EQ(*ScoreOfLast(Samples(144 + 102, 10min, at), limits), 0);
  EXPECT_EQ(*ScoreOfLast(Samples(102, 10min, at), limits), 100);
  auto elsewhere = Samples(144 + 91, 10min, at);
  SetLast(elsewhere, 500);
  EXPECT_EQ(*ScoreOfLast(elsewhere, limits), 100);
}

std::optional<double> Call(RangeFunction function, const std::vector<Point>& points, double lag) {
  Range range;
  range.end = range.instant = points.back().time;
  return function({points, range, lag, 0, 0});
}

TEST(AnomalyScore, OfCountersTheGrowthCounts) {
  double sum = 0;
  auto points = Samples(101, 1min, [&](size_t i) { return sum += i % 2 == 0 ? 54 : 66; });
  for (const size_t i : {99, 100}) points[i].value = points[i - 1].value + 60 + 60 * Unit(90);
  EXPECT_NEAR(*Call(RateAnomalyOverTime, points, 600), 10, 1e-9);
  points.back().value = 60;  // begins anew
  EXPECT_NEAR(*Call(RateAnomalyOverTime, points, 600), 0, 1e-9);
}

TEST(AnomalyScore, AnOnsetIsToldOnce) {
  auto points = Samples(100, 1min, Quiet);
  points[97].value = 200;
  points.resize(98);
  EXPECT_NEAR(*Call(AnomalyOnsetOverTime, points, 600), 100 / Unit(88), 1e-9);
  points.push_back({points.back().time + 1min, 190});
  EXPECT_EQ(*Call(AnomalyOnsetOverTime, points, 600), 0);
  points.push_back({points.back().time + 1min, 220});
  EXPECT_NEAR(*Call(AnomalyOnsetOverTime, points, 600), 120 / Unit(90), 1e-9);
}

// Uniform in (0, 1], the same everywhere.
double Uniform(std::mt19937_64& random) {
  return (static_cast<double>(random() >> 11) + 1) / 9007199254740992.0;
}
double Normal(std::mt19937_64& random) {
  return std::sqrt(-2 * std::log(Uniform(random))) * std::cos(2 * M_PI * Uniform(random));
}

// Thirty-five hours of rows a minute; how often the last ten of them are unusual by the pack's
// limit.
struct Noise {
  const char* name;
  std::function<double(std::mt19937_64&, size_t)> at;
};

size_t Unusual(const std::vector<Point>& points) {
  size_t count = 0;
  for (size_t end = 25 * 60; end < points.size(); ++end) {
    const std::span<const Point> window(points.data() + end - 25 * 60, 25 * 60);
    const auto score = AnomalyScore(window, window.back().time, {10min, 0, 0.5});
    count += score && std::abs(*score) > 6;
  }
  return count;
}

// What the limit is made for: no false alarm in 14,400 looks at noise, and every fault of five
// minutes that goes to five times what was ever seen.
TEST(AnomalyScore, NoiseIsNotUnusualAndFaultsAre) {
  const Noise kinds[] = {
      {"normal", [](auto& random, size_t) { return 100 + 10 * Normal(random); }},
      {"exponential", [](auto& random, size_t) { return -std::log(Uniform(random)); }},
      {"lognormal", [](auto& random, size_t) { return std::exp(0.5 * Normal(random)); }},
      {"daily",
       [](auto& random, size_t i) {
         const double day = std::sin(2 * M_PI * static_cast<double>(i) / 1440);
         return 100 + 60 * day + 5 * Normal(random);
       }},
      {"bursts",
       [](auto& random, size_t i) { return (i % 60 < 5 ? 4 : 1) * (1 + 0.1 * Normal(random)); }},
      {"counts", [](auto& random, size_t) { return std::floor(-2 * std::log(Uniform(random))); }},
  };
  for (const Noise& kind : kinds) {
    SCOPED_TRACE(kind.name);
    for (uint64_t seed = 1; seed <= 4; ++seed) {
      SCOPED_TRACE(seed);
      std::mt19937_64 random(seed);
      auto points = Samples(35 * 60, 1min, [&](size_t i) { return kind.at(random, i); });
      EXPECT_EQ(Unusual(points), 0U);
      double highest = 0;
      for (const Point& point : points) highest = std::max(highest, point.value);
      for (size_t i = 2000; i < 2005; ++i) points[i].value = 5 * highest;
      EXPECT_GE(Unusual(points), 3U);
    }
  }
}

TEST(AnomalyScore, NamesOfItsFunctions) {
  EXPECT_TRUE(IsAnomalyScore("anomaly_over_time"));
  EXPECT_TRUE(IsAnomalyScore("rate_anomaly_over_time"));
  EXPECT_TRUE(IsAnomalyScore("anomaly_onset_over_time"));
  EXPECT_FALSE(IsAnomalyScore("zscore_over_time"));
}

}  // namespace
}  // namespace rootnote::promql
