// Rule files → Program. All errors of all files in one run.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "rules/diagnostic.h"
#include "rules/program.h"
#include "rules/source.h"

namespace rootnote {

struct CompileOptions {
  Millis evaluation_interval{5'000};  // the default of `every`
  Millis tick{1'000};                 // `every` must be a multiple
  Millis max_history{90'000'000};     // 25 h: range + offset above it is refused
  Millis lookback{300'000};
  std::vector<std::string> metrics_seen;  // ascending: others get a warning; empty: unknown
};

struct CompileResult {
  // Null if there are errors.
  std::shared_ptr<const Program> program;
  std::vector<RuleSource> sources;  // what diagnostics refer to
  Diagnostics diagnostics;
};

CompileResult Compile(std::vector<RuleSource> sources, const CompileOptions& options = {});

}  // namespace rootnote
