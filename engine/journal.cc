#include "engine/journal.h"

#include <cerrno>
#include <charconv>
#include <cstring>
#include <utility>

#include "fmt/format.h"

namespace rootnote {
namespace {

constexpr size_t kBufferBytesMax = 256U << 10;
constexpr size_t kPendingMax = 100'000;

void AppendQuoted(std::string_view text, std::string& out) {
  out += '"';
  for (const char c : text) {
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (static_cast<unsigned char>(c) < 0x20) {
      fmt::format_to(std::back_inserter(out), "\\u{:04x}", static_cast<unsigned>(c));
    } else {
      out += c;
    }
  }
  out += '"';
}

void AppendCuts(std::string_view key, const std::vector<JournalCut>& cuts, std::string& out) {
  if (cuts.empty()) {
    return;
  }
  fmt::format_to(std::back_inserter(out), ",\"{}\":[", key);
  for (size_t i = 0; i < cuts.size(); ++i) {
    out += i == 0 ? "[" : ",[";
    AppendQuoted(cuts[i].partition.topic, out);
    fmt::format_to(std::back_inserter(out), ",{},{}]", cuts[i].partition.partition,
                   cuts[i].next_offset);
  }
  out += ']';
}

std::optional<ClockDecision::Type> ParseType(std::string_view word) {
  for (int i = 0; i <= static_cast<int>(ClockDecision::Type::kSilent); ++i) {
    const auto type = static_cast<ClockDecision::Type>(i);
    if (Name(type) == word) {
      return type;
    }
  }
  return std::nullopt;
}

// Reads exactly what ToJson writes, white space not included: nobody else writes journals.
class LineParser {
 public:
  explicit LineParser(std::string_view line) : line_(line) {}

  absl::StatusOr<JournalEntry> Parse() {
    JournalEntry entry;
    Expect("{\"tick\":");
    entry.tick = FromMillis(Integer<int64_t>());
    Expect(",\"watermark\":");
    entry.watermark = FromMillis(Integer<int64_t>());
    if (Accept(",\"cuts\":")) {
      entry.cuts = Cuts();
    }
    if (Accept(",\"clock\":")) {
      entry.clock = Decisions();
    }
    if (Accept(",\"topology\":")) {
      entry.topology = Cuts();
    }
    entry.resumed = Accept(",\"resumed\":true");
    Expect("}");
    if (!failed_ && position_ != line_.size()) {
      failed_ = true;
    }
    if (failed_) {
      return absl::InvalidArgumentError(
          fmt::format("journal: not an entry of ours, at byte {} of the line", position_));
    }
    return entry;
  }

 private:
  bool Accept(std::string_view text) {
    if (failed_ || line_.substr(position_, text.size()) != text) {
      return false;
    }
    position_ += text.size();
    return true;
  }
  void Expect(std::string_view text) { failed_ = !Accept(text) || failed_; }

  template <typename Number>
  Number Integer() {
    Number value = 0;
    if (!failed_) {
      const char* const begin = line_.data() + position_;
      const auto [end, error] = std::from_chars(begin, line_.data() + line_.size(), value);
      failed_ = error != std::errc();
      position_ += static_cast<size_t>(end - begin);
    }
    return value;
  }

  std::string Quoted() {
    std::string text;
    Expect("\"");
    while (!failed_ && position_ < line_.size() && line_[position_] != '"') {
      if (Accept("\\u")) {
        const std::string_view digits = line_.substr(position_, 4);
        unsigned code = 0;
        const auto [end, error] =
            std::from_chars(digits.data(), digits.data() + digits.size(), code, 16);
        failed_ = error != std::errc() || end != digits.data() + 4 || code >= 0x20;
        position_ += digits.size();
        text += static_cast<char>(code);
        continue;
      }
      position_ += line_[position_] == '\\' ? 1 : 0;
      if (position_ < line_.size()) {
        text += line_[position_++];
      }
    }
    Expect("\"");
    return text;
  }

  TopicPartition Partition() {
    TopicPartition partition;
    partition.topic = Quoted();
    Expect(",");
    partition.partition = Integer<int32_t>();
    return partition;
  }

  std::vector<JournalCut> Cuts() {
    std::vector<JournalCut> cuts;
    Expect("[");
    do {
      Expect("[");
      JournalCut cut;
      cut.partition = Partition();
      Expect(",");
      cut.next_offset = Integer<int64_t>();
      Expect("]");
      cuts.push_back(std::move(cut));
    } while (Accept(","));
    Expect("]");
    return cuts;
  }

  std::vector<ClockDecision> Decisions() {
    std::vector<ClockDecision> decisions;
    Expect("[");
    do {
      Expect("[");
      ClockDecision decision;
      const std::optional<ClockDecision::Type> type = ParseType(Quoted());
      failed_ = failed_ || !type;
      decision.type = type.value_or(ClockDecision::Type::kIdle);
      Expect(",");
      decision.partition = Partition();
      Expect(",");
      decision.time = FromMillis(Integer<int64_t>());
      Expect(",");
      decision.count = Integer<uint64_t>();
      Expect("]");
      decisions.push_back(std::move(decision));
    } while (Accept(","));
    Expect("]");
    return decisions;
  }

