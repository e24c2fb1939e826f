// The front of the pipeline: partitions with what was decoded and waits. Decoding runs in parallel
// on the shard pool, records leave in order, one at a time: in the order of arrival while there is
// a wall clock, else (replay) always from the partition with the lowest watermark, so that neither
// batches nor threads decide anything. Topology is read to its end before anything else. Every
// queue is bounded by bytes: a full partition is paused at the source, as is one too far ahead.
// Thread: one at a time.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "connectors/source.h"
#include "engine/clock.h"
#include "engine/metrics.h"
#include "engine/pipeline.h"
#include "engine/router.h"
#include "engine/shard_pool.h"
#include "schemas/decoder.h"

namespace rootnote {

// A record, decoded or refused. Its views live as long as it does.
struct ArrivedRecord {
  Record record;
  std::shared_ptr<const void> keep_alive;
  std::string_view format;  // of the decoder
  Decoded decoded;
  std::optional<DecodeFailure> failure;
  bool null_value = false;  // a tombstone where none means anything: nothing was decoded
  uint64_t arrival = 0;     // rising over all partitions
  size_t bytes = 0;
};

// The lowest offset that is not yet in a closed tick (SEMANTICS section 7).
class OffsetCut {
 public:
  // `tick`: the last one that takes a part of the record; kMinTime if none does.
  void Applied(int64_t offset, EventTime tick);
  // With all ticks up to `closed` executed; nullopt before the first record.
  std::optional<int64_t> Next(EventTime closed);
  // One above the last record that was applied; nullopt before the first.
  std::optional<int64_t> applied() const { return next_; }

 private:
  std::deque<std::pair<int64_t, EventTime>> open_;
  std::optional<int64_t> next_;
};

struct IntakePartition {
  TopicPartition name;
  uint32_t topic = 0;  // TopicNames
  size_t options = 0;  // index into Intake's topics
  TopicRole role = TopicRole::kData;
  std::string source;
  std::optional<PartitionIndex> clock;  // data only
  std::deque<ArrivedRecord> queue;
  size_t bytes = 0;
  int64_t next_offset = 0;  // of the source
  int64_t end_offset = -1;  // found at assignment
  int64_t end_now = -1;     // as last heard
  // Records below were decided by the former run: they fill windows and say nothing.
  int64_t taken = 0;
  bool begins_late = false;           // what was before is gone, and nothing was heard of it since
  EventTime covered_from = kMinTime;  // when that was heard
  bool unreachable = false;
  bool at_end = false;
  bool finished = false;  // no record comes any more; some may wait
  bool paused = false;
  std::optional<EventTime> last_time;  // of records that carry none of their own
  OffsetCut cut;
  std::optional<int64_t> committed;
  int64_t committed_taken = -1;
  int snapshots = 0;          // topology: 0 before, 1 within, 2 behind the first one
  Metric* records = nullptr;  // per topic, as the next
  Metric* skipped = nullptr;
  Metric* late = nullptr;  // per source, as those below
  Metric* delay = nullptr;
  Metric* idle = nullptr;
};

class Intake {
 public:
  Intake(const PipelineOptions& options, ShardPool& pool, Clock& clock, TopicNames& topics,
         Metrics& metrics);
  ~Intake();

  // Makes the decoders. InvalidArgument names the topic whose format or pattern is wrong.
  absl::Status Open();

  void Note(const PartitionNotice& notice, std::optional<EventTime> now);
  // Decodes and queues.
  void Take(RecordBatch batch);

  // The partition whose first record is next; null: more must be polled before that is known.
  IntakePartition* Next(bool replay);
  ArrivedRecord Pop(IntakePartition& partition);
  // Null: not assigned.
  IntakePartition* Find(std::string_view topic, int32_t partition) const;

  // All topology topics were assigned and read to the ends found at start, or it was given up.
  bool topology_loaded() const { return topology_loaded_; }
  void UpdateTopologyLoaded(bool give_up);
  bool finished() const;  // every partition; and there is one
  // What the former run had read is read again, as far as it is still there.
  bool ReadAgain() const;
  bool waiting() const;  // some record waits

  // Pauses what is full or too far ahead, resumes what is not. `now` for the metric only.
  void BalancePressure(Source& source, std::optional<EventTime> now);

  const std::vector<std::unique_ptr<IntakePartition>>& partitions() const { return partitions_; }
  const TopicOptions& topic_options(const IntakePartition& partition) const {
    return topics_[partition.options];
  }
  Millis lateness_max() const;
  bool AnyFrozen() const;
  // From when on nothing is missing of any partition, seen from `tick`; kMinTime: nothing is.
  EventTime CoveredFrom(EventTime tick) const;
  // How far each source is behind the wall clock.
  void UpdateGauges(EventTime now);

 private:
  struct Pattern;  // a compiled topic pattern
  IntakePartition& Assign(const TopicPartition& name);
  void AddMetrics(IntakePartition& partition);
  size_t OptionsFor(std::string_view topic) const;
  Decoder& DecoderFor(size_t options, size_t worker) { return *decoders_[options][worker]; }
  void Decode(ArrivedRecord& arrived, IntakePartition& partition, size_t worker,
              std::optional<EventTime> time);
  void FinishDrained();
  IntakePartition* NextLive();
  IntakePartition* NextReplay();

  std::vector<TopicOptions> topics_;  // the last one stands for topics that none names
  size_t partition_bytes_max_;
  ShardPool& pool_;
  Clock& clock_;
  TopicNames& names_;
  Metrics& metrics_;
  std::vector<std::unique_ptr<Pattern>> patterns_;               // by topic options; null: exact
  std::vector<std::vector<std::unique_ptr<Decoder>>> decoders_;  // by topic options, worker
  std::vector<std::unique_ptr<IntakePartition>> partitions_;     // in order of assignment
  std::map<TopicPartition, int64_t> taken_;                      // of the former run
  bool topology_loaded_ = false;
  uint64_t arrivals_ = 0;
  std::optional<EventTime> balanced_;
  Metric &records_dropped_, &paused_;
};

}  // namespace rootnote
