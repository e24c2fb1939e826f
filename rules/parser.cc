#include "rules/parser.h"

#include <utility>

#include "fmt/core.h"

#include "rules/block_parser.h"
#include "rules/parser_fault.h"
#include "rules/parser_scenario.h"
#include "rules/parser_signal.h"
#include "rules/token_reader.h"
#include "schemas/incident.h"

namespace rootnote {
namespace {

// Templates in templates; deeper is refused.
constexpr int kNestingMax = 8;

class FileParser {
 public:
  FileParser(TokenReader& reader, const StringSet& signals) : reader_(reader), signals_(signals) {
    file_.source = reader.source_index();
  }

  // Declarations up to the end, or to the `}` of the template that they stand in.
  ast::File Parse(int depth) {
    depth_ = depth;
    while (!reader_.AtEnd() && !(depth > 0 && reader_.Is(TokenKind::kRightBrace))) {
      const size_t from = reader_.position();
      if (Declaration()) continue;
      if (depth > 0) break;
      SkipToDeclaration(reader_, reader_.position() == from ? 1 : 0);
    }
    return std::move(file_);
  }

 private:
  bool Declaration();
  bool UnknownDeclaration();
  bool ParseKind();
  bool ParseRelation();
  bool RelationClause(ast::Relation& relation);
  bool EndLabels(std::vector<std::pair<ast::Name, ast::Name>>& labels);
  bool Carries(ast::Relation& relation);
  bool Tolerates(ast::Relation& relation);
  bool ParseUse();
  bool ParseDef();
  bool ParseTemplate();
  bool ParseInstantiation();
  bool ParseImport();
  bool Parameters(std::vector<ast::Name>& parameters);

