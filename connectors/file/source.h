// Files, stdin and their .zst forms as a source: a record a line; each file is one partition (0) of
// a topic named by its path. Also the output of `kcat -J` (envelope), whose topic, partition,
// offset, key, headers and time are taken over.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "connectors/source.h"

namespace rootnote {

enum class Envelope : uint8_t { kNone, kKcat };

struct FileInput {
  std::string path;  // "-": stdin
  Envelope envelope = Envelope::kNone;
};

struct FileSourceOptions {
  std::vector<FileInput> inputs;  // argument order; partitions are offered in this order
  size_t line_bytes_max =
      16U << 20;  // a longer line is delivered cut, and dead-lettered by the decoder
};

// NotFound (exit 66) when an input cannot be opened, with its path and the reason.
// Poll fills a batch from the unpaused inputs in turn, in argument order, one input per batch.
absl::StatusOr<std::unique_ptr<Source>> OpenFileSource(FileSourceOptions options);

}  // namespace rootnote
