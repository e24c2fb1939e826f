#include "connectors/kafka/partition_list.h"

#include <cstring>

#include "librdkafka/rdkafka.h"

namespace rootnote {

void PartitionListDeleter::operator()(rd_kafka_topic_partition_list_s* list) const {
  rd_kafka_topic_partition_list_destroy(list);
}

PartitionList ListOf(const std::vector<TopicPartition>& partitions) {
  PartitionList list(rd_kafka_topic_partition_list_new(static_cast<int>(partitions.size())));
  for (const TopicPartition& partition : partitions) {
    rd_kafka_topic_partition_list_add(list.get(), partition.topic.c_str(), partition.partition);
  }
  return list;
}

PartitionList ListOf(const std::vector<CommitOffset>& offsets) {
  PartitionList list(rd_kafka_topic_partition_list_new(static_cast<int>(offsets.size())));
  for (const CommitOffset& offset : offsets) {
    rd_kafka_topic_partition_t* element = rd_kafka_topic_partition_list_add(
        list.get(), offset.partition.topic.c_str(), offset.partition.partition);
    element->offset = offset.offset;
    if (!offset.metadata.empty()) {
      element->metadata = ::strdup(offset.metadata.c_str());  // the list frees it
      element->metadata_size = offset.metadata.size();
    }
  }
  return list;
}

TopicPartition IdOf(const rd_kafka_topic_partition_s& element) {
  return {element.topic, element.partition};
}

}  // namespace rootnote
