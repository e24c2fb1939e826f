// What the daemon is doing, for HTTP and metrics: outlives the terms in which this member of the
// group is active. Thread: any.
#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/cli/settings.h"
#include "engine/metrics.h"
#include "engine/pipeline.h"

namespace rootnote {

enum class Role : uint8_t {
  kStarting,  // before anything is known
  kStandby,   // another member of the group is active
  kActive,    // this one reads and writes
  kStopping,  // after SIGTERM
};
std::string_view Name(Role role);

struct DaemonView {
  Role role = Role::kStarting;
  EventTime since;    // … it is so
  EventTime started;  // the process
  uint64_t term = 0;  // how often it became active
  std::shared_ptr<const Settings> settings;
  EventTime loaded;  // when `settings` were read
  bool last_reload_failed = false;
  uint64_t reloads = 0, reloads_failed = 0;
  std::optional<uint64_t> rebalances;  // of the group, as this member saw them
  std::string waiting_for;  // what a start or a takeover is at, in words; "" when nothing
};

struct DaemonViews {
  DaemonView daemon;
  std::shared_ptr<const EngineView> engine;  // null while not active
};

class DaemonStatus {
 public:
  // `now` is the wall clock.
  explicit DaemonStatus(std::function<EventTime()> now);

  void SetSettings(std::shared_ptr<const Settings> settings);  // at the start and after a reload
  void ReloadFailed();
  void SetRole(Role role);
  void SetWaitingFor(std::string what);  // "the map's topic", "the former active member's end"
  // How often the members of the group have changed; asked by readers. Empty: no group any more.
  void CountRebalances(std::function<uint64_t()> count);
  // Active from now on. `view` is called by readers until EndTerm has returned.
  void BeginTerm(std::function<std::shared_ptr<const EngineView>()> view);
  // Standing by again. No reader is within `view` any more.
  void EndTerm();

  DaemonViews Views() const;

 private:
  void SetRoleLocked(Role role);

  const std::function<EventTime()> now_;
  mutable std::mutex mutex_;
  // Guarded by mutex_.
  DaemonView view_;
  std::function<std::shared_ptr<const EngineView>()> engine_;
  std::function<uint64_t()> rebalances_;
};

// Whether work is done for the input as it is now; and if not, why, in words.
struct Readiness {
  bool ready = false;
  std::string why;
};
Readiness ReadinessOf(const DaemonViews& views);

// Makes /metrics tell what the views hold: build, settings, role, partitions, the map's age.
// `status` is borrowed and outlives the metrics.
void AddDaemonMetrics(Metrics& metrics, const DaemonStatus& status);

}  // namespace rootnote
