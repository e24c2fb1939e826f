#include "connectors/kafka/offsets.h"

#include <algorithm>

#include "fmt/format.h"
#include "librdkafka/rdkafka.h"

#include "connectors/kafka/arena.h"
#include "connectors/kafka/enquiry.h"
#include "connectors/kafka/lookups.h"
#include "connectors/kafka/partition_list.h"

namespace rootnote {
namespace {

constexpr int kPollMs = 200;
constexpr size_t kArenaMax = 4 * Arena::kBlockBytes;

void AddPartitions(const ClusterTopic& topic, std::vector<TopicPartition>& partitions) {
  for (size_t i = 0; i < topic.leaders.size(); ++i) {
    partitions.push_back({topic.name, static_cast<int32_t>(i)});
  }
}

absl::StatusOr<std::vector<TopicPartition>> PartitionsOf(const TopicSelection& selection,
                                                         const WatchedTopics& named,
                                                         Enquiry& enquiry) {
  std::vector<TopicPartition> partitions;
  if (selection.has_patterns()) {
    ASSIGN_OR_RETURN(const auto all, AllTopics(enquiry.client(), enquiry.TryTimeout()));
    for (const ClusterTopic& topic : all) {
      if (selection.InPattern(topic.name)) {
        AddPartitions(topic, partitions);
      }
    }
  }
  if (!selection.names().empty()) {
    ASSIGN_OR_RETURN(const auto topics, named.Look(enquiry.TryTimeout()));
    for (const ClusterTopic& topic : topics) {
      if (topic.error != RD_KAFKA_RESP_ERR_NO_ERROR && !topic.Missing()) {
        return TopicError("committed offsets", topic.name, topic.error);
      }
      AddPartitions(topic, partitions);
    }
  }
  std::sort(partitions.begin(), partitions.end());
  partitions.erase(std::unique(partitions.begin(), partitions.end()), partitions.end());
  return partitions;
}

absl::Status GroupError(const std::string& group, rd_kafka_resp_err_t error) {
  if (error == RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED) {
    return absl::PermissionDeniedError(fmt::format(
        "Kafka: committed offsets: not authorised: needs Read and Describe on group {}", group));
  }
  return absl::UnavailableError(
      fmt::format("committed offsets of group {}: {}", group, rd_kafka_err2str(error)));
}

absl::StatusOr<std::vector<CommitOffset>> Committed(const std::vector<TopicPartition>& partitions,
                                                    Enquiry& enquiry) {
  std::vector<CommitOffset> offsets;
  if (partitions.empty()) {
    return offsets;
  }
  const PartitionList list = ListOf(partitions);
  const auto error = rd_kafka_committed(enquiry.client(), list.get(),
                                        static_cast<int>(enquiry.TryTimeout().count()));
  if (error != RD_KAFKA_RESP_ERR_NO_ERROR) {
    return GroupError(enquiry.group(), error);
  }
  for (int i = 0; i < list->cnt; ++i) {
    const rd_kafka_topic_partition_t& element = list->elems[i];
    if (element.err == RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED) {
      return TopicError("committed offsets", element.topic, element.err);
    }
    if (element.err != RD_KAFKA_RESP_ERR_NO_ERROR) {
      return GroupError(enquiry.group(), element.err);
    }
    if (element.offset >= 0) {
      const auto* metadata = static_cast<const char*>(element.metadata);
      offsets.push_back({IdOf(element), element.offset,
                         metadata == nullptr ? "" : std::string(metadata, element.metadata_size)});
    }
  }
  return offsets;
}

// Reads the partitions of a topic to the ends that were found first.
class WholeTopic {
 public:
  WholeTopic(const std::string& topic, Enquiry& enquiry) : topic_(topic), enquiry_(enquiry) {}

  // Leaves nothing to read when the topic does not exist.
  absl::Status FindRanges();
  absl::Status Read(const std::function<void(const Record&)>& visit);

 private:
  absl::Status FindRangesOnce(const WatchedTopics& watched);
  absl::Status Take(const rd_kafka_message_t& message,
                    const std::function<void(const Record&)>& visit);

