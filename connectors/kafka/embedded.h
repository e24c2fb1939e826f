// The embedded Kafka: librdkafka's mock cluster in the process, for the demo and for tests. It has
// no real transactions, no groups worth the name, no retention (5 MB per partition are kept): never
// a proof of exactly-once (TRAPS). And a plain producer for feeding it.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "connectors/record.h"
#include "schemas/base/status.h"

namespace rootnote {

class EmbeddedKafka {
 public:
  virtual ~EmbeddedKafka() = default;
  virtual std::string bootstrap_servers() const = 0;
  virtual absl::Status CreateTopic(const std::string& topic, int partitions) = 0;
  // False: cuts all connections and refuses new ones.
  virtual void SetReachable(bool reachable) = 0;
};
absl::StatusOr<std::unique_ptr<EmbeddedKafka>> StartEmbeddedKafka();

// Thread: one caller.
class KafkaProducer {
 public:
  virtual ~KafkaProducer() = default;
  // Queues; blocks while the local queue is full. `partition` -1: by key.
  virtual absl::Status Produce(const OutputRecord& record, int32_t partition = -1) = 0;
  virtual absl::Status Flush(Millis timeout) = 0;
};
absl::StatusOr<std::unique_ptr<KafkaProducer>> OpenKafkaProducer(
    std::map<std::string, std::string> properties);

// librdkafka's version and built-in features, for `version --features`.
std::string KafkaLibraryVersion();
std::vector<std::string> KafkaLibraryFeatures();
// One line: what of OIDC, zstd, lz4, TLS, SCRAM, GSSAPI this librdkafka lacks; "" when nothing.
std::string KafkaLimits();
// "" when this librdkafka's SCRAM works with every broker; else what does not, and what to do.
std::string KafkaScramLimit();

}  // namespace rootnote
