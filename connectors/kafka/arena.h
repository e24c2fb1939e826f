// Bytes of records, copied out of librdkafka: its messages are only valid in the callback. Private
// to connectors/kafka.
#pragma once

#include <cstddef>
#include <memory>
#include <string_view>
#include <vector>

#include "connectors/record.h"

struct rd_kafka_message_s;

namespace rootnote {

class Arena {
 public:
  static constexpr size_t kBlockBytes = 256U << 10;

  std::string_view Copy(const void* bytes, size_t size);
  size_t used() const { return used_; }

 private:
  std::vector<std::unique_ptr<char[]>> blocks_;
  char* at_ = nullptr;
  size_t left_ = 0;
  size_t used_ = 0;
};

// `topic` lives as long as the arena. `now`: a record's receive time is not later.
Record CopyRecord(const rd_kafka_message_s& message, std::string_view topic, EventTime now,
                  Arena& arena);

}  // namespace rootnote
