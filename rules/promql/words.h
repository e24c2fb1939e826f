// The words of PromQL's grammar and of its types, as parser, type checks and printer share them.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "rules/promql/ast.h"
#include "rules/token.h"

namespace rootnote::promql {

// "instant vector": as PromQL's documentation calls the type.
std::string_view TypeName(ValueType type);

// "+", "and", "==".
std::string_view OpText(BinaryOp op);
// 1 (or) to 6 (^), the only one that associates to the right.
int Precedence(BinaryOp op);
bool IsComparison(BinaryOp op);
bool IsSetOperator(BinaryOp op);
// The operator that a token is between two operands; words in any case.
std::optional<BinaryOp> BinaryOpOf(const Token& token);

std::string LowerCase(std::string_view text);

// Words that cannot be a bare metric name wherever one may stand: keywords, aggregations, Inf, NaN.
bool IsReserved(std::string_view word);
// Keywords that Prometheus never takes for a metric name, whatever follows.
bool IsNeverMetric(std::string_view lower_case_word);
// Words that begin a clause of a signal or a declaration.
bool IsClauseWord(std::string_view word);

// [A-Za-z_:][A-Za-z0-9_:]* and [A-Za-z_][A-Za-z0-9_]*: what needs no quotes.
bool IsBareMetricName(std::string_view name);
// Any UTF-8, when quoted.
bool IsLabelName(std::string_view name);
bool IsBareLabelName(std::string_view name);

}  // namespace rootnote::promql
