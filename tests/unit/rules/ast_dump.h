// A syntax tree as indented text, one node a line: for the goldens of the parser.
#pragma once

#include <string>

#include "rules/ast.h"

namespace rootnote {

std::string Dump(const ast::File& file);

}  // namespace rootnote
