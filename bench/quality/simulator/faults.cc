#include "bench/quality/simulator/faults.h"

#include <algorithm>
#include <array>

namespace rootnote::simulator {
namespace {

struct FamilyFacts {
  std::string_view name;
  Kind kind;                // of the root
  size_t dependants_least;  // a failure that touches fewer is no outage to tell roots by
  Link counted;
};

constexpr std::array<FamilyFacts, kFamilies> kFacts = {{
    {"disks_broken", Kind::kArray, 1, Link::kCarvedFrom},
    {"array_slow", Kind::kArray, 1, Link::kCarvedFrom},
    {"array_controller", Kind::kArray, 2, Link::kCarvedFrom},
    {"lun_failed", Kind::kLun, 2, Link::kBackedBy},
    {"datastore_full", Kind::kDatastore, 2, Link::kStoredOn},
    {"host_down", Kind::kHost, 2, Link::kPlacedOn},
    {"host_cpu", Kind::kHost, 2, Link::kPlacedOn},
    {"vm_stall", Kind::kVm, 1, Link::kHostedOn},
    {"container_oom", Kind::kService, 1, Link::kCalls},
    {"bad_deploy", Kind::kService, 1, Link::kCalls},
    {"slow_queries", Kind::kDatabase, 2, Link::kQueries},
    {"connections_exhausted", Kind::kDatabase, 2, Link::kQueries},
    {"cache_miss_storm", Kind::kCache, 2, Link::kCachesIn},
    {"queue_stuck", Kind::kQueue, 2, Link::kConsumesFrom},
    {"dns_servfail", Kind::kDns, 2, Link::kResolvesWith},
    {"dns_slow", Kind::kDns, 2, Link::kResolvesWith},
    {"link_loss", Kind::kSwitch, 1, Link::kConnectedBy},
    {"zone_outage", Kind::kZone, 2, Link::kInZone},
    {"provider_failure", Kind::kProvider, 3, Link::kReliesOn},
    {"certificate_expired", Kind::kGateway, 1, Link::kStartsAt},
}};

const FamilyFacts& FactsOf(Family family) { return kFacts[static_cast<size_t>(family)]; }

size_t CountDependants(const Estate& estate, EntityIndex entity, Link link) {
  size_t count = 0;
  for (const uint32_t r : estate.dependants[entity]) {
    count += estate.relations[r].link == link && !estate.relations[r].stays_well ? 1 : 0;
  }
  return count;
}

std::optional<EntityIndex> DrawRoot(const Estate& estate, Family family, Random& random) {
  const FamilyFacts& facts = FactsOf(family);
  const size_t count = estate.count(facts.kind);
  for (size_t least = facts.dependants_least;; --least) {
    for (int attempt = 0; attempt < 200 && count > 0; ++attempt) {
      const auto entity = static_cast<EntityIndex>(estate.begin(facts.kind) + random.Index(count));
      size_t found = CountDependants(estate, entity, facts.counted);
      // Of machines, those that something of its own runs on and those with containers alike.
      if (family == Family::kVmStall) found += estate.dependants[entity].size() >= 4 ? 1 : 0;
      if (found >= least) return entity;
    }
    if (least == 0) return std::nullopt;
  }
}

// A hypervisor that is gone: its machines are started on others of the zone.
void StartElsewhere(const Estate& estate, Fault& fault, Random& random) {
  std::vector<EntityIndex> others;
  const size_t hosts = estate.count(Kind::kHost);
  for (size_t i = 0; i < hosts; ++i) {
    const auto host = static_cast<EntityIndex>(estate.begin(Kind::kHost) + i);
    if (host != fault.root && estate.entities[host].zone == estate.entities[fault.root].zone) {
      others.push_back(host);
    }
  }
  if (others.empty()) return;
  for (const uint32_t r : estate.dependants[fault.root]) {
    if (estate.relations[r].link != Link::kPlacedOn) continue;
    fault.migrations.push_back({.at = fault.start + 150 + static_cast<int>(random.Index(12)) * 10,
                                .relation = r,
                                .to = others[random.Index(others.size())],
                                .starts_for = 60});
  }
}

void DrawDisks(const Estate& estate, Fault& fault, Random& random) {
  std::vector<EntityIndex> disks;
  for (uint32_t r = estate.first_relation[fault.root]; r < estate.first_relation[fault.root + 1];
       ++r) {
    if (estate.relations[r].link == Link::kBuiltFrom) disks.push_back(estate.relations[r].to);
  }
  const size_t first = random.Index(disks.size());
  std::vector<EntityIndex> group;
  for (const EntityIndex disk : disks) {
    if (disk != disks[first] &&
        estate.entities[disk].group == estate.entities[disks[first]].group) {
      group.push_back(disk);
    }
  }
  fault.causes = {disks[first], group[random.Index(group.size())]};
}

void DrawInstances(const Estate& estate, Fault& fault) {
  for (uint32_t r = estate.first_relation[fault.root]; r < estate.first_relation[fault.root + 1];
       ++r) {
    if (estate.relations[r].link == Link::kConsistsOf) {
      fault.causes.push_back(estate.relations[r].to);
    }
  }
}

// 0 before, 1 after `ramp` seconds, 0 from the end on.
float Ramp(const Fault& fault, int second, int ramp) {
  if (second < fault.start || second >= fault.end) return 0;
  return std::min(1.0F, static_cast<float>(second - fault.start + kStepSeconds) /
                            static_cast<float>(std::max(ramp, kStepSeconds)));
}

// Each instance is killed in a rhythm of its own, and takes a while to come back.
void ApplyOom(const Fault& fault, int second, std::vector<Force>& forces) {
  for (const EntityIndex instance : fault.causes) {
    const int period = 100 + static_cast<int>(60 * Noise(fault.seed, instance, 1));
    const int phase = static_cast<int>(period * Noise(fault.seed, instance, 2));
    const int gone = static_cast<int>(period * (0.35 + 0.45 * fault.strength));
    const bool down = (second - fault.start + phase) % period < gone;
    forces[instance].down = std::max(forces[instance].down, down ? 1.0F : 0.0F);
  }
}

}  // namespace

std::string_view Name(Family family) { return FactsOf(family).name; }

std::optional<Family> ParseFamily(std::string_view name) {
  for (size_t i = 0; i < kFamilies; ++i) {
    if (kFacts[i].name == name) return static_cast<Family>(i);
  }
  return std::nullopt;
}

std::optional<Fault> DrawFault(const Estate& estate, Family family, int start, int end,
                               Random& random) {
  const std::optional<EntityIndex> root = DrawRoot(estate, family, random);
  if (!root) return std::nullopt;
  Fault fault{.family = family, .root = *root, .start = start, .end = end};
  fault.strength = random.Unit();
  fault.seed = random.Next();
  if (family == Family::kDisksBroken) DrawDisks(estate, fault, random);
  if (family == Family::kContainerOom) DrawInstances(estate, fault);
  if (family == Family::kHostDown && random.Chance(0.6)) StartElsewhere(estate, fault, random);
  if (family == Family::kBadDeploy) {
    fault.deploys.push_back({.at = start - 20 - static_cast<int>(random.Index(40)),
                             .service = *root,
                             .version = 1000 + static_cast<int>(random.Index(1000))});
  }
  return fault;
}

void Apply(const Estate& estate, const Fault& fault, int second, std::vector<Force>& forces,
           std::vector<EntityIndex>& touched) {
  for (const Migration& migration : fault.migrations) {
    const EntityIndex mover = estate.relations[migration.relation].from;
    touched.push_back(mover);
    if (second >= migration.at && second < migration.at + migration.starts_for) {
      forces[mover].down = 1;
    }
  }
  touched.insert(touched.end(), fault.causes.begin(), fault.causes.end());
  touched.push_back(fault.root);
  if (fault.family == Family::kDisksBroken && second < fault.end) {
    if (second >= fault.start - 240) forces[fault.causes[0]].aux = 1;
    if (second >= fault.start) forces[fault.causes[1]].aux = 1;
    return;
  }
  const float on = Ramp(fault, second, 10), slowly = Ramp(fault, second, 60);
  if (on <= 0) return;
  const auto strength = static_cast<float>(fault.strength);
  Force& force = forces[fault.root];
  switch (fault.family) {
    case Family::kDisksBroken:
      break;
    case Family::kArraySlow:
      force.io += slowly * (5 + 5 * strength);
      break;
    case Family::kArrayController:
      force.aux = 1;
      break;
    case Family::kLunFailed:
      force.err += on * (0.6F + 0.4F * strength);
      break;
    case Family::kDatastoreFull:
      force.aux = 1;
      break;
    case Family::kHostDown:
    case Family::kVmStall:
    case Family::kZoneOutage:
      force.down = 1;
      break;
    case Family::kHostCpu:
      force.cpu += slowly * (0.7F + 0.2F * strength);
      break;
    case Family::kContainerOom:
      ApplyOom(fault, second, forces);
      break;
    case Family::kBadDeploy:
      // Some versions fail, some are only slow.
      if (fault.seed % 3 == 0)
        force.slow = slowly * (0.4F + 0.5F * strength);
      else
        force.err += slowly * (0.15F + 0.6F * strength);
      break;
    case Family::kSlowQueries:
      force.slow += slowly * (4 + 5 * strength);
      forces[fault.root].cpu += 0.3F;
      break;
    case Family::kConnectionsExhausted:
      force.aux += slowly * (1.1F + 1.2F * strength);
      break;
    case Family::kCacheMissStorm:
      force.aux = 0.6F + 0.35F * strength;
      break;
    case Family::kQueueStuck:
      force.aux = 1;
      break;
    case Family::kDnsServfail:
      force.err += on * (0.6F + 0.4F * strength);
      break;
    case Family::kDnsSlow:
      force.slow += slowly * (4 + 4 * strength);
      break;
    case Family::kLinkLoss:
      force.loss += on * (0.06F + 0.14F * strength);
      break;
    case Family::kProviderFailure:
      if (fault.seed % 3 == 0)
        force.slow += slowly * (4 + 4 * strength);
      else
        force.err += on * (0.6F + 0.4F * strength);
      break;
    case Family::kCertificateExpired:
      force.err = 1;
      break;
  }
}

}  // namespace rootnote::simulator
