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
  const ConsumerGroup* group = nullptr;           // the election; null: no offsets are sent
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

// Opens with a first empty transaction, so that the coordinator is loaded and the member that was
// active before is fenced off. Unavailable when that does not come about within `timeout`;
// FailedPrecondition when another has opened meanwhile; PermissionDenied says what is needed;
// InvalidArgument names a property that is missing or refused.
//
// Write, besides what Sink says:
// - Aborted: nothing was written, the same commit may be written again.
// - FailedPrecondition: fenced, another member is active; nothing was written. Once is for good.
// - Unavailable: the outcome is unknown, a new sink is needed. Once is for good.
// - InvalidArgument: a record can never be written (too large, its topic's name); PermissionDenied
//   says what is needed. Nothing was written.
absl::StatusOr<std::unique_ptr<Sink>> OpenKafkaSink(KafkaSinkOptions options);

}  // namespace rootnote
