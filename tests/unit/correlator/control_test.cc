// Acknowledgements and silences: by event time, for one opening, over restarts.
#include <algorithm>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

#include "tests/unit/correlator/world.h"

namespace rootnote {
namespace {

constexpr std::string_view kRules = R"(
kind app { id app }
kind vm  { id vm }
relation runs_on : app -> vm carries errors
signal vm_errors on vm   { when x > 1 family errors severity major }
signal vm_slow on vm     { when x > 1 family latency severity warning }
signal app_errors on app { when x > 1 family errors severity major }
incidents { hold back 20s reopen within 30m remind every 1h
            route severity >= major to topic "page" }
)";

class ControlTest : public testing::Test {
 protected:
  ControlTest() : world_(kRules) {
    world_.Map("app:shop -runs_on-> vm:v1");
    world_.Entity("vm:v1", {{"team", "shop"}, {"region", "uk"}});
  }

  // vm:v1 fails at 10 s; its incident is open afterwards.
  std::string Open() {
    world_.Fire(10, "vm_errors", "vm:v1");
    world_.Run(60);
    return Last().id;
  }
  Incident Last() {
    const std::vector<Incident> latest = world_.Latest();
    EXPECT_EQ(latest.size(), 1U);
    return latest.empty() ? Incident() : latest.back();
  }
  void Acknowledge(const std::string& id, double at, bool taken_back = false) {
    ControlChange change;
    change.type =
        taken_back ? ControlChange::Type::kAcknowledgeDeleted : ControlChange::Type::kAcknowledge;
    change.id = id;
    change.by = "anna";
    change.comment = "on it";
    world_.store().Control(change, World::At(at));
  }
  static ControlChange Silence(double until) {
    ControlChange change;
    change.type = ControlChange::Type::kSilence;
    change.id = "night";
    change.by = "bo";
    change.until = World::At(until);
    return change;
  }
  static ControlChange SilenceOfEntity(const std::string& entity, double until) {
    ControlChange change = Silence(until);
    change.entity = entity;
    return change;
  }
  size_t CountReason(std::string_view reason) const {
    return static_cast<size_t>(
        std::count_if(world_.emitted().begin(), world_.emitted().end(),
                      [&](const Incident& incident) { return incident.reason == reason; }));
  }

