// Atoms → text in its canonical layout.
#pragma once

#include <string>

#include "rules/format/atoms.h"

namespace rootnote {

std::string LayOut(const AtomText& text);

}  // namespace rootnote
