// Payloads as real producers, broken links and attackers send them: each fails with its reason, its
// JSON pointer and its byte, leaves nothing behind, and does not disturb the record after it.
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "schemas/decoder.h"

namespace rootnote {
namespace {

struct Hostile {
  std::string what;
  std::string payload;
  DecodeError error;
  std::string pointer;
  size_t byte_offset;
  std::string detail;  // a part of it
};

std::string Repeat(std::string_view text, size_t times) {
  std::string out;
  for (size_t i = 0; i < times; ++i) {
    out += text;
  }
  return out;
}

void Append(Decoded& out, Decoder& decoder, std::string_view payload) {
  DecodeContext context;
  context.record_time = FromMillis(1795331836117);
  const std::optional<DecodeFailure> failure = decoder.Decode(payload, context, out);
  ASSERT_FALSE(failure.has_value()) << failure->detail;
}

void ExpectFailure(std::string_view format, std::string_view good, const Hostile& hostile) {
  SCOPED_TRACE(hostile.what + ": " + hostile.payload.substr(0, 200));
  std::unique_ptr<Decoder> decoder = *MakeDecoder(format);
  Decoded out;
  Append(out, *decoder, good);
  const size_t samples = out.samples.size();
  const size_t events = out.events.size();
  const size_t changes = out.changes.size();
  const uint32_t nulls = out.samples_null;

  const std::optional<DecodeFailure> failure =
      decoder->Decode(hostile.payload, DecodeContext{}, out);
  ASSERT_TRUE(failure.has_value());
  EXPECT_EQ(ErrorName(failure->error), ErrorName(hostile.error)) << failure->detail;
  EXPECT_EQ(failure->pointer, hostile.pointer);
  EXPECT_EQ(failure->byte_offset, hostile.byte_offset);
  EXPECT_NE(failure->detail.find(hostile.detail), std::string::npos) << failure->detail;

  EXPECT_EQ(out.samples.size(), samples);
  EXPECT_EQ(out.events.size(), events);
  EXPECT_EQ(out.changes.size(), changes);
  EXPECT_EQ(out.samples_null, nulls);
  Append(out, *decoder, good);
  EXPECT_EQ(out.samples.size(), 2 * samples);
}

constexpr std::string_view kGoodOwn =
    R"({"metrics":{"a":1,"b":null},"labels":{"host":"db01"},"time":1795331836117})";

using enum DecodeError;

std::vector<Hostile> BrokenJson() {
  return {
      {"empty", "", kEmpty, "", 0, "white space"},
      {"only white space", " \r\n\t\n", kEmpty, "", 0, "white space"},
      {"only a byte order mark", "\xEF\xBB\xBF", kEmpty, "", 0, "white space"},
      {"plain text", "db01 kernel: blk_update_request: I/O error", kBadJson, "", 0,
       "no JSON value"},
      {"truncated in an object", R"({"metric":"a","value":1)", kBadJson, "/value", 23,
       "ends too early"},
      {"truncated in a string", R"({"metric":"a","labels":{"host":"db)", kBadJson, "/labels/host",
       34, "string is not closed"},
      {"truncated in a key", R"({"metric":"a","val)", kBadJson, "/metric", 18, "not closed"},
      {"truncated after a backslash", R"({"metric":"a\)", kBadJson, "/metric", 13, "not closed"},
      {"truncated in a word", R"({"metric":"a","value":nul)", kBadJson, "/value", 22,
       "no JSON value"},
      {"truncated in UTF-8", "{\"metric\":\"gr\xC3", kBadUtf8, "/metric", 13, "UTF-8"},
      {"no end of an inner object", R"({"metric":"a","labels":{"h":"x","value":1})", kBadJson,
       "/labels", 42, "ends too early"},
      {"an array cut off", R"([{"metric":"a","value":1,"time":1})", kBadJson, "/0", 34,
       "ends too early"},
      {"a comma too many", R"({"metric":"a","value":1,})", kBadJson, "/value", 24, "key"},
      {"a comma too few", R"({"metric":"a" "value":1})", kBadJson, "/metric", 14, "comma"},
      {"a colon too few", R"({"metric" "a","value":1})", kBadJson, "/metric", 10, "colon"},
      {"wrong bracket", R"({"metric":"a","labels":{"h":"x"],"value":1})", kBadJson, "/labels/h", 31,
       "comma or }"},
      {"single quotes", R"({'metric':'a','value':1})", kBadJson, "", 1, "key"},
      {"a bare key", R"({metric:"a"})", kBadJson, "", 1, "key"},
      {"a comment", R"({"metric":"a",/*x*/"value":1})", kBadJson, "/metric", 14, "key"},
      {"garbage after a document", R"({"metric":"a","value":1,"time":1}x)", kBadJson, "", 33,
       "follows"},
      {"two documents on a line",
       R"({"metric":"a","value":1,"time":1}{"metric":"b","value":2,"time":1})", kBadJson, "", 33,
       "follows"},
      {"a bracket too many", R"({"metric":"a","value":1,"time":1}})", kBadJson, "", 33, "follows"},
      {"garbage after an array", R"([{"metric":"a","value":1,"time":1}] [)", kBadJson, "", 36,
       "follows"},
      {"garbage after the document of a line",
       "{\"metric\":\"a\",\"value\":1,\"time\":1}\n{\"metric\":\"b\",\"value\":1,\"time\":1},\n",
       kBadJson, "", 67, "follows"},
      {"the second line broken", "{\"metric\":\"a\",\"value\":1,\"time\":1}\n{\"metric\":\"b\",\n",
       kBadJson, "/metric", 48, "ends too early"},
      {"garbage inside the labels", R"({"metric":"a","labels":{"h":"x" "y"},"value":1,"time":1})",
       kBadJson, "/labels/h", 32, "comma"},
      {"a control character in a string", "{\"metric\":\"a\x01\"}", kBadJson, "/metric", 12,
       "escaped"},
      {"a line feed in a string", "{\"metric\":\"a\n\"}", kBadJson, "/metric", 12, "escaped"},
      {"an embedded NUL in a string", std::string("{\"metric\":\"a\0\"}", 15), kBadJson, "/metric",
       12, "escaped"},
      {"an embedded NUL outside", std::string("{\"metric\"\0:\"a\"}", 15), kBadJson, "/metric", 9,
       "colon"},
      {"zeros after the document", std::string("{\"metric\":\"a\",\"value\":1,\"time\":1}\0\0", 35),
       kBadJson, "", 33, "follows"},
      {"an unknown escape", R"({"metric":"\x41"})", kBadJson, "/metric", 11, "escape"},
      {"half an escape", R"({"metric":"\u12"})", kBadJson, "/metric", 11, "hexadecimal"},
      {"invalid UTF-8 in a value", "{\"metric\":\"a\xFF\",\"value\":1}", kBadUtf8, "/metric", 12,
       "UTF-8"},
      {"overlong UTF-8", "{\"metric\":\"\xC0\xAF\"}", kBadUtf8, "/metric", 11, "UTF-8"},
      {"a surrogate in UTF-8", "{\"metric\":\"\xED\xA0\x80\"}", kBadUtf8, "/metric", 11, "UTF-8"},
      {"beyond Unicode", "{\"metric\":\"\xF4\x90\x80\x80\"}", kBadUtf8, "/metric", 11, "UTF-8"},
      {"invalid UTF-8 in a key", "{\"metric\":\"a\",\"va\xFElue\":1}", kBadUtf8, "/metric", 17,
       "UTF-8"},
      {"invalid UTF-8 outside", "\xFF{}", kBadUtf8, "", 0, "UTF-8"},
      {"Latin-1 text",
       "{\"metric\":\"Stra\xDF"
       "e\"}",
       kBadUtf8, "/metric", 15, "UTF-8"},
      {"a lone low surrogate", R"({"metric":"a","labels":{"h":"\udc00"},"value":1})", kBadUtf8,
       "/labels/h", 29, "surrogate"},
      {"a lone high surrogate", R"({"metric":"a","labels":{"h":"\ud800x"},"value":1})", kBadUtf8,
       "/labels/h", 29, "surrogate"},
      {"two high surrogates", R"({"metric":"a","labels":{"h":"\ud800\ud800"},"value":1})", kBadUtf8,
       "/labels/h", 29, "surrogate"},
      {"a lone surrogate in a key", R"({"metric":"a","labels":{"\udfff":"x"},"value":1})", kBadUtf8,
       "/labels", 25, "surrogate"},
  };
}

std::vector<Hostile> DeepAndHuge() {
  const std::string deep_labels = R"({"metric":"a","labels":)" + Repeat(R"({"a":)", 16) + "1" +
                                  Repeat("}", 16) + R"(,"value":1})";
  const std::string many = R"([{"metric":"a","value":1,"time":1})" +
                           Repeat(R"(,{"metric":"a","value":1,"time":1})", 99'999) + "]";
  std::string wide = R"({"metrics":{"m0":1)";
  for (int i = 1; i < 50'001; ++i) {
    wide += ",\"m" + std::to_string(i) + "\":1";
  }
  wide += R"(},"time":1})";
  return {
      {"arrays nested 1.2 MB deep", std::string(1'200'000, '['), kTooDeep, Repeat("/0", 16), 16,
       "16"},
      {"balanced arrays, 600,000 deep", std::string(600'000, '[') + std::string(600'000, ']'),
       kTooDeep, Repeat("/0", 16), 16, "16"},
      {"objects nested too deep", deep_labels, kTooDeep, "/labels" + Repeat("/a", 15), 98, "16"},
      {"an array of many points", many, kTooLarge, "/50000", 1'700'001, "50000 points"},
      {"an object of many points", wide, kTooLarge, "", 0, "50000 points"},
      {"a list of a million numbers",
       R"({"metric":"a","value":[1)" + Repeat(",1", 1'000'000) + "]}", kTooLarge, "", 1'608'211,
       "an object of more than"},
      {"a payload beyond the limit", std::string((4U << 20) + 1, ' '), kTooLarge, "", 4U << 20,
       "bytes"},
      {"a value of 1 MB",
       R"({"metric":"a","time":1,"value":")" + std::string(1 << 20, 'x') + R"("})", kBadNumber,
       "/value", 31, "no number"},
      {"a key of 1 MB", R"({"metric":"a",")" + std::string(1 << 20, 'x') + R"(":1})", kUnknownKey,
       "/" + std::string(128, 'x') + "…", 14, "unknown key"},
      {"a number of 1 MB", R"({"metric":"a","time":1,"value":)" + std::string(1 << 20, '9') + "}",
       kBadNumber, "/value", 31, "larger than any double"},
  };
}

std::vector<Hostile> WrongTypesAndKeys() {
  return {
      {"a number as document", "42", kWrongType, "", 0, "an object"},
      {"a string as document", "\"metric\"", kWrongType, "", 0, "an object"},
      {"null as document", "null", kWrongType, "", 0, "an object"},
      {"an array of numbers", "[1,2]", kWrongType, "/0", 1, "no object"},
      {"null in an array", R"([{"metric":"a","value":1,"time":1},null])", kWrongType, "/1", 35,
       "no object"},
      {"an array in an array", R"([[{"metric":"a","value":1,"time":1}]])", kWrongType, "/0", 1,
       "no object"},
      {"an empty object", "{}", kMissingKey, "", 0, "metric"},
      {"a metric that is a number", R"({"metric":7,"value":1,"time":1})", kWrongType, "/metric", 10,
       "a string"},
      {"labels as a list", R"({"metric":"a","labels":["x"],"value":1,"time":1})", kWrongType,
       "/labels", 23, "not an array"},
      {"labels null", R"({"metric":"a","labels":null,"value":1,"time":1})", kWrongType, "/labels",
       23, "not null"},
      {"a label that is a number", R"({"metric":"a","labels":{"port":80},"value":1,"time":1})",
       kWrongType, "/labels/port", 31, "a string"},
      {"a label that is an object", R"({"metric":"a","labels":{"a/b~":{}},"value":1,"time":1})",
       kWrongType, "/labels/a~1b~0", 31, "a string"},
      {"a value that is true", R"({"metric":"a","value":true,"time":1})", kWrongType, "/value", 22,
       "a number"},
      {"a value that is a list", R"({"metric":"a","value":[1],"time":1})", kWrongType, "/value", 22,
       "a number"},
      {"metrics as a list", R"({"metrics":[{"a":1}],"time":1})", kWrongType, "/metrics", 11,
       "numbers"},
      {"an attribute that is a list", R"({"event":"e","attributes":{"a":[1]},"time":1})",
       kWrongType, "/attributes/a", 31, "a string"},
      {"deleted as a word", R"({"entity":"vm:a","deleted":"yes"})", kWrongType, "/deleted", 27,
       "true or false"},
      {"a snapshot that neither begins nor ends", R"({"snapshot":"start","source":"c"})",
       kWrongType, "/snapshot", 12, "begin"},
      {"a misspelt key", R"({"metric":"a","vlaue":1,"time":1})", kUnknownKey, "/vlaue", 14,
       "did you mean \"value\"?"},
      {"a misspelt kind", R"({"metirc":"a","value":1,"time":1})", kUnknownKey, "/metirc", 1,
       "did you mean \"metric\"?"},
      {"a key of another kind", R"({"entity":"vm:a","value":1})", kUnknownKey, "/value", 17,
       "beside \"entity\""},
      {"two kinds in one object", R"({"metric":"a","event":"b","value":1,"time":1})", kUnknownKey,
       "/event", 14, "beside \"metric\""},
      {"an empty key", R"({"metric":"a","":1})", kUnknownKey, "/", 14, "unknown key \"\""},
      {"no value", R"({"metric":"a","time":1})", kMissingKey, "", 0, "\"value\""},
      {"a relation without an end", R"({"relation":"runs_on","from":"app:a"})", kMissingKey, "", 0,
       "\"to\""},
      {"a snapshot without a source", R"({"snapshot":"begin","epoch":"7"})", kMissingKey, "", 0,
       "\"source\""},
      {"no kind at all", R"({"value":1,"time":1})", kMissingKey, "", 0, "metric"},
      {"a key twice", R"({"metric":"a","value":1,"value":2,"time":1})", kDuplicateKey, "/value", 24,
       "twice"},
      {"a key twice, once escaped", R"({"metric":"a","value":1,"v\u0061lue":2,"time":1})",
       kDuplicateKey, "/value", 24, "twice"},
      {"a label twice", R"({"metric":"a","labels":{"h":"x","i":"y","h":"x"},"value":1,"time":1})",
       kDuplicateKey, "/labels/h", 40, "twice"},
      {"a metric twice", R"({"metrics":{"a":1,"a":1},"time":1})", kDuplicateKey, "/metrics/a", 18,
       "twice"},
      {"a label twice among many",
       R"({"metric":"a","labels":{"a":"","b":"","c":"","d":"","e":"","f":"","g":"","h":"","i":"","j":"",)"
       R"("k":"","l":"","m":"","n":"","o":"","p":"","q":"","r":"","d":"","a":""},"value":1,"time":1})",
       kDuplicateKey, "/labels/d", 150, "twice"},
  };
}

std::vector<Hostile> BadNumbersTimesNames() {
  return {
      {"a value of 1e400", R"({"metric":"a","value":1e400,"time":1})", kBadNumber, "/value", 22,
       "larger"},
      {"a value of -1e400", R"({"metric":"a","value":-1e400,"time":1})", kBadNumber, "/value", 22,
       "larger"},
      {"a value of 00", R"({"metric":"a","value":00,"time":1})", kBadJson, "/value", 23, "comma"},
      {"a value of +1", R"({"metric":"a","value":+1,"time":1})", kBadJson, "/value", 22,
       "no JSON value"},
      {"a value of 1.", R"({"metric":"a","value":1.,"time":1})", kBadJson, "/value", 22,
       "no JSON value"},
      {"a value of .5", R"({"metric":"a","value":.5,"time":1})", kBadJson, "/value", 22,
       "no JSON value"},
      {"a value of 0x10", R"({"metric":"a","value":0x10,"time":1})", kBadJson, "/value", 23,
       "comma"},
      {"a value of NaN", R"({"metric":"a","value":NaN,"time":1})", kBadJson, "/value", 22,
       "no JSON value"},
      {"a value of 1-2", R"({"metric":"a","value":1-2,"time":1})", kBadJson, "/value", 23, "comma"},
      {"a count of 2^64-1", R"({"metric":"a","value":18446744073709551615,"time":1})", kBadNumber,
       "/value", 22, "above 2^63"},
      {"a count of 2^63+1", R"({"metrics":{"a":9223372036854775809},"time":1})", kBadNumber,
       "/metrics/a", 16, "above 2^63"},
      {"a number in a string", R"({"metric":"a","value":"12","time":1})", kBadNumber, "/value", 22,
       "\"12\""},
      {"nan in small letters", R"({"metric":"a","value":"nan","time":1})", kBadNumber, "/value", 22,
       "\"nan\""},
      {"Inf without a sign", R"({"metric":"a","value":"Inf","time":1})", kBadNumber, "/value", 22,
       "\"Inf\""},
      {"an empty string as value", R"({"metric":"a","value":"","time":1})", kBadNumber, "/value",
       22, "\"\""},
      {"no time and none to assume", R"({"metric":"a","value":1})", kBadTime, "", 0, "no time"},
      {"the zero time and none to assume",
       R"({"metric":"a","value":1,"time":"0001-01-01T00:00:00Z"})", kBadTime, "", 0, "no time"},
      {"a time with a fraction", R"({"metric":"a","value":1,"time":1795331836.117})", kBadTime,
       "/time", 31, "whole milliseconds"},
      {"a time with an exponent", R"({"metric":"a","value":1,"time":1e12})", kBadTime, "/time", 31,
       "1e12"},
      {"a time in nanoseconds", R"({"metric":"a","value":1,"time":1795331836117000000})", kBadTime,
       "/time", 31, "no time"},
      {"a time beyond 64 bits", R"({"metric":"a","value":1,"time":99999999999999999999})", kBadTime,
       "/time", 31, "no time"},
      {"a time in words", R"({"metric":"a","value":1,"time":"yesterday"})", kBadTime, "/time", 31,
       "RFC 3339"},
      {"a time without a zone", R"({"metric":"a","value":1,"time":"2026-11-22T07:17:16"})",
       kBadTime, "/time", 31, "RFC 3339"},
      {"a time of the 31st of November", R"({"event":"a","time":"2026-11-31T07:17:16Z"})", kBadTime,
       "/time", 20, "RFC 3339"},
      {"a time that is null", R"({"metric":"a","value":1,"time":null})", kWrongType, "/time", 31,
       "not null"},
      {"a time that is a list", R"({"entity":"vm:a","time":[1]})", kWrongType, "/time", 24,
       "not an array"},
      {"an empty metric name", R"({"metric":"","value":1,"time":1})", kBadName, "/metric", 10,
       "empty"},
      {"an empty name in metrics", R"({"metrics":{"":1},"time":1})", kBadName, "/metrics/", 12,
       "empty"},
      {"an empty event name", R"({"event":"","time":1})", kBadName, "/event", 9, "empty"},
      {"a control character in a name", R"({"metric":"a\u0007","value":1,"time":1})", kBadName,
       "/metric", 10, "control"},
      {"a NUL in a label name", R"({"metric":"a","labels":{"h\u0000":"x"},"value":1,"time":1})",
       kBadName, std::string("/labels/h\0", 10), 24, "control"},
      {"an empty label name", R"({"metric":"a","labels":{"":"x"},"value":1,"time":1})", kBadName,
       "/labels/", 24, "empty"},
      {"a __name__ that differs", R"({"metric":"a","labels":{"__name__":"b"},"value":1,"time":1})",
       kBadName, "/labels/__name__", 35, "\"b\""},
      {"an entity without a kind", R"({"entity":"web1"})", kBadName, "/entity", 10, "kind:id"},
      {"an entity without an id", R"({"entity":"vm:"})", kBadName, "/entity", 10, "empty part"},
      {"an entity with an empty part", R"({"entity":"disk:a1//d7"})", kBadName, "/entity", 10,
       "empty part"},
      {"an entity with a bare colon", R"({"entity":"url:http://x"})", kBadName, "/entity", 10,
       "%3A"},
      {"an entity with a bare percent sign", R"({"entity":"disk:100%"})", kBadName, "/entity", 10,
       "%25"},
      {"a kind that is no word", R"({"entity":"my vm:a"})", kBadName, "/entity", 10, "kind:id"},
      {"a relation to nothing", R"({"relation":"runs_on","from":"app:a","to":""})", kBadName, "/to",
       42, "kind:id"},
      {"a relation without a name", R"({"relation":"runs on","from":"app:a","to":"vm:b"})",
       kBadName, "/relation", 12, "relation"},
  };
}

TEST(HostilePayloads, OwnJson) {
  size_t count = 0;
  for (const std::vector<Hostile>& table :
       {BrokenJson(), DeepAndHuge(), WrongTypesAndKeys(), BadNumbersTimesNames()}) {
    for (const Hostile& hostile : table) {
      ExpectFailure("rootnote-json", kGoodOwn, hostile);
      ++count;
    }
  }
  EXPECT_GE(count, 120U);
}

TEST(HostilePayloads, Telegraf) {
  const std::string_view good =
      R"({"fields":{"a":1,"b":"x"},"name":"m","tags":{"h":"x"},"timestamp":1795331836})";
  const std::vector<Hostile> table = {
      {"truncated", R"({"fields":{"a":1},"name":"m","tags":{"h":"x)", kBadJson, "/tags/h", 43,
       "not closed"},
      {"no name", R"({"fields":{"a":1},"timestamp":1})", kMissingKey, "", 0, "\"name\""},
      {"no fields", R"({"name":"m","timestamp":1})", kMissingKey, "", 0, "\"fields\""},
      {"an empty name", R"({"fields":{"a":1},"name":"","timestamp":1})", kBadName, "/name", 25,
       "empty"},
      {"fields as a list", R"({"fields":[1],"name":"m","timestamp":1})", kWrongType, "/fields", 10,
       "an object"},
      {"a field that is an object", R"({"fields":{"a":{"b":1}},"name":"m","timestamp":1})",
       kWrongType, "/fields/a", 15, "a number"},
      {"a tag that is a number",
       R"({"fields":{"a":1},"name":"m","tags":{"port":80},"timestamp":1})", kWrongType,
       "/tags/port", 44, "a string"},
      {"two tags that become one label",
       R"({"fields":{"a":1},"name":"m","tags":{"a.b":"x","a-b":"y"},"timestamp":1})", kDuplicateKey,
       "/tags/a-b", 47, "a_b"},
      {"a tag that would rename the metric",
       R"({"fields":{"a":1},"name":"m","tags":{"__name__":"x"},"timestamp":1})", kBadName,
       "/tags/__name__", 37, "label"},
      {"an unsigned count that would wrap",
       R"({"fields":{"a":18446744073709551615},"name":"m","timestamp":1})", kBadNumber, "/fields/a",
       15, "above 2^63"},
      {"a timestamp in milliseconds", R"({"fields":{"a":1},"name":"m","timestamp":1795331836117})",
       kBadTime, "/timestamp", 41, "unit of telegraf-json"},
      {"a timestamp in words", R"({"fields":{"a":1},"name":"m","timestamp":"now"})", kBadTime,
       "/timestamp", 41, "now"},
      {"a timestamp that is true", R"({"fields":{"a":1},"name":"m","timestamp":true})", kWrongType,
       "/timestamp", 41, "a number"},
      {"no timestamp and none to assume", R"({"fields":{"a":1},"name":"m"})", kBadTime, "", 0,
       "no time"},
      {"a batch that is an object", R"({"metrics":{"a":1}})", kWrongType, "/metrics", 11,
       "an array"},
      {"a number in a batch", R"({"metrics":[{"fields":{},"name":"m","timestamp":1},7]})",
       kWrongType, "/metrics/1", 51, "a measurement"},
      {"a bad metric late in a batch",
       R"({"metrics":[{"fields":{"a":1},"name":"m","timestamp":1},{"fields":{"a":1},"timestamp":1}]})",
       kMissingKey, "/metrics/1", 56, "\"name\""},
      {"a field twice", R"({"fields":{"a":1,"a":2},"name":"m","timestamp":1})", kDuplicateKey,
       "/fields/a", 17, "twice"},
      {"garbage in a key that is not read",
       R"({"fields":{"a":1},"name":"m","timestamp":1,"more":{"x":[1 2]}})", kBadJson, "/more/x/0",
       58, "comma"},
      {"depth in a key that is not read",
       R"({"fields":{"a":1},"name":"m","timestamp":1,"more":)" + std::string(20, '[') +
           std::string(20, ']') + "}",
       kTooDeep, "/more" + Repeat("/0", 15), 65, "16"},
  };
  for (const Hostile& hostile : table) {
    ExpectFailure("telegraf-json", good, hostile);
  }
}

TEST(HostilePayloads, Probing) {
  const std::vector<Hostile> table = {
      {"keys of no format", R"({"host":"db01","message":"x"})", kUnknownFormat, "", 0,
       "\"host\", \"message\""},
      {"an empty object", "{}", kUnknownFormat, "", 0, "empty object"},
      {"broken", R"({"metric":)", kBadJson, "/metric", 10, "ends too early"},
      {"own JSON, then Telegraf",
       "{\"metric\":\"a\",\"value\":1,\"time\":1}\n{\"fields\":{},\"name\":\"m\"}", kUnknownKey,
       "/fields", 35, "unknown key"},
  };
  for (const Hostile& hostile : table) {
    ExpectFailure("auto", kGoodOwn, hostile);
  }
}

TEST(HostilePayloads, LimitsAreTheCallers) {
  std::unique_ptr<Decoder> decoder =
      *MakeDecoder("rootnote-json", {.payload_bytes_max = 100, .points_max = 2});
  Decoded out;
  EXPECT_FALSE(decoder->Decode(R"({"metrics":{"a":1,"b":2},"time":1})", {}, out).has_value());
  EXPECT_EQ(decoder->Decode(R"({"metrics":{"a":1,"b":2,"c":3},"time":1})", {}, out)->error,
            kTooLarge);
  EXPECT_EQ(decoder->Decode(std::string(101, ' '), {}, out)->error, kTooLarge);
  EXPECT_EQ(out.samples.size(), 2U);
}

}  // namespace
}  // namespace rootnote
