// Every reason in `ruled_out` is true of the state it names: random estates, random faults, and
// what each revision claims is checked against what the test itself knows of map and symptoms.
#include <algorithm>
#include <cstdlib>
#include <deque>
#include <map>
#include <random>
#include <set>
#include <sstream>

#include "gtest/gtest.h"

#include "tests/unit/correlator/world.h"

namespace rootnote {
namespace {

constexpr std::string_view kRules = R"(
kind transaction { id name }
kind app     { id app }
kind vm      { id vm }
kind store   { id store }
kind array   { id array }
kind disk    { id array, disk }
kind dns     { id resolver }
kind edge    { id edge }
relation serves     : transaction -> app carries errors, latency
relation calls      : app -> app     carries errors, latency
relation through    : app -> edge    carries errors, saturation as latency
relation runs_on    : app -> vm      carries errors, latency, saturation as latency tolerates all but 1
relation stored_on  : vm -> store    carries errors, latency within 2m
relation backed_by  : store -> array carries errors, latency
relation built_from : array -> disk  carries errors as latency tolerates 1
relation asks       : app -> dns     carries errors, latency as latency tolerates all but 1
signal tx_errors on transaction { when x > 1 for 20s family errors severity critical }
signal app_errors on app        { when x > 1 for 20s family errors severity major }
signal app_slow on app          { when x > 1 for 20s family latency }
signal vm_slow on vm            { when x > 1 for 20s family latency }
signal vm_full on vm            { when x > 1 for 20s family saturation }
signal array_slow on array      { when x > 1 for 20s family latency }
signal disk_errors on disk      { when x > 1 for 20s family errors }
signal servfail on dns          { when x > 1 for 20s family errors severity major }
signal surge on edge            { when x > 1 for 20s family traffic severity info }
signal flood on edge            { when x > 1 for 20s family saturation }
fault dns_failure on dns { shows any of (servfail) causes app_errors within 3m }
fault attack on edge { shows all of (surge, flood) causes app_errors, latency on app }
incidents { hold back 20s }
maintenance "night" on vm:v2 and all above
  from 2026-03-01 00:06 to 2026-03-01 00:16 in UTC
)";

constexpr double kForever = 1e9;
constexpr double kGrace = 300;
constexpr int kDepth = 10;

struct ModelEdge {
  std::string from, relation, to;  // `from` depends on `to`
  double begins = -kForever, ends = kForever;

  // At some instant of [onset - grace, onset].
  bool Held(double onset) const { return begins <= onset && ends > onset - kGrace; }
};

struct ModelSymptom {
  double onset = 0;
  Severity severity = Severity::kWarning;
  Family family = Family::kErrors;
  double ended = kForever;
};

// What the test knows: who depends on whom, and what fires.
class RandomEstate {
 public:
  explicit RandomEstate(unsigned seed) : random_(seed), world_(kRules) {}

  World& world() { return world_; }
  const std::map<std::pair<std::string, std::string>, ModelSymptom>& active() const {
    return active_;
  }

  void Build();
  // One second: now and then a fault begins at a random place, or everything of one ends.
  std::vector<Incident> Second(double now);

