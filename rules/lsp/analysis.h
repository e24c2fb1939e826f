// A document in an editor, compiled together with what it uses and imports, and with the rule files
// beside it where it needs them: diagnostics, and what is declared where. Works on rules that are
// only half written.
#pragma once

#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "rules/ast.h"
#include "rules/compiler.h"
#include "rules/token.h"

namespace rootnote {

struct Symbol {
  enum class Type : uint8_t { kKind, kRelation, kSignal, kFault, kTest, kDefinition };
  Type type = Type::kKind;
  std::string name;
  uint32_t source = 0;  // index into Analysis::result.sources
  Span name_span, span;
  std::string on;  // signals and faults: the kind or relation
};

// "kind", "signal", ….
std::string_view TypeName(Symbol::Type type);

struct Analysis {
  CompileResult result;       // the document is source 0
  size_t given = 1;           // sources that stood beside each other; behind them: what they read
  std::vector<Token> tokens;  // of the document
  std::vector<Symbol> symbols;
  std::set<std::string> labels, metrics;  // names in use
  ast::File tree;                         // of the document

  const RuleSource& document() const { return result.sources.front(); }
  const Symbol* Find(Symbol::Type type, std::string_view name) const;
};

// `neighbours` are used only where the document names what it does not declare. `options` says how
// packs and imported files are read; without it they are errors.
Analysis Analyse(RuleSource document, std::vector<RuleSource> neighbours,
                 const CompileOptions& options = {});

// What the text at `offset` in the document, the path of a `use` or an `import`, stands for: the
// files, ascending. Empty for all else.
std::vector<RuleSource> FilesAt(const Analysis& analysis, uint32_t offset,
                                const CompileOptions& options);

// The token at or touching `offset`, a word rather than a sign; tokens.size() for none.
size_t TokenAt(const std::vector<Token>& tokens, uint32_t offset);

// What the word at `at` in the document stands for.
const Symbol* SymbolAt(const Analysis& analysis, size_t at, uint32_t offset);

}  // namespace rootnote
