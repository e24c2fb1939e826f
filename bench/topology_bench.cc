// The map at its design size: a million entities and five million relations from JSON lines. What
// loading takes (decoding included), what the map weighs, how fast it is asked, and what a small
// change of a big map costs, in processor time. Each figure's result is checked; exit code 1 if one
// is wrong or, at full size, a target is missed.
#include <algorithm>
#include <charconv>
#include <cstdio>
#include <memory>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "fmt/format.h"

#include "bench/big_estate.h"
#include "bench/fitness.h"
#include "engine/topology.h"
#include "rules/compiler.h"
#include "schemas/decoder.h"

namespace rootnote::bench {
namespace {

constexpr uint32_t kFullSize = 1'000'000;
constexpr double kLoadSecondsMax = 10;
constexpr int64_t kMiBMax = 1'000;

bool Check(bool right, std::string_view what) {
  if (!right) fmt::print(stderr, "topology_bench: wrong: {}\n", what);
  return right;
}

// Reads all lines; the time of making them does not count.
bool Load(BigEstate& estate, TopologyStore& store, double& decoding, double& applying) {
  absl::StatusOr<std::unique_ptr<Decoder>> decoder = MakeDecoder("rootnote-json");
  if (!decoder.ok()) return false;
  std::string lines;
  Decoded decoded;
  for (bool more = true; more;) {
    lines.clear();
    more = estate.Next(2'000, lines);
    const std::string_view text = lines;
    for (size_t at = 0; at < text.size();) {
      // A batch of lines is decoded, then applied, as the pipeline does it.
      decoded.Clear();
      const auto start = CpuSeconds();
      for (int i = 0; i < 500 && at < text.size(); ++i) {
        const size_t end = text.find('\n', at);
        if ((*decoder)->Decode(text.substr(at, end - at), {}, decoded)) return false;
        at = end + 1;
      }
      const auto middle = CpuSeconds();
      for (const TopologyChange& change : decoded.changes) {
        if (store.Apply(change, kMinTime)) return false;
      }
      decoding += middle - start;
      applying += CpuSeconds() - middle;
    }
  }
  return true;
}

bool CheckMap(const BigEstate& estate, const Program& program, const Topology& map) {
  bool right = Check(map.entities_alive() == estate.entities(), "number of entities") &&
               Check(map.relations_alive() == estate.relations(), "number of relations");
  std::mt19937 random(1);
  for (int i = 0; right && i < 1'000; ++i) {
    const auto app = static_cast<uint32_t>(random() % estate.apps());
    const std::optional<EntityId> id = map.Find(BigEstate::App(app));
    right = Check(id.has_value(), "an app is missing");
    if (!right) break;
    std::vector<std::string> expected{BigEstate::Machine(estate.MachineOf(app))}, found;
    for (uint32_t call = 0; call < BigEstate::CallsOf(app); ++call) {
      expected.push_back(BigEstate::App(estate.Callee(app, call)));
    }
    if (app < estate.hub()) expected.push_back(BigEstate::Dns());
    for (const Edge& edge : map.Upstream(*id)) found.emplace_back(map.Name(edge.other));
    std::sort(expected.begin(), expected.end());
    std::sort(found.begin(), found.end());
    right = Check(found == expected, "what an app depends on");
    const auto machine = static_cast<uint32_t>(random() % estate.machines());
    const std::optional<EntityId> by_alias =
        map.Resolve(*map.KindOf(*map.Find(BigEstate::Machine(0))),
                    Labels::From({{"fqdn", fmt::format("vm-{:07}.example.net", machine)}}));
    right = right && Check(by_alias && map.Name(*by_alias) == BigEstate::Machine(machine),
                           "a machine's other name");
  }
  return right && Check(program.kinds.size() == 5, "the rules");
}

// Entities that can be reached upstream within ten steps: what a symptom's walk does.
size_t Walk(const Topology& map, EntityId start, std::vector<EntityId>& seen) {
  seen.assign(1, start);
  for (size_t i = 0; i < seen.size(); ++i) {
    for (const Edge& edge : map.Upstream(seen[i])) {
      if (std::find(seen.begin(), seen.end(), edge.other) == seen.end()) seen.push_back(edge.other);
    }
  }
  return seen.size();
}

bool Query(const BigEstate& estate, const Topology& map) {
  constexpr int kWalks = 100'000;
  std::mt19937 random(2);
  std::vector<std::string> names;
  for (int i = 0; i < kWalks; ++i) {
    names.push_back(BigEstate::App(static_cast<uint32_t>(random() % estate.apps())));
  }
  std::vector<EntityId> seen;
  size_t steps = 0;
  const auto start = CpuSeconds();
  for (const std::string& name : names) steps += Walk(map, *map.Find(name), seen);
  const double seconds = (CpuSeconds() - start);
  fmt::print("query     {:>10.0f} walks/s upstream, {:.1f} entities each, {:.2f} us a walk\n",
             kWalks / seconds, static_cast<double>(steps) / kWalks, seconds / kWalks * 1e6);
  return Check(steps > kWalks * 4U, "walks reach what they should");
}

// Machines move one at a time, and after each the readers get a new map.
bool Update(const BigEstate& estate, TopologyStore& store) {
  constexpr int kMoves = 20'000;
  const Resident before = ResidentMiB();
  std::vector<double> took;
  std::vector<std::shared_ptr<const Topology>> kept;
  for (int i = 0; i < kMoves; ++i) {
    const uint32_t machine = static_cast<uint32_t>(i) * 7 % estate.machines();
    TopologyChange change;
    change.type = TopologyChange::Type::kRelationDeleted;
    change.relation = "hosted_by";
    change.from = BigEstate::Machine(machine);
    change.to = BigEstate::Host(estate.HostOf(machine));
    const EventTime now = FromMillis(1'800'000'000'000 + i * 1000);
    TopologyChange added = change;
    added.type = TopologyChange::Type::kRelation;
    added.to = BigEstate::Host((estate.HostOf(machine) + 1) % estate.hosts());
    const auto start = CpuSeconds();
    if (store.Apply(change, now) || store.Apply(added, now)) return false;
    std::shared_ptr<const Topology> map = store.Snapshot();
    took.push_back((CpuSeconds() - start) * 1e6);
    if (i % 1'000 == 0) kept.push_back(std::move(map));
  }
  double total = 0;
  for (const double each : took) total += each;
  std::sort(took.begin(), took.end());
  fmt::print("update    {:>10.0f} moves/s, each seen in a new map; p50 {:.1f} us, p99 {:.1f} us\n",
             kMoves / total * 1e6, took[took.size() / 2], took[took.size() * 99 / 100]);
  fmt::print("versions  {:>10} MiB for {} older maps that readers still hold\n",
             ResidentMiB().now - before.now, kept.size());
  bool right = true;
  for (size_t i = 1; i < kept.size(); ++i) {
    right = right && kept[i]->version() > kept[i - 1]->version();
  }
  return Check(right, "versions of maps");
}

int Run(uint32_t entities) {
  const CompileResult rules = Compile({RuleSource("bench.rn", std::string(kEstateRules))});
  if (rules.program == nullptr) return 70;
  BigEstate estate(entities, 10'000);
  const Resident empty = ResidentMiB();
  TopologyStore store(rules.program, TopologyOptions{});
  double decoding = 0, applying = 0;
  if (!Check(Load(estate, store, decoding, applying), "a line is refused")) return 1;
  const auto start = CpuSeconds();
  std::shared_ptr<const Topology> map = store.Snapshot();
  const double snapshot = (CpuSeconds() - start);
  const Resident full = ResidentMiB();
  const double load = decoding + applying + snapshot;
  const auto lines = static_cast<double>(estate.entities() + estate.relations());
  fmt::print(
      "load      {:>10.2f} s: {} entities, {} relations; decode {:.2f}, apply {:.2f}, map "
      "{:.2f}; {:.2f} us a line\n",
      load, estate.entities(), estate.relations(), decoding, applying, snapshot,
      load / lines * 1e6);
  fmt::print("memory    {:>10} MiB, at its highest {} MiB\n", full.now - empty.now,
             full.peak - empty.now);
  if (!CheckMap(estate, *rules.program, *map) || !Query(estate, *map)) return 1;
  map.reset();
  if (!Update(estate, store)) return 1;
  if (entities < kFullSize) return 0;
  const bool fast = Check(load <= kLoadSecondsMax, "the load takes longer than 10 s");
  const bool small = Check(full.peak - empty.now <= kMiBMax, "the map weighs more than 1000 MiB");
  return fast && small ? 0 : 1;
}

int Main(int argc, char** argv) {
  if (const std::string why = Unfit(); !why.empty()) {
    fmt::print(stderr,
               "topology_bench: this build is not for measuring: {}; use the preset release\n",
               why);
    return 64;
  }
  uint32_t entities = kFullSize;
  if (argc > 2) return 64;
  if (argc == 2) {
    const std::string_view text = argv[1];
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), entities);
    if (error != std::errc() || end != text.data() + text.size() || entities < 1'000) {
      fmt::print(stderr, "usage: topology_bench [ENTITIES >= 1000]\n");
      return 64;
    }
  }
  return Run(entities);
}

}  // namespace
}  // namespace rootnote::bench

int main(int argc, char** argv) { return rootnote::bench::Main(argc, argv); }
