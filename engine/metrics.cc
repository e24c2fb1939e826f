#include "engine/metrics.h"

#include "fmt/format.h"

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

Metric& Metrics::Counter(std::string_view name, std::string_view help, std::string_view labels) {
  return Find(name, help, labels, true);
}

Metric& Metrics::Gauge(std::string_view name, std::string_view help, std::string_view labels) {
  return Find(name, help, labels, false);
}

Metric& Metrics::Find(std::string_view name, std::string_view help, std::string_view labels,
                      bool counter) {
  const std::lock_guard lock(mu_);
  const auto family = families_.find(name);
  if (family != families_.end()) {
    const auto member = family->second.members.find(labels);
    if (member != family->second.members.end()) {
      return *member->second;
    }
  }
  if (size_ >= kMetricsMax) {
    return overflow_;
  }
  ++size_;
  Family& owner = family != families_.end()
                      ? family->second
                      : families_.emplace(std::string(name), Family{std::string(help), counter, {}})
                            .first->second;
  return *owner.members.emplace(std::string(labels), std::make_unique<Metric>()).first->second;
}

std::string Metrics::Text() const {
  const std::lock_guard lock(mu_);
  std::string out;
  for (const auto& [name, family] : families_) {
    fmt::format_to(std::back_inserter(out), "# HELP {} ", name);
    AppendHelp(family.help, out);
    fmt::format_to(std::back_inserter(out), "\n# TYPE {} {}\n", name,
                   family.counter ? "counter" : "gauge");
    for (const auto& [labels, metric] : family.members) {
      if (labels.empty()) {
        fmt::format_to(std::back_inserter(out), "{} {}\n", name, metric->value());
      } else {
        fmt::format_to(std::back_inserter(out), "{}{{{}}} {}\n", name, labels, metric->value());
      }
    }
  }
  if (overflow_.value() != 0) {
    fmt::format_to(std::back_inserter(out),
                   "# HELP rootnote_metrics_overflow_total What metrics beyond the limit of {} "
                   "would have counted.\n# TYPE rootnote_metrics_overflow_total counter\n"
                   "rootnote_metrics_overflow_total {}\n",
                   kMetricsMax, overflow_.value());
  }
  return out;
}

}  // namespace rootnote
