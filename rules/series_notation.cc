#include "rules/series_notation.h"

#include <cstdlib>

#include "fmt/core.h"

#include "schemas/schema.h"

namespace rootnote {
namespace {

// Per series; far beyond any test that a person writes.
constexpr size_t kValuesMax = 200'000;

// The number at the front of `text`, which it loses.
std::optional<double> TakeNumber(std::string_view& text) {
  size_t end = 0;
  if (end < text.size() && (text[end] == '+' || text[end] == '-')) ++end;
  const size_t digits = end;
  while (end < text.size()) {
    const char c = text[end];
    const bool digit = (c >= '0' && c <= '9') || c == '.';
    const bool exponent_sign = (c == '+' || c == '-') && end > digits && text[end - 1] == 'e';
    // An `x` counts how often; so there is no hexadecimal.
    if (!digit && !exponent_sign && !(c == 'e' && end > digits)) break;
    ++end;
  }
  if (end == digits) {
    for (const std::string_view word : {"NaN", "Inf"}) {
      if (text.substr(digits, word.size()) == word) end = digits + word.size();
    }
  }
  if (end == digits) return std::nullopt;
  const std::string number(text.substr(0, end));
  char* stop = nullptr;
  const double value = std::strtod(number.c_str(), &stop);
  if (stop != number.c_str() + number.size()) return std::nullopt;
  text.remove_prefix(end);
  return value;
}

std::optional<size_t> TakeTimes(std::string_view& text) {
  if (text.empty() || text.front() != 'x') return std::nullopt;
  text.remove_prefix(1);
  size_t end = 0, times = 0;
  while (end < text.size() && text[end] >= '0' && text[end] <= '9' && times <= kValuesMax) {
    times = times * 10 + static_cast<size_t>(text[end++] - '0');
  }
  if (end == 0 || end != text.size()) return std::nullopt;
  text.remove_prefix(end);
  return times;
}

}  // namespace

std::string AppendSeriesNotation(std::string_view word,
                                 std::vector<std::optional<double>>& values) {
  const std::string bad = fmt::format("`{}` is no value of a series", word);
  std::string_view rest = word;
  std::optional<double> first;
  double step = 0;
  size_t count = 1;
  if (rest == "stale") {
    first = StaleNan();
  } else if (rest.front() == '_') {
    rest.remove_prefix(1);
    if (!rest.empty()) {
      const std::optional<size_t> times = TakeTimes(rest);
      if (!times) return bad;
      count = *times;
    }
  } else {
    first = TakeNumber(rest);
    if (!first) return bad;
    if (!rest.empty()) {
      if (rest.front() != 'x') {
        const std::optional<double> by = TakeNumber(rest);
        if (!by) return bad;
        step = *by;
      }
      const std::optional<size_t> times = TakeTimes(rest);
      if (!times) return bad;
      count = *times + 1;
    }
  }
  if (values.size() + count > kValuesMax) {
    return fmt::format("more than {} values in one series", kValuesMax);
  }
  for (size_t i = 0; i < count; ++i) {
    values.push_back(first);
    if (first) *first += step;
  }
  return "";
}

}  // namespace rootnote
