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
  Millis timeout{10'000};
  std::function<void(const KafkaLog&)> log;
};

// Opens with a first empty transaction, so that the coordinator is loaded.
absl::StatusOr<std::unique_ptr<Sink>> OpenKafkaSink(KafkaSinkOptions options);

}  // namespace rootnote
