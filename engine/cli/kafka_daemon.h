// `run` before a broker: a member of a group that stands by until it is elected, and then runs one
// term after the other. A term begins with what was committed (offsets, incidents) and ends when
// the member is stopped, loses the election, is told to reload, or cannot commit; nothing but what
// was committed outlives it.
//
// The order of a term's beginning makes it exactly-once: the sink fences the former active member
// before anything is read of what that one committed.
#pragma once

#include <atomic>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <set>
#include <string>

#include "connectors/kafka/election.h"
#include "connectors/kafka/source.h"
#include "connectors/sink.h"
#include "engine/cli/daemon_status.h"
#include "engine/cli/log.h"
#include "engine/cli/settings.h"
#include "engine/metrics.h"
#include "engine/pipeline.h"

namespace rootnote {

class KafkaDaemon {
 public:
  // Borrows all but the settings.
  KafkaDaemon(std::shared_ptr<const Settings> settings, Log& log, Metrics& metrics,
              DaemonStatus& status);
  ~KafkaDaemon();

  // Until Stop. Errors that a restart would not mend: configuration, rights, an instance name that
  // another member has.
  absl::Status Run();
  // Any thread.
  void Stop();
  // Reads configuration and rules anew, and begins a term with them; what is not right is logged,
  // and what runs goes on.
  void Reload();

 private:
  absl::Status EnsureOutputs();
  // Until elected: true; or stopped: false. FailedPrecondition: another member has our instance.
  absl::StatusOr<bool> StandBy();
  absl::Status RunTerm();
  absl::StatusOr<ResumePoint> ReadResume();
  void ReadStart(ResumePoint& resume, Millis warm_up) const;
  absl::Status ReadIncidents(ResumePoint& resume);
  absl::StatusOr<std::unique_ptr<Sink>> OpenSink();
  absl::StatusOr<std::unique_ptr<KafkaSource>> OpenSource(const ResumePoint& resume);
  absl::Status RunPipeline(Pipeline& pipeline);
  void TakeReload();
  std::shared_ptr<const Settings> running();
  // Waits, unless stopped.
  void Pause(Millis time);
  void LogStart(const ResumePoint& resume);
  std::function<void(const KafkaLog&)> KafkaLogger();
  std::function<void(std::string)> Fatal();

  Log& log_;
  Metrics& metrics_;
  DaemonStatus& daemon_status_;
  std::set<std::string> made_anew_;           // topics to be read from their beginning
  int left_behind_ = 0;                       // clients that cannot be ended, see KafkaSource
  std::shared_ptr<const Settings> settings_;  // of the present term; set under mutex_
  std::unique_ptr<KafkaElection> election_;
  uint64_t term_ = 0;
  std::atomic<bool> stopped_ = false;

  std::mutex mutex_;
  std::condition_variable woken_;
  // Guarded by mutex_.
  Pipeline* pipeline_ = nullptr;
  std::shared_ptr<const Settings> next_;  // of the next term, after a reload
};

}  // namespace rootnote
