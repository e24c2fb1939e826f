// A rule file's text and the way from an offset to line and column.
// Positions are byte offsets; shown as 1-based line and 1-based column (in code points).
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace rootnote {

// Half-open byte range in one source.
struct Span {
  uint32_t begin = 0;
  uint32_t end = 0;

  friend bool operator==(Span, Span) = default;
};

struct Position {
  uint32_t line = 1;
  uint32_t column = 1;
};

class RuleSource {
 public:
  RuleSource(std::string name, std::string text);

  const std::string& name() const { return name_; }
  std::string_view text() const { return text_; }
  std::string_view Text(Span span) const {
    return text().substr(span.begin, span.end - span.begin);
  }
  Position At(uint32_t offset) const;
  std::string_view Line(uint32_t line) const;  // Without its newline; "" past the end.

 private:
  std::string name_;
  std::string text_;
  std::vector<uint32_t> line_starts_;
};

}  // namespace rootnote
