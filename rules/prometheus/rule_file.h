// Prometheus' rule files: groups of alerting and recording rules, read as strictly as Prometheus 3
// reads them (its documentation: "Recording rules", "Alerting rules"). Positions of errors, those
// inside expressions too, are places in the YAML.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "rules/diagnostic.h"
#include "rules/promql/ast.h"
#include "rules/source.h"
#include "schemas/base/time.h"

namespace rootnote::prometheus {

using Texts = std::vector<std::pair<std::string, std::string>>;  // ascending by name

struct Rule {
  bool alerting = false;
  std::string name;  // of the alert, or the metric that is recorded
  std::shared_ptr<const promql::Expr> expr;
  Millis hold{0};         // `for`
  Millis keep_firing{0};  // `keep_firing_for`
  Texts labels;           // with the group's; of an alert: templates
  Texts annotations;      // templates
  // What the templates' `query` reads (QueriesOf of dependencies.h); who imports sets it.
  std::vector<std::shared_ptr<const promql::Expr>> queries;
  Span span;  // the name
  Span expr_span;
};

struct RuleGroup {
  std::string name;
  std::optional<Millis> interval;
  Millis query_offset{0};
  int64_t limit = 0;  // 0: none
  std::vector<Rule> rules;
  Span span;
};

struct RuleFile {
  std::vector<RuleGroup> groups;

  size_t alerting() const;
  size_t recording() const;
};

// The group as lines of text: two groups that say the same are the same text, wherever they stand.
std::string ToString(const RuleGroup& group);

// Nothing after an error (E0310, or what PromQL's parser says). `index` is the source's place in
// the compilation.
std::optional<RuleFile> ParseRuleFile(const RuleSource& source, uint32_t index,
                                      Diagnostics& diagnostics);

// What a YAML file is, by its keys at the top.
enum class YamlFileKind : uint8_t { kOther, kRules, kUnitTest };
YamlFileKind KindOfYaml(std::string_view text);

}  // namespace rootnote::prometheus
