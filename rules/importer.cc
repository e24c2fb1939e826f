#include "rules/importer.h"

#include <algorithm>
#include <optional>
#include <set>
#include <string>
#include <utility>

#include "fmt/format.h"

#include "rules/diagnostic_codes.h"
#include "rules/lexer.h"
#include "rules/parser.h"
#include "rules/prometheus/import.h"

namespace rootnote {
namespace {

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
    options.evaluation_interval = options_.evaluation_interval;
    std::vector<std::pair<uint32_t, prometheus::RuleFile>> rules;
    for (RuleSource& file : *found) {
      const auto index = static_cast<uint32_t>(sources_.size());
      sources_.push_back(std::move(file));
      std::optional<prometheus::RuleFile> parsed =
          prometheus::ParseRuleFile(sources_.back(), index, diagnostics_);
      if (parsed) rules.emplace_back(index, *std::move(parsed));
    }
    prometheus::RecordedRules recorded;
    for (const auto& [index, file] : rules) CollectRecorded(file, options, recorded);
    for (const auto& [index, file] : rules) {
      Add(index, AsSignals(file, recorded, options, names_));
    }
  }

 private:
  void Add(uint32_t index, const prometheus::ImportedSignals& signals) {
    for (const prometheus::ImportFinding& finding : signals.findings) {
      if (finding.not_executed) {
        diagnostics_.Error(DiagnosticCode::kNotExecutedYet, index, finding.span,
                           "not executed yet: " + finding.message, finding.hint);
      } else {
        diagnostics_.Warning(DiagnosticCode::kRuleFileDoubtful, index, finding.span,
                             finding.message, finding.hint);
      }
    }
    std::string text = signals.text;
    if (signals.needs_alert_target && !std::exchange(has_alert_target_, true)) {
      text = fmt::format("kind {} {{ id alert }}\n", kAlertTarget) + text;
    }
    const auto own = static_cast<uint32_t>(sources_.size());
    sources_.emplace_back(sources_[index].name() + std::string(kImportedSuffix), std::move(text));
    Diagnostics lexed;
    const std::vector<Token> tokens = Lex(sources_[own], own, lexed);
    files_.push_back(ParseFile(sources_[own], own, tokens, {}, diagnostics_).file);
  }

  std::vector<ast::File>& files_;
  const CompileOptions& options_;
  std::vector<RuleSource>& sources_;
  Diagnostics& diagnostics_;
  std::set<std::string> names_;
  std::vector<prometheus::ImportKind> kinds_;
  bool has_alert_target_ = false;
};

}  // namespace

void ReadImports(std::vector<ast::File>& files, const CompileOptions& options,
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
}

}  // namespace rootnote
