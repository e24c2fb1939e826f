// How a new run takes over from records: the incidents topic is the only snapshot there is. What a
// record cannot tell (who challenged the root, what was held back) is found again from the
// symptoms.
#include <algorithm>
#include <iterator>
#include <map>
#include <memory>
#include <tuple>
#include <utility>

#include "engine/correlator_estate.h"
#include "engine/correlator_gates.h"
#include "engine/incidents_lifecycle.h"
#include "engine/incidents_text.h"
#include "engine/transition.h"

namespace rootnote {
namespace {

// Entries of the record's evidence stand in the order of its symptoms; the list may be shorter.
EvidencePosition PositionOf(const Incident& record, size_t symptom) {
  const Incident::Symptom& of = record.symptoms[symptom];
  if (symptom < record.evidence.size()) {
    const Incident::Evidence& evidence = record.evidence[symptom];
    if (evidence.signal == of.signal && evidence.entity == of.entity) {
      return {evidence.topic, evidence.partition, evidence.offset, evidence.time};
    }
  }
  EvidencePosition unknown;
  unknown.time = kMinTime;
  return unknown;
}

std::shared_ptr<const AlertTexts> AlertOf(const Incident::Symptom& from) {
  if (from.labels.empty() && from.annotations.empty()) return nullptr;
  AlertTexts texts;
  texts.labels = Labels::From({from.labels.begin(), from.labels.end()});
  texts.annotations.assign(from.annotations.begin(), from.annotations.end());
  return std::make_shared<const AlertTexts>(std::move(texts));
}

void ReadSymptoms(const Program& program, const Incident& record, Episode& episode) {
  for (size_t i = 0; i < record.symptoms.size(); ++i) {
    const Incident::Symptom& from = record.symptoms[i];
    const std::optional<SignalId> signal = program.FindSignal(from.signal);
    if (!signal) {
      episode.foreign.push_back(from);
      continue;
    }
    OwnedSymptom& owned = episode.symptoms[{from.entity, from.signal, from.relation_from}];
    owned.symptom.signal = *signal;
    owned.symptom.entity = from.entity;
    owned.symptom.relation_from = from.relation_from;
    owned.symptom.state = SignalState::kFiring;
    owned.symptom.onset = owned.symptom.fired_at = from.onset;
    owned.symptom.value = from.value;
    owned.symptom.summary = from.summary;
    owned.symptom.position = PositionOf(record, i);
    owned.symptom.alert = AlertOf(from);
    owned.resolved_at = from.resolved_at;
    owned.resolved_reason = from.resolved_reason;
  }
  const auto listed = static_cast<int64_t>(record.symptoms.size());
  episode.hidden_symptoms = std::max<int64_t>(0, record.symptoms_total - listed);
}

void ReadImpact(const Incident& record, Episode& episode) {
  for (const auto& [kind, count] : record.blast_radius.kinds) {
    if (count.actual > 0) episode.hidden_impact[kind] = count.actual;
  }
  for (const Incident::Impact& from : record.impact) {
    if (from.potential) continue;
    --episode.hidden_impact[from.kind];
    OwnedImpact& impact = episode.impact[from.entity];
    impact.path = from.path;
    impact.relations = from.relations;
    impact.signals.insert(from.signals.begin(), from.signals.end());
    impact.onset = from.onset;
    impact.maintenance = from.maintenance;
  }
}

// Entities with symptoms that the record names nowhere else: those without a path to the root, and
// those it had no room for.
void AddUnplaced(const Incident& record, Episode& episode) {
  const Incident::Root& root = record.root.front();
  for (const auto& [key, owned] : episode.symptoms) {
    const auto& [entity, signal, from] = key;
    if (entity == root.entity || (!from.empty() && from == root.entity)) continue;
    const std::string seen_on = ":" + EncodeIdPart(from) + "/" + EncodeIdPart(entity);
    if (!from.empty() && root.entity.ends_with(seen_on)) continue;
    if (std::find(root.causes.begin(), root.causes.end(), entity) != root.causes.end()) continue;
    auto [impact, fresh] = episode.impact.try_emplace(entity);
    if (fresh) {
      impact->second.onset = owned.symptom.onset;
      std::string line = signal;
      line.append(" ").append(entity);
      const bool unexplained = std::find(record.unexplained.begin(), record.unexplained.end(),
                                         line) != record.unexplained.end();
      if (!unexplained) --episode.hidden_impact[std::string(KindName(entity))];
    }
    if (!impact->second.path.empty()) continue;
    impact->second.onset = std::min(impact->second.onset, owned.symptom.onset);
    impact->second.signals.insert(signal);
  }
  std::erase_if(episode.hidden_impact, [](const auto& kind) { return kind.second <= 0; });
}

Episode EpisodeOf(const Program& program, const Incident& record) {
  Episode episode;
  ReadSymptoms(program, record, episode);
  ReadImpact(record, episode);
  AddUnplaced(record, episode);
  return episode;
}

void AddFamily(Family family, uint8_t& families) {
  families = static_cast<uint8_t>(families | 1U << static_cast<size_t>(family));
}

// What members of a group show, as the group's own families.
void AddGroupFamilies(const Estate& estate, const LiveIncident& live, Family family,
                      uint8_t& families) {
  const std::optional<KindId> group = estate.rules().FindKind(KindName(live.root));
  if (!group) return;
  const std::vector<Relation>& relations = estate.program().relations;
  for (size_t i = 0; i < relations.size(); ++i) {
    const std::vector<KindId>& from = relations[i].from_kinds;
    if (std::find(from.begin(), from.end(), *group) == from.end()) continue;
    if (relations[i].tolerances.empty()) continue;
    const RelationId id(static_cast<uint16_t>(i));
    for (Family becomes : estate.rules().Becomes(id, family)) AddFamily(becomes, families);
  }
}

// The families from which the root's effects are walked, as far as its symptoms tell.
uint8_t EvidenceOf(const Estate& estate, const LiveIncident& live) {
  uint8_t families = 0;
  const Program& program = estate.program();
  for (const auto& [key, owned] : live.symptoms) {
    const Signal& signal = program.signal(owned.symptom.signal);
    if (signal.severity == Severity::kInfo) continue;
    const std::string& entity = owned.symptom.entity;
    if (entity == live.root) AddFamily(signal.family, families);
    if (std::binary_search(live.causes.begin(), live.causes.end(), entity)) {
      AddGroupFamilies(estate, live, signal.family, families);
    }
  }
  if (!live.declared) return families;
  for (const Effect& effect : program.fault(*live.declared).causes) {
    AddFamily(effect.signal ? program.signal(*effect.signal).family : effect.family_on->first,
              families);
  }
  return families;
}

std::optional<FaultId> DeclaredFault(const Program& program, const Incident::Root& root) {
  for (size_t i = 0; i < program.faults.size(); ++i) {
    const Fault& fault = program.faults[i];
    if (fault.name == root.fault && program.kind(fault.kind).name == root.kind) {
      return FaultId(static_cast<uint32_t>(i));
    }
  }
  return std::nullopt;
}

EventTime FirstFiring(const Estate& estate, EntityId entity) {
  EventTime first = kMaxTime;
  for (size_t i = 0; i < kFamilies; ++i) {
    for (const ActiveSymptom* active : estate.At(ToNode(entity, static_cast<Family>(i)))) {
      if (estate.SignalOf(*active).severity == Severity::kInfo) continue;
      first = std::min(first, active->symptom.fired_at);
    }
  }
  return first;
}

// When one more of the group fired than is tolerated.
EventTime BrokeAt(const Estate& estate, const BrokenGroup& group) {
  std::vector<EventTime> fired;
  for (EntityId member : group.failed) fired.push_back(FirstFiring(estate, member));
  if (fired.empty()) return kMaxTime;
  std::sort(fired.begin(), fired.end());
  return fired[std::min<size_t>(group.tolerated, fired.size() - 1)];
}

// The highest revision of each id, by id; what has no root is no incident of ours.
std::vector<Incident> LatestOf(std::vector<Incident> records) {
  std::stable_sort(records.begin(), records.end(), [](const Incident& a, const Incident& b) {
    return a.id != b.id ? a.id < b.id : a.revision < b.revision;
  });
  std::vector<Incident> latest;
  for (Incident& record : records) {
    if (record.root.empty()) continue;
    if (!latest.empty() && latest.back().id == record.id) {
      latest.back() = std::move(record);
    } else {
      latest.push_back(std::move(record));
    }
  }
  return latest;
}

// When each opened, reopened and resolved, as far as the records tell.
std::map<std::string, std::vector<EventTime>> TurnsIn(const std::vector<Incident>& records,
                                                      const IncidentPolicy& policy) {
  std::map<std::string, std::vector<EventTime>> turns;
  if (!policy.flapping) return turns;
  std::vector<const Incident*> sorted;
  for (const Incident& record : records) {
    const bool turn = record.state == IncidentState::kOpen ||
                      record.state == IncidentState::kReopened ||
                      record.state == IncidentState::kResolved;
    if (turn) sorted.push_back(&record);
  }
  std::stable_sort(sorted.begin(), sorted.end(), [](const Incident* a, const Incident* b) {
    return std::tie(a->id, a->revision) < std::tie(b->id, b->revision);
  });
  for (const Incident* record : sorted) {
    std::vector<EventTime>& of = turns[record->id];
    if (record->state == IncidentState::kResolved && of.size() >= policy.flapping->changes) {
      of.clear();
    }
    of.push_back(record->updated_at);
    std::erase_if(of, [&](EventTime turn) { return turn <= of.back() - policy.flapping->in; });
  }
  return turns;
}

}  // namespace

void IncidentStore::Lifecycle::Restore(std::vector<Incident> records) {
  std::map<std::string, std::vector<EventTime>> turns = TurnsIn(records, program_->incidents);
  std::vector<Incident> open, closed;
  for (Incident& record : LatestOf(std::move(records))) {
    int64_t& newest = episodes_[record.key];
    newest = std::max(newest, record.episode);
    (record.status == IncidentStatus::kOpen ? open : closed).push_back(std::move(record));
  }
  // In the order of opening, and of closing.
  std::stable_sort(open.begin(), open.end(), [](const Incident& a, const Incident& b) {
    return a.reopened_at.value_or(a.opened_at) < b.reopened_at.value_or(b.opened_at);
  });
  std::stable_sort(closed.begin(), closed.end(), [](const Incident& a, const Incident& b) {
    return a.updated_at < b.updated_at;
  });
  std::vector<Incident::Change> changes;
  for (Incident& record : open) {
    changes.insert(changes.end(), record.changes.begin(), record.changes.end());
    const std::string id = record.id;
    RestoreOpen(std::move(record));
    open_.rbegin()->second.turns = std::move(turns[id]);
  }
  ExpectSymptoms();
  for (Incident& record : closed) {
    const std::string id = record.id;
    RestoreClosed(std::move(record));
    if (auto at = closed_.find(id); at != closed_.end()) {
      at->second.episode.turns = std::move(turns[id]);
    }
  }
  std::stable_sort(changes.begin(), changes.end(),
                   [](const auto& a, const auto& b) { return a.time < b.time; });
  for (const Incident::Change& change : changes) NoteChange(change);
  rebuilt_ = true;
  may_catch_up_ = true;
  next_due_ = kMinTime;
}

void IncidentStore::Lifecycle::RestoreClosed(Incident record) {
  const EventTime closed_at = record.updated_at;
  const std::string id = record.id;
  closed_order_.emplace_back(closed_at, id);
  Closed& closed = closed_[id];
  closed.root = record.root.front().entity;
  closed.fault = record.root.front().fault;
  closed.closed_at = closed_at;
  closed.episode = EpisodeOf(*program_, record);
  closed.record = std::move(record);
  EvictClosed();
}

void IncidentStore::Lifecycle::RestoreOpen(Incident record) {
  const int64_t slot = next_slot_++;
  LiveIncident& live = open_[slot];
  ++stats_.restored;
  live.slot = slot;
  const Incident::Root& root = record.root.front();
  live.root = root.entity;
  live.fault = root.fault;
  live.declared = DeclaredFault(*program_, root);
  live.causes = root.causes;
  live.had_evidence = root.observed;
  live.recovered_at = root.recovered_at;
  live.rivals.assign(std::next(record.root.begin()), record.root.end());
  live.rejected = record.ruled_out;
  Episode& episode = live;
  episode = EpisodeOf(*program_, record);
  live.candidate.name = live.root;
  live.candidate.fault = live.fault;
  live.candidate.declared = live.declared;
  live.candidate.score = root.score;
  live.candidate.onset = live.candidate.latest = root.onset;
  live.candidate.monitored = root.monitored;
  live.candidate.parts = root.parts;
  live.candidate.families = live.candidate.evidence = EvidenceOf(correlator_.estate(), live);
  live.severity = record.severity;
  live.in_maintenance = !record.maintenance_name.empty();
  live.tolerated = program_->incidents.tolerated_open_info && !live.in_maintenance &&
                   record.severity == Severity::kInfo;
  live.last_emitted = live.restored_until = live.last_end = record.updated_at;
  live.unjudged = true;
  bool ended = false;
  for (const auto& [key, owned] : live.symptoms) {
    live.candidate.latest = std::max(live.candidate.latest, owned.symptom.onset);
    if (!owned.resolved_at) {
      ++live.active;
      live.info += IsInfo(std::get<1>(key)) ? 1 : 0;
    } else if (!ended || *owned.resolved_at >= live.last_end) {
      live.last_end = *owned.resolved_at;
      live.end_reason = owned.resolved_reason;
      ended = true;
    }
  }
  for (const Incident::Symptom& symptom : live.foreign) {
    if (!symptom.resolved_at) ++live.active;
  }
  live.held = record.acknowledged;
  live.record = std::move(record);
}

bool IncidentStore::Lifecycle::IsInfo(const std::string& signal) const {
  const std::optional<SignalId> id = program_->FindSignal(signal);
  return id && program_->signal(*id).severity == Severity::kInfo;
}

// Who waits for which symptom. What two incidents list was released by the one whose record is
// older: it only has not said so yet.
void IncidentStore::Lifecycle::ExpectSymptoms() {
  std::vector<LiveIncident*> by_record;
  for (auto& [slot, live] : open_) by_record.push_back(&live);
  std::stable_sort(by_record.begin(), by_record.end(),
                   [](auto* a, auto* b) { return a->restored_until > b->restored_until; });
  for (LiveIncident* live : by_record) {
    for (auto at = live->symptoms.begin(); at != live->symptoms.end();) {
      const RecordKey key = at->first;
      const bool resolved = at->second.resolved_at.has_value();
      auto [owner, fresh] =
          resolved ? std::pair(expected_.end(), true) : expected_.try_emplace(key, live->slot);
      if (fresh) {
        ++at;
        continue;
      }
      at = live->symptoms.erase(at);
      --live->active;
      live->info -= IsInfo(std::get<1>(key)) ? 1 : 0;
      live->taken_by.insert(owner->second);
      DropBareImpact(*live);
      Note(*live, "evidence", /*urgent=*/false);
    }
  }
}

// Before the first Step's transitions: nothing here names an entity of the map. The walk from a
// root that has recovered needs its id; the others are judged anew.
void IncidentStore::Lifecycle::FindRestoredRoots() {
  for (auto& [slot, live] : open_) {
    if (std::optional<EntityId> root = correlator_.estate().Find(live.root)) {
      live.candidate.entity = *root;
    }
  }
}

// A symptom that a restored incident waits for is its own as soon as it fires.
void IncidentStore::Lifecycle::ApplyRestored(const Transition& transition,
                                             std::vector<Correlator::Ended>& ended) {
  if (expected_.empty()) {
    correlator_.Apply(transition, ended);
    return;
  }
  const RecordKey key{transition.entity, program_->signal(transition.signal).name,
                      transition.relation_from};
  auto expected = transition.to == SignalState::kFiring ? expected_.find(key) : expected_.end();
  if (expected == expected_.end()) {
    correlator_.Apply(transition, ended);
    return;
  }
  LiveIncident& live = open_.at(expected->second);
  OwnedSymptom& owned = live.symptoms.at(key);
  Transition known = transition;
  // A window that was filled again may not reach back to where the symptom began.
  if (known.onset <= live.restored_until) {
    known.onset = std::min(known.onset, owned.symptom.onset);
  }
  if (known.position.partition < 0) known.position = owned.symptom.position;
  correlator_.Apply(known, ended);
  ActiveSymptom* active =
      correlator_.Find(transition.entity, transition.signal, transition.relation_from);
  if (active == nullptr) return;  // refused: beyond the limit
  correlator_.SetOwner(*active, live.slot);
  owned.symptom = active->symptom;
  expected_.erase(expected);
}

// What did not come with the first Step ended while nobody looked.
void IncidentStore::Lifecycle::EndUnseen() {
  for (const auto& [key, slot] : std::exchange(expected_, {})) {
    LiveIncident& live = open_.at(slot);
    live.symptoms.at(key).resolved_at = now_;
    SymptomEnded(live, std::get<0>(key), now_, "", IsInfo(std::get<1>(key)));
  }
  for (auto& [slot, live] : open_) {
    for (Incident::Symptom& symptom : live.foreign) {
      if (symptom.resolved_at) continue;
      symptom.resolved_at = now_;
      symptom.resolved_reason = "rule_removed";
      SymptomEnded(live, symptom.entity, now_, "rule_removed", false);
    }
  }
}

// Since when a symptom that this store did not see begin may open something: it fires, its group
// had lost what it tolerates, and no window covered it.
EventTime IncidentStore::Lifecycle::LiftedAt(const ActiveSymptom& active) {
  const Estate& estate = correlator_.estate();
  EventTime broke = kMaxTime;
  for (const BrokenGroup& group : BrokenGroupsOf(estate, active)) {
    broke = std::min(broke, BrokeAt(estate, group));
  }
  EventTime since = active.symptom.fired_at;
  if (broke != kMaxTime) since = std::max(since, broke);
  // A window that ended longer ago than one hold-back delays nothing any more.
  std::optional<EventTime> at = std::max(since, now_ - program_->incidents.hold_back);
  while (at && *at <= now_) {
    const bool covered =
        calendar_.Covers(estate.map(), std::string_view(active.symptom.entity), *at);
    at = calendar_.NextChange(*at);
    if (covered && at && *at <= now_) since = std::max(since, *at);
  }
  return since;
}

// Whether a symptom that is owned now was so before the restart, and only the record had no room
// for it: that is no news.
bool IncidentStore::Lifecycle::WasCut(LiveIncident& live, const ActiveSymptom& active) {
  const Symptom& symptom = active.symptom;
  if (live.hidden_symptoms == 0 || symptom.fired_at > live.restored_until) return false;
  const std::string& entity = symptom.entity;
  auto impact = live.impact.find(entity);
  auto hidden = live.hidden_impact.find(std::string(KindName(entity)));
  const bool hides = hidden != live.hidden_impact.end() && hidden->second > 0;
  const bool own =
      entity == live.root || std::binary_search(live.causes.begin(), live.causes.end(), entity);
  if (impact == live.impact.end() && !hides && !own) return false;
  --live.hidden_symptoms;
  if (impact == live.impact.end() && hides && !own) --hidden->second;
  return true;
}

void IncidentStore::Lifecycle::SetCatchingUp(bool catching_up) {
  if (catching_up_ && !catching_up) {
    may_catch_up_ = true;
    next_due_ = kMinTime;
  }
  catching_up_ = catching_up;
}

// Those that were only marked so far may be routed from here on.
void IncidentStore::Lifecycle::NoteCaughtUp() {
  if (catching_up_ || !std::exchange(may_catch_up_, false)) return;
  for (auto& [slot, live] : open_) {
    if (live.record.catching_up && live.record.revision > 0) {
      Note(live, "caught_up", /*urgent=*/true);
    }
  }
}

}  // namespace rootnote
