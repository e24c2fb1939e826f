// Binary operators: arithmetic, comparison and sets, with vector matching.
#include <algorithm>
#include <cmath>
#include <optional>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "fmt/format.h"

#include "rules/promql/evaluation.h"
#include "rules/promql/words.h"
#include "rules/unquote.h"

namespace rootnote::promql {
namespace {

using Card = VectorMatching::Card;

bool Contains(const std::vector<std::string>& names, std::string_view name) {
  for (const std::string& candidate : names) {
    if (candidate == name) return true;
  }
  return false;
}

// What two elements must share to match.
Labels MatchGroup(const Labels& labels, const VectorMatching& matching) {
  if (!matching.on) return WithoutMetadata(labels).Drop(matching.labels);
  std::vector<Label> pairs = labels.ToVector();
  std::erase_if(pairs, [&](const Label& label) { return !Contains(matching.labels, label.first); });
  return Labels::FromViews(std::move(pairs));
}

struct Outcome {
  double value = 0;
  bool keep = true;  // false: a comparison that does not hold
};

double Arithmetic(BinaryOp op, double left, double right) {
  switch (op) {
    case BinaryOp::kAdd:
      return left + right;
    case BinaryOp::kSub:
      return left - right;
    case BinaryOp::kMul:
      return left * right;
    case BinaryOp::kDiv:
      return left / right;
    case BinaryOp::kMod:
      return std::fmod(left, right);
    case BinaryOp::kPow:
      return std::pow(left, right);
    case BinaryOp::kAtan2:
      return std::atan2(left, right);
    default:
      return std::nan("");
  }
}

bool Compare(BinaryOp op, double left, double right) {
  switch (op) {
    case BinaryOp::kEq:
      return left == right;
    case BinaryOp::kNe:
      return left != right;
    case BinaryOp::kGt:
      return left > right;
    case BinaryOp::kLt:
      return left < right;
    case BinaryOp::kGe:
      return left >= right;
    case BinaryOp::kLe:
      return left <= right;
    default:
      return false;
  }
}

// A comparison gives its left operand.
Outcome Operate(BinaryOp op, double left, double right) {
  if (!IsComparison(op)) return {Arithmetic(op, left, right), true};
  return {left, Compare(op, left, right)};
}

// One scalar, one vector.
Vector WithScalar(const Expr& expr, Vector vector, double scalar, bool scalar_left,
                  const Evaluation& evaluation) {
  Vector result;
  for (Element& element : vector) {
    Outcome outcome = scalar_left ? Operate(expr.op, scalar, element.value)
                                  : Operate(expr.op, element.value, scalar);
    // A filter keeps the value of the vector, on whichever side it stands.
    if (IsComparison(expr.op)) outcome.value = element.value;
    if (expr.return_bool) outcome = {outcome.keep ? 1.0 : 0.0, true};
    if (!outcome.keep) continue;
    const bool drop_name = !IsComparison(expr.op) || expr.return_bool;
    if (drop_name) {
      result.push_back(evaluation.Nameless(element.labels, outcome.value));
    } else {
      result.push_back({element.labels, outcome.value, element.drop_name});
    }
  }
  return result;
}

// The labels of the result of `many` and `one`.
Labels ResultLabels(const Labels& many, const Labels& one, const Expr& expr, bool delayed) {
  const VectorMatching& matching = *expr.matching;
  const bool drop_name = !IsComparison(expr.op) || (expr.return_bool && !delayed);
  const Labels base = drop_name ? WithoutMetadata(many) : many;
  std::vector<Label> pairs = base.ToVector();
  if (matching.card == Card::kOneToOne) {
    std::erase_if(pairs, [&](const Label& label) {
      return Contains(matching.labels, label.first) != matching.on;
    });
  }
  // From the side of the one, also when it has none. Of a repeated name the last one wins.
  for (const std::string& name : matching.include) pairs.emplace_back(name, one.Get(name));
  return Labels::FromViews(std::move(pairs));
}

// As Prometheus writes labels in its messages: {__name__="a", b="c"}.
std::string MessageText(const Labels& labels) {
  std::string text;
  for (const auto& [name, value] : labels.ToVector()) {
    text += fmt::format("{}{}={}", text.empty() ? "" : ", ", name, Quote(value));
  }
  return "{" + text + "}";
}

absl::Status DuplicateGroup(const Labels& group, const Labels& a, const Labels& b, Card card) {
  const auto [first, second] = std::minmax({MessageText(a), MessageText(b)});
  return absl::InvalidArgumentError(fmt::format(
      "found duplicate series for the match group {} on the {} hand-side of the operation: "
      "[{}, {}];many-to-many matching not allowed: matching labels must be unique on one side",
      MessageText(group), card == Card::kOneToMany ? "left" : "right", first, second));
}

// Two vectors, an arithmetic operator or a comparison.
class Matching {
 public:
  Matching(const Expr& expr, bool delayed_name_removal)
      : expr_(expr), matching_(*expr.matching), delayed_(delayed_name_removal) {}

