#include "rules/format/atoms.h"

#include <algorithm>
#include <utility>

namespace rootnote {
namespace {

bool IsSpace(char c) { return c == ' ' || c == '\t' || c == '\r'; }

// Overlapping ones become one.
std::vector<Span> Merged(std::vector<Span> spans) {
  std::sort(spans.begin(), spans.end(),
            [](Span a, Span b) { return std::pair(a.begin, a.end) < std::pair(b.begin, b.end); });
  std::vector<Span> merged;
  for (const Span span : spans) {
    if (span.begin >= span.end) continue;
    if (!merged.empty() && span.begin < merged.back().end) {
      merged.back().end = std::max(merged.back().end, span.end);
    } else {
      merged.push_back(span);
    }
  }
  return merged;
}

class AtomReader {
 public:
  AtomReader(const RuleSource& source, const std::vector<Token>& tokens,
             std::vector<Span> raw_spans)
      : source_(source), tokens_(tokens), raw_(Merged(std::move(raw_spans))) {}

  AtomText Read() {
    size_t raw = 0;
    for (size_t i = 0; tokens_[i].kind != TokenKind::kEnd;) {
      while (raw < raw_.size() && raw_[raw].end <= tokens_[i].span.begin) ++raw;
      Atom atom;
      atom.kind = tokens_[i].kind;
      Span span = tokens_[i].span;
      if (raw < raw_.size() && raw_[raw].begin <= span.begin) {
        span = raw_[raw];
        span.begin = std::max(span.begin, at_);
        atom.raw = true;
        atom.kind = TokenKind::kOddNumber;
        while (tokens_[i].kind != TokenKind::kEnd && tokens_[i].span.begin < span.end) {
          span.end = std::max(span.end, tokens_[i].span.end);
          ++i;
        }
      } else {
        const size_t arrow = BackArrowAt(i);
        atom.back_arrow = arrow > 0;
        span.end = tokens_[i + std::max<size_t>(arrow, 1) - 1].span.end;
        i += std::max<size_t>(arrow, 1);
      }
      Append(atom, span);
    }
    Gap(static_cast<uint32_t>(source_.text().size()));
    EndLine();
    MarkBrackets();
    return std::move(text_);
  }

 private:
  // `<-` and `<-(stored_on)-` between entities: how many tokens, 0 if none begins here. In an
  // expression no entity stands before it.
  size_t BackArrowAt(size_t i) const {
    const bool arrow = tokens_[i].kind == TokenKind::kLess &&
                       tokens_[i + 1].kind == TokenKind::kMinus && !tokens_[i + 1].space_before;
    if (!arrow || !InTopology()) return 0;
    if (i + 5 < tokens_.size() && tokens_[i + 2].kind == TokenKind::kLeftParen &&
        !tokens_[i + 2].space_before && tokens_[i + 3].kind == TokenKind::kIdentifier &&
        tokens_[i + 4].kind == TokenKind::kRightParen && tokens_[i + 5].kind == TokenKind::kMinus &&
        !tokens_[i + 5].space_before) {
      return 6;
    }
    return 2;
  }

  // An entity stands before it, or the braces with its labels.
  bool InTopology() const {
    if (text_.atoms.empty()) return false;
    size_t at = text_.atoms.size() - 1;
    if (text_.atoms[at].kind == TokenKind::kRightBrace) {
      while (at > 0 && text_.atoms[at].kind != TokenKind::kLeftBrace) --at;
      if (at > 0) --at;
    }
    return text_.atoms[at].raw;
  }

  void Append(Atom atom, Span span) {
    atom.gap = Gap(span.begin);
    atom.text = source_.Text(span);
    text_.atoms.push_back(atom);
    ++line_.end;
    at_ = span.end;
  }

