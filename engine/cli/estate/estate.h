// A generated music store: the estate that the demo, the tests and the benchmarks watch.
//
// Three regions (uk, us, jp) with the same shape: synthetic transactions on apps; apps on VMs
// behind load-balancer pools; VM → datastore → LUN → array → disks; hosts on switch interfaces; an
// edge; two resolvers that forward to dns:internal-atlantic (uk, us) or dns:internal-pacific (jp);
// one CMS database for all. `apps` scales everything: 12 gives about 430 entities, 15,000 a million
// series. Same options, same estate. Thread: immutable once built.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "schemas/base/time.h"

namespace rootnote::estate {

struct EstateOptions {
  uint64_t seed = 1;
  uint32_t apps = 18;  // per region, at least 4
};

inline constexpr uint32_t kRegions = 3;
inline constexpr uint32_t kDisksPerArray = 8;
inline constexpr uint32_t kVmsPerApp = 3;

struct App {
  std::string name;
  uint32_t region = 0;
  bool resolves = true;            // uses the internal DNS at all
  bool keeps_connections = false;  // would outlive a DNS failure
  bool uses_database = false;
};
struct Vm {
  std::string name;
  uint32_t app = 0, host = 0, datastore = 0;
};
struct Host {
  std::string name;
  uint32_t region = 0, interface = 0;
};
struct Datastore {
  std::string name, lun;
  uint32_t region = 0, array = 0;
};
struct Array {
  std::string name;
  uint32_t region = 0;
};
struct Interface {
  std::string switch_name, name;
  uint32_t region = 0;
};
struct Resolver {
  std::string name;
  uint32_t region = 0;  // of the two internal ones: kRegions
  std::string forwards_to;
};
struct Transaction {
  std::string name;
  uint32_t region = 0, app = 0;
};
struct Pool {
  std::string name;
  uint32_t app = 0;
};

struct Estate {
  EstateOptions options;
  std::vector<App> apps;
  std::vector<Vm> vms;
  std::vector<Host> hosts;
  std::vector<Datastore> datastores;
  std::vector<Array> arrays;
  std::vector<Interface> interfaces;
  std::vector<Resolver> resolvers;
  std::vector<Transaction> transactions;
  std::vector<Pool> pools;
};

std::string_view RegionName(uint32_t region);
Estate BuildEstate(const EstateOptions& options);

// The estate as own-JSON topology lines (entities, then relations), each with its Kafka key.
struct TopologyLine {
  std::string key, value;
};
std::vector<TopologyLine> TopologyLines(const Estate& estate);

// A uniform number in [0, 1) from three numbers: noise without state, the same on every machine.
double Noise(uint64_t seed, uint64_t a, uint64_t b);

}  // namespace rootnote::estate
