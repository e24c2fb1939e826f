#include "rules/expansion_tokens.h"

#include <algorithm>
#include <array>

namespace rootnote {
namespace {

bool IsAny(const Token& token, const std::vector<std::string_view>& words) {
  return token.kind == TokenKind::kIdentifier &&
         std::find(words.begin(), words.end(), token.text) != words.end();
}

bool Opens(TokenKind kind) {
  return kind == TokenKind::kLeftParen || kind == TokenKind::kLeftBrace ||
         kind == TokenKind::kLeftBracket;
}

bool Closes(TokenKind kind) {
  return kind == TokenKind::kRightParen || kind == TokenKind::kRightBrace ||
         kind == TokenKind::kRightBracket;
}

bool IsMatchOperator(TokenKind kind) {
  return kind == TokenKind::kAssign || kind == TokenKind::kEqual || kind == TokenKind::kNotEqual ||
         kind == TokenKind::kMatchRegex || kind == TokenKind::kNotMatchRegex;
}

// Words after which an expression goes on although an operand is complete.
const std::vector<std::string_view>& Continuing() {
  static const std::vector<std::string_view> words = {
      "and",     "or", "unless",   "atan2",      "offset",      "by",
      "without", "on", "ignoring", "group_left", "group_right", "bool"};
  return words;
}

bool IsOperator(TokenKind kind) {
  static constexpr std::array kKinds = {
      TokenKind::kPlus,  TokenKind::kMinus,     TokenKind::kStar,    TokenKind::kSlash,
      TokenKind::kCaret, TokenKind::kPercent,   TokenKind::kEqual,   TokenKind::kNotEqual,
      TokenKind::kLess,  TokenKind::kLessEqual, TokenKind::kGreater, TokenKind::kGreaterEqual,
      TokenKind::kAt,    TokenKind::kPipe,      TokenKind::kColon};
  return std::find(kKinds.begin(), kKinds.end(), kind) != kKinds.end();
}

// A number, a text, a name, or a selector with its range: needs no brackets.
bool IsOperand(const std::vector<Token>& tokens) {
  if (tokens.size() < 2) return true;
  const bool name =
      tokens[0].kind == TokenKind::kIdentifier || tokens[0].kind == TokenKind::kMetricIdentifier;
  if (!name || tokens[1].kind != TokenKind::kLeftBrace) return false;
  size_t depth = 0;
  for (size_t i = 1; i < tokens.size(); ++i) {
    if (depth == 0 && i > 1) return false;
    depth += Opens(tokens[i].kind) ? 1 : 0;
    depth -= Closes(tokens[i].kind) && depth > 0 ? 1 : 0;
  }
  return depth == 0;
}

bool IsText(const std::vector<Token>& value) {
  return value.size() == 1 && value[0].kind == TokenKind::kString;
}

// `{service}` in texts.
std::string ReplaceInText(const std::string& text, const std::vector<std::string>& parameters,
                          const std::vector<std::vector<Token>>& values) {
  std::string out;
  for (size_t i = 0; i < text.size();) {
    const size_t close = text[i] == '{' ? text.find('}', i) : std::string::npos;
    const auto at = close == std::string::npos ? parameters.end()
                                               : std::find(parameters.begin(), parameters.end(),
                                                           text.substr(i + 1, close - i - 1));
    if (at == parameters.end()) {
      out += text[i++];
      continue;
    }
    for (const Token& token : values[static_cast<size_t>(at - parameters.begin())]) {
      out += token.text;
    }
    i = close + 1;
  }
  return out;
}

}  // namespace

bool IsWord(const Token& token, std::string_view word) {
  return token.kind == TokenKind::kIdentifier && token.text == word;
}

void FollowBraces(const Token& token, size_t& depth) {
  depth += token.kind == TokenKind::kLeftBrace ? 1 : 0;
  depth -= token.kind == TokenKind::kRightBrace && depth > 0 ? 1 : 0;
}

std::string ChainText(const std::vector<std::string>& names) {
  std::string text;
  for (const std::string& name : names) text += (text.empty() ? "" : " → ") + name;
  return text;
}

std::optional<MacroHead> ReadMacroHead(const std::vector<Token>& tokens, size_t at) {
  MacroHead head;
  if (at + 3 >= tokens.size() || tokens[at + 1].kind != TokenKind::kIdentifier ||
      tokens[at + 2].kind != TokenKind::kLeftParen) {
    return std::nullopt;
  }
  head.name = tokens[at + 1];
  size_t i = at + 3;
  while (i + 1 < tokens.size() && tokens[i].kind != TokenKind::kRightParen) {
    if (tokens[i].kind == TokenKind::kIdentifier) {
      head.parameters.push_back(tokens[i].text);
    } else if (tokens[i].kind != TokenKind::kComma) {
      return std::nullopt;
    }
    ++i;
  }
  head.end = i + 1;
  return head.end < tokens.size() ? std::optional(head) : std::nullopt;
}

std::optional<Arguments> ReadArguments(const std::vector<Token>& tokens, size_t open) {
  Arguments arguments;
  std::vector<Token> list;
  size_t depth = 0;
  for (size_t i = open; i < tokens.size(); ++i) {
    const TokenKind kind = tokens[i].kind;
    if (kind == TokenKind::kEnd) return std::nullopt;
    depth -= Closes(kind) && depth > 0 ? 1 : 0;
    if (depth == 0 && i > open) {
      if (!list.empty() || !arguments.lists.empty()) arguments.lists.push_back(std::move(list));
      arguments.end = i + 1;
      return arguments;
    }
    if (kind == TokenKind::kComma && depth == 1) {
      arguments.lists.push_back(std::move(list));
      list.clear();
    } else if (i > open) {
      list.push_back(tokens[i]);
    }
    depth += Opens(kind) ? 1 : 0;
  }
  return std::nullopt;
}

size_t ExpressionEnd(const std::vector<Token>& tokens, size_t at) {
  size_t depth = 0;
  bool complete = false;  // an operand
  for (; at < tokens.size() && tokens[at].kind != TokenKind::kEnd; ++at) {
    const Token& token = tokens[at];
    if (Opens(token.kind)) {
      ++depth;
    } else if (Closes(token.kind)) {
      if (depth == 0) return at;
      --depth;
      complete = true;
    } else if (depth > 0) {
      continue;
    } else if (IsOperator(token.kind)) {
      complete = false;
    } else if (complete && IsAny(token, Continuing())) {
      complete = false;
    } else if (complete || token.kind == TokenKind::kComma || token.kind == TokenKind::kSemicolon) {
      return at;
    } else {
      complete = true;
    }
  }
  return at;
}

std::vector<bool> LabelPositions(const std::vector<Token>& tokens) {
  static const std::vector<std::string_view> kLists = {
      "by", "without", "on", "ignoring", "group_left", "group_right", "id"};
  std::vector<bool> labels(tokens.size());
  size_t list = 0;  // brackets of a list of labels
  for (size_t i = 0; i < tokens.size(); ++i) {
    const TokenKind kind = tokens[i].kind;
    if (i > 0 && kind == TokenKind::kLeftParen && IsAny(tokens[i - 1], kLists)) {
      list = 1;
    } else if (kind == TokenKind::kRightParen) {
      list = 0;
    }
    const bool begins = i > 0 && (tokens[i - 1].kind == TokenKind::kLeftBrace ||
                                  tokens[i - 1].kind == TokenKind::kComma);
    const bool matched = i + 1 < tokens.size() && IsMatchOperator(tokens[i + 1].kind);
    const bool attribute =
        i > 0 && (tokens[i - 1].kind == TokenKind::kDot || IsWord(tokens[i - 1], "where"));
    labels[i] = list > 0 || (begins && matched) || attribute;
  }
  return labels;
}

std::vector<Token> ReplaceParameters(const std::vector<Token>& body,
                                     const std::vector<std::string>& parameters,
                                     const std::vector<std::vector<Token>>& values) {
  const std::vector<bool> labels = LabelPositions(body);
  std::vector<Token> out;
  for (size_t i = 0; i < body.size(); ++i) {
    Token token = body[i];
    if (token.kind == TokenKind::kString) {
      token.text = ReplaceInText(token.text, parameters, values);
    }
    const auto at = token.kind != TokenKind::kIdentifier || labels[i]
                        ? parameters.end()
                        : std::find(parameters.begin(), parameters.end(), token.text);
    if (at == parameters.end()) {
      out.push_back(std::move(token));
      continue;
    }
    std::vector<Token> value = values[static_cast<size_t>(at - parameters.begin())];
    const bool valued = i > 0 && IsMatchOperator(body[i - 1].kind);
    const bool argument = i > 0 && (body[i - 1].kind == TokenKind::kLeftParen ||
                                    body[i - 1].kind == TokenKind::kComma);
    if (IsText(value) && !valued && !argument) {
      out.push_back(std::move(token));
      continue;
    }
    for (Token& one : value) one.span = token.span;
    const bool name = value.size() == 1 && value[0].kind == TokenKind::kIdentifier;
    if (name && valued && body[i - 1].kind != TokenKind::kEqual) {
      value[0].kind = TokenKind::kString;  // {job=name}
    }
    if (!value.empty()) {
      value[0].newline_before = token.newline_before;
      value[0].space_before = token.space_before;
    }
    const bool plain = IsOperand(value);
    if (!plain) out.push_back(TokenOf(TokenKind::kLeftParen, token.span));
    out.insert(out.end(), value.begin(), value.end());
    if (!plain) out.push_back(TokenOf(TokenKind::kRightParen, token.span));
    // x{mode="idle"} with a selector that has matchers already: one list of both.
    const bool joined = plain && value.size() > 1 && i + 1 < body.size() &&
                        body[i + 1].kind == TokenKind::kLeftBrace;
    if (joined) {
      out.back() = TokenOf(TokenKind::kComma, token.span);
      ++i;
    }
  }
  return out;
}

Token TokenOf(TokenKind kind, Span span) {
  Token token;
  token.kind = kind;
  token.span = span;
  return token;
}

Token VectorToken(Span span) {
  Token token = TokenOf(TokenKind::kIdentifier, span);
  token.text = "up";
  return token;
}

}  // namespace rootnote
