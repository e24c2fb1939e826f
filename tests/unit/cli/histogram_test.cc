// What /metrics needs beyond counters and gauges.
#include <thread>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

#include "engine/metrics.h"

namespace rootnote {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

TEST(HistogramTest, BucketsCountUpwardsInSeconds) {
  Metrics metrics;
  constexpr int64_t kBounds[] = {5, 100, 2'500};
  HistogramMetric& histogram =
      metrics.Histogram("rootnote_x_seconds", "X.", kBounds, "topic=\"a\"");
  for (const int64_t value : {0, 5, 6, 100, 101, 9'000}) histogram.Observe(value);
  histogram.Observe(50, 3);
  EXPECT_EQ(metrics.Text(),
            "# HELP rootnote_x_seconds X.\n"
            "# TYPE rootnote_x_seconds histogram\n"
            "rootnote_x_seconds_bucket{topic=\"a\",le=\"0.005\"} 2\n"
            "rootnote_x_seconds_bucket{topic=\"a\",le=\"0.1\"} 7\n"
            "rootnote_x_seconds_bucket{topic=\"a\",le=\"2.5\"} 8\n"
            "rootnote_x_seconds_bucket{topic=\"a\",le=\"+Inf\"} 9\n"
            "rootnote_x_seconds_sum{topic=\"a\"} 9.362\n"
            "rootnote_x_seconds_count{topic=\"a\"} 9\n");
}

TEST(HistogramTest, WithoutLabelsTheBoundStandsAlone) {
  Metrics metrics;
  constexpr int64_t kBounds[] = {1};
  metrics.Histogram("rootnote_x_seconds", "X.", kBounds, "", MetricUnit::kMicros).Observe(7);
  EXPECT_THAT(metrics.Text(), AllOf(HasSubstr("rootnote_x_seconds_bucket{le=\"1e-06\"} 0\n"),
                                    HasSubstr("rootnote_x_seconds_sum 7e-06\n"),
                                    HasSubstr("rootnote_x_seconds_count 1\n")));
}

TEST(HistogramTest, ManyThreadsLoseNothing) {
  Metrics metrics;
  HistogramMetric& histogram = metrics.Histogram("rootnote_x_seconds", "X.", kLatencyBuckets);
  std::vector<std::thread> threads;
  for (int64_t i = 0; i < 4; ++i) {
    threads.emplace_back([&histogram, i] {
      for (int64_t n = 0; n < 5'000; ++n) histogram.Observe(i);
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(histogram.sum(), 5'000 * (1 + 2 + 3));
  EXPECT_THAT(metrics.Text(), HasSubstr("rootnote_x_seconds_count 20000\n"));
}

TEST(HistogramTest, BoundsAscend) {
  for (const auto bounds :
       {std::span<const int64_t>(kLatencyBuckets), std::span<const int64_t>(kDelayBuckets)}) {
    for (size_t i = 1; i < bounds.size(); ++i) EXPECT_LT(bounds[i - 1], bounds[i]);
  }
}

TEST(MetricUnitTest, MillisecondsAreToldInSeconds) {
  Metrics metrics;
  metrics.Gauge("rootnote_g_seconds", "G.", "", MetricUnit::kMillis).Set(-1'500);
  metrics.Counter("rootnote_c_seconds_total", "C.", "", MetricUnit::kMicros).Add(250);
  EXPECT_THAT(metrics.Text(), AllOf(HasSubstr("\nrootnote_g_seconds -1.5\n"),
                                    HasSubstr("\nrootnote_c_seconds_total 0.00025\n")));
}

TEST(MetricReadTest, WhatIsReadStandsInOrderAmongTheOthers) {
  Metrics metrics;
  metrics.Gauge("rootnote_b", "B.").Set(1);
  double value = 1;
  metrics.OnRead([&value](MetricSamples& samples) {
    samples.Gauge("rootnote_c", "C.", value, "topic=\"t\"");
    samples.Gauge("rootnote_c", "C.", 0.5, "topic=\"s\"");
    samples.Counter("rootnote_a_total", "A.", 1e12);
  });
  EXPECT_EQ(metrics.Text(),
            "# HELP rootnote_a_total A.\n# TYPE rootnote_a_total counter\n"
            "rootnote_a_total 1000000000000\n"
            "# HELP rootnote_b B.\n# TYPE rootnote_b gauge\nrootnote_b 1\n"
            "# HELP rootnote_c C.\n# TYPE rootnote_c gauge\n"
            "rootnote_c{topic=\"s\"} 0.5\nrootnote_c{topic=\"t\"} 1\n");
  value = std::numeric_limits<double>::infinity();
  EXPECT_THAT(metrics.Text(), HasSubstr("rootnote_c{topic=\"t\"} +Inf\n"));
}

TEST(MetricHideTest, HiddenGaugesComeBackWhenTheyAreSet) {
  Metrics metrics;
  Metric& gauge = metrics.Gauge("rootnote_g", "G.", "source=\"a\"");
  metrics.Gauge("rootnote_g", "G.", "source=\"b\"").Set(2);
  metrics.Counter("rootnote_c_total", "C.").Add();
  metrics.HideGauges();
  EXPECT_THAT(metrics.Text(), AllOf(Not(HasSubstr("rootnote_g")), HasSubstr("rootnote_c_total 1")));
  gauge.Set(3);
  EXPECT_THAT(metrics.Text(),
              AllOf(HasSubstr("rootnote_g{source=\"a\"} 3"), Not(HasSubstr("source=\"b\""))));
}

}  // namespace
}  // namespace rootnote
