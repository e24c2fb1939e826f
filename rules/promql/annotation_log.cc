#include "rules/promql/annotation_log.h"

#include <algorithm>
#include <charconv>
#include <chrono>
#include <cmath>
#include <cstdlib>
#include <utility>
#include <vector>

#include "fmt/format.h"

#include "rules/unquote.h"

namespace rootnote::promql {
namespace {

constexpr std::string_view kForcedMonotonicity =
    "input to histogram_quantile needed to be fixed for monotonicity (see "
    "https://prometheus.io/docs/prometheus/latest/querying/functions/#histogram_quantile)";

// "2:7": line and column, both from 1.
std::string PlaceIn(std::string_view query, uint32_t place) {
  if (place > query.size()) return "invalid position";
  const std::string_view before = query.substr(0, place);
  const auto lines = std::count(before.begin(), before.end(), '\n');
  const size_t line_begin = before.rfind('\n') + 1;  // npos + 1 is 0
  return fmt::format("{}:{}", lines + 1, place - line_begin + 1);
}

std::string Rfc3339(EventTime time) {
  const auto seconds = std::chrono::floor<std::chrono::seconds>(
      std::chrono::sys_time<Millis>(Millis(ToMillis(time))));
  const auto day = std::chrono::floor<std::chrono::days>(seconds);
  const std::chrono::year_month_day date(day);
  const std::chrono::hh_mm_ss clock(seconds - day);
  return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}Z", static_cast<int>(date.year()),
                     static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()),
                     clock.hours().count(), clock.minutes().count(), clock.seconds().count());
}

void Insert(std::vector<std::string>& sorted, std::string text) {
  const auto at = std::lower_bound(sorted.begin(), sorted.end(), text);
  if (at == sorted.end() || *at != text) sorted.insert(at, std::move(text));
}

}  // namespace

std::string ShortNumber(double value) {
  if (std::isnan(value)) return "NaN";
  if (std::isinf(value)) return value > 0 ? "+Inf" : "-Inf";
  char buffer[64];
  auto* end =
      std::to_chars(std::begin(buffer), std::end(buffer), value, std::chars_format::scientific).ptr;
  const std::string scientific(std::begin(buffer), end);
  const int exponent = std::atoi(scientific.c_str() + scientific.find('e') + 1);
  if (exponent < -4 || exponent >= 6) return scientific;
  end = std::to_chars(std::begin(buffer), std::end(buffer), value, std::chars_format::fixed).ptr;
  return std::string(std::begin(buffer), end);
}

void AnnotationLog::Add(bool warning, std::string text, uint32_t place,
                        std::optional<MonotonicityRepair> repair) {
  text.insert(0, warning ? "PromQL warning: " : "PromQL info: ");
  Note& note = notes_[std::move(text)];
  note.warning = warning;
  note.place = place;
  if (!repair) return;
  if (!note.repair) {
    note.repair = repair;
    return;
  }
  MonotonicityRepair& all = *note.repair;
  all.first = std::min(all.first, repair->first);
  all.last = std::max(all.last, repair->last);
  all.bucket_min = std::min(all.bucket_min, repair->bucket_min);
  all.bucket_max = std::max(all.bucket_max, repair->bucket_max);
  all.difference_max = std::max(all.difference_max, repair->difference_max);
  all.count += repair->count;
}

void AnnotationLog::Repaired(const MonotonicityRepair& repair, std::string_view metric,
                             uint32_t place) {
  Add(false, std::string(kForcedMonotonicity) + OfMetric(metric), place, repair);
}

std::string OfMetric(std::string_view name) {
  return name.empty() ? "" : fmt::format(" for metric name {}", Quote(name));
}

void AnnotationLog::Write(std::string_view query, Annotations& out) const {
  for (const auto& [text, note] : notes_) {
    std::string shown = text;
    if (!query.empty() && note.repair) {
      const MonotonicityRepair& repair = *note.repair;
      shown += fmt::format(
          ", from buckets {} to {}, with a max diff of {:.2g}, over {} samples from {} to {}",
          ShortNumber(repair.bucket_min), ShortNumber(repair.bucket_max), repair.difference_max,
          repair.count, Rfc3339(repair.first), Rfc3339(repair.last));
    }
    if (!query.empty()) shown += fmt::format(" ({})", PlaceIn(query, note.place));
    Insert(note.warning ? out.warnings : out.infos, std::move(shown));
  }
}

}  // namespace rootnote::promql
