#include "engine/metrics.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace rootnote {
namespace {

using ::testing::HasSubstr;

TEST(MetricsTest, TextIsSortedAndEscaped) {
  Metrics metrics;
  metrics.Gauge("rootnote_b", "Two lines\nand a \\.").Set(-7);
  metrics.Counter("rootnote_a_total", "What \"a\" counted.", "reason=\"z\"").Add(2);
  metrics
      .Counter("rootnote_a_total", "Said twice.",
               "reason=\"" + EscapeLabelValue("a\"b\\c\nd") + "\"")
      .Add();
  EXPECT_EQ(metrics.Text(),
            "# HELP rootnote_a_total What \"a\" counted.\n"
            "# TYPE rootnote_a_total counter\n"
            "rootnote_a_total{reason=\"a\\\"b\\\\c\\nd\"} 1\n"
            "rootnote_a_total{reason=\"z\"} 2\n"
            "# HELP rootnote_b Two lines\\nand a \\\\.\n"
            "# TYPE rootnote_b gauge\n"
            "rootnote_b -7\n");
}

TEST(MetricsTest, TheSameNameAndLabelsAreTheSameMetric) {
  Metrics metrics;
  Metric& first = metrics.Counter("rootnote_x_total", "X.", "a=\"1\"");
  EXPECT_EQ(&first, &metrics.Counter("rootnote_x_total", "X.", "a=\"1\""));
  EXPECT_NE(&first, &metrics.Counter("rootnote_x_total", "X.", "a=\"2\""));
}

TEST(MetricsTest, BeyondTheLimitOneMetricTakesTheRest) {
  Metrics metrics;
  for (int i = 0; i < 10'005; ++i) {
    metrics.Counter("rootnote_x_total", "X.", "i=\"" + std::to_string(i) + "\"").Add();
  }
  metrics.Counter("rootnote_y_total", "Y.").Add();
  EXPECT_EQ(&metrics.Counter("rootnote_x_total", "X.", "i=\"3\""),
            &metrics.Counter("rootnote_x_total", "X.", "i=\"3\""));
  EXPECT_THAT(metrics.Text(), HasSubstr("rootnote_metrics_overflow_total 6\n"));
}

}  // namespace
}  // namespace rootnote
