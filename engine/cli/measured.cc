#include "engine/cli/measured.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include "fmt/format.h"

namespace rootnote {
namespace {

std::string_view ResultOf(const absl::Status& status) {
  switch (status.code()) {
    case absl::StatusCode::kOk:
      return "committed";
    case absl::StatusCode::kAborted:
      return "aborted";
    case absl::StatusCode::kUnavailable:
      return "unknown";
    case absl::StatusCode::kFailedPrecondition:
      return "fenced";
    case absl::StatusCode::kInvalidArgument:
      return "refused";
    default:
      return "failed";
  }
}

}  // namespace

MeasuredSource::MeasuredSource(Source& source, std::set<std::string> topology,
                               std::function<EventTime()> now, Metrics& metrics)
    : source_(source),
      topology_(std::move(topology)),
      now_(std::move(now)),
      age_(metrics.Histogram("rootnote_event_age_seconds",
                             "How old records of the data topics are when they are read.",
                             kDelayBuckets)),
      held_back_(metrics.Counter("rootnote_backpressure_seconds_total",
                                 "How long partitions were held back, all together.", "",
                                 MetricUnit::kMillis)),
      topology_age_(metrics.Gauge("rootnote_topology_age_seconds",
                                  "Since the newest record of the map was written.", "",
                                  MetricUnit::kMillis)) {}

absl::StatusOr<SourceBatch> MeasuredSource::Poll(const PollLimits& limits, Millis timeout) {
  absl::StatusOr<SourceBatch> batch = source_.Poll(limits, timeout);
  const EventTime now = now_();
  if (counted_ != kMinTime && now > counted_) {
    held_back_.Add((now - counted_).count() * static_cast<int64_t>(paused_.size()));
  }
  counted_ = std::max(counted_, now);
  if (!batch.ok()) return batch;
  for (const PartitionNotice& notice : batch->notices) {
    if (notice.type == PartitionNotice::Type::kRevoked) paused_.erase(notice.partition);
  }
  // Batches hold runs of one topic.
  std::string_view topic;
  bool map = false;
  for (const Record& record : batch->batch.records) {
    if (!record.record_time) continue;
    if (record.topic != topic) {
      topic = record.topic;
      map = topology_.contains(std::string(topic));
    }
    if (map) {
      newest_ = std::max(newest_, *record.record_time);
    } else {
      age_.Observe(std::max<int64_t>(0, (now - *record.record_time).count()));
    }
  }
  if (newest_ != kMinTime) topology_age_.Set(std::max<int64_t>(0, (now - newest_).count()));
  return batch;
}

void MeasuredSource::Pause(const TopicPartition& partition) {
  paused_.insert(partition);
  source_.Pause(partition);
}

void MeasuredSource::Resume(const TopicPartition& partition) {
  paused_.erase(partition);
  source_.Resume(partition);
}

MeasuredSink::MeasuredSink(Sink& sink, Metrics& metrics)
    : sink_(sink),
      metrics_(metrics),
      duration_(metrics.Histogram("rootnote_kafka_commit_duration_seconds",
                                  "How long a transaction takes, from its first record to its end.",
                                  kLatencyBuckets)) {}

absl::Status MeasuredSink::Write(const Commit& commit) {
  const auto began = std::chrono::steady_clock::now();
  const absl::Status status = sink_.Write(commit);
  const auto lasted = std::chrono::steady_clock::now() - began;
  duration_.Observe(std::chrono::duration_cast<Millis>(lasted).count());
  metrics_
      .Counter("rootnote_kafka_commits_total", "How transactions ended.",
               fmt::format("result=\"{}\"", ResultOf(status)))
      .Add();
  return status;
}

void MeasureDetection(const Incident& incident, EventTime now, Metrics& metrics) {
  HistogramMetric& delay = metrics.Histogram(
      "rootnote_incident_detection_delay_seconds",
      "From the first evidence of an incident to the commit that opened it.", kDelayBuckets);
  if (incident.revision != 1 || incident.catching_up) return;
  delay.Observe(std::max<int64_t>(0, (now - incident.started_at).count()));
}

}  // namespace rootnote
