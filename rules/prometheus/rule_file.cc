#include "rules/prometheus/rule_file.h"

#include <algorithm>
#include <map>
#include <set>
#include <tuple>

#include "fmt/format.h"

#include "rules/diagnostic_codes.h"
#include "rules/prometheus/template.h"
#include "rules/prometheus/yaml_tree.h"
#include "rules/promql/parser.h"
#include "rules/unquote.h"
#include "schemas/schema.h"

namespace rootnote::prometheus {
namespace {

bool IsUtf8(std::string_view text) {
  while (!text.empty()) {
    const size_t length = CodePointLength(text);
    if (length == 0) return false;
    text.remove_prefix(length);
  }
  return true;
}

class FileReader {
 public:
  explicit FileReader(const YamlReader& yaml) : yaml_(yaml) {}

  RuleFile Read(const YamlNode& root) {
    RuleFile file;
    if (root.kind == YamlNode::Kind::kNull) return file;
    if (!yaml_.ExpectMap(root, "a rule file", {"groups"})) return file;
    std::set<std::string> names;
    for (const YamlNode& node : yaml_.Items(root, "groups")) {
      RuleGroup group = ReadGroup(node);
      if (!names.insert(group.name).second) {
        yaml_.Error(NodeOr(node, "name"),
                    fmt::format("groupname: \"{}\" is repeated in the same file", group.name));
      }
      file.groups.push_back(std::move(group));
    }
    return file;
  }

 private:
  static const YamlNode& NodeOr(const YamlNode& map, std::string_view key) {
    const YamlNode* node = map.Find(key);
    return node == nullptr ? map : *node;
  }

  static Span SpanOf(const RuleSource& source, const YamlNode& node) {
    return SpanInSource(source, node, 0, node.text.size());
  }

  RuleGroup ReadGroup(const YamlNode& node) {
    RuleGroup group;
    if (!yaml_.ExpectMap(node, "a group",
                         {"name", "interval", "limit", "query_offset", "labels", "rules"})) {
      return group;
    }
    group.name = yaml_.Text(node, "name");
    if (group.name.empty()) yaml_.Error(NodeOr(node, "name"), "Groupname must not be empty");
    group.span = SpanOf(yaml_.source(), NodeOr(node, "name"));
    group.interval = yaml_.Duration(node, "interval");
    if (group.interval && group.interval->count() == 0) group.interval.reset();
    group.query_offset = yaml_.Duration(node, "query_offset").value_or(Millis{0});
    group.limit = yaml_.Integer(node, "limit").value_or(0);
    const Texts labels = yaml_.Map(node, "labels");
    CheckNames(node, "labels", labels);
    for (const YamlNode& rule : yaml_.Items(node, "rules")) {
      group.rules.push_back(ReadRule(rule, labels));
    }
    return group;
  }

  Rule ReadRule(const YamlNode& node, const Texts& group_labels) {
    Rule rule;
    if (!yaml_.ExpectMap(
            node, "a rule",
            {"record", "alert", "expr", "for", "keep_firing_for", "labels", "annotations"})) {
      return rule;
    }
    const std::string record = yaml_.Text(node, "record");
    const std::string alert = yaml_.Text(node, "alert");
    rule.alerting = !alert.empty();
    rule.name = rule.alerting ? alert : record;
    const YamlNode& name = NodeOr(node, rule.alerting ? "alert" : "record");
    rule.span = SpanOf(yaml_.source(), name);
    if (!record.empty() && !alert.empty()) {
      yaml_.Error(name, "only one of 'record' and 'alert' must be set");
    } else if (record.empty() && alert.empty()) {
      yaml_.Error(name, "one of 'record' or 'alert' must be set");
    }
    rule.hold = yaml_.Duration(node, "for").value_or(Millis{0});
    rule.keep_firing = yaml_.Duration(node, "keep_firing_for").value_or(Millis{0});
    Texts labels = yaml_.Map(node, "labels");
    rule.annotations = yaml_.Map(node, "annotations");
    CheckNames(node, "labels", labels);
    CheckAnnotations(node, rule);
    if (!record.empty()) CheckRecord(node, record, rule);
    if (rule.alerting) CheckTemplates(node, rule.name, labels, rule.annotations);
    ReadExpression(node, rule);
    rule.labels = Merged(group_labels, std::move(labels));
    FindDuplicate(name, rule);
    return rule;
  }

  void ReadExpression(const YamlNode& node, Rule& rule) const {
    const std::string text = yaml_.Text(node, "expr");
    const YamlNode& at = NodeOr(node, "expr");
    if (text.empty()) {
      if (at.kind != YamlNode::Kind::kSequence) {
        yaml_.Error(at, "field 'expr' must be set in rule");
      }
      return;
    }
    Diagnostics found;
    promql::ParseOptions options;
    options.extensions = false;
    rule.expr = promql::ParseText(text, found, options);
    rule.expr_span = SpanOf(yaml_.source(), at);
    for (const Diagnostic& diagnostic : found.list()) {
      const Span span =
          SpanInSource(yaml_.source(), at, diagnostic.span.begin, diagnostic.span.end);
      if (diagnostic.level == DiagnosticLevel::kError) {
        yaml_.diagnostics().Error(diagnostic.code, yaml_.index(), span, diagnostic.message,
                                  diagnostic.hint);
      } else {
        yaml_.diagnostics().Warning(diagnostic.code, yaml_.index(), span, diagnostic.message,
                                    diagnostic.hint);
      }
    }
    if (rule.expr == nullptr && found.list().empty()) {
      yaml_.Error(at, "could not parse expression");
    }
  }

