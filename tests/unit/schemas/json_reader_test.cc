// The reader on bytes that nobody meant: whatever it accepts is JSON, whatever is not JSON it
// rejects, and every record is taken whole or not at all.
#include "schemas/json_reader.h"

#include <random>
#include <string>
#include <vector>

#include "rapidjson/document.h"
#include <gtest/gtest.h>

#include "schemas/json_syntax.h"

namespace rootnote {
namespace {

std::vector<std::string> Seeds() {
  return {
      R"({"metric":"writes_total","labels":{"disk":"d7","array":"a1"},"value":12.5e-3,"time":"2026-11-22T07:17:16.117Z"})",
      R"({"metrics":{"cpu":0.42,"mem":null,"x":"NaN"},"labels":{"host":"db\"01\u00e9"},"time":1795331836117})",
      R"({"event":"dns","attributes":{"latency_ms":12.5,"ok":true,"bad":false},"message":"\ud83d\ude00","time":1})",
      R"([{"entity":"vm:web1","labels":{"region":"uk"}},{"relation":"runs_on","from":"app:a","to":"vm:b"}])",
      R"({"fields":{"io_await":41.5,"reads":1201,"s":"x"},"name":"diskio","tags":{"host":"db01"},"timestamp":1795331836})",
      R"({"metrics":[{"fields":{"a":1},"name":"m","timestamp":1},{"fields":{},"name":"n","timestamp":1}],"z":[[],{}]})",
      R"({"snapshot":"begin","source":"cmdb","epoch":"7","time":"2026-11-22T02:00:00Z"})",
      R"( { "metric" : "a" , "value" : -0 , "labels" : { } , "time" : 9 } )",
  };
}

std::string Mutated(std::string text, const std::vector<std::string>& seeds,
                    std::mt19937_64& random) {
  static constexpr std::string_view kBytes = "{}[]\",:\\u0019eE+-.tfn \t\xC3\xFF/x";
  for (size_t i = 1 + random() % 4; i > 0 && !text.empty(); --i) {
    const size_t at = random() % text.size();
    switch (random() % 7) {
      case 0:
        text[at] = kBytes[random() % kBytes.size()];
        break;
      case 1:
        text.insert(at, 1, kBytes[random() % kBytes.size()]);
        break;
      case 2:
        text.erase(at, 1 + random() % 3);
        break;
      case 3:
        text.resize(at);
        break;
      case 4:
        text.insert(at, text.substr(random() % text.size(), random() % 12));
        break;
      case 5: {
        const std::string& other = seeds[random() % seeds.size()];
        text.insert(at, other.substr(random() % other.size(), random() % 30));
        break;
      }
      default:
        text[at] = static_cast<char>(random());
    }
  }
  for (char& c : text) {  // One document: with lines there may be several.
    c = c == '\n' ? ' ' : c;
  }
  return text;
}

