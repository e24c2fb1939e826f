// What of an alerting rule becomes what of a signal: `import prometheus "*.yaml" { node from
// instance }`. How it is evaluated stays Prometheus': GroupEvaluation of group.h.
#pragma once

#include <set>
#include <string>
#include <utility>
#include <vector>

#include "rules/prometheus/rule_file.h"
#include "schemas/base/time.h"

namespace rootnote::prometheus {

struct ImportKind {
  std::string name;
  std::vector<std::string> identity;  // not empty
};

struct ImportOptions {
  std::vector<ImportKind> kinds;
  std::vector<std::pair<std::string, std::string>> mapping;  // kind, label
};

// Which entity an alert is about, and the labels of the alert that name it.
struct AlertEntity {
  std::string kind;                                                // "": nothing tells
  std::vector<std::pair<std::string, std::string>> identity_from;  // part of the identity, label
};

// The mapping first, in its order, then the kind with the longest identity of labels that the alert
// carries for certain.
AlertEntity EntityOfAlert(const Rule& rule, const ImportOptions& options);

// Words of the rule language.
std::string SeverityOfAlert(const Rule& rule);
std::string FamilyOfAlert(const Rule& rule);
// "" when there is none, or a template.
std::string RunbookOfAlert(const Rule& rule);
// An identifier that is not in `taken`, and is from now on.
std::string SignalName(const std::string& alert, std::set<std::string>& taken);

// Why a running engine cannot do what the rule says; "" if it can.
std::string WhyNotExecuted(const Rule& rule, Millis lookback, Millis max_history);

}  // namespace rootnote::prometheus
