// A number becomes an id only when one says so.
#include "schemas/base/strong_id.h"

using ShardId = rootnote::StrongId<struct ShardTag>;

ShardId First() {
#if MUST_FAIL
  return 0U;
#else
  return ShardId(0);
#endif
}
