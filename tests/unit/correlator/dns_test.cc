// The story that must always work: the internal DNS, seen from what depends on it.
#include "gtest/gtest.h"

#include "tests/unit/correlator/world.h"

namespace rootnote {
namespace {

constexpr std::string_view kStore = R"(
kind transaction { id name, region }
kind app         { id app, region }
kind vm          { id vm }
kind array       { id array }
kind disk        { id array, disk }
kind database    { id database }
kind interface   { id interface }
kind edge        { id edge }
kind dns         { id resolver }
relation serves        : transaction -> app  carries errors, latency within 2m
relation enters_by     : app -> edge         carries errors, traffic as errors, saturation as latency
relation queries       : app -> database     carries errors, latency within 1m
relation resolves_with : app -> dns          carries errors within 4m tolerates all but 1
relation forwards_to   : dns -> dns          carries errors within 4m
relation runs_on       : app -> vm           carries errors, latency
relation cabled_to     : vm -> interface     carries errors
relation stored_on     : vm -> array         carries errors, latency
relation built_from    : array -> disk       carries errors as latency tolerates 1
signal transaction_failing on transaction { when x > 1 for 20s family errors severity major }
signal http_errors on app        { when x > 1 for 30s family errors severity major }
signal dns_servfail on dns       { when x > 1 for 20s family errors severity major }
signal disk_errors on disk       { when x > 1 for 30s family errors severity warning }
signal interface_errors on interface { when x > 1 for 30s family errors severity warning }
signal database_errors on database { when x > 1 for 30s family errors severity major }
signal traffic_surge on edge     { when x > 1 for 30s family traffic severity info }
signal connection_flood on edge  { when x > 1 for 20s family saturation severity major }
fault dns_failure on dns {
  shows    any of (dns_servfail)
  causes   http_errors over resolves_with within 4m
  causes   transaction_failing
  title    "DNS {resolver} is failing {impact.apps} applications"
  severity critical when impact has transaction, else major
}
fault attack on edge { shows all of (traffic_surge, connection_flood) causes http_errors on app }
)";

void MapStore(World& world) {
  world.Map(R"(
    dns:uk-1 -forwards_to-> dns:atlantic
    dns:uk-2 -forwards_to-> dns:atlantic
    dns:us-1 -forwards_to-> dns:atlantic
    dns:us-2 -forwards_to-> dns:atlantic
    dns:jp-1 -forwards_to-> dns:pacific
    dns:jp-2 -forwards_to-> dns:pacific)");
  for (std::string region : {"uk", "us", "jp"}) {
    for (std::string app : {"shop", "portal", "pages", "browse"}) {
      const std::string name = "app:" + app + "/" + region;
      const std::string vm = "vm:" + app + "-" + region;
      world.Map("transaction:" + app + "/" + region + " -serves-> " + name);
      world.Map(name + " -resolves_with-> dns:" + region + "-1");
      world.Map(name + " -resolves_with-> dns:" + region + "-2");
      world.Map(name + " -enters_by-> edge:" + region);
      world.Map(name + " -runs_on-> " + vm);
      world.Map(vm + " -stored_on-> array:a-" + region);
      world.Map(vm + " -cabled_to-> interface:i-" + region);
      if (app == "portal") world.Map(name + " -queries-> database:cms");
    }
    for (int disk = 1; disk <= 8; ++disk) {
      world.Map("array:a-" + region + " -built_from-> disk:a-" + region + "/d" +
                std::to_string(disk));
    }
  }
}

void Outage(World& world) {
  world.Fire(10, "disk_errors", "disk:a-uk/d7");
  world.Fire(20, "traffic_surge", "edge:uk", -1, 1.6);
  for (std::string resolver : {"atlantic", "uk-1", "uk-2", "us-1", "us-2"}) {
    world.Fire(100, "dns_servfail", "dns:" + resolver, 80);
  }
  double at = 200;
  for (std::string app : {"portal", "shop", "pages"}) {
    for (std::string region : {"uk", "us"}) {
      world.Fire(at, "http_errors", "app:" + app + "/" + region, at - 30);
      world.Fire(at + 5, "transaction_failing", "transaction:" + app + "/" + region, at - 15);
      at += 20;
    }
  }
}

TEST(Dns, OpensFromItsOwnEvidenceBeforeAnybodyIsHurt) {
  World world(kStore);
  MapStore(world);
  Outage(world);
  const std::vector<Incident> opened = world.Run(130);
  ASSERT_EQ(opened.size(), 1U);
  EXPECT_EQ(opened[0].state, IncidentState::kOpen);
  EXPECT_EQ(opened[0].root[0].entity, "dns:atlantic");
  EXPECT_EQ(opened[0].root[0].fault, "dns_failure");
  EXPECT_EQ(opened[0].severity, Severity::kMajor);
  // The resolvers show it already, what resolves names through them will.
  EXPECT_EQ(Impacted(opened[0]),
            (std::set<std::string>{"dns:uk-1", "dns:uk-2", "dns:us-1", "dns:us-2"}));
  EXPECT_TRUE(Impacted(opened[0], true).contains("app:shop/uk"));
  EXPECT_TRUE(Impacted(opened[0], true).contains("transaction:shop/us"));
  EXPECT_FALSE(Impacted(opened[0], true).contains("app:shop/jp"));
}

TEST(Dns, IsOneIncidentWithEverythingElseRuledOut) {
  World world(kStore);
  MapStore(world);
  Outage(world);
  world.Run(500);
  ASSERT_EQ(world.Latest().size(), 1U);
  const Incident incident = world.Latest()[0];
  EXPECT_EQ(incident.root[0].entity, "dns:atlantic");
  EXPECT_EQ(incident.severity, Severity::kCritical);
  EXPECT_EQ(incident.title, "DNS atlantic is failing 6 applications");
  const Incident::Impact* buy = FindImpact(incident, "transaction:shop/uk");
  ASSERT_NE(buy, nullptr);
  EXPECT_FALSE(buy->potential);
  EXPECT_EQ(buy->path.front(), "dns:atlantic");
  EXPECT_EQ(buy->relations, (std::vector<std::string>{"forwards_to", "resolves_with", "serves"}));
  EXPECT_FALSE(Impacted(incident).contains("transaction:browse/uk"));
  EXPECT_EQ(incident.blast_radius.labels.at("region"), (std::vector<std::string>{"uk", "us"}));
  EXPECT_EQ(incident.blast_radius.healthy.at("region"), (std::vector<std::string>{"jp"}));

  const Incident::RuledOut* storage = FindRuledOut(incident, "storage");
  ASSERT_NE(storage, nullptr);
  EXPECT_EQ(storage->reason, "tolerated");
  EXPECT_EQ(storage->detail,
            "15 disks healthy and fresh; disk:a-uk/d7 failing, tolerated (array:a-uk: 1 of 8 disks "
            "failing, tolerated); not monitored: 2 arrays");
  const Incident::RuledOut* database = FindRuledOut(incident, "database");
  ASSERT_NE(database, nullptr);
  EXPECT_EQ(database->detail, "database:cms healthy and fresh");
  ASSERT_NE(FindRuledOut(incident, "network"), nullptr);
  EXPECT_EQ(FindRuledOut(incident, "network")->reason, "healthy_and_fresh");
  const Incident::RuledOut* attack = FindRuledOut(incident, "edge:uk");
  ASSERT_NE(attack, nullptr);
  EXPECT_EQ(attack->fault, "attack");
  EXPECT_EQ(attack->detail, "edge:uk: traffic_surge 1.6 but no connection_flood");
}

TEST(Dns, NamesWhatFailsBesideIt) {
  World world(kStore);
  MapStore(world);
  Outage(world);
  // An interface below the same applications, and a database that one of them moved to since.
  world.Fire(130, "interface_errors", "interface:i-uk");
  world.MapAt("app:portal/uk -queries-> database:new", 150);
  world.Fire(160, "database_errors", "database:new");
  world.Run(500);
  std::map<std::string, Incident> by_root;
  for (const Incident& incident : world.Latest()) by_root[incident.root[0].entity] = incident;
  ASSERT_TRUE(by_root.contains("dns:atlantic"));
  ASSERT_TRUE(by_root.contains("interface:i-uk"));
  ASSERT_TRUE(by_root.contains("database:new"));
  EXPECT_EQ(by_root.size(), 3U);
  const Incident& incident = by_root["dns:atlantic"];
  EXPECT_TRUE(Impacted(incident).contains("app:portal/uk"));
  const Incident::RuledOut* beside = FindRuledOut(incident, "interface:i-uk");
  ASSERT_NE(beside, nullptr);
  EXPECT_EQ(beside->reason, "explains_too_little");
  const Incident::RuledOut* since = FindRuledOut(incident, "database:new");
  ASSERT_NE(since, nullptr);
  EXPECT_EQ(since->reason, "no_path_at_onset");
  // Where something fails, the area is not ruled out as a whole.
  EXPECT_EQ(FindRuledOut(incident, "network"), nullptr);
}

}  // namespace
}  // namespace rootnote
