#include "engine/cli/daemon_status.h"

#include <algorithm>
#include <utility>

#include "fmt/format.h"

#include "connectors/kafka/embedded.h"
#include "engine/cli/version.h"

namespace rootnote {

std::string_view Name(Role role) {
  switch (role) {
    case Role::kStarting:
      return "starting";
    case Role::kStandby:
      return "standby";
    case Role::kActive:
      return "active";
    case Role::kStopping:
      return "stopping";
  }
  return "";
}

DaemonStatus::DaemonStatus(std::function<EventTime()> now) : now_(std::move(now)) {
  view_.started = view_.since = now_();
}

void DaemonStatus::SetSettings(std::shared_ptr<const Settings> settings) {
  const std::lock_guard lock(mutex_);
  if (view_.settings != nullptr) ++view_.reloads;
  view_.settings = std::move(settings);
  view_.loaded = now_();
  view_.last_reload_failed = false;
}

void DaemonStatus::ReloadFailed() {
  const std::lock_guard lock(mutex_);
  view_.last_reload_failed = true;
  ++view_.reloads_failed;
}

void DaemonStatus::SetRole(Role role) {
  const std::lock_guard lock(mutex_);
  SetRoleLocked(role);
}

void DaemonStatus::SetRoleLocked(Role role) {
  view_.waiting_for.clear();
  if (view_.role == role) return;
  view_.role = role;
  view_.since = now_();
}

void DaemonStatus::SetWaitingFor(std::string what) {
  const std::lock_guard lock(mutex_);
  view_.waiting_for = std::move(what);
}

void DaemonStatus::CountRebalances(std::function<uint64_t()> count) {
  const std::lock_guard lock(mutex_);
  if (rebalances_) view_.rebalances = rebalances_();
  rebalances_ = std::move(count);
}

void DaemonStatus::BeginTerm(std::function<std::shared_ptr<const EngineView>()> view) {
  const std::lock_guard lock(mutex_);
  engine_ = std::move(view);
  ++view_.term;
  SetRoleLocked(Role::kActive);
}

void DaemonStatus::EndTerm() {
  const std::lock_guard lock(mutex_);
  engine_ = nullptr;
  if (view_.role == Role::kActive) SetRoleLocked(Role::kStandby);
}

DaemonViews DaemonStatus::Views() const {
  const std::lock_guard lock(mutex_);
  DaemonViews views{view_, engine_ ? engine_() : nullptr};
  if (rebalances_) views.daemon.rebalances = rebalances_();
  return views;
}

Readiness ReadinessOf(const DaemonViews& views) {
  const DaemonView& daemon = views.daemon;
  const auto waiting = [&](std::string_view otherwise) {
    return daemon.waiting_for.empty() ? std::string(otherwise) : daemon.waiting_for;
  };
  switch (daemon.role) {
    case Role::kStarting:
      return {false, "starting: " + waiting("waiting for the broker")};
    case Role::kStandby:
      return {false, "standby: " + waiting("another member of the group is active")};
    case Role::kStopping:
      return {false, "stopping"};
    case Role::kActive:
      break;
  }
  const EngineView* engine = views.engine.get();
  if (engine == nullptr || engine->phase == Phase::kLoading) {
    return {false, "loading: " + waiting("waiting for partitions and the map")};
  }
  if (engine->phase == Phase::kWarmingUp) {
    return {false, "warming up: history is read back, nothing is decided yet"};
  }
  if (engine->warming > 0) {
    return {false,
            fmt::format("warming: {} rule{} look{} further back than was read", engine->warming,
                        engine->warming == 1 ? "" : "s", engine->warming == 1 ? "s" : "")};
  }
  return {engine->ready, engine->ready ? "ready" : "not ready: waiting for partitions"};
}

namespace {

std::string LabelText(std::string_view name, std::string_view value) {
  return fmt::format("{}=\"{}\"", name, EscapeLabelValue(value));
}

double Seconds(EventTime time) { return static_cast<double>(ToMillis(time)) / 1e3; }

void ReadSettings(const DaemonView& daemon, MetricSamples& samples) {
  samples.Gauge("rootnote_config_last_reload_successful",
                "Whether the last reload of rules and configuration was taken.",
                daemon.last_reload_failed ? 0 : 1);
  samples.Counter("rootnote_config_reloads_total", "Reloads of rules and configuration.",
                  static_cast<double>(daemon.reloads), LabelText("result", "taken"));
  samples.Counter("rootnote_config_reloads_total", "Reloads of rules and configuration.",
                  static_cast<double>(daemon.reloads_failed), LabelText("result", "refused"));
  if (daemon.settings == nullptr) return;
  samples.Gauge("rootnote_config_last_reload_success_timestamp_seconds",
                "When the rules and the configuration in use were read.", Seconds(daemon.loaded));
  samples.Gauge("rootnote_config_hash_info", "What is in use: hashes of configuration and rules.",
                1,
                LabelText("config", daemon.settings->config_hash) + "," +
                    LabelText("rules", daemon.settings->program->version));
}

void ReadRole(const DaemonView& daemon, MetricSamples& samples) {
  for (const Role role : {Role::kStarting, Role::kStandby, Role::kActive, Role::kStopping}) {
    samples.Gauge("rootnote_role", "What this member of the group is: 1 at one of them.",
                  daemon.role == role ? 1 : 0, LabelText("role", Name(role)));
  }
  samples.Counter("rootnote_terms_total", "How often this process became the active member.",
                  static_cast<double>(daemon.term));
  if (daemon.rebalances) {
    samples.Counter("rootnote_kafka_rebalances_total",
                    "Changes of the group's members, as this one saw them.",
                    static_cast<double>(*daemon.rebalances), LabelText("type", "members"));
  }
}

void ReadEngine(const EngineView& engine, const DaemonViews& views, MetricSamples& samples) {
  samples.Gauge("rootnote_ready", "Whether /-/ready says so.", ReadinessOf(views).ready ? 1 : 0);
  samples.Gauge("rootnote_rules_warming", "Rules that look further back than was read.",
                static_cast<double>(engine.warming));
  bool connected = !engine.partitions.empty();
  for (const PartitionView& partition : engine.partitions) {
    connected = connected && !partition.unreachable;
    if (partition.end_offset < 0) continue;
    samples.Gauge(
        "rootnote_kafka_consumer_lag_records",
        "Records behind the end of the partition that were not yet applied.",
        static_cast<double>(std::max<int64_t>(0, partition.end_offset - partition.next_offset)),
        LabelText("topic", partition.partition.topic) +
            fmt::format(",partition=\"{}\"", partition.partition.partition));
  }
  samples.Gauge("rootnote_kafka_partitions_assigned", "Partitions that are read.",
                static_cast<double>(engine.partitions.size()));
  const DaemonView& daemon = views.daemon;
  if (daemon.settings != nullptr && !daemon.settings->config.files.empty()) return;
  samples.Gauge("rootnote_kafka_connected", "Whether every partition that is read can be reached.",
                connected ? 1 : 0);
}

}  // namespace

void AddDaemonMetrics(Metrics& metrics, const DaemonStatus& status) {
  metrics.OnRead([&status, kafka = KafkaLibraryVersion()](MetricSamples& samples) {
    const DaemonViews views = status.Views();
    samples.Gauge("rootnote_build_info", "Always 1: version, and that of librdkafka.", 1,
                  LabelText("librdkafka", kafka) + "," + LabelText("version", kVersion));
    ReadSettings(views.daemon, samples);
    ReadRole(views.daemon, samples);
    if (views.engine != nullptr) {
      ReadEngine(*views.engine, views, samples);
    } else {
      samples.Gauge("rootnote_ready", "Whether /-/ready says so.", 0);
    }
  });
}

}  // namespace rootnote
