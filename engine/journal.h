// The journal: what arrival decided, as JSON lines in a file. With the input and the journal a run
// can be told again to the byte. One line per closed tick that has something to say:
//   {"tick":MS,"watermark":MS,"cuts":[["topic",0,1234]],"clock":[["idle","topic",0,MS,1]],
//    "topology":[["topic",0,17]]}
// A cut says: of this partition the records below the offset had arrived when the tick closed; only
// the partitions whose cut changed are named. `topology` names topology records that took effect in
// this tick. Empty lists are left out. A term that goes on from a former run begins with
//   {"tick":MS,"watermark":MS,"resumed":true}
// Thread: one at a time.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "connectors/record.h"
#include "engine/clock.h"
#include "schemas/base/status.h"
#include "schemas/base/time.h"

namespace rootnote {

struct JournalCut {
  TopicPartition partition;
  int64_t next_offset = 0;
  friend bool operator==(const JournalCut&, const JournalCut&) = default;
};

// One line.
struct JournalEntry {
  EventTime tick;
  EventTime watermark;
  std::vector<JournalCut> cuts;      // ascending by partition
  std::vector<ClockDecision> clock;  // as decided
  std::vector<JournalCut> topology;  // as arrived: partition and the record's own offset
  bool resumed = false;              // a former run decided the ticks up to here
};

std::string ToJson(const JournalEntry& entry);  // one line, without its end
// InvalidArgument says at which byte of the line.
absl::StatusOr<JournalEntry> ParseJournalEntry(std::string_view line);

class Journal {
 public:
  // Without a path nothing is written, and everything below does nothing.
  Journal();
  ~Journal();
  Journal(const Journal&) = delete;
  Journal& operator=(const Journal&) = delete;

  // Creates the file or empties it. Unavailable: it cannot be written.
  absl::Status Open(const std::string& path);
  // Goes on behind what a former run wrote, which decided the ticks up to `closed`.
  absl::Status Append(const std::string& path, EventTime closed);
  bool is_open() const { return file_ != nullptr; }

  // A record was observed; `next_offset` is one above its own.
  void Took(const TopicPartition& partition, int64_t next_offset);
  // A topology record takes effect in the tick that is open.
  void TookTopology(const TopicPartition& partition, int64_t offset);
  void Decided(std::vector<ClockDecision> decisions);
  // The tick closed: writes what came since the last one. If nothing did, the line waits until
  // something does, or until Close. Buffers up to 256 KiB. Call it in the order of the records,
  // right when Clock::closed() moved.
  void CloseTick(EventTime tick, EventTime watermark);
  // The run is over: writes the last tick, even if it has nothing else to say.
  absl::Status Close();

  // Makes all closed ticks durable in the file. Reports the first error since the last Flush.
  absl::Status Flush();

  uint64_t lines() const { return lines_; }
  // Topology arrivals and decisions beyond 100,000 in one tick are not kept.
  uint64_t dropped() const { return dropped_; }

 private:
  struct FileCloser {
    void operator()(std::FILE* file) const { std::fclose(file); }
  };
  absl::Status Open(const std::string& path, const char* mode);
  void WriteLine(const JournalEntry& entry);
  void WriteUnsaid();
  void WriteBuffer();

  std::unique_ptr<std::FILE, FileCloser> file_;
  std::string path_;
  std::map<TopicPartition, int64_t> changed_;  // cuts since the last written tick
  JournalEntry pending_;
  std::optional<JournalEntry> unsaid_;  // a tick that closed with nothing else to say
  std::string buffer_;
  bool failed_ = false;
  uint64_t lines_ = 0;
  uint64_t dropped_ = 0;
};

// Reads a journal back, line by line.
class JournalReader {
 public:
  static absl::StatusOr<JournalReader> Open(const std::string& path);
  // The next entry, or nullopt at the end. DataLoss names the line; a last line that was cut short
  // is the end.
  absl::StatusOr<std::optional<JournalEntry>> Next();

 private:
  JournalReader() = default;
  std::string path_, text_;
  size_t position_ = 0;
  size_t line_ = 0;
};

}  // namespace rootnote
