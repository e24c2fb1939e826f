// Where records leave: Kafka transactions, files, memory (tests).
#pragma once

#include <vector>

#include "connectors/record.h"
#include "schemas/base/status.h"

namespace rootnote {

// All of it or nothing: incidents, dead letters, late and unresolved records, and the offsets of
// the ticks they came from.
struct Commit {
  std::vector<OutputRecord> records;
  std::vector<CommitOffset> offsets;

  bool empty() const { return records.empty() && offsets.empty(); }
};

class Sink {
 public:
  virtual ~Sink() = default;

  // Returns when the commit is durable. Aborted: nothing was written, the same commit may be
  // written again. Unavailable: the outcome is unknown; the process must restart from the committed
  // offsets. Thread: one caller at a time.
  virtual absl::Status Write(const Commit& commit) = 0;

  virtual absl::Status Close() = 0;
};

}  // namespace rootnote
