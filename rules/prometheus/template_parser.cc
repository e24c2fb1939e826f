#include <algorithm>
#include <cctype>
#include <utility>

#include "fmt/format.h"

#include "rules/prometheus/template.h"
#include "rules/prometheus/template_lexer.h"
#include "rules/prometheus/template_tree.h"
#include "rules/unquote.h"

namespace rootnote::prometheus {
namespace {

using Kind = TemplateNode::Kind;
using NodePtr = std::unique_ptr<TemplateNode>;
using Word = TemplateWord;
using Item = TemplateItem;

constexpr int kDepthMax = 100;

NodePtr Make(Kind kind, size_t position) {
  auto node = std::make_unique<TemplateNode>();
  node->kind = kind;
  node->position = position;
  return node;
}

}  // namespace

class TemplateParser {
 public:
  TemplateParser(Template& parsed, std::vector<Item> items)
      : parsed_(parsed), items_(std::move(items)) {}

  absl::Status Run() {
    variables_ = {"$"};
    parsed_.root_ = ParseList({}, nullptr);
    return status_;
  }

 private:
  const Item& Peek() const { return items_[at_]; }
  const Item& Next() { return items_[at_ + 1 < items_.size() ? at_++ : at_]; }
  void SkipSpace() {
    while (Peek().word == Word::kSpace) Next();
  }
  bool IsPunctuation(std::string_view text) const {
    return Peek().word == Word::kPunctuation && Peek().text == text;
  }
  bool failed() const { return !status_.ok(); }

  void Fail(const std::string& what) { Fail(what, Peek().position); }
  void Fail(const std::string& what, size_t position) {
    if (!status_.ok()) return;
    const std::string_view before = std::string_view(parsed_.text_).substr(0, position);
    status_ = absl::InvalidArgumentError(
        fmt::format("template: {}:{}: {}", parsed_.name_,
                    1 + std::count(before.begin(), before.end(), '\n'), what));
  }

  std::string Shown(const Item& item) const {
    if (item.word == Word::kEnd) return "EOF";
    if (item.word == Word::kIdentifier && IsKeyword(item.text))
      return fmt::format("<{}>", item.text);
    return item.text.size() > 10 ? Quote(item.text.substr(0, 10)) + "..." : Quote(item.text);
  }
  void Unexpected(const std::string& context) {
    Fail(fmt::format("unexpected {} in {}", Shown(Peek()), context));
  }

  static bool IsKeyword(std::string_view word) {
    for (const char* keyword : {"if", "else", "end", "range", "with", "template", "define", "block",
                                "break", "continue"}) {
      if (word == keyword) return true;
    }
    return false;
  }

  // Until one of `ends` (which is not consumed beyond its word) or the end of the text.
  NodePtr ParseList(const std::vector<std::string_view>& ends, std::string* ended) {
    NodePtr list = Make(Kind::kList, Peek().position);
    if (++depth_ > kDepthMax) Fail("exceeded max depth of a template");
    while (!failed()) {
      if (Peek().word == Word::kEnd) {
        if (!ends.empty()) Fail("unexpected EOF");
        break;
      }
      if (Peek().word == Word::kText) {
        NodePtr text = Make(Kind::kText, Peek().position);
        text->text = std::string(Next().text);
        list->children.push_back(std::move(text));
        continue;
      }
      Next();  // {{
      SkipSpace();
      const std::string word(Peek().word == Word::kIdentifier ? Peek().text : "");
      if (word == "end" || word == "else") {
        if (std::find(ends.begin(), ends.end(), word) == ends.end()) {
          Fail(fmt::format("unexpected {{{{{}}}}}", word));
          break;
        }
        Next();
        *ended = word;
        break;
      }
      if (NodePtr node = ParseAction(word)) list->children.push_back(std::move(node));
    }
    --depth_;
    return list;
  }

