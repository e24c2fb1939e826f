// What is seen on a call speaks for the called one, for the call itself, or for the caller.
#include "gtest/gtest.h"

#include "tests/unit/correlator/world.h"

namespace rootnote {
namespace {

constexpr std::string_view kRules = R"(
kind app { id app }
kind vm  { id vm }
relation calls   : app -> app  from { app=caller } to { app=callee }  carries errors, latency, latency as errors
relation runs_on : app -> vm   carries latency, saturation as latency
signal slow_calls on relation calls { when call_seconds > 1 for 20s family latency severity warning }
signal app_errors on app { when x > 1 for 20s family errors severity major }
signal vm_busy on vm     { when x > 1 for 20s family saturation severity warning }
)";

// The same, and the called one measures its own time.
constexpr std::string_view kServed = R"(
signal slow_served on app { when served_seconds > 1 for 20s family latency severity warning }
)";

constexpr std::string_view kCalls = R"(
  app:web -calls-> app:cart
  app:mobile -calls-> app:cart
  app:admin -calls-> app:cart
  app:web -calls-> app:search
  app:web -calls-> app:users
  app:cart -runs_on-> vm:v1
  app:web -runs_on-> vm:v2)";

const std::string kWebToCart = "calls:app%3Aweb/app%3Acart";

TEST(Relation, AllCallersSeeTheCalledOneFail) {
  World world(kRules);
  world.Map(kCalls);
  for (const char* from : {"app:web", "app:mobile", "app:admin"}) {
    world.FireOn(30, "slow_calls", from, "app:cart", 10);
  }
  world.Fire(32, "app_errors", "app:web", 12);
  world.Run(200);
  ASSERT_EQ(world.Latest().size(), 1U);
  const Incident incident = world.Latest()[0];
  EXPECT_EQ(incident.root[0].entity, "app:cart");
  EXPECT_EQ(incident.root[0].fault, "slow_calls");
  EXPECT_TRUE(incident.root[0].observed);
  EXPECT_EQ(Impacted(incident), (std::set<std::string>{"app:web"}));
  EXPECT_EQ(FindImpact(incident, "app:web")->path,
            (std::vector<std::string>{"app:cart", "app:web"}));
  EXPECT_EQ(incident.symptoms_total, 4);
}

// One of one, as far as anybody can tell.
TEST(Relation, TheOnlyCallThatIsWatchedSpeaksForTheCalledOne) {
  World world(kRules);
  world.Map("app:web -calls-> app:cart");
  world.FireOn(30, "slow_calls", "app:web", "app:cart", 10);
  world.Fire(32, "app_errors", "app:web", 12);
  world.Run(200);
  ASSERT_EQ(world.Latest().size(), 1U);
  EXPECT_EQ(world.Latest()[0].root[0].entity, "app:cart");
}

// It serves in time, but nobody else is there to say that its network is well.
TEST(Relation, TheOnlyCallSpeaksForTheCalledOneThatServesInTime) {
  World world(std::string(kRules) + std::string(kServed));
  world.Map("app:web -calls-> app:cart");
  world.FireOn(30, "slow_calls", "app:web", "app:cart", 10);
  world.Fire(32, "app_errors", "app:web", 12);
  world.Run(200);
  ASSERT_EQ(world.Latest().size(), 1U);
  EXPECT_EQ(world.Latest()[0].root[0].entity, "app:cart");
}

TEST(Relation, AllCallsThatAreSlowSpeakForTheCalledOneThatServesInTime) {
  World world(std::string(kRules) + std::string(kServed));
  world.Map(kCalls);
  for (const char* from : {"app:web", "app:mobile", "app:admin"}) {
    world.FireOn(30, "slow_calls", from, "app:cart", 10);
  }
  world.Run(200);
  ASSERT_EQ(world.Latest().size(), 1U);
  EXPECT_EQ(world.Latest()[0].root[0].entity, "app:cart");
}

