#include "rules/format/layout.h"

#include <algorithm>
#include <iterator>
#include <map>
#include <optional>
#include <utility>
#include <vector>

#include "rules/block_parser.h"
#include "rules/format/spacing.h"

namespace rootnote {
namespace {

using Bracket = Atom::Bracket;

constexpr size_t kStep = 2;
constexpr size_t kLongCell = 40;

// Clauses of signals, faults and the policy; of those with two words, the second behind a blank.
constexpr std::string_view kClauses[] = {
    "when",   "clear",    "keep firing", "by",        "no data", "every",       "family",
    "labels", "limit",    "severity",    "summary",   "owner",   "description", "runbook",
    "shows",  "causes",   "title",       "hold back", "merge",   "reopen",      "resolve after",
    "remind", "flapping", "route",       "tolerated", "match"};
constexpr std::string_view kTestClauses[] = {"topology", "series", "event", "expect", "start"};
constexpr std::string_view kRelationClauses[] = {"from", "to", "carries", "within", "tolerates"};

template <size_t N>
bool IsWordOf(const Atom& atom, const std::string_view (&words)[N]) {
  return !atom.raw && atom.kind == TokenKind::kIdentifier &&
         std::find(std::begin(words), std::end(words), atom.text) != std::end(words);
}

bool IsDeclarationWord(const Atom& atom) {
  const std::vector<std::string>& words = DeclarationWords();
  return !atom.raw && atom.kind == TokenKind::kIdentifier &&
         std::find(words.begin(), words.end(), atom.text) != words.end();
}

bool Opens(const Atom& atom) {
  return atom.bracket == Bracket::kBlockOpen || atom.bracket == Bracket::kSelectorOpen ||
         atom.bracket == Bracket::kOpen;
}

bool Closes(const Atom& atom) {
  return atom.bracket == Bracket::kBlockClose || atom.bracket == Bracket::kSelectorClose ||
         atom.bracket == Bracket::kClose;
}

// Code points.
size_t Width(std::string_view text) {
  return static_cast<size_t>(std::count_if(text.begin(), text.end(), [](char c) {
    return (static_cast<unsigned char>(c) & 0xC0) != 0x80;
  }));
}

constexpr size_t kFile = static_cast<size_t>(-1);  // instead of the atom that opens a block

// What a line is, before any column is known.
struct LineShape {
  size_t in = kFile;            // the innermost bracket that is open before it: its atom
  bool starts = false;          // a declaration or clause begins with it
  size_t keyword_end = 0;       // > 0: what stands behind the keyword goes into the block's column
  std::string_view table;       // lines of one name below each other share columns; "" for none
  std::vector<size_t> columns;  // the atoms that begin a column
};

class Layout {
 public:
  explicit Layout(const AtomText& text) : atoms_(text.atoms), lines_(text.lines) {}

  std::string Run() {
    FindShapes();
    AlignTables();
    for (size_t i = 0; i < lines_.size(); ++i) Place(i);
    for (const size_t i : pending_) indents_[i] = 0;
    return Write();
  }

 private:
  struct Frame {
    size_t atom;
    size_t outer = 0, inner = 0;  // of its last line, and of what stands inside
  };

  // First pass: what each line is.

  void FindShapes() {
    shapes_.resize(lines_.size());
    words_.resize(atoms_.size());
    places_.resize(atoms_.size());
    std::vector<size_t> open;
    std::string_view declaration;
    for (size_t i = 0; i < lines_.size(); ++i) {
      const AtomLine& line = lines_[i];
      shapes_[i].in = open.empty() ? kFile : open.back();
      if (!line.only_comment()) FindShape(i);
      for (size_t at = line.begin; at < line.end; ++at) {
        const bool file_level = open.empty() || words_[open.back()] == "template";
        if (file_level && BeginsDeclaration(at, line)) declaration = atoms_[at].text;
        MarkPlace(at, open, file_level && declaration == "relation");
        if (Opens(atoms_[at])) {
          if (atoms_[at].bracket == Bracket::kBlockOpen) words_[at] = BlockWord(at, declaration);
          open.push_back(at);
        } else if (Closes(atoms_[at]) && !open.empty()) {
          open.pop_back();
        }
      }
    }
  }

  bool BeginsDeclaration(size_t at, const AtomLine& line) const {
    const bool place = at == line.begin || atoms_[at - 1].bracket == Bracket::kBlockClose;
    return place && IsDeclarationWord(atoms_[at]);
  }

