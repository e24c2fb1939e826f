#include "rules/promql/parser.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "fmt/format.h"

#include "rules/promql/functions.h"
#include "rules/promql/reader.h"
#include "rules/promql/selector_parser.h"
#include "rules/promql/types.h"
#include "rules/promql/words.h"
#include "schemas/labels.h"

namespace rootnote::promql {
namespace {

using ExprPtr = std::unique_ptr<Expr>;

// A unary sign binds as tightly as * does: -1^2 is -(1^2), -a * b is (-a) * b.
constexpr int kAboveUnary = 6;

// Recursive descent with precedence climbing. Every function returns null after a complaint of
// syntax; complaints of types are only recorded.
class Parser {
 public:
  Parser(Reader& reader, const ParseOptions& options) : reader_(reader), options_(options) {}

  ExprPtr Binary(int precedence_min) {
    const Depth depth(*this);
    if (!depth.ok()) return nullptr;
    ExprPtr left = Operand();
    while (left) {
      const std::optional<BinaryOp> op = BinaryOpOf(reader_.Peek());
      if (!op || Precedence(*op) < precedence_min) break;
      left = BinaryRest(std::move(left), *op);
    }
    return left;
  }

 private:
  // Counts nesting while it lives.
  class Depth {
   public:
    explicit Depth(Parser& parser) : parser_(parser) {
      if (++parser_.depth_ > parser_.options_.depth_max) parser_.TooDeep();
    }
    ~Depth() { --parser_.depth_; }
    Depth(const Depth&) = delete;
    Depth& operator=(const Depth&) = delete;
    bool ok() const { return parser_.depth_ <= parser_.options_.depth_max; }

   private:
    Parser& parser_;
  };

  void TooDeep() {
    reader_.Error(DiagnosticCode::kNestingTooDeep, reader_.Peek().span,
                  fmt::format("expression is nested too deeply, at most {} levels are allowed",
                              options_.depth_max),
                  "split it, or record a part of it as a series");
  }

  bool CountOperator() {
    if (++operators_ <= options_.operators_max) return true;
    reader_.Error(DiagnosticCode::kNestingTooDeep, reader_.Peek().span,
                  fmt::format("expression has more than {} operators", options_.operators_max),
                  "a regular expression in a matcher replaces a long chain of `or`");
    return false;
  }

  ExprPtr New(ExprKind kind, uint32_t begin) const {
    auto expr = std::make_unique<Expr>();
    expr->kind = kind;
    expr->span = {begin, reader_.last_end()};
    return expr;
  }

  ExprPtr BinaryRest(ExprPtr left, BinaryOp op) {
    if (!CountOperator()) return nullptr;
    ExprPtr expr = New(ExprKind::kBinary, left->span.begin);
    expr->op = op;
    const uint32_t operation = reader_.here();
    reader_.Next();
    if (CutsHistograms(op)) return nullptr;
    if (!BinaryModifiers(*expr)) return nullptr;
    const uint32_t operation_end = reader_.last_end();
    // ^ alone associates to the right.
    ExprPtr right = Binary(op == BinaryOp::kPow ? Precedence(op) : Precedence(op) + 1);
    if (!right) return nullptr;
    expr->span.end = right->span.end;
    expr->args.push_back(std::move(left));
    expr->args.push_back(std::move(right));
    TypeBinary(*expr, {operation, operation_end}, reader_);
    return expr;
  }

  // x </ 3 and x >/ 3 cut buckets off native histograms. True after saying that there are none.
  bool CutsHistograms(BinaryOp op) {
    const bool cut = (op == BinaryOp::kLt || op == BinaryOp::kGt) &&
                     reader_.Is(TokenKind::kSlash) && !reader_.Peek().space_before;
    if (!cut) return false;
    const Span slash = reader_.Peek().span;
    reader_.Error(DiagnosticCode::kNotExecutedYet, {slash.begin - 1, slash.end},
                  fmt::format("not executed yet: native histograms, which {}/ is for", OpText(op)),
                  "classic histograms have a series for each bucket: x_bucket{le=\"3\"}");
    return true;
  }

  // [bool] [on|ignoring (…) [group_left|group_right [(…)]]] [fill (N)]
  bool BinaryModifiers(Expr& expr) {
    expr.return_bool = reader_.TakeWord("bool");
    return Matching(expr.matching.emplace()) && Fills(*expr.matching);
  }

