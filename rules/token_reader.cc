#include "rules/token_reader.h"

#include <algorithm>
#include <cmath>
#include <iterator>

#include "fmt/core.h"
#include "re2/re2.h"

#include "rules/program.h"
#include "rules/promql/parser.h"
#include "rules/promql/words.h"
#include "rules/unquote.h"

namespace rootnote {
namespace {

bool IsRawEnd(char c) {
  return c == ' ' || c == '\t' || c == '\n' || c == '\r' ||
         std::string_view("#{},;()<\"'`").find(c) != std::string_view::npos;
}

bool IsHex(char c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

// An unquoted part as it stands in names: `%` that begins no escape, and `:`, are encoded.
std::string EncodeUnquoted(std::string_view part) {
  std::string encoded;
  for (size_t i = 0; i < part.size(); ++i) {
    const bool escape =
        part[i] == '%' && i + 2 < part.size() && IsHex(part[i + 1]) && IsHex(part[i + 2]);
    if (part[i] == '/' || escape) {
      encoded += part[i];
    } else {
      encoded += EncodeIdPart(part.substr(i, 1));
    }
  }
  return encoded;
}

// Whether a clause, a declaration or the end of a block begins here.
bool BeginsAnew(const Token& token) {
  static constexpr std::string_view kWords[] = {"series", "event",  "expect", "topology",
                                                "shows",  "causes", "title",  "start"};
  if (token.kind == TokenKind::kEnd || token.kind == TokenKind::kRightBrace) return true;
  return token.kind == TokenKind::kIdentifier &&
         (promql::IsClauseWord(token.text) ||
          std::find(std::begin(kWords), std::end(kWords), token.text) != std::end(kWords));
}

std::string Describe(const Token& token, std::string_view text) {
  switch (token.kind) {
    case TokenKind::kEnd:
      return "the end of the file";
    case TokenKind::kString:
      return "a string";
    default:
      return fmt::format("`{}`", text);
  }
}

}  // namespace

bool IsEntityChar(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
         std::string_view("_-./:%@+~$").find(c) != std::string_view::npos;
}

std::string JoinWords(const std::vector<std::string>& words, std::string_view last) {
  std::string joined;
  for (size_t i = 0; i < words.size(); ++i) {
    if (i > 0) joined += i + 1 == words.size() ? fmt::format(" {} ", last) : ", ";
    joined += words[i];
  }
  return joined;
}

TokenReader::TokenReader(const RuleSource& source, uint32_t source_index,
                         const std::vector<Token>& tokens, Diagnostics& diagnostics)
    : source_(source),
      source_index_(source_index),
      tokens_(tokens),
      diagnostics_(diagnostics),
      cursor_(tokens) {}

bool TokenReader::IsWord(std::string_view word, size_t ahead) const {
  const Token& token = Peek(ahead);
  return token.kind == TokenKind::kIdentifier && token.text == word;
}

bool TokenReader::IsAnyWord(const std::vector<std::string>& words, size_t ahead) const {
  for (const std::string& word : words) {
    if (IsWord(word, ahead)) return true;
  }
  return false;
}

bool TokenReader::Accept(TokenKind kind) {
  if (!Is(kind)) return false;
  Next();
  return true;
}

bool TokenReader::AcceptWord(std::string_view word) {
  if (!IsWord(word)) return false;
  Next();
  return true;
}

bool TokenReader::AcceptWords(std::initializer_list<std::string_view> words) {
  size_t ahead = 0;
  for (const std::string_view word : words) {
    if (!IsWord(word, ahead++)) return false;
  }
  for (size_t i = 0; i < ahead; ++i) Next();
  return true;
}

bool TokenReader::Expect(TokenKind kind, std::string_view what) {
  return Accept(kind) || FailExpected(what);
}

bool TokenReader::ExpectWord(std::string_view word) {
  return AcceptWord(word) || FailExpected(fmt::format("`{}`", word));
}

std::optional<ast::Name> TokenReader::ExpectName(std::string_view what) {
  if (!Is(TokenKind::kIdentifier)) {
    FailExpected(what);
    return std::nullopt;
  }
  const Token& token = Next();
  return ast::Name{token.text, token.span};
}

std::optional<ast::Name> TokenReader::ExpectMetric(std::string_view what) {
  if (!Is(TokenKind::kMetricIdentifier)) return ExpectName(what);
  const Token& token = Next();
  return ast::Name{token.text, token.span};
}

std::optional<ast::Time> TokenReader::ExpectDuration(std::string_view what) {
  const Token& token = Peek();
  if (token.kind == TokenKind::kDuration) {
    Next();
    return ast::Time{token.duration, token.span};
  }
  if (token.kind == TokenKind::kQuantity && token.unit == Unit::kSeconds) {
    const double ms = token.value * 1000;
    if (ms == std::floor(ms) && ms < 1e15) {
      Next();
      return ast::Time{Millis(static_cast<int64_t>(ms)), token.span};
    }
  }
  FailExpected(what, token.kind == TokenKind::kNumber
                         ? "write a duration with its unit: 30s, 5m, 1h30m"
                         : "");
  return std::nullopt;
}

std::optional<ast::Text> TokenReader::ExpectString(std::string_view what) {
  if (!Is(TokenKind::kString)) {
    FailExpected(what);
    return std::nullopt;
  }
  const Token& token = Next();
  return ast::Text{token.text, token.span};
}

std::optional<ast::Number> TokenReader::ExpectNumber(std::string_view what) {
  const Token& token = Peek();
  const bool percent = token.kind == TokenKind::kQuantity && token.unit == Unit::kRatio;
  if (token.kind != TokenKind::kNumber && !percent) {
    FailExpected(what);
    return std::nullopt;
  }
  Next();
  return ast::Number{token.value, percent, token.span};
}

std::optional<uint32_t> TokenReader::ExpectCount(std::string_view what) {
  const Token& token = Peek();
  if (token.kind != TokenKind::kNumber || token.value != std::floor(token.value) ||
      token.value < 0 || token.value > 1e9) {
    FailExpected(what);
    return std::nullopt;
  }
  Next();
  return static_cast<uint32_t>(token.value);
}

bool TokenReader::ExpectNames(std::string_view what, std::vector<ast::Name>& names) {
  do {
    std::optional<ast::Name> name = ExpectName(what);
    if (!name) return false;
    names.push_back(*std::move(name));
  } while (Accept(TokenKind::kComma));
  return true;
}

std::optional<ast::MatcherNode> TokenReader::ExpectMatcher() {
  const uint32_t from = begin();
  std::optional<ast::Name> name = ExpectName("a label");
  if (!name) return std::nullopt;
  ast::MatcherNode node;
  node.matcher.name = name->text;
  switch (Peek().kind) {
    case TokenKind::kAssign:
    case TokenKind::kEqual:
      node.matcher.op = promql::MatchOp::kEqual;
      break;
    case TokenKind::kNotEqual:
      node.matcher.op = promql::MatchOp::kNotEqual;
      break;
    case TokenKind::kMatchRegex:
      node.matcher.op = promql::MatchOp::kRegex;
      break;
    case TokenKind::kNotMatchRegex:
      node.matcher.op = promql::MatchOp::kNotRegex;
      break;
    default:
      FailExpected("`=`, `!=`, `=~` or `!~`");
      return std::nullopt;
  }
  Next();
  std::optional<ast::Text> value = ExpectString("a value in quotes");
  if (!value) return std::nullopt;
  node.matcher.value = value->text;
  node.span = SpanFrom(from);
  if (node.matcher.op == promql::MatchOp::kRegex || node.matcher.op == promql::MatchOp::kNotRegex) {
    RE2::Options options;
    options.set_dot_nl(true);
    options.set_log_errors(false);
    auto regex = std::make_shared<const RE2>("^(?:" + value->text + ")$", options);
    if (!regex->ok()) {
      Fail(DiagnosticCode::kInvalidRegex, value->span,
           fmt::format("invalid regular expression: {}", regex->error()),
           "the syntax is RE2's; it is anchored at both ends");
      return std::nullopt;
    }
    node.matcher.regex = std::move(regex);
  }
  return node;
}

bool TokenReader::AcceptMatcherBlock(std::vector<ast::MatcherNode>& matchers) {
  if (!Accept(TokenKind::kLeftBrace)) return true;
  while (!Accept(TokenKind::kRightBrace)) {
    std::optional<ast::MatcherNode> matcher = ExpectMatcher();
    if (!matcher) return false;
    matchers.push_back(*std::move(matcher));
    if (!Accept(TokenKind::kComma) && !Is(TokenKind::kRightBrace)) {
      return FailExpected("`,` or `}`");
    }
  }
  return true;
}

bool TokenReader::AcceptLabelBlock(std::vector<std::pair<ast::Name, ast::Text>>& labels) {
  if (!Accept(TokenKind::kLeftBrace)) return true;
  while (!Accept(TokenKind::kRightBrace)) {
    std::optional<ast::Name> name = ExpectName("a label");
    if (!name || !Expect(TokenKind::kAssign, "`=`")) return false;
    std::optional<ast::Text> value = ExpectString("a value in quotes");
    if (!value) return false;
    for (const auto& label : labels) {
      if (label.first.text == name->text) {
        return Fail(DiagnosticCode::kDeclaredTwice, name->span,
                    fmt::format("the label `{}` is given twice", name->text));
      }
    }
    labels.emplace_back(*std::move(name), *std::move(value));
    if (!Accept(TokenKind::kComma) && !Is(TokenKind::kRightBrace)) {
      return FailExpected("`,` or `}`");
    }
  }
  return true;
}

std::unique_ptr<promql::Expr> TokenReader::ExpectExpr() {
  if (AtEnd() || Is(TokenKind::kRightBrace)) {
    FailExpected("an expression");
    return nullptr;
  }
  promql::ParseOptions options;
  options.source = source_index_;
  return promql::ParseExpr(cursor_, diagnostics_, options);
}

bool TokenReader::IsEntity() const {
  if (Is(TokenKind::kMetricIdentifier)) return true;
  return Is(TokenKind::kIdentifier) && Is(TokenKind::kColon, 1) && !Peek(1).space_before &&
         !Peek(2).space_before;
}

std::optional<ast::Entity> TokenReader::ExpectEntity() {
  if (!IsEntity()) {
    FailExpected("an entity", "entities are written kind:id, as in disk:a1/d7");
    return std::nullopt;
  }
  const std::string_view text = source_.text();
  size_t at = begin();
  const size_t colon = text.find(':', at);
  std::string name(text.substr(at, colon - at));
  name += ':';
  at = colon + 1;
  while (at < text.size()) {
    if (text[at] == '"') {
      size_t end = at + 1;
      while (end < text.size() && text[end] != '"' && text[end] != '\n') {
        end += text[end] == '\\' ? 2 : 1;
      }
      UnquoteError error;
      std::optional<std::string> part;
      if (end < text.size() && text[end] == '"')
        part = Unquote(text.substr(at, end + 1 - at), error);
      if (!part) break;  // The lexer has complained.
      name += EncodeIdPart(*part);
      at = end + 1;
    } else if (IsEntityChar(text[at])) {
      const size_t from = at;
      while (at < text.size() && IsEntityChar(text[at])) ++at;
      name += EncodeUnquoted(text.substr(from, at - from));
    } else {
      break;
    }
  }
  // A full stop or colon at the end belongs to the sentence: `at 3m: delete vm:web1`.
  const Span span{begin(), static_cast<uint32_t>(at)};
  if (name.back() == ':') {
    FailExpected("an entity", "entities are written kind:id, as in disk:a1/d7");
    return std::nullopt;
  }
  if (!TakeRaw(at) || (at < text.size() && static_cast<unsigned char>(text[at]) >= 0x80)) {
    while (at < text.size() && !IsRawEnd(text[at])) ++at;
    TakeRaw(at);
    Fail(DiagnosticCode::kInvalidEntity, {span.begin, static_cast<uint32_t>(at)},
         "an entity name with a character that does not belong there",
         "put the part in quotes: kind:\"the id\"");
    return std::nullopt;
  }
  return ast::Entity{std::move(name), span};
}

std::string_view TokenReader::RawWordAhead() const {
  const std::string_view text = source_.text().substr(begin());
  size_t end = 0;
  while (end < text.size() && !IsRawEnd(text[end])) ++end;
  return text.substr(0, end);
}

std::optional<ast::Name> TokenReader::ExpectRawWord(std::string_view what) {
  const uint32_t from = begin();
  const std::string word(RawWordAhead());
  if (AtEnd() || word.empty() || !TakeRaw(from + word.size())) {
    FailExpected(what);
    return std::nullopt;
  }
  return ast::Name{word, {from, static_cast<uint32_t>(from + word.size())}};
}

// Moves to the first token behind `end`; false when a token begins before and ends after it.
bool TokenReader::TakeRaw(size_t end) {
  raw_spans_.push_back({begin(), static_cast<uint32_t>(end)});
  while (!AtEnd() && begin() < end) {
    const bool straddles = Peek().span.end > end;
    Next();
    if (straddles) return false;
  }
  return true;
}

bool TokenReader::FailExpected(std::string_view what, std::string hint) {
  const Token& token = Peek();
  if (token.kind == TokenKind::kInvalid) {
    Next();  // The lexer has said what is wrong with it.
    return false;
  }
  const size_t position = cursor_.position();
  if (token.newline_before && position > 0 && BeginsAnew(token)) {
    // What is missing is missing in the line before.
    const uint32_t end = tokens_[position - 1].span.end;
    return Fail(DiagnosticCode::kExpected, {end, end},
                fmt::format("expected {} at the end of this line", what), std::move(hint));
  }
  return Fail(DiagnosticCode::kExpected, token.span,
              fmt::format("expected {}, found {}", what, Describe(token, source_.Text(token.span))),
              std::move(hint));
}

bool TokenReader::Fail(DiagnosticCode code, Span span, std::string message, std::string hint) {
  diagnostics_.Error(code, source_index_, span, std::move(message), std::move(hint));
  return false;
}

void TokenReader::Warn(DiagnosticCode code, Span span, std::string message, std::string hint) {
  diagnostics_.Warning(code, source_index_, span, std::move(message), std::move(hint));
}

Span TokenReader::SpanFrom(uint32_t begin) const {
  const size_t position = cursor_.position();
  const uint32_t end = position == 0 ? begin : tokens_[position - 1].span.end;
  return {begin, end < begin ? begin : end};
}

}  // namespace rootnote
