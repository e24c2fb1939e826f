// Rules from paths: files as named, folders' *.rn files recursively, in the order of their names.
#pragma once

#include <string>
#include <vector>

#include "engine/cli/terminal.h"
#include "rules/compiler.h"
#include "schemas/base/status.h"

namespace rootnote {

// NotFound names the path that cannot be read, or a folder without rules.
absl::StatusOr<std::vector<RuleSource>> ReadRuleFiles(const std::vector<std::string>& paths);

// Lets `use` and `import` read files: relative to the file they stand in, then the packs of this
// program.
CompileOptions WithPacks(CompileOptions options = {});

// Prints what the compiler found, to standard error; true when there is a program.
bool PrintDiagnostics(const CompileResult& result, const Terminal& terminal);

// InvalidArgument names time zones of maintenance windows that this machine's tzdata does not know.
absl::Status CheckZones(const Program& program);

// All in one: rules that are not right are printed and end in FailedPrecondition.
absl::StatusOr<std::shared_ptr<const Program>> LoadRules(const std::vector<std::string>& paths,
                                                         const CompileOptions& options = {});

}  // namespace rootnote
