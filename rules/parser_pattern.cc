#include "rules/parser_pattern.h"

#include <algorithm>
#include <utility>

#include "fmt/core.h"

#include "rules/block_parser.h"

namespace rootnote {
namespace {

// Tokens behind a selector: `name`, `name{…}`. The place where it ends, as a distance.
size_t SelectorLength(const TokenReader& reader) {
  if (!reader.Is(TokenKind::kIdentifier) && !reader.Is(TokenKind::kMetricIdentifier)) return 0;
  size_t ahead = 1;
  if (!reader.Is(TokenKind::kLeftBrace, ahead)) return ahead;
  while (!reader.Is(TokenKind::kRightBrace, ahead) && !reader.Is(TokenKind::kEnd, ahead)) ++ahead;
  return ahead + 1;
}

bool IsPattern(const TokenReader& reader, const StringSet& signals) {
  const bool forced = reader.IsWord("event") || reader.IsWord("signal");
  if (forced &&
      (reader.Is(TokenKind::kIdentifier, 1) || reader.Is(TokenKind::kMetricIdentifier, 1))) {
    static const std::vector<std::string> operators = {
        "and", "or", "unless", "atan2", "offset", "bool", "on", "ignoring", "by", "without", "for"};
    return !reader.IsAnyWord(operators, 1);
  }
  if ((reader.IsWord("all") || reader.IsWord("any") || reader.Is(TokenKind::kNumber)) &&
      reader.IsWord("of", 1)) {
    return true;
  }
  const size_t behind = SelectorLength(reader);
  if (behind == 0) return false;
  if (reader.IsAnyWord({"as", "then", "where"}, behind)) return true;
  if (reader.Is(TokenKind::kNumber, behind)) {
    return reader.IsAnyWord({"times", "of"}, behind + 1);
  }
  const bool alone = reader.IsWord("for", behind) || reader.Is(TokenKind::kRightBrace, behind) ||
                     reader.IsAnyWord(SignalClauses(), behind);
  return alone && signals.contains(reader.Peek().text);
}

class PatternParser {
 public:
  explicit PatternParser(TokenReader& reader) : reader_(reader) {}

  std::optional<ast::Pattern> Parse() {
    ast::Pattern pattern;
    const uint32_t from = reader_.begin();
    if (!Element(pattern.first)) return std::nullopt;
    while (reader_.AcceptWord("then")) {
      if (!Link(pattern)) return std::nullopt;
    }
    if (reader_.AcceptWords({"resolve", "after"})) {
      pattern.resolve_after = reader_.ExpectDuration("a duration, as in 10m");
      if (!pattern.resolve_after) return std::nullopt;
    }
    pattern.span = reader_.SpanFrom(from);
    return pattern;
  }

 private:
  bool Link(ast::Pattern& pattern) {
    ast::PatternLink link;
    link.immediately = reader_.AcceptWord("immediately");
    link.negated = reader_.AcceptWord("no");
    if (!Element(link.what)) return false;
    if (link.negated) {
      if (!reader_.ExpectWord("for")) return false;
      link.absent_for = reader_.ExpectDuration("a duration, as in `for 5m`");
      if (!link.absent_for) return false;
    }
    pattern.then.push_back(std::move(link));
    return true;
  }

  bool Element(std::variant<ast::PatternStep, ast::PatternGroup>& into) {
    const bool group =
        (reader_.IsWord("all") || reader_.IsWord("any") || reader_.Is(TokenKind::kNumber)) &&
        reader_.IsWord("of", 1);
    if (group) {
      std::optional<ast::PatternGroup> parsed = Group();
      if (!parsed) return false;
      into = *std::move(parsed);
      return true;
    }
    std::optional<ast::PatternStep> step = Step();
    if (!step) return false;
    into = *std::move(step);
    return true;
  }

