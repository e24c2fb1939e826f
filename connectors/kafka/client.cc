#include "connectors/kafka/client.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <mutex>

#include "fmt/format.h"
#include "librdkafka/rdkafka.h"
#include "librdkafka/rdkafka_mock.h"

#include "connectors/kafka/embedded.h"

namespace rootnote {
namespace {

ClientEvents* EventsOf(const rd_kafka_t* client) {
  return static_cast<ClientEvents*>(rd_kafka_opaque(client));
}

void OnLog(const rd_kafka_t* client, int level, const char* facility, const char* message) {
  if (ClientEvents* events = client == nullptr ? nullptr : EventsOf(client)) {
    // The same again, only counted: comes with every try to connect.
    const bool again =
        std::string_view(message).find("identical error(s) suppressed") != std::string_view::npos;
    events->Log({again ? std::max(level, 7) : level, facility, message});
  }
}

void OnError(rd_kafka_t* client, int code, const char* reason, void* /*opaque*/) {
  if (code != RD_KAFKA_RESP_ERR__FATAL) {
    EventsOf(client)->Error(code, reason, false);
    return;
  }
  std::array<char, 512> text{};
  const auto original = rd_kafka_fatal_error(client, text.data(), text.size());
  EventsOf(client)->Error(original, text.data(), true);
}

int OnStatistics(rd_kafka_t* client, char* json, size_t size, void* /*opaque*/) {
  EventsOf(client)->Statistics({json, size});
  return 0;  // librdkafka frees it
}

absl::Status SetProperty(rd_kafka_conf_t* conf, const std::string& name, const std::string& value) {
  std::array<char, 512> reason{};
  if (rd_kafka_conf_set(conf, name.c_str(), value.c_str(), reason.data(), reason.size()) ==
      RD_KAFKA_CONF_OK) {
    return absl::OkStatus();
  }
  return absl::InvalidArgumentError(
      fmt::format("Kafka property {}: {}", name, std::string_view(reason.data())));
}

}  // namespace

KafkaLog LogOf(int code, std::string_view reason, bool fatal) {
  const auto error = static_cast<rd_kafka_resp_err_t>(code);
  const int other = error == RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN ? 4 : 7;
  return {fatal ? 2 : other, rd_kafka_err2name(error), std::string(reason)};
}

void ConfDeleter::operator()(rd_kafka_conf_s* conf) const { rd_kafka_conf_destroy(conf); }

absl::StatusOr<Conf> MakeConf(const ClientProperties& properties, ClientEvents& events) {
  Conf conf(rd_kafka_conf_new());
  // A broker that is back after a minute is not to wait for ten seconds more.
  RETURN_IF_ERROR(SetProperty(conf.get(), "reconnect.backoff.max.ms", "2000"));
  for (const auto& [name, value] : properties.defaults) {
    if (!properties.given.contains(name)) {
      RETURN_IF_ERROR(SetProperty(conf.get(), name, value));
    }
  }
  for (const auto& [name, value] : properties.given) {
    RETURN_IF_ERROR(SetProperty(conf.get(), name, value));
  }
  for (const auto& [name, value] : properties.enforced) {
    const auto given = properties.given.find(name);
    if (given != properties.given.end() && given->second != value) {
      return absl::InvalidArgumentError(
          fmt::format("Kafka property {}: must be {}, leave it out", name, value));
    }
    RETURN_IF_ERROR(SetProperty(conf.get(), name, value));
  }
  rd_kafka_conf_set_opaque(conf.get(), &events);
  rd_kafka_conf_set_log_cb(conf.get(), OnLog);
  rd_kafka_conf_set_error_cb(conf.get(), OnError);
  rd_kafka_conf_set_stats_cb(conf.get(), OnStatistics);
  return conf;
}

absl::StatusOr<rd_kafka_s*> NewClient(bool producer, Conf conf) {
  std::array<char, 512> reason{};
  rd_kafka_t* client = rd_kafka_new(producer ? RD_KAFKA_PRODUCER : RD_KAFKA_CONSUMER, conf.get(),
                                    reason.data(), reason.size());
  if (client == nullptr) {
    return absl::InvalidArgumentError(
        fmt::format("Kafka properties: {}", std::string_view(reason.data())));
  }
  (void)conf.release();  // the client's now
  return client;
}

namespace {

rd_kafka_vu_t Argument(rd_kafka_vtype_t type) {
  rd_kafka_vu_t argument{};
  argument.vtype = type;
  return argument;
}

rd_kafka_vu_t BytesArgument(rd_kafka_vtype_t type, const std::optional<std::string>& bytes) {
  rd_kafka_vu_t argument = Argument(type);
  // librdkafka only reads it; an empty text is not null.
  argument.u.mem.ptr = bytes ? const_cast<char*>(bytes->data()) : nullptr;
  argument.u.mem.size = bytes ? bytes->size() : 0;
  return argument;
}

absl::Status ProduceError(const OutputRecord& record, rd_kafka_error_t* error) {
  const auto code = rd_kafka_error_code(error);
  const std::string message =
      fmt::format("topic {}: a record of {} bytes cannot be produced: {}", record.topic,
                  record.value ? record.value->size() : 0, rd_kafka_error_string(error));
  rd_kafka_error_destroy(error);
  switch (code) {
    case RD_KAFKA_RESP_ERR__QUEUE_FULL:
      return absl::ResourceExhaustedError(message);
    case RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE:
    case RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION:
    case RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC:
    case RD_KAFKA_RESP_ERR__INVALID_ARG:
      return absl::InvalidArgumentError(message);
    default:
      return absl::FailedPreconditionError(message);
  }
}

}  // namespace

absl::Status ProduceCopy(rd_kafka_s* client, const OutputRecord& record, int32_t partition) {
  std::array<rd_kafka_vu_t, 7> arguments{};
  arguments[0] = Argument(RD_KAFKA_VTYPE_TOPIC);
  arguments[0].u.cstr = record.topic.c_str();
  arguments[1] = Argument(RD_KAFKA_VTYPE_PARTITION);
  arguments[1].u.i32 = partition < 0 ? RD_KAFKA_PARTITION_UA : partition;
  arguments[2] = BytesArgument(RD_KAFKA_VTYPE_KEY, record.key);
  arguments[3] = BytesArgument(RD_KAFKA_VTYPE_VALUE, record.value);
  arguments[4] = Argument(RD_KAFKA_VTYPE_MSGFLAGS);
  arguments[4].u.i = RD_KAFKA_MSG_F_COPY;
  arguments[5] = Argument(RD_KAFKA_VTYPE_TIMESTAMP);
  arguments[5].u.i64 = record.timestamp ? ToMillis(*record.timestamp) : 0;  // 0: now
  size_t count = 6;
  rd_kafka_headers_t* headers = nullptr;
  if (!record.headers.empty()) {
    headers = rd_kafka_headers_new(record.headers.size());
    for (const auto& [name, value] : record.headers) {
      rd_kafka_header_add(headers, name.data(), static_cast<ssize_t>(name.size()),
                          value ? value->data() : nullptr,
                          value ? static_cast<ssize_t>(value->size()) : 0);
    }
    arguments[count] = Argument(RD_KAFKA_VTYPE_HEADERS);
    arguments[count++].u.headers = headers;
  }
  rd_kafka_error_t* error = rd_kafka_produceva(client, arguments.data(), count);
  if (error == nullptr) {
    return absl::OkStatus();
  }
  if (headers != nullptr) {
    rd_kafka_headers_destroy(headers);  // not taken over on failure
  }
  return ProduceError(record, error);
}

namespace {

// For clients that nobody listens to.
class Unheard : public ClientEvents {
 public:
  void Log(const KafkaLog& /*log*/) override {}
  void Error(int /*code*/, std::string_view /*reason*/, bool /*fatal*/) override {}
};

class MockKafka : public EmbeddedKafka {
 public:
  ~MockKafka() override {
    if (cluster_ != nullptr) {
      rd_kafka_mock_cluster_destroy(cluster_);
    }
    if (client_ != nullptr) {
      rd_kafka_destroy(client_);
    }
  }

