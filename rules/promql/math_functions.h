// Functions of one number: mathematics, and the parts of a date.
#pragma once

#include <string_view>

namespace rootnote::promql {

using MathFunction = double (*)(double value);
// abs, ceil, exp …; null for what is none.
MathFunction FindMathFunction(std::string_view name);
// hour, day_of_week …: of seconds since 1970, in UTC. NaN for what is no time.
MathFunction FindDateFunction(std::string_view name);

}  // namespace rootnote::promql
