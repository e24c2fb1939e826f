// The loop: poll → decode → route → tick → correlate → emit → commit. Owns the order, no state of
// others.
//
// Everything below it runs on event time. The wall clock enters only through `now` (receive times,
// idle partitions, commit interval); in replay and time-lapse there is none, and partitions hold
// time until they finish. Arrival decisions are written to the journal.
// Thread: Run on one thread; Stop, View from any.
#pragma once

#include <atomic>
#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "connectors/sink.h"
#include "connectors/source.h"
#include "engine/incidents.h"
#include "engine/metrics.h"
#include "engine/resume.h"
#include "engine/topology.h"
#include "rules/program.h"
#include "schemas/base/status.h"
#include "schemas/base/time.h"

namespace rootnote {

enum class TopicRole : uint8_t { kData, kTopology, kControl };

// How the records of one topic (or file) are read. The first whose name matches wins.
struct TopicOptions {
  std::string topic;  // exact name, or a regular expression when it begins with ^
  TopicRole role = TopicRole::kData;
  std::string format = "auto";
  std::string source;  // name for order and metrics; the topic when empty
  Millis allowed_lateness{5'000};
};

struct OutputTopics {
  std::string incidents = "rootnote.incidents";
  std::string dead_letter = "rootnote.dead-letter";
  std::string late = "rootnote.late";
  std::string unresolved = "rootnote.unresolved";
};

struct PipelineOptions {
  std::vector<TopicOptions> topics;
  OutputTopics outputs;
  int threads = 1;       // of the shard pool, the caller's included
  uint32_t shards = 64;  // virtual
  size_t batch_records = 256;
  Millis tick{1'000};
  Millis skew_limit{300'000};
  Millis max_hold{300'000};
  Millis idle_after{10'000};
  Millis ahead_max{30'000};  // a partition this far ahead of the engine's watermark is paused
  size_t partition_bytes_max = 16U << 20;  // decoded and waiting
  Millis commit_interval{200};
  Millis topology_load_timeout{60'000};
  Millis lookback{300'000};
  Millis evaluation_interval{5'000};
  size_t series_max = 2'000'000;
  std::string journal_path;  // "": none is written
  // A journal that a live run wrote over the same input: told again, tick by tick, and ends with
  // it.
  std::string retold_path;
  // Undated topology records of files hold from here (`--topology-from`); default: the beginning.
  EventTime topology_from = kMinTime;
  EventTime until = kMinTime;  // replay: event time goes on to here after the last record
  EventTime stop_at =
      kMaxTime;  // replay: closes no tick beyond this and ends there (`explain --at`)
  std::function<EventTime()> now;  // wall clock; empty: replay, files hold time
  // Where a former run ended, or where the first one is to begin to speak.
  ResumePoint resume;
  // Event time so far behind the wall clock at the beginning is caught up with, and marked.
  Millis catching_up_after{300'000};
  IncidentOptions incidents;
  bool evidence_positions = true;  // off where inputs are compared without them
};

// How far a run has come. What the former run decided is lived through again while warming up.
enum class Phase : uint8_t { kLoading, kWarmingUp, kCatchingUp, kLive };
std::string_view Name(Phase phase);

struct PartitionView {
  TopicPartition partition;
  TopicRole role = TopicRole::kData;
  EventTime watermark = kMinTime;  // data only
  int64_t next_offset = 0;         // of the record to be applied next
  int64_t end_offset = -1;         // as last heard; -1 unknown
  bool idle = false;
  bool unreachable = false;
};

// What HTTP, explain and the demo's time-lapse look at. Immutable.
struct EngineView {
  EventTime watermark = kMinTime;
  EventTime closed_tick = kMinTime;
  Phase phase = Phase::kLoading;
  size_t warming = 0;                     // rules that look further back than was read
  bool ready = false;                     // live or catching up, and no rule is warming
  std::vector<PartitionView> partitions;  // by topic and partition
  std::vector<Incident> incidents;        // committed revisions only
  std::vector<Finding> findings;
  uint64_t topology_version = 0;
  size_t topology_entities = 0;
};

class Pipeline {
 public:
  // `source` and `sink` are borrowed and outlive the pipeline.
  Pipeline(std::shared_ptr<const Program> program, Source& source, Sink& sink, Metrics& metrics,
           PipelineOptions options);
  ~Pipeline();

  // Runs until every partition is finished (files), or Stop. Then closes what the watermark allows:
  // files evaluate all instants up to the last record (or `until`); live input stops at its
  // watermark. Commits what is closed. Errors: the sink's, the source's, configuration.
  absl::Status Run();
  void Stop();     // Any thread, also from a signal handler's thread.
  void Abandon();  // The same, without a last commit: somebody else has taken over.

  std::shared_ptr<const EngineView> View() const;

  // Called on the pipeline's thread for each revision, after its commit. Set before Run.
  void OnIncident(std::function<void(const Incident&)> callback);
  // Called when the phase changes, and when all rules have become warm, with how many are not yet.
  // Set before Run.
  void OnPhase(std::function<void(Phase, size_t warming)> callback);
  // Called with every transition as it is released (time-lapse, tests, explain). Set before Run.
  void OnTransition(std::function<void(const Transition&, const Program&)> callback);

 private:
  class Loop;
  std::unique_ptr<Loop> loop_;
};

}  // namespace rootnote
