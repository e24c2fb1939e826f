// Kafka topics as a source, on librdkafka's C API with callback queues (TRAPS), a thread of its own
// that only moves batches and one that looks for partitions. Offsets are never committed here:
// KafkaSink does, inside its transaction.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "connectors/source.h"

namespace rootnote {

struct KafkaLog {
  int level = 6;  // syslog's
  std::string facility, message;
};

struct KafkaSourceOptions {
  std::vector<std::string> topics;    // data: exact names or ^patterns
  std::vector<std::string> assigned;  // read whole, from the beginning (topology): exact names
  std::map<std::string, std::string> properties;  // passed through to librdkafka, as written
  size_t queue_bytes_max = 64U << 20;
  // Where reading of a partition of `topics` begins.
  // - Its topic has offsets in `committed`: at the partition's own, or at the first record that is
  //   not older than `from_time` if that is before; without one (added since) at the beginning.
  // - Its topic has none: with `from_beginning` at the beginning; else at the first record that is
  //   not older than `from_time`; else at the end.
  // - Partitions and topics that appear later: at the beginning.
  std::map<TopicPartition, int64_t> committed;
  // Topics that were made anew since: from the beginning, and kSkipped, whatever is committed.
  std::set<std::string> anew;
  bool from_beginning = false;
  std::optional<EventTime> from_time;
  // librdkafka's client may never end: when Close lasts so long, `fatal` is called, from a thread
  // of its own, and is to end the process. Empty: Close waits for ever.
  Millis watchdog{30'000};
  std::function<void(std::string)> fatal;
  std::function<EventTime()> now;  // receive time of CreateTime topics; empty: the system clock
  // Called from librdkafka's threads too: must be thread-safe.
  std::function<void(const KafkaLog&)> log;
};

// What the sink needs to commit offsets inside its transaction. Opaque; serialised group metadata.
class ConsumerGroup {
 public:
  virtual ~ConsumerGroup() = default;
  // rd_kafka_consumer_group_metadata_t*, to be destroyed by the caller with librdkafka's function.
  // Null when there is no group any more. Thread: any.
  virtual void* Metadata() const = 0;
};

class KafkaSource : public Source {
 public:
  // Records that librdkafka delivered again and that were left out.
  virtual uint64_t repeated_records() const = 0;
  // Topics that were deleted and made anew while they were read. A client that knew the old topic
  // may never see the new one (its leader's epochs begin anew): Poll ends in Unavailable, and
  // another source is to read these from their beginning. Thread: the poller's.
  // If there is any, Close leaves a client of librdkafka behind: a caller that goes on counts them.
  virtual std::vector<std::string> made_anew() const = 0;
};

// All partitions are read by this source: no group shares them out (KafkaElection decides who
// reads). `properties` may have group.id, which is not joined.
//
// Topics are looked for about every second, those of patterns every five: one that does not exist
// is waited for, one that is gone is kUnreachable until it is back (see made_anew). kAtEnd comes
// again about every second while fetches at the end succeed. kRevoked: a topic is back with fewer
// partitions. InvalidArgument names the property librdkafka refused, or one that must have another
// value, or a pattern that is none.
absl::StatusOr<std::unique_ptr<KafkaSource>> OpenKafkaSource(KafkaSourceOptions options);

}  // namespace rootnote
