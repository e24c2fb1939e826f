#include "engine/cli/kafka_setup.h"

#include <algorithm>
#include <utility>

#include "connectors/kafka/embedded.h"

namespace rootnote {
namespace {

// A dead letter is the original record and a few headers: its topic takes more than the others.
constexpr const char* kProducedBytesMax = "2000000";
constexpr const char* kTopicBytesMax = "2097152";

KafkaProperties Joined(KafkaProperties properties, const KafkaProperties& more) {
  for (const auto& [key, value] : more) properties[key] = value;
  return properties;
}

KafkaProperties Common(const KafkaConfig& kafka) {
  return Joined({{"client.id", "rootnote"}, {"bootstrap.servers", kafka.bootstrap_servers}},
                kafka.properties);
}

std::string Lower(std::string text) {
  for (char& c : text) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  return text;
}

std::map<std::string, std::string> IncidentTopicConfig() {
  return {{"cleanup.policy", "compact,delete"},
          {"min.compaction.lag.ms", "86400000"},  // 24 h
          {"retention.ms", "7776000000"}};        // 90 days
}

std::map<std::string, std::string> OtherTopicConfig() {
  return {{"cleanup.policy", "delete"},
          {"max.message.bytes", kTopicBytesMax},
          {"retention.ms", "604800000"}};  // 7 days
}

}  // namespace

std::string ElectionTopic(const KafkaConfig& kafka) {
  return kafka.election_topic.empty() ? kafka.group + ".active" : kafka.election_topic;
}

std::string TransactionalId(const KafkaConfig& kafka) {
  return kafka.transactional_id.empty() ? kafka.group : kafka.transactional_id;
}

KafkaProperties ElectionProperties(const KafkaConfig& kafka) {
  KafkaProperties properties =
      Joined(Joined(Common(kafka), {{"group.id", kafka.group}}), kafka.consumer);
  if (!kafka.instance.empty()) properties["group.instance.id"] = kafka.instance;
  return properties;
}

KafkaProperties SourceProperties(const KafkaConfig& kafka) {
  KafkaProperties properties = ElectionProperties(kafka);
  properties.erase("group.instance.id");  // two clients with one would throw each other out
  return properties;
}

KafkaProperties SinkProperties(const KafkaConfig& kafka) {
  return Joined(Joined(Joined({{"message.max.bytes", kProducedBytesMax}}, Common(kafka)),
                       {{"transactional.id", TransactionalId(kafka)}}),
                kafka.producer);
}

KafkaProperties AdminProperties(const KafkaConfig& kafka) { return Common(kafka); }

std::vector<TopicSpec> OutputTopicSpecs(const Config& config, const IncidentPolicy& policy) {
  const OutputTopics& outputs = config.pipeline.outputs;
  const int partitions = config.output.partitions;
  std::vector<TopicSpec> topics = {{ElectionTopic(config.kafka), 1, {{"cleanup.policy", "delete"}}},
                                   {outputs.incidents, partitions, IncidentTopicConfig()}};
  if (!config.shadow) {
    for (const Route& route : policy.routes) {
      topics.push_back({route.topic, partitions, IncidentTopicConfig()});
    }
  }
  for (const std::string& other : {outputs.dead_letter, outputs.late, outputs.unresolved}) {
    topics.push_back({other, partitions, OtherTopicConfig()});
  }
  const auto by_name = [](const TopicSpec& a, const TopicSpec& b) { return a.name < b.name; };
  std::stable_sort(topics.begin(), topics.end(), by_name);
  const auto same = [](const TopicSpec& a, const TopicSpec& b) { return a.name == b.name; };
  topics.erase(std::unique(topics.begin(), topics.end(), same), topics.end());
  return topics;
}

bool AsksForScram(const KafkaConfig& kafka) {
  for (const auto* properties : {&kafka.properties, &kafka.consumer, &kafka.producer}) {
    for (const auto& [key, value] : *properties) {
      if (key.starts_with("sasl.mechanism") && Lower(value).starts_with("scram")) return true;
    }
  }
  return false;
}

std::vector<std::string> LackingFeatures(const KafkaConfig& kafka,
                                         const std::vector<std::string>& features) {
  struct Need {
    const char* name;     // of the property …
    const char* value;    // … when it has this in it, in any case
    const char* feature;  // … librdkafka must have this
    const char* called;
  };
  constexpr Need kNeeds[] = {
      {"compression.", "zstd", "zstd", "compression zstd"},
      {"compression.", "lz4", "lz4", "compression lz4"},
      {"compression.", "snappy", "snappy", "compression snappy"},
      {"compression.", "gzip", "gzip", "compression gzip"},
      {"security.protocol", "ssl", "ssl", "TLS"},
      {"sasl.mechanism", "scram", "sasl_scram", "SASL/SCRAM"},
      {"sasl.mechanism", "gssapi", "sasl_gssapi", "SASL/GSSAPI"},
      {"sasl.mechanism", "oauthbearer", "sasl_oauthbearer", "SASL/OAUTHBEARER"},
      {"sasl.oauthbearer.method", "oidc", "oidc", "OIDC"}};
  std::vector<std::string> lacking;
  for (const Need& need : kNeeds) {
    if (std::find(features.begin(), features.end(), need.feature) != features.end()) continue;
    for (const auto* properties : {&kafka.properties, &kafka.consumer, &kafka.producer}) {
      const bool asked =
          std::any_of(properties->begin(), properties->end(), [&](const auto& property) {
            return property.first.starts_with(need.name) &&
                   Lower(property.second).find(need.value) != std::string::npos;
          });
      if (asked && (lacking.empty() || lacking.back() != need.called)) {
        lacking.emplace_back(need.called);
      }
    }
  }
  return lacking;
}

absl::Status CheckKafkaProperties(const KafkaConfig& kafka) {
  for (KafkaProperties properties : {ElectionProperties(kafka), SinkProperties(kafka)}) {
    properties.erase("bootstrap.servers");  // nothing is connected to
    RETURN_IF_ERROR(OpenKafkaProducer(std::move(properties)).status());
  }
  return absl::OkStatus();
}

std::vector<std::string> SecretsOf(const KafkaConfig& kafka) {
  std::vector<std::string> secrets;
  for (const auto* properties : {&kafka.properties, &kafka.consumer, &kafka.producer}) {
    for (const auto& [key, value] : *properties) {
      if (IsSecret(key) && !value.empty()) secrets.push_back(value);
    }
  }
  std::sort(secrets.begin(), secrets.end());
  secrets.erase(std::unique(secrets.begin(), secrets.end()), secrets.end());
  return secrets;
}

}  // namespace rootnote
