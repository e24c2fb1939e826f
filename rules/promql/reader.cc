#include "rules/promql/reader.h"

#include <utility>

#include "fmt/format.h"

#include "rules/promql/words.h"
#include "rules/unquote.h"

namespace rootnote::promql {
namespace {

std::string_view SymbolText(TokenKind kind) {
  switch (kind) {
    case TokenKind::kLeftParen:
      return "(";
    case TokenKind::kRightParen:
      return ")";
    case TokenKind::kLeftBrace:
      return "{";
    case TokenKind::kRightBrace:
      return "}";
    case TokenKind::kLeftBracket:
      return "[";
    case TokenKind::kRightBracket:
      return "]";
    case TokenKind::kComma:
      return ",";
    case TokenKind::kColon:
      return ":";
    case TokenKind::kSemicolon:
      return ";";
    case TokenKind::kDot:
      return ".";
    case TokenKind::kAt:
      return "@";
    case TokenKind::kPipe:
      return "|";
    case TokenKind::kAssign:
      return "=";
    case TokenKind::kMatchRegex:
      return "=~";
    case TokenKind::kNotMatchRegex:
      return "!~";
    case TokenKind::kArrow:
      return "->";
    case TokenKind::kBackArrow:
      return "<-";
    case TokenKind::kEllipsis:
      return "…";
    default:
      return "?";
  }
}

}  // namespace

std::string Describe(const Token& token) {
  switch (token.kind) {
    case TokenKind::kEnd:
      return "end of input";
    case TokenKind::kIdentifier:
      return fmt::format("{} \"{}\"", IsReserved(token.text) ? "keyword" : "identifier",
                         token.text);
    case TokenKind::kMetricIdentifier:
      return fmt::format("metric identifier \"{}\"", token.text);
    case TokenKind::kNumber:
      return token.text.empty() ? fmt::format("number \"{}\"", token.value)
                                : fmt::format("number \"{}\"", token.text);
    case TokenKind::kQuantity:
      return "quantity";
    case TokenKind::kDuration:
      return fmt::format("duration \"{}\"", FormatDuration(token.duration));
    case TokenKind::kString:
      return fmt::format("string \"{}\"", token.text);
    default:
      if (const auto op = BinaryOpOf(token)) return fmt::format("\"{}\"", OpText(*op));
      return fmt::format("\"{}\"", SymbolText(token.kind));
  }
}

bool Reader::IsWord(std::string_view lower, size_t ahead) const {
  const Token& token = Peek(ahead);
  return token.kind == TokenKind::kIdentifier && LowerCase(token.text) == lower;
}

const Token& Reader::Next() {
  const Token& token = cursor_.Next();
  last_end_ = token.span.end;
  return token;
}

bool Reader::Take(TokenKind kind) {
  if (!Is(kind)) return false;
  Next();
  return true;
}

bool Reader::TakeWord(std::string_view lower) {
  if (!IsWord(lower)) return false;
  Next();
  return true;
}

void Reader::Error(DiagnosticCode code, Span span, std::string message, std::string hint) {
  failed_ = true;
  diagnostics_.Error(code, options_.source, span, std::move(message), std::move(hint));
}

void Reader::Warning(DiagnosticCode code, Span span, std::string message, std::string hint) {
  diagnostics_.Warning(code, options_.source, span, std::move(message), std::move(hint));
}

void Reader::Unexpected(std::string_view context, std::string_view expected) {
  failed_ = true;
  const Token& token = Peek();
  if (token.kind == TokenKind::kInvalid) return;
  if (token.kind == TokenKind::kOddNumber) {
    Error(DiagnosticCode::kBadNumber, token.span,
          fmt::format("bad number or duration syntax: \"{}\"", token.text),
          "durations are 5m, 1h30m, 200ms: the largest unit first, each once, whole numbers");
    return;
  }
  std::string message = "unexpected " + Describe(token);
  if (!context.empty()) message += fmt::format(" in {}", context);
  if (!expected.empty()) message += fmt::format(", expected {}", expected);
  Error(DiagnosticCode::kPromqlSyntax, token.span, std::move(message));
}

bool Reader::Expect(TokenKind kind, std::string_view context, std::string_view expected) {
  if (Take(kind)) return true;
  Unexpected(context, expected);
  return false;
}

std::optional<std::vector<std::string>> Reader::LabelList() {
  if (!Expect(TokenKind::kLeftParen, "grouping opts", "\"(\"")) return std::nullopt;
  std::vector<std::string> labels;
  while (!Take(TokenKind::kRightParen)) {
    const Token& token = Peek();
    const bool word = token.kind == TokenKind::kIdentifier ||
                      (token.kind == TokenKind::kNumber && !token.text.empty());
    if (!word && token.kind != TokenKind::kString) {
      Unexpected("grouping opts", "label");
      return std::nullopt;
    }
    if (!IsLabelName(token.text)) {
      Error(DiagnosticCode::kInvalidLabelName, token.span,
            "invalid label name " + Quote(token.text));
      return std::nullopt;
    }
    labels.push_back(Next().text);
    if (Is(TokenKind::kRightParen)) continue;
    if (!Expect(TokenKind::kComma, "grouping opts", "\",\" or \")\"")) return std::nullopt;
  }
  return labels;
}

}  // namespace rootnote::promql
