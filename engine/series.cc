#include "engine/series.h"

#include <algorithm>

namespace rootnote {

bool InSelectionOrder(const SeriesKey& a, const SeriesKey& b) {
  if (a.labels.hash() != b.labels.hash()) {
    return a.labels.hash() < b.labels.hash();
  }
  return InByteOrder(a, b);
}

bool InByteOrder(const SeriesKey& a, const SeriesKey& b) {
  const auto order = a.labels <=> b.labels;
  return order != 0 ? order < 0 : a.projection < b.projection;
}

void Series::Append(EventTime time, double value, RecordPosition where, EventTime tick) {
  if (time >= last) {
    if (last != kMinTime && time > last) {
      const Millis now = time - last;
      interval = distance == Millis(0) ? now : std::min(now, distance);
      distance = now;
    }
    last = time;
    position = where;
  }
  if (history == Millis(0)) {
    return;
  }
  if (points.size() == head || points.back().time <= time) {
    points.push_back({time, value});
  } else {
    const auto at =
        std::upper_bound(points.begin() + static_cast<std::ptrdiff_t>(head), points.end(), time,
                         [](EventTime t, const promql::Point& point) { return t < point.time; });
    points.insert(at, {time, value});
  }
  Prune(tick);
}

void Series::Prune(EventTime tick) {
  while (head < points.size() && points[head].time <= tick - history) {
    ++head;
  }
  if (head == points.size()) {
    points.clear();
    head = 0;
  } else if (head >= 32 && head * 2 >= points.size()) {
    points.erase(points.begin(), points.begin() + static_cast<std::ptrdiff_t>(head));
    head = 0;
  }
}

std::span<const promql::Point> Series::In(EventTime from, EventTime to) const {
  const auto begin = points.begin() + static_cast<std::ptrdiff_t>(head);
  const auto after = [](EventTime t, const promql::Point& point) { return t < point.time; };
  const auto first = std::upper_bound(begin, points.end(), from, after);
  const auto last_in = std::upper_bound(first, points.end(), to, after);
  return {first, last_in};
}

Millis Series::FreshFor(Millis lookback) const { return std::max(lookback, 3 * interval); }

}  // namespace rootnote