  // fill (N), or fill_left (N) and fill_right (N) in either order. Without a parenthesis these are
  // metrics.
  bool Fills(VectorMatching& matching) {
    for (int i = 0; i < 2 && reader_.Is(TokenKind::kLeftParen, 1); ++i) {
      const bool both = i == 0 && reader_.IsWord("fill");
      const bool left = !matching.fill_left && reader_.IsWord("fill_left");
      const bool right = !matching.fill_right && reader_.IsWord("fill_right");
      if (!both && !left && !right) return true;
      reader_.Next();
      const std::optional<double> value = FillValue();
      if (!value) return false;
      if (both || left) matching.fill_left = value;
      if (both || right) matching.fill_right = value;
      if (both) return true;
    }
    return true;
  }

  std::optional<double> FillValue() {
    reader_.Next();
    const bool minus = reader_.Is(TokenKind::kMinus);
    if (minus || reader_.Is(TokenKind::kPlus)) reader_.Next();
    const Token& token = reader_.Peek();
    if (token.kind != TokenKind::kNumber && token.kind != TokenKind::kDuration &&
        token.kind != TokenKind::kQuantity) {
      reader_.Unexpected("fill modifier", "number");
      return std::nullopt;
    }
    reader_.Next();
    if (!reader_.Expect(TokenKind::kRightParen, "fill modifier", "\")\"")) return std::nullopt;
    return minus ? -token.value : token.value;
  }

  bool Matching(VectorMatching& matching) {
    matching.on = reader_.IsWord("on");
    if (!matching.on && !reader_.IsWord("ignoring")) return true;
    reader_.Next();
    auto labels = reader_.LabelList();
    if (!labels) return false;
    matching.labels = std::move(*labels);
    const bool left = reader_.IsWord("group_left");
    if (!left && !reader_.IsWord("group_right")) return true;
    reader_.Next();
    using Card = VectorMatching::Card;
    matching.card = left ? Card::kManyToOne : Card::kOneToMany;
    // Prometheus' grammar, too, takes any parenthesis here for the list of labels.
    if (!reader_.Is(TokenKind::kLeftParen)) return true;
    auto include = reader_.LabelList();
    if (!include) return false;
    matching.include = std::move(*include);
    return true;
  }

  ExprPtr Operand() {
    if (reader_.Is(TokenKind::kMinus) || reader_.Is(TokenKind::kPlus)) return Sign();
    ExprPtr primary = Primary();
    return primary ? ParseModifiers(std::move(primary), reader_) : nullptr;
  }

  ExprPtr Sign() {
    const Depth depth(*this);
    if (!depth.ok()) return nullptr;
    const uint32_t begin = reader_.here();
    const bool minus = reader_.Is(TokenKind::kMinus);
    reader_.Next();
    ExprPtr operand = Binary(kAboveUnary);
    if (!operand) return nullptr;
    if (operand->kind == ExprKind::kNumber) {
      if (minus) operand->number = -operand->number;
      operand->span.begin = begin;
      return operand;
    }
    ExprPtr expr = New(ExprKind::kUnary, begin);
    expr->op = minus ? BinaryOp::kSub : BinaryOp::kAdd;
    expr->args.push_back(std::move(operand));
    TypeUnary(*expr, reader_);
    return expr;
  }

  ExprPtr Primary() {
    const Token& token = reader_.Peek();
    switch (token.kind) {
      case TokenKind::kNumber:
      case TokenKind::kQuantity:
      case TokenKind::kDuration:
        return Number();
      case TokenKind::kString:
        return String();
      case TokenKind::kLeftParen:
        return Paren();
      case TokenKind::kLeftBrace:
        return ParseSelector(reader_, allow_empty_selector_);
      case TokenKind::kColon:
        if (IsColonName()) return ParseSelector(reader_, false);
        break;
      case TokenKind::kMetricIdentifier:
        return ParseSelector(reader_, false);
      case TokenKind::kIdentifier:
        return Word();
      default:
        break;
    }
    if (token.kind == TokenKind::kEnd && reader_.last_end() == 0) {
      reader_.Error(DiagnosticCode::kPromqlSyntax, token.span, "no expression found in input");
    } else {
      reader_.Unexpected("", "");
    }
    return nullptr;
  }

  // :name, without space between.
  bool IsColonName() const {
    size_t ahead = 1;
    while (reader_.Is(TokenKind::kColon, ahead) && !reader_.Peek(ahead).space_before) ++ahead;
    const Token& name = reader_.Peek(ahead);
    const bool word =
        name.kind == TokenKind::kIdentifier || name.kind == TokenKind::kMetricIdentifier;
    return word && !name.space_before;
  }

