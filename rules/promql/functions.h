// The functions and aggregation operators of PromQL, once: names, argument types, what they give.
// The documentation, completion and hover come from here.
// Source: Prometheus 3's documentation ("Query functions", "Aggregation operators").
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "rules/promql/ast.h"

namespace rootnote::promql {

struct FunctionSignature {
  std::string_view name;
  // One character per argument: v vector, m matrix, s scalar, t string.
  std::string_view args;
  // As in Prometheus: 0 exact; n > 0: the last is optional and may come up to n times;
  // -1: the last may come any number of times or not at all.
  int variadic = 0;
  char returns = 'v';
  std::string_view doc;  // one line: what it gives
  bool ours = false;     // an addition of the rule language: not in imported files

  ValueType ArgType(size_t at) const;  // The last one's for what is variadic.
  ValueType ReturnType() const;
  std::string Text() const;  // round(instant vector[, scalar])
};

// Ascending by name.
std::span<const FunctionSignature> Functions();
const FunctionSignature* FindFunction(std::string_view name);

struct AggregateSignature {
  std::string_view name;
  char parameter = ' ';  // s or t: a first argument of this type; ' ' for none
  std::string_view doc;

  std::string Text() const;  // topk(scalar, instant vector)
};

std::span<const AggregateSignature> Aggregates();
const AggregateSignature* FindAggregate(std::string_view lower_case_name);

ValueType TypeOfLetter(char letter);

}  // namespace rootnote::promql