  NodePtr ParseAction(const std::string& word) {
    if (word == "if") return ParseControl(Kind::kIf, word);
    if (word == "range") return ParseControl(Kind::kRange, word);
    if (word == "with") return ParseControl(Kind::kWith, word);
    if (word == "define") return ParseDefinition(false);
    if (word == "block") return ParseDefinition(true);
    if (word == "template") return ParseTemplateCall();
    if (word == "break" || word == "continue") {
      if (ranges_ == 0) Fail(fmt::format("{{{{{}}}}} outside {{{{range}}}}", word));
      NodePtr node = Make(word == "break" ? Kind::kBreak : Kind::kContinue, Next().position);
      ExpectRight(word);
      return node;
    }
    NodePtr action = Make(Kind::kAction, Peek().position);
    action->children.push_back(ParsePipeline("command", false));
    ExpectRight("command");
    return action;
  }

  void ExpectRight(const std::string& context) {
    SkipSpace();
    if (failed()) return;
    if (Peek().word != Word::kRight) return Unexpected(context);
    Next();
  }

  NodePtr ParseControl(Kind kind, const std::string& word) {
    NodePtr node = Make(kind, Next().position);
    const size_t scope = variables_.size();
    ranges_ += kind == Kind::kRange ? 1 : 0;
    node->children.push_back(ParsePipeline(word, kind == Kind::kRange));
    ExpectRight(word);
    std::string ended;
    node->children.push_back(ParseList({"end", "else"}, &ended));
    ranges_ -= kind == Kind::kRange ? 1 : 0;
    if (ended == "else") {
      node->children.push_back(ParseElse(kind, word));
    } else {
      node->children.push_back(nullptr);
    }
    if (ended == "end") ExpectRight("end");
    variables_.resize(std::min(scope, variables_.size()));
    return node;
  }

  // {{else}} … {{end}}, or {{else if …}}, which nests without an end of its own.
  NodePtr ParseElse(Kind kind, const std::string& word) {
    SkipSpace();
    const bool chained =
        kind != Kind::kRange && Peek().word == Word::kIdentifier && Peek().text == word;
    if (chained) {
      NodePtr list = Make(Kind::kList, Peek().position);
      if (++depth_ > kDepthMax) Fail("exceeded max depth of a template");
      list->children.push_back(ParseControl(kind, word));
      --depth_;
      return list;
    }
    ExpectRight("else");
    std::string ended;
    NodePtr list = ParseList({"end"}, &ended);
    if (ended == "end") ExpectRight("end");
    return list;
  }

  std::string ExpectName(const std::string& context) {
    SkipSpace();
    if (Peek().word != Word::kString) {
      Unexpected(context);
      return "";
    }
    UnquoteError error;
    return Unquote(Next().text, error).value_or("");
  }

  NodePtr ParseDefinition(bool block) {
    const size_t position = Next().position;
    const std::string context = block ? "block clause" : "define clause";
    const std::string name = ExpectName(context);
    NodePtr call;
    if (block) {
      call = Make(Kind::kTemplate, position);
      call->text = name;
      SkipSpace();
      call->children.push_back(ParsePipeline(context, false));
    }
    ExpectRight(context);
    std::vector<std::string> outer = std::exchange(variables_, {"$"});
    const int ranges = std::exchange(ranges_, 0);
    std::string ended;
    NodePtr body = ParseList({"end"}, &ended);
    variables_ = std::move(outer);
    ranges_ = ranges;
    if (!failed()) ExpectRight("end");
    parsed_.definitions_[name] = std::move(body);
    return call;
  }

  NodePtr ParseTemplateCall() {
    NodePtr node = Make(Kind::kTemplate, Next().position);
    node->text = ExpectName("template clause");
    SkipSpace();
    node->children.push_back(Peek().word == Word::kRight ? nullptr
                                                         : ParsePipeline("template clause", false));
    ExpectRight("template clause");
    return node;
  }

