// One evaluation at one instant: the recursion over the tree that evaluator.h promises, and what
// its parts (binary operators, aggregations, functions) share.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "rules/promql/ast.h"
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

// (x): what stands inside all parentheses.
const Expr& Unparenthesised(const Expr& expr);

class Evaluation {
 public:
  Evaluation(const SeriesStore& store, const EvalOptions& options)
      : store_(store), options_(options) {}

  absl::StatusOr<Value> Any(const Expr& expr, EventTime t) const;
  absl::StatusOr<double> Scalar(const Expr& expr, EventTime t) const;
  absl::StatusOr<Vector> Instant(const Expr& expr, EventTime t) const;
  absl::StatusOr<Range> Matrix(const Expr& expr, EventTime t) const;
  // timestamp(x): of a selector the times of its samples, else the instant.
  absl::StatusOr<Vector> Timestamps(const Expr& expr, EventTime t) const;

 private:
  // `t` moved by @ and offset.
  EventTime Reference(const Expr& expr, EventTime t) const;
  std::vector<SeriesPoints> Lookback(const Expr& selector, EventTime reference) const;
  absl::StatusOr<Range> Subquery(const Expr& expr, EventTime t) const;

  const SeriesStore& store_;
  const EvalOptions& options_;
};

// The parts, each in the file of its name. Operands are evaluated through `evaluation`.
absl::StatusOr<double> ScalarBinary(BinaryOp op, double left, double right);
absl::StatusOr<Vector> EvalBinary(const Expr& expr, EventTime t, const Evaluation& evaluation);
absl::StatusOr<Vector> EvalAggregate(const Expr& expr, EventTime t, const Evaluation& evaluation);
absl::StatusOr<Vector> EvalCall(const Expr& expr, EventTime t, const Evaluation& evaluation);
absl::StatusOr<double> EvalScalarCall(const Expr& expr, EventTime t, const Evaluation& evaluation);

}  // namespace rootnote::promql
