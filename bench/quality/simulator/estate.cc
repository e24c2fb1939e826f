#include "bench/quality/simulator/estate.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <set>
#include <utility>

#include "fmt/format.h"

#include "bench/quality/simulator/random.h"

namespace rootnote::simulator {
namespace {

constexpr std::array<std::string_view, kKinds> kKindNames = {
    "zone",      "switch",   "host",    "disk",     "array",      "lun",
    "datastore", "vm",       "dns",     "provider", "cache",      "database",
    "queue",     "instance", "service", "gateway",  "transaction"};

constexpr std::array<std::string_view, 20> kLinkNames = {
    "in_zone",       "connected_by", "built_from", "carved_from", "backed_by",
    "stored_on",     "placed_on",    "hosted_on",  "shielded_by", "runs_on",
    "resolves_with", "consists_of",  "queries",    "caches_in",   "publishes_to",
    "consumes_from", "relies_on",    "calls",      "starts_at",   "uses"};

constexpr std::array<double, 6> kLayers = {0.10, 0.15, 0.20, 0.25, 0.20, 0.10};  // deepest first
constexpr size_t kCallsMax = 12;

// How many of each kind an estate of about so many entities has.
struct Plan {
  size_t count[kKinds] = {};
  double instances_mean = 28;
  size_t disks_per_array = 24;

  size_t& operator[](Kind kind) { return count[static_cast<size_t>(kind)]; }
};

size_t Ratio(size_t what, double by, size_t least) {
  return std::max(least, static_cast<size_t>(static_cast<double>(what) / by + 0.5));
}

Plan MakePlan(size_t entities) {
  Plan plan;
  const auto n = static_cast<double>(entities);
  plan.instances_mean = std::clamp(n / 15, 3.0, 28.0);
  const size_t services = Ratio(entities, plan.instances_mean / 0.78, 4);
  const size_t instances = Ratio(services, 1 / plan.instances_mean, 8);
  plan[Kind::kService] = services;
  plan[Kind::kInstance] = instances;
  plan[Kind::kZone] = entities < 200 ? 1 : entities < 20'000 ? 3 : 6;
  plan[Kind::kDatabase] = Ratio(services, 4, 1);
  plan[Kind::kCache] = Ratio(services, 8, 1);
  plan[Kind::kQueue] = Ratio(services, 8, 1);
  plan[Kind::kDns] = plan[Kind::kZone] + 1;
  plan[Kind::kVm] = Ratio(instances, 8, 3) + plan[Kind::kDatabase] + plan[Kind::kCache] +
                    plan[Kind::kQueue] + plan[Kind::kDns];
  plan[Kind::kHost] = Ratio(plan[Kind::kVm], 10, 3);
  plan[Kind::kSwitch] = Ratio(plan[Kind::kHost], 4, 2 * plan[Kind::kZone]);
  plan[Kind::kArray] = Ratio(plan[Kind::kVm], 120, plan[Kind::kZone]);
  plan.disks_per_array = entities < 200 ? 4 : 24;
  plan[Kind::kDisk] = plan[Kind::kArray] * plan.disks_per_array;
  plan[Kind::kLun] = plan[Kind::kArray] * (entities < 200 ? 2 : 6);
  plan[Kind::kDatastore] = plan[Kind::kLun] * 2;
  plan[Kind::kProvider] = Ratio(services, 15, 1);
  plan[Kind::kGateway] = Ratio(services, 25, 1);
  plan[Kind::kTransaction] = Ratio(services, 3, 2);
  return plan;
}

class Builder {
 public:
  explicit Builder(const EstateOptions& options)
      : plan_(MakePlan(options.entities)), random_(options.seed) {
    estate_.options = options;
  }

  Estate Build() {
    Entities();
    Machines();
    Storage();
    Shared();
    Services();
    Calls();
    Users();
    Index();
    return std::move(estate_);
  }

 private:
  EntityIndex At(Kind kind, size_t i) const {
    return static_cast<EntityIndex>(estate_.begin(kind) + i);
  }
  EntityIndex Any(Kind kind) { return At(kind, random_.Index(estate_.count(kind))); }
  // The popular ones first: a few are shared by very many.
  EntityIndex Popular(Kind kind, double s = 1.1) {
    return At(kind, random_.Zipf(estate_.count(kind), s) - 1);
  }
  uint32_t Zone(EntityIndex entity) const { return estate_.entities[entity].zone; }

