// rootnote-scores: what an expression says of one series at each of its samples. Standard input has
// a sample a line, "MILLISECONDS VALUE", ascending; the output a value a line, "nan" for none.
// For bench/quality: the functions are measured as the engine's own evaluator has them.
#include <charconv>
#include <cstdio>
#include <iterator>
#include <limits>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "fmt/format.h"

#include "rules/promql/evaluator.h"
#include "rules/promql/parser.h"
#include "rules/promqltest/memory_store.h"

namespace {

using rootnote::promql::Point;

constexpr int kUsage = 64;
constexpr int kBadInput = 65;

bool ReadInput(std::string& text) {
  char buffer[1 << 16];
  size_t read = 0;
  while ((read = std::fread(buffer, 1, sizeof(buffer), stdin)) > 0) text.append(buffer, read);
  return std::ferror(stdin) == 0;
}

bool ParsePoint(std::string_view line, Point& point) {
  const size_t space = line.find(' ');
  if (space == std::string_view::npos) return false;
  int64_t time = 0;
  const char* const end = line.data() + line.size();
  const auto of_time = std::from_chars(line.data(), line.data() + space, time);
  const auto of_value = std::from_chars(line.data() + space + 1, end, point.value);
  point.time = rootnote::EventTime(rootnote::Millis(time));
  return of_time.ec == std::errc() && of_time.ptr == line.data() + space &&
         of_value.ec == std::errc() && of_value.ptr == end;
}

bool ParsePoints(std::string_view text, std::vector<Point>& points) {
  while (!text.empty()) {
    const size_t end = std::min(text.find('\n'), text.size());
    Point point;
    if (!ParsePoint(text.substr(0, end), point)) return false;
    if (!points.empty() && point.time <= points.back().time) return false;
    points.push_back(point);
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return true;
}

double ValueAt(const rootnote::promql::Expr& expr, rootnote::EventTime time,
               const rootnote::promql::SeriesStore& store) {
  rootnote::promql::EvalOptions options;
  options.start = options.end = time;
  const auto value = rootnote::promql::Evaluate(expr, time, store, options);
  const auto* vector = value.ok() ? std::get_if<rootnote::promql::Vector>(&*value) : nullptr;
  if (vector == nullptr || vector->size() != 1) return std::numeric_limits<double>::quiet_NaN();
  return vector->front().value;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) {
    fmt::print(stderr, "usage: rootnote-scores EXPRESSION < SAMPLES\n  the series is called x\n");
    return kUsage;
  }
  rootnote::Diagnostics diagnostics;
  const auto expr = rootnote::promql::ParseText(argv[1], diagnostics);
  if (expr == nullptr || diagnostics.has_errors()) {
    fmt::print(stderr, "not an expression: {}\n", argv[1]);
    return kUsage;
  }
  std::string text;
  std::vector<Point> points;
  if (!ReadInput(text) || !ParsePoints(text, points)) {
    fmt::print(stderr, "a sample is a line `MILLISECONDS VALUE`, later than the one before\n");
    return kBadInput;
  }
  rootnote::promqltest::MemoryStore store;
  const rootnote::Labels labels = rootnote::Labels::FromViews({{"__name__", "x"}});
  for (const Point& point : points) store.Add(labels, point);
  std::string out;
  for (const Point& point : points) {
    fmt::format_to(std::back_inserter(out), "{}\n", ValueAt(*expr, point.time, store));
  }
  return std::fwrite(out.data(), 1, out.size(), stdout) == out.size() ? 0 : 1;
}
