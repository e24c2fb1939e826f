#include "tests/unit/promql/promqltest.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <memory>
#include <optional>
#include <utility>

#include "fmt/format.h"
#include "re2/re2.h"

#include "rules/promql/parser.h"
#include "schemas/schema.h"

namespace rootnote::promql {
namespace {

std::string_view Trim(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

bool TakePrefix(std::string_view& text, std::string_view prefix) {
  if (text.substr(0, prefix.size()) != prefix) return false;
  text = Trim(text.substr(prefix.size()));
  return true;
}

std::string_view TakeWord(std::string_view& text) {
  const size_t end = std::min(text.find(' '), text.size());
  const std::string_view word = text.substr(0, end);
  text = Trim(text.substr(end));
  return word;
}

// Where the labels of a series line end: at the first space outside of braces and quotes.
size_t LabelsEnd(std::string_view line) {
  bool quoted = false;
  bool braces = false;
  for (size_t i = 0; i < line.size(); ++i) {
    if (quoted) {
      if (line[i] == '\\')
        ++i;
      else if (line[i] == '"')
        quoted = false;
    } else if (line[i] == '"') {
      quoted = true;
    } else if (line[i] == '{') {
      braces = true;
    } else if (line[i] == '}') {
      braces = false;
    } else if (line[i] == ' ' && !braces) {
      return i;
    }
  }
  return line.size();
}

double Number(std::string_view text) { return std::strtod(std::string(text).c_str(), nullptr); }

// start+step x times, start x times, _ x times: the values of one word.
std::vector<std::optional<double>> ValuesOf(std::string_view word) {
  const size_t x = word.find('x');
  const bool repeated = x != std::string_view::npos;
  const auto times = repeated ? static_cast<size_t>(Number(word.substr(x + 1))) : 0;
  const std::string_view value = word.substr(0, x);
  using Values = std::vector<std::optional<double>>;
  if (value == "_") return Values(repeated ? times : 1, std::nullopt);
  if (value == "stale") return Values(times + 1, StaleNan());
  const std::string copy(value);
  char* end = nullptr;
  const double start = std::strtod(copy.c_str(), &end);
  const double step = *end == '\0' ? 0 : std::strtod(end, nullptr);
  std::vector<std::optional<double>> values;
  double now = start;
  for (size_t i = 0; i <= times; ++i, now += step) values.emplace_back(now);
  return values;
}

bool Near(double want, double got) {
  if (std::isnan(want) || std::isnan(got)) return std::isnan(want) && std::isnan(got);
  if (want == got) return true;
  const double difference = std::abs(want - got);
  if (want == 0 || got == 0) return difference < 1e-12;
  return difference / (std::abs(want) + std::abs(got)) < 1e-6;
}

std::string Show(const Vector& vector) {
  std::string text;
  for (const Element& element : vector) {
    text += fmt::format("\n    {} {}", element.labels.ToString(), element.value);
  }
  return text.empty() ? " nothing" : text;
}

struct Eval {
  size_t line = 0;
  EventTime at;
  std::string expr;
  bool ordered = false;
  std::optional<std::string> failure;  // a regular expression
  std::vector<std::string> expected;
};

class Runner {
 public:
  PromqlTestResult Run(std::string_view text) {
    for (size_t number = 1; !text.empty(); ++number) {
      const size_t end = std::min(text.find('\n'), text.size());
      Line(text.substr(0, end), number);
      text.remove_prefix(std::min(end + 1, text.size()));
    }
    Finish();
    return std::move(result_);
  }

 private:
  void Line(std::string_view line, size_t number) {
    const bool indented = !line.empty() && line.front() == ' ';
    line = Trim(line);
    if (line.empty() || line.front() == '#') return;
    if (!indented) {
      Finish();
      Command(line, number);
    } else if (eval_) {
      Expectation(line);
    } else if (const std::string error = LoadSeries(line, step_, store_); !error.empty()) {
      result_.failures.push_back(fmt::format("{}: {}", number, error));
    }
  }

  void Command(std::string_view line, size_t number) {
    if (line == "clear") {
      store_.Clear();
    } else if (TakePrefix(line, "load ")) {
      step_ = ParseDuration(line).value();
    } else if (TakePrefix(line, "eval instant at ")) {
      const std::string_view at = TakeWord(line);
      const Millis offset = at == "0" ? Millis(0) : ParseDuration(at).value();
      eval_ = std::make_unique<Eval>();
      eval_->line = number;
      eval_->at = EventTime(offset);
      eval_->expr = std::string(line);
    } else {
      result_.failures.push_back(fmt::format("{}: unknown command", number));
    }
  }

  void Expectation(std::string_view line) {
    if (line == "expect ordered") {
      eval_->ordered = true;
    } else if (TakePrefix(line, "expect fail msg:")) {
      eval_->failure = re2::RE2::QuoteMeta(re2::StringPiece(line.data(), line.size()));
    } else if (TakePrefix(line, "expect fail regex:")) {
      eval_->failure = std::string(line);
    } else if (line == "expect fail") {
      eval_->failure = ".*";
    } else {
      eval_->expected.emplace_back(line);
    }
  }

  void Finish() {
    if (!eval_) return;
    ++result_.evals;
    if (const std::string wrong = Check(*eval_); !wrong.empty()) {
      result_.failures.push_back(fmt::format("{}: {}: {}", eval_->line, eval_->expr, wrong));
    }
    eval_.reset();
  }

  std::string Check(const Eval& eval) const {
    Diagnostics diagnostics;
    const std::unique_ptr<Expr> expr = ParseText(eval.expr, diagnostics, {.extensions = false});
    if (!expr) {
      const std::string message = diagnostics.list().front().message;
      return eval.failure ? Failure(*eval.failure, message) : message;
    }
    const absl::StatusOr<Value> got = Evaluate(
        *expr, eval.at, store_, {.default_step = Millis(60'000), .start = eval.at, .end = eval.at});
    if (!got.ok()) {
      if (!eval.failure) return std::string(got.status().message());
      return Failure(*eval.failure, std::string(got.status().message()));
    }
    if (eval.failure) return "expected to fail, but it did not";
    if (const double* scalar = std::get_if<double>(&*got)) {
      const bool same = eval.expected.size() == 1 && Near(Number(eval.expected[0]), *scalar);
      return same ? "" : fmt::format("got {}", *scalar);
    }
    if (const Vector* vector = std::get_if<Vector>(&*got)) return CheckVector(eval, *vector);
    return "neither a scalar nor a vector";
  }

  static std::string Failure(const std::string& pattern, const std::string& message) {
    return re2::RE2::FullMatch(message, pattern) ? "" : "failed with: " + message;
  }

  static std::string CheckVector(const Eval& eval, const Vector& got) {
    Vector want;
    for (const std::string& line : eval.expected) {
      const size_t end = LabelsEnd(line);
      want.push_back({LabelsOf(line.substr(0, end)), Number(Trim(line).substr(end))});
    }
    const std::string wrong = fmt::format("expected{}\n  got{}", Show(want), Show(got));
    if (want.size() != got.size()) return wrong;
    for (size_t i = 0; i < want.size(); ++i) {
      const Element* found = nullptr;
      for (size_t j = 0; j < got.size(); ++j) {
        if (got[j].labels == want[i].labels && (!eval.ordered || i == j)) found = &got[j];
      }
      if (found == nullptr || !Near(want[i].value, found->value)) return wrong;
    }
    return "";
  }

  TestStore store_;
  Millis step_{0};
  std::unique_ptr<Eval> eval_;
  PromqlTestResult result_;
};

}  // namespace

std::vector<SeriesPoints> TestStore::Select(const Expr& selector, EventTime from,
                                            EventTime to) const {
  std::vector<SeriesPoints> found;
  for (const auto& [labels, points] : series_) {
    const bool matches = std::all_of(
        selector.matchers.begin(), selector.matchers.end(),
        [&](const Matcher& matcher) { return matcher.Matches(labels.Get(matcher.name)); });
    if (!matches) continue;
    const auto later = [](EventTime time, const Point& point) { return time < point.time; };
    const auto begin = std::upper_bound(points.begin(), points.end(), from, later);
    const auto end = std::upper_bound(points.begin(), points.end(), to, later);
    if (begin < end) found.push_back({labels, {begin, end}, nullptr});
  }
  std::sort(found.begin(), found.end(), [](const SeriesPoints& a, const SeriesPoints& b) {
    if (a.labels.hash() != b.labels.hash()) return a.labels.hash() < b.labels.hash();
    return a.labels < b.labels;
  });
  return found;
}

Labels LabelsOf(std::string_view text) {
  text = Trim(text);
  if (text.empty() || text == "{}") return Labels();
  Diagnostics diagnostics;
  const std::unique_ptr<Expr> selector = ParseText(text, diagnostics);
  if (!selector) return Labels::From({{"unreadable", std::string(text)}});
  std::vector<std::pair<std::string, std::string>> pairs;
  for (const Matcher& matcher : selector->matchers) pairs.emplace_back(matcher.name, matcher.value);
  return Labels::From(std::move(pairs));
}

std::string LoadSeries(std::string_view line, Millis step, TestStore& store) {
  const size_t end = LabelsEnd(line);
  const Labels labels = LabelsOf(line.substr(0, end));
  if (labels.Has("unreadable")) return "cannot read the labels";
  std::string_view rest = Trim(line.substr(end));
  EventTime time = FromMillis(0);
  while (!rest.empty()) {
    for (const std::optional<double>& value : ValuesOf(TakeWord(rest))) {
      if (value) store.Add(labels, {time, *value});
      time += step;
    }
  }
  return "";
}

PromqlTestResult RunPromqlTest(std::string_view text) { return Runner().Run(text); }

}  // namespace rootnote::promql
