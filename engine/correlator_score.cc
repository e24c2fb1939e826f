#include "engine/correlator_score.h"

#include <algorithm>
#include <array>
#include <optional>
#include <string>
#include <utility>

#include "fmt/format.h"

namespace rootnote {
namespace {

// A dependant that should show something and is healthy: less than half a symptom, since caches,
// open connections and thresholds keep a fifth of the clients well.
constexpr int64_t kMissingPenalty = 40;
// The same where a declared fault says that just this must show: more than half a symptom.
constexpr int64_t kMissingDeclaredPenalty = 60;
// An effect whose time does not fit: a quarter of a symptom, beside what it does not count.
constexpr int64_t kViolationPenalty = 25;
// A fault nobody declared, at equal evidence, comes after one that somebody did.
constexpr int64_t kInferredPrior = 5;
// A failed member beside the candidate: half, so that the group itself explains more.
constexpr int64_t kJointMemberPercent = 50;
// Too late for its path: it may still be a cache that ran out, so half.
constexpr int64_t kLatePercent = 50;
// A relation as the root: half a warning, since the entity behind it is the cause more often. Two
// healthy relations beside it, or an entity that is well, outweigh that.
constexpr int64_t kRelationPrior = 50;
// A relation by which the candidate depends suffers with it, but speaks first for what it leads to.
constexpr int64_t kAsidePercent = 50;
// Another family on an affected entity: half, since no relation says that the cause makes it.
constexpr int64_t kBesidePercent = 50;
// Somebody changed the candidate shortly before: less than any evidence, so that it decides between
// causes that explain the same, and makes none.
constexpr int64_t kChangeBonus = 30;
// How long before the onset a change is a suspect: most bad changes show within half an hour.
constexpr Millis kChangeWindow{30 * 60'000};
// The monitor of a cause may cross its threshold later than those of its dependants, as the grace
// of the map; what begins later than that has a cause of its own.
constexpr Millis kLateEvidence{5 * 60'000};
// Reached only through something healthy, whose monitor may be blind to what its dependants see.
constexpr int64_t kWeakPercent = 25;
// A cause that does not show itself pays a share of what it explains, and not more than a bound:
// one silent monitor is one fact, however many effects there are. Nothing watches it: three tenths
// of two warnings, so that one effect more than its rival outweighs it.
constexpr int64_t kSilentPercent = 30, kSilentMax = 60;
// The same, and not even an effect shows the family that it would have failed in: a guess about the
// guess, so half of two warnings.
constexpr int64_t kUnseenPercent = 50, kUnseenMax = 100;
// It is watched and well: two warnings do not outweigh its monitor, three do.
constexpr int64_t kHealthyPercent = 60, kHealthyMax = 150;

bool Has(uint8_t families, size_t family) { return (families >> family & 1) != 0; }

// Works out one candidate, step by step.
class Judging {
 public:
  Judging(const Estate& estate, const std::vector<RegionItem>& items, const ItemIndex& index,
          const Suspect& suspect)
      : estate_(estate), items_(items), index_(index), suspect_(suspect) {
    candidate_.entity = suspect.entity;
    candidate_.name = std::string(estate.Name(suspect.entity));
    candidate_.relation = estate.EndsOf(suspect.entity) != nullptr;
  }

  Candidate Run();

 private:
  void FindOwn();
  void FindSeen();
  void FindShown();
  void FindOnset();
  Spread Walk(bool healthy);
  void Explain(const Spread& spread);
  void ExplainNode(const SpreadNode& node);
  void AddMembers(const Spread& spread);
  void AddMember(EntityId member, bool own);
  void Expect(const Spread& spread);
  bool Expects(const Spread& spread, const SpreadNode& node) const;
  void NameFault(const Spread& spread);
  bool NameDeclared();
  uint32_t CountSilent(const Spread& spread) const;
  void Conclude(const Spread& spread);
  bool Covered(uint32_t item) const;
  void ExpectRelations(const Spread& spread);
  bool Fits(const Effect& effect, const RegionItem& item) const;
  int64_t MatchedEffects(const Fault& fault) const;
  Family StrongestFamily(const Spread& spread) const;

  const Estate& estate_;
  const std::vector<RegionItem>& items_;
  const ItemIndex& index_;
  const Suspect& suspect_;
  Candidate candidate_;
  std::vector<ActiveSymptom*> own_;  // of any family
  uint8_t evidence_ = 0;             // families that are shown, by bit
  std::optional<FaultId> shown_;     // a declared fault that the entity shows
  Millis uncertainty_{0};
  uint32_t early_ = 0;
  struct Dependant {
    bool showing = false, missing = false, early = false;
  };
  absl::flat_hash_map<uint32_t, Dependant> dependants_;
  std::vector<EntityId> order_;  // of dependants_, as met
};

void Judging::FindOwn() {
  for (size_t i = 0; i < kFamilies; ++i) {
    NodeKey node = ToNode(suspect_.entity, static_cast<Family>(i));
    for (ActiveSymptom* active : estate_.At(node)) own_.push_back(active);
    if (estate_.Showing(node)) evidence_ = static_cast<uint8_t>(evidence_ | 1U << i);
    candidate_.own_firing = candidate_.own_firing || estate_.Failing(node);
    if (estate_.WatchOf(node) != Watch::kUnmonitored) candidate_.monitored = true;
  }
  FindSeen();
  candidate_.own_evidence = evidence_ != 0;
  candidate_.monitored = candidate_.monitored || !own_.empty();
  candidate_.group = !suspect_.groups.empty();
  for (const BrokenGroup& group : suspect_.groups) {
    candidate_.own_evidence = candidate_.own_firing = true;  // its members speak for it
    for (Family family : group.families) {
      evidence_ = static_cast<uint8_t>(evidence_ | 1U << static_cast<size_t>(family));
    }
  }
}

// What others see of the candidate on their relations to it speaks for it, unless its own monitors
// say that it is well in that family.
void Judging::FindSeen() {
  for (EntityId relation : estate_.RelationsTo(suspect_.entity)) {
    for (size_t i = 0; i < kFamilies; ++i) {
      const auto family = static_cast<Family>(i);
      const NodeKey node = ToNode(relation, family);
      if (estate_.At(node).empty() || estate_.WellBehind(suspect_.entity, family)) continue;
      for (ActiveSymptom* active : estate_.At(node)) own_.push_back(active);
      if (estate_.Showing(node)) evidence_ = static_cast<uint8_t>(evidence_ | 1U << i);
      candidate_.own_firing = candidate_.own_firing || estate_.Failing(node);
    }
  }
}

// A fault that is shown as declared makes its effects evidence, whatever family they travel in.
void Judging::FindShown() {
  for (FaultId id : estate_.rules().FaultsOf(estate_.KindOf(suspect_.entity))) {
    const Fault& fault = estate_.program().fault(id);
    if (shown_ || fault.shows == Fault::Shows::kNothing) continue;
    if (ShownBy(estate_, suspect_.entity, fault) != Shown::kAll) continue;
    shown_ = id;
    for (const Effect& effect : fault.causes) {
      Family family =
          effect.signal ? estate_.program().signal(*effect.signal).family : effect.family_on->first;
      evidence_ = static_cast<uint8_t>(evidence_ | 1U << static_cast<size_t>(family));
    }
  }
}

void Judging::FindOnset() {
  candidate_.onset = kMaxTime;
  for (const BrokenGroup& group : suspect_.groups) {
    // It broke when one more failed than is tolerated.
    std::vector<std::pair<EventTime, Millis>> onsets;
    for (EntityId member : group.failed) {
      std::pair<EventTime, Millis> first(kMaxTime, Millis{0});
      for (size_t i = 0; i < kFamilies; ++i) {
        auto item = index_.find(ToNode(member, static_cast<Family>(i)));
        if (item == index_.end() || !items_[item->second].firing) continue;
        const RegionItem& found = items_[item->second];
        first = std::min(first, {found.onset, found.uncertainty});
      }
      onsets.push_back(first);
    }
    std::sort(onsets.begin(), onsets.end());
    const auto& broke = onsets[std::min<size_t>(group.tolerated, onsets.size() - 1)];
    candidate_.onset = std::min(candidate_.onset, broke.first);
    uncertainty_ = std::max(uncertainty_, broke.second);
  }
  if (!candidate_.group) {
    for (const ActiveSymptom* active : own_) {
      if (estate_.SignalOf(*active).severity == Severity::kInfo) continue;
      candidate_.onset = std::min(candidate_.onset, active->symptom.onset);
      uncertainty_ = std::max(uncertainty_, active->uncertainty);
    }
  }
  uncertainty_ += estate_.options().allowed_lateness;
  if (candidate_.onset != kMaxTime) return;
  for (uint32_t item : suspect_.items) {
    candidate_.onset = std::min(candidate_.onset, items_[item].onset);
  }
  if (candidate_.onset == kMaxTime) candidate_.onset = estate_.now();  // nothing points to it now
}

Spread Judging::Walk(bool healthy) {
  candidate_.latest = candidate_.onset;
  for (uint32_t item : suspect_.items) {
    candidate_.latest = std::max(candidate_.latest, items_[item].onset);
  }
  candidate_.families = suspect_.families;
  candidate_.evidence = evidence_;
  candidate_.healthy = healthy;
  return SpreadOf(estate_, candidate_);
}

bool Judging::Covered(uint32_t item) const {
  for (const Explained& explained : candidate_.explained) {
    if (explained.item == item) return true;
  }
  return false;
}

void Judging::ExplainNode(const SpreadNode& node) {
  auto found = index_.find(node.node);
  if (found == index_.end() || node.parent < 0) return;
  const RegionItem& item = items_[found->second];
  bool reached = false;
  for (const ActiveSymptom* active : item.symptoms) {
    reached = reached || Reaches(active->reach, suspect_.entity);
  }
  // From beside no relation leads back.
  if ((!reached && !node.beyond) || EntityOf(node.node) == suspect_.entity) return;
  int64_t weight = item.weight;
  if (node.grade >= kGradeWeak) weight = weight * kWeakPercent / 100;
  if (node.aside) weight = weight * kAsidePercent / 100;
  if (node.beside) weight = weight * kBesidePercent / 100;
  const RelationEnds* ends = estate_.EndsOf(EntityOf(node.node));
  const bool seen = ends != nullptr && ends->to == suspect_.entity &&
                    !estate_.WellBehind(suspect_.entity, FamilyOf(node.node));
  if (candidate_.own_evidence) {
    if (item.onset < candidate_.onset - uncertainty_) {
      ++candidate_.violations, ++early_;
      if (item.onset < candidate_.onset - uncertainty_ - kLateEvidence) return;
      weight = weight * kLatePercent / 100;
    }
    const Family family = FamilyOf(node.node);
    const EventTime last = candidate_.onset + node.lag +
                           estate_.rules().ShowTime(estate_.KindOf(EntityOf(node.node)), family);
    if (node.lag > Millis{0} &&
        item.onset - item.uncertainty - estate_.options().allowed_lateness > last) {
      ++candidate_.violations;
      weight = weight * kLatePercent / 100;
    }
  }
  candidate_.explained.push_back({found->second, weight, OriginOf(node.grade), seen,
                                  node.grade >= kGradeWeak, node.joint, node.lag, node.start,
                                  node.beyond, seen});
}

void Judging::AddMember(EntityId member, bool own) {
  bool found = false;
  for (size_t i = 0; i < kFamilies; ++i) {
    auto item = index_.find(ToNode(member, static_cast<Family>(i)));
    if (item == index_.end()) continue;
    const bool covered = Covered(item->second);
    found = found || own || !covered;
    if (covered) continue;
    int64_t weight = items_[item->second].weight;
    if (!own) weight = weight * kJointMemberPercent / 100;
    candidate_.explained.push_back(
        {item->second, weight, Origin::kEvidence, own, false, !own, Millis{0}});
  }
  auto& causes = candidate_.causes;
  if (found && std::find(causes.begin(), causes.end(), member) == causes.end()) {
    causes.push_back(member);
  }
}

// Members that fail beside the candidate, or make it fail if it is their group.
void Judging::AddMembers(const Spread& spread) {
  std::vector<std::pair<EntityId, bool>> members;  // and whether the group is the candidate
  for (const BrokenGroup& group : suspect_.groups) {
    for (EntityId member : group.failed) members.emplace_back(member, true);
  }
  for (const Gate& gate : spread.gates().all()) {
    if (gate.PassesAlone() || !gate.PassesJointly()) continue;
    for (EntityId member : gate.failing) {
      if (member != suspect_.entity) members.emplace_back(member, false);
    }
  }
  for (auto [member, own] : members) AddMember(member, own);
  std::sort(candidate_.causes.begin(), candidate_.causes.end(),
            [&](EntityId a, EntityId b) { return estate_.Name(a) < estate_.Name(b); });
}

void Judging::Explain(const Spread& spread) {
  candidate_.explained.clear();
  candidate_.causes.clear();
  candidate_.violations = early_ = 0;
  for (size_t i = 0; i < kFamilies; ++i) {
    auto item = index_.find(ToNode(suspect_.entity, static_cast<Family>(i)));
    if (item == index_.end()) continue;
    candidate_.explained.push_back({item->second, items_[item->second].weight, Origin::kEvidence,
                                    true, false, false, Millis{0}});
  }
  for (const SpreadNode& node : spread.nodes()) ExplainNode(node);
  uint8_t seen = evidence_;
  for (const Explained& explained : candidate_.explained) {
    seen = static_cast<uint8_t>(seen |
                                1U << static_cast<size_t>(FamilyOf(items_[explained.item].node)));
  }
  auto unseen = [&](const Explained& explained) {
    return explained.origin == Origin::kSilent && !Has(seen, static_cast<size_t>(explained.start));
  };
  // One that shows what is wrong with it is not granted another trouble that nobody sees.
  if (candidate_.own_evidence) std::erase_if(candidate_.explained, unseen);
  for (Explained& explained : candidate_.explained) {
    if (unseen(explained)) explained.origin = Origin::kUnseen;
  }
  AddMembers(spread);
}

bool Judging::Expects(const Spread& spread, const SpreadNode& node) const {
  if (!candidate_.declared) return true;
  const Fault& fault = estate_.program().fault(*candidate_.declared);
  if (fault.causes.empty()) return true;
  const std::optional<KindId> kind = estate_.KindOf(EntityOf(node.node));
  const Family family = FamilyOf(node.node);
  for (const Effect& effect : fault.causes) {
    if (effect.signal) {
      const Signal& signal = estate_.program().signal(*effect.signal);
      if (signal.family != family || signal.kind != kind) continue;
    } else if (effect.family_on->first != family || effect.family_on->second != kind) {
      continue;
    }
    if (effect.over.empty()) return true;
    for (const SpreadNode* step = &node; step->parent >= 0;
         step = &spread.nodes()[static_cast<size_t>(step->parent)]) {
      if (std::find(effect.over.begin(), effect.over.end(), step->relation) != effect.over.end()) {
        return true;
      }
    }
  }
  return false;
}

// Dependants that show something, and those that should and are well. Per entity: where a relation
// carries one family into several, either may show.
void Judging::Expect(const Spread& spread) {
  for (const SpreadNode& node : spread.nodes()) {
    EntityId entity = EntityOf(node.node);
    if (node.parent < 0 || entity == suspect_.entity || node.aside || node.beyond) continue;
    auto [entry, fresh] = dependants_.try_emplace(entity.value());
    if (fresh) order_.push_back(entity);
    entry->second.showing = entry->second.showing || node.showing;
    // What moved away or is behind something healthy is neutral.
    if (node.grade >= kGradeWeak || !node.at_onset || !node.lasting) continue;
    if (node.showing || !node.fresh || !Expects(spread, node)) continue;
    if (node.healthy) {
      entry->second.missing = true;
    } else if (node.due > estate_.now()) {
      entry->second.early = true;
      candidate_.next_due = std::min(candidate_.next_due, node.due);
    }
  }
  ExpectRelations(spread);
  for (EntityId entity : order_) {
    const Dependant& dependant = dependants_[entity.value()];
    if (dependant.showing) {
      ++candidate_.shown;
    } else if (dependant.missing && !dependant.early) {
      ++candidate_.missing;
    }
  }
}

// Some relations to the candidate show something: the others should as well, where they are
// watched.
void Judging::ExpectRelations(const Spread& spread) {
  std::vector<std::pair<RelationId, Family>> shown;
  for (EntityId relation : estate_.RelationsTo(suspect_.entity)) {
    for (size_t i = 0; i < kFamilies; ++i) {
      const auto family = static_cast<Family>(i);
      const std::pair<RelationId, Family> kind(estate_.EndsOf(relation)->relation, family);
      if (spread.Find(ToNode(relation, family)) == nullptr) continue;
      if (std::find(shown.begin(), shown.end(), kind) == shown.end()) shown.push_back(kind);
    }
  }
  for (const auto& [relation, family] : shown) {
    const EventTime due = candidate_.onset + estate_.rules().ShowTime(relation, family) +
                          estate_.options().allowed_lateness;
    for (const Edge& edge : estate_.Downstream(suspect_.entity)) {
      if (edge.relation != relation || !edge.validity.At(estate_.now())) continue;
      const bool shows = std::any_of(
          estate_.RelationsTo(suspect_.entity).begin(), estate_.RelationsTo(suspect_.entity).end(),
          [&](EntityId other) { return estate_.EndsOf(other)->from == edge.other; });
      if (shows ||
          estate_.WatchOf(relation, edge.other, suspect_.entity, family) != Watch::kFresh) {
        continue;
      }
      auto [entry, fresh] = dependants_.try_emplace(edge.other.value());
      if (fresh) order_.push_back(edge.other);
      if (estate_.now() >= due) {
        entry->second.missing = true;
      } else {
        entry->second.early = true;
        candidate_.next_due = std::min(candidate_.next_due, due);
      }
    }
  }
}

bool Judging::Fits(const Effect& effect, const RegionItem& item) const {
  if (!effect.signal) {
    return effect.family_on->first == FamilyOf(item.node) &&
           effect.family_on->second == estate_.KindOf(EntityOf(item.node));
  }
  return std::any_of(item.symptoms.begin(), item.symptoms.end(), [&](const ActiveSymptom* active) {
    return active->symptom.signal == *effect.signal;
  });
}

int64_t Judging::MatchedEffects(const Fault& fault) const {
  return std::count_if(
      candidate_.explained.begin(), candidate_.explained.end(), [&](const Explained& explained) {
        if (explained.own) return false;
        return std::any_of(fault.causes.begin(), fault.causes.end(), [&](const Effect& effect) {
          return Fits(effect, items_[explained.item]);
        });
      });
}

bool Judging::NameDeclared() {
  std::optional<FaultId> best = shown_;
  int64_t best_matched = -1;
  for (FaultId id : estate_.rules().FaultsOf(estate_.KindOf(suspect_.entity))) {
    const Fault& fault = estate_.program().fault(id);
    Shown shown = ShownBy(estate_, suspect_.entity, fault);
    if (shown_ && shown != Shown::kAll) continue;
    if (shown == Shown::kPartly || shown == Shown::kRefuted) continue;
    const bool visible = fault.shows != Fault::Shows::kNothing;
    int64_t matched = MatchedEffects(fault);
    // What cannot be seen on the entity must be seen around it, or on the members of the group.
    if (!(visible && shown == Shown::kAll) && !candidate_.group && matched == 0) continue;
    if (matched <= best_matched) continue;
    best_matched = matched;
    best = id;
  }
  if (!best) return false;
  candidate_.declared = best;
  candidate_.fault = estate_.program().fault(*best).name;
  return true;
}

Family Judging::StrongestFamily(const Spread& spread) const {
  std::array<int64_t, kFamilies> weights{};
  for (const Explained& explained : candidate_.explained) {
    const SpreadNode* node = spread.Find(items_[explained.item].node);
    while (node != nullptr && node->parent >= 0) {
      node = &spread.nodes()[static_cast<size_t>(node->parent)];
    }
    if (node != nullptr) weights[static_cast<size_t>(FamilyOf(node->node))] += explained.weight;
  }
  size_t best = 0;
  for (size_t i = 1; i < kFamilies; ++i) {
    if (weights[i] > weights[best]) best = i;
  }
  return static_cast<Family>(best);
}

void Judging::NameFault(const Spread& spread) {
  if (NameDeclared()) return;
  if (candidate_.group) {
    candidate_.fault = "redundancy_lost";
    return;
  }
  const ActiveSymptom* strongest = nullptr;
  auto rank = [&](const ActiveSymptom* active) {
    const Signal& signal = estate_.SignalOf(*active);
    return std::make_tuple(-static_cast<int>(signal.severity),
                           active->symptom.state != SignalState::kFiring, active->symptom.onset,
                           std::string_view(signal.name));
  };
  for (const ActiveSymptom* active : own_) {
    if (estate_.SignalOf(*active).severity == Severity::kInfo) continue;
    if (strongest == nullptr || rank(active) < rank(strongest)) strongest = active;
  }
  candidate_.fault = strongest != nullptr
                         ? estate_.SignalOf(*strongest).name
                         : fmt::format("unobserved_{}", Name(StrongestFamily(spread)));
}

// Entities without symptom on the way to what is explained, the candidate included.
uint32_t Judging::CountSilent(const Spread& spread) const {
  absl::flat_hash_map<uint32_t, bool> silent;
  for (const Explained& explained : candidate_.explained) {
    const SpreadNode* node = spread.Find(items_[explained.item].node);
    while (node != nullptr) {
      if (!node->showing) silent[EntityOf(node->node).value()] = true;
      node = node->parent < 0 ? nullptr : &spread.nodes()[static_cast<size_t>(node->parent)];
    }
  }
  return static_cast<uint32_t>(silent.size());
}

void Judging::Conclude(const Spread& spread) {
  int64_t per_missing = kMissingPenalty;
  if (candidate_.declared && !estate_.program().fault(*candidate_.declared).causes.empty()) {
    per_missing = kMissingDeclaredPenalty;
  }
  candidate_.penalty = per_missing * candidate_.missing;
  uint32_t explained_others = 0;
  std::vector<Explained> strong;
  for (const Explained& explained : candidate_.explained) {
    if (!explained.weak) strong.push_back(explained);
    if (!explained.own && !explained.joint) ++explained_others;
  }
  // What lies behind something healthy is only claimed by a candidate that stands without it.
  const ScoreSum alone = SumOf(candidate_, strong);
  if (!candidate_.own_evidence && alone.others - alone.silence < estate_.options().threshold) {
    std::erase_if(candidate_.explained, [](const Explained& e) { return e.weak; });
  }
  std::sort(candidate_.explained.begin(), candidate_.explained.end(),
            [](const Explained& a, const Explained& b) { return a.item < b.item; });
  candidate_.spread = static_cast<uint32_t>(candidate_.explained.size());
  candidate_.began_after = early_ > 0 && early_ >= explained_others;
  candidate_.tolerated_by = spread.gates().Closed();
  candidate_.tolerated =
      evidence_ != 0 && !candidate_.group && spread.contained() && explained_others == 0;
  if (!candidate_.own_evidence) candidate_.silent = CountSilent(spread);
  candidate_.sum = SumOf(candidate_, candidate_.explained);
  candidate_.score = candidate_.sum.Total();
  candidate_.valid = MayOpen(candidate_, candidate_.sum, estate_.options().threshold) ||
                     (candidate_.tolerated && candidate_.own_firing &&
                      estate_.program().incidents.tolerated_open_info);
}

Candidate Judging::Run() {
  FindOwn();
  FindShown();
  FindOnset();
  candidate_.changed = estate_.ChangedWithin(suspect_.entity, candidate_.onset - kChangeWindow,
                                             candidate_.onset + uncertainty_);
  Spread spread = Walk(/*healthy=*/false);
  Explain(spread);
  if (candidate_.explained.empty() && !candidate_.own_evidence) {
    spread = Walk(/*healthy=*/true);
    Explain(spread);
  }
  NameFault(spread);
  Expect(spread);
  Conclude(spread);
  return std::move(candidate_);
}

}  // namespace

Spread SpreadOf(const Estate& estate, const Candidate& candidate) {
  Spread spread(estate, candidate.entity, candidate.onset, candidate.latest);
  for (size_t i = 0; i < kFamilies; ++i) {
    auto family = static_cast<Family>(i);
    if (Has(candidate.evidence, i)) {
      spread.Start(family, Origin::kEvidence);
    } else if (!Has(candidate.families, i)) {
      continue;
    } else if (estate.WatchOf(ToNode(candidate.entity, family)) != Watch::kFresh) {
      spread.Start(family, Origin::kSilent);
    } else if (candidate.healthy) {
      spread.Start(family, Origin::kHealthy);
    }
  }
  spread.Run();
  return spread;
}

Shown ShownBy(const Estate& estate, EntityId entity, const Fault& fault) {
  if (fault.shows == Fault::Shows::kNothing) return Shown::kSilent;
  size_t shown = 0, watched = 0;
  for (SignalId id : fault.shown_by) {
    const NodeKey node = ToNode(entity, estate.program().signal(id).family);
    bool active = false;
    for (const ActiveSymptom* symptom : estate.At(node)) {
      active = active || symptom->symptom.signal == id;
    }
    for (EntityId relation : estate.RelationsTo(entity)) {
      for (const ActiveSymptom* symptom : estate.At(ToNode(relation, FamilyOf(node)))) {
        active = active || symptom->symptom.signal == id;
      }
    }
    if (active) {
      ++shown;
    } else if (estate.WatchOf(node) == Watch::kFresh) {
      ++watched;
    }
  }
  if (fault.shows == Fault::Shows::kAny && shown > 0) return Shown::kAll;
  if (shown == fault.shown_by.size()) return Shown::kAll;
  if (watched == 0) return Shown::kSilent;
  return shown > 0 ? Shown::kPartly : Shown::kRefuted;
}

int64_t SilencePrice(int64_t weight, Origin origin) {
  switch (origin) {
    case Origin::kEvidence:
      return 0;
    case Origin::kSilent:
      return std::min(weight * kSilentPercent / 100, kSilentMax);
    case Origin::kUnseen:
      return std::min(weight * kUnseenPercent / 100, kUnseenMax);
    case Origin::kHealthy:
      return std::min(weight * kHealthyPercent / 100, kHealthyMax);
  }
  return 0;
}

ScoreSum SumOf(const Candidate& candidate, const std::vector<Explained>& explained) {
  ScoreSum sum;
  std::array<int64_t, 4> by_origin{};
  for (const Explained& item : explained) {
    (item.own && !item.seen ? sum.own : sum.others) += item.weight;
    by_origin[static_cast<size_t>(item.origin)] += item.weight;
  }
  for (size_t i = 0; i < by_origin.size(); ++i) {
    sum.silence += SilencePrice(by_origin[i], static_cast<Origin>(i));
  }
  const int64_t gain = sum.others - sum.silence;
  sum.missing = candidate.penalty;
  // Counter-evidence alone never rejects what has evidence of its own or explains most of its fresh
  // dependants: it takes at most half of what they add.
  if (candidate.own_evidence || candidate.shown > candidate.missing) {
    sum.missing = std::min(sum.missing, gain / 2);
  }
  // Times that do not fit may cost what the effects add, and never the evidence itself.
  sum.violations = std::min(candidate.violations * kViolationPenalty, gain - gain / 2);
  sum.prior = (candidate.declared ? 0 : kInferredPrior) + (candidate.relation ? kRelationPrior : 0);
  sum.change = candidate.changed && !explained.empty() ? kChangeBonus : 0;
  return sum;
}

bool MayOpen(const Candidate& candidate, const ScoreSum& sum, int64_t threshold) {
  if (candidate.explained.empty() || candidate.tolerated) return false;
  if (candidate.own_firing) return true;
  if (candidate.healthy && candidate.shown <= candidate.missing) return false;
  // A change makes nothing a root that its effects do not make one.
  return sum.Total() - sum.change >= threshold;
}

Candidate Judge(const Estate& estate, const std::vector<RegionItem>& items, const ItemIndex& index,
                const Suspect& suspect) {
  return Judging(estate, items, index, suspect).Run();
}

}  // namespace rootnote
