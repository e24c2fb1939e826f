#include "connectors/kafka/consumer.h"

#include <algorithm>
#include <chrono>

#include "fmt/format.h"
#include "librdkafka/rdkafka.h"

#include "connectors/kafka/partition_list.h"
#include "connectors/kafka/positions.h"
#include "connectors/kafka/statistics.h"
#include "connectors/kafka/watchdog.h"

namespace rootnote {
namespace {

constexpr int kWaitMs = 50;
constexpr size_t kFlushRecords = 512;
constexpr size_t kLoggedMax = 256;
constexpr std::chrono::seconds kSilentMax{10};
constexpr std::chrono::seconds kFreshMax{3};

ClientProperties PropertiesOf(const KafkaSourceOptions& options) {
  ClientProperties properties;
  properties.given = options.properties;
  properties.given.erase("group.instance.id");  // the election's; two clients must not share it
  // What makes exactly-once true is not for choice. Only the sink commits offsets, and only we
  // decide where to go on when an offset is out of range.
  properties.enforced = {{"enable.auto.commit", "false"},  {"enable.auto.offset.store", "false"},
                         {"enable.partition.eof", "true"}, {"isolation.level", "read_committed"},
                         {"auto.offset.reset", "error"},   {"check.crcs", "true"}};
  const size_t prefetch = std::clamp<size_t>(options.queue_bytes_max / 4096, 1024, 65536);
  properties.defaults = {{"client.id", "rootnote"},
                         {"group.id", "rootnote"},  // never joined
                         {"fetch.wait.max.ms", "100"},
                         {"fetch.error.backoff.ms", "100"},
                         {"queued.max.messages.kbytes", std::to_string(prefetch)},
                         {"statistics.interval.ms", "1000"},
                         {"topic.metadata.refresh.interval.ms", "10000"}};
  return properties;
}

// librdkafka 2.0.2 loses a reference when a topic goes and comes back: rd_kafka_destroy would wait
// for a broker's thread for ever. Its threads live on, idle and without a word.
void Abandon(rd_kafka_t* client) {
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wdeprecated-declarations"
  rd_kafka_set_logger(client, nullptr);
#pragma GCC diagnostic pop
}

}  // namespace

KafkaConsumer::KafkaConsumer(const KafkaSourceOptions& options, PartitionQueues& queues)
    : options_(options), queues_(queues) {}

KafkaConsumer::~KafkaConsumer() { Close(); }

absl::Status KafkaConsumer::Open() {
  ASSIGN_OR_RETURN(Conf conf, MakeConf(PropertiesOf(options_), *this));
  ASSIGN_OR_RETURN(client_, NewClient(false, std::move(conf)));
  rd_kafka_poll_set_consumer(client_);
  records_ = rd_kafka_queue_new(client_);
  const auto wake = [this] { rd_kafka_queue_yield(records_); };
  queues_.SetWake(wake);
  scout_ = std::make_unique<PartitionScout>(
      client_, options_,
      PartitionScout::Listener{
          wake, [this](const TopicPartition& id, int64_t end) { queues_.End(id, end); }});
  RETURN_IF_ERROR(scout_->Start());
  thread_ = std::thread([this] { Run(); });
  return absl::OkStatus();
}

void KafkaConsumer::Close() {
  if (client_ == nullptr) {
    return;
  }
  std::optional<Watchdog> watchdog;
  if (options_.fatal) {
    watchdog.emplace(options_.watchdog, options_.fatal);
    watchdog->Watch("closing the consumer");
  }
  closing_ = true;
  if (thread_.joinable()) {
    rd_kafka_queue_yield(records_);
    thread_.join();
  }
  scout_.reset();
  queues_.SetWake(nullptr);
  rd_kafka_consumer_close(client_);
  rd_kafka_queue_destroy(records_);
  if (made_anew().empty()) {
    rd_kafka_destroy(client_);
  } else {
    Abandon(client_);
  }
  client_ = nullptr;
}

void KafkaConsumer::Run() {
  while (!closing_) {
    TakeReport();
    ServeEvents(fetched_.empty() ? kWaitMs : 0);
    if (!fetched_.empty()) {
      rd_kafka_consume_callback_queue(records_, kWaitMs, OnMessage, this);
      Flush();
      ReleaseDrained();
    }
  }
}

// Errors of the client come here as messages; the callback consumer knows only records.
void KafkaConsumer::ServeEvents(int timeout_ms) {
  while (rd_kafka_message_t* message = rd_kafka_consumer_poll(client_, timeout_ms)) {
    OnMessage(message, this);
    rd_kafka_message_destroy(message);
    timeout_ms = 0;
  }
  Flush();
}

void KafkaConsumer::TakeReport() {
  PartitionScout::Report report = scout_->Take();
  for (const std::string& topic : report.gone) {
    Suspend(topic);
  }
  Remove(report.removed);
  std::vector<PartitionScout::Placement> again = std::exchange(waiting_, {});
  std::vector<PartitionScout::Placement> added;
  for (PartitionScout::Placement& placement : report.placed) {
    const bool is_new = placement.cause == PartitionScout::Cause::kNew;
    (is_new ? added : again).push_back(std::move(placement));
  }
  if (!added.empty()) {
    Begin(added);
  }
  for (PartitionScout::Placement& placement : again) {
    const auto found = fetched_.find(placement.partition);
    if (found != fetched_.end() && found->second.held) {
      waiting_.push_back(std::move(placement));
    } else if (found != fetched_.end()) {
      GoOn(placement);
    }
  }
}

void KafkaConsumer::Begin(const std::vector<PartitionScout::Placement>& added) {
  std::vector<PartitionNotice> notices;
  std::map<TopicPartition, int64_t> offsets;
  for (const PartitionScout::Placement& placement : added) {
    using Type = PartitionNotice::Type;
    const int64_t end = placement.log.end;
    notices.push_back({Type::kAssigned, placement.partition, placement.offset, end});
    offsets[placement.partition] = placement.offset;
  }
  queues_.Assign(std::move(notices));
  for (const PartitionScout::Placement& placement : added) {
    if (placement.skipped) {
      queues_.Skipped(placement.partition, placement.offset, placement.log.end);
    }
  }
  Assign(offsets);
}

// With a partition that has been read before.
void KafkaConsumer::GoOn(const PartitionScout::Placement& placement) {
  Fetched& partition = fetched_.at(placement.partition);
  const bool out_of_range = placement.cause == PartitionScout::Cause::kOutOfRange;
  const Position position = NextPosition(partition.next, placement.log, out_of_range);
  if (placement.anew || (position.skipped && position.offset < partition.next)) {
    GiveUp(partition.id.topic);
    return;
  }
  if (position.skipped && position.offset != partition.next) {
    Log({4, "ROOTNOTE",
         fmt::format("{} [{}]: records are gone that were not read yet: {} was next, its log is {} "
                     "to {}: going on at {}",
                     partition.id.topic, partition.id.partition, partition.next,
                     placement.log.begin, placement.log.end, position.offset)});
    queues_.Skipped(partition.id, position.offset, placement.log.end);
  }
  Unassign({partition.id});
  Assign({{partition.id, position.offset}});
}

// Its leader's epochs begin anew, and librdkafka takes what is lower than it knows for old.
void KafkaConsumer::GiveUp(const std::string& topic) {
  {
    const std::lock_guard lock(anew_mutex_);
    if (!made_anew_.insert(topic).second) {
      return;
    }
  }
  queues_.Fail(absl::UnavailableError(
      fmt::format("topic {} was deleted and made anew: reading it from its beginning", topic)));
}

std::vector<std::string> KafkaConsumer::made_anew() const {
  const std::lock_guard lock(anew_mutex_);
  return {made_anew_.begin(), made_anew_.end()};
}

void KafkaConsumer::Suspend(const std::string& topic) {
  Flush();
  for (auto& [id, partition] : fetched_) {
    if (id.topic == topic) {
      MarkUnreachable(partition);
    }
  }
}

void KafkaConsumer::Remove(const std::vector<TopicPartition>& partitions) {
  std::vector<PartitionNotice> notices;
  Unassign(partitions);
  for (const TopicPartition& id : partitions) {
    const auto found = fetched_.find(id);
    if (found != fetched_.end()) {
      notices.push_back({PartitionNotice::Type::kRevoked, id, found->second.next, -1});
      fetched_.erase(found);
    }
  }
  if (!notices.empty()) {
    queues_.Revoke(std::move(notices));
  }
}

void KafkaConsumer::Assign(const std::map<TopicPartition, int64_t>& offsets) {
  std::vector<CommitOffset> list;
  for (const auto& [id, offset] : offsets) {
    Fetched& partition = fetched_[id];
    partition = Fetched();
    partition.id = id;
    partition.next = offset;
    partition.assigned = true;
    rd_kafka_queue_t* queue = rd_kafka_queue_get_partition(client_, id.topic.c_str(), id.partition);
    rd_kafka_queue_forward(queue, records_);
    rd_kafka_queue_destroy(queue);
    list.push_back({id, offset, ""});
  }
  last_topic_ = nullptr;
  last_ = nullptr;
  rd_kafka_error_t* error = rd_kafka_incremental_assign(client_, ListOf(list).get());
  if (error != nullptr) {
    queues_.Fail(absl::InternalError(
        fmt::format("Kafka partitions cannot be assigned: {}", rd_kafka_error_string(error))));
    rd_kafka_error_destroy(error);
  }
}

void KafkaConsumer::Unassign(const std::vector<TopicPartition>& partitions) {
  std::vector<TopicPartition> assigned;
  for (const TopicPartition& id : partitions) {
    const auto found = fetched_.find(id);
    if (found != fetched_.end() && std::exchange(found->second.assigned, false)) {
      assigned.push_back(id);
    }
  }
  if (assigned.empty()) {
    return;
  }
  last_topic_ = nullptr;
  last_ = nullptr;
  rd_kafka_error_t* error = rd_kafka_incremental_unassign(client_, ListOf(assigned).get());
  if (error != nullptr) {
    LogOnce(3, fmt::format("partitions cannot be given up: {}", rd_kafka_error_string(error)));
    rd_kafka_error_destroy(error);
  }
}

void KafkaConsumer::OnMessage(rd_kafka_message_s* message, void* self) {
  auto* consumer = static_cast<KafkaConsumer*>(self);
  if (message->err == RD_KAFKA_RESP_ERR_NO_ERROR) {
    consumer->Take(*message);
  } else {
    consumer->TakeError(*message);
  }
}

KafkaConsumer::Fetched* KafkaConsumer::Find(const rd_kafka_message_s& message) {
  if (message.rkt == nullptr) {
    return nullptr;
  }
  if (last_ == nullptr || last_topic_ != message.rkt || last_->id.partition != message.partition) {
    const auto found =
        fetched_.find({std::string(rd_kafka_topic_name(message.rkt)), message.partition});
    last_ = found == fetched_.end() || !found->second.assigned ? nullptr : &found->second;
    last_topic_ = message.rkt;
  }
  return last_;
}

void KafkaConsumer::Take(const rd_kafka_message_s& message) {
  Fetched* partition = Find(message);
  if (partition == nullptr) {
    return;
  }
  partition->end.reset();
  partition->reachable = true;
  if (message.offset < partition->next) {
    ++repeated_;
    return;
  }
  partition->next = message.offset + 1;
  Stage(*partition, message);
  if (staged_records_ >= kFlushRecords || arena_->used() >= 4 * Arena::kBlockBytes) {
    Flush();
  }
}

void KafkaConsumer::TakeError(const rd_kafka_message_s& message) {
  Fetched* partition = Find(message);
  if (message.err == RD_KAFKA_RESP_ERR__PARTITION_EOF) {
    if (partition != nullptr) {
      TakeEnd(message, *partition);
    }
    return;
  }
  if (message.err == RD_KAFKA_RESP_ERR__FATAL) {
    Error(message.err, rd_kafka_message_errstr(&message), true);
    return;
  }
  if (partition == nullptr) {
    LogOnce(4, fmt::format("consumer: {}", rd_kafka_message_errstr(&message)));
    return;
  }
  Flush();
  MarkUnreachable(*partition);
  if (message.err == RD_KAFKA_RESP_ERR__AUTO_OFFSET_RESET) {
    scout_->LookAgain(partition->id);
    return;
  }
  if (message.err == RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION ||
      message.err == RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC ||
      message.err == RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART) {
    return;  // the scout says which topic is gone
  }
  LogOnce(
      4, fmt::format("{} [{}]: {}", partition->id.topic, message.partition,
                     std::string(TopicError("fetch", partition->id.topic, message.err).message())));
}

void KafkaConsumer::TakeEnd(const rd_kafka_message_s& message, Fetched& partition) {
  Flush();
  if (message.offset < partition.next) {
    scout_->LookAgain(partition.id);
    return;
  }
  partition.end = message.offset;
  partition.reachable = true;
  queues_.AtEnd(partition.id, message.offset);
}

void KafkaConsumer::Stage(Fetched& partition, const rd_kafka_message_s& message) {
  if (arena_ == nullptr) {
    arena_ = std::make_shared<Arena>();
  }
  if (partition.staged == SIZE_MAX) {
    partition.staged = staged_.size();
    const std::string& topic = partition.id.topic;
    staged_.push_back({&partition, arena_->Copy(topic.data(), topic.size()), {}});
  }
  const size_t before = arena_->used();
  Staged& staged = staged_[partition.staged];
  staged.chunk.records.push_back(CopyRecord(message, staged.topic, Now(), *arena_));
  staged.chunk.bytes += arena_->used() - before + sizeof(Record);
  ++staged_records_;
}

void KafkaConsumer::Flush() {
  std::vector<Fetched*> full;
  for (Staged& staged : staged_) {
    staged.partition->staged = SIZE_MAX;
    staged.chunk.owner = arena_;
    if (queues_.Push(staged.partition->id, std::move(staged.chunk))) {
      full.push_back(staged.partition);
    }
  }
  staged_.clear();
  staged_records_ = 0;
  arena_.reset();
  if (!full.empty()) {
    Hold(full);
  }
}

void KafkaConsumer::Hold(const std::vector<Fetched*>& full) {
  std::vector<TopicPartition> ids;
  for (Fetched* partition : full) {
    partition->held = true;
    ids.push_back(partition->id);
  }
  rd_kafka_pause_partitions(client_, ListOf(ids).get());
}

void KafkaConsumer::ReleaseDrained() {
  std::vector<TopicPartition> ids = queues_.TakeDrained();
  // Resuming what is not paused would rewind it.
  std::erase_if(ids, [this](const TopicPartition& id) {
    const auto found = fetched_.find(id);
    return found == fetched_.end() || !std::exchange(found->second.held, false);
  });
  if (!ids.empty()) {
    rd_kafka_resume_partitions(client_, ListOf(ids).get());
  }
}

void KafkaConsumer::MarkUnreachable(Fetched& partition) {
  if (std::exchange(partition.reachable, false)) {
    queues_.Unreachable(partition.id, partition.next);
  }
}

void KafkaConsumer::Log(const KafkaLog& log) {
  if (options_.log) {
    options_.log(log);
  }
}

// For what would come every second: once per text, until there are too many texts.
void KafkaConsumer::LogOnce(int level, const std::string& message) {
  if (logged_.size() < kLoggedMax && logged_.insert(message).second) {
    Log({level, "ROOTNOTE", message});
  }
}

void KafkaConsumer::Error(int code, std::string_view reason, bool fatal) {
  const auto error = static_cast<rd_kafka_resp_err_t>(code);
  Log(LogOf(code, reason, fatal));
  if (fatal) {
    queues_.Fail(absl::FailedPreconditionError(
        fmt::format("Kafka consumer cannot go on: {}: {}", rd_kafka_err2name(error), reason)));
  } else if (error == RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN) {
    for (auto& [id, partition] : fetched_) {
      MarkUnreachable(partition);
    }
  }
}

// librdkafka tells the end of a partition once; that fetches there still succeed shows in the
// statistics only.
void KafkaConsumer::Statistics(std::string_view json) {
  const auto statistics = ReadStatistics(json);
  if (!statistics.ok()) {
    LogOnce(4, std::string(statistics.status().message()));
    return;
  }
  for (auto& [id, partition] : fetched_) {
    const auto found = statistics->find(id);
    if (found == statistics->end() || partition.held || !partition.assigned) {
      continue;
    }
    const FetchHealth& health = found->second;
    if (!health.connected || health.silent > kSilentMax) {
      MarkUnreachable(partition);
    } else if (health.fetching && health.silent.count() >= 0 && health.silent < kFreshMax) {
      partition.reachable = true;
      if (partition.end) {
        queues_.AtEnd(id, *partition.end);
      }
    }
  }
}

EventTime KafkaConsumer::Now() const {
  return options_.now ? options_.now()
                      : std::chrono::time_point_cast<Millis>(std::chrono::system_clock::now());
}

}  // namespace rootnote