  void MarkPlace(size_t at, const std::vector<size_t>& open, bool relation) {
    SpacingPlace& place = places_[at];
    place.in_relation = relation;
    if (open.empty()) return;
    const Bracket bracket = atoms_[open.back()].bracket;
    place.in_selector = bracket == Bracket::kSelectorOpen;
    place.in_brackets = bracket == Bracket::kOpen;
    // from { app=caller } is written like a selector, but with blanks inside its braces.
    const bool ends = relation && bracket == Bracket::kBlockOpen;
    if (ends && atoms_[at].bracket != Bracket::kBlockClose && at != open.back() + 1) {
      place.in_selector = true;
    }
  }

  std::string_view BlockWord(size_t at, std::string_view declaration) const {
    if (at == 0) return declaration;
    const Atom& before = atoms_[at - 1];
    if (before.Is("topology")) return "topology";
    if (declaration != "test") return declaration;
    return before.kind == TokenKind::kString ? "test" : "incident";
  }

  std::string_view WordAround(size_t i) const {
    const size_t in = shapes_[i].in;
    return in == kFile ? "template" : words_[in];
  }

  bool InBlock(size_t i) const {
    const size_t in = shapes_[i].in;
    return in == kFile || atoms_[in].bracket == Bracket::kBlockOpen;
  }

  void FindShape(size_t i) {
    LineShape& shape = shapes_[i];
    const AtomLine& line = lines_[i];
    const Atom& first = atoms_[line.begin];
    if (!InBlock(i) || Closes(first)) return;
    const std::string_view around = WordAround(i);
    if (around == "template") {
      const bool call = first.kind == TokenKind::kIdentifier && line.end - line.begin > 1 &&
                        atoms_[line.begin + 1].kind == TokenKind::kLeftParen;
      shape.starts = IsDeclarationWord(first) || call;
      if (shape.starts) FindTable(line, shape);
    } else if (around == "signal" || around == "fault" || around == "incidents") {
      FindClause(line, shape);
    } else if (around == "test") {
      shape.starts = IsWordOf(first, kTestClauses);
      if (first.Is("series") || first.Is("event")) FindSeries(line, shape);
      if (first.Is("expect")) FindExpectation(line, shape);
    } else {
      shape.starts = StartsItem(i);
      if (around == "topology" && shape.starts) FindArrow(line, shape);
    }
  }

  // Blocks whose every line is an item, unless something is left open before it.
  bool StartsItem(size_t i) const {
    const Atom& first = atoms_[lines_[i].begin];
    if (first.back_arrow || lines_[i].begin == 0) return false;
    const Atom& last = atoms_[lines_[i].begin - 1];
    return !last.back_arrow && last.kind != TokenKind::kComma;
  }

  void FindClause(const AtomLine& line, LineShape& shape) const {
    const Atom& first = atoms_[line.begin];
    if (first.raw || first.kind != TokenKind::kIdentifier) return;
    const bool more = line.end - line.begin > 1;
    const std::string_view second = more ? atoms_[line.begin + 1].text : "";
    if (first.Is("by") && second == "(") return;
    for (const std::string_view clause : kClauses) {
      const size_t blank = clause.find(' ');
      if (clause.substr(0, blank) != first.text) continue;
      const bool two = blank != std::string_view::npos;
      if (two && clause.substr(blank + 1) != second) continue;
      shape.starts = true;
      const size_t end = line.begin + (two ? 2 : 1);
      if (end < line.end && atoms_[end].kind != TokenKind::kLeftBrace) shape.keyword_end = end;
      return;
    }
  }

  void FindTable(const AtomLine& line, LineShape& shape) const {
    const Atom& first = atoms_[line.begin];
    const size_t size = line.end - line.begin;
    if (first.Is("kind") && size > 3 && atoms_[line.begin + 2].bracket == Bracket::kBlockOpen &&
        atoms_[line.begin + 2].partner < line.end) {
      shape.table = "kind";
      shape.columns = {line.begin + 2};
    } else if (first.Is("relation") && size > 3 &&
               atoms_[line.begin + 2].kind == TokenKind::kColon) {
      shape.table = "relation";
      shape.columns = {line.begin + 2};
      for (size_t at = line.begin + 4; at < line.end && shape.columns.size() < 3; ++at) {
        const bool name = atoms_[at - 1].kind == TokenKind::kArrow ||
                          atoms_[at - 1].kind == TokenKind::kComma || places_[at].in_selector ||
                          places_[at].in_brackets;
        const bool bound = atoms_[at].Is("within") || atoms_[at].Is("tolerates");
        const bool column =
            shape.columns.size() == 1 ? IsWordOf(atoms_[at], kRelationClauses) : bound;
        if (column && !name) shape.columns.push_back(at);
      }
    }
  }

