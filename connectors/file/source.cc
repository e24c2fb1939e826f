#include "connectors/file/source.h"

#include <algorithm>
#include <deque>
#include <limits>
#include <map>
#include <utility>

#include "fmt/format.h"
#include <poll.h>

#include "connectors/file/envelope.h"
#include "connectors/file/line_input.h"

namespace rootnote {
namespace {

// A partition of an envelope may be paused while the next line of its file belongs to it; so much
// is read past it and set aside.
constexpr size_t kParkedBytesMax = 256U << 20;

using Owners = std::vector<std::shared_ptr<const void>>;

struct Parked {
  Record record;
  std::shared_ptr<const void> owner;
  size_t bytes = 0;
};

struct Partition {
  TopicPartition id;
  size_t input = 0;
  bool paused = false;
  bool finished = false;
  int64_t first = 0;  // found by looking through the file at the start
  int64_t last = -1;  // the same; -1 for stdin
  int64_t next = 0;   // no offset below it may come any more
  std::deque<Parked> parked;
};

struct Input {
  FileInput file;
  std::unique_ptr<LineInput> lines;
  std::vector<Partition*> partitions;
  size_t parked_bytes = 0;
  bool ended = false;  // nothing more to read; parked records may be left
  bool waiting = false;
};

// What a batch is made in.
struct Filling {
  SourceBatch& out;
  const PollLimits& limits;
  Owners owners;

  bool full() const {
    return out.batch.records.size() >= limits.records_max || out.batch.bytes >= limits.bytes_max;
  }
  void Add(Record&& record, const std::shared_ptr<const void>& owner, size_t bytes) {
    if (owners.empty() || owners.back() != owner) {
      owners.push_back(owner);
    }
    out.batch.records.push_back(std::move(record));
    out.batch.bytes += bytes;
  }
};

std::string Name(const FileInput& file) { return file.path == "-" ? "stdin" : file.path; }

absl::Status At(const FileInput& file, int64_t line, std::string_view what) {
  return absl::InvalidArgumentError(fmt::format("{}:{}: {}", Name(file), line + 1, what));
}

class FileSource : public Source {
 public:
  explicit FileSource(FileSourceOptions options) : options_(std::move(options)) {}

  absl::Status Open();

  absl::StatusOr<SourceBatch> Poll(const PollLimits& limits, Millis timeout) override;
  void Pause(const TopicPartition& partition) override { SetPaused(partition, true); }
  void Resume(const TopicPartition& partition) override { SetPaused(partition, false); }
  void Close() override { inputs_.clear(); }

 private:
  absl::Status OpenInput(const FileInput& file);
  absl::Status LookThrough(size_t input);
  absl::StatusOr<Partition*> Announce(TopicPartition id, size_t input, int64_t line);
  absl::Status FillFrom(Input& input, Filling& filling);
  absl::Status FillPlain(Input& input, Filling& filling);
  absl::Status FillEnvelope(Input& input, Filling& filling);
  void FillParked(Input& input, Filling& filling);
  absl::StatusOr<Partition*> ReadEnvelope(Input& input, Line& line, Record& record);
  absl::StatusOr<size_t> FillNext(Filling& filling);
  bool Deliverable(const Input& input) const;
  void Delivered(Partition& partition, int64_t offset);
  void Finish(Partition& partition);
  bool AwaitPipes(Millis timeout);
  void NoticeIdlePipes(SourceBatch& out);
  void SetPaused(const TopicPartition& partition, bool paused);

