#include "rules/promql/selector_parser.h"

#include <algorithm>
#include <cmath>
#include <optional>
#include <string>
#include <utility>

#include "fmt/format.h"
#include "re2/re2.h"

#include "rules/promql/duration_parser.h"
#include "rules/promql/types.h"
#include "rules/promql/words.h"
#include "rules/unquote.h"
#include "schemas/base/string_view.h"
#include "schemas/labels.h"

namespace rootnote::promql {
namespace {

std::optional<MatchOp> MatchOpOf(TokenKind kind) {
  switch (kind) {
    case TokenKind::kAssign:
      return MatchOp::kEqual;
    case TokenKind::kNotEqual:
      return MatchOp::kNotEqual;
    case TokenKind::kMatchRegex:
      return MatchOp::kRegex;
    case TokenKind::kNotMatchRegex:
      return MatchOp::kNotRegex;
    default:
      return std::nullopt;
  }
}

// Anchored, and '.' matches a newline, as since Prometheus 3.
bool CompileRegex(Matcher& matcher, Span span, Reader& reader) {
  re2::RE2::Options options;
  options.set_log_errors(false);
  options.set_dot_nl(true);
  auto regex = std::make_shared<const re2::RE2>(matcher.value, options);
  if (!regex->ok()) {
    reader.Error(DiagnosticCode::kInvalidRegex, span,
                 fmt::format("error parsing regexp: {}", regex->error()), "the syntax is RE2's");
    return false;
  }
  matcher.regex = std::move(regex);
  return true;
}

class SelectorParser {
 public:
  explicit SelectorParser(Reader& reader) : reader_(reader), selector_(std::make_unique<Expr>()) {
    selector_->kind = ExprKind::kSelector;
    selector_->type = ValueType::kVector;
    selector_->span.begin = reader.here();
  }

  std::unique_ptr<Expr> Run(bool allow_empty) {
    if (!reader_.Is(TokenKind::kLeftBrace)) {
      // The name of a recorded series may begin with a colon, which is a token of its own.
      while (reader_.Take(TokenKind::kColon)) selector_->text += ':';
      selector_->text += reader_.Next().text;
      // It may end with colons, too, which the rule language needs for its own.
      while (!reader_.options().extensions && reader_.Is(TokenKind::kColon) &&
             !reader_.Peek().space_before) {
        reader_.Next();
        selector_->text += ':';
      }
      named_ = true;
    }
    if (reader_.Take(TokenKind::kLeftBrace) && !Matchers()) return nullptr;
    selector_->span.end = reader_.last_end();
    Finish(allow_empty);
    return std::move(selector_);
  }

 private:
  bool Matchers() {
    while (!reader_.Take(TokenKind::kRightBrace)) {
      if (!OneMatcher()) return false;
      if (reader_.Is(TokenKind::kRightBrace)) continue;
      if (!reader_.Expect(TokenKind::kComma, "label matching", "\",\" or \"}\"")) return false;
    }
    return true;
  }

  bool OneMatcher() {
    const Token& name = reader_.Peek();
    const bool word = name.kind == TokenKind::kIdentifier ||
                      (name.kind == TokenKind::kNumber && !name.text.empty());
    if (!word && name.kind != TokenKind::kString) {
      reader_.Unexpected("label matching", "identifier or \"}\"");
      return false;
    }
    reader_.Next();
    const std::optional<MatchOp> op = MatchOpOf(reader_.Peek().kind);
    if (!op) {
      if (name.kind == TokenKind::kString) return QuotedName(name);
      reader_.Unexpected("label matching", "label matching operator");
      return false;
    }
    reader_.Next();
    if (!reader_.Is(TokenKind::kString)) {
      reader_.Unexpected("label matching", "string");
      return false;
    }
    if (!IsLabelName(name.text)) {
      reader_.Error(DiagnosticCode::kInvalidLabelName, name.span,
                    "invalid label name " + Quote(name.text));
    }
    Matcher matcher{name.text, *op, reader_.Next().text, nullptr};
    const Span span{name.span.begin, reader_.last_end()};
    if (*op == MatchOp::kRegex || *op == MatchOp::kNotRegex) CompileRegex(matcher, span, reader_);
    selector_->matchers.push_back(std::move(matcher));
    return true;
  }

  // {"a metric", …}
  bool QuotedName(const Token& name) {
    if (named_) {
      reader_.Error(DiagnosticCode::kMetricNameTwice, name.span,
                    fmt::format("metric name must not be set twice: \"{}\" or \"{}\"",
                                selector_->text, name.text));
    }
    named_ = true;
    selector_->text = name.text;
    return true;
  }

