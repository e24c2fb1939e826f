// A point in time and a length of time do not mix, nor does a bare number pass for either.
#include "schemas/base/time.h"

rootnote::EventTime Deadline(rootnote::EventTime start) {
#if MUST_FAIL
  return start + 5000;
#else
  return start + rootnote::Millis(5000);
#endif
}
