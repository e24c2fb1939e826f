// Lines of a file, a pipe or stdin, plain or zstd, without copying them: a line views the chunk it
// was read into. Private to connectors/file.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "schemas/base/status.h"

namespace rootnote {

// Bytes of one open file descriptor, unpacked if they are zstd (told by their first bytes).
class ByteInput {
 public:
  // `path` "-" is stdin. NotFound with path and reason.
  static absl::StatusOr<std::unique_ptr<ByteInput>> Open(const std::string& path);
  ~ByteInput();
  ByteInput(const ByteInput&) = delete;
  ByteInput& operator=(const ByteInput&) = delete;

  struct Read {
    size_t bytes = 0;
    bool end = false;  // without bytes and end: nothing there yet (pipes only)
  };
  // Never waits for a pipe. DataLoss when zstd's frame is broken or cut off.
  absl::StatusOr<Read> ReadSome(char* to, size_t size);

  // What to wait for with poll(2), or -1 for a regular file, which never waits.
  int pipe_fd() const { return regular_ ? -1 : fd_; }

 private:
  class Unpacker;
  ByteInput(std::string path, int fd, bool regular);
  absl::StatusOr<Read> ReadRaw(char* to, size_t size);
  absl::StatusOr<Read> ReadPacked(char* to, size_t size);
  // Reads the first bytes and decides whether they are zstd.
  absl::StatusOr<bool> Probe();

  std::string path_;
  int fd_;
  bool regular_;
  bool probed_ = false;
  bool raw_end_ = false;
  std::string head_;  // read while probing, not yet handed out
  std::unique_ptr<Unpacker> unpacker_;
};

struct Line {
  char* text = nullptr;  // text[size] may be overwritten too
  size_t size = 0;
  int64_t number = 0;  // 0-based
  std::shared_ptr<const void> owner;
};

class LineInput {
 public:
  static absl::StatusOr<std::unique_ptr<LineInput>> Open(const std::string& path,
                                                         size_t line_bytes_max);

  enum class State : uint8_t { kLine, kWait, kEnd };
  // The next line that is not blank, without its line end; a longer line than the limit is cut.
  absl::StatusOr<State> Next(Line& line);

  int64_t next_number() const { return number_; }
  int pipe_fd() const { return bytes_->pipe_fd(); }

 private:
  struct Chunk {
    explicit Chunk(size_t capacity_in);
    std::unique_ptr<char[]> text;  // capacity + 1 bytes: room for a terminator
    size_t capacity;
    size_t size = 0;
  };
  LineInput(std::unique_ptr<ByteInput> bytes, size_t line_bytes_max);
  absl::StatusOr<ByteInput::Read> Fill();
  // Hands out [begin_, end) and goes on at `next`; false for a blank line.
  bool Take(size_t end, size_t next, Line& line);

  std::unique_ptr<ByteInput> bytes_;
  size_t line_bytes_max_;
  std::shared_ptr<Chunk> chunk_;
  size_t begin_ = 0;  // of the line that is being read
  size_t scan_ = 0;   // no line end before here
  int64_t number_ = 0;
  bool skipping_ = false;  // the rest of a cut line
  bool end_ = false;
};

}  // namespace rootnote
