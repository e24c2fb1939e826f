// The longest prefix of the tokens that is a complete PromQL expression (SEMANTICS section 3).
#pragma once

#include <memory>
#include <string_view>
#include <vector>

#include "rules/diagnostic.h"
#include "rules/lexer.h"
#include "rules/promql/ast.h"

namespace rootnote::promql {

struct ParseOptions {
  uint32_t source = 0;      // for diagnostics
  bool extensions = true;   // units, unwrap
  uint32_t depth_max = 64;  // nesting; deeper is a diagnostic, never a crash
};

// Leaves the cursor behind the expression. Null after a diagnostic. Types are checked:
// every node has its ValueType, function names, arities and argument types are right.
std::unique_ptr<Expr> ParseExpr(TokenCursor& cursor, Diagnostics& diagnostics,
                                const ParseOptions& options);

// A whole text that must be one expression (API, tests).
std::unique_ptr<Expr> ParseText(std::string_view text, Diagnostics& diagnostics);

}  // namespace rootnote::promql
