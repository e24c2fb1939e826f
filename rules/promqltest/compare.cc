#include "rules/promqltest/compare.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>

#include "fmt/format.h"

#include "rules/unquote.h"
#include "schemas/schema.h"

namespace rootnote::promqltest {
namespace {

using promql::Element;
using promql::Matrix;
using promql::Point;
using promql::Series;
using promql::Value;
using promql::Vector;

constexpr double kEpsilon = 1e-6;

std::string NumberText(double value) {
  return IsStaleNan(value) ? "stale" : fmt::format("{}", value);
}

std::string PointsText(const std::vector<Point>& points) {
  std::string text;
  for (const Point& point : points) {
    text += fmt::format(" {}@{}", NumberText(point.value),
                        static_cast<double>(ToMillis(point.time)) / 1000);
  }
  return text;
}

// The points that a line of a range query's result stands for; "" or what cannot be.
std::string PointsOf(const EvalCommand& eval, const SeriesLine& line, std::vector<Point>& points) {
  EventTime time = eval.start;
  for (const std::optional<double>& value : line.values) {
    if (time > eval.end) {
      return fmt::format("{} values are expected of {}: more than the range has",
                         line.values.size(), line.labels.ToString());
    }
    if (value) points.push_back({time, *value});
    time += eval.step;
  }
  return "";
}

std::string ComparePoints(const Labels& labels, const std::vector<Point>& want,
                          const std::vector<Point>& got) {
  bool same = want.size() == got.size();
  for (size_t i = 0; same && i < want.size(); ++i) {
    same = want[i].time == got[i].time && AlmostEqual(want[i].value, got[i].value);
  }
  if (same) return "";
  return fmt::format("{}: expected{}, got{}", labels.ToString(),
                     want.empty() ? " nothing" : PointsText(want),
                     got.empty() ? " nothing" : PointsText(got));
}

// Of lines with the same labels the last one counts.
std::map<Labels, size_t> LinesOf(const EvalCommand& eval) {
  std::map<Labels, size_t> lines;
  for (size_t i = 0; i < eval.series.size(); ++i) lines[eval.series[i].labels] = i;
  return lines;
}

std::string Missing(const EvalCommand& eval, const std::map<Labels, size_t>& seen) {
  for (const SeriesLine& line : eval.series) {
    if (!seen.contains(line.labels)) {
      return fmt::format("{} was expected and is not there", line.labels.ToString());
    }
  }
  return "";
}

std::string CompareVector(const EvalCommand& eval, const Vector& got) {
  const std::map<Labels, size_t> lines = LinesOf(eval);
  std::map<Labels, size_t> seen;
  for (size_t i = 0; i < got.size(); ++i) {
    const auto line = lines.find(got[i].labels);
    if (line == lines.end()) {
      return fmt::format("{} {} was not expected", got[i].labels.ToString(),
                         NumberText(got[i].value));
    }
    if (!seen.emplace(got[i].labels, i).second) {
      return fmt::format("{} came twice", got[i].labels.ToString());
    }
    if (eval.Has(ExpectKind::kOrdered) && line->second != i) {
      return fmt::format("{} was expected at place {}, it is at {}", got[i].labels.ToString(),
                         line->second + 1, i + 1);
    }
    const std::vector<std::optional<double>>& values = eval.series[line->second].values;
    // A line without a value stands for 0, as in the original.
    const double want = values.empty() ? 0 : values.front().value_or(0);
    if (!AlmostEqual(want, got[i].value)) {
      return fmt::format("{}: expected {}, got {}", got[i].labels.ToString(), NumberText(want),
                         NumberText(got[i].value));
    }
  }
  return Missing(eval, seen);
}

std::string CompareMatrix(const EvalCommand& eval, const Matrix& got) {
  const std::map<Labels, size_t> lines = LinesOf(eval);
  std::map<Labels, size_t> seen;
  for (size_t i = 0; i < got.size(); ++i) {
    const auto line = lines.find(got[i].labels);
    if (line == lines.end()) {
      return fmt::format("{}{} was not expected", got[i].labels.ToString(),
                         PointsText(got[i].points));
    }
    seen.emplace(got[i].labels, i);
    std::vector<Point> want;
    std::string wrong = PointsOf(eval, eval.series[line->second], want);
    if (wrong.empty()) wrong = ComparePoints(got[i].labels, want, got[i].points);
    if (!wrong.empty()) return wrong;
  }
  return Missing(eval, seen);
}

std::string ListText(const std::vector<std::string>& messages) {
  return messages.empty() ? "none" : fmt::format("`{}`", fmt::join(messages, "`, `"));
}

std::string CompareMessages(const EvalCommand& eval, ExpectKind kind, std::string_view what,
                            const std::vector<std::string>& got) {
  if (!eval.Has(kind)) return "";
  if (got.empty()) return fmt::format("{} was expected, there is none", what);
  for (const Expectation& want : eval.expectations) {
    if (want.kind != kind) continue;
    if (std::none_of(got.begin(), got.end(),
                     [&](const std::string& message) { return want.Matches(message); })) {
      return fmt::format("{} `{}` was expected, got {}", what, want.text, ListText(got));
    }
  }
  for (const std::string& message : got) {
    if (std::none_of(eval.expectations.begin(), eval.expectations.end(),
                     [&](const Expectation& e) { return e.kind == kind && e.Matches(message); })) {
      return fmt::format("{} `{}` was not expected", what, message);
    }
  }
  return "";
}

}  // namespace

bool AlmostEqual(double a, double b) {
  if (IsStaleNan(a) || IsStaleNan(b)) return IsStaleNan(a) && IsStaleNan(b);
  if (std::isnan(a) && std::isnan(b)) return true;
  if (a == b) return true;
  constexpr double kSmallest = std::numeric_limits<double>::min();
  const double sum = std::abs(a) + std::abs(b);
  const double difference = std::abs(a - b);
  if (a == 0 || b == 0 || sum < kSmallest) return difference < kEpsilon * kSmallest;
  return difference / std::min(sum, std::numeric_limits<double>::max()) < kEpsilon;
}

std::string CompareInstant(const EvalCommand& eval, const Value& got) {
  if (const auto* text = std::get_if<std::string>(&got)) {
    if (eval.string.value_or("") == *text) return "";
    return fmt::format("expected the string {}, got {}", Quote(eval.string.value_or("")),
                       Quote(*text));
  }
  if (const auto* scalar = std::get_if<double>(&got)) {
    if (!eval.scalar) return fmt::format("got the scalar {}", NumberText(*scalar));
    if (AlmostEqual(*eval.scalar, *scalar)) return "";
    return fmt::format("expected {}, got {}", NumberText(*eval.scalar), NumberText(*scalar));
  }
  if (eval.scalar) {
    return fmt::format("expected the scalar {}, got{}", NumberText(*eval.scalar), ValueText(got));
  }
  if (const auto* vector = std::get_if<Vector>(&got)) return CompareVector(eval, *vector);
  if (!eval.range_vector && !eval.series.empty()) {
    return "got a range vector (`expect range vector from A to B step S` says its times)";
  }
  if (eval.Has(ExpectKind::kOrdered)) return "a range vector has no order to expect";
  return CompareMatrix(eval, std::get<Matrix>(got));
}

std::string CompareRange(const EvalCommand& eval, const Matrix& got) {
  if (eval.Has(ExpectKind::kOrdered)) return "the result of a range query has no order to expect";
  if (eval.scalar) return "a range query gives no scalar: expect `{} values`";
  return CompareMatrix(eval, got);
}

std::string CompareAnnotations(const EvalCommand& eval, const promql::Annotations& got) {
  if (eval.warn_needed && got.warnings.empty()) return "a warning was expected, there is none";
  if (eval.info_needed && got.infos.empty()) return "an info was expected, there is none";
  std::string wrong = CompareMessages(eval, ExpectKind::kWarn, "the warning", got.warnings);
  if (!wrong.empty()) return wrong;
  wrong = CompareMessages(eval, ExpectKind::kInfo, "the info", got.infos);
  if (!wrong.empty()) return wrong;
  if (eval.Has(ExpectKind::kNoWarn) && !got.warnings.empty()) {
    return fmt::format("no warning was expected, got {}", ListText(got.warnings));
  }
  if (eval.Has(ExpectKind::kNoInfo) && !got.infos.empty()) {
    return fmt::format("no info was expected, got {}", ListText(got.infos));
  }
  return "";
}

std::string ExpectedText(const EvalCommand& eval) {
  std::string text;
  for (const Expectation& one : eval.expectations) {
    constexpr std::string_view kNames[] = {"ordered", "fail", "warn", "no_warn", "info", "no_info"};
    text += fmt::format("\n  {}{}{}", kNames[static_cast<size_t>(one.kind)],
                        one.text.empty() ? "" : ": ", one.text);
  }
  if (eval.string) text += "\n  " + Quote(*eval.string);
  if (eval.scalar) text += "\n  " + NumberText(*eval.scalar);
  for (const SeriesLine& line : eval.series) {
    text += "\n  " + line.labels.ToString();
    for (const std::optional<double>& value : line.values) {
      text += value ? " " + NumberText(*value) : " _";
    }
  }
  return text.empty() ? " nothing" : text;
}

std::string ValueText(const Value& value) {
  if (const auto* text = std::get_if<std::string>(&value)) return " " + Quote(*text);
  if (const auto* scalar = std::get_if<double>(&value)) return " " + NumberText(*scalar);
  std::string text;
  if (const auto* vector = std::get_if<Vector>(&value)) {
    for (const Element& element : *vector) {
      text += fmt::format("\n  {} {}", element.labels.ToString(), NumberText(element.value));
    }
  } else {
    for (const Series& series : std::get<Matrix>(value)) {
      text += fmt::format("\n  {}{}", series.labels.ToString(), PointsText(series.points));
    }
  }
  return text.empty() ? " nothing" : text;
}

}  // namespace rootnote::promqltest
