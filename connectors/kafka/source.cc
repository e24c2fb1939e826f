#include "connectors/kafka/source.h"

#include "connectors/kafka/consumer.h"
#include "connectors/kafka/queue.h"

namespace rootnote {
namespace {

class ThreadedKafkaSource : public KafkaSource {
 public:
  explicit ThreadedKafkaSource(const KafkaSourceOptions& options)
      : queues_(options.queue_bytes_max / 4 * 3), consumer_(options, queues_) {}
  ~ThreadedKafkaSource() override { Close(); }

  absl::Status Open() { return consumer_.Open(); }

  absl::StatusOr<SourceBatch> Poll(const PollLimits& limits, Millis timeout) override {
    return queues_.Poll(limits, timeout);
  }
  void Pause(const TopicPartition& partition) override { queues_.SetPaused(partition, true); }
  void Resume(const TopicPartition& partition) override { queues_.SetPaused(partition, false); }
  void Close() override { consumer_.Close(); }

  uint64_t repeated_records() const override { return consumer_.repeated_records(); }
  std::vector<std::string> made_anew() const override { return consumer_.made_anew(); }

 private:
  PartitionQueues queues_;
  KafkaConsumer consumer_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<KafkaSource>> OpenKafkaSource(KafkaSourceOptions options) {
  if (options.topics.empty() && options.assigned.empty()) {
    return absl::InvalidArgumentError("no Kafka topics given");
  }
  auto source = std::make_unique<ThreadedKafkaSource>(options);
  RETURN_IF_ERROR(source->Open());
  return source;
}

}  // namespace rootnote
