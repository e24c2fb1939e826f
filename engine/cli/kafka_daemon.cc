#include "engine/cli/kafka_daemon.h"

#include <algorithm>
#include <cstdlib>
#include <utility>

#include "fmt/format.h"

#include "connectors/kafka/offsets.h"
#include "connectors/kafka/sink.h"
#include "connectors/kafka/topics.h"
#include "engine/cli/exit_code.h"
#include "engine/cli/kafka_setup.h"
#include "engine/cli/wall_clock.h"
#include "engine/rule_set.h"
#include "schemas/base/string_view.h"
#include "schemas/incident_encoder.h"

namespace rootnote {
namespace {

constexpr Millis kLookEvery{200};
constexpr Millis kFirstPause{500};
constexpr Millis kLongestPause{15'000};
constexpr Millis kTopicsTimeout{1'500};  // a stop waits for it
constexpr Millis kReadTimeout{60'000};
constexpr int kLeftBehindMax = 8;  // clients
constexpr Millis kWatchdog{120'000};
// Closed incidents older than this, and than `reopen`, are kept as an episode's number only.
constexpr Millis kClosedKept{86'400'000};

std::string Text(const absl::Status& status) { return std::string(ToStd(status.message())); }

// Would not be better after a restart, nor after a while.
bool Hopeless(const absl::Status& status) {
  return absl::IsInvalidArgument(status) || absl::IsPermissionDenied(status) ||
         absl::IsUnauthenticated(status);
}

EventTime LatenessBefore(EventTime time, const PipelineOptions& options) {
  Millis lateness{0};
  for (const TopicOptions& topic : options.topics) {
    lateness = std::max(lateness, topic.allowed_lateness);
  }
  return time - lateness;
}

// What an episode that can no longer be reopened leaves behind.
Incident EpisodeOf(const Incident& incident) {
  Incident episode;
  episode.id = incident.id;
  episode.key = incident.key;
  episode.episode = incident.episode;
  episode.revision = incident.revision;
  episode.status = incident.status;
  episode.state = incident.state;
  episode.severity = incident.severity;
  episode.title = incident.title;
  episode.started_at = incident.started_at;
  episode.opened_at = incident.opened_at;
  episode.updated_at = incident.updated_at;
  episode.resolved_at = incident.resolved_at;
  episode.root = incident.root;
  return episode;
}

}  // namespace

KafkaDaemon::KafkaDaemon(std::shared_ptr<const Settings> settings, Log& log, Metrics& metrics,
                         DaemonStatus& status)
    : log_(log), metrics_(metrics), daemon_status_(status), settings_(std::move(settings)) {}

KafkaDaemon::~KafkaDaemon() = default;

std::function<void(const KafkaLog&)> KafkaDaemon::KafkaLogger() {
  return [this](const KafkaLog& line) { log_.Kafka(line); };
}

// For a call into librdkafka that never returns: the process ends at once, and the next one starts
// from the committed offsets.
std::function<void(std::string)> KafkaDaemon::Fatal() {
  return [this](const std::string& why) {
    log_.Error(why);
    std::_Exit(kExitUnavailable);
  };
}

void KafkaDaemon::Stop() {
  const std::lock_guard lock(mutex_);
  stopped_ = true;
  if (pipeline_ != nullptr) pipeline_->Stop();
  woken_.notify_all();
}

std::shared_ptr<const Settings> KafkaDaemon::running() {
  const std::lock_guard lock(mutex_);
  return settings_;
}

void KafkaDaemon::Reload() {
  absl::StatusOr<Settings> read = ReloadSettings(*running(), log_);
  if (!read.ok()) {
    daemon_status_.ReloadFailed();
    return;
  }
  const std::lock_guard lock(mutex_);
  next_ = std::make_shared<const Settings>(*std::move(read));
  if (pipeline_ != nullptr) pipeline_->Stop();
  woken_.notify_all();
}

void KafkaDaemon::Pause(Millis time) {
  std::unique_lock lock(mutex_);
  woken_.wait_for(lock, time, [this] { return stopped_.load(); });
}

absl::Status KafkaDaemon::Run() {
  RETURN_IF_ERROR(EnsureOutputs());
  if (stopped_) return absl::OkStatus();
  const KafkaConfig& kafka = settings_->config.kafka;
  ASSIGN_OR_RETURN(election_, JoinElection({.topic = ElectionTopic(kafka),
                                            .properties = ElectionProperties(kafka),
                                            .log = KafkaLogger()}));
  daemon_status_.CountRebalances([this] { return election_->rebalances(); });
  absl::Status end;
  Millis pause = kFirstPause;
  while (true) {
    const absl::StatusOr<bool> elected = StandBy();
    if (!elected.ok() || !*elected) {
      if (!elected.ok()) end = elected.status();
      break;
    }
    const EventTime began = WallClock();
    const absl::Status status = RunTerm();
    if (stopped_ || status.ok()) {
      if (stopped_) end = status;
      continue;
    }
    if (Hopeless(status)) {
      end = status;
      break;
    }
    pause = WallClock() - began > kLongestPause ? kFirstPause : std::min(pause * 2, kLongestPause);
    log_.Limited("term", LogLevel::kWarn, "term ended, beginning anew from what was committed",
                 {{"reason", Text(status)}, {"term", term_}, {"pause_ms", pause.count()}});
    Pause(pause);
  }
  daemon_status_.SetRole(Role::kStopping);
  daemon_status_.CountRebalances({});
  election_->Close();
  return end;
}

// A broker that is not there yet is waited for: the log says so.
absl::Status KafkaDaemon::EnsureOutputs() {
  const KafkaConfig& kafka = settings_->config.kafka;
  while (!stopped_) {
    const absl::Status status = EnsureTopics(
        AdminProperties(kafka), OutputTopicSpecs(settings_->config, settings_->program->incidents),
        kafka.create_topics, kafka.replication_factor, kTopicsTimeout, KafkaLogger());
    if (!absl::IsDeadlineExceeded(status) && !absl::IsUnavailable(status)) return status;
    log_.Limited("broker", LogLevel::kWarn, "waiting for the broker",
                 {{"bootstrap_servers", kafka.bootstrap_servers}, {"reason", Text(status)}});
  }
  return absl::OkStatus();
}

absl::StatusOr<bool> KafkaDaemon::StandBy() {
  bool said = false;
  while (!stopped_) {
    TakeReload();
    const absl::Status status = election_->WaitFor(true, kLookEvery);
    if (status.ok()) return true;
    if (absl::IsFailedPrecondition(status)) return status;
    if (!said) {
      said = true;
      daemon_status_.SetRole(Role::kStandby);
      log_.Info("standing by", {{"group", settings_->config.kafka.group}});
    }
  }
  return false;
}

void KafkaDaemon::TakeReload() {
  {
    const std::lock_guard lock(mutex_);
    if (next_ == nullptr) return;
    settings_ = std::exchange(next_, nullptr);
  }
  log_.SetSecrets(SecretsOf(settings_->config.kafka));
  daemon_status_.SetSettings(settings_);
  log_.Info("reloaded", {{"rules", settings_->program->version}});
  const absl::Status topics = EnsureOutputs();
  if (!topics.ok()) log_.Error("topics of the new rules", {{"reason", Text(topics)}});
}

absl::StatusOr<std::unique_ptr<Sink>> KafkaDaemon::OpenSink() {
  KafkaSinkOptions options;
  options.properties = SinkProperties(settings_->config.kafka);
  options.group = election_.get();
  options.log = KafkaLogger();
  // Some calls wait as long as no broker answers: an outage of a minute is to be sat out.
  options.watchdog = kWatchdog;
  options.fatal = Fatal();
  return OpenKafkaSink(std::move(options));
}

absl::StatusOr<std::unique_ptr<KafkaSource>> KafkaDaemon::OpenSource(const ResumePoint& resume) {
  KafkaSourceOptions options;
  for (const TopicOptions& topic : settings_->config.pipeline.topics) {
    (topic.role == TopicRole::kData ? options.topics : options.assigned).push_back(topic.topic);
  }
  options.properties = SourceProperties(settings_->config.kafka);
  options.committed = resume.committed;
  options.anew = made_anew_;
  options.fatal = Fatal();
  options.from_beginning = settings_->config.kafka.from_beginning;
  if (resume.warm_from != kMinTime) {
    options.from_time = LatenessBefore(resume.warm_from, settings_->config.pipeline);
  }
  options.now = WallClock;
  options.log = KafkaLogger();
  return OpenKafkaSource(std::move(options));
}

absl::StatusOr<ResumePoint> KafkaDaemon::ReadResume() {
  const Config& config = settings_->config;
  std::vector<std::string> topics;
  for (const TopicOptions& topic : config.pipeline.topics) {
    if (topic.role == TopicRole::kData) topics.push_back(topic.topic);
  }
  ASSIGN_OR_RETURN(
      const std::vector<CommitOffset> committed,
      ReadCommittedOffsets(SourceProperties(config.kafka), topics, kReadTimeout, KafkaLogger()));
  ResumePoint resume = ResumeFrom(committed);
  const auto gone = [this](const auto& entry) { return made_anew_.contains(entry.first.topic); };
  std::erase_if(resume.committed, gone);
  std::erase_if(resume.taken, gone);
  const RuleSet rules(settings_->program, config.pipeline.lookback);
  ReadStart(resume, rules.WarmUp(config.history));
  RETURN_IF_ERROR(ReadIncidents(resume));
  return resume;
}

// Where event time begins to count: after what was committed; at the first start where the
// configuration says.
void KafkaDaemon::ReadStart(ResumePoint& resume, Millis warm_up) const {
  const KafkaConfig& kafka = settings_->config.kafka;
  if (resume.committed.empty() && !kafka.from_beginning) {
    const int64_t tick = settings_->config.pipeline.tick.count();
    resume.closed = FromMillis(ToMillis(kafka.from_time.value_or(WallClock())) / tick * tick);
  }
  if (resume.closed != kMinTime) resume.warm_from = resume.closed - warm_up;
}

absl::Status KafkaDaemon::ReadIncidents(ResumePoint& resume) {
  const EventTime full_since =
      resume.closed == kMinTime
          ? kMinTime
          : resume.closed - std::max(kClosedKept, settings_->program->incidents.reopen_within);
  std::map<std::string, Incident> latest;  // by id
  int64_t unreadable = 0;
  RETURN_IF_ERROR(ReadTopicWhole(
      SourceProperties(settings_->config.kafka), settings_->config.pipeline.outputs.incidents,
      kReadTimeout,
      [&](const Record& record) {
        if (!record.value) return;
        absl::StatusOr<Incident> incident = DecodeIncident(*record.value);
        if (!incident.ok()) {
          ++unreadable;
          return;
        }
        const auto known = latest.find(incident->id);
        if (known != latest.end() && known->second.revision >= incident->revision) return;
        const bool old =
            incident->status != IncidentStatus::kOpen && incident->updated_at < full_since;
        std::string id = incident->id;
        latest.insert_or_assign(std::move(id), old ? EpisodeOf(*incident) : *std::move(incident));
      },
      KafkaLogger()));
  if (unreadable > 0) {
    log_.Warn("records on the incidents topic that are no incidents are left out",
              {{"records", unreadable}});
  }
  for (auto& [id, incident] : latest) resume.incidents.push_back(std::move(incident));
  return absl::OkStatus();
}

void KafkaDaemon::LogStart(const ResumePoint& resume) {
  const auto open = std::count_if(
      resume.incidents.begin(), resume.incidents.end(),
      [](const Incident& incident) { return incident.status == IncidentStatus::kOpen; });
  LogFields fields = {{"term", term_}, {"open_incidents", open}};
  if (resume.committed.empty()) {
    fields.emplace_back("start", settings_->config.kafka.from_beginning ? "earliest" : "first");
  }
  if (resume.closed != kMinTime) fields.emplace_back("resumes_at", FormatRfc3339(resume.closed));
  if (resume.warm_from != kMinTime) {
    fields.emplace_back("warms_up_from", FormatRfc3339(resume.warm_from));
  }
  log_.Info("active", fields);
}

absl::Status KafkaDaemon::RunTerm() {
  ++term_;
  daemon_status_.SetWaitingFor("the former active member's end");
  ASSIGN_OR_RETURN(const std::unique_ptr<Sink> sink, OpenSink());
  daemon_status_.SetWaitingFor("what was committed");
  ASSIGN_OR_RETURN(ResumePoint resume, ReadResume());
  daemon_status_.SetWaitingFor("");
  LogStart(resume);
  ASSIGN_OR_RETURN(const std::unique_ptr<KafkaSource> source, OpenSource(resume));
  PipelineOptions options = settings_->config.pipeline;
  options.now = WallClock;
  options.catching_up_after = settings_->config.catching_up_after;
  options.resume = std::move(resume);
  absl::Status status;
  {
    Pipeline pipeline(settings_->program, *source, *sink, metrics_, std::move(options));
    status = RunPipeline(pipeline);
  }
  made_anew_.clear();
  for (std::string& topic : source->made_anew()) made_anew_.insert(std::move(topic));
  const absl::Status closed = sink->Close();
  source->Close();
  if (!made_anew_.empty() && ++left_behind_ == kLeftBehindMax) {
    Fatal()(fmt::format("input topics were made anew {} times: a restart cleans up", left_behind_));
  }
  return status.ok() ? closed : status;
}

absl::Status KafkaDaemon::RunPipeline(Pipeline& pipeline) {
  pipeline.OnIncident(
      [this](const Incident& incident) { log_.Info("incident", IncidentFields(incident)); });
  pipeline.OnPhase([this](Phase phase, size_t warming) {
    LogFields fields = {{"phase", Name(phase)}};
    if (warming > 0) fields.emplace_back("warming_rules", warming);
    log_.Info("phase", fields);
  });
  std::atomic<bool> lost = false;
  election_->OnLost([&] {
    lost = true;
    pipeline.Abandon();
  });
  {
    const std::lock_guard lock(mutex_);
    pipeline_ = &pipeline;
    if (stopped_ || next_ != nullptr) pipeline.Stop();
  }
  daemon_status_.BeginTerm([&pipeline] { return pipeline.View(); });
  const absl::Status status = pipeline.Run();
  daemon_status_.EndTerm();
  metrics_.HideGauges();
  {
    const std::lock_guard lock(mutex_);
    pipeline_ = nullptr;
  }
  election_->OnLost({});
  if (lost) {
    log_.Warn("another member has become the active one", {{"term", term_}});
    return absl::OkStatus();
  }
  return status;
}

}  // namespace rootnote
