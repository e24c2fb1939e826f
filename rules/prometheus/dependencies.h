// Who reads what others write: what a recording rule records, and the series ALERTS and
// ALERTS_FOR_STATE that an alert gives, can be read by any rule of any group.
#pragma once

#include <cstddef>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "rules/prometheus/rule_file.h"
#include "rules/promql/ast.h"

namespace rootnote::prometheus {

// The metrics that alerts write.
inline constexpr const char* kAlertsMetric = "ALERTS";
inline constexpr const char* kAlertsForStateMetric = "ALERTS_FOR_STATE";

struct RulePlace {
  size_t group = 0, rule = 0;
  friend auto operator<=>(const RulePlace&, const RulePlace&) = default;
};

using RuleGroups = std::vector<std::shared_ptr<const RuleGroup>>;

// Keeps the groups.
class WrittenSeries {
 public:
  explicit WrittenSeries(RuleGroups groups);

  // The rules that may write what the selector sees, ascending.
  std::vector<RulePlace> WritersOf(const promql::Expr& selector) const;
  // Whether any rule writes series of that name.
  bool Writes(const std::string& metric) const { return writers_.contains(metric); }

 private:
  RuleGroups groups_;
  std::map<std::string, std::vector<RulePlace>> writers_;  // by metric
};

// What the functions `query` in the rule's templates read, as far as it stands there: the labels
// that printf puts in are left open. What a template computes otherwise is not seen.
std::vector<std::shared_ptr<const promql::Expr>> QueriesOf(const Rule& rule);

// All that the rule reads, its templates' queries included.
std::vector<const promql::Expr*> ReadBy(const Rule& rule);

// Indexes of groups in the order of their evaluation: who reads after who writes, in a circle and
// otherwise as given.
std::vector<size_t> EvaluationOrder(const RuleGroups& groups);

}  // namespace rootnote::prometheus
