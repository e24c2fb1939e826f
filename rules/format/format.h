// The canonical layout of rule files (`rootnote fmt`): lines stay where their author broke them;
// indentation, the space inside lines, and the columns of what stands below one another are
// chosen. Idempotent; words, comments and their order are never changed.
#pragma once

#include <optional>
#include <string>

#include "rules/diagnostic.h"
#include "rules/source.h"

namespace rootnote {

struct Formatted {
  // Absent when the file has errors (of syntax; unknown names do not matter here).
  std::optional<std::string> text;
  Diagnostics diagnostics;  // of the source 0
};

Formatted Format(const RuleSource& source);

}  // namespace rootnote
