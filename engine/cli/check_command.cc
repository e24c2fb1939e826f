#include "fmt/format.h"

#include "engine/cli/commands.h"
#include "engine/cli/config.h"
#include "engine/cli/exit_code.h"
#include "engine/cli/rule_files.h"
#include "engine/cli/terminal.h"
#include "rules/diagnostic_codes.h"
#include "schemas/base/string_view.h"

namespace rootnote {
namespace {

bool IsYaml(const std::string& path) { return path.ends_with(".yaml") || path.ends_with(".yml"); }

// True when the configuration at `path` is right; prints what is not.
bool CheckConfig(const std::string& path, const Terminal& terminal) {
  const absl::StatusOr<Config> config = ReadConfig(path);
  if (config.ok()) {
    for (const std::string& warning : config->warnings) terminal.Print(warning + "\n");
    return true;
  }
  terminal.Print(fmt::format("{}\n", ToStd(config.status().message())));
  return false;
}

std::string Count(size_t count, std::string_view noun) {
  return fmt::format("{} {}{}", count, noun, count == 1 ? "" : "s");
}

}  // namespace

int RunCheck(const CheckArguments& arguments) {
  const Terminal out(stdout), err(stderr);
  if (arguments.list_codes) {
    for (const DiagnosticCodeRow& code : kDiagnosticCodes) {
      out.Print(fmt::format("{}  {}\n", CodeName(code.code), code.title));
    }
    return kExitOk;
  }
  if (arguments.paths.empty()) {
    PrintFailure(absl::InvalidArgumentError("check needs files or folders to check"));
    return kExitUsage;
  }
  std::vector<std::string> rules;
  bool configs_ok = true;
  for (const std::string& path : arguments.paths) {
    if (IsYaml(path)) {
      configs_ok = CheckConfig(path, err) && configs_ok;
    } else {
      rules.push_back(path);
    }
  }
  if (rules.empty()) return configs_ok ? kExitOk : kExitFindings;
  absl::StatusOr<std::vector<RuleSource>> sources = ReadRuleFiles(rules);
  if (!sources.ok()) return PrintFailure(sources.status());
  const size_t files = sources->size();
  const CompileResult result = Compile(*std::move(sources));
  if (!PrintDiagnostics(result, err)) return kExitFindings;
  if (const absl::Status zones = CheckZones(*result.program); !zones.ok()) {
    PrintFailure(zones);
    return kExitFindings;
  }
  const Program& program = *result.program;
  out.Print(
      fmt::format("{} {}: {}, {}, {}, {}, {}\n", out.Paint(Ink::kGreen, "ok"), Count(files, "file"),
                  Count(program.kinds.size(), "kind"), Count(program.relations.size(), "relation"),
                  Count(program.signals.size(), "signal"), Count(program.faults.size(), "fault"),
                  Count(program.tests.size(), "test")));
  return configs_ok ? kExitOk : kExitFindings;
}

}  // namespace rootnote
