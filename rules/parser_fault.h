// Faults and the policy of incidents.
#pragma once

#include <vector>

#include "rules/ast.h"
#include "rules/token_reader.h"

namespace rootnote {

// `fault NAME on …` is next. Appends also a broken one, so that its name is known.
bool ParseFault(TokenReader& reader, std::vector<ast::Fault>& into);

// `incidents {` is next.
bool ParseIncidents(TokenReader& reader, std::vector<ast::Incidents>& into);

}  // namespace rootnote
