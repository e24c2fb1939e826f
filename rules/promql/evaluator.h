// The reference evaluator: PromQL as Prometheus 3 evaluates it, in the plainest code. It is the
// oracle of every faster path and, for now, the executor. Recursion over the tree, a vector per
// node.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "rules/promql/ast.h"
#include "schemas/base/status.h"
#include "schemas/base/time.h"
#include "schemas/labels.h"

namespace rootnote::promql {

struct Point {
  EventTime time;
  double value = 0;
};

// One series of a selection: points ascending by time, stale markers included. For an event name
// the store projects onto Expr::event_labels and merges; then two points may share a time (a
// multiset).
struct SeriesPoints {
  Labels labels;
  std::span<const Point> points;
  std::shared_ptr<const void> keep_alive;  // owns the points when they are not the store's
};

// What an expression reads. Implemented by the engine's shards and by tests.
// Thread: Select is const and may run on many threads while nothing is written.
class SeriesStore {
 public:
  virtual ~SeriesStore() = default;
  // Every series that matches, with its points in (from, to]; series without such points are left
  // out. In ascending order of label hash, then label bytes. Events only if `selector.range` is
  // set.
  virtual std::vector<SeriesPoints> Select(const Expr& selector, EventTime from,
                                           EventTime to) const = 0;
};

struct Element {
  Labels labels;
  double value = 0;
  bool drop_name = false;  // with delayed name removal: the name goes when all is evaluated
};
using Vector =
    std::vector<Element>;  // in order of label hash, then label bytes, but for sort(), topk()
struct Series {
  Labels labels;
  std::vector<Point> points;
};
using Matrix = std::vector<Series>;
using Value = std::variant<double, Vector, Matrix, std::string>;

// What an evaluation has to say beside its value, in Prometheus' words ("PromQL warning: …",
// "PromQL info: …"). Each text once, in ascending order.
struct Annotations {
  std::vector<std::string> warnings;
  std::vector<std::string> infos;
};

struct EvalOptions {
  Millis lookback{300'000};
  Millis default_step{5'000};  // subqueries without a step
  EventTime start, end;        // what @ start() and end() mean; both the instant in rules
  Millis step{0};              // what step() means: of a range query, 0 at an instant
  // As Prometheus' feature of that name, which its servers have off and its own tests have on: a
  // function that drops the metric's name does so at the end, and others see it until then.
  bool delayed_name_removal = false;
  // Where annotations go, added to what is there; null drops them. Not owned.
  Annotations* annotations = nullptr;
  // What was parsed: with it annotations end with their place, as "(1:6)". "" leaves that out.
  std::string_view text;
};

// Evaluates at instant `t`. InvalidArgument with Prometheus' words for errors of the data
// ("many-to-many matching not allowed …"); Unimplemented names what is parsed but not executed.
absl::StatusOr<Value> Evaluate(const Expr& expr, EventTime t, const SeriesStore& store,
                               const EvalOptions& options);

// Evaluates at start, start + step … up to and including end: one series per set of labels, in
// ascending order of labels. A scalar becomes a series without labels; a range vector or a string
// is an InvalidArgument, as all errors of Evaluate. `start`, `end` and `step` of `options` count
// for nothing, those given do. Requires step > 0.
absl::StatusOr<Matrix> EvaluateRange(const Expr& expr, EventTime start, EventTime end, Millis step,
                                     const SeriesStore& store, const EvalOptions& options);

// What the reference evaluator does not execute yet, as "function predict_linear"; "" if all of it
// runs. The rule checker turns it into the diagnostic "not executed yet".
std::string NotExecuted(const Expr& expr);

}  // namespace rootnote::promql
