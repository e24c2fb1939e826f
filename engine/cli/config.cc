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
constexpr int kThreadsMax = 1024;
constexpr size_t kMiB = 1U << 20;

void ReadKafka(ConfigMap& map, KafkaConfig& kafka) {
  map.Read("bootstrap_servers", kafka.bootstrap_servers);
  map.Read("group", kafka.group);
  map.Read("instance", kafka.instance);
  map.Read("transactional_id", kafka.transactional_id);
  size_t start = 0;
  map.Choose("start", {"latest", "earliest"}, start);
  kafka.from_beginning = start == 1;
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
  }
  config.pipeline.topics.push_back(topic);
}

void ReadOutputs(ConfigMap& map, Config& config) {
  OutputTopics& topics = config.pipeline.outputs;
  map.Read("incidents", topics.incidents);
  map.Read("dead_letter", topics.dead_letter);
  map.Read("late", topics.late);
  map.Read("unresolved", topics.unresolved);
  map.Read("files", config.outputs);
}

void ReadEngine(ConfigMap& map, PipelineOptions& options) {
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

void ReadDocument(ConfigMap& map, Config& config) {
  map.Read("rules", config.rules);
  if (config.rules.empty()) map.Wrong("rules", "must name at least one file or folder of rules");
  map.Map("kafka", [&](ConfigMap& kafka) { ReadKafka(kafka, config.kafka); });
  map.List("inputs", [&](ConfigMap& input) { ReadInput(input, config); });
  map.Map("outputs", [&](ConfigMap& outputs) { ReadOutputs(outputs, config); });
  map.Map("engine", [&](ConfigMap& engine) { ReadEngine(engine, config.pipeline); });
  map.Map("http", [&](ConfigMap& http) { ReadHttp(http, config.http); });
  if (config.pipeline.topics.empty()) map.Wrong("inputs", "must name at least one topic or file");
  const bool kafka = !config.kafka.bootstrap_servers.empty();
  const bool files = !config.files.empty();
  if (files && config.files.size() != config.pipeline.topics.size()) {
    map.Wrong("inputs", "are either all topics or all files");
  }
  if (!files && !kafka) map.Wrong("kafka", "is required to read topics");
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

std::map<std::string, std::string> Masked(std::map<std::string, std::string> properties) {
  for (auto& [key, value] : properties) {
    for (const std::string_view secret : {"password", "secret", "token", "key"}) {
      if (key.find(secret) != std::string::npos) value = "***";
    }
  }
  return properties;
}

}  // namespace rootnote
