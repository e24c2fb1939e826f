// Who reads what others write, and the order that comes of it.
#include "rules/prometheus/dependencies.h"

#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include "gtest/gtest.h"

#include "rules/promql/parser.h"

namespace rootnote::prometheus {
namespace {

RuleGroups Groups(const std::string& yaml) {
  Diagnostics diagnostics;
  const std::vector<RuleSource> sources = {RuleSource("a.yaml", yaml)};
  std::optional<RuleFile> file = ParseRuleFile(sources[0], 0, diagnostics);
  for (const Diagnostic& diagnostic : diagnostics.list()) {
    ADD_FAILURE() << FormatDiagnostic(diagnostic, sources);
  }
  RuleGroups groups;
  if (!file) return groups;
  for (RuleGroup& group : file->groups) {
    for (Rule& rule : group.rules) rule.queries = QueriesOf(rule);
    groups.push_back(std::make_shared<const RuleGroup>(std::move(group)));
  }
  return groups;
}

std::vector<std::string> Order(const std::string& yaml) {
  const RuleGroups groups = Groups(yaml);
  std::vector<std::string> names;
  for (const size_t i : EvaluationOrder(groups)) names.push_back(groups[i]->name);
  return names;
}

using Names = std::vector<std::string>;

TEST(Dependencies, WhoReadsComesAfterWhoWrites) {
  const Names order = Order(R"y(
groups:
  - { name: reads, rules: [ { alert: A, expr: "m:two > 1" } ] }
  - { name: other, rules: [ { alert: B, expr: "up == 0" } ] }
  - { name: two, rules: [ { record: "m:two", expr: "2 * m:one" } ] }
  - { name: one, rules: [ { record: "m:one", expr: "sum(m)" } ] }
)y");
  EXPECT_EQ(order, (Names{"other", "one", "two", "reads"}));
}

TEST(Dependencies, WithoutThemTheOrderOfTheTextStays) {
  const Names order = Order(R"y(
groups:
  - { name: b, rules: [ { record: "m:b", expr: "sum(x)" } ] }
  - { name: a, rules: [ { record: "m:a", expr: "sum(m:b)" } ] }
  - { name: c, rules: [ { record: "m:c", expr: "sum(y)" } ] }
)y");
  EXPECT_EQ(order, (Names{"b", "a", "c"}));
}

TEST(Dependencies, ACircleIsBrokenAtItsFirst) {
  const Names order = Order(R"y(
groups:
  - { name: last, rules: [ { record: "m:last", expr: "m:a + m:b" } ] }
  - { name: a, rules: [ { record: "m:a", expr: "m:b" } ] }
  - { name: b, rules: [ { record: "m:b", expr: "m:a" } ] }
)y");
  EXPECT_EQ(order, (Names{"last", "a", "b"}));
}

TEST(Dependencies, LabelsThatRulesSetAndTheSeriesOfAlertsCount) {
  const Names order = Order(R"y(
groups:
  - name: reads
    rules: [ { alert: Both, expr: 'ALERTS{alertname="Down",alertstate="firing"} and m{env="b"}' } ]
  - { name: unread, rules: [ { record: m, expr: "sum(x)", labels: { env: a } } ] }
  - { name: read, rules: [ { record: m, expr: "sum(x)", labels: { env: b } } ] }
  - { name: alerts, rules: [ { alert: Down, expr: "up == 0" } ] }
)y");
  EXPECT_EQ(order, (Names{"unread", "read", "alerts", "reads"}));
  const WrittenSeries written(Groups(R"y(
groups:
  - { name: a, rules: [ { alert: Up, expr: up }, { alert: Down, expr: "up == 0" } ] }
  - { name: b, rules: [ { record: m, expr: up } ] }
)y"));
  Diagnostics diagnostics;
  const auto writers = [&](const std::string& text) {
    const std::unique_ptr<promql::Expr> expr = promql::ParseText(text, diagnostics);
    return written.WritersOf(*expr).size();
  };
  EXPECT_EQ(writers("ALERTS"), 2U);
  EXPECT_EQ(writers(R"(ALERTS_FOR_STATE{alertname="Up"})"), 1U);
  EXPECT_EQ(writers(R"({alertname=~"U.*"})"), 2U);  // and m, which may have the label
  EXPECT_EQ(writers(R"({__name__=~".+"})"), 3U);
  EXPECT_EQ(writers("other"), 0U);
}

TEST(Dependencies, QueriesOfTemplatesAreRead) {
  const RuleGroups groups = Groups(R"y(
groups:
  - name: g
    rules:
      - alert: A
        expr: up == 0
        labels: { zone: '{{ with query "zone_of" }}{{ . | first | value }}{{ end }}' }
        annotations:
          a: '{{ range printf "sum(rate(errors_total{instance=%q}[5m])) by (%s)" $labels.instance "job" | query }}{{ .Value }}{{ end }}'
          b: '{{ define "t" }}{{ query "inner" | len }}{{ end }}{{ template "t" }}'
          c: '{{ $labels.query }} {{ "no_query" }}'
)y");
  ASSERT_EQ(groups.size(), 1U);
  Names read;
  for (const promql::Expr* selector : ReadBy(groups[0]->rules[0])) {
    read.push_back(promql::ToString(*selector));
  }
  std::sort(read.begin(), read.end());
  EXPECT_EQ(read, (Names{"errors_total[5m]", "inner", "job", "up", "zone_of"}));
}

}  // namespace
}  // namespace rootnote::prometheus
