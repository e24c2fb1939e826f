// Rule files → Program. All errors of all files in one run.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "rules/diagnostic.h"
#include "rules/program.h"
#include "rules/source.h"
#include "schemas/base/status.h"

namespace rootnote {

struct CompileOptions {
  Millis evaluation_interval{5'000};  // the default of `every`
  Millis tick{1'000};                 // `every` must be a multiple
  Millis max_history{90'000'000};     // 25 h: range + offset above it is refused
  Millis lookback{300'000};
  // Reads what `use PATH` in the source of that name means; the name of what it gives tells whether
  // it was read before. The message of an error says where it was looked for. Null: nothing is.
  std::function<absl::StatusOr<RuleSource>(const std::string& path, const std::string& from)> read;
  // Reads the files that the pattern of an `import` in the source of that name means, ascending by
  // name. Null: nothing is, and every import is an error.
  std::function<absl::StatusOr<std::vector<RuleSource>>(const std::string& pattern,
                                                        const std::string& from)>
      read_rule_files;
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
