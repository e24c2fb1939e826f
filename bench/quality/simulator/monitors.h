// What monitoring shows of the estate: metrics and events, with everything that is wrong with
// monitoring. Rules see nothing else.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "bench/quality/simulator/estate.h"
#include "bench/quality/simulator/physics.h"
#include "bench/quality/simulator/readings.h"

namespace rootnote::simulator {

struct NoiseOptions {
  double loss = 0;        // of the metrics of entities: half show a healthy value, half nothing
  double spurious = 0;    // false symptoms, as a part of the number of entities that are affected
  double silent = 0;      // of the entities: nobody monitors them at all
  double duplicates = 0;  // of the records: they come twice
  double stale = 0;       // of the relations of placement: the map shows a former place; of the
                          // calls half as many are unknown to it
  bool delays = false;    // monitors show what was up to 90 s ago
  bool gap = false;       // the monitoring of one zone fails for five minutes during the fault
};

// A metric that looks bad for a while, and nothing is the matter.
struct Spurious {
  EntityIndex entity = 0;
  uint32_t metric = 0;  // which of its kind's
  int from = 0, to = 0;
};

class Monitors {
 public:
  Monitors(const Estate& estate, NoiseOptions noise, uint64_t seed);

  bool Monitored(EntityIndex entity) const;
  void Add(const Spurious& spurious) { spurious_.push_back(spurious); }
  void SetGap(uint32_t zone, int from, int to);
  // For `delays`: to be called after every step.
  void Remember(const Physics& physics);

  // Entities with a sample in the ten seconds that begin at `second`, in the order of their times.
  std::span<const EntityIndex> Due(int second) const;
  // Milliseconds into those ten seconds.
  int OffsetOf(EntityIndex entity) const;
  // Appends the record: a line of own JSON, or nothing when nothing is shown. `restarts`: it is
  // being started anew, without a fault.
  void Write(EntityIndex entity, const Physics& physics, int second, int64_t time_ms, bool restarts,
             std::string& out);

 private:
  const State& Shown(EntityIndex entity, const Physics& physics) const;
  void Values(EntityIndex entity, const Physics& physics, int second, bool restarts,
              std::span<double> values);

  const Estate& estate_;
  NoiseOptions noise_;
  uint64_t seed_;
  std::vector<std::vector<EntityIndex>> due_;  // by the step within a minute
  std::vector<Spurious> spurious_;
  std::vector<double> counters_;  // of disks: write errors; of instances: restarts
  std::vector<uint8_t> was_down_;
  std::vector<std::vector<State>> history_;  // a ring of steps
  size_t steps_ = 0;
  uint32_t gap_zone_ = UINT32_MAX;
  int gap_from_ = 0, gap_to_ = 0;
};

}  // namespace rootnote::simulator
