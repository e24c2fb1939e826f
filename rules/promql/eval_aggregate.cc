// Aggregations over groups of elements.
#include <algorithm>
#include <charconv>
#include <cmath>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "fmt/format.h"

#include "rules/promql/evaluation.h"
#include "rules/promql/histogram_functions.h"
#include "rules/promql/summation.h"
#include "rules/promql/words.h"
#include "rules/unquote.h"
#include "xxhash.h"

namespace rootnote::promql {
namespace {

// The labels of the group. Unlike Labels::Keep, `by (__name__)` keeps the name, as in Prometheus.
Labels GroupLabels(const Labels& labels, const Expr& expr) {
  if (expr.without) return WithoutMetadata(labels).Drop(expr.grouping);
  if (expr.grouping.empty()) return Labels();
  std::vector<Label> pairs = labels.ToVector();
  std::erase_if(pairs, [&](const Label& label) {
    return std::find(expr.grouping.begin(), expr.grouping.end(), label.first) ==
           expr.grouping.end();
  });
  return Labels::FromViews(std::move(pairs));
}

struct Group {
  Labels labels;
  std::vector<const Element*> members;  // in canonical order
  bool drop_name = false;               // of any member
};

std::vector<Group> GroupsOf(const Vector& vector, const Expr& expr) {
  std::vector<Group> groups;
  absl::flat_hash_map<Labels, size_t> index;
  for (const Element& element : vector) {
    Labels labels = GroupLabels(element.labels, expr);
    const auto [found, added] = index.try_emplace(labels, groups.size());
    if (added) groups.push_back({std::move(labels), {}, false});
    Group& group = groups[found->second];
    group.members.push_back(&element);
    group.drop_name = group.drop_name || element.drop_name;
  }
  std::sort(groups.begin(), groups.end(),
            [](const Group& a, const Group& b) { return CanonicalLess(a.labels, b.labels); });
  return groups;
}

double Sum(const std::vector<const Element*>& members) {
  // The first value starts the sum, as in Prometheus; it matters for -0 and infinities.
  CompensatedSum sum{members.front()->value, 0};
  for (size_t i = 1; i < members.size(); ++i) sum.Add(members[i]->value);
  return sum.sum + sum.compensation;
}

double Mean(const std::vector<const Element*>& members) {
  CompensatedMean mean;
  for (const Element* member : members) mean.Add(member->value);
  return mean.Result();
}

// Welford's way, without compensation, as Prometheus' aggregations do it.
double Variance(const std::vector<const Element*>& members) {
  double mean = members.front()->value;
  double squares = std::isfinite(mean) ? 0 : std::nan("");
  double count = 1;
  for (size_t i = 1; i < members.size(); ++i) {
    const double value = members[i]->value;
    ++count;
    const double delta = value - mean;
    mean += delta / count;
    squares += delta * (value - mean);
  }
  return squares / count;
}

double Extreme(const std::vector<const Element*>& members, bool largest) {
  double found = members.front()->value;
  for (const Element* member : members) {
    const bool better = largest ? member->value > found : member->value < found;
    if (better || std::isnan(found)) found = member->value;
  }
  return found;
}

double Aggregated(const std::string& name, const Group& group, double parameter) {
  const auto& members = group.members;
  if (name == "sum") return Sum(members);
  if (name == "avg") return Mean(members);
  if (name == "min") return Extreme(members, false);
  if (name == "max") return Extreme(members, true);
  if (name == "count") return static_cast<double>(members.size());
  if (name == "group") return 1;
  if (name == "stdvar") return Variance(members);
  if (name == "stddev") return std::sqrt(Variance(members));
  std::vector<double> values;
  for (const Element* member : members) values.push_back(member->value);
  return Quantile(parameter, std::move(values));
}

// The number of elements that topk, bottomk and limitk leave of each group.
absl::StatusOr<size_t> Count(double parameter, size_t elements) {
  if (std::isnan(parameter)) return absl::InvalidArgumentError("Parameter value is NaN");
  const double whole = std::trunc(parameter);
  if (whole < 1) return size_t{0};
  if (parameter >= 9.223372036854775807e18) {
    return absl::InvalidArgumentError(
        fmt::format("Scalar value {} overflows int64", ShortNumber(parameter)));
  }
  return whole >= static_cast<double>(elements) ? elements : static_cast<size_t>(whole);
}

// topk, bottomk and limitk: elements themselves, the best first. NaN is never better.
Vector Selected(const std::string& name, const std::vector<Group>& groups, size_t count) {
  Vector result;
  for (const Group& group : groups) {
    std::vector<const Element*> members = group.members;
    if (name != "limitk") {
      const bool largest = name == "topk";
      std::stable_sort(members.begin(), members.end(), [&](const Element* a, const Element* b) {
        if (std::isnan(a->value) || std::isnan(b->value)) {
          return !std::isnan(a->value) && std::isnan(b->value);
        }
        return largest ? a->value > b->value : a->value < b->value;
      });
    }
    for (size_t i = 0; i < std::min(count, members.size()); ++i) result.push_back(*members[i]);
  }
  return result;
}

// A value as a label: the shortest decimal without an exponent.
std::string ValueText(double value) {
  if (std::isnan(value)) return "NaN";
  if (std::isinf(value)) return value > 0 ? "+Inf" : "-Inf";
  char buffer[400];  // the largest double has 309 digits
  const auto end =
      std::to_chars(std::begin(buffer), std::end(buffer), value, std::chars_format::fixed).ptr;
  return std::string(std::begin(buffer), end);
}

absl::StatusOr<Vector> CountValues(const Expr& expr, const Vector& vector) {
  const std::string& label = Unparenthesised(*expr.args[0]).text;
  if (!IsLabelName(label)) {
    return absl::InvalidArgumentError("invalid label name " + Quote(label));
  }
  absl::flat_hash_map<Labels, double> counts;
  for (const Element& element : vector) {
    const std::string text = ValueText(element.value);
    const Labels labelled = element.labels.With(label, text);
    Labels group = GroupLabels(labelled, expr);
    // Without `without`, the value's label belongs to the group.
    if (!expr.without) group = group.With(label, text);
    counts[std::move(group)] += 1;
  }
  Vector result;
  for (const auto& [labels, count] : counts) result.push_back({labels, count});
  SortCanonically(result);
  return result;
}

// The bytes that Prometheus hashes: names and values ascending, each after its length.
uint64_t PrometheusHash(const Labels& labels) {
  std::string bytes;
  const auto append = [&](std::string_view text) {
    const size_t size = text.size();
    if (size < 255) {
      bytes += static_cast<char>(size);
    } else {
      bytes += static_cast<char>(255);
      for (int shift = 0; shift < 24; shift += 8) bytes += static_cast<char>(size >> shift & 255);
    }
    bytes += text;
  };
  for (const auto& [name, value] : labels.ToVector()) {
    append(name);
    append(value);
  }
  return XXH64(bytes.data(), bytes.size(), 0);
}

// The elements whose hash falls into the first `ratio` of all hashes; of a negative one those that
// the complement leaves.
absl::StatusOr<Vector> LimitRatio(const Expr& expr, double ratio, Vector vector,
                                  const Evaluation& evaluation) {
  if (ratio == 0) return Vector();
  if (std::isnan(ratio)) return absl::InvalidArgumentError("Ratio value is NaN");
  if (std::abs(ratio) > 1) {
    const double capped = ratio > 0 ? 1 : -1;
    if (AnnotationLog* log = evaluation.log()) {
      log->Warn(fmt::format("ratio value should be between -1 and 1, got {}, capping to {}",
                            ShortNumber(ratio), ShortNumber(capped)),
                PlaceOf(*expr.args[0]));
    }
    ratio = capped;
  }
  std::erase_if(vector, [=](const Element& element) {
    const double at = static_cast<double>(PrometheusHash(element.labels)) / 18446744073709551616.0;
    return ratio > 0 ? at >= ratio : at < 1 + ratio;
  });
  return vector;
}

}  // namespace

absl::StatusOr<Vector> EvalAggregate(const Expr& expr, EventTime t, const Evaluation& evaluation) {
  ASSIGN_OR_RETURN(Vector vector, evaluation.Instant(*expr.args.back(), t));
  // Sums run in this order, whatever sort() or topk() did below.
  SortCanonically(vector);
  const std::string& name = expr.text;
  if (name == "count_values") return CountValues(expr, vector);
  double parameter = 0;
  if (expr.args.size() == 2) {
    ASSIGN_OR_RETURN(parameter, evaluation.Scalar(*expr.args[0], t));
  }
  if (name == "limit_ratio") return LimitRatio(expr, parameter, std::move(vector), evaluation);
  const std::vector<Group> groups = GroupsOf(vector, expr);
  if (name == "topk" || name == "bottomk" || name == "limitk") {
    ASSIGN_OR_RETURN(const size_t count, Count(parameter, vector.size()));
    return Selected(name, groups, count);
  }
  if (name == "quantile") CheckQuantile(parameter, *expr.args[0], evaluation);
  Vector result;
  for (const Group& group : groups) {
    result.push_back({group.labels, Aggregated(name, group, parameter), group.drop_name});
  }
  return result;
}

}  // namespace rootnote::promql
