// Calls of functions: arguments evaluated, then the function of its kind.
#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>
#include <utility>

#include "fmt/format.h"

#include "rules/promql/anomaly_functions.h"
#include "rules/promql/anomaly_score.h"
#include "rules/promql/evaluation.h"
#include "rules/promql/histogram_functions.h"
#include "rules/promql/label_functions.h"
#include "rules/promql/math_functions.h"
#include "rules/promql/range_functions.h"
#include "rules/promql/summation.h"

namespace rootnote::promql {
namespace {

double InSeconds(Millis time) { return static_cast<double>(time.count()) / 1000; }

absl::Status NotYet(const Expr& expr) {
  return absl::UnimplementedError("not executed yet: function " + expr.text);
}

// Of the smoothing and trend factors.
absl::Status CheckFactors(const RangeCall& call) {
  const auto check = [](const char* name, const char* letters, double factor) {
    if (!(factor <= 0 || factor >= 1)) return absl::OkStatus();
    return absl::InvalidArgumentError(
        fmt::format("invalid {} factor. Expected: 0 < {} < 1, got: {:f}", name, letters, factor));
  };
  RETURN_IF_ERROR(check("smoothing", "sf", call.first));
  return check("trend", "tf", call.second);
}

// Tells of rates over what is not named as a counter.
void CheckCounter(const Labels& labels, const Expr& matrix, const Evaluation& evaluation) {
  AnnotationLog* log = evaluation.log();
  if (log == nullptr) return;
  const std::string_view name = labels.metric();
  if (name.empty()) return;
  for (const std::string_view suffix : {"_total", "_sum", "_count", "_bucket"}) {
    if (name.ends_with(suffix)) return;
  }
  log->Tell(fmt::format("metric might not be a counter, name does not end in "
                        "_total/_sum/_count/_bucket: \"{}\"",
                        name),
            PlaceOf(matrix));
}

// Of integral(): 0, 1 or 2; the default stands for all others.
void CheckStrategy(const Expr& expr, double& strategy, bool any, const Evaluation& evaluation) {
  constexpr double kTrapezoidal = 2;
  const bool given = expr.args.size() > 1;
  if (given && (strategy == 0 || strategy == 1 || strategy == kTrapezoidal)) return;
  if (given && any && evaluation.log() != nullptr) {
    evaluation.log()->Warn(fmt::format("strategy should be 0, 1, or 2 (default), using 2, got {}",
                                       ShortNumber(strategy)),
                           PlaceOf(*expr.args[1]));
  }
  strategy = kTrapezoidal;
}

absl::StatusOr<Vector> OverRange(const Expr& expr, RangeFunction function, EventTime t,
                                 const Evaluation& evaluation) {
  const Expr* matrix = nullptr;
  double parameters[3] = {0, 0, 0};
  size_t parameter = 0;
  for (const auto& arg : expr.args) {
    if (arg->type == ValueType::kMatrix) {
      matrix = arg.get();
    } else {
      ASSIGN_OR_RETURN(parameters[parameter++], evaluation.Scalar(*arg, t));
    }
  }
  ASSIGN_OR_RETURN(const Range range, evaluation.Matrix(*matrix, t));
  // Anomalies are looked for in all metrics that a pattern of names selects.
  const bool keeps_name =
      expr.text == "last_over_time" || expr.text == "first_over_time" || IsAnomalyScore(expr.text);
  const bool counters = expr.text == "rate" || expr.text == "increase";
  if (expr.text == "quantile_over_time" && !range.series.empty()) {
    CheckQuantile(parameters[0], *expr.args[0], evaluation);
  }
  if (expr.text == "integral")
    CheckStrategy(expr, parameters[0], !range.series.empty(), evaluation);
  Vector result;
  for (const RangeSeries& series : range.series) {
    const RangeCall call{series.points, range, parameters[0], parameters[1], parameters[2]};
    if (expr.text == "double_exponential_smoothing") RETURN_IF_ERROR(CheckFactors(call));
    const std::optional<double> value = function(call);
    if (!value) continue;
    if (counters) CheckCounter(series.labels, *matrix, evaluation);
    if (keeps_name) {
      result.push_back({series.labels, *value, series.drop_name});
    } else {
      result.push_back(evaluation.Nameless(series.labels, *value));
    }
  }
  RETURN_IF_ERROR(Normalise(result));
  return result;
}

absl::StatusOr<Vector> Absent(const Expr& expr, EventTime t, const Evaluation& evaluation) {
  const Expr& arg = Unparenthesised(*expr.args[0]);
  bool empty;
  if (arg.type == ValueType::kMatrix) {
    ASSIGN_OR_RETURN(const Range range, evaluation.Matrix(arg, t));
    empty = range.series.empty();
  } else {
    ASSIGN_OR_RETURN(const Vector vector, evaluation.Instant(arg, t));
    empty = vector.empty();
  }
  if (!empty) return Vector();
  return Vector{{AbsentLabels(arg), 1}};
}

void WarnOfSort(const Expr& expr, const Evaluation& evaluation) {
  const bool over_range = evaluation.options().start != evaluation.options().end;
  if (!over_range || evaluation.log() == nullptr) return;
  evaluation.log()->Warn(
      "sort is ineffective for range queries since results are always ordered by labels",
      expr.span.begin);
}

// NaN sorts to the end either way.
void SortByValue(Vector& vector, bool descending) {
  SortCanonically(vector);
  std::stable_sort(vector.begin(), vector.end(), [=](const Element& a, const Element& b) {
    if (std::isnan(a.value) || std::isnan(b.value)) {
      return !std::isnan(a.value) && std::isnan(b.value);
    }
    return descending ? a.value > b.value : a.value < b.value;
  });
}

template <typename Function>
absl::StatusOr<Vector> EachValue(Vector vector, const Evaluation& evaluation, Function function) {
  for (Element& element : vector) {
    element = evaluation.Nameless(element.labels, function(element.value));
  }
  RETURN_IF_ERROR(Normalise(vector));
  return vector;
}

absl::StatusOr<Vector> Clamp(const Expr& expr, Vector vector, EventTime t,
                             const Evaluation& evaluation) {
  double low = -HUGE_VAL;
  double high = HUGE_VAL;
  ASSIGN_OR_RETURN(const double first, evaluation.Scalar(*expr.args[1], t));
  (expr.text == "clamp_max" ? high : low) = first;
  if (expr.text == "clamp") {
    ASSIGN_OR_RETURN(high, evaluation.Scalar(*expr.args[2], t));
  }
  if (high < low) return Vector();
  return EachValue(std::move(vector), evaluation,
                   [=](double value) { return MaxOrNan(low, MinOrNan(high, value)); });
}

absl::StatusOr<Vector> Round(const Expr& expr, Vector vector, EventTime t,
                             const Evaluation& evaluation) {
  double nearest = 1;
  if (expr.args.size() > 1) {
    ASSIGN_OR_RETURN(nearest, evaluation.Scalar(*expr.args[1], t));
  }
  // The inverse loses less: 0.1 is not exact, 10 is.
  const double inverse = 1.0 / nearest;
  return EachValue(std::move(vector), evaluation,
                   [=](double value) { return std::floor(value * inverse + 0.5) / inverse; });
}

absl::StatusOr<Vector> DateParts(const Expr& expr, MathFunction function, EventTime t,
                                 const Evaluation& evaluation) {
  if (expr.args.empty()) {
    return Vector{{Labels(), function(std::floor(static_cast<double>(ToMillis(t)) / 1000))}};
  }
  ASSIGN_OR_RETURN(Vector vector, evaluation.Instant(*expr.args[0], t));
  return EachValue(std::move(vector), evaluation, function);
}

// Functions whose first argument is an instant vector, evaluated.
absl::StatusOr<Vector> OverVector(const Expr& expr, Vector vector, EventTime t,
                                  const Evaluation& evaluation) {
  const std::string& name = expr.text;
  if (const MathFunction math = FindMathFunction(name))
    return EachValue(std::move(vector), evaluation, math);
  if (name == "clamp" || name == "clamp_min" || name == "clamp_max") {
    return Clamp(expr, std::move(vector), t, evaluation);
  }
  if (name == "round") return Round(expr, std::move(vector), t, evaluation);
  if (name == "sort" || name == "sort_desc") {
    WarnOfSort(expr, evaluation);
    SortByValue(vector, name == "sort_desc");
    return vector;
  }
  if (name == "sort_by_label" || name == "sort_by_label_desc") {
    WarnOfSort(expr, evaluation);
    SortByLabel(expr, vector);
    return vector;
  }
  // Of native histograms, of which there are none here.
  if (name.starts_with("histogram_")) return Vector();
  if (name == "label_replace") return LabelReplace(expr, std::move(vector));
  if (name == "label_join") return LabelJoin(expr, std::move(vector));
  return NotYet(expr);
}

}  // namespace

absl::StatusOr<Vector> EvalCall(const Expr& expr, EventTime t, const Evaluation& evaluation) {
  const std::string& name = expr.text;
  if (const RangeFunction range = FindRangeFunction(name)) {
    return OverRange(expr, range, t, evaluation);
  }
  if (name == "absent" || name == "absent_over_time") return Absent(expr, t, evaluation);
  if (const MathFunction date = FindDateFunction(name)) {
    return DateParts(expr, date, t, evaluation);
  }
  if (name == "vector") {
    ASSIGN_OR_RETURN(const double value, evaluation.Scalar(*expr.args[0], t));
    return Vector{{Labels(), value}};
  }
  if (name == "timestamp") {
    ASSIGN_OR_RETURN(Vector vector, evaluation.Timestamps(*expr.args[0], t));
    return EachValue(std::move(vector), evaluation, [](double value) { return value; });
  }
  if (name == "histogram_quantile") return EvalHistogramQuantile(expr, t, evaluation);
  if (name == "histogram_quantiles") return EvalHistogramQuantiles(expr, t, evaluation);
  if (name == "histogram_fraction") return EvalHistogramFraction(expr, t, evaluation);
  if (name == "info") return EvalInfo(expr, t, evaluation);
  if (name == "baseline") return EvalBaseline(expr, t, evaluation);
  if (expr.args.empty() || expr.args[0]->type != ValueType::kVector) return NotYet(expr);
  ASSIGN_OR_RETURN(Vector vector, evaluation.Instant(*expr.args[0], t));
  return OverVector(expr, std::move(vector), t, evaluation);
}

absl::StatusOr<double> EvalScalarCall(const Expr& expr, EventTime t, const Evaluation& evaluation) {
  if (expr.text == "time") return static_cast<double>(ToMillis(t)) / 1000;
  if (expr.text == "pi") return std::numbers::pi;
  if (expr.text == "max_of" || expr.text == "min_of") {
    ASSIGN_OR_RETURN(const double left, evaluation.Scalar(*expr.args[0], t));
    ASSIGN_OR_RETURN(const double right, evaluation.Scalar(*expr.args[1], t));
    return expr.text == "max_of" ? MaxOrNan(left, right) : MinOrNan(left, right);
  }
  const EvalOptions& options = evaluation.options();
  if (expr.text == "start") return static_cast<double>(ToMillis(options.start)) / 1000;
  if (expr.text == "end") return static_cast<double>(ToMillis(options.end)) / 1000;
  if (expr.text == "range") return InSeconds(options.end - options.start);
  if (expr.text == "step") return options.start == options.end ? 0 : InSeconds(options.step);
  if (expr.text != "scalar") return NotYet(expr);
  ASSIGN_OR_RETURN(const Vector vector, evaluation.Instant(*expr.args[0], t));
  return vector.size() == 1 ? vector[0].value : std::numeric_limits<double>::quiet_NaN();
}

}  // namespace rootnote::promql
