// What one evaluation has to say beside its value: each text once, with the place of the last one.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "rules/promql/evaluator.h"
#include "schemas/base/time.h"

namespace rootnote::promql {

// What was repaired in the buckets of histograms whose counts decreased.
struct MonotonicityRepair {
  EventTime first, last;
  double bucket_min = 0;  // bounds of the buckets that were raised
  double bucket_max = 0;
  double difference_max = 0;
  int64_t count = 1;
};

class AnnotationLog {
 public:
  // `place`: the offset of what it is about in the expression's text.
  void Warn(std::string text, uint32_t place) { Add(true, std::move(text), place, std::nullopt); }
  void Tell(std::string text, uint32_t place) { Add(false, std::move(text), place, std::nullopt); }
  // `metric`: its name, "" when it is not known any more.
  void Repaired(const MonotonicityRepair& repair, std::string_view metric, uint32_t place);

  // Adds everything to `out`, which stays sorted and without repeats. With `query`, its text, every
  // annotation ends with its place.
  void Write(std::string_view query, Annotations& out) const;

 private:
  struct Note {
    bool warning = false;
    uint32_t place = 0;
    std::optional<MonotonicityRepair> repair;
  };
  void Add(bool warning, std::string text, uint32_t place,
           std::optional<MonotonicityRepair> repair);

  std::map<std::string, Note> notes_;  // by text
};

// " for metric name "x"", as Prometheus ends what it says of a metric; "" of none.
std::string OfMetric(std::string_view name);

// A number as Go's %g writes it: the shortest text that reads as it, an exponent beyond six digits.
std::string ShortNumber(double value);

}  // namespace rootnote::promql
