#include "rules/promqltest/series_line.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <limits>
#include <string>
#include <utility>

#include "fmt/format.h"

#include "rules/unquote.h"
#include "schemas/schema.h"

namespace rootnote::promqltest {
namespace {

// Per series; far beyond any test that a person writes.
constexpr size_t kValuesMax = 200'000;

bool IsSpace(char c) { return c == ' ' || c == '\t'; }
bool IsDigit(char c) { return c >= '0' && c <= '9'; }
// Letters that are not ASCII, and dots inside of names, as Prometheus' test files have them.
bool IsNameStart(char c) {
  return static_cast<unsigned char>(c) >= 0x80 || (c >= 'a' && c <= 'z') ||
         (c >= 'A' && c <= 'Z') || c == '_' || c == ':';
}
bool IsNamePart(char c) { return IsNameStart(c) || IsDigit(c) || c == '.'; }

std::string Lower(std::string_view text) {
  std::string lower(text);
  for (char& c : lower) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return lower;
}

class Scanner {
 public:
  explicit Scanner(std::string_view line) : line_(line), rest_(line) {}

  absl::StatusOr<SeriesLine> Series() {
    RETURN_IF_ERROR(LabelSet());
    while (!rest_.empty()) {
      if (!IsSpace(rest_.front())) return Wrong("a space between labels and values");
      SkipSpace();
      if (!rest_.empty()) RETURN_IF_ERROR(Item());
    }
    return std::move(series_);
  }

 private:
  absl::Status Wrong(std::string_view expected) const {
    return absl::InvalidArgumentError(
        fmt::format("column {}: expected {}", line_.size() - rest_.size() + 1, expected));
  }

  void SkipSpace() {
    while (!rest_.empty() && IsSpace(rest_.front())) rest_.remove_prefix(1);
  }

  bool Take(char c) {
    if (rest_.empty() || rest_.front() != c) return false;
    rest_.remove_prefix(1);
    return true;
  }

  std::string_view TakeName() {
    size_t end = 0;
    if (!rest_.empty() && IsNameStart(rest_.front())) {
      while (end < rest_.size() && IsNamePart(rest_[end])) ++end;
    }
    const std::string_view name = rest_.substr(0, end);
    rest_.remove_prefix(end);
    return name;
  }

  bool AtQuote() const {
    return !rest_.empty() &&
           (rest_.front() == '"' || rest_.front() == '\'' || rest_.front() == '`');
  }

  absl::StatusOr<std::string> TakeString() {
    if (!AtQuote()) return Wrong("a quoted string");
    const char quote = rest_.front();
    size_t end = 1;
    while (end < rest_.size() && rest_[end] != quote) {
      end += rest_[end] == '\\' && quote != '`' ? 2 : 1;
    }
    if (end >= rest_.size()) return Wrong("a string that is closed");
    UnquoteError error;
    std::optional<std::string> text = Unquote(rest_.substr(0, end + 1), error);
    if (!text) return Wrong(fmt::format("a string that is right: {}", error.message));
    rest_.remove_prefix(end + 1);
    return *std::move(text);
  }

  // metric, metric{…}, {…}; a line may have none of them.
  absl::Status LabelSet() {
    std::vector<std::pair<std::string, std::string>> labels;
    if (const std::string_view name = TakeName(); !name.empty()) {
      labels.emplace_back(kMetricName, name);
    }
    if (Take('{')) {
      SkipSpace();
      while (!Take('}')) {
        RETURN_IF_ERROR(OneLabel(labels));
        SkipSpace();
        if (!Take(',') && (rest_.empty() || rest_.front() != '}')) return Wrong("`,` or `}`");
        SkipSpace();
      }
    }
    series_.labels = Labels::From(std::move(labels));
    return absl::OkStatus();
  }

  // a="b", "a b"="c", or "a metric".
  absl::Status OneLabel(std::vector<std::pair<std::string, std::string>>& labels) {
    std::string name;
    const bool quoted = AtQuote();
    if (quoted) {
      ASSIGN_OR_RETURN(name, TakeString());
    } else {
      name = std::string(TakeName());
      if (name.empty()) return Wrong("a label's name");
    }
    SkipSpace();
    if (!Take('=')) {
      if (!quoted) return Wrong("`=`");
      labels.emplace_back(kMetricName, std::move(name));
      return absl::OkStatus();
    }
    SkipSpace();
    ASSIGN_OR_RETURN(std::string value, TakeString());
    labels.emplace_back(std::move(name), std::move(value));
    return absl::OkStatus();
  }

