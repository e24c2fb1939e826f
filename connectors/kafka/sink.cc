#include "connectors/kafka/sink.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <condition_variable>
#include <cstring>
#include <mutex>
#include <optional>
#include <thread>
#include <utility>

#include "fmt/format.h"
#include "librdkafka/rdkafka.h"

#include "connectors/kafka/client.h"
#include "connectors/kafka/embedded.h"

namespace rootnote {
namespace {

using Clock = std::chrono::steady_clock;

// Calls back when something armed is not disarmed in time.
class Watchdog {
 public:
  Watchdog(Millis limit, std::function<void(std::string)> bite)
      : limit_(limit), bite_(std::move(bite)), thread_([this] { Run(); }) {}
  ~Watchdog() {
    {
      const std::lock_guard lock(mutex_);
      ended_ = true;
    }
    changed_.notify_all();
    thread_.join();
  }
  Watchdog(const Watchdog&) = delete;
  Watchdog& operator=(const Watchdog&) = delete;

  // What is being done, or null for nothing; the deadline begins with the first of a row.
  void Watch(const char* what) {
    const std::lock_guard lock(mutex_);
    if (what_ == nullptr && what != nullptr) {
      deadline_ = Clock::now() + limit_;
      changed_.notify_all();
    }
    what_ = what;
  }

 private:
  void Run() {
    std::unique_lock lock(mutex_);
    while (!ended_) {
      if (what_ == nullptr || bitten_) {
        changed_.wait(lock);
      } else if (Clock::now() < deadline_) {
        changed_.wait_until(lock, deadline_);
      } else {
        bitten_ = true;
        const std::string message =
            fmt::format("Kafka: {} has not returned after {} ms", what_, limit_.count());
        lock.unlock();
        bite_(message);
        lock.lock();
      }
    }
  }

  const Millis limit_;
  const std::function<void(std::string)> bite_;
  std::mutex mutex_;
  std::condition_variable changed_;
  // Guarded by mutex_.
  const char* what_ = nullptr;
  Clock::time_point deadline_;
  bool bitten_ = false;
  bool ended_ = false;
  std::thread thread_;  // last: it uses all of the above
};

// librdkafka's classes of errors in transactions.
enum class ErrorClass : uint8_t { kRetriable, kAbortable, kFatal };

struct TransactionError {
  ErrorClass error_class = ErrorClass::kFatal;
  std::string message;
};

std::optional<TransactionError> Taken(rd_kafka_error_t* error, const char* what) {
  if (error == nullptr) {
    return std::nullopt;
  }
  TransactionError taken;
  if (rd_kafka_error_is_fatal(error) != 0) {
    taken.error_class = ErrorClass::kFatal;
  } else if (rd_kafka_error_txn_requires_abort(error) != 0) {
    taken.error_class = ErrorClass::kAbortable;
  } else if (rd_kafka_error_is_retriable(error) != 0) {
    taken.error_class = ErrorClass::kRetriable;
  }
  taken.message = fmt::format("Kafka: {}: {} ({})", what, rd_kafka_error_string(error),
                              rd_kafka_error_name(error));
  rd_kafka_error_destroy(error);
  return taken;
}

struct ListDeleter {
  void operator()(rd_kafka_topic_partition_list_t* list) const {
    rd_kafka_topic_partition_list_destroy(list);
  }
};
using PartitionList = std::unique_ptr<rd_kafka_topic_partition_list_t, ListDeleter>;

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
  // Ends the transaction with nothing written; what `error` becomes then.
  absl::Status Abort(absl::Status error);
  absl::Status Lost(const std::string& message);

  void Log(const KafkaLog& log) override {
    if (options_.log) {
      options_.log(log);
    }
  }
  void Error(int code, std::string_view reason, bool fatal) override {
    const auto error = static_cast<rd_kafka_resp_err_t>(code);
    Log({fatal ? 2 : 4, rd_kafka_err2name(error), std::string(reason)});
  }

  const KafkaSinkOptions options_;
  rd_kafka_t* client_ = nullptr;
  std::unique_ptr<Watchdog> watchdog_;
  absl::Status lost_;  // not OK: the outcome of a transaction is unknown
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
    auto error = Taken(call(), what);
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
      {"client.id", "rootnote"}, {"linger.ms", "5"}, {"transaction.timeout.ms", "15000"}};
  const std::vector<std::string> features = KafkaLibraryFeatures();
  if (std::binary_search(features.begin(), features.end(), "lz4") &&
      !options_.properties.contains("compression.type")) {
    properties.defaults.emplace_back("compression.codec", "lz4");
  }
  ASSIGN_OR_RETURN(Conf conf, MakeConf(properties, *this));
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
  const absl::Status status = error ? absl::UnavailableError(error->message) : Transact(Commit());
  watchdog_->Watch(nullptr);
  return status;
}

absl::Status TransactionalSink::Lost(const std::string& message) {
  lost_ = absl::UnavailableError(
      fmt::format("{}: the outcome is unknown; restart from the committed offsets", message));
  return lost_;
}

absl::Status TransactionalSink::Begin(Clock::time_point deadline) {
  const auto error =
      Try("begin_transaction", deadline, [this] { return rd_kafka_begin_transaction(client_); });
  return error ? Lost(error->message) : absl::OkStatus();
}

absl::Status TransactionalSink::Produce(const Commit& commit, Clock::time_point deadline) {
  watchdog_->Watch("produce");
  for (const OutputRecord& record : commit.records) {
    absl::Status status = ProduceCopy(client_, record, -1);
    while (absl::IsResourceExhausted(status) && Clock::now() < deadline) {
      rd_kafka_poll(client_, 10);
      status = ProduceCopy(client_, record, -1);
    }
    RETURN_IF_ERROR(status);
  }
  return absl::OkStatus();
}

absl::Status TransactionalSink::SendOffsets(const Commit& commit, Clock::time_point deadline) {
  if (commit.offsets.empty() || options_.group == nullptr) {
    return absl::OkStatus();
  }
  auto* metadata = static_cast<rd_kafka_consumer_group_metadata_t*>(options_.group->Metadata());
  if (metadata == nullptr) {
    return absl::FailedPreconditionError("Kafka: the consumer whose offsets these are is closed");
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
  return error->error_class == ErrorClass::kFatal ? Lost(error->message)
                                                  : absl::AbortedError(error->message);
}

absl::Status TransactionalSink::EndTransaction(Clock::time_point deadline) {
  const auto error = Try("commit_transaction", deadline, [&] {
    return rd_kafka_commit_transaction(client_, MillisLeft(deadline));
  });
  if (!error) {
    return absl::OkStatus();
  }
  // A retriable error here is a time-out: the coordinator may have committed.
  return error->error_class == ErrorClass::kAbortable ? absl::AbortedError(error->message)
                                                      : Lost(error->message);
}

absl::Status TransactionalSink::Abort(absl::Status error) {
  const auto deadline = Clock::now() + options_.timeout;
  const auto failed = Try("abort_transaction", deadline, [&] {
    return rd_kafka_abort_transaction(client_, MillisLeft(deadline));
  });
  if (failed) {
    return Lost(failed->message);
  }
  return absl::IsInvalidArgument(error) ? error : absl::AbortedError(error.message());
}

absl::Status TransactionalSink::Transact(const Commit& commit) {
  const auto deadline = Clock::now() + options_.timeout;
  RETURN_IF_ERROR(Begin(deadline));
  absl::Status status = Produce(commit, deadline);
  if (status.ok()) {
    status = SendOffsets(commit, deadline);
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
  const absl::Status status = Transact(commit);
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
