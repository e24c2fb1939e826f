#include "rules/lsp/hover.h"

#include <algorithm>

#include "fmt/format.h"

#include "rules/expr_facts.h"
#include "rules/lsp/keywords.h"
#include "rules/promql/words.h"

namespace rootnote {
namespace {

constexpr size_t kDeclarationBytesMax = 2000;

// Comment lines that end right above `begin`.
std::string CommentAbove(const RuleSource& source, uint32_t begin) {
  std::string comment;
  for (uint32_t line = source.At(begin).line - 1; line > 0; --line) {
    std::string_view text = source.Line(line);
    text.remove_prefix(std::min(text.find_first_not_of(" \t"), text.size()));
    if (text.empty() || text.front() != '#') break;
    text.remove_prefix(1);
    if (text.starts_with(' ')) text.remove_prefix(1);
    comment = fmt::format("{}\n{}", text, comment);
  }
  return comment;
}

// Never cuts a character in two.
std::string_view Shortened(std::string_view text) {
  if (text.size() <= kDeclarationBytesMax) return text;
  size_t end = kDeclarationBytesMax;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0) == 0x80) --end;
  return text.substr(0, end);
}

// The innermost part of an expression at `offset`.
const promql::Expr* ExprAt(const promql::Expr& expr, uint32_t offset) {
  for (const auto& arg : expr.args) {
    if (arg == nullptr || offset < arg->span.begin || offset >= arg->span.end) continue;
    return ExprAt(*arg, offset);
  }
  return &expr;
}

const promql::Expr* ExprAt(const ast::File& file, uint32_t offset) {
  const auto in = [&](const ast::Condition& condition) -> const promql::Expr* {
    const auto* expr = std::get_if<std::unique_ptr<promql::Expr>>(&condition.what);
    if (expr == nullptr || *expr == nullptr) return nullptr;
    const Span span = (*expr)->span;
    return offset < span.begin || offset >= span.end ? nullptr : ExprAt(**expr, offset);
  };
  for (const ast::Signal& signal : file.signals) {
    if (const promql::Expr* expr = in(signal.when)) return expr;
    if (!signal.clear) continue;
    if (const promql::Expr* expr = in(*signal.clear)) return expr;
  }
  return nullptr;
}

std::string TypeText(const promql::Expr& expr) {
  std::string text(promql::TypeName(expr.type));
  const Dimension dimension = DimensionOf(expr);
  if (dimension.known()) text += fmt::format(" in {}", ToString(dimension));
  return text;
}

std::string ExprText(const promql::Expr& expr) {
  std::string text = fmt::format("{}: {}", expr.text, TypeText(expr));
  if (expr.range) text += fmt::format(", the last {}", FormatDuration(*expr.range));
  return text;
}

// A word of the language, of the clause or block that it most likely belongs to.
const Keyword* KeywordOf(const std::string& word) {
  for (const Keyword& keyword : Keywords()) {
    if (keyword.word == word || keyword.word.starts_with(word + " ")) return &keyword;
  }
  return nullptr;
}

std::string QuantityText(const Token& token) {
  switch (token.unit) {
    case Unit::kRatio:
      return fmt::format("{} of one", token.value);
    case Unit::kSeconds:
      return fmt::format("{} seconds", token.value);
    case Unit::kBytes:
      return fmt::format("{} bytes", token.value);
    case Unit::kPerSecond:
      return fmt::format("{} per second", token.value);
    case Unit::kBytesPerSecond:
      return fmt::format("{} bytes per second", token.value);
    case Unit::kNone:
      break;
  }
  return "";
}

std::string CallText(std::string_view signature, std::string_view doc, const promql::Expr& expr) {
  return fmt::format("```text\n{}\n```\n{}\n\nHere: {}", signature, doc, TypeText(expr));
}

std::string WordText(const Analysis& analysis, size_t at, uint32_t offset) {
  const Token& token = analysis.tokens[at];
  const promql::Expr* expr = ExprAt(analysis.tree, offset);
  const bool call =
      at + 1 < analysis.tokens.size() && expr != nullptr &&
      (expr->kind == promql::ExprKind::kCall || expr->kind == promql::ExprKind::kAggregate) &&
      expr->text == token.text;
  if (call) {
    if (const promql::FunctionSignature* function = promql::FindFunction(token.text)) {
      return CallText(SignatureText(*function), function->doc, *expr);
    }
    if (const promql::AggregateSignature* aggregate = promql::FindAggregate(token.text)) {
      return CallText(aggregate->Text(), aggregate->doc, *expr);
    }
  }
  if (expr != nullptr && expr->kind == promql::ExprKind::kSelector && expr->text == token.text) {
    return ExprText(*expr);
  }
  if (const Symbol* symbol = SymbolAt(analysis, at, offset)) return SymbolText(analysis, *symbol);
  if (const Keyword* keyword = KeywordOf(token.text)) {
    return fmt::format("**{}**: {}", keyword->word, keyword->doc);
  }
  return "";
}

}  // namespace

std::string SignatureText(const promql::FunctionSignature& function) {
  return fmt::format("{} → {}", function.Text(), promql::TypeName(function.ReturnType()));
}

std::string SymbolText(const Analysis& analysis, const Symbol& symbol) {
  const RuleSource& source = analysis.result.sources[symbol.source];
  const std::string comment = CommentAbove(source, symbol.span.begin);
  return fmt::format("```rootnote\n{}\n```\n{}", Shortened(source.Text(symbol.span)), comment);
}

std::optional<Hover> HoverAt(const Analysis& analysis, uint32_t offset) {
  const size_t at = TokenAt(analysis.tokens, offset);
  if (at >= analysis.tokens.size()) return std::nullopt;
  const Token& token = analysis.tokens[at];
  Hover hover;
  hover.span = token.span;
  if (token.kind == TokenKind::kIdentifier || token.kind == TokenKind::kMetricIdentifier) {
    hover.text =
        WordText(analysis, at, std::max(token.span.begin, std::min(offset, token.span.end - 1)));
  } else if (token.kind == TokenKind::kQuantity || token.kind == TokenKind::kDuration) {
    hover.text = QuantityText(token);
  }
  if (hover.text.empty()) return std::nullopt;
  return hover;
}

}  // namespace rootnote
