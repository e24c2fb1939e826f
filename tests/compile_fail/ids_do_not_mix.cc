// An id of one kind is not an id of another.
#include "schemas/base/strong_id.h"

using ShardId = rootnote::StrongId<struct ShardTag>;
using RuleId = rootnote::StrongId<struct RuleTag>;

bool Same(ShardId shard, RuleId rule) {
#if MUST_FAIL
  return shard == rule;
#else
  return shard.value() == rule.value();
#endif
}
