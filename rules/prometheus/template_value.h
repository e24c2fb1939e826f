// What templates compute with, and how Go prints it. Of this folder only.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "rules/prometheus/template.h"
#include "schemas/base/status.h"

namespace rootnote::prometheus {

struct TemplateValue;

struct TemplateSample {
  std::map<std::string, std::string> labels;
  double value = 0;
};

struct NoValue {};  // what Go prints as <no value>
struct GoTime {
  int64_t millis = 0;
};
struct GoDuration {
  int64_t nanos = 0;
};
using TextMapPtr = std::shared_ptr<const std::map<std::string, std::string>>;
using AnyMapPtr = std::shared_ptr<const std::map<std::string, TemplateValue>>;
using SamplePtr = std::shared_ptr<const TemplateSample>;
using SamplesPtr = std::shared_ptr<const std::vector<SamplePtr>>;

struct TemplateValue {
  // The pointer to the context is the data of an alert: .Labels, .Value and so on.
  std::variant<NoValue, bool, int64_t, double, std::string, TextMapPtr, AnyMapPtr, SamplePtr,
               SamplesPtr, const TemplateContext*, GoTime, GoDuration>
      value;

  template <typename T>
  const T* As() const {
    return std::get_if<T>(&value);
  }
};

// Go's name of the type, for messages.
std::string TypeName(const TemplateValue& value);
bool IsTrue(const TemplateValue& value);

// Go's strconv.FormatFloat(value, 'g', -1, 64).
std::string FormatShortest(double value);
// fmt.Sprintf("%.{precision}{verb}", value) for e, f and g.
std::string FormatFloat(double value, char verb, int precision);
// fmt.Sprint of one value, or what a template prints for it.
std::string Print(const TemplateValue& value);
// fmt.Sprintf.
std::string GoPrintf(std::string_view format, const std::vector<TemplateValue>& args);
std::string FormatGoTime(GoTime time);
std::string FormatGoDuration(GoDuration duration);

std::map<std::string, std::string> ToTextMap(const Labels& labels);

// A call of one of Prometheus' functions or Go's but `and` and `or`, which do not evaluate
// everything. The arguments' number and types have been checked. The error is Go's text of it.
absl::StatusOr<TemplateValue> CallTemplateFunction(const std::string& name,
                                                   const std::vector<TemplateValue>& args,
                                                   const TemplateContext& context);
// Those of Prometheus.
absl::StatusOr<TemplateValue> CallPrometheusFunction(const std::string& name,
                                                     const std::vector<TemplateValue>& args,
                                                     const TemplateContext& context);

}  // namespace rootnote::prometheus
