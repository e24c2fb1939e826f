#include "rules/promql/duration_parser.h"

#include <cmath>
#include <string>
#include <utility>

#include "absl/status/status.h"

namespace rootnote::promql {
namespace {

using Op = DurationExpr::Op;
using Node = std::shared_ptr<const DurationExpr>;

// Go keeps durations in nanoseconds.
constexpr double kSecondsMax = 9'223'372'036.0;
constexpr int kSumLevel = 1;
constexpr int kProductLevel = 2;
constexpr int kPowerLevel = 3;

struct OpRow {
  TokenKind token;
  Op op;
  int level;
};

constexpr OpRow kOps[] = {
    {TokenKind::kPlus, Op::kAdd, kSumLevel},        {TokenKind::kMinus, Op::kSub, kSumLevel},
    {TokenKind::kStar, Op::kMul, kProductLevel},    {TokenKind::kSlash, Op::kDiv, kProductLevel},
    {TokenKind::kPercent, Op::kMod, kProductLevel}, {TokenKind::kCaret, Op::kPow, kPowerLevel},
};

struct WordRow {
  std::string_view word;
  Op op;
};

constexpr WordRow kWords[] = {
    {"step", Op::kStep}, {"range", Op::kRange}, {"min_of", Op::kMinOf}, {"max_of", Op::kMaxOf}};

// Null after a complaint.
class DurationParser {
 public:
  DurationParser(Reader& reader, std::string_view context) : reader_(reader), context_(context) {}

  Node Binary(int level_min) {
    if (TooDeep()) return nullptr;
    Node left = IsSign() ? Sign(true) : Operand();
    while (left) {
      const OpRow* row = Row();
      if (row == nullptr || row->level < level_min) break;
      if (++operators_ > reader_.options().operators_max) return TooMany();
      reader_.Next();
      // ^ alone associates to the right.
      Node right = Binary(row->op == Op::kPow ? row->level : row->level + 1);
      if (!right) return nullptr;
      const uint32_t begin = left->span.begin;
      left = Make(row->op, begin, std::move(left), std::move(right));
    }
    --depth_;
    return left;
  }

  // Behind offset a sign takes one operand only: `offset -2 ^ 2` is (x offset -2) ^ 2.
  Node Signed() { return IsSign() ? Sign(false) : Operand(); }

 private:
  bool IsSign() const { return reader_.Is(TokenKind::kPlus) || reader_.Is(TokenKind::kMinus); }

  const OpRow* Row() const {
    for (const OpRow& row : kOps) {
      if (reader_.Is(row.token)) return &row;
    }
    return nullptr;
  }

  Node Make(Op op, uint32_t begin, Node left, Node right = nullptr) const {
    auto node = std::make_shared<DurationExpr>();
    node->op = op;
    node->span = {begin, reader_.last_end()};
    node->left = std::move(left);
    node->right = std::move(right);
    return node;
  }

  // A sign binds as tightly as * does: -2 ^ 2 is -(2 ^ 2).
  Node Sign(bool with_powers) {
    const uint32_t begin = reader_.here();
    const bool minus = reader_.Is(TokenKind::kMinus);
    reader_.Next();
    Node operand = with_powers ? Binary(kPowerLevel) : Operand();
    if (!operand) return nullptr;
    if (operand->op != Op::kNumber) {
      return Make(minus ? Op::kMinus : Op::kPlus, begin, std::move(operand));
    }
    DurationExpr number = *operand;
    if (minus) number.number = -number.number;
    number.span.begin = begin;
    return std::make_shared<DurationExpr>(std::move(number));
  }

  Node Operand() {
    if (reader_.Is(TokenKind::kLeftParen)) return Paren();
    for (const WordRow& row : kWords) {
      if (reader_.IsWord(row.word) && reader_.Is(TokenKind::kLeftParen, 1)) return Call(row.op);
    }
    return Number();
  }

