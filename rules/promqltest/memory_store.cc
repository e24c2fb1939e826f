#include "rules/promqltest/memory_store.h"

#include <algorithm>

namespace rootnote::promqltest {

using promql::Point;

bool Selects(const promql::Expr& selector, const Labels& labels) {
  return std::all_of(
      selector.matchers.begin(), selector.matchers.end(),
      [&](const promql::Matcher& matcher) { return matcher.Matches(labels.Get(matcher.name)); });
}

void MemoryStore::Add(const Labels& labels, Point point) {
  std::vector<Point>& points = series_[labels];
  const auto at =
      std::lower_bound(points.begin(), points.end(), point.time,
                       [](const Point& one, EventTime time) { return one.time < time; });
  if (at != points.end() && at->time == point.time) {
    *at = point;
  } else {
    points.insert(at, point);
  }
}

std::vector<promql::SeriesPoints> MemoryStore::Select(const promql::Expr& selector, EventTime from,
                                                      EventTime to) const {
  std::vector<promql::SeriesPoints> found;
  const auto later = [](EventTime time, const Point& point) { return time < point.time; };
  for (const auto& [labels, points] : series_) {
    if (!Selects(selector, labels)) continue;
    const auto begin = std::upper_bound(points.begin(), points.end(), from, later);
    const auto end = std::upper_bound(points.begin(), points.end(), to, later);
    if (begin < end) found.push_back({labels, {begin, end}, nullptr});
  }
  return found;
}

}  // namespace rootnote::promqltest
