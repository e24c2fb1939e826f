#include "connectors/kafka/lookups.h"

#include <algorithm>

#include "fmt/format.h"
#include "librdkafka/rdkafka.h"
#include "re2/re2.h"

#include "connectors/kafka/partition_list.h"

namespace rootnote {
namespace {

absl::StatusOr<std::vector<ClusterTopic>> Ask(rd_kafka_s* client, bool all, Millis timeout) {
  const struct rd_kafka_metadata* metadata = nullptr;
  const auto error =
      rd_kafka_metadata(client, all ? 1 : 0, nullptr, &metadata, static_cast<int>(timeout.count()));
  if (error != RD_KAFKA_RESP_ERR_NO_ERROR) {
    return absl::UnavailableError(fmt::format("topics: {}", rd_kafka_err2str(error)));
  }
  std::vector<ClusterTopic> topics;
  for (int i = 0; i < metadata->topic_cnt; ++i) {
    const auto& from = metadata->topics[i];
    ClusterTopic topic{from.topic, from.err, std::vector<int32_t>()};
    topic.leaders.assign(static_cast<size_t>(std::max(0, from.partition_cnt)), -1);
    for (int j = 0; j < from.partition_cnt; ++j) {
      const auto id = static_cast<size_t>(from.partitions[j].id);
      if (id < topic.leaders.size()) {
        topic.leaders[id] = from.partitions[j].leader;
      }
    }
    topics.push_back(std::move(topic));
  }
  rd_kafka_metadata_destroy(metadata);
  std::sort(topics.begin(), topics.end(),
            [](const auto& one, const auto& other) { return one.name < other.name; });
  return topics;
}

}  // namespace

bool ClusterTopic::Missing() const {
  return error == RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART ||
         error == RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC;
}

TopicSelection::TopicSelection() = default;

TopicSelection::~TopicSelection() = default;

absl::Status TopicSelection::Add(const std::vector<std::string>& names_and_patterns) {
  for (const std::string& text : names_and_patterns) {
    if (text.empty()) {
      return absl::InvalidArgumentError("Kafka topics: a name is empty");
    }
    if (text[0] != '^') {
      names_.push_back(text);
      continue;
    }
    auto pattern = std::make_unique<re2::RE2>(text, re2::RE2::Quiet);
    if (!pattern->ok()) {
      return absl::InvalidArgumentError(
          fmt::format("Kafka topics: pattern {}: {}", text, pattern->error()));
    }
    patterns_.push_back(std::move(pattern));
  }
  return absl::OkStatus();
}

bool TopicSelection::InPattern(const std::string& topic) const {
  return topic.rfind("__", 0) != 0 &&
         std::any_of(patterns_.begin(), patterns_.end(),
                     [&](const auto& pattern) { return re2::RE2::PartialMatch(topic, *pattern); });
}

WatchedTopics::~WatchedTopics() {
  for (const auto& [name, handle] : handles_) {
    rd_kafka_topic_destroy(handle);
  }
}

absl::Status WatchedTopics::Add(const std::string& topic) {
  if (handles_.contains(topic)) {
    return absl::OkStatus();
  }
  rd_kafka_topic_t* handle = rd_kafka_topic_new(client_, topic.c_str(), nullptr);
  if (handle == nullptr) {
    return absl::InvalidArgumentError(
        fmt::format("Kafka topic {}: {}", topic, rd_kafka_err2str(rd_kafka_last_error())));
  }
  handles_[topic] = handle;
  return absl::OkStatus();
}

absl::StatusOr<std::vector<ClusterTopic>> WatchedTopics::Look(Millis timeout) const {
  // Those that the client has handles of.
  ASSIGN_OR_RETURN(std::vector<ClusterTopic> topics, Ask(client_, false, timeout));
  std::erase_if(topics, [this](const auto& topic) { return !handles_.contains(topic.name); });
  return topics;
}

absl::StatusOr<std::vector<ClusterTopic>> AllTopics(rd_kafka_s* client, Millis timeout) {
  return Ask(client, true, timeout);
}

absl::StatusOr<std::map<TopicPartition, int64_t>> OffsetsAt(
    rd_kafka_s* client, const std::vector<TopicPartition>& partitions, int64_t time,
    Millis timeout) {
  std::map<TopicPartition, int64_t> offsets;
  if (partitions.empty()) {
    return offsets;
  }
  const PartitionList list = ListOf(partitions);
  for (int i = 0; i < list->cnt; ++i) {
    list->elems[i].offset = time;
  }
  const auto error =
      rd_kafka_offsets_for_times(client, list.get(), static_cast<int>(timeout.count()));
  if (error != RD_KAFKA_RESP_ERR_NO_ERROR) {
    return absl::UnavailableError(fmt::format("offsets: {}", rd_kafka_err2str(error)));
  }
  for (int i = 0; i < list->cnt; ++i) {
    const rd_kafka_topic_partition_t& element = list->elems[i];
    if (element.err == RD_KAFKA_RESP_ERR_NO_ERROR) {
      offsets[IdOf(element)] = element.offset < 0 ? -1 : element.offset;
    }
  }
  return offsets;
}

absl::StatusOr<std::map<TopicPartition, LogRange>> LogRanges(
    rd_kafka_s* client, const std::vector<TopicPartition>& partitions, Millis timeout) {
  ASSIGN_OR_RETURN(const auto begins, OffsetsAt(client, partitions, kLogBegin, timeout));
  ASSIGN_OR_RETURN(const auto ends, OffsetsAt(client, partitions, kLogEnd, timeout));
  std::map<TopicPartition, LogRange> ranges;
  for (const auto& [partition, begin] : begins) {
    const auto end = ends.find(partition);
    if (end != ends.end() && begin >= 0 && end->second >= begin) {
      ranges[partition] = {begin, end->second};
    }
  }
  return ranges;
}

absl::Status TopicError(std::string_view what, const std::string& topic, int32_t code) {
  const auto error = static_cast<rd_kafka_resp_err_t>(code);
  if (error == RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED) {
    return absl::PermissionDeniedError(
        fmt::format("Kafka: {}: not authorised: needs Describe and Read on topic {}", what, topic));
  }
  return absl::UnavailableError(
      fmt::format("Kafka: {}: topic {}: {}", what, topic, rd_kafka_err2str(error)));
}

}  // namespace rootnote