  std::vector<std::string> SignalsOf(const std::string& entity, bool notes = false) const {
    std::vector<std::string> signals;
    for (const auto& [key, symptom] : active_) {
      if (key.second != entity) continue;
      if (notes || symptom.severity != Severity::kInfo) signals.push_back(key.first);
    }
    return signals;
  }
  // What was active at any moment since then, with when it began.
  const std::multimap<std::pair<std::string, std::string>, ModelSymptom>& history() const {
    return history_;
  }
  bool Watched(const std::string& entity, double now) {
    for (int family = 0; family < 5; ++family) {
      if (world_.watch().Of(entity, static_cast<Family>(family), World::At(now)) == Watch::kFresh) {
        return true;
      }
    }
    return false;
  }
  // It fails in a group together with the other, or with what depends on the other: a cause that
  // needs it explains it as well.
  bool Beside(const std::string& entity, const std::string& other) const {
    for (const ModelEdge& own : edges_) {
      if (own.to != entity) continue;
      for (const ModelEdge& beside : edges_) {
        if (beside.from != own.from || beside.relation != own.relation || beside.to == entity) {
          continue;
        }
        if (Upstream({beside.to}, std::nullopt).contains(other)) return true;
      }
    }
    return false;
  }
  bool DependsOn(const std::string& entity, const std::string& on) const {
    return std::any_of(edges_.begin(), edges_.end(),
                       [&](const ModelEdge& edge) { return edge.from == entity && edge.to == on; });
  }
  // Everything `starts` depend on over edges that held at `onset`; nullopt: whenever.
  std::set<std::string> Upstream(const std::set<std::string>& starts,
                                 std::optional<double> onset) const;
  // How many of a group's members fail, and how many there are, as of `now`.
  std::pair<int, int> Members(const std::string& group, const std::string& relation,
                              double now) const {
    std::set<std::string> members, failing;
    for (const ModelEdge& edge : edges_) {
      if (edge.from != group || edge.relation != relation || !edge.Held(now)) continue;
      members.insert(edge.to);
      if (!SignalsOf(edge.to).empty()) failing.insert(edge.to);
    }
    return {static_cast<int>(failing.size()), static_cast<int>(members.size())};
  }
  bool InWindow(const std::string& entity, double now) const {
    if (now < 360 || now >= 960) return false;
    std::set<std::string> above{"vm:v2"};
    for (size_t before = 0; before != above.size();) {
      before = above.size();
      for (const ModelEdge& edge : edges_) {
        if (edge.begins <= now && edge.ends > now && above.contains(edge.to))
          above.insert(edge.from);
      }
    }
    return above.contains(entity);
  }

 private:
  std::string Pick(const std::string& stem, int count) {
    return stem + std::to_string(1 + random_() % static_cast<unsigned>(count));
  }
  void Link(const std::string& from, const std::string& relation, const std::string& to) {
    for (const ModelEdge& edge : edges_) {
      if (edge.from == from && edge.relation == relation && edge.to == to) return;
    }
    edges_.push_back({from, relation, to});
    world_.Map(from + " -" + relation + "-> " + to);
  }
  void Fire(double now, const std::string& signal, const std::string& entity);
  void Break(double now);
  std::string SignalFor(const std::string& entity);

