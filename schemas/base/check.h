// CHECK: programmer errors at seams, always on. DCHECK: inside, in builds with asserts.
// Neither is ever reachable from input; input errors are values (Status, DecodeError, Diagnostic).
#pragma once

#include <cstdio>
#include <cstdlib>

namespace rootnote::internal {

[[noreturn]] inline void CheckFailed(const char* condition, const char* file, int line) {
  std::fprintf(stderr, "%s:%d: check failed: %s\n", file, line, condition);
  std::abort();
}

}  // namespace rootnote::internal

#define CHECK(condition)                                                 \
  do {                                                                   \
    if (!(condition)) [[unlikely]] {                                     \
      ::rootnote::internal::CheckFailed(#condition, __FILE__, __LINE__); \
    }                                                                    \
  } while (false)

#ifdef ROOTNOTE_ASSERTS
#define DCHECK(condition) CHECK(condition)
#else
#define DCHECK(condition)    \
  do {                       \
    (void)sizeof(condition); \
  } while (false)
#endif
