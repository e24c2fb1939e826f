#include "engine/cli/process_metrics.h"

#include <charconv>
#include <filesystem>
#include <fstream>
#include <optional>
#include <sstream>
#include <string_view>
#include <system_error>
#include <vector>

#include <unistd.h>

namespace rootnote {
namespace {

std::string ReadFile(const std::string& path) {
  std::ifstream file(path);
  std::ostringstream text;
  text << file.rdbuf();
  return file ? std::move(text).str() : "";
}

std::vector<std::string_view> Words(std::string_view text) {
  std::vector<std::string_view> words;
  while (!text.empty()) {
    const size_t end = std::min(text.find_first_of(" \n"), text.size());
    if (end > 0) words.push_back(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return words;
}

std::optional<double> Number(std::string_view text) {
  double number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return number;
}

// The value of the line that begins with `name`.
std::optional<double> NumberAfter(std::string_view text, std::string_view name, size_t word) {
  const size_t at = text.find(name);
  if (at == std::string_view::npos) return std::nullopt;
  text.remove_prefix(at + name.size());
  const std::vector<std::string_view> words = Words(text.substr(0, text.find('\n')));
  return word < words.size() ? Number(words[word]) : std::nullopt;
}

// proc(5): the fields of stat from the third on; the second may hold anything between brackets.
void ReadStat(const std::string& proc, MetricSamples& samples) {
  const std::string text = ReadFile(proc + "/self/stat");
  const size_t bracket = text.rfind(')');
  if (bracket == std::string::npos) return;
  const std::vector<std::string_view> words = Words(std::string_view(text).substr(bracket + 1));
  if (words.size() < 22) return;
  const auto field = [&](size_t number) { return Number(words[number - 3]); };
  const auto ticks = static_cast<double>(sysconf(_SC_CLK_TCK));
  const auto page = static_cast<double>(sysconf(_SC_PAGESIZE));
  if (field(14) && field(15)) {
    samples.Counter("process_cpu_seconds_total", "User and system time.",
                    (*field(14) + *field(15)) / ticks);
  }
  if (field(23)) {
    samples.Gauge("process_virtual_memory_bytes", "Address space.", *field(23));
  }
  if (field(24)) {
    samples.Gauge("process_resident_memory_bytes", "Memory in use.", *field(24) * page);
  }
  const std::optional<double> boot = NumberAfter(ReadFile(proc + "/stat"), "btime ", 0);
  if (boot && field(22)) {
    samples.Gauge("process_start_time_seconds", "When the process began, since 1970.",
                  *boot + *field(22) / ticks);
  }
}

}  // namespace

void ReadProcess(const std::string& proc, MetricSamples& samples) {
  ReadStat(proc, samples);
  std::error_code error;
  size_t open = 0;
  for (std::filesystem::directory_iterator file(proc + "/self/fd", error), end;
       !error && file != end; file.increment(error)) {
    ++open;
  }
  if (!error) {
    samples.Gauge("process_open_fds", "Open file descriptors.", static_cast<double>(open));
  }
  if (const auto most = NumberAfter(ReadFile(proc + "/self/limits"), "Max open files ", 0)) {
    samples.Gauge("process_max_fds", "How many may be open.", *most);
  }
}

void AddProcessMetrics(Metrics& metrics) {
  metrics.OnRead([](MetricSamples& samples) { ReadProcess("/proc", samples); });
}

}  // namespace rootnote
