#include "rules/promql/types.h"

#include <algorithm>
#include <string>

#include "fmt/format.h"
#include "re2/re2.h"

#include "rules/promql/words.h"

namespace rootnote::promql {
namespace {

using Card = VectorMatching::Card;

bool IsNumeric(ValueType type) { return type == ValueType::kScalar || type == ValueType::kVector; }

std::string Got(ValueType want, std::string_view context, ValueType got) {
  return fmt::format("expected type {} in {}, got {}", TypeName(want), context, TypeName(got));
}

// What an author most likely meant.
std::string TypeHint(ValueType want, ValueType got) {
  if (want == ValueType::kMatrix && got == ValueType::kVector) {
    return "a selector becomes a range with a duration in brackets: x[5m]; other expressions with "
           "a "
           "subquery: (…)[5m:]";
  }
  if (want == ValueType::kVector && got == ValueType::kMatrix) {
    return "a range needs a function over it, such as rate(x[5m]) or avg_over_time(x[5m])";
  }
  if (want == ValueType::kVector && got == ValueType::kScalar) return "vector(…) makes one of it";
  if (want == ValueType::kScalar && got == ValueType::kVector) return "scalar(…) makes one of it";
  if (want == ValueType::kVector && got == ValueType::kString) {
    return "the name of a metric in quotes stands in braces: {\"a.b\"}";
  }
  return "";
}

void TypeMatching(Expr& expr, bool vectors, Reader& reader) {
  VectorMatching& matching = *expr.matching;
  if (!vectors) {
    if (!matching.labels.empty() || matching.card != Card::kOneToOne) {
      reader.Error(DiagnosticCode::kInvalidMatching, expr.span,
                   "vector matching only allowed between instant vectors");
    }
    if (matching.fill_left || matching.fill_right) {
      reader.Error(DiagnosticCode::kInvalidMatching, expr.span,
                   "filling in missing series only allowed between instant vectors");
    }
    expr.matching.reset();
    return;
  }
  if (!IsSetOperator(expr.op)) return;
  if (matching.fill_left || matching.fill_right) {
    reader.Error(DiagnosticCode::kInvalidMatching, expr.span,
                 "filling in missing series not allowed for set operators");
  }
  if (matching.card == Card::kOneToOne) {
    matching.card = Card::kManyToMany;
    return;
  }
  reader.Error(DiagnosticCode::kInvalidMatching, expr.span,
               fmt::format("no grouping allowed for \"{}\" operation", OpText(expr.op)));
}

// Prometheus finds this out at every evaluation; here the author is told at once.
void CheckLabelReplace(const Expr& expr, Reader& reader) {
  if (expr.text != "label_replace" || expr.args.size() != 5) return;
  const Expr& regex = *expr.args[4];
  if (regex.kind != ExprKind::kString) return;
  re2::RE2::Options options;
  options.set_log_errors(false);
  const re2::RE2 compiled(regex.text, options);
  if (compiled.ok()) return;
  reader.Error(DiagnosticCode::kInvalidRegex, regex.span,
               fmt::format("invalid regular expression in label_replace(): {}", regex.text),
               "the syntax is RE2's");
}

// How far it looks back must be known before it runs.
void CheckBaseline(const Expr& expr, Reader& reader) {
  if (expr.text != "baseline" || expr.args.size() != 2) return;
  const Expr& length = *expr.args[1];
  if (length.type != ValueType::kScalar) return;
  if (length.kind == ExprKind::kNumber && length.number >= 0.001 && length.number < 1e10) return;
  reader.Error(DiagnosticCode::kInvalidDuration, length.span,
               "baseline needs a duration above zero, written as such", "baseline(x, 1d)");
}

}  // namespace

void TypeBinary(Expr& expr, Span operation, Reader& reader) {
  const ValueType left = expr.args[0]->type;
  const ValueType right = expr.args[1]->type;
  const bool scalars = left == ValueType::kScalar && right == ValueType::kScalar;
  expr.type = scalars ? ValueType::kScalar : ValueType::kVector;

  if (expr.return_bool && !IsComparison(expr.op)) {
    reader.Error(DiagnosticCode::kWrongType, operation,
                 "bool modifier can only be used on comparison operators");
  }
  if (IsComparison(expr.op) && !expr.return_bool && scalars) {
    reader.Error(DiagnosticCode::kComparisonNeedsBool, operation,
                 "comparisons between scalars must use BOOL modifier",
                 fmt::format("write {} bool", OpText(expr.op)));
  }
  if (expr.matching && expr.matching->on) {
    for (const std::string& label : expr.matching->labels) {
      const auto& include = expr.matching->include;
      if (std::find(include.begin(), include.end(), label) == include.end()) continue;
      reader.Error(
          DiagnosticCode::kInvalidMatching, operation,
          fmt::format("label \"{}\" must not occur in ON and GROUP clause at once", label));
    }
  }
  for (const auto& operand : expr.args) {
    if (IsNumeric(operand->type)) continue;
    reader.Error(DiagnosticCode::kWrongType, operand->span,
                 "binary expression must contain only scalar and instant vector types",
                 TypeHint(ValueType::kVector, operand->type));
  }
  if (!expr.matching) expr.matching.emplace();
  TypeMatching(expr, left == ValueType::kVector && right == ValueType::kVector, reader);
  if ((left == ValueType::kScalar || right == ValueType::kScalar) && IsSetOperator(expr.op)) {
    reader.Error(DiagnosticCode::kWrongType, expr.span,
                 fmt::format("set operator \"{}\" not allowed in binary scalar expression",
                             OpText(expr.op)));
  }
}

void TypeUnary(Expr& expr, Reader& reader) {
  expr.type = expr.args[0]->type;
  if (IsNumeric(expr.type)) return;
  reader.Error(DiagnosticCode::kWrongType, expr.span,
               fmt::format("unary expression only allowed on expressions of type scalar or instant "
                           "vector, got \"{}\"",
                           TypeName(expr.type)));
  expr.type = ValueType::kVector;
}

void TypeAggregate(Expr& expr, const AggregateSignature& signature, Reader& reader) {
  expr.type = ValueType::kVector;
  const size_t want = signature.parameter == ' ' ? 1 : 2;
  if (expr.args.size() != want) {
    reader.Error(DiagnosticCode::kArgumentCount, expr.span,
                 expr.args.empty()
                     ? "no arguments for aggregate expression provided"
                     : fmt::format("wrong number of arguments for aggregate expression provided, "
                                   "expected {}, got {}",
                                   want, expr.args.size()));
    return;
  }
  const auto expect = [&](const Expr& arg, ValueType type, std::string_view context) {
    if (arg.type == type) return;
    reader.Error(DiagnosticCode::kWrongType, arg.span, Got(type, context, arg.type),
                 TypeHint(type, arg.type));
  };
  expect(*expr.args.back(), ValueType::kVector, "aggregation expression");
  if (want == 2) {
    expect(*expr.args.front(), TypeOfLetter(signature.parameter), "aggregation parameter");
  }
}

void TypeCall(Expr& expr, const FunctionSignature& signature, Reader& reader) {
  expr.type = signature.ReturnType();
  const size_t count = expr.args.size();
  const size_t listed = signature.args.size();
  const size_t least = signature.variadic == 0 ? listed : listed - 1;
  const size_t most = signature.variadic == 0  ? listed
                      : signature.variadic > 0 ? least + static_cast<size_t>(signature.variadic)
                                               : count;
  if (count < least || count > most) {
    const std::string_view bound = signature.variadic == 0 ? ""
                                   : count < least         ? "at least "
                                                           : "at most ";
    reader.Error(DiagnosticCode::kArgumentCount, expr.span,
                 fmt::format("expected {}{} argument(s) in call to \"{}\", got {}", bound,
                             count < least ? least : most, signature.name, count));
  }
  for (size_t i = 0; i < count; ++i) {
    if (i >= listed && signature.variadic == 0) break;
    const ValueType want = signature.ArgType(i);
    if (expr.args[i]->type == want) continue;
    reader.Error(
        DiagnosticCode::kWrongType, expr.args[i]->span,
        Got(want, fmt::format("call to function \"{}\"", signature.name), expr.args[i]->type),
        TypeHint(want, expr.args[i]->type));
  }
  CheckLabelReplace(expr, reader);
  CheckBaseline(expr, reader);
}

void TypeSubquery(Expr& expr, Reader& reader) {
  expr.type = ValueType::kMatrix;
  if (expr.args[0]->type == ValueType::kVector) return;
  reader.Error(DiagnosticCode::kMisplacedRange, expr.span,
               fmt::format("subquery is only allowed on instant vector, got {} instead",
                           TypeName(expr.args[0]->type)));
}

}  // namespace rootnote::promql
