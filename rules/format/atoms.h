// A rule file as what must not be changed, in lines as they were written: words, brackets,
// operators, comments. What stands between them is the formatter's to choose.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "rules/source.h"
#include "rules/token.h"

namespace rootnote {

// A token, or text that the parser read past the lexer (an entity, a series, a date): verbatim.
struct Atom {
  enum class Bracket : uint8_t {
    kNone,
    kBlockOpen,
    kBlockClose,
    kSelectorOpen,  // braces of matchers and labels
    kSelectorClose,
    kOpen,  // ( and [
    kClose
  };

  TokenKind kind = TokenKind::kEnd;
  std::string_view text;
  bool raw = false;         // read past the lexer
  bool back_arrow = false;  // `<-`, or `<-(relation)-`
  uint8_t gap = 0;          // white space before it in its line: 0, 1, or 2 for more
  Bracket bracket = Bracket::kNone;
  size_t partner = 0;  // brackets: the index of the other one

  bool Is(std::string_view word) const { return kind == TokenKind::kIdentifier && text == word; }
};

struct AtomLine {
  size_t begin = 0, end = 0;  // atoms
  std::string_view comment;   // with its `#`, "" for none
  bool blank_before = false;  // one empty line or more

  bool only_comment() const { return begin == end; }
};

struct AtomText {
  std::vector<Atom> atoms;
  std::vector<AtomLine> lines;
};

// `raw_spans`: ParsedFile::raw_spans. The views refer to `source`. For files without errors.
AtomText ReadAtoms(const RuleSource& source, const std::vector<Token>& tokens,
                   std::vector<Span> raw_spans);

}  // namespace rootnote
