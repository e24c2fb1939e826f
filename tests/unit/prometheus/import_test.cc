// `import prometheus`: alerts become signals.
#include <algorithm>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "gtest/gtest.h"

#include "rules/compiler.h"
#include "rules/prometheus/rule_file.h"

namespace rootnote {
namespace {

struct Imported {
  CompileResult result;
  std::string text;  // of the findings

  const Signal* Find(const std::string& name) const {
    if (result.program == nullptr) return nullptr;
    const std::optional<SignalId> id = result.program->FindSignal(name);
    return id ? &result.program->signal(*id) : nullptr;
  }
  const ImportedGroup& Group(const std::string& name) const {
    const auto& groups = result.program->groups;
    return *std::find_if(groups.begin(), groups.end(),
                         [&](const ImportedGroup& group) { return group.group->name == name; });
  }
  std::string When(const std::string& name) const {
    const Signal* signal = Find(name);
    return signal == nullptr ? "" : promql::ToString(*std::get<ExprPtr>(signal->when.what));
  }
};

Imported Import(const std::string& yaml, const std::string& mapping = "node from instance") {
  const std::string rules =
      "kind node { id node }\nkind disk { id node, device }\nkind pod { id namespace, pod }\n"
      "import prometheus \"alerts/*.yaml\" { " +
      mapping + " }\n";
  CompileOptions options;
  options.read_rule_files =
      [&](const std::string& pattern,
          const std::string& from) -> absl::StatusOr<std::vector<RuleSource>> {
    EXPECT_EQ(pattern, "alerts/*.yaml");
    EXPECT_EQ(from, "rules.rn");
    return std::vector<RuleSource>{RuleSource("alerts/a.yaml", yaml)};
  };
  Imported imported{Compile({RuleSource("rules.rn", rules)}, options), ""};
  for (const Diagnostic& diagnostic : imported.result.diagnostics.list()) {
    imported.text += FormatDiagnostic(diagnostic, imported.result.sources);
  }
  return imported;
}

TEST(Import, AlertsBecomeSignals) {
  const Imported imported = Import(R"y(
groups:
  - name: g
    interval: 30s
    rules:
      - alert: NodeDown
        expr: up == 0
        for: 5m
        keep_firing_for: 10m
        labels: { severity: page, family: down }
        annotations: { summary: "{{ $labels.instance }}", runbook_url: "https://r.example/x" }
      - alert: NodeDown
        expr: up == 0
        for: 1h
        labels: { severity: info }
      - alert: Pod-Sick
        expr: sum by (namespace, pod) (pod_errors) > 3
)y");
  ASSERT_NE(imported.result.program, nullptr) << imported.text;
  const Signal* down = imported.Find("NodeDown");
  ASSERT_NE(down, nullptr);
  EXPECT_EQ(imported.result.program->kind(*down->kind).name, "node");
  EXPECT_EQ(down->when.hold, Millis{300'000});
  EXPECT_EQ(down->keep_firing, Millis{600'000});
  EXPECT_EQ(down->every, Millis{30'000});
  EXPECT_EQ(down->severity, Severity::kCritical);
  EXPECT_EQ(down->family, Family::kDown);
  EXPECT_EQ(down->runbook, "https://r.example/x");
  EXPECT_EQ(imported.When("NodeDown"), "up == 0");
  ASSERT_TRUE(down->imported.has_value());
  EXPECT_EQ(down->imported->target, "alert_target:NodeDown");
  using Pairs = std::vector<std::pair<std::string, std::string>>;
  EXPECT_EQ(down->imported->identity_from, (Pairs{{"node", "instance"}}));
  EXPECT_EQ(imported.Group("g").signals.size(), 3U);
  ASSERT_NE(imported.Find("NodeDown_2"), nullptr);
  EXPECT_EQ(imported.Find("NodeDown_2")->severity, Severity::kInfo);
  ASSERT_NE(imported.Find("Pod_Sick"), nullptr);
  EXPECT_EQ(imported.result.program->kind(*imported.Find("Pod_Sick")->kind).name, "pod");
}

TEST(Import, WhatNamesNoEntityIsAboutATarget) {
  const Imported imported = Import(
      "groups: [{name: g, rules: [{alert: TooFew, expr: count(up) < 3},"
      " {alert: Gone, expr: 'absent(heartbeat{job=\"x\"})'}]}]");
  ASSERT_NE(imported.Find("TooFew"), nullptr) << imported.text;
  ASSERT_NE(imported.Find("Gone"), nullptr) << imported.text;
  EXPECT_EQ(imported.result.program->kind(*imported.Find("Gone")->kind).name, "alert_target");
  EXPECT_TRUE(imported.Find("Gone")->imported->identity_from.empty());
  EXPECT_EQ(imported.Find("TooFew")->imported->target, "alert_target:TooFew");
  EXPECT_NE(imported.text.find("alerts/a.yaml:1:36: warning[E0431]: nothing tells which entity the "
                               "alert `TooFew` is about: it is about `alert_target:TooFew`"),
            std::string::npos)
      << imported.text;
}

TEST(Import, LabelsOfTheRuleNameTheEntityToo) {
  const Imported imported = Import(
      "groups: [{name: g, rules: [{alert: Few, expr: count(up) < 3, labels: {instance: a}},"
      " {alert: Pod, expr: 'count(up) < 3',"
      " labels: {namespace: x, pod: '{{ $labels.pod }}', team: core}}]}]");
  ASSERT_NE(imported.result.program, nullptr) << imported.text;
  const Program& program = *imported.result.program;
  EXPECT_EQ(program.kind(*imported.Find("Few")->kind).name, "node");
  EXPECT_EQ(program.kind(*imported.Find("Pod")->kind).name, "pod");
  using Pairs = std::vector<std::pair<std::string, std::string>>;
  EXPECT_EQ(imported.Find("Pod")->labels, (Pairs{{"namespace", "x"}, {"team", "core"}}));
}

TEST(Import, GroupsKeepWhatTheyAre) {
  const Imported imported = Import(R"y(
groups:
  - name: reads
    interval: 90s
    limit: 3
    query_offset: 1m
    rules:
      - { alert: Late, expr: "m:one > 1" }
  - name: writes
    interval: 1500ms
    rules:
      - { record: "m:one", expr: "sum by (instance) (m)" }
)y");
  ASSERT_NE(imported.result.program, nullptr) << imported.text;
  const auto& groups = imported.result.program->groups;
  ASSERT_EQ(groups.size(), 2U);
  EXPECT_EQ(groups[0].group->name, "writes");
  EXPECT_EQ(groups[0].signals, std::vector<std::optional<SignalId>>{std::nullopt});
  EXPECT_EQ(*groups[0].group->interval, Millis{2'000});
  EXPECT_NE(imported.text.find("warning[E0430]: the interval of the group `writes`, 1s500ms"),
            std::string::npos)
      << imported.text;
  EXPECT_EQ(groups[1].group->query_offset, Millis{60'000});
  EXPECT_EQ(groups[1].group->limit, 3);
  EXPECT_EQ(imported.Find("Late")->series_max, 0U);
}

// Whatever Prometheus loads is loaded; what cannot be done is said, and the rest goes on.
TEST(Import, WhatCannotBeDoneIsLeftOut) {
  const Imported imported = Import(R"y(
groups:
  - name: g
    rules:
      - { alert: Month, expr: "max_over_time(x[30d]) > 1" }
      - { record: "x:then", expr: "x @ 1609746000" }
      - { alert: Ahead, expr: "x offset -5m > 1" }
      - { alert: Scalar, expr: "time()" }
      - { alert: Watchdog, expr: "vector(1)", labels: { severity: none } }
      - { alert: Percent, expr: "100 * x_ratio > 5 and x_seconds > 2 or x:then" }
      - { alert: Itself, expr: 'ALERTS{alertname="Itself"} or m:m{a="b"} @ end() > 1' }
)y");
  ASSERT_NE(imported.result.program, nullptr) << imported.text;
  EXPECT_NE(imported.text.find("alerts/a.yaml:5:18: warning[E0432]: the rule `Month` is left out: "
                               "it looks 30d back, at most 1d1h are kept"),
            std::string::npos)
      << imported.text;
  EXPECT_NE(imported.text.find("E0432]: the rule `x:then` is left out: it reads what was at a "
                               "fixed time"),
            std::string::npos)
      << imported.text;
  EXPECT_EQ(imported.result.diagnostics.errors(), 0U);
  EXPECT_EQ(imported.result.program->groups[0].group->rules.size(), 5U);
  EXPECT_EQ(imported.Find("Month"), nullptr);
  for (const char* name : {"Ahead", "Scalar", "Watchdog", "Percent", "Itself"}) {
    EXPECT_NE(imported.Find(name), nullptr) << name;
  }
  EXPECT_EQ(imported.Find("Watchdog")->severity, Severity::kInfo);
}

TEST(Import, TheVersionCountsGroups) {
  const auto version = [](const std::string& expr) {
    const Imported imported =
        Import("groups: [{name: g, rules: [{record: a, expr: '" + expr + "'}]}]");
    return imported.result.program == nullptr ? "" : imported.result.program->version;
  };
  EXPECT_NE(version("sum(x)"), version("sum(y)"));
  EXPECT_EQ(version("sum(x)"), version("sum(x )"));
}

TEST(Import, ErrorsOfTheFileHaveTheirPlace) {
  const Imported imported = Import("groups: [{name: g, rules: [{alert: A, expr: 'sum('}]}]");
  EXPECT_EQ(imported.text.rfind("alerts/a.yaml:1:", 0), 0u) << imported.text;
}

}  // namespace
}  // namespace rootnote
