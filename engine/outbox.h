// What waits for the next commit: incidents, dead letters, late and unresolved records, and the
// offsets that may be committed with them. Nothing here has left until Sink::Write has accepted it.
// Record shapes: FORMATS section 6, docs/formats.md.
// Thread: one at a time.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "connectors/sink.h"
#include "engine/intake.h"
#include "engine/metrics.h"
#include "engine/pipeline.h"
#include "rules/program.h"
#include "schemas/incident.h"
#include "schemas/projection.h"

namespace rootnote {

struct UnresolvedResult {
  std::string signal;
  Labels labels;
  double value = 0;
  EventTime time;
};

class Outbox {
 public:
  // `version` of the engine goes into dead letters.
  Outbox(const OutputTopics& topics, bool evidence_positions, std::string version,
         Metrics& metrics);

  // The topics of `routes` with a projection get what it makes of a record.
  void UseProjections(const std::vector<Route>& routes);

  void AddIncident(Incident incident);
  // `stage`: VALUE_CONVERTER (it could not be decoded) or TRANSFORMATION (the map refused it).
  void AddDeadLetter(const ArrivedRecord& arrived, std::string_view stage,
                     const DecodeFailure& failure);
  // Own JSON of one sample or event, of a record whose other parts may have been in time.
  void AddLate(const ArrivedRecord& arrived, std::string_view source, EventTime watermark,
               std::string own_json);
  void AddUnresolved(const UnresolvedResult& result);
  void AddOffset(CommitOffset offset);

  bool empty() const { return commit_.empty(); }
  size_t bytes() const { return bytes_; }

  // One commit. A sink that answers Aborted is asked again, at most `attempts` times. On success
  // the incidents that left are given back, in order.
  absl::StatusOr<std::vector<Incident>> Write(Sink& sink, int attempts = 10);

 private:
  void CountFailure(const absl::Status& status);
  void Add(OutputRecord record);
  void AddRouted(const OutputRecord& record, const Incident& incident, const std::string& topic);

  OutputTopics topics_;
  bool evidence_positions_;
  std::string version_;
  Metrics& metrics_;
  std::map<std::string, std::pair<std::string, Projection>> projections_;  // by topic: name, form
  Commit commit_;
  std::vector<Incident> incidents_;
  size_t bytes_ = 0;
};

// One line of own JSON (docs/formats.md).
std::string OwnJson(const Sample& sample);
std::string OwnJson(const Event& event);

}  // namespace rootnote