  absl::Status Start() {
    ASSIGN_OR_RETURN(Conf conf, MakeConf({{}, {}, {{"client.id", "embedded"}}}, events_));
    ASSIGN_OR_RETURN(client_, NewClient(true, std::move(conf)));
    cluster_ = rd_kafka_mock_cluster_new(client_, 1);
    return cluster_ != nullptr ? absl::OkStatus()
                               : absl::UnavailableError("the embedded Kafka cannot listen");
  }

  std::string bootstrap_servers() const override {
    return rd_kafka_mock_cluster_bootstraps(cluster_);
  }

  absl::Status CreateTopic(const std::string& topic, int partitions) override {
    const auto error = rd_kafka_mock_topic_create(cluster_, topic.c_str(), partitions, 1);
    return error == RD_KAFKA_RESP_ERR_NO_ERROR
               ? absl::OkStatus()
               : absl::InvalidArgumentError(
                     fmt::format("topic {} with {} partitions cannot be created: {}", topic,
                                 partitions, rd_kafka_err2str(error)));
  }

  void SetReachable(bool reachable) override {
    reachable ? rd_kafka_mock_broker_set_up(cluster_, -1)
              : rd_kafka_mock_broker_set_down(cluster_, -1);
  }

 private:
  Unheard events_;
  rd_kafka_t* client_ = nullptr;
  rd_kafka_mock_cluster_t* cluster_ = nullptr;
};

// The first record that could not be delivered is the error of the next call.
class PlainProducer : public KafkaProducer {
 public:
  ~PlainProducer() override {
    if (client_ != nullptr) {
      rd_kafka_purge(client_, RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT);
      rd_kafka_destroy(client_);
    }
  }

