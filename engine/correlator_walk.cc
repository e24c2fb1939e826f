#include "engine/correlator_walk.h"

#include <algorithm>
#include <utility>

namespace rootnote {

namespace {

// What one cause does to an entity shows within the grace of the map.
constexpr Millis kBesideWindow{5 * 60'000};

}  // namespace

UpstreamWalk WalkUpstream(const Estate& estate, NodeKey start, EventTime onset) {
  UpstreamWalk walk;
  const EventTime begin = onset - estate.options().topology_grace;
  absl::flat_hash_map<NodeKey, uint32_t> depths{{start, 0}};
  std::deque<NodeKey> queue{start};
  auto push = [&](NodeKey node, uint32_t depth) {
    if (depths.size() >= estate.options().nodes_max) {
      walk.cut = true;
    } else if (depths.try_emplace(node, depth).second) {
      queue.push_back(node);
    }
  };
  while (!queue.empty()) {
    const NodeKey node = queue.front();
    queue.pop_front();
    walk.nodes.push_back(node);
    const uint32_t depth = depths[node];
    if (depth >= estate.options().depth_max) continue;
    if (const RelationEnds* ends = estate.EndsOf(EntityOf(node))) {
      for (Family family : estate.rules().ShownBy(ends->relation, FamilyOf(node))) {
        push(ToNode(ends->to, family), depth + 1);
      }
      if (!ends->from) continue;
      // Who is short of something sees all its calls suffer. Its other troubles end there: that it
      // waits for one call does not slow down the next.
      push(ToNode(*ends->from, Family::kSaturation), depth + 1);
      push(ToNode(*ends->from, FamilyOf(node)), estate.options().depth_max);
      continue;
    }
    for (EntityId relation : estate.RelationsFrom(EntityOf(node))) {
      for (Family family :
           estate.rules().Origins(estate.EndsOf(relation)->relation, FamilyOf(node))) {
        if (!estate.At(ToNode(relation, family)).empty()) {
          push(ToNode(relation, family), depth + 1);
        }
      }
    }
    for (const Edge& edge : estate.Upstream(EntityOf(node))) {
      if (!edge.validity.Within(begin, onset)) continue;
      for (Family family : estate.rules().Origins(edge.relation, FamilyOf(node))) {
        push(ToNode(edge.other, family), depth + 1);
      }
    }
  }
  std::sort(walk.nodes.begin(), walk.nodes.end());
  return walk;
}

Spread::Spread(const Estate& estate, EntityId root, EventTime onset, EventTime latest)
    : estate_(&estate),
      root_(root),
      onset_(onset),
      begin_(onset - estate.options().topology_grace),
      end_(std::max(onset, latest)),
      gates_(estate, begin_, end_) {}

void Spread::Start(Family family, Origin origin) {
  NodeKey node = ToNode(root_, family);
  if (!index_.try_emplace(node, static_cast<int32_t>(nodes_.size())).second) return;
  SpreadNode& start = nodes_.emplace_back();
  start.node = node;
  start.grade = static_cast<uint8_t>(origin);
  start.due = onset_;
  start.start = family;
  start.showing = estate_->Showing(node);
  queues_[start.grade].push_back(index_[node]);
}

const SpreadNode* Spread::Find(NodeKey node) const {
  auto found = index_.find(node);
  return found == index_.end() ? nullptr : &nodes_[static_cast<size_t>(found->second)];
}

int32_t Spread::IndexOf(NodeKey node) const {
  auto found = index_.find(node);
  return found == index_.end() ? -1 : found->second;
}

void Spread::Run() {
  Drain();
  while (ShowBeside()) Drain();
  // Only what the candidate cannot do alone is left to what failed beside it.
  for (;;) {
    std::vector<Gates::Waiting> steps = gates_.ReleasedJointly();
    if (steps.empty()) return;
    for (const Gates::Waiting& step : steps) Pass(step, /*joint=*/true);
    Drain();
  }
}

// One that is affected and shows another family as well, at about the same time, hardly has a
// second fault just then, whatever the relations say of families.
bool Spread::ShowBeside() {
  bool found = false;
  auto onset = [&](NodeKey node) {
    EventTime first = kMaxTime;
    for (const ActiveSymptom* active : estate_->At(node)) {
      first = std::min(first, active->symptom.onset);
    }
    return first;
  };
  for (; beside_ < nodes_.size(); ++beside_) {
    const SpreadNode from = nodes_[beside_];
    const EntityId entity = EntityOf(from.node);
    if (!from.showing || from.parent < 0 || from.grade >= kGradeWeak || from.joint ||
        estate_->EndsOf(entity) != nullptr) {
      continue;
    }
    for (size_t i = 0; i < kFamilies; ++i) {
      const NodeKey other = ToNode(entity, static_cast<Family>(i));
      if (index_.contains(other) || !estate_->Showing(other)) continue;
      const EventTime first = onset(from.node), second = onset(other);
      if (second < first - kBesideWindow || second > first + kBesideWindow) continue;
      if (nodes_.size() >= estate_->options().nodes_max) return found;
      index_.emplace(other, static_cast<int32_t>(nodes_.size()));
      SpreadNode& next = nodes_.emplace_back(from);
      next.node = other;
      next.parent = static_cast<int32_t>(beside_);
      next.showing = next.fresh = true;
      next.healthy = false;
      next.beside = next.beyond = true;
      queues_[next.grade].push_back(static_cast<int32_t>(nodes_.size()) - 1);
      found = true;
    }
  }
  return found;
}

// Strongest grade first, so that a node keeps the best way in which it was reached.
void Spread::Drain() {
  for (;;) {
    size_t grade = 0;
    while (grade < queues_.size() && queues_[grade].empty()) ++grade;
    if (grade == queues_.size()) return;
    int32_t at = queues_[grade].front();
    queues_[grade].pop_front();
    Expand(at);
  }
}

void Spread::Pass(const Gates::Waiting& step, bool joint) {
  const SpreadNode& node = nodes_[static_cast<size_t>(step.at)];
  if (node.parent < 0) ++direct_passed_;
  joint = joint || node.joint;
  for (Family family : estate_->rules().Becomes(step.edge.relation, step.from)) {
    Push(ToNode(step.edge.other, family), step.at, step.edge, step.grade, joint);
  }
}

void Spread::Push(NodeKey node, int32_t parent, const Edge& edge, uint8_t grade, bool joint) {
  if (nodes_.size() >= estate_->options().nodes_max) {
    cut_ = true;
    return;
  }
  auto [entry, fresh] = index_.try_emplace(node, static_cast<int32_t>(nodes_.size()));
  if (!fresh) return;
  const SpreadNode from = nodes_[static_cast<size_t>(parent)];
  SpreadNode& next = nodes_.emplace_back();
  next.node = node;
  next.parent = parent;
  next.relation = edge.relation;
  next.depth = static_cast<uint16_t>(from.depth + 1);
  next.grade = grade;
  next.joint = joint;
  next.start = from.start;
  next.beyond = from.beyond;
  next.at_onset = from.at_onset && edge.validity.Within(begin_, onset_);
  next.lasting = from.lasting && edge.validity.At(estate_->now()) && estate_->Alive(EntityOf(node));
  next.lag = from.lag;
  if (estate_->EndsOf(edge.other) == nullptr) {
    next.lag += estate_->program().relation(edge.relation).within.value_or(Millis{0});
  }
  next.due = onset_ + next.lag +
             estate_->rules().ShowTime(estate_->KindOf(EntityOf(node)), FamilyOf(node)) +
             estate_->options().allowed_lateness;
  next.showing = estate_->Showing(node);
  next.fresh = estate_->WatchOf(node) == Watch::kFresh;
  next.healthy = !next.showing && next.fresh && estate_->now() >= next.due;
  queues_[grade].push_back(entry->second);
}

void Spread::Expand(int32_t at) {
  const SpreadNode node = nodes_[static_cast<size_t>(at)];
  if (node.depth >= estate_->options().depth_max) return;
  uint8_t grade = node.grade;
  if (node.healthy && grade < kGradeWeak) grade = static_cast<uint8_t>(grade + kGradeWeak);
  const Family family = FamilyOf(node.node);
  if (const RelationEnds* ends = estate_->EndsOf(EntityOf(node.node))) {
    const bool carries = !estate_->rules().Becomes(ends->relation, family).empty();
    if (ends->from && !node.aside && carries) {
      Cross(at, Edge{ends->relation, *ends->from, Validity{}}, family, grade);
    }
    return;
  }
  ShowOnRelations(at, grade);
  for (const Edge& edge : estate_->Downstream(EntityOf(node.node))) {
    if (!edge.validity.Within(begin_, end_)) continue;
    if (estate_->rules().Becomes(edge.relation, family).empty()) continue;
    Cross(at, edge, family, grade);
  }
}

void Spread::Show(int32_t at, EntityId relation, Family family, uint8_t grade, bool aside) {
  const NodeKey shown = ToNode(relation, family);
  if (estate_->At(shown).empty() || index_.contains(shown)) return;
  const bool joint = nodes_[static_cast<size_t>(at)].joint;
  Push(shown, at, Edge{estate_->EndsOf(relation)->relation, relation, Validity{}}, grade, joint);
  if (index_.contains(shown)) nodes_.back().aside = aside;
}

// The relations with symptoms that lead to the node, and those by which it depends.
void Spread::ShowOnRelations(int32_t at, uint8_t grade) {
  const SpreadNode node = nodes_[static_cast<size_t>(at)];
  const Family family = FamilyOf(node.node);
  for (EntityId relation : estate_->RelationsTo(EntityOf(node.node))) {
    for (Family shown : estate_->rules().ShowsOn(estate_->EndsOf(relation)->relation, family)) {
      Show(at, relation, shown, grade, /*aside=*/false);
    }
  }
  if (family != Family::kSaturation && node.parent >= 0) return;
  for (EntityId relation : estate_->RelationsFrom(EntityOf(node.node))) {
    for (size_t i = 0; i < kFamilies; ++i) {
      const auto shown = static_cast<Family>(i);
      if (family != Family::kSaturation && shown != family) continue;
      Show(at, relation, shown, grade, /*aside=*/true);
    }
  }
}

void Spread::Cross(int32_t at, const Edge& edge, Family from, uint8_t grade) {
  const SpreadNode node = nodes_[static_cast<size_t>(at)];
  const std::vector<uint16_t>& clauses = estate_->rules().Clauses(edge.relation, from);
  if (node.parent < 0) ++direct_;
  if (clauses.empty()) {
    Pass({at, edge, from, grade}, /*joint=*/false);
    return;
  }
  // A healthy member works, whatever happens below it.
  if (!node.healthy && node.grade < kGradeWeak) {
    const RelationEnds* ends = estate_->EndsOf(EntityOf(node.node));
    const EntityId member = ends == nullptr ? EntityOf(node.node) : ends->to;
    const bool assumed = !node.showing && !node.fresh && node.parent >= 0;
    for (uint16_t clause : clauses) {
      gates_.Attribute(edge.other, edge.relation, clause, member, assumed);
    }
  }
  gates_.Wait({at, edge, from, grade});
  for (const Gates::Waiting& step : gates_.Released(edge.other, edge.relation, /*jointly=*/false)) {
    Pass(step, /*joint=*/false);
  }
}

}  // namespace rootnote
