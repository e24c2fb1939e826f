#include "rules/lsp/completion.h"

#include <algorithm>
#include <iterator>
#include <string_view>

#include "fmt/format.h"

#include "rules/block_parser.h"
#include "rules/lsp/hover.h"
#include "rules/lsp/keywords.h"
#include "rules/promql/functions.h"
#include "schemas/projection.h"

namespace rootnote {
namespace {

using Type = Completion::Type;

bool IsOneOf(const Token& token, std::initializer_list<std::string_view> words) {
  return token.kind == TokenKind::kIdentifier &&
         std::find(words.begin(), words.end(), token.text) != words.end();
}

// What stands before the cursor: the declaration, the clause, what is open.
struct Context {
  size_t end = 0;           // tokens before the word that is being typed
  std::string declaration;  // "signal", "" between declarations
  std::string clause;       // "when", "shows", …
  size_t depth = 0;         // braces
  size_t opener = 0;        // the innermost bracket that is open, by token
  bool in_bracket = false;
  bool at_line_start = false;
};

class Completer {
 public:
  Completer(const Analysis& analysis, uint32_t offset)
      : analysis_(analysis), tokens_(analysis.tokens), offset_(offset) {}

  std::vector<Completion> Complete() {
    if (InText()) return {};
    FindContext();
    Offer();
    return std::move(found_);
  }

 private:
  const Token& Before(size_t back = 1) const {
    static const Token kNothing;
    return context_.end < back ? kNothing : tokens_[context_.end - back];
  }

  // In a comment or a string.
  bool InText() const {
    const std::string_view text = analysis_.document().text();
    size_t line = offset_;
    while (line > 0 && text[line - 1] != '\n') --line;
    uint32_t gap = static_cast<uint32_t>(line);
    for (const Token& token : tokens_) {
      if (token.kind == TokenKind::kEnd || token.span.begin >= offset_) break;
      const bool text_token = token.kind == TokenKind::kString || token.kind == TokenKind::kInvalid;
      if (text_token && offset_ < token.span.end + (token.kind == TokenKind::kInvalid ? 1 : 0)) {
        return true;
      }
      gap = std::max(gap, token.span.end);
    }
    return gap < offset_ && text.substr(gap, offset_ - gap).find('#') != std::string_view::npos;
  }

  void FindContext() {
    while (context_.end < tokens_.size() && tokens_[context_.end].kind != TokenKind::kEnd &&
           tokens_[context_.end].span.end <= offset_) {
      ++context_.end;
    }
    // The word that the cursor touches is what is being completed.
    if (context_.end > 0 && tokens_[context_.end - 1].span.end == offset_ &&
        tokens_[context_.end - 1].kind == TokenKind::kIdentifier) {
      --context_.end;
    }
    const Token& word = tokens_[std::min(context_.end, tokens_.size() - 1)];
    const uint32_t begin = std::min(word.span.begin, offset_);
    const uint32_t last = Before().span.end;
    const std::string_view text = analysis_.document().text();
    context_.at_line_start =
        context_.end == 0 ||
        (last <= begin && text.substr(last, begin - last).find('\n') != std::string_view::npos) ||
        Before().kind == TokenKind::kLeftBrace;
    Walk();
  }

  void Walk() {
    const std::vector<std::string>& declarations = DeclarationWords();
    std::vector<size_t> open;
    for (size_t i = 0; i < context_.end; ++i) {
      const Token& token = tokens_[i];
      switch (token.kind) {
        case TokenKind::kLeftBrace:
        case TokenKind::kLeftParen:
        case TokenKind::kLeftBracket:
          open.push_back(i);
          break;
        case TokenKind::kRightBrace:
        case TokenKind::kRightParen:
        case TokenKind::kRightBracket:
          if (!open.empty()) open.pop_back();
          if (open.empty() && token.kind == TokenKind::kRightBrace) context_.declaration.clear();
          break;
        case TokenKind::kIdentifier:
          if (open.empty() && std::find(declarations.begin(), declarations.end(), token.text) !=
                                  declarations.end()) {
            context_.declaration = token.text;
            context_.clause.clear();
          } else if (open.size() == 1 && IsClause(token.text)) {
            context_.clause = token.text;
          }
          break;
        default:
          break;
      }
    }
    context_.depth = open.size();
    context_.in_bracket = !open.empty();
    if (!open.empty()) context_.opener = open.back();
  }

