#include "connectors/kafka/arena.h"

#include <algorithm>
#include <cstring>

#include "librdkafka/rdkafka.h"

namespace rootnote {

std::string_view Arena::Copy(const void* bytes, size_t size) {
  if (size > left_) {
    const size_t block = std::max(size, kBlockBytes);
    blocks_.emplace_back(new char[block]);
    at_ = blocks_.back().get();
    left_ = block;
  }
  char* to = at_;
  if (size > 0) {
    std::memcpy(to, bytes, size);
  }
  at_ += size;
  left_ -= size;
  used_ += size;
  return {to, size};
}

Record CopyRecord(const rd_kafka_message_s& message, std::string_view topic, EventTime now,
                  Arena& arena) {
  Record record;
  record.topic = topic;
  record.partition = message.partition;
  record.offset = message.offset;
  if (message.key != nullptr) {
    record.key = arena.Copy(message.key, message.key_len);
  }
  if (message.payload != nullptr) {
    record.value = arena.Copy(message.payload, message.len);
  }
  rd_kafka_headers_t* headers = nullptr;
  if (rd_kafka_message_headers(&message, &headers) == RD_KAFKA_RESP_ERR_NO_ERROR) {
    const char* name = nullptr;
    const void* value = nullptr;
    size_t size = 0;
    for (size_t i = 0;
         rd_kafka_header_get_all(headers, i, &name, &value, &size) == RD_KAFKA_RESP_ERR_NO_ERROR;
         ++i) {
      HeaderView header{arena.Copy(name, std::strlen(name)), std::nullopt};
      if (value != nullptr) {
        header.value = arena.Copy(value, size);
      }
      record.headers.push_back(header);
    }
  }
  rd_kafka_timestamp_type_t type = RD_KAFKA_TIMESTAMP_NOT_AVAILABLE;
  const int64_t time = rd_kafka_message_timestamp(&message, &type);
  if (type != RD_KAFKA_TIMESTAMP_NOT_AVAILABLE && time >= 0) {
    record.record_time = FromMillis(time);
  }
  record.receive_time = type == RD_KAFKA_TIMESTAMP_LOG_APPEND_TIME
                            ? FromMillis(time)
                            : std::min(record.record_time.value_or(kMaxTime), now);
  return record;
}

}  // namespace rootnote
