// What a root decision costs: a map of a million entities, tens of thousands of active symptoms,
// and one symptom that changes per tick. Timed is the whole step of the incident store: the
// symptom, its region, the ranking of causes, the incident's record; in processor time. Each case's
// incidents are checked.
//
//   cells  thousands of small faults, each with its own region
//   hub    a name server fails with all its dependants: one region of everything
#include <algorithm>
#include <charconv>
#include <cstdio>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "fmt/format.h"

#include "bench/big_estate.h"
#include "bench/fitness.h"
#include "engine/incidents.h"
#include "engine/topology.h"
#include "rules/compiler.h"
#include "schemas/decoder.h"

namespace rootnote::bench {
namespace {

constexpr int64_t kStart = 1'800'000'000'000;
constexpr double kDecisionMsMax = 100;
bool Check(bool right, std::string_view what) {
  if (!right) fmt::print(stderr, "correlate_bench: wrong: {}\n", what);
  return right;
}

// Everything that has a signal is watched and fresh.
class AllFresh : public WatchView {
 public:
  Watch Of(std::string_view entity, Family family, EventTime) const override {
    const std::string_view kind = entity.substr(0, entity.find(':'));
    const bool errors = kind == "app" || kind == "host" || kind == "dns";
    const bool latency = kind == "app" || kind == "vm";
    const bool watched =
        (family == Family::kErrors && errors) || (family == Family::kLatency && latency);
    return watched ? Watch::kFresh : Watch::kUnmonitored;
  }
};

struct Spans {
  std::vector<double> ms;
  double At(double share) {
    std::sort(ms.begin(), ms.end());
    const auto last = static_cast<double>(ms.size() - 1);
    return ms[static_cast<size_t>(last * share)];
  }
};

class Bench {
 public:
  Bench(std::shared_ptr<const Program> program, std::shared_ptr<const Topology> map)
      : program_(std::move(program)), map_(std::move(map)), store_(program_, watch_, {}) {}

  void Change(std::string_view signal, std::string entity, bool fires) {
    Transition& transition = pending_.emplace_back();
    transition.time = transition.onset = FromMillis(now_);
    transition.signal = *program_->FindSignal(signal);
    transition.entity = std::move(entity);
    transition.from = fires ? SignalState::kPending : SignalState::kFiring;
    transition.to = fires ? SignalState::kFiring : SignalState::kInactive;
    transition.value = 2;
  }
  // One tick with what was changed; its milliseconds.
  double Tick() {
    std::sort(pending_.begin(), pending_.end());
    for (Transition& transition : pending_) transition.time = FromMillis(now_);
    const auto start = CpuSeconds();
    const std::vector<Incident> emitted = store_.Step(FromMillis(now_), pending_, map_);
    const double ms = (CpuSeconds() - start) * 1e3;
    emitted_ += emitted.size();
    pending_.clear();
    now_ += 1'000;
    return ms;
  }
  std::vector<Incident> Open() const {
    std::vector<Incident> open;
    for (Incident& incident : store_.All()) {
      if (incident.status == IncidentStatus::kOpen) open.push_back(std::move(incident));
    }
    return open;
  }
  const IncidentStore& store() const { return store_; }
  size_t emitted() const { return emitted_; }

