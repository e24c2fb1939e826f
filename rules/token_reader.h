// What every part of the rule parser does with tokens: accept, expect, complain, and read the words
// that are no tokens of the language (entity names, series notation, dates, zones).
#pragma once

#include <cstdint>
#include <initializer_list>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "rules/ast.h"
#include "rules/diagnostic.h"
#include "rules/diagnostic_codes.h"
#include "rules/lexer.h"

namespace rootnote {

// What may stand in the name of an entity without quotes.
bool IsEntityChar(char c);

// "a", "a or b", "a, b or c".
std::string JoinWords(const std::vector<std::string>& words, std::string_view last = "or");

// Expect… functions report what is missing and return nothing (or false); the caller gives up the
// clause and the parser goes on at the next one.
class TokenReader {
 public:
  TokenReader(const RuleSource& source, uint32_t source_index, const std::vector<Token>& tokens,
              Diagnostics& diagnostics);

  const Token& Peek(size_t ahead = 0) const { return cursor_.Peek(ahead); }
  const Token& Next() { return cursor_.Next(); }
  bool AtEnd() const { return cursor_.AtEnd(); }
  bool Is(TokenKind kind, size_t ahead = 0) const { return Peek(ahead).kind == kind; }
  bool IsWord(std::string_view word, size_t ahead = 0) const;
  bool IsAnyWord(const std::vector<std::string>& words, size_t ahead = 0) const;
  bool IsBackArrow() const { return cursor_.IsBackArrow(); }

  bool Accept(TokenKind kind);
  bool AcceptWord(std::string_view word);
  bool AcceptWords(std::initializer_list<std::string_view> words);

  bool Expect(TokenKind kind, std::string_view what);
  bool ExpectWord(std::string_view word);
  std::optional<ast::Name> ExpectName(std::string_view what);
  std::optional<ast::Name> ExpectMetric(std::string_view what);
  std::optional<ast::Time> ExpectDuration(std::string_view what);
  std::optional<ast::Text> ExpectString(std::string_view what);
  std::optional<ast::Number> ExpectNumber(std::string_view what);
  std::optional<uint32_t> ExpectCount(std::string_view what);
  // a, b, c
  bool ExpectNames(std::string_view what, std::vector<ast::Name>& names);
  // name="value", name=~"…"; and such in braces (which may be missing: nothing is read then).
  std::optional<ast::MatcherNode> ExpectMatcher();
  bool AcceptMatcherBlock(std::vector<ast::MatcherNode>& matchers);
  // {name="value", …}
  bool AcceptLabelBlock(std::vector<std::pair<ast::Name, ast::Text>>& labels);
  std::unique_ptr<promql::Expr> ExpectExpr();

  // `disk:a1/d7`, `vm:"name with spaces"`: canonical, parts percent-encoded.
  std::optional<ast::Entity> ExpectEntity();
  bool IsEntity() const;
  // Characters up to white space or one of `#{},;()<`.
  std::optional<ast::Name> ExpectRawWord(std::string_view what);
  std::string_view RawWordAhead() const;

  // "expected WHAT, found X"; always false.
  bool FailExpected(std::string_view what, std::string hint = "");
  bool Fail(DiagnosticCode code, Span span, std::string message, std::string hint = "");
  void Warn(DiagnosticCode code, Span span, std::string message, std::string hint = "");

  Span SpanFrom(uint32_t begin) const;
  uint32_t begin() const { return Peek().span.begin; }
  size_t position() const { return cursor_.position(); }
  void Seek(size_t position) { cursor_.Seek(position); }
  const RuleSource& source() const { return source_; }
  uint32_t source_index() const { return source_index_; }
  Diagnostics& diagnostics() { return diagnostics_; }
  // Where text was read past the lexer: what it complained about there does not count.
  const std::vector<Span>& raw_spans() const { return raw_spans_; }

 private:
  bool TakeRaw(size_t end);

  const RuleSource& source_;
  const uint32_t source_index_;
  const std::vector<Token>& tokens_;
  Diagnostics& diagnostics_;
  TokenCursor cursor_;
  std::vector<Span> raw_spans_;
};

}  // namespace rootnote
