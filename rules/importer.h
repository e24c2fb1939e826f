// `import prometheus "PATTERN" { kind from label }`: the files are read; their groups are evaluated
// as Prometheus does, and their alerts become signals as if they had been declared.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "rules/ast.h"
#include "rules/compiler.h"
#include "rules/diagnostic.h"
#include "rules/program.h"
#include "rules/source.h"

namespace rootnote {

// Behind the name of a file: a source with the signals that were made of it, for editors.
inline constexpr std::string_view kImportedSuffix = " (as signals)";

struct Imports {
  std::vector<ImportedGroup> groups;              // in the order of their evaluation
  std::vector<std::vector<std::string>> signals;  // of each group's rules; "": a recording rule
};

// Appends the files that were read to `sources`, and the signals of their alerts to `files`.
Imports ReadImports(std::vector<ast::File>& files, const CompileOptions& options,
                    std::vector<RuleSource>& sources, Diagnostics& diagnostics);

// Once the signals are in the program.
void LinkImports(const Imports& imports, Program& program);

}  // namespace rootnote
