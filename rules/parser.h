// Tokens → syntax tree, by recursive descent. Reports every error of a file in one run: after an
// error it goes on at the next clause of the block, else at the next declaration.
#pragma once

#include <cstdint>
#include <vector>

#include "rules/ast.h"
#include "rules/diagnostic.h"
#include "rules/lexer.h"
#include "schemas/base/string_view.h"

namespace rootnote {

struct ParsedFile {
  ast::File file;
  // Places whose text was read as such; diagnostics of the lexer inside them do not count.
  std::vector<Span> raw_spans;
};

// `signals`: the names declared as signals in any file of the run; a condition that is nothing but
// such a name is a pattern (SEMANTICS section 3).
ParsedFile ParseFile(const RuleSource& source, uint32_t source_index,
                     const std::vector<Token>& tokens, const StringSet& signals,
                     Diagnostics& diagnostics);

// Adds the names in `signal NAME on …` declarations to `signals`, whatever stands around them.
void CollectSignalNames(const std::vector<Token>& tokens, StringSet& signals);

}  // namespace rootnote
