// A Status must be looked at.
#include "schemas/base/status.h"

absl::Status Open();

absl::Status Run() {
#if MUST_FAIL
  Open();
#else
  RETURN_IF_ERROR(Open());
#endif
  return absl::OkStatus();
}
