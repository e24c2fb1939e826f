// `import prometheus`: alerts become signals.
#include <string>

#include "gtest/gtest.h"

#include "rules/compiler.h"

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
  const Imported imported = Import(R"(
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
)");
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
  EXPECT_EQ(imported.When("NodeDown"),
            R"x(label_replace(up == 0, "node", "$1", "instance", "(.*)"))x");
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
  EXPECT_EQ(imported.When("TooFew"),
            R"x(label_replace(count(up) < 3, "alert", "TooFew", "", ""))x");
  EXPECT_NE(imported.text.find("alerts/a.yaml:1:36: warning[E0430]: nothing tells which entity the "
                               "alert `TooFew` is about: it is about `alert_target:TooFew`"),
            std::string::npos)
      << imported.text;
}

TEST(Import, RecordingRulesStandWhereTheyAreRead) {
  const Imported imported = Import(R"y(
groups:
  - name: g
    interval: 1m
    rules:
      - { record: "i:busy", expr: "sum by (instance) (rate(busy[5m]))", labels: {
a:
  b } }
      - { record: "i:twice", expr: "2 * i:busy" }
      - { alert: Busy, expr: "i:twice > 1" }
      - { alert: BusyLong, expr: "avg_over_time(i:busy[10m]) > 1" }
      - { alert: BusyBefore, expr: "i:busy offset 5m > 1" }
)y");
  const std::string busy =
      R"x(label_replace(sum by (instance) (rate(busy[5m])), "a", "b", "", ""))x";
  const auto about = [](const std::string& text) {
    return "label_replace(" + text + R"x(, "node", "$1", "instance", "(.*)"))x";
  };
  EXPECT_EQ(imported.When("Busy"), about("(2 * (" + busy + ")) > 1")) << imported.text;
  EXPECT_EQ(imported.When("BusyLong"), about("avg_over_time((" + busy + ")[10m:1m]) > 1"));
  EXPECT_EQ(imported.When("BusyBefore"),
            about("last_over_time((" + busy + ")[1m:1m] offset 5m) > 1"));
}

TEST(Import, WhatIsNotExecutedYetSaysWhy) {
  const auto finding = [](const std::string& rules) {
    const Imported imported =
        Import("groups:\n- name: g\n  rules:\n  - {record: a:b, expr: sum(x)}\n" + rules);
    EXPECT_EQ(imported.result.program, nullptr);
    EXPECT_NE(imported.text.find("error[E0300]: not executed yet: "), std::string::npos)
        << imported.text;
    return imported.text;
  };
  EXPECT_NE(finding("  - {alert: A, expr: 'a:b{c=\"d\"} > 1'}\n")
                .find("reads the recording rule `a:b` with matchers"),
            std::string::npos);
  EXPECT_NE(finding("  - {alert: A, expr: 'ALERTS > 1'}\n").find("reads `ALERTS`"),
            std::string::npos);
  EXPECT_NE(finding("  - {record: a:b, expr: sum(y)}\n  - {alert: A, expr: a:b > 1}\n")
                .find("which several rules record"),
            std::string::npos);
  EXPECT_NE(finding("  - {record: r:r, expr: r:r}\n  - {alert: A, expr: r:r > 1}\n")
                .find("read each other"),
            std::string::npos);
}

TEST(Import, ErrorsOfTheFileHaveTheirPlace) {
  const Imported imported = Import("groups: [{name: g, rules: [{alert: A, expr: 'sum('}]}]");
  EXPECT_EQ(imported.text.rfind("alerts/a.yaml:1:", 0), 0u) << imported.text;
}

}  // namespace
}  // namespace rootnote
