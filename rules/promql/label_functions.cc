#include "rules/promql/label_functions.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <map>
#include <optional>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "fmt/format.h"
#include "re2/re2.h"

namespace rootnote::promql {
namespace {

bool IsWordChar(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

const std::string& StringArg(const Expr& call, size_t at) {
  return Unparenthesised(*call.args[at]).text;
}

// `$1`, `${1}`, `$name`, `${name}`, `$$`, as Go's regexp expands them: the longest name counts, and
// what names no group is empty.
class Template {
 public:
  Template(const re2::RE2& regex, const std::vector<re2::StringPiece>& groups)
      : names_(regex.NamedCapturingGroups()), groups_(groups) {}

  std::string Expand(std::string_view text) const {
    std::string out;
    for (size_t at = 0; at < text.size();) {
      if (text[at] != '$') {
        out += text[at++];
        continue;
      }
      if (text.substr(at, 2) == "$$") {
        out += '$';
        at += 2;
        continue;
      }
      const bool braced = text.substr(at, 2) == "${";
      const size_t begin = at + (braced ? 2 : 1);
      size_t end = begin;
      while (end < text.size() && IsWordChar(text[end])) ++end;
      const bool closed = !braced || (end < text.size() && text[end] == '}');
      if (end == begin || !closed) {
        out += text[at++];
        continue;
      }
      out += Group(std::string(text.substr(begin, end - begin)));
      at = end + (braced ? 1 : 0);
    }
    return out;
  }

 private:
  std::string Group(const std::string& name) const {
    size_t index = groups_.size();
    if (name.find_first_not_of("0123456789") == std::string::npos) {
      if (name.size() < 6) index = static_cast<size_t>(std::atoi(name.c_str()));
    } else if (const auto found = names_.find(name); found != names_.end()) {
      index = static_cast<size_t>(found->second);
    }
    return index < groups_.size() ? std::string(groups_[index].data(), groups_[index].size()) : "";
  }

  const std::map<std::string, int>& names_;
  const std::vector<re2::StringPiece>& groups_;
};

struct Bucket {
  double upper = 0;
  double count = 0;
};

std::optional<double> ParseBound(std::string_view text) {
  const std::string copy(text);
  char* end = nullptr;
  const double value = std::strtod(copy.c_str(), &end);
  if (copy.empty() || end != copy.c_str() + copy.size()) return std::nullopt;
  return value;
}

// Equal up to rounding errors of the sums that counts come from.
bool AlmostEqual(double a, double b) {
  constexpr double kTolerance = 1e-12;
  if (a == b) return true;
  const double sum = std::abs(a) + std::abs(b);
  const double difference = std::abs(a - b);
  constexpr double kSmallest = 2.2250738585072014e-308;
  if (a == 0 || b == 0 || sum < kSmallest) return difference < kTolerance * kSmallest;
  return difference / std::min(sum, 1.7976931348623157e308) < kTolerance;
}

// Equal bounds become one; counts never decrease.
std::vector<Bucket> Monotonic(std::vector<Bucket> buckets) {
  std::vector<Bucket> merged;
  for (const Bucket& bucket : buckets) {
    if (!merged.empty() && merged.back().upper == bucket.upper) {
      merged.back().count += bucket.count;
    } else {
      merged.push_back(bucket);
    }
  }
  double before = merged.front().count;
  for (Bucket& bucket : merged) {
    if (bucket.count < before || AlmostEqual(bucket.count, before)) {
      bucket.count = before;
    } else {
      before = bucket.count;
    }
  }
  return merged;
}

// Linear between the bounds of the bucket that holds the rank.
double BucketQuantile(double phi, std::vector<Bucket> buckets) {
  if (std::isnan(phi)) return std::nan("");
  if (phi < 0) return -HUGE_VAL;
  if (phi > 1) return HUGE_VAL;
  std::stable_sort(buckets.begin(), buckets.end(),
                   [](const Bucket& a, const Bucket& b) { return a.upper < b.upper; });
  if (buckets.back().upper != HUGE_VAL) return std::nan("");
  buckets = Monotonic(std::move(buckets));
  const size_t last = buckets.size() - 1;
  const double observations = buckets[last].count;
  if (last < 1 || observations == 0) return std::nan("");
  double rank = phi * observations;
  size_t at = 0;
  while (at < last && !(buckets[at].count >= rank)) ++at;
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

}  // namespace

absl::StatusOr<Vector> LabelReplace(const Expr& call, Vector vector) {
  const std::string& target = StringArg(call, 1);
  const std::string& replacement = StringArg(call, 2);
  const std::string& source = StringArg(call, 3);
  re2::RE2::Options options;
  options.set_log_errors(false);
  options.set_dot_nl(true);
  const re2::RE2 regex(StringArg(call, 4), options);
  if (!regex.ok()) {
    return absl::InvalidArgumentError(
        fmt::format("invalid regular expression in label_replace(): {}", StringArg(call, 4)));
  }
  if (target.empty()) {
    return absl::InvalidArgumentError("invalid destination label name in label_replace(): ");
  }
  std::vector<re2::StringPiece> groups(static_cast<size_t>(regex.NumberOfCapturingGroups()) + 1);
  for (Element& element : vector) {
    const std::string value(element.labels.Get(source));
    const bool matches = regex.Match(value, 0, value.size(), re2::RE2::ANCHOR_BOTH, groups.data(),
                                     static_cast<int>(groups.size()));
    if (!matches) continue;
    element.labels = element.labels.With(target, Template(regex, groups).Expand(replacement));
  }
  RETURN_IF_ERROR(Normalise(vector));
  return vector;
}

absl::StatusOr<Vector> LabelJoin(const Expr& call, Vector vector) {
  const std::string& target = StringArg(call, 1);
  if (target.empty()) {
    return absl::InvalidArgumentError("invalid destination label name in label_join(): ");
  }
  const std::string& separator = StringArg(call, 2);
  for (Element& element : vector) {
    std::string joined;
    for (size_t i = 3; i < call.args.size(); ++i) {
      if (StringArg(call, i).empty()) {
        return absl::InvalidArgumentError("invalid source label name in label_join(): ");
      }
      if (i > 3) joined += separator;
      joined += element.labels.Get(StringArg(call, i));
    }
    element.labels = element.labels.With(target, joined);
  }
  RETURN_IF_ERROR(Normalise(vector));
  return vector;
}

Labels AbsentLabels(const Expr& selector) {
  if (selector.kind != ExprKind::kSelector) return Labels();
  // A name that is asked for twice is not known.
  std::map<std::string, std::string> known;
  std::map<std::string, bool> seen;
  for (const Matcher& matcher : selector.matchers) {
    if (matcher.name == kMetricName) continue;
    if (matcher.op == MatchOp::kEqual && !seen[matcher.name]) {
      known[matcher.name] = matcher.value;
      seen[matcher.name] = true;
    } else {
      known.erase(matcher.name);
    }
  }
  return Labels::From({known.begin(), known.end()});
}

Vector HistogramQuantile(double phi, const Vector& buckets) {
  std::vector<std::pair<Labels, std::vector<Bucket>>> histograms;
  absl::flat_hash_map<Labels, size_t> index;
  for (const Element& element : buckets) {
    const std::optional<double> upper = ParseBound(element.labels.Get("le"));
    if (!upper) continue;
    Labels labels = element.labels.Drop({"le"});
    const auto [found, added] = index.try_emplace(labels, histograms.size());
    if (added) histograms.emplace_back(std::move(labels), std::vector<Bucket>());
    histograms[found->second].second.push_back({*upper, element.value});
  }
  Vector result;
  for (auto& [labels, parts] : histograms) {
    result.push_back({labels, BucketQuantile(phi, std::move(parts))});
  }
  SortCanonically(result);
  return result;
}

}  // namespace rootnote::promql
