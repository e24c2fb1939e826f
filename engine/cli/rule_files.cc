#include "engine/cli/rule_files.h"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "fmt/format.h"

#include "engine/maintenance.h"

namespace rootnote {
namespace {

namespace fs = std::filesystem;

constexpr uintmax_t kRuleFileBytesMax = 16U << 20;

absl::StatusOr<RuleSource> ReadRuleFile(const std::string& path) {
  std::error_code error;
  const uintmax_t size = fs::file_size(path, error);
  if (!error && size > kRuleFileBytesMax) {
    return absl::InvalidArgumentError(
        fmt::format("{}: {} bytes is more than a rule file may have ({}); split it", path, size,
                    kRuleFileBytesMax));
  }
  std::ifstream file(path, std::ios::binary);
  std::ostringstream text;
  if (!file || (size > 0 && !(text << file.rdbuf()))) {
    return absl::NotFoundError(fmt::format("{}: cannot be read; is the path right?", path));
  }
  return RuleSource(path, std::move(text).str());
}

absl::StatusOr<std::vector<std::string>> ExpandPath(const std::string& path) {
  std::error_code error;
  if (!fs::is_directory(path, error)) return std::vector<std::string>{path};
  std::vector<std::string> files;
  for (const auto& entry : fs::recursive_directory_iterator(path, error)) {
    if (entry.path().extension() == ".rn") files.push_back(entry.path().string());
  }
  if (error || files.empty()) {
    return absl::NotFoundError(fmt::format("{}: no rule files (*.rn) in this folder{}", path,
                                           error ? fmt::format(" ({})", error.message()) : ""));
  }
  std::sort(files.begin(), files.end());
  return files;
}

}  // namespace

absl::StatusOr<std::vector<RuleSource>> ReadRuleFiles(const std::vector<std::string>& paths) {
  std::vector<RuleSource> sources;
  for (const std::string& path : paths) {
    ASSIGN_OR_RETURN(const std::vector<std::string> files, ExpandPath(path));
    for (const std::string& file : files) {
      ASSIGN_OR_RETURN(RuleSource source, ReadRuleFile(file));
      sources.push_back(std::move(source));
    }
  }
  return sources;
}

bool PrintDiagnostics(const CompileResult& result, const Terminal& terminal) {
  size_t warnings = 0;
  for (const Diagnostic& diagnostic : result.diagnostics.list()) {
    terminal.Print(FormatDiagnostic(diagnostic, result.sources, terminal.color()));
    warnings += diagnostic.level == DiagnosticLevel::kWarning ? 1 : 0;
  }
  if (result.diagnostics.has_errors() || warnings > 0) {
    terminal.Print(fmt::format("{} error{}, {} warning{}\n", result.diagnostics.errors(),
                               result.diagnostics.errors() == 1 ? "" : "s", warnings,
                               warnings == 1 ? "" : "s"));
  }
  return result.program != nullptr;
}

absl::Status CheckZones(const Program& program) {
  const std::vector<std::string> unknown = MaintenanceCalendar::UnknownZones(program);
  if (unknown.empty()) return absl::OkStatus();
  return absl::InvalidArgumentError(
      fmt::format("unknown time zone{} {}: write names such as Europe/Paris, and install tzdata",
                  unknown.size() == 1 ? "" : "s", fmt::join(unknown, ", ")));
}

absl::StatusOr<std::shared_ptr<const Program>> LoadRules(const std::vector<std::string>& paths,
                                                         const CompileOptions& options) {
  ASSIGN_OR_RETURN(std::vector<RuleSource> sources, ReadRuleFiles(paths));
  const CompileResult result = Compile(std::move(sources), options);
  if (!PrintDiagnostics(result, Terminal(stderr))) {
    return absl::InvalidArgumentError("the rules have errors; nothing was started");
  }
  RETURN_IF_ERROR(CheckZones(*result.program));
  return result.program;
}

}  // namespace rootnote
