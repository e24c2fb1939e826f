// Names of entities, and the values of test series.
#include "rules/program.h"

#include "gtest/gtest.h"

#include "rules/series_notation.h"
#include "schemas/schema.h"

namespace rootnote {
namespace {

Kind DiskKind() { return {"disk", {"array", "disk"}, {}, {}}; }

TEST(EntityName, JoinsIdentityLabels) {
  EXPECT_EQ(EntityName(DiskKind(), Labels::From({{"disk", "d7"}, {"array", "a1"}, {"x", "y"}})),
            "disk:a1/d7");
}

TEST(EntityName, EncodesWhatWouldPartIt) {
  const Labels labels = Labels::From({{"array", "a/1:x"}, {"disk", "50%"}});
  const std::optional<std::string> name = EntityName(DiskKind(), labels);
  EXPECT_EQ(name, "disk:a%2F1%3Ax/50%25");
  const std::optional<Labels> back = IdentityLabels(DiskKind(), *name);
  ASSERT_TRUE(back.has_value());
  EXPECT_EQ(*back, labels);
}

TEST(EntityName, NothingWithoutAllLabels) {
  EXPECT_EQ(EntityName(DiskKind(), Labels::From({{"disk", "d7"}})), std::nullopt);
}

TEST(IdentityLabels, NothingForOtherKindsOrParts) {
  EXPECT_EQ(IdentityLabels(DiskKind(), "disk:a1"), std::nullopt);
  EXPECT_EQ(IdentityLabels(DiskKind(), "disk:a1/d7/x"), std::nullopt);
  EXPECT_EQ(IdentityLabels(DiskKind(), "vm:a1/d7"), std::nullopt);
  EXPECT_EQ(IdentityLabels(DiskKind(), "disk"), std::nullopt);
}

TEST(IdentityLabels, LeavesALonePercentSign) {
  const Kind kind{"vm", {"vm"}, {}, {}};
  EXPECT_EQ(IdentityLabels(kind, "vm:5%")->Get("vm"), "5%");
  EXPECT_EQ(IdentityLabels(kind, "vm:5%zz")->Get("vm"), "5%zz");
}

TEST(KindName, IsWhatStandsBeforeTheColon) {
  EXPECT_EQ(KindName("disk:a1/d7"), "disk");
  EXPECT_EQ(KindName("disk"), "disk");
}

std::vector<std::optional<double>> Values(std::string_view word) {
  std::vector<std::optional<double>> values;
  EXPECT_EQ(AppendSeriesNotation(word, values), "") << word;
  return values;
}

using Series = std::vector<std::optional<double>>;

// As Prometheus' documentation of unit tests says.
TEST(SeriesNotation, CountsAsPrometheusDoes) {
  EXPECT_EQ(Values("5"), (Series{5}));
  EXPECT_EQ(Values("1x4"), (Series{1, 1, 1, 1, 1}));
  EXPECT_EQ(Values("0+10x3"), (Series{0, 10, 20, 30}));
  EXPECT_EQ(Values("-2+4x3"), (Series{-2, 2, 6, 10}));
  EXPECT_EQ(Values("1-2x2"), (Series{1, -1, -3}));
  EXPECT_EQ(Values("0x3"), (Series{0, 0, 0, 0}));
  EXPECT_EQ(Values("0.5+1e2x1"), (Series{0.5, 100.5}));
  EXPECT_EQ(Values("_"), (Series{std::nullopt}));
  EXPECT_EQ(Values("_x2"), (Series{std::nullopt, std::nullopt}));
  EXPECT_EQ(Values("Inf"), (Series{std::numeric_limits<double>::infinity()}));
  EXPECT_EQ(Values("-Inf"), (Series{-std::numeric_limits<double>::infinity()}));
}

TEST(SeriesNotation, StaleIsTheMarker) {
  const Series values = Values("stale");
  ASSERT_EQ(values.size(), 1U);
  EXPECT_TRUE(IsStaleNan(*values[0]));
}

TEST(SeriesNotation, RefusesTheRest) {
  for (const std::string_view word :
       {"x", "1x", "1y3", "0+x3", "1+2", "1+2x3x4", "_x", "__", "0x1F", "1x99999999999", "--1"}) {
    Series values;
    EXPECT_NE(AppendSeriesNotation(word, values), "") << word;
  }
}

}  // namespace
}  // namespace rootnote
