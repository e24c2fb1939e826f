#include "engine/cli/estate/estate.h"

#include <algorithm>
#include <array>

#include "fmt/format.h"

namespace rootnote::estate {
namespace {

constexpr std::array<std::string_view, kRegions> kRegionNames = {"uk", "us", "jp"};
constexpr std::array<std::string_view, 18> kAppNames = {
    "catalog", "store",  "pages",    "portal", "payment", "account",
    "search",  "media",  "cms",      "mail",   "billing", "recommend",
    "session", "review", "wishlist", "ticket", "charts",  "radio"};
constexpr uint32_t kVmsPerHost = 5;
constexpr uint32_t kVmsPerDatastore = 9;
constexpr uint32_t kDatastoresPerArray = 4;
constexpr uint32_t kInterfacesPerSwitch = 4;
constexpr uint32_t kSwitchesMin = 4;
constexpr uint32_t kHostsPerInterface = 2;

uint32_t CeilDiv(uint32_t a, uint32_t b) { return (a + b - 1) / b; }

std::string AppName(uint32_t index) {
  return index < kAppNames.size() ? std::string(kAppNames[index]) : fmt::format("svc{:05}", index);
}

void AddApps(Estate& estate, uint32_t region) {
  const uint32_t first = static_cast<uint32_t>(estate.apps.size());
  for (uint32_t i = 0; i < estate.options.apps; ++i) {
    const std::string name = AppName(i);
    App app{.name = name, .region = region};
    app.resolves = name != "catalog";  // served from the edge's cache
    app.keeps_connections = name == "search" || name == "media";
    app.uses_database = name == "store" || name == "pages" || name == "portal" || name == "cms";
    estate.apps.push_back(app);
    if (i < 4) {
      estate.pools.push_back({fmt::format("{}-{}", name, RegionName(region)), first + i});
    }
  }
  constexpr std::array<std::string_view, 4> kTransactions = {"browse", "buy", "app_page",
                                                             "portal_login"};
  for (uint32_t i = 0; i < kTransactions.size(); ++i) {
    estate.transactions.push_back({std::string(kTransactions[i]), region, first + i});
  }
}

void AddStorage(Estate& estate, uint32_t region, uint32_t vms) {
  const uint32_t datastores = CeilDiv(vms, kVmsPerDatastore);
  const uint32_t arrays = CeilDiv(datastores, kDatastoresPerArray);
  const uint32_t first_array = static_cast<uint32_t>(estate.arrays.size());
  for (uint32_t i = 0; i < arrays; ++i) {
    // a1, a2, a3 are the first arrays of uk, us, jp.
    estate.arrays.push_back({fmt::format("a{}", i * kRegions + region + 1), region});
  }
  for (uint32_t i = 0; i < datastores; ++i) {
    estate.datastores.push_back({fmt::format("ds-{}-{}", RegionName(region), i + 1),
                                 fmt::format("lun-{}-{}", RegionName(region), i + 1), region,
                                 first_array + i / kDatastoresPerArray});
  }
}

void AddNetwork(Estate& estate, uint32_t region, uint32_t hosts) {
  const uint32_t needed = CeilDiv(CeilDiv(hosts, kHostsPerInterface), kInterfacesPerSwitch);
  const uint32_t switches = std::max(kSwitchesMin, needed);
  for (uint32_t s = 0; s < switches; ++s) {
    for (uint32_t i = 0; i < kInterfacesPerSwitch; ++i) {
      estate.interfaces.push_back(
          {fmt::format("sw-{}-{}", RegionName(region), s + 1), fmt::format("eth{}", i), region});
    }
  }
}

void AddRegion(Estate& estate, uint32_t region) {
  const auto size = [](const auto& list) { return static_cast<uint32_t>(list.size()); };
  const uint32_t first_app = size(estate.apps);
  const uint32_t first_host = size(estate.hosts);
  const uint32_t first_datastore = size(estate.datastores);
  const uint32_t first_interface = size(estate.interfaces);
  const uint32_t vms = estate.options.apps * kVmsPerApp;
  const uint32_t hosts = CeilDiv(vms, kVmsPerHost);
  AddApps(estate, region);
  AddStorage(estate, region, vms);
  AddNetwork(estate, region, hosts);
  const uint32_t interfaces = size(estate.interfaces) - first_interface;
  for (uint32_t i = 0; i < hosts; ++i) {
    estate.hosts.push_back({fmt::format("host-{}-{:02}", RegionName(region), i + 1), region,
                            first_interface + i % interfaces});
  }
  for (uint32_t i = 0; i < vms; ++i) {
    // The VMs of an app share its datastore's array but not its host.
    estate.vms.push_back(
        {fmt::format("{}-{}-{}", AppName(i / kVmsPerApp), RegionName(region), i % kVmsPerApp + 1),
         first_app + i / kVmsPerApp, first_host + i % hosts,
         first_datastore + i / kVmsPerDatastore});
  }
  const std::string upstream = region < 2 ? "internal-atlantic" : "internal-pacific";
  for (int i = 1; i <= 2; ++i) {
    estate.resolvers.push_back({fmt::format("{}-{}", RegionName(region), i), region, upstream});
  }
}

class LineWriter {
 public:
  explicit LineWriter(std::vector<TopologyLine>& lines) : lines_(lines) {}

