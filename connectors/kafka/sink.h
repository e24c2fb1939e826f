// One transactional producer: records and consumed offsets in one transaction per Write.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>

#include "connectors/kafka/source.h"
#include "connectors/sink.h"

namespace rootnote {

struct KafkaSinkOptions {
  std::map<std::string, std::string> properties;  // as written; transactional.id among them
  const ConsumerGroup* group = nullptr;           // null: no offsets are sent
  Millis timeout{10'000};                         // of one Write, as far as librdkafka keeps it
  // Some of librdkafka's calls ignore their time-out, or never return after a fatal error. When a
  // Write lasts so long, `fatal` is called once, from a thread of the sink's, and is to end the
  // process: a restart goes on from the committed offsets. Empty: the log says so, and nothing else
  // happens.
  Millis watchdog{30'000};
  std::function<void(std::string)> fatal;
  // Called from librdkafka's threads too: must be thread-safe.
  std::function<void(const KafkaLog&)> log;
};

// Opens with a first empty transaction, so that the coordinator is loaded: Unavailable when that
// does not come about within `timeout`; InvalidArgument names a property that is missing or
// refused.
//
// Write, besides what Sink says: Aborted also when the group has a new generation; look at the
// source's notices before the same commit is written again, for its partitions may have been
// revoked. InvalidArgument: a record can never be written (too large, no such topic), nothing was
// written. Unavailable once is Unavailable for good.
absl::StatusOr<std::unique_ptr<Sink>> OpenKafkaSink(KafkaSinkOptions options);

}  // namespace rootnote
