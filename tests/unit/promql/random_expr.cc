#include "tests/unit/promql/random_expr.h"

#include "fmt/format.h"

namespace rootnote::promql {

std::string RandomExpr::Selector() {
  static constexpr const char* kMatchers[] = {
      "",
      "",
      "{a=\"1\"}",
      "{a!=\"1\"}",
      "{b=~\"x|y\"}",
      "{b!~\"x\"}",
      "{a=~\"[12]\", b=\"x\"}",
      "{c=\"\"}",
  };
  static constexpr const char* kNames[] = {"c1", "c2", "g1", "g2"};
  return Pick(kNames) + Pick(kMatchers);
}

std::string RandomExpr::Modifiers() {
  static constexpr const char* kModifiers[] = {
      "", "", "", "", "", " offset 30s", " offset -1m", " @ 300", " offset 7s @ 351.5", " @ end()"};
  // promqltest also evaluates at other times, where end() is another.
  const std::string modifiers = Pick(kModifiers);
  return evaluable_ && modifiers == " @ end()" ? "" : modifiers;
}

std::string RandomExpr::Matrix(int depth) {
  static constexpr const char* kRanges[] = {"1m", "45s", "90s", "2m", "3m20s", "10s", "11s"};
  static constexpr const char* kSteps[] = {"", "10s", "15s", "7s", "30s"};
  if (depth > 0 && Below(4) == 0) {
    return fmt::format("({})[{}:{}]{}", Vector(depth - 1), Pick(kRanges), Pick(kSteps),
                       Modifiers());
  }
  return fmt::format("{}[{}]{}", Selector(), Pick(kRanges), Modifiers());
}

std::string RandomExpr::Scalar(int depth) {
  static constexpr const char* kNumbers[] = {"0", "1",   "2",   "0.5", "-3", "10",
                                             "7", "100", "1e3", "0.9", "5m", "NaN"};
  switch (depth > 0 ? Below(6) : 0) {
    case 1:
      return fmt::format("scalar({})", Vector(depth - 1));
    case 2:
      return fmt::format("({} {} {})", Scalar(depth - 1), Below(2) == 0 ? "+" : "*",
                         Scalar(depth - 1));
    case 3:
      return "time()";
    default:
      return Pick(kNumbers);
  }
}

std::string RandomExpr::Binary(int depth) {
  static constexpr const char* kOps[] = {"+", "-", "*", "/", "%", "^", "atan2"};
  static constexpr const char* kComparisons[] = {"==", "!=", ">", "<", ">=", "<="};
  static constexpr const char* kSets[] = {"and", "or", "unless"};
  static constexpr const char* kMatching[] = {
      "", "", "on (a)", "on (a, b)", "ignoring (b)", "on ()", "ignoring (a, b)"};
  static constexpr const char* kGroups[] = {
      "", "", "", "group_left", "group_right", "group_left (b)", "group_right (c)"};
  const uint32_t kind = Below(8);
  if (kind == 0) {
    return fmt::format("({}) {} {} ({})", Vector(depth - 1), Pick(kSets), Pick(kMatching),
                       Vector(depth - 1));
  }
  std::string op = kind < 5 ? Pick(kOps) : Pick(kComparisons);
  if (kind == 7) op += " bool";
  switch (Below(3)) {
    case 0:
      return fmt::format("({}) {} {}", Vector(depth - 1), op, Scalar(depth - 1));
    case 1:
      return fmt::format("{} {} ({})", Scalar(depth - 1), op, Vector(depth - 1));
    default:
      break;
  }
  std::string matching = Pick(kMatching);
  // Labels of `on` must not be in the group clause.
  if (matching == "ignoring (b)" || matching == "on (a)") matching += " " + Pick(kGroups);
  return fmt::format("({}) {} {} ({})", Vector(depth - 1), op, matching, Vector(depth - 1));
}

std::string RandomExpr::Aggregate(int depth) {
  static constexpr const char* kOps[] = {"sum",   "avg",   "min",    "max",
                                         "count", "group", "stddev", "stdvar"};
  static constexpr const char* kGrouping[] = {
      "", "by (a)", "by (b, a)", "by (z)", "without (a)", "without ()", "without (b, z)"};
  switch (Below(evaluable_ ? 10 : 12)) {
    case 0:
      return fmt::format("quantile {} ({}, {})", Pick(kGrouping), Scalar(0), Vector(depth - 1));
    case 1:
      // Values become text: only exact ones.
      return fmt::format("count_values {} (\"v\", {})", Pick(kGrouping),
                         evaluable_ ? Selector() : Vector(depth - 1));
    case 10:
      return fmt::format("topk {} (2, {})", Pick(kGrouping), Vector(depth - 1));
    case 11:
      return fmt::format("bottomk {} ({}, {})", Pick(kGrouping), Scalar(depth - 1),
                         Vector(depth - 1));
    default:
      return fmt::format("{} {} ({})", Pick(kOps), Pick(kGrouping), Vector(depth - 1));
  }
}

std::string RandomExpr::Call(int depth) {
  static constexpr const char* kOverRange[] = {"rate",
                                               "increase",
                                               "delta",
                                               "irate",
                                               "idelta",
                                               "changes",
                                               "resets",
                                               "deriv",
                                               "sum_over_time",
                                               "avg_over_time",
                                               "min_over_time",
                                               "max_over_time",
                                               "count_over_time",
                                               "last_over_time",
                                               "stddev_over_time",
                                               "stdvar_over_time",
                                               "present_over_time",
                                               "absent_over_time",
                                               "rate",
                                               "rate",
                                               "first_over_time",
                                               "mad_over_time",
                                               "ts_of_max_over_time",
                                               "ts_of_min_over_time",
                                               "ts_of_first_over_time",
                                               "ts_of_last_over_time"};
  static constexpr const char* kOverVector[] = {"abs",    "ceil",      "floor", "round", "exp",
                                                "ln",     "sqrt",      "sgn",   "sort",  "-",
                                                "absent", "timestamp", "log2"};
  static constexpr const char* kDates[] = {"hour", "minute", "day_of_week", "days_in_month"};
  switch (Below(12)) {
    case 0:
      return fmt::format("quantile_over_time({}, {})", Scalar(0), Matrix(depth - 1));
    case 1:
      return fmt::format("predict_linear({}, {})", Matrix(depth - 1), Scalar(0));
    case 2:
      return fmt::format("clamp({}, {}, {})", Vector(depth - 1), Scalar(0), Scalar(0));
    case 3:
      return fmt::format("label_replace({}, \"d\", \"$1-\", \"a\", \"(.).*\")", Vector(depth - 1));
    case 4:
      return fmt::format("label_join({}, \"d\", \"/\", \"a\", \"b\")", Vector(depth - 1));
    case 5:
      return fmt::format("vector({})", Scalar(depth - 1));
    case 6:
      // The date of a NaN is what Go makes of it.
      return fmt::format("{}(time() * count_over_time({}[1m]))", Pick(kDates), Selector());
    case 7:
      return fmt::format("{}({})", Pick(kOverVector), Vector(depth - 1));
    default:
      return fmt::format("{}({})", Pick(kOverRange), Matrix(depth - 1));
  }
}

std::string RandomExpr::Vector(int depth) {
  if (depth <= 0) return Selector() + Modifiers();
  switch (Below(7)) {
    case 0:
      return Selector() + Modifiers();
    case 1:
    case 2:
      return Binary(depth);
    case 3:
    case 4:
      return Aggregate(depth);
    default:
      return Call(depth);
  }
}

std::string RandomExpr::Noise(int words) {
  static constexpr const char* kWords[] = {"sum",      "by",     "(",          ")",
                                           "{",        "}",      "[",          "]",
                                           "5m",       "1",      "foo",        "a:b",
                                           "=",        "=~",     "\"x\"",      "'",
                                           "`",        "offset", "@",          "start",
                                           "rate",     "on",     "+",          "-",
                                           "*",        "%",      "5%",         "200/s",
                                           "and",      "or",     "bool",       ",",
                                           ":",        "unwrap", "|",          "->",
                                           "<",        "<-",     "#",          "\n",
                                           "\xff",     "\"\\",   "1e",         "0x",
                                           "10x60",    "é",      "group_left", "topk",
                                           ";",        "Inf",    "...",        "$",
                                           "^",        "!=",     "\"\\u",      "count_values",
                                           "quantile", "info",   "!",          "9999999999999"};
  std::string text;
  for (int i = 0; i < words; ++i) {
    text += Pick(kWords);
    if (Below(2) == 0) text += ' ';
  }
  return text;
}

std::string RandomLoad(uint64_t seed) {
  std::mt19937_64 random(seed);
  const auto below = [&](uint32_t n) { return static_cast<uint32_t>(random() % n); };
  std::string load = "load 10s\n";
  for (const char* name : {"c1", "c2", "g1", "g2"}) {
    const bool counter = name[0] == 'c';
    for (const char* a : {"1", "2", "3"}) {
      for (const char* b : {"x", "y"}) {
        if (below(5) == 0) continue;
        load += fmt::format("  {}{{a=\"{}\", b=\"{}\"}}", name, a, b);
        uint32_t value = below(50);
        const uint32_t start = below(4) == 0 ? below(20) : 0;
        for (uint32_t i = 0; i < 60; ++i) {
          const uint32_t dice = below(40);
          if (i < start || dice == 0 || (dice == 1 && i % 3 == 0)) {
            load += " _";
            continue;
          }
          if (dice == 2) {
            load += " stale";
            continue;
          }
          if (dice == 3 && !counter) {
            load += " NaN";
            continue;
          }
          // Counters go up, sometimes not, and start anew; gauges jump; all are multiples of 1/4.
          value = counter ? (dice == 4 ? 0 : value + below(12)) : below(100);
          load += fmt::format(" {}", static_cast<double>(value) / 4 - (counter ? 0.0 : 5.0));
        }
        load += '\n';
      }
    }
  }
  return load;
}

}  // namespace rootnote::promql
