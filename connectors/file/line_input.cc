#include "connectors/file/line_input.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <string_view>

#include "fmt/format.h"
#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zstd.h>

namespace rootnote {
namespace {

constexpr size_t kChunkBytes = 1U << 20;
constexpr size_t kReadBytesMin = 16U << 10;
constexpr std::string_view kZstdMagic("\x28\xb5\x2f\xfd", 4);

std::string Name(const std::string& path) { return path == "-" ? "stdin" : path; }

absl::Status ReadError(const std::string& path, int error) {
  return absl::DataLossError(
      fmt::format("{}: cannot be read: {}", Name(path), std::strerror(error)));
}

}  // namespace

class ByteInput::Unpacker {
 public:
  Unpacker() : stream_(ZSTD_createDStream()), packed_(ZSTD_DStreamInSize()) {}
  ~Unpacker() { ZSTD_freeDStream(stream_); }
  Unpacker(const Unpacker&) = delete;
  Unpacker& operator=(const Unpacker&) = delete;

  bool exhausted() const { return in_.pos == in_.size; }
  // Packed bytes go here; then Filled.
  char* buffer() { return packed_.data(); }
  size_t capacity() const { return packed_.size(); }
  void Filled(size_t bytes) { in_ = {packed_.data(), bytes, 0}; }
  bool in_frame() const { return in_frame_; }

  // Bytes written, or zstd's error.
  size_t Unpack(char* to, size_t size) {
    ZSTD_outBuffer out{to, size, 0};
    const size_t left = ZSTD_decompressStream(stream_, &out, &in_);
    if (ZSTD_isError(left) != 0) {
      return left;
    }
    in_frame_ = left != 0;
    full_ = in_frame_ && out.pos == out.size;
    return out.pos;
  }
  // The last output buffer was filled: more may be waiting inside without further input.
  bool full() const { return full_; }

