// What is said once and used often, put where it is used: packs (`use`), definitions (`def`) and
// templates. Works on tokens, between the lexer and the parser: a definition's body stands in
// brackets where it is called, its arguments in brackets where its parameters are, and nothing is
// looked at twice, so that no name is caught by accident. Labels are never replaced.
#pragma once

#include <cstdint>
#include <vector>

#include "rules/compiler.h"
#include "rules/diagnostic.h"
#include "rules/source.h"
#include "rules/token.h"

namespace rootnote {

// One list of declarations to parse: a file, or an instance of a template.
struct ExpandedFile {
  uint32_t source = 0;
  std::vector<Token> tokens;  // ends with kEnd
};

// Appends the packs that the sources use, each once, and what they use. Reports those that cannot
// be read, and cycles with their chain.
void ReadPacks(std::vector<RuleSource>& sources, const CompileOptions& options,
               Diagnostics& diagnostics);

// `tokens`: of each source. The files in the order of the sources, each followed by the instances
// that it makes.
std::vector<ExpandedFile> Expand(const std::vector<RuleSource>& sources,
                                 std::vector<std::vector<Token>> tokens, Diagnostics& diagnostics);

}  // namespace rootnote