  Node Number() {
    const Token& token = reader_.Peek();
    const bool seconds = token.kind == TokenKind::kQuantity && token.unit == Unit::kSeconds;
    if (token.kind != TokenKind::kDuration && token.kind != TokenKind::kNumber && !seconds) {
      reader_.Unexpected(context_, "number, duration, step(), or range()");
      return nullptr;
    }
    reader_.Next();
    if (!(std::abs(token.value) <= kSecondsMax)) {
      reader_.Error(DiagnosticCode::kInvalidDuration, token.span, "duration out of range");
      return nullptr;
    }
    auto number = std::make_shared<DurationExpr>();
    number->number = token.value;
    number->span = token.span;
    return number;
  }

  Node Call(Op op) {
    const uint32_t begin = reader_.here();
    reader_.Next();
    reader_.Next();
    Node left;
    Node right;
    if (op == Op::kMinOf || op == Op::kMaxOf) {
      left = Binary(kSumLevel);
      if (!left || !reader_.Expect(TokenKind::kComma, context_, "\",\"")) return nullptr;
      right = Binary(kSumLevel);
      if (!right) return nullptr;
    }
    if (!reader_.Expect(TokenKind::kRightParen, context_, "\")\"")) return nullptr;
    return Make(op, begin, std::move(left), std::move(right));
  }

  Node Paren() {
    const uint32_t begin = reader_.here();
    reader_.Next();
    Node inner = Binary(kSumLevel);
    if (!inner || !reader_.Expect(TokenKind::kRightParen, context_, "\")\"")) return nullptr;
    // Without its parentheses a negative number would be a sign before what follows.
    if (inner->op == Op::kNumber && inner->number >= 0) return inner;
    return Make(Op::kParen, begin, std::move(inner));
  }

  bool TooDeep() {
    if (++depth_ <= reader_.options().depth_max) return false;
    reader_.Error(DiagnosticCode::kNestingTooDeep, reader_.Peek().span,
                  "duration is nested too deeply");
    return true;
  }

  Node TooMany() {
    reader_.Error(DiagnosticCode::kNestingTooDeep, reader_.Peek().span,
                  "duration has too many operators");
    return nullptr;
  }

  Reader& reader_;
  std::string_view context_;
  uint32_t depth_ = 0;
  uint32_t operators_ = 0;
};

// A lone number is rounded to milliseconds, what is computed is cut, as in Prometheus.
std::optional<ParsedDuration> Resolve(Node node, bool signed_allowed, Reader& reader) {
  if (!node) return std::nullopt;
  const auto complain = [&](std::string_view message) {
    reader.Error(DiagnosticCode::kInvalidDuration, node->span, std::string(message));
  };
  if (node->op == Op::kNumber) {
    if (!signed_allowed && node->number <= 0) {
      complain("duration must be greater than 0");
      return std::nullopt;
    }
    return ParsedDuration{Millis(std::llround(node->number * 1000)), nullptr};
  }
  const absl::StatusOr<Millis> value = DurationOf(*node, {}, signed_allowed);
  if (DependsOnQuery(*node)) {
    return ParsedDuration{value.ok() ? *value : Millis(0), std::move(node)};
  }
  if (value.ok()) return ParsedDuration{*value, nullptr};
  // Without the offsets in front: the diagnostic has its place.
  std::string_view message(value.status().message().data(), value.status().message().size());
  message.remove_prefix(message.find(": ") + 2);
  complain(message);
  return std::nullopt;
}

}  // namespace

std::optional<ParsedDuration> ParseRangeDuration(Reader& reader, std::string_view context) {
  return Resolve(DurationParser(reader, context).Binary(kSumLevel), false, reader);
}

std::optional<ParsedDuration> ParseOffsetDuration(Reader& reader) {
  return Resolve(DurationParser(reader, "offset").Signed(), true, reader);
}

}  // namespace rootnote::promql
