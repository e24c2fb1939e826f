// Signals: their clauses, conditions, and patterns over signals and events.
#pragma once

#include <vector>

#include "rules/ast.h"
#include "rules/token_reader.h"
#include "schemas/base/string_view.h"

namespace rootnote {

// `signal NAME on …` is next. Appends also a broken one, so that its name is known.
bool ParseSignal(TokenReader& reader, const StringSet& signals, std::vector<ast::Signal>& into);

}  // namespace rootnote
