// What goes on in the estate: load, failure and slowness of every entity, ten seconds at a time.
//
// It knows no rules and no thresholds. Failure travels as in nature: in shares of requests, diluted
// by how much of the work needs what fails, late by caches and pools, worse by retries, less by
// fallbacks; load balancers take failed instances out, what is left bears more, a database behind
// an emptied cache is flooded. Thread: one.
#pragma once

#include <cstdint>
#include <vector>

#include "bench/quality/simulator/estate.h"

namespace rootnote::simulator {

inline constexpr int kStepSeconds = 10;

// How an entity is. Shares are 0 to 1; 0 is well.
struct State {
  float down = 0;  // not there at all
  float err = 0;   // share of its work that fails
  float slow = 0;  // infrastructure: how many times longer it takes, less 1; services and above:
                   // share of the requests that take too long
  float io = 0;    // as slow, for reading and writing
  float loss = 0;  // share of packets
  float load = 1;  // of the load of an ordinary moment
  float cpu = 0;   // share that is used, above 1 when more is asked for
  float aux = 0;   // array: controllers lost; disk: broken; datastore, database: how full (space,
                   // connections); cache: share of misses beyond the usual; queue: age in seconds;
                   // instance: share of lookups that fail
};

// What a fault does to an entity by itself, on top of what the world does to it.
struct Force {
  float down = 0, err = 0, slow = 0, io = 0, loss = 0, cpu = 0, aux = 0, load = 1;
};

class Physics {
 public:
  explicit Physics(const Estate& estate);

  // `recovery`: how many times longer it takes to recover than to fail.
  void Step(const std::vector<Force>& forces, double recovery);

  const State& state(EntityIndex entity) const { return states_[entity]; }

 private:
  struct Needs;
  void Loads();
  void StepOne(EntityIndex entity, const Force& force);
  void Below(EntityIndex entity, const Force& force, State& state);
  void Machine(EntityIndex entity, const Force& force, State& state);
  void Hosted(EntityIndex entity, const Force& force, State& state);
  void Instance(EntityIndex entity, const Force& force, State& state);
  void Service(EntityIndex entity, const Force& force, State& state);
  void Need(uint32_t relation, Needs& needs);
  float Lagged(uint32_t relation, float err);
  float LaggedSlow(uint32_t relation, float slow);

  const Estate& estate_;
  std::vector<State> states_;
  std::vector<float> passed_err_, passed_slow_;  // of a relation: what has arrived by now
  std::vector<float> demand_, usual_demand_;
  std::vector<float> taken_out_;    // of a service: instances that get no requests any more
  std::vector<EntityIndex> owner_;  // of an instance its service, of a machine what it is for
  double recovery_ = 1;
};

// The share of requests that take too long when everything takes `slow` times longer.
float SlowShare(float slow);

}  // namespace rootnote::simulator
