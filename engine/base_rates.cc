#include "engine/base_rates.h"

#include <algorithm>
#include <bit>
#include <charconv>

#include "absl/status/status.h"
#include "fmt/format.h"

namespace rootnote {
namespace {

constexpr std::string_view kHead = "rootnote-base-rates 1";
constexpr int64_t kHourMs = 3'600'000;
// A doubling of the base rate is a factor of two less evidence: 0.69 of the 4.4 nats of a warning,
// 16 of its 100 points.
constexpr int64_t kStepPercent = 16;
// Three to seven firings a day are what a usual threshold makes of a usual estate: they keep the
// declared weight.
constexpr int64_t kUsualStep = 2;
// Bounds: what is learned never makes a symptom worth nothing, nor two of one.
constexpr int64_t kPercentMin = 52, kPercentMax = 132;
// The average forgets by half in about five days, so that a bad day does not make a signal chatty.
constexpr int64_t kMemoryHours = 168;
constexpr int64_t kScale = 256;
constexpr int kStepMax = 20;

}  // namespace

int64_t BaseRates::PercentOf(std::string_view signal) const {
  const auto found = steps.find(std::string(signal));
  if (found == steps.end()) return 100;
  return std::clamp(100 + kStepPercent * (kUsualStep - found->second), kPercentMin, kPercentMax);
}

std::string BaseRates::ToText() const {
  std::string text = fmt::format("{}\nversion {}\n", kHead, version);
  for (const auto& [signal, step] : steps) text += fmt::format("{} {}\n", signal, step);
  return text;
}

absl::StatusOr<BaseRates> BaseRates::Parse(std::string_view text) {
  BaseRates rates;
  for (size_t line = 1; !text.empty(); ++line) {
    const size_t end = std::min(text.find('\n'), text.size());
    const std::string_view row = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    if (line == 1 && row == kHead) continue;
    const size_t space = row.find(' ');
    int64_t number = -1;
    if (space != std::string_view::npos) {
      const std::string_view digits = row.substr(space + 1);
      const auto read = std::from_chars(digits.data(), digits.data() + digits.size(), number);
      if (read.ec != std::errc() || read.ptr != digits.data() + digits.size()) number = -1;
    }
    const std::string name(row.substr(0, space));
    const bool known = rates.steps.contains(name);
    if (line == 1 || number < 0 || name.empty() || known || (line == 2) != (name == "version") ||
        (line > 2 && number > kStepMax)) {
      return absl::InvalidArgumentError(fmt::format(
          "line {}: expected {}", line,
          line == 1   ? fmt::format("\"{}\"", kHead)
          : line == 2 ? std::string("\"version\" and a number")
                      : fmt::format("a signal, once, and its step from 0 to {}", kStepMax)));
    }
    if (line == 2) {
      rates.version = number;
    } else {
      rates.steps.emplace(name, static_cast<int>(number));
    }
  }
  return rates;
}

void RateLearner::Note(std::string_view signal, bool in_incident) {
  auto found = counts_.find(signal);
  if (found == counts_.end()) {
    if (counts_.size() >= kSignalsMax) {
      ++refused_;
      return;
    }
    found = counts_.emplace(std::string(signal), Count{}).first;
  }
  found->second.frozen = found->second.frozen || in_incident;
  ++found->second.hour;
}

bool RateLearner::Advance(EventTime now) {
  const int64_t hour = ToMillis(now) / kHourMs;
  if (hour_ < 0) hour_ = hour;
  if (hour <= hour_) return false;
  // An hour without input has no firings, but says nothing of the signals either.
  hour_ = hour;
  ++rates_.version;
  for (auto& [signal, count] : counts_) {
    if (!count.frozen) count.average += (count.hour * kScale - count.average) / kMemoryHours;
    count.hour = 0;
    count.frozen = false;
    const auto per_day = static_cast<uint64_t>(count.average * 24 / kScale);
    rates_.steps[signal] = per_day == 0 ? 0 : static_cast<int>(std::bit_width(per_day)) - 1;
  }
  return true;
}

}  // namespace rootnote
