// Incidents as JSON lines into a file or stdout; dead letters, late and unresolved records beside it.
#pragma once

#include <map>
#include <memory>
#include <string>

#include "connectors/sink.h"

namespace rootnote {

struct FileSinkOptions {
  // topic → path ("-" is stdout, ".zst" compresses); a topic that is not here is dropped and counted.
  std::map<std::string, std::string> paths;
};

// Values as lines; for dead letters the line is a JSON object with topic, partition, offset, headers and
// the payload (text if UTF-8, else base64).
absl::StatusOr<std::unique_ptr<Sink>> OpenFileSink(FileSinkOptions options);

}  // namespace rootnote
