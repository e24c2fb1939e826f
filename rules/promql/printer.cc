#include <cmath>
#include <cstdlib>
#include <string>
#include <string_view>

#include "fmt/format.h"

#include "rules/promql/ast.h"
#include "rules/promql/duration_expr.h"
#include "rules/promql/words.h"
#include "rules/unquote.h"
#include "schemas/labels.h"

namespace rootnote::promql {
namespace {

std::string_view MatchOpText(MatchOp op) {
  switch (op) {
    case MatchOp::kEqual:
      return "=";
    case MatchOp::kNotEqual:
      return "!=";
    case MatchOp::kRegex:
      return "=~";
    case MatchOp::kNotRegex:
      return "!~";
  }
  return "=";
}

// The shortest text that reads as `value`.
std::string NumberText(double value) {
  if (std::isnan(value)) return "NaN";
  if (std::isinf(value)) return value < 0 ? "-Inf" : "Inf";
  std::string text = fmt::format("{}", value);
  if (text.size() > 2 && text.compare(text.size() - 2, 2, ".0") == 0) text.resize(text.size() - 2);
  return text;
}

// `ratio` as a percentage that the lexer reads as the same bits.
std::string PercentText(double ratio) {
  for (int digits = 1; digits <= 17; ++digits) {
    const std::string text = fmt::format("{:.{}g}", ratio * 100, digits);
    const bool exponent = text.find('e') != std::string::npos;
    const std::string shifted = exponent ? text : text + "e-2";
    const double value = std::strtod(shifted.c_str(), nullptr);
    if ((exponent ? value / 100 : value) == ratio) return text + "%";
  }
  return NumberText(ratio);
}

std::string SecondsText(double seconds) {
  const double millis = std::abs(seconds) * 1000;
  const std::string sign = std::signbit(seconds) ? "-" : "";
  if (millis == std::floor(millis) && millis < 9e15) {
    const Millis duration(static_cast<int64_t>(millis));
    // Only if it reads as the same number: FormatDuration is exact, the division is not always.
    if (static_cast<double>(duration.count()) / 1000 == std::abs(seconds)) {
      return sign + FormatDuration(duration);
    }
  }
  return NumberText(seconds) + "s";
}

std::string QuantityText(const Expr& expr) {
  if (!std::isfinite(expr.number)) return NumberText(expr.number);
  switch (expr.unit) {
    case Unit::kRatio:
      return PercentText(expr.number);
    case Unit::kSeconds:
      return SecondsText(expr.number);
    case Unit::kBytes:
      return NumberText(expr.number) + "B";
    case Unit::kPerSecond:
      return NumberText(expr.number) + "/s";
    case Unit::kBytesPerSecond:
      return NumberText(expr.number) + "B/s";
    case Unit::kNone:
      break;
  }
  return NumberText(expr.number);
}

std::string DurationText(Millis value, const DurationExpr* expr) {
  return expr != nullptr ? ToString(*expr) : FormatDuration(value);
}

class Printer {
 public:
  std::string Run(const Expr& expr) {
    Print(expr);
    return std::move(out_);
  }

 private:
  void Print(const Expr& expr) {
    switch (expr.kind) {
      case ExprKind::kNumber:
        out_ += QuantityText(expr);
        return;
      case ExprKind::kString:
        out_ += Quote(expr.text);
        return;
      case ExprKind::kSelector:
        Selector(expr);
        return;
      case ExprKind::kSubquery:
        Subquery(expr);
        return;
      case ExprKind::kParen:
        out_ += '(';
        Print(*expr.args[0]);
        out_ += ')';
        return;
      case ExprKind::kUnary:
        out_ += OpText(expr.op);
        Print(*expr.args[0]);
        return;
      case ExprKind::kBinary:
        Binary(expr);
        return;
      case ExprKind::kAggregate:
        Aggregate(expr);
        return;
      case ExprKind::kCall:
        out_ += expr.text;
        Arguments(expr);
        return;
    }
  }

  void Label(std::string_view name) {
    out_ += IsBareLabelName(name) ? std::string(name) : Quote(name);
  }

  void LabelList(const std::vector<std::string>& labels) {
    out_ += '(';
    for (size_t i = 0; i < labels.size(); ++i) {
      if (i > 0) out_ += ", ";
      Label(labels[i]);
    }
    out_ += ')';
  }

