#include "connectors/kafka/statistics.h"

#include <string>

#include "rapidjson/document.h"

namespace rootnote {
namespace {

using Value = rapidjson::Value;

const Value* Member(const Value& object, const char* name) {
  if (!object.IsObject()) {
    return nullptr;
  }
  const auto found = object.FindMember(name);
  return found == object.MemberEnd() ? nullptr : &found->value;
}

int64_t Number(const Value& object, const char* name, int64_t otherwise) {
  const Value* value = Member(object, name);
  return value != nullptr && value->IsInt64() ? value->GetInt64() : otherwise;
}

std::string_view Text(const Value& object, const char* name) {
  const Value* value = Member(object, name);
  return value != nullptr && value->IsString()
             ? std::string_view(value->GetString(), value->GetStringLength())
             : std::string_view();
}

std::map<int64_t, FetchHealth> Brokers(const Value& root) {
  std::map<int64_t, FetchHealth> brokers;
  const Value* all = Member(root, "brokers");
  if (all == nullptr || !all->IsObject()) {
    return brokers;
  }
  for (const auto& entry : all->GetObject()) {
    // Only the real ones: the bootstrap addresses and the coordinators have no node id, or none of
    // their own.
    const int64_t id = Number(entry.value, "nodeid", -1);
    if (id < 0 || Text(entry.value, "source") == "logical") {
      continue;
    }
    FetchHealth& broker = brokers[id];
    const int64_t silent = Number(entry.value, "rxidle", -1);
    broker.connected = Text(entry.value, "state") == "UP";
    broker.silent = std::chrono::microseconds(silent);
  }
  return brokers;
}

}  // namespace

absl::StatusOr<std::map<TopicPartition, FetchHealth>> ReadStatistics(std::string_view json) {
  rapidjson::Document root;
  root.Parse<rapidjson::kParseIterativeFlag>(json.data(), json.size());
  const Value* topics = root.HasParseError() ? nullptr : Member(root, "topics");
  if (topics == nullptr || !topics->IsObject()) {
    return absl::InvalidArgumentError("statistics of librdkafka without topics");
  }
  const std::map<int64_t, FetchHealth> brokers = Brokers(root);
  std::map<TopicPartition, FetchHealth> partitions;
  for (const auto& topic : topics->GetObject()) {
    const Value* all = Member(topic.value, "partitions");
    if (all == nullptr || !all->IsObject()) {
      continue;
    }
    const std::string name(topic.name.GetString(), topic.name.GetStringLength());
    for (const auto& entry : all->GetObject()) {
      const int64_t partition = Number(entry.value, "partition", -1);
      if (partition < 0) {
        continue;
      }
      const auto broker = brokers.find(Number(entry.value, "broker", -1));
      FetchHealth health = broker == brokers.end() ? FetchHealth() : broker->second;
      health.fetching = Text(entry.value, "fetch_state") == "active";
      health.lag = Number(entry.value, "consumer_lag", -1);
      partitions[{name, static_cast<int32_t>(partition)}] = health;
    }
  }
  return partitions;
}

}  // namespace rootnote
