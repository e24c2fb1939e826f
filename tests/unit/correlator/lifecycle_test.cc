// The life of incidents: hold-back, root changes, merge, reopen, resolve, maintenance, the map.
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

void MapApps(World& world, int count, std::string_view resolver = "dns:d") {
  for (int i = 1; i <= count; ++i) {
    world.Map(App(i) + " -resolves_with-> " + std::string(resolver));
  }
}

TEST(Lifecycle, HoldsBackUntilTheRootIsClear) {
  World world(kRules);
  world.watch().Blind("vm");
  world.Map("app:a1 -runs_on-> vm:v1");
  world.Fire(10, "app_errors", "app:a1");
  EXPECT_TRUE(world.Run(29).empty());
  EXPECT_EQ(world.Verdict("app_errors", "app:a1"),
            "held_back: held back until 2026-03-01T00:00:30Z");
  const std::vector<Incident> opened = world.Run(30);
  ASSERT_EQ(opened.size(), 1U);
  EXPECT_EQ(opened[0].opened_at, World::At(30));
  EXPECT_EQ(opened[0].revision, 1);
  EXPECT_EQ(opened[0].reason, "root_found");
  EXPECT_EQ(world.Verdict("app_errors", "app:a1").substr(0, 15), "owned: owned by");
}

TEST(Lifecycle, OpensAtOnceWhenTheRootDominates) {
  World world(kRules);
  MapApps(world, 3);
  world.Fire(10, "servfail", "dns:d");
  const std::vector<Incident> opened = world.Run(10);
  ASSERT_EQ(opened.size(), 1U);
  EXPECT_EQ(opened[0].root[0].entity, "dns:d");
}

TEST(Lifecycle, LateEvidenceChangesTheRootOfTheSameIncident) {
  World world(kRules);
  world.watch().Blind("vm");
  world.Map("app:a1 -runs_on-> vm:v1\n app:a2 -runs_on-> vm:v1\n vm:v1 -stored_on-> array:s");
  world.watch().Blind("array");
  world.Fire(10, "app_errors", "app:a1");
  world.Fire(12, "app_errors", "app:a2");
  world.Run(60);
  ASSERT_EQ(world.Latest().size(), 1U);
  EXPECT_EQ(world.Latest()[0].root[0].entity, "vm:v1");
  const std::string id = world.Latest()[0].id;
  // The array's own collector is a minute behind, but says since when.
  world.Fire(70, "array_errors", "array:s", 15);
  world.Run(79);
  EXPECT_EQ(world.Latest()[0].root[0].entity, "vm:v1");
  world.Run(120);
  ASSERT_EQ(world.Latest().size(), 1U);
  const Incident incident = world.Latest()[0];
  EXPECT_EQ(incident.id, id);
  EXPECT_EQ(incident.root[0].entity, "array:s");
  EXPECT_EQ(incident.root[0].fault, "array_errors");
  EXPECT_EQ(incident.reason, "root_changed");
  EXPECT_EQ(incident.key, "vm:v1|unobserved_errors");
  EXPECT_EQ(FindImpact(incident, "app:a1")->path,
            (std::vector<std::string>{"array:s", "vm:v1", "app:a1"}));
}

TEST(Lifecycle, EvidenceOfTheCommonCauseMergesWhatItExplains) {
  World world(kRules);
  MapApps(world, 2);
  world.Fire(10, "app_errors", "app:a1");
  world.Fire(11, "app_errors", "app:a2");
  world.Run(60);
  // Two out of two, on a resolver that says it is well: too little to blame it.
  ASSERT_EQ(world.Latest().size(), 2U);
  world.Fire(75, "servfail", "dns:d", 71);
  world.Run(200);
  const std::vector<Incident> incidents = world.Latest();
  ASSERT_EQ(incidents.size(), 2U);
  EXPECT_EQ(incidents[0].root[0].entity, "dns:d");
  EXPECT_EQ(incidents[0].status, IncidentStatus::kOpen);
  EXPECT_EQ(incidents[0].merged_from, (std::vector<std::string>{incidents[1].id}));
  EXPECT_EQ(incidents[1].status, IncidentStatus::kMerged);
  EXPECT_EQ(incidents[1].merged_into, incidents[0].id);
  EXPECT_EQ(incidents[0].blast_radius.actual, 2);
}