  void Entities() {
    for (size_t k = 0; k < kKinds; ++k) {
      estate_.first_of_kind[k] = estate_.entities.size();
      const size_t zones = plan_[Kind::kZone];
      for (size_t i = 0; i < plan_.count[k]; ++i) {
        Entity entity{.kind = static_cast<Kind>(k)};
        entity.zone = static_cast<uint32_t>(i % zones);
        entity.base = static_cast<float>(random_.Between(0.2, 0.55));
        entity.headroom = static_cast<float>(random_.Between(1.25, 2.2));
        entity.deep_checks = random_.Chance(0.1);
        // Names say nothing about the order in which things were made.
        const auto number = static_cast<uint32_t>(estate_.entities.size());
        const auto mixed = static_cast<uint32_t>(
            (number ^ static_cast<uint32_t>(Mix(estate_.options.seed))) * 2654435761U);
        entity.id = fmt::format("{:08x}", mixed);
        estate_.entities.push_back(std::move(entity));
      }
    }
    estate_.first_of_kind[kKinds] = estate_.entities.size();
  }

  void Add(Link link, EntityIndex from, EntityIndex to, double weight, double lag_low,
           double lag_high, double stays_well) {
    Relation relation{.link = link, .from = from, .to = to};
    relation.weight = static_cast<float>(weight);
    relation.lag = static_cast<float>(random_.Between(lag_low, lag_high));
    relation.stays_well = random_.Chance(stays_well);
    relation.retries = random_.Chance(0.4);
    relation.gives_up = random_.Chance(0.3);
    estate_.relations.push_back(relation);
  }

  void Machines() {
    const size_t zones = plan_[Kind::kZone];
    for (size_t i = 0; i < estate_.count(Kind::kSwitch); ++i) {
      Add(Link::kInZone, At(Kind::kSwitch, i), At(Kind::kZone, i % zones), 1, 1, 5, 0);
    }
    for (size_t i = 0; i < estate_.count(Kind::kHost); ++i) {
      const EntityIndex host = At(Kind::kHost, i);
      const size_t in_zone = estate_.count(Kind::kSwitch) / zones;
      const size_t first = random_.Index(in_zone);
      Add(Link::kConnectedBy, host, At(Kind::kSwitch, first * zones + Zone(host)), 1, 1, 10, 0);
      if (in_zone > 1 && random_.Chance(0.4)) {  // cabled twice
        const size_t second = (first + 1 + random_.Index(in_zone - 1)) % in_zone;
        Add(Link::kConnectedBy, host, At(Kind::kSwitch, second * zones + Zone(host)), 1, 1, 10, 0);
      }
    }
  }

  void Storage() {
    const size_t arrays = estate_.count(Kind::kArray), zones = plan_[Kind::kZone];
    for (size_t i = 0; i < arrays; ++i) {
      const EntityIndex array = At(Kind::kArray, i);
      Add(Link::kInZone, array, At(Kind::kZone, Zone(array)), 1, 1, 5, 0);
      for (size_t d = 0; d < plan_.disks_per_array; ++d) {
        const EntityIndex disk = At(Kind::kDisk, i * plan_.disks_per_array + d);
        estate_.entities[disk].zone = Zone(array);
        estate_.entities[disk].group = static_cast<uint32_t>(d / 8);
        estate_.entities[disk].id = fmt::format("{}/{}", estate_.entities[array].id, d);
        Add(Link::kBuiltFrom, array, disk, 1, 5, 30, 0);
      }
    }
    for (size_t i = 0; i < estate_.count(Kind::kLun); ++i) {
      const EntityIndex lun = At(Kind::kLun, i), array = At(Kind::kArray, i % arrays);
      estate_.entities[lun].zone = Zone(array);
      estate_.entities[lun].group = static_cast<uint32_t>(i / arrays % 2);
      Add(Link::kCarvedFrom, lun, array, 1, 1, 10, 0);
    }
    for (size_t i = 0; i < estate_.count(Kind::kDatastore); ++i) {
      const EntityIndex datastore = At(Kind::kDatastore, i);
      const EntityIndex lun = At(Kind::kLun, i / 2);
      estate_.entities[datastore].zone = Zone(lun);
      Add(Link::kBackedBy, datastore, lun, 1, 1, 10, 0);
    }
    std::vector<std::vector<EntityIndex>> datastores(zones);
    for (size_t i = 0; i < estate_.count(Kind::kDatastore); ++i) {
      datastores[Zone(At(Kind::kDatastore, i))].push_back(At(Kind::kDatastore, i));
    }
    const size_t hosts = estate_.count(Kind::kHost);
    for (size_t i = 0; i < estate_.count(Kind::kVm); ++i) {
      const EntityIndex vm = At(Kind::kVm, i), host = At(Kind::kHost, random_.Index(hosts));
      estate_.entities[vm].zone = Zone(host);
      Add(Link::kPlacedOn, vm, host, 1, 1, 10, 0);
      const auto& near = datastores[Zone(host)];
      Add(Link::kStoredOn, vm,
          near.empty() ? Any(Kind::kDatastore) : near[random_.Index(near.size())],
          random_.Between(0.3, 1), 5, 60, 0.15);
    }
  }

