// librdkafka's lists of partitions, owned. Private to connectors/kafka.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "connectors/record.h"

struct rd_kafka_topic_partition_s;
struct rd_kafka_topic_partition_list_s;

namespace rootnote {

struct PartitionListDeleter {
  void operator()(rd_kafka_topic_partition_list_s* list) const;
};
using PartitionList = std::unique_ptr<rd_kafka_topic_partition_list_s, PartitionListDeleter>;

// Without offsets.
PartitionList ListOf(const std::vector<TopicPartition>& partitions);
// With offsets and metadata.
PartitionList ListOf(const std::vector<CommitOffset>& offsets);

TopicPartition IdOf(const rd_kafka_topic_partition_s& element);

}  // namespace rootnote
