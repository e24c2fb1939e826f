#include "rules/lsp/analysis.h"

#include <algorithm>
#include <utility>

#include "rules/diagnostic_codes.h"
#include "rules/lexer.h"
#include "rules/parser.h"

namespace rootnote {
namespace {

bool NamesUnknown(const Diagnostic& diagnostic) {
  switch (diagnostic.code) {
    case DiagnosticCode::kUnknownKind:
    case DiagnosticCode::kUnknownRelation:
    case DiagnosticCode::kUnknownSignal:
    case DiagnosticCode::kUnknownFault:
    case DiagnosticCode::kUnknownTemplate:
      return true;
    default:
      return false;
  }
}

size_t ErrorsInDocument(const CompileResult& result) {
  const auto& list = result.diagnostics.list();
  return static_cast<size_t>(std::count_if(list.begin(), list.end(), [](const Diagnostic& one) {
    return one.source == 0 && one.level == DiagnosticLevel::kError;
  }));
}

class SymbolReader {
 public:
  SymbolReader(Analysis& analysis, uint32_t source) : analysis_(analysis), source_(source) {}

  void Read(const ast::File& file) {
    for (const ast::Kind& kind : file.kinds) {
      Add(Symbol::Type::kKind, kind.name, kind.span);
      for (const ast::Name& label : kind.identity) analysis_.labels.insert(label.text);
      for (const ast::Name& label : kind.aliases) analysis_.labels.insert(label.text);
    }
    for (const ast::Relation& relation : file.relations) {
      Add(Symbol::Type::kRelation, relation.name, relation.span);
    }
    for (const ast::Signal& signal : file.signals) {
      Add(Symbol::Type::kSignal, signal.name, signal.span).on = signal.on.text;
      ReadCondition(signal.when);
      if (signal.clear) ReadCondition(*signal.clear);
    }
    for (const ast::Fault& fault : file.faults) {
      Add(Symbol::Type::kFault, fault.name, fault.span).on = fault.on.text;
    }
    for (const ast::Test& test : file.tests) {
      Add(Symbol::Type::kTest, {test.name.text, test.name.span}, test.span);
      for (const ast::Series& series : test.series) analysis_.metrics.insert(series.name.text);
    }
    for (const ast::Def& def : file.defs) Add(Symbol::Type::kDefinition, def.name, def.span);
    for (const ast::TemplateRule& rule : file.templates) {
      Add(Symbol::Type::kDefinition, rule.name, rule.span);
      if (rule.body) Read(*rule.body);
    }
  }

 private:
  Symbol& Add(Symbol::Type type, const ast::Name& name, Span span) {
    return analysis_.symbols.emplace_back(Symbol{type, name.text, source_, name.span, span, ""});
  }

  void ReadCondition(const ast::Condition& condition) {
    const auto* expr = std::get_if<std::unique_ptr<promql::Expr>>(&condition.what);
    if (expr == nullptr || *expr == nullptr) return;
    for (const promql::Expr* selector : promql::Selectors(**expr)) {
      if (!selector->text.empty()) analysis_.metrics.insert(selector->text);
      for (const promql::Matcher& matcher : selector->matchers) {
        if (matcher.name != "__name__") analysis_.labels.insert(matcher.name);
      }
    }
  }