  // Databases, caches, queues and resolvers have the first machines to themselves.
  void Shared() {
    size_t vm = 0;
    for (const Kind kind : {Kind::kDns, Kind::kCache, Kind::kDatabase, Kind::kQueue}) {
      for (size_t i = 0; i < estate_.count(kind); ++i, ++vm) {
        const EntityIndex machine = At(Kind::kVm, vm % estate_.count(Kind::kVm));
        estate_.entities[At(kind, i)].zone = Zone(machine);
        const double io = kind == Kind::kDatabase || kind == Kind::kQueue ? 0.9 : 0.1;
        Add(Link::kHostedOn, At(kind, i), machine, io, 2, 20, 0);
      }
    }
    machines_taken_ = vm % estate_.count(Kind::kVm);
  }

  void Services() {
    const size_t services = estate_.count(Kind::kService);
    const size_t machines = estate_.count(Kind::kVm) - machines_taken_;
    size_t instance = 0;
    const size_t instances = estate_.count(Kind::kInstance);
    for (size_t i = 0; i < services && instance < instances; ++i) {
      const EntityIndex service = At(Kind::kService, i);
      const double spread = std::exp(0.6 * random_.Normal() - 0.18);
      const double fair =
          static_cast<double>(instances - instance) / static_cast<double>(services - i);
      size_t count = std::max<size_t>(2, static_cast<size_t>(fair * spread + 0.5));
      const size_t reserved = 2 * (services - i - 1);  // for those that come after it
      count =
          i + 1 == services
              ? instances - instance
              : std::min(count, instances - instance - std::min(reserved, instances - instance));
      const EntityIndex resolver = Any(Kind::kDns);
      const EntityIndex second = random_.Chance(0.15) ? Any(Kind::kDns) : resolver;
      Resolve(service, resolver, second, random_.Between(0.5, 1));
      for (size_t k = 0; k < count; ++k, ++instance) {
        const EntityIndex container = At(Kind::kInstance, instance);
        const EntityIndex vm = At(Kind::kVm, machines_taken_ + random_.Index(machines));
        estate_.entities[container].zone = Zone(vm);
        estate_.entities[container].base = estate_.entities[service].base;
        Add(Link::kRunsOn, container, vm, random_.Between(0.2, 1), 5, 40, 0);
        Add(Link::kConsistsOf, service, container, 1, 1, 10, 0);
        Resolve(container, resolver, second, 1);
      }
    }
  }

  void Resolve(EntityIndex who, EntityIndex first, EntityIndex second, double weight) {
    Add(Link::kResolvesWith, who, first, weight, 10, 180, 0.2);
    if (second != first) Add(Link::kResolvesWith, who, second, weight, 10, 180, 0.2);
  }

  void Calls() {
    const size_t services = estate_.count(Kind::kService);
    size_t begin = 0;
    for (size_t layer = 0; layer < kLayers.size(); ++layer) {
      const auto share =
          static_cast<size_t>(kLayers[layer] * static_cast<double>(services) + 0.999);
      const size_t end = layer + 1 == kLayers.size() ? services : std::min(services, begin + share);
      for (size_t i = begin; i < end; ++i) CallsOf(At(Kind::kService, i), begin, layer);
      begin = end;
    }
  }

