// The types of PromQL: what each node takes and gives. Complaints in Prometheus' words.
#pragma once

#include "rules/promql/ast.h"
#include "rules/promql/functions.h"
#include "rules/promql/reader.h"

namespace rootnote::promql {

// Each sets `expr.type` (to what it would be, also after a complaint, so that one mistake is told
// once) and reports through `reader`. `operation` is where the operator and its modifiers stand.
void TypeBinary(Expr& expr, Span operation, Reader& reader);
void TypeUnary(Expr& expr, Reader& reader);
void TypeAggregate(Expr& expr, const AggregateSignature& signature, Reader& reader);
void TypeCall(Expr& expr, const FunctionSignature& signature, Reader& reader);
void TypeSubquery(Expr& expr, Reader& reader);

}  // namespace rootnote::promql