 private:
  std::shared_ptr<const Program> program_;
  std::shared_ptr<const Topology> map_;
  AllFresh watch_;
  IncidentStore store_;
  std::vector<Transition> pending_;
  size_t emitted_ = 0;
  int64_t now_ = kStart;
};

// Apps around app `i` that fail with its host: those on it, and what calls them.
std::set<uint32_t> Victims(const BigEstate& estate, uint32_t host, std::vector<uint32_t>& apps) {
  std::set<uint32_t> victims;
  apps.clear();
  const auto first = static_cast<uint32_t>(uint64_t{host} * estate.apps() / estate.hosts());
  for (uint32_t i = first > 8 ? first - 8 : 0; i < first + 24 && i < estate.apps(); ++i) {
    if (estate.HostOf(estate.MachineOf(i)) != host) continue;
    apps.push_back(i);
    victims.insert(i);
    for (uint32_t other = i / 16 * 16; other < i / 16 * 16 + 16 && other < estate.apps(); ++other) {
      for (uint32_t call = 0; call < BigEstate::CallsOf(other); ++call) {
        if (estate.Callee(other, call) == i) victims.insert(other);
      }
    }
  }
  return victims;
}

void Print(std::string_view name, size_t symptoms, double full, Spans& spans, size_t open) {
  const char* const verdict = spans.At(0.99) <= kDecisionMsMax ? "held" : "missed";
  fmt::print(
      "{:<6} {:>7} symptoms, {:>5} incidents; first 40 s {:>8.1f} ms; one change p50 {:.2f} "
      "p99 {:.2f} max {:.2f} ms: p99 of {} ms is {}\n",
      name, symptoms, open, full, spans.At(0.5), spans.At(0.99), spans.At(1), kDecisionMsMax,
      verdict);
}

bool Cells(const BigEstate& estate, Bench& bench, uint32_t wanted) {
  size_t symptoms = 0, faults = 0;
  std::vector<uint32_t> apps, lasting;
  const uint32_t step = 16;  // hosts between two faults
  for (uint32_t host = 0; host < estate.hosts() && symptoms < wanted; host += step) {
    bench.Change("host_errors", BigEstate::Host(host), true);
    ++faults, ++symptoms;
    for (uint32_t victim : Victims(estate, host, apps)) {
      bench.Change("app_errors", BigEstate::App(victim), true);
      lasting.push_back(victim);
      ++symptoms;
    }
  }
  double full = 0;
  for (int i = 0; i < 40; ++i) full += bench.Tick();  // all are open, and said
  Spans spans;
  for (uint32_t i = 0; i < 300; ++i) {
    const uint32_t app = lasting[i * 7'919ULL % lasting.size()];
    bench.Change("app_errors", BigEstate::App(app), false);
    spans.ms.push_back(bench.Tick());
    bench.Change("app_errors", BigEstate::App(app), true);
    spans.ms.push_back(bench.Tick());
  }
  const std::vector<Incident> open = bench.Open();
  Print("cells", symptoms, full, spans, open.size());
  bool right = Check(open.size() == faults, "one incident per fault");
  for (const Incident& incident : open) {
    right = right && Check(incident.root[0].entity.starts_with("host:"), "a root that is no host");
  }
  return right;
}

bool Hub(const BigEstate& estate, Bench& bench) {
  bench.Change("servfail", BigEstate::Dns(), true);
  for (uint32_t i = 0; i < estate.hub(); ++i) bench.Change("app_errors", BigEstate::App(i), true);
  double full = 0;
  for (int i = 0; i < 40; ++i) full += bench.Tick();
  Spans spans;
  for (uint32_t i = 0; i < 100; ++i) {
    const uint32_t app = i * 7'919U % estate.hub();
    bench.Change("app_errors", BigEstate::App(app), false);
    spans.ms.push_back(bench.Tick());
    bench.Change("app_errors", BigEstate::App(app), true);
    spans.ms.push_back(bench.Tick());
  }
  const std::vector<Incident> open = bench.Open();
  Print("hub", estate.hub() + 1, full, spans, open.size());
  return Check(open.size() == 1 && open[0].root[0].entity == BigEstate::Dns(),
               "the name server is not the only root");
}

int Run(uint32_t entities, uint32_t wanted, std::string_view only) {
  const CompileResult rules = Compile({RuleSource("bench.rn", std::string(kEstateRules))});
  if (rules.program == nullptr) return 70;
  BigEstate estate(entities, 10'000);
  TopologyStore topology(rules.program, TopologyOptions{});
  absl::StatusOr<std::unique_ptr<Decoder>> decoder = MakeDecoder("rootnote-json");
  std::string lines;
  Decoded decoded;
  for (bool more = true; more;) {
    lines.clear();
    decoded.Clear();
    more = estate.Next(500, lines);
    if ((*decoder)->Decode(lines, {}, decoded)) return 70;
    for (const TopologyChange& change : decoded.changes) {
      if (topology.Apply(change, kMinTime)) return 70;
    }
  }
  const std::shared_ptr<const Topology> map = topology.Snapshot();
  fmt::print("map    {:>7} entities, {} relations\n", map->entities_alive(),
             map->relations_alive());
  bool right = true;
  if (only.empty() || only == "cells") {
    Bench bench(rules.program, map);
    right = Cells(estate, bench, wanted) && right;
  }
  if (only.empty() || only == "hub") {
    Bench bench(rules.program, map);
    right = Hub(estate, bench) && right;
  }
  return right ? 0 : 1;
}

int Main(int argc, char** argv) {
  if (const std::string why = Unfit(); !why.empty()) {
    fmt::print(stderr,
               "correlate_bench: this build is not for measuring: {}; use the preset release\n",
               why);
    return 64;
  }
  uint32_t numbers[2] = {1'000'000, 50'000};
  std::string_view only;
  for (int i = 1; i < argc; ++i) {
    const std::string_view text = argv[i];
    if (i > 2) {
      only = text;
      continue;
    }
    const auto [end, error] =
        std::from_chars(text.data(), text.data() + text.size(), numbers[i - 1]);
    if (error != std::errc() || end != text.data() + text.size() || numbers[i - 1] < 1'000) {
      fmt::print(stderr, "usage: correlate_bench [ENTITIES [SYMPTOMS [cells|hub]]]\n");
      return 64;
    }
  }
  return Run(numbers[0], numbers[1], only);
}

}  // namespace
}  // namespace rootnote::bench

int main(int argc, char** argv) { return rootnote::bench::Main(argc, argv); }
