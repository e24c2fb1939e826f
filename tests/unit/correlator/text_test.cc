// Titles and summaries: what is broken for whom, since when, because of what.
#include "gmock/gmock.h"
#include "gtest/gtest.h"

#include "tests/unit/correlator/world.h"

namespace rootnote {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

constexpr std::string_view kRules = R"(
kind transaction { id name, region }
kind app   { id app }
kind vm    { id vm }
kind array { id array }
kind disk  { id array, disk }
relation serves     : transaction -> app carries errors, down as errors
relation runs_on    : app -> vm          carries errors, latency as errors
relation stored_on  : vm -> array        carries errors as latency, latency
relation built_from : array -> disk      carries errors as errors, latency  tolerates 1
signal buy_fails on transaction { when x > 1 family errors severity critical }
signal app_errors on app        { when x > 1 family errors severity major }
signal vm_slow on vm            { when x > 1 family latency }
signal disk_errors on disk      { when x > 1 family errors }
signal app_dead on app          { when x > 1 family down severity major }
fault app_crash on app {
  shows any of (app_dead)
  title   "{name} crashed: {affected} hurt, {affected.transactions}, since {since}"
  summary "{app} is down {places}, team {labels.team}, {impact.total} in all; {severity}"
}
incidents { hold back 20s }
)";

class TextTest : public testing::Test {
 protected:
  TextTest() : world_(kRules) {
    world_.Map(R"(
      array:a1 -built_from-> disk:a1/d1
      array:a1 -built_from-> disk:a1/d2
      array:a1 -built_from-> disk:a1/d3
      vm:v1 -stored_on-> array:a1
      vm:v2 -stored_on-> array:a1
      vm:v3 -stored_on-> array:a1
      app:shop -runs_on-> vm:v1
      app:portal -runs_on-> vm:v2
      transaction:buy/uk -serves-> app:shop
      transaction:buy/us -serves-> app:shop)");
  }
  Incident Last() {
    const std::vector<Incident> latest = world_.Latest();
    EXPECT_EQ(latest.size(), 1U);
    return latest.empty() ? Incident() : latest.back();
  }

  World world_;
};

TEST_F(TextTest, SeveralVictimsByKind) {
  world_.watch().Blind("array");
  world_.Fire(10, "disk_errors", "disk:a1/d1");
  world_.Fire(11, "disk_errors", "disk:a1/d2");
  for (const char* vm : {"vm:v1", "vm:v2", "vm:v3"}) world_.Fire(15, "vm_slow", vm);
  world_.Fire(20, "app_errors", "app:shop");
  world_.Fire(20, "app_errors", "app:portal");
  world_.Fire(25, "buy_fails", "transaction:buy/uk");
  world_.Fire(25, "buy_fails", "transaction:buy/us");
  world_.Run(100);
  EXPECT_EQ(Last().title,
            "Array a1 lost its redundancy, 3 VMs, 2 applications and 2 transactions affected");
  EXPECT_EQ(Last().summary,
            "Array a1 lost its redundancy since 2026-03-01 00:00:11 UTC. Disk a1/d1 and disk a1/d2 "
            "failed. 3 VMs, 2 applications and 2 transactions are affected, among them transaction "
            "buy/uk and transaction buy/us, in two regions (uk, us). Ruled out: storage.");
}

TEST_F(TextTest, OneIsSingularAndNamedByTheMap) {
  world_.Entity("vm:v1", {{"name", "web-frontend-1"}});
  world_.Entity("app:shop", {{"display_name", "The shop"}});
  world_.Fire(10, "vm_slow", "vm:v1");
  world_.Fire(20, "app_errors", "app:shop");
  world_.Run(100);
  EXPECT_EQ(Last().title, "VM web-frontend-1: slow, 1 application affected");
  EXPECT_THAT(Last().summary, HasSubstr("1 application is affected: application The shop"));
}

TEST_F(TextTest, NobodyYet) {
  world_.Fire(10, "vm_slow", "vm:v2");
  world_.Run(100);
  EXPECT_EQ(Last().title, "VM v2: slow");
  EXPECT_THAT(Last().summary, HasSubstr("Nobody is affected yet; one entity depends on it."));
}

TEST_F(TextTest, ASilentRootIsSaidToBeAGuess) {
  world_.watch().Blind("array");
  for (const char* vm : {"vm:v1", "vm:v2", "vm:v3"}) world_.Fire(10, "vm_slow", vm);
  world_.Run(100);
  EXPECT_EQ(Last().root[0].entity, "array:a1");
  EXPECT_EQ(Last().title, "Array a1 probably fails, 3 VMs affected");
  EXPECT_THAT(Last().summary, HasSubstr("It has no monitor of its own; it is what explains "));
}

TEST_F(TextTest, TheEndIsTold) {
  world_.Fire(10, "vm_slow", "vm:v2");
  world_.End(250, "vm_slow", "vm:v2");
  world_.Run(400);
  ASSERT_EQ(Last().status, IncidentStatus::kResolved);
  EXPECT_THAT(Last().summary, HasSubstr("Nobody was affected."));
  EXPECT_THAT(Last().summary, HasSubstr("Over since 00:05:10, after 5m."));
}

TEST_F(TextTest, ADeploymentBeforeItIsNamed) {
  world_.store().NoteChange({"deploy_finished", "vm:v2", "version 7", World::At(2)});
  world_.Fire(10, "vm_slow", "vm:v2");
  world_.Run(100);
  EXPECT_THAT(Last().summary, HasSubstr("Shortly before, at 00:00:02: deploy finished on VM v2."));
}

TEST_F(TextTest, TheRulesOwnWordsAreTaken) {
  Transition transition = world_.Firing(10, "vm_slow", "vm:v2");
  transition.summary = "v2 answers in 3 s";
  world_.Send(10, transition);
  world_.Run(100);
  EXPECT_THAT(Last().summary, HasSubstr(" v2 answers in 3 s. "));
  ASSERT_EQ(Last().symptoms.size(), 1U);
  EXPECT_EQ(Last().symptoms[0].summary, "v2 answers in 3 s");
  // A new run knows them, too.
  world_.Restart();
  world_.Fire(120, "app_errors", "app:portal");
  world_.Run(200);
  EXPECT_THAT(Last().summary, HasSubstr(" v2 answers in 3 s. "));
}

TEST_F(TextTest, DeclaredTextsAreFilledIn) {
  world_.Entity("app:shop", {{"team", "checkout"}});
  world_.Fire(10, "app_dead", "app:shop");
  world_.Fire(12, "buy_fails", "transaction:buy/uk");
  world_.Run(100);
  EXPECT_EQ(Last().title,
            "application shop crashed: 1 transaction hurt, 1 transaction, since 2026-03-01 "
            "00:00:10 UTC");
  EXPECT_EQ(Last().summary, "shop is down in region uk, team checkout, 2 in all; critical");
}

}  // namespace
}  // namespace rootnote
