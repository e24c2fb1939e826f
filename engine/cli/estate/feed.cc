#include "engine/cli/estate/feed.h"

#include <algorithm>
#include <cmath>

#include "fmt/format.h"

namespace rootnote::estate {
namespace {

constexpr double kStepSeconds = 10;

// Adds `rate` per second for one step and returns the counter as collectors write it.
int64_t Raise(double& counter, double rate) {
  counter += rate * kStepSeconds;
  return static_cast<int64_t>(std::floor(counter));
}

}  // namespace

Feed::Feed(Estate estate, Story story)
    : estate_(std::move(estate)), story_(story), conditions_(story, estate_) {
  counters_.disk_errors.resize(estate_.arrays.size() * kDisksPerArray);
  counters_.interface_errors.resize(estate_.interfaces.size());
  counters_.interface_bytes.resize(estate_.interfaces.size());
  counters_.vm_requests.resize(estate_.vms.size());
  counters_.vm_errors.resize(estate_.vms.size());
  counters_.dns_queries.resize(estate_.resolvers.size());
  counters_.dns_servfails.resize(estate_.resolvers.size());
  counters_.edge_requests.resize(kRegions);
  series_ = estate_.arrays.size() * kDisksPerArray * 2 + estate_.interfaces.size() * 2 +
            estate_.hosts.size() + estate_.vms.size() * 4 +
            estate_.pools.size() * (1 + kVmsPerApp) + estate_.resolvers.size() * 3 + kRegions * 2 +
            estate_.transactions.size() * 2 + 2;
}

std::vector<FeedRecord> Feed::Topology() const {
  std::vector<FeedRecord> records;
  for (TopologyLine& line : TopologyLines(estate_)) {
    records.push_back(
        {FeedTopic::kTopology, StoryStart(), std::move(line.key), std::move(line.value)});
  }
  return records;
}

bool Feed::Step(std::vector<FeedRecord>& records) {
  if (at_ >= StoryLength(story_)) return false;
  const size_t first = records.size();
  StepStorage(at_, records);
  StepHosts(at_, records);
  StepApps(at_, records);
  StepNames(at_, records);
  StepTransactions(at_, records);
  StepEvents(at_, records);
  std::stable_sort(records.begin() + static_cast<std::ptrdiff_t>(first), records.end(),
                   [](const FeedRecord& a, const FeedRecord& b) { return a.time < b.time; });
  at_ += kFeedStep;
  return true;
}

EventTime Feed::TimeOf(std::string_view key, Millis at) const {
  uint64_t hash = 1469598103934665603ULL;
  for (const char c : key) hash = (hash ^ static_cast<unsigned char>(c)) * 1099511628211ULL;
  return StoryStart() + at + Millis(static_cast<int64_t>(hash % 10) * 1000);
}

void Feed::Telegraf(std::vector<FeedRecord>& records, Millis at, std::string_view key,
                    std::string_view measurement, std::string_view tags,
                    std::string_view fields) const {
  const EventTime time = TimeOf(key, at);
  records.push_back({FeedTopic::kTelegraf, time, std::string(key),
                     fmt::format(R"({{"fields":{{{}}},"name":"{}","tags":{{{}}},"timestamp":{}}})",
                                 fields, measurement, tags, ToMillis(time) / 1000)});
}

void Feed::Own(std::vector<FeedRecord>& records, FeedTopic topic, Millis at, std::string_view key,
               std::string body) const {
  const EventTime time = TimeOf(key, at);
  records.push_back(
      {topic, time, std::string(key), fmt::format(R"({{{},"time":{}}})", body, ToMillis(time))});
}

void Feed::StepStorage(Millis at, std::vector<FeedRecord>& records) {
  for (size_t a = 0; a < estate_.arrays.size(); ++a) {
    const Array& array = estate_.arrays[a];
    for (uint32_t d = 1; d <= kDisksPerArray; ++d) {
      double& errors = counters_.disk_errors[a * kDisksPerArray + d - 1];
      const double rate = conditions_.DiskWriteErrors(array, d, at);
      const double iops =
          150 + 50 * Noise(estate_.options.seed, a * 16 + d, static_cast<uint64_t>(at.count()));
      Telegraf(records, at, array.name, "diskio",
               fmt::format(R"("array":"{}","disk":"d{}")", array.name, d),
               fmt::format(R"("iops":{:.1f},"write_errors_total":{})", iops, Raise(errors, rate)));
    }
  }
}

void Feed::StepHosts(Millis at, std::vector<FeedRecord>& records) {
  for (const Host& host : estate_.hosts) {
    Telegraf(records, at, host.name, "mem", fmt::format(R"("host":"{}")", host.name),
             fmt::format(R"("used_ratio":{:.4f})", conditions_.MemoryUsed(host, at)));
  }
  for (size_t i = 0; i < estate_.interfaces.size(); ++i) {
    const Interface& interface = estate_.interfaces[i];
    const double errors = conditions_.InterfaceErrors(static_cast<uint32_t>(i), at);
    Telegraf(
        records, at, interface.switch_name, "net",
        fmt::format(R"("interface":"{}","switch":"{}")", interface.name, interface.switch_name),
        fmt::format(R"("bytes_total":{},"errors_total":{})",
                    Raise(counters_.interface_bytes[i], 2.5e6),
                    Raise(counters_.interface_errors[i], errors)));
  }
}

void Feed::StepApps(Millis at, std::vector<FeedRecord>& records) {
  for (size_t i = 0; i < estate_.vms.size(); ++i) {
    const Vm& vm = estate_.vms[i];
    const App& app = estate_.apps[vm.app];
    const double traffic = 20 * conditions_.EdgeTraffic(app.region, at);
    Telegraf(records, at, vm.name, "vm", fmt::format(R"("vm":"{}")", vm.name),
             fmt::format(R"("write_latency_seconds":{:.5f})", conditions_.VmWriteLatency(vm, at)));
    Telegraf(
        records, at, vm.name, "http",
        fmt::format(R"("app":"{}","region":"{}","vm":"{}")", app.name, RegionName(app.region),
                    vm.name),
        fmt::format(R"("errors_total":{},"latency_seconds":{:.4f},"requests_total":{})",
                    Raise(counters_.vm_errors[i], traffic * conditions_.ErrorShare(app, at)),
                    conditions_.AppLatency(app, at), Raise(counters_.vm_requests[i], traffic)));
  }
  for (const Pool& pool : estate_.pools) {
    int up = 0;
    const size_t first = static_cast<size_t>(pool.app) * kVmsPerApp;
    for (size_t i = first; i < first + kVmsPerApp; ++i) {
      const bool member_up = conditions_.MemberUp(estate_.vms[i], at);
      up += member_up ? 1 : 0;
      Telegraf(records, at, pool.name, "haproxy_member",
               fmt::format(R"("pool":"{}","vm":"{}")", pool.name, estate_.vms[i].name),
               fmt::format(R"("up":{})", member_up ? 1 : 0));
    }
    Telegraf(records, at, pool.name, "haproxy_pool", fmt::format(R"("pool":"{}")", pool.name),
             fmt::format(R"("members_up":{})", up));
  }
}

void Feed::StepNames(Millis at, std::vector<FeedRecord>& records) {
  for (size_t i = 0; i < estate_.resolvers.size(); ++i) {
    const Resolver& resolver = estate_.resolvers[i];
    const double queries = resolver.forwards_to.empty() ? 800 : 300;
    const double servfails = queries * conditions_.ServfailShare(resolver, at);
    Telegraf(records, at, resolver.name, "dns", fmt::format(R"("resolver":"{}")", resolver.name),
             fmt::format(R"("queries_total":{},"servfail_total":{})",
                         Raise(counters_.dns_queries[i], queries),
                         Raise(counters_.dns_servfails[i], servfails)));
    Own(records, FeedTopic::kSynthetic, at, resolver.name,
        fmt::format(R"("metric":"resolution_success","labels":{{"resolver":"{}"}},"value":{})",
                    resolver.name, conditions_.ResolutionSuccess(resolver, at)));
  }
  for (uint32_t region = 0; region < kRegions; ++region) {
    const std::string name(RegionName(region));
    const double requests = 5000 * conditions_.EdgeTraffic(region, at);
    Telegraf(records, at, name, "edge", fmt::format(R"("edge":"{}")", name),
             fmt::format(R"("connections":{:.0f},"requests_total":{})",
                         20000 * conditions_.EdgeConnections(region, at),
                         Raise(counters_.edge_requests[region], requests)));
  }
  Telegraf(
      records, at, "cms-db", "database", R"("database":"cms-db")",
      fmt::format(R"("connections":{:.0f},"errors_total":{})",
                  400 + 50 * Noise(estate_.options.seed, 99, static_cast<uint64_t>(at.count())),
                  Raise(counters_.database_errors, conditions_.DatabaseErrors(at))));
}

void Feed::StepTransactions(Millis at, std::vector<FeedRecord>& records) {
  for (const Transaction& transaction : estate_.transactions) {
    const std::string region(RegionName(transaction.region));
    Own(records, FeedTopic::kSynthetic, at, transaction.name + "/" + region,
        fmt::format(R"("metrics":{{"synthetic_success":{},"synthetic_duration_seconds":{:.3f}}},)"
                    R"("labels":{{"name":"{}","region":"{}"}})",
                    conditions_.TransactionSuccess(transaction, at),
                    conditions_.TransactionDuration(transaction, at), transaction.name, region));
  }
}

void Feed::StepEvents(Millis at, std::vector<FeedRecord>& records) {
  for (const App& app : estate_.apps) {
    const std::string region(RegionName(app.region));
    const std::string key = app.name + "/" + region;
    const bool failing = conditions_.ErrorShare(app, at) > 0.2 && app.resolves;
    if (app.resolves) {
      Own(records, FeedTopic::kEvents, at, key,
          fmt::format(R"("event":"dns_lookup","labels":{{"app":"{}","rcode":"{}","region":"{}"}},)"
                      R"("attributes":{{"latency_ms":{}}})",
                      app.name, failing ? "SERVFAIL" : "NOERROR", region, failing ? 2000 : 3));
    }
    if (failing) {
      Own(records, FeedTopic::kEvents, at, key,
          fmt::format(R"("event":"log","labels":{{"app":"{}","level":"error","region":"{}"}},)"
                      R"("message":"lookup of account.store.internal failed: SERVFAIL")",
                      app.name, region));
    }
  }
  const std::string_view deployed = conditions_.Deploy(at, kFeedStep);
  if (!deployed.empty()) {
    Own(records, FeedTopic::kEvents, at, deployed,
        fmt::format(R"("event":"deploy_finished","labels":{{"app":"{}","region":"us"}},)"
                    R"("attributes":{{"version":"1.42.0"}})",
                    deployed));
  }
}

}  // namespace rootnote::estate
