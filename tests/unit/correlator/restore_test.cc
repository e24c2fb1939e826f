// A new store takes over from records, at any tick: it goes on as if nothing had happened.
#include "gtest/gtest.h"

#include "tests/unit/correlator/world.h"

namespace rootnote {
namespace {

constexpr std::string_view kRules = R"(
kind app   { id app }
kind vm    { id vm }
kind array { id array }
kind dns   { id resolver }
relation runs_on       : app -> vm     carries errors, latency
relation stored_on     : vm -> array   carries errors, latency
relation resolves_with : app -> dns    carries errors
signal app_errors on app   { when x > 1 for 30s family errors severity major }
signal app_slow on app     { when x > 1 for 30s family latency severity warning }
signal vm_errors on vm     { when x > 1 for 30s family errors severity warning }
signal array_errors on array { when x > 1 for 30s family errors severity warning }
signal servfail on dns     { when avg_over_time(x[2m]) > 1 for 20s family errors severity major }
incidents { hold back 20s  reopen within 30m }
)";

std::string App(int i) { return "app:a" + std::to_string(i); }

void MapApps(World& world, int count) {
  for (int i = 1; i <= count; ++i) world.Map(App(i) + " -resolves_with-> dns:d");
}

TEST(Restore, WhatGoesOnIsNoNews) {
  World world(kRules);
  MapApps(world, 3);
  world.Fire(10, "servfail", "dns:d");
  world.Fire(12, "app_errors", "app:a1");
  world.Run(100);
  ASSERT_EQ(world.Latest().size(), 1U);
  const Incident before = world.Latest()[0];
  EXPECT_EQ(before.revision, 2);
  world.Restart();
  EXPECT_TRUE(world.Run(200).empty());
  EXPECT_EQ(world.store().stats().restored, 1U);
  EXPECT_EQ(world.Verdict("servfail", "dns:d").substr(0, 15), "owned: owned by");
  world.Fire(201, "app_errors", "app:a2");
  const std::vector<Incident> grown = world.Run(240);
  ASSERT_EQ(grown.size(), 1U);
  EXPECT_EQ(grown[0].id, before.id);
  EXPECT_EQ(grown[0].revision, 3);
  EXPECT_EQ(grown[0].reason, "impact_grew");
  EXPECT_EQ(grown[0].opened_at, before.opened_at);
  EXPECT_EQ(grown[0].started_at, before.started_at);
  EXPECT_EQ(grown[0].root[0].onset, before.root[0].onset);
  EXPECT_EQ(Impacted(grown[0]), (std::set<std::string>{"app:a1", "app:a2"}));
  EXPECT_EQ(Impacted(grown[0], /*potential=*/true), (std::set<std::string>{"app:a3"}));
}

}  // namespace
}  // namespace rootnote
