#include "rules/diagnostic.h"

#include <algorithm>
#include <tuple>
#include <utility>

#include "fmt/core.h"

namespace rootnote {
namespace {

const char* LevelName(DiagnosticLevel level) {
  switch (level) {
    case DiagnosticLevel::kError:
      return "error";
    case DiagnosticLevel::kWarning:
      return "warning";
    case DiagnosticLevel::kNote:
      return "note";
  }
  return "error";
}

const char* LevelColor(DiagnosticLevel level) {
  switch (level) {
    case DiagnosticLevel::kError:
      return "\x1b[1;31m";
    case DiagnosticLevel::kWarning:
      return "\x1b[1;33m";
    case DiagnosticLevel::kNote:
      return "\x1b[1;36m";
  }
  return "";
}

// White space as wide as `line` up to `columns` code points: tabs stay tabs, so that the caret
// stands below its character in any terminal.
std::string Indent(std::string_view line, uint32_t columns) {
  std::string indent;
  for (const char c : line) {
    if ((static_cast<unsigned char>(c) & 0xC0) == 0x80) continue;
    if (columns-- == 0) break;
    indent += c == '\t' ? '\t' : ' ';
  }
  return indent;
}

// Letters left out, put in, replaced, and two neighbours swapped: one each (optimal string
// alignment).
size_t EditDistance(std::string_view a, std::string_view b) {
  std::vector<size_t> before, last(b.size() + 1), row(b.size() + 1);
  for (size_t j = 0; j <= b.size(); ++j) row[j] = j;
  for (size_t i = 1; i <= a.size(); ++i) {
    before = std::exchange(last, row);
    row[0] = i;
    for (size_t j = 1; j <= b.size(); ++j) {
      const size_t replaced = last[j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1);
      row[j] = std::min({last[j] + 1, row[j - 1] + 1, replaced});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) {
        row[j] = std::min(row[j], before[j - 2] + 1);
      }
    }
  }
  return row[b.size()];
}

}  // namespace

void Diagnostics::Error(DiagnosticCode code, uint32_t source, Span span, std::string message,
                        std::string hint) {
  ++errors_;
  if (errors_ > limit_) {
    ++dropped_;
    return;
  }
  list_.push_back(
      {DiagnosticLevel::kError, code, source, span, std::move(message), std::move(hint)});
}

void Diagnostics::Warning(DiagnosticCode code, uint32_t source, Span span, std::string message,
                          std::string hint) {
  // Warnings have the same room as errors, so that a flood of them cannot hide an error.
  if (list_.size() >= 2 * limit_) {
    ++dropped_;
    return;
  }
  list_.push_back(
      {DiagnosticLevel::kWarning, code, source, span, std::move(message), std::move(hint)});
}

void Diagnostics::Sort() {
  std::stable_sort(list_.begin(), list_.end(), [](const Diagnostic& a, const Diagnostic& b) {
    return std::tuple(a.source, a.span.begin, a.span.end, a.code) <
           std::tuple(b.source, b.span.begin, b.span.end, b.code);
  });
}

std::string CodeName(DiagnosticCode code) {
  return fmt::format("E{:04}", static_cast<unsigned>(code));
}

std::string FormatDiagnostic(const Diagnostic& diagnostic, const std::vector<RuleSource>& sources,
                             bool color) {
  const char* bold = color ? "\x1b[1m" : "";
  const char* reset = color ? "\x1b[0m" : "";
  const std::string what = fmt::format(
      "{}{}[{}]{}{}: {}{}", color ? LevelColor(diagnostic.level) : "", LevelName(diagnostic.level),
      CodeName(diagnostic.code), reset, bold, diagnostic.message, reset);
  if (diagnostic.source >= sources.size()) return what + "\n";

  const RuleSource& source = sources[diagnostic.source];
  const Position begin = source.At(diagnostic.span.begin);
  const Position end = source.At(diagnostic.span.end);
  const std::string_view line = source.Line(begin.line);
  const uint32_t line_width =
      source
          .At(static_cast<uint32_t>(static_cast<size_t>(line.data() - source.text().data()) +
                                    line.size()))
          .column;
  const uint32_t last = end.line == begin.line ? end.column : line_width;
  const uint32_t carets = std::max(1u, last > begin.column ? last - begin.column : 1u);

  std::string text =
      fmt::format("{}{}:{}:{}:{} {}\n", bold, source.name(), begin.line, begin.column, reset, what);
  text += fmt::format("{:5} | {}\n", begin.line, line);
  text += fmt::format("{:5} | {}{}{}{}\n", "", Indent(line, begin.column - 1),
                      color ? LevelColor(diagnostic.level) : "", std::string(carets, '^'), reset);
  if (!diagnostic.hint.empty()) text += fmt::format("  hint: {}\n", diagnostic.hint);
  return text;
}

std::string DidYouMean(std::string_view word, const std::vector<std::string>& candidates) {
  // Nobody slips in a word so long, and the distance costs its square.
  if (word.size() > 200) return "";
  const size_t near = std::max<size_t>(1, word.size() / 3);
  std::string best;
  size_t best_distance = near + 1;
  for (const std::string& candidate : candidates) {
    const size_t longer = std::max(candidate.size(), word.size());
    if (longer - std::min(candidate.size(), word.size()) >= best_distance) continue;
    const size_t distance = EditDistance(word, candidate);
    const bool better = distance < best_distance ||
                        (distance == best_distance && !best.empty() && candidate < best);
    if (better && candidate != word) {
      best = candidate;
      best_distance = distance;
    }
  }
  return best;
}

}  // namespace rootnote
