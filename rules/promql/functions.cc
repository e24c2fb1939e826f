#include "rules/promql/functions.h"

#include <algorithm>

namespace rootnote::promql {
namespace {

constexpr bool kLater = false;  // parsed and typed, not executed yet
constexpr bool kOurs = true;

// clang-format off
constexpr FunctionSignature kFunctions[] = {
    {"abs", "v"},
    {"absent", "v"},
    {"absent_over_time", "m"},
    {"acos", "v"},
    {"acosh", "v"},
    {"asin", "v"},
    {"asinh", "v"},
    {"atan", "v"},
    {"atanh", "v"},
    {"avg_over_time", "m"},
    {"baseline", "vs", 0, 'v', kLater, kOurs},
    {"ceil", "v"},
    {"changes", "m"},
    {"clamp", "vss"},
    {"clamp_max", "vs"},
    {"clamp_min", "vs"},
    {"cos", "v"},
    {"cosh", "v"},
    {"count_over_time", "m"},
    {"day_of_month", "v", 1},
    {"day_of_week", "v", 1},
    {"day_of_year", "v", 1},
    {"days_in_month", "v", 1},
    {"deg", "v"},
    {"delta", "m"},
    {"deriv", "m"},
    {"double_exponential_smoothing", "mss"},
    {"end", "", 0, 's', kLater},
    {"exp", "v"},
    {"first_over_time", "m"},
    {"floor", "v"},
    {"histogram_avg", "v", 0, 'v', kLater},
    {"histogram_count", "v", 0, 'v', kLater},
    {"histogram_fraction", "ssv", 0, 'v', kLater},
    {"histogram_quantile", "sv"},
    {"histogram_quantiles", "vtss", 9, 'v', kLater},
    {"histogram_stddev", "v", 0, 'v', kLater},
    {"histogram_stdvar", "v", 0, 'v', kLater},
    {"histogram_sum", "v", 0, 'v', kLater},
    {"hour", "v", 1},
    {"idelta", "m"},
    {"increase", "m"},
    {"info", "vv", 1, 'v', kLater},
    {"irate", "m"},
    {"label_join", "vttt", -1},
    {"label_replace", "vtttt"},
    {"last_over_time", "m"},
    {"ln", "v"},
    {"log10", "v"},
    {"log2", "v"},
    {"mad_over_time", "m"},
    {"max_over_time", "m"},
    {"min_over_time", "m"},
    {"minute", "v", 1},
    {"month", "v", 1},
    {"pi", "", 0, 's'},
    {"predict_linear", "ms"},
    {"present_over_time", "m"},
    {"quantile_over_time", "sm"},
    {"rad", "v"},
    {"range", "", 0, 's', kLater},
    {"rate", "m"},
    {"resets", "m"},
    {"round", "vs", 1},
    {"scalar", "v", 0, 's'},
    {"sgn", "v"},
    {"sin", "v"},
    {"sinh", "v"},
    {"sort", "v"},
    {"sort_by_label", "vt", -1, 'v', kLater},
    {"sort_by_label_desc", "vt", -1, 'v', kLater},
    {"sort_desc", "v"},
    {"sqrt", "v"},
    {"start", "", 0, 's', kLater},
    {"stddev_over_time", "m"},
    {"stdvar_over_time", "m"},
    {"step", "", 0, 's', kLater},
    {"sum_over_time", "m"},
    {"tan", "v"},
    {"tanh", "v"},
    {"time", "", 0, 's'},
    {"timestamp", "v"},
    {"ts_of_first_over_time", "m"},
    {"ts_of_last_over_time", "m"},
    {"ts_of_max_over_time", "m"},
    {"ts_of_min_over_time", "m"},
    {"vector", "s"},
    {"year", "v", 1},
    {"zscore_over_time", "m", 0, 'v', kLater, kOurs},
};

constexpr AggregateSignature kAggregates[] = {
    {"avg"},
    {"bottomk", 's'},
    {"count"},
    {"count_values", 't'},
    {"group"},
    {"limit_ratio", 's', kLater},
    {"limitk", 's'},
    {"max"},
    {"min"},
    {"quantile", 's'},
    {"stddev"},
    {"stdvar"},
    {"sum"},
    {"topk", 's'},
};
// clang-format on

}  // namespace

ValueType TypeOfLetter(char letter) {
  switch (letter) {
    case 'v':
      return ValueType::kVector;
    case 'm':
      return ValueType::kMatrix;
    case 's':
      return ValueType::kScalar;
    case 't':
      return ValueType::kString;
    default:
      return ValueType::kNone;
  }
}

ValueType FunctionSignature::ArgType(size_t at) const {
  if (args.empty()) return ValueType::kNone;
  return TypeOfLetter(args[std::min(at, args.size() - 1)]);
}

ValueType FunctionSignature::ReturnType() const { return TypeOfLetter(returns); }

std::span<const FunctionSignature> Functions() { return kFunctions; }

const FunctionSignature* FindFunction(std::string_view name) {
  const auto* found =
      std::lower_bound(std::begin(kFunctions), std::end(kFunctions), name,
                       [](const FunctionSignature& a, std::string_view b) { return a.name < b; });
  return found != std::end(kFunctions) && found->name == name ? found : nullptr;
}

std::span<const AggregateSignature> Aggregates() { return kAggregates; }

const AggregateSignature* FindAggregate(std::string_view lower_case_name) {
  for (const AggregateSignature& aggregate : kAggregates) {
    if (aggregate.name == lower_case_name) return &aggregate;
  }
  return nullptr;
}

}  // namespace rootnote::promql