  // Items ahead that are `$x [, $y] :=` or `=`.
  void ParseDeclarations(TemplateNode& pipe, bool range) {
    const size_t from = at_;
    std::vector<std::string> names;
    while (Peek().word == Word::kVariable && names.size() < 2) {
      names.emplace_back(Next().text);
      SkipSpace();
      if (IsPunctuation(":=") || IsPunctuation("=")) {
        pipe.assigns = Next().text == "=";
        if (!pipe.assigns) {
          variables_.insert(variables_.end(), names.begin(), names.end());
        } else {
          for (const std::string& name : names) CheckVariable(name, items_[from].position);
        }
        pipe.names = std::move(names);
        SkipSpace();
        return;
      }
      if (!range || !IsPunctuation(",")) break;
      Next();
      SkipSpace();
    }
    at_ = from;
  }

  void CheckVariable(const std::string& name, size_t position) {
    if (std::find(variables_.begin(), variables_.end(), name) == variables_.end()) {
      Fail(fmt::format("undefined variable {}", Quote(name)), position);
    }
  }

  NodePtr ParsePipeline(const std::string& context, bool range) {
    SkipSpace();
    NodePtr pipe = Make(Kind::kPipe, Peek().position);
    if (++depth_ > kDepthMax) Fail("exceeded max depth of a template");
    ParseDeclarations(*pipe, range);
    while (!failed()) {
      SkipSpace();
      if (Peek().word == Word::kRight || IsPunctuation(")")) {
        CheckPipeline(*pipe, context);
        break;
      }
      NodePtr command = ParseCommand(context);
      if (failed()) break;
      pipe->children.push_back(std::move(command));
    }
    --depth_;
    return pipe;
  }

  void CheckPipeline(const TemplateNode& pipe, const std::string& context) {
    if (pipe.children.empty()) return Fail(fmt::format("missing value for {}", context));
    for (size_t i = 1; i < pipe.children.size(); ++i) {
      const Kind kind = pipe.children[i]->children.front()->kind;
      if (kind == Kind::kBool || kind == Kind::kDot || kind == Kind::kNil ||
          kind == Kind::kNumber || kind == Kind::kString) {
        return Fail(fmt::format("non executable command in pipeline stage {}", i + 1));
      }
    }
  }

  NodePtr ParseCommand(const std::string& context) {
    NodePtr command = Make(Kind::kCommand, Peek().position);
    while (!failed()) {
      SkipSpace();
      NodePtr operand = ParseOperand();
      if (operand != nullptr) command->children.push_back(std::move(operand));
      if (failed()) break;
      if (Peek().word == Word::kSpace) {
        Next();
        continue;
      }
      if (Peek().word == Word::kRight || IsPunctuation(")")) break;
      if (IsPunctuation("|")) {
        Next();
        SkipSpace();
        if (Peek().word == Word::kRight || IsPunctuation(")")) Fail("missing value for " + context);
        break;
      }
      Unexpected(operand_seen_ ? "operand" : context);
    }
    if (command->children.empty()) Fail("empty command");
    return command;
  }

  NodePtr ParseOperand() {
    NodePtr term = ParseTerm();
    operand_seen_ = term != nullptr;
    if (term == nullptr || failed() || Peek().word != Word::kField) return term;
    const size_t position = Peek().position;
    std::vector<std::string> names;
    while (Peek().word == Word::kField) names.emplace_back(Next().text.substr(1));
    if (names.front().empty()) {
      Fail("unexpected . after term " + Quote(term->ToString()), position);
      return term;
    }
    if (term->kind == Kind::kField || term->kind == Kind::kVariable) {
      term->names.insert(term->names.end(), names.begin(), names.end());
      return term;
    }
    if (term->kind == Kind::kNumber || term->kind == Kind::kString || term->kind == Kind::kBool ||
        term->kind == Kind::kNil || term->kind == Kind::kDot) {
      Fail("unexpected . after term " + Quote(term->ToString()), position);
      return term;
    }
    NodePtr chain = Make(Kind::kChain, position);
    chain->names = std::move(names);
    chain->children.push_back(std::move(term));
    return chain;
  }

