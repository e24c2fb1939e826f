#include "rules/promql/anomaly_score.h"

#include <algorithm>
#include <cmath>
#include <vector>

namespace rootnote::promql {
namespace {

// A median of fewer samples is off by more than the spread that it is compared with.
constexpr size_t kLearnedMin = 10;
// Makes the median deviation of a normal distribution its standard deviation.
constexpr double kOfMedianDeviation = 1.4826;
// An odd one out in up to three of eight parts does not move the median of the parts.
constexpr size_t kParts = 8;
// The largest of thirty normal samples lies two standard deviations from the middle (2.04).
constexpr double kPeak = 2;
// A deviation known from n samples only: where the normal distribution has six of them, Student's t
// has 6 · (1 + 15 / n), within a tenth from twenty samples on.
constexpr double kFew = 15;
// What hardly moves is measured in tenths of the effect that matters.
constexpr double kFinest = 0.1;
constexpr double kScoreMax = 100;
// What is judged must have lasted as long: two rows of a minute, half a minute late. A sample that
// stands for more time than that has lasted.
constexpr Millis kLasting{90'000};
constexpr Millis kDay{86'400'000};
constexpr Millis kSameTime{1'800'000};  // half an hour to either side: jobs do not begin punctually

double Median(std::vector<double> values) {
  const size_t middle = values.size() / 2;
  const auto at = values.begin() + static_cast<std::ptrdiff_t>(middle);
  std::nth_element(values.begin(), at, values.end());
  if (values.size() % 2 == 1) return *at;
  return (*std::max_element(values.begin(), at) + *at) / 2;
}

// What is usual: the middle, and a standard deviation to either side.
struct Usual {
  std::vector<Point> learned;
  double median = 0;
  double above = 0;
  double below = 0;
  double effect = 0;  // the least distance that matters
};

// How far the samples of a part usually reach to one side: of eight parts the median, so that one
// episode counts for nothing and what comes again and again counts in full.
double UsualPeak(const std::vector<double>& distances, double side) {
  std::vector<double> peaks;
  for (size_t part = 0; part < kParts; ++part) {
    const size_t begin = distances.size() * part / kParts;
    const size_t end = distances.size() * (part + 1) / kParts;
    double peak = 0;
    for (size_t i = begin; i < end; ++i) peak = std::max(peak, side * distances[i]);
    peaks.push_back(peak);
  }
  return Median(std::move(peaks));
}

Usual Learn(std::vector<Point> learned, const AnomalyLimits& limits) {
  Usual usual;
  std::vector<double> values;
  values.reserve(learned.size());
  for (const Point& point : learned) values.push_back(point.value);
  usual.median = Median(values);
  usual.effect = std::max(limits.effect, limits.ratio * std::abs(usual.median));
  std::vector<double> sizes;
  sizes.reserve(values.size());
  for (double& value : values) {
    value -= usual.median;
    sizes.push_back(std::abs(value));
  }
  const double few = 1 + kFew / static_cast<double>(values.size());
  const double spread = kOfMedianDeviation * Median(std::move(sizes));
  const double least = kFinest * usual.effect;
  usual.above = std::max(few * std::max(spread, UsualPeak(values, 1) / kPeak), least);
  usual.below = std::max(few * std::max(spread, UsualPeak(values, -1) / kPeak), least);
  usual.learned = std::move(learned);
  return usual;
}

// How far from the middle the samples went to one side at the same time of the days before, of
// several days the median; nothing before there was such a day. The farthest and not the middle of
// each day: a job may be shorter than the uncertainty of its time.
std::optional<double> DailyPeak(const Usual& usual, EventTime time, double side) {
  std::vector<double> peaks;
  const auto earlier = [](const Point& point, EventTime at) { return point.time < at; };
  const std::vector<Point>& learned = usual.learned;
  for (EventTime day = time - kDay; day + kSameTime >= learned.front().time; day -= kDay) {
    auto point = std::lower_bound(learned.begin(), learned.end(), day - kSameTime, earlier);
    if (point == learned.end() || point->time > day + kSameTime) continue;
    double peak = 0;
    for (; point != learned.end() && point->time <= day + kSameTime; ++point) {
      peak = std::max(peak, side * (point->value - usual.median));
    }
    peaks.push_back(peak);
  }
  if (peaks.empty()) return std::nullopt;
  return Median(std::move(peaks));
}

double Score(const Point& point, const Usual& usual) {
  const double side = point.value < usual.median ? -1 : 1;
  double distance = side * (point.value - usual.median);
  if (distance < usual.effect || distance == 0) return 0;
  // What comes every day at this time is usual, too: what counts is how far it goes beyond.
  distance -= DailyPeak(usual, point.time, side).value_or(0);
  if (distance < usual.effect || distance <= 0) return 0;
  const double scale = side > 0 ? usual.above : usual.below;
  return side * (scale == 0 ? kScoreMax : std::min(distance / scale, kScoreMax));
}

std::vector<Point> Numbers(std::span<const Point> points) {
  std::vector<Point> numbers;
  numbers.reserve(points.size());
  for (const Point& point : points) {
    if (std::isfinite(point.value)) numbers.push_back(point);
  }
  return numbers;
}

// The growth per second from one sample to the next; after a reset from zero.
std::vector<Point> Growth(std::span<const Point> points) {
  std::vector<Point> growth;
  for (size_t i = 1; i < points.size(); ++i) {
    const Point& before = points[i - 1];
    const Point& now = points[i];
    const double seconds = static_cast<double>((now.time - before.time).count()) / 1000;
    if (seconds <= 0) continue;
    const bool reset = now.value < before.value;
    growth.push_back({now.time, (reset ? now.value : now.value - before.value) / seconds});
  }
  return growth;
}

// Parts the samples: those learned, and behind them those judged, of which there is one at least.
struct Parted {
  std::vector<Point> learned;
  std::vector<Point> judged;
};

std::optional<Parted> Part(std::span<const Point> points, EventTime now, Millis lag) {
  Parted parted{Numbers(points), {}};
  const auto first_judged =
      std::find_if(parted.learned.begin(), parted.learned.end(),
                   [&](const Point& point) { return point.time > now - lag; });
  parted.judged.assign(first_judged, parted.learned.end());
  parted.learned.erase(first_judged, parted.learned.end());
  if (parted.judged.empty() || parted.learned.size() < kLearnedMin) return std::nullopt;
  return parted;
}

AnomalyLimits LimitsOf(const RangeCall& call) {
  const double seconds = std::clamp(call.first, 0.0, 1e10);
  return {Millis(static_cast<int64_t>(seconds * 1000)), std::max(call.second, 0.0),
          std::max(call.third, 0.0)};
}

}  // namespace

std::optional<double> AnomalyScore(std::span<const Point> points, EventTime now,
                                   const AnomalyLimits& limits) {
  std::optional<Parted> parted = Part(points, now, limits.lag);
  if (!parted) return std::nullopt;
  const Usual usual = Learn(std::move(parted->learned), limits);
  const EventTime since = parted->judged.back().time - kLasting;
  std::vector<double> scores;
  for (const Point& point : parted->judged) {
    if (point.time > since) scores.push_back(Score(point, usual));
  }
  // The middle one; of two in the middle that which says less.
  std::sort(scores.begin(), scores.end());
  const double low = scores[(scores.size() - 1) / 2];
  const double high = scores[scores.size() / 2];
  return low > 0 ? low : std::min(high, 0.0);
}

bool IsAnomalyScore(std::string_view function) {
  return function == "anomaly_over_time" || function == "anomaly_onset_over_time" ||
         function == "rate_anomaly_over_time";
}

std::optional<double> AnomalyOverTime(const RangeCall& call) {
  return AnomalyScore(call.points, call.range.end, LimitsOf(call));
}

std::optional<double> RateAnomalyOverTime(const RangeCall& call) {
  return AnomalyScore(Growth(call.points), call.range.end, LimitsOf(call));
}

std::optional<double> AnomalyOnsetOverTime(const RangeCall& call) {
  const AnomalyLimits limits = LimitsOf(call);
  std::optional<Parted> parted = Part(call.points, call.range.end, limits.lag);
  if (!parted) return std::nullopt;
  const Usual usual = Learn(std::move(parted->learned), limits);
  const double last = Score(parted->judged.back(), usual);
  parted->judged.pop_back();
  const bool said = std::any_of(
      parted->judged.begin(), parted->judged.end(),
      [&](const Point& point) { return std::abs(Score(point, usual)) >= std::abs(last); });
  return said ? 0 : last;
}

}  // namespace rootnote::promql
