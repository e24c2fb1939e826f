// A source of records: Kafka, files, memory (tests).
#pragma once

#include <cstddef>
#include <vector>

#include "connectors/record.h"
#include "schemas/base/status.h"

namespace rootnote {

// What happened to a partition since the last poll, in order.
struct PartitionNotice {
  enum class Type : uint8_t {
    kAssigned,     // from `offset`; `end_offset` is the end found at assignment (-1 unknown)
    kRevoked,      // nothing more will come; its uncommitted work must not be committed
    kAtEnd,        // a successful fetch found nothing more at `offset`
    kUnreachable,  // cannot be fetched
    kFinished,     // files: the last record has been delivered
    // The partition ends at `end_offset` as of now; about once a second, the latest only. For lag.
    kEnd,
    // Reading goes on at `offset`; what was asked for or was next is gone before it could be read:
    // retention (offset is higher), or the topic was made anew (offset is that of its new log,
    // usually lower). After all records that were read before. `end_offset` as in kAssigned.
    kSkipped,
  };
  Type type = Type::kAssigned;
  TopicPartition partition;
  int64_t offset = 0;
  int64_t end_offset = -1;
};

struct SourceBatch {
  RecordBatch batch;
  std::vector<PartitionNotice> notices;  // to be applied before the records
};

struct PollLimits {
  size_t records_max = 256;
  size_t bytes_max = 4U << 20;
};

// Thread: one caller at a time (the pipeline's thread). Connectors may own threads behind it.
class Source {
 public:
  virtual ~Source() = default;

  // The next records, waiting at most `timeout` for the first. An empty batch is a time-out.
  // Unavailable: retried inside; other errors end the run.
  virtual absl::StatusOr<SourceBatch> Poll(const PollLimits& limits, Millis timeout) = 0;

  // Back-pressure: a paused partition delivers nothing; both are idempotent. A record of a
  // partition that was already in a returned batch is not affected.
  virtual void Pause(const TopicPartition& partition) = 0;
  virtual void Resume(const TopicPartition& partition) = 0;

  // Stops all threads behind it. No Poll after this.
  virtual void Close() = 0;
};

}  // namespace rootnote
