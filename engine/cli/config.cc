#include "engine/cli/config.h"

#include <algorithm>
#include <fstream>
#include <sstream>

#include "fmt/format.h"
#include "re2/re2.h"
#include "yaml-cpp/yaml.h"

#include "engine/cli/config_reader.h"
#include "schemas/decoder.h"

namespace rootnote {
namespace {

constexpr Millis kYear{365LL * 24 * 3'600'000};
constexpr Millis kHistoryMax{25h};
constexpr int kThreadsMax = 1024;
constexpr int kReplicationMax = 100;
constexpr int kPartitionsMax = 1'000;
constexpr size_t kMiB = 1U << 20;

void ReadKafka(ConfigMap& map, KafkaConfig& kafka) {
  map.Read("bootstrap_servers", kafka.bootstrap_servers);
  map.Read("group", kafka.group);
  map.Read("instance", kafka.instance);
  map.Read("transactional_id", kafka.transactional_id);
  size_t start = 0;
  map.ReadWordOrTime("start", {"latest", "earliest"}, start, kafka.from_time);
  kafka.from_beginning = start == 1;
  map.Read("election_topic", kafka.election_topic);
  map.Read("create_topics", kafka.create_topics);
  map.Read("replication_factor", kafka.replication_factor, -1, kReplicationMax);
  if (kafka.replication_factor == 0) map.Wrong("replication_factor", "cannot be 0");
  map.Read("properties", kafka.properties);
  map.Read("consumer", kafka.consumer);
  map.Read("producer", kafka.producer);
  if (kafka.bootstrap_servers.empty()) map.Wrong("bootstrap_servers", "is required");
}

void ReadInput(ConfigMap& map, Config& config) {
  TopicOptions topic;
  std::string file;
  map.Read("topic", topic.topic);
  map.Read("file", file);
  if (topic.topic.empty() == file.empty()) {
    map.Wrong("topic", "or file: an input has one of the two");
  }
  size_t role = 0, envelope = 0;
  map.Choose("role", {"data", "topology", "control"}, role);
  topic.role = static_cast<TopicRole>(role);
  std::vector<std::string> formats = KnownFormats();
  if (std::find(formats.begin(), formats.end(), "auto") == formats.end()) {
    formats.insert(formats.begin(), "auto");
  }
  size_t format =
      static_cast<size_t>(std::find(formats.begin(), formats.end(), "auto") - formats.begin());
  map.Choose("format", formats, format);
  topic.format = formats[format];
  map.Choose("envelope", {"none", "kcat"}, envelope);
  map.Read("source", topic.source);
  map.Read("allowed_lateness", topic.allowed_lateness, Millis(0), kYear);
  if (!file.empty()) {
    topic.topic = file;
    config.files.push_back({file, envelope == 1 ? Envelope::kKcat : Envelope::kNone});
  } else if (topic.topic.starts_with('^') && !RE2(topic.topic, RE2::Quiet).ok()) {
    map.Wrong("topic", "begins with ^ but is no regular expression");
  } else if (topic.topic.starts_with('^') && topic.role != TopicRole::kData) {
    map.Wrong("topic", "is read whole and must be one topic's name, not a regular expression");
  }
  config.pipeline.topics.push_back(topic);
}

void ReadOutputs(ConfigMap& map, Config& config) {
  OutputTopics& topics = config.pipeline.outputs;
  map.Read("incidents", topics.incidents);
  map.Read("dead_letter", topics.dead_letter);
  map.Read("late", topics.late);
  map.Read("unresolved", topics.unresolved);
  map.Read("partitions", config.output.partitions, 1, kPartitionsMax);
  map.Read("files", config.outputs);
}

void ReadEngine(ConfigMap& map, Config& config) {
  PipelineOptions& options = config.pipeline;
  map.Read("threads", options.threads, 1, kThreadsMax);
  map.Read("batch_records", options.batch_records, 1, 100'000);
  map.Read("tick", options.tick, 100ms, 1h);
  map.Read("evaluation_interval", options.evaluation_interval, 100ms, 24h);
  map.Read("lookback", options.lookback, 1s, 24h);
  map.Read("skew_limit", options.skew_limit, 1s, kYear);
  map.Read("max_hold", options.max_hold, 1s, 24h);
  map.Read("idle_after", options.idle_after, 1s, 1h);
  map.Read("ahead_max", options.ahead_max, 1s, 24h);
  map.Read("commit_interval", options.commit_interval, 10ms, 1min);
  map.Read("topology_load_timeout", options.topology_load_timeout, 1s, 1h);
  map.Read("partition_bytes_max", options.partition_bytes_max, kMiB / 16, 4096 * kMiB);
  map.Read("series_max", options.series_max, 1, 100'000'000);
  map.Read("history", config.history, 0s, kHistoryMax);
  map.Read("catching_up_after", config.catching_up_after, 1s, 24h);
  map.Read("journal", options.journal_path);
  if (options.evaluation_interval % options.tick != Millis(0)) {
    map.Wrong("evaluation_interval", "must be a multiple of tick");
  }
}

void ReadHttp(ConfigMap& map, HttpConfig& http) {
  map.Read("enabled", http.enabled);
  map.Read("address", http.address);
  map.Read("port", http.port, 0, 65535);
}

bool IsTopicName(const std::string& name) {
  return RE2::FullMatch(name, "[a-zA-Z0-9._-]{1,249}") && name != "." && name != "..";
}

// Names that a broker would refuse, topics that would feed what we write back to us.
void CheckTopics(ConfigMap& map, const Config& config) {
  const OutputTopics& outputs = config.pipeline.outputs;
  const KafkaConfig& kafka = config.kafka;
  std::vector<std::pair<std::string_view, std::string>> ours = {
      {"outputs.incidents", outputs.incidents},
      {"outputs.dead_letter", outputs.dead_letter},
      {"outputs.late", outputs.late},
      {"outputs.unresolved", outputs.unresolved}};
  if (!kafka.election_topic.empty())
    ours.emplace_back("kafka.election_topic", kafka.election_topic);
  for (const auto& [key, name] : ours) {
    if (!IsTopicName(name)) {
      map.Wrong(key.substr(0, key.find('.')),
                fmt::format("{} \"{}\" is no name of a topic: letters, digits, ., _ and -",
                            key.substr(key.find('.') + 1), name));
    }
    for (const TopicOptions& topic : config.pipeline.topics) {
      const std::string& input = topic.topic;
      bool same = input == name;
      if (input.starts_with('^')) {
        const RE2 pattern(input, RE2::Quiet);
        same = pattern.ok() && RE2::PartialMatch(name, pattern);
      }
      if (!same) continue;
      map.Wrong("inputs", fmt::format("take in {} by the topic {}, and it is {}: Rootnote would "
                                      "read what it writes",
                                      name, input, key));
    }
  }
}

void ReadDocument(ConfigMap& map, Config& config) {
  map.Read("rules", config.rules);
  if (config.rules.empty()) map.Wrong("rules", "must name at least one file or folder of rules");
  map.Map("kafka", [&](ConfigMap& kafka) { ReadKafka(kafka, config.kafka); });
  map.List("inputs", [&](ConfigMap& input) { ReadInput(input, config); });
  map.Map("outputs", [&](ConfigMap& outputs) { ReadOutputs(outputs, config); });
  map.Map("engine", [&](ConfigMap& engine) { ReadEngine(engine, config); });
  map.Map("http", [&](ConfigMap& http) { ReadHttp(http, config.http); });
  if (config.pipeline.topics.empty()) map.Wrong("inputs", "must name at least one topic or file");
  const bool kafka = !config.kafka.bootstrap_servers.empty();
  const bool files = !config.files.empty();
  if (files && config.files.size() != config.pipeline.topics.size()) {
    map.Wrong("inputs", "are either all topics or all files");
  }
  if (!files && !kafka) map.Wrong("kafka", "is required to read topics");
  if (!files) CheckTopics(map, config);
  map.Finish();
}

}  // namespace

absl::StatusOr<Config> ParseConfig(std::string_view text, const std::string& name) {
  ConfigFindings findings(name);
  Config config;
  // yaml-cpp reports what is not YAML by an exception; this is the library adapter that ends it.
  try {
    const YAML::Node document = YAML::Load(std::string(text));
    ConfigMap map(document, "", findings);
    ReadDocument(map, config);
  } catch (const YAML::Exception& problem) {
    return absl::InvalidArgumentError(fmt::format("{}:{}:{}: error: not YAML: {}", name,
                                                  problem.mark.line + 1, problem.mark.column + 1,
                                                  problem.msg));
  }
  if (!findings.empty()) return absl::InvalidArgumentError(findings.Text());
  config.warnings = findings.warnings();
  config.text = text;
  return config;
}

absl::StatusOr<Config> ReadConfig(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream text;
  text << file.rdbuf();
  if (!file) {
    return absl::NotFoundError(fmt::format("{}: cannot be read; is the path right?", path));
  }
  return ParseConfig(text.str(), path);
}

Config Shadowed(Config config) {
  const auto shadow = [](std::string& name) {
    if (!name.empty()) name += ".shadow";
  };
  OutputTopics& outputs = config.pipeline.outputs;
  for (std::string* name :
       {&outputs.incidents, &outputs.dead_letter, &outputs.late, &outputs.unresolved,
        &config.kafka.group, &config.kafka.transactional_id, &config.kafka.election_topic,
        &config.pipeline.journal_path}) {
    shadow(*name);
  }
  std::map<std::string, std::string> files;
  for (auto [topic, file] : config.outputs) {
    if (file != "-") shadow(file);
    files[topic + ".shadow"] = file;
  }
  config.outputs = std::move(files);
  config.shadow = true;
  return config;
}

std::vector<std::string> NeedsRestart(const Config& running, const Config& read) {
  const KafkaConfig &a = running.kafka, &b = read.kafka;
  std::vector<std::string> keys;
  const auto compare = [&](const char* key, bool equal) {
    if (!equal) keys.emplace_back(key);
  };
  compare("kafka.bootstrap_servers", a.bootstrap_servers == b.bootstrap_servers);
  compare("kafka.group", a.group == b.group);
  compare("kafka.instance", a.instance == b.instance);
  compare("kafka.transactional_id", a.transactional_id == b.transactional_id);
  compare("kafka.election_topic", a.election_topic == b.election_topic);
  compare("kafka.properties", a.properties == b.properties);
  compare("kafka.consumer", a.consumer == b.consumer);
  compare("http.enabled", running.http.enabled == read.http.enabled);
  compare("http.address", running.http.address == read.http.address);
  compare("http.port", running.http.port == read.http.port);
  compare("inputs", running.files.empty() == read.files.empty());
  return keys;
}

bool IsSecret(std::string_view key) {
  for (const std::string_view part : {"password", "secret", "token", "key", "oauthbearer.config"}) {
    if (key.find(part) != std::string_view::npos) return !key.ends_with(".location");
  }
  return false;
}

std::map<std::string, std::string> Masked(std::map<std::string, std::string> properties) {
  for (auto& [key, value] : properties) {
    if (IsSecret(key)) value = "***";
  }
  return properties;
}

}  // namespace rootnote
