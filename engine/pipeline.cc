#include "engine/pipeline.h"

#include <algorithm>
#include <array>
#include <map>
#include <utility>

#include "fmt/format.h"

#include "engine/arrivals.h"
#include "engine/changes.h"
#include "engine/detector.h"
#include "engine/intake.h"
#include "engine/journal.h"
#include "engine/outbox.h"
#include "engine/own_rules.h"
#include "engine/restored.h"
#include "engine/retelling.h"
#include "engine/router.h"
#include "engine/rule_set.h"
#include "engine/shard_pool.h"

namespace rootnote {
namespace {

constexpr Millis kPollTimeout{50};
constexpr uint64_t kReplayCommitRecords = 4'096;
constexpr size_t kOutboxBytesMax = 8U << 20;

ClockOptions ClockOptionsOf(const PipelineOptions& options) {
  ClockOptions clock;
  clock.tick = options.tick;
  clock.skew_limit = options.skew_limit;
  clock.idle_after = options.idle_after;
  clock.max_hold = options.max_hold;
  clock.ahead_max = options.ahead_max;
  return clock;
}

DetectorOptions DetectorOptionsOf(const PipelineOptions& options, Millis lateness_max) {
  DetectorOptions detector;
  detector.shards = options.shards;
  detector.lookback = options.lookback;
  detector.evaluation_interval = options.evaluation_interval;
  detector.tick = options.tick;
  detector.event_memory = lateness_max;
  detector.series_max = options.series_max;
  return detector;
}

}  // namespace

// Everything in the order of the data's way. Members that refer to others come after them.
class Pipeline::Loop {
 public:
  Loop(std::shared_ptr<const Program> program, Source& source, Sink& sink, Metrics& metrics,
       PipelineOptions options);

  absl::Status Run();
  void Stop() { stopped_.store(true, std::memory_order_relaxed); }
  void Abandon() {
    abandoned_.store(true, std::memory_order_relaxed);
    Stop();
  }
  std::shared_ptr<const EngineView> View() const { return std::atomic_load(&view_); }

  std::function<void(const Incident&)> on_incident;
  std::function<void(const Transition&, const Program&)> on_transition;
  std::function<void(Phase, size_t)> on_phase;

 private:
  bool replay() const { return !options_.now; }
  bool over() const;
  std::optional<EventTime> Now() const {
    return options_.now ? std::optional(options_.now()) : std::nullopt;
  }
  absl::Status Round();
  void LoadTopology(std::optional<EventTime> now);
  void ApplyWaiting();
  absl::Status Retell();
  void CloseTicks();
  std::optional<EventTime> NextTick(EventTime closed) const;
  void CloseTick(EventTime tick);
  void BeginLive(EventTime closed);
  bool MayBegin(EventTime closed) const;
  void UpdateCatchingUp(EventTime tick);
  Phase phase() const;
  std::vector<PartitionView> PartitionViews() const;
  void Correlate(EventTime tick, const std::vector<Transition>& transitions,
                 const std::shared_ptr<const Topology>& topology);
  void CloseRest();
  absl::Status CommitIfDue();
  absl::Status Commit();
  void ObserveCommit(const std::vector<Incident>& left);
  void CollectOffsets();
  void Publish();
  void UpdateGauges();

  const PipelineOptions options_;
  Source& source_;
  Sink& sink_;
  Metrics& metrics_;
  const RuleSet rules_;
  std::atomic<bool> stopped_{false}, abandoned_{false};

  ShardPool pool_;
  TopicNames topics_;
  Clock clock_;
  Journal journal_;
  Retelling retelling_;
  Intake intake_;
  Router router_;
  TopologyStore topology_;
  Outbox outbox_;
  Detector detector_;
  IncidentStore incidents_;
  Arrivals arrivals_;
  RestoredSymptoms restored_;

