// The life of incidents against a small obvious model: whatever symptoms, maps and windows do, each
// incident is a chain of whole revisions, everything that fires is somebody's, everything ends, and
// equal roots are not exchanged.
#include <algorithm>
#include <map>
#include <random>
#include <set>

#include "gtest/gtest.h"

#include "tests/unit/correlator/world.h"

namespace rootnote {
namespace {

constexpr std::string_view kRules = R"(
kind app     { id app }
kind vm      { id vm }
kind storage { id storage }
relation calls     : app -> app     carries errors
relation runs_on   : app -> vm      carries errors, down as errors
relation stored_on : vm -> storage  carries errors, latency as errors
signal app_errors on app       { when x > 1 family errors severity major }
signal app_note on app         { when x > 1 family traffic severity info }
signal vm_down on vm           { when x > 1 family down severity critical }
signal vm_errors on vm         { when x > 1 family errors }
signal storage_slow on storage { when x > 1 family latency }
incidents { hold back 20s  reopen within 5m  resolve after 60s  remind every 10m
            flapping after 6 changes in 10m until quiet for 5m }
maintenance "vm work" on vm:v1 and all above
  from 2026-03-01 00:10 to 2026-03-01 00:20 in UTC  owner "team"
maintenance "storage work" on storage:s1
  from 2026-03-01 00:30 to 2026-03-01 00:35 in UTC
)";

constexpr int kApps = 10, kVms = 5, kStorages = 2;
constexpr double kQuiet = 3'000, kEnd = 3'700;  // nothing fires after kQuiet
constexpr Millis kHoldBack{20'000}, kUpdateEvery{30'000};

std::string Nth(const std::string& stem, uint64_t number, int of) {
  return stem + std::to_string(1 + number % static_cast<uint64_t>(of));
}

// What fires, as the test itself knows it: (signal, entity) → since when.
using Active = std::map<std::pair<std::string, std::string>, double>;

class Story {
 public:
  explicit Story(unsigned seed) : random_(seed), world_(kRules) {}

  World& world() { return world_; }
  const Active& active() const { return active_; }

