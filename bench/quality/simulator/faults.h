// Twenty ways in which an estate fails, each as what happens to the thing that fails. What comes of
// it is left to `Physics`.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "bench/quality/simulator/estate.h"
#include "bench/quality/simulator/physics.h"
#include "bench/quality/simulator/random.h"

namespace rootnote::simulator {

enum class Family : uint8_t {
  kDisksBroken,      // a second disk of a RAID group; the first one broke before, tolerated
  kArraySlow,        // the write cache is off
  kArrayController,  // one of two: half of the LUNs lose paths, the rest is slow
  kLunFailed,        // nobody monitors LUNs
  kDatastoreFull,
  kHostDown,  // often its machines are started elsewhere within minutes
  kHostCpu,   // more is asked of it than it has
  kVmStall,
  kContainerOom,  // a leak: every instance of a service is killed again and again
  kBadDeploy,
  kSlowQueries,  // a lost index: the database is slow, and its machine often busy
  kConnectionsExhausted,
  kCacheMissStorm,
  kQueueStuck,
  kDnsServfail,
  kDnsSlow,
  kLinkLoss,
  kZoneOutage,       // nobody monitors zones
  kProviderFailure,  // outside: nobody monitors it
  kCertificateExpired,
};
inline constexpr size_t kFamilies = 20;
std::string_view Name(Family family);
std::optional<Family> ParseFamily(std::string_view name);

// An instance, or a machine, that goes elsewhere. It is not there while it starts.
struct Migration {
  int at = 0;  // seconds since the beginning
  uint32_t relation = 0;
  EntityIndex to = 0;
  int starts_for = 60;
};

// A change that somebody made: `deploy_finished` of a service.
struct Deploy {
  int at = 0;
  EntityIndex service = 0;
  int version = 0;
};

struct Fault {
  Family family = Family::kArraySlow;
  EntityIndex root = 0;
  std::vector<EntityIndex> causes;  // members whose failure together is the fault
  int start = 0, end = 0;           // seconds since the beginning
  double strength = 0.5;            // 0 to 1
  uint64_t seed = 0;
  std::vector<Migration> migrations;
  std::vector<Deploy> deploys;
};

// A fault of that family on an entity that something depends on; nothing if there is no such one.
std::optional<Fault> DrawFault(const Estate& estate, Family family, int start, int end,
                               Random& random);

// Adds what the fault does at `second`; `touched` gets the entities, so that the caller can take it
// back.
void Apply(const Estate& estate, const Fault& fault, int second, std::vector<Force>& forces,
           std::vector<EntityIndex>& touched);

}  // namespace rootnote::simulator
