// What Prometheus has and the evaluator has not: a test that needs it is skipped, with this reason.
#pragma once

#include <string>
#include <string_view>

#include "rules/promql/ast.h"

namespace rootnote::promqltest {

// Of an expression that does not parse: the part of PromQL in it that is not supported, as
// "function histogram_avg"; "" when there is none, then the expression is wrong.
std::string UnsupportedIn(std::string_view expr);

}  // namespace rootnote::promqltest
