#include "engine/correlator_estate.h"

#include <algorithm>
#include <utility>
#include <variant>

#include "rules/promql/ast.h"

namespace rootnote {
namespace {

// Range of an instant selector: Prometheus' lookback does not delay what it shows, so none.
constexpr Millis kNoLookback{0};

Millis LongestRange(const Condition& condition) {
  if (const auto* missing = std::get_if<MissingCondition>(&condition.what)) {
    return missing->duration;
  }
  if (const auto* pattern = std::get_if<PatternCondition>(&condition.what)) {
    return pattern->bound;
  }
  const ExprPtr& expression = std::get<ExprPtr>(condition.what);
  return expression == nullptr ? Millis{0} : promql::HistoryNeeded(*expression, kNoLookback);
}

void AddOnce(std::vector<Family>& families, Family family) {
  if (std::find(families.begin(), families.end(), family) == families.end()) {
    families.push_back(family);
  }
}

size_t Index(Family family) { return static_cast<size_t>(family); }

}  // namespace

bool Reaches(const std::vector<NodeKey>& nodes, EntityId entity) {
  auto at = std::lower_bound(nodes.begin(), nodes.end(), ToNode(entity, Family::kErrors));
  return at != nodes.end() && EntityOf(*at) == entity;
}

RuleIndex::RuleIndex(const Program& program) {
  for (size_t i = 0; i < program.kinds.size(); ++i) {
    kinds_.emplace(program.kinds[i].name, KindId(static_cast<uint16_t>(i)));
  }
  for (const Relation& relation : program.relations) AddRelation(relation);
  show_time_.resize(program.kinds.size());
  relation_show_time_.resize(program.relations.size());
  for (const Signal& signal : program.signals) {
    uncertainty_.push_back(LongestRange(signal.when) + signal.every);
    if (signal.severity == Severity::kInfo || (!signal.kind && !signal.relation)) continue;
    Millis& longest = signal.kind
                          ? show_time_[signal.kind->index()][Index(signal.family)]
                          : relation_show_time_[signal.relation->index()][Index(signal.family)];
    longest = std::max(longest, signal.when.hold + signal.every);
  }
  faults_.resize(program.kinds.size());
  for (size_t i = 0; i < program.faults.size(); ++i) {
    faults_[program.faults[i].kind.index()].push_back(FaultId(static_cast<uint32_t>(i)));
  }
}

void RuleIndex::AddRelation(const Relation& relation) {
  auto& origins = origins_.emplace_back();
  auto& becomes = becomes_.emplace_back();
  auto& clauses = clauses_.emplace_back();
  for (const CarriedFamily& carried : relation.carries) {
    origins[Index(carried.to)].push_back(carried.from);
    becomes[Index(carried.from)].push_back(carried.to);
  }
  auto& shows_on = shows_on_.emplace_back();
  auto& shown_by = shown_by_.emplace_back();
  for (size_t i = 0; i < kFamilies; ++i) {
    shows_on[i] = {static_cast<Family>(i)};
    for (Family family : becomes[i]) AddOnce(shows_on[i], family);
    shown_by[i] = {static_cast<Family>(i)};
    for (Family family : origins[i]) AddOnce(shown_by[i], family);
  }
  for (size_t i = 0; i < relation.tolerances.size(); ++i) {
    const std::vector<Family>& covered = relation.tolerances[i].families;
    for (size_t family = 0; family < kFamilies; ++family) {
      const bool covers =
          covered.empty() ||
          std::find(covered.begin(), covered.end(), static_cast<Family>(family)) != covered.end();
      if (covers) clauses[family].push_back(static_cast<uint16_t>(i));
    }
  }
}

const std::vector<Family>& RuleIndex::Origins(RelationId relation, Family to) const {
  return origins_[relation.index()][Index(to)];
}

const std::vector<Family>& RuleIndex::Becomes(RelationId relation, Family from) const {
  return becomes_[relation.index()][Index(from)];
}

const std::vector<Family>& RuleIndex::ShowsOn(RelationId relation, Family from) const {
  return shows_on_[relation.index()][Index(from)];
}

const std::vector<Family>& RuleIndex::ShownBy(RelationId relation, Family to) const {
  return shown_by_[relation.index()][Index(to)];
}

const std::vector<uint16_t>& RuleIndex::Clauses(RelationId relation, Family from) const {
  return clauses_[relation.index()][Index(from)];
}

Millis RuleIndex::ShowTime(std::optional<KindId> kind, Family family) const {
  return kind ? show_time_[kind->index()][Index(family)] : Millis{0};
}

Millis RuleIndex::ShowTime(RelationId relation, Family family) const {
  return relation_show_time_[relation.index()][Index(family)];
}

const std::vector<FaultId>& RuleIndex::FaultsOf(std::optional<KindId> kind) const {
  return kind ? faults_[kind->index()] : no_faults_;
}

std::optional<KindId> RuleIndex::FindKind(std::string_view name) const {
  auto found = kinds_.find(name);
  if (found == kinds_.end()) return std::nullopt;
  return found->second;
}

std::string PluralOf(std::string_view word) {
  if (word.ends_with('y') && !word.ends_with("ay") && !word.ends_with("ey")) {
    return std::string(word.substr(0, word.size() - 1)) + "ies";
  }
  if (word.ends_with("ch") || word.ends_with("sh") || word.ends_with('x')) {
    return std::string(word) + "es";
  }
  return word.ends_with('s') ? std::string(word) : std::string(word) + "s";
}

std::string RelationName(const Program& program, const Symptom& symptom) {
  const std::optional<RelationId> relation = program.signal(symptom.signal).relation;
  if (!relation) return symptom.entity;
  std::string name = program.relation(*relation).name;
  name.append(":").append(EncodeIdPart(symptom.relation_from));
  return name.append("/").append(EncodeIdPart(symptom.entity));
}

const std::string& ConcernedBy(const Program& program, const Symptom& symptom,
                               const std::string& root) {
  if (symptom.relation_from.empty()) return symptom.entity;
  if (root == symptom.relation_from || root == RelationName(program, symptom)) return root;
  return symptom.entity;
}

uint32_t ToleratedCount(const Tolerance& tolerance, uint32_t members) {
  switch (tolerance.type) {
    case Tolerance::Type::kCount:
      return tolerance.amount;
    case Tolerance::Type::kAllBut:
      return members > tolerance.amount ? members - tolerance.amount : 0;
    case Tolerance::Type::kPercent:
      return static_cast<uint32_t>(uint64_t{members} * tolerance.amount / 100);
  }
  return 0;
}

int64_t WeightOf(Severity severity, SignalState state) {
  // One step of severity is worth less than one more symptom: how many are explained decides first.
  static constexpr int64_t kWeights[] = {20, 100, 140, 180};
  int64_t weight = kWeights[static_cast<size_t>(severity)];
  // What is pending may still go away.
  return state == SignalState::kFiring ? weight : weight / 2;
}

Estate::Estate(std::shared_ptr<const Program> program, const WatchView& watch,
               const CorrelatorOptions& options)
    : program_(std::move(program)), watch_(watch), options_(options), rules_(*program_) {
  for (const Signal& signal : program_->signals) {
    percent_.push_back(options_.rates == nullptr ? 100 : options_.rates->PercentOf(signal.name));
  }
}

int64_t Estate::WeightOf(const ActiveSymptom& active) const {
  return rootnote::WeightOf(SignalOf(active).severity, active.symptom.state) *
         percent_[active.symptom.signal.index()] / 100;
}

void Estate::SetNow(EventTime now) {
  now_ = now;
  watched_.clear();
}

std::optional<EntityId> Estate::Find(std::string_view name) const {
  if (map_ != nullptr) {
    if (std::optional<EntityId> id = map_->Find(name)) return id;
  }
  auto found = unmapped_ids_.find(name);
  if (found == unmapped_ids_.end()) return std::nullopt;
  return EntityId(found->second);
}

EntityId Estate::Intern(std::string_view name) {
  if (std::optional<EntityId> id = Find(name)) return *id;
  uint32_t slot = static_cast<uint32_t>(unmapped_.size());
  if (free_.empty()) {
    unmapped_.emplace_back(name);
  } else {
    slot = free_.back();
    free_.pop_back();
    unmapped_[slot] = name;
  }
  unmapped_ids_.emplace(std::string(name), kUnmappedBit | slot);
  return EntityId(kUnmappedBit | slot);
}

EntityId Estate::InternOf(const Symptom& symptom) {
  const std::optional<RelationId> relation = program_->signal(symptom.signal).relation;
  if (!relation || symptom.relation_from.empty() || map_ == nullptr) return Intern(symptom.entity);
  const std::optional<EntityId> to = map_->Find(symptom.entity);
  if (!to) return Intern(symptom.entity);
  const EntityId id = Intern(RelationName(*program_, symptom));
  if (!InMap(id) && !ends_.contains(id.value())) {
    Link(id, {*relation, map_->Find(symptom.relation_from), *to});
  }
  return id;
}

void Estate::Link(EntityId id, const RelationEnds& ends) {
  ends_.emplace(id.value(), ends);
  auto insert = [&](std::vector<EntityId>& list) {
    list.insert(std::upper_bound(list.begin(), list.end(), id,
                                 [&](EntityId a, EntityId b) { return Name(a) < Name(b); }),
                id);
  };
  insert(relations_to_[ends.to.value()]);
  if (ends.from) insert(relations_from_[ends.from->value()]);
}

void Estate::Unlink(EntityId id) {
  auto found = ends_.find(id.value());
  if (found == ends_.end()) return;
  auto erase = [&](auto& lists, EntityId end) {
    auto list = lists.find(end.value());
    std::erase(list->second, id);
    if (list->second.empty()) lists.erase(list);
  };
  erase(relations_to_, found->second.to);
  if (found->second.from) erase(relations_from_, *found->second.from);
  ends_.erase(found);
}

const RelationEnds* Estate::EndsOf(EntityId id) const {
  if (ends_.empty()) return nullptr;
  auto found = ends_.find(id.value());
  return found == ends_.end() ? nullptr : &found->second;
}

std::span<const EntityId> Estate::RelationsTo(EntityId id) const {
  if (relations_to_.empty()) return {};
  auto found = relations_to_.find(id.value());
  if (found == relations_to_.end()) return {};
  return found->second;
}

std::span<const EntityId> Estate::RelationsFrom(EntityId id) const {
  if (relations_from_.empty()) return {};
  auto found = relations_from_.find(id.value());
  if (found == relations_from_.end()) return {};
  return found->second;
}

bool Estate::WellBehind(EntityId to, Family family) const {
  const NodeKey node = ToNode(to, family);
  if (WatchOf(node) != Watch::kFresh || Showing(node)) return false;
  const std::span<const EntityId> seen = RelationsTo(to);
  const auto shows = [&](EntityId from) {
    return std::any_of(seen.begin(), seen.end(), [&](EntityId relation) {
      return EndsOf(relation)->from == from && Showing(ToNode(relation, family));
    });
  };
  const std::span<const Edge> edges = Downstream(to);
  return std::any_of(edges.begin(), edges.end(), [&](const Edge& edge) {
    return edge.validity.At(now_) && !shows(edge.other) &&
           WatchOf(edge.relation, edge.other, to, family) == Watch::kFresh;
  });
}

void Estate::NoteChange(std::string_view entity, EventTime time) {
  changes_.emplace_back(entity, time);
  changed_[std::string(entity)].push_back(time);
  if (changes_.size() <= options_.changes_max) return;
  auto oldest = changed_.find(changes_.front().first);
  oldest->second.erase(oldest->second.begin());
  if (oldest->second.empty()) changed_.erase(oldest);
  changes_.pop_front();
}

bool Estate::ChangedWithin(EntityId id, EventTime begin, EventTime end) const {
  if (changed_.empty()) return false;
  auto found = changed_.find(Name(id));
  return found != changed_.end() &&
         std::any_of(found->second.begin(), found->second.end(),
                     [&](EventTime time) { return begin <= time && time <= end; });
}

void Estate::Add(ActiveSymptom& symptom) {
  active_[ToNode(symptom.entity, SignalOf(symptom).family)].push_back(&symptom);
}

void Estate::Remove(ActiveSymptom& symptom) {
  auto node = active_.find(ToNode(symptom.entity, SignalOf(symptom).family));
  if (node == active_.end()) return;
  std::erase(node->second, &symptom);
  if (!node->second.empty()) return;
  active_.erase(node);
  if (InMap(symptom.entity)) return;
  for (size_t family = 0; family < kFamilies; ++family) {
    if (active_.contains(ToNode(symptom.entity, static_cast<Family>(family)))) return;
  }
  Unlink(symptom.entity);
  uint32_t slot = symptom.entity.value() & ~kUnmappedBit;
  unmapped_ids_.erase(unmapped_[slot]);
  free_.push_back(slot);
}

std::string_view Estate::Name(EntityId id) const {
  if (InMap(id)) return map_->Name(id);
  return unmapped_[id.value() & ~kUnmappedBit];
}

std::optional<KindId> Estate::KindOf(EntityId id) const {
  if (InMap(id)) return map_->KindOf(id);
  if (EndsOf(id) != nullptr) return std::nullopt;
  std::string_view name = Name(id);
  return rules_.FindKind(name.substr(0, name.find(':')));
}

std::span<const Edge> Estate::Upstream(EntityId id) const {
  if (!InMap(id)) return {};
  return map_->Upstream(id);
}

std::span<const Edge> Estate::Downstream(EntityId id) const {
  if (!InMap(id)) return {};
  return map_->Downstream(id);
}

bool Estate::Alive(EntityId id) const { return !InMap(id) || map_->ValidityOf(id).At(now_); }

std::span<ActiveSymptom* const> Estate::At(NodeKey node) const {
  auto found = active_.find(node);
  if (found == active_.end()) return {};
  return found->second;
}

// An info symptom is evidence, but opens nothing alone.
bool Estate::Showing(NodeKey node) const { return !At(node).empty(); }

bool Estate::Failing(NodeKey node) const {
  for (const ActiveSymptom* active : At(node)) {
    if (active->symptom.state == SignalState::kFiring &&
        SignalOf(*active).severity != Severity::kInfo) {
      return true;
    }
  }
  return false;
}

bool Estate::FailingAnywhere(EntityId id) const {
  for (size_t family = 0; family < kFamilies; ++family) {
    if (Failing(ToNode(id, static_cast<Family>(family)))) return true;
    for (EntityId relation : RelationsTo(id)) {
      const auto seen = static_cast<Family>(family);
      if (Failing(ToNode(relation, seen)) && !WellBehind(id, seen)) return true;
    }
  }
  return false;
}

Watch Estate::WatchOf(NodeKey node) const {
  auto [entry, fresh] = watched_.try_emplace(node, Watch::kUnmonitored);
  if (fresh) entry->second = watch_.Of(Name(EntityOf(node)), FamilyOf(node), now_);
  return entry->second;
}

Watch Estate::WatchOf(RelationId relation, EntityId from, EntityId to, Family family) const {
  return watch_.OfRelation(relation, Name(from), Name(to), family, now_);
}

Millis Estate::IntervalOf(const Symptom& symptom) const {
  return watch_.IntervalOf(symptom.signal, symptom.entity);
}

}  // namespace rootnote