  absl::StatusOr<Vector> Run(const Vector& left, const Vector& right) {
    // Below, `one` is the side whose groups are unique; group_right makes it the left one.
    const bool swapped = matching_.card == Card::kOneToMany;
    const Vector& many = swapped ? right : left;
    const Vector& one = swapped ? left : right;
    const std::optional<double>& fill_many = swapped ? matching_.fill_right : matching_.fill_left;
    const std::optional<double>& fill_one = swapped ? matching_.fill_left : matching_.fill_right;
    const bool fills = fill_many || fill_one;
    if (fills ? many.empty() && one.empty() : many.empty() || one.empty()) return Vector();
    RETURN_IF_ERROR(Index(one));
    for (const Element& element : many) {
      const Labels group = MatchGroup(element.labels, matching_);
      const auto found = one_.find(group);
      if (found != one_.end()) {
        RETURN_IF_ERROR(Add(element, *found->second, group, swapped));
      } else if (fill_one) {
        RETURN_IF_ERROR(Add(element, {group, *fill_one}, group, swapped));
      }
    }
    if (fill_many) RETURN_IF_ERROR(FillMany(one, *fill_many, swapped));
    return std::move(result_);
  }

 private:
  absl::Status Index(const Vector& one) {
    for (const Element& element : one) {
      const auto [found, added] = one_.try_emplace(MatchGroup(element.labels, matching_), &element);
      if (!added) {
        return DuplicateGroup(found->first, element.labels, found->second->labels, matching_.card);
      }
    }
    return absl::OkStatus();
  }

  // What has found no partner meets `fill`.
  absl::Status FillMany(const Vector& one, double fill, bool swapped) {
    for (const Element& element : one) {
      const Labels group = MatchGroup(element.labels, matching_);
      if (matched_.contains(group) || inserted_.contains(group)) continue;
      RETURN_IF_ERROR(Add({group, fill}, element, group, swapped));
    }
    return absl::OkStatus();
  }

  absl::Status Add(const Element& many, const Element& one, const Labels& group, bool swapped) {
    Outcome outcome = swapped ? Operate(expr_.op, one.value, many.value)
                              : Operate(expr_.op, many.value, one.value);
    if (expr_.return_bool) outcome = {outcome.keep ? 1.0 : 0.0, true};
    Labels labels = ResultLabels(many.labels, one.labels, expr_, delayed_);
    // Ambiguity is an error whatever the values: also for elements that the comparison drops.
    if (matching_.card == Card::kOneToOne) {
      if (!matched_.insert(group).second) {
        return absl::InvalidArgumentError(
            "multiple matches for labels: many-to-one matching must be explicit "
            "(group_left/group_right)");
      }
    } else if (!inserted_[group].insert(labels).second) {
      return absl::InvalidArgumentError(
          "multiple matches for labels: grouping labels must ensure unique matches");
    }
    if (!outcome.keep) return absl::OkStatus();
    result_.push_back({std::move(labels), outcome.value, expr_.return_bool && delayed_});
    return absl::OkStatus();
  }

  const Expr& expr_;
  const VectorMatching& matching_;
  const bool delayed_;
  absl::flat_hash_map<Labels, const Element*> one_;
  absl::flat_hash_set<Labels> matched_;
  absl::flat_hash_map<Labels, absl::flat_hash_set<Labels>> inserted_;
  Vector result_;
};

Vector SetOperation(const Expr& expr, Vector left, Vector right) {
  const Vector& filter = expr.op == BinaryOp::kOr ? left : right;
  absl::flat_hash_set<Labels> groups;
  for (const Element& element : filter) groups.insert(MatchGroup(element.labels, *expr.matching));
  const auto has = [&](const Element& element) {
    return groups.contains(MatchGroup(element.labels, *expr.matching));
  };
  if (expr.op == BinaryOp::kOr) {
    for (Element& element : right) {
      if (!has(element)) left.push_back(std::move(element));
    }
    return left;
  }
  const bool keep = expr.op == BinaryOp::kAnd;
  std::erase_if(left, [&](const Element& element) { return has(element) != keep; });
  return left;
}

}  // namespace

absl::StatusOr<double> ScalarBinary(BinaryOp op, double left, double right) {
  if (IsComparison(op)) return Compare(op, left, right) ? 1.0 : 0.0;
  return Arithmetic(op, left, right);
}

absl::StatusOr<Vector> EvalBinary(const Expr& expr, EventTime t, const Evaluation& evaluation) {
  const Expr& left = *expr.args[0];
  const Expr& right = *expr.args[1];
  Vector result;
  if (left.type == ValueType::kScalar) {
    ASSIGN_OR_RETURN(const double scalar, evaluation.Scalar(left, t));
    ASSIGN_OR_RETURN(Vector vector, evaluation.Instant(right, t));
    result = WithScalar(expr, std::move(vector), scalar, true, evaluation);
  } else if (right.type == ValueType::kScalar) {
    ASSIGN_OR_RETURN(Vector vector, evaluation.Instant(left, t));
    ASSIGN_OR_RETURN(const double scalar, evaluation.Scalar(right, t));
    result = WithScalar(expr, std::move(vector), scalar, false, evaluation);
  } else {
    ASSIGN_OR_RETURN(Vector many, evaluation.Instant(left, t));
    ASSIGN_OR_RETURN(Vector one, evaluation.Instant(right, t));
    // Which elements an error names must not depend on what sort() did below.
    SortCanonically(many);
    SortCanonically(one);
    if (IsSetOperator(expr.op)) {
      result = SetOperation(expr, std::move(many), std::move(one));
    } else {
      ASSIGN_OR_RETURN(result,
                       Matching(expr, evaluation.options().delayed_name_removal).Run(many, one));
    }
  }
  RETURN_IF_ERROR(Normalise(result));
  return result;
}

}  // namespace rootnote::promql
