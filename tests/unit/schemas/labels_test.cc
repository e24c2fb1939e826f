#include "schemas/labels.h"

#include <algorithm>
#include <bit>
#include <map>
#include <random>

#include <gtest/gtest.h>

#include "schemas/schema.h"

namespace rootnote {
namespace {

Labels Disk() {
  return Labels::From({{"disk", "d7"}, {"__name__", "writes_total"}, {"array", "a1"}});
}

TEST(Labels, AreSortedAndCanonical) {
  const Labels labels = Disk();
  EXPECT_EQ(labels.bytes(),
            "__name__\xFFwrites_total\xFF"
            "array\xFF"
            "a1\xFF"
            "disk\xFF"
            "d7\xFF");
  EXPECT_EQ(labels.hash(), HashBytes(labels.bytes()));
  EXPECT_EQ(labels.size(), 3U);
  EXPECT_EQ(labels.metric(), "writes_total");
  EXPECT_EQ(labels.Get("disk"), "d7");
  EXPECT_EQ(labels.Get("dis"), "");
  EXPECT_FALSE(labels.Has("d7"));
  EXPECT_EQ(labels, Labels::From({{"array", "a1"}, {"disk", "d7"}, {"__name__", "writes_total"}}));
  EXPECT_EQ(labels.ToString(), R"(writes_total{array="a1",disk="d7"})");
}

// A persisted hash decides shards: it must never change.
TEST(Labels, HashIsFixed) {
  EXPECT_EQ(HashBytes(""), 0x2d06800538d394c2ULL);  // XXH3's published value for no input, seed 0
}

TEST(Labels, EmptyValueIsNoLabel) {
  EXPECT_TRUE(Labels::From({{"a", ""}}).empty());
  EXPECT_EQ(Labels::From({{"a", ""}}), Labels());
  EXPECT_EQ(Labels().size(), 0U);
  EXPECT_EQ(Labels().bytes(), "");
  EXPECT_EQ(Labels().ToString(), "{}");
  EXPECT_EQ(Labels().hash(), HashBytes(""));
}

TEST(Labels, LastOfRepeatedNamesWins) {
  EXPECT_EQ(Labels::From({{"a", "1"}, {"b", "2"}, {"a", "3"}}),
            Labels::From({{"a", "3"}, {"b", "2"}}));
  EXPECT_EQ(Labels::From({{"a", "1"}, {"a", ""}}), Labels());
}

TEST(Labels, CopiesThatDiffer) {
  const Labels labels = Disk();
  EXPECT_EQ(labels.With("disk", "d8").Get("disk"), "d8");
  EXPECT_EQ(labels.With("disk", ""), labels.Without("disk"));
  EXPECT_EQ(labels.Without("nothing"), labels);
  EXPECT_EQ(labels.Keep({"disk", "__name__"}), Labels::From({{"disk", "d7"}}));
  EXPECT_EQ(labels.Drop({"disk"}), Labels::From({{"array", "a1"}}));
  EXPECT_EQ(labels.Keep({}), Labels());
  EXPECT_EQ(labels.Get("disk"), "d7");
}

TEST(Labels, ToStringQuotes) {
  EXPECT_EQ(Labels::From({{"a", "x\"y\\z\n"}}).ToString(), R"({a="x\"y\\z\n"})");
  EXPECT_EQ(Labels::From({{"__name__", "up"}}).ToString(), "up");
  EXPECT_EQ(Labels::From({{"__name__", "no name"}}).ToString(), R"({__name__="no name"})");
}

// Against a plain map, with names and values of all lengths.
TEST(Labels, AgreeWithAMap) {
  std::mt19937 random(3);
  const auto word = [&](size_t longest) {
    std::string text(random() % longest, ' ');
    std::generate(text.begin(), text.end(), [&] { return static_cast<char>('a' + random() % 3); });
    return text;
  };
  for (int round = 0; round < 2'000; ++round) {
    std::vector<std::pair<std::string, std::string>> pairs;
    std::map<std::string, std::string> map;
    for (size_t i = random() % 8; i > 0; --i) {
      pairs.emplace_back("n" + word(4), word(40));
      map[pairs.back().first] = pairs.back().second;
    }
    std::erase_if(map, [](const auto& entry) { return entry.second.empty(); });
    const Labels labels = Labels::From(pairs);
    std::map<std::string, std::string> seen;
    for (const auto& [name, value] : labels.ToVector()) {
      seen.emplace(name, value);
      EXPECT_EQ(labels.Get(name), value);
    }
    EXPECT_EQ(seen, map);
    EXPECT_EQ(labels.size(), map.size());
  }
}

TEST(StaleNan, IsToldByItsBits) {
  EXPECT_TRUE(IsStaleNan(StaleNan()));
  EXPECT_EQ(std::bit_cast<uint64_t>(StaleNan()), kStaleNanBits);
  EXPECT_FALSE(IsStaleNan(std::numeric_limits<double>::quiet_NaN()));
  EXPECT_FALSE(IsStaleNan(0));
}

}  // namespace
}  // namespace rootnote
