// One run: an estate, what happens in it, what its monitoring shows, and the truth to judge by.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "bench/quality/simulator/estate.h"
#include "bench/quality/simulator/faults.h"
#include "bench/quality/simulator/monitors.h"
#include "bench/quality/simulator/physics.h"

namespace rootnote::simulator {

struct RunOptions {
  EstateOptions estate;
  std::vector<Family> families;  // one or two faults; none: a quiet run
  int quiet_minutes = 60;        // how long a quiet run is
  NoiseOptions noise;
  bool early_recovery = false;  // the root is well after four minutes, its dependants much later
  bool migration = false;       // what is affected is moved away while the fault lasts
  double churn_per_day = 0.03;  // of the relations of placement
};

struct Affected {
  EntityIndex entity = 0;
  int from = 0, to = 0;
};

struct FaultTruth {
  Fault fault;
  std::vector<Affected> affected;  // by entity; neither the root nor the causes
};

class Simulation {
 public:
  explicit Simulation(RunOptions options);

  const Estate& estate() const { return estate_; }
  const std::vector<FaultTruth>& faults() const { return faults_; }
  const std::vector<Spurious>& spurious() const { return spurious_; }
  int length() const { return length_; }

  // Lines of own JSON. The map as it is known, with its changes; before `Feed`.
  void WriteTopology(const std::function<void(const std::string&)>& write) const;
  // Metrics and events in the order of their times, in pieces of ten seconds.
  void Feed(const std::function<void(const std::string&)>& write);
  // A line about the run, and one for each fault.
  std::string Truth() const;

 private:
  void DrawFaults();
  std::vector<Affected> AloneAffects(const Fault& fault) const;
  bool IsVisible(const FaultTruth& truth) const;
  void DrawSpurious();
  void DrawChurn();
  void DrawMigrations(FaultTruth& truth);
  void Events(int second, std::string& out) const;
  bool IsKnownWrongly(uint32_t relation) const;

  RunOptions options_;
  Estate estate_;
  Random random_;
  std::vector<FaultTruth> faults_;
  std::vector<Spurious> spurious_;
  std::vector<Migration> moves_;  // by time; those of faults too
  std::vector<Deploy> deploys_;   // by time
  int length_ = 0;
};

}  // namespace rootnote::simulator
