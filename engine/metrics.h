// Rootnote's own metrics: counted per thread or on the pipeline's thread, summed when read.
// Names and labels: FORMATS section 7, docs/operating.md. Never labelled by entity, host or
// incident.
#pragma once

#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

namespace rootnote {

// A label's value as it stands between quotes: `topic="` + EscapeLabelValue(topic) + `"`.
std::string EscapeLabelValue(std::string_view value);

// One value that rises (counter) or moves (gauge). Relaxed atomics: cheap, any thread.
class Metric {
 public:
  void Add(int64_t amount = 1) { value_.fetch_add(amount, std::memory_order_relaxed); }
  void Set(int64_t value) { value_.store(value, std::memory_order_relaxed); }
  int64_t value() const { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<int64_t> value_{0};
};

class Metrics {
 public:
  // Registers on first use; the reference stays valid as long as Metrics. `labels` is the text
  // between the braces, `reason="late"`, or "". Take it once, not per sample. At most 10,000;
  // beyond, one shared overflow metric.
  Metric& Counter(std::string_view name, std::string_view help, std::string_view labels = "");
  Metric& Gauge(std::string_view name, std::string_view help, std::string_view labels = "");

  // Prometheus' text format, sorted by name and labels.
  std::string Text() const;

 private:
  struct Family {
    std::string help;
    bool counter = false;
    std::map<std::string, std::unique_ptr<Metric>, std::less<>> members;
  };
  Metric& Find(std::string_view name, std::string_view help, std::string_view labels, bool counter);

  mutable std::mutex mu_;
  std::map<std::string, Family, std::less<>> families_;  // guarded by mu_
  size_t size_ = 0;                                      // guarded by mu_
  Metric overflow_;
};

}  // namespace rootnote