  const std::string& topic_;
  Enquiry& enquiry_;
  std::map<TopicPartition, LogRange> left_;  // begin moves on; gone when read
  Arena arena_;
};

absl::Status WholeTopic::FindRanges() {
  WatchedTopics watched(enquiry_.client());
  RETURN_IF_ERROR(watched.Add(topic_));
  return enquiry_.Insist(fmt::format("reading topic {}", topic_),
                         [&] { return FindRangesOnce(watched); });
}

absl::Status WholeTopic::FindRangesOnce(const WatchedTopics& watched) {
  ASSIGN_OR_RETURN(const std::vector<ClusterTopic> topics, watched.Look(enquiry_.TryTimeout()));
  if (topics.empty() || topics[0].Missing()) {
    return topics.empty() ? absl::UnavailableError("no answer") : absl::OkStatus();
  }
  if (topics[0].error != RD_KAFKA_RESP_ERR_NO_ERROR) {
    return TopicError("reading", topic_, topics[0].error);
  }
  std::vector<TopicPartition> partitions;
  AddPartitions(topics[0], partitions);
  ASSIGN_OR_RETURN(left_, LogRanges(enquiry_.client(), partitions, enquiry_.TryTimeout()));
  if (left_.size() < partitions.size()) {
    return absl::UnavailableError(fmt::format("topic {}: {} of {} partitions have no leader",
                                              topic_, partitions.size() - left_.size(),
                                              partitions.size()));
  }
  std::erase_if(left_, [](const auto& entry) { return entry.second.begin >= entry.second.end; });
  return absl::OkStatus();
}

absl::Status WholeTopic::Take(const rd_kafka_message_t& message,
                              const std::function<void(const Record&)>& visit) {
  const auto found = left_.find({topic_, message.partition});
  if (message.err == RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED) {
    return TopicError("reading", topic_, message.err);
  }
  const bool ended = message.err == RD_KAFKA_RESP_ERR__PARTITION_EOF;
  if (found == left_.end() || (message.err != RD_KAFKA_RESP_ERR_NO_ERROR && !ended)) {
    return absl::OkStatus();  // trouble passes, or time is up
  }
  LogRange& range = found->second;
  if (!ended && message.offset < range.end) {
    if (arena_.used() > kArenaMax) {
      arena_ = Arena();
    }
    visit(CopyRecord(message, topic_, kMaxTime, arena_));
  }
  range.begin = ended ? message.offset : message.offset + 1;
  if (range.begin >= range.end) {
    left_.erase(found);
  }
  return absl::OkStatus();
}

absl::Status WholeTopic::Read(const std::function<void(const Record&)>& visit) {
  std::vector<CommitOffset> begins;
  for (const auto& [partition, range] : left_) {
    begins.push_back({partition, range.begin, ""});
  }
  if (begins.empty()) {
    return absl::OkStatus();
  }
  const auto error = rd_kafka_assign(enquiry_.client(), ListOf(begins).get());
  if (error != RD_KAFKA_RESP_ERR_NO_ERROR) {
    return absl::InternalError(
        fmt::format("Kafka: reading topic {}: {}", topic_, rd_kafka_err2str(error)));
  }
  while (!left_.empty()) {
    if (enquiry_.TimeIsUp()) {
      const auto& [partition, range] = *left_.begin();
      return enquiry_.OutOfTime(fmt::format("reading topic {} (partition {} at {} of {})", topic_,
                                            partition.partition, range.begin, range.end));
    }
    rd_kafka_message_t* message = rd_kafka_consumer_poll(enquiry_.client(), kPollMs);
    if (message != nullptr) {
      const absl::Status status = Take(*message, visit);
      rd_kafka_message_destroy(message);
      RETURN_IF_ERROR(status);
    }
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::vector<CommitOffset>> ReadCommittedOffsets(
    const std::map<std::string, std::string>& properties, const std::vector<std::string>& topics,
    Millis timeout, const std::function<void(const KafkaLog&)>& log) {
  if (!properties.contains("group.id")) {
    return absl::InvalidArgumentError("Kafka property group.id: must be given");
  }
  TopicSelection selection;
  RETURN_IF_ERROR(selection.Add(topics));
  ASSIGN_OR_RETURN(const auto enquiry, Enquiry::Open(properties, timeout, log));
  WatchedTopics named(enquiry->client());
  for (const std::string& name : selection.names()) {
    RETURN_IF_ERROR(named.Add(name));
  }
  std::vector<CommitOffset> offsets;
  const auto ask = [&]() -> absl::Status {
    ASSIGN_OR_RETURN(const auto partitions, PartitionsOf(selection, named, *enquiry));
    ASSIGN_OR_RETURN(offsets, Committed(partitions, *enquiry));
    return absl::OkStatus();
  };
  RETURN_IF_ERROR(
      enquiry->Insist(fmt::format("reading the offsets of group {}", enquiry->group()), ask));
  return offsets;
}

absl::Status ReadTopicWhole(const std::map<std::string, std::string>& properties,
                            const std::string& topic, Millis timeout,
                            const std::function<void(const Record&)>& visit,
                            const std::function<void(const KafkaLog&)>& log) {
  ASSIGN_OR_RETURN(const auto enquiry, Enquiry::Open(properties, timeout, log));
  WholeTopic whole(topic, *enquiry);
  RETURN_IF_ERROR(whole.FindRanges());
  return whole.Read(visit);
}

}  // namespace rootnote
