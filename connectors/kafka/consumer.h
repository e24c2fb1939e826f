// One librdkafka consumer and the thread that moves its records into PartitionQueues. Private to
// connectors/kafka.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "connectors/kafka/client.h"
#include "connectors/kafka/queue.h"
#include "connectors/kafka/source.h"

struct rd_kafka_message_s;
struct rd_kafka_queue_s;
struct rd_kafka_topic_s;
struct rd_kafka_topic_partition_list_s;

namespace rootnote {

// How a consumer comes to its partitions.
enum class Membership : uint8_t {
  kGroup,     // by subscription, from the committed offsets
  kAssigned,  // all partitions of its topics, from the beginning
};

class KafkaConsumer : private ClientEvents {
 public:
  KafkaConsumer(Membership membership, size_t fetcher, const KafkaSourceOptions& options,
                PartitionQueues& queues);
  ~KafkaConsumer() override;

  // InvalidArgument for properties. Starts the thread.
  absl::Status Open();
  // Leaves the group, ends the thread.
  void Close();

  // rd_kafka_consumer_group_metadata_t*, the caller's; null when closed. Thread: any.
  void* GroupMetadata() const;
  uint64_t repeated_records() const { return repeated_; }

 private:
  // A partition that is being fetched, and what has come of it since the last flush.
  struct Fetched {
    TopicPartition id;
    int64_t next = 0;  // offsets below it have been delivered
    bool held = false;
    std::optional<int64_t> end;  // reached, and nothing has come since
    bool reachable = true;
    size_t staged = SIZE_MAX;  // index in staged_
  };
  struct Staged {
    Fetched* partition;
    std::string_view topic;
    RecordChunk chunk;
  };
  class Arena;

  void Log(const KafkaLog& log) override;
  void Error(int code, std::string_view reason, bool fatal) override;
  void Statistics(std::string_view json) override;

  absl::Status Subscribe();
  void Run();
  void ServeEvents(int timeout_ms);
  void Discover();
  bool DiscoverTopic(const std::string& topic, rd_kafka_topic_partition_list_s* all);
  // Waits until the broker has told where to begin; false when closing.
  bool FindPositions(rd_kafka_topic_partition_list_s* partitions,
                     std::vector<PartitionNotice>& notices);
  int32_t FindPositionsOnce(rd_kafka_topic_partition_list_s* partitions,
                            std::vector<PartitionNotice>& notices);
  void Rebalance(int32_t code, rd_kafka_topic_partition_list_s* partitions);
  void StartFetching(rd_kafka_topic_partition_list_s* partitions,
                     std::vector<PartitionNotice> notices);
  void StopFetching(rd_kafka_topic_partition_list_s* partitions);

  static void OnMessage(rd_kafka_message_s* message, void* self);
  static void OnRebalance(rd_kafka_s* client, int32_t code,
                          rd_kafka_topic_partition_list_s* partitions, void* self);
  void Take(const rd_kafka_message_s& message);
  void TakeError(const rd_kafka_message_s& message);
  Fetched* Find(const rd_kafka_message_s& message);
  void Stage(Fetched& partition, const rd_kafka_message_s& message);
  void Flush();
  void Hold(const std::vector<Fetched*>& full);
  void ReleaseDrained();
  void MarkUnreachable(Fetched& partition);
  void LogOnce(int level, const std::string& message);
  EventTime Now() const;

  // Set once.
  const Membership membership_;
  const size_t fetcher_;
  const KafkaSourceOptions options_;
  PartitionQueues& queues_;

  mutable std::mutex client_mutex_;  // guards the pointer against GroupMetadata while closing
  rd_kafka_s* client_ = nullptr;
  rd_kafka_queue_s* records_ = nullptr;  // of all partitions; events stay on the client's own queue
  std::atomic<bool> closing_ = false;
  std::atomic<uint64_t> repeated_ = 0;
  std::thread thread_;

  // The thread's own.
  std::map<TopicPartition, Fetched> fetched_;
  rd_kafka_topic_s* last_topic_ = nullptr;  // what Find found last
  Fetched* last_ = nullptr;
  std::vector<Staged> staged_;
  size_t staged_records_ = 0;
  std::shared_ptr<Arena> arena_;
  std::set<std::string> logged_;
  std::chrono::steady_clock::time_point next_discovery_{};
};

}  // namespace rootnote