  // expect at 5m  no incident
  void FindExpectation(const AtomLine& line, LineShape& shape) const {
    const size_t at = line.begin + 1;
    if (at >= line.end) return;
    const size_t behind = at + (atoms_[at].Is("never") ? 1 : atoms_[at].Is("at") ? 2 : 0);
    if (behind == at || behind >= line.end) return;
    shape.table = "expect";
    shape.columns = {behind};
  }

  // series NAME{…}  VALUES
  void FindSeries(const AtomLine& line, LineShape& shape) const {
    size_t at = line.begin + 2;
    if (at < line.end && atoms_[at].bracket == Bracket::kSelectorOpen) at = atoms_[at].partner + 1;
    if (at >= line.end) return;
    shape.table = atoms_[line.begin].text;
    shape.columns = {at};
  }

  void FindArrow(const AtomLine& line, LineShape& shape) const {
    for (size_t at = line.begin + 1; at < line.end; ++at) {
      if (!atoms_[at].back_arrow) continue;
      shape.table = "topology";
      shape.columns = {at};
      return;
    }
  }

  // Columns of what stands below each other.

  std::string Join(size_t from, size_t to) const {
    std::string text;
    for (size_t at = from; at < to; ++at) {
      if (at > from) text.append(SpacesBefore(atoms_, at, places_[at]), ' ');
      text += atoms_[at].text;
    }
    return text;
  }

  void AlignTables() {
    for (size_t i = 0; i < lines_.size();) {
      size_t end = i + 1;
      while (end < lines_.size() && !shapes_[i].table.empty() &&
             shapes_[end].table == shapes_[i].table && shapes_[end].in == shapes_[i].in &&
             !lines_[end].blank_before) {
        ++end;
      }
      if (end - i > 1) AlignTable(i, end);
      i = end;
    }
    for (size_t i = 0; i < lines_.size(); ++i) {
      const LineShape& shape = shapes_[i];
      if (shape.keyword_end == 0) continue;
      size_t& width = keyword_widths_[shape.in];
      width = std::max(width, Width(Join(lines_[i].begin, shape.keyword_end)));
    }
    for (size_t i = 0; i < lines_.size(); ++i) {
      const LineShape& shape = shapes_[i];
      if (shape.keyword_end == 0) continue;
      spaces_[shape.keyword_end] =
          keyword_widths_[shape.in] + 1 - Width(Join(lines_[i].begin, shape.keyword_end));
    }
  }

  void AlignTable(size_t begin, size_t end) {
    static constexpr size_t kGaps[] = {1, 2, 2};
    for (size_t column = 0; column < std::size(kGaps); ++column) {
      // One long cell does not push the bounds of all other relations away.
      const size_t most = column == 2 ? kLongCell : kFile;
      size_t width = 0;
      const auto cell = [&](size_t i) {
        const std::vector<size_t>& columns = shapes_[i].columns;
        return Width(Join(column == 0 ? lines_[i].begin : columns[column - 1], columns[column]));
      };
      for (size_t i = begin; i < end; ++i) {
        if (column >= shapes_[i].columns.size()) continue;
        if (const size_t one = cell(i); one <= most) width = std::max(width, one);
      }
      for (size_t i = begin; i < end; ++i) {
        if (column >= shapes_[i].columns.size()) continue;
        const size_t one = cell(i);
        spaces_[shapes_[i].columns[column]] = std::max(width, one) + kGaps[column] - one;
      }
    }
  }

  // Second pass: indentation.

  void Place(size_t i) {
    indents_.resize(lines_.size());
    texts_.resize(lines_.size());
    const AtomLine& line = lines_[i];
    if (line.only_comment()) {
      pending_.push_back(i);
      return;
    }
    const LineShape& shape = shapes_[i];
    const bool closes = Closes(atoms_[line.begin]);
    if (shape.starts) {
      statement_indent_ = frames_.empty() ? 0 : frames_.back().inner;
      argument_ = statement_indent_ + kStep;
      brace_column_.reset();
      if (const auto at = keyword_widths_.find(shape.in);
          at != keyword_widths_.end() && shape.keyword_end > 0) {
        argument_ = statement_indent_ + at->second + 1;
      }
    }
    const size_t indent = IndentOf(i);
    indents_[i] = indent;
    // A comment before the end of a block belongs inside it.
    for (const size_t comment : pending_) {
      indents_[comment] = closes && !frames_.empty() ? frames_.back().inner : indent;
    }
    pending_.clear();
    texts_[i] = LineText(line);
    const size_t content = shape.keyword_end > 0 ? argument_ : indent;
    Follow(line, indent, content);
  }

