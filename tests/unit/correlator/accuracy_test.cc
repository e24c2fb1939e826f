// How often the root is right on estates that nobody drew: layers of random width, random faults,
// effects that show late, not at all, or without a cause. The rules are those of the kinds alone.
#include <random>

#include "gtest/gtest.h"

#include "tests/unit/correlator/world.h"

namespace rootnote {
namespace {

constexpr std::string_view kRules = R"(
kind transaction { id transaction }
kind app    { id app }
kind db     { id db }
kind vm     { id vm }
kind host   { id host }
kind array  { id array }
kind dns    { id dns }
kind switch { id switch }
relation serves        : transaction -> app  carries errors, latency within 30s
relation calls         : app -> app          carries errors, latency, latency as errors within 1m
relation queries       : app -> db           carries errors, latency within 1m
relation runs_on       : app, db -> vm       carries down as errors, latency, saturation as latency within 1m
relation placed_on     : vm -> host          carries down, saturation as latency, latency within 1m
relation stored_on     : vm -> array         carries latency, saturation as latency within 2m
relation resolves_with : app -> dns          carries errors, latency within 2m tolerates all but 1
relation plugged_into  : host -> switch      carries errors as latency, down within 1m
signal tx_errors on transaction { when x > 1 for 20s family errors severity major }
signal tx_slow on transaction   { when x > 1 for 20s family latency severity major }
signal app_errors on app  { when x > 1 for 20s family errors severity major }
signal app_slow on app    { when x > 1 for 20s family latency severity warning }
signal db_errors on db    { when x > 1 for 20s family errors severity major }
signal db_slow on db      { when x > 1 for 20s family latency severity warning }
signal vm_slow on vm      { when x > 1 for 20s family latency severity warning }
signal vm_busy on vm      { when x > 1 for 20s family saturation severity warning }
signal vm_gone on vm      { when x > 1 for 20s family down severity critical }
signal host_slow on host  { when x > 1 for 20s family latency severity warning }
signal host_busy on host  { when x > 1 for 20s family saturation severity warning }
signal host_gone on host  { when x > 1 for 20s family down severity critical }
signal array_slow on array { when x > 1 for 20s family latency severity warning }
signal array_busy on array { when x > 1 for 20s family saturation severity warning }
signal servfail on dns    { when x > 1 for 20s family errors severity major }
signal ports_bad on switch { when x > 1 for 20s family errors severity warning }
)";

struct Noise {
  double loss = 0;      // of all symptoms, the root's own included
  double spurious = 0;  // symptoms without a cause, as a share of the true ones
  bool silent = false;  // storage and network have no monitors at all
};

class Drawing {
 public:
  explicit Drawing(unsigned seed) : random_(seed), world_(kRules) { Draw(); }

  // One fault; whether its incident names it, and how many incidents hold symptoms of it.
  struct Outcome {
    bool found = false, right = false;
    size_t incidents = 0;
    std::string truth, named;
  };
  Outcome Break(const Noise& noise);