  void Entity(const std::string& name, std::string_view region) {
    const std::string labels =
        region.empty() ? std::string() : fmt::format(R"(,"labels":{{"region":"{}"}})", region);
    lines_.push_back({name, fmt::format(R"({{"entity":"{}"{}}})", name, labels)});
  }
  void Relation(std::string_view relation, const std::string& from, const std::string& to) {
    lines_.push_back(
        {fmt::format("{}|{}|{}", relation, from, to),
         fmt::format(R"({{"relation":"{}","from":"{}","to":"{}"}})", relation, from, to)});
  }

 private:
  std::vector<TopologyLine>& lines_;
};

std::string AppEntity(const App& app) {
  return fmt::format("app:{}/{}", app.name, RegionName(app.region));
}
std::string InterfaceEntity(const Interface& interface) {
  return fmt::format("interface:{}/{}", interface.switch_name, interface.name);
}

void WriteEntities(const Estate& estate, LineWriter& lines) {
  for (const Transaction& t : estate.transactions) {
    lines.Entity(fmt::format("transaction:{}/{}", t.name, RegionName(t.region)),
                 RegionName(t.region));
  }
  for (const App& app : estate.apps) lines.Entity(AppEntity(app), RegionName(app.region));
  for (const Pool& pool : estate.pools) {
    lines.Entity("pool:" + pool.name, RegionName(estate.apps[pool.app].region));
  }
  for (const Vm& vm : estate.vms) {
    lines.Entity("vm:" + vm.name, RegionName(estate.apps[vm.app].region));
  }
  for (const Host& host : estate.hosts) lines.Entity("host:" + host.name, RegionName(host.region));
  for (const Datastore& datastore : estate.datastores) {
    lines.Entity("datastore:" + datastore.name, RegionName(datastore.region));
    lines.Entity("lun:" + datastore.lun, RegionName(datastore.region));
  }
  for (const Array& array : estate.arrays) {
    lines.Entity("array:" + array.name, RegionName(array.region));
    for (uint32_t d = 1; d <= kDisksPerArray; ++d) {
      lines.Entity(fmt::format("disk:{}/d{}", array.name, d), RegionName(array.region));
    }
  }
  std::string last_switch;
  for (const Interface& interface : estate.interfaces) {
    if (interface.switch_name != last_switch) {
      lines.Entity("switch:" + interface.switch_name, RegionName(interface.region));
      last_switch = interface.switch_name;
    }
    lines.Entity(InterfaceEntity(interface), RegionName(interface.region));
  }
  for (uint32_t r = 0; r < kRegions; ++r) {
    lines.Entity(fmt::format("edge:{}", RegionName(r)), RegionName(r));
  }
  for (const Resolver& resolver : estate.resolvers) {
    lines.Entity("dns:" + resolver.name,
                 resolver.region < kRegions ? RegionName(resolver.region) : "");
  }
  lines.Entity("database:cms-db", "");
}

void WriteAppRelations(const Estate& estate, LineWriter& lines) {
  for (const Transaction& t : estate.transactions) {
    lines.Relation("serves", fmt::format("transaction:{}/{}", t.name, RegionName(t.region)),
                   AppEntity(estate.apps[t.app]));
  }
  for (const App& app : estate.apps) {
    const std::string entity = AppEntity(app);
    lines.Relation("enters_by", entity, fmt::format("edge:{}", RegionName(app.region)));
    if (app.uses_database) lines.Relation("queries", entity, "database:cms-db");
    if (!app.resolves) continue;
    for (const Resolver& resolver : estate.resolvers) {
      if (resolver.region == app.region) {
        lines.Relation("resolves_with", entity, "dns:" + resolver.name);
      }
    }
  }
  for (const Vm& vm : estate.vms) {
    lines.Relation("runs_on", AppEntity(estate.apps[vm.app]), "vm:" + vm.name);
  }
  for (const Pool& pool : estate.pools) {
    lines.Relation("balanced_by", AppEntity(estate.apps[pool.app]), "pool:" + pool.name);
    for (const Vm& vm : estate.vms) {
      if (vm.app == pool.app) lines.Relation("member", "pool:" + pool.name, "vm:" + vm.name);
    }
  }
}

void WriteInfrastructureRelations(const Estate& estate, LineWriter& lines) {
  for (const Vm& vm : estate.vms) {
    lines.Relation("placed_on", "vm:" + vm.name, "host:" + estate.hosts[vm.host].name);
    lines.Relation("stored_on", "vm:" + vm.name,
                   "datastore:" + estate.datastores[vm.datastore].name);
  }
  for (const Datastore& datastore : estate.datastores) {
    lines.Relation("backed_by", "datastore:" + datastore.name, "lun:" + datastore.lun);
    lines.Relation("carved_from", "lun:" + datastore.lun,
                   "array:" + estate.arrays[datastore.array].name);
  }
  for (const Array& array : estate.arrays) {
    for (uint32_t d = 1; d <= kDisksPerArray; ++d) {
      lines.Relation("built_from", "array:" + array.name,
                     fmt::format("disk:{}/d{}", array.name, d));
    }
  }
  for (const Host& host : estate.hosts) {
    lines.Relation("cabled_to", "host:" + host.name,
                   InterfaceEntity(estate.interfaces[host.interface]));
  }
  for (const Interface& interface : estate.interfaces) {
    lines.Relation("part_of", InterfaceEntity(interface), "switch:" + interface.switch_name);
  }
  for (const Resolver& resolver : estate.resolvers) {
    if (resolver.forwards_to.empty()) continue;
    lines.Relation("forwards_to", "dns:" + resolver.name, "dns:" + resolver.forwards_to);
  }
}

}  // namespace

std::string_view RegionName(uint32_t region) { return kRegionNames[region]; }

Estate BuildEstate(const EstateOptions& options) {
  Estate estate;
  estate.options = options;
  estate.options.apps = std::max<uint32_t>(options.apps, 4);
  for (uint32_t region = 0; region < kRegions; ++region) AddRegion(estate, region);
  estate.resolvers.push_back({"internal-atlantic", kRegions, ""});
  estate.resolvers.push_back({"internal-pacific", kRegions, ""});
  return estate;
}

std::vector<TopologyLine> TopologyLines(const Estate& estate) {
  std::vector<TopologyLine> lines;
  LineWriter writer(lines);
  WriteEntities(estate, writer);
  WriteAppRelations(estate, writer);
  WriteInfrastructureRelations(estate, writer);
  return lines;
}

// SplitMix64's finaliser over a mix of the three.
double Noise(uint64_t seed, uint64_t a, uint64_t b) {
  uint64_t z = seed + a * 0x9e3779b97f4a7c15ULL + b * 0xd1b54a32d192ed03ULL;
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
  z ^= z >> 31;
  return static_cast<double>(z >> 11) * 0x1.0p-53;
}

}  // namespace rootnote::estate