  // The name becomes a matcher as well, the first; a single __name__="x" becomes the name.
  void Finish(bool allow_empty) {
    auto& matchers = selector_->matchers;
    const auto is_name = [](const Matcher& matcher) { return matcher.name == kMetricName; };
    const auto name = std::find_if(matchers.begin(), matchers.end(), is_name);
    if (named_ && name != matchers.end()) {
      reader_.Error(DiagnosticCode::kMetricNameTwice, selector_->span,
                    fmt::format("metric name must not be set twice: \"{}\" or \"{}\"",
                                selector_->text, name->value));
      return;
    }
    const bool single = std::count_if(matchers.begin(), matchers.end(), is_name) == 1;
    if (single && name->op == MatchOp::kEqual && !name->value.empty()) {
      selector_->text = name->value;
      matchers.erase(name);
    }
    if (!selector_->text.empty()) {
      matchers.insert(matchers.begin(),
                      Matcher{std::string(kMetricName), MatchOp::kEqual, selector_->text, nullptr});
      return;
    }
    if (allow_empty || reader_.failed()) return;
    for (const Matcher& matcher : matchers) {
      if (!matcher.Matches("")) return;
    }
    reader_.Error(DiagnosticCode::kEmptySelector, selector_->span,
                  "vector selector must contain at least one non-empty matcher",
                  "name the metric, or a label with a value: {job=\"x\"}");
  }

  Reader& reader_;
  std::unique_ptr<Expr> selector_;
  bool named_ = false;
};

class ModifierParser {
 public:
  ModifierParser(std::unique_ptr<Expr> operand, Reader& reader)
      : reader_(reader), expr_(std::move(operand)) {}

  std::unique_ptr<Expr> Run() {
    while (true) {
      bool ok = true;
      if (reader_.Is(TokenKind::kLeftBracket)) {
        ok = Brackets();
      } else if (reader_.IsWord("offset")) {
        ok = Offset();
      } else if (reader_.Is(TokenKind::kAt)) {
        ok = At();
      } else if (IsUnwrap()) {
        ok = Unwrap();
      } else if ((!reader_.options().extensions || expr_->range) &&
                 (reader_.IsWord("anchored") || reader_.IsWord("smoothed"))) {
        reader_.Error(DiagnosticCode::kNotExecutedYet, reader_.Peek().span,
                      fmt::format("not executed yet: the modifier {}", reader_.Peek().text),
                      "Prometheus has it behind a flag");
        return nullptr;
      } else if (IsDotted()) {
        reader_.Error(DiagnosticCode::kPromqlSyntax, reader_.Peek().span, "unexpected \".\"",
                      fmt::format("a name with dots stands in quotes: {{\"{}\"}}", Dotted()));
        return nullptr;
      } else {
        break;
      }
      if (!ok) return nullptr;
    }
    if (!expr_->unwrap.empty() && expr_->kind == ExprKind::kSelector && !expr_->range) {
      reader_.Error(DiagnosticCode::kMisplacedUnwrap, unwrap_,
                    "unwrap needs a range: an event has no value at an instant",
                    "write the range behind it: | unwrap latency_ms [5m]");
    }
    return std::move(expr_);
  }

 private:
  bool IsUnwrap() const {
    return reader_.options().extensions && reader_.Is(TokenKind::kPipe) &&
           reader_.IsWord("unwrap", 1);
  }

  // http.requests: two words and a dot that touch.
  bool IsDotted() const {
    return IsSelector() && !expr_->range && reader_.Is(TokenKind::kDot) &&
           !reader_.Peek().space_before && !reader_.Peek(1).space_before;
  }

  std::string Dotted() const {
    std::string name = expr_->text;
    for (size_t i = 0; reader_.Is(TokenKind::kDot, i) && !reader_.Peek(i + 1).space_before;
         i += 2) {
      name += "." + reader_.Peek(i + 1).text;
    }
    return name;
  }

  bool IsSelector() const { return expr_->kind == ExprKind::kSelector; }

  bool Brackets() {
    const uint32_t begin = reader_.here();
    reader_.Next();
    std::optional<ParsedDuration> range = ParseRangeDuration(reader_, "subquery or range selector");
    if (!range) return false;
    if (reader_.Take(TokenKind::kColon)) return Subquery(std::move(*range));
    if (!reader_.Expect(TokenKind::kRightBracket, "subquery or range", "\":\" or \"]\"")) {
      return false;
    }
    const std::string_view wrong = !IsSelector() || expr_->range
                                       ? "ranges only allowed for vector selectors"
                                   : offset_set_ ? "no offset modifiers allowed before range"
                                   : at_set_     ? "no @ modifiers allowed before range"
                                                 : "";
    if (!wrong.empty()) {
      reader_.Error(DiagnosticCode::kMisplacedRange, {begin, reader_.last_end()},
                    std::string(wrong),
                    IsSelector() ? "" : "a subquery ranges over any expression: (…)[5m:]");
      if (!IsSelector()) return true;
    }
    expr_->range = range->value;
    expr_->range_expr = std::move(range->expr);
    expr_->type = ValueType::kMatrix;
    expr_->span.end = reader_.last_end();
    return true;
  }

