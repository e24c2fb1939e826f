// One librdkafka consumer, and the thread that moves its records into PartitionQueues. It is told
// by a PartitionScout what to read. Private to connectors/kafka.
#pragma once

#include <atomic>
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

#include "connectors/kafka/arena.h"
#include "connectors/kafka/client.h"
#include "connectors/kafka/queue.h"
#include "connectors/kafka/scout.h"
#include "connectors/kafka/source.h"

struct rd_kafka_message_s;
struct rd_kafka_queue_s;
struct rd_kafka_topic_s;

namespace rootnote {

class KafkaConsumer : private ClientEvents {
 public:
  KafkaConsumer(const KafkaSourceOptions& options, PartitionQueues& queues);
  ~KafkaConsumer() override;

  // InvalidArgument for properties and topics. Starts the threads.
  absl::Status Open();
  void Close();

  uint64_t repeated_records() const { return repeated_; }
  std::vector<std::string> made_anew() const;

 private:
  // A partition that is being fetched, and what has come of it since the last flush.
  struct Fetched {
    TopicPartition id;
    int64_t next = 0;            // offsets below it have been delivered
    bool held = false;           // paused in librdkafka, as its queue is full
    bool assigned = false;       // in librdkafka
    std::optional<int64_t> end;  // reached, and nothing has come since
    bool reachable = true;
    size_t staged = SIZE_MAX;  // index in staged_
  };
  struct Staged {
    Fetched* partition;
    std::string_view topic;
    RecordChunk chunk;
  };

  void Log(const KafkaLog& log) override;
  void Error(int code, std::string_view reason, bool fatal) override;
  void Statistics(std::string_view json) override;

  void Run();
  void ServeEvents(int timeout_ms);
  void TakeReport();
  void Begin(const std::vector<PartitionScout::Placement>& added);
  void GoOn(const PartitionScout::Placement& placement);
  void GiveUp(const std::string& topic);
  void Suspend(const std::string& topic);
  void Remove(const std::vector<TopicPartition>& partitions);
  void Assign(const std::map<TopicPartition, int64_t>& offsets);
  void Unassign(const std::vector<TopicPartition>& partitions);

  static void OnMessage(rd_kafka_message_s* message, void* self);
  void Take(const rd_kafka_message_s& message);
  void TakeError(const rd_kafka_message_s& message);
  void TakeEnd(const rd_kafka_message_s& message, Fetched& partition);
  Fetched* Find(const rd_kafka_message_s& message);
  void Stage(Fetched& partition, const rd_kafka_message_s& message);
  void Flush();
  void Hold(const std::vector<Fetched*>& full);
  void ReleaseDrained();
  void MarkUnreachable(Fetched& partition);
  void LogOnce(int level, const std::string& message);
  EventTime Now() const;

  // Set once.
  const KafkaSourceOptions options_;
  PartitionQueues& queues_;

  rd_kafka_s* client_ = nullptr;
  rd_kafka_queue_s* records_ = nullptr;  // of all partitions; events stay on the client's own queue
  std::unique_ptr<PartitionScout> scout_;
  std::atomic<bool> closing_ = false;
  std::atomic<uint64_t> repeated_ = 0;
  mutable std::mutex anew_mutex_;
  std::set<std::string> made_anew_;  // guarded by anew_mutex_
  std::thread thread_;

  // The thread's own.
  std::map<TopicPartition, Fetched> fetched_;
  std::vector<PartitionScout::Placement> waiting_;  // until their queue has been drained
  rd_kafka_topic_s* last_topic_ = nullptr;          // what Find found last
  Fetched* last_ = nullptr;
  std::vector<Staged> staged_;
  size_t staged_records_ = 0;
  std::shared_ptr<Arena> arena_;
  std::set<std::string> logged_;
};

}  // namespace rootnote
