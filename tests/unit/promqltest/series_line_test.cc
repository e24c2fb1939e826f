#include "rules/promqltest/series_line.h"

#include <cmath>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

#include "rules/promqltest/compare.h"
#include "schemas/schema.h"

namespace rootnote::promqltest {
namespace {

// "_" for a gap.
std::string Words(std::string_view line) {
  const absl::StatusOr<SeriesLine> series = ParseSeriesLine(line);
  if (!series.ok()) return "wrong: " + std::string(series.status().message());
  std::string words = series->labels.ToString();
  for (const std::optional<double>& value : series->values) {
    words += ' ';
    if (!value) {
      words += '_';
    } else if (IsStaleNan(*value)) {
      words += "stale";
    } else {
      char text[32];
      std::snprintf(text, sizeof text, "%g", *value);
      words += text;
    }
  }
  return words;
}

TEST(SeriesLine, Notation) {
  EXPECT_EQ(Words("m 5"), "m 5");
  EXPECT_EQ(Words("m 0+10x3"), "m 0 10 20 30");
  EXPECT_EQ(Words("m 1x3 -1"), "m 1 1 1 1 -1");
  EXPECT_EQ(Words("m 5-2.5x2 _ _x3 stale"), "m 5 2.5 0 _ _ _ _ stale");
  EXPECT_EQ(Words("m 1e3-2x4"), "m 1000 998 996 994 992");
  EXPECT_EQ(Words("m +Inf -Inf inf NaN .5 1_000 1E2"), "m inf -inf inf nan 0.5 1000 100");
  EXPECT_EQ(Words("m 3x0 _x0 1"), "m 3 1");
  EXPECT_EQ(Words("m staleX1"), "wrong: column 8: expected a space between labels and values");
  EXPECT_EQ(Words("m stalex1"), "m stale stale");
  EXPECT_EQ(Words("m"), "m");
}

TEST(SeriesLine, Labels) {
  EXPECT_EQ(Words("{} 1"), "{} 1");
  EXPECT_EQ(Words("m{a=\"1\", b='2',c=`3`,}\t4"), "m{a=\"1\",b=\"2\",c=\"3\"} 4");
  EXPECT_EQ(Words("{__name__=\"m\",a=\"b c\"} 4"), "m{a=\"b c\"} 4");
  EXPECT_EQ(Words("m{ a = \"}\" } 4"), "m{a=\"}\"} 4");
  const absl::StatusOr<SeriesLine> quoted =
      ParseSeriesLine("{\"a metric\", \"a b\"=\"\\u00fc\"}  7 8");
  ASSERT_TRUE(quoted.ok()) << quoted.status();
  EXPECT_EQ(quoted->labels.metric(), "a metric");
  EXPECT_EQ(quoted->labels.Get("a b"), "\xC3\xBC");
  EXPECT_EQ(quoted->values.size(), 2U);
}

TEST(SeriesLine, HistogramsAreToldApart) {
  const absl::StatusOr<SeriesLine> series =
      ParseSeriesLine("h {{schema:0 sum:3 count:4 buckets:[1 2 1]}}x2 7 {{count:1}}+{{count:2}}x1");
  ASSERT_TRUE(series.ok()) << series.status();
  EXPECT_TRUE(series->histograms);
  ASSERT_EQ(series->values.size(), 6U);
  EXPECT_FALSE(series->values[2]);
  EXPECT_EQ(series->values[3], 7);
}

TEST(SeriesLine, WrongOnes) {
  for (const char* line :
       {"m{", "m{a}", "m{a=}", "m{a=\"1\" b=\"2\"} 1", "m{a=\"open} 1", "m 1+x3", "m 1+2", "m 1x",
        "m abc", "m x10", "m 1..2", "m{a=\"1\"}1", "m {{count:1", "m _y", "m 1e",
        "m 1x999999999999", "m{\"a\\q\"} 1", "-"}) {
    EXPECT_FALSE(ParseSeriesLine(line).ok()) << line << " is " << Words(line);
  }
}

TEST(SeriesLine, LoneNumbers) {
  EXPECT_EQ(ParseLoneNumber("12"), 12);
  EXPECT_EQ(ParseLoneNumber("0x1f"), 31);
  EXPECT_EQ(ParseLoneNumber("-1_000.5"), -1000.5);
  EXPECT_EQ(ParseLoneNumber("+Inf"), INFINITY);
  EXPECT_TRUE(std::isnan(ParseLoneNumber("NaN").value_or(0)));
  for (const char* line : {"", "m", "in_f", "nan(1)", "1 2", "{} 1", "12m"}) {
    EXPECT_FALSE(ParseLoneNumber(line)) << line;
  }
}

TEST(AlmostEqual, AsPrometheusCompares) {
  EXPECT_TRUE(AlmostEqual(1, 1 + 1.9e-6));
  EXPECT_FALSE(AlmostEqual(1, 1 + 2.1e-6));
  EXPECT_TRUE(AlmostEqual(NAN, NAN));
  EXPECT_FALSE(AlmostEqual(NAN, StaleNan()));
  EXPECT_TRUE(AlmostEqual(StaleNan(), StaleNan()));
  EXPECT_FALSE(AlmostEqual(0, 1e-300));
  EXPECT_TRUE(AlmostEqual(0, -0.0));
  EXPECT_TRUE(AlmostEqual(1.7e308, 1.7e308 * (1 - 1e-9)));
  EXPECT_FALSE(AlmostEqual(INFINITY, -INFINITY));
  EXPECT_FALSE(AlmostEqual(INFINITY, 1));
}

}  // namespace
}  // namespace rootnote::promqltest
