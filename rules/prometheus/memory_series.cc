#include "rules/prometheus/memory_series.h"

#include <algorithm>
#include <bit>
#include <cstdint>
#include <iterator>
#include <memory>
#include <utility>

#include "fmt/format.h"

namespace rootnote::prometheus {
namespace {

using promql::Point;
using promql::SeriesPoints;

bool Matches(const promql::Expr& selector, const Labels& labels) {
  return std::all_of(
      selector.matchers.begin(), selector.matchers.end(),
      [&](const promql::Matcher& matcher) { return matcher.Matches(labels.Get(matcher.name)); });
}

bool Before(const SeriesPoints& a, const SeriesPoints& b) {
  if (a.labels.hash() != b.labels.hash()) return a.labels.hash() < b.labels.hash();
  return a.labels.bytes() < b.labels.bytes();
}

SeriesPoints Merged(const SeriesPoints& first, const SeriesPoints& second) {
  auto points = std::make_shared<std::vector<Point>>();
  const auto earlier = [](const Point& a, const Point& b) { return a.time < b.time; };
  // Of equals the first range's come first: the later one is kept.
  std::merge(first.points.begin(), first.points.end(), second.points.begin(), second.points.end(),
             std::back_inserter(*points), earlier);
  auto kept = points->begin();
  for (auto it = points->begin(); it != points->end(); ++it) {
    if (std::next(it) != points->end() && std::next(it)->time == it->time) continue;
    *kept++ = *it;
  }
  points->erase(kept, points->end());
  SeriesPoints merged{first.labels, *points, nullptr};
  merged.keep_alive = std::move(points);
  return merged;
}

}  // namespace

absl::Status MemorySeries::Append(const Labels& labels, Point point) {
  OfMetric& of_metric = metrics_[std::string(labels.metric())];
  auto found = of_metric.find(labels);
  if (found == of_metric.end()) {
    if (series_count_ >= series_max_) {
      ++refused_;
      return absl::ResourceExhaustedError(fmt::format("more than {} series", series_max_));
    }
    ++series_count_;
    found = of_metric.emplace(labels, std::vector<Point>{}).first;
  }
  std::vector<Point>& points = found->second;
  if (!points.empty() && point.time < points.back().time) {
    return absl::InvalidArgumentError("out of order sample");
  }
  if (!points.empty() && point.time == points.back().time) {
    if (std::bit_cast<uint64_t>(points.back().value) == std::bit_cast<uint64_t>(point.value)) {
      return absl::OkStatus();
    }
    return absl::InvalidArgumentError(
        fmt::format("duplicate sample for timestamp {}; overrides not allowed: existing {}, new "
                    "value {}",
                    ToMillis(point.time), points.back().value, point.value));
  }
  points.push_back(point);
  return absl::OkStatus();
}

void MemorySeries::Forget(EventTime until) {
  for (auto metric = metrics_.begin(); metric != metrics_.end();) {
    OfMetric& of_metric = metric->second;
    for (auto series = of_metric.begin(); series != of_metric.end();) {
      std::vector<Point>& points = series->second;
      const auto keep = std::find_if(points.begin(), points.end(),
                                     [&](const Point& point) { return point.time > until; });
      points.erase(points.begin(), keep);
      if (points.empty()) --series_count_;
      series = points.empty() ? of_metric.erase(series) : std::next(series);
    }
    metric = of_metric.empty() ? metrics_.erase(metric) : std::next(metric);
  }
}

std::vector<SeriesPoints> MemorySeries::Select(const promql::Expr& selector, EventTime from,
                                               EventTime to) const {
  std::vector<SeriesPoints> selected;
  const auto later = [](EventTime time, const Point& point) { return time < point.time; };
  const auto look = [&](const OfMetric& of_metric) {
    for (const auto& [labels, points] : of_metric) {
      const auto begin = std::upper_bound(points.begin(), points.end(), from, later);
      const auto end = std::upper_bound(begin, points.end(), to, later);
      if (begin == end || !Matches(selector, labels)) continue;
      selected.push_back({labels, {begin, end}, nullptr});
    }
  };
  if (!selector.text.empty()) {
    const auto found = metrics_.find(selector.text);
    if (found != metrics_.end()) look(found->second);
  } else {
    for (const auto& [name, of_metric] : metrics_) look(of_metric);
  }
  std::sort(selected.begin(), selected.end(), Before);
  return selected;
}

std::vector<SeriesPoints> JoinedSeries::Select(const promql::Expr& selector, EventTime from,
                                               EventTime to) const {
  std::vector<SeriesPoints> first = first_.Select(selector, from, to);
  std::vector<SeriesPoints> second = second_.Select(selector, from, to);
  if (second.empty()) return first;
  std::vector<SeriesPoints> joined;
  std::merge(std::make_move_iterator(first.begin()), std::make_move_iterator(first.end()),
             std::make_move_iterator(second.begin()), std::make_move_iterator(second.end()),
             std::back_inserter(joined), Before);
  for (size_t i = 1; i < joined.size();) {
    if (joined[i - 1].labels == joined[i].labels) {
      joined[i - 1] = Merged(joined[i - 1], joined[i]);
      joined.erase(joined.begin() + static_cast<int64_t>(i));
    } else {
      ++i;
    }
  }
  return joined;
}

}  // namespace rootnote::prometheus