  ExprPtr Number() {
    const Token& token = reader_.Next();
    ExprPtr expr = New(ExprKind::kNumber, token.span.begin);
    expr->type = ValueType::kScalar;
    expr->number = token.value;
    expr->unit = token.unit;
    expr->percent = token.kind == TokenKind::kQuantity && token.unit == Unit::kRatio;
    return expr;
  }

  ExprPtr String() {
    const Token& token = reader_.Next();
    ExprPtr expr = New(ExprKind::kString, token.span.begin);
    expr->type = ValueType::kString;
    expr->text = token.text;
    return expr;
  }

  ExprPtr Paren() {
    const uint32_t begin = reader_.here();
    reader_.Next();
    ExprPtr inner = Binary(1);
    if (!inner || !CloseParen()) return nullptr;
    ExprPtr expr = New(ExprKind::kParen, begin);
    expr->type = inner->type;
    expr->args.push_back(std::move(inner));
    return expr;
  }

  bool CloseParen() {
    if (reader_.Take(TokenKind::kRightParen)) return true;
    if (reader_.Is(TokenKind::kEnd)) {
      reader_.Error(DiagnosticCode::kPromqlSyntax, reader_.Peek().span,
                    "unclosed left parenthesis");
    } else {
      reader_.Unexpected("", "\")\"");
    }
    return false;
  }

  // A metric, a function call or an aggregation.
  ExprPtr Word() {
    const Token& token = reader_.Peek();
    const std::string lower = LowerCase(token.text);
    if (const AggregateSignature* aggregate = FindAggregate(lower)) {
      if (reader_.Is(TokenKind::kLeftParen, 1) || IsGrouping(1)) return Aggregate(*aggregate);
    }
    if (IsNeverMetric(lower)) {
      reader_.Unexpected("", "");
      return nullptr;
    }
    if (reader_.Is(TokenKind::kLeftParen, 1)) return Call();
    if (options_.extensions && IsClauseWord(token.text)) {
      reader_.Warning(DiagnosticCode::kClauseWordAsMetric, token.span,
                      fmt::format("`{}` is taken for a metric here", token.text),
                      "an expression may be missing before it; if it is a metric, write {\"" +
                          token.text + "\"}");
    }
    return ParseSelector(reader_, false);
  }

  bool IsGrouping(size_t ahead) const {
    return (reader_.IsWord("by", ahead) || reader_.IsWord("without", ahead)) &&
           reader_.Is(TokenKind::kLeftParen, ahead + 1);
  }

  bool Grouping(Expr& expr) {
    expr.without = reader_.IsWord("without");
    reader_.Next();
    auto labels = reader_.LabelList();
    if (!labels) return false;
    expr.grouping = std::move(*labels);
    return true;
  }

  ExprPtr Aggregate(const AggregateSignature& signature) {
    ExprPtr expr = New(ExprKind::kAggregate, reader_.here());
    expr->text = signature.name;
    reader_.Next();
    const bool grouped = IsGrouping(0);
    if (grouped && !Grouping(*expr)) return nullptr;
    if (!reader_.Is(TokenKind::kLeftParen)) {
      reader_.Unexpected("aggregation", "\"(\"");
      return nullptr;
    }
    if (!Arguments(*expr)) return nullptr;
    if (!grouped && IsGrouping(0) && !Grouping(*expr)) return nullptr;
    expr->span.end = reader_.last_end();
    TypeAggregate(*expr, signature, reader_);
    return expr;
  }

  ExprPtr Call() {
    const Token& name = reader_.Next();
    ExprPtr expr = New(ExprKind::kCall, name.span.begin);
    expr->text = name.text;
    // Keywords of the grammar, in any case.
    for (const std::string_view word : {"start", "end", "step", "range", "min_of", "max_of"}) {
      if (LowerCase(name.text) == word) expr->text = word;
    }
    const FunctionSignature* signature = FindFunction(expr->text);
    if (signature != nullptr && signature->ours && !options_.extensions) signature = nullptr;
    const bool def =
        std::find(options_.defs.begin(), options_.defs.end(), name.text) != options_.defs.end();
    if (signature == nullptr && !def) UnknownFunction(name);
    if (!Arguments(*expr)) return nullptr;
    const bool braces = second_in_braces_;
    expr->span.end = reader_.last_end();
    expr->type = ValueType::kVector;
    if (signature != nullptr && !def) TypeCall(*expr, *signature, reader_);
    if (expr->text == "info" && !def) {
      if (expr->args.size() > 1) InfoSelector(*expr->args[1], braces);
      if (expr->args.size() == 1) expr->args.push_back(TargetInfo(expr->span));
    }
    return expr;
  }

