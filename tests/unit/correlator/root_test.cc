// Which entity is the root: storage without monitors, RAID groups, one bad disk and two.
#include "gtest/gtest.h"

#include "tests/unit/correlator/world.h"

namespace rootnote {
namespace {

constexpr std::string_view kStorage = R"(
kind transaction { id name }
kind app         { id app }
kind vm          { id vm }
kind datastore   { id datastore }
kind lun         { id lun }
kind array       { id array }
kind disk        { id array, disk }
relation serves      : transaction -> app   carries errors, latency
relation runs_on     : app -> vm            carries errors, latency
relation stored_on   : vm -> datastore      carries errors, latency within 2m
relation backed_by   : datastore -> lun     carries errors, latency
relation carved_from : lun -> array         carries errors, latency
relation built_from  : array -> disk        carries errors as latency, down as latency tolerates 1
signal disk_errors on disk        { when disk_errors > 1 for 30s family errors severity warning }
signal write_slow on vm           { when vm_latency > 1 for 30s family latency severity warning }
signal app_slow on app            { when app_latency > 1 for 30s family latency severity major }
signal transaction_slow on transaction { when tx_latency > 1 for 20s family latency severity major }
)";

void MapStorage(World& world) {
  for (int disk = 1; disk <= 8; ++disk) {
    world.Map("array:a1 -built_from-> disk:a1/d" + std::to_string(disk));
  }
  world.Map(R"(
    lun:l1 -carved_from-> array:a1
    datastore:ds1 -backed_by-> lun:l1
    vm:web1 -stored_on-> datastore:ds1
    vm:web2 -stored_on-> datastore:ds1
    app:shop -runs_on-> vm:web1
    app:portal -runs_on-> vm:web2
    transaction:buy -serves-> app:shop)");
}

TEST(Root, OneDiskOfARaidGroupOpensNothing) {
  World world(kStorage);
  MapStorage(world);
  world.Fire(60, "disk_errors", "disk:a1/d7", 30);
  EXPECT_TRUE(world.Run(900).empty());
  EXPECT_EQ(world.Verdict("disk_errors", "disk:a1/d7"),
            "tolerated: array:a1: 1 of 8 disks failing, tolerated");
}

TEST(Root, TwoDisksAreTheGroupThroughSilentEntities) {
  World world(kStorage);
  MapStorage(world);
  world.Fire(60, "disk_errors", "disk:a1/d7", 30);
  EXPECT_TRUE(world.Run(200).empty());
  world.Fire(300, "disk_errors", "disk:a1/d8", 270);
  world.Fire(330, "write_slow", "vm:web1", 300);
  world.Fire(331, "write_slow", "vm:web2", 301);
  world.Fire(345, "app_slow", "app:shop", 315);
  world.Fire(360, "transaction_slow", "transaction:buy", 340);
  world.Run(500);
  ASSERT_EQ(world.Latest().size(), 1U);
  const Incident incident = world.Latest()[0];
  ASSERT_FALSE(incident.root.empty());
  EXPECT_EQ(incident.root[0].entity, "array:a1");
  EXPECT_EQ(incident.root[0].fault, "redundancy_lost");
  EXPECT_EQ(incident.root[0].causes, (std::vector<std::string>{"disk:a1/d7", "disk:a1/d8"}));
  EXPECT_EQ(Impacted(incident),
            (std::set<std::string>{"app:shop", "transaction:buy", "vm:web1", "vm:web2"}));
  const Incident::Impact* buy = FindImpact(incident, "transaction:buy");
  ASSERT_NE(buy, nullptr);
  EXPECT_EQ(buy->path, (std::vector<std::string>{"array:a1", "lun:l1", "datastore:ds1", "vm:web1",
                                                 "app:shop", "transaction:buy"}));
  EXPECT_EQ(buy->relations, (std::vector<std::string>{"carved_from", "backed_by", "stored_on",
                                                      "runs_on", "serves"}));
  EXPECT_EQ(Impacted(incident, true),
            (std::set<std::string>{"app:portal", "datastore:ds1", "lun:l1"}));
  EXPECT_EQ(incident.symptoms_total, 6);
  EXPECT_EQ(incident.severity, Severity::kMajor);
  EXPECT_EQ(incident.key, "array:a1|redundancy_lost");
}

// The table of docs/correlation.md.
TEST(Root, TheScoresAreThoseOfTheDocs) {
  World world(kStorage);
  MapStorage(world);
  Correlator correlator(world.shared_program(), world.watch(), CorrelatorOptions{});
  correlator.SetTopology(world.Snapshot(), World::At(0));
  std::vector<Correlator::Ended> ended;
  for (const Transition& transition :
       {world.Firing(60, "disk_errors", "disk:a1/d7", 30),
        world.Firing(300, "disk_errors", "disk:a1/d8", 270),
        world.Firing(330, "write_slow", "vm:web1", 300),
        world.Firing(331, "write_slow", "vm:web2", 301),
        world.Firing(345, "app_slow", "app:shop", 315),
        world.Firing(360, "transaction_slow", "transaction:buy", 340)}) {
    correlator.Apply(transition, ended);
  }
  const std::vector<RegionView> regions = correlator.Evaluate(World::At(500), {});
  ASSERT_EQ(regions.size(), 1U);
  std::map<std::string, int64_t> scores;
  for (const Candidate& candidate : regions[0].candidates()) {
    scores[candidate.name] = candidate.score;
  }
  EXPECT_EQ(regions[0].candidates()[0].name, "array:a1");
  EXPECT_EQ(scores["array:a1"], 635);
  EXPECT_EQ(scores["disk:a1/d7"], 245);
  EXPECT_EQ(scores["datastore:ds1"], 375);
  EXPECT_EQ(scores["vm:web1"], 375);
}

TEST(Root, TheWholeStoryHasAnEnd) {
  World world(kStorage);
  MapStorage(world);
  world.Fire(60, "disk_errors", "disk:a1/d7", 30);
  world.Fire(300, "disk_errors", "disk:a1/d8", 270);
  world.Fire(330, "write_slow", "vm:web1", 300);
  world.Run(400);
  world.End(600, "write_slow", "vm:web1");
  world.End(610, "disk_errors", "disk:a1/d8");
  world.End(620, "disk_errors", "disk:a1/d7");
  world.Run(900);
  ASSERT_EQ(world.Latest().size(), 1U);
  const Incident incident = world.Latest()[0];
  EXPECT_EQ(incident.status, IncidentStatus::kResolved);
  EXPECT_EQ(incident.state, IncidentState::kResolved);
  ASSERT_TRUE(incident.resolved_at.has_value());
  EXPECT_EQ(*incident.resolved_at, World::At(680));
  ASSERT_TRUE(incident.root[0].recovered_at.has_value());
  EXPECT_EQ(*incident.root[0].recovered_at, World::At(610));
  EXPECT_TRUE(Impacted(incident, true).empty());
}

}  // namespace
}  // namespace rootnote
