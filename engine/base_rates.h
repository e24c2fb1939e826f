// How often each signal fires by itself: a rare one says more than a chatty one (SEMANTICS section
// 5). The table is small integers, log2 steps of firings a day, so that a count more or less
// changes nothing; it is learned beside the correlation and never by what it decides at the same
// time. Thread: one at a time.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"

#include "rules/program.h"
#include "schemas/base/time.h"

namespace rootnote {

// Empty: every signal has its declared weight.
struct BaseRates {
  int64_t version = 0;               // full hours of event time that it was learned from
  std::map<std::string, int> steps;  // by signal: floor(log2(firings a day)), 0 for up to one

  // What the weight of the signal is multiplied by, in percent: 100 without a step.
  int64_t PercentOf(std::string_view signal) const;

  // "rootnote-base-rates 1", "version 24", then a line "signal step" each, by name.
  std::string ToText() const;
  static absl::StatusOr<BaseRates> Parse(std::string_view text);
};

// Counts firings by the hour and makes a new table at full hours.
class RateLearner {
 public:
  // Signals beyond are not learned, and counted.
  static constexpr size_t kSignalsMax = 10'000;

  // One firing begins. `in_incident`: an incident that affects several holds symptoms of this
  // signal: then it is no noise, and its rate stays as it is.
  void Note(std::string_view signal, bool in_incident);
  // True when a full hour has passed and the table is new.
  bool Advance(EventTime now);
  const BaseRates& rates() const { return rates_; }
  uint64_t refused() const { return refused_; }

 private:
  struct Count {
    int64_t hour = 0;     // firings since the last full hour
    int64_t average = 0;  // per hour, times 256, over about a week
    bool frozen = false;  // in this hour
  };
  std::map<std::string, Count, std::less<>> counts_;
  BaseRates rates_;
  int64_t hour_ = -1;
  uint64_t refused_ = 0;
};

}  // namespace rootnote
