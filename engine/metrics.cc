#include "engine/metrics.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "fmt/format.h"

#include "schemas/base/check.h"

namespace rootnote {
namespace {

constexpr size_t kMetricsMax = 10'000;

// HELP text: backslash and line feed are escaped, quotes are not.
void AppendHelp(std::string_view text, std::string& out) {
  for (const char c : text) {
    if (c == '\\') {
      out += "\\\\";
    } else if (c == '\n') {
      out += "\\n";
    } else {
      out += c;
    }
  }
}

void AppendHead(std::string_view name, std::string_view help, std::string_view type,
                std::string& out) {
  fmt::format_to(std::back_inserter(out), "# HELP {} ", name);
  AppendHelp(help, out);
  fmt::format_to(std::back_inserter(out), "\n# TYPE {} {}\n", name, type);
}

std::string NumberText(double value) {
  if (std::isnan(value)) return "NaN";
  if (std::isinf(value)) return value > 0 ? "+Inf" : "-Inf";
  const bool whole = value == std::floor(value) && std::abs(value) < 9e15;
  return whole ? fmt::to_string(static_cast<int64_t>(value)) : fmt::format("{}", value);
}

// In base units.
std::string ValueText(int64_t value, MetricUnit unit) {
  switch (unit) {
    case MetricUnit::kOne:
      break;
    case MetricUnit::kMillis:
      return NumberText(static_cast<double>(value) / 1e3);
    case MetricUnit::kMicros:
      return NumberText(static_cast<double>(value) / 1e6);
  }
  return fmt::to_string(value);
}

}  // namespace

std::string EscapeLabelValue(std::string_view value) {
  std::string out;
  out.reserve(value.size());
  for (const char c : value) {
    if (c == '\\' || c == '"') {
      out += '\\';
      out += c;
    } else if (c == '\n') {
      out += "\\n";
    } else {
      out += c;
    }
  }
  return out;
}

HistogramMetric::HistogramMetric(std::span<const int64_t> bounds)
    : bounds_(bounds.begin(), bounds.end()), counts_(bounds.size() + 1) {}

void HistogramMetric::Observe(int64_t value, int64_t times) {
  const auto bucket = std::lower_bound(bounds_.begin(), bounds_.end(), value) - bounds_.begin();
  counts_[static_cast<size_t>(bucket)].fetch_add(times, std::memory_order_relaxed);
  sum_.fetch_add(value * times, std::memory_order_relaxed);
}

void MetricSamples::Counter(std::string_view name, std::string_view help, double value,
                            std::string_view labels) {
  Add(name, help, "counter", value, labels);
}

void MetricSamples::Gauge(std::string_view name, std::string_view help, double value,
                          std::string_view labels) {
  Add(name, help, "gauge", value, labels);
}

void MetricSamples::Add(std::string_view name, std::string_view help, std::string_view type,
                        double value, std::string_view labels) {
  auto family = families_.find(name);
  if (family == families_.end()) {
    family = families_.emplace(std::string(name), Family{std::string(help), type, {}}).first;
  }
  std::string line(name);
  if (!labels.empty()) fmt::format_to(std::back_inserter(line), "{{{}}}", labels);
  fmt::format_to(std::back_inserter(line), " {}\n", NumberText(value));
  family->second.lines.insert_or_assign(std::string(labels), std::move(line));
}

Metric& Metrics::Counter(std::string_view name, std::string_view help, std::string_view labels,
                         MetricUnit unit) {
  Member* member = Find(name, help, labels, Type::kCounter, unit, {});
  return member != nullptr ? member->value : overflow_;
}

Metric& Metrics::Gauge(std::string_view name, std::string_view help, std::string_view labels,
                       MetricUnit unit) {
  Member* member = Find(name, help, labels, Type::kGauge, unit, {});
  return member != nullptr ? member->value : overflow_;
}

HistogramMetric& Metrics::Histogram(std::string_view name, std::string_view help,
                                    std::span<const int64_t> bounds, std::string_view labels,
                                    MetricUnit unit) {
  Member* member = Find(name, help, labels, Type::kHistogram, unit, bounds);
  return member != nullptr ? *member->histogram : histogram_overflow_;
}

Metrics::Member* Metrics::Find(std::string_view name, std::string_view help,
                               std::string_view labels, Type type, MetricUnit unit,
                               std::span<const int64_t> bounds) {
  const std::lock_guard lock(mu_);
  auto family = families_.find(name);
  if (family != families_.end()) {
    CHECK(family->second.type == type && family->second.unit == unit);
    const auto member = family->second.members.find(labels);
    if (member != family->second.members.end()) {
      return member->second.get();
    }
  }
  if (size_ >= kMetricsMax) {
    return nullptr;
  }
  ++size_;
  if (family == families_.end()) {
    family = families_.emplace(std::string(name), Family()).first;
    family->second = {std::string(help), type, unit, {bounds.begin(), bounds.end()}, {}};
  }
  auto member = std::make_unique<Member>();
  if (type == Type::kHistogram) {
    member->histogram = std::make_unique<HistogramMetric>(family->second.bounds);
  }
  return family->second.members.emplace(std::string(labels), std::move(member)).first->second.get();
}

void Metrics::HideGauges() {
  const std::lock_guard lock(mu_);
  for (auto& [name, family] : families_) {
    if (family.type != Type::kGauge) continue;
    for (auto& [labels, member] : family.members) {
      member->value.hidden_.store(true, std::memory_order_relaxed);
    }
  }
}

void Metrics::OnRead(std::function<void(MetricSamples&)> read) {
  readers_.push_back(std::move(read));
}

void Metrics::AppendHistogram(const std::string& name, std::string_view labels,
                              const HistogramMetric& histogram, MetricUnit unit, std::string& out) {
  const std::string_view comma = labels.empty() ? "" : ",";
  int64_t count = 0;
  for (size_t i = 0; i <= histogram.bounds().size(); ++i) {
    count += histogram.count(i);
    const bool last = i == histogram.bounds().size();
    fmt::format_to(std::back_inserter(out), "{}_bucket{{{}{}le=\"{}\"}} {}\n", name, labels, comma,
                   last ? "+Inf" : ValueText(histogram.bounds()[i], unit), count);
  }
  const std::string braces = labels.empty() ? "" : fmt::format("{{{}}}", labels);
  fmt::format_to(std::back_inserter(out), "{}_sum{} {}\n{}_count{} {}\n", name, braces,
                 ValueText(histogram.sum(), unit), name, braces, count);
}

void Metrics::Append(const std::string& name, const Family& family, std::string& out) {
  std::string lines;
  for (const auto& [labels, member] : family.members) {
    if (member->histogram != nullptr) {
      AppendHistogram(name, labels, *member->histogram, family.unit, lines);
    } else if (!member->value.hidden_.load(std::memory_order_relaxed)) {
      lines += name;
      if (!labels.empty()) fmt::format_to(std::back_inserter(lines), "{{{}}}", labels);
      fmt::format_to(std::back_inserter(lines), " {}\n",
                     ValueText(member->value.value(), family.unit));
    }
  }
  if (lines.empty()) return;
  constexpr std::string_view kTypes[] = {"counter", "gauge", "histogram"};
  AppendHead(name, family.help, kTypes[static_cast<size_t>(family.type)], out);
  out += lines;
}

std::string Metrics::Text() const {
  MetricSamples read;
  for (const auto& reader : readers_) {
    reader(read);
  }
  const std::lock_guard lock(mu_);
  if (overflow_.value() != 0) {
    read.Counter(
        "rootnote_metrics_overflow_total",
        fmt::format("What metrics beyond the limit of {} would have counted.", kMetricsMax),
        static_cast<double>(overflow_.value()));
  }
  std::string out;
  auto next = read.families_.begin();
  const auto append_read_before = [&](const std::string* name) {
    for (; next != read.families_.end() && (name == nullptr || next->first < *name); ++next) {
      AppendHead(next->first, next->second.help, next->second.type, out);
      for (const auto& [labels, line] : next->second.lines) out += line;
    }
  };
  for (const auto& [name, family] : families_) {
    append_read_before(&name);
    CHECK(next == read.families_.end() || next->first != name);
    Append(name, family, out);
  }
  append_read_before(nullptr);
  return out;
}

}  // namespace rootnote