  // all of (a, b) within 1m; any of (…); 2 of (…)
  std::optional<ast::PatternGroup> Group() {
    ast::PatternGroup group;
    const uint32_t from = reader_.begin();
    if (reader_.AcceptWord("any")) {
      group.type = ast::PatternGroup::Type::kAny;
    } else if (!reader_.AcceptWord("all")) {
      const std::optional<uint32_t> some = reader_.ExpectCount("how many of them");
      if (!some) return std::nullopt;
      group.type = ast::PatternGroup::Type::kSome;
      group.some = *some;
    }
    reader_.Next();
    if (!reader_.Expect(TokenKind::kLeftParen, "`(`")) return std::nullopt;
    in_group_ = true;
    do {
      std::optional<ast::PatternStep> step = Step();
      if (!step) return std::nullopt;
      group.steps.push_back(*std::move(step));
    } while (reader_.Accept(TokenKind::kComma));
    in_group_ = false;
    if (!reader_.Expect(TokenKind::kRightParen, "`,` or `)`")) return std::nullopt;
    if (reader_.AcceptWord("within")) {
      group.within = reader_.ExpectDuration("a duration, as in `within 1m`");
      if (!group.within) return std::nullopt;
    }
    group.span = reader_.SpanFrom(from);
    return group;
  }

  std::optional<ast::PatternStep> Step() {
    ast::PatternStep step;
    const uint32_t from = reader_.begin();
    if (!reader_.Is(TokenKind::kIdentifier, 1) && !reader_.Is(TokenKind::kMetricIdentifier, 1)) {
      // `event` and `signal` may also be names themselves.
    } else if (reader_.AcceptWord("event")) {
      step.what = ast::PatternStep::What::kEvent;
    } else if (reader_.AcceptWord("signal")) {
      step.what = ast::PatternStep::What::kSignal;
    }
    std::optional<ast::Name> name = reader_.ExpectMetric("a signal or an event");
    if (!name || !reader_.AcceptMatcherBlock(step.matchers)) return std::nullopt;
    step.name = *std::move(name);
    while (true) {
      const size_t before = reader_.position();
      if (!StepPart(step)) return std::nullopt;
      if (reader_.position() == before) break;
    }
    step.span = reader_.SpanFrom(from);
    return step;
  }

  bool StepPart(ast::PatternStep& step) {
    if (reader_.AcceptWord("as")) {
      step.alias = reader_.ExpectName("a name for the step");
      return step.alias.has_value();
    }
    if (reader_.AcceptWord("where")) return Where(step.where);
    if (reader_.IsWord("by") && reader_.Is(TokenKind::kLeftParen, 1)) {
      reader_.Next();
      reader_.Next();
      return reader_.ExpectNames("a label", step.by) &&
             reader_.Expect(TokenKind::kRightParen, "`,` or `)`");
    }
    if (reader_.Is(TokenKind::kNumber) && !step.times) {
      step.times = reader_.ExpectCount("how many times");
      if (!step.times) return false;
      if (reader_.AcceptWord("times")) return true;
      if (!reader_.ExpectWord("of") || !reader_.ExpectWord("last")) return false;
      step.of_last = reader_.ExpectCount("of how many");
      return step.of_last.has_value();
    }
    if (reader_.IsWord("within") && !step.within) {
      reader_.Next();
      step.within = reader_.ExpectDuration("a duration, as in `within 10m`");
      return step.within.has_value();
    }
    return true;
  }

  // a == b and c.d != "e"
  bool Where(std::vector<ast::Filter>& filters) {
    do {
      ast::Filter filter;
      if (!Operand(filter.left)) return false;
      switch (reader_.Peek().kind) {
        case TokenKind::kAssign:
        case TokenKind::kEqual:
          filter.op = "==";
          break;
        case TokenKind::kNotEqual:
        case TokenKind::kMatchRegex:
        case TokenKind::kNotMatchRegex:
        case TokenKind::kLess:
        case TokenKind::kLessEqual:
        case TokenKind::kGreater:
        case TokenKind::kGreaterEqual:
          filter.op = std::string(reader_.source().Text(reader_.Peek().span));
          break;
        default:
          return reader_.FailExpected("a comparison: `==`, `!=`, `=~`, `!~`, `<`, `<=`, `>`, `>=`");
      }
      reader_.Next();
      if (!Operand(filter.right)) return false;
      filters.push_back(std::move(filter));
    } while (reader_.AcceptWord("and") || (!in_group_ && reader_.Accept(TokenKind::kComma)));
    return true;
  }

