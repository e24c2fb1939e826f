// Who gets which revision: routes, catching up, maintenance.
#include <algorithm>

#include "gtest/gtest.h"

#include "tests/unit/correlator/world.h"

namespace rootnote {
namespace {

constexpr std::string_view kRules = R"(
kind app   { id app }
kind dns   { id resolver }
relation resolves_with : app -> dns    carries errors
signal app_errors on app   { when x > 1 for 30s family errors severity critical }
signal servfail on dns     { when avg_over_time(x[2m]) > 1 for 20s family errors severity warning
                             labels { team="network" } }
incidents {
  hold back 20s  reopen within 30m
  route to topic "incidents.all"
  route severity >= critical to topic "incidents.page"
  route severity >= info team="network" to topic "incidents.net"
  route severity >= major team="network" to topic "incidents.net"
  route team=~"store|app" to topic "incidents.store"
}
)";

using Topics = std::vector<std::string>;

TEST(Routes, ATopicGetsEveryRevisionFromTheFirstThatMatched) {
  World world(kRules);
  world.Map("app:a1 -resolves_with-> dns:d\n app:a2 -resolves_with-> dns:d");
  world.Fire(10, "servfail", "dns:d");
  world.Run(40);
  ASSERT_EQ(world.Latest().size(), 1U);
  EXPECT_EQ(world.Latest()[0].severity, Severity::kWarning);
  EXPECT_EQ(world.Latest()[0].routed, (Topics{"incidents.all", "incidents.net"}));
  world.Fire(50, "app_errors", "app:a1");
  world.Run(60);
  EXPECT_EQ(world.Latest()[0].severity, Severity::kCritical);
  const Topics all{"incidents.all", "incidents.net", "incidents.page"};
  EXPECT_EQ(world.Latest()[0].routed, all);
  world.End(100, "app_errors", "app:a1");
  world.End(100, "servfail", "dns:d");
  world.Run(200);
  EXPECT_EQ(world.Latest()[0].status, IncidentStatus::kResolved);
  world.Fire(300, "servfail", "dns:d");
  world.Run(340);
  EXPECT_EQ(world.Latest()[0].state, IncidentState::kReopened);
  // Once routed, always: no topic is ever left with an incident that stays open there.
  Topics known;
  for (const Incident& incident : world.emitted()) {
    EXPECT_TRUE(
        std::includes(incident.routed.begin(), incident.routed.end(), known.begin(), known.end()));
    EXPECT_TRUE(std::is_sorted(incident.routed.begin(), incident.routed.end()));
    known = incident.routed;
  }
  EXPECT_EQ(known, all);
  EXPECT_EQ(world.store().stats().routed, 3U);
}

TEST(Routes, NothingWithoutARoute) {
  std::string rules(kRules);
  rules.erase(rules.find("  route"));
  rules.append("}\n");
  World world(rules);
  world.Fire(10, "app_errors", "app:a1");
  world.Run(200);
  ASSERT_EQ(world.Latest().size(), 1U);
  EXPECT_TRUE(world.Latest()[0].routed.empty());
}

TEST(Routes, NotInMaintenanceHoweverLowTheSeverity) {
  std::string rules(kRules);
  rules.append(R"(
maintenance "work" on dns:d
  from 2026-03-01 00:01 to 2026-03-01 00:10 in UTC  owner "team"
)");
  World world(rules);
  world.Map("app:a1 -resolves_with-> dns:d\n app:a2 -resolves_with-> dns:d");
  world.Fire(100, "servfail", "dns:d");
  world.Fire(110, "app_errors", "app:a1");
  world.Fire(111, "app_errors", "app:a2");
  world.Run(500);
  ASSERT_EQ(world.Latest().size(), 1U);
  EXPECT_EQ(world.Latest()[0].maintenance_name, "work");
  for (const Incident& incident : world.emitted()) EXPECT_TRUE(incident.routed.empty());
}

TEST(Routes, OfARestoredRecordStay) {
  World world(kRules);
  world.Map("app:a1 -resolves_with-> dns:d");
  world.Fire(10, "servfail", "dns:d");
  world.Fire(12, "app_errors", "app:a1");
  world.Run(60);
  const Topics all{"incidents.all", "incidents.net", "incidents.page"};
  EXPECT_EQ(world.Latest()[0].routed, all);
  IncidentOptions options;
  options.routing = false;
  world.Restart(true, options);
  world.End(70, "app_errors", "app:a1");
  world.End(70, "servfail", "dns:d");
  world.Run(200);
  EXPECT_EQ(world.Latest()[0].status, IncidentStatus::kResolved);
  EXPECT_EQ(world.Latest()[0].routed, all);
}

TEST(Routes, SwitchedOff) {
  World world(kRules);
  IncidentOptions options;
  options.routing = false;
  world.Restart(true, options);
  world.Fire(10, "app_errors", "app:a1");
  world.Run(60);
  ASSERT_EQ(world.Latest().size(), 1U);
  EXPECT_TRUE(world.Latest()[0].routed.empty());
}

TEST(CatchingUp, RoutesNothingUntilItHas) {
  World world(kRules);
  world.store().SetCatchingUp(true);
  world.Fire(10, "app_errors", "app:a1");
  world.Fire(10, "app_errors", "app:a2");
  world.End(60, "app_errors", "app:a2");
  world.Run(200);
  for (const Incident& incident : world.emitted()) {
    EXPECT_TRUE(incident.catching_up);
    EXPECT_TRUE(incident.routed.empty());
  }
  world.store().SetCatchingUp(false);
  const std::vector<Incident> caught_up = world.Run(201);
  ASSERT_EQ(caught_up.size(), 1U);  // what is over is not told again
  EXPECT_EQ(caught_up[0].root[0].entity, "app:a1");
  EXPECT_EQ(caught_up[0].state, IncidentState::kUpdated);
  EXPECT_EQ(caught_up[0].reason, "caught_up");
  EXPECT_FALSE(caught_up[0].catching_up);
  EXPECT_EQ(caught_up[0].routed, (Topics{"incidents.all", "incidents.page"}));
  EXPECT_TRUE(world.Run(400).empty());
}

TEST(CatchingUp, TopicsThatHadItGoOnGettingIt) {
  World world(kRules);
  world.Map("app:a1 -resolves_with-> dns:d");
  world.Fire(10, "servfail", "dns:d");
  world.Run(60);
  const Topics before = world.Latest()[0].routed;
  EXPECT_EQ(before, (Topics{"incidents.all", "incidents.net"}));
  world.Restart();
  world.store().SetCatchingUp(true);
  world.Fire(70, "app_errors", "app:a1");
  world.Run(110);
  EXPECT_EQ(world.Latest()[0].severity, Severity::kCritical);
  EXPECT_TRUE(world.Latest()[0].catching_up);
  EXPECT_EQ(world.Latest()[0].routed, before);
}

// The restart itself may come while catching up, and find that it need not any more.
TEST(CatchingUp, ARestartSaysSoToo) {
  World world(kRules);
  world.store().SetCatchingUp(true);
  world.Fire(10, "app_errors", "app:a1");
  world.Run(60);
  ASSERT_TRUE(world.Latest()[0].catching_up);
  const std::vector<Incident> caught_up = world.Restart();
  ASSERT_EQ(caught_up.size(), 1U);
  EXPECT_EQ(caught_up[0].reason, "caught_up");
  EXPECT_EQ(caught_up[0].revision, 2);
  EXPECT_TRUE(world.Restart().empty());
}

}  // namespace
}  // namespace rootnote
