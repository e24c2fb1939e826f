// Debian 12's absl::string_view is its own type: the conversion is spelled out (newer ones are
// std's, and convert).
#include "schemas/base/string_view.h"

absl::string_view Name(std::string_view text) {
#if MUST_FAIL && !defined(ABSL_USES_STD_STRING_VIEW)
  return text;
#elif MUST_FAIL
#error "nothing to refuse here"
#else
  return rootnote::ToAbsl(text);
#endif
}
