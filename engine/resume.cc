#include "engine/resume.h"

#include <algorithm>
#include <charconv>

#include "fmt/format.h"

namespace rootnote {
namespace {

// The number behind `"key":`; our own writer makes neither blanks nor other orders.
template <typename Number>
bool TakeMember(std::string_view& text, std::string_view opening, Number& value) {
  if (!text.starts_with(opening)) {
    return false;
  }
  text.remove_prefix(opening.size());
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  text.remove_prefix(static_cast<size_t>(end - text.data()));
  return error == std::errc();
}

}  // namespace

std::string ToMetadata(const CommitMark& mark) {
  return fmt::format("{{\"tick\":{},\"taken\":{},\"journal\":{}}}", ToMillis(mark.tick), mark.taken,
                     mark.journal);
}

std::optional<CommitMark> ParseCommitMark(std::string_view metadata) {
  CommitMark mark;
  int64_t tick = 0;
  if (!TakeMember(metadata, "{\"tick\":", tick) ||
      !TakeMember(metadata, ",\"taken\":", mark.taken) ||
      !TakeMember(metadata, ",\"journal\":", mark.journal) || metadata != "}" || mark.taken < 0) {
    return std::nullopt;
  }
  mark.tick = FromMillis(tick);
  return mark;
}

ResumePoint ResumeFrom(std::span<const CommitOffset> offsets) {
  ResumePoint resume;
  for (const CommitOffset& one : offsets) {
    resume.committed[one.partition] = one.offset;
    if (const std::optional<CommitMark> mark = ParseCommitMark(one.metadata)) {
      resume.closed = std::max(resume.closed, mark->tick);
      resume.taken[one.partition] = std::max(mark->taken, one.offset);
    }
  }
  return resume;
}

}  // namespace rootnote
