#include "schemas/decoder.h"

#include <cmath>
#include <limits>
#include <string>

#include <gtest/gtest.h>

#include "schemas/entity_name.h"

namespace rootnote {
namespace {

constexpr int64_t kNow = 1795331836117;

Decoded DecodeAs(std::string_view format, std::string_view payload, DecodeContext context = {}) {
  std::unique_ptr<Decoder> decoder = *MakeDecoder(format);
  Decoded out;
  const std::optional<DecodeFailure> failure = decoder->Decode(payload, context, out);
  EXPECT_FALSE(failure.has_value()) << payload << "\n"
                                    << failure->pointer << ": " << failure->detail;
  return out;
}

Decoded Own(std::string_view payload, DecodeContext context = {}) {
  return DecodeAs("rootnote-json", payload, context);
}

// Samples as text: the labels, the value, the time.
std::string Text(const Decoded& decoded) {
  std::string out;
  for (const Sample& sample : decoded.samples) {
    char value[64];
    std::snprintf(value, sizeof(value), " %g ", sample.value);
    out += sample.labels.ToString() + value + FormatRfc3339(sample.time) + "\n";
  }
  return out;
}

TEST(OwnJson, Metric) {
  EXPECT_EQ(Text(Own(R"({"metric":"writes_total","labels":{"disk":"d7","array":"a1"},"value":12,)"
                     R"("time":"2026-11-22T07:17:16.117Z"})")),
            "writes_total{array=\"a1\",disk=\"d7\"} 12 2026-11-22T07:17:16.117Z\n");
  EXPECT_EQ(
      Text(Own(
          R"({"value":-0.5e1,"time":1795331836117,"labels":{"__name__":"up","x":""},"metric":"up"})")),
      "up -5 2026-11-22T07:17:16.117Z\n");
}

TEST(OwnJson, ManyMetricsShareLabels) {
  EXPECT_EQ(
      Text(Own(
          R"({"metrics":{"cpu":0.42,"mem":1.2e10},"labels":{"host":"db01"},"time":1795331836117})")),
      "cpu{host=\"db01\"} 0.42 2026-11-22T07:17:16.117Z\n"
      "mem{host=\"db01\"} 1.2e+10 2026-11-22T07:17:16.117Z\n");
}

TEST(OwnJson, WordsForValues) {
  const Decoded out =
      Own(R"({"metrics":{"a":"NaN","b":"+Inf","c":"-Inf","d":"stale","e":null,"f":-0},"time":1})");
  ASSERT_EQ(out.samples.size(), 5U);
  EXPECT_TRUE(std::isnan(out.samples[0].value));
  EXPECT_FALSE(IsStaleNan(out.samples[0].value));
  EXPECT_EQ(out.samples[1].value, std::numeric_limits<double>::infinity());
  EXPECT_EQ(out.samples[2].value, -std::numeric_limits<double>::infinity());
  EXPECT_TRUE(IsStaleNan(out.samples[3].value));
  EXPECT_TRUE(std::signbit(out.samples[4].value));
  EXPECT_EQ(out.samples_null, 1U);
}

TEST(OwnJson, NullIsNoSample) {
  const Decoded out = Own(R"({"metric":"a","value":null,"time":1})");
  EXPECT_TRUE(out.samples.empty());
  EXPECT_EQ(out.samples_null, 1U);
}

TEST(OwnJson, LongNumbersAreExact) {
  const Decoded out = Own(R"({"metrics":{"a":0.12345678901234567890123,"b":0.30000000000000004,)"
                          R"("c":9223372036854775808,"d":123456789012345678},"time":1})");
  ASSERT_EQ(out.samples.size(), 4U);
  EXPECT_EQ(out.samples[0].value, 0.12345678901234567890123);
  EXPECT_EQ(out.samples[1].value, 0.30000000000000004);
  EXPECT_EQ(out.samples[2].value, 9223372036854775808.0);
  EXPECT_EQ(out.samples[3].value, 123456789012345678.0);
}

TEST(OwnJson, Event) {
  const Decoded out = Own(
      R"({"event":"dns_lookup","labels":{"app":"shop"},"attributes":{"latency_ms":12.50,"ok":true,"n":null,)"
      R"("who":"x"},"message":"lookup of \"db\" failed \ud83d\ude00","id":"e1","time":1795331836117})");
  ASSERT_EQ(out.events.size(), 1U);
  const Event& event = out.events[0];
  EXPECT_EQ(event.name, "dns_lookup");
  EXPECT_EQ(event.labels, Labels::From({{"app", "shop"}}));
  EXPECT_EQ(event.attributes,
            Labels::From({{"latency_ms", "12.50"}, {"ok", "true"}, {"who", "x"}}));
  EXPECT_EQ(event.message, "lookup of \"db\" failed \xF0\x9F\x98\x80");
  EXPECT_EQ(event.id, "e1");
  EXPECT_EQ(ToMillis(event.time), kNow);
}

TEST(OwnJson, Topology) {
  const Decoded out =
      Own("{\"entity\":\"disk:a1/"
          "d%2f7\",\"labels\":{\"region\":\"uk\"},\"time\":\"2026-11-22T00:00:00Z\"}\n"
          "{\"entity\":\"vm:web1\",\"deleted\":true,\"source\":\"cmdb\"}\n"
          "{\"relation\":\"runs_on\",\"from\":\"app:shop\",\"to\":\"vm:web1\",\"labels\":{}}\n"
          "{\"relation\":\"runs_on\",\"from\":\"app:shop\",\"to\":\"vm:web1\",\"deleted\":true}\n"
          "{\"snapshot\":\"begin\",\"source\":\"cmdb\",\"epoch\":\"7\",\"time\":1}\n"
          "{\"snapshot\":\"end\",\"source\":\"cmdb\",\"epoch\":\"7\"}\n"
          "{\"entity\":\"vm:web2\",\"deleted\":false}\n");
  using Type = TopologyChange::Type;
  ASSERT_EQ(out.changes.size(), 7U);
  EXPECT_EQ(out.changes[0].type, Type::kEntity);
  EXPECT_EQ(out.changes[0].entity, "disk:a1/d%2F7");
  EXPECT_EQ(out.changes[0].labels, Labels::From({{"region", "uk"}}));
  EXPECT_EQ(out.changes[0].time, FromMillis(1795305600000));
  EXPECT_EQ(out.changes[1].type, Type::kEntityDeleted);
  EXPECT_EQ(out.changes[1].source, "cmdb");
  EXPECT_EQ(out.changes[1].time, std::nullopt);
  EXPECT_EQ(out.changes[2].type, Type::kRelation);
  EXPECT_EQ(out.changes[2].relation, "runs_on");
  EXPECT_EQ(out.changes[2].from, "app:shop");
  EXPECT_EQ(out.changes[2].to, "vm:web1");
  EXPECT_EQ(out.changes[3].type, Type::kRelationDeleted);
  EXPECT_EQ(out.changes[4].type, Type::kSnapshotBegin);
  EXPECT_EQ(out.changes[4].epoch, "7");
  EXPECT_EQ(out.changes[5].type, Type::kSnapshotEnd);
  EXPECT_EQ(out.changes[6].type, Type::kEntity);
}

TEST(OwnJson, TombstonesDeleteWhatTheKeyNames) {
  DecodeContext context;
  context.tombstone = true;
  context.record_time = FromMillis(kNow);
  context.key = "runs_on|app:shop|vm:web1";
  const Decoded relation = Own("", context);
  ASSERT_EQ(relation.changes.size(), 1U);
  EXPECT_EQ(relation.changes[0].type, TopologyChange::Type::kRelationDeleted);
  EXPECT_EQ(relation.changes[0].relation, "runs_on");
  EXPECT_EQ(relation.changes[0].from, "app:shop");
  EXPECT_EQ(relation.changes[0].to, "vm:web1");
  EXPECT_EQ(relation.changes[0].time, FromMillis(kNow));
  context.key = "vm:web1";
  const Decoded entity = Own("", context);
  ASSERT_EQ(entity.changes.size(), 1U);
  EXPECT_EQ(entity.changes[0].type, TopologyChange::Type::kEntityDeleted);
  EXPECT_EQ(entity.changes[0].entity, "vm:web1");

  std::unique_ptr<Decoder> decoder = *MakeDecoder("rootnote-json");
  Decoded out;
  for (const char* key :
       {"web1", "runs_on|app:shop", "runs_on|app:shop|vm:web1|x", "runs on|app:a|vm:b", "a|b|c"}) {
    context.key = key;
    EXPECT_EQ(decoder->Decode("", context, out)->error, DecodeError::kBadName) << key;
  }
  context.key = "";
  EXPECT_EQ(decoder->Decode("", context, out)->error, DecodeError::kEmpty);
  EXPECT_TRUE(out.changes.empty());
}

TEST(OwnJson, FramesOfARecord) {
  const std::string one = R"({"metric":"a","value":1,"time":1})";
  const std::string two = R"({"metric":"b","value":2,"time":1})";
  for (const std::string& payload :
       {one + "\n" + two, one + "\r\n" + two + "\r\n", "[" + one + "," + two + "]",
        "[" + one + "\n,\n" + two + "]\n", "\xEF\xBB\xBF" + one + "\n\n \t\n" + two,
        "  " + one + "  \n" + two + " \r\n\r\n",
        "{\n  \"metric\": \"a\",\n  \"value\": 1,\n  \"time\": 1\n}\n" + two}) {
    EXPECT_EQ(Text(Own(payload)), "a 1 1970-01-01T00:00:00.001Z\nb 2 1970-01-01T00:00:00.001Z\n")
        << payload;
  }
  EXPECT_EQ(Own("[]").samples.size(), 0U);
  EXPECT_EQ(Own(one + "\r\n").samples.size(), 1U);
  EXPECT_EQ(Own("\xEF\xBB\xBF" + one).samples.size(), 1U);
}

TEST(OwnJson, TimesOfTheRecordAndClocksThatLie) {
  DecodeContext context;
  context.record_time = FromMillis(kNow);
  EXPECT_EQ(ToMillis(Own(R"({"metric":"a","value":1})", context).samples[0].time), kNow);
  EXPECT_EQ(ToMillis(Own(R"({"event":"a"})", context).events[0].time), kNow);
  EXPECT_EQ(ToMillis(Own(R"({"metric":"a","value":1,"time":"0001-01-01T00:00:00Z"})", context)
                         .samples[0]
                         .time),
            kNow);
  // Judging a clock is the engine's: 200,000,000 s ahead, 1970, and before it.
  EXPECT_EQ(ToMillis(Own(R"({"metric":"a","value":1,"time":1995331836117})").samples[0].time),
            1995331836117);
  EXPECT_EQ(ToMillis(Own(R"({"metric":"a","value":1,"time":0})").samples[0].time), 0);
  EXPECT_EQ(ToMillis(Own(R"({"metric":"a","value":1,"time":-1})").samples[0].time), -1);
  EXPECT_EQ(
      ToMillis(Own(R"({"metric":"a","value":1,"time":"9999-12-31T23:59:59Z"})").samples[0].time),
      253402300799000);
}

TEST(Telegraf, FieldsBecomeSamples) {
  EXPECT_EQ(Text(DecodeAs("telegraf-json",
                          R"({"fields":{"io_await":41.5,"reads":1201},"name":"diskio",)"
                          R"("tags":{"host":"db01","name":"sdb"},"timestamp":1795331836})"
                          "\n")),
            "diskio_io_await{host=\"db01\",name=\"sdb\"} 41.5 2026-11-22T07:17:16Z\n"
            "diskio_reads{host=\"db01\",name=\"sdb\"} 1201 2026-11-22T07:17:16Z\n");
}

TEST(Telegraf, Traps) {
  const Decoded out = DecodeAs(
      "telegraf-json",
      R"({"fields":{"sysUpTimeInstance":5803,"ifIndex.7":7,"ifDescr":"eth0","up":true,"down":false,"x":null},)"
      R"("name":"snmp_trap","tags":{"source":"10.0.0.7","name":"linkDown","mib":"IF-MIB","community":"secret",)"
      R"("if-type":"6"},"timestamp":1795331836})");
  const std::string labels = R"({if_type="6",mib="IF-MIB",name="linkDown",source="10.0.0.7"})";
  EXPECT_EQ(Text(out), "snmp_trap_sysUpTimeInstance" + labels + " 5803 2026-11-22T07:17:16Z\n" +  //
                           "snmp_trap_ifIndex_7" + labels + " 7 2026-11-22T07:17:16Z\n" +
                           "snmp_trap_up" + labels + " 1 2026-11-22T07:17:16Z\n" +
                           "snmp_trap_down" + labels + " 0 2026-11-22T07:17:16Z\n");
  EXPECT_EQ(out.samples_null, 2U);
}

TEST(Telegraf, NamesTakePrometheusForm) {
  EXPECT_EQ(
      DecodeAs(
          "telegraf-json",
          R"({"fields":{"p 99.9%":1},"name":"95.node-x:y","tags":{"1a:b.ü":"v"},"timestamp":1})")
          .samples[0]
          .labels.ToString(),
      R"(_95_node_x:y_p_99_9_{_1a_b__="v"})");
}

TEST(Telegraf, Batches) {
  const Decoded out = DecodeAs(
      "telegraf-json", R"({"metrics":[{"fields":{"a":1},"name":"m","tags":{},"timestamp":1},)"
                       R"({"fields":{"b":2,"c":3},"name":"n","timestamp":2}]})");
  EXPECT_EQ(Text(out),
            "m_a 1 1970-01-01T00:00:01Z\nn_b 2 1970-01-01T00:00:02Z\nn_c 3 1970-01-01T00:00:02Z\n");
  EXPECT_TRUE(DecodeAs("telegraf-json", R"({"metrics":[]})").samples.empty());
}

TEST(Telegraf, UnitsOfTheTimestamp) {
  const auto millis = [](std::string_view format, std::string_view timestamp) {
    const std::string payload =
        R"({"fields":{"a":1},"name":"m","timestamp":)" + std::string(timestamp) + "}";
    return ToMillis(DecodeAs(format, payload).samples.at(0).time);
  };
  EXPECT_EQ(millis("telegraf-json", "1795331836"), 1795331836000);
  EXPECT_EQ(millis("telegraf-json", "1795331836.117"), kNow);
  EXPECT_EQ(millis("telegraf-json", "1795331836.1179999999999999999999"), kNow);
  EXPECT_EQ(millis("telegraf-json", "1795331836.1"), 1795331836100);
  EXPECT_EQ(millis("telegraf-json", "1.795331836e9"), 1795331836000);
  EXPECT_EQ(millis("telegraf-json", "-0.0005"), -1);
  EXPECT_EQ(millis("telegraf-json", "\"2026-11-22T07:17:16.117Z\""), kNow);
  EXPECT_EQ(millis("telegraf-json-ms", "1795331836117"), kNow);
  EXPECT_EQ(millis("telegraf-json-ms", "1795331836117.9"), kNow);
  EXPECT_EQ(millis("telegraf-json-us", "1795331836117999"), kNow);
  EXPECT_EQ(millis("telegraf-json-ns", "1795331836117999999"), kNow);
  EXPECT_EQ(millis("telegraf-json-ns", "-1"), -1);
  EXPECT_EQ(millis("telegraf-json-ns", "-1.5"), -1);
}

TEST(Probing, TakesTheFormatOfTheFirstObject) {
  std::unique_ptr<Decoder> decoder = *MakeDecoder("auto");
  EXPECT_EQ(decoder->format(), "probe");
  Decoded out;
  DecodeContext context;
  EXPECT_FALSE(decoder->Decode(R"({"labels":{},"metric":"a","value":1,"time":1})", context, out)
                   .has_value());
  EXPECT_EQ(decoder->format(), "rootnote-json");
  EXPECT_FALSE(
      decoder->Decode(R"({"fields":{"a":1},"name":"m","timestamp":1})", context, out).has_value());
  EXPECT_EQ(decoder->format(), "telegraf-json");
  EXPECT_FALSE(
      decoder->Decode(R"({"metrics":[{"fields":{"b":1},"name":"m","timestamp":1}]})", context, out)
          .has_value());
  EXPECT_FALSE(decoder->Decode(R"([{"metrics":{"c":1},"time":1}])", context, out).has_value());
  EXPECT_EQ(Text(out),
            "a 1 1970-01-01T00:00:00.001Z\nm_a 1 1970-01-01T00:00:01Z\nm_b 1 1970-01-01T00:00:01Z\n"
            "c 1 1970-01-01T00:00:00.001Z\n");
  EXPECT_TRUE(decoder->Decode(R"({"x":1})", context, out).has_value());
  EXPECT_EQ(decoder->format(), "probe");
}

TEST(MakeDecoder, NamesTheKnownFormats) {
  for (const std::string& format : KnownFormats()) {
    EXPECT_TRUE(MakeDecoder(format).ok()) << format;
  }
  const absl::Status status = MakeDecoder("telegraf").status();
  EXPECT_EQ(status.code(), absl::StatusCode::kNotFound);
  EXPECT_NE(std::string(status.message()).find("telegraf-json-ns"), std::string::npos);
}

TEST(ErrorName, IsStableAndUnique) {
  EXPECT_EQ(ErrorName(DecodeError::kEmpty), "empty");
  EXPECT_EQ(ErrorName(DecodeError::kBadJson), "bad_json");
  EXPECT_EQ(ErrorName(DecodeError::kBadUtf8), "bad_utf8");
  EXPECT_EQ(ErrorName(DecodeError::kUnknownFormat), "unknown_format");
  std::vector<std::string_view> names;
  for (int i = 0; i <= static_cast<int>(DecodeError::kUnknownFormat); ++i) {
    names.push_back(ErrorName(static_cast<DecodeError>(i)));
  }
  std::sort(names.begin(), names.end());
  EXPECT_EQ(std::adjacent_find(names.begin(), names.end()), names.end());
}

TEST(ReadEntityName, WritesEncodingsInCapitals) {
  std::string why;
  EXPECT_EQ(ReadEntityName("interface:sw1/Gi0%2f1", &why), "interface:sw1/Gi0%2F1");
  EXPECT_EQ(ReadEntityName("transaction:buy now/uk", &why), "transaction:buy now/uk");
  EXPECT_EQ(ReadEntityName("x:%zz", &why), std::nullopt);
  EXPECT_EQ(ReadEntityName("9x:a", &why), std::nullopt);
}

}  // namespace
}  // namespace rootnote
