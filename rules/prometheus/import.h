// Alerting rules as signals: `import prometheus "*.yaml" { node from instance }`. An alert becomes
// the text of a signal of the rule language, so that everything which holds for signals holds for
// it. A recording rule has no series of its own here: where an alert reads one, its expression is
// put in the place of the name.
#pragma once

#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "rules/prometheus/rule_file.h"
#include "rules/source.h"
#include "schemas/base/time.h"

namespace rootnote::prometheus {

struct ImportKind {
  std::string name;
  std::vector<std::string> identity;
};

struct ImportOptions {
  std::vector<ImportKind> kinds;
  std::vector<std::pair<std::string, std::string>> mapping;  // kind, label
  Millis evaluation_interval{60'000};                        // of groups without an interval
};

// What was recorded under a name, over all files of an import.
struct RecordedRule {
  const Rule* rule = nullptr;
  Millis interval{0};
  bool several = false;  // more than one rule records it
  bool shifted = false;  // its group has a query_offset
};
using RecordedRules = std::map<std::string, RecordedRule>;
void CollectRecorded(const RuleFile& file, const ImportOptions& options, RecordedRules& recorded);

struct ImportFinding {
  Span span;                  // in the rule file
  bool not_executed = false;  // else a warning
  std::string message, hint;
};

struct ImportedSignals {
  std::string text;  // declarations of signals
  bool needs_alert_target =
      false;  // some are on the kind `alert_target`, whose identity is `alert`
  std::vector<ImportFinding> findings;
};

// `names` are those that are taken; what is used is added.
ImportedSignals AsSignals(const RuleFile& file, const RecordedRules& recorded,
                          const ImportOptions& options, std::set<std::string>& names);

}  // namespace rootnote::prometheus
