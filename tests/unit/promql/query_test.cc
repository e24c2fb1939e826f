// Range queries, annotations, and what the rule language adds: baselines and anomalies.
#include <cmath>
#include <string>
#include <utility>
#include <vector>

#include "fmt/format.h"
#include <gtest/gtest.h>

#include "rules/promql/evaluator.h"
#include "rules/promql/parser.h"
#include "schemas/schema.h"
#include "tests/unit/promql/promqltest.h"

namespace rootnote::promql {
namespace {

using std::chrono_literals::operator""s;
using std::chrono_literals::operator""min;
using std::chrono_literals::operator""h;

class Query : public testing::Test {
 protected:
  void Load(const std::string& line) { ASSERT_EQ(LoadSeries(line, 10s, store_), "") << line; }

  absl::StatusOr<Matrix> Range(const std::string& text, Millis start, Millis end, Millis step) {
    Diagnostics diagnostics;
    const auto expr = ParseText(text, diagnostics);
    if (!expr) return absl::InvalidArgumentError(diagnostics.list().front().message);
    EvalOptions options;
    options.annotations = &annotations_;
    options.text = text;
    return EvaluateRange(*expr, EventTime(start), EventTime(end), step, store_, options);
  }

  absl::StatusOr<Value> At(const std::string& text, Millis at) {
    Diagnostics diagnostics;
    const auto expr = ParseText(text, diagnostics);
    if (!expr) return absl::InvalidArgumentError(diagnostics.list().front().message);
    EvalOptions options;
    options.start = options.end = EventTime(at);
    options.annotations = &annotations_;
    options.text = text;
    return Evaluate(*expr, EventTime(at), store_, options);
  }

  // The values of a result with one element at most; nothing as "none".
  std::string One(const std::string& text, Millis at) {
    const auto value = At(text, at);
    if (!value.ok()) return std::string(value.status().message());
    const auto& vector = std::get<Vector>(*value);
    return vector.empty() ? "none" : fmt::format("{:.4g}", vector.front().value);
  }

