// What every part of the PromQL parser does with tokens: look, take, and complain in one way.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "rules/diagnostic.h"
#include "rules/diagnostic_codes.h"
#include "rules/lexer.h"
#include "rules/promql/ast.h"
#include "rules/promql/parser.h"

namespace rootnote::promql {

class Reader {
 public:
  Reader(TokenCursor& cursor, Diagnostics& diagnostics, const ParseOptions& options)
      : cursor_(cursor), diagnostics_(diagnostics), options_(options) {}

  const ParseOptions& options() const { return options_; }
  const Token& Peek(size_t ahead = 0) const { return cursor_.Peek(ahead); }
  bool Is(TokenKind kind, size_t ahead = 0) const { return Peek(ahead).kind == kind; }
  // A word in any case.
  bool IsWord(std::string_view lower, size_t ahead = 0) const;
  const Token& Next();
  bool Take(TokenKind kind);
  bool TakeWord(std::string_view lower);
  // The end of the last token taken, the beginning of the next one.
  uint32_t last_end() const { return last_end_; }
  uint32_t here() const { return Peek().span.begin; }

  // Records an error; the parse goes on, but its result is dropped.
  void Error(DiagnosticCode code, Span span, std::string message, std::string hint = "");
  void Warning(DiagnosticCode code, Span span, std::string message, std::string hint = "");
  // "unexpected number "2" in label matching, expected string". Silent for what the lexer reported.
  void Unexpected(std::string_view context, std::string_view expected);
  // Takes `kind` or complains; false after a complaint.
  bool Expect(TokenKind kind, std::string_view context, std::string_view expected);
  bool failed() const { return failed_; }

  // `(a, b, "c.d")`, also empty. Nothing after a complaint.
  std::optional<std::vector<std::string>> LabelList();

 private:
  TokenCursor& cursor_;
  Diagnostics& diagnostics_;
  const ParseOptions& options_;
  uint32_t last_end_ = 0;
  bool failed_ = false;
};

// `identifier "x"`, `number "2"`, `"{"`: a token in a message.
std::string Describe(const Token& token);

}  // namespace rootnote::promql
