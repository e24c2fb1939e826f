// One region: its suspects, their ranking, and the greedy cover.
#include <algorithm>
#include <map>
#include <queue>
#include <string>
#include <utility>

#include "absl/container/flat_hash_set.h"

#include "engine/correlator.h"
#include "engine/correlator_estate.h"
#include "engine/correlator_score.h"
#include "engine/correlator_walk.h"

namespace rootnote {

RegionView::RegionView(const Estate& estate, uint64_t id, std::vector<ActiveSymptom*> symptoms,
                       const std::vector<EntityId>& roots)
    : estate_(estate), id_(id), symptoms_(std::move(symptoms)) {
  AddItems();
  bool firing = false;
  for (const RegionItem& item : items_) firing = firing || item.firing;
  // What is only pending or info opens nothing, so there is nothing to rank.
  if (!firing) return;
  ItemIndex index;
  for (size_t i = 0; i < items_.size(); ++i) index[items_[i].node] = static_cast<uint32_t>(i);
  for (const Suspect& suspect : FindSuspects(roots)) {
    candidates_.push_back(Judge(estate_, items_, index, suspect));
  }
  DemoteJoint();
  DropBeside();
  std::sort(candidates_.begin(), candidates_.end(), [](const Candidate& a, const Candidate& b) {
    return RanksBefore({a, a.score, a.explained.size()}, {b, b.score, b.explained.size()});
  });
  for (size_t i = 0; i < candidates_.size(); ++i) {
    by_entity_[candidates_[i].entity.value()] = static_cast<uint32_t>(i);
  }
}

void RegionView::AddItems() {
  ItemIndex index;
  for (ActiveSymptom* active : symptoms_) {
    const Signal& signal = estate_.SignalOf(*active);
    NodeKey node = ToNode(active->entity, signal.family);
    auto [entry, fresh] = index.try_emplace(node, static_cast<uint32_t>(items_.size()));
    if (fresh) {
      items_.emplace_back();
      items_.back().node = node;
      items_.back().onset = kMaxTime;
    }
    RegionItem& item = items_[entry->second];
    item.symptoms.push_back(active);
    item.weight = std::max(item.weight, estate_.WeightOf(*active));
    item.firing = item.firing || (active->symptom.state == SignalState::kFiring &&
                                  signal.severity != Severity::kInfo);
    item.onset = std::min(item.onset, active->symptom.onset);
    item.uncertainty = std::max(item.uncertainty, active->uncertainty);
  }
}

namespace {

// Members that break several groups at once, as two resolvers do for every application, are no loss
// of one group's redundancy: there the members themselves are the candidates.
void DropSharedGroups(std::map<uint32_t, Suspect>& suspects) {
  std::map<std::vector<EntityId>, int> broken;
  for (const auto& [id, suspect] : suspects) {
    for (const BrokenGroup& group : suspect.groups) ++broken[group.failed];
  }
  for (auto& [id, suspect] : suspects) {
    std::erase_if(suspect.groups,
                  [&](const BrokenGroup& group) { return broken[group.failed] > 1; });
  }
}

void AddGroup(Suspect& suspect, BrokenGroup&& group) {
  for (BrokenGroup& other : suspect.groups) {
    if (other.relation != group.relation) continue;
    for (Family family : group.families) {
      if (std::find(other.families.begin(), other.families.end(), family) == other.families.end()) {
        other.families.push_back(family);
      }
    }
    return;
  }
  suspect.groups.push_back(std::move(group));
}

}  // namespace

// Notes on the items what a cause that is not judged would score.
void RegionView::Shadow(const Suspect& suspect) {
  for (size_t i = 0; i < kFamilies; ++i) {
    if ((suspect.families >> i & 1) == 0) continue;
    NodeKey node = ToNode(suspect.entity, static_cast<Family>(i));
    if (estate_.WatchOf(node) == Watch::kFresh) continue;
    for (uint32_t item : suspect.items) {
      const int64_t weight = items_[item].weight;
      items_[item].shadow =
          std::max(items_[item].shadow, weight - SilencePrice(weight, Origin::kSilent));
    }
  }
}

// Every entity upstream of an item, and groups that lost their redundancy; by id.
std::map<uint32_t, Suspect> RegionView::CollectSuspects() const {
  std::map<uint32_t, Suspect> suspects;
  auto point = [&](EntityId entity, uint32_t item) -> Suspect& {
    Suspect& suspect = suspects[entity.value()];
    suspect.entity = entity;
    if (suspect.items.empty() || suspect.items.back() != item) suspect.items.push_back(item);
    return suspect;
  };
  for (uint32_t i = 0; i < items_.size(); ++i) {
    for (const ActiveSymptom* active : items_[i].symptoms) {
      for (NodeKey node : active->reach) {
        Suspect& suspect = point(EntityOf(node), i);
        suspect.families = static_cast<uint8_t>(suspect.families | 1U << (node & 7));
      }
      if (active->symptom.state != SignalState::kFiring) continue;
      for (BrokenGroup& group : BrokenGroupsOf(estate_, *active)) {
        AddGroup(point(group.group, i), std::move(group));
      }
    }
  }
  DropSharedGroups(suspects);
  return suspects;
}

// Who is judged, by name. A silent suspect that symptoms of only one entity point to can never beat
// that entity itself and is left out.
std::vector<Suspect> RegionView::FindSuspects(const std::vector<EntityId>& roots) {
  std::map<uint32_t, Suspect> suspects = CollectSuspects();
  for (EntityId root : roots) suspects[root.value()].entity = root;
  std::vector<Suspect> result;
  for (auto& [id, suspect] : suspects) {
    bool single = true, own = false;
    for (uint32_t item : suspect.items) {
      single = single && EntityOf(items_[item].node) == EntityOf(items_[suspect.items[0]].node);
      const EntityId entity = EntityOf(items_[item].node);
      const RelationEnds* ends = estate_.EndsOf(entity);
      own = own || entity == suspect.entity || (ends != nullptr && ends->to == suspect.entity);
    }
    const bool wanted = std::find(roots.begin(), roots.end(), suspect.entity) != roots.end();
    if (!single || own || wanted || !suspect.groups.empty()) {
      result.push_back(std::move(suspect));
    } else {
      Shadow(suspect);
    }
  }
  std::sort(result.begin(), result.end(), [&](const Suspect& a, const Suspect& b) {
    return estate_.Name(a.entity) < estate_.Name(b.entity);
  });
  return result;
}

bool RegionView::ExplainsAlone(const Candidate& upstream,
                               const std::vector<EntityId>& members) const {
  for (EntityId member : members) {
    bool found = upstream.entity == member;
    if (found) return false;
    for (const Explained& explained : upstream.explained) {
      found = found || (!explained.own && !explained.joint && !explained.weak &&
                        EntityOf(items_[explained.item].node) == member);
    }
    if (!found) return false;
  }
  return true;
}

// What several members did together belongs to one upstream cause that explains them all, if there
// is one: then neither the group nor one of the members is the root.
void RegionView::DemoteJoint() {
  for (Candidate& candidate : candidates_) {
    std::vector<EntityId> members = candidate.causes;
    if (members.empty()) continue;
    if (!candidate.group) members.push_back(candidate.entity);
    const bool explained_above =
        std::any_of(candidates_.begin(), candidates_.end(), [&](const Candidate& upstream) {
          return &upstream != &candidate && upstream.valid && !upstream.healthy &&
                 upstream.causes.empty() && ExplainsAlone(upstream, members);
        });
    if (!explained_above) continue;
    const bool group = candidate.group;
    std::erase_if(candidate.explained, [&](const Explained& explained) {
      EntityId entity = EntityOf(items_[explained.item].node);
      if (explained.joint) return true;
      return group && explained.own && entity != candidate.entity;
    });
    candidate.causes.clear();
    if (group) {
      candidate.group = false;
      bool firing = false, own = false;
      for (const Explained& explained : candidate.explained) {
        own = own || explained.own;
        firing = firing || (explained.own && items_[explained.item].firing);
      }
      candidate.own_firing = firing;
      candidate.own_evidence = own;
    }
    candidate.sum = SumOf(candidate, candidate.explained);
    candidate.score = candidate.sum.Total();
    candidate.valid = (!group || candidate.own_evidence) &&
                      MayOpen(candidate, candidate.sum, estate_.options().threshold);
  }
}

// What shows beside an effect belongs to another cause that fires itself and reaches it by
// relations, if there is one.
void RegionView::DropBeside() {
  std::vector<std::vector<const Candidate*>> reached(items_.size());
  for (const Candidate& candidate : candidates_) {
    if (!candidate.valid || !candidate.own_firing) continue;
    for (const Explained& explained : candidate.explained) {
      if (explained.own || explained.beside || explained.weak) continue;
      reached[explained.item].push_back(&candidate);
    }
  }
  for (Candidate& candidate : candidates_) {
    std::vector<EntityId> effects;
    for (const Explained& explained : candidate.explained) {
      if (!explained.beside) effects.push_back(EntityOf(items_[explained.item].node));
    }
    const size_t dropped = std::erase_if(candidate.explained, [&](const Explained& explained) {
      return explained.beside &&
             std::any_of(reached[explained.item].begin(), reached[explained.item].end(),
                         [&](const Candidate* other) {
                           return std::find(effects.begin(), effects.end(), other->entity) ==
                                  effects.end();
                         });
    });
    if (dropped == 0) continue;
    candidate.sum = SumOf(candidate, candidate.explained);
    candidate.score = candidate.sum.Total();
    candidate.valid =
        candidate.valid && MayOpen(candidate, candidate.sum, estate_.options().threshold);
  }
}

const Candidate* RegionView::Find(EntityId entity) const {
  auto found = by_entity_.find(entity.value());
  return found == by_entity_.end() ? nullptr : &candidates_[found->second];
}

std::vector<bool> RegionView::Marks(const std::vector<Explained>& explained) const {
  std::vector<bool> marks(items_.size());
  for (const Explained& entry : explained) marks[entry.item] = true;
  return marks;
}

bool RanksBefore(const Contender& one, const Contender& other) {
  const Candidate& a = one.candidate;
  const Candidate& b = other.candidate;
  if (a.valid != b.valid) return a.valid;
  if (one.score != other.score) return one.score > other.score;
  if (one.count != other.count) return one.count > other.count;  // fewer unexplained
  if (a.own_evidence != b.own_evidence) return a.own_evidence;
  // What more of the symptoms depend on is reachable from the other, and not the reverse.
  if (a.own_evidence && a.spread != b.spread) return a.spread > b.spread;
  if (!a.own_evidence && a.silent != b.silent) return a.silent < b.silent;
  if (a.onset != b.onset) return a.onset < b.onset;
  return a.name < b.name;
}

RegionView::Hypothesis RegionView::Restrict(const Candidate& candidate,
                                            const std::vector<bool>& left) const {
  Hypothesis hypothesis{&candidate, 0, {}, {}, false};
  for (const Explained& explained : candidate.explained) {
    if (left[explained.item]) hypothesis.explained.push_back(explained);
  }
  hypothesis.sum = SumOf(candidate, hypothesis.explained);
  hypothesis.score = hypothesis.sum.Total();
  return hypothesis;
}

// Something of at least warning fires, and the candidate itself does or reaches the threshold.
bool RegionView::Opens(const Hypothesis& hypothesis) const {
  bool firing = false, own_firing = false;
  for (const Explained& explained : hypothesis.explained) {
    firing = firing || items_[explained.item].firing;
    own_firing = own_firing || (explained.own && items_[explained.item].firing);
  }
  const int64_t score = hypothesis.score - hypothesis.sum.change;
  return firing && (own_firing || score >= estate_.options().threshold);
}

std::vector<RegionView::Hypothesis> RegionView::Cover(const std::vector<bool>& open,
                                                      const std::vector<EntityId>& excluded) const {
  std::vector<bool> left = open;
  auto worse = [](const Hypothesis& a, const Hypothesis& b) {
    return RanksBefore({*b.candidate, b.score, b.explained.size()},
                       {*a.candidate, a.score, a.explained.size()});
  };
  std::priority_queue<Hypothesis, std::vector<Hypothesis>, decltype(worse)> queue(worse);
  for (const Candidate& candidate : candidates_) {
    const bool out =
        std::find(excluded.begin(), excluded.end(), candidate.entity) != excluded.end();
    if (candidate.valid && !out) queue.push(Restrict(candidate, left));
  }
  std::vector<Hypothesis> cover;
  while (!queue.empty()) {
    Hypothesis best = queue.top();
    queue.pop();
    // Scores only fall as symptoms are taken, so a stale one is judged again when it comes up.
    Hypothesis now = Restrict(*best.candidate, left);
    if (now.explained.size() != best.explained.size()) {
      if (!now.explained.empty()) queue.push(std::move(now));
      continue;
    }
    if (!Opens(now)) continue;
    now.dominates = Dominates(now);
    for (const Explained& explained : now.explained) left[explained.item] = false;
    cover.push_back(std::move(now));
  }
  return cover;
}

bool RegionView::DependsOn(const Candidate& rival, const Candidate& candidate) const {
  for (const Explained& explained : candidate.explained) {
    if (EntityOf(items_[explained.item].node) == rival.entity) return true;
  }
  for (size_t i = 0; i < kFamilies; ++i) {
    if ((rival.families >> i & 1) == 0) continue;
    UpstreamWalk walk =
        WalkUpstream(estate_, ToNode(rival.entity, static_cast<Family>(i)), rival.onset);
    if (Reaches(walk.nodes, candidate.entity)) return true;
  }
  return false;
}

bool RegionView::Dominates(const Hypothesis& hypothesis) const {
  const Candidate& best = *hypothesis.candidate;
  if (!best.own_firing || best.missing > 0) return false;
  for (const Explained& explained : hypothesis.explained) {
    if (items_[explained.item].shadow * 2 > hypothesis.score) return false;
  }
  const std::vector<bool> mine = Marks(hypothesis.explained);
  for (const Candidate& rival : candidates_) {
    if (rival.entity == best.entity || !rival.valid || rival.score * 2 <= hypothesis.score) {
      continue;
    }
    if (std::find(best.causes.begin(), best.causes.end(), rival.entity) != best.causes.end()) {
      continue;
    }
    // Only a rival for the same symptoms is one.
    const bool shares = std::any_of(rival.explained.begin(), rival.explained.end(),
                                    [&](const Explained& its) { return mine[its.item]; });
    // One that explains as much is a rival, even if it depends on the best: both may depend on each
    // other.
    const bool as_much = rival.explained.size() >= hypothesis.explained.size();
    if (shares && (as_much || !DependsOn(rival, best))) return false;
  }
  return true;
}

namespace {

// Relations with symptoms are steps of the walk and none of the path, but at its beginning.
ImpactPath PathTo(const Estate& estate, const Spread& spread, const SpreadNode& node,
                  bool showing) {
  ImpactPath path;
  path.entity = EntityOf(node.node);
  path.showing = showing;
  const SpreadNode* step = &node;
  for (; step->parent >= 0; step = &spread.nodes()[static_cast<size_t>(step->parent)]) {
    if (step->beside || estate.EndsOf(EntityOf(step->node)) != nullptr) continue;
    path.path.push_back(EntityOf(step->node));
    path.relations.push_back(step->relation);
  }
  path.path.push_back(EntityOf(step->node));
  std::reverse(path.path.begin(), path.path.end());
  std::reverse(path.relations.begin(), path.relations.end());
  return path;
}

bool Watched(const Estate& estate, EntityId entity) {
  for (size_t i = 0; i < kFamilies; ++i) {
    NodeKey node = ToNode(entity, static_cast<Family>(i));
    if (estate.WatchOf(node) != Watch::kUnmonitored || estate.Showing(node)) return true;
  }
  return false;
}

std::vector<std::string> AssumedMembers(const Estate& estate, const Gates& gates) {
  std::vector<std::string> assumed;
  for (const Gate& gate : gates.all()) {
    if (gate.failed() <= gate.tolerated) continue;
    for (EntityId member : gate.assumed) assumed.emplace_back(estate.Name(member));
  }
  std::sort(assumed.begin(), assumed.end());
  assumed.erase(std::unique(assumed.begin(), assumed.end()), assumed.end());
  return assumed;
}

}  // namespace

ImpactView ImpactOf(const Estate& estate, const Candidate& candidate) {
  ImpactView view;
  Spread spread = SpreadOf(estate, candidate);
  view.cut = spread.cut();
  absl::flat_hash_set<uint32_t> seen{candidate.entity.value()};
  absl::flat_hash_set<uint32_t> silent;
  for (const SpreadNode& node : spread.nodes()) {
    const bool showing = estate.Failing(node.node);
    if (node.parent < 0 || (!showing && !(node.at_onset && node.lasting))) continue;
    if (estate.EndsOf(EntityOf(node.node)) != nullptr) continue;
    if (!seen.insert(EntityOf(node.node).value()).second) continue;
    view.paths.push_back(PathTo(estate, spread, node, showing));
    if (!showing) continue;
    for (EntityId entity : view.paths.back().path) {
      if (!Watched(estate, entity)) silent.insert(entity.value());
    }
  }
  view.silent_on_paths = static_cast<uint32_t>(silent.size());
  view.assumed = AssumedMembers(estate, spread.gates());
  std::sort(view.paths.begin(), view.paths.end(), [&](const ImpactPath& a, const ImpactPath& b) {
    if (a.path.size() != b.path.size()) return a.path.size() < b.path.size();
    return estate.Name(a.entity) < estate.Name(b.entity);
  });
  return view;
}

}  // namespace rootnote
