#include "rules/promql/ast.h"

#include <algorithm>

#include "re2/re2.h"

namespace rootnote::promql {
namespace {

void Collect(const Expr& expr, std::vector<const Expr*>& selectors) {
  if (expr.kind == ExprKind::kSelector) selectors.push_back(&expr);
  for (const auto& arg : expr.args) Collect(*arg, selectors);
}

}  // namespace

bool Matcher::Matches(std::string_view text) const {
  switch (op) {
    case MatchOp::kEqual:
      return text == value;
    case MatchOp::kNotEqual:
      return text != value;
    case MatchOp::kRegex:
      return regex != nullptr &&
             re2::RE2::FullMatch(re2::StringPiece(text.data(), text.size()), *regex);
    case MatchOp::kNotRegex:
      return regex != nullptr &&
             !re2::RE2::FullMatch(re2::StringPiece(text.data(), text.size()), *regex);
  }
  return false;
}

std::vector<const Expr*> Selectors(const Expr& expr) {
  std::vector<const Expr*> selectors;
  Collect(expr, selectors);
  return selectors;
}

Millis HistoryNeeded(const Expr& expr, Millis lookback) {
  Millis inner{0};
  for (const auto& arg : expr.args) inner = std::max(inner, HistoryNeeded(*arg, lookback));
  if (expr.kind == ExprKind::kSelector) {
    return std::max(Millis(0), expr.range.value_or(lookback) + expr.offset);
  }
  if (expr.kind == ExprKind::kSubquery) {
    return std::max(Millis(0), inner + expr.range.value_or(Millis(0)) + expr.offset);
  }
  if (expr.kind == ExprKind::kCall && expr.text == "baseline" && expr.args.size() == 2) {
    const Expr& length = *expr.args[1];
    if (length.kind == ExprKind::kNumber && length.number > 0 && length.number < 1e10) {
      return inner + Millis(static_cast<int64_t>(length.number * 1000));
    }
  }
  return inner;
}

}  // namespace rootnote::promql