  // What info(x) reads without being told.
  static ExprPtr TargetInfo(Span span) {
    auto selector = std::make_unique<Expr>();
    selector->kind = ExprKind::kSelector;
    selector->type = ValueType::kVector;
    selector->span = span;
    selector->text = "target_info";
    selector->matchers.push_back(
        Matcher{std::string(kMetricName), MatchOp::kEqual, "target_info", nullptr});
    selector->implicit = true;
    return selector;
  }

  void UnknownFunction(const Token& name) {
    std::vector<std::string> known = options_.defs;
    for (const FunctionSignature& function : Functions()) known.emplace_back(function.name);
    for (const AggregateSignature& aggregate : Aggregates()) known.emplace_back(aggregate.name);
    const std::string near =
        name.text == "holt_winters" ? "double_exponential_smoothing" : DidYouMean(name.text, known);
    reader_.Error(DiagnosticCode::kUnknownFunction, name.span,
                  fmt::format("unknown function with name \"{}\"", name.text),
                  near.empty() ? "" : fmt::format("did you mean {}?", near));
  }

  // The labels to add: a selector without a name.
  void InfoSelector(const Expr& arg, bool braces) {
    if (arg.kind == ExprKind::kSelector && braces) return;
    reader_.Error(DiagnosticCode::kWrongType, arg.span,
                  arg.kind == ExprKind::kSelector
                      ? "expected label selectors only, got vector selector instead"
                      : "expected label selectors only");
  }

  // ( [expression {, expression}] )
  bool Arguments(Expr& expr) {
    reader_.Next();
    if (reader_.Take(TokenKind::kRightParen)) return true;
    while (true) {
      const bool outer =
          std::exchange(allow_empty_selector_, expr.text == "info" && expr.args.size() == 1);
      const bool braces = reader_.Is(TokenKind::kLeftBrace);
      ExprPtr arg = Binary(1);
      allow_empty_selector_ = outer;
      if (expr.args.size() == 1) second_in_braces_ = braces;
      if (!arg) return false;
      expr.args.push_back(std::move(arg));
      if (!reader_.Is(TokenKind::kComma)) return CloseParen();
      const Span comma = reader_.Next().span;
      if (reader_.Is(TokenKind::kRightParen)) {
        reader_.Error(DiagnosticCode::kPromqlSyntax, comma,
                      "trailing commas not allowed in function call args");
        return false;
      }
    }
  }

  Reader& reader_;
  const ParseOptions& options_;
  uint32_t depth_ = 0;
  uint32_t operators_ = 0;
  bool allow_empty_selector_ = false;
  bool second_in_braces_ = false;  // the second argument of the call that was read last
};

void NumberSelectors(Expr& expr, uint32_t& next) {
  if (expr.kind == ExprKind::kSelector) expr.selector_id = next++;
  for (const auto& arg : expr.args) NumberSelectors(*arg, next);
}

}  // namespace

std::unique_ptr<Expr> ParseExpr(TokenCursor& cursor, Diagnostics& diagnostics,
                                const ParseOptions& options) {
  Reader reader(cursor, diagnostics, options);
  std::unique_ptr<Expr> expr = Parser(reader, options).Binary(1);
  if (!expr || reader.failed()) return nullptr;
  uint32_t selectors = 0;
  NumberSelectors(*expr, selectors);
  return expr;
}

std::unique_ptr<Expr> ParseText(std::string_view text, Diagnostics& diagnostics,
                                const ParseOptions& options) {
  const RuleSource source("expression", std::string(text));
  const size_t errors_before = diagnostics.errors();
  const std::vector<Token> tokens =
      Lex(source, options.source, diagnostics,
          {.extensions = options.extensions, .unicode_names = options.unicode_names});
  TokenCursor cursor(tokens);
  std::unique_ptr<Expr> expr = ParseExpr(cursor, diagnostics, options);
  if (!expr) return nullptr;
  if (!cursor.AtEnd()) {
    Reader reader(cursor, diagnostics, options);
    reader.Unexpected("", "");
    return nullptr;
  }
  return diagnostics.errors() == errors_before ? std::move(expr) : nullptr;
}

}  // namespace rootnote::promql