  void Begin() {
    for (int i = 1; i <= kApps; ++i) {
      const std::string app = "app:a" + std::to_string(i);
      world_.Map(app + " -runs_on-> " + Nth("vm:v", random_(), kVms));
      if (random_() % 2 == 0) {
        const std::string other = Nth("app:a", random_(), kApps);
        if (other != app) world_.Map(app + " -calls-> " + other);
      }
    }
    for (int i = 1; i <= kVms; ++i) {
      world_.Map("vm:v" + std::to_string(i) + " -stored_on-> " +
                 Nth("storage:s", random_(), kStorages));
    }
    for (int i = 0; i < 12; ++i) {
      const std::string app = Nth("app:a", random_(), kApps);
      const auto at = static_cast<double>(random_() % 2'800);
      world_.Unmap(app + " -runs_on-> " + Nth("vm:v", random_(), kVms), at);
      world_.MapAt(app + " -runs_on-> " + Nth("vm:v", random_(), kVms), at);
    }
  }

  // One second: sometimes something begins or ends.
  std::vector<Incident> Second(double now) {
    if (now < kQuiet && random_() % 12 == 0) Toggle(now);
    if (now == kQuiet) {
      for (const auto& [key, since] : active_) world_.End(now, key.first, key.second);
      active_.clear();
    }
    return world_.Run(now);
  }

 private:
  void Toggle(double now) {
    std::pair<std::string, std::string> key;
    switch (random_() % 8) {
      case 0:
        key = {"storage_slow", Nth("storage:s", random_(), kStorages)};
        break;
      case 1:
        key = {"vm_down", Nth("vm:v", random_(), kVms)};
        break;
      case 2:
        key = {"vm_errors", Nth("vm:v", random_(), kVms)};
        break;
      case 3:
        key = {"app_note", Nth("app:a", random_(), kApps)};
        break;
      default:
        key = {"app_errors", Nth("app:a", random_(), kApps)};
    }
    if (active_.erase(key) > 0) {
      world_.End(now, key.first, key.second);
    } else {
      active_[key] = now;
      world_.Fire(now, key.first, key.second);
    }
  }

  std::mt19937 random_;
  World world_;
  Active active_;
};

bool Urgent(const Incident& revision, const Incident& before) {
  static const std::set<std::string> kUrgent{"root_changed", "root_recovered", "severity_changed",
                                             "merged"};
  const bool first_actual = revision.blast_radius.actual > 0 && before.blast_radius.actual == 0;
  return revision.state != IncidentState::kUpdated || kUrgent.contains(revision.reason) ||
         first_actual || revision.unexplained.size() != before.unexplained.size();
}

class Model : public testing::TestWithParam<unsigned> {
 protected:
  // Each revision is the next of its incident, and legal after the one before.
  void Follow(const Incident& revision) {
    auto known = last_.find(revision.id);
    if (known == last_.end()) {
      EXPECT_EQ(revision.revision, 1);
      EXPECT_EQ(revision.state, IncidentState::kOpen);
      EXPECT_EQ(revision.reason, "root_found");
      EXPECT_TRUE(keys_.insert(revision.key + "#" + std::to_string(revision.episode)).second);
    } else {
      const Incident& before = known->second;
      EXPECT_EQ(revision.revision, before.revision + 1) << revision.id;
      EXPECT_GE(revision.updated_at, before.updated_at);
      EXPECT_EQ(revision.key, before.key);
      EXPECT_EQ(revision.episode, before.episode);
      EXPECT_EQ(revision.opened_at, before.opened_at);
      EXPECT_TRUE(Legal(before.status, revision.state)) << revision.id;
      if (!Urgent(revision, before)) {
        EXPECT_GE(revision.updated_at - before.updated_at, kUpdateEvery)
            << revision.id << " " << revision.revision << " " << revision.reason;
      }
      if (revision.state == IncidentState::kReopened) {
        EXPECT_LE(revision.updated_at - before.updated_at, Millis(300'000));
      }
    }
    EXPECT_EQ(revision.status == IncidentStatus::kOpen,
              revision.state == IncidentState::kOpen || revision.state == IncidentState::kUpdated ||
                  revision.state == IncidentState::kReopened);
    int64_t sum = 0;
    for (const Incident::ScorePart& part : revision.root.at(0).parts) sum += part.points;
    EXPECT_EQ(sum, revision.root[0].score) << revision.id;
    last_[revision.id] = revision;
  }

  static bool Legal(IncidentStatus before, IncidentState now) {
    if (before == IncidentStatus::kOpen) {
      return now != IncidentState::kOpen && now != IncidentState::kReopened;
    }
    return before == IncidentStatus::kResolved && now == IncidentState::kReopened;
  }

  // What has fired for longer than the hold-back, and is no note, is somebody's: an open
  // incident's, or explained away by a window.
  void CheckOwners(Story& story, double now) {
    std::map<std::pair<std::string, std::string>, Finding> findings;
    for (const Finding& finding : story.world().store().Findings()) {
      EXPECT_TRUE(findings.emplace(std::pair(finding.signal, finding.entity), finding).second);
    }
    for (const auto& [key, since] : story.active()) {
      ASSERT_TRUE(findings.contains(key)) << key.first << " " << key.second;
      const Finding& finding = findings[key];
      if (finding.verdict == "owned") {
        EXPECT_EQ(last_[finding.incident_id].status, IncidentStatus::kOpen) << finding.incident_id;
        continue;
      }
      if (finding.verdict == "in_maintenance") lifted_[key] = now;
      if (key.first == "app_note" || finding.verdict == "in_maintenance") continue;
      // Hold-back begins anew when a window ends, or is left; a new root may wait for a challenger.
      ASSERT_LE(World::At(now) - World::At(std::max(since, lifted_[key])),
                kHoldBack + Millis(15'000))
          << key.first << " " << key.second << " " << finding.verdict << " at " << now << ": "
          << finding.detail;
    }
    EXPECT_LE(findings.size(), story.active().size());
  }

  std::map<std::string, Incident> last_;
  std::set<std::string> keys_;
  std::map<std::pair<std::string, std::string>, double> lifted_;  // last in a window
};

TEST_P(Model, RevisionsAreAChainAndEverythingIsSomebodys) {
  Story story(GetParam());
  story.Begin();
  for (double now = 0; now <= kEnd; ++now) {
    for (const Incident& revision : story.Second(now)) Follow(revision);
    CheckOwners(story, now);
    if (HasFatalFailure()) return;
  }
  EXPECT_FALSE(last_.empty());
  for (const auto& [id, incident] : last_) EXPECT_NE(incident.status, IncidentStatus::kOpen) << id;
  EXPECT_TRUE(story.world().store().Findings().empty());
}

INSTANTIATE_TEST_SUITE_P(Seeds, Model, testing::Range(1U, 13U));

// What comes and goes stays open once it has done so too often, says so, and ends when it is quiet.
TEST(Flapping, IsSaidAndEndsWhenItIsQuiet) {
  World world(kRules);
  for (int turn = 0; turn < 6; ++turn) {
    world.Fire(10 + turn * 80, "vm_errors", "vm:v3");
    world.End(20 + turn * 80, "vm_errors", "vm:v3");
  }
  world.Run(1'000);
  ASSERT_EQ(world.Latest().size(), 1U);
  const Incident last = world.Latest()[0];
  EXPECT_EQ(last.status, IncidentStatus::kResolved);
  // The last symptom ended at 420 s; five minutes of quiet, not one.
  EXPECT_GE(*last.resolved_at - World::At(420), Millis(300'000));
  const bool said =
      std::any_of(world.emitted().begin(), world.emitted().end(), [](const Incident& revision) {
        return std::any_of(revision.limits.begin(), revision.limits.end(),
                           [](const auto& limit) { return limit.starts_with("it flaps: "); });
      });
  EXPECT_TRUE(said);
  EXPECT_TRUE(std::none_of(last.limits.begin(), last.limits.end(),
                           [](const auto& limit) { return limit.starts_with("it flaps"); }));
}

// A root that was found late is the one by which it is reopened, and so is the one at opening.
TEST(Reopening, ByThePresentRootAndByTheOneAtOpening) {
  for (const bool present : {true, false}) {
    World world(kRules);
    world.Map("app:a1 -runs_on-> vm:v3");
    world.Map("vm:v3 -stored_on-> storage:s2");
    world.Fire(10, "app_errors", "app:a1");
    world.Run(60);
    world.Fire(70, "vm_down", "vm:v3", 5);
    world.Run(120);
    ASSERT_EQ(world.Latest().size(), 1U);
    ASSERT_EQ(world.Latest()[0].root[0].entity, "vm:v3");
    EXPECT_EQ(world.Latest()[0].key, "app:a1|app_errors");
    world.End(130, "app_errors", "app:a1");
    world.End(130, "vm_down", "vm:v3");
    world.Run(250);
    ASSERT_EQ(world.Latest()[0].status, IncidentStatus::kResolved);
    world.Fire(260, present ? "vm_down" : "app_errors", present ? "vm:v3" : "app:a1");
    world.Run(320);
    ASSERT_EQ(world.Latest().size(), 1U) << present;
    EXPECT_EQ(world.Latest()[0].episode, 1);
    EXPECT_EQ(world.Latest()[0].status, IncidentStatus::kOpen);
  }
}

// Two roots that nothing tells apart: whichever was chosen stays, whatever comes and goes.
TEST(Ties, EqualRootsAreNotExchanged) {
  for (unsigned seed = 1; seed <= 20; ++seed) {
    World world(kRules);
    world.watch().Blind("vm");
    for (int i = 1; i <= 6; ++i) {
      const std::string app = "app:a" + std::to_string(i);
      world.Map(app + " -runs_on-> vm:v4");
      world.Map(app + " -runs_on-> vm:v5");
    }
    std::mt19937 random(seed);
    std::set<int> firing;
    std::map<std::string, std::string> roots;  // by incident
    for (double now = 0; now < 900; ++now) {
      if (random() % 10 == 0) {
        const int app = 1 + static_cast<int>(random() % 6);
        const bool begins = firing.insert(app).second;
        // At least three go on, so that the incident does.
        if (begins) {
          world.Fire(now, "app_errors", "app:a" + std::to_string(app));
        } else if (firing.size() > 3) {
          firing.erase(app);
          world.End(now, "app_errors", "app:a" + std::to_string(app));
        }
      }
      for (const Incident& revision : world.Run(now)) {
        // What began with one application may turn out to be its VM's, once.
        const std::string& root = revision.root[0].entity;
        if (!root.starts_with("vm:")) continue;
        EXPECT_EQ(roots.try_emplace(revision.id, root).first->second, root) << "seed " << seed;
      }
    }
    EXPECT_FALSE(roots.empty()) << "seed " << seed;
  }
}

}  // namespace
}  // namespace rootnote
