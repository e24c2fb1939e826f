#include "engine/cli/line_diff.h"

#include <algorithm>
#include <cstdint>
#include <vector>

#include "fmt/format.h"

namespace rootnote {
namespace {

constexpr size_t kAround = 3;
// Above so many pairs of lines the middle is shown as one change.
constexpr size_t kPairsMax = 16'000'000;

std::vector<std::string_view> Lines(std::string_view text) {
  std::vector<std::string_view> lines;
  while (!text.empty()) {
    const size_t end = std::min(text.find('\n'), text.size() - 1) + 1;
    lines.push_back(text.substr(0, end));
    text.remove_prefix(end);
  }
  return lines;
}

struct Edit {
  char sign;  // ' ', '-', '+'
  std::string_view line;
};

// Longest common subsequence of what is left between equal beginnings and ends.
void DiffMiddle(const std::vector<std::string_view>& a, const std::vector<std::string_view>& b,
                std::vector<Edit>& edits) {
  if (a.size() * b.size() > kPairsMax) {
    for (const std::string_view line : a) edits.push_back({'-', line});
    for (const std::string_view line : b) edits.push_back({'+', line});
    return;
  }
  const size_t width = b.size() + 1;
  std::vector<uint32_t> common((a.size() + 1) * width);
  for (size_t i = a.size(); i-- > 0;) {
    for (size_t j = b.size(); j-- > 0;) {
      common[i * width + j] =
          a[i] == b[j] ? common[(i + 1) * width + j + 1] + 1
                       : std::max(common[(i + 1) * width + j], common[i * width + j + 1]);
    }
  }
  size_t i = 0, j = 0;
  while (i < a.size() || j < b.size()) {
    if (i < a.size() && j < b.size() && a[i] == b[j]) {
      edits.push_back({' ', a[i]});
      ++i, ++j;
    } else if (j == b.size() ||
               (i < a.size() && common[(i + 1) * width + j] >= common[i * width + j + 1])) {
      edits.push_back({'-', a[i++]});
    } else {
      edits.push_back({'+', b[j++]});
    }
  }
}

std::vector<Edit> Diff(std::vector<std::string_view> a, std::vector<std::string_view> b) {
  size_t head = 0, tail = 0;
  while (head < std::min(a.size(), b.size()) && a[head] == b[head]) ++head;
  while (tail < std::min(a.size(), b.size()) - head &&
         a[a.size() - 1 - tail] == b[b.size() - 1 - tail]) {
    ++tail;
  }
  std::vector<Edit> edits;
  for (size_t i = 0; i < head; ++i) edits.push_back({' ', a[i]});
  const auto middle = [&](const std::vector<std::string_view>& lines) {
    return std::vector<std::string_view>(lines.begin() + static_cast<ptrdiff_t>(head),
                                         lines.end() - static_cast<ptrdiff_t>(tail));
  };
  DiffMiddle(middle(a), middle(b), edits);
  for (size_t i = a.size() - tail; i < a.size(); ++i) edits.push_back({' ', a[i]});
  return edits;
}

}  // namespace

std::string LineDiff(std::string_view name, std::string_view from, std::string_view to) {
  if (from == to) return "";
  const std::vector<Edit> edits = Diff(Lines(from), Lines(to));
  std::string text = fmt::format("--- {}\n+++ {}\n", name, name);
  size_t line_from = 1, line_to = 1, at = 0;
  while (at < edits.size()) {
    size_t change = at;
    while (change < edits.size() && edits[change].sign == ' ') ++change;
    if (change == edits.size()) break;
    const size_t begin = change - std::min(kAround, change - at);
    line_from += begin - at;
    line_to += begin - at;
    // Changes with few lines between them share a hunk.
    size_t end = change, quiet = 0;
    for (size_t i = change; i < edits.size() && quiet <= 2 * kAround; ++i) {
      quiet = edits[i].sign == ' ' ? quiet + 1 : 0;
      if (quiet == 0) end = i + 1;
    }
    end = std::min(end + kAround, edits.size());
    size_t count_from = 0, count_to = 0;
    std::string body;
    for (size_t i = begin; i < end; ++i) {
      count_from += edits[i].sign != '+' ? 1 : 0;
      count_to += edits[i].sign != '-' ? 1 : 0;
      body += edits[i].sign;
      body += edits[i].line;
      if (!edits[i].line.ends_with('\n')) body += "\n\\ No newline at end of file\n";
    }
    text += fmt::format("@@ -{},{} +{},{} @@\n{}", count_from == 0 ? line_from - 1 : line_from,
                        count_from, count_to == 0 ? line_to - 1 : line_to, count_to, body);
    line_from += count_from;
    line_to += count_to;
    at = end;
  }
  return text;
}

}  // namespace rootnote