  FileSourceOptions options_;
  std::vector<Input> inputs_;
  // Shared with the batches, whose records view the names of the topics.
  using Partitions = std::map<TopicPartition, Partition>;
  std::shared_ptr<Partitions> partitions_ = std::make_shared<Partitions>();
  std::vector<PartitionNotice> notices_;  // for the next batch
  EnvelopeParser parser_;
  EnvelopeLine envelope_;
  size_t turn_ = 0;
};

absl::Status FileSource::Open() {
  if (options_.inputs.empty()) {
    return absl::InvalidArgumentError("no input files given");
  }
  inputs_.reserve(options_.inputs.size());
  for (const FileInput& file : options_.inputs) {
    RETURN_IF_ERROR(OpenInput(file));
  }
  return absl::OkStatus();
}

absl::Status FileSource::OpenInput(const FileInput& file) {
  const size_t index = inputs_.size();
  ASSIGN_OR_RETURN(auto lines, LineInput::Open(file.path, options_.line_bytes_max));
  inputs_.push_back({file, std::move(lines), {}, 0, false, false});
  if (file.envelope == Envelope::kNone) {
    return Announce({file.path, 0}, index, 0).status();
  }
  // Which partitions there are must be known before the first record: time waits for all of them.
  return inputs_.back().lines->pipe_fd() < 0 ? LookThrough(index) : absl::OkStatus();
}

absl::Status FileSource::LookThrough(size_t index) {
  const FileInput file = inputs_[index].file;
  if (file.path == "-") {
    return absl::OkStatus();  // a redirected file cannot be opened a second time
  }
  ASSIGN_OR_RETURN(auto lines, LineInput::Open(file.path, options_.line_bytes_max));
  Line line;
  Record record;
  while (true) {
    ASSIGN_OR_RETURN(const LineInput::State state, lines->Next(line));
    if (state != LineInput::State::kLine) {
      break;
    }
    ASSIGN_OR_RETURN(Partition * partition, ReadEnvelope(inputs_[index], line, record));
    if (partition->last < 0) {
      partition->first = record.offset;
    }
    partition->last = record.offset;
  }
  for (Partition* partition : inputs_[index].partitions) {
    partition->next = 0;
  }
  for (PartitionNotice& notice : notices_) {
    const Partition& partition = partitions_->at(notice.partition);
    if (partition.input == index) {
      notice.offset = partition.first;
      notice.end_offset = partition.last + 1;
    }
  }
  return absl::OkStatus();
}

absl::StatusOr<Partition*> FileSource::Announce(TopicPartition id, size_t input, int64_t line) {
  auto [it, added] = partitions_->try_emplace(id);
  Partition& partition = it->second;
  if (!added) {
    if (partition.input == input) {
      return &partition;
    }
    return At(inputs_[input].file, line,
              fmt::format("partition {} of {} comes from {} already: join the files in order",
                          id.partition, id.topic, Name(inputs_[partition.input].file)));
  }
  partition.id = std::move(id);
  partition.input = input;
  inputs_[input].partitions.push_back(&partition);
  notices_.push_back({PartitionNotice::Type::kAssigned, partition.id, 0, -1});
  return &partition;
}

absl::StatusOr<Partition*> FileSource::ReadEnvelope(Input& input, Line& line, Record& record) {
  const absl::Status status = parser_.Parse(line, envelope_);
  if (!status.ok()) {
    return At(input.file, line.number,
              fmt::format("not a line of kcat -J: {}", std::string(status.message())));
  }
  const size_t index = static_cast<size_t>(&input - inputs_.data());
  ASSIGN_OR_RETURN(
      Partition * partition,
      Announce({std::string(envelope_.topic), envelope_.partition}, index, line.number));
  record.offset = envelope_.offset.value_or(partition->next);
  if (record.offset < partition->next || record.offset == std::numeric_limits<int64_t>::max()) {
    return At(input.file, line.number,
              fmt::format("offset {} of partition {} of {} does not come after {}", record.offset,
                          envelope_.partition, envelope_.topic, partition->next - 1));
  }
  partition->next = record.offset + 1;
  record.topic = partition->id.topic;
  record.partition = partition->id.partition;
  record.key = envelope_.key;
  record.value = envelope_.payload;
  record.headers = std::move(envelope_.headers);
  record.record_time = envelope_.time;
  record.receive_time = envelope_.time;
  return partition;
}

absl::Status FileSource::FillPlain(Input& input, Filling& filling) {
  Partition& partition = *input.partitions.front();
  Line line;
  while (!filling.full()) {
    ASSIGN_OR_RETURN(const LineInput::State state, input.lines->Next(line));
    if (state != LineInput::State::kLine) {
      input.waiting = state == LineInput::State::kWait;
      input.ended = !input.waiting;
      return absl::OkStatus();
    }
    Record record;
    record.topic = partition.id.topic;
    record.offset = line.number;
    record.value = std::string_view(line.text, line.size);
    partition.next = line.number + 1;
    filling.Add(std::move(record), line.owner, line.size);
  }
  return absl::OkStatus();
}

void FileSource::FillParked(Input& input, Filling& filling) {
  for (Partition* partition : input.partitions) {
    while (!partition->paused && !partition->parked.empty() && !filling.full()) {
      Parked& parked = partition->parked.front();
      const int64_t offset = parked.record.offset;
      input.parked_bytes -= parked.bytes;
      filling.Add(std::move(parked.record), parked.owner, parked.bytes);
      partition->parked.pop_front();
      Delivered(*partition, offset);
    }
  }
}

absl::Status FileSource::FillEnvelope(Input& input, Filling& filling) {
  FillParked(input, filling);
  Line line;
  while (!filling.full() && !input.ended) {
    const bool any_unpaused =
        input.partitions.empty() ||
        std::any_of(input.partitions.begin(), input.partitions.end(),
                    [](const Partition* p) { return !p->paused && !p->finished; });
    if (!any_unpaused) {
      return absl::OkStatus();
    }
    ASSIGN_OR_RETURN(const LineInput::State state, input.lines->Next(line));
    if (state != LineInput::State::kLine) {
      input.waiting = state == LineInput::State::kWait;
      input.ended = !input.waiting;
      return absl::OkStatus();
    }
    Record record;
    const size_t bytes = line.size;
    ASSIGN_OR_RETURN(Partition * partition, ReadEnvelope(input, line, record));
    const int64_t offset = record.offset;
    if (!partition->paused) {
      filling.Add(std::move(record), line.owner, bytes);
      Delivered(*partition, offset);
      continue;
    }
    input.parked_bytes += bytes;
    if (input.parked_bytes > kParkedBytesMax) {
      return absl::ResourceExhaustedError(fmt::format(
          "{}: partition {} of {} is more than {} MiB ahead of the others: give each partition a "
          "file of its own",
          Name(input.file), partition->id.partition, partition->id.topic, kParkedBytesMax >> 20));
    }
    partition->parked.push_back({std::move(record), line.owner, bytes});
  }
  return absl::OkStatus();
}

void FileSource::Finish(Partition& partition) {
  if (!partition.finished) {
    partition.finished = true;
    notices_.push_back({PartitionNotice::Type::kFinished, partition.id, partition.next, -1});
  }
}

// A partition is finished with its last record, if looking through the file has told which that is.
void FileSource::Delivered(Partition& partition, int64_t offset) {
  if (partition.last >= 0 && offset == partition.last) {
    Finish(partition);
  }
}

absl::Status FileSource::FillFrom(Input& input, Filling& filling) {
  input.waiting = false;
  const absl::Status status = input.file.envelope == Envelope::kNone ? FillPlain(input, filling)
                                                                     : FillEnvelope(input, filling);
  if (status.ok() && input.ended) {
    for (Partition* partition : input.partitions) {
      if (partition->parked.empty()) {
        Finish(*partition);
      }
    }
  }
  return status;
}

bool FileSource::Deliverable(const Input& input) const {
  if (!input.ended && input.partitions.empty()) {
    return true;
  }
  return std::any_of(input.partitions.begin(), input.partitions.end(),
                     [](const Partition* p) { return !p->paused && !p->finished; });
}

// One input per batch, in turn. Returns how many unpaused inputs wait for a pipe.
absl::StatusOr<size_t> FileSource::FillNext(Filling& filling) {
  size_t waiting = 0;
  for (size_t i = 0; i < inputs_.size() && filling.out.batch.empty(); ++i) {
    Input& input = inputs_[turn_];
    turn_ = (turn_ + 1) % inputs_.size();
    if (Deliverable(input)) {
      RETURN_IF_ERROR(FillFrom(input, filling));
      waiting += input.waiting ? 1 : 0;
    }
  }
  return waiting;
}

bool FileSource::AwaitPipes(Millis timeout) {
  std::vector<pollfd> pipes;
  for (const Input& input : inputs_) {
    if (input.waiting && Deliverable(input)) {
      pipes.push_back({input.lines->pipe_fd(), POLLIN, 0});
    }
  }
  const auto wait = std::clamp<int64_t>(timeout.count(), 0, std::numeric_limits<int>::max());
  return ::poll(pipes.data(), pipes.size(), static_cast<int>(wait)) > 0;
}

void FileSource::NoticeIdlePipes(SourceBatch& out) {
  for (const Input& input : inputs_) {
    for (const Partition* partition : input.partitions) {
      if (input.waiting && !partition->paused && partition->parked.empty()) {
        out.notices.push_back({PartitionNotice::Type::kAtEnd, partition->id, partition->next, -1});
      }
    }
  }
}

absl::StatusOr<SourceBatch> FileSource::Poll(const PollLimits& limits, Millis timeout) {
  SourceBatch out;
  out.notices = std::exchange(notices_, {});
  Filling filling{out, limits, {}};
  const bool assigned = !out.notices.empty();
  ASSIGN_OR_RETURN(size_t waiting, FillNext(filling));
  if (out.batch.empty() && waiting > 0 && !assigned && notices_.empty()) {
    if (AwaitPipes(timeout)) {
      ASSIGN_OR_RETURN(waiting, FillNext(filling));
    } else {
      NoticeIdlePipes(out);
    }
  }
  // Partitions that an envelope on stdin brings along come before their records; ends come after.
  std::vector<PartitionNotice> later;
  for (PartitionNotice& notice : notices_) {
    const bool now = notice.type == PartitionNotice::Type::kAssigned || out.batch.empty();
    (now ? out.notices : later).push_back(std::move(notice));
  }
  notices_ = std::move(later);
  if (!out.batch.empty()) {
    filling.owners.push_back(partitions_);
    out.batch.keep_alive = std::make_shared<const Owners>(std::move(filling.owners));
  }
  return out;
}

void FileSource::SetPaused(const TopicPartition& partition, bool paused) {
  const auto found = partitions_->find(partition);
  if (found != partitions_->end()) {
    found->second.paused = paused;
  }
}

}  // namespace

absl::StatusOr<std::unique_ptr<Source>> OpenFileSource(FileSourceOptions options) {
  auto source = std::make_unique<FileSource>(std::move(options));
  RETURN_IF_ERROR(source->Open());
  return source;
}

}  // namespace rootnote
