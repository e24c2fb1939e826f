// What is said about expressions without running them.
#include "rules/expr_facts.h"

#include "gtest/gtest.h"

#include "rules/promql/parser.h"

namespace rootnote {
namespace {

std::unique_ptr<promql::Expr> Parse(std::string_view text) {
  Diagnostics diagnostics;
  std::unique_ptr<promql::Expr> expr = promql::ParseText(text, diagnostics);
  EXPECT_NE(expr, nullptr) << text;
  return expr;
}

// The labels among a, b, le and new that the result may carry.
std::string Carried(std::string_view text) {
  const LabelFlow flow = LabelsOf(*Parse(text));
  std::string carried;
  for (const char* label : {"a", "b", "le", "new"}) {
    if (flow.MayCarry(label)) carried += (carried.empty() ? "" : " ") + std::string(label);
  }
  return carried;
}

TEST(LabelsOf, AggregationsKeepWhatTheyGroupBy) {
  EXPECT_EQ(Carried("x"), "a b le new");
  EXPECT_EQ(Carried("x{a=\"\"}"), "b le new");
  EXPECT_EQ(Carried("sum(x)"), "");
  EXPECT_EQ(Carried("sum by (a) (x)"), "a");
  EXPECT_EQ(Carried("sum by (a, b) (sum by (b) (x))"), "b");
  EXPECT_EQ(Carried("sum without (a) (x)"), "b le new");
  EXPECT_EQ(Carried("topk by (a) (3, x)"), "a b le new");
  EXPECT_EQ(Carried("count_values by (a) (\"new\", x)"), "a new");
}

TEST(LabelsOf, FunctionsAddAndTakeAway) {
  EXPECT_EQ(Carried("histogram_quantile(0.9, sum by (a, le) (rate(x[5m])))"), "a");
  EXPECT_EQ(Carried("label_replace(sum by (a) (x), \"new\", \"$1\", \"a\", \"(.*)\")"), "a new");
  EXPECT_EQ(Carried("absent(x{a=\"1\", b=~\"2\"})"), "a");
  EXPECT_EQ(Carried("vector(1)"), "");
  EXPECT_EQ(Carried("max_over_time(sum by (b) (x)[5m:])"), "b");
}

TEST(LabelsOf, OperatorsMatch) {
  EXPECT_EQ(Carried("x > 1"), "a b le new");
  EXPECT_EQ(Carried("1 < sum by (a) (x)"), "a");
  EXPECT_EQ(Carried("x / on (a) y"), "a");
  EXPECT_EQ(Carried("x / ignoring (a) y"), "b le new");
  EXPECT_EQ(Carried("sum by (a) (x) * on (a) group_left (new) y"), "a new");
  EXPECT_EQ(Carried("y * on (a) group_right (new) sum by (a) (x)"), "a new");
  EXPECT_EQ(Carried("sum by (a, b) (x) or sum by (b) (y)"), "b");
  EXPECT_EQ(Carried("sum by (a) (x) and on () y"), "a");
}

std::string DimensionText(std::string_view text) {
  const Dimension dimension = DimensionOf(*Parse(text));
  if (dimension.type == Dimension::Type::kUnknown) return dimension.quotient ? "quotient" : "?";
  if (dimension.type == Dimension::Type::kBareNumber) return "bare";
  return ToString(dimension);
}

TEST(DimensionOf, FollowsNamesAndFunctions) {
  EXPECT_EQ(DimensionText("request_seconds"), "seconds");
  EXPECT_EQ(DimensionText("disk_bytes"), "bytes");
  EXPECT_EQ(DimensionText("memory_ratio"), "a number without unit");
  EXPECT_EQ(DimensionText("memory_percent"), "percent");
  EXPECT_EQ(DimensionText("requests_total"), "?");
  EXPECT_EQ(DimensionText("rate(net_bytes_total[5m])"), "bytes per second");
  EXPECT_EQ(DimensionText("rate(cpu_seconds_total[5m])"), "a number without unit");
  EXPECT_EQ(DimensionText("increase(net_bytes_total[5m])"), "bytes");
  EXPECT_EQ(DimensionText("count_over_time(x_bytes[5m])"), "a number without unit");
  EXPECT_EQ(DimensionText("max_over_time(x_bytes[5m])"), "bytes");
  EXPECT_EQ(DimensionText("sum by (a) (x_bytes)"), "bytes");
  EXPECT_EQ(DimensionText("count(x_bytes)"), "a number without unit");
  EXPECT_EQ(DimensionText("time() - x_timestamp_seconds"), "seconds");
}

TEST(DimensionOf, CombinesThem) {
  EXPECT_EQ(DimensionText("x_bytes / y_seconds"), "bytes per second");
  EXPECT_EQ(DimensionText("x_bytes / y_bytes"), "a number without unit");
  EXPECT_EQ(DimensionText("x_bytes * 2"), "bytes");
  EXPECT_EQ(DimensionText("1 / y_seconds"), "per second");
  EXPECT_EQ(DimensionText("errors_total / requests_total"), "quotient");
  EXPECT_EQ(DimensionText("100 * errors_total / requests_total"), "percent");
  EXPECT_EQ(DimensionText("sum(x_bytes) * 100 / sum(y_bytes)"), "percent");
  EXPECT_EQ(DimensionText("100 * errors_total"), "?");
  EXPECT_EQ(DimensionText("memory_percent / 100"), "a number without unit");
  EXPECT_EQ(DimensionText("0.01 * memory_percent"), "a number without unit");
  EXPECT_EQ(DimensionText("2 * memory_percent"), "percent");
  EXPECT_EQ(DimensionText("100 * (errors_total / requests_total)"), "percent");
  EXPECT_EQ(DimensionText("rate(x_seconds_sum[5m]) / rate(x_seconds_count[5m])"), "seconds");
  EXPECT_EQ(DimensionText("histogram_quantile(0.9, rate(x_seconds_bucket[5m]))"), "seconds");
  EXPECT_EQ(DimensionText("x_bytes > y"), "bytes");
  EXPECT_EQ(DimensionText("x_bytes > bool y"), "a number without unit");
}

// Seconds per second is a ratio; what has no unit goes with everything.
TEST(DimensionOf, KeepsWhatAFunctionKeeps) {
  for (const char* function :
       {"avg_over_time", "min_over_time", "max_over_time", "sum_over_time", "last_over_time",
        "first_over_time", "stddev_over_time", "mad_over_time", "increase", "delta", "idelta"}) {
    EXPECT_EQ(DimensionText(std::string(function) + "(x_bytes[5m])"), "bytes") << function;
  }
  EXPECT_EQ(DimensionText("quantile_over_time(0.9, x_seconds[5m])"), "seconds");
  EXPECT_EQ(DimensionText("predict_linear(x_bytes[1h], 3600)"), "bytes");
  for (const char* function : {"count_over_time", "changes", "resets"}) {
    EXPECT_EQ(DimensionText(std::string(function) + "(x_bytes[5m])"), "a number without unit")
        << function;
  }
  EXPECT_EQ(DimensionText("deriv(x_bytes[5m])"), "bytes per second");
  EXPECT_EQ(DimensionText("irate(x_seconds_total[5m])"), "a number without unit");
  EXPECT_EQ(DimensionText("x_bytes * y_seconds"), "bytes seconds");
  EXPECT_EQ(DimensionText("x_bytes * y"), "?");
  EXPECT_EQ(DimensionText("rate(x_bytes_total[5m]) / y_bytes"), "per second");
  EXPECT_EQ(DimensionText("stdvar_over_time(x_bytes[5m])"), "?");
}

using Direction = Condition::Direction;

TEST(TopComparison, FindsThresholdAndDirection) {
  const auto check = [](std::string_view text, std::optional<double> threshold,
                        Direction direction) {
    const Comparison comparison = TopComparison(*Parse(text));
    EXPECT_EQ(comparison.threshold, threshold) << text;
    EXPECT_EQ(comparison.direction, direction) << text;
  };
  check("x > 5", 5, Direction::kAbove);
  check("x <= 2 * 3", 6, Direction::kBelow);
  check("5 > x", 5, Direction::kBelow);
  check("(x >= -1)", -1, Direction::kAbove);
  check("x > 5 and y < 3", 5, Direction::kAbove);
  check("x > 5 unless y", 5, Direction::kAbove);
  check("x > 5 or y > 7", std::nullopt, Direction::kAbove);
  check("x > 5 or y < 7", std::nullopt, Direction::kNone);
  check("x == 5", 5, Direction::kNone);
  check("x > y", std::nullopt, Direction::kAbove);
  check("x > bool 5", std::nullopt, Direction::kNone);
  check("x", std::nullopt, Direction::kNone);
}

TEST(SetEventLabels, TakesIdentityAndWhatEnclosingOperatorsName) {
  const std::unique_ptr<promql::Expr> expr = Parse(
      "sum by (b) (count_over_time(e[1m])) / on (c) group_left (d) max by (c) (rate(f[1m])) > g");
  SetEventLabels(*expr, {"a"});
  std::vector<std::vector<std::string>> labels;
  for (const promql::Expr* selector : promql::Selectors(*expr)) {
    labels.push_back(selector->event_labels);
  }
  EXPECT_EQ(labels,
            (std::vector<std::vector<std::string>>{{"a", "b", "c", "d"}, {"a", "c", "d"}, {}}));
}

}  // namespace
}  // namespace rootnote