  TokenReader& reader_;
  const StringSet& signals_;
  ast::File file_;
  int depth_ = 0;
};

bool FileParser::Declaration() {
  if (reader_.Accept(TokenKind::kSemicolon)) return true;
  if (reader_.IsWord("kind")) return ParseKind();
  if (reader_.IsWord("relation")) return ParseRelation();
  if (reader_.IsWord("signal")) return ParseSignal(reader_, signals_, file_.signals);
  if (reader_.IsWord("fault")) return ParseFault(reader_, file_.faults);
  if (reader_.IsWord("incidents")) return ParseIncidents(reader_, file_.incidents);
  if (reader_.IsWord("maintenance")) return ParseMaintenance(reader_, file_.maintenance);
  if (reader_.IsWord("test")) return ParseTest(reader_, file_.tests);
  if (reader_.IsWord("use")) return ParseUse();
  if (reader_.IsWord("def")) return ParseDef();
  if (reader_.IsWord("template")) return ParseTemplate();
  if (reader_.IsWord("import")) return ParseImport();
  if (reader_.Is(TokenKind::kIdentifier) && reader_.Is(TokenKind::kLeftParen, 1)) {
    return ParseInstantiation();
  }
  return UnknownDeclaration();
}

bool FileParser::UnknownDeclaration() {
  const Token& token = reader_.Peek();
  if (token.kind != TokenKind::kIdentifier) {
    if (token.kind == TokenKind::kInvalid) return false;
    return reader_.Fail(
        DiagnosticCode::kExpected, token.span,
        fmt::format("expected a declaration, found `{}`", reader_.source().Text(token.span)),
        "declarations begin with " + JoinWords(DeclarationWords()));
  }
  const std::string near = DidYouMean(token.text, DeclarationWords());
  return reader_.Fail(DiagnosticCode::kUnknownDeclaration, token.span,
                      fmt::format("no declaration begins with `{}`", token.text),
                      near.empty() ? "declarations begin with " + JoinWords(DeclarationWords())
                                   : fmt::format("did you mean `{}`?", near));
}

bool FileParser::ParseKind() {
  ast::Kind kind;
  const uint32_t from = reader_.begin();
  reader_.Next();
  std::optional<ast::Name> name = reader_.ExpectName("the name of the kind");
  if (!name) return false;
  kind.name = *std::move(name);
  BlockParser block(reader_, "kind", {"id", "alias"});
  const bool whole = block.Parse([&] {
    if (reader_.AcceptWord("id")) return reader_.ExpectNames("a label", kind.identity);
    if (reader_.AcceptWord("alias")) return reader_.ExpectNames("a label", kind.aliases);
    return block.UnknownClause();
  });
  kind.broken =
      !whole || (reader_.AcceptWord("alias") && !reader_.ExpectNames("a label", kind.aliases));
  kind.span = reader_.SpanFrom(from);
  if (!kind.broken && kind.identity.empty()) {
    kind.broken = true;
    reader_.Fail(DiagnosticCode::kMissingClause, kind.name.span,
                 fmt::format("the kind `{}` has no `id`", kind.name.text),
                 "name the labels that tell its entities apart: { id array, disk }");
  }
  file_.kinds.push_back(std::move(kind));
  return whole;
}

bool FileParser::ParseRelation() {
  ast::Relation relation;
  const uint32_t from = reader_.begin();
  reader_.Next();
  std::optional<ast::Name> name = reader_.ExpectName("the name of the relation");
  if (!name) return false;
  relation.name = *std::move(name);
  bool whole = reader_.Expect(TokenKind::kColon, "`:` and the two ends, as in `app -> vm`") &&
               reader_.ExpectNames("a kind", relation.from_kinds) &&
               reader_.Expect(TokenKind::kArrow, "`->`") &&
               reader_.ExpectNames("a kind", relation.to_kinds);
  while (whole && reader_.IsAnyWord({"from", "to", "carries", "within", "tolerates"})) {
    whole = RelationClause(relation);
  }
  if (whole && !reader_.AtEnd() && !reader_.IsAnyWord(DeclarationWords()) &&
      !reader_.Is(TokenKind::kRightBrace) && !reader_.Is(TokenKind::kLeftParen, 1)) {
    const std::vector<std::string> words = {"from", "to", "carries", "within", "tolerates"};
    const std::string near =
        reader_.Is(TokenKind::kIdentifier) ? DidYouMean(reader_.Peek().text, words) : "";
    whole = reader_.FailExpected("a clause of the relation or the next declaration",
                                 near.empty() ? "clauses are: " + JoinWords(words, "and")
                                              : fmt::format("did you mean `{}`?", near));
  }
  relation.span = reader_.SpanFrom(from);
  relation.broken = !whole;
  file_.relations.push_back(std::move(relation));
  return whole;
}

bool FileParser::RelationClause(ast::Relation& relation) {
  const Span span = reader_.Peek().span;
  if (reader_.AcceptWord("from")) return EndLabels(relation.from_labels);
  if (reader_.AcceptWord("to")) return EndLabels(relation.to_labels);
  if (reader_.AcceptWord("carries")) return Carries(relation);
  if (reader_.AcceptWord("tolerates")) return Tolerates(relation);
  reader_.Next();
  return SetOnce(reader_, relation.within, reader_.ExpectDuration("a duration, as in `within 2m`"),
                 "within", span);
}

// from { app=caller }: the identity label, and the label of the sample that holds it.
bool FileParser::EndLabels(std::vector<std::pair<ast::Name, ast::Name>>& labels) {
  if (!reader_.Expect(TokenKind::kLeftBrace, "`{` as in { app=caller }")) return false;
  while (!reader_.Accept(TokenKind::kRightBrace)) {
    std::optional<ast::Name> id = reader_.ExpectName("an identity label");
    if (!id || !reader_.Expect(TokenKind::kAssign, "`=`")) return false;
    std::optional<ast::Name> label = reader_.ExpectName("a label of the sample");
    if (!label) return false;
    labels.emplace_back(*std::move(id), *std::move(label));
    if (!reader_.Accept(TokenKind::kComma) && !reader_.Is(TokenKind::kRightBrace)) {
      return reader_.FailExpected("`,` or `}`");
    }
  }
  return true;
}

bool FileParser::Carries(ast::Relation& relation) {
  do {
    std::optional<ast::Name> from = reader_.ExpectName("a family");
    if (!from) return false;
    ast::Carries carries{*std::move(from), std::nullopt};
    if (reader_.AcceptWord("as")) {
      carries.to = reader_.ExpectName("a family");
      if (!carries.to) return false;
    }
    relation.carries.push_back(std::move(carries));
  } while (reader_.Accept(TokenKind::kComma));
  return true;
}

bool FileParser::Tolerates(ast::Relation& relation) {
  ast::Tolerates tolerates;
  if (reader_.AcceptWords({"all", "but"})) tolerates.type = ast::Tolerates::Type::kAllBut;
  std::optional<ast::Number> amount = reader_.ExpectNumber("`1`, `all but 1` or `25%`");
  if (!amount) return false;
  if (amount->percent) {
    if (tolerates.type == ast::Tolerates::Type::kAllBut) {
      return reader_.Fail(DiagnosticCode::kBadAmount, amount->span,
                          "`all but` needs a number, not a percentage");
    }
    tolerates.type = ast::Tolerates::Type::kPercent;
  }
  tolerates.amount = *amount;
  // Families follow; a word that begins a clause or a declaration does not.
  while (reader_.Is(TokenKind::kIdentifier) && ParseFamily(reader_.Peek().text)) {
    tolerates.families.push_back({reader_.Peek().text, reader_.Peek().span});
    reader_.Next();
    if (!reader_.Accept(TokenKind::kComma)) break;
    if (!reader_.Is(TokenKind::kIdentifier) || !ParseFamily(reader_.Peek().text)) {
      return reader_.FailExpected("a family");
    }
  }
  relation.tolerates.push_back(std::move(tolerates));
  return true;
}

bool FileParser::ParseUse() {
  const uint32_t from = reader_.begin();
  reader_.Next();
  std::optional<ast::Text> path = reader_.ExpectString("the pack's path in quotes");
  if (!path) return false;
  file_.uses.push_back({*std::move(path), reader_.SpanFrom(from)});
  return true;
}

bool FileParser::Parameters(std::vector<ast::Name>& parameters) {
  if (!reader_.Expect(TokenKind::kLeftParen, "`(` and the parameters")) return false;
  if (reader_.Accept(TokenKind::kRightParen)) return true;
  return reader_.ExpectNames("a parameter", parameters) &&
         reader_.Expect(TokenKind::kRightParen, "`,` or `)`");
}

bool FileParser::ParseDef() {
  ast::Def def;
  const uint32_t from = reader_.begin();
  reader_.Next();
  std::optional<ast::Name> name = reader_.ExpectName("the name of the definition");
  if (!name || !Parameters(def.parameters) || !reader_.Expect(TokenKind::kAssign, "`=`")) {
    return false;
  }
  def.name = *std::move(name);
  def.body = reader_.ExpectExpr();
  def.span = reader_.SpanFrom(from);
  if (!def.body) return false;
  file_.defs.push_back(std::move(def));
  return true;
}

bool FileParser::ParseTemplate() {
  ast::TemplateRule rule;
  const uint32_t from = reader_.begin();
  reader_.Next();
  if (depth_ >= kNestingMax) {
    return reader_.Fail(DiagnosticCode::kBlocksTooDeep, reader_.Peek().span,
                        "templates are nested too deeply", "take the inner ones out");
  }
  std::optional<ast::Name> name = reader_.ExpectName("the name of the template");
  if (!name || !Parameters(rule.parameters)) return false;
  rule.name = *std::move(name);
  const Span open = reader_.Peek().span;
  if (!reader_.Expect(TokenKind::kLeftBrace, "`{`")) return false;
  reader_.Accept(TokenKind::kEllipsis);  // A body to be written.
  rule.body = std::make_unique<ast::File>(FileParser(reader_, signals_).Parse(depth_ + 1));
  if (!reader_.Accept(TokenKind::kRightBrace)) {
    if (!reader_.AtEnd()) return false;
    return reader_.Fail(DiagnosticCode::kBlockNotClosed, open,
                        "the block of this template is not closed", "add the missing `}`");
  }
  rule.span = reader_.SpanFrom(from);
  file_.templates.push_back(std::move(rule));
  return true;
}

bool FileParser::ParseInstantiation() {
  ast::Instantiation use;
  const uint32_t from = reader_.begin();
  use.name = *reader_.ExpectName("a template");
  reader_.Next();
  while (!reader_.Is(TokenKind::kRightParen)) {
    if (reader_.Is(TokenKind::kString)) {
      use.arguments.emplace_back(*reader_.ExpectString(""));
    } else if (reader_.Is(TokenKind::kIdentifier)) {
      use.arguments.emplace_back(*reader_.ExpectName(""));
    } else {
      std::optional<ast::Number> number =
          reader_.ExpectNumber("an argument: a text, a number or a name");
      if (!number) return false;
      use.arguments.emplace_back(*number);
    }
    if (!reader_.Accept(TokenKind::kComma)) break;
  }
  if (!reader_.Expect(TokenKind::kRightParen, "`,` or `)`")) return false;
  use.span = reader_.SpanFrom(from);
  file_.instantiations.push_back(std::move(use));
  return true;
}

// import prometheus "alerts/*.yaml" { node from instance  disk from device }
bool FileParser::ParseImport() {
  ast::Import import;
  const uint32_t from = reader_.begin();
  reader_.Next();
  std::optional<ast::Name> format = reader_.ExpectName("what is imported: prometheus");
  if (!format) return false;
  std::optional<ast::Text> path = reader_.ExpectString("the files in quotes");
  if (!path) return false;
  import.format = *std::move(format);
  import.path = *std::move(path);
  if (reader_.Accept(TokenKind::kLeftBrace)) {
    while (!reader_.Accept(TokenKind::kRightBrace)) {
      std::optional<ast::Name> kind = reader_.ExpectName("a kind, as in `disk from device`");
      if (!kind || !reader_.ExpectWord("from")) return false;
      std::optional<ast::Name> label = reader_.ExpectName("a label");
      if (!label) return false;
      import.mapping.emplace_back(*std::move(kind), *std::move(label));
      reader_.Accept(TokenKind::kComma);
    }
  }
  import.span = reader_.SpanFrom(from);
  file_.imports.push_back(std::move(import));
  return true;
}

}  // namespace

ParsedFile ParseFile(const RuleSource& source, uint32_t source_index,
                     const std::vector<Token>& tokens, const StringSet& signals,
                     Diagnostics& diagnostics) {
  TokenReader reader(source, source_index, tokens, diagnostics);
  ParsedFile parsed;
  parsed.file = FileParser(reader, signals).Parse(0);
  parsed.raw_spans = reader.raw_spans();
  return parsed;
}

void CollectSignalNames(const std::vector<Token>& tokens, StringSet& signals) {
  for (size_t i = 0; i + 2 < tokens.size(); ++i) {
    const auto word = [&](size_t at, std::string_view text) {
      return tokens[at].kind == TokenKind::kIdentifier && tokens[at].text == text;
    };
    if (word(i, "signal") && tokens[i + 1].kind == TokenKind::kIdentifier && word(i + 2, "on")) {
      signals.insert(tokens[i + 1].text);
    }
  }
}

}  // namespace rootnote
