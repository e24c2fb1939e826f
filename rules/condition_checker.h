// Conditions of signals: PromQL with its labels, units and reach; absence; patterns.
#pragma once

#include <string>
#include <vector>

#include "rules/ast.h"
#include "rules/expr_facts.h"
#include "rules/program.h"
#include "rules/scope.h"

namespace rootnote {

// Where a condition stands.
struct ConditionPlace {
  std::string signal;
  // One list of labels per way in which an entity (or both ends of a relation) can be named; a
  // result must be able to carry all labels of one of them.
  std::vector<std::vector<std::string>> identities;
  std::string on;  // "kind disk", "relation calls": for messages
  std::vector<std::string> by;
  std::vector<std::string> aliases;  // labels that may stand in for an identity
  bool on_relation = false;
  bool in_cycle = false;  // of signals that wait for each other; reported already
  Millis every{0};
};

// Takes the expression out of `from`. Reports; what comes back counts only without errors.
Condition CheckCondition(ast::Condition& from, const ConditionPlace& place, Scope& scope);

}  // namespace rootnote