  Analysis& analysis_;
  const uint32_t source_;
};

// An imported file: what it declares stands in the text of signals made of it.
bool IsYaml(const RuleSource& source) {
  return source.name().ends_with(".yaml") || source.name().ends_with(".yml");
}

bool IsWord(const Token& token, std::string_view word) {
  return token.kind == TokenKind::kIdentifier && token.text == word;
}

}  // namespace

std::string_view TypeName(Symbol::Type type) {
  switch (type) {
    case Symbol::Type::kKind:
      return "kind";
    case Symbol::Type::kRelation:
      return "relation";
    case Symbol::Type::kSignal:
      return "signal";
    case Symbol::Type::kFault:
      return "fault";
    case Symbol::Type::kTest:
      return "test";
    case Symbol::Type::kDefinition:
      return "definition";
  }
  return "";
}

const Symbol* Analysis::Find(Symbol::Type type, std::string_view name) const {
  for (const Symbol& symbol : symbols) {
    if (symbol.type == type && symbol.name == name) return &symbol;
  }
  return nullptr;
}

Analysis Analyse(RuleSource document, std::vector<RuleSource> neighbours,
                 const CompileOptions& options) {
  Analysis analysis;
  analysis.result = Compile({document}, options);
  const auto& found = analysis.result.diagnostics.list();
  if (!neighbours.empty() && std::any_of(found.begin(), found.end(), NamesUnknown)) {
    std::vector<RuleSource> all = {document};
    for (RuleSource& one : neighbours) all.push_back(std::move(one));
    const size_t given = all.size();
    CompileResult together = Compile(std::move(all), options);
    // Beside it may stand quite another rule set.
    if (ErrorsInDocument(together) < ErrorsInDocument(analysis.result)) {
      analysis.result = std::move(together);
      analysis.given = given;
    }
  }
  for (uint32_t i = 0; i < analysis.result.sources.size(); ++i) {
    Diagnostics ignored;
    const RuleSource& source = analysis.result.sources[i];
    if (IsYaml(source)) continue;
    std::vector<Token> tokens = Lex(source, i, ignored);
    StringSet signals;
    CollectSignalNames(tokens, signals);
    ParsedFile parsed = ParseFile(source, i, tokens, signals, ignored);
    SymbolReader(analysis, i).Read(parsed.file);
    if (i > 0) continue;
    analysis.tree = std::move(parsed.file);
    analysis.tokens = std::move(tokens);
  }
  return analysis;
}

std::vector<RuleSource> FilesAt(const Analysis& analysis, uint32_t offset,
                                const CompileOptions& options) {
  const auto inside = [&](Span span) { return span.begin <= offset && offset <= span.end; };
  const std::string& from = analysis.document().name();
  for (const ast::Use& use : analysis.tree.uses) {
    if (!inside(use.path.span) || !options.read) continue;
    absl::StatusOr<RuleSource> file = options.read(use.path.text, from);
    if (file.ok()) return {*std::move(file)};
  }
  for (const ast::Import& import : analysis.tree.imports) {
    if (!inside(import.path.span) || !options.read_rule_files) continue;
    absl::StatusOr<std::vector<RuleSource>> found = options.read_rule_files(import.path.text, from);
    if (found.ok()) return *std::move(found);
  }
  return {};
}

size_t TokenAt(const std::vector<Token>& tokens, uint32_t offset) {
  const auto after =
      std::upper_bound(tokens.begin(), tokens.end(), offset,
                       [](uint32_t at, const Token& token) { return at < token.span.begin; });
  const auto is_word = [](const Token& token) {
    return token.kind == TokenKind::kIdentifier || token.kind == TokenKind::kMetricIdentifier;
  };
  size_t found = tokens.size();
  for (size_t back = 1; back <= 2; ++back) {
    const auto at = after - tokens.begin();
    if (at < static_cast<ptrdiff_t>(back)) break;
    const size_t i = static_cast<size_t>(at) - back;
    const Token& token = tokens[i];
    if (token.kind == TokenKind::kEnd || token.span.end < offset) continue;
    if (is_word(token)) return i;
    if (found == tokens.size() && token.span.begin <= offset && offset < token.span.end) found = i;
  }
  return found;
}

const Symbol* SymbolAt(const Analysis& analysis, size_t at, uint32_t offset) {
  using Type = Symbol::Type;
  if (at >= analysis.tokens.size()) return nullptr;
  const Token& token = analysis.tokens[at];
  if (token.kind == TokenKind::kMetricIdentifier) {
    // disk:a1 names an entity: its kind. Anything else with a colon is a metric.
    const size_t colon = token.text.find(':');
    if (offset > token.span.begin + colon) return nullptr;
    return analysis.Find(Type::kKind, token.text.substr(0, colon));
  }
  if (token.kind != TokenKind::kIdentifier) return nullptr;
  std::vector<Type> order = {Type::kSignal, Type::kRelation, Type::kKind, Type::kFault,
                             Type::kDefinition};
  const auto first = [&](Type type) { order.insert(order.begin(), type); };
  const Token& before = analysis.tokens[at == 0 ? 0 : at - 1];
  if (at > 0) {
    const bool kind = IsWord(before, "on") || IsWord(before, "has") || IsWord(before, "kind") ||
                      before.kind == TokenKind::kArrow;
    if (kind) first(Type::kKind);
    if (IsWord(before, "over") || IsWord(before, "relation")) first(Type::kRelation);
    if (IsWord(before, "fault")) first(Type::kFault);
  }
  const Token& after = analysis.tokens[std::min(at + 1, analysis.tokens.size() - 1)];
  if (after.kind == TokenKind::kArrow || after.kind == TokenKind::kColon) first(Type::kKind);
  if (IsWord(before, "relation")) first(Type::kRelation);
  for (const Type type : order) {
    if (const Symbol* symbol = analysis.Find(type, token.text)) return symbol;
  }
  return nullptr;
}

}  // namespace rootnote
