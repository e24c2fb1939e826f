// Incidents as JSON lines into a file or stdout; dead letters, late and unresolved records beside
// it.
#pragma once

#include <map>
#include <memory>
#include <string>

#include "connectors/sink.h"

namespace rootnote {

struct FileSinkOptions {
  // topic → path ("-" is stdout, ".zst" compresses); a topic that is not here is dropped and
  // counted.
  std::map<std::string, std::string> paths;
  bool append = false;  // go on behind what a file holds already; else it is emptied at the start
};

class FileSink : public Sink {
 public:
  virtual uint64_t dropped_records() const = 0;
};

// Values as lines; tombstones are left out. A dead letter (known by its header
// `__connect.errors.topic`) is a line of the form of `kcat -J` with the topic, partition and offset
// it came from, and what has no text form in base64 ("payload_base64"): FileSource reads it again
// with Envelope::kKcat. Topics may share a path; their lines stand in the order of the commit.
// Write: each file gets the lines of a commit in one piece. ResourceExhausted (a full disk): the
// files are as before. FailedPrecondition: the reader of a pipe has gone. NotFound when a file
// cannot be made.
absl::StatusOr<std::unique_ptr<FileSink>> OpenFileSink(FileSinkOptions options);

}  // namespace rootnote
