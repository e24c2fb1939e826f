#include "rules/promql/histogram_functions.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <limits>
#include <optional>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "fmt/format.h"

namespace rootnote::promql {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

struct Bucket {
  double upper = 0;
  double count = 0;
};

struct Histogram {
  Labels labels;  // with the metric name, without le
  std::vector<Bucket> buckets;
};

// As Go's ParseFloat: no white space, no NaN with a text in parentheses, nothing that overflows.
std::optional<double> ParseBound(std::string_view text) {
  if (text.empty() || text.find_first_of(" \t\n\v\f\r(") != std::string_view::npos) {
    return std::nullopt;
  }
  const std::string copy(text);
  char* end = nullptr;
  const double value = std::strtod(copy.c_str(), &end);
  if (end != copy.c_str() + copy.size() || std::isnan(value)) return std::nullopt;
  const bool overflowed = std::isinf(value) && copy.find_first_of("0123456789") != copy.npos;
  return overflowed ? std::nullopt : std::optional(value);
}

// Equal up to rounding errors of the sums that counts come from.
bool AlmostEqual(double a, double b) {
  constexpr double kTolerance = 1e-12;
  if (a == b) return true;
  const double sum = std::abs(a) + std::abs(b);
  const double difference = std::abs(a - b);
  constexpr double kSmallest = std::numeric_limits<double>::min();
  if (a == 0 || b == 0 || sum < kSmallest) return difference < kTolerance * kSmallest;
  return difference / std::min(sum, std::numeric_limits<double>::max()) < kTolerance;
}

// Ascending by bound; equal bounds become one.
void Sort(std::vector<Bucket>& buckets) {
  std::stable_sort(buckets.begin(), buckets.end(),
                   [](const Bucket& a, const Bucket& b) { return a.upper < b.upper; });
}

std::vector<Bucket> Merged(const std::vector<Bucket>& buckets) {
  std::vector<Bucket> merged;
  for (const Bucket& bucket : buckets) {
    if (!merged.empty() && merged.back().upper == bucket.upper) {
      merged.back().count += bucket.count;
    } else {
      merged.push_back(bucket);
    }
  }
  return merged;
}

// Raises counts that are below the one before them. What it says is worth telling unless the
// difference is a rounding error.
std::optional<MonotonicityRepair> MakeMonotonic(std::vector<Bucket>& buckets, EventTime t) {
  MonotonicityRepair repair{t, t, kInfinity, -kInfinity, 0};
  bool repaired = false;
  double before = buckets.front().count;
  for (Bucket& bucket : buckets) {
    if (AlmostEqual(bucket.count, before)) {
      bucket.count = before;
    } else if (bucket.count < before) {
      repaired = true;
      repair.bucket_min = std::min(repair.bucket_min, bucket.upper);
      repair.bucket_max = std::max(repair.bucket_max, bucket.upper);
      repair.difference_max = std::max(repair.difference_max, before - bucket.count);
      bucket.count = before;
    } else {
      before = bucket.count;
    }
  }
  return repaired ? std::optional(repair) : std::nullopt;
}

// Linear between the bounds of the bucket that holds the rank.
double Interpolated(double phi, const std::vector<Bucket>& buckets) {
  const size_t last = buckets.size() - 1;
  const double observations = buckets[last].count;
  if (last < 1 || observations == 0) return std::nan("");
  double rank = phi * observations;
  const auto found =
      std::partition_point(buckets.begin(), buckets.end() - 1,
                           [=](const Bucket& bucket) { return !(bucket.count >= rank); });
  const auto at = static_cast<size_t>(found - buckets.begin());
  if (at == last) return buckets[last - 1].upper;
  if (at == 0 && buckets[0].upper <= 0) return buckets[0].upper;
  double begin = 0;
  double count = buckets[at].count;
  if (at > 0) {
    begin = buckets[at - 1].upper;
    count -= buckets[at - 1].count;
    rank -= buckets[at - 1].count;
  }
  return begin + (buckets[at].upper - begin) * (rank / count);
}

struct QuantileResult {
  double value = 0;
  std::optional<MonotonicityRepair> repair;
};

QuantileResult QuantileOf(double phi, std::vector<Bucket> buckets, EventTime t) {
  if (std::isnan(phi)) return {std::nan(""), {}};
  if (phi < 0) return {-kInfinity, {}};
  if (phi > 1) return {kInfinity, {}};
  Sort(buckets);
  if (buckets.back().upper != kInfinity) return {std::nan(""), {}};
  buckets = Merged(buckets);
  const auto repair = MakeMonotonic(buckets, t);
  return {Interpolated(phi, buckets), repair};
}

// How many observations are at most `value`: cumulative counts, linear within the bucket.
double RankOf(double value, const std::vector<Bucket>& buckets) {
  double lower = buckets.front().upper <= 0 ? -kInfinity : 0;
  double before = 0;
  for (const Bucket& bucket : buckets) {
    if (lower >= value) return before;
    if (bucket.upper > value) {
      // Nothing can be said within a bucket without a lower end.
      if (lower == -kInfinity) return bucket.count;
      return before + (bucket.count - before) * (value - lower) / (bucket.upper - lower);
    }
    before = bucket.count;
    lower = bucket.upper;
  }
  return kInfinity;
}

double FractionOf(double low, double high, std::vector<Bucket> buckets) {
  Sort(buckets);
  if (buckets.back().upper != kInfinity) return std::nan("");
  buckets = Merged(buckets);
  const double count = buckets.back().count;
  if (count == 0 || std::isnan(low) || std::isnan(high)) return std::nan("");
  if (low >= high) return 0;
  const auto rank = [&](double value) {
    const double found = RankOf(value, buckets);
    return found > count ? count : found;
  };
  return (rank(high) - rank(low)) / count;
}

// Prometheus names the metric when its name is still there for certain.
std::string_view NameToTell(const Labels& labels, const Evaluation& evaluation) {
  return evaluation.options().delayed_name_removal ? labels.metric() : std::string_view();
}

absl::StatusOr<std::vector<Histogram>> HistogramsOf(const Expr& arg, EventTime t,
                                                    const Evaluation& evaluation) {
  ASSIGN_OR_RETURN(Vector vector, evaluation.Instant(arg, t));
  SortCanonically(vector);
  std::vector<Histogram> histograms;
  absl::flat_hash_map<Labels, size_t> index;
  for (const Element& element : vector) {
    const std::string_view bound = element.labels.Get("le");
    const std::optional<double> upper = ParseBound(bound);
    if (!upper) {
      if (AnnotationLog* log = evaluation.log()) {
        log->Warn(fmt::format("bucket label \"le\" is missing or has a malformed value of \"{}\"{}",
                              bound, OfMetric(NameToTell(element.labels, evaluation))),
                  PlaceOf(arg));
      }
      continue;
    }
    Labels labels = element.labels.Without("le");
    const auto [found, added] = index.try_emplace(labels, histograms.size());
    if (added) histograms.push_back({std::move(labels), {}});
    histograms[found->second].buckets.push_back({*upper, element.value});
  }
  return histograms;
}

double Quantile(double phi, const Histogram& histogram, const Expr& arg, EventTime t,
                const Evaluation& evaluation) {
  const QuantileResult result = QuantileOf(phi, histogram.buckets, t);
  AnnotationLog* log = evaluation.log();
  if (log != nullptr && result.repair) {
    log->Repaired(*result.repair, NameToTell(histogram.labels, evaluation), PlaceOf(arg));
  }
  return result.value;
}

// As a label: 0.5, 1.0, 5e-05: OpenMetrics' form, in which whole numbers keep a decimal.
std::string LabelNumber(double value) {
  if (std::isnan(value)) return "NaN";
  if (value == kInfinity) return "+Inf";
  if (value == -kInfinity) return "-Inf";
  if (value == 0) return "0.0";
  std::string text = ShortNumber(value);
  if (text.find_first_of("e.") == std::string::npos) text += ".0";
  return text;
}

}  // namespace

