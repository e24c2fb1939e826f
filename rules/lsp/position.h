// Places as editors count them: lines from 0, characters in UTF-16 code units.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

namespace rootnote {

struct EditorPosition {
  uint32_t line = 0;
  uint32_t character = 0;

  friend bool operator==(EditorPosition, EditorPosition) = default;
};

// The text must outlive it. Lines end with LF; a CR before it counts as part of the line.
class EditorLines {
 public:
  explicit EditorLines(std::string_view text);

  EditorPosition At(uint32_t offset) const;
  // Past the end of a line: its end; past the last line: the end of the text. In the middle of a
  // character: its begin.
  uint32_t OffsetOf(EditorPosition position) const;

 private:
  std::string_view text_;
  std::vector<uint32_t> starts_;
};

}  // namespace rootnote
