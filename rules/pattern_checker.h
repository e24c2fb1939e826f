// Patterns over signals and events: names, aliases and bounds.
#pragma once

#include <set>
#include <string>
#include <vector>

#include "rules/ast.h"
#include "rules/scope.h"

namespace rootnote {

void CheckPattern(const ast::Pattern& pattern, Scope& scope);

// The signals that a pattern waits for.
std::vector<ast::Name> SignalsIn(const ast::Pattern& pattern, const Scope& scope);

// The names that `as` gives to steps.
std::vector<std::string> AliasesIn(const ast::Pattern& pattern);

// Reports signals whose patterns wait for each other; their names.
std::set<std::string> CheckCycles(const std::vector<ast::File>& files, Scope& scope);

}  // namespace rootnote