TEST(Relation, ACallIsTheRootWhenTheCalledOneIsWell) {
  World world(std::string(kRules) + std::string(kServed));
  world.Map(kCalls);
  world.FireOn(30, "slow_calls", "app:web", "app:cart", 10);
  world.Fire(32, "app_errors", "app:web", 12);
  world.Run(200);
  ASSERT_EQ(world.Latest().size(), 1U);
  const Incident incident = world.Latest()[0];
  EXPECT_EQ(incident.root[0].entity, kWebToCart);
  EXPECT_EQ(incident.root[0].kind, "calls");
  EXPECT_EQ(incident.root[0].fault, "slow_calls");
  EXPECT_EQ(Impacted(incident), (std::set<std::string>{"app:web"}));
  EXPECT_EQ(FindImpact(incident, "app:web")->path,
            (std::vector<std::string>{kWebToCart, "app:web"}));
  EXPECT_EQ(FindImpact(incident, "app:web")->relations, (std::vector<std::string>{"calls"}));
}

TEST(Relation, ACallIsTheRootWhenTheOthersAreWell) {
  World world(kRules);
  world.Map(kCalls);
  world.FireOn(30, "slow_calls", "app:web", "app:cart", 10);
  world.Fire(32, "app_errors", "app:web", 12);
  world.Run(200);
  ASSERT_EQ(world.Latest().size(), 1U);
  EXPECT_EQ(world.Latest()[0].root[0].entity, kWebToCart);
}

TEST(Relation, TheCalledOneThatShowsItIsTheRoot) {
  World world(std::string(kRules) + std::string(kServed));
  world.Map(kCalls);
  world.FireOn(30, "slow_calls", "app:web", "app:cart", 10);
  world.Fire(31, "slow_served", "app:cart", 11);
  world.Fire(32, "app_errors", "app:web", 12);
  world.Run(200);
  ASSERT_EQ(world.Latest().size(), 1U);
  EXPECT_EQ(world.Latest()[0].root[0].entity, "app:cart");
}

TEST(Relation, WhatTheCalledOneStandsOnExplainsItsCalls) {
  World world(kRules);
  world.Map(kCalls);
  world.FireOn(30, "slow_calls", "app:web", "app:cart", 10);
  world.FireOn(30, "slow_calls", "app:mobile", "app:cart", 10);
  world.Fire(30, "vm_busy", "vm:v1", 8);
  world.Run(200);
  ASSERT_EQ(world.Latest().size(), 1U);
  EXPECT_EQ(world.Latest()[0].root[0].entity, "vm:v1");
  EXPECT_EQ(Impacted(world.Latest()[0]), (std::set<std::string>{"app:cart"}));
}

TEST(Relation, ACallerThatIsShortOfSomethingSeesAllItsCallsSuffer) {
  World world(kRules);
  world.Map(kCalls);
  for (const char* to : {"app:cart", "app:search", "app:users"}) {
    world.FireOn(30, "slow_calls", "app:web", to, 10);
  }
  world.Fire(30, "vm_busy", "vm:v2", 8);
  world.Run(200);
  ASSERT_FALSE(world.Latest().empty());
  EXPECT_EQ(world.Latest()[0].root[0].entity, "vm:v2");
}

// Which of them was first in the map or among the symptoms does not matter.
TEST(Relation, TheOrderOfArrivalDoesNotMatter) {
  for (const bool calls_first : {true, false}) {
    World world(std::string(kRules) + std::string(kServed));
    world.Map(kCalls);
    world.Fire(calls_first ? 36 : 30, "app_errors", "app:web", 12);
    world.FireOn(calls_first ? 30 : 36, "slow_calls", "app:web", "app:cart", 10);
    world.Run(200);
    ASSERT_EQ(world.Latest().size(), 1U);
    EXPECT_EQ(world.Latest()[0].root[0].entity, kWebToCart);
  }
}

TEST(Relation, ComesToAnEndAndTheNextOneIsAnother) {
  World world(std::string(kRules) + std::string(kServed));
  world.Map(kCalls);
  world.FireOn(30, "slow_calls", "app:web", "app:cart", 10);
  world.Fire(32, "app_errors", "app:web", 12);
  world.Run(100);
  world.EndOn(120, "slow_calls", "app:web", "app:cart");
  world.FireOn(130, "slow_calls", "app:web", "app:search", 110);
  world.End(140, "app_errors", "app:web");
  world.Run(400);
  ASSERT_EQ(world.Latest().size(), 2U);
  EXPECT_EQ(world.Latest()[0].status, IncidentStatus::kResolved);
  EXPECT_EQ(world.Latest()[1].root[0].entity, "app:search") << "nobody else calls it";
}

}  // namespace
}  // namespace rootnote
