// Configuration and rules together: what a start reads, and a reload reads anew. All or nothing:
// what is not right is told line by line, and nothing of it is used.
// Thread: any.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "engine/cli/config.h"
#include "engine/cli/log.h"
#include "rules/program.h"
#include "schemas/base/status.h"

namespace rootnote {

struct Settings {
  std::string path;  // of the configuration
  Config config;     // shadowed if asked; engine version and, for Kafka, the wall clock are set
  std::shared_ptr<const Program> program;
  std::string
      config_hash;  // of the file's text: 16 hex digits, as Program::version is of the rules
};

// Every finding is a line of `log`, with its place; the status says only that, and which exit code
// fits: NotFound (a file), InvalidArgument.
absl::StatusOr<Settings> LoadSettings(const std::string& path, bool shadow, Log& log);

// The same for what runs already. InvalidArgument also when a key has changed that needs a restart.
absl::StatusOr<Settings> ReloadSettings(const Settings& running, Log& log);

}  // namespace rootnote
