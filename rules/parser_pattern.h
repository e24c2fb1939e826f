// The condition of a signal: PromQL, `missing …`, or a pattern over signals and events.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "rules/ast.h"
#include "rules/token_reader.h"
#include "schemas/base/string_view.h"

namespace rootnote {

// The words that begin a clause of a signal.
const std::vector<std::string>& SignalClauses();

// What stands behind `when` or `clear`, with its `for`. Which of the three it is: SEMANTICS
// section 3.
std::optional<ast::Condition> ParseCondition(TokenReader& reader, const StringSet& signals);

}  // namespace rootnote
