#include "rules/promql/words.h"

#include <algorithm>
#include <array>

#include "rules/promql/functions.h"
#include "rules/unquote.h"

namespace rootnote::promql {
namespace {

struct OpRow {
  BinaryOp op;
  TokenKind token;
  std::string_view text;
  int precedence;
};

// In the order of the enumeration.
constexpr OpRow kOps[] = {
    {BinaryOp::kAdd, TokenKind::kPlus, "+", 4},
    {BinaryOp::kSub, TokenKind::kMinus, "-", 4},
    {BinaryOp::kMul, TokenKind::kStar, "*", 5},
    {BinaryOp::kDiv, TokenKind::kSlash, "/", 5},
    {BinaryOp::kMod, TokenKind::kPercent, "%", 5},
    {BinaryOp::kPow, TokenKind::kCaret, "^", 6},
    {BinaryOp::kAtan2, TokenKind::kIdentifier, "atan2", 5},
    {BinaryOp::kEq, TokenKind::kEqual, "==", 3},
    {BinaryOp::kNe, TokenKind::kNotEqual, "!=", 3},
    {BinaryOp::kGt, TokenKind::kGreater, ">", 3},
    {BinaryOp::kLt, TokenKind::kLess, "<", 3},
    {BinaryOp::kGe, TokenKind::kGreaterEqual, ">=", 3},
    {BinaryOp::kLe, TokenKind::kLessEqual, "<=", 3},
    {BinaryOp::kAnd, TokenKind::kIdentifier, "and", 2},
    {BinaryOp::kOr, TokenKind::kIdentifier, "or", 1},
    {BinaryOp::kUnless, TokenKind::kIdentifier, "unless", 2},
};

const OpRow& Row(BinaryOp op) { return kOps[static_cast<size_t>(op)]; }

constexpr std::string_view kNeverMetric[] = {"bool",        "on",    "ignoring", "group_left",
                                             "group_right", "atan2", "inf",      "nan"};
constexpr std::string_view kKeywords[] = {"and",     "or",     "unless", "by",
                                          "without", "offset", "start",  "end"};
constexpr std::string_view kClauseWords[] = {
    "when",     "clear",  "for",    "keep",    "no",          "every",   "family",
    "severity", "labels", "limit",  "summary", "description", "runbook", "owner",
    "shows",    "causes", "title",  "then",    "within",      "where",   "times",
    "as",       "over",   "signal", "fault",   "kind",        "relation"};

template <size_t n>
bool Contains(const std::string_view (&words)[n], std::string_view word) {
  return std::find(std::begin(words), std::end(words), word) != std::end(words);
}

bool IsLetter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; }

}  // namespace

std::string_view TypeName(ValueType type) {
  switch (type) {
    case ValueType::kScalar:
      return "scalar";
    case ValueType::kVector:
      return "instant vector";
    case ValueType::kMatrix:
      return "range vector";
    case ValueType::kString:
      return "string";
    case ValueType::kNone:
      break;
  }
  return "none";
}

std::string_view OpText(BinaryOp op) { return Row(op).text; }
int Precedence(BinaryOp op) { return Row(op).precedence; }
bool IsComparison(BinaryOp op) { return op >= BinaryOp::kEq && op <= BinaryOp::kLe; }
bool IsSetOperator(BinaryOp op) { return op >= BinaryOp::kAnd; }

std::optional<BinaryOp> BinaryOpOf(const Token& token) {
  for (const OpRow& row : kOps) {
    if (row.token != token.kind) continue;
    if (token.kind != TokenKind::kIdentifier || LowerCase(token.text) == row.text) return row.op;
  }
  return std::nullopt;
}

std::string LowerCase(std::string_view text) {
  std::string lower(text);
  for (char& c : lower) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return lower;
}

bool IsNeverMetric(std::string_view lower_case_word) {
  return Contains(kNeverMetric, lower_case_word);
}

bool IsReserved(std::string_view word) {
  const std::string lower = LowerCase(word);
  return IsNeverMetric(lower) || Contains(kKeywords, lower) || FindAggregate(lower) != nullptr;
}

bool IsClauseWord(std::string_view word) { return Contains(kClauseWords, word); }

bool IsBareMetricName(std::string_view name) {
  if (name.empty() || (name[0] >= '0' && name[0] <= '9')) return false;
  return std::all_of(name.begin(), name.end(),
                     [](char c) { return IsLetter(c) || c == ':' || (c >= '0' && c <= '9'); });
}

bool IsLabelName(std::string_view name) { return !name.empty() && IsUtf8(name); }

bool IsBareLabelName(std::string_view name) {
  return IsBareMetricName(name) && name.find(':') == std::string_view::npos;
}

}  // namespace rootnote::promql
