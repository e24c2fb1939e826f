#include "rules/importer.h"

#include <algorithm>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <utility>

#include "fmt/format.h"

#include "rules/diagnostic_codes.h"
#include "rules/prometheus/dependencies.h"
#include "rules/prometheus/import.h"
#include "rules/prometheus/rule_file.h"

namespace rootnote {
namespace {

// What an alert is about that names nothing else; its identity is the alert's name.
constexpr std::string_view kAlertTarget = "alert_target";

class ImportReader {
 public:
  ImportReader(std::vector<ast::File>& files, const CompileOptions& options,
               std::vector<RuleSource>& sources, Diagnostics& diagnostics)
      : files_(files), options_(options), sources_(sources), diagnostics_(diagnostics) {
    for (const ast::File& file : files) {
      for (const ast::Signal& signal : file.signals) names_.insert(signal.name.text);
      for (const ast::Kind& kind : file.kinds) {
        prometheus::ImportKind known;
        known.name = kind.name.text;
        for (const ast::Name& part : kind.identity) known.identity.push_back(part.text);
        has_alert_target_ = has_alert_target_ || known.name == kAlertTarget;
        if (!kind.broken && !known.identity.empty()) kinds_.push_back(std::move(known));
      }
    }
  }

  void Read(const ast::Import& import, uint32_t source) {
    absl::StatusOr<std::vector<RuleSource>> found =
        options_.read_rule_files(import.path.text, sources_[source].name());
    if (found.ok() && found->empty()) found = absl::NotFoundError("no file matches");
    if (!found.ok()) {
      diagnostics_.Error(
          DiagnosticCode::kRuleFile, source, import.span,
          fmt::format("{}: {}", import.path.text, std::string(found.status().message())));
      return;
    }
    prometheus::ImportOptions options;
    options.kinds = kinds_;
    for (const auto& [kind, label] : import.mapping) {
      options.mapping.emplace_back(kind.text, label.text);
    }
    for (RuleSource& file : *found) {
      const auto index = static_cast<uint32_t>(sources_.size());
      sources_.push_back(std::move(file));
      std::optional<prometheus::RuleFile> parsed =
          prometheus::ParseRuleFile(sources_.back(), index, diagnostics_);
      if (!parsed) continue;
      ast::File signals;
      signals.source = index;
      for (prometheus::RuleGroup& group : parsed->groups) {
        Add(std::move(group), options, signals);
      }
      sources_.emplace_back(sources_[index].name() + std::string(kImportedSuffix), TextOf(signals));
      files_.push_back(std::move(signals));
    }
  }

  Imports Take() {
    prometheus::RuleGroups groups;
    for (const ImportedGroup& group : read_.groups) groups.push_back(group.group);
    Imports ordered;
    for (const size_t next : prometheus::EvaluationOrder(groups)) {
      ordered.groups.push_back(std::move(read_.groups[next]));
      ordered.signals.push_back(std::move(read_.signals[next]));
    }
    return ordered;
  }

 private:
  // For those who read declarations, as editors do; nothing is compiled from it.
  static std::string TextOf(const ast::File& signals) {
    std::string text;
    for (const ast::Kind& kind : signals.kinds) {
      text += fmt::format("kind {} {{ id alert }}\n", kind.name.text);
    }
    for (const ast::Signal& signal : signals.signals) {
      text += fmt::format("signal {} on {} {{\n  when {}\n}}\n", signal.name.text, signal.on.text,
                          promql::ToString(*signal.imported->expr));
    }
    return text;
  }

  void Add(prometheus::RuleGroup group, const prometheus::ImportOptions& options, ast::File& file) {
    SetInterval(group, file.source);
    std::erase_if(group.rules, [&](const prometheus::Rule& rule) {
      const std::string why =
          prometheus::WhyNotExecuted(rule, options_.lookback, options_.max_history);
      if (why.empty()) return false;
      diagnostics_.Warning(DiagnosticCode::kRuleLeftOut, file.source, rule.span,
                           fmt::format("the rule `{}` is left out: {}", rule.name, why),
                           "all other rules are evaluated; shorten what it reads, or keep it in "
                           "Prometheus");
      return true;
    });
    std::vector<std::string> signals;
    for (prometheus::Rule& rule : group.rules) {
      rule.queries = prometheus::QueriesOf(rule);
      signals.push_back(rule.alerting ? AddSignal(group, rule, options, file) : "");
    }
    const Place place{file.source, group.span};
    read_.groups.push_back(
        {std::make_shared<const prometheus::RuleGroup>(std::move(group)), {}, place});
    read_.signals.push_back(std::move(signals));
  }