  absl::Status Start(std::map<std::string, std::string> given) {
    ASSIGN_OR_RETURN(Conf conf, MakeConf({std::move(given), {}, {{"linger.ms", "5"}}}, events_));
    rd_kafka_conf_set_dr_msg_cb(conf.get(), OnDelivery);
    rd_kafka_conf_set_opaque(conf.get(), &events_);
    ASSIGN_OR_RETURN(client_, NewClient(true, std::move(conf)));
    return absl::OkStatus();
  }

  absl::Status Produce(const OutputRecord& record, int32_t partition) override {
    while (true) {
      const absl::Status status = ProduceCopy(client_, record, partition);
      rd_kafka_poll(client_, absl::IsResourceExhausted(status) ? 10 : 0);
      if (!absl::IsResourceExhausted(status)) {
        return status.ok() ? TakeError() : status;
      }
    }
  }

  absl::Status Flush(Millis timeout) override {
    if (rd_kafka_flush(client_, static_cast<int>(timeout.count())) != RD_KAFKA_RESP_ERR_NO_ERROR) {
      return absl::UnavailableError(fmt::format("{} records are not delivered after {} ms",
                                                rd_kafka_outq_len(client_), timeout.count()));
    }
    return TakeError();
  }

 private:
  class Deliveries : public Unheard {
   public:
    std::string failed;  // the polling thread's
  };

  static void OnDelivery(rd_kafka_t* client, const rd_kafka_message_t* message, void* /*opaque*/) {
    auto* events = static_cast<Deliveries*>(rd_kafka_opaque(client));
    if (message->err != RD_KAFKA_RESP_ERR_NO_ERROR && events->failed.empty()) {
      events->failed =
          fmt::format("topic {}: a record was not delivered: {}", rd_kafka_topic_name(message->rkt),
                      rd_kafka_err2str(message->err));
    }
  }

  absl::Status TakeError() {
    const std::string failed = std::exchange(events_.failed, {});
    return failed.empty() ? absl::OkStatus() : absl::UnavailableError(failed);
  }

  Deliveries events_;
  rd_kafka_t* client_ = nullptr;
};

}  // namespace

absl::StatusOr<std::unique_ptr<EmbeddedKafka>> StartEmbeddedKafka() {
  auto kafka = std::make_unique<MockKafka>();
  RETURN_IF_ERROR(kafka->Start());
  return kafka;
}

absl::StatusOr<std::unique_ptr<KafkaProducer>> OpenKafkaProducer(
    std::map<std::string, std::string> properties) {
  auto producer = std::make_unique<PlainProducer>();
  RETURN_IF_ERROR(producer->Start(std::move(properties)));
  return producer;
}

std::string KafkaLibraryVersion() { return rd_kafka_version_str(); }

std::vector<std::string> KafkaLibraryFeatures() {
  rd_kafka_conf_t* conf = rd_kafka_conf_new();
  std::array<char, 1024> text{};
  size_t size = text.size();
  std::vector<std::string> features;
  if (rd_kafka_conf_get(conf, "builtin.features", text.data(), &size) == RD_KAFKA_CONF_OK) {
    const std::string all(text.data());
    for (size_t begin = 0; begin < all.size();) {
      const size_t end = std::min(all.find(',', begin), all.size());
      features.push_back(all.substr(begin, end - begin));
      begin = end + 1;
    }
  }
  rd_kafka_conf_destroy(conf);
  std::sort(features.begin(), features.end());
  return features;
}

std::string KafkaLimits() {
  const std::vector<std::string> features = KafkaLibraryFeatures();
  std::vector<std::string> missing;
  const auto feature = [&](const char* name, const char* called) {
    if (!std::binary_search(features.begin(), features.end(), name)) {
      missing.emplace_back(called);
    }
  };
  feature("ssl", "TLS");
  feature("sasl_scram", "SASL/SCRAM");
  feature("sasl_gssapi", "SASL/GSSAPI");
  rd_kafka_conf_t* conf = rd_kafka_conf_new();
  if (!SetProperty(conf, "sasl.oauthbearer.method", "oidc").ok()) {
    missing.emplace_back("SASL/OAUTHBEARER with OIDC");
  }
  for (const char* codec : {"lz4", "zstd"}) {
    if (!SetProperty(conf, "compression.codec", codec).ok()) {
      missing.emplace_back(codec);
    }
  }
  rd_kafka_conf_destroy(conf);
  std::string limits;
  if (!missing.empty()) {
    limits = fmt::format("librdkafka {} was built without {}", KafkaLibraryVersion(),
                         fmt::join(missing, ", "));
  }
  const std::string scram = KafkaScramLimit();
  if (!scram.empty()) {
    limits += limits.empty() ? "" : "; ";
    limits += scram;
  }
  return limits;
}

// Its second message repeats the client's nonce, which Kafka checks since 4.0.
std::string KafkaScramLimit() {
  constexpr int kFixed = 0x020601ff;
  return rd_kafka_version() >= kFixed ? ""
                                      : "Kafka 4.0 and later refuse its SCRAM (fixed in 2.6.1): "
                                        "use PLAIN over TLS, or client "
                                        "certificates, there";
}

}  // namespace rootnote