  bool Subquery(ParsedDuration range) {
    if (++subqueries_ > reader_.options().depth_max) {
      reader_.Error(DiagnosticCode::kNestingTooDeep, reader_.Peek().span,
                    "expression has too many subqueries in a row");
      return false;
    }
    ParsedDuration step;
    if (!reader_.Is(TokenKind::kRightBracket)) {
      std::optional<ParsedDuration> given = ParseRangeDuration(reader_, "subquery selector");
      if (!given) return false;
      step = std::move(*given);
    }
    if (!reader_.Expect(TokenKind::kRightBracket, "subquery selector", "\"]\"")) return false;
    auto subquery = std::make_unique<Expr>();
    subquery->kind = ExprKind::kSubquery;
    subquery->span = {expr_->span.begin, reader_.last_end()};
    subquery->range = range.value;
    subquery->range_expr = std::move(range.expr);
    subquery->step = step.value;
    subquery->step_expr = std::move(step.expr);
    subquery->args.push_back(std::move(expr_));
    expr_ = std::move(subquery);
    offset_set_ = at_set_ = false;
    TypeSubquery(*expr_, reader_);
    return true;
  }

  bool Offset() {
    reader_.Next();
    std::optional<ParsedDuration> offset = ParseOffsetDuration(reader_);
    if (!offset) return false;
    if (!IsSelector() && expr_->kind != ExprKind::kSubquery) {
      reader_.Error(DiagnosticCode::kMisplacedModifier, expr_->span,
                    "offset modifier must be preceded by an instant vector selector or range "
                    "vector selector or a subquery");
      return true;
    }
    expr_->span.end = reader_.last_end();
    if (offset_set_) {
      reader_.Error(DiagnosticCode::kMisplacedModifier, expr_->span,
                    "offset may not be set multiple times");
    }
    offset_set_ = true;
    expr_->offset = offset->value;
    expr_->offset_expr = std::move(offset->expr);
    return true;
  }

  bool At() {
    reader_.Next();
    AtModifier at;
    if (reader_.IsWord("start") || reader_.IsWord("end")) {
      at.kind = reader_.IsWord("start") ? AtModifier::Kind::kStart : AtModifier::Kind::kEnd;
      reader_.Next();
      if (!reader_.Expect(TokenKind::kLeftParen, "@", "\"(\"")) return false;
      if (!reader_.Expect(TokenKind::kRightParen, "@", "\")\"")) return false;
    } else if (!Timestamp(at)) {
      return false;
    }
    if (!IsSelector() && expr_->kind != ExprKind::kSubquery) {
      reader_.Error(DiagnosticCode::kMisplacedModifier, expr_->span,
                    "@ modifier must be preceded by an instant vector selector or range vector "
                    "selector or a subquery");
      return true;
    }
    expr_->span.end = reader_.last_end();
    if (at_set_) {
      reader_.Error(DiagnosticCode::kMisplacedModifier, expr_->span,
                    "@ <timestamp> may not be set multiple times");
    }
    at_set_ = true;
    expr_->at = at;
    return true;
  }

  bool Timestamp(AtModifier& at) {
    const bool negative = reader_.Is(TokenKind::kMinus);
    if (negative || reader_.Is(TokenKind::kPlus)) reader_.Next();
    const Token& token = reader_.Peek();
    if (token.kind != TokenKind::kNumber && token.kind != TokenKind::kDuration) {
      reader_.Unexpected("@", "timestamp");
      return false;
    }
    reader_.Next();
    const double seconds = negative ? -token.value : token.value;
    // Milliseconds must fit into 64 bits.
    if (!(std::abs(seconds) < 9.2e15)) {
      reader_.Error(DiagnosticCode::kMisplacedModifier, token.span,
                    fmt::format("timestamp out of bounds for @ modifier: {}", seconds));
      return false;
    }
    at.time = FromMillis(std::llround(seconds * 1000));
    return true;
  }

  bool Unwrap() {
    const uint32_t begin = reader_.here();
    reader_.Next();
    reader_.Next();
    const Token& name = reader_.Peek();
    if (name.kind != TokenKind::kIdentifier && name.kind != TokenKind::kString) {
      reader_.Unexpected("unwrap", "the name of an attribute");
      return false;
    }
    reader_.Next();
    unwrap_ = {begin, reader_.last_end()};
    if (!IsSelector() || name.text.empty()) {
      reader_.Error(DiagnosticCode::kMisplacedUnwrap, unwrap_,
                    name.text.empty() ? "unwrap needs the name of an attribute"
                                      : "unwrap must follow a selector of events");
      return true;
    }
    if (!expr_->unwrap.empty()) {
      reader_.Error(DiagnosticCode::kMisplacedUnwrap, unwrap_,
                    "unwrap may not be set multiple times");
    }
    expr_->unwrap = name.text;
    expr_->span.end = reader_.last_end();
    return true;
  }

  Reader& reader_;
  std::unique_ptr<Expr> expr_;
  bool offset_set_ = false;
  bool at_set_ = false;
  uint32_t subqueries_ = 0;
  Span unwrap_;
};

}  // namespace

std::unique_ptr<Expr> ParseSelector(Reader& reader, bool allow_empty) {
  return SelectorParser(reader).Run(allow_empty);
}

std::unique_ptr<Expr> ParseModifiers(std::unique_ptr<Expr> operand, Reader& reader) {
  return ModifierParser(std::move(operand), reader).Run();
}

}  // namespace rootnote::promql