TEST(Lifecycle, SeveralRootsWithEvidenceTakeWhatASilentOneHad) {
  // Four applications on one silent VM, until two resolvers turn out to be behind two of them each.
  World world(kRules);
  world.watch().Blind("vm");
  world.watch().Blind("array");
  for (int i = 1; i <= 4; ++i) {
    world.Map(App(i) + " -runs_on-> vm:v1\n" + App(i) + " -resolves_with-> dns:d" +
              (i <= 2 ? "1" : "2"));
    world.Fire(10, "app_errors", App(i));
  }
  world.Run(60);
  ASSERT_EQ(world.Latest().size(), 1U);
  EXPECT_EQ(world.Latest()[0].root[0].entity, "vm:v1");
  world.Fire(70, "servfail", "dns:d1", 65);
  world.Fire(70, "servfail", "dns:d2", 65);
  world.Run(200);
  const std::vector<Incident> incidents = world.Latest();
  ASSERT_EQ(incidents.size(), 3U);
  EXPECT_EQ(incidents[0].status, IncidentStatus::kSuperseded);
  EXPECT_EQ(incidents[0].state, IncidentState::kSuperseded);
  EXPECT_TRUE(incidents[0].superseded_by == incidents[1].id ||
              incidents[0].superseded_by == incidents[2].id);
  for (size_t i = 1; i < incidents.size(); ++i) {
    EXPECT_EQ(incidents[i].status, IncidentStatus::kOpen);
    EXPECT_EQ(incidents[i].root[0].kind, "dns");
    EXPECT_EQ(incidents[i].blast_radius.actual, 2);
  }
}

TEST(Lifecycle, WhatOutlivesARecoveredRootIsReleased) {
  World world(kRules);
  MapApps(world, 2);
  world.Fire(10, "servfail", "dns:d");
  world.Fire(40, "app_errors", "app:a1");
  world.Fire(40, "app_errors", "app:a2");
  world.End(100, "servfail", "dns:d");
  world.End(130, "app_errors", "app:a2");
  world.Run(100 + 1800 + 120);
  const std::vector<Incident> incidents = world.Latest();
  ASSERT_EQ(incidents.size(), 2U);
  EXPECT_EQ(incidents[0].status, IncidentStatus::kResolved);
  EXPECT_EQ(incidents[1].status, IncidentStatus::kOpen);
  EXPECT_EQ(incidents[1].root[0].entity, "app:a1");
}

TEST(Lifecycle, AStaleMonitorIsNoProofOfHealth) {
  World world(kRules);
  MapApps(world, 3);
  world.watch().Stale("dns:d");
  for (int i = 1; i <= 3; ++i) world.Fire(10, "app_errors", App(i));
  world.Run(60);
  ASSERT_EQ(world.Latest().size(), 1U);
  EXPECT_EQ(world.Latest()[0].root[0].entity, "dns:d");
  EXPECT_TRUE(world.Latest()[0].root[0].monitored);
}

TEST(Lifecycle, ARootThatRecoversFirstStaysTheRoot) {
  World world(kRules);
  MapApps(world, 4);
  world.Fire(10, "servfail", "dns:d");
  for (int i = 1; i <= 3; ++i) world.Fire(40, "app_errors", App(i));
  world.End(100, "servfail", "dns:d");
  world.Run(200);
  ASSERT_EQ(world.Latest().size(), 1U);
  Incident incident = world.Latest()[0];
  EXPECT_EQ(incident.status, IncidentStatus::kOpen);
  EXPECT_EQ(incident.root[0].entity, "dns:d");
  ASSERT_TRUE(incident.root[0].recovered_at.has_value());
  EXPECT_EQ(*incident.root[0].recovered_at, World::At(100));
  // What begins long after is another matter.
  world.Fire(300, "app_errors", App(4));
  world.Run(400);
  EXPECT_EQ(world.Latest().size(), 2U);
  for (int i = 1; i <= 4; ++i) world.End(500, "app_errors", App(i));
  world.Run(700);
  for (const Incident& last : world.Latest()) EXPECT_EQ(last.status, IncidentStatus::kResolved);
}

TEST(Lifecycle, ARecoveredRootDoesNotCauseWhatBeginsLater) {
  World world(kRules);
  MapApps(world, 6);
  world.Fire(10, "servfail", "dns:d");
  for (int i = 1; i <= 3; ++i) world.Fire(40, "app_errors", App(i));
  world.End(100, "servfail", "dns:d");
  for (int i = 4; i <= 6; ++i) world.Fire(300, "app_errors", App(i));
  world.Run(400);
  ASSERT_EQ(world.Latest().size(), 4U);
  EXPECT_EQ(Impacted(world.Latest()[0]), (std::set<std::string>{App(1), App(2), App(3)}));
  for (size_t i = 1; i < 4; ++i) EXPECT_EQ(world.Latest()[i].root[0].kind, "app");
  // Nor when they are judged again, for whatever reason.
  for (int at = 401; at < 440; ++at) {
    world.Pending(at, "app_slow", App(4));
    world.End(at + 0.5, "app_slow", App(4));
  }
  world.Run(450);
  ASSERT_EQ(world.Latest().size(), 4U);
  for (size_t i = 1; i < 4; ++i) EXPECT_EQ(world.Latest()[i].root[0].kind, "app");
}

