#include "rules/promql/evaluator.h"

#include <algorithm>
#include <fstream>
#include <iterator>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "rules/promql/functions.h"
#include "rules/promql/parser.h"
#include "tests/unit/promql/promqltest.h"

namespace rootnote::promql {
namespace {

std::string ReadFile(const std::string& path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), {}};
}

class PromqlFile : public testing::TestWithParam<const char*> {};

TEST_P(PromqlFile, AsPrometheusEvaluatesIt) {
  const std::string path = std::string("tests/unit/promql/testdata/") + GetParam() + ".test";
  const std::string text = ReadFile(path);
  ASSERT_FALSE(text.empty()) << path;
  const PromqlTestResult result = RunPromqlTest(text);
  EXPECT_GT(result.evals, 20);
  for (const std::string& failure : result.failures) ADD_FAILURE() << path << ":" << failure;
}

absl::StatusOr<Value> Eval(const std::string& text, EventTime at, const SeriesStore& store) {
  Diagnostics diagnostics;
  const auto expr = ParseText(text, diagnostics);
  if (!expr) return absl::InvalidArgumentError(diagnostics.list().front().message);
  return Evaluate(*expr, at, store, {.start = at, .end = at});
}

double Single(const std::string& text, EventTime at, const SeriesStore& store) {
  const auto value = Eval(text, at, store);
  EXPECT_TRUE(value.ok()) << value.status();
  const auto* vector = value.ok() ? std::get_if<Vector>(&*value) : nullptr;
  EXPECT_TRUE(vector != nullptr && vector->size() == 1) << text;
  return vector != nullptr && vector->size() == 1 ? vector->front().value : -12345;
}

