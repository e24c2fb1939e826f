// The simulated estate: the same seed is the same run, and the truth fits the map it is told of.
#include <algorithm>
#include <cstddef>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "bench/quality/simulator/estate.h"
#include "bench/quality/simulator/faults.h"
#include "bench/quality/simulator/random.h"
#include "bench/quality/simulator/run.h"

namespace rootnote::simulator {
namespace {

RunOptions Options(uint64_t seed, std::vector<Family> families, uint32_t entities = 400) {
  RunOptions options;
  options.estate = {.seed = seed, .entities = entities};
  options.families = std::move(families);
  return options;
}

std::string Bytes(const RunOptions& options) {
  Simulation run(options);
  std::string all = run.Truth();
  const auto add = [&](const std::string& text) { all += text; };
  run.WriteTopology(add);
  run.Feed(add);
  return all;
}

TEST(Simulator, SameSeedSameBytes) {
  RunOptions options = Options(3, {Family::kHostDown, Family::kDnsSlow});
  options.noise = {.loss = 0.2,
                   .spurious = 0.05,
                   .silent = 0.1,
                   .duplicates = 0.05,
                   .stale = 0.05,
                   .delays = true,
                   .gap = true};
  options.migration = true;
  const std::string once = Bytes(options);
  EXPECT_GT(once.size(), 100'000U);
  EXPECT_EQ(once, Bytes(options));
  options.estate.seed = 4;
  EXPECT_NE(once, Bytes(options));
}

TEST(Simulator, EstateHasTheShapeThatIsWanted) {
  const Estate estate = BuildEstate({.seed = 7, .entities = 5000});
  EXPECT_NEAR(static_cast<double>(estate.entities.size()), 5000, 500);
  EXPECT_NEAR(static_cast<double>(estate.count(Kind::kInstance)) /
                  static_cast<double>(estate.count(Kind::kService)),
              28, 1);
  std::map<EntityIndex, int> calls, depth;
  size_t shared = 0;
  for (EntityIndex i = 0; i < estate.entities.size(); ++i) {
    size_t asked_by = 0;
    for (const uint32_t r : estate.dependants[i]) {
      asked_by += estate.relations[r].link == Link::kResolvesWith ? 1 : 0;
    }
    shared = std::max(shared, asked_by);
    for (uint32_t r = estate.first_relation[i]; r < estate.first_relation[i + 1]; ++r) {
      const Relation& relation = estate.relations[r];
      ASSERT_EQ(relation.from, i);
      ASSERT_LT(relation.to, i) << "what it needs comes first";
      if (relation.link != Link::kCalls) continue;
      ++calls[i];
      depth[i] = std::max(depth[i], depth[relation.to] + 1);
    }
  }
  for (const auto& [service, count] : calls) EXPECT_LE(count, 12);
  int deepest = 0;
  for (const auto& [service, below] : depth) deepest = std::max(deepest, below);
  EXPECT_EQ(deepest, 5);  // six layers
  EXPECT_GT(shared, 1000U);
}

// Everything that an entity depends on, by the relations of before and after all moves.
std::set<EntityIndex> Below(const Estate& estate, const FaultTruth& truth, EntityIndex entity) {
  std::set<EntityIndex> seen{entity};
  std::vector<EntityIndex> open{entity};
  while (!open.empty()) {
    const EntityIndex at = open.back();
    open.pop_back();
    const auto visit = [&](EntityIndex next) {
      if (seen.insert(next).second) open.push_back(next);
    };
    for (uint32_t r = estate.first_relation[at]; r < estate.first_relation[at + 1]; ++r) {
      visit(estate.relations[r].to);
    }
    for (const Migration& move : truth.fault.migrations) {
      if (estate.relations[move.relation].from == at) visit(move.to);
    }
  }
  return seen;
}

class EveryFamily : public testing::TestWithParam<size_t> {};

TEST_P(EveryFamily, TruthFitsTheMap) {
  const auto family = static_cast<Family>(GetParam());
  size_t affected = 0, related = 0;
  for (uint64_t seed = 1; seed <= 4; ++seed) {
    const Simulation run(Options(seed, {family}));
    ASSERT_EQ(run.faults().size(), 1U) << "seed " << seed;
    const FaultTruth& truth = run.faults()[0];
    ASSERT_LT(truth.fault.root, run.estate().entities.size());
    EXPECT_LT(truth.fault.start, truth.fault.end);
    EXPECT_LT(truth.fault.end, run.length());
    std::set<EntityIndex> seen;
    for (const Affected& one : truth.affected) {
      EXPECT_TRUE(seen.insert(one.entity).second) << "named once";
      EXPECT_NE(one.entity, truth.fault.root);
      EXPECT_GE(one.from, truth.fault.start - 240) << run.estate().FullName(one.entity);
      EXPECT_GT(one.to, one.from);
      ++affected;
      const std::set<EntityIndex> below = Below(run.estate(), truth, one.entity);
      related += below.contains(truth.fault.root) ? 1 : 0;
    }
  }
  EXPECT_GT(affected, 0U) << "a fault that nobody feels";
  // The rest is drowned in load that others send it: retries, misses of a cache.
  EXPECT_GE(static_cast<double>(related), 0.7 * static_cast<double>(affected));
}

INSTANTIATE_TEST_SUITE_P(Simulator, EveryFamily, testing::Range<size_t>(0, kFamilies),
                         [](const auto& family) {
                           return std::string(Name(static_cast<Family>(family.param)));
                         });

TEST(Simulator, NothingIsWrongOnAQuietDay) {
  const Estate estate = BuildEstate({.seed = 11, .entities = 600});
  Physics physics(estate);
  const std::vector<Force> none(estate.entities.size());
  for (int step = 0; step < 60; ++step) physics.Step(none, 1);
  for (EntityIndex i = 0; i < estate.entities.size(); ++i) {
    EXPECT_FALSE(IsAffected(estate.entities[i], physics.state(i))) << estate.FullName(i);
  }
}

TEST(Simulator, RedundancyHoldsAndBreaks) {
  const Estate estate = BuildEstate({.seed = 5, .entities = 600});
  const auto array = static_cast<EntityIndex>(estate.begin(Kind::kArray));
  std::vector<EntityIndex> disks;
  for (uint32_t r = estate.first_relation[array]; r < estate.first_relation[array + 1]; ++r) {
    if (estate.relations[r].link == Link::kBuiltFrom) disks.push_back(estate.relations[r].to);
  }
  const auto affected = [&](size_t broken) {
    Physics physics(estate);
    std::vector<Force> forces(estate.entities.size());
    for (size_t i = 0; i < broken; ++i) forces[disks[i]].aux = 1;  // of the same RAID group
    for (int step = 0; step < 30; ++step) physics.Step(forces, 1);
    size_t count = 0;
    for (EntityIndex i = 0; i < estate.entities.size(); ++i) {
      const bool disk = estate.entities[i].kind == Kind::kDisk;
      count += !disk && IsAffected(estate.entities[i], physics.state(i)) ? 1 : 0;
    }
    return count;
  };
  EXPECT_EQ(affected(1), 0U);
  EXPECT_GT(affected(2), 3U);
}

TEST(Random, ZipfStaysInItsBounds) {
  Random random(1);
  std::map<size_t, int> seen;
  for (int i = 0; i < 20'000; ++i) ++seen[random.Zipf(12, 1.3)];
  EXPECT_EQ(seen.begin()->first, 1U);
  EXPECT_EQ(seen.rbegin()->first, 12U);
  EXPECT_GT(seen[1], 3 * seen[4]);
}

}  // namespace
}  // namespace rootnote::simulator