  size_t IndentOf(size_t i) const {
    const Atom& first = atoms_[lines_[i].begin];
    if (Closes(first)) return frames_.empty() ? 0 : frames_.back().outer;
    if (shapes_[i].starts) return statement_indent_;
    if (!InBlock(i)) return frames_.empty() ? kStep : frames_.back().inner;
    if (frames_.empty()) return kStep;
    if (first.bracket == Bracket::kBlockOpen && brace_column_) return *brace_column_;
    return std::max(argument_, frames_.back().inner);
  }

  std::string LineText(const AtomLine& line) const {
    std::string text;
    for (size_t at = line.begin; at < line.end; ++at) {
      if (at > line.begin) {
        const auto aligned = spaces_.find(at);
        text.append(
            aligned != spaces_.end() ? aligned->second : SpacesBefore(atoms_, at, places_[at]),
            ' ');
      }
      text += atoms_[at].text;
    }
    return text;
  }

  // Brackets that open and close in the line.
  void Follow(const AtomLine& line, size_t indent, size_t content) {
    size_t column = indent;
    for (size_t at = line.begin; at < line.end; ++at) {
      const Atom& atom = atoms_[at];
      if (at > line.begin) {
        const auto aligned = spaces_.find(at);
        column +=
            aligned != spaces_.end() ? aligned->second : SpacesBefore(atoms_, at, places_[at]);
      }
      if (Opens(atom)) {
        const bool block = atom.bracket == Bracket::kBlockOpen;
        if (block && !brace_column_) brace_column_ = column;
        const size_t outer = block ? statement_indent_ : content;
        // What follows an opening brace in its line has the next lines below it.
        const bool beside = block && at + 1 < line.end && atom.partner >= line.end;
        frames_.push_back({at, outer, beside ? column + kStep : outer + kStep});
      } else if (Closes(atom) && !frames_.empty()) {
        const Frame frame = frames_.back();
        frames_.pop_back();
        if (atom.bracket == Bracket::kBlockClose) {
          statement_indent_ = frame.outer;
          argument_ = statement_indent_ + kStep;
        }
      }
      column += Width(atom.text);
    }
  }

  // Comments behind code, in one column where lines follow one another.
  std::string Write() const {
    std::string out;
    for (size_t i = 0; i < lines_.size();) {
      size_t end = i, width = 0;
      while (end < lines_.size() && HasTrailingComment(end) &&
             (end == i || !lines_[end].blank_before)) {
        width = std::max(width, indents_[end] + Width(texts_[end]));
        ++end;
      }
      end = std::max(end, i + 1);
      for (; i < end; ++i) WriteLine(i, width, out);
    }
    return out;
  }

  bool HasTrailingComment(size_t i) const {
    return !lines_[i].only_comment() && !lines_[i].comment.empty();
  }

  void WriteLine(size_t i, size_t width, std::string& out) const {
    const AtomLine& line = lines_[i];
    const bool closes = !line.only_comment() && Closes(atoms_[line.begin]);
    const bool opened =
        i > 0 && !lines_[i - 1].only_comment() && Opens(atoms_[lines_[i - 1].end - 1]);
    if (line.blank_before && !closes && !opened) out += '\n';
    out.append(indents_[i], ' ');
    out += texts_[i];
    if (HasTrailingComment(i)) {
      const size_t used = indents_[i] + Width(texts_[i]);
      out.append(std::max(width, used) - used + 2, ' ');
    }
    out += line.comment;
    out += '\n';
  }

  const std::vector<Atom>& atoms_;
  const std::vector<AtomLine>& lines_;
  std::vector<LineShape> shapes_;
  std::vector<std::string_view> words_;      // by the atom that opens a block
  std::vector<SpacingPlace> places_;         // by atom
  std::map<size_t, size_t> keyword_widths_;  // by the atom that opens the block
  std::map<size_t, size_t> spaces_;          // before atoms that begin a column

  std::vector<Frame> frames_;
  std::vector<size_t> pending_;  // lines of comments that wait for the next code
  std::vector<size_t> indents_;
  std::vector<std::string> texts_;
  size_t statement_indent_ = 0, argument_ = 0;
  std::optional<size_t> brace_column_;
};

}  // namespace

std::string LayOut(const AtomText& text) { return Layout(text).Run(); }

}  // namespace rootnote
