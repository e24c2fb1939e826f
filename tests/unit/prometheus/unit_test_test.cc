#include "rules/prometheus/unit_test.h"

#include <map>
#include <string>
#include <vector>

#include "fmt/format.h"
#include "gtest/gtest.h"

namespace rootnote::prometheus {
namespace {

using Outcome = UnitTestResult::Outcome;

constexpr const char* kRules = R"(
groups:
  - name: recording
    rules:
      - record: job:up:sum
        expr: sum by (job) (up)
  - name: alerts
    labels: { team: store }
    rules:
      - alert: Down
        expr: up == 0
        for: 2m
        keep_firing_for: 2m
        labels: { severity: page, host: "{{ $labels.instance | stripPort }}" }
        annotations: { summary: "{{ $labels.instance }} of {{ $externalLabels.cluster }}: {{ $value }}" }
      - alert: Few
        expr: job:up:sum < 2
)";

UnitTestReport RunFile(const std::string& text, const std::string& rules = kRules,
                       std::string* findings = nullptr) {
  const std::vector<RuleSource> sources = {RuleSource("folder/t.yaml", text)};
  Diagnostics diagnostics;
  const UnitTestFiles files = {
      [](const std::string& pattern) -> absl::StatusOr<std::vector<std::string>> {
        if (pattern == "folder/rules*.yaml") return std::vector<std::string>{"folder/rules.yaml"};
        return std::vector<std::string>{};
      },
      [&](const std::string& path) -> absl::StatusOr<std::string> {
        if (path == "folder/rules.yaml") return rules;
        return absl::NotFoundError(path);
      }};
  UnitTestReport report = RunUnitTests(sources[0], files, diagnostics);
  std::string text_of;
  for (const Diagnostic& diagnostic : diagnostics.list()) {
    text_of += FormatDiagnostic(diagnostic, sources);
  }
  if (findings == nullptr) {
    EXPECT_EQ(text_of, "");
  } else {
    *findings = text_of;
  }
  return report;
}

constexpr const char* kHead = R"(
rule_files: [ "rules*.yaml" ]
evaluation_interval: 1m
tests:
  - interval: 1m
    external_labels: { cluster: blue }
    input_series:
      - { series: 'up{job="node", instance="a:1"}', values: '1 1 0 0 0 0 1 1 1 1' }
      - { series: 'up{job="node", instance="b:1"}', values: '1x9' }
)";

TEST(UnitTest, AlertsFireAsInPrometheus) {
  const std::string firing = R"(        exp_alerts:
          - exp_labels: { job: node, instance: "a:1", severity: page, host: a, team: store }
            exp_annotations: { summary: "a:1 of blue: 0" }
)";
  std::string text = fmt::format("{}{}", kHead, R"(
    alert_rule_test:
      - eval_time: 3m
        alertname: Down
      - eval_time: 4m
        alertname: Down
@      - eval_time: 5m30s
        alertname: Down
@      - eval_time: 7m
        alertname: Down
@      - eval_time: 8m
        alertname: Down
      - eval_time: 3m
        alertname: Few
        exp_alerts: [ { exp_labels: { job: node, team: store } } ]
    promql_expr_test:
      - expr: ALERTS{alertname="Down"}
        eval_time: 3m
        exp_samples:
          - { labels: 'ALERTS{alertname="Down",alertstate="pending",host="a",instance="a:1",job="node",severity="page",team="store"}', value: 1 }
      - expr: ALERTS_FOR_STATE{alertname="Down"}
        eval_time: 4m
        exp_samples:
          - { labels: 'ALERTS_FOR_STATE{alertname="Down",host="a",instance="a:1",job="node",severity="page",team="store"}', value: 120 }
      - expr: count(ALERTS{alertname="Down"})
        eval_time: 8m
        exp_samples: []
      - expr: job:up:sum
        eval_time: 3m
        exp_samples: [ { labels: 'job:up:sum{job="node"}', value: 1 } ]
      - expr: 1 + 1
        eval_time: 3m
        exp_samples: [ { labels: '{}', value: 2 } ]
)");
  size_t at = 0;
  while ((at = text.find('@')) != std::string::npos) text.replace(at, 1, firing);
  const UnitTestReport report = RunFile(text);
  ASSERT_EQ(report.results.size(), 1u);
  EXPECT_EQ(report.results[0].outcome, Outcome::kPassed) << report.results[0].message;
  EXPECT_EQ(report.results[0].name, "unnamed#0");
}

