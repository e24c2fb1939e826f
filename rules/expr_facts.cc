#include "rules/expr_facts.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "rules/promql/words.h"

namespace rootnote {
namespace {

using promql::BinaryOp;
using promql::Expr;
using promql::ExprKind;
using promql::ValueType;

LabelFlow Only(std::vector<std::string> names) {
  return {false, std::set<std::string>(names.begin(), names.end())};
}

LabelFlow Remove(LabelFlow flow, const std::string& label) {
  if (flow.all_but) {
    flow.names.insert(label);
  } else {
    flow.names.erase(label);
  }
  return flow;
}

LabelFlow Add(LabelFlow flow, const std::string& label) {
  if (flow.all_but) {
    flow.names.erase(label);
  } else {
    flow.names.insert(label);
  }
  return flow;
}

// What both may carry.
LabelFlow Common(const LabelFlow& a, const std::vector<std::string>& names) {
  LabelFlow result{false, {}};
  for (const std::string& name : names) {
    if (a.MayCarry(name)) result.names.insert(name);
  }
  return result;
}

LabelFlow LabelsOfSelector(const Expr& expr) {
  LabelFlow flow;
  for (const promql::Matcher& matcher : expr.matchers) {
    if (matcher.op == promql::MatchOp::kEqual && matcher.value.empty()) {
      flow.names.insert(matcher.name);
    }
  }
  return flow;
}

LabelFlow LabelsOfAggregate(const Expr& expr) {
  const LabelFlow operand = LabelsOf(*expr.args.back());
  static constexpr std::array<std::string_view, 4> kKeep = {"topk", "bottomk", "limitk",
                                                            "limit_ratio"};
  if (std::find(kKeep.begin(), kKeep.end(), expr.text) != kKeep.end()) return operand;
  LabelFlow flow;
  if (expr.without) {
    flow = operand;
    for (const std::string& label : expr.grouping) flow = Remove(std::move(flow), label);
  } else {
    flow = Common(operand, expr.grouping);
  }
  const bool names_value = expr.text == "count_values" && expr.args.size() > 1;
  return names_value ? Add(std::move(flow), expr.args[0]->text) : flow;
}

LabelFlow LabelsOfBinary(const Expr& expr) {
  const Expr& left = *expr.args[0];
  const Expr& right = *expr.args[1];
  if (left.type != ValueType::kVector) return LabelsOf(right);
  if (right.type != ValueType::kVector) return LabelsOf(left);
  if (expr.op == BinaryOp::kAnd || expr.op == BinaryOp::kUnless) return LabelsOf(left);
  if (expr.op == BinaryOp::kOr) {
    // What either side lacks, some elements lack.
    const LabelFlow a = LabelsOf(left), b = LabelsOf(right);
    if (!a.all_but) return Common(b, {a.names.begin(), a.names.end()});
    if (!b.all_but) return Common(a, {b.names.begin(), b.names.end()});
    LabelFlow both = a;
    both.names.insert(b.names.begin(), b.names.end());
    return both;
  }
  if (!expr.matching) return LabelsOf(left);
  using Card = promql::VectorMatching::Card;
  if (expr.matching->card == Card::kManyToOne || expr.matching->card == Card::kOneToMany) {
    LabelFlow many = LabelsOf(expr.matching->card == Card::kManyToOne ? left : right);
    for (const std::string& label : expr.matching->include) many = Add(std::move(many), label);
    return many;
  }
  LabelFlow flow = LabelsOf(left);
  if (expr.matching->on) return Common(flow, expr.matching->labels);
  for (const std::string& label : expr.matching->labels) flow = Remove(std::move(flow), label);
  return flow;
}

LabelFlow LabelsOfCall(const Expr& expr) {
  if (expr.text == "vector" || expr.text == "scalar" || expr.text == "time" || expr.text == "pi" ||
      expr.args.empty()) {
    return Only({});
  }
  if (expr.text == "absent" || expr.text == "absent_over_time") {
    const Expr& selector = WithoutParens(*expr.args[0]);
    if (selector.kind != ExprKind::kSelector) return Only({});
    std::vector<std::string> labels;
    for (const promql::Matcher& matcher : selector.matchers) {
      if (matcher.op == promql::MatchOp::kEqual) labels.push_back(matcher.name);
    }
    return Only(labels);
  }
  LabelFlow flow;
  for (const auto& arg : expr.args) {
    if (arg->type != ValueType::kVector && arg->type != ValueType::kMatrix) continue;
    flow = LabelsOf(*arg);
    break;
  }
  if (expr.text == "label_replace" || expr.text == "label_join") {
    if (expr.args.size() > 1) flow = Add(std::move(flow), expr.args[1]->text);
  } else if (expr.text == "histogram_quantile" || expr.text == "histogram_fraction") {
    flow = Remove(std::move(flow), "le");
  }
  return flow;
}

Dimension Known(int bytes, int seconds) { return {Dimension::Type::kKnown, bytes, seconds, false}; }

bool TakeSuffix(std::string_view& name, std::string_view suffix) {
  if (!name.ends_with(suffix) || name.size() == suffix.size()) return false;
  name.remove_suffix(suffix.size());
  return true;
}

// By Prometheus' conventions of naming.
Dimension DimensionOfName(std::string_view name, bool in_histogram) {
  if (TakeSuffix(name, "_count") || TakeSuffix(name, "_bucket")) {
    if (!in_histogram) return Known(0, 0);
  }
  if (!TakeSuffix(name, "_total")) TakeSuffix(name, "_sum");
  if (name.ends_with("_bytes_per_second")) return Known(1, -1);
  if (name.ends_with("_per_second")) return {};
  if (name.ends_with("_seconds")) return Known(0, 1);
  if (name.ends_with("_bytes")) return Known(1, 0);
  if (name.ends_with("_ratio")) return Known(0, 0);
  if (name.ends_with("_percent")) return {Dimension::Type::kPercent, 0, 0, false};
  return {};
}

Dimension DimensionOfNumber(const Expr& expr) {
  switch (expr.unit) {
    case Unit::kNone:
      return {Dimension::Type::kBareNumber, 0, 0, false};
    case Unit::kRatio:
      return Known(0, 0);
    case Unit::kSeconds:
      return Known(0, 1);
    case Unit::kBytes:
      return Known(1, 0);
    case Unit::kPerSecond:
      return Known(0, -1);
    case Unit::kBytesPerSecond:
      return Known(1, -1);
  }
  return {};
}

bool IsNumber(const Expr& expr, double number) {
  const Expr& inner = WithoutParens(expr);
  return inner.kind == ExprKind::kNumber && inner.unit == Unit::kNone && inner.number == number;
}

// 100 * a, a * 100 * b, 100 * a / b.
bool IsHundredfold(const Expr& expr) {
  const Expr& inner = WithoutParens(expr);
  if (inner.kind != ExprKind::kBinary) return IsNumber(inner, 100);
  if (inner.op == BinaryOp::kDiv) return IsHundredfold(*inner.args[0]);
  return inner.op == BinaryOp::kMul &&
         (IsHundredfold(*inner.args[0]) || IsHundredfold(*inner.args[1]));
}

Dimension Product(const Expr& expr, Dimension a, Dimension b, int sign) {
  using Type = Dimension::Type;
  constexpr Dimension kPercent{Type::kPercent, 0, 0, false};
  const bool ratio = (a.known() && a.bytes == 0 && a.seconds == 0) || a.quotient ||
                     (b.known() && b.bytes == 0 && b.seconds == 0) || b.quotient;
  if (sign > 0 && ratio && (IsNumber(*expr.args[0], 100) || IsNumber(*expr.args[1], 100))) {
    return kPercent;
  }
  // 100 * a / b reads from the left.
  if (sign < 0 && a == b && a.type != Type::kBareNumber && IsHundredfold(*expr.args[0])) {
    return kPercent;
  }
  const bool back = (sign < 0 && a == kPercent && IsNumber(*expr.args[1], 100)) ||
                    (sign > 0 && a == kPercent && IsNumber(*expr.args[1], 0.01)) ||
                    (sign > 0 && b == kPercent && IsNumber(*expr.args[0], 0.01));
  if (back) return Known(0, 0);
  if (b.type == Type::kBareNumber) return a;
  if (a.type == Type::kBareNumber && sign > 0) return b;
  if (a.type == Type::kBareNumber) return b.known() ? Known(-b.bytes, -b.seconds) : Dimension{};
  if (a.known() && b.known()) {
    return Known(a.bytes + sign * b.bytes, a.seconds + sign * b.seconds);
  }
  if (sign < 0 && a == b) return {Type::kUnknown, 0, 0, true};
  return {};
}

Dimension DimensionOfBinary(const Expr& expr) {
  const Dimension a = DimensionOf(*expr.args[0]);
  const Dimension b = DimensionOf(*expr.args[1]);
  switch (expr.op) {
    case BinaryOp::kMul:
      return Product(expr, a, b, 1);
    case BinaryOp::kDiv:
      return Product(expr, a, b, -1);
    case BinaryOp::kPow:
    case BinaryOp::kAtan2:
      return {};
    case BinaryOp::kAnd:
    case BinaryOp::kUnless:
      return a;
    case BinaryOp::kOr:
      return a == b ? a : Dimension{};
    default:
      break;
  }
  if (promql::IsComparison(expr.op) && expr.return_bool) return Known(0, 0);
  if (promql::IsComparison(expr.op)) {
    return expr.args[0]->type == ValueType::kScalar ? b : a;
  }
  if (a.type == Dimension::Type::kBareNumber) return b;
  return b.type == Dimension::Type::kBareNumber || a == b ? a : Dimension{};
}

bool IsOneOf(std::string_view word, std::initializer_list<std::string_view> words) {
  return std::find(words.begin(), words.end(), word) != words.end();
}

std::string_view HistogramMetric(const Expr& expr) {
  const std::vector<const Expr*> selectors = promql::Selectors(expr);
  return selectors.empty() ? std::string_view() : std::string_view(selectors[0]->text);
}

Dimension DimensionOfCall(const Expr& expr) {
  const std::string& name = expr.text;
  if (IsOneOf(name, {"time", "timestamp"})) return Known(0, 1);
  if (IsOneOf(name, {"count_over_time", "present_over_time", "changes", "resets", "absent",
                     "absent_over_time", "sgn", "anomaly_over_time", "anomaly_onset_over_time",
                     "rate_anomaly_over_time"})) {
    return Known(0, 0);
  }
  if (name == "histogram_quantile" && expr.args.size() > 1) {
    return DimensionOfName(HistogramMetric(*expr.args[1]), true);
  }
  const Expr* subject = nullptr;
  for (const auto& arg : expr.args) {
    if (arg->type != ValueType::kVector && arg->type != ValueType::kMatrix) continue;
    subject = arg.get();
    break;
  }
  if (subject == nullptr) return {};
  const Dimension dimension = DimensionOf(*subject);
  if (IsOneOf(name, {"rate", "irate", "deriv"})) {
    if (dimension.known()) return Known(dimension.bytes, dimension.seconds - 1);
    return {};
  }
  if (IsOneOf(name, {"abs",
                     "ceil",
                     "floor",
                     "round",
                     "clamp",
                     "clamp_min",
                     "clamp_max",
                     "sort",
                     "sort_desc",
                     "sort_by_label",
                     "sort_by_label_desc",
                     "increase",
                     "delta",
                     "idelta",
                     "label_replace",
                     "label_join",
                     "predict_linear",
                     "scalar",
                     "double_exponential_smoothing",
                     "baseline"}) ||
      (name.ends_with("_over_time") && name != "stdvar_over_time" && name != "zscore_over_time" &&
       name != "quantile_anomaly_over_time")) {
    return dimension;
  }
  return {};
}

Comparison Flip(Comparison comparison) {
  using Direction = Condition::Direction;
  if (comparison.direction != Direction::kNone) {
    comparison.direction =
        comparison.direction == Direction::kAbove ? Direction::kBelow : Direction::kAbove;
  }
  return comparison;
}

void SetEventLabels(Expr& expr, std::set<std::string> labels) {
  if (expr.kind == ExprKind::kSelector && expr.range) {
    expr.event_labels.assign(labels.begin(), labels.end());
    return;
  }
  if (expr.kind == ExprKind::kAggregate && !expr.without) {
    labels.insert(expr.grouping.begin(), expr.grouping.end());
  }
  if (expr.kind == ExprKind::kBinary && expr.matching) {
    if (expr.matching->on) {
      labels.insert(expr.matching->labels.begin(), expr.matching->labels.end());
    }
    labels.insert(expr.matching->include.begin(), expr.matching->include.end());
  }
  for (const auto& arg : expr.args) SetEventLabels(*arg, labels);
}

}  // namespace

const Expr& WithoutParens(const Expr& expr) {
  const Expr* inner = &expr;
  while (inner->kind == ExprKind::kParen) inner = inner->args[0].get();
  return *inner;
}

LabelFlow LabelsOf(const Expr& expr) {
  switch (expr.kind) {
    case ExprKind::kSelector:
      return LabelsOfSelector(expr);
    case ExprKind::kParen:
    case ExprKind::kUnary:
    case ExprKind::kSubquery:
      return LabelsOf(*expr.args[0]);
    case ExprKind::kBinary:
      return LabelsOfBinary(expr);
    case ExprKind::kAggregate:
      return LabelsOfAggregate(expr);
    case ExprKind::kCall:
      return LabelsOfCall(expr);
    case ExprKind::kNumber:
    case ExprKind::kString:
      break;
  }
  return Only({});
}

Dimension DimensionOf(const Expr& expr) {
  switch (expr.kind) {
    case ExprKind::kNumber:
      return DimensionOfNumber(expr);
    case ExprKind::kSelector:
      return DimensionOfName(expr.unwrap.empty() ? expr.text : expr.unwrap, false);
    case ExprKind::kParen:
    case ExprKind::kUnary:
    case ExprKind::kSubquery:
      return DimensionOf(*expr.args[0]);
    case ExprKind::kBinary:
      return DimensionOfBinary(expr);
    case ExprKind::kAggregate:
      if (IsOneOf(expr.text, {"count", "group", "count_values"})) return Known(0, 0);
      return expr.text == "stdvar" ? Dimension{} : DimensionOf(*expr.args.back());
    case ExprKind::kCall:
      return DimensionOfCall(expr);
    case ExprKind::kString:
      break;
  }
  return {};
}

std::string ToString(const Dimension& dimension) {
  if (dimension.type == Dimension::Type::kPercent) return "percent";
  if (!dimension.known()) return "a number";
  const auto power = [](std::string_view unit, int exponent) {
    return exponent == 1 ? std::string(unit) : std::string(unit) + "^" + std::to_string(exponent);
  };
  std::string text;
  if (dimension.bytes > 0) text = power("bytes", dimension.bytes);
  if (dimension.seconds > 0)
    text += (text.empty() ? "" : " ") + power("seconds", dimension.seconds);
  std::string below;
  if (dimension.bytes < 0) below = power("byte", -dimension.bytes);
  if (dimension.seconds < 0) {
    below += (below.empty() ? "" : " ") + power("second", -dimension.seconds);
  }
  if (text.empty() && below.empty()) return "a number without unit";
  if (below.empty()) return text;
  return text.empty() ? "per " + below : text + " per " + below;
}

std::optional<double> ConstantOf(const Expr& expr) {
  if (expr.kind == ExprKind::kNumber) return expr.number;
  if (expr.kind == ExprKind::kParen) return ConstantOf(*expr.args[0]);
  if (expr.kind == ExprKind::kUnary) {
    const std::optional<double> value = ConstantOf(*expr.args[0]);
    if (!value) return std::nullopt;
    return expr.op == BinaryOp::kSub ? -*value : *value;
  }
  if (expr.kind != ExprKind::kBinary) return std::nullopt;
  const std::optional<double> a = ConstantOf(*expr.args[0]);
  const std::optional<double> b = ConstantOf(*expr.args[1]);
  if (!a || !b) return std::nullopt;
  switch (expr.op) {
    case BinaryOp::kAdd:
      return *a + *b;
    case BinaryOp::kSub:
      return *a - *b;
    case BinaryOp::kMul:
      return *a * *b;
    case BinaryOp::kDiv:
      return *a / *b;
    case BinaryOp::kPow:
      return std::pow(*a, *b);
    default:
      return std::nullopt;
  }
}

Comparison TopComparison(const Expr& expr) {
  const Expr& top = WithoutParens(expr);
  if (top.kind != ExprKind::kBinary) return {};
  if (top.op == BinaryOp::kAnd || top.op == BinaryOp::kUnless) return TopComparison(*top.args[0]);
  if (top.op == BinaryOp::kOr) {
    const Comparison a = TopComparison(*top.args[0]);
    const Comparison b = TopComparison(*top.args[1]);
    if (a.direction != b.direction) return {};
    return {a.threshold == b.threshold ? a.threshold : std::nullopt, a.direction};
  }
  if (!promql::IsComparison(top.op) || top.return_bool) return {};
  Comparison comparison;
  if (top.op == BinaryOp::kGt || top.op == BinaryOp::kGe) {
    comparison.direction = Condition::Direction::kAbove;
  } else if (top.op == BinaryOp::kLt || top.op == BinaryOp::kLe) {
    comparison.direction = Condition::Direction::kBelow;
  }
  if (const std::optional<double> right = ConstantOf(*top.args[1])) {
    comparison.threshold = right;
  } else if (const std::optional<double> left = ConstantOf(*top.args[0])) {
    comparison.threshold = left;
    return Flip(comparison);
  }
  return comparison;
}

bool Filters(const Expr& expr) {
  if (expr.kind == ExprKind::kBinary) {
    if (promql::IsComparison(expr.op) && !expr.return_bool) return true;
    if (expr.op == BinaryOp::kAnd || expr.op == BinaryOp::kUnless) return true;
  }
  if (expr.kind == ExprKind::kCall && (expr.text == "absent" || expr.text == "absent_over_time")) {
    return true;
  }
  return std::any_of(expr.args.begin(), expr.args.end(),
                     [](const auto& arg) { return Filters(*arg); });
}

void SetEventLabels(Expr& expr, const std::vector<std::string>& identity) {
  SetEventLabels(expr, std::set<std::string>(identity.begin(), identity.end()));
}

void Walk(Expr& expr, const std::function<void(Expr&)>& visit) {
  visit(expr);
  for (const auto& arg : expr.args) Walk(*arg, visit);
}

}  // namespace rootnote
