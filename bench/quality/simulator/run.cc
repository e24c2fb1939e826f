#include "bench/quality/simulator/run.h"

#include <algorithm>
#include <iterator>

#include "fmt/format.h"

namespace rootnote::simulator {
namespace {

constexpr int64_t kBegin = 1'772'438'400'000;  // 2026-03-02T08:00:00Z, a Monday
constexpr int kLead = 540, kLasts = 720, kTail = 480;
constexpr int kBefore = 300;  // what a fault may do before it counts as one: the first disk

int64_t TimeOf(int second) { return kBegin + int64_t{second} * 1000; }

bool IsPlacement(Link link) {
  return link == Link::kRunsOn || link == Link::kPlacedOn || link == Link::kStoredOn;
}

// Forces of faults, taken back after each step at the cost of what they touched.
class Forces {
 public:
  explicit Forces(size_t entities) : forces_(entities) {}

  const std::vector<Force>& At(const Estate& estate, const std::vector<const Fault*>& faults,
                               int second) {
    for (const EntityIndex entity : touched_) forces_[entity] = Force();
    touched_.clear();
    for (const Fault* fault : faults) Apply(estate, *fault, second, forces_, touched_);
    return forces_;
  }

 private:
  std::vector<Force> forces_;
  std::vector<EntityIndex> touched_;
};

void AppendRelation(const Estate& estate, const Relation& relation, EntityIndex to,
                    std::string_view more, std::string& out) {
  fmt::format_to(std::back_inserter(out), R"({{"relation":"{}","from":"{}","to":"{}"{}}})",
                 Name(relation.link), estate.FullName(relation.from), estate.FullName(to), more);
  out += '\n';
}

}  // namespace

Simulation::Simulation(RunOptions options)
    : options_(std::move(options)),
      estate_(BuildEstate(options_.estate)),
      random_(options_.estate.seed ^ 0x5EED) {
  length_ = options_.families.empty() ? options_.quiet_minutes * 60 : kLead + kLasts + kTail + 120;
  DrawFaults();
  DrawSpurious();
  DrawChurn();
}

void Simulation::DrawFaults() {
  const int start = kLead + static_cast<int>(random_.Index(12)) * kStepSeconds;
  for (const Family family : options_.families) {
    // A second fault comes within four minutes.
    const int at =
        faults_.empty() ? start : start + static_cast<int>(random_.Index(24)) * kStepSeconds;
    const int end = options_.early_recovery ? at + 240 : at + kLasts;
    for (int attempt = 0; attempt < 40; ++attempt) {
      std::optional<Fault> fault = DrawFault(estate_, family, at, end, random_);
      if (!fault) break;
      FaultTruth truth{.fault = *fault};
      truth.affected = AloneAffects(*fault);
      if (options_.migration) DrawMigrations(truth);
      if (!IsVisible(truth) && attempt < 39) continue;
      faults_.push_back(std::move(truth));
      break;
    }
  }
}

// What becomes of the estate by this fault and nothing else.
std::vector<Affected> Simulation::AloneAffects(const Fault& fault) const {
  Estate estate = estate_;
  Physics physics(estate);
  Forces forces(estate.entities.size());
  std::vector<Affected> found(estate.entities.size());
  std::vector<int> steps(estate.entities.size());
  for (int second = fault.start - kBefore; second < length_; second += kStepSeconds) {
    for (const Migration& move : fault.migrations) {
      if (move.at == second) estate.Move(move.relation, move.to);
    }
    physics.Step(forces.At(estate, {&fault}, second), options_.early_recovery ? 30 : 1);
    for (EntityIndex i = 0; i < found.size(); ++i) {
      if (!IsAffected(estate.entities[i], physics.state(i))) continue;
      if (steps[i]++ == 0) found[i].from = second;
      found[i].to = second + kStepSeconds;
      found[i].entity = i;
    }
  }
  std::vector<Affected> affected;
  for (EntityIndex i = 0; i < found.size(); ++i) {
    const bool own = i == fault.root ||
                     std::find(fault.causes.begin(), fault.causes.end(), i) != fault.causes.end();
    if (steps[i] >= 9 && !own) affected.push_back(found[i]);  // for a minute and a half at least
  }
  return affected;
}

// Whether a person who sees all metrics could find it: a silent root by what three show.
bool Simulation::IsVisible(const FaultTruth& truth) const {
  const Monitors monitors(estate_, options_.noise, options_.estate.seed);
  if (!MetricsOf(estate_.entities[truth.fault.root].kind).empty()) return true;
  size_t seen = 0;
  for (const Affected& affected : truth.affected)
    seen += monitors.Monitored(affected.entity) ? 1 : 0;
  return seen >= 3;
}

void Simulation::DrawSpurious() {
  size_t affected = 0;
  for (const FaultTruth& truth : faults_) affected += truth.affected.size() + 1;
  const auto count =
      static_cast<size_t>(options_.noise.spurious * static_cast<double>(affected) + 0.99);
  while (spurious_.size() < count) {
    // Half of them anywhere, half of them of any kind: else all would be containers.
    size_t entity = random_.Index(estate_.entities.size());
    if (random_.Chance(0.5)) {
      const auto kind = static_cast<Kind>(random_.Index(kKinds));
      if (estate_.count(kind) == 0) continue;
      entity = estate_.begin(kind) + random_.Index(estate_.count(kind));
    }
    const std::span<const std::string_view> metrics = MetricsOf(estate_.entities[entity].kind);
    if (metrics.empty()) continue;
    Spurious wrong{.entity = static_cast<EntityIndex>(entity)};
    wrong.metric = static_cast<uint32_t>(random_.Index(metrics.size()));
    wrong.from = kLead - 60 + static_cast<int>(random_.Index(kLasts));
    wrong.to = wrong.from + 120 + static_cast<int>(random_.Index(240));
    spurious_.push_back(wrong);
  }
}

// Containers that go elsewhere all day, and deploys that harm nobody.
void Simulation::DrawChurn() {
  for (FaultTruth& truth : faults_) {
    moves_.insert(moves_.end(), truth.fault.migrations.begin(), truth.fault.migrations.end());
    deploys_.insert(deploys_.end(), truth.fault.deploys.begin(), truth.fault.deploys.end());
  }
  std::vector<uint32_t> placements;
  for (uint32_t r = 0; r < estate_.relations.size(); ++r) {
    if (estate_.relations[r].link == Link::kRunsOn) placements.push_back(r);
  }
  const double days = length_ / 86'400.0;
  const auto moved =
      static_cast<size_t>(options_.churn_per_day * days * static_cast<double>(placements.size()));
  for (size_t i = 0; i < moved; ++i) {
    const auto vm = static_cast<EntityIndex>(estate_.begin(Kind::kVm) +
                                             random_.Index(estate_.count(Kind::kVm)));
    moves_.push_back({.at = static_cast<int>(random_.Index(static_cast<size_t>(length_ / 10))) * 10,
                      .relation = placements[random_.Index(placements.size())],
                      .to = vm,
                      .starts_for = 10 + static_cast<int>(random_.Index(5)) * 10});
  }
  const size_t services = estate_.count(Kind::kService);
  const auto deployed =
      static_cast<size_t>(2 * days * static_cast<double>(services) + random_.Unit());
  for (size_t i = 0; i < deployed; ++i) {
    deploys_.push_back({.at = static_cast<int>(random_.Index(static_cast<size_t>(length_))),
                        .service = static_cast<EntityIndex>(estate_.begin(Kind::kService) +
                                                            random_.Index(services)),
                        .version = static_cast<int>(random_.Index(1000))});
  }
  std::stable_sort(moves_.begin(), moves_.end(),
                   [](const Migration& a, const Migration& b) { return a.at < b.at; });
  std::stable_sort(deploys_.begin(), deploys_.end(),
                   [](const Deploy& a, const Deploy& b) { return a.at < b.at; });
}

// Somebody moves a third of the affected containers and machines away, which may help or not.
void Simulation::DrawMigrations(FaultTruth& truth) {
  for (const Affected& affected : truth.affected) {
    const Kind kind = estate_.entities[affected.entity].kind;
    if ((kind != Kind::kInstance && kind != Kind::kVm) || !random_.Chance(0.33)) continue;
    const Link link = kind == Kind::kVm ? Link::kPlacedOn : Link::kRunsOn;
    const Kind target = kind == Kind::kVm ? Kind::kHost : Kind::kVm;
    for (uint32_t r = estate_.first_relation[affected.entity];
         r < estate_.first_relation[affected.entity + 1]; ++r) {
      if (estate_.relations[r].link != link) continue;
      truth.fault.migrations.push_back(
          {.at = truth.fault.start + 120 + static_cast<int>(random_.Index(24)) * 10,
           .relation = r,
           .to = static_cast<EntityIndex>(estate_.begin(target) +
                                          random_.Index(estate_.count(target))),
           .starts_for = 30});
    }
  }
  truth.affected = AloneAffects(truth.fault);
}

bool Simulation::IsKnownWrongly(uint32_t relation) const {
  const Link link = estate_.relations[relation].link;
  const double draw = Noise(options_.estate.seed ^ 0x57A1E, relation, 0);
  return (IsPlacement(link) && draw < options_.noise.stale) ||
         (link == Link::kCalls && draw < options_.noise.stale / 2);
}

void Simulation::WriteTopology(const std::function<void(const std::string&)>& write) const {
  std::string out;
  for (EntityIndex i = 0; i < estate_.entities.size(); ++i) {
    fmt::format_to(std::back_inserter(out), R"({{"entity":"{}","labels":{{"zone_name":"z{}"}}}})",
                   estate_.FullName(i), estate_.entities[i].zone);
    out += '\n';
    if (out.size() > (1U << 20)) write(out), out.clear();
  }
  for (uint32_t r = 0; r < estate_.relations.size(); ++r) {
    const Relation& relation = estate_.relations[r];
    EntityIndex to = relation.to;
    if (IsKnownWrongly(r)) {
      if (relation.link == Link::kCalls) continue;
      const Kind kind = estate_.entities[to].kind;
      const double draw = Noise(options_.estate.seed ^ 0x57A1E, r, 1);
      to = static_cast<EntityIndex>(
          estate_.begin(kind) +
          static_cast<size_t>(draw * static_cast<double>(estate_.count(kind))));
    }
    AppendRelation(estate_, relation, to, "", out);
    if (out.size() > (1U << 20)) write(out), out.clear();
  }
  std::vector<EntityIndex> now(estate_.relations.size());
  for (uint32_t r = 0; r < now.size(); ++r) now[r] = estate_.relations[r].to;
  for (const Migration& move : moves_) {
    const Relation& relation = estate_.relations[move.relation];
    if (now[move.relation] == move.to || IsKnownWrongly(move.relation)) continue;
    const std::string at = fmt::format(R"(,"time":{})", TimeOf(move.at));
    AppendRelation(estate_, relation, now[move.relation], R"(,"deleted":true)" + at, out);
    AppendRelation(estate_, relation, move.to, at, out);
    now[move.relation] = move.to;
  }
  write(out);
}

void Simulation::Events(int second, std::string& out) const {
  for (const Deploy& deploy : deploys_) {
    if (deploy.at < second || deploy.at >= second + kStepSeconds) continue;
    fmt::format_to(std::back_inserter(out),
                   R"({{"event":"deploy_finished","labels":{{"service":"{}"}},)"
                   R"("attributes":{{"version":"1.{}"}},"time":{}}})",
                   estate_.entities[deploy.service].id, deploy.version, TimeOf(deploy.at));
    out += '\n';
  }
}

void Simulation::Feed(const std::function<void(const std::string&)>& write) {
  Physics physics(estate_);
  Monitors monitors(estate_, options_.noise, options_.estate.seed);
  for (const Spurious& wrong : spurious_) monitors.Add(wrong);
  if (options_.noise.gap && !faults_.empty()) {
    const int from = faults_[0].fault.start + 60;
    monitors.SetGap(estate_.entities[faults_[0].fault.root].zone, from, from + 300);
  }
  std::vector<const Fault*> faults;
  for (const FaultTruth& truth : faults_) faults.push_back(&truth.fault);
  Forces forces(estate_.entities.size());
  size_t next_move = 0;
  std::vector<int> starts_until(estate_.entities.size());
  std::string out;
  for (int second = 0; second < length_; second += kStepSeconds) {
    for (; next_move < moves_.size() && moves_[next_move].at <= second; ++next_move) {
      const Migration& move = moves_[next_move];
      estate_.Move(move.relation, move.to);
      starts_until[estate_.relations[move.relation].from] = second + move.starts_for;
    }
    physics.Step(forces.At(estate_, faults, second), options_.early_recovery ? 30 : 1);
    monitors.Remember(physics);
    out.clear();
    Events(second, out);
    for (const EntityIndex entity : monitors.Due(second)) {
      monitors.Write(entity, physics, second, TimeOf(second) + monitors.OffsetOf(entity),
                     second < starts_until[entity], out);
    }
    write(out);
  }
}

std::string Simulation::Truth() const {
  const Monitors monitors(estate_, options_.noise, options_.estate.seed);
  std::string out = fmt::format(
      R"({{"run":{{"seed":{},"entities":{},"relations":{},"from":{},"to":{},"spurious":[)",
      options_.estate.seed, estate_.entities.size(), estate_.relations.size(), TimeOf(0),
      TimeOf(length_));
  for (size_t i = 0; i < spurious_.size(); ++i) {
    out += fmt::format(R"({}{{"entity":"{}","metric":"{}","from":{},"to":{}}})", i > 0 ? "," : "",
                       estate_.FullName(spurious_[i].entity),
                       MetricsOf(estate_.entities[spurious_[i].entity].kind)[spurious_[i].metric],
                       TimeOf(spurious_[i].from), TimeOf(spurious_[i].to));
  }
  out += "]}}\n";
  for (const FaultTruth& truth : faults_) {
    out += fmt::format(
        R"({{"fault":"{}","root":"{}","root_monitored":{},"start":{},"end":{},"causes":[)",
        Name(truth.fault.family), estate_.FullName(truth.fault.root),
        monitors.Monitored(truth.fault.root), TimeOf(truth.fault.start), TimeOf(truth.fault.end));
    for (size_t i = 0; i < truth.fault.causes.size(); ++i) {
      out += fmt::format(R"({}"{}")", i > 0 ? "," : "", estate_.FullName(truth.fault.causes[i]));
    }
    out += R"(],"affected":[)";
    for (size_t i = 0; i < truth.affected.size(); ++i) {
      out +=
          fmt::format(R"({}{{"entity":"{}","from":{},"to":{},"monitored":{}}})", i > 0 ? "," : "",
                      estate_.FullName(truth.affected[i].entity), TimeOf(truth.affected[i].from),
                      TimeOf(truth.affected[i].to), monitors.Monitored(truth.affected[i].entity));
    }
    out += "]}\n";
  }
  return out;
}

}  // namespace rootnote::simulator
