// Selectors: a metric name, matchers in braces, and what may follow: unwrap, a range, a subquery,
// offset and @.
#pragma once

#include <memory>

#include "rules/promql/ast.h"
#include "rules/promql/reader.h"

namespace rootnote::promql {

// At a metric name or `{`. `allow_empty`: the label selector of info() may match everything.
std::unique_ptr<Expr> ParseSelector(Reader& reader, bool allow_empty);

// All modifiers behind `operand`, which becomes the returned node or its child. Null after a
// complaint of syntax.
std::unique_ptr<Expr> ParseModifiers(std::unique_ptr<Expr> operand, Reader& reader);

}  // namespace rootnote::promql
