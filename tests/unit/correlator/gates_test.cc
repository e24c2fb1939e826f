// Redundancy: what relations tolerate, and what happens beyond.
#include "gtest/gtest.h"

#include "engine/correlator_gates.h"
#include "tests/unit/correlator/world.h"

namespace rootnote {
namespace {

constexpr std::string_view kRules = R"(
kind app  { id app }
kind pool { id pool }
kind vm   { id vm }
kind dns  { id resolver }
relation resolves_with : app -> dns   carries errors tolerates all but 1
relation forwards_to   : dns -> dns   carries errors
relation balanced_by   : app -> pool  carries down as errors
relation member        : pool -> vm   carries down tolerates 1
relation spread_over   : app -> vm    carries errors tolerates 50%
signal app_errors on app  { when x > 1 for 30s family errors severity major }
signal servfail on dns    { when x > 1 for 20s family errors severity major }
signal vm_down on vm      { when x > 1 for 20s family down severity warning }
signal vm_errors on vm    { when x > 1 for 20s family errors severity warning }
)";

std::string Rules(std::string_view more) {
  std::string rules(kRules);
  rules += more;
  return rules;
}

void MapResolvers(World& world, int apps, bool forwarder) {
  for (int i = 1; i <= apps; ++i) {
    const std::string app = "app:a" + std::to_string(i);
    world.Map(app + " -resolves_with-> dns:r1");
    world.Map(app + " -resolves_with-> dns:r2");
  }
  if (!forwarder) return;
  world.Map("dns:r1 -forwards_to-> dns:upstream");
  world.Map("dns:r2 -forwards_to-> dns:upstream");
}

TEST(Gates, CountsWhatIsTolerated) {
  EXPECT_EQ(ToleratedCount({Tolerance::Type::kCount, 1, {}}, 8), 1U);
  EXPECT_EQ(ToleratedCount({Tolerance::Type::kAllBut, 1, {}}, 3), 2U);
  EXPECT_EQ(ToleratedCount({Tolerance::Type::kAllBut, 1, {}}, 1), 0U);
  EXPECT_EQ(ToleratedCount({Tolerance::Type::kAllBut, 4, {}}, 3), 0U);
  EXPECT_EQ(ToleratedCount({Tolerance::Type::kPercent, 50, {}}, 5), 2U);
  EXPECT_EQ(ToleratedCount({Tolerance::Type::kPercent, 100, {}}, 5), 5U);
}

TEST(Gates, OneResolverOfTwoIsTolerated) {
  World world(kRules);
  MapResolvers(world, 3, true);
  world.Fire(10, "servfail", "dns:r1");
  EXPECT_TRUE(world.Run(400).empty());
  EXPECT_EQ(world.Verdict("servfail", "dns:r1").substr(0, 9), "tolerated");
}

TEST(Gates, AFailingUpstreamOfTheWholePoolIsTheRoot) {
  World world(kRules);
  MapResolvers(world, 3, true);
  world.Fire(10, "servfail", "dns:upstream");
  world.Fire(12, "servfail", "dns:r1");
  world.Fire(13, "servfail", "dns:r2");
  world.Fire(40, "app_errors", "app:a1");
  world.Fire(45, "app_errors", "app:a2");
  world.Run(200);
  ASSERT_EQ(world.Latest().size(), 1U);
  const Incident incident = world.Latest()[0];
  EXPECT_EQ(incident.root[0].entity, "dns:upstream");
  EXPECT_EQ(incident.root[0].fault, "servfail");
  EXPECT_TRUE(incident.root[0].causes.empty());
  EXPECT_EQ(Impacted(incident), (std::set<std::string>{"app:a1", "app:a2", "dns:r1", "dns:r2"}));
}

TEST(Gates, ASilentUpstreamOfTheWholePoolIsTheRoot) {
  World world(kRules);
  world.watch().Blind("dns:upstream");
  MapResolvers(world, 3, true);
  world.Fire(12, "servfail", "dns:r1");
  world.Fire(13, "servfail", "dns:r2");
  world.Fire(15, "app_errors", "app:a1");
  world.Fire(16, "app_errors", "app:a2");
  world.Run(200);
  ASSERT_EQ(world.Latest().size(), 1U);
  const Incident incident = world.Latest()[0];
  EXPECT_EQ(incident.root[0].entity, "dns:upstream");
  EXPECT_EQ(incident.root[0].fault, "unobserved_errors");
  EXPECT_FALSE(incident.root[0].monitored);
}

TEST(Gates, MembersWithoutMonitorFailWithTheCandidateTheyDependOn) {
  World world(kRules);
  MapResolvers(world, 3, true);
  world.watch().Blind("dns:r1");
  world.watch().Blind("dns:r2");
  world.Fire(10, "servfail", "dns:upstream");
  world.Fire(40, "app_errors", "app:a1");
  world.Run(100);
  ASSERT_EQ(world.Latest().size(), 1U);
  const Incident incident = world.Latest()[0];
  EXPECT_EQ(incident.root[0].entity, "dns:upstream");
  EXPECT_EQ(Impacted(incident), (std::set<std::string>{"app:a1"}));
  ASSERT_FALSE(incident.limits.empty());
  EXPECT_EQ(incident.limits.back(),
            "2 members counted as failed without a monitor: dns:r1, dns:r2");
}

TEST(Gates, ResolversThatFailTogetherWithoutCommonCauseAreOneIncident) {
  World world(kRules);
  MapResolvers(world, 20, false);
  world.Fire(12, "servfail", "dns:r1");
  world.Fire(13, "servfail", "dns:r2");
  for (int i = 1; i <= 20; ++i) world.Fire(15, "app_errors", "app:a" + std::to_string(i));
  world.Run(200);
  ASSERT_EQ(world.Latest().size(), 1U);
  const Incident incident = world.Latest()[0];
  EXPECT_EQ(incident.root[0].entity, "dns:r1");
  EXPECT_EQ(incident.root[0].causes, (std::vector<std::string>{"dns:r2"}));
  EXPECT_EQ(incident.blast_radius.actual, 20);
}

TEST(Gates, ResolversThatFailTogetherAreOneIncidentBeforeAnybodyIsHurt) {
  World world(kRules);
  MapResolvers(world, 20, false);
  world.Fire(12, "servfail", "dns:r1");
  world.Fire(13, "servfail", "dns:r2");
  for (int i = 1; i <= 20; ++i) world.Fire(100, "app_errors", "app:a" + std::to_string(i));
  world.Run(200);
  ASSERT_EQ(world.Latest().size(), 1U);
  EXPECT_EQ(world.Latest()[0].root[0].entity, "dns:r1");
  EXPECT_EQ(world.Latest()[0].blast_radius.actual, 20);
}

TEST(Gates, APoolThatLostTooManyMembersIsTheRoot) {
  World world(kRules);
  world.Map(R"(
    app:shop -balanced_by-> pool:p
    pool:p -member-> vm:m1
    pool:p -member-> vm:m2
    pool:p -member-> vm:m3)");
  world.Fire(10, "vm_down", "vm:m1");
  EXPECT_TRUE(world.Run(100).empty());
  world.Fire(110, "vm_down", "vm:m3");
  world.Fire(120, "app_errors", "app:shop", 112);
  world.Run(200);
  ASSERT_EQ(world.Latest().size(), 1U);
  const Incident incident = world.Latest()[0];
  EXPECT_EQ(incident.root[0].entity, "pool:p");
  EXPECT_EQ(incident.root[0].fault, "redundancy_lost");
  EXPECT_EQ(incident.root[0].causes, (std::vector<std::string>{"vm:m1", "vm:m3"}));
  EXPECT_EQ(Impacted(incident), (std::set<std::string>{"app:shop"}));
  // It broke when the second member failed, not when the first did.
  EXPECT_EQ(incident.root[0].onset, World::At(110));
}

TEST(Gates, APendingMemberBreaksNothing) {
  World world(kRules);
  world.Map("pool:p -member-> vm:m1\n pool:p -member-> vm:m2\n pool:p -member-> vm:m3");
  world.Fire(10, "vm_down", "vm:m1");
  world.Pending(50, "vm_down", "vm:m2");
  EXPECT_TRUE(world.Run(100).empty());
  EXPECT_EQ(world.Verdict("vm_down", "vm:m2").substr(0, 7), "pending");
}

TEST(Gates, AMemberThatAlsoCarriesItElsewhereIsNotTolerated) {
  World world(kRules);
  world.Map(R"(
    pool:p -member-> vm:m1
    pool:p -member-> vm:m2
    app:lonely -spread_over-> vm:m1)");
  // `spread_over` with a single member tolerates none of it, and carries errors, not down.
  world.Fire(10, "vm_down", "vm:m1");
  EXPECT_TRUE(world.Run(100).empty());
  world.Fire(110, "vm_errors", "vm:m1");
  world.Run(200);
  ASSERT_EQ(world.Latest().size(), 1U);
  EXPECT_EQ(world.Latest()[0].root[0].entity, "vm:m1");
}

TEST(Gates, ADeclaredFaultOnTheGroupWins) {
  World world(Rules(R"(
fault pool_exhausted on pool { causes app_errors title "Pool {pool} has too few members" }
)"));
  world.Map(R"(
    app:shop -balanced_by-> pool:p
    pool:p -member-> vm:m1
    pool:p -member-> vm:m2)");
  world.Fire(10, "vm_down", "vm:m1");
  world.Fire(11, "vm_down", "vm:m2");
  world.Run(100);
  ASSERT_EQ(world.Latest().size(), 1U);
  EXPECT_EQ(world.Latest()[0].root[0].fault, "pool_exhausted");
  EXPECT_EQ(world.Latest()[0].title, "Pool p has too few members");
}

TEST(Gates, ToleratedFindingsMayOpenAsInfo) {
  World world(Rules("incidents { tolerated open info }\n"));
  world.Map("pool:p -member-> vm:m1\n pool:p -member-> vm:m2");
  world.Fire(10, "vm_down", "vm:m1");
  world.Run(100);
  ASSERT_EQ(world.Latest().size(), 1U);
  EXPECT_EQ(world.Latest()[0].severity, Severity::kInfo);
}

}  // namespace
}  // namespace rootnote
