#include "rules/promql/functions.h"

#include <algorithm>

#include "rules/promql/words.h"

namespace rootnote::promql {
namespace {

constexpr bool kOurs = true;

// clang-format off
constexpr FunctionSignature kFunctions[] = {
    {"abs", "v", 0, 'v', "the absolute values"},
    {"absent", "v", 0, 'v', "1 with the labels asked for if the vector is empty, else nothing"},
    {"absent_over_time", "m", 0, 'v', "1 with the labels asked for if no series has a sample in the range"},
    {"acos", "v", 0, 'v', "the arccosine"},
    {"acosh", "v", 0, 'v', "the inverse hyperbolic cosine"},
    {"anomaly_onset_over_time", "msss", 0, 'v', "the score of the last sample when it says more than any within the lag, else 0", kOurs},
    {"anomaly_over_time", "msss", 0, 'v', "how unusual the last samples are, in units of what is usual for the series", kOurs},
    {"asin", "v", 0, 'v', "the arcsine"},
    {"asinh", "v", 0, 'v', "the inverse hyperbolic sine"},
    {"atan", "v", 0, 'v', "the arctangent"},
    {"atanh", "v", 0, 'v', "the inverse hyperbolic tangent"},
    {"avg_over_time", "m", 0, 'v', "the mean of the samples in the range"},
    {"baseline", "vs", 0, 'v', "the median over a duration; nothing before a quarter of it and 30 samples", kOurs},
    {"ceil", "v", 0, 'v', "rounded up to whole numbers"},
    {"changes", "m", 0, 'v', "how often the value changed in the range"},
    {"clamp", "vss", 0, 'v', "limited to the two bounds; nothing if the lower one is above the upper"},
    {"clamp_max", "vs", 0, 'v', "limited to an upper bound"},
    {"clamp_min", "vs", 0, 'v', "limited to a lower bound"},
    {"cos", "v", 0, 'v', "the cosine"},
    {"cosh", "v", 0, 'v', "the hyperbolic cosine"},
    {"count_over_time", "m", 0, 'v', "how many samples the range has; of events, how many there were"},
    {"day_of_month", "v", 1, 'v', "the day of the month in UTC, 1 to 31; of now without an argument"},
    {"day_of_week", "v", 1, 'v', "the day of the week in UTC, Sunday is 0; of now without an argument"},
    {"day_of_year", "v", 1, 'v', "the day of the year in UTC, from 1; of now without an argument"},
    {"days_in_month", "v", 1, 'v', "how many days the month has; of now without an argument"},
    {"deg", "v", 0, 'v', "radians as degrees"},
    {"delta", "m", 0, 'v', "the difference over the range of a gauge, extrapolated to its ends"},
    {"deriv", "m", 0, 'v', "the slope per second of a gauge by least squares"},
    {"double_exponential_smoothing", "mss", 0, 'v', "the value smoothed with a factor and a factor for the trend"},
    {"end", "", 0, 's', "the end of the query in seconds since 1970; at an instant that instant"},
    {"exp", "v", 0, 'v', "e to the power of the values"},
    {"first_over_time", "m", 0, 'v', "the first sample in the range"},
    {"floor", "v", 0, 'v', "rounded down to whole numbers"},
    {"histogram_avg", "v", 0, 'v', "the mean of native histograms; nothing for other series"},
    {"histogram_count", "v", 0, 'v', "the observations of native histograms; nothing for other series"},
    {"histogram_fraction", "ssv", 0, 'v', "which part of the observations lies between two bounds"},
    {"histogram_quantile", "sv", 0, 'v', "the quantile of the observations in buckets with the label le"},
    {"histogram_quantiles", "vtss", 9, 'v', "several quantiles at once, each with its number in a label"},
    {"histogram_stddev", "v", 0, 'v', "the deviation of native histograms; nothing for other series"},
    {"histogram_stdvar", "v", 0, 'v', "the variance of native histograms; nothing for other series"},
    {"histogram_sum", "v", 0, 'v', "the sum of native histograms; nothing for other series"},
    {"hour", "v", 1, 'v', "the hour of the day in UTC, 0 to 23; of now without an argument"},
    {"idelta", "m", 0, 'v', "the difference of the last two samples"},
    {"increase", "m", 0, 'v', "by how much a counter grew over the range, extrapolated to its ends"},
    {"info", "vv", 1, 'v', "the series with the labels of the info series of their instance and job"},
    {"integral", "ms", 1, 'v', "the area under the samples: by left (0), right (1) points or trapezoids (2)"},
    {"irate", "m", 0, 'v', "the growth per second of a counter by its last two samples"},
    {"label_join", "vttt", -1, 'v', "a label made of the values of others with a separator between them"},
    {"label_replace", "vtttt", 0, 'v', "a label made of what a regular expression finds in another one"},
    {"last_over_time", "m", 0, 'v', "the last sample in the range"},
    {"ln", "v", 0, 'v', "the natural logarithm"},
    {"log10", "v", 0, 'v', "the decimal logarithm"},
    {"log2", "v", 0, 'v', "the binary logarithm"},
    {"mad_over_time", "m", 0, 'v', "the median of the distances from the median of the range"},
    {"max_of", "ss", 0, 's', "the greater of two numbers"},
    {"max_over_time", "m", 0, 'v', "the greatest sample in the range"},
    {"min_of", "ss", 0, 's', "the lesser of two numbers"},
    {"min_over_time", "m", 0, 'v', "the least sample in the range"},
    {"minute", "v", 1, 'v', "the minute of the hour in UTC; of now without an argument"},
    {"month", "v", 1, 'v', "the month in UTC, 1 to 12; of now without an argument"},
    {"pi", "", 0, 's', "the number pi"},
    {"predict_linear", "ms", 0, 'v', "what the value will be in so many seconds, by least squares"},
    {"present_over_time", "m", 0, 'v', "1 for every series with a sample in the range"},
    {"quantile_anomaly_over_time", "sms", 0, 'v', "1 while the last sample exceeds the quantile of what was normal, and for so many seconds after", kOurs},
    {"quantile_over_time", "sm", 0, 'v', "the quantile of the samples in the range"},
    {"rad", "v", 0, 'v', "degrees as radians"},
    {"range", "", 0, 's', "the seconds from the start to the end of the query; 0 at an instant"},
    {"rate", "m", 0, 'v', "the growth per second of a counter over the range, extrapolated to its ends"},
    {"rate_anomaly_over_time", "msss", 0, 'v', "how unusual the growth of a counter from its last but one sample is", kOurs},
    {"resets", "m", 0, 'v', "how often a counter fell in the range"},
    {"round", "vs", 1, 'v', "rounded to the nearest whole number, or multiple of the second argument"},
    {"scalar", "v", 0, 's', "the value of the only element; NaN if there is not exactly one"},
    {"sgn", "v", 0, 'v', "1, 0 or -1 by the sign"},
    {"sin", "v", 0, 'v', "the sine"},
    {"sinh", "v", 0, 'v', "the hyperbolic sine"},
    {"sort", "v", 0, 'v', "ascending by value"},
    {"sort_by_label", "vt", -1, 'v', "ascending by labels, numbers in them by their value"},
    {"sort_by_label_desc", "vt", -1, 'v', "descending by labels, numbers in them by their value"},
    {"sort_desc", "v", 0, 'v', "descending by value"},
    {"sqrt", "v", 0, 'v', "the square root"},
    {"start", "", 0, 's', "the start of the query in seconds since 1970; at an instant that instant"},
    {"stddev_over_time", "m", 0, 'v', "the standard deviation of the samples in the range"},
    {"stdvar_over_time", "m", 0, 'v', "the variance of the samples in the range"},
    {"step", "", 0, 's', "the seconds from one step of the query to the next; 0 at an instant"},
    {"sum_over_time", "m", 0, 'v', "the sum of the samples in the range"},
    {"tan", "v", 0, 'v', "the tangent"},
    {"tanh", "v", 0, 'v', "the hyperbolic tangent"},
    {"time", "", 0, 's', "the instant in seconds since 1970"},
    {"timestamp", "v", 0, 'v', "the times of the samples in seconds since 1970"},
    {"ts_of_first_over_time", "m", 0, 'v', "the time of the first sample in the range"},
    {"ts_of_last_over_time", "m", 0, 'v', "the time of the last sample in the range"},
    {"ts_of_max_over_time", "m", 0, 'v', "the time of the greatest sample in the range, the last of equal ones"},
    {"ts_of_min_over_time", "m", 0, 'v', "the time of the least sample in the range, the last of equal ones"},
    {"vector", "s", 0, 'v', "a number as a vector without labels"},
    {"year", "v", 1, 'v', "the year in UTC; of now without an argument"},
    {"zscore_over_time", "m", 0, 'v', "how many robust deviations the last sample is from the median of the range", kOurs},
};

constexpr AggregateSignature kAggregates[] = {
    {"avg", ' ', "the mean"},
    {"bottomk", 's', "the k elements with the least values, themselves"},
    {"count", ' ', "how many elements there are"},
    {"count_values", 't', "how many elements have each value, which becomes a label"},
    {"group", ' ', "1 for every group"},
    {"limit_ratio", 's', "a fixed sample of the elements, this part of them; negative: the others"},
    {"limitk", 's', "k of the elements"},
    {"max", ' ', "the greatest value"},
    {"min", ' ', "the least value"},
    {"quantile", 's', "the quantile of the values"},
    {"stddev", ' ', "the standard deviation"},
    {"stdvar", ' ', "the variance"},
    {"sum", ' ', "the sum"},
    {"topk", 's', "the k elements with the greatest values, themselves"},
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

std::string FunctionSignature::Text() const {
  std::string text(name);
  text += '(';
  for (size_t i = 0; i < args.size(); ++i) {
    const bool last = i + 1 == args.size();
    const bool optional = last && variadic != 0;
    if (optional) text += '[';
    if (i > 0) text += ", ";
    text += TypeName(TypeOfLetter(args[i]));
    if (optional && variadic != 1) text += ", …";
    if (optional) text += ']';
  }
  return text + ')';
}

std::string AggregateSignature::Text() const {
  std::string text(name);
  if (parameter == ' ') return text + "(instant vector)";
  return text + '(' + std::string(TypeName(TypeOfLetter(parameter))) + ", instant vector)";
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