  void SetInterval(prometheus::RuleGroup& group, uint32_t source) {
    const Millis interval = group.interval.value_or(options_.evaluation_interval);
    const Millis rest = interval % options_.tick;
    group.interval = rest == Millis(0) ? interval : interval - rest + options_.tick;
    if (rest == Millis(0)) return;
    diagnostics_.Warning(
        DiagnosticCode::kRuleFileDoubtful, source, group.span,
        fmt::format("the interval of the group `{}`, {}, is no multiple of the tick of {}",
                    group.name, FormatDuration(interval), FormatDuration(options_.tick)),
        fmt::format("it is evaluated every {}", FormatDuration(*group.interval)));
  }

  // The signal's name.
  std::string AddSignal(const prometheus::RuleGroup& group, const prometheus::Rule& rule,
                        const prometheus::ImportOptions& options, ast::File& file) {
    DeclareTarget(rule.span, file);
    prometheus::AlertEntity entity = prometheus::EntityOfAlert(rule, options);
    const std::string target = fmt::format("{}:{}", kAlertTarget, EncodeIdPart(rule.name));
    if (entity.kind.empty()) {
      diagnostics_.Warning(
          DiagnosticCode::kAlertTarget, file.source, rule.span,
          fmt::format("nothing tells which entity the alert `{}` is about: it is about `{}`",
                      rule.name, target),
          "map a label of it to a kind: { node from instance }");
    }
    const auto name = [&](std::string text) { return ast::Name{std::move(text), rule.span}; };
    ast::Signal signal;
    signal.span = rule.span;
    signal.name = name(prometheus::SignalName(rule.name, names_));
    signal.on = name(entity.kind.empty() ? std::string(kAlertTarget) : entity.kind);
    signal.every = ast::Time{*group.interval, rule.span};
    if (rule.hold > Millis(0)) signal.when.hold = ast::Time{rule.hold, rule.span};
    if (rule.keep_firing > Millis(0)) signal.keep_firing = ast::Time{rule.keep_firing, rule.span};
    signal.family = name(prometheus::FamilyOfAlert(rule));
    signal.severity = name(prometheus::SeverityOfAlert(rule));
    for (const auto& [label, text] : rule.labels) {
      const bool word = label == "severity" || label == "family";
      if (word || text.empty() || text.find("{{") != std::string::npos) continue;
      signal.labels.emplace_back(name(label), ast::Text{text, rule.span});
    }
    const std::string runbook = prometheus::RunbookOfAlert(rule);
    if (!runbook.empty()) signal.runbook = ast::Text{runbook, rule.span};
    signal.imported = ast::ImportedAlert{rule.expr, target, std::move(entity.identity_from)};
    file.signals.push_back(std::move(signal));
    return file.signals.back().name.text;
  }

  // Any alert may come to need it: its results may lack the labels that they could have.
  void DeclareTarget(Span span, ast::File& file) {
    if (std::exchange(has_alert_target_, true)) return;
    ast::Kind kind;
    kind.name = {std::string(kAlertTarget), span};
    kind.identity.push_back({"alert", span});
    kind.span = span;
    file.kinds.push_back(std::move(kind));
  }

  std::vector<ast::File>& files_;
  const CompileOptions& options_;
  std::vector<RuleSource>& sources_;
  Diagnostics& diagnostics_;
  std::set<std::string> names_;
  std::vector<prometheus::ImportKind> kinds_;
  bool has_alert_target_ = false;
  Imports read_;
};

}  // namespace

Imports ReadImports(std::vector<ast::File>& files, const CompileOptions& options,
                    std::vector<RuleSource>& sources, Diagnostics& diagnostics) {
  std::vector<std::pair<ast::Import, uint32_t>> imports;
  for (const ast::File& file : files) {
    for (const ast::Import& import : file.imports) imports.emplace_back(import, file.source);
  }
  ImportReader reader(files, options, sources, diagnostics);
  for (const auto& [import, source] : imports) {
    if (import.format.text != "prometheus") continue;
    if (options.read_rule_files == nullptr) {
      diagnostics.Error(DiagnosticCode::kRuleFile, source, import.path.span,
                        fmt::format("`{}` cannot be read here", import.path.text),
                        "rule files are read from disk: rootnote check FILE");
      continue;
    }
    reader.Read(import, source);
  }
  return reader.Take();
}

void LinkImports(const Imports& imports, Program& program) {
  std::map<std::string, SignalId> ids;
  for (size_t i = 0; i < program.signals.size(); ++i) {
    ids.emplace(program.signals[i].name, SignalId(static_cast<uint32_t>(i)));
  }
  program.groups = imports.groups;
  for (size_t i = 0; i < program.groups.size(); ++i) {
    for (const std::string& name : imports.signals[i]) {
      const auto found = ids.find(name);
      program.groups[i].signals.push_back(found == ids.end() ? std::nullopt
                                                             : std::optional(found->second));
    }
  }
}

}  // namespace rootnote