  void CheckNames(const YamlNode& node, std::string_view key, const Texts& labels) const {
    for (const auto& [name, value] : labels) {
      if (name.empty() || name == kMetricName || !IsUtf8(name)) {
        yaml_.Error(NodeOr(node, key), fmt::format("invalid label name: {}", name));
      }
    }
  }

  void CheckAnnotations(const YamlNode& node, const Rule& rule) const {
    for (const auto& [name, value] : rule.annotations) {
      if (name.empty() || !IsUtf8(name)) {
        yaml_.Error(NodeOr(node, "annotations"), fmt::format("invalid annotation name: {}", name));
      }
    }
  }

  void CheckRecord(const YamlNode& node, const std::string& record, const Rule& rule) const {
    const YamlNode& at = NodeOr(node, "record");
    const auto refuse = [&](std::string_view field) {
      yaml_.Error(NodeOr(node, field), fmt::format("invalid field '{}' in recording rule", field));
    };
    if (!rule.annotations.empty()) refuse("annotations");
    if (rule.hold.count() != 0) refuse("for");
    if (rule.keep_firing.count() != 0) refuse("keep_firing_for");
    if (!IsUtf8(record)) yaml_.Error(at, fmt::format("invalid recording rule name: {}", record));
    if (record.find_first_of("{}") != std::string::npos) {
      yaml_.Error(
          at, fmt::format("braces present in the recording rule name; should it be in expr?: {}",
                          record));
    }
  }

  void CheckTemplates(const YamlNode& node, const std::string& alert, const Texts& labels,
                      const Texts& annotations) const {
    const auto check = [&](std::string_view key, std::string_view what, const Texts& texts) {
      for (const auto& [name, text] : texts) {
        const absl::Status status = CheckAlertTemplate(alert, text);
        if (status.ok()) continue;
        const YamlNode* at = NodeOr(node, key).Find(name);
        yaml_.Error(at == nullptr ? node : *at,
                    fmt::format("{} \"{}\": {}", what, name, std::string(status.message())));
      }
    };
    check("labels", "label", labels);
    check("annotations", "annotation", annotations);
  }

  static Texts Merged(const Texts& group, Texts own) {
    std::map<std::string, std::string> merged(group.begin(), group.end());
    for (auto& [name, value] : own) merged[name] = value;
    return {merged.begin(), merged.end()};
  }

  // Prometheus loads them; promtool's linter complains.
  void FindDuplicate(const YamlNode& at, const Rule& rule) {
    if (rule.name.empty()) return;
    if (seen_.emplace(rule.alerting, rule.name, rule.labels).second) return;
    yaml_.Warning(at, fmt::format("the rule `{}` is there twice, with the same labels", rule.name),
                  "remove one of them");
  }

  const YamlReader& yaml_;
  std::set<std::tuple<bool, std::string, Texts>> seen_;
};

}  // namespace

size_t RuleFile::alerting() const {
  size_t count = 0;
  for (const RuleGroup& group : groups) {
    for (const Rule& rule : group.rules) count += rule.alerting ? 1 : 0;
  }
  return count;
}

size_t RuleFile::recording() const {
  size_t count = 0;
  for (const RuleGroup& group : groups) count += group.rules.size();
  return count - alerting();
}

std::string ToString(const RuleGroup& group) {
  std::string text = fmt::format("group {} every {} offset {} limit {}\n", Quote(group.name),
                                 group.interval ? FormatDuration(*group.interval) : "default",
                                 FormatDuration(group.query_offset), group.limit);
  for (const Rule& rule : group.rules) {
    text += fmt::format("{} {} = {}\n", rule.alerting ? "alert" : "record", Quote(rule.name),
                        rule.expr == nullptr ? "" : promql::ToString(*rule.expr));
    if (rule.alerting) {
      text += fmt::format("  for {} keep firing for {}\n", FormatDuration(rule.hold),
                          FormatDuration(rule.keep_firing));
    }
    for (const auto& [name, value] : rule.labels) {
      text += fmt::format("  label {} {}\n", Quote(name), Quote(value));
    }
    for (const auto& [name, value] : rule.annotations) {
      text += fmt::format("  annotation {} {}\n", Quote(name), Quote(value));
    }
  }
  return text;
}

std::optional<RuleFile> ParseRuleFile(const RuleSource& source, uint32_t index,
                                      Diagnostics& diagnostics) {
  const size_t errors = diagnostics.errors();
  const std::optional<YamlNode> root = ParseYaml(source, index, diagnostics);
  if (!root) return std::nullopt;
  const YamlReader yaml(source, index, diagnostics);
  RuleFile file = FileReader(yaml).Read(*root);
  if (diagnostics.errors() > errors) return std::nullopt;
  return file;
}

YamlFileKind KindOfYaml(std::string_view text) {
  Diagnostics ignored;
  const RuleSource source("", std::string(text));
  const std::optional<YamlNode> root = ParseYaml(source, 0, ignored);
  if (!root) return YamlFileKind::kOther;
  if (root->Find("groups") != nullptr) return YamlFileKind::kRules;
  return root->Find("tests") != nullptr ? YamlFileKind::kUnitTest : YamlFileKind::kOther;
}

}  // namespace rootnote::prometheus
