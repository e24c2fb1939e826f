// A generated estate: users' transactions on services that call each other, containers on virtual
// machines on hosts, networks, storage, and what many share.
//
// Six layers of services call downwards (out-degree after Zipf, 12 at most, towards the popular);
// a service has about 28 instances; instance → vm → host → switch → zone, and vm → datastore → lun
// → array → disk below; databases, caches and queues run on machines as well; resolvers and
// providers outside are shared by many. Same options, same estate. Thread: immutable once built,
// but for `Move`.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace rootnote::simulator {

// In the order in which failure travels: what an entity depends on comes before it.
enum class Kind : uint8_t {
  kZone,
  kSwitch,
  kHost,
  kDisk,
  kArray,
  kLun,
  kDatastore,
  kVm,
  kDns,
  kProvider,
  kCache,
  kDatabase,
  kQueue,
  kInstance,
  kService,
  kGateway,
  kTransaction,
};
inline constexpr size_t kKinds = 17;
std::string_view Name(Kind kind);

enum class Link : uint8_t {
  kInZone,
  kConnectedBy,
  kBuiltFrom,
  kCarvedFrom,
  kBackedBy,
  kStoredOn,
  kPlacedOn,
  kHostedOn,
  kShieldedBy,
  kRunsOn,
  kResolvesWith,
  kConsistsOf,
  kQueries,
  kCachesIn,
  kPublishesTo,
  kConsumesFrom,
  kReliesOn,
  kCalls,
  kStartsAt,
  kUses,
};
std::string_view Name(Link link);

using EntityIndex = uint32_t;

struct Entity {
  Kind kind;
  uint32_t zone = 0;
  uint32_t group = 0;        // of a disk: its RAID group; of a lun: its controller
  float base = 0;            // how busy it is on an ordinary day, 0 to 1
  float headroom = 1.5F;     // the load that it bears, in ordinary loads
  bool deep_checks = false;  // of a service: its instances are not ready while what it needs fails
  std::string id;            // as it stands in labels; of a disk `array/disk`
};

// `from` depends on `to`. How strongly, how soon and whether at all is nature, not map: no rule
// and no record says it.
struct Relation {
  Link link;
  EntityIndex from, to;
  float weight = 1;         // the share of the dependant's work that needs it
  float lag = 10;           // seconds until most of the effect is there: caches, pools, timeouts
  bool stays_well = false;  // a fallback, a warm cache, open connections
  bool retries = false;     // asks again what failed: more load below
  bool gives_up = false;    // short timeouts: slow answers become errors
};

struct EstateOptions {
  uint64_t seed = 1;
  uint32_t entities = 5000;  // about so many; at least 30
};

struct Estate {
  EstateOptions options;
  std::vector<Entity> entities;          // in the order of Kind; services from the deepest layer up
  std::vector<Relation> relations;       // ordered by `from`
  std::vector<uint32_t> first_relation;  // of an entity; one more than there are entities
  std::vector<std::vector<uint32_t>> dependants;  // of an entity: relations that lead to it
  size_t first_of_kind[kKinds + 1] = {};

  size_t begin(Kind kind) const { return first_of_kind[static_cast<size_t>(kind)]; }
  size_t end(Kind kind) const { return first_of_kind[static_cast<size_t>(kind) + 1]; }
  size_t count(Kind kind) const { return end(kind) - begin(kind); }
  std::string FullName(EntityIndex entity) const;

  // The relation now leads to another entity: migration, and the churn of every day.
  void Move(uint32_t relation, EntityIndex to);
};

Estate BuildEstate(const EstateOptions& options);

}  // namespace rootnote::simulator