TEST(Lifecycle, ResolvesAMinuteAfterTheLastSymptom) {
  World world(kRules);
  MapApps(world, 1);
  world.Fire(10, "servfail", "dns:d");
  world.Fire(40, "app_errors", "app:a1");
  world.End(100, "servfail", "dns:d");
  world.End(150, "app_errors", "app:a1");
  world.Run(209);
  EXPECT_EQ(world.Latest()[0].status, IncidentStatus::kOpen);
  world.Run(210);
  const Incident incident = world.Latest()[0];
  EXPECT_EQ(incident.status, IncidentStatus::kResolved);
  EXPECT_EQ(*incident.resolved_at, World::At(210));
  EXPECT_EQ(Impacted(incident), (std::set<std::string>{"app:a1"}));
  for (const Incident::Symptom& symptom : incident.symptoms) {
    EXPECT_TRUE(symptom.resolved_at.has_value());
  }
}

TEST(Lifecycle, ReopensWithinTheWindowAndCountsEpisodesAfterIt) {
  World world(kRules);
  world.Map("app:a1 -resolves_with-> dns:d");
  world.Fire(10, "servfail", "dns:d");
  world.End(20, "servfail", "dns:d");
  world.Fire(600, "servfail", "dns:d");
  world.End(700, "servfail", "dns:d");
  world.Run(900);
  ASSERT_EQ(world.Latest().size(), 1U);
  EXPECT_EQ(world.Latest()[0].episode, 1);
  bool reopened = false;
  for (const Incident& revision : world.emitted()) {
    reopened = reopened || revision.state == IncidentState::kReopened;
  }
  EXPECT_TRUE(reopened);
  world.Fire(3000, "servfail", "dns:d");
  world.Run(3100);
  ASSERT_EQ(world.Latest().size(), 2U);
  EXPECT_EQ(world.Latest()[1].episode, 2);
  EXPECT_EQ(world.Latest()[1].key, world.Latest()[0].key);
  const std::string first = world.Latest()[0].id;
  const std::string second = world.Latest()[1].id;
  EXPECT_EQ(first.substr(0, first.size() - 1), second.substr(0, second.size() - 1));
}

TEST(Lifecycle, IdsAreStable) {
  World world(kRules);
  world.Fire(10, "servfail", "dns:d");
  world.Run(60);
  ASSERT_EQ(world.Latest().size(), 1U);
  EXPECT_EQ(world.Latest()[0].key, "dns:d|servfail");
  // XXH64 of the key with seed 0: never changes, since tickets are found by it.
  EXPECT_EQ(world.Latest()[0].id, "rn-12c3c200299aaccb-1");
}

