#include "engine/cli/config.h"

#include <cstdlib>
#include <sstream>

#include "fmt/format.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "rapidjson/document.h"
#include <sys/stat.h>

#include "engine/cli/config_reader.h"
#include "tests/unit/cli/process.h"

namespace rootnote {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::Pair;
using ::testing::UnorderedElementsAre;

constexpr const char* kSmallest = R"(rules: [rules.rn]
kafka: {bootstrap_servers: "localhost:9092"}
inputs: [{topic: metrics}]
)";

Config Good(std::string_view text) {
  const absl::StatusOr<Config> config = ParseConfig(text, "c.yaml");
  EXPECT_TRUE(config.ok()) << config.status();
  return config.ok() ? *config : Config();
}

// The findings, a line each; "" when there are none.
std::string Wrong(std::string_view text) {
  const absl::StatusOr<Config> config = ParseConfig(text, "c.yaml");
  if (config.ok()) return "";
  EXPECT_EQ(config.status().code(), absl::StatusCode::kInvalidArgument);
  return std::string(config.status().message());
}

std::string With(std::string_view lines) { return std::string(kSmallest) + std::string(lines); }

TEST(ConfigTest, TheDocumentedExampleIsRead) {
  unsetenv("ROOTNOTE_KAFKA");
  const absl::StatusOr<Config> config = ReadConfig("examples/rootnote.yaml");
  ASSERT_TRUE(config.ok()) << config.status();
  EXPECT_THAT(config->rules, ElementsAre("examples/store/store.rn"));
  EXPECT_EQ(config->kafka.bootstrap_servers, "127.0.0.1:9092");
  EXPECT_FALSE(config->kafka.from_beginning);
  EXPECT_THAT(config->kafka.producer, UnorderedElementsAre(Pair("compression.codec", "lz4")));
  ASSERT_EQ(config->pipeline.topics.size(), 3U);
  EXPECT_EQ(config->pipeline.topics[0].role, TopicRole::kTopology);
  EXPECT_EQ(config->pipeline.topics[1].format, "telegraf-json");
  EXPECT_EQ(config->pipeline.topics[1].allowed_lateness, Millis(5'000));
  EXPECT_EQ(config->pipeline.topics[2].topic, "^(synthetic|events)$");
  EXPECT_EQ(config->pipeline.outputs.dead_letter, "rootnote.dead-letter");
  EXPECT_EQ(config->pipeline.threads, 2);
  EXPECT_EQ(config->pipeline.skew_limit, Millis(300'000));
  EXPECT_EQ(config->pipeline.partition_bytes_max, 16U << 20);
  EXPECT_EQ(config->http.port, 9464);
}

// What the example calls a default must be one, where it says the same as leaving it out.
TEST(ConfigTest, TheExampleShowsTheDefaults) {
  const absl::StatusOr<Config> example = ReadConfig("examples/rootnote.yaml");
  ASSERT_TRUE(example.ok()) << example.status();
  const Config plain = Good(kSmallest);
  EXPECT_EQ(example->kafka.group, plain.kafka.group);
  EXPECT_EQ(example->pipeline.tick, plain.pipeline.tick);
  EXPECT_EQ(example->pipeline.evaluation_interval, plain.pipeline.evaluation_interval);
  EXPECT_EQ(example->pipeline.lookback, plain.pipeline.lookback);
  EXPECT_EQ(example->pipeline.skew_limit, plain.pipeline.skew_limit);
  EXPECT_EQ(example->pipeline.max_hold, plain.pipeline.max_hold);
  EXPECT_EQ(example->pipeline.idle_after, plain.pipeline.idle_after);
  EXPECT_EQ(example->pipeline.ahead_max, plain.pipeline.ahead_max);
  EXPECT_EQ(example->pipeline.commit_interval, plain.pipeline.commit_interval);
  EXPECT_EQ(example->pipeline.topology_load_timeout, plain.pipeline.topology_load_timeout);
  EXPECT_EQ(example->pipeline.partition_bytes_max, plain.pipeline.partition_bytes_max);
  EXPECT_EQ(example->pipeline.batch_records, plain.pipeline.batch_records);
  EXPECT_EQ(example->pipeline.series_max, plain.pipeline.series_max);
  EXPECT_EQ(example->history, plain.history);
  EXPECT_EQ(example->catching_up_after, plain.catching_up_after);
  EXPECT_EQ(example->kafka.create_topics, plain.kafka.create_topics);
  EXPECT_EQ(example->kafka.replication_factor, plain.kafka.replication_factor);
  EXPECT_EQ(example->kafka.from_time, plain.kafka.from_time);
  EXPECT_EQ(example->output.partitions, plain.output.partitions);
  EXPECT_EQ(example->http.port, plain.http.port);
  EXPECT_EQ(example->pipeline.outputs.incidents, plain.pipeline.outputs.incidents);
}

// The keys that the reader knows in a section, as it tells them itself.
std::vector<std::string> KnownKeys(const std::string& section) {
  const std::string unknown = "zzzzzzzzz: 1";
  std::string text = With(section.empty() ? unknown : fmt::format("{}: {{{}}}", section, unknown));
  if (section == "kafka") {
    text = fmt::format("rules: r\ninputs: [{{topic: t}}]\nkafka: {{{}}}", unknown);
  } else if (section == "inputs") {
    text = fmt::format("rules: r\nkafka: {{bootstrap_servers: k}}\ninputs: [{{{}}}]", unknown);
  }
  const std::string findings = Wrong(text);
  constexpr std::string_view kKnown = "known here: ";
  const size_t begin = findings.find(kKnown);
  EXPECT_NE(begin, std::string::npos) << findings;
  if (begin == std::string::npos) return {};
  const std::string list = findings.substr(begin + kKnown.size());
  std::vector<std::string> keys;
  std::istringstream words(list.substr(0, list.find('\n')));
  for (std::string word; words >> word;) {
    if (word.ends_with(',')) word.pop_back();
    keys.push_back(word);
  }
  return keys;
}

TEST(ConfigTest, ReaderSchemaAndDocumentationKnowTheSameKeys) {
  rapidjson::Document schema;
  schema.Parse(testing::ReadFile("schemas/config.schema.json").c_str());
  ASSERT_FALSE(schema.HasParseError());
  const std::string page = testing::ReadFile("docs/operating.md");
  for (const std::string section : {"", "kafka", "inputs", "outputs", "engine", "http"}) {
    const rapidjson::Value* object = &schema;
    if (!section.empty()) object = &schema["properties"][section.c_str()];
    if (section == "inputs") object = &(*object)["items"];
    std::vector<std::string> keys;
    for (const auto& property : (*object)["properties"].GetObject()) {
      keys.emplace_back(property.name.GetString());
      const std::string dotted = section.empty() ? keys.back() + "`"
                                 : section == "inputs"
                                     ? fmt::format("`inputs[].{}`", keys.back())
                                     : fmt::format("`{}.{}`", section, keys.back());
      const bool is_section = section.empty() && property.value.HasMember("properties");
      if (!is_section && keys.back() != "inputs") {
        EXPECT_THAT(page, HasSubstr(dotted));
      }
    }
    EXPECT_THAT(KnownKeys(section), ::testing::UnorderedElementsAreArray(keys)) << section;
  }
}

TEST(ConfigTest, FilesNeedNoKafka) {
  const absl::StatusOr<Config> config = ReadConfig("examples/files.yaml");
  ASSERT_TRUE(config.ok()) << config.status();
  ASSERT_EQ(config->files.size(), 2U);
  EXPECT_EQ(config->files[1].path, "-");
  EXPECT_EQ(config->outputs.at("rootnote.incidents"), "-");
  EXPECT_FALSE(config->http.enabled);
}

TEST(ConfigTest, AnUnknownKeyIsAnErrorWithItsPlaceAndASuggestion) {
  EXPECT_EQ(Wrong(With("engine:\n  treads: 4\n")),
            "c.yaml:5:3: error: unknown key \"engine.treads\"; did you mean threads?");
  EXPECT_EQ(Wrong(With("http: {prot: 1}\n")),
            "c.yaml:4:8: error: unknown key \"http.prot\"; did you mean port?");
  EXPECT_THAT(Wrong(With("engin: {threads: 4}\n")),
              AllOf(HasSubstr("c.yaml:4:1: error: unknown key \"engin\""),
                    HasSubstr("did you mean engine?")));
  EXPECT_THAT(Wrong(With("http:\n  enabled: true\n  zzz: 1\n")),
              AllOf(HasSubstr("c.yaml:6:3:"), HasSubstr("known here: address, enabled, port")));
  EXPECT_THAT(Wrong("rules: [r]\nkafka: {bootstrap_servers: k}\ninputs:\n  - topic: a\n  - topic: "
                    "b\n    fromat: auto\n"),
              AllOf(HasSubstr("c.yaml:6:5:"), HasSubstr("inputs[1].fromat"),
                    HasSubstr("did you mean format?")));
}

TEST(ConfigTest, AKeyGivenTwiceIsAnError) {
  EXPECT_THAT(Wrong(With("http:\n  port: 1\n  port: 2\n")),
              HasSubstr("c.yaml:6:3: error: http.port is given twice"));
  EXPECT_THAT(Wrong(With("rules: [other.rn]\n")), HasSubstr("c.yaml:4:1: error: rules is given"));
}

TEST(ConfigTest, AllErrorsAreFoundInOneRun) {
  const std::string findings = Wrong(R"(rules: []
kafka: {bootstrap_servers: k, grup: g, start: erliest}
inputs: [{topic: "^(", role: toplogy, allowed_lateness: soon}]
engine: {threads: many, tick: 1s, evaluation_interval: 1500ms}
http: {port: 70000, enabled: yes}
)");
  for (const char* part :
       {"rules must name at least one", "unknown key \"kafka.grup\"; did you mean group?",
        "kafka.start cannot be \"erliest\"; it is one of latest, earliest, or a time such as "
        "2026-11-22T07:00:00Z; did you mean earliest?",
        "inputs[0].role cannot be \"toplogy\"", "did you mean topology?",
        "inputs[0].allowed_lateness must be a duration",
        "inputs[0].topic begins with ^ but is no regular expression",
        "engine.threads must be a whole number from 1 to 1024",
        "engine.evaluation_interval must be a multiple of tick",
        "http.port must be a whole number from 0 to 65535", "http.enabled must be true or false"}) {
    EXPECT_THAT(findings, HasSubstr(part));
  }
}

TEST(ConfigTest, ValuesHaveTheirType) {
  EXPECT_THAT(Wrong(With("engine: [1, 2]\n")),
              HasSubstr("c.yaml:4:9: error: engine must be a mapping of keys to values"));
  EXPECT_THAT(Wrong(With("engine: {tick: {a: 1}}\n")), HasSubstr("must be a single value"));
  EXPECT_THAT(Wrong(With("engine: {tick: 0s}\n")), HasSubstr("from 100ms to 1h"));
  EXPECT_THAT(Wrong(With("engine: {series_max: -1}\n")), HasSubstr("whole number"));
  EXPECT_THAT(Wrong(With("engine: {series_max: 1.5}\n")), HasSubstr("whole number"));
  EXPECT_THAT(Wrong(With("engine: {series_max: 99999999999999999999}\n")),
              HasSubstr("whole number"));
  EXPECT_THAT(Wrong("rules: {a: b}\nkafka: {bootstrap_servers: k}\ninputs: [{topic: t}]\n"),
              HasSubstr("rules must be a list"));
  EXPECT_THAT(Wrong("rules: [[a]]\nkafka: {bootstrap_servers: k}\ninputs: [{topic: t}]\n"),
              HasSubstr("rules must be a list of single values"));
  EXPECT_THAT(Wrong("rules: r\nkafka: {bootstrap_servers: k}\ninputs: {topic: t}\n"),
              HasSubstr("inputs must be a list"));
  EXPECT_THAT(Wrong("just words"), HasSubstr("c.yaml:1:1: error: the file must be a mapping"));
  EXPECT_THAT(Wrong(""), HasSubstr("rules must name at least one"));
  EXPECT_THAT(Good("rules: r\nkafka: {bootstrap_servers: k}\ninputs: [{topic: t}]\n").rules,
              ElementsAre("r"));  // a list of one may be written as one value
}

TEST(ConfigTest, WhatIsNotYamlSaysWhere) {
  EXPECT_THAT(Wrong("rules: [a\nkafka: {"), HasSubstr("error: not YAML:"));
  EXPECT_THAT(Wrong("a: b: c\n"), HasSubstr("c.yaml:1:"));
  EXPECT_THAT(Wrong("rules: \"\x01\"\n\t- x"), HasSubstr("error:"));
}

TEST(ConfigTest, InputsAreTopicsOrFiles) {
  EXPECT_THAT(Wrong("rules: r\ninputs: [{topic: t}]\n"),
              HasSubstr("kafka is required to read topics"));
  EXPECT_THAT(Wrong("rules: r\ninputs: [{file: f}, {topic: t}]\nkafka: {bootstrap_servers: k}\n"),
              HasSubstr("either all topics or all files"));
  EXPECT_THAT(Wrong("rules: r\ninputs: [{file: f, topic: t}]\n"), HasSubstr("one of the two"));
  EXPECT_THAT(Wrong("rules: r\ninputs: [{role: data}]\n"), HasSubstr("one of the two"));
  EXPECT_THAT(Wrong("rules: r\nkafka: {group: g}\ninputs: [{topic: t}]\n"),
              HasSubstr("kafka.bootstrap_servers is required"));
  EXPECT_THAT(
      Wrong("rules: r\ninputs: [{file: f, format: telegraf}]\n"),
      AllOf(HasSubstr("inputs[0].format cannot be \"telegraf\""), HasSubstr("rootnote-json")));
}

TEST(ConfigTest, TheEnvironmentStandsInValues) {
  setenv("ROOTNOTE_TEST_GROUP", "blue", 1);
  setenv("ROOTNOTE_TEST_EMPTY", "", 1);
  unsetenv("ROOTNOTE_TEST_NONE");
  const Config config = Good(R"(rules: ["${env:ROOTNOTE_TEST_NONE:-a}/x.rn"]
kafka:
  bootstrap_servers: "${env:ROOTNOTE_TEST_NONE:-h}:${env:ROOTNOTE_TEST_NONE:-9092}"
  group: ${env:ROOTNOTE_TEST_GROUP}-group
  instance: ${env:ROOTNOTE_TEST_EMPTY:-never}
  consumer: {client.id: "${env:ROOTNOTE_TEST_GROUP}"}
inputs: [{topic: t}]
http: {port: "${env:ROOTNOTE_TEST_NONE:-8080}"}
)");
  EXPECT_THAT(config.rules, ElementsAre("a/x.rn"));
  EXPECT_EQ(config.kafka.bootstrap_servers, "h:9092");
  EXPECT_EQ(config.kafka.group, "blue-group");
  EXPECT_EQ(config.kafka.instance, "");
  EXPECT_EQ(config.kafka.consumer.at("client.id"), "blue");
  EXPECT_EQ(config.http.port, 8080);
}

// A value is put in after parsing: it cannot add keys.
TEST(ConfigTest, TheEnvironmentIsNoYaml) {
  setenv("ROOTNOTE_TEST_EVIL", "x\nengine: {threads: 3}", 1);
  const Config config = Good(
      "rules: r\ninputs: [{topic: t}]\n"
      "kafka: {bootstrap_servers: k, group: \"${env:ROOTNOTE_TEST_EVIL}\"}\n");
  EXPECT_EQ(config.kafka.group, "x\nengine: {threads: 3}");
  EXPECT_EQ(config.pipeline.threads, 1);
}

TEST(ConfigTest, AVariableThatIsNotSetIsAnError) {
  unsetenv("ROOTNOTE_TEST_NONE");
  EXPECT_THAT(Wrong("rules: [\"${env:ROOTNOTE_TEST_NONE}\"]\ninputs: [{file: f}]\n"),
              HasSubstr("needs the environment variable ROOTNOTE_TEST_NONE"));
  EXPECT_THAT(Wrong("rules: r\ninputs: [{file: \"${env:ROOTNOTE_TEST_NONE}\"}]\n"),
              AllOf(HasSubstr("c.yaml:2:"), HasSubstr("${env:ROOTNOTE_TEST_NONE:-default}")));
}

TEST(ConfigTest, ExpansionLeavesOtherTextAlone) {
  EXPECT_EQ(ExpandReferences("$HOME ${x} $${env").text, "$HOME ${x} $${env");
  EXPECT_EQ(ExpandReferences("").text, "");
  EXPECT_EQ(ExpandReferences("${env:ROOTNOTE_TEST_NONE:-}|").text, "|");
  EXPECT_EQ(ExpandReferences("${env:ROOTNOTE_TEST_NONE:-a:-b}").text, "a:-b");
  EXPECT_THAT(ExpandReferences("${env:ROOTNOTE_TEST_NONE:-a}").error, IsEmpty());
}

TEST(ConfigTest, AFileStandsInAValue) {
  const testing::Folder folder;
  const std::string path = folder.Write("password", "s3cret=\"x\"\n");
  chmod(path.c_str(), 0600);
  setenv("ROOTNOTE_TEST_NESTED", "${file:/etc/hostname}", 1);
  const Config config = Good(fmt::format(R"(rules: r
kafka:
  bootstrap_servers: k
  properties: {{sasl.password: "${{file:{}}}", client.id: "a-${{env:ROOTNOTE_TEST_NESTED}}"}}
inputs: [{{topic: t}}]
)",
                                         path));
  EXPECT_EQ(config.kafka.properties.at("sasl.password"), "s3cret=\"x\"");
  // What was put in is not read again.
  EXPECT_EQ(config.kafka.properties.at("client.id"), "a-${file:/etc/hostname}");
  EXPECT_THAT(config.warnings, IsEmpty());
  for (const auto& [text, value] : std::map<std::string, std::string>{
           {"two\n\n", "two\n"}, {"dos\r\n", "dos"}, {"bare", "bare"}, {"", ""}}) {
    EXPECT_EQ(ExpandReferences("${file:" + folder.Write("f", text) + "}").text, value);
  }
}

TEST(ConfigTest, AFileThatOthersMayReadIsAWarningWithItsPlace) {
  const testing::Folder folder;
  const std::string path = folder.Write("password", "secret\n");
  chmod(path.c_str(), 0644);
  const Config config = Good(With("http: {address: \"${file:" + path + "}\"}\n"));
  EXPECT_THAT(
      config.warnings,
      ElementsAre(AllOf(HasSubstr("c.yaml:4:17: warning: http.address is read from " + path),
                        HasSubstr("chmod o-r"))));
}

TEST(ConfigTest, AFileThatCannotBeReadIsAnErrorWithItsPlace) {
  const testing::Folder folder;
  for (const std::string& path :
       {folder.Path("none"), std::string("/"), folder.Write("large", std::string(70'000, 'x'))}) {
    EXPECT_THAT(Wrong(With("http: {address: \"${file:" + path + "}\"}\n")),
                HasSubstr("c.yaml:4:17: error: http.address needs the file " + path));
  }
}

TEST(ConfigTest, SecretsAreMaskedWhenShown) {
  const auto shown = Masked({{"sasl.password", "p"},
                             {"sasl.oauthbearer.client.secret", "s"},
                             {"sasl.oauthbearer.config", "s"},
                             {"ssl.key.password", "s"},
                             {"ssl.key.pem", "s"},
                             {"ssl.key.location", "/k"},
                             {"sasl.username", "u"},
                             {"linger.ms", "5"}});
  for (const char* key : {"sasl.password", "sasl.oauthbearer.client.secret",
                          "sasl.oauthbearer.config", "ssl.key.password", "ssl.key.pem"}) {
    EXPECT_EQ(shown.at(key), "***") << key;
  }
  EXPECT_EQ(shown.at("sasl.username"), "u");
  EXPECT_EQ(shown.at("ssl.key.location"), "/k");
  EXPECT_EQ(shown.at("linger.ms"), "5");
}

TEST(ConfigTest, AFileThatIsNotThereIsNotFound) {
  const absl::StatusOr<Config> config = ReadConfig("/nowhere/rootnote.yaml");
  EXPECT_EQ(config.status().code(), absl::StatusCode::kNotFound);
  EXPECT_THAT(std::string(config.status().message()), HasSubstr("/nowhere/rootnote.yaml"));
}

}  // namespace
}  // namespace rootnote
