// Rootnote's own metrics: counted per thread or on the pipeline's thread, summed when read.
// Names and labels: FORMATS section 7, docs/operating.md. Never labelled by entity, host or
// incident.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace rootnote {

// A label's value as it stands between quotes: `topic="` + EscapeLabelValue(topic) + `"`.
std::string EscapeLabelValue(std::string_view value);

// What one of the stored integer stands for. Prometheus is always told base units: seconds.
enum class MetricUnit : uint8_t { kOne, kMillis, kMicros };

// One value that rises (counter) or moves (gauge). Relaxed atomics: cheap, any thread.
class Metric {
 public:
  void Add(int64_t amount = 1) { value_.fetch_add(amount, std::memory_order_relaxed); }
  void Set(int64_t value) {
    value_.store(value, std::memory_order_relaxed);
    hidden_.store(false, std::memory_order_relaxed);
  }
  int64_t value() const { return value_.load(std::memory_order_relaxed); }

 private:
  friend class Metrics;
  std::atomic<int64_t> value_{0};
  std::atomic<bool> hidden_{false};
};

// Upper bounds of buckets in milliseconds: how long a call takes, how late something is.
inline constexpr int64_t kLatencyBuckets[] = {1,   2,   5,     10,    25,    50,     100,
                                              250, 500, 1'000, 2'500, 5'000, 10'000, 30'000};
inline constexpr int64_t kDelayBuckets[] = {
    100,    500,     1'000,   2'000,   5'000,     10'000,    20'000,     30'000,
    60'000, 120'000, 300'000, 600'000, 1'800'000, 3'600'000, 21'600'000, 86'400'000};

// How often a value was within each of fixed bounds. Any thread, without a lock.
class HistogramMetric {
 public:
  explicit HistogramMetric(std::span<const int64_t> bounds);  // ascending
  void Observe(int64_t value, int64_t times = 1);

  std::span<const int64_t> bounds() const { return bounds_; }
  // Of the bucket of this bound alone; the last, past all bounds, is that of what was larger.
  int64_t count(size_t bucket) const { return counts_[bucket].load(std::memory_order_relaxed); }
  int64_t sum() const { return sum_.load(std::memory_order_relaxed); }

 private:
  const std::vector<int64_t> bounds_;
  std::vector<std::atomic<int64_t>> counts_;
  std::atomic<int64_t> sum_{0};
};

// Values that are known only when they are asked for. Filled anew for every Text().
class MetricSamples {
 public:
  void Counter(std::string_view name, std::string_view help, double value,
               std::string_view labels = "");
  void Gauge(std::string_view name, std::string_view help, double value,
             std::string_view labels = "");

 private:
  friend class Metrics;
  struct Family {
    std::string help;
    std::string_view type;
    std::map<std::string, std::string> lines;  // by labels
  };
  void Add(std::string_view name, std::string_view help, std::string_view type, double value,
           std::string_view labels);
  std::map<std::string, Family, std::less<>> families_;
};

class Metrics {
 public:
  Metrics() : histogram_overflow_({}) {}

  // Registers on first use; the reference stays valid as long as Metrics. `labels` is the text
  // between the braces, `reason="late"`, or "". Take it once, not per sample. At most 10,000;
  // beyond, one shared overflow metric. A name has one type and one unit.
  Metric& Counter(std::string_view name, std::string_view help, std::string_view labels = "",
                  MetricUnit unit = MetricUnit::kOne);
  Metric& Gauge(std::string_view name, std::string_view help, std::string_view labels = "",
                MetricUnit unit = MetricUnit::kOne);
  // All of a name have the bounds of the first.
  HistogramMetric& Histogram(std::string_view name, std::string_view help,
                             std::span<const int64_t> bounds, std::string_view labels = "",
                             MetricUnit unit = MetricUnit::kMillis);

  // What gauges said is over, as when a member of the group is active no longer: they are left out
  // until they are set again.
  void HideGauges();

  // `read` is called by every Text(), on its thread; before the first one of another thread.
  void OnRead(std::function<void(MetricSamples&)> read);

  // Prometheus' text format, sorted by name and labels.
  std::string Text() const;

 private:
  enum class Type : uint8_t { kCounter, kGauge, kHistogram };
  struct Member {
    Metric value;
    std::unique_ptr<HistogramMetric> histogram;
  };
  struct Family {
    std::string help;
    Type type = Type::kGauge;
    MetricUnit unit = MetricUnit::kOne;
    std::vector<int64_t> bounds;
    std::map<std::string, std::unique_ptr<Member>, std::less<>> members;
  };
  // Null beyond the limit.
  Member* Find(std::string_view name, std::string_view help, std::string_view labels, Type type,
               MetricUnit unit, std::span<const int64_t> bounds);
  static void AppendHistogram(const std::string& name, std::string_view labels,
                              const HistogramMetric& histogram, MetricUnit unit, std::string& out);
  static void Append(const std::string& name, const Family& family, std::string& out);

  std::vector<std::function<void(MetricSamples&)>> readers_;  // set before Text()
  mutable std::mutex mu_;
  std::map<std::string, Family, std::less<>> families_;  // guarded by mu_
  size_t size_ = 0;                                      // guarded by mu_
  Metric overflow_;
  HistogramMetric histogram_overflow_;
};

}  // namespace rootnote
