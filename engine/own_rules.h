// What Rootnote says of itself: a rule that is at its limit of series and sheds new ones opens an
// incident about the rule. Kind, signal and fault are declared here, behind the program's own, so
// that it lives, routes, reminds and resolves as every other does.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "rules/program.h"

namespace rootnote {

inline constexpr std::string_view kRuleLimitSignal = "rule_limit_reached";

// The program with ours behind it; the same program if it declares such a signal itself, or none at
// all.
std::shared_ptr<const Program> WithOwnRules(std::shared_ptr<const Program> program);

// Of a program from WithOwnRules; nullopt: of any other.
std::optional<SignalId> RuleLimitSignal(const Program& program);

// "rule:disk_write_errors": what the signal of that rule is about.
std::string RuleEntity(const Program& program, const Signal& signal);

}  // namespace rootnote