// Events are a multiset: three of them at two instants.
TEST(Evaluator, CountsEventsThatShareAMillisecond) {
  TestStore store;
  const Labels event = LabelsOf("http_error{app=\"shop\"}");
  for (const auto& [ms, value] : {std::pair(10'000, 4.0), {20'000, 1.0}, {20'000, 7.0}}) {
    store.Add(event, {FromMillis(ms), value});
  }
  const EventTime at = FromMillis(30'000);
  EXPECT_EQ(Single("count_over_time(http_error[1m])", at, store), 3);
  EXPECT_EQ(Single("sum_over_time(http_error | unwrap ms [1m])", at, store), 12);
  EXPECT_EQ(Single("max_over_time(http_error[1m])", at, store), 7);
  EXPECT_EQ(Single("last_over_time(http_error[1m])", at, store), 7);
  EXPECT_EQ(Single("quantile_over_time(0.5, http_error[1m])", at, store), 4);
  EXPECT_EQ(Single("count_over_time(http_error[11s])", at, store), 2);
}

// What divides by the time between samples has no value when there is none.
TEST(Evaluator, NoRateWithoutTimeBetweenSamples) {
  TestStore store;
  const Labels event = LabelsOf("burst");
  store.Add(event, {FromMillis(20'000), 1});
  store.Add(event, {FromMillis(20'000), 5});
  for (const char* text : {"rate(burst[1m])", "increase(burst[1m])", "irate(burst[1m])"}) {
    const auto value = Eval(text, FromMillis(30'000), store);
    ASSERT_TRUE(value.ok()) << value.status();
    EXPECT_TRUE(std::get<Vector>(*value).empty()) << text;
  }
}

TEST(Evaluator, GivesEveryTypeOfValue) {
  TestStore store;
  ASSERT_EQ(LoadSeries("m{a=\"1\"} 1 2 stale 4", 10s, store), "");
  const EventTime at = FromMillis(30'000);
  EXPECT_EQ(std::get<double>(*Eval("1 + 2 * 3", at, store)), 7);
  EXPECT_EQ(std::get<std::string>(*Eval("(\"text\")", at, store)), "text");
  const auto matrix = std::get<Matrix>(*Eval("m[1m]", at, store));
  ASSERT_EQ(matrix.size(), 1u);
  ASSERT_EQ(matrix[0].points.size(), 3u);  // without the stale marker
  EXPECT_EQ(matrix[0].points[2].value, 4);
  EXPECT_EQ(matrix[0].points[2].time, at);
}

TEST(Evaluator, VectorsAreInOrderOfHashButForSort) {
  TestStore store;
  for (int i = 0; i < 50; ++i) {
    ASSERT_EQ(LoadSeries("m{i=\"" + std::to_string(i) + "\"} " + std::to_string(i), 10s, store),
              "");
  }
  const auto vector = std::get<Vector>(*Eval("-m", FromMillis(0), store));
  ASSERT_EQ(vector.size(), 50u);
  for (size_t i = 1; i < vector.size(); ++i) {
    EXPECT_LT(vector[i - 1].labels.hash(), vector[i].labels.hash());
  }
  const auto sorted = std::get<Vector>(*Eval("sort_desc(-m)", FromMillis(0), store));
  for (size_t i = 1; i < sorted.size(); ++i) EXPECT_GT(sorted[i - 1].value, sorted[i].value);
}

TEST(Evaluator, ExecutesTheWholeTableOfFunctions) {
  TestStore store;
  ASSERT_EQ(LoadSeries("m 1 2 3", 10s, store), "");
  for (const FunctionSignature& function : Functions()) {
    std::string call = std::string(function.name) + "(";
    for (size_t i = 0; i < function.args.size(); ++i) {
      const char letter = function.args[i];
      call += i > 0 ? ", " : "";
      if (function.name == "info" && i == 1) {
        call += "{a=\"b\"}";
        continue;
      }
      call += letter == 'v' ? "m" : letter == 'm' ? "m[1m]" : letter == 's' ? "0.5" : "\"x\"";
    }
    const auto value = Eval(call + ")", FromMillis(20'000), store);
    EXPECT_TRUE(value.ok()) << call << ") " << value.status();
    EXPECT_FALSE(function.doc.empty()) << function.name;
  }
  for (const AggregateSignature& aggregate : Aggregates()) {
    const std::string parameter = aggregate.parameter == ' '   ? ""
                                  : aggregate.parameter == 's' ? "1, "
                                                               : "\"x\", ";
    const auto value =
        Eval(std::string(aggregate.name) + "(" + parameter + "m)", FromMillis(20'000), store);
    EXPECT_TRUE(value.ok()) << aggregate.name;
    EXPECT_FALSE(aggregate.doc.empty()) << aggregate.name;
  }
}

// Keeps the earliest time that was asked for.
class RecordingStore : public TestStore {
 public:
  std::vector<SeriesPoints> Select(const Expr& selector, EventTime from,
                                   EventTime to) const override {
    earliest = std::min(earliest, from);
    return TestStore::Select(selector, from, to);
  }
  mutable EventTime earliest = kMaxTime;
};

TEST(Evaluator, LooksBackNoFurtherThanHistoryNeeded) {
  for (const char* text :
       {"m", "m offset 1h", "rate(m[10m] offset 5m)", "max_over_time(rate(m[5m])[1h:1m])",
        "avg_over_time((m offset 10m)[30m:7m] offset 1h)", "m offset -1h",
        "absent_over_time(m[2h])", "sum(m) / count_over_time(m[20m])", "baseline(m, 3h)",
        "max_over_time(baseline(-m offset 5m, 1h)[10m:5m])", "info(m offset 1h)",
        "m[2 * (10m + 20m)]"}) {
    Diagnostics diagnostics;
    const auto expr = ParseText(text, diagnostics);
    ASSERT_NE(expr, nullptr) << text;
    RecordingStore store;
    const EventTime at = FromMillis(100'000'000);
    ASSERT_TRUE(Evaluate(*expr, at, store, {.start = at, .end = at}).ok()) << text;
    EXPECT_GE(store.earliest, at - HistoryNeeded(*expr, 5min)) << text;
  }
}

INSTANTIATE_TEST_SUITE_P(Files, PromqlFile,
                         testing::Values("selectors", "rate", "over_time", "operators",
                                         "aggregates", "functions", "random", "whole"));

}  // namespace
}  // namespace rootnote::promql
