// The tokens of definitions and templates: heads, calls, parameters. Private to the expansion.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "rules/expansion.h"

namespace rootnote {

bool IsWord(const Token& token, std::string_view word);
// How many braces are open behind the token.
void FollowBraces(const Token& token, size_t& depth);
// "a → b → a".
std::string ChainText(const std::vector<std::string>& names);

// NAME(a, b) behind `def` or `template` at `at`; `end`: behind the bracket, never past the last
// token.
struct MacroHead {
  Token name;
  std::vector<std::string> parameters;
  size_t end = 0;
};
std::optional<MacroHead> ReadMacroHead(const std::vector<Token>& tokens, size_t at);

// (x, y + 1) at `open`; `end`: behind the bracket.
struct Arguments {
  std::vector<std::vector<Token>> lists;
  size_t end = 0;
};
std::optional<Arguments> ReadArguments(const std::vector<Token>& tokens, size_t open);

// Where the longest prefix ends that can be an expression.
size_t ExpressionEnd(const std::vector<Token>& tokens, size_t at);

// Whether each token names a label: left of a matcher, or in a list behind `by` and such.
std::vector<bool> LabelPositions(const std::vector<Token>& tokens);

// Each parameter replaced by its value, which stands in brackets unless it is a single operand. A
// text only stands where one can: as the value of a matcher or filter, and as an argument.
std::vector<Token> ReplaceParameters(const std::vector<Token>& body,
                                     const std::vector<std::string>& parameters,
                                     const std::vector<std::vector<Token>>& values);

Token TokenOf(TokenKind kind, Span span);
// An operand in the place of what could not be expanded.
Token VectorToken(Span span);

// The files without their templates, each followed by its instances (expansion_templates.cc).
std::vector<ExpandedFile> InstantiateTemplates(const std::vector<RuleSource>& sources,
                                               std::vector<std::vector<Token>> tokens,
                                               Diagnostics& diagnostics);

}  // namespace rootnote
