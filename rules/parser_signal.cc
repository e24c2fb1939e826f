#include "rules/parser_signal.h"

#include <utility>

#include "fmt/core.h"

#include "rules/block_parser.h"
#include "rules/parser_pattern.h"

namespace rootnote {

const std::vector<std::string>& SignalClauses() {
  static const std::vector<std::string> words = {
      "when",   "clear", "keep",    "by",          "no",      "every", "family", "severity",
      "labels", "limit", "summary", "description", "runbook", "owner", "match"};
  return words;
}

namespace {

class SignalParser {
 public:
  SignalParser(TokenReader& reader, const StringSet& signals)
      : reader_(reader), signals_(signals), block_(reader, "signal", SignalClauses()) {}

  bool Parse(std::vector<ast::Signal>& into) {
    const uint32_t from = reader_.begin();
    reader_.Next();
    std::optional<ast::Name> name = reader_.ExpectName("the name of the signal");
    if (!name) return false;
    signal_.name = *std::move(name);
    if (!reader_.ExpectWord("on")) return false;
    signal_.on_relation = reader_.IsWord("relation") && reader_.Is(TokenKind::kIdentifier, 1);
    if (signal_.on_relation) reader_.Next();
    std::optional<ast::Name> on = reader_.ExpectName(signal_.on_relation ? "a relation" : "a kind");
    if (!on) return false;
    signal_.on = *std::move(on);
    const bool whole = block_.Parse([&] { return Clause(); });
    signal_.broken = !whole;
    signal_.span = reader_.SpanFrom(from);
    if (whole && std::holds_alternative<std::monostate>(signal_.when.what)) {
      signal_.broken = true;
      reader_.Fail(DiagnosticCode::kMissingClause, signal_.name.span,
                   fmt::format("the signal `{}` has no `when`", signal_.name.text),
                   "say when it is true: when rate(errors_total[5m]) > 1 for 1m");
    }
    into.push_back(std::move(signal_));
    return whole;
  }

 private:
  bool Clause() {
    const Token word = reader_.Peek();
    if (reader_.IsWord("when") || reader_.IsWord("clear")) return ConditionClause();
    if (reader_.AcceptWord("keep")) {
      return reader_.ExpectWord("firing") && reader_.ExpectWord("for") &&
             Once(signal_.keep_firing, reader_.ExpectDuration("a duration, as in `for 5m`"), word);
    }
    if (reader_.AcceptWord("by")) return reader_.ExpectNames("a label", signal_.by);
    if (reader_.AcceptWord("no")) {
      return reader_.ExpectWord("data") &&
             Once(signal_.no_data, reader_.ExpectName("`resolve`, `hold` or `raise`"), word);
    }
    if (reader_.AcceptWord("every")) {
      return Once(signal_.every, reader_.ExpectDuration("a duration, as in `every 15s`"), word);
    }
    if (reader_.AcceptWord("family")) {
      return Once(signal_.family, reader_.ExpectName("a family"), word);
    }
    if (reader_.AcceptWord("severity")) {
      return Once(signal_.severity, reader_.ExpectName("a severity"), word);
    }
    if (reader_.AcceptWord("match")) return MatchClause(word);
    if (reader_.AcceptWord("labels")) {
      return reader_.Is(TokenKind::kLeftBrace) ? reader_.AcceptLabelBlock(signal_.labels)
                                               : reader_.FailExpected("`{`");
    }
    if (reader_.AcceptWord("limit")) {
      return Once(signal_.limit, reader_.ExpectNumber("a number, as in `limit 10000 series`"),
                  word) &&
             reader_.ExpectWord("series");
    }
    return TextClause(word);
  }

  // match once | every | no overlap
  bool MatchClause(const Token& word) {
    const uint32_t from = reader_.begin();
    const bool no = reader_.AcceptWord("no");
    std::optional<ast::Name> policy = reader_.ExpectName("`once`, `every` or `no overlap`");
    if (!policy) return false;
    if (no) policy = ast::Name{"no " + policy->text, reader_.SpanFrom(from)};
    return Once(signal_.match, std::move(policy), word);
  }

  bool TextClause(const Token& word) {
    std::optional<ast::Text>* slot = reader_.IsWord("summary")       ? &signal_.summary
                                     : reader_.IsWord("description") ? &signal_.description
                                     : reader_.IsWord("runbook")     ? &signal_.runbook
                                     : reader_.IsWord("owner")       ? &signal_.owner
                                                                     : nullptr;
    if (slot == nullptr) return block_.UnknownClause();
    reader_.Next();
    return Once(*slot, reader_.ExpectString("a text in quotes"), word);
  }

  bool ConditionClause() {
    const Token word = reader_.Next();
    std::optional<ast::Condition> condition = ParseCondition(reader_, signals_);
    if (!condition) return false;
    if (word.text == "clear") return Once(signal_.clear, std::move(condition), word);
    if (!std::holds_alternative<std::monostate>(signal_.when.what)) {
      return reader_.Fail(DiagnosticCode::kClauseTwice, word.span, "`when` is given twice",
                          "join the conditions with `or`, or write two signals");
    }
    signal_.when = *std::move(condition);
    return true;
  }

  template <typename Value>
  bool Once(std::optional<Value>& slot, std::optional<Value> value, const Token& word) {
    return SetOnce(reader_, slot, std::move(value), word.text, word.span);
  }

  TokenReader& reader_;
  const StringSet& signals_;
  BlockParser block_;
  ast::Signal signal_;
};

}  // namespace

bool ParseSignal(TokenReader& reader, const StringSet& signals, std::vector<ast::Signal>& into) {
  return SignalParser(reader, signals).Parse(into);
}

}  // namespace rootnote