  // Reads white space and comments up to `end`; the gap of what follows in its line.
  uint8_t Gap(uint32_t end) {
    size_t spaces = 0;
    for (; at_ < end; ++at_) {
      const char c = source_.text()[at_];
      if (c == '#') {
        const size_t stop = std::min<size_t>(source_.text().find('\n', at_), end);
        std::string_view comment = source_.text().substr(at_, stop - at_);
        while (!comment.empty() && IsSpace(comment.back())) comment.remove_suffix(1);
        line_.comment = comment;
        at_ = static_cast<uint32_t>(stop) - 1;
      } else if (c == '\n') {
        EndLine();
        spaces = 0;
      } else if (IsSpace(c)) {
        ++spaces;
      }
    }
    at_ = end;
    return static_cast<uint8_t>(std::min<size_t>(spaces, 2));
  }

  void EndLine() {
    if (line_.only_comment() && line_.comment.empty()) {
      blank_ = true;
    } else {
      line_.blank_before = blank_ && !text_.lines.empty();
      blank_ = false;
      text_.lines.push_back(line_);
    }
    line_ = {};
    line_.begin = line_.end = text_.atoms.size();
  }

  void MarkBrackets() {
    std::vector<size_t> open;
    for (size_t i = 0; i < text_.atoms.size(); ++i) {
      Atom& atom = text_.atoms[i];
      if (atom.raw || atom.back_arrow) continue;
      switch (atom.kind) {
        case TokenKind::kLeftParen:
        case TokenKind::kLeftBracket:
          atom.bracket = Atom::Bracket::kOpen;
          open.push_back(i);
          break;
        case TokenKind::kLeftBrace:
          atom.bracket = IsSelector(i) ? Atom::Bracket::kSelectorOpen : Atom::Bracket::kBlockOpen;
          open.push_back(i);
          break;
        case TokenKind::kRightParen:
        case TokenKind::kRightBracket:
        case TokenKind::kRightBrace:
          Close(open, i);
          break;
        default:
          break;
      }
    }
  }

  void Close(std::vector<size_t>& open, size_t i) {
    Atom& atom = text_.atoms[i];
    atom.bracket = Atom::Bracket::kClose;
    if (open.empty()) return;
    Atom& other = text_.atoms[open.back()];
    atom.partner = open.back();
    other.partner = i;
    open.pop_back();
    if (other.bracket == Atom::Bracket::kSelectorOpen) {
      atom.bracket = Atom::Bracket::kSelectorClose;
    } else if (other.bracket == Atom::Bracket::kBlockOpen) {
      atom.bracket = Atom::Bracket::kBlockClose;
    }
  }

  // { name="value" …}, {"name"}, and {} that touches its metric; but not `from { app=caller }`.
  bool IsSelector(size_t i) const {
    const std::vector<Atom>& atoms = text_.atoms;
    if (i + 1 >= atoms.size()) return false;
    if (atoms[i + 1].kind == TokenKind::kString) return true;
    if (atoms[i + 1].kind == TokenKind::kRightBrace) return atoms[i].gap == 0;
    if (i > 0 && (atoms[i - 1].Is("from") || atoms[i - 1].Is("to"))) return false;
    if (atoms[i + 1].kind != TokenKind::kIdentifier || i + 2 >= atoms.size()) return false;
    switch (atoms[i + 2].kind) {
      case TokenKind::kAssign:
      case TokenKind::kEqual:
      case TokenKind::kNotEqual:
      case TokenKind::kMatchRegex:
      case TokenKind::kNotMatchRegex:
        return true;
      default:
        return false;
    }
  }

  const RuleSource& source_;
  const std::vector<Token>& tokens_;
  const std::vector<Span> raw_;
  AtomText text_;
  AtomLine line_;
  bool blank_ = false;
  uint32_t at_ = 0;
};

}  // namespace

AtomText ReadAtoms(const RuleSource& source, const std::vector<Token>& tokens,
                   std::vector<Span> raw_spans) {
  return AtomReader(source, tokens, std::move(raw_spans)).Read();
}

}  // namespace rootnote
