#include "rules/prometheus/rule_file.h"

#include <string>
#include <vector>

#include "gtest/gtest.h"

namespace rootnote::prometheus {
namespace {

struct Parsed {
  std::optional<RuleFile> file;
  std::string text;  // of the findings
};

Parsed Parse(const std::string& text) {
  const std::vector<RuleSource> sources = {RuleSource("r.yaml", text)};
  Diagnostics diagnostics;
  Parsed parsed;
  parsed.file = ParseRuleFile(sources[0], 0, diagnostics);
  for (const Diagnostic& diagnostic : diagnostics.list()) {
    parsed.text += FormatDiagnostic(diagnostic, sources);
  }
  return parsed;
}

// The first line of the findings.
std::string FirstFinding(const std::string& text) {
  const Parsed parsed = Parse(text);
  return parsed.text.substr(0, parsed.text.find('\n'));
}

TEST(RuleFile, Whole) {
  const Parsed parsed = Parse(R"(
groups:
  - name: one
    interval: 30s
    limit: 7
    query_offset: 1m
    labels: { team: store, severity: info }
    rules:
      - record: job:up:sum
        expr: sum by (job) (up)
        labels: { from: rule }
      - alert: Down
        expr: |
          up
            == 0
        for: 5m
        keep_firing_for: 10m
        labels: { severity: page }
        annotations: { summary: "{{ $labels.job }} is down", n: 5 }
  - name: two
)");
  ASSERT_TRUE(parsed.file) << parsed.text;
  EXPECT_EQ(parsed.text, "");
  ASSERT_EQ(parsed.file->groups.size(), 2u);
  const RuleGroup& group = parsed.file->groups[0];
  EXPECT_EQ(group.name, "one");
  EXPECT_EQ(group.interval, Millis{30'000});
  EXPECT_EQ(group.query_offset, Millis{60'000});
  EXPECT_EQ(group.limit, 7);
  ASSERT_EQ(group.rules.size(), 2u);
  EXPECT_FALSE(group.rules[0].alerting);
  EXPECT_EQ(group.rules[0].name, "job:up:sum");
  EXPECT_EQ(group.rules[0].labels,
            (Texts{{"from", "rule"}, {"severity", "info"}, {"team", "store"}}));
  EXPECT_TRUE(group.rules[1].alerting);
  EXPECT_EQ(group.rules[1].hold, Millis{300'000});
  EXPECT_EQ(group.rules[1].keep_firing, Millis{600'000});
  EXPECT_EQ(group.rules[1].labels, (Texts{{"severity", "page"}, {"team", "store"}}));
  EXPECT_EQ(group.rules[1].annotations[0].second, "5");
  EXPECT_EQ(parsed.file->alerting(), 1u);
  EXPECT_EQ(parsed.file->recording(), 1u);
}

TEST(RuleFile, EmptyAndAliases) {
  EXPECT_TRUE(Parse("").file);
  EXPECT_TRUE(Parse("groups:\n").file);
  const Parsed parsed = Parse(
      "groups:\n- name: a\n  rules:\n  - alert: A\n    expr: &e up == 0\n    labels: &l {a: b}\n"
      "  - alert: B\n    expr: *e\n    labels: {<<: *l, c: d}\n");
  ASSERT_TRUE(parsed.file) << parsed.text;
  EXPECT_EQ(parsed.file->groups[0].rules[1].labels, (Texts{{"a", "b"}, {"c", "d"}}));
}

TEST(RuleFile, PlacesInsideExpressions) {
  const std::string head = "groups:\n- name: a\n  rules:\n  - alert: A\n    expr: ";
  EXPECT_EQ(FirstFinding(head + "sum(up) + foo(1)\n").substr(0, 12), "r.yaml:5:21:");
  EXPECT_EQ(FirstFinding(head + "'sum(up) + foo(1)'\n").substr(0, 12), "r.yaml:5:22:");
  EXPECT_EQ(FirstFinding(head + "\"up{a=\\\"b\\\"} + foo(1)\"\n").substr(0, 12), "r.yaml:5:26:");
  EXPECT_EQ(FirstFinding(head + "|\n      sum(up)\n      + foo(1)\n").substr(0, 11), "r.yaml:7:9:");
  EXPECT_EQ(FirstFinding(head + ">-\n      sum(up)\n      + foo(1)\n").substr(0, 11),
            "r.yaml:7:9:");
}

struct Bad {
  const char* text;
  const char* place;
  const char* words;
};

TEST(RuleFile, WhatPrometheusRefuses) {
  const std::vector<Bad> cases = {
      {"group: []", "r.yaml:1:1:", "field `group` not found in a rule file"},
      {"groups:\n- rules: []", "r.yaml:2:3:", "Groupname must not be empty"},
      {"groups:\n- name: a\n- name: a\n",
       "r.yaml:3:9:", "groupname: \"a\" is repeated in the same file"},
      {"groups:\n- name: a\n  intervall: 1m\n", "r.yaml:3:3:", "field `intervall` not found"},
      {"groups:\n- name: a\n  interval: 1 m\n", "r.yaml:3:13:", "not a valid duration string"},
      {"groups:\n- name: a\n  limit: x\n", "r.yaml:3:10:", "`limit` must be a whole number"},
      {"groups:\n- name: a\n  name: b\n", "r.yaml:3:3:", "field `name` is there twice"},
      {"groups:\n- name: a\n  rules:\n  - expr: up\n",
       "r.yaml:4:5:", "one of 'record' or 'alert' must be set"},
      {"groups:\n- name: a\n  rules:\n  - {record: a, alert: b, expr: up}\n",
       "r.yaml:4:24:", "only one of 'record' and 'alert' must be set"},
      {"groups:\n- name: a\n  rules:\n  - alert: b\n",
       "r.yaml:4:5:", "field 'expr' must be set in rule"},
      {"groups:\n- name: a\n  rules:\n  - {record: b, expr: up, for: 1m}\n",
       "r.yaml:4:32:", "invalid field 'for' in recording rule"},
      {"groups:\n- name: a\n  rules:\n  - {record: \"b{}\", expr: up}\n",
       "r.yaml:4:15:", "braces present in the recording rule name"},
      {"groups:\n- name: a\n  rules:\n  - {alert: b, expr: up, labels: {__name__: c}}\n",
       "r.yaml:4:34:", "invalid label name: __name__"},
      {"groups:\n- name: a\n  rules:\n  - {alert: b, expr: up, labels: {c: '{{ $x }}'}}\n",
       "r.yaml:4:39:", "label \"c\": template: __alert_b:1: undefined variable \"$x\""},
      {"groups: {a: b}\n", "r.yaml:1:9:", "`groups` must be a list, this is a map"},
      {"groups: [\n", "r.yaml:2:1:", "not YAML: "},
  };
  for (const Bad& bad : cases) {
    const std::string finding = FirstFinding(bad.text);
    EXPECT_EQ(finding.rfind(bad.place, 0), 0u) << bad.text << "\n" << finding;
    EXPECT_NE(finding.find(bad.words), std::string::npos) << bad.text << "\n" << finding;
    EXPECT_NE(finding.find("error[E0310]"), std::string::npos) << finding;
    EXPECT_FALSE(Parse(bad.text).file) << bad.text;
  }
}

TEST(RuleFile, OurAdditionsAreNotPromQl) {
  // 5ms is a number to Prometheus 3 too; a percentage is not.
  EXPECT_FALSE(
      Parse("groups:\n- name: a\n  rules:\n  - {alert: b, expr: \"up > 5%\"}\n").file.has_value());
}

TEST(RuleFile, AliasesThatExplodeAreRefused) {
  std::string text = "a: &a0 [x, x, x, x, x, x, x, x, x, x]\n";
  for (int i = 1; i < 12; ++i) {
    text += "b" + std::to_string(i) + ": &a" + std::to_string(i) + " [";
    for (int k = 0; k < 10; ++k) text += (k == 0 ? "*a" : ", *a") + std::to_string(i - 1);
    text += "]\n";
  }
  EXPECT_NE(Parse(text).text.find("too large"), std::string::npos);
}

TEST(RuleFile, KindsOfYaml) {
  EXPECT_EQ(KindOfYaml("groups: []"), YamlFileKind::kRules);
  EXPECT_EQ(KindOfYaml("rule_files: [a]\ntests: []\n"), YamlFileKind::kUnitTest);
  EXPECT_EQ(KindOfYaml("kafka: {}\n"), YamlFileKind::kOther);
  EXPECT_EQ(KindOfYaml("- a\n"), YamlFileKind::kOther);
  EXPECT_EQ(KindOfYaml("{"), YamlFileKind::kOther);
}

}  // namespace
}  // namespace rootnote::prometheus
