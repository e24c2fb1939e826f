// Test blocks and maintenance windows: the parts of the language that name entities.
#pragma once

#include <vector>

#include "rules/ast.h"
#include "rules/token_reader.h"

namespace rootnote {

// `test "…" {` is next.
bool ParseTest(TokenReader& reader, std::vector<ast::Test>& into);

// `maintenance "…" on` is next.
bool ParseMaintenance(TokenReader& reader, std::vector<ast::Maintenance>& into);

}  // namespace rootnote
