// The estate's collectors: what arrives on Kafka every ten seconds while a story happens.
//
// Topics: `telegraf` (Telegraf JSON: disks, VMs, hosts, interfaces, pools, DNS, edges, HTTP,
// database), `synthetic` (own JSON: transactions, resolution checks), `events` (own JSON: lookups,
// logs, deploys), `topology` (own JSON, keyed). Records of a step come in event-time order. Thread:
// one.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "engine/cli/estate/estate.h"
#include "engine/cli/estate/story.h"

namespace rootnote::estate {

enum class FeedTopic : uint8_t { kTelegraf, kSynthetic, kEvents, kTopology };
inline constexpr std::string_view kFeedTopics[] = {"telegraf", "synthetic", "events", "topology"};

struct FeedRecord {
  FeedTopic topic = FeedTopic::kTelegraf;
  EventTime time;
  std::string key, value;
};

inline constexpr Millis kFeedStep{10'000};

class Feed {
 public:
  Feed(Estate estate, Story story);
  Feed(const Feed&) = delete;  // conditions_ looks at estate_.
  Feed& operator=(const Feed&) = delete;

  // The map, undated: it holds from the beginning.
  std::vector<FeedRecord> Topology() const;

  // The next ten seconds of records, in event-time order; false when the story is over.
  bool Step(std::vector<FeedRecord>& records);

  // Series that one step touches.
  size_t series() const { return series_; }
  const Estate& estate() const { return estate_; }

 private:
  // Counters of the collectors: they rise for ever.
  struct Counters {
    std::vector<double> disk_errors, interface_errors, interface_bytes;
    std::vector<double> vm_requests, vm_errors, dns_queries, dns_servfails, edge_requests;
    double database_errors = 0;
  };

  void StepStorage(Millis at, std::vector<FeedRecord>& records);
  void StepHosts(Millis at, std::vector<FeedRecord>& records);
  void StepApps(Millis at, std::vector<FeedRecord>& records);
  void StepNames(Millis at, std::vector<FeedRecord>& records);
  void StepTransactions(Millis at, std::vector<FeedRecord>& records);
  void StepEvents(Millis at, std::vector<FeedRecord>& records);
  // A collector's own second within the step, the same every time.
  EventTime TimeOf(std::string_view key, Millis at) const;
  void Telegraf(std::vector<FeedRecord>& records, Millis at, std::string_view key,
                std::string_view measurement, std::string_view tags, std::string_view fields) const;
  void Own(std::vector<FeedRecord>& records, FeedTopic topic, Millis at, std::string_view key,
           std::string body) const;

  Estate estate_;
  Story story_;
  Conditions conditions_;
  Counters counters_;
  Millis at_{0};
  size_t series_ = 0;
};

}  // namespace rootnote::estate
