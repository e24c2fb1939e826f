#include "connectors/kafka/consumer.h"

#include <algorithm>
#include <chrono>
#include <cstring>

#include "fmt/format.h"
#include "librdkafka/rdkafka.h"

#include "connectors/kafka/statistics.h"

namespace rootnote {
namespace {

constexpr int kRequestTimeoutMs = 2'000;
constexpr int kWaitMs = 50;
constexpr size_t kFlushRecords = 512;
constexpr size_t kArenaBytes = 256U << 10;
constexpr size_t kLoggedMax = 256;
constexpr std::chrono::seconds kSilentMax{10};
constexpr std::chrono::seconds kFreshMax{3};

struct ListDeleter {
  void operator()(rd_kafka_topic_partition_list_t* list) const {
    rd_kafka_topic_partition_list_destroy(list);
  }
};
using PartitionList = std::unique_ptr<rd_kafka_topic_partition_list_t, ListDeleter>;

PartitionList NewList(size_t size = 1) {
  return PartitionList(rd_kafka_topic_partition_list_new(static_cast<int>(size)));
}

PartitionList ListOf(const std::vector<TopicPartition>& partitions) {
  PartitionList list = NewList(partitions.size());
  for (const TopicPartition& partition : partitions) {
    rd_kafka_topic_partition_list_add(list.get(), partition.topic.c_str(), partition.partition);
  }
  return list;
}

TopicPartition IdOf(const rd_kafka_topic_partition_t& element) {
  return {element.topic, element.partition};
}

// Runs `action` on each element.
template <typename Action>
void ForEach(rd_kafka_topic_partition_list_t* list, Action action) {
  for (int i = 0; i < list->cnt; ++i) {
    action(list->elems[i]);
  }
}

ClientProperties PropertiesOf(Membership membership, const KafkaSourceOptions& options) {
  ClientProperties properties;
  properties.given = options.properties;
  // What makes exactly-once true is not for choice. Only the source's sink commits offsets.
  properties.enforced = {
      {"enable.auto.commit", "false"},  {"enable.auto.offset.store", "false"},
      {"enable.partition.eof", "true"}, {"isolation.level", "read_committed"},
      {"check.crcs", "true"},           {"partition.assignment.strategy", "range"}};
  const size_t prefetch = std::clamp<size_t>(options.queue_bytes_max / 4096, 1024, 65536);
  properties.defaults = {{"client.id", "rootnote"},
                         {"auto.offset.reset", "earliest"},
                         {"fetch.wait.max.ms", "100"},
                         {"fetch.error.backoff.ms", "100"},
                         {"queued.max.messages.kbytes", std::to_string(prefetch)},
                         {"session.timeout.ms", "15000"},
                         {"statistics.interval.ms", "1000"},
                         {"topic.metadata.refresh.interval.ms", "10000"}};
  if (membership == Membership::kAssigned) {
    properties.given.erase("group.instance.id");               // two clients must not share it
    properties.defaults.emplace_back("group.id", "rootnote");  // never joined
  }
  return properties;
}

}  // namespace

// Bytes of records that were copied out of librdkafka: its messages are only valid in the callback.
class KafkaConsumer::Arena {
 public:
  std::string_view Copy(const void* bytes, size_t size) {
    if (size > left_) {
      const size_t block = std::max(size, kArenaBytes);
      blocks_.emplace_back(new char[block]);
      at_ = blocks_.back().get();
      left_ = block;
    }
    char* to = at_;
    if (size > 0) {
      std::memcpy(to, bytes, size);
    }
    at_ += size;
    left_ -= size;
    used_ += size;
    return {to, size};
  }
  size_t used() const { return used_; }

