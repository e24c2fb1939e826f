// absl::Status at seams, and the two macros that pass it on. Codes we use: InvalidArgument (the
// caller's input), NotFound, FailedPrecondition (wrong state), Unavailable (retry), DataLoss,
// ResourceExhausted (a limit of ours), Internal (our fault). A message says what failed, on which
// thing, and what to do next.
#pragma once

#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

#define RETURN_IF_ERROR(expression)                           \
  do {                                                        \
    if (absl::Status status_ = (expression); !status_.ok()) { \
      return status_;                                         \
    }                                                         \
  } while (false)

#define ROOTNOTE_CONCAT_INNER(a, b) a##b
#define ROOTNOTE_CONCAT(a, b) ROOTNOTE_CONCAT_INNER(a, b)

#define ASSIGN_OR_RETURN(declaration, expression) \
  ROOTNOTE_ASSIGN_OR_RETURN(ROOTNOTE_CONCAT(status_or_, __LINE__), declaration, expression)
#define ROOTNOTE_ASSIGN_OR_RETURN(holder, declaration, expression) \
  auto holder = (expression);                                      \
  if (!holder.ok()) {                                              \
    return std::move(holder).status();                             \
  }                                                                \
  declaration = *std::move(holder)
