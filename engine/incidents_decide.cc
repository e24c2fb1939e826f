// One region's verdicts, turned into owners, openings and root changes.
#include <algorithm>
#include <set>
#include <utility>

#include "fmt/format.h"

#include "engine/correlator_gates.h"
#include "engine/correlator_ruled_out.h"
#include "engine/correlator_score.h"
#include "engine/incidents_lifecycle.h"
#include "engine/incidents_parts.h"

namespace rootnote {
namespace {

// A better root must stay better for so long (SEMANTICS section 5) …
constexpr Millis kRootMargin{10'000};
// … by a fifth and by the weight of one warning.
constexpr int64_t kMarginPercent = 120;
constexpr int64_t kMarginWeight = 100;
// It must explain so much of what the incident owns, or it is another fault beside it.
constexpr int64_t kChallengerPercent = 80;

// Incidents that began so far apart hardly have one silent cause: the grace of the map.
constexpr Millis kUniteWindow{5 * 60'000};

bool Unowned(const RegionItem& item) {
  for (const ActiveSymptom* active : item.symptoms) {
    if (active->owner != kNoIncident) return false;
  }
  return true;
}

bool OwnedBy(const RegionItem& item, int64_t slot) {
  for (const ActiveSymptom* active : item.symptoms) {
    if (active->owner == slot) return true;
  }
  return false;
}

// Since when the oldest of what it explains may open something; kMaxTime: nothing may.
EventTime EligibleSince(const RegionView& region, const RegionView::Hypothesis& hypothesis) {
  EventTime since = kMaxTime;
  for (const Explained& explained : hypothesis.explained) {
    for (const ActiveSymptom* active : region.items()[explained.item].symptoms) {
      since = std::min(since, active->eligible_since);
    }
  }
  return since;
}

// Most of what the incident owns in the region.
bool ExplainsMost(const Candidate& candidate, const RegionView& region, int64_t slot) {
  int64_t owned = 0, explained = 0;
  for (const RegionItem& item : region.items()) {
    if (OwnedBy(item, slot)) owned += item.weight;
  }
  for (const Explained& entry : candidate.explained) {
    const RegionItem& item = region.items()[entry.item];
    if (!entry.weak && OwnedBy(item, slot)) explained += item.weight;
  }
  return owned > 0 && explained * 100 >= owned * kChallengerPercent;
}

bool FiresAsFault(const Estate& estate, const ActiveSymptom& active) {
  return active.symptom.state == SignalState::kFiring &&
         estate.SignalOf(active).severity != Severity::kInfo;
}

}  // namespace

// Order of the steps: what is known first (present roots), then new symptoms to them, then new
// roots.
void IncidentStore::Lifecycle::Decide(const RegionView& region) {
  EventTime due = kMaxTime;
  MarkEligible(region);
  std::vector<LiveIncident*> incidents = IncidentsOf(region);
  for (LiveIncident* live : incidents) Refresh(*live, region);
  for (LiveIncident* live : incidents) ConsiderRoot(*live, region, due);
  std::vector<bool> open;
  for (const RegionItem& item : region.items()) open.push_back(Unowned(item));
  Fold(incidents, region, open);
  OpenNew(region, open, due);
  Release(IncidentsOf(region), region);
  for (LiveIncident* live : IncidentsOf(region)) PlaceImpact(*live);
  SetVerdicts(region);
  for (const Candidate& candidate : region.candidates()) {
    if (candidate.valid && candidate.next_due > now_) due = std::min(due, candidate.next_due);
  }
  if (due != kMaxTime) correlator_.SetDue(region.id(), due);
}

std::vector<LiveIncident*> IncidentStore::Lifecycle::IncidentsOf(const RegionView& region) {
  std::set<int64_t> slots;
  for (const ActiveSymptom* active : region.symptoms()) {
    if (active->owner != kNoIncident) slots.insert(active->owner);
  }
  const Estate& estate = correlator_.estate();
  for (auto& [slot, live] : open_) {
    std::optional<EntityId> root = estate.Find(live.root);
    if (root && region.Find(*root) != nullptr) slots.insert(slot);
  }
  std::vector<LiveIncident*> incidents;
  for (int64_t slot : slots) {
    auto found = open_.find(slot);
    if (found != open_.end()) incidents.push_back(&found->second);
  }
  return incidents;
}

// Since when a symptom may open something: not while tolerated or in a window; what still fires
// when that ends counts as if it began then.
void IncidentStore::Lifecycle::MarkEligible(const RegionView& region) {
  const Estate& estate = correlator_.estate();
  for (ActiveSymptom* active : region.symptoms()) {
    const Candidate* own = region.Find(active->entity);
    const bool tolerated =
        own != nullptr && own->tolerated && !program_->incidents.tolerated_open_info;
    if (!FiresAsFault(estate, *active)) {
      active->eligible_since = kMaxTime;
      active->verdict = Verdict::kPending;
    } else if (active->window != nullptr) {
      active->eligible_since = kMaxTime;
      active->verdict = Verdict::kMaintenance;
    } else if (tolerated) {
      active->eligible_since = kMaxTime;
      active->verdict = Verdict::kTolerated;
    } else if (active->eligible_since == kMaxTime) {
      const bool lifted =
          active->verdict == Verdict::kTolerated || active->verdict == Verdict::kMaintenance;
      active->eligible_since = lifted        ? now_
                               : first_step_ ? LiftedAt(*active)
                                             : active->symptom.fired_at;
      active->verdict = Verdict::kHeldBack;
    }
  }
}

// What the present root looks like now.
void IncidentStore::Lifecycle::Refresh(LiveIncident& live, const RegionView& region) {
  const Estate& estate = correlator_.estate();
  std::optional<EntityId> id = estate.Find(live.root);
  const Candidate* root = id ? region.Find(*id) : nullptr;
  const bool failing = root != nullptr && root->own_firing;
  if (live.had_evidence && !failing && !live.recovered_at) {
    live.recovered_at = now_;
    Note(live, "root_recovered", /*urgent=*/true);
  }
  for (const ActiveSymptom* active : region.symptoms()) {
    if (active->owner != live.slot) continue;
    live.symptoms[{active->symptom.entity, estate.SignalOf(*active).name,
                   active->symptom.relation_from}]
        .symptom = active->symptom;
  }
  if (root == nullptr) return;
  if (failing && live.recovered_at) {
    live.recovered_at.reset();
    Note(live, "evidence", /*urgent=*/false);
  }
  live.had_evidence = live.had_evidence || failing;
  if (live.recovered_at) return;  // as judged while it was failing
  // The name of a guess gives way to what the root shows, or to what somebody declared.
  const bool guessed = live.fault.starts_with("unobserved_");
  const bool better = (guessed && !root->fault.starts_with("unobserved_")) ||
                      (!live.declared && root->declared.has_value());
  if (better && root->fault != live.fault) {
    live.fault = root->fault;
    live.declared = root->declared;
    Note(live, "root_changed", /*urgent=*/true);
  }
  if (!root->explained.empty()) Describe(live, region, *root);
}

// Takes over what the record says of the root, its rivals and what lost against it.
void IncidentStore::Lifecycle::Describe(LiveIncident& live, const RegionView& region,
                                        const Candidate& root) {
  const Estate& estate = correlator_.estate();
  // The root began when it was first seen to, whatever is left of the evidence.
  const bool same = live.candidate.name == root.name;
  const EventTime onset = same ? std::min(live.candidate.onset, root.onset) : root.onset;
  const std::vector<std::string> known = live.causes;
  live.candidate = root;
  live.candidate.onset = onset;
  live.candidate.parts = PartsOf(estate, region.items(), root, root.explained);
  live.unjudged = false;
  for (EntityId cause : root.causes) {
    std::string name(estate.Name(cause));
    // What it made fail earlier is not what made it fail.
    const auto affected = live.impact.find(name);
    if (same && affected != live.impact.end() && !affected->second.path.empty()) continue;
    if (std::find(live.causes.begin(), live.causes.end(), name) == live.causes.end()) {
      live.causes.push_back(name);
      live.impact.erase(name);
    }
  }
  std::sort(live.causes.begin(), live.causes.end());
  live.rivals.clear();
  live.rejected = RejectedFor(estate, region, root);
  const std::vector<bool> mine = region.Marks(root.explained);
  std::set<uint32_t> effects;
  for (const Explained& explained : root.explained) {
    effects.insert(EntityOf(region.items()[explained.item].node).value());
  }
  for (const Candidate& rival : region.candidates()) {
    if (!rival.valid || rival.entity == root.entity || rival.explained.empty()) continue;
    if (std::find(root.causes.begin(), root.causes.end(), rival.entity) != root.causes.end()) {
      continue;
    }
    const bool shares = std::any_of(rival.explained.begin(), rival.explained.end(),
                                    [&](const Explained& its) { return mine[its.item]; });
    const bool effect = effects.contains(rival.entity.value());
    if (!shares || effect || live.rivals.size() >= 4) continue;
    Incident::Root entry;
    entry.entity = rival.name;
    entry.kind = rival.name.substr(0, rival.name.find(':'));
    entry.fault = rival.fault;
    entry.score = rival.score;
    entry.onset = rival.onset;
    entry.monitored = rival.monitored;
    entry.observed = rival.own_firing;
    entry.parts = PartsOf(estate, region.items(), rival, rival.explained);
    live.rivals.push_back(std::move(entry));
  }
}

// Whether the candidate also explains another incident that began at about the same time: that two
// began independently is less likely than any margin.
bool IncidentStore::Lifecycle::UnitesWithOthers(const LiveIncident& live, const RegionView& region,
                                                const Candidate& challenger) const {
  for (const auto& [slot, other] : open_) {
    const Millis apart = other.candidate.onset - live.candidate.onset;
    if (slot == live.slot || other.recovered_at || other.root == challenger.name ||
        apart > kUniteWindow || apart < -kUniteWindow) {
      continue;
    }
    if (ExplainsMost(challenger, region, slot)) return true;
  }
  return false;
}

const Candidate* IncidentStore::Lifecycle::BestChallenger(const LiveIncident& live,
                                                          const RegionView& region,
                                                          const Candidate* present) const {
  int64_t owned = 0;
  for (const RegionItem& item : region.items()) {
    if (OwnedBy(item, live.slot)) owned += item.weight;
  }
  if (owned == 0) return nullptr;
  for (const Candidate& candidate : region.candidates()) {  // best first
    if (!candidate.valid) return nullptr;
    if (candidate.name == live.root) continue;
    // The members of the group are what made it fail, not better roots.
    if (std::find(live.causes.begin(), live.causes.end(), candidate.name) != live.causes.end()) {
      continue;
    }
    if (present != nullptr && candidate.score <= present->score) return nullptr;
    int64_t explained = 0;
    for (const Explained& entry : candidate.explained) {
      const RegionItem& item = region.items()[entry.item];
      if (OwnedBy(item, live.slot) && !entry.weak) explained += item.weight;
    }
    // What has recovered does not cause what another incident owns; that was decided at opening.
    if (explained * 100 >= owned * kChallengerPercent && !Recovered(candidate.name)) {
      return &candidate;
    }
  }
  return nullptr;
}

bool IncidentStore::Lifecycle::Recovered(const std::string& root) const {
  return std::any_of(open_.begin(), open_.end(), [&](const auto& entry) {
    return entry.second.recovered_at && entry.second.root == root;
  });
}

// The present root is refuted if it never showed anything and is watched and well, or if what it
// shows is itself an effect of a challenger that has evidence of its own.
bool IncidentStore::Lifecycle::Refuted(const LiveIncident& live, const Candidate* present,
                                       const Candidate& challenger) const {
  if (present == nullptr) return true;
  if (!present->own_evidence) return !live.had_evidence && (present->healthy || !present->valid);
  if (!challenger.own_firing) return false;
  bool own = false;
  for (const Explained& entry : present->explained) {
    if (!entry.own) continue;
    own = true;
    bool covered = false;
    for (const Explained& other : challenger.explained) {
      covered = covered || (other.item == entry.item && !other.weak && !other.joint);
    }
    if (!covered) return false;
  }
  return own;
}

void IncidentStore::Lifecycle::ConsiderRoot(LiveIncident& live, const RegionView& region,
                                            EventTime& due) {
  // A root that recovered first stays the root of what it left behind.
  if (IsExternal(live)) return;  // no region sees all of it
  const Estate& estate = correlator_.estate();
  std::optional<EntityId> id = estate.Find(live.root);
  const Candidate* present = id ? region.Find(*id) : nullptr;
  if (live.recovered_at || (live.had_evidence && present != nullptr && !present->own_evidence)) {
    live.challenger.clear();
    return;
  }
  const Candidate* challenger = BestChallenger(live, region, present);
  if (challenger != nullptr) {
    const int64_t score = present == nullptr ? 0 : present->score;
    // A guess gives way to what shows itself and is better by a symptom: how many effects both
    // explain alike says nothing between them.
    const bool guess = present != nullptr && !present->own_evidence && challenger->own_firing;
    const bool unites = present != nullptr && challenger->score > score &&
                        UnitesWithOthers(live, region, *challenger);
    const bool better = unites || ((guess || challenger->score * 100 >= score * kMarginPercent) &&
                                   challenger->score - score >= kMarginWeight);
    if (!better && !Refuted(live, present, *challenger)) challenger = nullptr;
  }
  if (challenger == nullptr) {
    live.challenger.clear();
    return;
  }
  if (live.challenger != challenger->name) {
    live.challenger = challenger->name;
    live.challenged_at = now_;
  }
  const EventTime until = live.challenged_at + kRootMargin;
  if (now_ >= until) {
    ChangeRoot(live, region, *challenger);
  } else {
    due = std::min(due, until);
  }
}

void IncidentStore::Lifecycle::ChangeRoot(LiveIncident& live, const RegionView& region,
                                          const Candidate& root) {
  live.challenger.clear();
  live.root = root.name;
  live.fault = root.fault;
  live.declared = root.declared;
  live.had_evidence = root.own_firing;
  live.recovered_at.reset();
  live.causes.clear();
  Describe(live, region, root);
  // What is affected is placed anew, from the new root.
  live.impact.clear();
  for (const auto& [key, owned] : live.symptoms) {
    const std::string& entity = ConcernedBy(*program_, owned.symptom, live.root);
    OwnedImpact& impact =
        live.impact.try_emplace(entity, OwnedImpact{{}, {}, {}, kMaxTime, ""}).first->second;
    impact.signals.insert(program_->signal(owned.symptom.signal).name);
    impact.onset = std::min(impact.onset, owned.symptom.onset);
  }
  live.impact.erase(live.root);
  for (const std::string& cause : live.causes) live.impact.erase(cause);
  Note(live, "root_changed", /*urgent=*/true);
}

bool IncidentStore::Lifecycle::MayFold(const LiveIncident& live, const RegionItem& item,
                                       const Explained& explained) const {
  for (const ActiveSymptom* active : item.symptoms) {
    if (active->barred == live.slot) return false;
  }
  if (!live.recovered_at || explained.own) return true;
  // What begins after the root has recovered and its effects had time to show is something else.
  const Estate& estate = correlator_.estate();
  return item.onset <=
         *live.recovered_at + explained.lag +
             estate.rules().ShowTime(estate.KindOf(EntityOf(item.node)), FamilyOf(item.node));
}

// New symptoms go first to open incidents whose root explains them.
void IncidentStore::Lifecycle::Fold(const std::vector<LiveIncident*>& incidents,
                                    const RegionView& region, std::vector<bool>& open) {
  const Estate& estate = correlator_.estate();
  for (LiveIncident* live : incidents) {
    if (IsExternal(*live)) FoldExternal(*live, region, open);
  }
  struct Claim {
    LiveIncident* live;
    const Candidate* candidate;
  };
  std::vector<Claim> claims;
  for (LiveIncident* live : incidents) {
    std::optional<EntityId> id = estate.Find(live->root);
    const Candidate* root = id ? region.Find(*id) : nullptr;
    if (root != nullptr) claims.push_back({live, root});
  }
  std::stable_sort(claims.begin(), claims.end(), [](const Claim& a, const Claim& b) {
    if (a.candidate->own_evidence != b.candidate->own_evidence) return a.candidate->own_evidence;
    return a.candidate->score > b.candidate->score;
  });
  for (const Claim& claim : claims) {
    for (const Explained& explained : claim.candidate->explained) {
      const RegionItem& item = region.items()[explained.item];
      if (!open[explained.item] && !OwnedBy(item, claim.live->slot)) continue;
      if (!MayFold(*claim.live, item, explained)) continue;
      open[explained.item] = false;
      OwnAll(*claim.live, item);
    }
  }
  FoldBeside(region);
}

// The same (entity, family) goes where its first symptom went.
void IncidentStore::Lifecycle::FoldBeside(const RegionView& region) {
  for (const RegionItem& item : region.items()) {
    int64_t owner = kNoIncident;
    for (const ActiveSymptom* active : item.symptoms) owner = std::max(owner, active->owner);
    auto live = open_.find(owner);
    if (live == open_.end()) continue;
    for (ActiveSymptom* active : item.symptoms) {
      if (active->owner == kNoIncident && active->barred != owner) Own(live->second, *active);
    }
  }
}

void IncidentStore::Lifecycle::OwnAll(LiveIncident& live, const RegionItem& item) {
  for (ActiveSymptom* active : item.symptoms) {
    if (active->owner == kNoIncident) Own(live, *active);
  }
}

void IncidentStore::Lifecycle::OpenNew(const RegionView& region, std::vector<bool>& open,
                                       EventTime& due) {
  // A root that has recovered does not cause what begins now: that would have been folded in.
  std::vector<EntityId> recovered;
  for (const auto& [slot, live] : open_) {
    std::optional<EntityId> root = correlator_.estate().Find(live.root);
    if (live.recovered_at && root) recovered.push_back(*root);
  }
  for (const RegionView::Hypothesis& hypothesis : region.Cover(open, recovered)) {
    const EventTime since = EligibleSince(region, hypothesis);
    if (since == kMaxTime) continue;  // only what is tolerated or in maintenance
    const Candidate& candidate = *hypothesis.candidate;
    bool contends = false;
    for (const auto& [slot, live] : open_) contends = contends || live.challenger == candidate.name;
    const EventTime until = since + program_->incidents.hold_back;
    if (contends || (now_ < until && !hypothesis.dominates)) {
      due = std::min(due, std::max(until, now_ + Millis{1}));
      const std::string words = fmt::format("held back until {}", FormatRfc3339(until));
      for (const Explained& explained : hypothesis.explained) {
        const RegionItem& item = region.items()[explained.item];
        for (ActiveSymptom* active : item.symptoms) active->detail = words;
      }
      continue;
    }
    if (open_.size() >= options_.open_max) {
      ++stats_.refused_open;
      continue;
    }
    Open(region, hypothesis);
    for (const Explained& explained : hypothesis.explained) open[explained.item] = false;
  }
}

LiveIncident& IncidentStore::Lifecycle::Open(const RegionView& region,
                                             const RegionView::Hypothesis& hypothesis) {
  const Candidate& candidate = *hypothesis.candidate;
  LiveIncident& live = Begin(candidate);
  live.had_evidence = candidate.own_firing;
  live.tolerated = candidate.tolerated;
  Describe(live, region, candidate);
  live.candidate.sum = hypothesis.sum;
  const Estate& estate = correlator_.estate();
  live.candidate.score = hypothesis.score;
  live.candidate.parts = PartsOf(estate, region.items(), candidate, hypothesis.explained);
  if (estate.InMap(candidate.entity)) {
    if (const Maintenance* window = calendar_.Covering(estate.map(), candidate.entity, now_)) {
      live.in_maintenance = true;
      live.record.maintenance_name = window->name;
      live.record.maintenance_owner = window->owner;
    }
  }
  for (const Explained& explained : hypothesis.explained) {
    OwnAll(live, region.items()[explained.item]);
  }
  return live;
}

// What an incident without evidence took goes to one with evidence that explains it as well.
void IncidentStore::Lifecycle::Release(const std::vector<LiveIncident*>& incidents,
                                       const RegionView& region) {
  for (LiveIncident* from : incidents) {
    if (from->had_evidence || !from->challenger.empty()) continue;
    const size_t before = from->symptoms.size();
    for (LiveIncident* to : incidents) {
      const bool affected = IsExternal(*from) && from->impact.contains(to->root);
      if (to->had_evidence && !to->recovered_at && to->root != from->root && !affected) {
        Take(*from, *to, region);
      }
    }
    if (from->symptoms.size() == before) continue;
    DropBareImpact(*from);
    Note(*from, "evidence", /*urgent=*/false);
  }
}

// Entities of which no symptom is left.
void IncidentStore::Lifecycle::DropBareImpact(LiveIncident& live) {
  if (live.hidden_symptoms > 0) return;  // not all that is left is known
  std::erase_if(live.impact, [&](const auto& entry) {
    return std::none_of(live.symptoms.begin(), live.symptoms.end(),
                        [&](const auto& owned) { return std::get<0>(owned.first) == entry.first; });
  });
}

void IncidentStore::Lifecycle::Take(LiveIncident& from, LiveIncident& to,
                                    const RegionView& region) {
  std::optional<EntityId> id = correlator_.estate().Find(to.root);
  const Candidate* root = id ? region.Find(*id) : nullptr;
  if (root == nullptr || !root->own_firing) return;
  for (const Explained& explained : root->explained) {
    if (explained.weak) continue;
    for (ActiveSymptom* active : region.items()[explained.item].symptoms) {
      if (active->owner != from.slot) continue;
      --from.active;
      from.info -= program_->signal(active->symptom.signal).severity == Severity::kInfo ? 1 : 0;
      from.taken_by.insert(to.slot);
      from.symptoms.erase({active->symptom.entity, program_->signal(active->symptom.signal).name,
                           active->symptom.relation_from});
      correlator_.SetOwner(*active, kNoIncident);
      Own(to, *active);
    }
  }
}

void IncidentStore::Lifecycle::SetVerdicts(const RegionView& region) {
  const Estate& estate = correlator_.estate();
  for (ActiveSymptom* active : region.symptoms()) {
    if (active->owner != kNoIncident) continue;
    switch (active->verdict) {
      case Verdict::kMaintenance:
        active->detail = fmt::format("in maintenance \"{}\"",
                                     active->window != nullptr ? active->window->name : "");
        break;
      case Verdict::kTolerated: {
        const Candidate* own = region.Find(active->entity);
        if (own == nullptr || own->tolerated_by.empty()) break;
        const Tolerated& gate = own->tolerated_by.front();
        active->detail = GateWords(estate, gate.group, gate.relation, gate.failed, gate.members);
        break;
      }
      case Verdict::kPending:
        if (active->symptom.state == SignalState::kFiring) {
          active->verdict = Verdict::kBelowThreshold;
          active->detail = "info opens nothing alone";
        } else {
          active->detail = fmt::format("pending since {}", FormatRfc3339(active->symptom.onset));
        }
        break;
      case Verdict::kHeldBack:
      case Verdict::kBelowThreshold:
        break;
    }
  }
}

}  // namespace rootnote
