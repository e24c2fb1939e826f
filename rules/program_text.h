// A program as text, in the rule language itself: for people, for goldens, and for hashes.
#pragma once

#include <string>

#include "rules/program.h"

namespace rootnote {

// All declarations but tests; what Program::version is the hash of.
std::string DeclarationsText(const Program& program);

// What decides how a declaration behaves, with the kinds and signals it uses; no texts or severity,
// which may change without a loss of state.
std::string MeaningOf(const Program& program, const Signal& signal);
std::string MeaningOf(const Program& program, const Fault& fault);

}  // namespace rootnote
