// One evaluation at one instant: the recursion over the tree that evaluator.h promises, and what
// its parts (binary operators, aggregations, functions) share.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "rules/promql/annotation_log.h"
#include "rules/promql/ast.h"
#include "rules/promql/duration_expr.h"
#include "rules/promql/evaluator.h"
#include "schemas/base/status.h"
#include "schemas/base/time.h"
#include "schemas/labels.h"

namespace rootnote::promql {

// One series of a range: its points in (start, end], ascending, without stale markers.
struct RangeSeries {
  Labels labels;
  std::span<const Point> points;
  std::shared_ptr<const void> keep_alive;
  bool drop_name = false;
};

struct Range {
  std::vector<RangeSeries> series;  // in canonical order
  EventTime start, end;             // open on the left: (start, end]
  EventTime instant;                // what is being evaluated; `end` is earlier by the offset
  double seconds = 0;               // its length
};

// Label hash, then label bytes: the order of every vector and of every sum.
bool CanonicalLess(const Labels& a, const Labels& b);
void SortCanonically(Vector& vector);
// Sorts; InvalidArgument when two elements have the same labels.
absl::Status Normalise(Vector& vector);

// The labels without the name, the type and the unit of the metric.
Labels WithoutMetadata(const Labels& labels);

// Where annotations about an argument point: at its beginning; a subquery has none.
uint32_t PlaceOf(const Expr& arg);

// (x): what stands inside all parentheses.
const Expr& Unparenthesised(const Expr& expr);

class Evaluation {
 public:
  // `log` takes the annotations; null drops them.
  Evaluation(const SeriesStore& store, const EvalOptions& options, AnnotationLog* log)
      : store_(store), options_(options), log_(log) {}

  const SeriesStore& store() const { return store_; }
  const EvalOptions& options() const { return options_; }
  AnnotationLog* log() const { return log_; }

  absl::StatusOr<Value> Any(const Expr& expr, EventTime t) const;
  absl::StatusOr<double> Scalar(const Expr& expr, EventTime t) const;
  absl::StatusOr<Vector> Instant(const Expr& expr, EventTime t) const;
  absl::StatusOr<Range> Matrix(const Expr& expr, EventTime t) const;
  // timestamp(x): of a selector the times of its samples, else the instant.
  absl::StatusOr<Vector> Timestamps(const Expr& expr, EventTime t) const;
  // The last point of every series that has one in the lookback before `reference`, not stale.
  std::vector<SeriesPoints> Lookback(const Expr& selector, EventTime reference) const;
  // An element whose metric's name goes: now, or when all is evaluated.
  Element Nameless(const Labels& labels, double value) const;
  // `t` moved by @ and offset.
  absl::StatusOr<EventTime> Reference(const Expr& expr, EventTime t) const;
  // What an instant vector was over the `length` before t: a selector's samples; other expressions
  // at the multiples of the default step, or of one of its multiples, so that there are a thousand
  // at most.
  absl::StatusOr<Range> History(const Expr& expr, EventTime t, Millis length) const;

 private:
  absl::StatusOr<Millis> Resolve(const DurationExpr* expr, Millis fixed, bool signed_allowed) const;
  absl::StatusOr<Range> Samples(const Expr& selector, EventTime t, Millis length) const;
  absl::StatusOr<Range> Subquery(const Expr& expr, EventTime t) const;
  // Drops the names that were to go in the end.
  absl::Status Finish(Vector& vector) const;
  // `expr` at the multiples of `step` in (range.start, range.end].
  absl::Status Steps(const Expr& expr, Millis step, Range& range) const;

  const SeriesStore& store_;
  const EvalOptions& options_;
  AnnotationLog* log_;
};

// The parts, each in the file of its name. Operands are evaluated through `evaluation`.
absl::StatusOr<double> ScalarBinary(BinaryOp op, double left, double right);
absl::StatusOr<Vector> EvalBinary(const Expr& expr, EventTime t, const Evaluation& evaluation);
absl::StatusOr<Vector> EvalAggregate(const Expr& expr, EventTime t, const Evaluation& evaluation);
absl::StatusOr<Vector> EvalCall(const Expr& expr, EventTime t, const Evaluation& evaluation);
absl::StatusOr<double> EvalScalarCall(const Expr& expr, EventTime t, const Evaluation& evaluation);
absl::StatusOr<Vector> EvalInfo(const Expr& expr, EventTime t, const Evaluation& evaluation);

}  // namespace rootnote::promql
