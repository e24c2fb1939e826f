#include "engine/cli/estate/story.h"

#include <algorithm>

namespace rootnote::estate {
namespace {

// The DNS story, since the start. The maintenance window of the rules is 23:00 to 23:08 UTC.
constexpr Millis kStoreCloses = 5min + 30s;
constexpr Millis kStoreOpens = 10min;
constexpr Millis kDiskFails = 14min;
constexpr Millis kSurgeBegins = 15min;
constexpr Millis kSurgeEnds = 24min;
constexpr Millis kMemoryRises = 15min;
constexpr Millis kMemoryFalls = 22min;
constexpr Millis kDnsFails = 18min;
constexpr Millis kResolversFollow = 40s;  // after kDnsFails: what is not cached fails first
constexpr Millis kCachesRunOut = 130s;    // … and the clients' caches, app by app
constexpr Millis kCachesSpread = 40s;
constexpr Millis kDnsRecovers = 26min;

// The disk story.
constexpr Millis kFirstDisk = 6min;
constexpr Millis kSecondDisk = 11min;
constexpr Millis kRebuildHurts = 60s;  // after kSecondDisk: the array is slow for everybody
constexpr Millis kDisksReplaced = 19min;
constexpr Millis kRebuilt = 20min;

bool Between(Millis at, Millis begin, Millis end) { return begin <= at && at < end; }

uint64_t HashName(std::string_view name) {
  uint64_t hash = 0xcbf29ce484222325ULL;  // FNV-1a: noise needs no more
  for (const char c : name) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3ULL;
  return hash;
}

}  // namespace

std::optional<Story> ParseStory(std::string_view name) {
  if (name == "dns") return Story::kDns;
  if (name == "disk") return Story::kDisk;
  if (name == "quiet") return Story::kQuiet;
  return std::nullopt;
}

std::string_view Name(Story story) {
  switch (story) {
    case Story::kDns:
      return "dns";
    case Story::kDisk:
      return "disk";
    case Story::kQuiet:
      return "quiet";
  }
  return "";
}

EventTime StoryStart() {
  return std::chrono::sys_days(std::chrono::year(2026) / 3 / 21) + 22h + 55min;
}

Millis StoryLength(Story story) {
  return story == Story::kDns    ? Millis(32min)
         : story == Story::kDisk ? Millis(26min)
                                 : Millis(30min);
}

double Conditions::Random(std::string_view what, uint64_t which, Millis at) const {
  return Noise(estate_.options.seed + HashName(what), which, static_cast<uint64_t>(at.count()));
}

double Conditions::DiskWriteErrors(const Array& array, uint32_t disk, Millis at) const {
  if (array.name != "a1") return 0;
  switch (story_) {
    case Story::kDns:
      return disk == 7 && at >= kDiskFails ? 3.0 : 0;
    case Story::kDisk:
      if (at >= kDisksReplaced) return 0;
      if (disk == 7 && at >= kFirstDisk) return 3.0;
      return disk == 3 && at >= kSecondDisk ? 5.0 : 0;
    case Story::kQuiet:
      // One bad sector: a handful of errors, once.
      return disk == 2 && Between(at, 9min, 9min + 20s) ? 0.2 : 0;
  }
  return 0;
}

double Conditions::DiskSlowness(uint32_t array, Millis at) const {
  const bool slow = story_ == Story::kDisk && array < estate_.arrays.size() &&
                    estate_.arrays[array].name == "a1" &&
                    Between(at, kSecondDisk + kRebuildHurts, kRebuilt);
  return slow ? 1.0 : 0.0;
}

double Conditions::VmWriteLatency(const Vm& vm, Millis at) const {
  const double noise = Random("write", HashName(vm.name), at);
  const double slow = DiskSlowness(estate_.datastores[vm.datastore].array, at);
  return 0.003 + 0.002 * noise + slow * (0.7 + 0.3 * noise);
}

double Conditions::MemoryUsed(const Host& host, Millis at) const {
  const double base = 0.45 + 0.2 * Noise(estate_.options.seed, HashName(host.name), 7);
  const double noise = 0.02 * Random("memory", HashName(host.name), at);
  const bool odd = host.name == "host-uk-02" && story_ != Story::kDisk &&
                   Between(at, kMemoryRises, kMemoryFalls);
  return odd ? 0.93 + noise : base + noise;
}

double Conditions::InterfaceErrors(uint32_t interface, Millis at) const {
  const double noise = Random("interface", interface, at);
  // A quiet day has a noisy cable for half a minute.
  const bool cable = story_ == Story::kQuiet && interface == 3 && Between(at, 12min, 12min + 30s);
  return cable ? 6.0 : (noise < 0.02 ? 0.3 : 0.0);
}

double Conditions::ServfailShare(const Resolver& resolver, Millis at) const {
  const double noise = 0.004 * Random("servfail", HashName(resolver.name), at);
  if (story_ != Story::kDns) return noise;
  const Millis since = at - kDnsFails;
  if (resolver.name == "internal-atlantic") {
    return Between(at, kDnsFails, kDnsRecovers) ? 0.9 + 10 * noise : noise;
  }
  const bool behind = resolver.forwards_to == "internal-atlantic";
  if (!behind || since < kResolversFollow || at >= kDnsRecovers + 20s) return noise;
  return since < kCachesRunOut ? 0.2 + 5 * noise : 0.6 + 10 * noise;
}

double Conditions::ResolutionSuccess(const Resolver& resolver, Millis at) const {
  return ServfailShare(resolver, at) > 0.5 ? 0 : 1;
}

bool Conditions::DnsDown(const App& app, Millis at) const {
  if (story_ != Story::kDns || app.region > 1 || !app.resolves || app.keeps_connections)
    return false;
  const double spread = Noise(estate_.options.seed, HashName(app.name), app.region);
  const Millis begins =
      kDnsFails + kCachesRunOut +
      Millis(static_cast<int64_t>(spread * static_cast<double>(Millis(kCachesSpread).count())));
  return Between(at, begins, kDnsRecovers + 30s);
}

double Conditions::ErrorShare(const App& app, Millis at) const {
  const double noise = Random("errors", HashName(app.name) + app.region, at);
  if (DnsDown(app, at)) return app.name == "pages" ? 0.30 + 0.1 * noise : 0.75 + 0.2 * noise;
  // A quiet day has a burst of errors that is over before anyone could act.
  const bool burst = story_ == Story::kQuiet && app.name == "mail" && app.region == 1 &&
                     Between(at, 15min, 15min + 10s);
  return burst ? 0.08 : 0.002 * noise;
}

double Conditions::AppLatency(const App& app, Millis at) const {
  const double noise = Random("latency", HashName(app.name) + app.region, at);
  // An app's VMs follow each other in the list and share an array.
  const size_t first_vm = static_cast<size_t>(&app - estate_.apps.data()) * kVmsPerApp;
  const uint32_t array = estate_.datastores[estate_.vms[first_vm].datastore].array;
  const double slow = DiskSlowness(array, at - 20s);
  return 0.12 + 0.08 * noise + slow * (2.5 + noise);
}

double Conditions::TransactionSuccess(const Transaction& transaction, Millis at) const {
  const App& app = estate_.apps[transaction.app];
  const bool closed =
      story_ == Story::kDns && transaction.name == "buy" && Between(at, kStoreCloses, kStoreOpens);
  if (closed) return 0;
  if (!DnsDown(app, at)) return 1;
  if (transaction.name != "app_page") return 0;
  return Random("page", transaction.region, at) < 0.4 ? 1 : 0;  // part of the pages still come
}

double Conditions::TransactionDuration(const Transaction& transaction, Millis at) const {
  const App& app = estate_.apps[transaction.app];
  return 0.4 + 3 * AppLatency(app, at) + (DnsDown(app, at) ? 5.0 : 0.0);
}

double Conditions::EdgeTraffic(uint32_t region, Millis at) const {
  const double noise = 0.04 * Random("traffic", region, at);
  const bool surge = story_ == Story::kDns && region == 0 && Between(at, kSurgeBegins, kSurgeEnds);
  const bool wave = story_ == Story::kQuiet && region == 1 && Between(at, 13min, 20min);
  return (surge ? 1.6 : wave ? 1.3 : 1.0) + noise;
}

double Conditions::EdgeConnections(uint32_t region, Millis at) const {
  return EdgeTraffic(region, at);  // Nobody floods: connections follow the traffic.
}

double Conditions::DatabaseErrors(Millis at) const { return 0.05 * Random("database", 0, at); }

bool Conditions::MemberUp(const Vm& vm, Millis at) const {
  // A quiet day has one reboot behind a load balancer.
  return !(story_ == Story::kQuiet && vm.name == "store-us-2" && Between(at, 18min, 20min));
}

std::string_view Conditions::Deploy(Millis at, Millis step) const {
  const Millis when = story_ == Story::kDisk ? Millis(4min) : Millis(12min + 30s);
  return Between(when, at, at + step) ? "recommend" : "";
}

}  // namespace rootnote::estate
