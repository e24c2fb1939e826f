// A new store takes over from records: it goes on as if nothing had happened.
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

// A resolver and one of its three applications, open since 10.
void OpenOne(World& world) {
  MapApps(world, 3);
  world.Fire(10, "servfail", "dns:d");
  world.Fire(12, "app_errors", "app:a1");
  world.Run(100);
  ASSERT_EQ(world.Latest().size(), 1U);
  ASSERT_EQ(world.Latest()[0].revision, 2);
}

TEST(Restore, WhatGoesOnIsNoNews) {
  World world(kRules);
  OpenOne(world);
  const Incident before = world.Latest()[0];
  EXPECT_TRUE(world.Restart().empty());
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

TEST(Restore, WhatEndedWhileNobodyLookedResolves) {
  World world(kRules);
  OpenOne(world);
  world.End(110, "servfail", "dns:d");
  world.End(112, "app_errors", "app:a1");
  world.Run(120);
  // Two revisions more: the root recovered at 110, and the other end is told half a minute later.
  EXPECT_EQ(world.Latest()[0].reason, "root_recovered");
  world.Restart(/*with_ends=*/false);
  world.Run(179);
  EXPECT_EQ(world.Latest()[0].status, IncidentStatus::kOpen);
  EXPECT_EQ(world.Latest()[0].symptoms[1].resolved_at, World::At(120));
  world.Run(180);
  EXPECT_EQ(world.Latest()[0].status, IncidentStatus::kResolved);
  EXPECT_EQ(world.Latest()[0].reason, "symptoms_ended");
  EXPECT_EQ(world.Latest()[0].resolved_at, World::At(180));
}

TEST(Restore, EndsThatAreKnownCountFromWhenTheyWere) {
  World world(kRules);
  OpenOne(world);
  world.End(110, "servfail", "dns:d");
  world.End(112, "app_errors", "app:a1");
  world.Run(120);
  world.Restart();
  world.Run(172);
  EXPECT_EQ(world.Latest()[0].status, IncidentStatus::kResolved);
  EXPECT_EQ(world.Latest()[0].resolved_at, World::At(172));
}

TEST(Restore, WhatWasResolvedIsReopenedAndEpisodesGoOn) {
  World world(kRules);
  OpenOne(world);
  world.End(110, "servfail", "dns:d");
  world.End(110, "app_errors", "app:a1");
  world.Run(300);
  const Incident resolved = world.Latest()[0];
  ASSERT_EQ(resolved.status, IncidentStatus::kResolved);
  world.Restart();
  world.Fire(400, "servfail", "dns:d");
  world.Run(500);
  const Incident reopened = world.Latest()[0];
  EXPECT_EQ(reopened.id, resolved.id);
  EXPECT_EQ(reopened.state, IncidentState::kReopened);
  EXPECT_EQ(reopened.revision, resolved.revision + 1);
  EXPECT_EQ(reopened.reopened_at, World::At(400));
  EXPECT_EQ(Impacted(reopened), (std::set<std::string>{"app:a1"}));
  world.End(600, "servfail", "dns:d");
  world.Run(700);
  world.Restart();
  world.Fire(700 + 3600, "servfail", "dns:d");
  world.Run(5000);
  EXPECT_EQ(world.Latest().back().episode, 2);
  EXPECT_EQ(world.Latest().back().key, resolved.key);
  EXPECT_NE(world.Latest().back().id, resolved.id);
}

TEST(Restore, TheOldestThatWereClosedGoFirst) {
  World world(kRules);
  MapApps(world, 1);
  world.Fire(10, "servfail", "dns:d");
  world.End(20, "servfail", "dns:d");
  world.Fire(100, "vm_errors", "vm:v");
  world.End(110, "vm_errors", "vm:v");
  world.Run(300);
  ASSERT_EQ(world.Latest().size(), 2U);
  IncidentOptions options;
  options.closed_kept_max = 1;
  world.Restart(true, options);
  EXPECT_EQ(world.store().stats().evicted_closed, 1U);
  ASSERT_EQ(world.store().All().size(), 1U);
  EXPECT_EQ(world.store().All()[0].root[0].entity, "vm:v");
  // Its episode is known all the same.
  world.Fire(400, "servfail", "dns:d");
  world.Run(450);
  EXPECT_EQ(world.Latest().back().episode, 2);
}

TEST(Restore, RootChangesMergesAndRecoveryGoOn) {
  World world(kRules);
  MapApps(world, 2);
  world.Fire(10, "app_errors", "app:a1");
  world.Fire(11, "app_errors", "app:a2");
  world.Run(60);
  ASSERT_EQ(world.Latest().size(), 2U);
  world.Restart();
  world.Fire(75, "servfail", "dns:d", 71);
  world.Run(200);
  const std::vector<Incident> incidents = world.Latest();
  ASSERT_EQ(incidents.size(), 2U);
  EXPECT_EQ(incidents[0].root[0].entity, "dns:d");
  EXPECT_EQ(incidents[1].merged_into, incidents[0].id);
  world.Restart();
  world.End(210, "servfail", "dns:d");
  world.Run(220);
  world.Restart();
  EXPECT_EQ(world.Latest()[0].root[0].recovered_at, World::At(210));
  // Both applications fail on: what the record says of the root stays.
  world.End(230, "app_errors", "app:a2");
  world.Run(260);
  const Incident open = world.Latest()[0];
  EXPECT_EQ(open.status, IncidentStatus::kOpen);
  EXPECT_EQ(open.root[0].recovered_at, World::At(210));
  EXPECT_TRUE(open.root[0].observed);
  EXPECT_EQ(Impacted(open), (std::set<std::string>{"app:a1", "app:a2"}));
}

TEST(Restore, WhatIsToldOfTheRootStaysUntilItIsJudgedAnew) {
  World world(kRules);
  MapApps(world, 3);
  world.store().NoteChange({"deploy_finished", "dns:d", "version 7", World::At(-300)});
  world.Fire(10, "servfail", "dns:d");
  world.Fire(12, "app_errors", "app:a1");
  world.Run(60);
  world.End(70, "servfail", "dns:d");
  world.Run(110);
  const Incident before = world.Latest()[0];
  world.Restart();
  world.Fire(115, "app_errors", "app:a2", 90);  // too early to be something new
  world.Run(160);
  const Incident after = world.Latest()[0];
  EXPECT_GT(after.revision, before.revision);
  ASSERT_EQ(after.changes.size(), 1U);
  EXPECT_EQ(after.changes[0].detail, "version 7");
  EXPECT_EQ(after.ruled_out.size(), before.ruled_out.size());
  ASSERT_EQ(after.evidence.size(), 3U);
  EXPECT_EQ(after.evidence[0].offset, before.evidence[0].offset);
  EXPECT_EQ(after.root[0].onset, before.root[0].onset);
  EXPECT_EQ(FindImpact(after, "app:a2")->path, (std::vector<std::string>{"dns:d", "app:a2"}));
}

TEST(Restore, MaintenanceStaysMarked) {
  std::string rules(kRules);
  rules.append(R"(
maintenance "work" on dns:d
  from 2026-03-01 00:01 to 2026-03-01 00:10 in UTC  owner "team"
)");
  World world(rules);
  MapApps(world, 3);
  world.Fire(100, "servfail", "dns:d");
  world.Fire(110, "app_errors", "app:a1");
  world.Fire(111, "app_errors", "app:a2");
  world.Run(300);
  ASSERT_EQ(world.Latest().size(), 1U);
  EXPECT_EQ(world.Latest()[0].maintenance_name, "work");
  EXPECT_TRUE(world.Restart().empty());
  world.Fire(310, "app_errors", "app:a3");
  world.Run(400);
  EXPECT_EQ(world.Latest()[0].maintenance_name, "work");
  EXPECT_EQ(world.Latest()[0].severity, Severity::kInfo);
}

TEST(Restore, RemindersCountFromTheLastRevision) {
  World world(kRules);
  world.Fire(10, "servfail", "dns:d");
  world.Run(4 * 3600 - 100);
  world.Restart();
  EXPECT_TRUE(world.Run(10 + 4 * 3600 - 1).empty());
  EXPECT_EQ(world.Run(10 + 4 * 3600).size(), 1U);
  EXPECT_EQ(world.Latest()[0].reason, "reminder");
}

// A restart neither ends a hold-back early nor begins another.
TEST(Restore, HoldBackRunsOn) {
  World world(kRules);
  world.watch().Blind("vm");
  world.Map("app:a1 -runs_on-> vm:v1");
  world.Fire(10, "app_errors", "app:a1");
  world.Run(25);
  world.Restart();
  EXPECT_TRUE(world.Run(29).empty());
  EXPECT_EQ(world.Run(30).size(), 1U);
}

TEST(Restore, HoldBackRunsOnFromTheEndOfAWindow) {
  std::string rules(kRules);
  rules.append(R"(
maintenance "work" on app:a1
  from 2026-03-01 00:01 to 2026-03-01 00:10 in UTC  owner "team"
)");
  World world(rules);
  world.watch().Blind("vm");
  world.Map("app:a1 -runs_on-> vm:v1");
  world.Fire(100, "app_errors", "app:a1");
  world.Run(610);
  world.Restart();
  EXPECT_TRUE(world.Run(619).empty());
  EXPECT_EQ(world.Run(620).size(), 1U);
}

TEST(Restore, HoldBackRunsOnFromTheLossOfRedundancy) {
  World world(R"(
kind vm    { id vm }
kind array { id array }
kind disk  { id array, disk }
relation stored_on  : vm -> array   carries latency
relation built_from : array -> disk carries errors as latency tolerates 1
signal vm_slow on vm       { when x > 1 for 30s family latency severity warning }
signal disk_errors on disk { when x > 1 for 30s family errors severity warning }
incidents { hold back 20s }
)");
  world.Map("vm:v1 -stored_on-> array:s");
  for (int i = 1; i <= 4; ++i) world.Map("array:s -built_from-> disk:s/d" + std::to_string(i));
  world.Fire(10, "disk_errors", "disk:s/d1");
  EXPECT_TRUE(world.Run(100).empty());
  // The machine above should have shown it by now: the array does not dominate.
  world.Fire(101, "disk_errors", "disk:s/d2", 40);
  const std::vector<Incident> early = world.Run(110);
  world.Restart();
  EXPECT_EQ(world.Verdict("disk_errors", "disk:s/d1"),
            "held_back: held back until 2026-03-01T00:02:01Z");
  EXPECT_TRUE(early.empty());
  EXPECT_TRUE(world.Run(120).empty());
  EXPECT_EQ(world.Run(121).size(), 1U);
}

Incident RecordOf(std::string id, int64_t revision) {
  Incident record;
  record.id = std::move(id);
  record.key = "dns:d|servfail";
  record.revision = revision;
  record.started_at = World::At(-60);
  record.opened_at = World::At(-40);
  record.updated_at = World::At(-40 + static_cast<double>(revision));
  record.severity = Severity::kMajor;
  record.root.push_back({.entity = "dns:d",
                         .kind = "dns",
                         .fault = "servfail",
                         .score = 140,
                         .onset = World::At(-60),
                         .monitored = true,
                         .observed = true});
  record.symptoms.push_back({.signal = "servfail",
                             .entity = "dns:d",
                             .severity = Severity::kMajor,
                             .onset = World::At(-60),
                             .value = 1});
  record.symptoms_total = 1;
  return record;
}

TEST(Restore, TheHighestRevisionCounts) {
  World world(kRules);
  Incident first = RecordOf("rn-12c3c200299aaccb-1", 1), second = first, third = first;
  second.revision = 2;
  second.status = IncidentStatus::kResolved;
  third.revision = 3;
  third.state = IncidentState::kReopened;
  world.store().Restore({third, first, second});
  ASSERT_EQ(world.store().All().size(), 1U);
  EXPECT_EQ(world.store().All()[0].revision, 3);
  EXPECT_EQ(world.store().All()[0].status, IncidentStatus::kOpen);
  EXPECT_EQ(world.store().stats().restored, 1U);
}

TEST(Restore, OfRulesThatAreGone) {
  World world(kRules);
  Incident record = RecordOf("rn-00000000000000aa-1", 4);
  record.key = "switch:s|port_down";
  record.root[0].entity = "switch:s";
  record.root[0].kind = "switch";
  record.root[0].fault = "port_down";
  record.symptoms[0].entity = "switch:s";
  record.symptoms[0].signal = "port_down";
  record.symptoms[0].severity = Severity::kCritical;
  record.severity = Severity::kCritical;
  Incident rootless = record;
  rootless.id = "rn-00000000000000bb-1";
  rootless.root.clear();
  world.store().Restore({record, rootless});
  world.Run(0);
  world.Run(59);
  ASSERT_EQ(world.Latest().size(), 1U);
  EXPECT_EQ(world.Latest()[0].symptoms[0].resolved_at, World::At(0));
  EXPECT_EQ(world.Latest()[0].severity, Severity::kCritical);
  world.Run(60);
  EXPECT_EQ(world.Latest()[0].status, IncidentStatus::kResolved);
  EXPECT_EQ(world.Latest()[0].reason, "rule_removed");
  EXPECT_EQ(world.Latest()[0].revision, 6);
}

// A window that was filled again sees a younger onset than the record knows.
TEST(Restore, TheOldOnsetStands) {
  World world(kRules);
  world.store().Restore({RecordOf("rn-12c3c200299aaccb-1", 1)});
  Transition known = world.Firing(0, "servfail", "dns:d");
  known.onset = World::At(-50);
  const std::vector<Transition> transitions{known};
  EXPECT_TRUE(world.store().Step(World::At(0), transitions, world.Snapshot()).empty());
  world.End(30, "servfail", "dns:d");
  world.Run(40);
  EXPECT_EQ(world.Latest()[0].reason, "root_recovered");
  EXPECT_EQ(world.Latest()[0].symptoms[0].onset, World::At(-60));
  EXPECT_EQ(world.Latest()[0].started_at, World::At(-60));
}

// The record of a storm has no room for all: what comes back is no news, and counts stay.
TEST(Restore, WhatARecordHadNoRoomForIsNoNews) {
  World world(kRules);
  const int count = 700;
  MapApps(world, count);
  world.Fire(10, "servfail", "dns:d");
  for (int i = 1; i <= count; ++i) world.Fire(12, "app_errors", App(i));
  world.Run(100);
  const Incident before = world.Latest()[0];
  ASSERT_EQ(before.symptoms_total, count + 1);
  ASSERT_EQ(before.blast_radius.actual, count);
  EXPECT_TRUE(world.Restart().empty());
  EXPECT_TRUE(world.Run(200).empty());
  world.End(201, "app_errors", App(1));
  world.Run(240);
  const Incident after = world.Latest()[0];
  EXPECT_EQ(after.revision, before.revision + 1);
  EXPECT_EQ(after.reason, "evidence");
  EXPECT_EQ(after.symptoms_total, count + 1);
  EXPECT_EQ(after.impact_total, count);
  EXPECT_EQ(after.blast_radius.actual, count);
  EXPECT_EQ(after.blast_radius.kinds.at("app").actual, count);
  EXPECT_EQ(after.started_at, before.started_at);
}

}  // namespace
}  // namespace rootnote
