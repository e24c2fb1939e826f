#include "connectors/kafka/topics.h"

#include <algorithm>
#include <array>
#include <set>

#include "fmt/format.h"
#include "librdkafka/rdkafka.h"

#include "connectors/kafka/enquiry.h"
#include "connectors/kafka/lookups.h"

namespace rootnote {
namespace {

struct NewTopicDeleter {
  void operator()(rd_kafka_NewTopic_t* topic) const { rd_kafka_NewTopic_destroy(topic); }
};
using NewTopic = std::unique_ptr<rd_kafka_NewTopic_t, NewTopicDeleter>;
struct QueueDeleter {
  void operator()(rd_kafka_queue_t* queue) const { rd_kafka_queue_destroy(queue); }
};
struct EventDeleter {
  void operator()(rd_kafka_event_t* event) const { rd_kafka_event_destroy(event); }
};
struct AdminOptionsDeleter {
  void operator()(rd_kafka_AdminOptions_t* options) const {
    rd_kafka_AdminOptions_destroy(options);
  }
};

std::string Command(const TopicSpec& topic, const std::string& servers, int replication) {
  std::string command =
      fmt::format("kafka-topics.sh --bootstrap-server {} --create --topic {} --partitions {}",
                  servers, topic.name, topic.partitions);
  if (replication > 0) {
    command += fmt::format(" --replication-factor {}", replication);
  }
  for (const auto& [name, value] : topic.config) {
    command += fmt::format(" --config {}={}", name, value);
  }
  return command;
}

class TopicMaker {
 public:
  TopicMaker(const std::vector<TopicSpec>& topics, int replication, Enquiry& enquiry)
      : topics_(topics), replication_(replication), enquiry_(enquiry), watched_(enquiry.client()) {}

  absl::Status Watch();
  // The topics that do not exist.
  absl::StatusOr<std::vector<const TopicSpec*>> Missing();
  absl::Status Create(const std::vector<const TopicSpec*>& missing);
  // Until each partition has a leader.
  absl::Status WaitUntilThere();

 private:
  absl::StatusOr<std::vector<ClusterTopic>> Look();
  absl::Status CreateOnce(const std::vector<const TopicSpec*>& missing);
  absl::StatusOr<NewTopic> Describe(const TopicSpec& spec) const;
  absl::Status Result(const rd_kafka_topic_result_t& result) const;

