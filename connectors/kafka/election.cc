#include "connectors/kafka/election.h"

#include <array>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdlib>
#include <mutex>
#include <optional>
#include <set>
#include <thread>
#include <utility>

#include "fmt/format.h"
#include "librdkafka/rdkafka.h"

#include "connectors/kafka/client.h"
#include "connectors/kafka/partition_list.h"

namespace rootnote {
namespace {

using Clock = std::chrono::steady_clock;

constexpr int kWaitMs = 100;
constexpr Millis kLeave{3'000};
constexpr size_t kLoggedMax = 64;

class GroupElection : public KafkaElection, private ClientEvents {
 public:
  explicit GroupElection(KafkaElectionOptions options) : options_(std::move(options)) {}
  ~GroupElection() override { Close(); }

  absl::Status Join();

  bool holds() const override;
  absl::Status WaitFor(bool holding, Millis timeout) override;
  void OnLost(std::function<void()> lost) override;
  uint64_t rebalances() const override { return rebalances_; }
  void* Metadata() const override;
  void Close() override;

 private:
  void Log(const KafkaLog& log) override;
  void Error(int code, std::string_view reason, bool fatal) override;

  void Run();
  void Serve(int timeout_ms);
  void Note(int32_t code, std::string text);
  void LookAtClock();
  // Leaves the group, so that nobody waits for the session's end.
  void Leave();
  absl::Status Subscribe();
  void Rebalance(int32_t code, rd_kafka_topic_partition_list_s* partitions);
  void Hold(bool holding, const std::string& why);
  void TellLost();
  void Expel(const std::string& why);
  Clock::duration Now() const { return Clock::now().time_since_epoch(); }

  // Set once.
  const KafkaElectionOptions options_;
  Millis session_{10'000};

  mutable std::mutex client_mutex_;  // guards the pointer against Metadata while closing
  rd_kafka_s* client_ = nullptr;

  // The thread's own.
  std::set<std::string> logged_;
  std::optional<Clock::duration> undecided_;  // since the group began to share out anew
  bool has_share_ = false;

  std::atomic<bool> closing_ = false;
  std::atomic<uint64_t> rebalances_ = 0;
  std::atomic<bool> holding_ = false;
  std::atomic<Clock::duration> seen_{};  // when the thread last looked after the membership

  mutable std::mutex mutex_;
  std::condition_variable changed_;
  // Guarded by mutex_.
  absl::Status expelled_;  // not OK: for good
  std::string trouble_;    // since we were last in the group

  std::mutex lost_mutex_;       // held during the call
  std::function<void()> lost_;  // guarded by lost_mutex_

  std::thread thread_;
};

absl::Status GroupElection::Join() {
  if (!options_.properties.contains("group.id")) {
    return absl::InvalidArgumentError("Kafka property group.id: must be given");
  }
  ClientProperties properties;
  properties.given = options_.properties;
  properties.enforced = {{"enable.auto.commit", "false"},
                         {"partition.assignment.strategy", "range"}};
  properties.defaults = {{"session.timeout.ms", "10000"},
                         {"heartbeat.interval.ms", "1000"},
                         {"topic.metadata.refresh.interval.ms", "5000"}};
  // The group gives the partition to the first in the order of member ids, which begin with the
  // client's: so who came first keeps it when others come.
  const auto client_id = properties.given.find("client.id");
  const std::string name = client_id == properties.given.end() ? "rootnote" : client_id->second;
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  properties.given["client.id"] =
      fmt::format("{}-{:013}", name, std::chrono::duration_cast<Millis>(now).count());
  const auto session = properties.given.find("session.timeout.ms");
  if (session != properties.given.end()) {
    session_ = Millis(std::strtoll(session->second.c_str(), nullptr, 10));
  }
  ASSIGN_OR_RETURN(Conf conf, MakeConf(properties, *this));
  rd_kafka_conf_set_rebalance_cb(conf.get(), [](rd_kafka_t* /*client*/, rd_kafka_resp_err_t code,
                                                rd_kafka_topic_partition_list_t* partitions,
                                                void* opaque) {
    static_cast<GroupElection*>(static_cast<ClientEvents*>(opaque))->Rebalance(code, partitions);
  });
  ASSIGN_OR_RETURN(client_, NewClient(false, std::move(conf)));
  rd_kafka_poll_set_consumer(client_);
  RETURN_IF_ERROR(Subscribe());
  seen_ = Now();
  thread_ = std::thread([this] { Run(); });
  return absl::OkStatus();
}

absl::Status GroupElection::Subscribe() {
  const PartitionList list =
      ListOf(std::vector<TopicPartition>{{options_.topic, RD_KAFKA_PARTITION_UA}});
  const auto error = rd_kafka_subscribe(client_, list.get());
  return error == RD_KAFKA_RESP_ERR_NO_ERROR
             ? absl::OkStatus()
             : absl::InvalidArgumentError(
                   fmt::format("Kafka topic {}: {}", options_.topic, rd_kafka_err2str(error)));
}

bool GroupElection::holds() const {
  // After a stop of the whole process (SIGSTOP, a machine that slept) the thread may not have run
  // yet: nothing is known of the group then.
  return holding_ && Now() - seen_.load() < session_;
}

absl::Status GroupElection::WaitFor(bool holding, Millis timeout) {
  std::unique_lock lock(mutex_);
  const bool reached = changed_.wait_for(
      lock, timeout, [&] { return !expelled_.ok() || closing_ || holds() == holding; });
  if (holds() == holding) {
    return absl::OkStatus();
  }
  RETURN_IF_ERROR(expelled_);
  if (reached) {
    return absl::FailedPreconditionError("Kafka: the election is closed");
  }
  return absl::DeadlineExceededError(
      !holding ? std::string("Kafka: the lock is still held")
      : trouble_.empty()
          ? fmt::format("Kafka: another member of group {} is active",
                        options_.properties.at("group.id"))
          : fmt::format("Kafka: group {}: {}", options_.properties.at("group.id"), trouble_));
}

void GroupElection::OnLost(std::function<void()> lost) {
  const std::lock_guard lock(lost_mutex_);
  lost_ = std::move(lost);
}

void* GroupElection::Metadata() const {
  const std::lock_guard lock(client_mutex_);
  return client_ == nullptr ? nullptr : rd_kafka_consumer_group_metadata(client_);
}

void GroupElection::Close() {
  if (thread_.joinable()) {
    {
      const std::lock_guard lock(mutex_);
      closing_ = true;
    }
    changed_.notify_all();
    thread_.join();
  }
  if (client_ != nullptr) {
    rd_kafka_consumer_close(client_);
    const std::lock_guard lock(client_mutex_);
    rd_kafka_destroy(std::exchange(client_, nullptr));
  }
}

void GroupElection::Run() {
  while (!closing_) {
    Serve(kWaitMs);
    LookAtClock();
    if (!holding_) {
      TellLost();
    }
  }
  OnLost(nullptr);
  Leave();
}

void GroupElection::Serve(int timeout_ms) {
  while (rd_kafka_message_t* message = rd_kafka_consumer_poll(client_, timeout_ms)) {
    if (message->err == RD_KAFKA_RESP_ERR__FATAL) {
      std::array<char, 512> reason{};
      const auto code = rd_kafka_fatal_error(client_, reason.data(), reason.size());
      Error(code, reason.data(), true);
    } else if (message->err != RD_KAFKA_RESP_ERR_NO_ERROR) {
      Note(message->err, rd_kafka_message_errstr(message));
    }
    rd_kafka_message_destroy(message);
    timeout_ms = 0;
  }
}

// Why we are not in the group.
void GroupElection::Note(int32_t code, std::string text) {
  const std::string& group = options_.properties.at("group.id");
  if (code == RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED) {
    text = fmt::format("not authorised: needs Read on group {}", group);
  } else if (code == RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED) {
    text = fmt::format("not authorised: needs Describe on topic {}", options_.topic);
  }
  if (logged_.size() < kLoggedMax && logged_.insert(text).second) {
    Log({4, "ELECTION", fmt::format("group {}: {}", group, text)});
  }
  const std::lock_guard lock(mutex_);
  trouble_ = std::move(text);
}

void GroupElection::LookAtClock() {
  const Clock::duration now = Now();
  const Clock::duration before = seen_.exchange(now);
  const bool stopped = now - before >= session_;
  // librdkafka looks at the session itself as long as the group is at rest.
  const bool silent = undecided_ && now - *undecided_ >= session_;
  if (holding_ && (stopped || silent)) {
    Hold(false, stopped ? "the process stood still for longer than the session's time-out"
                        : "the group has not answered for the session's time-out");
    if (stopped && has_share_) {
      // The group may have given the lock away: ask anew.
      has_share_ = false;
      rd_kafka_unsubscribe(client_);
      Subscribe().IgnoreError();
    }
  }
}

void GroupElection::Leave() {
  Hold(false, "leaving the group");
  // librdkafka lets static members leave only like this.
  if (rd_kafka_unsubscribe(client_) != RD_KAFKA_RESP_ERR_NO_ERROR) {
    return;
  }
  const auto deadline = Clock::now() + kLeave;
  while (has_share_ && Clock::now() < deadline) {
    Serve(10);
  }
}

void GroupElection::Rebalance(int32_t code, rd_kafka_topic_partition_list_s* partitions) {
  if (code == RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS) {
    ++rebalances_;
    undecided_.reset();
    has_share_ = true;
    logged_.clear();
    {
      const std::lock_guard lock(mutex_);
      trouble_.clear();
    }
    bool lock = false;
    for (int i = 0; i < partitions->cnt; ++i) {
      lock = lock || (IdOf(partitions->elems[i]) == TopicPartition{options_.topic, 0});
    }
    // The partition is never read.
    const PartitionList none = ListOf(std::vector<TopicPartition>());
    rd_kafka_assign(client_, none.get());
    Hold(lock, lock ? "the group has given us the lock" : "the group has given it to another");
    return;
  }
  const bool lost = rd_kafka_assignment_lost(client_) != 0;
  rd_kafka_assign(client_, nullptr);
  has_share_ = false;
  if (lost || code != RD_KAFKA_RESP_ERR__REVOKE_PARTITIONS) {
    undecided_.reset();
    Hold(false, "the session with the group has ended");
  } else if (!undecided_) {
    // Another has come or gone: until the group has decided the lock is still ours.
    undecided_ = Now();
  }
}

void GroupElection::Hold(bool holding, const std::string& why) {
  if (holding_ == holding) {
    return;
  }
  {
    const std::lock_guard lock(mutex_);
    holding_ = holding;
  }
  Log({5, "ELECTION", fmt::format("{}: {}", holding ? "active" : "not active any more", why)});
  if (!holding) {
    TellLost();
  }
  changed_.notify_all();
}

void GroupElection::TellLost() {
  const std::lock_guard lock(lost_mutex_);
  if (lost_) {
    std::exchange(lost_, nullptr)();
  }
}

void GroupElection::Expel(const std::string& why) {
  {
    const std::lock_guard lock(mutex_);
    expelled_.Update(absl::FailedPreconditionError(why));
  }
  Hold(false, why);
  changed_.notify_all();
}

void GroupElection::Log(const KafkaLog& log) {
  if (options_.log) {
    options_.log(log);
  }
}

void GroupElection::Error(int code, std::string_view reason, bool fatal) {
  const auto error = static_cast<rd_kafka_resp_err_t>(code);
  if (!fatal) {
    Log(LogOf(code, reason, fatal));
    const std::lock_guard lock(mutex_);
    trouble_ = holding_ ? "" : std::string(reason);
    return;
  }
  const auto instance = options_.properties.find("group.instance.id");
  Expel(error == RD_KAFKA_RESP_ERR_FENCED_INSTANCE_ID && instance != options_.properties.end()
            ? fmt::format("Kafka: thrown out of group {}: another member has joined as instance "
                          "{}; give each member its own",
                          options_.properties.at("group.id"), instance->second)
            : fmt::format("Kafka: thrown out of group {}: {}: {}",
                          options_.properties.at("group.id"), rd_kafka_err2name(error), reason));
}

}  // namespace

absl::StatusOr<std::unique_ptr<KafkaElection>> JoinElection(KafkaElectionOptions options) {
  auto election = std::make_unique<GroupElection>(std::move(options));
  RETURN_IF_ERROR(election->Join());
  return election;
}

}  // namespace rootnote