  bool live_;  // decides; else it lives through again what was decided
  bool catching_up_ = false, caught_up_ = false;
  EventTime executed_ = kMinTime;         // end of the last tick whose work was done
  EventTime attend_until_ = kMinTime;     // incidents may still have something due until here
  std::map<std::string, Severity> open_;  // incidents that are open
  std::optional<EventTime> started_, last_commit_, last_publish_;
  uint64_t applied_ = 0, applied_at_commit_ = 0;
  std::shared_ptr<const Topology> map_;
  std::shared_ptr<const EngineView> view_;  // atomically exchanged

  std::optional<EventTime> map_changed_;  // by the wall clock
  Metric &bytes_, &ticks_, &entities_, &relations_, &topology_version_, &topology_age_;
  HistogramMetric &commit_duration_, &detection_delay_;
};

Pipeline::Loop::Loop(std::shared_ptr<const Program> program, Source& source, Sink& sink,
                     Metrics& metrics, PipelineOptions options)
    : options_(std::move(options)),
      source_(source),
      sink_(sink),
      metrics_(metrics),
      rules_(WithOwnRules(std::move(program)), options_.lookback),
      pool_(options_.threads),
      clock_(ClockOptionsOf(options_)),
      intake_(options_, pool_, clock_, topics_, metrics),
      router_(options_.shards),
      topology_(rules_.program_ptr(), TopologyOptions()),
      outbox_(options_.outputs, options_.evidence_positions, options_.incidents.engine_version,
              metrics),
      detector_(rules_, pool_, topics_, DetectorOptionsOf(options_, intake_.lateness_max()),
                metrics),
      incidents_(rules_.program_ptr(), detector_.watch(), options_.incidents),
      arrivals_(rules_, {clock_, journal_, router_, topology_, outbox_, incidents_}, options_.tick,
                !options_.now && options_.retold_path.empty(), options_.topology_from,
                options_.resume, metrics),
      restored_(rules_.program(), options_.resume.incidents),
      live_(options_.resume.empty()),
      map_(topology_.Snapshot()),
      view_(std::make_shared<EngineView>()),
      bytes_(metrics.Counter("rootnote_kafka_bytes_consumed_total", "Bytes of records taken in.")),
      ticks_(metrics.Counter("rootnote_ticks_closed_total", "Ticks whose work was done.")),
      entities_(metrics.Gauge("rootnote_topology_entities", "Entities of the map.")),
      relations_(metrics.Gauge("rootnote_topology_edges", "Relations of the map.")),
      topology_version_(metrics.Gauge("rootnote_topology_version", "Version of the map.")),
      topology_age_(metrics.Gauge("rootnote_topology_age_seconds", "How long ago the map changed.",
                                  "", MetricUnit::kMillis)),
      commit_duration_(metrics.Histogram("rootnote_produce_latency_seconds",
                                         "How long a commit took, all its records included.",
                                         kLatencyBuckets)),
      detection_delay_(metrics.Histogram(
          "rootnote_incident_detection_delay_seconds",
          "From the event time of the first evidence to the commit that opened the incident.",
          kDelayBuckets)) {}

absl::Status Pipeline::Loop::Run() {
  outbox_.UseProjections(rules_.program().incidents.routes);
  RETURN_IF_ERROR(intake_.Open());
  if (!options_.journal_path.empty()) {
    RETURN_IF_ERROR(live_ ? journal_.Open(options_.journal_path)
                          : journal_.Append(options_.journal_path, options_.resume.closed));
  }
  if (!options_.retold_path.empty()) {
    RETURN_IF_ERROR(retelling_.Open(options_.retold_path));
    clock_.Follow(kMinTime, {});
  }
  started_ = Now();
  last_commit_ = started_;
  detector_.CoverFrom(options_.resume.warm_from);
  incidents_.Restore(options_.resume.incidents);
  detector_.Resume(restored_.Symptoms());
  while (!stopped_.load(std::memory_order_relaxed) && !over() &&
         clock_.closed() < options_.stop_at) {
    RETURN_IF_ERROR(Round());
  }
  if (!retelling_.is_open() && intake_.finished()) {
    CloseRest();
  }
  if (live_ && !abandoned_.load(std::memory_order_relaxed)) {
    RETURN_IF_ERROR(Commit());
  }
  Publish();
  return journal_.Close();
}

bool Pipeline::Loop::over() const {
  return retelling_.is_open() ? retelling_.entry() == nullptr : intake_.finished();
}

// poll → decode → route → tick → correlate → emit → commit
absl::Status Pipeline::Loop::Round() {
  PollLimits limits;
  limits.records_max = options_.batch_records;
  ASSIGN_OR_RETURN(SourceBatch polled, source_.Poll(limits, kPollTimeout));
  const std::optional<EventTime> now = Now();
  for (const PartitionNotice& notice : polled.notices) {
    intake_.Note(notice, now);
  }
  bytes_.Add(static_cast<int64_t>(polled.batch.bytes));
  intake_.Take(std::move(polled.batch));
  clock_.Advance(now);
  arrivals_.NoteClosed();
  if (retelling_.is_open()) {
    RETURN_IF_ERROR(Retell());
  } else {
    LoadTopology(now);
    ApplyWaiting();
    CloseTicks();
  }
  RETURN_IF_ERROR(CommitIfDue());
  intake_.BalancePressure(source_, now);
  return absl::OkStatus();
}

// The map first: until it is read to the end found at start, nothing else is applied.
void Pipeline::Loop::LoadTopology(std::optional<EventTime> now) {
  if (intake_.topology_loaded()) {
    return;
  }
  while (IntakePartition* partition = intake_.Next(replay())) {
    arrivals_.Apply(*partition, intake_.Pop(*partition), true);
    ++applied_;
  }
  const bool give_up = now && started_ && *now - *started_ > options_.topology_load_timeout;
  intake_.UpdateTopologyLoaded(give_up);
  if (intake_.topology_loaded()) {
    map_ = topology_.Snapshot();  // once: versions must not count polls
  }
}

void Pipeline::Loop::ApplyWaiting() {
  while (IntakePartition* partition = intake_.Next(replay())) {
    arrivals_.Apply(*partition, intake_.Pop(*partition), !intake_.topology_loaded());
    ++applied_;
  }
  arrivals_.NoteClosed();
}

// The journal's next ticks, as far as their records have come. The map comes first, as it did.
absl::Status Pipeline::Loop::Retell() {
  while (retelling_.entry() != nullptr) {
    while (IntakePartition* partition =
               intake_.topology_loaded() ? nullptr : retelling_.NextToLoad(intake_)) {
      arrivals_.Apply(*partition, intake_.Pop(*partition), true);
    }
    if (!intake_.topology_loaded() && retelling_.Loaded(intake_)) {
      intake_.UpdateTopologyLoaded(true);
      map_ = topology_.Snapshot();
    }
    while (IntakePartition* partition =
               intake_.topology_loaded() ? retelling_.Next(intake_) : nullptr) {
      arrivals_.Apply(*partition, intake_.Pop(*partition), false);
      ++applied_;
    }
    ASSIGN_OR_RETURN(const bool complete, retelling_.Complete(intake_));
    if (!complete) {
      return absl::OkStatus();
    }
    clock_.Follow(retelling_.entry()->watermark, retelling_.entry()->clock);
    arrivals_.NoteClosed();
    CloseTicks();
    RETURN_IF_ERROR(retelling_.Advance());
  }
  return absl::OkStatus();
}

// Closes, in order, the ticks that the watermark has passed and that have anything to say.
void Pipeline::Loop::CloseTicks() {
  const EventTime closed = std::min(clock_.closed(), options_.stop_at);
  if (closed == kMinTime || !intake_.topology_loaded()) {
    return;
  }
  const EventTime muted = live_ ? kMinTime : std::min(closed, options_.resume.closed);
  while (const std::optional<EventTime> tick = NextTick(live_ ? closed : muted)) {
    CloseTick(*tick);
    executed_ = *tick;
  }
  executed_ = std::max(executed_, live_ ? closed : muted);
  if (!live_ && MayBegin(closed)) {
    BeginLive(closed);
    CloseTicks();
  }
}

// A partition that the former run had read and that does not come back is waited for only so long.
bool Pipeline::Loop::MayBegin(EventTime closed) const {
  if (closed < options_.resume.closed) {
    return false;
  }
  const std::optional<EventTime> now = Now();
  return intake_.ReadAgain() || (now && started_ && *now - *started_ > options_.max_hold);
}

// What was decided before has been lived through again: the incidents take up where they were, and
// learn how all symptoms are now.
void Pipeline::Loop::BeginLive(EventTime closed) {
  live_ = true;
  EventTime tick = options_.resume.closed;
  if (tick == kMinTime) {  // the offsets were set by hand: nothing was lived through
    tick = NextTick(closed).value_or(closed) - options_.tick;
    detector_.CoverFrom(tick);
  }
  detector_.CoverFrom(intake_.CoveredFrom(tick));
  UpdateCatchingUp(tick);
  Correlate(tick, restored_.Begin(tick, detector_, detector_.Active(*map_)), map_);
}

// Event time without work is skipped, not lived through.
std::optional<EventTime> Pipeline::Loop::NextTick(EventTime closed) const {
  EventTime next = router_.NextTick(closed).value_or(kMaxTime);
  if (executed_ != kMinTime) {
    next = std::min(next, detector_.NextDue(executed_));
    if (detector_.active() > 0 || !open_.empty() || executed_ < attend_until_) {
      next = std::min(next, executed_ + options_.tick);
    }
  }
  return next <= closed ? std::optional(next) : std::nullopt;
}

void Pipeline::Loop::CloseTick(EventTime tick) {
  TickWork work = router_.Take(tick);
  for (const ArrivedChange& change : work.changes) {
    topology_.Apply(change.change, change.now);
  }
  map_ = topology_.Snapshot();
  for (const Incident::Change& change : ChangesOf(rules_.program(), work.suspects, *map_)) {
    incidents_.NoteChange(change);
  }
  detector_.CoverFrom(intake_.CoveredFrom(tick));
  std::vector<Transition> transitions =
      detector_.Close(std::move(work), *map_, intake_.AnyFrozen() || tick <= clock_.silent_until());
  ticks_.Add();
  std::vector<UnresolvedResult> unresolved = detector_.TakeUnresolved();
  if (!detector_.begun() || !live_) {
    return;
  }
  UpdateCatchingUp(tick);
  restored_.Settle(tick, detector_, transitions);
  if (on_transition) {
    for (const Transition& transition : transitions) {
      on_transition(transition, rules_.program());
    }
  }
  for (const UnresolvedResult& result : unresolved) {
    outbox_.AddUnresolved(result);
  }
  Correlate(tick, transitions, map_);
}

void Pipeline::Loop::Correlate(EventTime tick, const std::vector<Transition>& transitions,
                               const std::shared_ptr<const Topology>& topology) {
  if (!transitions.empty()) {
    const IncidentPolicy& policy = rules_.program().incidents;
    attend_until_ = tick + policy.hold_back + policy.resolve_after;
  }
  for (Incident& incident : incidents_.Step(tick, transitions, topology)) {
    if (incident.status == IncidentStatus::kOpen) {
      open_[incident.id] = incident.severity;
    } else {
      open_.erase(incident.id);
    }
    metrics_
        .Counter("rootnote_incidents_total", "Revisions of incidents.",
                 fmt::format("rule=\"{}\",transition=\"{}\"",
                             EscapeLabelValue(incident.root.empty() ? "" : incident.root[0].fault),
                             Name(incident.state)))
        .Add();
    outbox_.AddIncident(std::move(incident));
  }
}

// The input is at its end: all instants up to the last record are evaluated.
void Pipeline::Loop::CloseRest() {
  const EventTime last = std::max(clock_.LastTime(), options_.until);
  if (last != kMinTime) {
    clock_.CloseThrough(last);
    arrivals_.NoteClosed();
  }
  CloseTicks();
}

absl::Status Pipeline::Loop::CommitIfDue() {
  if (!live_) {
    const std::optional<EventTime> now = Now();
    if (now && (!last_publish_ || *now - *last_publish_ >= 1s)) {
      UpdateGauges();
      Publish();
    }
    return absl::OkStatus();
  }
  const std::optional<EventTime> now = Now();
  const bool due =
      now ? *now - *last_commit_ >= options_.commit_interval || outbox_.bytes() > kOutboxBytesMax
          : !outbox_.empty() || applied_ - applied_at_commit_ >= kReplayCommitRecords;
  return due ? Commit() : absl::OkStatus();
}

// Offsets of closed ticks, with what these ticks made, in one commit.
absl::Status Pipeline::Loop::Commit() {
  last_commit_ = Now();
  applied_at_commit_ = applied_;
  CollectOffsets();
  RETURN_IF_ERROR(journal_.Flush());
  std::vector<Incident> left;
  if (!outbox_.empty()) {
    ASSIGN_OR_RETURN(left, outbox_.Write(sink_));
    ObserveCommit(left);
  }
  UpdateGauges();
  const bool stale = !last_commit_ || !last_publish_ || *last_commit_ - *last_publish_ >= 1s;
  if (!left.empty() || stale) {
    Publish();
  }
  if (on_incident) {
    for (const Incident& incident : left) {
      on_incident(incident);
    }
  }
  return absl::OkStatus();
}

void Pipeline::Loop::ObserveCommit(const std::vector<Incident>& left) {
  const std::optional<EventTime> now = Now();
  if (!now) {
    return;
  }
  commit_duration_.Observe((*now - *last_commit_).count());
  for (const Incident& incident : left) {
    if (incident.state == IncidentState::kOpen && !incident.catching_up) {
      detection_delay_.Observe(std::max<int64_t>(0, (*now - incident.started_at).count()));
    }
  }
}

// All partitions at once, or none: their metadata says of one tick what had been decided by then.
void Pipeline::Loop::CollectOffsets() {
  bool changed = !outbox_.empty();
  for (const auto& partition : intake_.partitions()) {
    if (partition->role == TopicRole::kData && partition->cut.applied()) {
      changed = changed || partition->cut.Next(executed_) != partition->committed ||
                *partition->cut.applied() != partition->committed_taken;
    }
  }
  for (const auto& partition : intake_.partitions()) {
    if (!changed || partition->role != TopicRole::kData || !partition->cut.applied()) {
      continue;  // topology is read whole at every start
    }
    partition->committed = partition->cut.Next(executed_);
    partition->committed_taken = *partition->cut.applied();
    const CommitMark mark{executed_, std::max(partition->taken, partition->committed_taken),
                          journal_.lines()};
    outbox_.AddOffset({partition->name, *partition->committed, ToMetadata(mark)});
  }
}

// A mark of the beginning: once event time has been near the wall clock, lag is only lag.
void Pipeline::Loop::UpdateCatchingUp(EventTime tick) {
  const std::optional<EventTime> now = caught_up_ ? std::nullopt : Now();
  if (!now) {
    return;
  }
  const bool behind = *now - tick > options_.catching_up_after;
  caught_up_ = !behind;
  if (behind != catching_up_) {
    catching_up_ = behind;
    incidents_.SetCatchingUp(behind);
  }
}

Phase Pipeline::Loop::phase() const {
  if (!intake_.topology_loaded()) {
    return Phase::kLoading;
  }
  if (!live_) {
    return Phase::kWarmingUp;
  }
  return catching_up_ ? Phase::kCatchingUp : Phase::kLive;
}

std::vector<PartitionView> Pipeline::Loop::PartitionViews() const {
  std::vector<PartitionView> views;
  for (const auto& partition : intake_.partitions()) {
    PartitionView& view = views.emplace_back();
    view.partition = partition->name;
    view.role = partition->role;
    view.next_offset = partition->cut.applied().value_or(partition->next_offset);
    view.end_offset = partition->end_now;
    view.unreachable = partition->unreachable;
    if (partition->clock) {
      view.watermark = clock_.WatermarkOf(*partition->clock);
      view.idle = clock_.Idle(*partition->clock);
    }
  }
  std::sort(views.begin(), views.end(), [](const PartitionView& a, const PartitionView& b) {
    return a.partition < b.partition;
  });
  return views;
}

void Pipeline::Loop::Publish() {
  last_publish_ = Now();
  auto view = std::make_shared<EngineView>();
  view->watermark = clock_.watermark();
  view->closed_tick = executed_;
  view->phase = phase();
  view->warming = executed_ == kMinTime ? 0 : detector_.warming(executed_);
  view->ready = view->phase >= Phase::kCatchingUp && view->warming == 0;
  view->partitions = PartitionViews();
  if (on_phase &&
      (view->phase != View()->phase || (view->warming == 0) != (View()->warming == 0))) {
    on_phase(view->phase, view->warming);
  }
  view->incidents = incidents_.All();
  view->findings = incidents_.Findings();
  view->topology_version = map_->version();
  view->topology_entities = map_->entities_alive();
  std::atomic_store(&view_, std::shared_ptr<const EngineView>(std::move(view)));
}

void Pipeline::Loop::UpdateGauges() {
  std::array<int64_t, 4> open{};
  for (const auto& [id, severity] : open_) {
    ++open[static_cast<size_t>(severity)];
  }
  for (size_t i = 0; i < open.size(); ++i) {
    metrics_
        .Gauge("rootnote_incidents_open", "Open incidents.",
               fmt::format("severity=\"{}\"", Name(static_cast<Severity>(i))))
        .Set(open[i]);
  }
  entities_.Set(static_cast<int64_t>(map_->entities_alive()));
  relations_.Set(static_cast<int64_t>(map_->relations_alive()));
  const std::optional<EventTime> now = Now();
  if (now) {
    if (!map_changed_ || topology_version_.value() != static_cast<int64_t>(map_->version())) {
      map_changed_ = now;
    }
    topology_age_.Set((*now - *map_changed_).count());
    intake_.UpdateGauges(*now);
  }
  topology_version_.Set(static_cast<int64_t>(map_->version()));
}

std::string_view Name(Phase phase) {
  switch (phase) {
    case Phase::kLoading:
      return "loading";
    case Phase::kWarmingUp:
      return "warming_up";
    case Phase::kCatchingUp:
      return "catching_up";
    case Phase::kLive:
      return "live";
  }
  return "";
}

Pipeline::Pipeline(std::shared_ptr<const Program> program, Source& source, Sink& sink,
                   Metrics& metrics, PipelineOptions options)
    : loop_(std::make_unique<Loop>(std::move(program), source, sink, metrics, std::move(options))) {
}

Pipeline::~Pipeline() = default;

absl::Status Pipeline::Run() { return loop_->Run(); }
void Pipeline::Stop() { loop_->Stop(); }
void Pipeline::Abandon() { loop_->Abandon(); }
std::shared_ptr<const EngineView> Pipeline::View() const { return loop_->View(); }

void Pipeline::OnIncident(std::function<void(const Incident&)> callback) {
  loop_->on_incident = std::move(callback);
}

void Pipeline::OnPhase(std::function<void(Phase, size_t)> callback) {
  loop_->on_phase = std::move(callback);
}

void Pipeline::OnTransition(std::function<void(const Transition&, const Program&)> callback) {
  loop_->on_transition = std::move(callback);
}

}  // namespace rootnote
