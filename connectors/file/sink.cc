#include "connectors/file/sink.h"

#include <cerrno>
#include <charconv>
#include <cstring>
#include <optional>
#include <set>
#include <string_view>
#include <utility>
#include <vector>

#include "fmt/format.h"
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zstd.h>

#include "connectors/file/envelope.h"

namespace rootnote {
namespace {

// A write to a pipe without a reader raises SIGPIPE in the thread that writes. Here it is an error
// like any other, whatever the process has decided about the signal.
class WithoutSigpipe {
 public:
  WithoutSigpipe() {
    sigemptyset(&only_pipe_);
    sigaddset(&only_pipe_, SIGPIPE);
    sigset_t pending;
    sigpending(&pending);
    was_pending_ = sigismember(&pending, SIGPIPE) != 0;
    pthread_sigmask(SIG_BLOCK, &only_pipe_, &before_);
  }
  ~WithoutSigpipe() {
    const timespec now{};
    while (!was_pending_ && sigtimedwait(&only_pipe_, nullptr, &now) < 0 && errno == EINTR) {
    }
    pthread_sigmask(SIG_SETMASK, &before_, nullptr);
  }
  WithoutSigpipe(const WithoutSigpipe&) = delete;
  WithoutSigpipe& operator=(const WithoutSigpipe&) = delete;

 private:
  sigset_t only_pipe_, before_;
  bool was_pending_ = false;
};

class OutputFile {
 public:
  static absl::StatusOr<std::unique_ptr<OutputFile>> Open(const std::string& path, bool append);
  ~OutputFile();
  OutputFile(const OutputFile&) = delete;
  OutputFile& operator=(const OutputFile&) = delete;

  std::string& pending() { return pending_; }
  absl::Status WritePending();
  absl::Status End();

 private:
  OutputFile(std::string path, int fd, bool regular);
  absl::Status Pack(ZSTD_EndDirective directive, std::string& to);
  absl::Status WriteAll(std::string_view bytes);
  absl::Status WriteError(int error, size_t written);

  std::string path_;
  int fd_;
  bool regular_;
  ZSTD_CStream* packer_ = nullptr;
  std::string pending_;
};

OutputFile::OutputFile(std::string path, int fd, bool regular)
    : path_(std::move(path)), fd_(fd), regular_(regular) {
  if (path_.ends_with(".zst")) {
    packer_ = ZSTD_createCStream();
  }
}

OutputFile::~OutputFile() {
  ZSTD_freeCStream(packer_);
  if (fd_ != STDOUT_FILENO) {
    ::close(fd_);
  }
}

absl::StatusOr<std::unique_ptr<OutputFile>> OutputFile::Open(const std::string& path, bool append) {
  const int flags = O_WRONLY | O_CREAT | O_CLOEXEC | O_APPEND | (append ? 0 : O_TRUNC);
  const int fd = path == "-" ? STDOUT_FILENO : ::open(path.c_str(), flags, 0644);
  struct stat status {};
  if (fd < 0 || ::fstat(fd, &status) != 0) {
    return absl::NotFoundError(fmt::format("{}: cannot be written: {}",
                                           path == "-" ? "stdout" : path, std::strerror(errno)));
  }
  const bool regular = S_ISREG(status.st_mode) && fd != STDOUT_FILENO;
  return std::unique_ptr<OutputFile>(new OutputFile(path == "-" ? "stdout" : path, fd, regular));
}

absl::Status OutputFile::Pack(ZSTD_EndDirective directive, std::string& to) {
  ZSTD_inBuffer in{pending_.data(), pending_.size(), 0};
  size_t left = 1;
  while (left != 0) {
    const size_t before = to.size();
    to.resize(before + ZSTD_CStreamOutSize());
    ZSTD_outBuffer out{to.data() + before, to.size() - before, 0};
    left = ZSTD_compressStream2(packer_, &out, &in, directive);
    if (ZSTD_isError(left) != 0) {
      return absl::InternalError(
          fmt::format("{}: zstd cannot pack: {}", path_, ZSTD_getErrorName(left)));
    }
    to.resize(before + out.pos);
  }
  return absl::OkStatus();
}

absl::Status OutputFile::WriteError(int error, size_t written) {
  if (error == EPIPE) {
    return absl::FailedPreconditionError(fmt::format("{}: nobody reads it any more", path_));
  }
  struct stat status {};
  if (written > 0 && regular_ && ::fstat(fd_, &status) == 0 &&
      ::ftruncate(fd_, status.st_size - static_cast<off_t>(written)) != 0) {
    return absl::DataLossError(fmt::format("{}: cannot be written: {}; its last line is cut off",
                                           path_, std::strerror(error)));
  }
  const std::string message = fmt::format("{}: cannot be written: {}", path_, std::strerror(error));
  const bool full = error == ENOSPC || error == EDQUOT || error == EFBIG;
  return full ? absl::ResourceExhaustedError(message) : absl::DataLossError(message);
}

absl::Status OutputFile::WriteAll(std::string_view bytes) {
  const WithoutSigpipe without_sigpipe;
  size_t written = 0;
  while (written < bytes.size()) {
    const ssize_t done = ::write(fd_, bytes.data() + written, bytes.size() - written);
    if (done >= 0) {
      written += static_cast<size_t>(done);
    } else if (errno == EAGAIN) {
      pollfd room{fd_, POLLOUT, 0};
      ::poll(&room, 1, -1);
    } else if (errno != EINTR) {
      return WriteError(errno, written);
    }
  }
  return absl::OkStatus();
}

absl::Status OutputFile::WritePending() {
  if (pending_.empty()) {
    return absl::OkStatus();
  }
  if (packer_ == nullptr) {
    const absl::Status status = WriteAll(pending_);
    pending_.clear();
    return status;
  }
  // A frame for each commit: what is in the file can be read, whatever happens to the next one.
  std::string packed;
  const absl::Status status = Pack(ZSTD_e_end, packed);
  pending_.clear();
  RETURN_IF_ERROR(status);
  return WriteAll(packed);
}

absl::Status OutputFile::End() {
  RETURN_IF_ERROR(WritePending());
  if (regular_ && ::fsync(fd_) != 0 && errno != EINVAL) {
    return WriteError(errno, 0);
  }
  return absl::OkStatus();
}

class LineFileSink : public FileSink {
 public:
  absl::Status Open(const FileSinkOptions& options);
  absl::Status Write(const Commit& commit) override;
  absl::Status Close() override;
  uint64_t dropped_records() const override { return dropped_; }