  std::string_view line_;
  size_t position_ = 0;
  bool failed_ = false;
};

}  // namespace

std::string ToJson(const JournalEntry& entry) {
  std::string out = fmt::format("{{\"tick\":{},\"watermark\":{}", ToMillis(entry.tick),
                                ToMillis(entry.watermark));
  AppendCuts("cuts", entry.cuts, out);
  if (!entry.clock.empty()) {
    out += ",\"clock\":[";
    for (size_t i = 0; i < entry.clock.size(); ++i) {
      const ClockDecision& decision = entry.clock[i];
      out += i == 0 ? "[" : ",[";
      AppendQuoted(Name(decision.type), out);
      out += ',';
      AppendQuoted(decision.partition.topic, out);
      fmt::format_to(std::back_inserter(out), ",{},{},{}]", decision.partition.partition,
                     ToMillis(decision.time), decision.count);
    }
    out += ']';
  }
  AppendCuts("topology", entry.topology, out);
  out += entry.resumed ? ",\"resumed\":true}" : "}";
  return out;
}

absl::StatusOr<JournalEntry> ParseJournalEntry(std::string_view line) {
  return LineParser(line).Parse();
}

Journal::Journal() = default;

Journal::~Journal() { WriteBuffer(); }

absl::Status Journal::Open(const std::string& path) { return Open(path, "wb"); }

absl::Status Journal::Append(const std::string& path, EventTime closed) {
  RETURN_IF_ERROR(Open(path, "ab"));
  JournalEntry entry;
  entry.tick = entry.watermark = closed;
  entry.resumed = true;
  WriteLine(entry);
  return absl::OkStatus();
}

absl::Status Journal::Open(const std::string& path, const char* mode) {
  path_ = path;
  file_.reset(std::fopen(path.c_str(), mode));
  if (file_ == nullptr) {
    return absl::UnavailableError(fmt::format("journal {}: cannot be created ({})", path,
                                              std::strerror(errno)));  // NOLINT: one thread
  }
  return absl::OkStatus();
}

void Journal::Took(const TopicPartition& partition, int64_t next_offset) {
  if (is_open()) {
    WriteUnsaid();
    changed_.insert_or_assign(partition, next_offset);
  }
}

void Journal::TookTopology(const TopicPartition& partition, int64_t offset) {
  if (!is_open()) {
    return;
  }
  if (pending_.topology.size() >= kPendingMax) {
    ++dropped_;
    return;
  }
  WriteUnsaid();
  pending_.topology.push_back({partition, offset});
}

void Journal::Decided(std::vector<ClockDecision> decisions) {
  if (!is_open()) {
    return;
  }
  if (!decisions.empty()) {
    WriteUnsaid();
  }
  for (ClockDecision& decision : decisions) {
    if (pending_.clock.size() >= kPendingMax) {
      ++dropped_;
      continue;
    }
    pending_.clock.push_back(std::move(decision));
  }
}

void Journal::CloseTick(EventTime tick, EventTime watermark) {
  if (!is_open()) {
    return;
  }
  if (changed_.empty() && pending_.clock.empty() && pending_.topology.empty()) {
    unsaid_.emplace();
    unsaid_->tick = tick;
    unsaid_->watermark = watermark;
    return;
  }
  pending_.tick = tick;
  pending_.watermark = watermark;
  for (const auto& [partition, next_offset] : changed_) {
    pending_.cuts.push_back({partition, next_offset});
  }
  changed_.clear();
  WriteLine(std::exchange(pending_, {}));
}

// What arrives next may be late only because this tick has closed.
void Journal::WriteUnsaid() {
  if (unsaid_) {
    WriteLine(*std::exchange(unsaid_, std::nullopt));
  }
}

void Journal::WriteLine(const JournalEntry& entry) {
  buffer_ += ToJson(entry);
  buffer_ += '\n';
  ++lines_;
  if (buffer_.size() >= kBufferBytesMax) {
    WriteBuffer();
  }
}

void Journal::WriteBuffer() {
  if (file_ == nullptr || buffer_.empty()) {
    return;
  }
  failed_ =
      std::fwrite(buffer_.data(), 1, buffer_.size(), file_.get()) != buffer_.size() || failed_;
  buffer_.clear();
}

absl::Status Journal::Close() {
  WriteUnsaid();
  return Flush();
}

absl::Status Journal::Flush() {
  WriteBuffer();
  if (file_ != nullptr && std::fflush(file_.get()) != 0) {
    failed_ = true;
  }
  if (std::exchange(failed_, false)) {
    return absl::UnavailableError(
        fmt::format("journal {}: a write failed; is the disk full?", path_));
  }
  return absl::OkStatus();
}

absl::StatusOr<JournalReader> JournalReader::Open(const std::string& path) {
  std::unique_ptr<std::FILE, int (*)(std::FILE*)> file(std::fopen(path.c_str(), "rb"),
                                                       &std::fclose);
  if (file == nullptr) {
    return absl::NotFoundError(fmt::format("journal {}: cannot be read", path));
  }
  JournalReader reader;
  reader.path_ = path;
  char chunk[1U << 16];
  for (size_t size = 0; (size = std::fread(chunk, 1, sizeof chunk, file.get())) > 0;) {
    reader.text_.append(chunk, size);
  }
  return reader;
}

absl::StatusOr<std::optional<JournalEntry>> JournalReader::Next() {
  const size_t end = text_.find('\n', position_);
  if (end == std::string::npos) {
    return std::optional<JournalEntry>();
  }
  const std::string_view line = std::string_view(text_).substr(position_, end - position_);
  position_ = end + 1;
  ++line_;
  absl::StatusOr<JournalEntry> entry = ParseJournalEntry(line);
  if (!entry.ok()) {
    return absl::DataLossError(
        fmt::format("{}:{}: {}", path_, line_, std::string(entry.status().message())));
  }
  return std::optional<JournalEntry>(*std::move(entry));
}

}  // namespace rootnote
