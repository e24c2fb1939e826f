// What the worst producers send, in the middle of a story: each record lands in the dead letters
// with its reason, place, bytes, key and headers; lying clocks move nobody's time; the incidents
// are those of the clean run.
#include <string>
#include <vector>

#include "gtest/gtest.h"

#include "schemas/decoder.h"
#include "schemas/incident_encoder.h"
#include "tests/unit/engine/small_estate.h"

namespace rootnote {
namespace {

using testing::FaultySink;
using testing::InOrder;
using testing::Map;
using testing::On;
using testing::Options;
using testing::Ran;
using testing::Replay;
using testing::Sampled;
using testing::Story;
using testing::T;
using testing::With;

struct Hostile {
  std::string payload;
  DecodeError error;
  std::string pointer;
};

std::string Nested(size_t depth) { return std::string(depth, '[') + std::string(depth, ']'); }

std::vector<Hostile> HostilePayloads() {
  const auto own = [](std::string_view rest) {
    return std::string(R"({"metric":"up","labels":{"host":"h"},"value":1,"time":1774094400000)") +
           std::string(rest);
  };
  using enum DecodeError;
  return {
      // Broken, truncated, followed by garbage.
      {"not json", kBadJson, ""},
      {"{", kBadJson, ""},
      {own(""), kBadJson, ""},
      {own("}garbage"), kBadJson, ""},
      {own("}}"), kBadJson, ""},
      {own("} []x"), kBadJson, ""},
      {R"({"metric":"up" "value":1})", kBadJson, ""},
      {R"({"metric":"up",})", kBadJson, ""},
      {R"({metric:"up"})", kBadJson, ""},
      {R"({'metric':'up'})", kBadJson, ""},
      {R"({"metric":"up","value":+1})", kBadJson, ""},
      {R"({"metric":"up","value":NaN})", kBadJson, ""},
      {R"({"metric":"up","value":Infinity})", kBadJson, ""},
      {R"({"metric":"u)", kBadJson, ""},
      {R"({"metric":"\q","value":1})", kBadJson, ""},
      {R"({"metric":"\ud800","value":1})", kBadUtf8, ""},
      {std::string("{\"metric\":\"a\0b\",\"value\":1}", 26), kBadJson, ""},
      {"[1,2", kBadJson, ""},
      {"   \r\n\t ", kEmpty, ""},
      {"", kEmpty, ""},
      // Deep, huge, not UTF-8.
      {Nested(17), kTooDeep, ""},
      {Nested(600'000), kTooDeep, ""},
      {R"({"metric":"up","labels":)" + Nested(40) + "}", kTooDeep, ""},
      {std::string((4U << 20) + 1, ' '), kTooLarge, ""},
      {"{\"metric\":\"\xff\xfe\",\"value\":1}", kBadUtf8, ""},
      {"{\"metric\":\"caf\xc3\",\"value\":1}", kBadUtf8, ""},
      {"\xc0\xaf", kBadUtf8, ""},
      // Wrong types, keys, names.
      {"42", kWrongType, ""},
      {"\"text\"", kWrongType, ""},
      {"null", kWrongType, ""},
      {R"({"metric":7,"value":1,"time":1})", kWrongType, "/metric"},
      {R"({"metric":"up","value":true,"time":1})", kWrongType, "/value"},
      {R"({"metric":"up","value":[1],"time":1})", kWrongType, "/value"},
      {R"({"metric":"up","labels":[],"value":1,"time":1})", kWrongType, "/labels"},
      {R"({"metric":"up","labels":{"a":1},"value":1,"time":1})", kWrongType, "/labels/a"},
      {R"({"metric":"up","vlaue":1,"time":1})", kUnknownKey, "/vlaue"},
      {R"({"metric":"up","time":1})", kMissingKey, ""},
      {R"({"metric":"","value":1,"time":1})", kBadName, "/metric"},
      {R"({"metric":"up","labels":{"__name__":"down"},"value":1,"time":1})", kBadName,
       "/labels/__name__"},
      {R"({"metric":"up","value":1,"value":2,"time":1})", kDuplicateKey, "/value"},
      {R"({"metric":"up","labels":{"a":"1","a":"2"},"value":1,"time":1})", kDuplicateKey,
       "/labels/a"},
      {R"({"entity":"nokind","time":1})", kBadName, "/entity"},
      // Numbers and times.
      {R"({"metric":"up","value":1e400,"time":1})", kBadNumber, "/value"},
      {R"({"metric":"up","value":"twelve","time":1})", kBadNumber, "/value"},
      {R"({"metric":"up","value":18446744073709551615123,"time":1})", kBadNumber, "/value"},
      {R"({"metric":"up","value":1,"time":"yesterday"})", kBadTime, "/time"},
      {R"({"metric":"up","value":1,"time":"2026-13-45T00:00:00Z"})", kBadTime, "/time"},
      // A batch with one bad member is bad as a whole.
      {R"([{"metric":"up","value":1,"time":1},{"metric":"up","value":{},"time":1}])", kWrongType,
       "/1/value"},
  };
}

std::string Header(const OutputRecord& record, std::string_view key) {
  for (const auto& [name, value] : record.headers) {
    if (name == key) return value.value_or("<null>");
  }
  return "<absent>";
}

std::vector<std::string> Records(const std::vector<Incident>& incidents) {
  std::vector<std::string> records;
  for (const Incident& incident : incidents) {
    records.push_back(EncodeIncident(incident, {.evidence_positions = false}));
  }
  return records;
}

TEST(PipelineHostile, EveryPayloadLandsWhereItShouldAndTheRestGoesOn) {
  const std::vector<MemoryRecord> story = InOrder(Story());
  const Ran clean = Replay(With(Map(), story));
  ASSERT_FALSE(clean.decoded.empty());

  const std::vector<Hostile> hostile = HostilePayloads();
  ASSERT_GE(hostile.size(), 40U);
  std::vector<MemoryRecord> mixed;
  size_t next = 0;
  for (size_t i = 0; i < story.size(); ++i) {
    if (story[i].topic == "metrics" && i % 10 == 0 && next < hostile.size()) {
      MemoryRecord bad = On("metrics", hostile[next++].payload, story[i].partition);
      bad.key = "key " + std::to_string(next);
      bad.headers = {{"origin", "test"}, {"nothing", std::nullopt}};
      mixed.push_back(std::move(bad));
    }
    mixed.push_back(story[i]);
  }
  ASSERT_EQ(next, hostile.size());
  FaultySink sink;
  Metrics metrics;
  const PipelineOptions options = Options();
  const Ran ran = Replay(With(Map(), std::move(mixed)), options, sink, metrics);
  EXPECT_TRUE(ran.status.ok()) << ran.status;
  EXPECT_EQ(Records(ran.decoded), Records(clean.decoded));
  EXPECT_EQ(ran.view->closed_tick, clean.view->closed_tick);

  std::vector<const OutputRecord*> letters(hostile.size());
  for (const OutputRecord& record : sink.records()) {
    if (record.topic != options.outputs.dead_letter) continue;
    const size_t index = std::stoul(record.key->substr(4)) - 1;
    ASSERT_EQ(letters[index], nullptr) << "twice";
    letters[index] = &record;
  }
  for (size_t i = 0; i < hostile.size(); ++i) {
    SCOPED_TRACE(hostile[i].payload.substr(0, 120));
    ASSERT_NE(letters[i], nullptr);
    EXPECT_EQ(*letters[i]->value, hostile[i].payload);
    EXPECT_EQ(Header(*letters[i], "origin"), "test");
    EXPECT_EQ(Header(*letters[i], "nothing"), "<null>");
    EXPECT_EQ(Header(*letters[i], "__connect.errors.topic"), "metrics");
    EXPECT_EQ(Header(*letters[i], "x-rootnote-reason"), ErrorName(hostile[i].error));
    if (!hostile[i].pointer.empty()) {
      EXPECT_EQ(Header(*letters[i], "x-rootnote-json-pointer"), hostile[i].pointer);
    }
  }
}

TEST(PipelineHostile, LyingClocksMoveNobodysTime) {
  const std::vector<MemoryRecord> story = InOrder(Story());
  const Ran clean = Replay(With(Map(), story));
  std::vector<MemoryRecord> mixed;
  size_t lies = 0, behind = 0;
  for (size_t i = 0; i < story.size(); ++i) {
    if (story[i].topic == "metrics" && i % 40 == 20) {
      // One sender is 200,000,000 s ahead.
      mixed.push_back(Sampled(T(200'000'000 + static_cast<int64_t>(i)), "up",
                              R"({"host":"adservice"})", 1, story[i].partition)
                          .record);
      ++lies;
    }
    if (story[i].topic == "metrics" && i > story.size() / 2 && i % 40 == 30) {
      mixed.push_back(Sampled(T(-86'400), "vm_write_latency_seconds", R"({"vm":"web1"})", 99,
                              story[i].partition)
                          .record);
      ++behind;
    }
    mixed.push_back(story[i]);
  }
  ASSERT_GT(lies, 5U);
  ASSERT_GT(behind, 5U);
  const Ran ran = Replay(With(Map(), std::move(mixed)));
  EXPECT_TRUE(ran.status.ok()) << ran.status;
  EXPECT_EQ(ran.late, behind);
  EXPECT_EQ(Records(ran.decoded), Records(clean.decoded));
  EXPECT_EQ(ran.view->closed_tick, clean.view->closed_tick);
}

}  // namespace
}  // namespace rootnote
