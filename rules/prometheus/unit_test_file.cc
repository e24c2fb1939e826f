#include "rules/prometheus/unit_test_file.h"

#include <charconv>
#include <cmath>
#include <set>

#include "fmt/format.h"

#include "rules/prometheus/yaml_tree.h"
#include "rules/promqltest/series_line.h"

namespace rootnote::prometheus {
namespace {

class FileReader {
 public:
  explicit FileReader(const YamlReader& yaml) : yaml_(yaml) {}

  UnitTestFile Read(const YamlNode& root) const {
    UnitTestFile file;
    if (root.kind == YamlNode::Kind::kNull) return file;
    if (!yaml_.ExpectMap(
            root, "a unit test file",
            {"rule_files", "evaluation_interval", "group_eval_order", "tests", "fuzzy_compare"})) {
      return file;
    }
    for (const YamlNode& item : yaml_.Items(root, "rule_files")) {
      file.rule_files.push_back(item.text);
    }
    file.interval = yaml_.Duration(root, "evaluation_interval").value_or(Millis{0});
    if (file.interval.count() == 0) file.interval = Millis{60'000};
    std::set<std::string> groups;
    for (const YamlNode& item : yaml_.Items(root, "group_eval_order")) {
      if (!groups.insert(item.text).second) {
        yaml_.Error(item, fmt::format("group name repeated in evaluation order: {}", item.text));
      }
      file.group_order.push_back(item.text);
    }
    file.fuzzy = yaml_.Bool(root, "fuzzy_compare");
    for (const YamlNode& item : yaml_.Items(root, "tests")) {
      file.tests.push_back(ReadTest(item, file));
    }
    return file;
  }

 private:
  UnitTest ReadTest(const YamlNode& node, const UnitTestFile& file) const {
    UnitTest test;
    if (!yaml_.ExpectMap(node, "a test",
                         {"interval", "input_series", "alert_rule_test", "promql_expr_test",
                          "external_labels", "external_url", "name", "start_timestamp"})) {
      return test;
    }
    test.name = yaml_.Text(node, "name");
    if (test.name.empty()) test.name = fmt::format("unnamed#{}", file.tests.size());
    test.interval = yaml_.Duration(node, "interval").value_or(Millis{0});
    if (test.interval.count() == 0) test.interval = file.interval;
    test.external_labels = Labels::From(yaml_.Map(node, "external_labels"));
    test.external_url = yaml_.Text(node, "external_url");
    test.start = Start(node);
    for (const YamlNode& item : yaml_.Items(node, "input_series")) {
      if (!yaml_.ExpectMap(item, "an input series", {"series", "values"})) continue;
      test.input.push_back({yaml_.Text(item, "series"), yaml_.Text(item, "values")});
    }
    for (const YamlNode& item : yaml_.Items(node, "alert_rule_test")) {
      test.alerts.push_back(ReadAlertCase(item));
    }
    for (const YamlNode& item : yaml_.Items(node, "promql_expr_test")) {
      test.exprs.push_back(ReadExprCase(item));
    }
    return test;
  }

  EventTime Start(const YamlNode& node) const {
    const std::string text = yaml_.Text(node, "start_timestamp");
    if (text.empty()) return FromMillis(0);
    double seconds = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), seconds);
    if (error == std::errc() && end == text.data() + text.size() && std::abs(seconds) < 9e12) {
      return FromMillis(static_cast<int64_t>(std::floor(seconds * 1000)));
    }
    const std::optional<EventTime> time = ParseRfc3339(text);
    if (!time) {
      yaml_.Error(*node.Find("start_timestamp"),
                  fmt::format("cannot parse \"{}\" to a valid timestamp", text),
                  "RFC 3339, or seconds since 1970");
    }
    return time.value_or(FromMillis(0));
  }

  AlertCase ReadAlertCase(const YamlNode& node) const {
    AlertCase result;
    if (!yaml_.ExpectMap(node, "an alert_rule_test", {"eval_time", "alertname", "exp_alerts"})) {
      return result;
    }
    result.eval_time = yaml_.Duration(node, "eval_time").value_or(Millis{0});
    result.alert = yaml_.Text(node, "alertname");
    if (result.alert.empty()) {
      yaml_.Error(node, "an item under alert_rule_test misses required attribute alertname");
    }
    for (const YamlNode& item : yaml_.Items(node, "exp_alerts")) {
      ExpectedAlert alert;
      if (item.kind != YamlNode::Kind::kNull &&
          yaml_.ExpectMap(item, "an expected alert", {"exp_labels", "exp_annotations"})) {
        alert.labels = yaml_.Map(item, "exp_labels");
        alert.annotations = yaml_.Map(item, "exp_annotations");
      }
      result.expected.push_back(std::move(alert));
    }
    return result;
  }

  ExprCase ReadExprCase(const YamlNode& node) const {
    ExprCase result;
    if (!yaml_.ExpectMap(node, "a promql_expr_test", {"expr", "eval_time", "exp_samples"})) {
      return result;
    }
    result.expr = yaml_.Text(node, "expr");
    result.eval_time = yaml_.Duration(node, "eval_time").value_or(Millis{0});
    for (const YamlNode& item : yaml_.Items(node, "exp_samples")) {
      if (!yaml_.ExpectMap(item, "an expected sample", {"labels", "value", "histogram"})) continue;
      result.expected.push_back({yaml_.Text(item, "labels"),
                                 yaml_.Number(item, "value").value_or(0),
                                 yaml_.Text(item, "histogram")});
    }
    return result;
  }

  const YamlReader& yaml_;
};

}  // namespace

std::optional<UnitTestFile> ParseUnitTestFile(const RuleSource& source, uint32_t index,
                                              Diagnostics& diagnostics) {
  const size_t errors = diagnostics.errors();
  const std::optional<YamlNode> root = ParseYaml(source, index, diagnostics);
  if (!root) return std::nullopt;
  const YamlReader yaml(source, index, diagnostics);
  UnitTestFile file = FileReader(yaml).Read(*root);
  if (diagnostics.errors() > errors) return std::nullopt;
  return file;
}

absl::StatusOr<Labels> ParseMetric(const std::string& text) {
  const bool empty = text.find_first_not_of(" \t\n") == std::string::npos;
  ASSIGN_OR_RETURN(const promqltest::SeriesLine line,
                   promqltest::ParseSeriesLine((empty ? "{}" : text) + " 1"));
  return line.labels;
}

}  // namespace rootnote::prometheus
