#include "engine/intake.h"

#include <algorithm>
#include <map>

#include "fmt/format.h"
#include "re2/re2.h"

#include "schemas/base/string_view.h"

namespace rootnote {
namespace {

constexpr size_t kRecordsPerPiece = 16;

std::optional<EventTime> LastTimeOf(const Decoded& decoded) {
  std::optional<EventTime> last;
  if (!decoded.samples.empty()) {
    last = decoded.samples.back().time;
  }
  if (!decoded.events.empty()) {
    last = std::max(last.value_or(kMinTime), decoded.events.back().time);
  }
  return last;
}

}  // namespace

void OffsetCut::Applied(int64_t offset, EventTime tick) {
  next_ = offset + 1;
  open_.emplace_back(offset, tick);
}

std::optional<int64_t> OffsetCut::Next(EventTime closed) {
  while (!open_.empty() && open_.front().second <= closed) {
    open_.pop_front();
  }
  return open_.empty() ? next_ : std::optional(open_.front().first);
}

struct Intake::Pattern {
  explicit Pattern(const std::string& text) : regex(text, RE2::Quiet) {}
  RE2 regex;
};

Intake::Intake(const PipelineOptions& options, ShardPool& pool, Clock& clock, TopicNames& topics,
               Metrics& metrics)
    : topics_(options.topics),
      partition_bytes_max_(options.partition_bytes_max),
      pool_(pool),
      clock_(clock),
      names_(topics),
      metrics_(metrics),
      taken_(options.resume.taken),
      records_dropped_(
          metrics.Counter("rootnote_records_dropped_total",
                          "Records of revoked or unknown partitions that were dropped.")),
      paused_(metrics.Counter("rootnote_backpressure_seconds_total",
                              "Time that partitions were paused, summed over them.", "",
                              MetricUnit::kMillis)) {
  topics_.emplace_back();
}

Intake::~Intake() = default;

absl::Status Intake::Open() {
  for (const TopicOptions& topic : topics_) {
    std::unique_ptr<Pattern> pattern;
    if (topic.topic.starts_with('^')) {
      pattern = std::make_unique<Pattern>(topic.topic);
      if (!pattern->regex.ok()) {
        return absl::InvalidArgumentError(
            fmt::format("topic pattern {}: {}", topic.topic, pattern->regex.error()));
      }
    }
    patterns_.push_back(std::move(pattern));
    std::vector<std::unique_ptr<Decoder>>& workers = decoders_.emplace_back();
    for (int worker = 0; worker < pool_.threads(); ++worker) {
      auto decoder = MakeDecoder(topic.format);
      if (!decoder.ok()) {
        return absl::InvalidArgumentError(
            fmt::format("topic {}: {}", topic.topic, ToStd(decoder.status().message())));
      }
      workers.push_back(*std::move(decoder));
    }
  }
  return absl::OkStatus();
}

size_t Intake::OptionsFor(std::string_view topic) const {
  for (size_t i = 0; i + 1 < topics_.size(); ++i) {
    if (patterns_[i] != nullptr
            ? RE2::PartialMatch(re2::StringPiece(topic.data(), topic.size()), patterns_[i]->regex)
            : topics_[i].topic == topic) {
      return i;
    }
  }
  return topics_.size() - 1;
}

IntakePartition* Intake::Find(std::string_view topic, int32_t partition) const {
  for (const auto& one : partitions_) {
    if (one->name.partition == partition && one->name.topic == topic) {
      return one.get();
    }
  }
  return nullptr;
}

IntakePartition& Intake::Assign(const TopicPartition& name) {
  if (IntakePartition* known = Find(name.topic, name.partition)) {
    return *known;
  }
  auto partition = std::make_unique<IntakePartition>();
  partition->name = name;
  partition->topic = names_.Intern(name.topic);
  partition->options = OptionsFor(name.topic);
  const TopicOptions& options = topics_[partition->options];
  partition->role = options.role;
  partition->source = options.source.empty() ? name.topic : options.source;
  if (options.role == TopicRole::kData) {
    PartitionOptions clock;
    clock.allowed_lateness = options.allowed_lateness;
    partition->clock = clock_.Add(name, clock);
  }
  AddMetrics(*partition);
  return *partitions_.emplace_back(std::move(partition));
}

void Intake::AddMetrics(IntakePartition& partition) {
  partition.records =
      &metrics_.Counter("rootnote_kafka_records_consumed_total", "Records taken in.",
                        fmt::format("topic=\"{}\"", EscapeLabelValue(partition.name.topic)));
  partition.skipped =
      &metrics_.Counter("rootnote_kafka_partitions_skipped_total",
                        "Times records of a partition were gone before they could be read.",
                        fmt::format("topic=\"{}\"", EscapeLabelValue(partition.name.topic)));
  const std::string source = fmt::format("source=\"{}\"", EscapeLabelValue(partition.source));
  partition.late =
      &metrics_.Counter("rootnote_late_events_total",
                        "Samples and events behind the watermark, sent to the late topic.", source);
  if (partition.clock) {
    partition.delay = &metrics_.Gauge("rootnote_watermark_delay_seconds",
                                      "How far event time of the source is behind the wall clock.",
                                      source, MetricUnit::kMillis);
    partition.idle = &metrics_.Gauge("rootnote_source_idle",
                                     "Whether the wall clock stands in for the source.", source);
  }
}

void Intake::UpdateGauges(EventTime now) {
  // Several partitions of a source: the one that is furthest behind.
  std::map<Metric*, EventTime> least;
  for (const auto& partition : partitions_) {
    if (!partition->clock) {
      continue;
    }
    const EventTime watermark = clock_.WatermarkOf(*partition->clock);
    EventTime& known = least.try_emplace(partition->delay, watermark).first->second;
    known = std::min(known, watermark);
    partition->idle->Set(clock_.Idle(*partition->clock) ? 1 : 0);
  }
  for (const auto& [delay, watermark] : least) {
    if (watermark != kMinTime) {
      delay->Set((now - watermark).count());
    }
  }
}

void Intake::Note(const PartitionNotice& notice, std::optional<EventTime> now) {
  using Type = PartitionNotice::Type;
  if (notice.type == Type::kAssigned) {
    IntakePartition& partition = Assign(notice.partition);
    partition.next_offset = notice.offset;
    partition.end_offset = notice.end_offset;
    partition.end_now = notice.end_offset;
    const auto taken = taken_.find(notice.partition);
    partition.taken = taken == taken_.end() ? 0 : taken->second;
    return;
  }
  IntakePartition* partition = Find(notice.partition.topic, notice.partition.partition);
  if (partition == nullptr) {
    return;
  }
  switch (notice.type) {
    case Type::kRevoked:
      records_dropped_.Add(static_cast<int64_t>(partition->queue.size()));
      if (partition->clock) {
        clock_.Remove(*partition->clock);
      }
      partitions_.erase(std::find_if(partitions_.begin(), partitions_.end(),
                                     [&](const auto& one) { return one.get() == partition; }));
      break;
    case Type::kAtEnd:
      partition->at_end = true;
      partition->unreachable = false;
      if (partition->clock && partition->queue.empty()) {
        clock_.AtEnd(*partition->clock, now);
      }
      if (partition->queue.empty() && now && std::exchange(partition->begins_late, false)) {
        partition->covered_from = *now;
      }
      break;
    case Type::kEnd:
      partition->end_now = notice.end_offset;
      break;
    case Type::kSkipped:
      // A log that begins anew, or later than what was decided: nothing in it is known.
      partition->taken = notice.offset < partition->taken ? 0 : partition->taken;
      partition->next_offset = notice.offset;
      partition->begins_late = true;
      partition->skipped->Add();
      break;
    case Type::kUnreachable:
      partition->unreachable = true;
      if (partition->clock) {
        clock_.Unreachable(*partition->clock, now);
      }
      break;
    case Type::kFinished:
      partition->finished = true;
      break;
    case Type::kAssigned:
      break;
  }
}

void Intake::Decode(ArrivedRecord& arrived, IntakePartition& partition, size_t worker,
                    std::optional<EventTime> time) {
  const Record& record = arrived.record;
  arrived.decoded.Clear();
  arrived.failure.reset();
  const bool topology = partition.role == TopicRole::kTopology;
  if (!record.value && partition.role == TopicRole::kData) {
    arrived.null_value = true;
    return;
  }
  Decoder& decoder = DecoderFor(partition.options, worker);
  DecodeContext context;
  // A topology record without a time holds from the beginning or from its arrival, not from when
  // its record was written.
  context.record_time = topology ? std::nullopt : time;
  context.key = record.key.value_or(std::string_view());
  context.tombstone = !record.value;
  arrived.format = decoder.format();
  arrived.failure =
      decoder.Decode(record.value.value_or(std::string_view()), context, arrived.decoded);
}

void Intake::Take(RecordBatch batch) {
  std::vector<ArrivedRecord> arrived(batch.records.size());
  std::vector<IntakePartition*> partitions(batch.records.size());
  for (size_t i = 0; i < batch.records.size(); ++i) {
    arrived[i].record = std::move(batch.records[i]);
    const Record& record = arrived[i].record;
    partitions[i] = i > 0 && partitions[i - 1] != nullptr &&
                            partitions[i - 1]->name.partition == record.partition &&
                            partitions[i - 1]->name.topic == record.topic
                        ? partitions[i - 1]
                        : Find(record.topic, record.partition);
  }
  const size_t pieces = (arrived.size() + kRecordsPerPiece - 1) / kRecordsPerPiece;
  pool_.ForEach(pieces, [&](size_t piece, size_t worker) {
    const size_t end = std::min(arrived.size(), (piece + 1) * kRecordsPerPiece);
    for (size_t i = piece * kRecordsPerPiece; i < end; ++i) {
      if (partitions[i] != nullptr) {
        Decode(arrived[i], *partitions[i], worker, arrived[i].record.record_time);
      }
    }
  });
  for (size_t i = 0; i < arrived.size(); ++i) {
    IntakePartition* partition = partitions[i];
    if (partition == nullptr) {
      records_dropped_.Add();
      continue;
    }
    ArrivedRecord& one = arrived[i];
    if (one.failure && one.failure->error == DecodeError::kBadTime && !one.record.record_time &&
        partition->last_time) {
      Decode(one, *partition, 0, partition->last_time);  // "the last time seen" in a file
    }
    if (const auto last = LastTimeOf(one.decoded)) {
      partition->last_time = last;
    }
    partition->records->Add();
    one.keep_alive = batch.keep_alive;
    one.arrival = arrivals_++;
    one.bytes = sizeof(ArrivedRecord) + one.record.value.value_or("").size() * 2 +
                one.decoded.samples.size() * sizeof(Sample);
    partition->bytes += one.bytes;
    partition->next_offset = one.record.offset + 1;
    partition->at_end = false;
    partition->unreachable = false;
    partition->queue.push_back(std::move(one));
  }
}

// Tells the clock of partitions whose last record was taken out.
void Intake::FinishDrained() {
  for (const auto& partition : partitions_) {
    if (partition->finished && partition->queue.empty() && partition->clock) {
      clock_.Finish(*partition->clock);
    }
  }
}

IntakePartition* Intake::NextLive() {
  IntakePartition* next = nullptr;
  for (const auto& partition : partitions_) {
    if (partition->queue.empty() || (partition->clock && clock_.Ahead(*partition->clock))) {
      continue;
    }
    if (next == nullptr || partition->queue.front().arrival < next->queue.front().arrival) {
      next = partition.get();
    }
  }
  return next;
}

IntakePartition* Intake::NextReplay() {
  const std::optional<PartitionIndex> lowest = clock_.NextToRead();
  if (!lowest) {
    return nullptr;
  }
  for (const auto& partition : partitions_) {
    if (partition->clock == lowest) {
      return partition->queue.empty() ? nullptr : partition.get();
    }
  }
  return nullptr;
}

IntakePartition* Intake::Next(bool replay) {
  for (const auto& partition : partitions_) {
    if (partition->role != TopicRole::kData && !partition->queue.empty()) {
      return partition.get();
    }
  }
  if (!topology_loaded_) {
    return nullptr;
  }
  FinishDrained();
  return replay ? NextReplay() : NextLive();
}

ArrivedRecord Intake::Pop(IntakePartition& partition) {
  ArrivedRecord record = std::move(partition.queue.front());
  partition.queue.pop_front();
  partition.bytes -= record.bytes;
  return record;
}

void Intake::UpdateTopologyLoaded(bool give_up) {
  if (topology_loaded_ || give_up) {
    topology_loaded_ = true;
    return;
  }
  for (const TopicOptions& topic : topics_) {
    const bool named = topic.role != TopicRole::kData && !topic.topic.starts_with('^');
    if (named && std::none_of(partitions_.begin(), partitions_.end(), [&](const auto& partition) {
          return partition->name.topic == topic.topic;
        })) {
      return;
    }
  }
  for (const auto& partition : partitions_) {
    if (partition->role == TopicRole::kData) {
      continue;
    }
    const bool read =
        partition->finished || partition->at_end ||
        (partition->end_offset >= 0 && partition->next_offset >= partition->end_offset);
    if (!read || !partition->queue.empty()) {
      return;
    }
  }
  topology_loaded_ = !partitions_.empty();
}

bool Intake::finished() const {
  return !partitions_.empty() &&
         std::all_of(partitions_.begin(), partitions_.end(), [](const auto& partition) {
           return partition->finished && partition->queue.empty();
         });
}

bool Intake::ReadAgain() const {
  return std::all_of(taken_.begin(), taken_.end(), [this](const auto& former) {
    const IntakePartition* partition = Find(former.first.topic, former.first.partition);
    if (partition == nullptr) {
      return false;
    }
    const bool read = partition->cut.applied().value_or(0) >= partition->taken ||
                      (partition->at_end && partition->queue.empty());
    return read || (partition->clock && clock_.Frozen(*partition->clock));
  });
}

bool Intake::waiting() const {
  return std::any_of(partitions_.begin(), partitions_.end(),
                     [](const auto& partition) { return !partition->queue.empty(); });
}

void Intake::BalancePressure(Source& source, std::optional<EventTime> now) {
  const Millis elapsed = now && balanced_ ? *now - *balanced_ : Millis(0);
  balanced_ = now;
  for (const auto& partition : partitions_) {
    paused_.Add(partition->paused ? elapsed.count() : 0);
    const bool ahead =
        now && partition->clock && !partition->queue.empty() && clock_.Ahead(*partition->clock);
    if (!partition->paused && (partition->bytes > partition_bytes_max_ || ahead)) {
      partition->paused = true;
      source.Pause(partition->name);
    } else if (partition->paused && partition->bytes <= partition_bytes_max_ / 2 && !ahead) {
      partition->paused = false;
      source.Resume(partition->name);
    }
  }
}

Millis Intake::lateness_max() const {
  Millis lateness{0};
  for (const TopicOptions& topic : topics_) {
    lateness = std::max(lateness, topic.allowed_lateness);
  }
  return lateness;
}

EventTime Intake::CoveredFrom(EventTime tick) const {
  EventTime from = kMinTime;
  for (const auto& partition : partitions_) {
    from = std::max(from, partition->begins_late ? tick : partition->covered_from);
  }
  return from;
}

bool Intake::AnyFrozen() const {
  return std::any_of(partitions_.begin(), partitions_.end(), [this](const auto& partition) {
    return partition->clock && clock_.Frozen(*partition->clock);
  });
}

}  // namespace rootnote
