#include "connectors/kafka/source.h"

#include "connectors/kafka/consumer.h"
#include "connectors/kafka/queue.h"

namespace rootnote {
namespace {

// The group's topics and the assigned ones have a consumer each: librdkafka cannot mix subscribing
// and assigning in one.
class ThreadedKafkaSource : public KafkaSource, private ConsumerGroup {
 public:
  explicit ThreadedKafkaSource(const KafkaSourceOptions& options)
      : queues_(options.queue_bytes_max / 4 * 3) {
    if (!options.topics.empty()) {
      group_ = std::make_unique<KafkaConsumer>(Membership::kGroup, 0, options, queues_);
    }
    if (!options.assigned.empty()) {
      assigned_ = std::make_unique<KafkaConsumer>(Membership::kAssigned, 1, options, queues_);
    }
  }
  ~ThreadedKafkaSource() override { Close(); }

  absl::Status Open() {
    if (group_ == nullptr && assigned_ == nullptr) {
      return absl::InvalidArgumentError("no Kafka topics given");
    }
    if (group_ != nullptr) {
      RETURN_IF_ERROR(group_->Open());
    }
    return assigned_ == nullptr ? absl::OkStatus() : assigned_->Open();
  }

  absl::StatusOr<SourceBatch> Poll(const PollLimits& limits, Millis timeout) override {
    return queues_.Poll(limits, timeout);
  }
  void Pause(const TopicPartition& partition) override { queues_.SetPaused(partition, true); }
  void Resume(const TopicPartition& partition) override { queues_.SetPaused(partition, false); }

  void Close() override {
    if (group_ != nullptr) {
      group_->Close();
    }
    if (assigned_ != nullptr) {
      assigned_->Close();
    }
  }

  const ConsumerGroup& group() const override { return *this; }
  uint64_t repeated_records() const override {
    return (group_ == nullptr ? 0 : group_->repeated_records()) +
           (assigned_ == nullptr ? 0 : assigned_->repeated_records());
  }

 private:
  void* Metadata() const override { return group_ == nullptr ? nullptr : group_->GroupMetadata(); }

  PartitionQueues queues_;
  std::unique_ptr<KafkaConsumer> group_, assigned_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<KafkaSource>> OpenKafkaSource(KafkaSourceOptions options) {
  auto source = std::make_unique<ThreadedKafkaSource>(options);
  RETURN_IF_ERROR(source->Open());
  return source;
}

}  // namespace rootnote
