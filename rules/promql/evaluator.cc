#include "rules/promql/evaluator.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "absl/container/flat_hash_map.h"

#include "rules/promql/evaluation.h"
#include "rules/promql/functions.h"
#include "schemas/base/check.h"
#include "schemas/schema.h"

namespace rootnote::promql {
namespace {

// Seconds of a range as Go's Duration.Seconds gives them: whole ones and the fraction apart.
double Seconds(Millis range) {
  const int64_t whole = range.count() / 1000;
  const int64_t rest = range.count() % 1000;
  return static_cast<double>(whole) + static_cast<double>(rest * 1'000'000) / 1e9;
}

// The points without stale markers; shared with the store when there are none.
RangeSeries WithoutStale(SeriesPoints&& from) {
  RangeSeries series{std::move(from.labels), from.points, std::move(from.keep_alive), false};
  const auto stale = [](const Point& point) { return IsStaleNan(point.value); };
  if (std::none_of(series.points.begin(), series.points.end(), stale)) return series;
  auto kept = std::make_shared<std::vector<Point>>();
  std::remove_copy_if(series.points.begin(), series.points.end(), std::back_inserter(*kept), stale);
  series.points = *kept;
  series.keep_alive = std::move(kept);
  return series;
}

bool KeepsOwnOrder(const Expr& expr) {
  const std::string& name = expr.text;
  return (expr.kind == ExprKind::kCall && name.starts_with("sort")) ||
         (expr.kind == ExprKind::kAggregate && (name == "topk" || name == "bottomk"));
}

}  // namespace

bool CanonicalLess(const Labels& a, const Labels& b) {
  if (a.hash() != b.hash()) return a.hash() < b.hash();
  return a.bytes() < b.bytes();
}

void SortCanonically(Vector& vector) {
  const auto less = [](const Element& a, const Element& b) {
    return CanonicalLess(a.labels, b.labels);
  };
  if (!std::is_sorted(vector.begin(), vector.end(), less)) {
    std::stable_sort(vector.begin(), vector.end(), less);
  }
}

absl::Status Normalise(Vector& vector) {
  SortCanonically(vector);
  const auto same = [](const Element& a, const Element& b) { return a.labels == b.labels; };
  if (std::adjacent_find(vector.begin(), vector.end(), same) != vector.end()) {
    return absl::InvalidArgumentError("vector cannot contain metrics with the same labelset");
  }
  return absl::OkStatus();
}

const Expr& Unparenthesised(const Expr& expr) {
  const Expr* inner = &expr;
  while (inner->kind == ExprKind::kParen) inner = inner->args[0].get();
  return *inner;
}

Labels WithoutMetadata(const Labels& labels) {
  Labels kept = labels.Without(kMetricName);
  for (const std::string_view name : {"__type__", "__unit__"}) {
    if (kept.Has(name)) kept = kept.Without(name);
  }
  return kept;
}

uint32_t PlaceOf(const Expr& arg) {
  const Expr& inner = Unparenthesised(arg);
  return inner.kind == ExprKind::kSubquery ? 0 : inner.span.begin;
}

absl::StatusOr<Millis> Evaluation::Resolve(const DurationExpr* expr, Millis fixed,
                                           bool signed_allowed) const {
  if (expr == nullptr) return fixed;
  return DurationOf(*expr, {options_.step, options_.end - options_.start}, signed_allowed);
}

absl::StatusOr<EventTime> Evaluation::Reference(const Expr& expr, EventTime t) const {
  if (expr.at) {
    switch (expr.at->kind) {
      case AtModifier::Kind::kTime:
        t = expr.at->time;
        break;
      case AtModifier::Kind::kStart:
        t = options_.start;
        break;
      case AtModifier::Kind::kEnd:
        t = options_.end;
        break;
    }
  }
  ASSIGN_OR_RETURN(const Millis offset, Resolve(expr.offset_expr.get(), expr.offset, true));
  return t - offset;
}

Element Evaluation::Nameless(const Labels& labels, double value) const {
  if (options_.delayed_name_removal) return {labels, value, true};
  return {WithoutMetadata(labels), value};
}

absl::Status Evaluation::Finish(Vector& vector) const {
  if (!options_.delayed_name_removal) return absl::OkStatus();
  for (Element& element : vector) {
    if (element.drop_name) element = {WithoutMetadata(element.labels), element.value};
  }
  Vector sorted = vector;
  return Normalise(sorted);
}

absl::StatusOr<Value> Evaluation::Any(const Expr& expr, EventTime t) const {
  switch (expr.type) {
    case ValueType::kScalar: {
      ASSIGN_OR_RETURN(const double value, Scalar(expr, t));
      return Value(value);
    }
    case ValueType::kVector: {
      ASSIGN_OR_RETURN(Vector vector, Instant(expr, t));
      RETURN_IF_ERROR(Finish(vector));
      if (!KeepsOwnOrder(Unparenthesised(expr))) SortCanonically(vector);
      return Value(std::move(vector));
    }
    case ValueType::kMatrix: {
      ASSIGN_OR_RETURN(const Range range, Matrix(expr, t));
      promql::Matrix matrix;
      for (const RangeSeries& series : range.series) {
        matrix.push_back({series.drop_name ? WithoutMetadata(series.labels) : series.labels,
                          {series.points.begin(), series.points.end()}});
      }
      return Value(std::move(matrix));
    }
    case ValueType::kString:
      return Value(Unparenthesised(expr).text);
    case ValueType::kNone:
      break;
  }
  return absl::InternalError("an expression without a type was evaluated");
}

absl::StatusOr<double> Evaluation::Scalar(const Expr& expr, EventTime t) const {
  switch (expr.kind) {
    case ExprKind::kNumber:
      return expr.number;
    case ExprKind::kParen:
      return Scalar(*expr.args[0], t);
    case ExprKind::kUnary: {
      ASSIGN_OR_RETURN(const double value, Scalar(*expr.args[0], t));
      return expr.op == BinaryOp::kSub ? -value : value;
    }
    case ExprKind::kBinary: {
      ASSIGN_OR_RETURN(const double left, Scalar(*expr.args[0], t));
      ASSIGN_OR_RETURN(const double right, Scalar(*expr.args[1], t));
      return ScalarBinary(expr.op, left, right);
    }
    case ExprKind::kCall:
      return EvalScalarCall(expr, t, *this);
    default:
      return absl::InternalError("a scalar was expected: " + ToString(expr));
  }
}

std::vector<SeriesPoints> Evaluation::Lookback(const Expr& selector, EventTime reference) const {
  std::vector<SeriesPoints> found =
      store_.Select(selector, reference - options_.lookback, reference);
  // A stale marker ends the series until its next sample.
  std::erase_if(found, [](const SeriesPoints& series) {
    return series.points.empty() || IsStaleNan(series.points.back().value);
  });
  return found;
}

absl::StatusOr<Vector> Evaluation::Instant(const Expr& expr, EventTime t) const {
  switch (expr.kind) {
    case ExprKind::kSelector: {
      ASSIGN_OR_RETURN(const EventTime reference, Reference(expr, t));
      Vector vector;
      for (SeriesPoints& series : Lookback(expr, reference)) {
        vector.push_back({std::move(series.labels), series.points.back().value});
      }
      return vector;
    }
    case ExprKind::kParen:
      return Instant(*expr.args[0], t);
    case ExprKind::kUnary: {
      ASSIGN_OR_RETURN(Vector vector, Instant(*expr.args[0], t));
      if (expr.op == BinaryOp::kAdd) return vector;
      for (Element& element : vector) {
        element = Nameless(element.labels, -element.value);
      }
      RETURN_IF_ERROR(Normalise(vector));
      return vector;
    }
    case ExprKind::kBinary:
      return EvalBinary(expr, t, *this);
    case ExprKind::kAggregate:
      return EvalAggregate(expr, t, *this);
    case ExprKind::kCall:
      return EvalCall(expr, t, *this);
    default:
      return absl::InternalError("an instant vector was expected: " + ToString(expr));
  }
}

absl::StatusOr<Vector> Evaluation::Timestamps(const Expr& expr, EventTime t) const {
  const Expr& inner = Unparenthesised(expr);
  Vector vector;
  if (inner.kind == ExprKind::kSelector) {
    ASSIGN_OR_RETURN(const EventTime reference, Reference(inner, t));
    for (SeriesPoints& series : Lookback(inner, reference)) {
      const int64_t time = ToMillis(series.points.back().time);
      vector.push_back({std::move(series.labels), static_cast<double>(time) / 1000});
    }
    return vector;
  }
  ASSIGN_OR_RETURN(vector, Instant(inner, t));
  for (Element& element : vector) element.value = static_cast<double>(ToMillis(t)) / 1000;
  return vector;
}

absl::StatusOr<Range> Evaluation::Matrix(const Expr& expr, EventTime t) const {
  const Expr& inner = Unparenthesised(expr);
  if (inner.kind == ExprKind::kSubquery) return Subquery(inner, t);
  if (inner.kind != ExprKind::kSelector || !inner.range) {
    return absl::InternalError("a range vector was expected: " + ToString(expr));
  }
  ASSIGN_OR_RETURN(const Millis length, Resolve(inner.range_expr.get(), *inner.range, false));
  return Samples(inner, t, length);
}

absl::StatusOr<Range> Evaluation::Samples(const Expr& selector, EventTime t, Millis length) const {
  Range range;
  range.instant = t;
  ASSIGN_OR_RETURN(range.end, Reference(selector, t));
  range.start = range.end - length;
  range.seconds = Seconds(length);
  for (SeriesPoints& series : store_.Select(selector, range.start, range.end)) {
    RangeSeries kept = WithoutStale(std::move(series));
    if (!kept.points.empty()) range.series.push_back(std::move(kept));
  }
  return range;
}

absl::StatusOr<Range> Evaluation::History(const Expr& expr, EventTime t, Millis length) const {
  const Expr& inner = Unparenthesised(expr);
  if (inner.kind == ExprKind::kSelector) return Samples(inner, t, length);
  Range range;
  range.instant = range.end = t;
  range.start = t - length;
  range.seconds = Seconds(length);
  constexpr int64_t kStepsMax = 1000;
  const Millis base = options_.default_step;
  const int64_t times =
      (length.count() + base.count() * kStepsMax - 1) / (base.count() * kStepsMax);
  RETURN_IF_ERROR(Steps(inner, base * std::max<int64_t>(1, times), range));
  return range;
}

absl::StatusOr<Range> Evaluation::Subquery(const Expr& expr, EventTime t) const {
  ASSIGN_OR_RETURN(const Millis length,
                   Resolve(expr.range_expr.get(), expr.range.value_or(Millis(0)), false));
  ASSIGN_OR_RETURN(const Millis given, Resolve(expr.step_expr.get(), expr.step, false));
  Range range;
  range.instant = t;
  ASSIGN_OR_RETURN(range.end, Reference(expr, t));
  range.start = range.end - length;
  range.seconds = Seconds(length);
  const Millis step = given > Millis(0) ? given : options_.default_step;
  RETURN_IF_ERROR(Steps(*expr.args[0], step, range));
  return range;
}

// The steps of a subquery are multiples of its step since 1970, as in Prometheus.
absl::Status Evaluation::Steps(const Expr& expr, Millis step, Range& range) const {
  constexpr int64_t kStepsMax = 50'000'000;  // Prometheus' limit of samples
  if ((range.end - range.start) / step > kStepsMax) {
    return absl::InvalidArgumentError(
        "query processing would load too many samples into memory in query execution");
  }
  EventTime at(step * (range.start.time_since_epoch() / step));
  if (at <= range.start) at += step;

  absl::flat_hash_map<Labels, size_t> index;
  std::vector<std::shared_ptr<std::vector<Point>>> points;
  for (; at <= range.end; at += step) {
    ASSIGN_OR_RETURN(const Vector vector, Instant(expr, at));
    for (const Element& element : vector) {
      const auto [found, added] = index.try_emplace(element.labels, points.size());
      if (added) {
        points.push_back(std::make_shared<std::vector<Point>>());
        range.series.push_back({element.labels, {}, points.back()});
      }
      RangeSeries& series = range.series[found->second];
      series.drop_name = series.drop_name || element.drop_name;
      points[found->second]->push_back({at, element.value});
    }
  }
  for (size_t i = 0; i < points.size(); ++i) range.series[i].points = *points[i];
  std::sort(
      range.series.begin(), range.series.end(),
      [](const RangeSeries& a, const RangeSeries& b) { return CanonicalLess(a.labels, b.labels); });
  return absl::OkStatus();
}

absl::StatusOr<Value> Evaluate(const Expr& expr, EventTime t, const SeriesStore& store,
                               const EvalOptions& options) {
  DCHECK(options.default_step > Millis(0));
  if (options.annotations == nullptr) return Evaluation(store, options, nullptr).Any(expr, t);
  AnnotationLog log;
  absl::StatusOr<Value> value = Evaluation(store, options, &log).Any(expr, t);
  log.Write(options.text, *options.annotations);
  return value;
}

std::string NotExecuted(const Expr& expr) {
  if (expr.kind == ExprKind::kCall) {
    const FunctionSignature* function = FindFunction(expr.text);
    if (function == nullptr) return "function " + expr.text;
  }
  if (expr.kind == ExprKind::kAggregate) {
    const AggregateSignature* aggregate = FindAggregate(expr.text);
    if (aggregate == nullptr) return "aggregation " + expr.text;
  }
  for (const auto& arg : expr.args) {
    if (std::string found = NotExecuted(*arg); !found.empty()) return found;
  }
  return "";
}

}  // namespace rootnote::promql