  NodePtr ParseTerm() {
    const Item item = Peek();
    switch (item.word) {
      case Word::kIdentifier:
        return ParseWord(Next());
      case Word::kField: {
        Next();
        if (item.text == ".") return Make(Kind::kDot, item.position);
        NodePtr field = Make(Kind::kField, item.position);
        field->names.emplace_back(item.text.substr(1));
        return field;
      }
      case Word::kVariable: {
        Next();
        CheckVariable(std::string(item.text), item.position);
        NodePtr variable = Make(Kind::kVariable, item.position);
        variable->names.emplace_back(item.text);
        return variable;
      }
      case Word::kNumber:
      case Word::kChar:
        return ParseNumber(Next());
      case Word::kString: {
        Next();
        NodePtr text = Make(Kind::kString, item.position);
        UnquoteError error;
        const std::optional<std::string> meaning = Unquote(item.text, error);
        if (!meaning) Fail("invalid syntax", item.position);
        text->text = meaning.value_or("");
        text->quoted = std::string(item.text);
        return text;
      }
      default:
        break;
    }
    if (!IsPunctuation("(")) return nullptr;
    Next();
    NodePtr pipe = ParsePipeline("parenthesized pipeline", false);
    if (!failed() && !IsPunctuation(")")) Fail("unclosed left paren");
    Next();
    return pipe;
  }

  NodePtr ParseWord(const Item& item) {
    const std::string word(item.text);
    Kind kind = Kind::kIdentifier;
    if (word == "true" || word == "false") kind = Kind::kBool;
    if (word == "nil") kind = Kind::kNil;
    if (kind == Kind::kIdentifier && IsKeyword(word)) {
      Fail(fmt::format("unexpected <{}> in command", word), item.position);
    } else if (kind == Kind::kIdentifier && FindTemplateFunction(word) == nullptr) {
      Fail(fmt::format("function {} not defined", Quote(word)), item.position);
    }
    NodePtr node = Make(kind, item.position);
    node->text = word;
    return node;
  }

  NodePtr ParseNumber(const Item& item) {
    NodePtr number = Make(Kind::kNumber, item.position);
    number->text = std::string(item.text);
    if (item.word == Word::kChar) {
      UnquoteError error;
      const std::optional<std::string> meaning = Unquote(item.text, error);
      if (!meaning || CodePointLength(*meaning) != meaning->size()) {
        Fail(fmt::format("malformed character constant: {}", item.text), item.position);
      }
      return number;
    }
    std::string plain(item.text);
    plain.erase(std::remove(plain.begin(), plain.end(), '_'), plain.end());
    char* end = nullptr;
    std::strtod(plain.c_str(), &end);
    const bool octal = plain.rfind("0b", 0) == 0 || plain.rfind("0o", 0) == 0;
    if (!octal && (plain.empty() || end != plain.c_str() + plain.size())) {
      Fail(fmt::format("bad number syntax: {}", Quote(item.text)), item.position);
    }
    return number;
  }

  Template& parsed_;
  std::vector<Item> items_;
  size_t at_ = 0;
  int depth_ = 0;
  int ranges_ = 0;
  bool operand_seen_ = false;
  std::vector<std::string> variables_;
  absl::Status status_;
};

absl::StatusOr<std::shared_ptr<const Template>> Template::Parse(std::string name,
                                                                std::string text) {
  std::shared_ptr<Template> parsed(new Template);
  parsed->name_ = std::move(name);
  parsed->text_ = std::move(text);
  TemplateItems lexed = LexTemplate(parsed->text_);
  if (!lexed.error.empty()) {
    const std::string_view before = std::string_view(parsed->text_).substr(0, lexed.error_at);
    return absl::InvalidArgumentError(
        fmt::format("template: {}:{}: {}", parsed->name_,
                    1 + std::count(before.begin(), before.end(), '\n'), lexed.error));
  }
  TemplateParser parser(*parsed, std::move(lexed.items));
  RETURN_IF_ERROR(parser.Run());
  return std::shared_ptr<const Template>(std::move(parsed));
}

const TemplateNode* Template::Find(const std::string& definition) const {
  const auto found = definitions_.find(definition);
  return found == definitions_.end() ? nullptr : found->second.get();
}

}  // namespace rootnote::prometheus
