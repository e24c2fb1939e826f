// Something outside the map: what fails shares a label, and nothing that it depends on fails.
#include "gtest/gtest.h"

#include "tests/unit/correlator/world.h"

namespace rootnote {
namespace {

constexpr std::string_view kRules = R"(
kind transaction { id name, region }
kind app { id app }
relation serves : transaction -> app  carries errors
signal tx_failing on transaction { when x > 1 for 20s family errors severity major }
signal app_errors on app { when x > 1 for 20s family errors severity major }
)";

// Five transactions in each of two regions, each on an application of its own.
void MapRegions(World& world) {
  for (const char* region : {"uk", "jp"}) {
    for (int i = 1; i <= 5; ++i) {
      const std::string id = "t" + std::to_string(i) + "/" + region;
      world.Map("transaction:" + id + " -serves-> app:a" + std::to_string(i) + region);
    }
  }
}

void FireIn(World& world, const std::string& region, int count, double at = 30) {
  for (int i = 1; i <= count; ++i) {
    world.Fire(at + i, "tx_failing", "transaction:t" + std::to_string(i) + "/" + region, at - 20);
  }
}

std::vector<Incident> Open(const World& world) {
  std::vector<Incident> open;
  for (const Incident& incident : world.Latest()) {
    if (incident.status == IncidentStatus::kOpen) open.push_back(incident);
  }
  return open;
}

TEST(External, OneRegionFailsAndTheOtherIsWell) {
  World world(kRules);
  MapRegions(world);
  FireIn(world, "uk", 5);
  world.Run(200);
  ASSERT_EQ(Open(world).size(), 1U);
  const Incident incident = Open(world)[0];
  EXPECT_EQ(incident.root[0].entity, "external:region/uk");
  EXPECT_EQ(incident.root[0].kind, "external");
  EXPECT_EQ(incident.root[0].fault, "external_errors");
  EXPECT_FALSE(incident.root[0].observed);
  EXPECT_EQ(Impacted(incident).size(), 5U);
  EXPECT_EQ(FindImpact(incident, "transaction:t2/uk")->path,
            (std::vector<std::string>{"external:region/uk", "transaction:t2/uk"}));
  EXPECT_TRUE(incident.unexplained.empty());
}

TEST(External, TwoAreNoPattern) {
  World world(kRules);
  MapRegions(world);
  FireIn(world, "uk", 2);
  world.Run(200);
  EXPECT_EQ(Open(world).size(), 2U);
}

TEST(External, WhatFailsEverywhereIsNotTheRegion) {
  World world(kRules);
  MapRegions(world);
  FireIn(world, "uk", 5);
  FireIn(world, "jp", 5);
  world.Run(200);
  for (const Incident& incident : Open(world)) {
    EXPECT_FALSE(incident.root[0].entity.starts_with("external:")) << incident.root[0].entity;
  }
}

TEST(External, ACauseInTheMapComesFirst) {
  World world(kRules);
  for (const char* region : {"uk", "jp"}) {
    for (int i = 1; i <= 5; ++i) {
      world.Map("transaction:t" + std::to_string(i) + "/" + region + " -serves-> app:" + region);
    }
  }
  world.Fire(29, "app_errors", "app:uk", 9);
  FireIn(world, "uk", 5);
  world.Run(200);
  ASSERT_EQ(Open(world).size(), 1U);
  EXPECT_EQ(Open(world)[0].root[0].entity, "app:uk");
}

TEST(External, EndsWithItsSymptoms) {
  World world(kRules);
  MapRegions(world);
  FireIn(world, "uk", 5);
  world.Run(100);
  for (int i = 1; i <= 5; ++i) {
    world.End(200, "tx_failing", "transaction:t" + std::to_string(i) + "/uk");
  }
  world.Run(400);
  EXPECT_TRUE(Open(world).empty());
  for (const Incident& incident : world.Latest()) {
    EXPECT_NE(incident.status, IncidentStatus::kOpen) << incident.id;
  }
}

TEST(External, LivesOnAfterARestart) {
  World world(kRules);
  MapRegions(world);
  FireIn(world, "uk", 5);
  world.Run(100);
  ASSERT_EQ(Open(world).size(), 1U);
  const std::string id = Open(world)[0].id;
  for (const Incident& incident : world.Restart()) EXPECT_NE(incident.id, id) << incident.reason;
  world.Run(200);
  world.Fire(220, "app_errors", "app:a1jp");
  world.Run(300);
  for (const Incident& incident : world.store().All()) {
    if (incident.id != id) continue;
    EXPECT_EQ(incident.root[0].entity, "external:region/uk");
  }
}

}  // namespace
}  // namespace rootnote
