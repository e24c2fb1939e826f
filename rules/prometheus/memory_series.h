// Series in memory, with the rules of Prometheus' storage for what may be appended: what unit tests
// load, and what recording rules write.
#pragma once

#include <cstddef>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "rules/promql/evaluator.h"
#include "schemas/base/status.h"
#include "schemas/base/time.h"
#include "schemas/labels.h"

namespace rootnote::prometheus {

// Where rules write. Thread: one at a time.
class SampleSink {
 public:
  virtual ~SampleSink() = default;
  // InvalidArgument for a sample that is older than the series' last one, or that says something
  // else for the same time; ResourceExhausted when there are too many series.
  virtual absl::Status Append(const Labels& labels, promql::Point point) = 0;
  // The rule has written all of an instant: from now on others read it.
  virtual void Publish() {}
};

// Appending is for one thread; Select for many while nothing is appended.
class MemorySeries : public promql::SeriesStore, public SampleSink {
 public:
  explicit MemorySeries(size_t series_max = 10'000'000) : series_max_(series_max) {}

  absl::Status Append(const Labels& labels, promql::Point point) override;
  // Forgets points at and before `until`, and the series that have no others.
  void Forget(EventTime until);

  std::vector<promql::SeriesPoints> Select(const promql::Expr& selector, EventTime from,
                                           EventTime to) const override;

  size_t series() const { return series_count_; }
  // Samples that found no room: each is an error of the rule that wrote it, too.
  size_t refused() const { return refused_; }

 private:
  using OfMetric = std::map<Labels, std::vector<promql::Point>>;

  size_t series_max_;
  size_t series_count_ = 0;
  size_t refused_ = 0;
  std::map<std::string, OfMetric, std::less<>> metrics_;
};

// What two stores have together; points of one series are merged by time, the second's win.
// Borrows both.
class JoinedSeries : public promql::SeriesStore {
 public:
  JoinedSeries(const promql::SeriesStore& first, const promql::SeriesStore& second)
      : first_(first), second_(second) {}

  std::vector<promql::SeriesPoints> Select(const promql::Expr& selector, EventTime from,
                                           EventTime to) const override;

 private:
  const promql::SeriesStore& first_;
  const promql::SeriesStore& second_;
};

}  // namespace rootnote::prometheus
