#include "engine/cli/rule_files.h"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "fmt/format.h"

#include "engine/cli/rule_yaml.h"
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

// Where the packs of this program may be: beside the build tree, or where it is installed. Each
// holds a folder `packs`.
std::vector<fs::path> PackFolders() {
  std::vector<fs::path> folders;
  std::error_code error;
  const fs::path program = fs::read_symlink("/proc/self/exe", error);
  for (fs::path at = program.parent_path(); !error && at.has_relative_path();
       at = at.parent_path()) {
    if (fs::is_directory(at / "rules" / "packs", error)) folders.push_back(at / "rules");
    error.clear();
  }
  if (!program.empty()) {
    folders.push_back(program.parent_path().parent_path() / "share" / "rootnote");
  }
  folders.emplace_back("/usr/share/rootnote");
  return folders;
}

absl::StatusOr<RuleSource> ReadPack(const std::string& path, const std::string& from) {
  std::vector<fs::path> folders = {fs::path(from).parent_path()};
  for (fs::path& folder : PackFolders()) folders.push_back(std::move(folder));
  std::string looked;
  for (const fs::path& folder : folders) {
    for (const char* extension : {"", ".rn"}) {
      const fs::path file = (folder / (path + extension)).lexically_normal();
      std::error_code error;
      if (fs::is_regular_file(file, error)) return ReadRuleFile(file.string());
    }
    looked += (looked.empty() ? "" : ", ") + (folder.empty() ? std::string(".") : folder.string());
  }
  return absl::NotFoundError("looked in " + looked);
}

}  // namespace

CompileOptions WithPacks(CompileOptions options) {
  options.read = ReadPack;
  options.read_rule_files = ReadRuleFilesOfImport;
  return options;
}

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
  const CompileResult result = Compile(std::move(sources), WithPacks(options));
  if (!PrintDiagnostics(result, Terminal(stderr))) {
    return absl::InvalidArgumentError("the rules have errors; nothing was started");
  }
  RETURN_IF_ERROR(CheckZones(*result.program));
  return result.program;
}

}  // namespace rootnote
