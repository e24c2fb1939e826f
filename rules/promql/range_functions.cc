#include "rules/promql/range_functions.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "rules/promql/anomaly_functions.h"
#include "rules/promql/anomaly_score.h"
#include "rules/promql/summation.h"

namespace rootnote::promql {
namespace {

using Result = std::optional<double>;

double SecondsBetween(EventTime from, EventTime to) {
  return static_cast<double>((to - from).count()) / 1000;
}

// What rate, increase and delta have in common: the growth between the first and the last point,
// extrapolated to the ends of the range if they are near enough (Prometheus' extrapolatedRate).
Result Extrapolated(const RangeCall& call, bool counter, bool per_second) {
  const auto points = call.points;
  if (points.size() < 2) return std::nullopt;
  const Point& first = points.front();
  const Point& last = points.back();
  const double sampled = SecondsBetween(first.time, last.time);
  // Only a multiset of events can have all its points at one instant.
  if (sampled == 0) return std::nullopt;

  double growth = last.value - first.value;
  if (counter) {
    for (size_t i = 1; i < points.size(); ++i) {
      if (points[i].value < points[i - 1].value) growth += points[i - 1].value;
    }
  }
  double to_start = SecondsBetween(call.range.start, first.time);
  double to_end = SecondsBetween(last.time, call.range.end);
  const double interval = sampled / static_cast<double>(points.size() - 1);
  // Further away than this, the series is taken to begin or end within the range: half an interval.
  const double threshold = interval * 1.1;
  if (to_start >= threshold) to_start = interval / 2;
  if (counter && growth > 0 && first.value >= 0) {
    // A counter is never negative: it began at zero at the earliest.
    to_start = std::min(to_start, sampled * (first.value / growth));
  }
  if (to_end >= threshold) to_end = interval / 2;
  double factor = (sampled + to_start + to_end) / sampled;
  if (per_second) factor /= call.range.seconds;
  return growth * factor;
}

Result Rate(const RangeCall& call) { return Extrapolated(call, true, true); }
Result Increase(const RangeCall& call) { return Extrapolated(call, true, false); }
Result Delta(const RangeCall& call) { return Extrapolated(call, false, false); }

// From the last two points alone.
Result Instantaneous(const RangeCall& call, bool rate) {
  const auto points = call.points;
  if (points.size() < 2) return std::nullopt;
  const Point& last = points[points.size() - 1];
  const Point& before = points[points.size() - 2];
  if (last.time == before.time) return std::nullopt;
  // After a reset the counter has grown by what it shows.
  const bool reset = rate && last.value < before.value;
  const double growth = reset ? last.value : last.value - before.value;
  return rate ? growth / SecondsBetween(before.time, last.time) : growth;
}

Result InstantRate(const RangeCall& call) { return Instantaneous(call, true); }
Result InstantDelta(const RangeCall& call) { return Instantaneous(call, false); }

Result Changes(const RangeCall& call) {
  double changes = 0;
  for (size_t i = 1; i < call.points.size(); ++i) {
    const double before = call.points[i - 1].value;
    const double now = call.points[i].value;
    if (now != before && !(std::isnan(now) && std::isnan(before))) ++changes;
  }
  return changes;
}

Result Resets(const RangeCall& call) {
  double resets = 0;
  for (size_t i = 1; i < call.points.size(); ++i) {
    if (call.points[i].value < call.points[i - 1].value) ++resets;
  }
  return resets;
}

struct Line {
  double slope = 0;
  double intercept = 0;  // at the time asked for
};

// Least squares.
Line LinearRegression(std::span<const Point> points, EventTime at) {
  const double initial = points.front().value;
  bool constant = true;
  double count = 0;
  CompensatedSum x_sum, y_sum, xy_sum, x2_sum;
  for (const Point& point : points) {
    constant = constant && point.value == initial;
    ++count;
    const double x = SecondsBetween(at, point.time);
    x_sum.Add(x);
    y_sum.Add(point.value);
    xy_sum.Add(x * point.value);
    x2_sum.Add(x * x);
  }
  if (constant) {
    const double nan = std::numeric_limits<double>::quiet_NaN();
    return std::isinf(initial) ? Line{nan, nan} : Line{0, initial};
  }
  const double x = x_sum.sum + x_sum.compensation;
  const double y = y_sum.sum + y_sum.compensation;
  const double xy = xy_sum.sum + xy_sum.compensation;
  const double x2 = x2_sum.sum + x2_sum.compensation;
  const double covariance = xy - x * y / count;
  const double variance = x2 - x * x / count;
  const double slope = covariance / variance;
  return {slope, y / count - slope * x / count};
}

Result Deriv(const RangeCall& call) {
  if (call.points.size() < 2) return std::nullopt;
  return LinearRegression(call.points, call.points.front().time).slope;
}

Result PredictLinear(const RangeCall& call) {
  if (call.points.size() < 2) return std::nullopt;
  const Line line = LinearRegression(call.points, call.range.instant);
  return line.slope * call.first + line.intercept;
}

Result DoubleExponentialSmoothing(const RangeCall& call) {
  const auto points = call.points;
  if (points.size() < 2) return std::nullopt;
  const double smoothing = call.first;
  const double trend_factor = call.second;
  double before = 0;
  double smoothed = points[0].value;
  double trend = points[1].value - points[0].value;
  for (size_t i = 1; i < points.size(); ++i) {
    if (i > 1) trend = trend_factor * (smoothed - before) + (1 - trend_factor) * trend;
    before = smoothed;
    smoothed = smoothing * points[i].value + (1 - smoothing) * (smoothed + trend);
  }
  return smoothed;
}

Result SumOverTime(const RangeCall& call) {
  CompensatedSum sum;
  for (const Point& point : call.points) sum.Add(point.value);
  return std::isinf(sum.sum) ? sum.sum : sum.sum + sum.compensation;
}

Result AvgOverTime(const RangeCall& call) {
  CompensatedMean mean;
  for (const Point& point : call.points) mean.Add(point.value);
  return mean.Result();
}

Result CountOverTime(const RangeCall& call) { return static_cast<double>(call.points.size()); }
Result PresentOverTime(const RangeCall&) { return 1; }
Result FirstOverTime(const RangeCall& call) { return call.points.front().value; }
Result LastOverTime(const RangeCall& call) { return call.points.back().value; }

// `better` against the best so far; a NaN gives way to anything.
template <typename Better>
const Point& Best(std::span<const Point> points, Better better) {
  const Point* best = &points.front();
  for (const Point& point : points) {
    if (better(point.value, best->value) || std::isnan(best->value)) best = &point;
  }
  return *best;
}

bool Less(double a, double b) { return a < b; }
bool Greater(double a, double b) { return a > b; }
// The latest of equal ones.
bool LessOrEqual(double a, double b) { return a <= b; }
bool GreaterOrEqual(double a, double b) { return a >= b; }

double TimeSeconds(const Point& point) { return static_cast<double>(ToMillis(point.time)) / 1000; }

Result MinOverTime(const RangeCall& call) { return Best(call.points, Less).value; }
Result MaxOverTime(const RangeCall& call) { return Best(call.points, Greater).value; }
Result TimeOfMin(const RangeCall& call) { return TimeSeconds(Best(call.points, LessOrEqual)); }
Result TimeOfMax(const RangeCall& call) { return TimeSeconds(Best(call.points, GreaterOrEqual)); }
Result TimeOfFirst(const RangeCall& call) { return TimeSeconds(call.points.front()); }
Result TimeOfLast(const RangeCall& call) { return TimeSeconds(call.points.back()); }

Result StdvarOverTime(const RangeCall& call) {
  double count = 0;
  CompensatedSum mean, squares;
  for (const Point& point : call.points) {
    ++count;
    const double delta = point.value - (mean.sum + mean.compensation);
    mean.Add(delta / count);
    squares.Add(delta * (point.value - (mean.sum + mean.compensation)));
  }
  return (squares.sum + squares.compensation) / count;
}

Result StddevOverTime(const RangeCall& call) { return std::sqrt(*StdvarOverTime(call)); }

std::vector<double> Values(std::span<const Point> points) {
  std::vector<double> values;
  values.reserve(points.size());
  for (const Point& point : points) values.push_back(point.value);
  return values;
}

Result QuantileOverTime(const RangeCall& call) { return Quantile(call.first, Values(call.points)); }

// The median of the distances from the median; with a NaN there is none.
Result MadOverTime(const RangeCall& call) {
  std::vector<double> values = Values(call.points);
  for (const double value : values) {
    if (std::isnan(value)) return value;
  }
  const double median = Quantile(0.5, values);
  for (double& value : values) value = std::abs(value - median);
  return Quantile(0.5, std::move(values));
}

// The area under the samples by the rule of the left points (0), the right ones (1) or of
// trapezoids (2); NaN counts as zero.
Result Integral(const RangeCall& call) {
  const auto value = [](const Point& point) { return std::isnan(point.value) ? 0 : point.value; };
  CompensatedSum area;
  for (size_t i = 1; i < call.points.size(); ++i) {
    const double before = value(call.points[i - 1]);
    const double now = value(call.points[i]);
    CompensatedSum height{call.first == 0 ? before : now, 0};
    if (call.first == 2) {
      height = {before, 0};
      height.Add(now);
      height = {height.sum / 2, height.compensation / 2};
      if (std::isinf(height.sum) && std::isfinite(before) && std::isfinite(now)) {
        height = {before / 2, 0};
        height.Add(now / 2);
      }
    }
    if (height.sum == 0 && height.compensation == 0) continue;
    const double seconds = SecondsBetween(call.points[i - 1].time, call.points[i].time);
    area.compensation += height.compensation * seconds;
    area.Add(height.sum * seconds);
  }
  return std::isinf(area.sum) ? area.sum : area.sum + area.compensation;
}

struct Row {
  std::string_view name;
  RangeFunction function;
};

constexpr Row kRows[] = {
    {"anomaly_onset_over_time", AnomalyOnsetOverTime},
    {"anomaly_over_time", AnomalyOverTime},
    {"avg_over_time", AvgOverTime},
    {"changes", Changes},
    {"count_over_time", CountOverTime},
    {"delta", Delta},
    {"deriv", Deriv},
    {"double_exponential_smoothing", DoubleExponentialSmoothing},
    {"first_over_time", FirstOverTime},
    {"idelta", InstantDelta},
    {"increase", Increase},
    {"integral", Integral},
    {"irate", InstantRate},
    {"last_over_time", LastOverTime},
    {"mad_over_time", MadOverTime},
    {"max_over_time", MaxOverTime},
    {"min_over_time", MinOverTime},
    {"predict_linear", PredictLinear},
    {"present_over_time", PresentOverTime},
    {"quantile_anomaly_over_time", QuantileAnomalyOverTime},
    {"quantile_over_time", QuantileOverTime},
    {"rate", Rate},
    {"rate_anomaly_over_time", RateAnomalyOverTime},
    {"resets", Resets},
    {"stddev_over_time", StddevOverTime},
    {"stdvar_over_time", StdvarOverTime},
    {"sum_over_time", SumOverTime},
    {"ts_of_first_over_time", TimeOfFirst},
    {"ts_of_last_over_time", TimeOfLast},
    {"ts_of_max_over_time", TimeOfMax},
    {"ts_of_min_over_time", TimeOfMin},
    {"zscore_over_time", ZscoreOverTime},
};

}  // namespace

RangeFunction FindRangeFunction(std::string_view name) {
  for (const Row& row : kRows) {
    if (row.name == name) return row.function;
  }
  return nullptr;
}

}  // namespace rootnote::promql
