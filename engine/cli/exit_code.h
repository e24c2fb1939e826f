// Exit codes of the command line, after BSD's sysexits; scripts rely on them (docs/operating.md).
#pragma once

#include "schemas/base/status.h"

namespace rootnote {

enum ExitCode : int {
  kExitOk = 0,
  kExitFindings = 1,  // errors in rules, failed tests
  kExitUsage = 64,
  kExitNoInput = 66,
  kExitUnavailable = 69,
  kExitInternal = 70,
  kExitIo = 74,
  kExitConfig = 78,
};

// What a failed command exits with; the message has been printed. The value of a flag that is not
// right is OutOfRange, a file that is not right InvalidArgument.
int ExitCodeOf(const absl::Status& status);

}  // namespace rootnote
