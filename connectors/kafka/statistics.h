// What librdkafka's statistics say about fetching. Private to connectors/kafka.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <string_view>

#include "connectors/record.h"
#include "schemas/base/status.h"

namespace rootnote {

struct FetchHealth {
  bool connected = false;              // the connection to the partition's leader is up
  bool fetching = false;               // the partition is being fetched at present
  std::chrono::microseconds silent{};  // since the leader last answered anything
  int64_t lag = -1;                    // records behind the end; -1 unknown
};

// InvalidArgument when it is not librdkafka's JSON.
absl::StatusOr<std::map<TopicPartition, FetchHealth>> ReadStatistics(std::string_view json);

}  // namespace rootnote