  bool IsClause(const std::string& word) const {
    return std::any_of(Keywords().begin(), Keywords().end(), [&](const Keyword& keyword) {
      return keyword.block == context_.declaration &&
             keyword.word.substr(0, keyword.word.find(' ')) == word;
    });
  }

  void Offer() {
    if (OfferByWordBefore()) return;
    if (context_.in_bracket && OfferInBracket()) return;
    if (context_.depth == 0) {
      if (context_.declaration == "relation") OfferKeywords("relation");
      OfferKeywords("");
      return;
    }
    if (context_.at_line_start) {
      OfferKeywords(context_.declaration);
      if (context_.declaration != "signal") return;
    }
    if (context_.declaration == "signal") {
      OfferExpression();
    } else {
      OfferSymbols(Symbol::Type::kSignal);
      OfferSymbols(Symbol::Type::kKind);
      OfferSymbols(Symbol::Type::kRelation);
      OfferKeywords(context_.declaration);
    }
  }

  // Some words say all: `family`, `on`, `over`.
  bool OfferByWordBefore() {
    const Token& before = Before();
    const std::string& declaration = context_.declaration;
    if (IsOneOf(before, {"kind", "test"}) && context_.depth == 0) return true;
    if (IsOneOf(before, {"signal", "fault"}) && context_.depth == 0) return true;
    if (IsOneOf(before, {"family"})) return OfferKeywords("family");
    if (IsOneOf(before, {"severity"})) return OfferKeywords("severity");
    if (declaration == "incidents" && IsOneOf(before, {"as"})) {
      for (const std::string& name : ProjectionNames()) {
        found_.push_back({Type::kWord, name, "form of the record", ""});
      }
      return true;
    }
    if (IsOneOf(before, {"data"}) && IsOneOf(Before(2), {"no"})) return OfferKeywords("no data");
    if (IsOneOf(before, {"over"})) return OfferSymbols(Symbol::Type::kRelation);
    if (IsOneOf(before, {"has"})) return OfferSymbols(Symbol::Type::kKind);
    if (IsOneOf(before, {"relation"}) && IsOneOf(Before(2), {"on"})) {
      return OfferSymbols(Symbol::Type::kRelation);
    }
    if (context_.depth == 0 && IsOneOf(before, {"on"})) {
      if (declaration == "signal") found_.push_back({Type::kKeyword, "relation", "keyword", ""});
      return OfferSymbols(Symbol::Type::kKind);
    }
    if (declaration == "fault" && IsOneOf(before, {"on"})) {
      return OfferSymbols(Symbol::Type::kKind);
    }
    if (declaration == "relation" && context_.depth == 0) return OfferInRelation();
    if (declaration == "test" && context_.depth > 0) return OfferInTest();
    return false;
  }

  bool OfferInRelation() {
    const Token& before = Before();
    if (before.kind == TokenKind::kColon || before.kind == TokenKind::kArrow) {
      return OfferSymbols(Symbol::Type::kKind);
    }
    bool carries = false;
    for (size_t back = 1; back <= context_.end && !IsOneOf(Before(back), {"relation"}); ++back) {
      if (IsOneOf(Before(back), {"within", "tolerates"})) break;
      carries = carries || IsOneOf(Before(back), {"carries"});
    }
    if (IsOneOf(before, {"carries", "as"})) return OfferKeywords("family");
    if (before.kind != TokenKind::kComma) return false;
    return carries ? OfferKeywords("family") : OfferSymbols(Symbol::Type::kKind);
  }

  bool OfferInTest() {
    const Token& before = Before();
    if (IsOneOf(before, {"signal"})) return OfferSymbols(Symbol::Type::kSignal);
    if (IsOneOf(before, {"fault"})) return OfferSymbols(Symbol::Type::kFault);
    if (IsOneOf(before, {"by"})) return OfferSymbols(Symbol::Type::kRelation);
    if (IsOneOf(before, {"root", "impact", "causes", "on", "out"})) {
      return OfferSymbols(Symbol::Type::kKind);
    }
    if (IsOneOf(before, {"series", "event"})) return OfferMetrics();
    if (IsOneOf(before, {"expect"})) {
      for (const char* word : {"at", "never", "signal"}) {
        found_.push_back({Type::kKeyword, word, "keyword", ""});
      }
      return true;
    }
    return false;
  }