TEST(Lifecycle, UpdatesAtMostEveryHalfMinute) {
  World world(kRules);
  MapApps(world, 60);
  world.Fire(10, "servfail", "dns:d");
  for (int i = 1; i <= 60; ++i) world.Fire(20 + 2 * i, "app_errors", App(i));
  world.Run(200);
  EventTime last = kMinTime;
  int64_t urgent = 0;
  for (const Incident& revision : world.emitted()) {
    if (revision.state != IncidentState::kUpdated) {
      last = revision.updated_at;
      continue;
    }
    if (revision.updated_at - last < Millis{30'000}) ++urgent;
    last = revision.updated_at;
  }
  EXPECT_LE(urgent, 1);  // the first that is affected
  EXPECT_LE(world.emitted().size(), 8U);
  EXPECT_EQ(world.Latest()[0].blast_radius.actual, 60);
}

TEST(Lifecycle, Reminds) {
  World world(kRules);
  world.Fire(10, "servfail", "dns:d");
  world.Run(10 + 4 * 3600);
  EXPECT_EQ(world.Latest()[0].reason, "reminder");
}

TEST(Lifecycle, AnEdgeThatWentLongBeforeExplainsNothing) {
  World world(kRules);
  world.watch().Blind("dns:d");
  MapApps(world, 3);
  world.Unmap("app:a1 -resolves_with-> dns:d", 10);
  for (int i = 1; i <= 3; ++i) world.Fire(600, "app_errors", App(i), 590);
  world.Run(800);
  ASSERT_EQ(world.Latest().size(), 2U);
  for (const Incident& incident : world.Latest()) {
    if (incident.root[0].entity == "dns:d") {
      EXPECT_EQ(Impacted(incident), (std::set<std::string>{"app:a2", "app:a3"}));
    } else {
      EXPECT_EQ(incident.root[0].entity, "app:a1");
    }
  }
}

TEST(Lifecycle, AnEdgeThatWentJustBeforeStillCounts) {
  World world(kRules);
  MapApps(world, 2);
  world.Unmap("app:a1 -resolves_with-> dns:d", 500);
  world.Fire(590, "servfail", "dns:d", 580);
  for (int i = 1; i <= 2; ++i) world.Fire(620, "app_errors", App(i), 600);
  world.Run(800);
  ASSERT_EQ(world.Latest().size(), 1U);
  EXPECT_EQ(Impacted(world.Latest()[0]), (std::set<std::string>{"app:a1", "app:a2"}));
}

TEST(Lifecycle, SymptomsOfADeletedEntityEndAfterTheGrace) {
  World world(kRules);
  MapApps(world, 1);
  world.Entity("app:a1", {});
  world.Fire(10, "app_errors", "app:a1");
  world.Delete("app:a1", 100);
  world.Run(450);
  const Incident open = world.Latest()[0];
  EXPECT_EQ(open.symptoms[0].resolved_at, World::At(400));
  EXPECT_EQ(open.symptoms[0].resolved_reason, "entity_removed");
  world.Restart();
  world.Run(500);
  const Incident incident = world.Latest()[0];
  EXPECT_EQ(incident.status, IncidentStatus::kResolved);
  EXPECT_EQ(incident.reason, "entity_removed");
}

constexpr std::string_view kWindow = R"(
maintenance "work" on WHAT
  from 2026-03-01 00:01 to 2026-03-01 00:10 in UTC  owner "team"
)";

std::string WithWindow(std::string_view what) {
  std::string window(kWindow);
  window.replace(window.find("WHAT"), 4, what);
  return std::string(kRules) + window;
}

TEST(Maintenance, SymptomsInsideOpenNothing) {
  World world(WithWindow("app:a1"));
  MapApps(world, 1);
  world.Fire(100, "app_errors", "app:a1");
  EXPECT_TRUE(world.Run(300).empty());
  EXPECT_EQ(world.Verdict("app_errors", "app:a1"), "in_maintenance: in maintenance \"work\"");
  world.End(400, "app_errors", "app:a1");
  EXPECT_TRUE(world.Run(900).empty());
}

TEST(Maintenance, WhatStillFiresAtTheEndBeginsThen) {
  World world(WithWindow("app:a1"));
  world.watch().Blind("vm");
  world.Map("app:a1 -runs_on-> vm:v1");
  world.Fire(100, "app_errors", "app:a1");
  EXPECT_TRUE(world.Run(619).empty());
  const std::vector<Incident> opened = world.Run(620);
  ASSERT_EQ(opened.size(), 1U);
  EXPECT_TRUE(opened[0].maintenance_name.empty());
}

TEST(Maintenance, ARootInsideIsMarkedAndInfo) {
  World world(WithWindow("dns:d"));
  MapApps(world, 3);
  world.Fire(100, "servfail", "dns:d");
  for (int i = 1; i <= 3; ++i) world.Fire(110, "app_errors", App(i));
  world.Run(300);
  ASSERT_EQ(world.Latest().size(), 1U);
  const Incident incident = world.Latest()[0];
  EXPECT_EQ(incident.root[0].entity, "dns:d");
  EXPECT_EQ(incident.severity, Severity::kInfo);
  EXPECT_EQ(incident.maintenance_name, "work");
  EXPECT_EQ(incident.maintenance_owner, "team");
}

TEST(Maintenance, ARootOutsideOpensThoughAllVictimsAreInside) {
  World world(WithWindow("app:a1"));
  MapApps(world, 1);
  world.Fire(100, "servfail", "dns:d");
  world.Fire(110, "app_errors", "app:a1");
  world.Run(300);
  ASSERT_EQ(world.Latest().size(), 1U);
  const Incident incident = world.Latest()[0];
  EXPECT_TRUE(incident.maintenance_name.empty());
  EXPECT_EQ(incident.severity, Severity::kMajor);
  EXPECT_EQ(FindImpact(incident, "app:a1")->maintenance, "work");
}

TEST(Maintenance, WhatWasOpenBeforeStays) {
  World world(WithWindow("dns:d"));
  MapApps(world, 1);
  world.Fire(10, "servfail", "dns:d");
  world.Run(300);
  EXPECT_EQ(world.Latest()[0].status, IncidentStatus::kOpen);
  EXPECT_TRUE(world.Latest()[0].maintenance_name.empty());
}

TEST(Changes, DeploysJustBeforeAreSuspects) {
  World world(kRules);
  MapApps(world, 1);
  world.store().NoteChange({"deploy_finished", "dns:d", "version 7", World::At(-300)});
  world.store().NoteChange({"deploy_finished", "dns:d", "version 6", World::At(-7200)});
  world.store().NoteChange({"deploy_finished", "app:other", "version 1", World::At(-300)});
  world.Fire(10, "servfail", "dns:d");
  world.Run(60);
  ASSERT_EQ(world.Latest()[0].changes.size(), 1U);
  EXPECT_EQ(world.Latest()[0].changes[0].detail, "version 7");
}

}  // namespace
}  // namespace rootnote