void CheckQuantile(double phi, const Expr& arg, const Evaluation& evaluation) {
  AnnotationLog* log = evaluation.log();
  if (log == nullptr || (phi >= 0 && phi <= 1)) return;
  log->Warn(fmt::format("quantile value should be between 0 and 1, got {}", ShortNumber(phi)),
            PlaceOf(arg));
}

absl::StatusOr<Vector> EvalHistogramQuantile(const Expr& call, EventTime t,
                                             const Evaluation& evaluation) {
  ASSIGN_OR_RETURN(const double phi, evaluation.Scalar(*call.args[0], t));
  CheckQuantile(phi, *call.args[0], evaluation);
  ASSIGN_OR_RETURN(const auto histograms, HistogramsOf(*call.args[1], t, evaluation));
  Vector result;
  for (const Histogram& histogram : histograms) {
    result.push_back(evaluation.Nameless(histogram.labels,
                                         Quantile(phi, histogram, *call.args[1], t, evaluation)));
  }
  RETURN_IF_ERROR(Normalise(result));
  return result;
}

absl::StatusOr<Vector> EvalHistogramQuantiles(const Expr& call, EventTime t,
                                              const Evaluation& evaluation) {
  const std::string& label = Unparenthesised(*call.args[1]).text;
  std::vector<double> quantiles;
  for (size_t i = 2; i < call.args.size(); ++i) {
    ASSIGN_OR_RETURN(const double phi, evaluation.Scalar(*call.args[i], t));
    CheckQuantile(phi, *call.args[i], evaluation);
    quantiles.push_back(phi);
  }
  ASSIGN_OR_RETURN(const auto histograms, HistogramsOf(*call.args[0], t, evaluation));
  Vector result;
  for (const double phi : quantiles) {
    for (const Histogram& histogram : histograms) {
      Element element = evaluation.Nameless(histogram.labels,
                                            Quantile(phi, histogram, *call.args[0], t, evaluation));
      element.labels = element.labels.With(label, LabelNumber(phi));
      result.push_back(std::move(element));
    }
  }
  RETURN_IF_ERROR(Normalise(result));
  return result;
}

absl::StatusOr<Vector> EvalHistogramFraction(const Expr& call, EventTime t,
                                             const Evaluation& evaluation) {
  ASSIGN_OR_RETURN(const double low, evaluation.Scalar(*call.args[0], t));
  ASSIGN_OR_RETURN(const double high, evaluation.Scalar(*call.args[1], t));
  ASSIGN_OR_RETURN(const auto histograms, HistogramsOf(*call.args[2], t, evaluation));
  Vector result;
  for (const Histogram& histogram : histograms) {
    result.push_back(
        evaluation.Nameless(histogram.labels, FractionOf(low, high, histogram.buckets)));
  }
  RETURN_IF_ERROR(Normalise(result));
  return result;
}

}  // namespace rootnote::promql