TEST(UnitTest, ShowsExpectedAgainstGot) {
  const UnitTestReport report = RunFile(fmt::format("{}{}", kHead, R"(
    name: wrong
    alert_rule_test:
      - { eval_time: 4m, alertname: Down }
    promql_expr_test:
      - { expr: up, eval_time: 1m, exp_samples: [ { labels: 'up{job="node",instance="b:1"}', value: 1 } ] }
)"));
  ASSERT_EQ(report.results.size(), 1u);
  EXPECT_EQ(report.results[0].outcome, Outcome::kFailed);
  EXPECT_EQ(report.results[0].name, "wrong");
  EXPECT_EQ(report.results[0].message,
            R"(    alertname: Down, time: 4m
        exp:
            []
        got:
            0: Labels:      {alertname="Down",host="a",instance="a:1",job="node",severity="page",team="store"}
               Annotations: {summary="a:1 of blue: 0"}
    expr: "up", time: 1m
        exp:
            up{instance="b:1",job="node"} 1
        got:
            up{instance="a:1",job="node"} 1
            up{instance="b:1",job="node"} 1
)");
}

TEST(UnitTest, OnlyWhatWasEvaluatedIsThere) {
  // The last evaluation is at 4m, so what is loaded ends there, whatever the expression asks for.
  const UnitTestReport report = RunFile(R"(
evaluation_interval: 2m
fuzzy_compare: true
tests:
  - interval: 1m
    input_series: [ { series: x, values: '0+0.1x10' } ]
    promql_expr_test:
      - { expr: x, eval_time: 5m, exp_samples: [ { labels: x, value: 0.4 } ] }
      - { expr: 'sum_over_time(x[2m:])', eval_time: 4m, exp_samples: [ { value: 0.4 } ] }
)");
  EXPECT_EQ(report.results[0].outcome, Outcome::kPassed) << report.results[0].message;
}

TEST(UnitTest, StartTimestampMovesTheClock) {
  const UnitTestReport report = RunFile(R"(
tests:
  - interval: 1m
    start_timestamp: 2024-01-01T00:00:00Z
    input_series: [ { series: x, values: '1x5' } ]
    promql_expr_test:
      - { expr: timestamp(x), eval_time: 2m, exp_samples: [ { value: 1704067320 } ] }
)");
  EXPECT_EQ(report.results[0].outcome, Outcome::kPassed) << report.results[0].message;
}

TEST(UnitTest, HistogramsAreSkippedWithTheReason) {
  const UnitTestReport report = RunFile(R"(
tests:
  - input_series: [ { series: x, values: '{{schema:1 sum:1}}' } ]
)");
  EXPECT_EQ(report.results[0].outcome, Outcome::kSkipped);
  EXPECT_EQ(report.results[0].message, "native histograms are not supported");
}

TEST(UnitTest, BadRulesFailEveryTest) {
  const std::string tests =
      "rule_files: ['rules*.yaml', 'none']\ntests: [ {name: a}, {name: b} ]\n";
  const UnitTestReport report = RunFile(tests, "groups: [ {name: a, rules: [{alert: x}]} ]");
  ASSERT_EQ(report.results.size(), 2u);
  EXPECT_EQ(report.results[1].outcome, Outcome::kFailed);
  EXPECT_NE(report.results[1].message.find("field 'expr' must be set in rule"), std::string::npos);
  EXPECT_EQ(report.warnings, std::vector<std::string>{"no file match pattern folder/none"});
}

TEST(UnitTest, ErrorsOfRulesEndATest) {
  const UnitTestReport report = RunFile(
      "rule_files: ['rules*.yaml']\ntests:\n- interval: 1m\n  input_series:\n"
      "  - {series: 'a{x=\"1\"}', values: 1x5}\n  - {series: 'a{x=\"2\"}', values: 1x5}\n"
      "  alert_rule_test: [{eval_time: 1m, alertname: A}]\n",
      "groups: [{name: g, limit: 1, rules: [{alert: A, expr: a}]}]");
  EXPECT_EQ(report.results[0].message,
            "    rule: A, time: 0s, err: exceeded limit of 1 with 2 alerts\n");
}

TEST(UnitTest, WhatIsWrongWithTheFile) {
  std::string findings;
  EXPECT_TRUE(RunFile("tests:\n- intervall: 1m\n", kRules, &findings).results.empty());
  EXPECT_EQ(
      findings.rfind("folder/t.yaml:2:3: error[E0310]: field `intervall` not found in a test", 0),
      0u)
      << findings;
  RunFile("tests: []\ngroup_eval_order: [a, a]\n", kRules, &findings);
  EXPECT_NE(findings.find("group name repeated in evaluation order: a"), std::string::npos);
}

}  // namespace
}  // namespace rootnote::prometheus