  World world_;
};

TEST_F(ControlTest, AnAcknowledgementIsOneRevisionAtItsTime) {
  const std::string id = Open();
  Acknowledge(id, 100);
  world_.Run(99);
  EXPECT_FALSE(Last().acknowledged);
  const std::vector<Incident> news = world_.Run(100);
  ASSERT_EQ(news.size(), 1U);
  EXPECT_EQ(news[0].reason, "acknowledged");
  EXPECT_EQ(news[0].state, IncidentState::kUpdated);
  ASSERT_TRUE(news[0].acknowledged);
  EXPECT_EQ(*news[0].acknowledged, (Incident::Acknowledgement{"anna", World::At(100), "on it"}));
  // Told twice it is no news.
  Acknowledge(id, 100);
  EXPECT_TRUE(world_.Run(200).empty());
  Acknowledge(id, 300, /*taken_back=*/true);
  const std::vector<Incident> back = world_.Run(400);
  ASSERT_EQ(back.size(), 1U);
  EXPECT_EQ(back[0].reason, "unacknowledged");
  EXPECT_FALSE(back[0].acknowledged);
}

TEST_F(ControlTest, NobodyIsRemindedOfWhatIsInHand) {
  const std::string id = Open();
  world_.Run(4'000);
  EXPECT_EQ(CountReason("reminder"), 1U);
  Acknowledge(id, 4'100);
  world_.Run(14'000);
  EXPECT_EQ(CountReason("reminder"), 1U);
  Acknowledge(id, 14'100, /*taken_back=*/true);
  world_.Run(18'000);
  EXPECT_EQ(CountReason("reminder"), 2U);
}

TEST_F(ControlTest, ItIsAboutThisOpeningOnly) {
  const std::string id = Open();
  Acknowledge(id, 100);
  world_.End(200, "vm_errors", "vm:v1");
  world_.Fire(400, "vm_errors", "vm:v1");
  world_.Run(500);
  EXPECT_EQ(Last().id, id);
  EXPECT_EQ(Last().state, IncidentState::kReopened);
  EXPECT_FALSE(Last().acknowledged);
  // What was said before it was reopened is read again after a restart, and is about the past.
  Acknowledge(id, 100);
  world_.Run(600);
  EXPECT_FALSE(Last().acknowledged);
}

TEST_F(ControlTest, AnUnknownIncidentIsCounted) {
  Open();
  Acknowledge("rn-0000000000000000-1", 100);
  EXPECT_TRUE(world_.Run(200).empty());
  EXPECT_EQ(world_.store().stats().refused_controls, 1U);
}

TEST_F(ControlTest, BothSurviveARestart) {
  const std::string id = Open();
  Acknowledge(id, 100);
  world_.store().Control(SilenceOfEntity("vm:v1", 1'000), World::At(110));
  world_.Run(200);
  ASSERT_TRUE(Last().silenced);
  // The control topic is read whole again before the first step.
  const Incident before = Last();
  const std::vector<Incident> news = world_.Restart(true, {}, [&] {
    Acknowledge(id, 100);
    world_.store().Control(SilenceOfEntity("vm:v1", 1'000), World::At(110));
  });
  EXPECT_TRUE(news.empty());
  EXPECT_TRUE(world_.Run(900).empty());
  EXPECT_EQ(Last().acknowledged, before.acknowledged);
  EXPECT_EQ(Last().silenced, before.silenced);
  const std::vector<Incident> ended = world_.Run(1'000);
  ASSERT_EQ(ended.size(), 1U);
  EXPECT_EQ(ended[0].reason, "silence_ended");
  EXPECT_TRUE(ended[0].acknowledged);
}

TEST_F(ControlTest, ASilentIncidentGoesToNobodyUntilItEnds) {
  world_.store().Control(SilenceOfEntity("vm:v1", 600), World::At(5));
  Open();
  EXPECT_TRUE(Last().routed.empty());
  ASSERT_TRUE(Last().silenced);
  EXPECT_EQ(Last().silenced->id, "night");
  EXPECT_EQ(Last().severity, Severity::kMajor);  // what it is, not what is heard of it
  world_.Run(599);
  EXPECT_TRUE(Last().routed.empty());
  world_.Run(600);
  EXPECT_EQ(Last().reason, "silence_ended");
  EXPECT_EQ(Last().routed, (std::vector<std::string>{"page"}));
}

TEST_F(ControlTest, WhoHasItGoesOnHearingOfIt) {
  Open();
  EXPECT_EQ(Last().routed, (std::vector<std::string>{"page"}));
  world_.store().Control(SilenceOfEntity("vm:v1", 4'000), World::At(100));
  world_.Run(200);
  EXPECT_EQ(Last().reason, "silenced");
  EXPECT_EQ(Last().routed, (std::vector<std::string>{"page"}));
}

TEST_F(ControlTest, SilencesByLabelAndSignal) {
  ControlChange by_label = Silence(10'000);
  by_label.labels = Labels::From({{"team", "shop"}, {"region", "uk"}});
  world_.store().Control(by_label, World::At(5));
  Open();
  EXPECT_TRUE(Last().silenced);
  by_label.labels = Labels::From({{"team", "shop"}, {"region", "us"}});
  world_.store().Control(by_label, World::At(100));
  world_.Run(100);
  EXPECT_FALSE(Last().silenced);

  // By signal: only while nothing else fires.
  ControlChange by_signal = Silence(10'000);
  by_signal.signal = "vm_errors";
  world_.store().Control(by_signal, World::At(200));
  world_.Run(200);
  EXPECT_TRUE(Last().silenced);
  world_.Fire(300, "app_errors", "app:shop");
  world_.Run(310);
  EXPECT_FALSE(Last().silenced);
}

TEST_F(ControlTest, ASilenceIsTakenBack) {
  world_.store().Control(SilenceOfEntity("vm:v1", 10'000), World::At(5));
  Open();
  ControlChange gone;
  gone.type = ControlChange::Type::kSilenceDeleted;
  gone.id = "night";
  world_.store().Control(gone, World::At(100));
  world_.Run(100);
  EXPECT_EQ(Last().reason, "silence_ended");
  EXPECT_FALSE(Last().silenced);
}

TEST_F(ControlTest, WhatIsOverIsNotKept) {
  world_.store().Control(SilenceOfEntity("vm:v1", 4), World::At(1));
  Open();
  EXPECT_FALSE(Last().silenced);
}

}  // namespace
}  // namespace rootnote
