// The loop that all blocks of clauses share, with recovery, and the boundaries of declarations.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "rules/token_reader.h"

namespace rootnote {

// The words that begin a declaration.
const std::vector<std::string>& DeclarationWords();

// Whether a declaration begins at the reader's position: its word and what must follow it.
bool IsDeclarationStart(const TokenReader& reader);

// Moves to the next declaration (or the end); always moves at least `at_least` tokens.
void SkipToDeclaration(TokenReader& reader, size_t at_least);

// Reads `{ clause… }`. `clause` reads one clause, whose first word is next, and says whether it
// could. An unknown word is reported with the words of the block. False when anything went wrong.
class BlockParser {
 public:
  BlockParser(TokenReader& reader, std::string_view block, std::vector<std::string> words)
      : reader_(reader), block_(block), words_(std::move(words)) {}

  bool Parse(const std::function<bool()>& clause);
  bool IsClauseWord() const { return reader_.IsAnyWord(words_); }
  // For the clause function: no clause begins like this.
  bool UnknownClause();

 private:
  bool SkipToClause(size_t from);

  TokenReader& reader_;
  const std::string block_;
  const std::vector<std::string> words_;
};

// Sets `slot` unless it has a value already, which is reported as a clause given twice.
template <typename Value>
bool SetOnce(TokenReader& reader, std::optional<Value>& slot, std::optional<Value> value,
             std::string_view clause, Span span) {
  if (!value) return false;
  if (slot) {
    return reader.Fail(DiagnosticCode::kClauseTwice, span,
                       "`" + std::string(clause) + "` is given twice", "keep one of them");
  }
  slot = std::move(value);
  return true;
}

}  // namespace rootnote
