#include "rules/lsp/position.h"

#include <algorithm>
#include <iterator>

namespace rootnote {
namespace {

bool IsContinuation(char c) { return (static_cast<unsigned char>(c) & 0xC0) == 0x80; }

// Code units of the character that begins with `c`: two from four bytes on, none for a byte within.
uint32_t UnitsOf(char c) {
  if (IsContinuation(c)) return 0;
  return static_cast<unsigned char>(c) >= 0xF0 ? 2 : 1;
}

}  // namespace

EditorLines::EditorLines(std::string_view text) : text_(text), starts_{0} {
  for (size_t at = 0; at < text_.size(); ++at) {
    if (text_[at] == '\n') starts_.push_back(static_cast<uint32_t>(at + 1));
  }
}

EditorPosition EditorLines::At(uint32_t offset) const {
  offset = std::min(offset, static_cast<uint32_t>(text_.size()));
  const auto after = std::upper_bound(starts_.begin(), starts_.end(), offset);
  EditorPosition position;
  position.line = static_cast<uint32_t>(after - starts_.begin()) - 1;
  for (uint32_t at = *std::prev(after); at < offset; ++at) position.character += UnitsOf(text_[at]);
  return position;
}

uint32_t EditorLines::OffsetOf(EditorPosition position) const {
  if (position.line >= starts_.size()) return static_cast<uint32_t>(text_.size());
  const size_t end = position.line + size_t{1} < starts_.size()
                         ? starts_[position.line + size_t{1}] - size_t{1}
                         : text_.size();
  size_t at = starts_[position.line];
  uint32_t units = 0;
  while (at < end) {
    const uint32_t next = units + UnitsOf(text_[at]);
    if (next > position.character) break;
    units = next;
    ++at;
    while (at < end && IsContinuation(text_[at])) ++at;
  }
  return static_cast<uint32_t>(at);
}

}  // namespace rootnote
