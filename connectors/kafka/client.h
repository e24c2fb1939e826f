// What librdkafka's producers and consumers have in common. Private to connectors/kafka.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "connectors/kafka/source.h"
#include "connectors/record.h"
#include "schemas/base/status.h"

// librdkafka's types, so that its header stays out of ours.
struct rd_kafka_s;
struct rd_kafka_conf_s;

namespace rootnote {

// What librdkafka tells besides records. Logs come from its own threads; the others from the thread
// that polls the client.
class ClientEvents {
 public:
  virtual ~ClientEvents() = default;
  virtual void Log(const KafkaLog& log) = 0;
  virtual void Error(int code, std::string_view reason, bool fatal) = 0;
  virtual void Statistics(std::string_view /*json*/) {}
};

// What ClientEvents::Error is worth in the log. librdkafka logs most of its errors itself.
KafkaLog LogOf(int code, std::string_view reason, bool fatal);

using Properties = std::vector<std::pair<std::string, std::string>>;

struct ClientProperties {
  std::map<std::string, std::string> given;  // by the user
  Properties enforced;                       // a given one must not differ
  Properties defaults;                       // a given one wins
};

struct ConfDeleter {
  void operator()(rd_kafka_conf_s* conf) const;
};
using Conf = std::unique_ptr<rd_kafka_conf_s, ConfDeleter>;

// InvalidArgument names the property that librdkafka, or we, refuse. `events` outlives the client.
absl::StatusOr<Conf> MakeConf(const ClientProperties& properties, ClientEvents& events);

// InvalidArgument with librdkafka's words.
absl::StatusOr<rd_kafka_s*> NewClient(bool producer, Conf conf);

// Queues a copy. ResourceExhausted while the local queue is full; InvalidArgument when the record
// can never be written (its size, its topic's name); FailedPrecondition else.
absl::Status ProduceCopy(rd_kafka_s* client, const OutputRecord& record, int32_t partition);

}  // namespace rootnote
