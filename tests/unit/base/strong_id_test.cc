#include "schemas/base/strong_id.h"

#include <type_traits>
#include <unordered_set>

#include <gtest/gtest.h>

#include "schemas/base/string_view.h"

namespace rootnote {
namespace {

using ShardId = StrongId<struct ShardTag>;
using RuleId = StrongId<struct RuleTag>;

TEST(StrongId, DoesNotMix) {
  static_assert(!std::is_convertible_v<ShardId, RuleId>);
  static_assert(!std::is_convertible_v<uint32_t, ShardId>);
  static_assert(!std::is_convertible_v<ShardId, uint32_t>);
  EXPECT_EQ(ShardId(3).value(), 3U);
  EXPECT_LT(ShardId(3), ShardId(4));
  EXPECT_EQ(std::unordered_set<ShardId>({ShardId(1), ShardId(1), ShardId(2)}).size(), 2U);
}

TEST(StringMap, IsFoundByView) {
  StringMap<int> map;
  map["disk"] = 7;
  const std::string text = "disk:a1";
  EXPECT_EQ(map.find(std::string_view(text).substr(0, 4))->second, 7);
  EXPECT_FALSE(map.contains(std::string_view(text)));
  EXPECT_EQ(ToStd(ToAbsl("disk")), "disk");
}

}  // namespace
}  // namespace rootnote
