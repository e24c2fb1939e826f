// Range queries: an instant after the other, the results merged into series.
#include <algorithm>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "fmt/format.h"

#include "rules/promql/evaluation.h"
#include "rules/promql/words.h"
#include "schemas/base/check.h"

namespace rootnote::promql {
namespace {

class RangeResult {
 public:
  void Add(const Labels& labels, Point point) {
    const auto [found, added] = index_.try_emplace(labels, matrix_.size());
    if (added) matrix_.push_back({labels, {}});
    matrix_[found->second].points.push_back(point);
  }

  Matrix Take() {
    std::sort(matrix_.begin(), matrix_.end(), [](const Series& a, const Series& b) {
      return a.labels.ToVector() < b.labels.ToVector();
    });
    return std::move(matrix_);
  }

 private:
  absl::flat_hash_map<Labels, size_t> index_;
  Matrix matrix_;
};

absl::StatusOr<Matrix> Run(const Expr& expr, const Evaluation& evaluation) {
  const EvalOptions& options = evaluation.options();
  RangeResult result;
  for (EventTime t = options.start; t <= options.end; t += options.step) {
    ASSIGN_OR_RETURN(const Value value, evaluation.Any(expr, t));
    if (const double* scalar = std::get_if<double>(&value)) {
      result.Add(Labels(), {t, *scalar});
      continue;
    }
    for (const Element& element : std::get<Vector>(value)) {
      result.Add(element.labels, {t, element.value});
    }
  }
  return result.Take();
}

}  // namespace

absl::StatusOr<Matrix> EvaluateRange(const Expr& expr, EventTime start, EventTime end, Millis step,
                                     const SeriesStore& store, const EvalOptions& options) {
  DCHECK(step > Millis(0));
  if (expr.type != ValueType::kScalar && expr.type != ValueType::kVector) {
    return absl::InvalidArgumentError(
        fmt::format("invalid expression type \"{}\" for range query, must be Scalar or instant "
                    "Vector",
                    TypeName(expr.type)));
  }
  EvalOptions of_range = options;
  of_range.start = start;
  of_range.end = end;
  of_range.step = step;
  AnnotationLog log;
  const Evaluation evaluation(store, of_range, options.annotations != nullptr ? &log : nullptr);
  absl::StatusOr<Matrix> matrix = Run(expr, evaluation);
  if (options.annotations != nullptr) log.Write(options.text, *options.annotations);
  return matrix;
}

}  // namespace rootnote::promql
