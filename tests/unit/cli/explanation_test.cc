// The drawn path, and what a record says of an entity that is not the root.
#include "engine/cli/explanation.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"

#include "engine/cli/incident_graph.h"

namespace rootnote {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

EventTime At(int second) { return FromMillis(1'772'323'200'000 + second * 1'000); }

Incident::Impact Hurt(std::vector<std::string> path, std::vector<std::string> relations,
                      std::vector<std::string> signals, int second) {
  Incident::Impact impact;
  impact.entity = path.back();
  impact.kind = path.back().substr(0, path.back().find(':'));
  impact.path = std::move(path);
  impact.relations = std::move(relations);
  impact.potential = signals.empty();
  impact.signals = std::move(signals);
  impact.onset = At(second);
  return impact;
}

// Two disks of an array; a silent datastore; VMs, an application, and one that is not hurt yet.
Incident Story() {
  Incident incident;
  incident.id = "rn-0123456789abcdef-1";
  incident.severity = Severity::kMajor;
  incident.title = "Array a1 lost its redundancy, 2 VMs affected";
  incident.started_at = At(60);
  incident.opened_at = At(90);
  Incident::Root root;
  root.entity = "array:a1";
  root.kind = "array";
  root.fault = "redundancy_lost";
  root.score = 635;
  root.onset = At(60);
  root.observed = true;
  root.causes = {"disk:a1/d7", "disk:a1/d8"};
  root.parts = {{"own_evidence", 200, "disk:a1/d7 errors 100, disk:a1/d8 errors 100"},
                {"effects", 480, "vm:web1 latency 100 and 3 more"},
                {"missing", -40, "1 of 5 that should show it is well"},
                {"prior", -5, "nobody declared this fault"}};
  Incident::Root rival;
  rival.entity = "vm:web1";
  rival.kind = "vm";
  rival.fault = "vm_slow";
  rival.score = 375;
  rival.onset = At(70);
  rival.observed = true;
  rival.parts = {{"own_evidence", 100, "vm:web1 latency 100"}, {"effects", 275, "app:shop"}};
  incident.root = {root, rival};
  incident.impact = {
      Hurt({"array:a1", "store:s1", "vm:web1"}, {"backed_by", "stored_on"}, {"vm_slow"}, 70),
      Hurt({"array:a1", "store:s1", "vm:web2"}, {"backed_by", "stored_on"}, {"vm_slow"}, 75),
      Hurt({"array:a1", "store:s1", "vm:web1", "app:shop"}, {"backed_by", "stored_on", "runs_on"},
           {"app_errors"}, 80),
      Hurt({"array:a1", "store:s1", "vm:web2", "app:portal"}, {"backed_by", "stored_on", "runs_on"},
           {}, 60)};
  incident.impact_total = 4;
  Incident::Symptom symptom;
  symptom.signal = "disk_errors";
  symptom.entity = "disk:a1/d7";
  symptom.onset = At(10);
  incident.symptoms = {symptom};
  incident.symptoms_total = 7;
  Incident::RuledOut network;
  network.what = "network";
  network.reason = "healthy_and_fresh";
  network.detail = "2 switches healthy and fresh";
  network.entities = {"switch:n1", "switch:n2"};
  Incident::RuledOut edge;
  edge.what = "edge:e1";
  edge.fault = "attack";
  edge.reason = "explains_too_little";
  edge.detail = "explains 1 of 5, score 90 against 635";
  edge.score = 90;
  edge.parts = {{"own_evidence", 90, "edge:e1 traffic 90"}};
  incident.ruled_out = {network, edge};
  return incident;
}

TEST(Drawing, LayersFromCauseToImpact) {
  EXPECT_EQ(DrawLayers(GraphOf(Story()), Terminal(stdout)),
            "  cause   ■ disk:a1/d7  disk_errors           since 00:00:10\n"
            "          ■ disk:a1/d8  \n"
            "          │\n"
            "  root    ■ array:a1    redundancy_lost       since 00:01:00\n"
            "          │ backed_by\n"
            "  impact  ○ store:s1    shows nothing itself\n"
            "          │ stored_on\n"
            "          ● vm:web1     vm_slow               since 00:01:10\n"
            "          ● vm:web2     vm_slow               since 00:01:15\n"
            "          │ runs_on\n"
            "          ● app:shop    app_errors            since 00:01:20\n"
            "          ◌ app:portal  at risk\n");
}

TEST(Drawing, ManyOfAKindAreSummedUp) {
  Incident incident = Story();
  for (int i = 3; i < 20; ++i) {
    incident.impact.push_back(Hurt({"array:a1", "store:s1", "vm:web" + std::to_string(i)},
                                   {"backed_by", "stored_on"}, {"vm_slow"}, 70));
  }
  const std::string drawing = DrawLayers(GraphOf(incident), Terminal(stdout), 4);
  EXPECT_THAT(drawing, AllOf(HasSubstr("● and 15 more vm"), HasSubstr("15 affected")));
}

TEST(Drawing, ARecordWithoutARootIsEmpty) {
  EXPECT_TRUE(GraphOf(Incident()).nodes.empty());
  EXPECT_EQ(DrawLayers(GraphOf(Incident()), Terminal(stdout)), "");
}

TEST(Drawing, QuotesAreKeptFromGraphvizAndMermaid) {
  Incident incident = Story();
  incident.title = "say \"<b>\"\nnow";
  EXPECT_THAT(GraphDot(incident, GraphOf(incident)), HasSubstr("label=\"say \\\"<b>\\\"\\nnow\""));
  EXPECT_THAT(GraphMermaid(incident, GraphOf(incident)),
              HasSubstr("%% say &quot;&lt;b&gt;&quot; now\n"));
}

std::string Why(std::string_view entity) {
  const Incident incident = Story();
  return WhyNotText(incident, WhyNotOf(incident, entity), Terminal(stdout));
}

TEST(WhyNot, ARivalWithBothSums) {
  EXPECT_THAT(
      Why("vm:web1"),
      AllOf(HasSubstr("vm:web1 number 2 as vm_slow: score 375 against 635 of array:a1"),
            HasSubstr("     +100  own evidence"), HasSubstr("      375  score"),
            HasSubstr("The root, array:a1 (redundancy_lost):"), HasSubstr("      635  score"),
            HasSubstr("is affected by the root: array:a1 → store:s1 → vm:web1")));
}

TEST(WhyNot, WhatTheRecordSays) {
  EXPECT_THAT(Why("switch:n2"), HasSubstr("ruled out with network: 2 switches healthy and fresh"));
  EXPECT_THAT(Why("edge:e1"),
              AllOf(HasSubstr("ruled out as attack: explains 1 of 5, score 90 against 635"),
                    HasSubstr("       90  score")));
  EXPECT_THAT(Why("disk:a1/d8"), HasSubstr("is one of the causes"));
  EXPECT_THAT(Why("store:s1"),
              HasSubstr("lies on the way from the root, and shows nothing itself"));
  EXPECT_THAT(Why("app:portal"), HasSubstr("depends on the root"));
  EXPECT_THAT(Why("vm:other"), AllOf(HasSubstr("was not considered"),
                                     HasSubstr("The root is array:a1 (redundancy_lost)")));
  EXPECT_THAT(Why("array:a1"), AllOf(HasSubstr("is the root"), Not(HasSubstr("The root"))));
}

TEST(Explanation, TellsTheDecision) {
  Incident incident = Story();
  incident.acknowledged = Incident::Acknowledgement{"anna", At(100), "on it"};
  const std::string text = ExplanationText(incident, Terminal(stdout));
  EXPECT_THAT(text, AllOf(HasSubstr("major  Array a1 lost its redundancy"),
                          HasSubstr("in hand      anna at 00:01:40: on it"),
                          HasSubstr("Why array:a1"), HasSubstr("      635  score"),
                          HasSubstr("Next best"), HasSubstr("375  vm:web1 (vm_slow)"),
                          HasSubstr("Ruled out"), Not(HasSubstr("as recorded"))));
}

// A part that this version does not know is not hidden.
TEST(Explanation, ASumThatIsAnotherIsSaid) {
  Incident incident = Story();
  incident.root[0].parts.pop_back();
  EXPECT_THAT(ExplanationText(incident, Terminal(stdout)), HasSubstr("635  as recorded"));
}

}  // namespace
}  // namespace rootnote