TEST(JsonReader, AgreesWithTheCheckerOnMutations) {
  const std::vector<std::string> seeds = Seeds();
  std::mt19937_64 random(42);
  std::vector<std::unique_ptr<Decoder>> decoders;
  for (const char* format : {"rootnote-json", "telegraf-json", "auto"}) {
    decoders.push_back(*MakeDecoder(format));
  }
  DecodeContext context;
  context.record_time = FromMillis(1);
  int accepted = 0, rejected = 0;
  Decoded out;
  for (int i = 0; i < 60'000; ++i) {
    const std::string text = Mutated(seeds[random() % seeds.size()], seeds, random);
    const std::optional<DecodeFailure> fault = FindJsonFault(text);
    JsonReader reader({});
    std::optional<DecodeFailure> failure = reader.Open(text);
    if (!failure) {
      while (reader.Next() != nullptr) {
      }
      failure = reader.failure();
    }
    if (fault && text.find_first_not_of(" \t\r") != std::string::npos &&
        text.substr(0, 3) != "\xEF\xBB\xBF") {
      ASSERT_TRUE(failure.has_value()) << text << "\n" << fault->detail;
      ++rejected;
    }
    if (!failure) {
      ++accepted;
      ASSERT_EQ(fault, std::nullopt) << text;
    }
    Decoder& decoder = *decoders[random() % decoders.size()];
    const size_t before = out.samples.size() + out.events.size() + out.changes.size();
    if (decoder.Decode(text, context, out)) {
      ASSERT_EQ(out.samples.size() + out.events.size() + out.changes.size(), before) << text;
    } else {
      ASSERT_FALSE(failure.has_value()) << text;
    }
    if (out.samples.size() > 1000) {
      out.Clear();
    }
  }
  EXPECT_GT(accepted, 2'000);
  EXPECT_GT(rejected, 20'000);
}

// The checker itself, against another parser.
TEST(FindJsonFault, AgreesWithRapidJson) {
  const std::vector<std::string> seeds = Seeds();
  std::mt19937_64 random(43);
  int valid = 0;
  for (int i = 0; i < 60'000; ++i) {
    const std::string text = Mutated(seeds[random() % seeds.size()], seeds, random);
    const std::optional<DecodeFailure> fault = FindJsonFault(text);
    if (fault && fault->error != DecodeError::kBadJson) {
      continue;  // RapidJSON has no limit of depth and lets some lone surrogates pass.
    }
    rapidjson::Document document;
    document.Parse<rapidjson::kParseIterativeFlag | rapidjson::kParseValidateEncodingFlag>(
        text.data(), text.size());
    if (document.HasParseError() &&
        document.GetParseError() == rapidjson::kParseErrorNumberTooBig) {
      continue;
    }
    ASSERT_EQ(document.HasParseError(), fault.has_value()) << text << "\n"
                                                           << (fault ? fault->detail : "");
    valid += fault ? 0 : 1;
  }
  EXPECT_GT(valid, 2'000);
}

TEST(FindJsonFault, EveryPrefixOfADocumentEndsTooEarly) {
  for (const std::string& seed : Seeds()) {
    const std::string text = seed.substr(seed.find_first_not_of(' '));
    const size_t last = text.find_last_not_of(' ');
    for (size_t length = 0; length <= last; ++length) {
      const std::optional<DecodeFailure> fault =
          FindJsonFault(std::string_view(text).substr(0, length));
      ASSERT_TRUE(fault.has_value()) << text.substr(0, length);
      EXPECT_LE(fault->byte_offset, length);
    }
    EXPECT_EQ(FindJsonFault(text), std::nullopt);
  }
}

TEST(FindJsonFault, SixteenBracketsAreNotTooDeep) {
  EXPECT_EQ(FindJsonFault(std::string(16, '[') + std::string(16, ']')), std::nullopt);
  EXPECT_EQ(FindJsonFault(std::string(17, '[') + std::string(17, ']'))->error,
            DecodeError::kTooDeep);
}

TEST(JsonReader, CountsDepthFromTheDocument) {
  const auto nested = [](size_t depth) {
    std::string text = R"({"fields":{},"name":"m","timestamp":1,"x":)";
    return text + std::string(depth - 1, '[') + std::string(depth - 1, ']') + "}";
  };
  std::unique_ptr<Decoder> decoder = *MakeDecoder("telegraf-json");
  Decoded out;
  EXPECT_FALSE(decoder->Decode(nested(16), {}, out).has_value());
  EXPECT_EQ(decoder->Decode(nested(17), {}, out)->error, DecodeError::kTooDeep);
  EXPECT_FALSE(decoder->Decode("[" + nested(15) + "]", {}, out).has_value());
  EXPECT_EQ(decoder->Decode("[" + nested(16) + "]", {}, out)->error, DecodeError::kTooDeep);
}

TEST(Utf8Length, TellsTheWholeTable) {
  const auto encode = [](uint32_t point) {
    std::string out;
    if (point < 0x80) {
      out += static_cast<char>(point);
    } else if (point < 0x800) {
      out += static_cast<char>(0xC0 | (point >> 6));
      out += static_cast<char>(0x80 | (point & 0x3F));
    } else if (point < 0x10000) {
      out += static_cast<char>(0xE0 | (point >> 12));
      out += static_cast<char>(0x80 | ((point >> 6) & 0x3F));
      out += static_cast<char>(0x80 | (point & 0x3F));
    } else {
      out += static_cast<char>(0xF0 | (point >> 18));
      out += static_cast<char>(0x80 | ((point >> 12) & 0x3F));
      out += static_cast<char>(0x80 | ((point >> 6) & 0x3F));
      out += static_cast<char>(0x80 | (point & 0x3F));
    }
    return out;
  };
  for (uint32_t point = 0; point < 0x120000; ++point) {
    const std::string text = encode(point);
    const bool valid = point <= 0x10FFFF && (point < 0xD800 || point > 0xDFFF);
    ASSERT_EQ(Utf8Length(text), valid ? text.size() : 0) << point;
    ASSERT_EQ(Utf8Length(std::string_view(text).substr(0, text.size() - 1)), 0U) << point;
  }
  EXPECT_EQ(Utf8Length("\xC0\x80"), 0U);
  EXPECT_EQ(Utf8Length("\xE0\x80\x80"), 0U);
  EXPECT_EQ(Utf8Length("\xF0\x80\x80\x80"), 0U);
  EXPECT_EQ(FindBadUtf8("abc\xC3\xA9\xFF"), 5U);
}

TEST(Shown, CutsBetweenCharacters) {
  EXPECT_EQ(Shown("abc", 3), "abc");
  EXPECT_EQ(Shown("abcd", 3), "abc…");
  EXPECT_EQ(Shown("ab\xC3\xA9z", 3), "ab…");
}

}  // namespace
}  // namespace rootnote
