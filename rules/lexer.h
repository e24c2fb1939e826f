// Text → tokens, with comments and white space dropped (Token::space_before remembers them).
// `N%`, `N/s`: SEMANTICS section 3. Strings: PromQL's escapes. `#` starts a comment.
// `a:b` without white space is one kMetricIdentifier; a colon at the start or the end of a word is
// a kColon of its own, so that `relation r: a -> b` and `[5m:1m]` read as written.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "rules/diagnostic.h"
#include "rules/source.h"
#include "rules/token.h"

namespace rootnote {

struct LexerOptions {
  // Off in imported Prometheus files and promqltest files: no quantities with units, no `<-`, `->`.
  bool extensions = true;
  // Names may hold letters of Unicode, and dots behind the first character: a flag of Prometheus,
  // which its own test files set.
  bool unicode_names = false;
};

// Always ends with one kEnd token. Invalid input gives diagnostics and kInvalid tokens, never
// stops.
std::vector<Token> Lex(const RuleSource& source, uint32_t source_index, Diagnostics& diagnostics,
                       const LexerOptions& options = {});

// A position in a token list that a parser moves along.
class TokenCursor {
 public:
  explicit TokenCursor(const std::vector<Token>& tokens) : tokens_(tokens) {}

  const Token& Peek(size_t ahead = 0) const {
    const size_t at = position_ + ahead;
    return at < tokens_.size() ? tokens_[at] : tokens_.back();
  }
  const Token& Next() {
    const Token& token = Peek();
    if (position_ + 1 < tokens_.size()) ++position_;
    return token;
  }
  // `<-`, written as one: kLess and kMinus without space between them.
  bool IsBackArrow() const {
    return Peek().kind == TokenKind::kLess && Peek(1).kind == TokenKind::kMinus &&
           !Peek(1).space_before;
  }
  bool AtEnd() const { return Peek().kind == TokenKind::kEnd; }
  size_t position() const { return position_; }
  void Seek(size_t position) { position_ = position; }

 private:
  const std::vector<Token>& tokens_;
  size_t position_ = 0;
};

}  // namespace rootnote