  std::mt19937 random_;
  World world_;
  std::vector<ModelEdge> edges_;
  std::map<std::pair<std::string, std::string>, ModelSymptom> active_;
  std::multimap<std::pair<std::string, std::string>, ModelSymptom> history_;
  std::multimap<double, std::pair<std::string, std::string>> begins_, ends_;
};

void RandomEstate::Build() {
  for (int i = 1; i <= 8; ++i) {
    const std::string app = "app:a" + std::to_string(i);
    Link("transaction:t" + std::to_string(1 + i / 2), "serves", app);
    Link(app, "runs_on", Pick("vm:v", 6));
    if (random_() % 2 == 0) Link(app, "runs_on", Pick("vm:v", 6));
    Link(app, "asks", "dns:r1");
    Link(app, "asks", "dns:r2");
    Link(app, "through", Pick("edge:e", 2));
    const std::string other = Pick("app:a", 8);
    if (random_() % 3 == 0 && other != app) Link(app, "calls", other);
  }
  for (int i = 1; i <= 6; ++i) Link("vm:v" + std::to_string(i), "stored_on", Pick("store:s", 3));
  for (int i = 1; i <= 3; ++i) Link("store:s" + std::to_string(i), "backed_by", Pick("array:x", 2));
  for (int array = 1; array <= 2; ++array) {
    const std::string name = "array:x" + std::to_string(array);
    for (int disk = 1; disk <= 4; ++disk) {
      Link(name, "built_from", "disk:x" + std::to_string(array) + "/d" + std::to_string(disk));
    }
  }
  for (int i = 0; i < 3; ++i) {
    const std::string vm = Pick("vm:v", 6), from = Pick("store:s", 3), to = Pick("store:s", 3);
    const auto at = static_cast<double>(300 + random_() % 1'000);
    for (ModelEdge& edge : edges_) {
      if (edge.from != vm || edge.relation != "stored_on" || edge.to != from) continue;
      if (edge.ends < kForever || from == to) continue;
      edge.ends = at;
      world_.Unmap(vm + " -stored_on-> " + from, at);
      edges_.push_back({vm, "stored_on", to, at, kForever});
      world_.MapAt(vm + " -stored_on-> " + to, at);
      break;
    }
  }
  if (random_() % 2 == 0) world_.watch().Blind("array");
  if (random_() % 3 == 0) world_.watch().Blind("vm:v3");
  if (random_() % 3 == 0) world_.watch().Stale("disk:x1/d1");
}

std::string RandomEstate::SignalFor(const std::string& entity) {
  static const std::map<std::string, std::vector<std::string>> kSignals = {
      {"transaction", {"tx_errors"}}, {"app", {"app_errors", "app_slow"}},
      {"vm", {"vm_slow", "vm_full"}}, {"array", {"array_slow"}},
      {"disk", {"disk_errors"}},      {"dns", {"servfail"}},
      {"edge", {"surge", "flood"}},   {"store", {}}};
  const std::vector<std::string>& signals = kSignals.at(entity.substr(0, entity.find(':')));
  return signals.empty() ? "" : signals[random_() % signals.size()];
}

void RandomEstate::Fire(double now, const std::string& signal, const std::string& entity) {
  if (signal.empty() || active_.contains({signal, entity})) return;
  const Signal& declared =
      world_.shared_program()->signal(*world_.shared_program()->FindSignal(signal));
  const auto pending = static_cast<double>(random_() % 20);
  const double onset = std::max(0.0, now - pending);
  active_[{signal, entity}] = {onset, declared.severity, declared.family};
  history_.emplace(std::pair(signal, entity), active_[{signal, entity}]);
  world_.Fire(now, signal, entity, onset);
  ends_.emplace(now + 60 + static_cast<double>(random_() % 400), std::pair(signal, entity));
}

// A fault at one place: some of what depends on it follows, late or not at all.
void RandomEstate::Break(double now) {
  std::vector<std::string> places;
  for (const ModelEdge& edge : edges_) places.push_back(random_() % 2 == 0 ? edge.to : edge.from);
  const std::string root = places[random_() % places.size()];
  Fire(now, SignalFor(root), root);
  std::deque<std::pair<std::string, double>> queue{{root, now}};
  std::set<std::string> seen{root};
  while (!queue.empty()) {
    const auto [entity, at] = queue.front();
    queue.pop_front();
    for (const ModelEdge& edge : edges_) {
      if (edge.to != entity || !(edge.begins <= at && at < edge.ends)) continue;
      if (random_() % 5 >= 3 || !seen.insert(edge.from).second) continue;
      const double later = at + static_cast<double>(random_() % 40);
      begins_.emplace(later, std::pair(SignalFor(edge.from), edge.from));
      queue.emplace_back(edge.from, later);
    }
  }
}

std::vector<Incident> RandomEstate::Second(double now) {
  while (!ends_.empty() && ends_.begin()->first <= now) {
    const auto key = ends_.begin()->second;
    ends_.erase(ends_.begin());
    if (active_.erase(key) == 0) continue;
    world_.End(now, key.first, key.second);
    std::prev(history_.upper_bound(key))->second.ended = now;
  }
  while (!begins_.empty() && begins_.begin()->first <= now) {
    const auto [signal, entity] = begins_.begin()->second;
    begins_.erase(begins_.begin());
    Fire(now, signal, entity);
  }
  if (random_() % 120 == 0) Break(now);
  if (random_() % 200 == 0) {
    const std::string stray = Pick("disk:x1/d", 4);
    Fire(now, "disk_errors", stray);
  }
  return world_.Run(now);
}

std::set<std::string> RandomEstate::Upstream(const std::set<std::string>& starts,
                                             std::optional<double> onset) const {
  std::set<std::string> seen(starts);
  std::deque<std::pair<std::string, int>> queue;
  for (const std::string& start : starts) queue.emplace_back(start, 0);
  while (!queue.empty()) {
    const auto [entity, depth] = queue.front();
    queue.pop_front();
    for (const ModelEdge& edge : edges_) {
      if (edge.from != entity || depth >= kDepth || (onset && !edge.Held(*onset))) continue;
      if (seen.insert(edge.to).second) queue.emplace_back(edge.to, depth + 1);
    }
  }
  return seen;
}

double SecondsOf(EventTime time) {
  return static_cast<double>((time - World::At(0)).count()) / 1e3;
}

std::vector<std::string> Split(const std::string& text, const std::string& separator) {
  std::vector<std::string> parts;
  size_t begin = 0;
  for (size_t end; (end = text.find(separator, begin)) != std::string::npos;) {
    parts.push_back(text.substr(begin, end - begin));
    begin = end + separator.size();
  }
  parts.push_back(text.substr(begin));
  return parts;
}

int NumberBehind(const std::string& text, const std::string& word) {
  const size_t at = text.find(word);
  return at == std::string::npos ? -1 : std::atoi(text.c_str() + at + word.size());
}

class RuledOutTest : public testing::TestWithParam<unsigned> {
 protected:
  RuledOutTest() : estate_(GetParam()) {}

  void Check(const Incident& incident, const Incident::RuledOut& out, double now) {
    SCOPED_TRACE(incident.id + "#" + std::to_string(incident.revision) + " at " +
                 std::to_string(now) + ": " + out.what + " " + out.fault + " " + out.reason + ": " +
                 out.detail);
    ++checked_[out.reason];
    if (out.score) {
      int64_t sum = 0;
      for (const Incident::ScorePart& part : out.parts) sum += part.points;
      EXPECT_EQ(sum, *out.score);
    }
    // The root, what made it fail, and who is affected are not ruled out as causes of it.
    EXPECT_NE(out.what, incident.root[0].entity);
    if (out.reason == "healthy_and_fresh") {
      Healthy(out, now);
    } else if (out.reason == "tolerated") {
      TolerationHolds(incident, out, now);
    } else if (out.reason == "began_after_effect") {
      BeganAfter(incident, out);
    } else if (out.reason == "explains_too_little") {
      TooLittle(incident, out, now);
    } else if (out.reason == "scores_lower") {
      EXPECT_LE(*out.score, NumberBehind(out.detail, " against "));
    } else if (out.reason == "no_path_at_onset") {
      EXPECT_FALSE(estate_.SignalsOf(out.what).empty());
      EXPECT_FALSE(UpstreamOfAll(incident, SecondsOf(incident.root[0].onset)).contains(out.what));
      EXPECT_TRUE(UpstreamOfAll(incident, std::nullopt).contains(out.what));
    } else if (out.reason == "in_maintenance") {
      EXPECT_FALSE(estate_.SignalsOf(out.what).empty());
      EXPECT_TRUE(estate_.InWindow(out.what, now));
    } else {
      ADD_FAILURE() << "a reason that nobody checks";
    }
  }

  void Well(const std::string& entity, double now) {
    EXPECT_TRUE(estate_.SignalsOf(entity).empty()) << entity << " fails";
    EXPECT_TRUE(estate_.Watched(entity, now)) << entity << " has no fresh monitor";
  }

  void Healthy(const Incident::RuledOut& out, double now) {
    for (const std::string& entity : out.entities) Well(entity, now);
    if (out.what.find(':') == std::string::npos) return;
    if (out.fault != "attack" && out.fault != "dns_failure") {
      Well(out.what, now);
      return;
    }
    // A declared fault: nothing of what it shows is there.
    const std::vector<std::string> shows = estate_.SignalsOf(out.what, /*notes=*/true);
    for (const std::string& absent :
         Split(out.fault == "attack" ? "surge,flood" : "servfail", ",")) {
      EXPECT_EQ(std::count(shows.begin(), shows.end(), absent), 0) << absent;
    }
  }

  void TolerationHolds(const Incident& incident, const Incident::RuledOut& out, double now) {
    for (const std::string& entity : out.entities) Well(entity, now);
    std::set<std::string> named;
    if (out.what.find(':') != std::string::npos) {
      named.insert(out.what);
    } else {
      for (const std::string& part : Split(out.detail, "; ")) {
        const size_t at = part.find(" failing, tolerated");
        if (at != std::string::npos) named.insert(part.substr(0, at));
      }
      EXPECT_FALSE(named.empty());
    }
    for (const std::string& entity : named) {
      EXPECT_FALSE(estate_.SignalsOf(entity).empty()) << entity;
      const bool owned = std::any_of(incident.symptoms.begin(), incident.symptoms.end(),
                                     [&](const Incident::Symptom& symptom) {
                                       return symptom.entity == entity && !symptom.resolved_at;
                                     });
      EXPECT_FALSE(owned) << entity;
      if (!entity.starts_with("disk:")) continue;
      const std::string array = "array:" + entity.substr(5, entity.find('/') - 5);
      EXPECT_LE(estate_.Members(array, "built_from", now).first, 1) << array;
    }
  }

  // The root was judged at some moment of this opening; a recovered one is not judged again. What
  // is said of rivals is of then.
  bool InOpening(const Incident& incident, const ModelSymptom& symptom) const {
    return symptom.ended >= SecondsOf(incident.reopened_at.value_or(incident.opened_at));
  }

  // It had an onset of its own, and something that failed for longer depended on it.
  void BeganAfter(const Incident& incident, const Incident::RuledOut& out) {
    bool found = false;
    for (const auto& [key, own] : estate_.history()) {
      // A group began when its members broke it.
      const bool member = out.fault == "redundancy_lost" && estate_.DependsOn(out.what, key.second);
      if ((key.second != out.what && !member) || own.severity == Severity::kInfo) continue;
      if (out.detail.find(FormatRfc3339(World::At(own.onset))) == std::string::npos) continue;
      for (const auto& [other, symptom] : estate_.history()) {
        found = found || (symptom.onset < own.onset && InOpening(incident, symptom) &&
                          other.second != out.what &&
                          estate_.Upstream({other.second}, std::nullopt).contains(out.what));
      }
    }
    EXPECT_TRUE(found);
  }

  void TooLittle(const Incident& incident, const Incident::RuledOut& out, double now) {
    if (out.score) {
      const int explained = NumberBehind(out.detail, "explains "),
                all = NumberBehind(out.detail, " of ");
      EXPECT_GE(explained, 1);
      EXPECT_LT(explained, all);
      // So many (entity, family) at most can follow from it at all.
      std::set<std::pair<std::string, Family>> reach;
      for (const auto& [key, symptom] : estate_.history()) {
        const bool follows = InOpening(incident, symptom) &&
                             (estate_.Upstream({key.second}, std::nullopt).contains(out.what) ||
                              estate_.Beside(key.second, out.what));
        if (follows) reach.emplace(key.second, symptom.family);
      }
      EXPECT_LE(explained, static_cast<int>(reach.size()));
      return;
    }
    const std::vector<std::string> shows = estate_.SignalsOf(out.what, /*notes=*/true);
    if (out.detail.find(" but no ") != std::string::npos) {
      for (const std::string& absent : {std::string("surge"), std::string("flood")}) {
        const bool missing =
            out.detail.find(absent, out.detail.find(" but no ")) != std::string::npos;
        EXPECT_EQ(std::count(shows.begin(), shows.end(), absent), missing ? 0 : 1) << absent;
      }
      return;
    }
    // It fails for itself, and belongs to somebody else, or to nobody.
    EXPECT_FALSE(shows.empty());
    for (const Incident::Symptom& symptom : incident.symptoms) {
      EXPECT_TRUE(symptom.entity != out.what || symptom.resolved_at) << now;
    }
  }

  std::set<std::string> UpstreamOfAll(const Incident& incident, std::optional<double> onset) const {
    std::set<std::string> starts{incident.root[0].entity};
    for (const Incident::Impact& impact : incident.impact) starts.insert(impact.entity);
    for (const Incident::Symptom& symptom : incident.symptoms) starts.insert(symptom.entity);
    return estate_.Upstream(starts, onset);
  }

  RandomEstate estate_;
  std::map<std::string, int> checked_;
};

TEST_P(RuledOutTest, IsTrue) {
  estate_.Build();
  for (double now = 0; now < 2'400; ++now) {
    for (const Incident& incident : estate_.Second(now)) {
      if (incident.status != IncidentStatus::kOpen) continue;
      for (const Incident::RuledOut& out : incident.ruled_out) Check(incident, out, now);
    }
    if (HasFailure()) return;
  }
  EXPECT_GT(checked_["healthy_and_fresh"], 0);
}

INSTANTIATE_TEST_SUITE_P(Seeds, RuledOutTest, testing::Range(1U, 31U));

}  // namespace
}  // namespace rootnote
