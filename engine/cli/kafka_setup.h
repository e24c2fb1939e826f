// What the parts of the Kafka connector are opened with, as the configuration says it. Pure, but
// for CheckKafkaProperties.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "connectors/kafka/topics.h"
#include "engine/cli/config.h"
#include "rules/program.h"

namespace rootnote {

using KafkaProperties = std::map<std::string, std::string>;

// The one partition of this topic decides who is active; nothing is ever written to it.
std::string ElectionTopic(const KafkaConfig& kafka);
// All members share it: who opens it last is the one that may write.
std::string TransactionalId(const KafkaConfig& kafka);

// The member of the group: kafka.properties, kafka.consumer, the group and the instance.
KafkaProperties ElectionProperties(const KafkaConfig& kafka);
// The reader of all partitions, outside the group's membership; also for the committed offsets and
// for topics that are read whole.
KafkaProperties SourceProperties(const KafkaConfig& kafka);
KafkaProperties SinkProperties(const KafkaConfig& kafka);
KafkaProperties AdminProperties(const KafkaConfig& kafka);

// Election, outputs, and the topics that incidents are routed to (none in a shadow run), by name.
// The same topic under two keys stands here once, with the settings of the first.
std::vector<TopicSpec> OutputTopicSpecs(const Config& config, const IncidentPolicy& policy);

// What the configuration asks of librdkafka and this build of it does not have: "zstd", "TLS".
// `features` are KafkaLibraryFeatures().
bool AsksForScram(const KafkaConfig& kafka);
std::vector<std::string> LackingFeatures(const KafkaConfig& kafka,
                                         const std::vector<std::string>& features);

// Whether librdkafka takes the properties, as far as that can be said without a broker:
// InvalidArgument names the one that it refuses, or a certificate that cannot be read.
absl::Status CheckKafkaProperties(const KafkaConfig& kafka);

// Passwords and the like among the properties: never to be seen in a log.
std::vector<std::string> SecretsOf(const KafkaConfig& kafka);

}  // namespace rootnote
