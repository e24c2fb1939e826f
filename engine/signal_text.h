// A rule's words for one of its symptoms: `summary "{disk}: {value} write errors/s"` filled in.
// Thread: any.
#pragma once

#include <string>

#include "engine/topology.h"
#include "engine/transition.h"
#include "rules/program.h"

namespace rootnote {

// {entity}, {kind}, {signal}, {family}, {severity}, {value}, {threshold}, {from}, {to}, identity
// and `by` labels, {labels.NAME} (the rule's, else the map's), {alias.attribute} of a pattern.
// Without a value: "?", so that the text still reads.
std::string FillIn(const Template& text, const Program& program, const Transition& transition,
                   const Topology& topology);

}  // namespace rootnote