  TestStore store_;
  Annotations annotations_;
};

std::string Shown(const Matrix& matrix) {
  std::string text;
  for (const Series& series : matrix) {
    text += series.labels.ToString();
    for (const Point& point : series.points) {
      text += fmt::format(" {}@{}", point.value, ToMillis(point.time) / 1000);
    }
    text += "\n";
  }
  return text;
}

TEST_F(Query, MergesTheStepsIntoSeriesInOrderOfLabels) {
  Load("m{i=\"2\"} 1 2 3");
  Load("m{i=\"10\"} _ 5");
  const auto matrix = Range("m", 0s, 20s, 10s);
  ASSERT_TRUE(matrix.ok()) << matrix.status();
  EXPECT_EQ(Shown(*matrix), "m{i=\"10\"} 5@10 5@20\nm{i=\"2\"} 1@0 2@10 3@20\n");
  EXPECT_EQ(Shown(*Range("sort_desc(m) > 4", 0s, 15s, 10s)), "m{i=\"10\"} 5@10\n");
  EXPECT_EQ(annotations_.warnings,
            std::vector<std::string>{
                "PromQL warning: sort is ineffective for range queries since results are always "
                "ordered by labels (1:1)"});
}

TEST_F(Query, KnowsItsStartEndAndStep) {
  Load("m 0+1x100");
  EXPECT_EQ(Shown(*Range("start() + 10 * end() + 100 * step() + 1000 * range()", 20s, 40s, 20s)),
            "{} 22420@20 22420@40\n");
  EXPECT_EQ(Shown(*Range("count_over_time(m[step()])", 100s, 140s, 20s)), "{} 2@100 2@120 2@140\n");
  EXPECT_EQ(Shown(*Range("m offset (step() / 2)", 100s, 120s, 20s)), "m 9@100 11@120\n");
  EXPECT_EQ(Shown(*Range("m @ end() - m @ start()", 100s, 120s, 20s)), "{} 2@100 2@120\n");
  EXPECT_EQ(Range("m[1m]", 0s, 10s, 10s).status().message(),
            "invalid expression type \"range vector\" for range query, must be Scalar or instant "
            "Vector");
  EXPECT_EQ(One("count_over_time(m[step()])", 100s), "18:24: duration must be greater than 0");
}

TEST_F(Query, RefusesTwoSeriesOfTheSameLabelsAtOneStepOnly) {
  Load("a 1 stale");
  Load("b _ 2");
  EXPECT_EQ(Shown(*Range("-{__name__=~\"a|b\"}", 0s, 10s, 10s)), "{} -1@0 -2@10\n");
  Load("c _ 3");
  EXPECT_EQ(Range("-{__name__=~\"b|c\"}", 0s, 10s, 10s).status().message(),
            "vector cannot contain metrics with the same labelset");
}

TEST_F(Query, AnnotatesInPrometheusWords) {
  Load("hits 1 2 3");
  Load("b_bucket{le=\"1\"} 10 10");
  Load("b_bucket{le=\"2\"} 4 6");
  Load("b_bucket{le=\"+Inf\"} 20 20");
  Load("b_bucket{le=\"x\"} 20 20");
  ASSERT_TRUE(At("rate(hits[1m]) + rate(hits[1m])", 20s).ok());
  ASSERT_TRUE(At("quantile(2,\n quantile_over_time(-0.5, hits[1m]))", 20s).ok());
  ASSERT_TRUE(At("limit_ratio(-1.5, hits)", 20s).ok());
  EXPECT_EQ(annotations_.infos,
            std::vector<std::string>{"PromQL info: metric might not be a counter, name does not "
                                     "end in _total/_sum/_count/_bucket: \"hits\" (1:23)"});
  EXPECT_EQ(annotations_.warnings,
            (std::vector<std::string>{
                "PromQL warning: quantile value should be between 0 and 1, got -0.5 (2:21)",
                "PromQL warning: quantile value should be between 0 and 1, got 2 (1:10)",
                "PromQL warning: ratio value should be between -1 and 1, got -1.5, capping to -1 "
                "(1:13)"}));
  annotations_ = {};
  ASSERT_TRUE(Range("histogram_quantile(0.5, b_bucket)", 0s, 10s, 10s).ok());
  EXPECT_EQ(annotations_.infos,
            std::vector<std::string>{
                "PromQL info: input to histogram_quantile needed to be fixed for monotonicity (see "
                "https://prometheus.io/docs/prometheus/latest/querying/functions/"
                "#histogram_quantile), from buckets 2 to 2, with a max diff of 6, over 2 samples "
                "from 1970-01-01T00:00:00Z to 1970-01-01T00:00:10Z (1:25)"});
  EXPECT_EQ(annotations_.warnings,
            std::vector<std::string>{"PromQL warning: bucket label \"le\" is missing or has a "
                                     "malformed value of \"x\" (1:25)"});
}

TEST_F(Query, ABaselineNeedsAQuarterAndThirtySamples) {
  Load("m 10x20 12x400");
  EXPECT_EQ(One("baseline(m, 10m)", 140s), "none");  // 15 samples
  EXPECT_EQ(One("baseline(m, 10m)", 280s), "none");  // 29
  EXPECT_EQ(One("baseline(m, 10m)", 290s), "10");    // 30, of 290 s
  EXPECT_EQ(One("baseline(m, 1h)", 890s), "none");   // less than a quarter of an hour
  EXPECT_EQ(One("baseline(m, 1h)", 900s), "12");
  EXPECT_EQ(One("baseline(m * 2, 10m)", 900s), "24");
  EXPECT_EQ(One("baseline(m, 2 * 5m)", 900s),
            "baseline needs a duration above zero, written as such");
}

// A fault of less than half of the time leaves the baseline alone.
TEST_F(Query, AFaultDoesNotTrainItsBaseline) {
  Load("m 10x59 1000x39");
  EXPECT_EQ(One("m / baseline(m, 990s)", 980s), "100");
}

TEST_F(Query, ZscoresAreRobust) {
  // Median 3, distances 2 1 0 1 97: MAD 1.
  Load("m 1 2 3 4 100");
  EXPECT_EQ(One("zscore_over_time(m[1m])", 40s), fmt::format("{:.4g}", 97 / 1.4826));
  // MAD 0, mean distance 2.
  Load("n 5 5 5 5 15");
  EXPECT_EQ(One("zscore_over_time(n[1m])", 40s), fmt::format("{:.4g}", 10 / (1.253314 * 2)));
  Load("flat 7 7 7");
  EXPECT_EQ(One("zscore_over_time(flat[1m])", 20s), "0");
  EXPECT_EQ(One("zscore_over_time(flat[1m])", 10s), "none");
}

TEST_F(Query, AQuantileAnomalyHasARefractoryPeriod) {
  // 40 normal samples, two high ones, and normal ones again.
  Load("m 1 2 3 2x36 50 50 2x40");
  const std::string call = "quantile_anomaly_over_time(1, m[30m], 60)";
  EXPECT_EQ(One(call, 290s), "none");
  EXPECT_EQ(One(call, 390s), "0");
  EXPECT_EQ(One(call, 400s), "1");
  EXPECT_EQ(One(call, 450s), "1");
  EXPECT_EQ(One(call, 460s), "0");
  // Without one, the second high sample is an anomaly of its own: it was not learned.
  EXPECT_EQ(One("quantile_anomaly_over_time(1, m[30m], 0)", 410s), "1");
  EXPECT_EQ(One("quantile_anomaly_over_time(1, m[30m], 0)", 420s), "0");
  EXPECT_EQ(One("quantile_anomaly_over_time(2, m[30m], 0)", 420s), "nan");
}

}  // namespace
}  // namespace rootnote::promql
