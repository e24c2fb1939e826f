#include "engine/incidents_lifecycle.h"

#include <algorithm>
#include <utility>

#include "fmt/format.h"

#include "schemas/base/check.h"
#include "xxhash.h"

namespace rootnote {
namespace {

// At most one `updated` in so much event time, except for what is urgent (SEMANTICS section 6).
constexpr Millis kUpdateInterval{30'000};
// A symptom that outlives its root's recovery by so much has another cause.
constexpr Millis kReleaseAfter{30 * 60'000};
// The seed of incident ids: part of the contract, like the form of the key.
constexpr uint64_t kIdSeed = 0;

std::string IdOf(const std::string& key, int64_t episode) {
  return fmt::format("rn-{:016x}-{}", XXH64(key.data(), key.size(), kIdSeed), episode);
}

// Who has it in hand, or does not want to hear of it, is not reminded.
bool Reminds(const LiveIncident& live) {
  return !live.record.acknowledged && !live.record.silenced;
}

RecordKey RecordKeyOf(const Program& program, const Symptom& symptom) {
  return {symptom.entity, program.signal(symptom.signal).name, symptom.relation_from};
}

}  // namespace

IncidentStore::Lifecycle::Lifecycle(std::shared_ptr<const Program> program, const WatchView& watch,
                                    const IncidentOptions& options)
    : program_(std::move(program)),
      options_(options),
      correlator_(program_, watch, options.correlator),
      calendar_(program_) {}

std::vector<Incident> IncidentStore::Lifecycle::Step(EventTime tick,
                                                     std::span<const Transition> transitions,
                                                     std::shared_ptr<const Topology> topology) {
  CHECK(topology != nullptr);
  now_ = tick;
  const bool same_map = has_map_ && topology->version() == map_version_;
  if (same_map && transitions.empty() && tick < next_due_) return {};
  has_map_ = true;
  map_version_ = topology->version();
  emitted_.clear();
  correlator_.SetTopology(std::move(topology), tick);
  std::vector<Correlator::Ended> ended;
  for (const Transition& transition : transitions) ApplyRestored(transition, ended);
  correlator_.EndRemoved(tick, ended);
  first_step_ = std::exchange(rebuilt_, false);
  if (first_step_) FindRestoredRoots();
  for (const Correlator::Ended& end : ended) OnEnded(end);
  if (first_step_) EndUnseen();
  NoteCaughtUp();
  MarkWindows(tick);
  std::map<int64_t, std::string> roots;
  for (const auto& [slot, live] : open_) roots.emplace(slot, live.root);
  for (const RegionView& region : correlator_.Evaluate(tick, roots)) Decide(region);
  FindExternal();
  MergeShared();
  CloseTaken();
  ApplyControls();
  RunTimers();
  stats_.refused_symptoms = correlator_.stats().refused_limit;
  stats_.evaluations = correlator_.stats().evaluations;
  next_due_ = correlator_.NextDue();
  for (const auto& [slot, live] : open_) next_due_ = std::min(next_due_, NextTimer(live));
  next_due_ = std::min(next_due_, NextControl());
  if (!program_->maintenance.empty() && !correlator_.empty()) {
    next_due_ = std::min(next_due_, next_window_);
  }
  std::stable_sort(emitted_.begin(), emitted_.end(), [](const Incident& a, const Incident& b) {
    return a.id != b.id ? a.id < b.id : a.revision < b.revision;
  });
  return std::exchange(emitted_, {});
}

void IncidentStore::Lifecycle::OnEnded(const Correlator::Ended& ended) {
  auto found = open_.find(ended.symptom.owner);
  if (found == open_.end()) return;
  LiveIncident& live = found->second;
  const Symptom& symptom = ended.symptom.symptom;
  auto owned = live.symptoms.find(RecordKeyOf(*program_, symptom));
  if (owned != live.symptoms.end()) {
    owned->second.resolved_at = ended.time;
    owned->second.resolved_reason = ended.reason;
  }
  SymptomEnded(live, symptom.entity, ended.time, ended.reason,
               program_->signal(symptom.signal).severity == Severity::kInfo);
}

void IncidentStore::Lifecycle::SymptomEnded(LiveIncident& live, const std::string& entity,
                                            EventTime time, const std::string& reason, bool info) {
  Note(live, reason.empty() ? "evidence" : reason, /*urgent=*/false);
  const Estate& estate = correlator_.estate();
  std::optional<EntityId> root = estate.Find(live.root);
  const bool root_failing = live.causes.empty() && root && estate.FailingAnywhere(*root);
  if (entity == live.root && live.had_evidence && live.causes.empty() && !root_failing &&
      !live.recovered_at) {
    live.recovered_at = time;
    Note(live, "root_recovered", /*urgent=*/true);
  }
  --live.active;
  live.info -= info ? 1 : 0;
  if (info || live.active > live.info) return;
  live.last_end = time;
  live.end_reason = reason;
  live.challenger.clear();
  if (live.had_evidence && !live.recovered_at) {
    live.recovered_at = time;
    Note(live, "root_recovered", /*urgent=*/true);
  }
}

void IncidentStore::Lifecycle::MarkWindows(EventTime tick) {
  if (program_->maintenance.empty()) return;
  if (tick >= next_window_) next_window_ = calendar_.NextChange(tick).value_or(kMaxTime);
  if (!calendar_.AnyOpen(tick) && !marked_) return;
  marked_ = false;
  const Estate& estate = correlator_.estate();
  for (ActiveSymptom* active : correlator_.Active()) {
    const Maintenance* window =
        calendar_.Covering(estate.map(), std::string_view(active->symptom.entity), tick);
    marked_ = marked_ || window != nullptr;
    if (window == active->window) continue;
    active->window = window;
    correlator_.SetDue(active->region, kMinTime);
  }
}

LiveIncident& IncidentStore::Lifecycle::Begin(const Candidate& candidate) {
  const std::string key = candidate.name + "|" + candidate.fault;
  const int64_t slot = next_slot_++;
  LiveIncident& live = open_[slot];
  live.slot = slot;
  live.root = candidate.name;
  live.fault = candidate.fault;
  live.declared = candidate.declared;
  live.due_reason = "root_found";
  live.last_end = now_;
  for (auto at = closed_order_.rbegin(); at != closed_order_.rend(); ++at) {
    if (at->first + program_->incidents.reopen_within < now_) break;
    auto closed = closed_.find(at->second);
    if (closed == closed_.end() || closed->second.closed_at != at->first ||
        closed->second.record.status != IncidentStatus::kResolved) {
      continue;
    }
    const bool present = closed->second.root == live.root && closed->second.fault == live.fault;
    if (!present && closed->second.record.key != key) continue;
    live.record = std::move(closed->second.record);
    Episode& episode = live;
    episode = std::move(closed->second.episode);
    live.impact.erase(live.root);
    live.record.resolved_at.reset();
    live.record.reopened_at = now_;
    live.record.maintenance_name.clear();
    live.record.maintenance_owner.clear();
    live.record.acknowledged.reset();  // new trouble, which nobody has seen yet
    live.record.silenced.reset();
    live.due_state = IncidentState::kReopened;
    closed_.erase(closed);
    return live;
  }
  Identify(live, key);
  live.record.revision = 0;
  live.record.opened_at = now_;
  live.due_state = IncidentState::kOpen;
  return live;
}

// The next episode of the key.
void IncidentStore::Lifecycle::Identify(LiveIncident& live, const std::string& key) {
  live.record.key = key;
  live.record.episode = ++episodes_[key];
  live.record.id = IdOf(key, live.record.episode);
}

void IncidentStore::Lifecycle::Own(LiveIncident& live, ActiveSymptom& active) {
  if (active.symptom.state != SignalState::kFiring) return;
  correlator_.SetOwner(active, live.slot);
  const Signal& signal = program_->signal(active.symptom.signal);
  ++live.active;
  live.info += signal.severity == Severity::kInfo ? 1 : 0;
  const bool known = WasCut(live, active);
  live.symptoms[RecordKeyOf(*program_, active.symptom)] = {active.symptom, std::nullopt, ""};
  const std::string& entity = ConcernedBy(*program_, active.symptom, live.root);
  const bool cause = std::binary_search(live.causes.begin(), live.causes.end(), entity);
  if (entity == live.root || cause) {
    if (!known) Note(live, "evidence", /*urgent=*/false);
    return;
  }
  const bool first = live.impact.empty();
  auto [impact, fresh] = live.impact.try_emplace(entity);
  if (fresh) impact->second.onset = active.symptom.onset;
  impact->second.onset = std::min(impact->second.onset, active.symptom.onset);
  impact->second.signals.insert(signal.name);
  if (active.window != nullptr) impact->second.maintenance = active.window->name;
  if (!known) Note(live, fresh ? "impact_grew" : "evidence", /*urgent=*/first);
}

// Gives affected entities the path from the root; what has none stays unexplained.
void IncidentStore::Lifecycle::PlaceImpact(LiveIncident& live) {
  const bool missing = std::any_of(live.impact.begin(), live.impact.end(),
                                   [](const auto& entry) { return entry.second.path.empty(); });
  if (!missing) return;
  const Estate& estate = correlator_.estate();
  for (const ImpactPath& path : ViewOf(estate, live).paths) {
    auto impact = live.impact.find(std::string(estate.Name(path.entity)));
    if (impact == live.impact.end() || !impact->second.path.empty()) continue;
    for (EntityId step : path.path) impact->second.path.emplace_back(estate.Name(step));
    for (RelationId step : path.relations) {
      impact->second.relations.push_back(program_->relation(step).name);
    }
  }
}

void IncidentStore::Lifecycle::Note(LiveIncident& live, std::string_view reason, bool urgent) {
  if (live.due_state) return;  // the opening says it all
  // The first urgent reason of a revision stands, else what came first; growth says more than
  // evidence.
  const bool stronger = (urgent && !live.due_urgent) || live.due_reason.empty() ||
                        (live.due_reason == "evidence" && !live.due_urgent);
  if (stronger) live.due_reason = reason;
  live.due_urgent = live.due_urgent || urgent;
}

void IncidentStore::Lifecycle::UpdateSeverity(LiveIncident& live) {
  const Severity severity = SeverityOf(*program_, live);
  if (severity == live.severity) return;
  live.severity = severity;
  Note(live, "severity_changed", /*urgent=*/true);
}

void IncidentStore::Lifecycle::Emit(LiveIncident& live, IncidentState state,
                                    std::string_view reason) {
  Incident& record = live.record;
  ++record.revision;
  record.state = state;
  record.reason = reason;
  record.updated_at = now_;
  record.catching_up = catching_up_;
  RecordContext context{correlator_.estate(),    calendar_,   changes_, options_.blast_labels,
                        options_.engine_version, RecordCaps{}};
  FillRecord(context, live, record);
  if (options_.routing && !catching_up_) {
    stats_.routed += AddRoutes(program_->incidents, record);
  }
  live.due_reason.clear();
  live.due_urgent = false;
  live.due_state.reset();
  live.last_emitted = now_;
  emitted_.push_back(record);
}

// The last revision. The live incident is erased by the caller.
void IncidentStore::Lifecycle::Close(LiveIncident& live, IncidentState state,
                                     std::string_view reason) {
  live.record.status = state == IncidentState::kMerged       ? IncidentStatus::kMerged
                       : state == IncidentState::kSuperseded ? IncidentStatus::kSuperseded
                                                             : IncidentStatus::kResolved;
  if (state == IncidentState::kResolved) {
    live.record.resolved_at = now_;
    NoteTurn(live);
  }
  Emit(live, state, reason);
  closed_order_.emplace_back(now_, live.record.id);
  const Episode& episode = live;
  closed_[live.record.id] = {live.record, live.root, live.fault, now_, episode};
  EvictClosed();
}

void IncidentStore::Lifecycle::NoteTurn(LiveIncident& live) const {
  const std::optional<Flapping>& flapping = program_->incidents.flapping;
  if (!flapping) return;
  std::vector<EventTime>& turns = live.turns;
  const bool quiet = !turns.empty() && live.record.status != IncidentStatus::kOpen &&
                     turns.size() >= flapping->changes;
  if (quiet) turns.clear();  // it has been quiet for long enough
  turns.push_back(now_);
  std::erase_if(turns, [&](EventTime turn) { return turn <= now_ - flapping->in; });
}

// One that flaps stays open, so that nobody is told each time.
Millis IncidentStore::Lifecycle::ResolveAfter(const LiveIncident& live) const {
  const IncidentPolicy& policy = program_->incidents;
  const bool flaps = policy.flapping && live.turns.size() >= policy.flapping->changes;
  return flaps ? std::max(policy.flapping->quiet, policy.resolve_after) : policy.resolve_after;
}

void IncidentStore::Lifecycle::EvictClosed() {
  while (closed_.size() > options_.closed_kept_max) {
    auto oldest = closed_.find(closed_order_.front().second);
    if (oldest != closed_.end() && oldest->second.closed_at == closed_order_.front().first) {
      closed_.erase(oldest);
      ++stats_.evicted_closed;
    }
    closed_order_.pop_front();
  }
}

void IncidentStore::Lifecycle::MergeShared() {
  std::map<std::pair<std::string, std::string>, int64_t> roots;
  std::vector<std::pair<int64_t, int64_t>> merges;  // survivor, later
  for (const auto& [slot, live] : open_) {
    auto [entry, fresh] = roots.try_emplace({live.root, live.fault}, slot);
    if (!fresh) merges.emplace_back(entry->second, slot);
  }
  for (auto [survivor, later] : merges) {
    Merge(open_.at(survivor), open_.at(later));
    open_.erase(later);
  }
}

void IncidentStore::Lifecycle::Merge(LiveIncident& survivor, LiveIncident& later) {
  for (ActiveSymptom* active : correlator_.Active()) {
    if (active->owner == later.slot) correlator_.SetOwner(*active, survivor.slot);
    if (active->barred == later.slot) active->barred = survivor.slot;
  }
  survivor.restored_until = std::max(survivor.restored_until, later.restored_until);
  survivor.active += later.active;
  survivor.info += later.info;
  survivor.had_evidence = survivor.had_evidence || later.had_evidence;
  if (!later.recovered_at) survivor.recovered_at.reset();
  for (const auto& [key, owned] : later.symptoms) survivor.symptoms[key] = owned;
  for (const auto& [entity, impact] : later.impact) survivor.impact.try_emplace(entity, impact);
  survivor.foreign.insert(survivor.foreign.end(), later.foreign.begin(), later.foreign.end());
  survivor.hidden_symptoms += later.hidden_symptoms;
  for (const auto& [kind, count] : later.hidden_impact) survivor.hidden_impact[kind] += count;
  PlaceImpact(survivor);
  if (later.record.revision == 0) {  // never seen outside
    if (episodes_[later.record.key] == later.record.episode) --episodes_[later.record.key];
    return;
  }
  survivor.record.merged_from.push_back(later.record.id);
  if (!survivor.held) survivor.held = later.held;
  Note(survivor, "merged", /*urgent=*/true);
  later.record.merged_into = survivor.record.id;
  Close(later, IncidentState::kMerged, "merged");
  ++stats_.merged;
}

// Incidents all of whose symptoms went to others.
void IncidentStore::Lifecycle::CloseTaken() {
  for (auto at = open_.begin(); at != open_.end();) {
    LiveIncident& live = at->second;
    if (live.active > 0 || live.taken_by.empty() || !live.symptoms.empty() || live.due_state) {
      ++at;
      continue;
    }
    auto taker = open_.find(*live.taken_by.begin());
    const std::string id = taker == open_.end() ? "" : taker->second.record.id;
    if (live.taken_by.size() == 1 && taker != open_.end()) {
      live.record.merged_into = id;
      taker->second.record.merged_from.push_back(live.record.id);
      Note(taker->second, "merged", /*urgent=*/true);
      Close(live, IncidentState::kMerged, "merged");
      ++stats_.merged;
    } else {
      live.record.superseded_by = id;
      Close(live, IncidentState::kSuperseded, "superseded");
      ++stats_.superseded;
    }
    at = open_.erase(at);
  }
}

void IncidentStore::Lifecycle::RunTimers() {
  for (auto at = open_.begin(); at != open_.end();) {
    LiveIncident& live = at->second;
    UpdateSeverity(live);
    if (live.due_state) {
      const IncidentState state = *live.due_state;
      ++(state == IncidentState::kReopened ? stats_.reopened : stats_.opened);
      live.record.status = IncidentStatus::kOpen;
      NoteTurn(live);
      Emit(live, state, std::string(live.due_reason));
    }
    if (live.recovered_at && live.active > live.info &&
        now_ >= *live.recovered_at + kReleaseAfter) {
      ReleaseAll(live);
    }
    if (live.active == live.info && now_ >= live.last_end + ResolveAfter(live)) {
      if (live.info > 0) ReleaseAll(live);
      Close(live, IncidentState::kResolved,
            live.end_reason.empty() ? "symptoms_ended" : std::string(live.end_reason));
      ++stats_.resolved;
      at = open_.erase(at);
      continue;
    }
    EmitDue(live);
    ++at;
  }
}

void IncidentStore::Lifecycle::ReleaseAll(LiveIncident& live) {
  for (ActiveSymptom* active : correlator_.Active()) {
    if (active->owner != live.slot) continue;
    active->barred = live.slot;
    correlator_.SetOwner(*active, kNoIncident);
    correlator_.SetDue(active->region, kMinTime);
  }
  live.active = live.info = 0;
  live.last_end = now_;
}

void IncidentStore::Lifecycle::EmitDue(LiveIncident& live) {
  const bool throttled = !live.due_urgent && now_ < live.last_emitted + kUpdateInterval;
  if (!live.due_reason.empty() && !throttled) {
    Emit(live, IncidentState::kUpdated, std::string(live.due_reason));
    ++stats_.updated;
  } else if (Reminds(live) && now_ >= live.last_emitted + program_->incidents.remind_every) {
    Emit(live, IncidentState::kUpdated, "reminder");
    ++stats_.updated;
  }
}

EventTime IncidentStore::Lifecycle::NextTimer(const LiveIncident& live) const {
  EventTime due = Reminds(live) ? live.last_emitted + program_->incidents.remind_every : kMaxTime;
  if (!live.due_reason.empty()) due = std::min(due, live.last_emitted + kUpdateInterval);
  if (live.active == live.info) due = std::min(due, live.last_end + ResolveAfter(live));
  if (live.recovered_at && live.active > live.info) {
    due = std::min(due, *live.recovered_at + kReleaseAfter);
  }
  return due;
}

void IncidentStore::Lifecycle::NoteChange(const Incident::Change& change) {
  if (std::find(changes_.begin(), changes_.end(), change) != changes_.end()) return;
  changes_.push_back(change);
  correlator_.NoteChange(change.entity, change.time);
  while (changes_.size() > options_.changes_max) changes_.pop_front();
}

std::vector<Incident> IncidentStore::Lifecycle::All() const {
  std::vector<Incident> all;
  for (const auto& [slot, live] : open_) {
    if (live.record.revision > 0) all.push_back(live.record);
  }
  std::sort(all.begin(), all.end(),
            [](const Incident& a, const Incident& b) { return a.id < b.id; });
  for (const auto& [id, closed] : closed_) all.push_back(closed.record);
  return all;
}

std::vector<Finding> IncidentStore::Lifecycle::Findings() const {
  std::vector<Finding> findings;
  for (const ActiveSymptom* active : correlator_.Active()) {
    Finding& finding = findings.emplace_back();
    finding.signal = program_->signal(active->symptom.signal).name;
    finding.entity = active->symptom.entity;
    finding.state = active->symptom.state;
    finding.detail = active->detail;
    auto owner = open_.find(active->owner);
    if (owner != open_.end()) {
      finding.verdict = "owned";
      finding.incident_id = owner->second.record.id;
      finding.detail = fmt::format("owned by {}, root {}", finding.incident_id, owner->second.root);
      continue;
    }
    switch (active->verdict) {
      case Verdict::kPending:
        finding.verdict = "pending";
        break;
      case Verdict::kHeldBack:
        finding.verdict = "held_back";
        break;
      case Verdict::kTolerated:
        finding.verdict = "tolerated";
        break;
      case Verdict::kMaintenance:
        finding.verdict = "in_maintenance";
        break;
      case Verdict::kBelowThreshold:
        finding.verdict = "below_threshold";
        break;
    }
  }
  std::stable_sort(findings.begin(), findings.end(), [](const Finding& a, const Finding& b) {
    return a.signal != b.signal ? a.signal < b.signal : a.entity < b.entity;
  });
  return findings;
}

}  // namespace rootnote
