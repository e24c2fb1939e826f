// The longest prefix of the tokens that is a complete PromQL expression (SEMANTICS section 3).
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "rules/diagnostic.h"
#include "rules/lexer.h"
#include "rules/promql/ast.h"

namespace rootnote::promql {

struct ParseOptions {
  uint32_t source = 0;            // for diagnostics
  bool extensions = true;         // units, unwrap
  bool unicode_names = false;     // LexerOptions::unicode_names
  uint32_t depth_max = 64;        // nesting; deeper is a diagnostic, never a crash
  uint32_t operators_max = 1000;  // binary operators in all: chains of them nest to the left
  // Functions of the rule file (`def`). Calls of them are typed as instant vectors whatever their
  // arguments; who expands them checks again.
  std::vector<std::string> defs;
};

// Leaves the cursor behind the expression. Null after a diagnostic. Types are checked:
// every node has its ValueType, function names, arities and argument types are right.
// After an error of types the cursor is behind the expression all the same; after one of syntax at
// the token that is wrong. An error that the lexer has reported is not reported again.
std::unique_ptr<Expr> ParseExpr(TokenCursor& cursor, Diagnostics& diagnostics,
                                const ParseOptions& options);

// A whole text that must be one expression (API, tests).
std::unique_ptr<Expr> ParseText(std::string_view text, Diagnostics& diagnostics,
                                const ParseOptions& options = {});

}  // namespace rootnote::promql
