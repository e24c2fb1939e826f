#include "rules/block_parser.h"

#include "fmt/core.h"

namespace rootnote {
namespace {

std::string_view Article(std::string_view noun) {
  return std::string_view("aeiou").find(noun.front()) == std::string_view::npos ? "a" : "an";
}

}  // namespace

const std::vector<std::string>& DeclarationWords() {
  static const std::vector<std::string> words = {"kind",      "relation",    "signal", "fault",
                                                 "incidents", "maintenance", "test",   "use",
                                                 "def",       "template",    "import"};
  return words;
}

bool IsDeclarationStart(const TokenReader& reader) {
  const auto name_then = [&](TokenKind kind) {
    return reader.Is(TokenKind::kIdentifier, 1) && reader.Is(kind, 2);
  };
  if (reader.IsWord("kind")) return name_then(TokenKind::kLeftBrace);
  if (reader.IsWord("relation")) return name_then(TokenKind::kColon);
  if (reader.IsWord("signal") || reader.IsWord("fault")) {
    return reader.Is(TokenKind::kIdentifier, 1) && reader.IsWord("on", 2);
  }
  if (reader.IsWord("incidents")) return reader.Is(TokenKind::kLeftBrace, 1);
  if (reader.IsWord("maintenance") || reader.IsWord("test") || reader.IsWord("use")) {
    return reader.Is(TokenKind::kString, 1);
  }
  if (reader.IsWord("def") || reader.IsWord("template")) return name_then(TokenKind::kLeftParen);
  return reader.IsWord("import") && name_then(TokenKind::kString);
}

void SkipToDeclaration(TokenReader& reader, size_t at_least) {
  for (size_t i = 0; i < at_least; ++i) reader.Next();
  while (!reader.AtEnd()) {
    // A word of a declaration at the start of a line counts even when what follows it is wrong.
    if (IsDeclarationStart(reader) && reader.Peek().newline_before) return;
    if (reader.Peek().newline_before && reader.IsAnyWord(DeclarationWords()) &&
        reader.source().At(reader.begin()).column == 1) {
      return;
    }
    reader.Next();
  }
}

bool BlockParser::Parse(const std::function<bool()>& clause) {
  const Span open = reader_.Peek().span;
  if (!reader_.Expect(TokenKind::kLeftBrace,
                      fmt::format("`{{` and the clauses of the {}", block_))) {
    return false;
  }
  bool whole = true;
  while (!reader_.Accept(TokenKind::kRightBrace)) {
    if (reader_.AtEnd() || (reader_.Peek().newline_before && IsDeclarationStart(reader_) &&
                            !reader_.IsAnyWord(words_))) {
      return reader_.Fail(DiagnosticCode::kBlockNotClosed, open,
                          fmt::format("the block of this {} is not closed", block_),
                          "add the missing `}`");
    }
    const size_t from = reader_.position();
    if (clause()) continue;
    whole = false;
    if (!SkipToClause(from)) return false;
  }
  return whole;
}

bool BlockParser::UnknownClause() {
  const Token& token = reader_.Peek();
  if (token.kind != TokenKind::kIdentifier) {
    if (token.kind == TokenKind::kInvalid) return false;
    return reader_.Fail(DiagnosticCode::kExpected, token.span,
                        fmt::format("expected a clause of the {}, found `{}`", block_,
                                    reader_.source().Text(token.span)),
                        "clauses are: " + JoinWords(words_, "and"));
  }
  const std::string near = DidYouMean(token.text, words_);
  return reader_.Fail(DiagnosticCode::kUnknownClause, token.span,
                      fmt::format("{} {} has no clause `{}`", Article(block_), block_, token.text),
                      near.empty() ? "clauses are: " + JoinWords(words_, "and")
                                   : fmt::format("did you mean `{}`?", near));
}

// To the next clause on a new line, or to the closing brace. False when the block is lost.
bool BlockParser::SkipToClause(size_t from) {
  // Behind a clause that is unknown as a whole, any word on a new line begins the next one.
  const bool unknown = reader_.position() == from;
  if (unknown) {
    if (reader_.Is(TokenKind::kRightBrace)) return true;
    reader_.Next();
  }
  int depth = 0;
  while (!reader_.AtEnd()) {
    const bool line_start = reader_.Peek().newline_before;
    if (line_start && reader_.IsAnyWord(words_)) return true;
    if (line_start && IsDeclarationStart(reader_)) return false;
    if (line_start && unknown && depth == 0 && reader_.Is(TokenKind::kIdentifier)) return true;
    if (reader_.Is(TokenKind::kLeftBrace)) ++depth;
    if (reader_.Is(TokenKind::kRightBrace)) {
      if (depth == 0) return true;
      --depth;
    }
    reader_.Next();
  }
  return false;
}

}  // namespace rootnote
