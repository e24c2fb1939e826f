// `import prometheus "PATTERN" { kind from label }`: the files are read, and their alerts become
// signals as if they stood in a rule file of their own.
#pragma once

#include <string_view>
#include <vector>

#include "rules/ast.h"
#include "rules/compiler.h"
#include "rules/diagnostic.h"
#include "rules/source.h"

namespace rootnote {

// Behind the name of a file: the text of the signals that were made of it.
inline constexpr std::string_view kImportedSuffix = " (as signals)";

// Appends what was read, and the text of the signals, to `sources`, and their declarations to
// `files`.
void ReadImports(std::vector<ast::File>& files, const CompileOptions& options,
                 std::vector<RuleSource>& sources, Diagnostics& diagnostics);

}  // namespace rootnote
