#include "rules/format/spacing.h"

#include <algorithm>
#include <iterator>
#include <optional>

#include "rules/promql/functions.h"

namespace rootnote {
namespace {

using Bracket = Atom::Bracket;

template <size_t N>
bool IsOneOf(const Atom& atom, const std::string_view (&words)[N]) {
  return atom.kind == TokenKind::kIdentifier && !atom.raw &&
         std::find(std::begin(words), std::end(words), atom.text) != std::end(words);
}

// Words with a list or an operand in parentheses behind them, and operators that are words.
constexpr std::string_view kBeforeParen[] = {
    "by",   "without", "on",    "ignoring", "group_left", "group_right",
    "of",   "and",     "or",    "unless",   "bool",       "over",
    "when", "clear",   "shows", "causes",   "then",       "atan2"};
constexpr std::string_view kOperatorWords[] = {"and",  "or",     "unless", "atan2",
                                               "bool", "offset", "when",   "clear"};
// Words whose object follows.
constexpr std::string_view kHeads[] = {"kind",  "relation", "signal", "fault",  "test", "on",
                                       "event", "series",   "expect", "at",     "by",   "within",
                                       "for",   "root",     "impact", "carries"};
constexpr std::string_view kLabelListWords[] = {"by",       "without",    "on",
                                                "ignoring", "group_left", "group_right"};

bool IsMatchOperator(TokenKind kind) {
  return kind == TokenKind::kAssign || kind == TokenKind::kEqual || kind == TokenKind::kNotEqual ||
         kind == TokenKind::kMatchRegex || kind == TokenKind::kNotMatchRegex;
}

bool IsComparison(const Atom& atom) {
  if (atom.raw || atom.back_arrow) return false;
  switch (atom.kind) {
    case TokenKind::kEqual:
    case TokenKind::kNotEqual:
    case TokenKind::kLess:
    case TokenKind::kLessEqual:
    case TokenKind::kGreater:
    case TokenKind::kGreaterEqual:
      return true;
    default:
      return false;
  }
}

bool IsArithmetic(const Atom& atom) {
  if (atom.raw) return false;
  switch (atom.kind) {
    case TokenKind::kPlus:
    case TokenKind::kMinus:
    case TokenKind::kStar:
    case TokenKind::kSlash:
    case TokenKind::kPercent:
    case TokenKind::kCaret:
      return true;
    default:
      return false;
  }
}

// Whether an operand ends with atoms[i], so that a sign behind it is an operator.
bool EndsOperand(const std::vector<Atom>& atoms, size_t i) {
  const Atom& atom = atoms[i];
  switch (atom.bracket) {
    case Bracket::kSelectorClose:
      return true;
    case Bracket::kClose: {
      const bool list = atom.partner > 0 && IsOneOf(atoms[atom.partner - 1], kLabelListWords);
      return !list;
    }
    case Bracket::kNone:
      break;
    default:
      return false;
  }
  switch (atom.kind) {
    case TokenKind::kIdentifier:
      return !IsOneOf(atom, kOperatorWords) && !IsOneOf(atom, kLabelListWords);
    case TokenKind::kMetricIdentifier:
    case TokenKind::kNumber:
    case TokenKind::kQuantity:
    case TokenKind::kDuration:
    case TokenKind::kString:
      return true;
    default:
      return false;
  }
}

// Whether the `+` or `-` at i joins two operands.
bool IsBinary(const std::vector<Atom>& atoms, size_t i) {
  const bool sign = atoms[i].kind == TokenKind::kPlus || atoms[i].kind == TokenKind::kMinus;
  return !sign || (i > 0 && EndsOperand(atoms, i - 1));
}

std::optional<size_t> AroundBrackets(const std::vector<Atom>& atoms, size_t i) {
  const Atom& before = atoms[i - 1];
  const Atom& after = atoms[i];
  if (before.bracket == Bracket::kOpen || after.bracket == Bracket::kClose) return 0;
  if (before.bracket == Bracket::kSelectorOpen || after.bracket == Bracket::kSelectorClose) {
    return 0;
  }
  if (before.bracket == Bracket::kBlockOpen && after.bracket == Bracket::kBlockClose) return 0;
  if (before.bracket == Bracket::kBlockOpen || after.bracket == Bracket::kBlockClose ||
      after.bracket == Bracket::kBlockOpen) {
    return 1;
  }
  if (before.bracket == Bracket::kBlockClose) return std::max<size_t>(after.gap, 1);
  if (after.bracket != Bracket::kOpen) return std::nullopt;
  if (after.kind == TokenKind::kLeftBracket) {
    return EndsOperand(atoms, i - 1) ? std::optional<size_t>(0) : std::nullopt;
  }
  if (before.bracket == Bracket::kClose) return 1;
  if (IsOneOf(before, kBeforeParen)) return std::max<size_t>(std::min<size_t>(after.gap, 1), 1);
  const bool call = before.kind == TokenKind::kIdentifier && !before.raw &&
                    (promql::FindFunction(before.text) != nullptr ||
                     promql::FindAggregate(before.text) != nullptr);
  return call ? std::optional<size_t>(0) : std::nullopt;
}

// As it was, but one or two.
size_t AsWritten(const Atom& after, const SpacingPlace& place) {
  return std::min<size_t>(after.gap, place.in_brackets || place.in_selector ? 1 : 2);
}

std::optional<size_t> AroundOperators(const std::vector<Atom>& atoms, size_t i,
                                      const SpacingPlace& place) {
  const Atom& before = atoms[i - 1];
  const Atom& after = atoms[i];
  if (place.in_selector && (IsMatchOperator(before.kind) || IsMatchOperator(after.kind))) return 0;
  // where monitored="true", where name =~ "buy": both are good.
  const bool text = (IsMatchOperator(after.kind) && i + 1 < atoms.size() &&
                     atoms[i + 1].kind == TokenKind::kString) ||
                    (IsMatchOperator(before.kind) && after.kind == TokenKind::kString);
  if (text) return std::min<size_t>(after.gap, 1);
  if (IsComparison(before) || IsComparison(after)) return 1;
  if (before.kind == TokenKind::kArrow || after.kind == TokenKind::kArrow) return 1;
  if (before.kind == TokenKind::kPipe || after.kind == TokenKind::kPipe) return 1;
  if (IsArithmetic(after) && EndsOperand(atoms, i - 1)) return 1;
  if (IsArithmetic(after) && before.bracket == Bracket::kClose) return 1;
  if (IsArithmetic(before)) return IsBinary(atoms, i - 1) ? 1 : 0;
  return std::nullopt;
}

}  // namespace

size_t SpacesBefore(const std::vector<Atom>& atoms, size_t i, const SpacingPlace& place) {
  const Atom& before = atoms[i - 1];
  const Atom& after = atoms[i];
  if (after.kind == TokenKind::kComma || after.kind == TokenKind::kSemicolon) return 0;
  if (before.kind == TokenKind::kComma) return place.in_selector ? 0 : 1;
  if (before.kind == TokenKind::kSemicolon) return 1;
  if (before.back_arrow || after.back_arrow) return 1;
  if (const auto spaces = AroundBrackets(atoms, i)) return *spaces;
  if (before.kind == TokenKind::kDot || after.kind == TokenKind::kDot) {
    return std::min<size_t>(after.gap, 1);
  }
  if (place.in_relation && (before.kind == TokenKind::kColon || after.kind == TokenKind::kColon)) {
    return 1;
  }
  if (const auto spaces = AroundOperators(atoms, i, place)) return *spaces;
  if (IsOneOf(before, kHeads)) return std::min<size_t>(after.gap, 1);
  return AsWritten(after, place);
}

}  // namespace rootnote
