// Names of metrics and events that files hold, for `check --seen`.
#pragma once

#include <string>
#include <vector>

#include "schemas/base/status.h"

namespace rootnote {

// From lists of names, text expositions of Prometheus, and what `replay` reads: records in our own
// JSON or Telegraf's, one a line, plain or .zst, also as `kcat -J` writes them. `-` is the standard
// input. Ascending. Lines that are none of these are passed over. NotFound for what cannot be
// opened, InvalidArgument for a file without a name.
absl::StatusOr<std::vector<std::string>> ReadSeenNames(const std::vector<std::string>& paths);

}  // namespace rootnote
