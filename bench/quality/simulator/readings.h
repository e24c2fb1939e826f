// What a metric of an entity shows: names and values by kind.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "bench/quality/simulator/estate.h"
#include "bench/quality/simulator/physics.h"

namespace rootnote::simulator {

inline constexpr size_t kMetricsMost = 4;  // of a kind

// Names of the metrics of a kind; empty: nobody monitors it.
std::span<const std::string_view> MetricsOf(Kind kind);

// What a metric shows when it is bad, when it is well.
double Bad(Kind kind, uint32_t metric);
double Well(Kind kind, uint32_t metric);

// Whether somebody who looked would say that it is affected. Independent of monitors and rules.
bool IsAffected(const Entity& entity, const State& state);

// One look at an entity: its state, with the noise of that moment.
struct Reading {
  Reading(const Entity& entity, const State& state, uint64_t seed, EntityIndex index, int second);

  // A bell between -3.5 and 3.5, another one for each `which`.
  double Bell(uint64_t which) const;
  // What is usually so small, and sometimes several times as much.
  double Skewed(double usual, uint64_t which) const;
  // Of a disk in the last minute.
  double WriteErrors() const;

  const Entity& entity;
  const State& state;
  uint64_t seed;
  EntityIndex index;
  int second;
  bool down;
  bool checks_fail = false;
  double counter = 0;  // disks: write errors; instances: restarts
  double blip;         // a sample that is bad, and gone
  double cpu;
};

// One value for each metric of the kind, NaN for what is not known: of what is down only that.
void Read(const Reading& reading, std::span<double> values);

}  // namespace rootnote::simulator
