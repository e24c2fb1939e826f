// Syntax trees → checked declarations: names resolved, labels, units and bounds proven. Appends to
// a Program whose `sources` are set; hashes and version are the compiler's.
#pragma once

#include <vector>

#include "rules/ast.h"
#include "rules/compiler.h"
#include "rules/diagnostic.h"
#include "rules/program.h"
#include "rules/scope.h"

namespace rootnote {

// All files of one rule set together: names may be declared in any of them. Takes the expressions
// out of the trees.
void Check(std::vector<ast::File>& files, const CompileOptions& options, Diagnostics& diagnostics,
           Program& program);

// The parts; each expects what the ones before it declare.
void DeclareKinds(const std::vector<ast::File>& files, Scope& scope);
void DeclareRelations(const std::vector<ast::File>& files, Scope& scope);
void DeclareSignals(std::vector<ast::File>& files, Scope& scope);
void DeclareFaults(const std::vector<ast::File>& files, Scope& scope);
void CheckPolicy(const std::vector<ast::File>& files, Scope& scope);
void CheckMaintenance(const std::vector<ast::File>& files, Scope& scope);
void CheckTests(const std::vector<ast::File>& files, Scope& scope);
// Warnings that need the whole rule set; nothing after errors.
void CheckRuleSetSense(Scope& scope);
// Definitions and imports; packs and templates were put in their places before the parser.
void CheckReuse(std::vector<ast::File>& files, Scope& scope);

}  // namespace rootnote