  void Arguments(const Expr& expr) {
    out_ += '(';
    for (size_t i = 0; i < expr.args.size() && !expr.args[i]->implicit; ++i) {
      if (i > 0) out_ += ", ";
      const bool labels = i == 1 && expr.kind == ExprKind::kCall && expr.text == "info";
      if (labels) {
        out_ += '{' + Matchers(*expr.args[i], true) + '}';
      } else {
        Print(*expr.args[i]);
      }
    }
    out_ += ')';
  }

  // `all`: with the matcher that the metric's name is.
  static std::string Matchers(const Expr& expr, bool all) {
    std::string text;
    for (const Matcher& matcher : expr.matchers) {
      const bool is_name = !expr.text.empty() && matcher.name == kMetricName;
      if (!all && is_name && matcher.op == MatchOp::kEqual) continue;
      if (!text.empty()) text += ", ";
      text += IsBareLabelName(matcher.name) ? matcher.name : Quote(matcher.name);
      text += MatchOpText(matcher.op);
      text += Quote(matcher.value);
    }
    return text;
  }

  void Selector(const Expr& expr) {
    const bool bare = IsBareMetricName(expr.text) && !IsReserved(expr.text);
    if (bare) out_ += expr.text;
    std::string inside;
    if (!bare && !expr.text.empty()) inside = Quote(expr.text);
    const std::string matchers = Matchers(expr, false);
    if (!inside.empty() && !matchers.empty()) inside += ", ";
    inside += matchers;
    if (!inside.empty() || expr.text.empty()) out_ += '{' + inside + '}';
    if (!expr.unwrap.empty()) {
      out_ += " | unwrap ";
      Label(expr.unwrap);
      out_ += ' ';
    }
    if (expr.range) out_ += '[' + DurationText(*expr.range, expr.range_expr.get()) + ']';
    Modifiers(expr);
  }

  void Subquery(const Expr& expr) {
    Print(*expr.args[0]);
    out_ += '[' + DurationText(expr.range.value_or(Millis(0)), expr.range_expr.get()) + ':';
    if (expr.step > Millis(0) || expr.step_expr) {
      out_ += DurationText(expr.step, expr.step_expr.get());
    }
    out_ += ']';
    Modifiers(expr);
  }

  void Modifiers(const Expr& expr) {
    if (expr.at) {
      switch (expr.at->kind) {
        case AtModifier::Kind::kTime: {
          const int64_t ms = ToMillis(expr.at->time);
          out_ += fmt::format(" @ {}{}.{:03}", ms < 0 ? "-" : "", std::abs(ms) / 1000,
                              std::abs(ms) % 1000);
          break;
        }
        case AtModifier::Kind::kStart:
          out_ += " @ start()";
          break;
        case AtModifier::Kind::kEnd:
          out_ += " @ end()";
          break;
      }
    }
    if (expr.offset_expr) {
      const bool closed = expr.offset_expr->op == DurationExpr::Op::kParen;
      const std::string text = promql::ToString(*expr.offset_expr);
      out_ += " offset " + (closed ? text : '(' + text + ')');
    } else if (expr.offset != Millis(0)) {
      out_ += expr.offset < Millis(0) ? " offset -" : " offset ";
      out_ += FormatDuration(std::chrono::abs(expr.offset));
    }
  }

  void Binary(const Expr& expr) {
    Print(*expr.args[0]);
    out_ += ' ';
    out_ += OpText(expr.op);
    if (expr.return_bool) out_ += " bool";
    if (expr.matching) Matching(*expr.matching);
    out_ += ' ';
    Print(*expr.args[1]);
  }

  void Matching(const VectorMatching& matching) {
    using Card = VectorMatching::Card;
    const bool grouped = matching.card == Card::kManyToOne || matching.card == Card::kOneToMany;
    if (matching.on || !matching.labels.empty() || grouped) {
      out_ += matching.on ? " on " : " ignoring ";
      LabelList(matching.labels);
    }
    if (grouped) {
      out_ += matching.card == Card::kManyToOne ? " group_left " : " group_right ";
      LabelList(matching.include);
    }
    if (matching.fill_left) out_ += " fill_left (" + NumberText(*matching.fill_left) + ')';
    if (matching.fill_right) out_ += " fill_right (" + NumberText(*matching.fill_right) + ')';
  }

  void Aggregate(const Expr& expr) {
    out_ += expr.text;
    if (expr.without || !expr.grouping.empty()) {
      out_ += expr.without ? " without " : " by ";
      LabelList(expr.grouping);
      out_ += ' ';
    }
    Arguments(expr);
  }

  std::string out_;
};

}  // namespace

std::string ToString(const Expr& expr) { return Printer().Run(expr); }

}  // namespace rootnote::promql
