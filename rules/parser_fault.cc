#include "rules/parser_fault.h"

#include <utility>

#include "fmt/core.h"

#include "rules/block_parser.h"
#include "schemas/incident.h"

namespace rootnote {
namespace {

class FaultParser {
 public:
  explicit FaultParser(TokenReader& reader) : reader_(reader) {}

  bool Parse(std::vector<ast::Fault>& into);

 private:
  bool FaultClause(ast::Fault& fault, BlockParser& block);
  bool Shows(ast::Fault& fault);
  bool CausesClause(ast::Fault& fault);
  bool SeverityChoices(ast::Fault& fault);

  TokenReader& reader_;
};

bool FaultParser::Parse(std::vector<ast::Fault>& into) {
  ast::Fault fault;
  const uint32_t from = reader_.begin();
  reader_.Next();
  std::optional<ast::Name> name = reader_.ExpectName("the name of the fault");
  if (!name) return false;
  fault.name = *std::move(name);
  if (!reader_.ExpectWord("on")) return false;
  std::optional<ast::Name> on = reader_.ExpectName("a kind");
  if (!on) return false;
  fault.on = *std::move(on);
  BlockParser block(reader_, "fault",
                    {"shows", "causes", "title", "summary", "severity", "runbook", "owner"});
  const bool whole = block.Parse([&] { return FaultClause(fault, block); });
  fault.broken = !whole;
  fault.span = reader_.SpanFrom(from);
  into.push_back(std::move(fault));
  return whole;
}

bool FaultParser::FaultClause(ast::Fault& fault, BlockParser& block) {
  const Span span = reader_.Peek().span;
  const auto text = [&](std::optional<ast::Text>& slot, std::string_view clause) {
    return SetOnce(reader_, slot, reader_.ExpectString("a text in quotes"), clause, span);
  };
  if (reader_.AcceptWord("shows")) return Shows(fault);
  if (reader_.AcceptWord("causes")) return CausesClause(fault);
  if (reader_.AcceptWord("title")) return text(fault.title, "title");
  if (reader_.AcceptWord("summary")) return text(fault.summary, "summary");
  if (reader_.AcceptWord("runbook")) return text(fault.runbook, "runbook");
  if (reader_.AcceptWord("owner")) return text(fault.owner, "owner");
  if (reader_.AcceptWord("severity")) {
    if (!fault.severity.empty()) {
      return reader_.Fail(DiagnosticCode::kClauseTwice, span, "`severity` is given twice",
                          "choices go into one clause: critical when impact has app, else major");
    }
    return SeverityChoices(fault);
  }
  return block.UnknownClause();
}

bool FaultParser::Shows(ast::Fault& fault) {
  if (fault.shows != ast::Fault::Shows::kNothing) {
    return reader_.Fail(DiagnosticCode::kClauseTwice, reader_.Peek().span, "`shows` is given twice",
                        "put the signals into one list");
  }
  fault.shows = ast::Fault::Shows::kAny;
  const bool all = reader_.AcceptWords({"all", "of"});
  if (!all && !reader_.AcceptWords({"any", "of"})) {
    std::optional<ast::Name> name = reader_.ExpectName("a signal, `any of (…)` or `all of (…)`");
    if (!name) return false;
    fault.shown_by.push_back(*std::move(name));
    return true;
  }
  if (all) fault.shows = ast::Fault::Shows::kAll;
  return reader_.Expect(TokenKind::kLeftParen, "`(`") &&
         reader_.ExpectNames("a signal", fault.shown_by) &&
         reader_.Expect(TokenKind::kRightParen, "`,` or `)`");
}

// causes EFFECT, … [over R or R …] [within D]. `errors, latency on app`: the kind holds for all
// families before it.
bool FaultParser::CausesClause(ast::Fault& fault) {
  ast::Causes causes;
  do {
    std::optional<ast::Name> name = reader_.ExpectName("a signal or a family");
    if (!name) return false;
    causes.effects.push_back({*std::move(name), std::nullopt});
    if (!reader_.AcceptWord("on")) continue;
    std::optional<ast::Name> kind = reader_.ExpectName("a kind");
    if (!kind) return false;
    for (size_t i = causes.effects.size(); i-- > 0 && !causes.effects[i].kind;) {
      if (i + 1 < causes.effects.size() && !ParseFamily(causes.effects[i].name.text)) break;
      causes.effects[i].kind = kind;
    }
  } while (reader_.Accept(TokenKind::kComma));
  if (reader_.AcceptWord("over")) {
    do {
      std::optional<ast::Name> relation = reader_.ExpectName("a relation");
      if (!relation) return false;
      causes.over.push_back(*std::move(relation));
    } while (reader_.AcceptWord("or") || reader_.Accept(TokenKind::kComma));
  }
  if (reader_.AcceptWord("within")) {
    causes.within = reader_.ExpectDuration("a duration, as in `within 3m`");
    if (!causes.within) return false;
  }
  fault.causes.push_back(std::move(causes));
  return true;
}

bool FaultParser::SeverityChoices(ast::Fault& fault) {
  bool otherwise = false;
  do {
    otherwise = reader_.AcceptWord("else");
    std::optional<ast::Name> severity = reader_.ExpectName("a severity");
    if (!severity) return false;
    ast::SeverityChoice choice{*std::move(severity), std::nullopt};
    if (!otherwise && reader_.AcceptWord("when")) {
      if (!reader_.ExpectWord("impact") || !reader_.ExpectWord("has")) return false;
      choice.kind = reader_.ExpectName("a kind");
      if (!choice.kind) return false;
    } else {
      otherwise = true;
    }
    fault.severity.push_back(std::move(choice));
  } while (!otherwise && reader_.Accept(TokenKind::kComma));
  return true;
}

}  // namespace

bool ParseFault(TokenReader& reader, std::vector<ast::Fault>& into) {
  return FaultParser(reader).Parse(into);
}

}  // namespace rootnote
