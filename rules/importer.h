// `import prometheus "PATTERN" { kind from label }`: the files are read, and their alerts become
// signals as if they stood in a rule file of their own.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "rules/ast.h"
#include "rules/compiler.h"
#include "rules/diagnostic.h"
#include "rules/source.h"
#include "schemas/base/status.h"

namespace rootnote {

// The files that the pattern of an `import` in the rule file `from` means, ascending by name: rules
// do no I/O.
using ImportFiles = std::function<absl::StatusOr<std::vector<RuleSource>>(
    const std::string& pattern, const std::string& from)>;

// As Compile of compiler.h, where every import is an error: it has no files.
CompileResult Compile(std::vector<RuleSource> sources, const CompileOptions& options,
                      const ImportFiles& read);

// Appends what was read, and the text of the signals, to `sources`, and their declarations to
// `files`.
void ReadImports(std::vector<ast::File>& files, const CompileOptions& options,
                 const ImportFiles& read, std::vector<RuleSource>& sources,
                 Diagnostics& diagnostics);

}  // namespace rootnote
