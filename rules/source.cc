#include "rules/source.h"

#include <algorithm>
#include <utility>

namespace rootnote {

RuleSource::RuleSource(std::string name, std::string text)
    : name_(std::move(name)), text_(std::move(text)), line_starts_{0} {
  for (size_t at = 0; at < text_.size(); ++at) {
    if (text_[at] == '\n') line_starts_.push_back(static_cast<uint32_t>(at + 1));
  }
}

Position RuleSource::At(uint32_t offset) const {
  offset = std::min(offset, static_cast<uint32_t>(text_.size()));
  const auto after = std::upper_bound(line_starts_.begin(), line_starts_.end(), offset);
  const uint32_t begin = *std::prev(after);
  Position position;
  position.line = static_cast<uint32_t>(after - line_starts_.begin());
  for (uint32_t at = begin; at < offset; ++at) {
    // Continuation bytes do not start a code point.
    if ((static_cast<unsigned char>(text_[at]) & 0xC0) != 0x80) ++position.column;
  }
  return position;
}

std::string_view RuleSource::Line(uint32_t line) const {
  if (line == 0 || line > line_starts_.size()) return "";
  const uint32_t begin = line_starts_[line - 1];
  const size_t end = line < line_starts_.size() ? line_starts_[line] - size_t{1} : text_.size();
  std::string_view found = text().substr(begin, end - begin);
  if (!found.empty() && found.back() == '\r') found.remove_suffix(1);
  return found;
}

}  // namespace rootnote
