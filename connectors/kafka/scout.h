// Looks about once a second, on a thread of its own, which partitions there are, where to begin
// with those that are new or have changed, and where they end, so that fetching never waits for
// such questions. Private to connectors/kafka.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "connectors/kafka/lookups.h"
#include "connectors/kafka/source.h"

namespace rootnote {

class PartitionScout {
 public:
  enum class Cause : uint8_t {
    kNew,         // `offset` is where to begin
    kBack,        // its topic was missing: go on, or with `anew` from the log's begin
    kOutOfRange,  // asked for by LookAgain
  };
  struct Placement {
    TopicPartition partition;
    Cause cause = Cause::kNew;
    LogRange log;
    int64_t offset = 0;
    bool skipped = false;
    bool anew = false;
  };
  struct Report {
    std::vector<Placement> placed;
    std::set<std::string> gone;           // topics
    std::vector<TopicPartition> removed;  // their topic is back with fewer
  };
  struct Listener {
    std::function<void()> reported;                             // something is there to take
    std::function<void(const TopicPartition&, int64_t)> ended;  // the partition's end as of now
  };

  // `client` and `options` outlive it.
  PartitionScout(rd_kafka_s* client, const KafkaSourceOptions& options, Listener listener);
  ~PartitionScout() { Stop(); }

  // InvalidArgument names a topic or a pattern. Starts the thread.
  absl::Status Start();
  // Waits for the question that is being asked, 2 s at most.
  void Stop();

  // Thread: any.
  Report Take();
  void LookAgain(const TopicPartition& partition);

 private:
  struct Topic {
    bool looked = false;
    size_t partitions_at_start = 0;
    std::vector<int32_t> leaders;     // of the last look; empty while it is missing
    int missing = 0;                  // looks in a row
    bool anew = false;                // it was missing for more than a moment
    std::map<int32_t, int64_t> ends;  // as last told
    std::set<int32_t> placed;
    std::set<int32_t> returning;  // of the placed ones: to go on, the topic was gone
  };

  void Run();
  // False: to be tried again soon.
  bool LookOnce();
  absl::Status LookForTopics();
  void Meet(const ClusterTopic& seen);
  void MeetMissing(const std::string& name, Topic& topic);
  void MeetAgain(const std::string& name, Topic& topic);
  std::vector<Placement> Wanted();
  absl::Status Place(std::vector<Placement> wanted);
  bool Settled(const Placement& placement);
  void Decide(std::optional<int64_t> timed, Placement& placement);
  void TellEnds();
  bool Closing();
  // False: closing.
  bool BeginLook();
  void Say(int level, const std::string& message);
  void SayOnce(const std::string& about, int level, const std::string& message);

  rd_kafka_s* const client_;
  const KafkaSourceOptions& options_;
  const Listener listener_;

  // The thread's own.
  TopicSelection selection_;
  WatchedTopics watched_;
  std::map<std::string, Topic> topics_;
  std::map<TopicPartition, int> beyond_;  // looks that found a committed offset behind the end
  std::map<std::string, std::string> said_;
  int looks_ = 0;
  bool begun_ = false;
  int held_back_ = 0;    // looks, before anything was begun
  int ends_failed_ = 0;  // in a row

  std::mutex mutex_;
  std::condition_variable changed_;
  // Guarded by mutex_.
  Report report_;
  std::set<TopicPartition> look_again_;
  bool look_soon_ = false;  // something has come since the last look
  bool closing_ = false;

  std::thread thread_;
};

}  // namespace rootnote
