// Patterns over signals and events: names, aliases and bounds.
#pragma once

#include <set>
#include <string>
#include <vector>

#include "rules/ast.h"
#include "rules/condition_checker.h"
#include "rules/program.h"
#include "rules/scope.h"

namespace rootnote {

// What comes back counts only without errors.
PatternCondition CheckPattern(const ast::Pattern& pattern, const ConditionPlace& place,
                              Scope& scope);

// Warns of steps whose signals cannot name the pattern's key. Needs all signals checked.
void CheckPatternKey(const Signal& signal, const ast::Pattern& from, Scope& scope);

// The signals that a pattern waits for.
std::vector<ast::Name> SignalsIn(const ast::Pattern& pattern, const Scope& scope);

// The names that `as` gives to steps.
std::vector<std::string> AliasesIn(const ast::Pattern& pattern);

// Reports signals whose patterns wait for each other; their names.
std::set<std::string> CheckCycles(const std::vector<ast::File>& files, Scope& scope);

}  // namespace rootnote
