// Runs tests written as Prometheus' promqltest writes them (the part that has no native histograms
// and no range queries): load, clear, eval instant, expect ordered, expect fail msg|regex.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "rules/promql/evaluator.h"

namespace rootnote::promql {

// Series in memory. Ranges are cut out of them, nothing is copied.
class TestStore : public SeriesStore {
 public:
  void Add(const Labels& labels, Point point) { series_[labels].push_back(point); }
  void Clear() { series_.clear(); }
  std::vector<SeriesPoints> Select(const Expr& selector, EventTime from,
                                   EventTime to) const override;

 private:
  std::map<Labels, std::vector<Point>> series_;
};

// `metric{a="b"} 0+10x3 _ stale`: adds the points, one per `step` from 1970 on. "" or what is
// wrong.
std::string LoadSeries(std::string_view line, Millis step, TestStore& store);

// metric{a="b"} as labels.
Labels LabelsOf(std::string_view text);

struct PromqlTestResult {
  int evals = 0;
  std::vector<std::string> failures;  // "12: eval instant at …: expected …, got …"
};
PromqlTestResult RunPromqlTest(std::string_view text);

}  // namespace rootnote::promql
