#include "rules/promql/anomaly_functions.h"

#include <algorithm>
#include <cmath>
#include <utility>
#include <vector>

#include "rules/promql/summation.h"

namespace rootnote::promql {
namespace {

constexpr size_t kTrainingMin = 30;

std::vector<double> Numbers(std::span<const Point> points) {
  std::vector<double> values;
  values.reserve(points.size());
  for (const Point& point : points) {
    if (!std::isnan(point.value)) values.push_back(point.value);
  }
  return values;
}

// The quantile of values in ascending order, none of them NaN.
double SortedQuantile(double phi, const std::vector<double>& sorted) {
  const double rank = phi * static_cast<double>(sorted.size() - 1);
  const auto lower = static_cast<size_t>(rank);
  const double weight = rank - std::floor(rank);
  if (weight == 0) return sorted[lower];
  return sorted[lower] * (1 - weight) + sorted[lower + 1] * weight;
}

}  // namespace

absl::StatusOr<Vector> EvalBaseline(const Expr& call, EventTime t, const Evaluation& evaluation) {
  ASSIGN_OR_RETURN(const double seconds, evaluation.Scalar(*call.args[1], t));
  const Millis length(static_cast<int64_t>(seconds * 1000));
  ASSIGN_OR_RETURN(const Range range, evaluation.History(*call.args[0], t, length));
  Vector result;
  for (const RangeSeries& series : range.series) {
    const Millis seen = series.points.back().time - series.points.front().time;
    std::vector<double> values = Numbers(series.points);
    if (values.size() < kTrainingMin || seen < length / 4) continue;
    result.push_back(evaluation.Nameless(series.labels, Quantile(0.5, std::move(values))));
  }
  RETURN_IF_ERROR(Normalise(result));
  return result;
}

std::optional<double> ZscoreOverTime(const RangeCall& call) {
  constexpr size_t kSamplesMin = 3;
  // They make the deviations of a normal distribution its standard deviation.
  constexpr double kOfMedianDeviation = 1.4826;
  constexpr double kOfMeanDeviation = 1.253314;
  const std::vector<double> values = Numbers(call.points);
  if (values.size() < kSamplesMin) return std::nullopt;
  const double median = Quantile(0.5, values);
  const double distance = call.points.back().value - median;
  std::vector<double> deviations;
  CompensatedMean mean;
  for (const double value : values) {
    deviations.push_back(std::abs(value - median));
    mean.Add(deviations.back());
  }
  const double median_deviation = Quantile(0.5, std::move(deviations));
  // More than half of the samples are equal: then the mean deviation, which is zero for all equal.
  const double deviation = median_deviation > 0 ? kOfMedianDeviation * median_deviation
                                                : kOfMeanDeviation * mean.Result();
  return deviation == 0 ? 0 : distance / deviation;
}

std::optional<double> QuantileAnomalyOverTime(const RangeCall& call) {
  const double phi = call.first;
  const auto refractory = Millis(static_cast<int64_t>(std::clamp(call.second, 0.0, 1e10) * 1000));
  if (call.points.size() <= kTrainingMin) return std::nullopt;
  if (!(phi >= 0 && phi <= 1)) return std::nan("");
  std::vector<double> normal;
  EventTime quiet_until = kMinTime;
  bool anomaly = false;
  for (const Point& point : call.points) {
    if (std::isnan(point.value)) continue;
    // For a while after an anomaly nothing is judged and nothing is learned.
    if (anomaly && point.time < quiet_until) continue;
    anomaly = normal.size() >= kTrainingMin && point.value > SortedQuantile(phi, normal);
    if (anomaly) {
      quiet_until = point.time + refractory;
      continue;
    }
    normal.insert(std::upper_bound(normal.begin(), normal.end(), point.value), point.value);
  }
  if (normal.size() < kTrainingMin) return std::nullopt;
  return anomaly ? 1 : 0;
}

}  // namespace rootnote::promql
