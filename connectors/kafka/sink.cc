#include "connectors/kafka/sink.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <optional>
#include <utility>

#include "fmt/format.h"
#include "librdkafka/rdkafka.h"

#include "connectors/kafka/client.h"
#include "connectors/kafka/embedded.h"
#include "connectors/kafka/partition_list.h"
#include "connectors/kafka/transaction_error.h"
#include "connectors/kafka/watchdog.h"

namespace rootnote {
namespace {

using Clock = std::chrono::steady_clock;

// Who cannot reach the coordinator in this time makes a new producer, which aborts as well.
constexpr Millis kAbort{3'000};
constexpr Millis kGroupChange{3'000};
constexpr int kGroupChangePollMs = 50;

class TransactionalSink : public Sink, private ClientEvents {
 public:
  explicit TransactionalSink(KafkaSinkOptions options) : options_(std::move(options)) {}
  ~TransactionalSink() override { Close().IgnoreError(); }

  absl::Status Open();
  absl::Status Write(const Commit& commit) override;
  absl::Status Close() override;

 private:
  // librdkafka's answers come as long as there is time for another try.
  template <typename Call>
  std::optional<TransactionError> Try(const char* what, Clock::time_point deadline, Call call);
  absl::Status Begin(Clock::time_point deadline);
  absl::Status Produce(const Commit& commit, Clock::time_point deadline);
  absl::Status SendOffsets(const Commit& commit, Clock::time_point deadline);
  absl::Status EndTransaction(Clock::time_point deadline);
  absl::Status Transact(const Commit& commit);
  absl::Status Deliver(Clock::time_point deadline);
  // Ends the transaction with nothing written; what `error` becomes then.
  absl::Status Abort(absl::Status error);
  // For good: of this and of all later calls.
  absl::Status Lost(const TransactionError& error);
  absl::Status Failed(const TransactionError& error) const {
    return undelivered_.ok() ? AbortableError(error.code, error.message) : undelivered_;
  }
  static void OnDelivery(rd_kafka_t* client, const rd_kafka_message_t* message, void* opaque);

  void Log(const KafkaLog& log) override {
    if (options_.log) {
      options_.log(log);
    }
  }
  void Error(int code, std::string_view reason, bool fatal) override {
    Log(LogOf(code, reason, fatal));
  }

  const KafkaSinkOptions options_;
  rd_kafka_t* client_ = nullptr;
  std::unique_ptr<Watchdog> watchdog_;
  absl::Status lost_;            // not OK: fenced, or the outcome of a transaction is unknown
  bool group_changing_ = false;  // the transaction failed only because of that
  absl::Status undelivered_;     // the first record of the transaction that was refused
};

int MillisLeft(Clock::time_point deadline) {
  const auto left = std::chrono::duration_cast<Millis>(deadline - Clock::now()).count();
  return static_cast<int>(std::clamp<int64_t>(left, 1, 3'600'000));
}

template <typename Call>
std::optional<TransactionError> TransactionalSink::Try(const char* what, Clock::time_point deadline,
                                                       Call call) {
  watchdog_->Watch(what);
  while (true) {
    auto error = TakeError(call(), what);
    if (!error || error->error_class != ErrorClass::kRetriable || Clock::now() >= deadline) {
      return error;
    }
    Log({5, "RETRY", error->message});
    // Events are due anyway; and the coordinator gets a moment.
    rd_kafka_poll(client_, std::min(50, MillisLeft(deadline)));
  }
}

absl::Status TransactionalSink::Open() {
  if (!options_.properties.contains("transactional.id")) {
    return absl::InvalidArgumentError("Kafka property transactional.id: must be given");
  }
  ClientProperties properties;
  properties.given = options_.properties;
  properties.enforced = {{"enable.idempotence", "true"}};
  properties.defaults = {
      {"client.id", "rootnote"}, {"linger.ms", "5"}, {"transaction.timeout.ms", "10000"}};
  const std::vector<std::string> features = KafkaLibraryFeatures();
  if (std::binary_search(features.begin(), features.end(), "lz4") &&
      !options_.properties.contains("compression.type")) {
    properties.defaults.emplace_back("compression.codec", "lz4");
  }
  ASSIGN_OR_RETURN(Conf conf, MakeConf(properties, *this));
  rd_kafka_conf_set_dr_msg_cb(conf.get(), OnDelivery);
  ASSIGN_OR_RETURN(client_, NewClient(true, std::move(conf)));
  watchdog_ = std::make_unique<Watchdog>(options_.watchdog, [this](const std::string& message) {
    Log({0, "WATCHDOG", message});
    if (options_.fatal) {
      options_.fatal(message + ": restart, it goes on from the committed offsets");
    }
  });
  const auto deadline = Clock::now() + options_.timeout;
  const auto error = Try("init_transactions", deadline,
                         [&] { return rd_kafka_init_transactions(client_, MillisLeft(deadline)); });
  absl::Status status;
  if (!error) {
    status = Transact(Commit());
  } else if (IsProducerFenced(error->code)) {
    status = FencedError(error->message);
  } else {
    status =
        Unauthorised(error->code, error->message).value_or(absl::UnavailableError(error->message));
  }
  watchdog_->Watch(nullptr);
  return status;
}

void TransactionalSink::OnDelivery(rd_kafka_t* /*client*/, const rd_kafka_message_t* message,
                                   void* opaque) {
  auto* sink = static_cast<TransactionalSink*>(static_cast<ClientEvents*>(opaque));
  // Purged: by the abort that something else has caused.
  if (message->err == RD_KAFKA_RESP_ERR_NO_ERROR || !sink->undelivered_.ok() ||
      message->err == RD_KAFKA_RESP_ERR__PURGE_QUEUE ||
      message->err == RD_KAFKA_RESP_ERR__PURGE_INFLIGHT) {
    return;
  }
  const std::string text =
      fmt::format("Kafka: topic {}: a record was not taken: {}", rd_kafka_topic_name(message->rkt),
                  rd_kafka_message_errstr(message));
  const bool never = message->err == RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE ||
                     message->err == RD_KAFKA_RESP_ERR_INVALID_RECORD;
  sink->undelivered_ =
      never ? absl::InvalidArgumentError(text) : AbortableError(message->err, text);
}

absl::Status TransactionalSink::Lost(const TransactionError& error) {
  std::array<char, 512> reason{};
  const auto fatal = rd_kafka_fatal_error(client_, reason.data(), reason.size());
  if (IsProducerFenced(error.code) || IsProducerFenced(fatal)) {
    lost_ = FencedError(error.message);
  } else {
    lost_ = absl::UnavailableError(fmt::format(
        "{}: the outcome is unknown; restart from the committed offsets", error.message));
  }
  return lost_;
}

absl::Status TransactionalSink::Begin(Clock::time_point deadline) {
  const auto error =
      Try("begin_transaction", deadline, [this] { return rd_kafka_begin_transaction(client_); });
  return error ? Lost(*error) : absl::OkStatus();
}

absl::Status TransactionalSink::Produce(const Commit& commit, Clock::time_point deadline) {
  watchdog_->Watch("produce");
  for (const OutputRecord& record : commit.records) {
    absl::Status status = ProduceCopy(client_, record, -1);
    while (absl::IsResourceExhausted(status) && Clock::now() < deadline) {
      rd_kafka_poll(client_, 10);
      status = ProduceCopy(client_, record, -1);
    }
    if (!status.ok()) {
      return absl::IsInvalidArgument(status) ? status : absl::AbortedError(status.message());
    }
  }
  return absl::OkStatus();
}

absl::Status TransactionalSink::SendOffsets(const Commit& commit, Clock::time_point deadline) {
  if (commit.offsets.empty() || options_.group == nullptr) {
    return absl::OkStatus();
  }
  auto* metadata = static_cast<rd_kafka_consumer_group_metadata_t*>(options_.group->Metadata());
  if (metadata == nullptr) {
    return FencedError("Kafka: we have left the group");
  }
  const PartitionList list = ListOf(commit.offsets);
  const auto error = Try("send_offsets_to_transaction", deadline, [&] {
    return rd_kafka_send_offsets_to_transaction(client_, list.get(), metadata,
                                                MillisLeft(deadline));
  });
  rd_kafka_consumer_group_metadata_destroy(metadata);
  if (!error) {
    return absl::OkStatus();
  }
  group_changing_ = IsGroupChanging(error->code);
  return error->error_class == ErrorClass::kFatal ? Lost(*error) : Failed(*error);
}

// Before the commit is asked for: a time-out here leaves nothing in doubt.
absl::Status TransactionalSink::Deliver(Clock::time_point deadline) {
  watchdog_->Watch("flush");
  const auto error = rd_kafka_flush(client_, MillisLeft(deadline));
  RETURN_IF_ERROR(undelivered_);
  return error == RD_KAFKA_RESP_ERR_NO_ERROR
             ? absl::OkStatus()
             : absl::AbortedError(fmt::format("Kafka: {} records are not delivered: {}",
                                              rd_kafka_outq_len(client_), rd_kafka_err2str(error)));
}

absl::Status TransactionalSink::EndTransaction(Clock::time_point deadline) {
  const auto error = Try("commit_transaction", deadline, [&] {
    return rd_kafka_commit_transaction(client_, MillisLeft(deadline));
  });
  if (!error) {
    return absl::OkStatus();
  }
  // A retriable error here is a time-out: the coordinator may have committed.
  return error->error_class == ErrorClass::kAbortable ? Failed(*error) : Lost(*error);
}

absl::Status TransactionalSink::Abort(absl::Status error) {
  const auto deadline = Clock::now() + std::min(options_.timeout, kAbort);
  const auto failed = Try("abort_transaction", deadline, [&] {
    return rd_kafka_abort_transaction(client_, MillisLeft(deadline));
  });
  if (absl::IsFailedPrecondition(error)) {
    lost_ = error;
  } else if (failed) {
    return Lost(*failed);
  }
  return error;
}

absl::Status TransactionalSink::Transact(const Commit& commit) {
  const auto deadline = Clock::now() + options_.timeout;
  undelivered_ = absl::OkStatus();
  group_changing_ = false;
  RETURN_IF_ERROR(Begin(deadline));
  absl::Status status = Produce(commit, deadline);
  if (status.ok()) {
    status = SendOffsets(commit, deadline);
  }
  if (status.ok()) {
    status = Deliver(deadline);
  }
  if (status.ok()) {
    status = EndTransaction(deadline);
  }
  return status.ok() || !lost_.ok() ? status : Abort(std::move(status));
}

absl::Status TransactionalSink::Write(const Commit& commit) {
  if (!lost_.ok() || client_ == nullptr) {
    return lost_.ok() ? absl::FailedPreconditionError("Kafka: the sink is closed") : lost_;
  }
  rd_kafka_poll(client_, 0);
  if (commit.empty()) {
    return absl::OkStatus();
  }
  // A member has come or gone, and the election has not heard of it yet: a matter of a moment. If
  // the lock is gone as well, who has it fences us before it reads what we have committed.
  const auto deadline = Clock::now() + std::min(options_.timeout, kGroupChange);
  absl::Status status = Transact(commit);
  while (group_changing_ && absl::IsAborted(status) && Clock::now() < deadline) {
    rd_kafka_poll(client_, kGroupChangePollMs);
    status = Transact(commit);
  }
  watchdog_->Watch(nullptr);
  return status;
}

absl::Status TransactionalSink::Close() {
  if (client_ == nullptr) {
    return absl::OkStatus();
  }
  if (watchdog_ != nullptr) {
    watchdog_->Watch("close");
  }
  // Nothing is in flight, except after a lost transaction; that must not hold up the end.
  rd_kafka_purge(client_, RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT);
  rd_kafka_destroy(std::exchange(client_, nullptr));
  watchdog_.reset();
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::unique_ptr<Sink>> OpenKafkaSink(KafkaSinkOptions options) {
  auto sink = std::make_unique<TransactionalSink>(std::move(options));
  RETURN_IF_ERROR(sink->Open());
  return sink;
}

}  // namespace rootnote
