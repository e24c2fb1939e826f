#include <algorithm>
#include <filesystem>

#include "fmt/format.h"

#include "engine/cli/commands.h"
#include "engine/cli/config.h"
#include "engine/cli/diagnostic_report.h"
#include "engine/cli/exit_code.h"
#include "engine/cli/rule_files.h"
#include "engine/cli/rule_yaml.h"
#include "engine/cli/seen_names.h"
#include "engine/cli/terminal.h"
#include "rules/diagnostic_codes.h"
#include "rules/stage_plan.h"
#include "schemas/base/string_view.h"

namespace rootnote {
namespace {

bool IsYaml(const std::string& path) { return path.ends_with(".yaml") || path.ends_with(".yml"); }

// The files of a folder, by their ends: rules of ours, and YAML. Ascending.
struct FolderFiles {
  bool rules = false;
  std::vector<std::string> yaml;
};

FolderFiles FilesIn(const std::string& folder) {
  FolderFiles files;
  std::error_code error;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(folder, error)) {
    const std::string path = entry.path().string();
    files.rules = files.rules || path.ends_with(".rn");
    if (IsYaml(path)) files.yaml.push_back(path);
  }
  std::sort(files.yaml.begin(), files.yaml.end());
  return files;
}

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

// What `--seen` knows.
absl::StatusOr<CompileOptions> OptionsFor(const CheckArguments& arguments) {
  CompileOptions options;
  if (!arguments.seen.empty()) {
    ASSIGN_OR_RETURN(options.metrics_seen, ReadSeenNames(arguments.seen));
  }
  return options;
}

// Prints what was found; true when the rules are right.
bool Report(const CompileResult& result, std::string_view format, const Terminal& out,
            const Terminal& err) {
  if (format == "text") {
    if (!PrintDiagnostics(result, err)) return false;
  } else {
    out.Print(format == "json" ? DiagnosticsJson(result) : DiagnosticsSarif(result));
    if (result.program == nullptr) return false;
  }
  if (const absl::Status zones = CheckZones(*result.program); !zones.ok()) {
    PrintFailure(zones);
    return false;
  }
  if (format != "text") return true;
  const Program& program = *result.program;
  out.Print(fmt::format(
      "{} {}: {}, {}, {}, {}, {}\n", out.Paint(Ink::kGreen, "ok"),
      Count(result.sources.size(), "file"), Count(program.kinds.size(), "kind"),
      Count(program.relations.size(), "relation"), Count(program.signals.size(), "signal"),
      Count(program.faults.size(), "fault"), Count(program.tests.size(), "test")));
  return true;
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
  YamlCounts yaml;
  for (const std::string& path : arguments.paths) {
    if (IsYaml(path)) {
      const YamlCheck check = CheckPrometheusYaml(path, err, yaml);
      const bool good =
          check == YamlCheck::kNotPrometheus ? CheckConfig(path, err) : check == YamlCheck::kGood;
      configs_ok = good && configs_ok;
    } else {
      // Of a folder's YAML what is Prometheus'; anything may lie there.
      const FolderFiles folder = FilesIn(path);
      bool any = false;
      for (const std::string& file : folder.yaml) {
        const YamlCheck check = CheckPrometheusYaml(file, err, yaml);
        any = any || check != YamlCheck::kNotPrometheus;
        configs_ok = configs_ok && check != YamlCheck::kBad;
      }
      if (folder.rules || !any) rules.push_back(path);
    }
  }
  PrintYamlCounts(yaml, out);
  if (rules.empty()) return configs_ok ? kExitOk : kExitFindings;
  absl::StatusOr<std::vector<RuleSource>> sources = ReadRuleFiles(rules);
  if (!sources.ok()) return PrintFailure(sources.status());
  absl::StatusOr<CompileOptions> options = OptionsFor(arguments);
  if (!options.ok()) return PrintFailure(options.status());
  const CompileResult result = Compile(*std::move(sources), WithPacks(*options));
  const bool rules_ok = Report(result, arguments.format, out, err);
  if (arguments.explain && result.program != nullptr) {
    (arguments.format == "text" ? out : err).Print(PlansText(*result.program, *options));
  }
  return configs_ok && rules_ok ? kExitOk : kExitFindings;
}

}  // namespace rootnote
