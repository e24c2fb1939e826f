#include "bench/quality/simulator/monitors.h"

#include <algorithm>
#include <cmath>
#include <iterator>
#include <limits>

#include "fmt/format.h"

#include "bench/quality/simulator/random.h"

namespace rootnote::simulator {
namespace {

constexpr size_t kHistory = 10;  // steps: the longest delay
constexpr double kNothing = std::numeric_limits<double>::quiet_NaN();

// Where a random number is used for: so that they are independent.
enum Use : uint64_t { kLoss = 11, kSilent, kTwice, kPhase, kOffset, kDelay };

int IntervalOf(Kind kind) {
  switch (kind) {
    case Kind::kService:
    case Kind::kGateway:
    case Kind::kTransaction:
    case Kind::kDatabase:
    case Kind::kCache:
    case Kind::kQueue:
    case Kind::kDns:
      return 30;
    default:
      return 60;
  }
}

}  // namespace

Monitors::Monitors(const Estate& estate, NoiseOptions noise, uint64_t seed)
    : estate_(estate),
      noise_(noise),
      seed_(seed),
      due_(6),
      counters_(estate.entities.size()),
      was_down_(estate.entities.size()) {
  if (noise_.delays) history_.assign(kHistory, std::vector<State>(estate.entities.size()));
  for (EntityIndex i = 0; i < estate.entities.size(); ++i) {
    if (!Monitored(i)) continue;
    const auto every = static_cast<size_t>(IntervalOf(estate.entities[i].kind) / kStepSeconds);
    const auto phase = static_cast<size_t>(Noise(seed_, kPhase, i) * static_cast<double>(every));
    for (size_t step = phase; step < due_.size(); step += every) due_[step].push_back(i);
  }
  for (std::vector<EntityIndex>& due : due_) {
    std::stable_sort(due.begin(), due.end(),
                     [&](EntityIndex a, EntityIndex b) { return OffsetOf(a) < OffsetOf(b); });
  }
}

bool Monitors::Monitored(EntityIndex entity) const {
  return !MetricsOf(estate_.entities[entity].kind).empty() &&
         Noise(seed_, kSilent, entity) >= noise_.silent;
}

void Monitors::SetGap(uint32_t zone, int from, int to) {
  gap_zone_ = zone;
  gap_from_ = from;
  gap_to_ = to;
}

void Monitors::Remember(const Physics& physics) {
  if (history_.empty()) return;
  std::vector<State>& now = history_[steps_++ % kHistory];
  for (EntityIndex i = 0; i < now.size(); ++i) now[i] = physics.state(i);
}

std::span<const EntityIndex> Monitors::Due(int second) const {
  return due_[static_cast<size_t>(second / kStepSeconds) % due_.size()];
}

int Monitors::OffsetOf(EntityIndex entity) const {
  return static_cast<int>(Noise(seed_, kOffset, entity) * kStepSeconds * 1000);
}

const State& Monitors::Shown(EntityIndex entity, const Physics& physics) const {
  if (history_.empty()) return physics.state(entity);
  const auto delay = static_cast<size_t>(Noise(seed_, kDelay, entity) * kHistory);
  return history_[(steps_ + 2 * kHistory - 1 - std::min(delay, steps_ - 1)) % kHistory][entity];
}

// One value for each metric of its kind, in their order.
void Monitors::Values(EntityIndex i, const Physics& physics, int second, bool restarts,
                      std::span<double> values) {
  const Entity& entity = estate_.entities[i];
  Reading reading(entity, Shown(i, physics), seed_, i, second);
  if (restarts) reading.down = true;
  if (entity.kind == Kind::kInstance) {
    // Checks of readiness that ask for all that the service needs fail with it.
    for (const uint32_t r : estate_.dependants[i]) {
      const EntityIndex service = estate_.relations[r].from;
      reading.checks_fail =
          estate_.entities[service].deep_checks && Shown(service, physics).err > 0.8F;
    }
    if (was_down_[i] != 0 && !reading.down) counters_[i] += 1;
    was_down_[i] = reading.down;
  } else if (entity.kind == Kind::kDisk) {
    counters_[i] += reading.WriteErrors();
  }
  reading.counter = counters_[i];
  Read(reading, values);
}

void Monitors::Write(EntityIndex i, const Physics& physics, int second, int64_t time_ms,
                     bool restarts, std::string& out) {
  const Entity& entity = estate_.entities[i];
  if (entity.zone == gap_zone_ && second >= gap_from_ && second < gap_to_) return;
  const std::span<const std::string_view> metrics = MetricsOf(entity.kind);
  double values[kMetricsMost] = {};
  Values(i, physics, second, restarts, values);
  for (uint32_t m = 0; m < metrics.size(); ++m) {
    const double draw = Noise(seed_ ^ kLoss, i, m);
    if (draw < noise_.loss / 2) {
      values[m] = kNothing;
    } else if (draw < noise_.loss) {
      values[m] = Well(entity.kind, m);
    }
  }
  for (const Spurious& wrong : spurious_) {
    if (wrong.entity != i || second < wrong.from || second >= wrong.to) continue;
    double& value = values[wrong.metric];
    if (metrics[wrong.metric].ends_with("_total")) {
      counters_[i] += Bad(entity.kind, wrong.metric);
      value = counters_[i];
    } else {
      value = Bad(entity.kind, wrong.metric);
    }
  }
  const size_t begin = out.size();
  out += R"({"metrics":{)";
  bool any = false;
  for (size_t m = 0; m < metrics.size(); ++m) {
    if (std::isnan(values[m])) continue;
    fmt::format_to(std::back_inserter(out), R"({}"{}":{:.7g})", any ? "," : "", metrics[m],
                   values[m]);
    any = true;
  }
  if (!any) {
    out.resize(begin);
    return;
  }
  if (entity.kind == Kind::kDisk) {
    const size_t slash = entity.id.find('/');
    fmt::format_to(std::back_inserter(out),
                   R"(}},"labels":{{"array":"{}","disk":"{}"}},"time":{}}})",
                   entity.id.substr(0, slash), entity.id.substr(slash + 1), time_ms);
  } else {
    fmt::format_to(std::back_inserter(out), R"(}},"labels":{{"{}":"{}"}},"time":{}}})",
                   Name(entity.kind), entity.id, time_ms);
  }
  out += '\n';
  if (noise_.duplicates > 0 &&
      Noise(seed_ ^ kTwice, i, static_cast<uint64_t>(second)) < noise_.duplicates) {
    out += out.substr(begin);
  }
}

}  // namespace rootnote::simulator
