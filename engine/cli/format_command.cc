#include <cstdio>
#include <fstream>
#include <iterator>

#include "fmt/format.h"

#include "engine/cli/commands.h"
#include "engine/cli/exit_code.h"
#include "engine/cli/line_diff.h"
#include "engine/cli/rule_files.h"
#include "engine/cli/terminal.h"
#include "rules/format/format.h"

namespace rootnote {
namespace {

constexpr size_t kStdinBytesMax = 64U << 20;

absl::StatusOr<std::string> ReadStdin() {
  std::string text;
  char buffer[1 << 16];
  while (const size_t count = std::fread(buffer, 1, sizeof(buffer), stdin)) {
    text.append(buffer, count);
    if (text.size() > kStdinBytesMax) return absl::InvalidArgumentError("-: too long; split it");
  }
  return text;
}

absl::Status WriteFile(const std::string& path, const std::string& text) {
  std::ofstream file(path, std::ios::binary | std::ios::trunc);
  file << text;
  file.close();
  if (file) return absl::OkStatus();
  return absl::PermissionDeniedError(fmt::format("{}: cannot be written", path));
}

// One file; false when there is something to find: errors, or another layout where that counts.
absl::StatusOr<bool> FormatOne(const RuleSource& source, bool from_stdin,
                               const FormatArguments& arguments) {
  const Terminal out(stdout), err(stderr);
  const Formatted formatted = Format(source);
  if (!formatted.text) {
    for (const Diagnostic& diagnostic : formatted.diagnostics.list()) {
      err.Print(FormatDiagnostic(diagnostic, {source}, err.color()));
    }
    return false;
  }
  const bool same = *formatted.text == source.text();
  if (arguments.diff) {
    out.Print(LineDiff(source.name(), source.text(), *formatted.text));
  } else if (arguments.check) {
    if (!same) out.Print(source.name() + "\n");
  } else if (from_stdin) {
    out.Print(*formatted.text);
  } else if (!same) {
    RETURN_IF_ERROR(WriteFile(source.name(), *formatted.text));
    out.Print(fmt::format("{}\n", source.name()));
  }
  return same || !arguments.check;
}

}  // namespace

int RunFormat(const FormatArguments& arguments) {
  bool good = true;
  for (const std::string& path : arguments.paths) {
    std::vector<RuleSource> sources;
    if (path == "-") {
      absl::StatusOr<std::string> text = ReadStdin();
      if (!text.ok()) return PrintFailure(text.status());
      sources.emplace_back("-", *std::move(text));
    } else {
      absl::StatusOr<std::vector<RuleSource>> read = ReadRuleFiles({path});
      if (!read.ok()) return PrintFailure(read.status());
      sources = *std::move(read);
    }
    for (const RuleSource& source : sources) {
      const absl::StatusOr<bool> one = FormatOne(source, path == "-", arguments);
      if (!one.ok()) return PrintFailure(one.status());
      good = good && *one;
    }
  }
  return good ? kExitOk : kExitFindings;
}

}  // namespace rootnote