  const std::vector<TopicSpec>& topics_;
  const int replication_;
  Enquiry& enquiry_;
  WatchedTopics watched_;
};

absl::Status TopicMaker::Watch() {
  for (const TopicSpec& topic : topics_) {
    RETURN_IF_ERROR(watched_.Add(topic.name));
  }
  return absl::OkStatus();
}

absl::StatusOr<std::vector<ClusterTopic>> TopicMaker::Look() {
  ASSIGN_OR_RETURN(std::vector<ClusterTopic> seen, watched_.Look(enquiry_.TryTimeout()));
  for (const ClusterTopic& topic : seen) {
    if (topic.error == RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED) {
      return absl::PermissionDeniedError(
          fmt::format("Kafka: looking for topic {}: not authorised: needs Describe on topic {}",
                      topic.name, topic.name));
    }
  }
  return seen;
}

absl::StatusOr<std::vector<const TopicSpec*>> TopicMaker::Missing() {
  std::vector<const TopicSpec*> missing;
  const auto ask = [&]() -> absl::Status {
    ASSIGN_OR_RETURN(const std::vector<ClusterTopic> seen, Look());
    missing.clear();
    for (const TopicSpec& topic : topics_) {
      const auto found = std::find_if(seen.begin(), seen.end(),
                                      [&](const auto& one) { return one.name == topic.name; });
      if (found == seen.end()) {
        return absl::UnavailableError(fmt::format("topic {}: no answer", topic.name));
      }
      if (found->Missing()) {
        missing.push_back(&topic);
      }
    }
    return absl::OkStatus();
  };
  RETURN_IF_ERROR(enquiry_.Insist("looking for our topics", ask));
  return missing;
}

absl::StatusOr<NewTopic> TopicMaker::Describe(const TopicSpec& spec) const {
  std::array<char, 256> reason{};
  NewTopic topic(rd_kafka_NewTopic_new(spec.name.c_str(), spec.partitions, replication_,
                                       reason.data(), reason.size()));
  if (topic == nullptr) {
    return absl::InvalidArgumentError(
        fmt::format("Kafka topic {}: {}", spec.name, std::string_view(reason.data())));
  }
  for (const auto& [name, value] : spec.config) {
    if (rd_kafka_NewTopic_set_config(topic.get(), name.c_str(), value.c_str()) !=
        RD_KAFKA_RESP_ERR_NO_ERROR) {
      return absl::InvalidArgumentError(
          fmt::format("Kafka topic {}: setting {} is refused", spec.name, name));
    }
  }
  return topic;
}

absl::Status TopicMaker::Result(const rd_kafka_topic_result_t& result) const {
  const char* name = rd_kafka_topic_result_name(&result);
  const char* words = rd_kafka_topic_result_error_string(&result);
  switch (const auto error = rd_kafka_topic_result_error(&result)) {
    case RD_KAFKA_RESP_ERR_NO_ERROR:
      enquiry_.Say(6, fmt::format("topic {} has been created", name));
      return absl::OkStatus();
    case RD_KAFKA_RESP_ERR_TOPIC_ALREADY_EXISTS:  // another member was faster
      return absl::OkStatus();
    case RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED:
    case RD_KAFKA_RESP_ERR_CLUSTER_AUTHORIZATION_FAILED:
      return absl::PermissionDeniedError(
          fmt::format("Kafka: creating topic {}: not authorised: needs Create on topic {} or on "
                      "the cluster; or create it by hand and say create_topics: false",
                      name, name));
    case RD_KAFKA_RESP_ERR_INVALID_REPLICATION_FACTOR:
    case RD_KAFKA_RESP_ERR_INVALID_PARTITIONS:
    case RD_KAFKA_RESP_ERR_INVALID_CONFIG:
    case RD_KAFKA_RESP_ERR_POLICY_VIOLATION:
    case RD_KAFKA_RESP_ERR_TOPIC_EXCEPTION:
    case RD_KAFKA_RESP_ERR_INVALID_REQUEST:
      return absl::FailedPreconditionError(
          fmt::format("Kafka: creating topic {}: {}", name,
                      words == nullptr ? rd_kafka_err2str(error) : words));
    default:
      return absl::UnavailableError(
          fmt::format("creating topic {}: {}", name, rd_kafka_err2str(error)));
  }
}

absl::Status TopicMaker::CreateOnce(const std::vector<const TopicSpec*>& missing) {
  std::vector<NewTopic> owned;
  std::vector<rd_kafka_NewTopic_t*> list;
  for (const TopicSpec* spec : missing) {
    ASSIGN_OR_RETURN(NewTopic topic, Describe(*spec));
    list.push_back(topic.get());
    owned.push_back(std::move(topic));
  }
  const int timeout = static_cast<int>(5 * enquiry_.TryTimeout().count());
  const std::unique_ptr<rd_kafka_queue_t, QueueDeleter> queue(
      rd_kafka_queue_new(enquiry_.client()));
  const std::unique_ptr<rd_kafka_AdminOptions_t, AdminOptionsDeleter> options(
      rd_kafka_AdminOptions_new(enquiry_.client(), RD_KAFKA_ADMIN_OP_CREATETOPICS));
  std::array<char, 256> reason{};
  rd_kafka_AdminOptions_set_request_timeout(options.get(), timeout, reason.data(), reason.size());
  rd_kafka_AdminOptions_set_operation_timeout(options.get(), timeout, reason.data(), reason.size());
  rd_kafka_CreateTopics(enquiry_.client(), list.data(), list.size(), options.get(), queue.get());
  // The request has its own time-out: the answer always comes.
  const std::unique_ptr<rd_kafka_event_t, EventDeleter> event(
      rd_kafka_queue_poll(queue.get(), 2 * timeout));
  const rd_kafka_CreateTopics_result_t* result =
      event == nullptr ? nullptr : rd_kafka_event_CreateTopics_result(event.get());
  if (result == nullptr || rd_kafka_event_error(event.get()) != RD_KAFKA_RESP_ERR_NO_ERROR) {
    return absl::UnavailableError(
        fmt::format("creating topics: {}",
                    result == nullptr ? "no answer" : rd_kafka_event_error_string(event.get())));
  }
  size_t count = 0;
  const rd_kafka_topic_result_t** results = rd_kafka_CreateTopics_result_topics(result, &count);
  absl::Status status;
  for (size_t i = 0; i < count; ++i) {
    status.Update(Result(*results[i]));
  }
  return status;
}

absl::Status TopicMaker::Create(const std::vector<const TopicSpec*>& missing) {
  return enquiry_.Insist("creating topics", [&] { return CreateOnce(missing); });
}

absl::Status TopicMaker::WaitUntilThere() {
  return enquiry_.Insist("waiting for our topics", [this]() -> absl::Status {
    ASSIGN_OR_RETURN(const std::vector<ClusterTopic> seen, Look());
    std::set<std::string> ready;
    for (const ClusterTopic& topic : seen) {
      const auto led = [](int32_t leader) { return leader >= 0; };
      if (topic.error == RD_KAFKA_RESP_ERR_NO_ERROR &&
          std::all_of(topic.leaders.begin(), topic.leaders.end(), led)) {
        ready.insert(topic.name);
      }
    }
    for (const TopicSpec& topic : topics_) {
      if (!ready.contains(topic.name)) {
        return absl::UnavailableError(fmt::format("topic {} is not ready", topic.name));
      }
    }
    return absl::OkStatus();
  });
}

}  // namespace

absl::Status EnsureTopics(const std::map<std::string, std::string>& properties,
                          const std::vector<TopicSpec>& topics, bool create, int replication,
                          Millis timeout, const std::function<void(const KafkaLog&)>& log) {
  if (topics.empty()) {
    return absl::OkStatus();
  }
  ASSIGN_OR_RETURN(const auto enquiry, Enquiry::Open(properties, timeout, log));
  TopicMaker maker(topics, replication, *enquiry);
  RETURN_IF_ERROR(maker.Watch());
  ASSIGN_OR_RETURN(const std::vector<const TopicSpec*> missing, maker.Missing());
  if (!missing.empty() && !create) {
    const auto servers = properties.find("bootstrap.servers");
    std::string commands;
    for (const TopicSpec* topic : missing) {
      commands +=
          "\n  " + Command(*topic, servers == properties.end() ? "" : servers->second, replication);
    }
    return absl::FailedPreconditionError(
        fmt::format("Kafka topics are missing, and are not to be created by us:{}", commands));
  }
  if (!missing.empty()) {
    RETURN_IF_ERROR(maker.Create(missing));
  }
  return maker.WaitUntilThere();
}

}  // namespace rootnote
