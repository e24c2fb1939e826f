// What can be said about a PromQL expression without running it: which labels its result may carry,
// its physical dimension, what it compares with, and what event selectors in it project onto.
#pragma once

#include <functional>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "rules/program.h"
#include "rules/promql/ast.h"

namespace rootnote {

// The labels of a result: all but `names`, or only `names`.
struct LabelFlow {
  bool all_but = true;
  std::set<std::string> names;

  bool MayCarry(const std::string& label) const { return all_but != names.contains(label); }
};
LabelFlow LabelsOf(const promql::Expr& expr);

// Base units and their powers. `known` is false for what has no unit that we know of; a bare number
// goes with everything.
struct Dimension {
  enum class Type : uint8_t { kUnknown, kBareNumber, kKnown, kPercent } type = Type::kUnknown;
  int bytes = 0, seconds = 0;  // powers, for kKnown
  bool quotient = false;       // kUnknown: of two unknowns, so most likely a ratio

  bool known() const { return type == Type::kKnown; }
  friend bool operator==(const Dimension&, const Dimension&) = default;
};
Dimension DimensionOf(const promql::Expr& expr);
// "seconds", "bytes per second", "a number without unit".
std::string ToString(const Dimension& dimension);

// The value of an expression of numbers only.
std::optional<double> ConstantOf(const promql::Expr& expr);
const promql::Expr& WithoutParens(const promql::Expr& expr);

struct Comparison {
  std::optional<double> threshold;
  Condition::Direction direction = Condition::Direction::kNone;
};
// The comparison at the top, through parentheses and the left side of `and` and `unless`.
Comparison TopComparison(const promql::Expr& expr);
// Whether any part of it leaves elements out by their value or absence.
bool Filters(const promql::Expr& expr);

// Sets Expr::event_labels of all range selectors: `identity`, and what enclosing `by` and `on`
// name.
void SetEventLabels(promql::Expr& expr, const std::vector<std::string>& identity);

// Calls `visit` for every node, parents first.
void Walk(promql::Expr& expr, const std::function<void(promql::Expr&)>& visit);

}  // namespace rootnote