  void CallsOf(EntityIndex service, size_t below, size_t layer) {
    std::vector<EntityIndex> called;
    const size_t wanted = std::min(random_.Zipf(kCallsMax, 1.3) + (layer > 0 ? 1 : 0), kCallsMax);
    for (size_t k = 0; below > 0 && k < wanted; ++k) {
      // Mostly the layer right below, where the indexes are highest; the popular are in all.
      const size_t pick = random_.Chance(0.6) ? below - 1 - random_.Zipf(below, 1.05) % below
                                              : random_.Zipf(below, 1.1) - 1;
      const EntityIndex callee = At(Kind::kService, pick);
      if (std::find(called.begin(), called.end(), callee) != called.end()) continue;
      called.push_back(callee);
      Add(Link::kCalls, service, callee, random_.Between(0.1, 0.95), 5, 40, 0.2);
    }
    const bool queries = random_.Chance(layer < 3 ? 0.75 : 0.35), caches = random_.Chance(0.4);
    const EntityIndex database = Popular(Kind::kDatabase), cache = Popular(Kind::kCache);
    if (queries) {
      Add(Link::kQueries, service, database, random_.Between(0.3, 0.95), 5, 40, 0.15);
    }
    if (caches) Add(Link::kCachesIn, service, cache, random_.Between(0.3, 0.9), 5, 40, 0.15);
    // That the database bears the load only behind the cache is mostly known, not always.
    if (queries && caches && random_.Chance(0.7) && shields_.insert({database, cache}).second) {
      Add(Link::kShieldedBy, database, cache, 1, 10, 60, 0.3);
    }
    if (random_.Chance(0.2)) {
      Add(Link::kPublishesTo, service, Popular(Kind::kQueue), random_.Between(0.2, 0.8), 30, 120,
          0.2);
    }
    if (random_.Chance(0.2)) {
      Add(Link::kConsumesFrom, service, Popular(Kind::kQueue), random_.Between(0.4, 0.9), 20, 60,
          0.1);
    }
    if (random_.Chance(0.2)) {
      Add(Link::kReliesOn, service, Popular(Kind::kProvider), random_.Between(0.2, 0.9), 5, 30,
          0.2);
    }
  }

  void Users() {
    const size_t services = estate_.count(Kind::kService);
    const size_t top = std::max<size_t>(2, services / 4);  // entry points are in the upper layers
    for (size_t i = 0; i < estate_.count(Kind::kTransaction); ++i) {
      const EntityIndex transaction = At(Kind::kTransaction, i);
      Add(Link::kStartsAt, transaction, At(Kind::kGateway, i % estate_.count(Kind::kGateway)), 1, 1,
          10, 0);
      const size_t uses = 1 + random_.Index(3);
      std::vector<EntityIndex> used;
      for (size_t k = 0; k < uses; ++k) {
        const EntityIndex service = At(Kind::kService, services - 1 - random_.Index(top));
        if (std::find(used.begin(), used.end(), service) != used.end()) continue;
        used.push_back(service);
        Add(Link::kUses, transaction, service, random_.Between(0.6, 1), 5, 30, 0.05);
      }
    }
  }

  void Index() {
    std::vector<Relation>& relations = estate_.relations;
    std::stable_sort(relations.begin(), relations.end(),
                     [](const Relation& a, const Relation& b) { return a.from < b.from; });
    estate_.first_relation.assign(estate_.entities.size() + 1, 0);
    estate_.dependants.assign(estate_.entities.size(), {});
    for (uint32_t i = 0; i < relations.size(); ++i) {
      ++estate_.first_relation[relations[i].from + 1];
      estate_.dependants[relations[i].to].push_back(i);
    }
    for (size_t i = 1; i < estate_.first_relation.size(); ++i) {
      estate_.first_relation[i] += estate_.first_relation[i - 1];
    }
  }

  Plan plan_;
  Random random_;
  Estate estate_;
  size_t machines_taken_ = 0;
  std::set<std::pair<EntityIndex, EntityIndex>> shields_;
};

}  // namespace

std::string_view Name(Kind kind) { return kKindNames[static_cast<size_t>(kind)]; }
std::string_view Name(Link link) { return kLinkNames[static_cast<size_t>(link)]; }

std::string Estate::FullName(EntityIndex entity) const {
  return fmt::format("{}:{}", Name(entities[entity].kind), entities[entity].id);
}

void Estate::Move(uint32_t relation, EntityIndex to) {
  std::vector<uint32_t>& before = dependants[relations[relation].to];
  before.erase(std::find(before.begin(), before.end(), relation));
  relations[relation].to = to;
  dependants[to].push_back(relation);
}

Estate BuildEstate(const EstateOptions& options) { return Builder(options).Build(); }

}  // namespace rootnote::simulator