  bool OfferInBracket() {
    const Token& opener = tokens_[context_.opener];
    const Token& head = context_.opener == 0 ? opener : tokens_[context_.opener - 1];
    if (opener.kind == TokenKind::kLeftParen) {
      if (IsOneOf(head, {"of"})) return OfferSymbols(Symbol::Type::kSignal);
      return IsOneOf(head, {"by", "without", "on", "ignoring", "group_left", "group_right"}) &&
             OfferLabels();
    }
    if (opener.kind != TokenKind::kLeftBrace) return true;  // A range.
    const bool block = context_.depth == 1;
    if (!block && context_.declaration == "test") {
      if (IsOneOf(head, {"topology"})) return OfferSymbols(Symbol::Type::kKind);
      if (IsOneOf(head, {"incident", "incidents"})) return OfferIncident();
    }
    if (!block) return OfferLabels();
    if (context_.declaration == "kind") {
      OfferLabels();
      return OfferKeywords("kind");
    }
    if (context_.at_line_start) return false;
    if (context_.declaration == "fault" && (context_.clause == "causes")) {
      OfferSymbols(Symbol::Type::kSignal);
      OfferKeywords("family");
      for (const char* word : {"over", "within"}) {
        found_.push_back({Type::kKeyword, word, "keyword", ""});
      }
      return OfferKeywords("fault");
    }
    return false;
  }

  bool OfferIncident() {
    for (const char* word : {"root", "fault", "impact", "not impact", "causes", "ruled out",
                             "severity", "status", "maintenance"}) {
      found_.push_back({Type::kKeyword, word, "keyword", ""});
    }
    return true;
  }

  bool OfferExpression() {
    for (const promql::FunctionSignature& function : promql::Functions()) {
      found_.push_back({Type::kFunction, std::string(function.name), SignatureText(function),
                        std::string(function.doc)});
    }
    for (const promql::AggregateSignature& aggregate : promql::Aggregates()) {
      found_.push_back({Type::kFunction, std::string(aggregate.name), aggregate.Text(),
                        std::string(aggregate.doc)});
    }
    OfferKeywords("condition");
    OfferSymbols(Symbol::Type::kSignal);
    OfferSymbols(Symbol::Type::kDefinition);
    return OfferMetrics();
  }

  bool OfferMetrics() {
    for (const std::string& metric : analysis_.metrics) {
      found_.push_back({Type::kMetric, metric, "metric", ""});
    }
    return true;
  }

  bool OfferLabels() {
    for (const std::string& label : analysis_.labels) {
      found_.push_back({Type::kLabel, label, "label", ""});
    }
    return true;
  }

  bool OfferKeywords(std::string_view block) {
    const bool word = block == "family" || block == "severity" || block == "no data";
    for (const Keyword& keyword : Keywords()) {
      if (keyword.block != block) continue;
      found_.push_back({word ? Type::kWord : Type::kKeyword, std::string(keyword.word),
                        std::string(word ? block : "keyword"), std::string(keyword.doc)});
    }
    return true;
  }

  bool OfferSymbols(Symbol::Type type) {
    const Type item = type == Symbol::Type::kKind       ? Type::kKind
                      : type == Symbol::Type::kRelation ? Type::kRelation
                      : type == Symbol::Type::kFault    ? Type::kFault
                      : type == Symbol::Type::kSignal   ? Type::kSignal
                                                        : Type::kFunction;
    for (const Symbol& symbol : analysis_.symbols) {
      if (symbol.type != type) continue;
      found_.push_back({item, symbol.name,
                        symbol.on.empty() ? std::string(TypeName(type))
                                          : fmt::format("{} on {}", TypeName(type), symbol.on),
                        SymbolText(analysis_, symbol)});
    }
    return true;
  }

  const Analysis& analysis_;
  const std::vector<Token>& tokens_;
  const uint32_t offset_;
  Context context_;
  std::vector<Completion> found_;
};

}  // namespace

std::vector<Completion> CompletionsAt(const Analysis& analysis, uint32_t offset) {
  return Completer(analysis, offset).Complete();
}

}  // namespace rootnote
