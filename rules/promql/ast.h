// PromQL's syntax tree, as the parser leaves it and the checker types it. Immutable once checked.
// Grammar: PromQL of Prometheus 3; additions of ours: LANGUAGE.md (units, event selectors, unwrap).
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "rules/source.h"
#include "rules/token.h"
#include "schemas/base/time.h"

namespace re2 {
class RE2;
}

namespace rootnote::promql {

enum class ValueType : uint8_t { kNone, kScalar, kVector, kMatrix, kString };

enum class MatchOp : uint8_t { kEqual, kNotEqual, kRegex, kNotRegex };

struct Matcher {
  std::string name;
  MatchOp op = MatchOp::kEqual;
  std::string value;
  std::shared_ptr<const re2::RE2> regex;  // anchored, '.' matches newline; set by the parser
  bool Matches(std::string_view text) const;
};

enum class ExprKind : uint8_t {
  kNumber,
  kString,
  kSelector,
  kSubquery,
  kParen,
  kUnary,
  kBinary,
  kAggregate,
  kCall,
};

enum class BinaryOp : uint8_t {
  kAdd,
  kSub,
  kMul,
  kDiv,
  kMod,
  kPow,
  kAtan2,
  kEq,
  kNe,
  kGt,
  kLt,
  kGe,
  kLe,
  kAnd,
  kOr,
  kUnless,
};

struct AtModifier {
  enum class Kind : uint8_t { kTime, kStart, kEnd } kind = Kind::kTime;
  EventTime time;
};

struct VectorMatching {
  enum class Card : uint8_t {
    kOneToOne,
    kManyToOne,
    kOneToMany,
    kManyToMany
  } card = Card::kOneToOne;
  bool on = false;  // else ignoring
  std::vector<std::string> labels;
  std::vector<std::string> include;  // group_left(include)
  // fill(0), fill_left(0), fill_right(0): what stands for the element that has no match.
  std::optional<double> fill_left;
  std::optional<double> fill_right;
};

struct DurationExpr;

// One struct, tagged: a tree that is easy to walk, print and hash. Only the fields of its kind
// count.
struct Expr {
  ExprKind kind = ExprKind::kNumber;
  ValueType type = ValueType::kNone;
  Span span;
  std::vector<std::unique_ptr<Expr>> args;  // operands, call arguments, aggregate [param,] operand

  double number = 0;  // kNumber (a quantity in base units)
  Unit unit = Unit::kNone;
  bool percent = false;  // it was written as N%
  std::string text;  // kString value, kCall function, kAggregate operator, kSelector metric name

  // kSelector
  std::vector<Matcher> matchers;          // with __name__ when the metric name is given
  std::optional<Millis> range;            // present: a range selector (type kMatrix)
  std::string unwrap;                     // event selectors: the attribute, "" counts
  std::vector<std::string> event_labels;  // set by the rule checker: what an event projects onto
  uint32_t selector_id = 0;               // dense per expression, in order of appearance

  // kSelector and kSubquery
  Millis offset{0};
  std::optional<AtModifier> at;
  // kSubquery
  Millis step{0};  // 0: the default evaluation interval
  // Where range, offset and step depend on the query (step(), range()); else null. The values above
  // then hold for an instant.
  std::shared_ptr<const DurationExpr> range_expr, offset_expr, step_expr;
  bool implicit = false;  // not written: the target_info that info(x) reads

  BinaryOp op = BinaryOp::kAdd;  // kBinary; kUnary: kAdd or kSub
  bool return_bool = false;
  std::optional<VectorMatching> matching;

  bool without = false;  // kAggregate
  std::vector<std::string> grouping;
};

// The expression as canonical PromQL: parses back to the same tree.
std::string ToString(const Expr& expr);

// All selectors below `expr`, in order of appearance.
std::vector<const Expr*> Selectors(const Expr& expr);

// range + offset, nested subqueries added: how far back of an instant the expression looks,
// `lookback` for instant selectors.
Millis HistoryNeeded(const Expr& expr, Millis lookback);

}  // namespace rootnote::promql
