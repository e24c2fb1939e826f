// The topics we write, made where they are missing.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "connectors/kafka/source.h"
#include "schemas/base/status.h"

namespace rootnote {

struct TopicSpec {
  std::string name;
  int partitions = 1;
  std::map<std::string, std::string> config;  // Kafka's names of topic settings
};

// Creates what is missing, and returns when all of them can be written. Topics that exist are left
// as they are. `replication` -1: the broker's default. A broker that is not there yet is waited
// for. FailedPrecondition: the broker refuses a topic; or, with `create` false, topics are missing:
// the message has a kafka-topics.sh command for each. PermissionDenied names operation and
// resource. DeadlineExceeded after `timeout`, with the last error. InvalidArgument names the
// property.
absl::Status EnsureTopics(const std::map<std::string, std::string>& properties,
                          const std::vector<TopicSpec>& topics, bool create, int replication,
                          Millis timeout, const std::function<void(const KafkaLog&)>& log = {});

}  // namespace rootnote