 private:
  struct Link {
    std::string from, relation, to;
  };
  int Number(int below) { return static_cast<int>(random_() % static_cast<unsigned>(below)); }
  bool Chance(double probability) { return Number(10'000) < probability * 10'000; }
  std::string Any(const std::string& kind) {
    return kind + ":" + kind + std::to_string(Number(count_[kind]));
  }
  void Connect(const std::string& from, const std::string& relation, const std::string& to);
  void Draw();
  std::string SignalOf(const std::string& entity, Family family) const;
  void Spread(const std::string& root, Family family, const Noise& noise);

  std::mt19937 random_;
  World world_;
  std::map<std::string, int> count_;
  std::vector<std::string> entities_;
  std::map<std::string, std::vector<Link>> dependants_;
  std::map<std::string, std::vector<Link>> needs_;
  std::set<std::pair<std::string, std::string>> shown_;  // signal, entity
};

void Drawing::Connect(const std::string& from, const std::string& relation, const std::string& to) {
  if (from == to) return;
  for (const Link& link : dependants_[to]) {
    if (link.from == from && link.relation == relation) return;
  }
  world_.Map(from + " -" + relation + "-> " + to);
  dependants_[to].push_back({from, relation, to});
  needs_[from].push_back({from, relation, to});
}

void Drawing::Draw() {
  const std::pair<const char*, int> sizes[] = {
      {"transaction", 3 + Number(6)}, {"app", 12 + Number(20)}, {"db", 2 + Number(5)},
      {"vm", 10 + Number(14)},        {"host", 3 + Number(5)},  {"array", 1 + Number(3)},
      {"dns", 2 + Number(2)},         {"switch", 1 + Number(2)}};
  for (const auto& [kind, count] : sizes) {
    count_[kind] = count;
    for (int i = 0; i < count; ++i) {
      entities_.push_back(std::string(kind) + ":" + kind + std::to_string(i));
    }
  }
  for (const std::string& entity : entities_) {
    const std::string kind = entity.substr(0, entity.find(':'));
    if (kind == "transaction") Connect(entity, "serves", Any("app"));
    if (kind == "app") {
      // Calls go downwards only: to a higher number.
      const int self = std::stoi(entity.substr(7));
      for (int i = Number(3); i > 0 && self + 1 < count_["app"]; --i) {
        Connect(entity, "calls",
                "app:app" + std::to_string(self + 1 + Number(count_["app"] - self - 1)));
      }
      if (Chance(0.4)) Connect(entity, "queries", Any("db"));
      Connect(entity, "resolves_with", Any("dns"));
      Connect(entity, "resolves_with", Any("dns"));
    }
    if (kind == "app" || kind == "db") Connect(entity, "runs_on", Any("vm"));
    if (kind == "vm") Connect(entity, "placed_on", Any("host"));
    if (kind == "vm") Connect(entity, "stored_on", Any("array"));
    if (kind == "host") Connect(entity, "plugged_into", Any("switch"));
  }
}

std::string Drawing::SignalOf(const std::string& entity, Family family) const {
  const std::string kind = entity.substr(0, entity.find(':'));
  const auto program = world_.shared_program();
  for (const Signal& signal : program->signals) {
    if (signal.family == family && program->kind(*signal.kind).name == kind) return signal.name;
  }
  return "";
}

// What breaks, and when it shows: nine of ten dependants suffer, each within its relation's bound.
void Drawing::Spread(const std::string& root, Family family, const Noise& noise) {
  struct Hit {
    double at;
    std::string entity;
    Family family;
  };
  std::vector<Hit> queue{{100, root, family}};
  std::set<std::string> hit{root};
  const auto program = world_.shared_program();
  for (size_t i = 0; i < queue.size(); ++i) {
    const Hit now = queue[i];
    const std::string signal = SignalOf(now.entity, now.family);
    const std::string kind = now.entity.substr(0, now.entity.find(':'));
    const bool blind =
        noise.silent && (kind == "array" || kind == "switch" || kind == "dns" || kind == "host");
    if (!signal.empty() && !blind && !Chance(noise.loss)) {
      world_.Fire(now.at + 20, signal, now.entity, now.at);
      shown_.emplace(signal, now.entity);
    }
    for (const Link& link : dependants_[now.entity]) {
      const Relation* relation = nullptr;
      for (const Relation& one : program->relations) {
        if (one.name == link.relation) relation = &one;
      }
      std::vector<Family> becomes;
      for (const CarriedFamily& carried : relation->carries) {
        if (carried.from == now.family) becomes.push_back(carried.to);
      }
      if (becomes.empty() || !Chance(0.9)) continue;
      if (!relation->tolerances.empty()) {  // all but one: the others still work
        size_t working = 0;
        for (const Link& other : needs_[link.from]) {
          if (other.relation == link.relation && !hit.contains(other.to)) ++working;
        }
        if (working > 0) continue;
      }
      if (!hit.insert(link.from).second) continue;
      const Family next = becomes[static_cast<size_t>(Number(static_cast<int>(becomes.size())))];
      queue.push_back({now.at + 1 + Number(20), link.from, next});
    }
  }
}

Drawing::Outcome Drawing::Break(const Noise& noise) {
  Outcome outcome;
  const std::pair<const char*, Family> faults[] = {
      {"app", Family::kErrors},    {"db", Family::kLatency},       {"vm", Family::kSaturation},
      {"vm", Family::kDown},       {"host", Family::kSaturation},  {"host", Family::kDown},
      {"array", Family::kLatency}, {"array", Family::kSaturation}, {"switch", Family::kErrors},
      {"db", Family::kErrors}};
  const auto& [kind, family] = faults[static_cast<size_t>(Number(10))];
  outcome.truth = Any(kind);
  if (noise.silent) {
    for (const char* blind : {"array", "switch", "dns", "host"}) world_.watch().Blind(blind);
  }
  Spread(outcome.truth, family, noise);
  const std::set<std::pair<std::string, std::string>> true_ones = shown_;
  const double spurious = static_cast<double>(true_ones.size()) * noise.spurious;
  for (int i = static_cast<int>(spurious) + (Chance(spurious - static_cast<int>(spurious)) ? 1 : 0);
       i > 0; --i) {
    const std::string entity =
        entities_[static_cast<size_t>(Number(static_cast<int>(entities_.size())))];
    const auto what = static_cast<Family>(Number(2));
    const std::string signal = SignalOf(entity, what);
    if (!signal.empty() && !shown_.contains({signal, entity})) {
      const double at = 60 + Number(120);
      world_.Fire(at + 20, signal, entity, at);
    }
  }
  world_.Run(500);
  size_t most = 0;
  for (const Incident& incident : world_.Latest()) {
    size_t of = 0;
    for (const Incident::Symptom& symptom : incident.symptoms) {
      if (true_ones.contains({symptom.signal, symptom.entity})) ++of;
    }
    if (of == 0 || incident.status != IncidentStatus::kOpen) continue;
    ++outcome.incidents;
    outcome.found = true;
    if (of <= most) continue;
    most = of;
    outcome.named = incident.root[0].entity;
    outcome.right = outcome.named == outcome.truth;
  }
  return outcome;
}

struct Sum {
  int found = 0, right = 0, single = 0;
};

Sum Try(const Noise& noise, unsigned from, int faults) {
  Sum sum;
  for (unsigned seed = from; sum.found < faults; ++seed) {
    Drawing estate(seed);
    const Drawing::Outcome outcome = estate.Break(noise);
    if (!outcome.found) continue;  // nothing of it showed
    ++sum.found;
    sum.right += outcome.right ? 1 : 0;
    sum.single += outcome.incidents == 1 ? 1 : 0;
  }
  return sum;
}

TEST(Accuracy, ClearCases) {
  const Sum sum = Try({}, 1, 200);
  EXPECT_GE(sum.right, 190);
  EXPECT_GE(sum.single, 190);
}

TEST(Accuracy, StorageAndNetworkWithoutMonitors) {
  const Sum sum = Try({0, 0, true}, 1001, 200);
  EXPECT_GE(sum.right, 150);
  EXPECT_GE(sum.single, 180);
}

TEST(Accuracy, AFifthOfTheSymptomsIsLostAndSomeAreSpurious) {
  const Sum sum = Try({0.2, 0.05, false}, 2001, 200);
  EXPECT_GE(sum.right, 160);
  EXPECT_GE(sum.single, 180);
}

}  // namespace
}  // namespace rootnote