 private:
  std::map<std::string, std::unique_ptr<OutputFile>> files_;  // by path
  std::map<std::string, OutputFile*> by_topic_;
  uint64_t dropped_ = 0;
};

absl::Status LineFileSink::Open(const FileSinkOptions& options) {
  for (const auto& [topic, path] : options.paths) {
    std::unique_ptr<OutputFile>& file = files_[path];
    if (file == nullptr) {
      ASSIGN_OR_RETURN(file, OutputFile::Open(path, options.append));
    }
    by_topic_[topic] = file.get();
  }
  return absl::OkStatus();
}

const std::string* FindHeader(const OutputRecord& record, std::string_view name) {
  for (const auto& [key, value] : record.headers) {
    if (key == name && value) {
      return &*value;
    }
  }
  return nullptr;
}

template <typename Number>
Number NumberHeader(const OutputRecord& record, std::string_view name) {
  Number number = 0;
  if (const std::string* text = FindHeader(record, name)) {
    std::from_chars(text->data(), text->data() + text->size(), number);
  }
  return number;
}

void AppendLine(const OutputRecord& record, std::string& to) {
  if (const std::string* origin = FindHeader(record, "__connect.errors.topic")) {
    const EnvelopeText position{
        *origin, NumberHeader<int32_t>(record, "__connect.errors.partition"),
        NumberHeader<int64_t>(record, "__connect.errors.offset"), record.timestamp};
    AppendEnvelope(position, record, to);
  } else if (record.value) {
    to += *record.value;
    to += '\n';
  }
}

absl::Status LineFileSink::Write(const Commit& commit) {
  std::vector<OutputFile*> touched;  // in the order of their first line
  for (const OutputRecord& record : commit.records) {
    const auto found = by_topic_.find(record.topic);
    if (found == by_topic_.end()) {
      ++dropped_;
      continue;
    }
    if (found->second->pending().empty()) {
      touched.push_back(found->second);
    }
    AppendLine(record, found->second->pending());
  }
  absl::Status first;
  for (OutputFile* file : touched) {
    first.Update(file->WritePending());
  }
  return first;
}

absl::Status LineFileSink::Close() {
  absl::Status first;
  for (auto& [path, file] : files_) {
    first.Update(file->End());
  }
  by_topic_.clear();
  files_.clear();
  return first;
}

}  // namespace

absl::StatusOr<std::unique_ptr<FileSink>> OpenFileSink(FileSinkOptions options) {
  auto sink = std::make_unique<LineFileSink>();
  RETURN_IF_ERROR(sink->Open(options));
  return sink;
}

}  // namespace rootnote
