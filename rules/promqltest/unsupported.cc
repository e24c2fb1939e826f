#include "rules/promqltest/unsupported.h"

#include <algorithm>

#include "rules/promql/functions.h"

namespace rootnote::promqltest {
namespace {

// Functions of Prometheus 3 on native histograms, and experimental ones.
constexpr std::string_view kFunctions[] = {
    "end",
    "histogram_avg",
    "histogram_count",
    "histogram_fraction",
    "histogram_quantiles",
    "histogram_stddev",
    "histogram_stdvar",
    "histogram_sum",
    "info",
    "integral",
    "max_of",
    "min_of",
    "range",
    "start",
    "start_timestamp",
    "step",
    "ts_of_first_over_time",
    "ts_of_last_over_time",
    "ts_of_max_over_time",
    "ts_of_min_over_time",
};
constexpr std::string_view kModifiers[] = {"anchored", "smoothed"};
// Cutting buckets off native histograms.
constexpr std::string_view kOperators[] = {"</", ">/"};

bool IsWordPart(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
         c == ':';
}

// The text without its strings.
std::string WithoutStrings(std::string_view expr) {
  std::string bare;
  for (size_t i = 0; i < expr.size(); ++i) {
    const char c = expr[i];
    if (c == '"' || c == '\'' || c == '`') {
      for (++i; i < expr.size() && expr[i] != c; ++i) {
        if (expr[i] == '\\' && c != '`') ++i;
      }
      bare += ' ';
    } else {
      bare += c;
    }
  }
  return bare;
}

// And without what is in braces: names there mean nothing.
std::string WithoutBraces(std::string_view text) {
  std::string bare;
  int braces = 0;
  for (const char c : text) {
    if (c == '{' || c == '}') {
      braces += c == '{' ? 1 : -1;
    } else if (braces == 0) {
      bare += c;
    }
  }
  return bare;
}

template <typename List>
bool Contains(const List& list, std::string_view word) {
  return std::find(std::begin(list), std::end(list), word) != std::end(list);
}

}  // namespace

std::string UnsupportedIn(std::string_view expr) {
  const std::string bare = WithoutBraces(WithoutStrings(expr));
  for (const std::string_view op : kOperators) {
    if (bare.find(op) != std::string::npos) return "operator " + std::string(op);
  }
  char before = ' ';  // the last character before the word that is no space
  for (size_t i = 0; i < bare.size();) {
    if (!IsWordPart(bare[i])) {
      if (bare[i] != ' ') before = bare[i];
      ++i;
      continue;
    }
    size_t end = i;
    while (end < bare.size() && IsWordPart(bare[end])) ++end;
    const std::string word = bare.substr(i, end - i);
    const size_t next = bare.find_first_not_of(' ', end);
    const bool called = next != std::string::npos && bare[next] == '(';
    if (called && before != '@' && Contains(kFunctions, word) &&
        promql::FindFunction(word) == nullptr) {
      return "function " + word;
    }
    if (Contains(kModifiers, word)) return "modifier " + word;
    before = bare[end - 1];
    i = end;
  }
  return "";
}

}  // namespace rootnote::promqltest