  // The digits of a number in base 10: 12, 1.5e-3, .5, 1_000.
  std::optional<double> TakeDigits() {
    std::string digits;
    size_t end = 0;
    bool any = false, dot = false;
    for (; end < rest_.size(); ++end) {
      const char c = rest_[end];
      if (c == '_' && any && end + 1 < rest_.size() && IsDigit(rest_[end + 1])) continue;
      if (c == '.' ? dot : !IsDigit(c)) break;
      (c == '.' ? dot : any) = true;
      digits += c;
    }
    if (!any) return std::nullopt;
    if (end < rest_.size() && (rest_[end] == 'e' || rest_[end] == 'E')) {
      size_t exponent = end + 1;
      if (exponent < rest_.size() && (rest_[exponent] == '+' || rest_[exponent] == '-')) ++exponent;
      if (exponent >= rest_.size() || !IsDigit(rest_[exponent])) return std::nullopt;
      while (exponent < rest_.size() && IsDigit(rest_[exponent])) ++exponent;
      digits += rest_.substr(end, exponent - end);
      end = exponent;
    }
    rest_.remove_prefix(end);
    return std::strtod(digits.c_str(), nullptr);
  }

  // [+-]number, where a number may be inf or nan.
  std::optional<double> TakeNumber(bool sign_needed) {
    double sign = 1;
    if (Take('-')) {
      sign = -1;
    } else if (!Take('+') && sign_needed) {
      return std::nullopt;
    }
    const std::string word = Lower(rest_.substr(0, 3));
    if (word == "inf" || word == "nan") {
      rest_.remove_prefix(3);
      return word == "inf" ? sign * std::numeric_limits<double>::infinity()
                           : std::numeric_limits<double>::quiet_NaN();
    }
    const std::optional<double> number = TakeDigits();
    return number ? std::optional(sign * *number) : std::nullopt;
  }

  // xN; nothing when there is no x.
  absl::StatusOr<std::optional<size_t>> TakeTimes() {
    if (!Take('x')) return std::optional<size_t>();
    size_t times = 0, digits = 0;
    for (; !rest_.empty() && IsDigit(rest_.front()); rest_.remove_prefix(1), ++digits) {
      times = std::min(times * 10 + static_cast<size_t>(rest_.front() - '0'), kValuesMax + 1);
    }
    if (digits == 0) return Wrong("how often, after `x`");
    return std::optional(times);
  }

  absl::Status Append(std::optional<double> value, double step, size_t count) {
    if (series_.values.size() + count > kValuesMax) {
      return Wrong(fmt::format("no more than {} values in one series", kValuesMax));
    }
    for (size_t i = 0; i < count; ++i) {
      series_.values.push_back(value);
      if (value && step != 0) *value += step;
    }
    return absl::OkStatus();
  }

  absl::Status Histogram() {
    const size_t end = rest_.find("}}");
    if (end == std::string_view::npos) return Wrong("a histogram that ends in `}}`");
    series_.histograms = true;
    rest_.remove_prefix(end + 2);
    if (Take('+') || Take('-')) return Histogram();
    ASSIGN_OR_RETURN(const std::optional<size_t> times, TakeTimes());
    return Append(std::nullopt, 0, times.value_or(0) + 1);
  }

  absl::Status Item() {
    if (rest_.substr(0, 2) == "{{") return Histogram();
    if (Take('_')) {
      ASSIGN_OR_RETURN(const std::optional<size_t> times, TakeTimes());
      return Append(std::nullopt, 0, times.value_or(1));
    }
    std::optional<double> value;
    if (rest_.substr(0, 5) == "stale") {
      value = StaleNan();
      rest_.remove_prefix(5);
    } else {
      value = TakeNumber(false);
      if (!value) return Wrong("a value: a number, `stale`, `_` or `{{…}}`");
    }
    double step = 0;
    if (!rest_.empty() && (rest_.front() == '+' || rest_.front() == '-')) {
      const std::optional<double> by = TakeNumber(true);
      if (!by || rest_.empty() || rest_.front() != 'x') return Wrong("a step and `xN`");
      step = *by;
    }
    ASSIGN_OR_RETURN(const std::optional<size_t> times, TakeTimes());
    return Append(value, step, times ? *times + 1 : 1);
  }

  std::string_view line_;
  std::string_view rest_;
  SeriesLine series_;
};

}  // namespace

absl::StatusOr<SeriesLine> ParseSeriesLine(std::string_view line) { return Scanner(line).Series(); }

std::optional<double> ParseLoneNumber(std::string_view line) {
  std::string text;
  for (const char c : line) {
    // `nan(…)` is C's alone; `in_f` is a metric.
    if (c == '(' || (c == '_' && text.find_first_of("0123456789") == std::string::npos)) {
      return std::nullopt;
    }
    if (c != '_') text += c;
  }
  if (text.empty() || IsSpace(text.front())) return std::nullopt;
  char* stop = nullptr;
  const double value = std::strtod(text.c_str(), &stop);
  return *stop == '\0' ? std::optional(value) : std::nullopt;
}

}  // namespace rootnote::promqltest