 private:
  std::vector<std::unique_ptr<char[]>> blocks_;
  char* at_ = nullptr;
  size_t left_ = 0;
  size_t used_ = 0;
};

KafkaConsumer::KafkaConsumer(Membership membership, size_t fetcher,
                             const KafkaSourceOptions& options, PartitionQueues& queues)
    : membership_(membership), fetcher_(fetcher), options_(options), queues_(queues) {}

KafkaConsumer::~KafkaConsumer() { Close(); }

absl::Status KafkaConsumer::Open() {
  if (membership_ == Membership::kGroup && !options_.properties.contains("group.id")) {
    return absl::InvalidArgumentError("Kafka property group.id: must be given");
  }
  ASSIGN_OR_RETURN(Conf conf, MakeConf(PropertiesOf(membership_, options_), *this));
  if (membership_ == Membership::kGroup) {
    rd_kafka_conf_set_rebalance_cb(
        conf.get(), [](rd_kafka_t* client, rd_kafka_resp_err_t code,
                       rd_kafka_topic_partition_list_t* partitions,
                       void* opaque) { OnRebalance(client, code, partitions, opaque); });
  }
  ASSIGN_OR_RETURN(client_, NewClient(false, std::move(conf)));
  rd_kafka_poll_set_consumer(client_);
  records_ = rd_kafka_queue_new(client_);
  queues_.SetWake(fetcher_, [this] { rd_kafka_queue_yield(records_); });
  if (membership_ == Membership::kGroup) {
    RETURN_IF_ERROR(Subscribe());
  }
  thread_ = std::thread([this] { Run(); });
  return absl::OkStatus();
}

absl::Status KafkaConsumer::Subscribe() {
  PartitionList list = NewList(options_.topics.size());
  for (const std::string& topic : options_.topics) {
    rd_kafka_topic_partition_list_add(list.get(), topic.c_str(), RD_KAFKA_PARTITION_UA);
  }
  const auto error = rd_kafka_subscribe(client_, list.get());
  return error == RD_KAFKA_RESP_ERR_NO_ERROR
             ? absl::OkStatus()
             : absl::InvalidArgumentError(
                   fmt::format("Kafka topics: {}: must be names, or patterns that begin with ^",
                               rd_kafka_err2str(error)));
}

void KafkaConsumer::Close() {
  if (client_ == nullptr) {
    return;
  }
  closing_ = true;
  if (thread_.joinable()) {
    rd_kafka_queue_yield(records_);
    thread_.join();
  }
  queues_.SetWake(fetcher_, nullptr);
  // Calls Rebalance here, on this thread, now that the other one has ended.
  rd_kafka_consumer_close(client_);
  rd_kafka_queue_destroy(records_);
  const std::lock_guard lock(client_mutex_);
  rd_kafka_destroy(std::exchange(client_, nullptr));
}

void* KafkaConsumer::GroupMetadata() const {
  const std::lock_guard lock(client_mutex_);
  return client_ == nullptr ? nullptr : rd_kafka_consumer_group_metadata(client_);
}

void KafkaConsumer::Run() {
  while (!closing_) {
    if (membership_ == Membership::kAssigned) {
      Discover();
    }
    ServeEvents(fetched_.empty() ? kWaitMs : 0);
    if (!fetched_.empty()) {
      rd_kafka_consume_callback_queue(records_, kWaitMs, OnMessage, this);
      Flush();
      ReleaseDrained();
    }
  }
}

// Rebalances, errors, statistics: their callbacks run in here. Records have a queue of their own,
// because the callback consumer knows only records.
void KafkaConsumer::ServeEvents(int timeout_ms) {
  while (rd_kafka_message_t* message = rd_kafka_consumer_poll(client_, timeout_ms)) {
    OnMessage(message, this);
    rd_kafka_message_destroy(message);
    timeout_ms = 0;
  }
  Flush();
}

// Assigned topics: all of their partitions, also those that come later.
void KafkaConsumer::Discover() {
  const auto now = std::chrono::steady_clock::now();
  if (now < next_discovery_) {
    return;
  }
  PartitionList all = NewList(options_.assigned.size());
  bool complete = true;
  for (const std::string& topic : options_.assigned) {
    complete = DiscoverTopic(topic, all.get()) && complete;
  }
  next_discovery_ = std::chrono::steady_clock::now() + std::chrono::seconds(complete ? 30 : 1);
  PartitionList added = NewList();
  ForEach(all.get(), [&](const rd_kafka_topic_partition_t& element) {
    if (!fetched_.contains(IdOf(element))) {
      rd_kafka_topic_partition_list_add(added.get(), element.topic, element.partition);
    }
  });
  std::vector<PartitionNotice> notices;
  if (added->cnt > 0 && FindPositions(added.get(), notices)) {
    StartFetching(added.get(), std::move(notices));
  }
}

bool KafkaConsumer::DiscoverTopic(const std::string& topic, rd_kafka_topic_partition_list_s* all) {
  rd_kafka_topic_t* handle = rd_kafka_topic_new(client_, topic.c_str(), nullptr);
  if (handle == nullptr) {
    LogOnce(3, fmt::format("topic {}: {}", topic, rd_kafka_err2str(rd_kafka_last_error())));
    return false;
  }
  const struct rd_kafka_metadata* metadata = nullptr;
  auto error = rd_kafka_metadata(client_, 0, handle, &metadata, kRequestTimeoutMs);
  int partitions = 0;
  if (error == RD_KAFKA_RESP_ERR_NO_ERROR) {
    if (metadata->topic_cnt > 0) {
      error = metadata->topics[0].err;
      partitions = metadata->topics[0].partition_cnt;
    }
    rd_kafka_metadata_destroy(metadata);
  }
  rd_kafka_topic_destroy(handle);
  for (int i = 0; i < partitions; ++i) {
    rd_kafka_topic_partition_list_add(all, topic.c_str(), i);
  }
  if (partitions == 0 && !closing_) {
    LogOnce(4, fmt::format("topic {} is waited for: {}", topic, rd_kafka_err2str(error)));
  }
  return partitions > 0;
}

int32_t KafkaConsumer::FindPositionsOnce(rd_kafka_topic_partition_list_s* partitions,
                                         std::vector<PartitionNotice>& notices) {
  notices.clear();
  if (membership_ == Membership::kGroup) {
    const auto error = rd_kafka_committed(client_, partitions, kRequestTimeoutMs);
    if (error != RD_KAFKA_RESP_ERR_NO_ERROR) {
      return error;
    }
  }
  PartitionList times(rd_kafka_topic_partition_list_copy(partitions));
  if (membership_ == Membership::kGroup && options_.from_time) {
    ForEach(times.get(), [this](rd_kafka_topic_partition_t& element) {
      element.offset = ToMillis(*options_.from_time);
    });
    const auto error = rd_kafka_offsets_for_times(client_, times.get(), kRequestTimeoutMs);
    if (error != RD_KAFKA_RESP_ERR_NO_ERROR) {
      return error;
    }
  }
  for (int i = 0; i < partitions->cnt; ++i) {
    rd_kafka_topic_partition_t& element = partitions->elems[i];
    int64_t begin = 0;
    int64_t end = 0;
    const auto error = rd_kafka_query_watermark_offsets(client_, element.topic, element.partition,
                                                        &begin, &end, kRequestTimeoutMs);
    if (error != RD_KAFKA_RESP_ERR_NO_ERROR) {
      return error;
    }
    if (membership_ == Membership::kAssigned) {
      element.offset = begin;
    } else if (element.offset < 0) {
      const int64_t timed = times->elems[i].offset;
      const int64_t untimed = options_.from_beginning ? begin : end;
      element.offset = !options_.from_time ? untimed : timed < 0 ? end : timed;
    } else if (element.offset < begin || element.offset > end) {
      Log({4, "OFFSET",
           fmt::format("{} [{}]: the committed offset {} is outside of what is kept, {} to {}: "
                       "going on at {}",
                       element.topic, element.partition, element.offset, begin, end, begin)});
      element.offset = begin;
    }
    notices.push_back({PartitionNotice::Type::kAssigned, IdOf(element), element.offset, end});
  }
  return RD_KAFKA_RESP_ERR_NO_ERROR;
}

bool KafkaConsumer::FindPositions(rd_kafka_topic_partition_list_s* partitions,
                                  std::vector<PartitionNotice>& notices) {
  while (!closing_) {
    ForEach(partitions,
            [](rd_kafka_topic_partition_t& element) { element.offset = RD_KAFKA_OFFSET_INVALID; });
    const auto error = static_cast<rd_kafka_resp_err_t>(FindPositionsOnce(partitions, notices));
    if (error == RD_KAFKA_RESP_ERR_NO_ERROR) {
      return true;
    }
    LogOnce(4, fmt::format("offsets of the assigned partitions: {}: trying again",
                           rd_kafka_err2str(error)));
    // Most of these errors have waited for their time-out already; the others must not spin.
    rd_kafka_consume_callback_queue(records_, kWaitMs, OnMessage, this);
  }
  return false;
}

void KafkaConsumer::OnRebalance(rd_kafka_s* /*client*/, int32_t code,
                                rd_kafka_topic_partition_list_s* partitions, void* self) {
  static_cast<KafkaConsumer*>(static_cast<ClientEvents*>(self))->Rebalance(code, partitions);
}

void KafkaConsumer::Rebalance(int32_t code, rd_kafka_topic_partition_list_s* partitions) {
  Flush();
  if (code == RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS) {
    std::vector<PartitionNotice> notices;
    if (FindPositions(partitions, notices)) {
      StartFetching(partitions, std::move(notices));
      return;
    }
  } else if (code != RD_KAFKA_RESP_ERR__REVOKE_PARTITIONS) {
    Log({3, "REBALANCE", rd_kafka_err2str(static_cast<rd_kafka_resp_err_t>(code))});
  }
  StopFetching(partitions);
}

void KafkaConsumer::StartFetching(rd_kafka_topic_partition_list_s* partitions,
                                  std::vector<PartitionNotice> notices) {
  ForEach(partitions, [this](const rd_kafka_topic_partition_t& element) {
    Fetched& partition = fetched_[IdOf(element)];
    partition = Fetched();
    partition.id = IdOf(element);
    partition.next = element.offset;
    rd_kafka_queue_t* queue =
        rd_kafka_queue_get_partition(client_, element.topic, element.partition);
    rd_kafka_queue_forward(queue, records_);
    rd_kafka_queue_destroy(queue);
  });
  queues_.Assign(fetcher_, std::move(notices));
  if (membership_ == Membership::kGroup) {
    rd_kafka_assign(client_, partitions);
    return;
  }
  rd_kafka_error_t* error = rd_kafka_incremental_assign(client_, partitions);
  if (error != nullptr) {
    queues_.Fail(absl::InternalError(
        fmt::format("Kafka topics cannot be assigned: {}", rd_kafka_error_string(error))));
    rd_kafka_error_destroy(error);
  }
}

void KafkaConsumer::StopFetching(rd_kafka_topic_partition_list_s* partitions) {
  std::vector<PartitionNotice> notices;
  std::vector<TopicPartition> held;
  ForEach(partitions, [&](const rd_kafka_topic_partition_t& element) {
    const auto found = fetched_.find(IdOf(element));
    if (found != fetched_.end()) {
      notices.push_back({PartitionNotice::Type::kRevoked, found->first, found->second.next, -1});
      if (found->second.held) {
        held.push_back(found->first);
      }
      fetched_.erase(found);
    }
  });
  last_topic_ = nullptr;
  last_ = nullptr;
  if (!held.empty()) {
    // A partition must not come back to us still paused.
    rd_kafka_resume_partitions(client_, ListOf(held).get());
  }
  rd_kafka_assign(client_, nullptr);
  queues_.Revoke(std::move(notices));
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
    last_ = found == fetched_.end() ? nullptr : &found->second;
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
  if (staged_records_ >= kFlushRecords || arena_->used() >= 4 * kArenaBytes) {
    Flush();
  }
}

void KafkaConsumer::TakeError(const rd_kafka_message_s& message) {
  Fetched* partition = Find(message);
  if (message.err == RD_KAFKA_RESP_ERR__PARTITION_EOF) {
    if (partition != nullptr) {
      Flush();
      if (message.offset < partition->next) {
        LogOnce(3,
                fmt::format("{} [{}] ends at {}, but {} has been read: it was made again; what it "
                            "holds is read after a restart",
                            partition->id.topic, partition->id.partition, message.offset,
                            partition->next - 1));
      }
      partition->end = message.offset;
      partition->reachable = true;
      queues_.AtEnd(partition->id, message.offset);
    }
    return;
  }
  const char* reason = rd_kafka_message_errstr(&message);
  LogOnce(4, fmt::format("{} [{}]: {}",
                         message.rkt == nullptr ? "consumer" : rd_kafka_topic_name(message.rkt),
                         message.partition, reason));
  if (partition != nullptr) {
    Flush();
    MarkUnreachable(*partition);
  }
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
  Record record;
  record.topic = staged_[partition.staged].topic;
  record.partition = message.partition;
  record.offset = message.offset;
  if (message.key != nullptr) {
    record.key = arena_->Copy(message.key, message.key_len);
  }
  if (message.payload != nullptr) {
    record.value = arena_->Copy(message.payload, message.len);
  }
  rd_kafka_headers_t* headers = nullptr;
  if (rd_kafka_message_headers(&message, &headers) == RD_KAFKA_RESP_ERR_NO_ERROR) {
    const char* name = nullptr;
    const void* value = nullptr;
    size_t size = 0;
    for (size_t i = 0;
         rd_kafka_header_get_all(headers, i, &name, &value, &size) == RD_KAFKA_RESP_ERR_NO_ERROR;
         ++i) {
      HeaderView header{arena_->Copy(name, std::strlen(name)), std::nullopt};
      if (value != nullptr) {
        header.value = arena_->Copy(value, size);
      }
      record.headers.push_back(header);
    }
  }
  rd_kafka_timestamp_type_t type = RD_KAFKA_TIMESTAMP_NOT_AVAILABLE;
  const int64_t time = rd_kafka_message_timestamp(&message, &type);
  if (type != RD_KAFKA_TIMESTAMP_NOT_AVAILABLE && time >= 0) {
    record.record_time = FromMillis(time);
  }
  record.receive_time = type == RD_KAFKA_TIMESTAMP_LOG_APPEND_TIME
                            ? FromMillis(time)
                            : std::min(record.record_time.value_or(kMaxTime), Now());
  RecordChunk& chunk = staged_[partition.staged].chunk;
  chunk.bytes += arena_->used() - before + sizeof(Record);
  chunk.records.push_back(std::move(record));
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
  std::vector<TopicPartition> ids = queues_.TakeDrained(fetcher_);
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
  Log({fatal ? 2 : 4, rd_kafka_err2name(error), std::string(reason)});
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
    if (found == statistics->end() || partition.held) {
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
