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

// NotFound (exit 66) when an input cannot be opened, with its path and the reason. InvalidArgument,
// with path and line, when an envelope is none, its offsets do not ascend, or a partition comes
// from two files. Poll fills a batch from the unpaused inputs in turn, in argument order, one input
// per batch. It waits for pipes only, and says kAtEnd while they are silent. DataLoss: a file
// cannot be read on. Blank lines are left out, and counted in the offsets. zstd is told by its
// first bytes. An envelope's partitions are all assigned with the first batch (the file is looked
// through first), except on stdin and pipes, where they come with their first record. Its `ts` is
// both record and receive time.
absl::StatusOr<std::unique_ptr<Source>> OpenFileSource(FileSourceOptions options);

}  // namespace rootnote
