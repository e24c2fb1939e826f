// Questions to the cluster: which topics there are, where logs begin and end. Each call blocks for
// its time-out at most. Private to connectors/kafka.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "connectors/record.h"
#include "schemas/base/status.h"

struct rd_kafka_s;
struct rd_kafka_topic_s;

namespace re2 {
class RE2;
}

namespace rootnote {

struct ClusterTopic {
  std::string name;
  int32_t error = 0;             // librdkafka's code; 0: none
  std::vector<int32_t> leaders;  // by partition; -1: none at present

  bool Missing() const;
};

// Names, and patterns that begin with ^.
class TopicSelection {
 public:
  TopicSelection();
  ~TopicSelection();
  // InvalidArgument names the pattern.
  absl::Status Add(const std::vector<std::string>& names_and_patterns);
  const std::vector<std::string>& names() const { return names_; }
  bool has_patterns() const { return !patterns_.empty(); }
  // Kafka's own topics (__…) are in no pattern.
  bool InPattern(const std::string& topic) const;

 private:
  std::vector<std::string> names_;
  std::vector<std::unique_ptr<re2::RE2>> patterns_;
};

// Topics asked about again and again, in one request for all. Thread: one caller.
class WatchedTopics {
 public:
  explicit WatchedTopics(rd_kafka_s* client) : client_(client) {}
  ~WatchedTopics();
  WatchedTopics(const WatchedTopics&) = delete;
  WatchedTopics& operator=(const WatchedTopics&) = delete;

  absl::Status Add(const std::string& topic);
  // Ascending by name; a topic that the answer does not mention is left out.
  absl::StatusOr<std::vector<ClusterTopic>> Look(Millis timeout) const;

 private:
  rd_kafka_s* client_;
  std::map<std::string, rd_kafka_topic_s*, std::less<>> handles_;
};

// Every topic of the cluster that we may see.
absl::StatusOr<std::vector<ClusterTopic>> AllTopics(rd_kafka_s* client, Millis timeout);

// Instead of a time.
constexpr int64_t kLogBegin = -2;
constexpr int64_t kLogEnd = -1;  // the stable end when the client reads committed

// The first offset of each partition whose record is not older than `time` (ms since 1970); -1 when
// there is none. Partitions that gave an error are left out.
absl::StatusOr<std::map<TopicPartition, int64_t>> OffsetsAt(
    rd_kafka_s* client, const std::vector<TopicPartition>& partitions, int64_t time,
    Millis timeout);

struct LogRange {
  int64_t begin = 0;
  int64_t end = 0;
};
absl::StatusOr<std::map<TopicPartition, LogRange>> LogRanges(
    rd_kafka_s* client, const std::vector<TopicPartition>& partitions, Millis timeout);

// `code` is librdkafka's. PermissionDenied, with what is needed on the topic, for one of
// authorisation; Unavailable else.
absl::Status TopicError(std::string_view what, const std::string& topic, int32_t code);

}  // namespace rootnote
