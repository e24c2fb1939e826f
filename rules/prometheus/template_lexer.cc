#include "rules/prometheus/template_lexer.h"

#include <algorithm>
#include <cctype>
#include <utility>

#include "fmt/format.h"

namespace rootnote::prometheus {
namespace {

using Word = TemplateWord;
using Item = TemplateItem;

bool IsSpace(char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; }
bool IsNameChar(char c) {
  return c == '_' || std::isalnum(static_cast<unsigned char>(c)) != 0 ||
         static_cast<unsigned char>(c) >= 0x80;
}

class Lexer {
 public:
  explicit Lexer(std::string_view text) : text_(text) {}

  // "" or what is wrong; then error_at() tells where.
  std::string Run() {
    while (at_ < text_.size() && error_.empty()) {
      if (inside_) {
        LexInside();
      } else {
        LexText();
      }
    }
    if (error_.empty() && inside_) Fail("unclosed action", at_);
    items_.push_back({Word::kEnd, {}, text_.size()});
    return error_;
  }

  std::vector<Item>& items() { return items_; }
  size_t error_at() const { return error_at_; }

 private:
  void Fail(std::string what, size_t at) {
    if (!error_.empty()) return;
    error_ = std::move(what);
    error_at_ = at;
  }

  void Emit(Word word, size_t end) {
    items_.push_back({word, text_.substr(at_, end - at_), at_});
    at_ = end;
  }

  void LexText() {
    const size_t open = text_.find("{{", at_);
    size_t end = std::min(open, text_.size());
    const bool trims = open != std::string_view::npos && text_.substr(open + 2, 1) == "-" &&
                       open + 3 < text_.size() && IsSpace(text_[open + 3]);
    if (trims) {
      while (end > at_ && IsSpace(text_[end - 1])) --end;
    }
    if (end > at_) Emit(Word::kText, end);
    if (open == std::string_view::npos) {
      at_ = text_.size();
      return;
    }
    at_ = open + 2 + (trims ? 2 : 0);
    if (text_.substr(at_, 2) == "/*") {
      LexComment();
      return;
    }
    items_.push_back({Word::kLeft, text_.substr(open, 2), open});
    inside_ = true;
    parens_ = 0;
  }

  void LexComment() {
    const size_t end = text_.find("*/", at_);
    if (end == std::string_view::npos) return Fail("unclosed comment", at_);
    at_ = end + 2;
    if (!TakeRight()) Fail("comment ends before closing delimiter", at_);
  }

  // Takes `}}` or ` -}}`, with the blanks that the latter eats.
  bool TakeRight() {
    const std::string_view rest = text_.substr(at_);
    if (rest.size() >= 4 && IsSpace(rest[0]) && rest.substr(1, 3) == "-}}") {
      at_ += 4;
      while (at_ < text_.size() && IsSpace(text_[at_])) ++at_;
      return true;
    }
    if (rest.substr(0, 2) != "}}") return false;
    at_ += 2;
    return true;
  }

  void LexInside() {
    const size_t from = at_;
    if (TakeRight()) {
      if (parens_ > 0) return Fail("unclosed left paren", from);
      items_.push_back({Word::kRight, "}}", from});
      inside_ = false;
      return;
    }
    const char c = text_[at_];
    if (IsSpace(c)) {
      size_t end = at_;
      while (end < text_.size() && IsSpace(text_[end])) {
        if (text_.substr(end + 1, 3) == "-}}") break;
        ++end;
      }
      if (end > at_) Emit(Word::kSpace, end);
    } else if (c == '"' || c == '`' || c == '\'') {
      LexQuoted(c);
    } else if (c == '.' && (at_ + 1 >= text_.size() ||
                            std::isdigit(static_cast<unsigned char>(text_[at_ + 1])) == 0)) {
      Emit(Word::kField, NameEnd(at_ + 1));
    } else if (c == '$') {
      Emit(Word::kVariable, NameEnd(at_ + 1));
    } else if (std::isdigit(static_cast<unsigned char>(c)) != 0 || c == '.' || c == '+' ||
               c == '-') {
      LexNumber();
    } else if (IsNameChar(c)) {
      Emit(Word::kIdentifier, NameEnd(at_));
    } else {
      LexPunctuation(c);
    }
  }

  size_t NameEnd(size_t end) const {
    while (end < text_.size() && IsNameChar(text_[end])) ++end;
    return end;
  }

  void LexQuoted(char quote) {
    size_t end = at_ + 1;
    while (end < text_.size() && text_[end] != quote) {
      if (text_[end] == '\\' && quote != '`') ++end;
      if (end < text_.size() && text_[end] == '\n' && quote != '`') break;
      ++end;
    }
    if (end >= text_.size() || text_[end] != quote) {
      return Fail(quote == '`'    ? "unterminated raw quoted string"
                  : quote == '\'' ? "unterminated character constant"
                                  : "unterminated quoted string",
                  at_);
    }
    Emit(quote == '\'' ? Word::kChar : Word::kString, end + 1);
  }

  void LexNumber() {
    size_t end = at_ + 1;
    while (end < text_.size()) {
      const char c = text_[end];
      const bool sign = (c == '+' || c == '-') && (text_[end - 1] == 'e' || text_[end - 1] == 'E' ||
                                                   text_[end - 1] == 'p' || text_[end - 1] == 'P');
      if (!sign && c != '.' && !IsNameChar(c)) break;
      ++end;
    }
    Emit(Word::kNumber, end);
  }

  void LexPunctuation(char c) {
    if (c == ':') {
      if (text_.substr(at_, 2) != ":=") return Fail("expected :=", at_);
      return Emit(Word::kPunctuation, at_ + 2);
    }
    if (c == '(') ++parens_;
    if (c == ')' && --parens_ < 0) return Fail("unexpected right paren", at_);
    if (std::string_view("()|,=").find(c) == std::string_view::npos) {
      return Fail(fmt::format("unrecognized character in action: U+{:04X} '{}'",
                              static_cast<unsigned>(static_cast<unsigned char>(c)), c),
                  at_);
    }
    Emit(Word::kPunctuation, at_ + 1);
  }

  std::string_view text_;
  size_t at_ = 0;
  bool inside_ = false;
  int parens_ = 0;
  std::vector<Item> items_;
  std::string error_;
  size_t error_at_ = 0;
};

}  // namespace

TemplateItems LexTemplate(std::string_view text) {
  Lexer lexer(text);
  TemplateItems lexed;
  lexed.error = lexer.Run();
  lexed.error_at = lexer.error_at();
  lexed.items = std::move(lexer.items());
  return lexed;
}

}  // namespace rootnote::prometheus
