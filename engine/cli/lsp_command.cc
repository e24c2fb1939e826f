#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <filesystem>

#include <unistd.h>

#include "engine/cli/commands.h"
#include "engine/cli/exit_code.h"
#include "engine/cli/rule_files.h"
#include "engine/cli/version.h"
#include "rules/lsp/framing.h"
#include "rules/lsp/server.h"

namespace rootnote {
namespace {

namespace fs = std::filesystem;

// A folder that holds more is no rule set that someone edits.
constexpr size_t kNeighboursMax = 500;
constexpr uintmax_t kNeighbourBytesMax = 8U << 20;

std::vector<RuleSource> NeighboursOf(const std::string& path) {
  std::error_code error;
  std::vector<std::string> paths;
  uintmax_t bytes = 0;
  for (fs::directory_iterator at(fs::path(path).parent_path(), error), end; !error && at != end;
       at.increment(error)) {
    if (at->path().extension() != ".rn" || at->path() == fs::path(path)) continue;
    if (!at->is_regular_file(error)) continue;
    bytes += at->file_size(error);
    paths.push_back(at->path().string());
    if (paths.size() > kNeighboursMax || bytes > kNeighbourBytesMax) return {};
  }
  std::sort(paths.begin(), paths.end());
  absl::StatusOr<std::vector<RuleSource>> sources = ReadRuleFiles(paths);
  return sources.ok() ? *std::move(sources) : std::vector<RuleSource>();
}

}  // namespace

int RunLanguageServer() {
  LanguageServer server(
      {.version = std::string(kVersion), .neighbours = NeighboursOf, .compile = WithPacks()});
  MessageFrames frames;
  char buffer[1 << 16];
  while (!server.exited() && !frames.broken()) {
    // read(2): what has come is handled at once.
    const ssize_t count = read(STDIN_FILENO, buffer, sizeof(buffer));
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) break;
    frames.Feed({buffer, static_cast<size_t>(count)});
    while (!server.exited()) {
      const std::optional<std::string> message = frames.Next();
      if (!message) break;
      for (const std::string& reply : server.Receive(*message)) {
        const std::string framed = Framed(reply);
        std::fwrite(framed.data(), 1, framed.size(), stdout);
      }
      std::fflush(stdout);
    }
  }
  if (frames.broken()) {
    return PrintFailure(absl::InvalidArgumentError("lsp: a message without its Content-Length"));
  }
  return server.exit_code() == 0 ? kExitOk : kExitFindings;
}

}  // namespace rootnote