  bool Operand(ast::FilterOperand& operand) {
    const Token& token = reader_.Peek();
    operand.span = token.span;
    if (token.kind == TokenKind::kString) {
      operand.what = token.text;
      reader_.Next();
      return true;
    }
    if (token.kind == TokenKind::kNumber || token.kind == TokenKind::kQuantity ||
        token.kind == TokenKind::kDuration) {
      operand.what = token.value;
      reader_.Next();
      return true;
    }
    std::vector<ast::Name> path;
    do {
      std::optional<ast::Name> name = reader_.ExpectName("an attribute, a text or a number");
      if (!name) return false;
      path.push_back(*std::move(name));
    } while (reader_.Accept(TokenKind::kDot));
    operand.span.end = path.back().span.end;
    operand.what = std::move(path);
    return true;
  }

  TokenReader& reader_;
  bool in_group_ = false;  // where a comma begins the next part
};

// missing heartbeat{…} for 90s [expected [where monitored="true"]] [seen within 1d]
std::optional<ast::Missing> ParseMissing(TokenReader& reader) {
  ast::Missing missing;
  std::optional<ast::Name> metric = reader.ExpectMetric("a metric or an event");
  if (!metric || !reader.AcceptMatcherBlock(missing.matchers)) return std::nullopt;
  missing.metric = *std::move(metric);
  while (true) {
    const Span span = reader.Peek().span;
    if (reader.AcceptWord("for")) {
      if (!SetOnce(reader, missing.hold, reader.ExpectDuration("a duration, as in `for 90s`"),
                   "for", span)) {
        return std::nullopt;
      }
    } else if (reader.AcceptWords({"seen", "within"})) {
      if (!SetOnce(reader, missing.seen_within, reader.ExpectDuration("a duration, as in 1d"),
                   "seen within", span)) {
        return std::nullopt;
      }
    } else if (reader.AcceptWord("expected")) {
      missing.expected = true;
      if (!reader.AcceptWord("where")) continue;
      do {
        std::optional<ast::MatcherNode> matcher = reader.ExpectMatcher();
        if (!matcher) return std::nullopt;
        missing.where.push_back(*std::move(matcher));
      } while (reader.AcceptWord("and") || reader.Accept(TokenKind::kComma));
    } else {
      break;
    }
  }
  if (!missing.hold) {
    reader.FailExpected("`for` and a duration, as in `missing heartbeat for 90s`");
    return std::nullopt;
  }
  return missing;
}

}  // namespace

std::optional<ast::Condition> ParseCondition(TokenReader& reader, const StringSet& signals) {
  ast::Condition condition;
  const uint32_t from = reader.begin();
  const bool name_follows =
      reader.Is(TokenKind::kIdentifier, 1) || reader.Is(TokenKind::kMetricIdentifier, 1);
  if (reader.IsWord("missing") && name_follows &&
      !reader.IsAnyWord({"and", "or", "unless", "for"}, 1)) {
    reader.Next();
    std::optional<ast::Missing> missing = ParseMissing(reader);
    if (!missing) return std::nullopt;
    condition.what = *std::move(missing);
    condition.span = reader.SpanFrom(from);
    return condition;
  }
  if (IsPattern(reader, signals)) {
    std::optional<ast::Pattern> pattern = PatternParser(reader).Parse();
    if (!pattern) return std::nullopt;
    condition.what = *std::move(pattern);
  } else {
    std::unique_ptr<promql::Expr> expr = reader.ExpectExpr();
    if (!expr) return std::nullopt;
    condition.what = std::move(expr);
  }
  condition.span = reader.SpanFrom(from);
  if (reader.AcceptWord("for")) {
    condition.hold = reader.ExpectDuration("a duration, as in `for 1m`");
    if (!condition.hold) return std::nullopt;
  }
  return condition;
}

}  // namespace rootnote
