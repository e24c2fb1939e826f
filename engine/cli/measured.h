// A source and a sink that also measure: how old records are, how long partitions are held back,
// how commits end. Between the pipeline and the connectors, so that neither knows of it.
// Thread: as what they wrap.
#pragma once

#include <functional>
#include <map>
#include <set>
#include <string>

#include "connectors/sink.h"
#include "connectors/source.h"
#include "engine/metrics.h"
#include "schemas/incident.h"

namespace rootnote {

class MeasuredSource : public Source {
 public:
  // `topology`: topics of the map, whose newest record tells the map's age. `now` is the wall
  // clock. All are borrowed.
  MeasuredSource(Source& source, std::set<std::string> topology, std::function<EventTime()> now,
                 Metrics& metrics);

  absl::StatusOr<SourceBatch> Poll(const PollLimits& limits, Millis timeout) override;
  void Pause(const TopicPartition& partition) override;
  void Resume(const TopicPartition& partition) override;
  void Close() override { source_.Close(); }

 private:
  Source& source_;
  const std::set<std::string> topology_;
  const std::function<EventTime()> now_;
  std::set<TopicPartition> paused_;
  EventTime counted_ = kMinTime;  // held back until here is counted
  EventTime newest_ = kMinTime;   // of the map's records
  HistogramMetric& age_;
  Metric &held_back_, &topology_age_;
};

class MeasuredSink : public Sink {
 public:
  MeasuredSink(Sink& sink, Metrics& metrics);

  absl::Status Write(const Commit& commit) override;
  absl::Status Close() override { return sink_.Close(); }

 private:
  Sink& sink_;
  Metrics& metrics_;
  HistogramMetric& duration_;
};

// From the event time at which an incident began to the commit of the revision that opened it.
void MeasureDetection(const Incident& incident, EventTime now, Metrics& metrics);

}  // namespace rootnote
