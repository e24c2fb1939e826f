// Several faults, counter-evidence, ties, size.
#include <chrono>

#include "gtest/gtest.h"

#include "tests/unit/correlator/world.h"

namespace rootnote {
namespace {

constexpr std::string_view kRules = R"(
kind transaction { id name }
kind app    { id app, region }
kind vm     { id vm }
kind array  { id array }
kind dns    { id resolver }
relation serves        : transaction -> app  carries errors, latency
relation calls         : app -> app          carries errors
relation runs_on       : app -> vm           carries errors, latency
relation stored_on     : vm -> array         carries latency
relation resolves_with : app -> dns          carries errors
relation forwards_to   : dns -> dns          carries errors
signal tx_errors on transaction { when x > 1 for 20s family errors severity major }
signal app_errors on app   { when x > 1 for 30s family errors severity major }
signal app_note on app     { when x > 1 for 30s family errors severity info }
signal app_slow on app     { when x > 1 for 30s family latency severity warning }
signal vm_slow on vm       { when x > 1 for 30s family latency severity warning }
signal array_slow on array { when x > 1 for 30s family latency severity warning }
signal servfail on dns     { when x > 1 for 20s family errors severity major }
)";

std::string App(int i) { return "app:a" + std::to_string(i) + "/uk"; }

TEST(Cover, TwoFaultsAtOnceAreTwoIncidents) {
  World world(kRules);
  for (int i = 1; i <= 6; ++i) {
    const std::string vm = "vm:v" + std::to_string(i);
    world.Map(App(i) + " -runs_on-> " + vm + "\n" + App(i) + " -resolves_with-> dns:d\n" + vm +
              " -stored_on-> array:" + (i <= 3 ? "a" : "b"));
  }
  world.Fire(10, "servfail", "dns:d");
  world.Fire(10, "array_slow", "array:a");
  for (int i = 1; i <= 6; ++i) world.Fire(20 + i, "app_errors", App(i));
  for (int i = 1; i <= 3; ++i) {
    world.Fire(20, "vm_slow", "vm:v" + std::to_string(i));
    world.Fire(30, "app_slow", App(i));
  }
  world.Run(200);
  const std::vector<Incident> incidents = world.Latest();
  ASSERT_EQ(incidents.size(), 2U);
  std::map<std::string, Incident> by_root;
  for (const Incident& incident : incidents) by_root[incident.root[0].entity] = incident;
  ASSERT_TRUE(by_root.contains("dns:d"));
  ASSERT_TRUE(by_root.contains("array:a"));
  EXPECT_EQ(by_root["dns:d"].blast_radius.actual, 6);
  EXPECT_EQ(Impacted(by_root["array:a"]),
            (std::set<std::string>{App(1), App(2), App(3), "vm:v1", "vm:v2", "vm:v3"}));
}

TEST(Cover, UnrelatedFailuresAreTwoIncidents) {
  World world(kRules);
  world.Map(App(1) + " -runs_on-> vm:v1\n" + App(2) + " -runs_on-> vm:v2");
  world.Fire(10, "app_errors", App(1));
  world.Fire(10, "app_errors", App(2));
  world.Run(100);
  EXPECT_EQ(world.Latest().size(), 2U);
}

TEST(Cover, DirectionDecides) {
  // What depends on the failing application is hurt; what it depends on is not the cause.
  World world(kRules);
  world.Map(App(1) + " -calls-> " + App(2) + "\n" + App(2) + " -calls-> " + App(3));
  world.Fire(10, "app_errors", App(2));
  world.Fire(12, "app_errors", App(1));
  world.Run(100);
  ASSERT_EQ(world.Latest().size(), 1U);
  EXPECT_EQ(world.Latest()[0].root[0].entity, App(2));
  EXPECT_EQ(Impacted(world.Latest()[0]), (std::set<std::string>{App(1)}));
  EXPECT_TRUE(Impacted(world.Latest()[0], true).empty());
}

TEST(Cover, AFifthThatStaysHealthyHidesNothing) {
  World world(kRules);
  for (int i = 1; i <= 10; ++i) world.Map(App(i) + " -resolves_with-> dns:d");
  world.Fire(10, "servfail", "dns:d");
  for (int i = 1; i <= 8; ++i) world.Fire(40, "app_errors", App(i));
  world.Run(900);
  ASSERT_EQ(world.Latest().size(), 1U);
  EXPECT_EQ(world.Latest()[0].root[0].entity, "dns:d");
  EXPECT_EQ(world.Latest()[0].blast_radius.actual, 8);
}

TEST(Cover, AFifthThatStaysHealthyDoesNotHideASilentRoot) {
  World world(kRules);
  world.watch().Blind("dns:d");
  for (int i = 1; i <= 10; ++i) world.Map(App(i) + " -resolves_with-> dns:d");
  for (int i = 1; i <= 8; ++i) world.Fire(40, "app_errors", App(i));
  world.Run(900);
  ASSERT_EQ(world.Latest().size(), 1U);
  EXPECT_EQ(world.Latest()[0].root[0].entity, "dns:d");
  EXPECT_EQ(world.Latest()[0].root[0].fault, "unobserved_errors");
}

TEST(Cover, AHealthyRegionIsCounterEvidence) {
  // The regional resolver and the core both explain the uk; jp, on the same core, is well.
  World world(kRules);
  world.watch().Blind("dns");
  world.Map("dns:uk -forwards_to-> dns:core\n dns:jp -forwards_to-> dns:core");
  for (int i = 1; i <= 5; ++i) {
    world.Map(App(i) + " -resolves_with-> dns:uk");
    world.Map("app:j" + std::to_string(i) + "/jp -resolves_with-> dns:jp");
    world.Fire(100, "app_errors", App(i), 70);
  }
  world.Run(300);
  ASSERT_EQ(world.Latest().size(), 1U);
  const Incident incident = world.Latest()[0];
  EXPECT_EQ(incident.root[0].entity, "dns:uk");
  EXPECT_EQ(incident.blast_radius.healthy.at("region"), (std::vector<std::string>{"jp"}));
}

TEST(Cover, MutualCallsAreOneIncidentOfTheFirstToFail) {
  World world(kRules);
  world.Map(App(1) + " -calls-> " + App(2) + "\n" + App(2) + " -calls-> " + App(1));
  world.Fire(11, "app_errors", App(2));
  world.Fire(15, "app_errors", App(1));
  world.Run(100);
  ASSERT_EQ(world.Latest().size(), 1U);
  EXPECT_EQ(world.Latest()[0].root[0].entity, App(2));
}

TEST(Cover, InfoOpensNothingAlone) {
  World world(kRules);
  world.Map(App(1) + " -runs_on-> vm:v1");
  world.Fire(10, "app_note", App(1));
  EXPECT_TRUE(world.Run(500).empty());
  EXPECT_EQ(world.Verdict("app_note", App(1)), "below_threshold: info opens nothing alone");
}

// Else the next fault, half an hour later, would be a part of this one.
TEST(Cover, InfoHoldsNothingOpen) {
  World world(kRules);
  world.Map(App(1) + " -runs_on-> vm:v1");
  world.Fire(10, "app_note", App(1));
  world.Fire(11, "app_errors", App(1));
  world.Run(100);
  world.End(110, "app_errors", App(1));
  world.Run(1'800);
  ASSERT_EQ(world.Latest().size(), 1U);
  EXPECT_EQ(world.Latest()[0].symptoms_total, 2);
  EXPECT_EQ(world.Latest()[0].status, IncidentStatus::kResolved);
  EXPECT_EQ(world.Latest()[0].resolved_at, World::At(170))
      << "a minute after the last that is a failure";
  world.Fire(1'810, "vm_slow", "vm:v1");
  world.Run(1'900);
  EXPECT_EQ(world.Latest().size(), 2U);
}

TEST(Cover, WhatIsNotInTheMapOpensItsOwn) {
  World world(kRules);
  world.Fire(10, "app_errors", App(1));
  world.Run(100);
  ASSERT_EQ(world.Latest().size(), 1U);
  EXPECT_EQ(world.Latest()[0].root[0].entity, App(1));
  EXPECT_EQ(world.Latest()[0].limits.back(), "no map of the estate");
}

TEST(Cover, AThousandSymptomsOfOneCauseAreOneIncident) {
  World world(kRules);
  for (int i = 1; i <= 1000; ++i) {
    world.Map(App(i) + " -resolves_with-> dns:d\n" + App(i) + " -runs_on-> vm:v" +
              std::to_string(i));
  }
  world.Fire(10, "servfail", "dns:d");
  for (int i = 1; i <= 1000; ++i) world.Fire(30, "app_errors", App(i));
  world.Run(29);
  const auto begin = std::chrono::steady_clock::now();
  world.Run(30);
  const auto took = std::chrono::steady_clock::now() - begin;
  world.Run(100);
  ASSERT_EQ(world.Latest().size(), 1U);
  EXPECT_EQ(world.Latest()[0].blast_radius.actual, 1000);
  // Tens of milliseconds; the bound only catches what is quadratic.
  EXPECT_LT(std::chrono::duration<double>(took).count(), 5.0);
}

TEST(Cover, CauseThatBeganAfterItsEffectIsNone) {
  World world(kRules);
  world.Map(App(1) + " -resolves_with-> dns:d");
  world.Fire(10, "app_errors", App(1));
  world.Fire(400, "servfail", "dns:d");
  world.Run(600);
  ASSERT_EQ(world.Latest().size(), 2U);
  EXPECT_EQ(world.Latest()[0].root[0].entity, App(1));
  EXPECT_EQ(world.Latest()[1].root[0].entity, "dns:d");
}

}  // namespace
}  // namespace rootnote