 private:
  ZSTD_DStream* stream_;
  std::vector<char> packed_;
  ZSTD_inBuffer in_{nullptr, 0, 0};
  bool in_frame_ = false;
  bool full_ = false;
};

absl::StatusOr<std::unique_ptr<ByteInput>> ByteInput::Open(const std::string& path) {
  const int fd = path == "-" ? STDIN_FILENO : ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  struct stat status {};
  if (fd < 0 || ::fstat(fd, &status) != 0) {
    return absl::NotFoundError(
        fmt::format("{}: cannot be opened: {}", Name(path), std::strerror(errno)));
  }
  if (S_ISDIR(status.st_mode)) {
    if (fd != STDIN_FILENO) {
      ::close(fd);
    }
    return absl::NotFoundError(fmt::format("{}: is a directory, not a file", Name(path)));
  }
  return std::unique_ptr<ByteInput>(new ByteInput(path, fd, S_ISREG(status.st_mode)));
}

ByteInput::ByteInput(std::string path, int fd, bool regular)
    : path_(std::move(path)), fd_(fd), regular_(regular) {}

ByteInput::~ByteInput() {
  if (fd_ != STDIN_FILENO) {
    ::close(fd_);
  }
}

absl::StatusOr<ByteInput::Read> ByteInput::ReadRaw(char* to, size_t size) {
  if (raw_end_) {
    return Read{0, true};
  }
  if (!regular_) {
    pollfd waiting{fd_, POLLIN, 0};
    const int ready = ::poll(&waiting, 1, 0);
    if (ready == 0 || (ready < 0 && errno == EINTR)) {
      return Read{};
    }
  }
  while (true) {
    const ssize_t got = ::read(fd_, to, size);
    if (got >= 0) {
      raw_end_ = got == 0;
      return Read{static_cast<size_t>(got), raw_end_};
    }
    if (errno == EAGAIN) {
      return Read{};
    }
    if (errno != EINTR) {
      return ReadError(path_, errno);
    }
  }
}

absl::StatusOr<bool> ByteInput::Probe() {
  char first[4];
  while (head_.size() < kZstdMagic.size() && kZstdMagic.substr(0, head_.size()) == head_) {
    ASSIGN_OR_RETURN(const Read read, ReadRaw(first, kZstdMagic.size() - head_.size()));
    head_.append(first, read.bytes);
    if (read.bytes == 0) {
      probed_ = read.end;
      return probed_;
    }
  }
  probed_ = true;
  if (head_ == kZstdMagic) {
    unpacker_ = std::make_unique<Unpacker>();
    std::copy(head_.begin(), head_.end(), unpacker_->buffer());
    unpacker_->Filled(head_.size());
    head_.clear();
  } else if (path_.ends_with(".zst") && !head_.empty()) {
    return absl::DataLossError(fmt::format("{}: does not begin like a zstd file", path_));
  }
  return true;
}

absl::StatusOr<ByteInput::Read> ByteInput::ReadPacked(char* to, size_t size) {
  while (true) {
    if (unpacker_->exhausted() && !unpacker_->full()) {
      ASSIGN_OR_RETURN(const Read read, ReadRaw(unpacker_->buffer(), unpacker_->capacity()));
      if (read.bytes == 0) {
        if (read.end && unpacker_->in_frame()) {
          return absl::DataLossError(
              fmt::format("{}: ends in the middle of a zstd frame", Name(path_)));
        }
        return read;
      }
      unpacker_->Filled(read.bytes);
    }
    const size_t got = unpacker_->Unpack(to, size);
    if (ZSTD_isError(got) != 0) {
      return absl::DataLossError(
          fmt::format("{}: zstd cannot unpack it: {}", Name(path_), ZSTD_getErrorName(got)));
    }
    if (got > 0) {
      return Read{got, false};
    }
  }
}

absl::StatusOr<ByteInput::Read> ByteInput::ReadSome(char* to, size_t size) {
  if (!probed_) {
    ASSIGN_OR_RETURN(const bool probed, Probe());
    if (!probed) {
      return Read{};
    }
  }
  if (unpacker_ != nullptr) {
    return ReadPacked(to, size);
  }
  if (!head_.empty()) {
    const size_t bytes = std::min(size, head_.size());
    std::copy_n(head_.begin(), bytes, to);
    head_.erase(0, bytes);
    return Read{bytes, false};
  }
  return ReadRaw(to, size);
}

LineInput::Chunk::Chunk(size_t capacity_in)
    : text(new char[capacity_in + 1]), capacity(capacity_in) {}

LineInput::LineInput(std::unique_ptr<ByteInput> bytes, size_t line_bytes_max)
    : bytes_(std::move(bytes)),
      line_bytes_max_(std::max<size_t>(line_bytes_max, 1)),
      chunk_(std::make_shared<Chunk>(kChunkBytes)) {}

absl::StatusOr<std::unique_ptr<LineInput>> LineInput::Open(const std::string& path,
                                                           size_t line_bytes_max) {
  ASSIGN_OR_RETURN(auto bytes, ByteInput::Open(path));
  return std::unique_ptr<LineInput>(new LineInput(std::move(bytes), line_bytes_max));
}

absl::StatusOr<ByteInput::Read> LineInput::Fill() {
  if (chunk_->capacity - chunk_->size < kReadBytesMin) {
    const size_t pending = chunk_->size - begin_;
    // A line that spans chunks is the only thing that is copied.
    auto next = std::make_shared<Chunk>(std::max(kChunkBytes, 2 * pending));
    std::memcpy(next->text.get(), chunk_->text.get() + begin_, pending);
    next->size = pending;
    scan_ -= begin_;
    begin_ = 0;
    chunk_ = std::move(next);
  }
  ASSIGN_OR_RETURN(const ByteInput::Read read, bytes_->ReadSome(chunk_->text.get() + chunk_->size,
                                                                chunk_->capacity - chunk_->size));
  chunk_->size += read.bytes;
  return read;
}

bool LineInput::Take(size_t end, size_t next, Line& line) {
  size_t size = end - begin_;
  char* text = chunk_->text.get() + begin_;
  if (size > 0 && text[size - 1] == '\r') {
    --size;
  }
  size = std::min(size, line_bytes_max_);
  begin_ = scan_ = next;
  const int64_t number = number_++;
  if (size == 0) {
    return false;
  }
  line = Line{text, size, number, std::shared_ptr<const void>(chunk_, chunk_.get())};
  return true;
}

absl::StatusOr<LineInput::State> LineInput::Next(Line& line) {
  while (true) {
    char* text = chunk_->text.get();
    const void* found = std::memchr(text + scan_, '\n', chunk_->size - scan_);
    if (found != nullptr) {
      const auto at = static_cast<size_t>(static_cast<const char*>(found) - text);
      if (skipping_) {
        skipping_ = false;
        begin_ = scan_ = at + 1;
      } else if (Take(at, at + 1, line)) {
        return State::kLine;
      }
      continue;
    }
    scan_ = chunk_->size;
    if (skipping_) {
      begin_ = scan_;
    } else if (scan_ - begin_ > line_bytes_max_) {
      skipping_ = true;
      if (Take(begin_ + line_bytes_max_, chunk_->size, line)) {
        return State::kLine;
      }
    }
    if (end_) {
      const bool rest = begin_ < chunk_->size;
      return rest && Take(chunk_->size, chunk_->size, line) ? State::kLine : State::kEnd;
    }
    ASSIGN_OR_RETURN(const ByteInput::Read read, Fill());
    end_ = read.end;
    if (read.bytes == 0 && !read.end) {
      return State::kWait;
    }
  }
}

}  // namespace rootnote
