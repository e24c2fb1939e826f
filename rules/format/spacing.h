// How much white space stands between two atoms of one line.
#pragma once

#include <cstddef>

#include "rules/format/atoms.h"

namespace rootnote {

// What surrounds the place between two atoms.
struct SpacingPlace {
  bool in_selector = false;  // inside { name="value" }
  bool in_brackets = false;  // inside ( or [
  bool in_relation = false;  // in a relation's declaration, outside all brackets
};

// Before atoms[i], which is not the first of its line: 0, 1 or 2. Two are a pause that the author
// made between clauses.
size_t SpacesBefore(const std::vector<Atom>& atoms, size_t i, const SpacingPlace& place);

}  // namespace rootnote
