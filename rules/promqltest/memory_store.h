// Series in memory, for tests.
#pragma once

#include <map>
#include <vector>

#include "rules/promql/evaluator.h"

namespace rootnote::promqltest {

// Ranges are cut out of the series, nothing is copied. Thread: one while it is written.
class MemoryStore : public promql::SeriesStore {
 public:
  // A point at a time that the series has already takes the place of the other.
  void Add(const Labels& labels, promql::Point point);
  void Clear() { series_.clear(); }

  std::vector<promql::SeriesPoints> Select(const promql::Expr& selector, EventTime from,
                                           EventTime to) const override;

 private:
  struct ByHash {
    bool operator()(const Labels& a, const Labels& b) const {
      return a.hash() != b.hash() ? a.hash() < b.hash() : a < b;
    }
  };
  std::map<Labels, std::vector<promql::Point>, ByHash> series_;
};

bool Selects(const promql::Expr& selector, const Labels& labels);

}  // namespace rootnote::promqltest
