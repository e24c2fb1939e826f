#include "engine/topology.h"

#include <algorithm>

#include "fmt/format.h"

#include "engine/topology_graph.h"

namespace rootnote {

TopologyStore::TopologyStore(std::shared_ptr<const Program> program, const TopologyOptions& options)
    : graph_(std::make_unique<Graph>(std::move(program), options)) {}

TopologyStore::~TopologyStore() = default;

std::optional<std::string> TopologyStore::Apply(const TopologyChange& change, EventTime now,
                                                std::string_view feed) {
  return graph_->Apply(change, now, feed);
}

std::shared_ptr<const Topology> TopologyStore::Snapshot() { return graph_->Snapshot(); }

const TopologyStats& TopologyStore::stats() const { return graph_->stats(); }

std::vector<std::string> TopologyStore::AliasConflicts(size_t max) const {
  return graph_->AliasConflicts(max);
}

TopologyStore::Graph::Graph(std::shared_ptr<const Program> program, const TopologyOptions& options)
    : program_(std::move(program)), options_(options) {
  for (size_t i = 0; i < program_->kinds.size(); ++i) {
    kinds_.emplace(program_->kinds[i].name, KindId(static_cast<uint16_t>(i)));
  }
  for (size_t i = 0; i < program_->relations.size(); ++i) {
    relations_.emplace(program_->relations[i].name, RelationId(static_cast<uint16_t>(i)));
  }
  of_kind_.assign(program_->kinds.size(), std::make_shared<const std::vector<EntityId>>());
  kind_added_.resize(program_->kinds.size());
  kind_removed_.resize(program_->kinds.size());
}

std::optional<std::string> TopologyStore::Graph::Apply(const TopologyChange& change, EventTime now,
                                                       std::string_view feed) {
  Prune(now);
  ++stats_.changes;
  const EventTime time = change.time.value_or(now);
  updated_ = std::max(updated_, time);
  switch (change.type) {
    case TopologyChange::Type::kSnapshotBegin:
      last_source_.reset();
      return BeginSnapshot(change, feed);
    case TopologyChange::Type::kSnapshotEnd:
      last_source_.reset();
      return EndSnapshot(change, feed, time);
    case TopologyChange::Type::kEntity:
    case TopologyChange::Type::kRelation:
    case TopologyChange::Type::kEntityDeleted:
    case TopologyChange::Type::kRelationDeleted:
      break;
  }
  const std::optional<SourceId> source = SourceOf(change, feed);
  if (!source) {
    ++stats_.refused_limit;
    return fmt::format("source {} is refused: more than {} sources", change.source,
                       options_.sources_max);
  }
  Speaker speaker{std::nullopt, feed};
  if (!change.source.empty()) {
    speaker.source = source;
  }
  switch (change.type) {
    case TopologyChange::Type::kEntity:
      return AddEntity(change, *source, time);
    case TopologyChange::Type::kRelation:
      return AddRelation(change, *source, time);
    case TopologyChange::Type::kEntityDeleted:
      DeleteEntity(change, speaker, time);
      return std::nullopt;
    default:
      return DeleteRelation(change, speaker, time);
  }
}

std::optional<TopologyStore::Graph::SourceId> TopologyStore::Graph::SourceOf(
    const TopologyChange& change, std::string_view feed) {
  if (!last_source_ || feed != last_feed_ || change.source != last_named_) {
    last_source_ = FindSource(change, feed);
    last_feed_ = feed;
    last_named_ = change.source;
  }
  return last_source_;
}

std::optional<TopologyStore::Graph::SourceId> TopologyStore::Graph::FindSource(
    const TopologyChange& change, std::string_view feed) {
  if (!change.source.empty()) {
    return SourceNamed("s" + change.source, feed);
  }
  const auto open = open_snapshots_.find(feed);
  if (open == open_snapshots_.end()) {
    return SourceNamed("f" + std::string(feed), feed);
  }
  sources_[open->second].feed = feed;
  return open->second;
}

std::optional<TopologyStore::Graph::SourceId> TopologyStore::Graph::SourceNamed(
    std::string_view name, std::string_view feed) {
  const auto known = source_ids_.find(name);
  if (known != source_ids_.end()) {
    sources_[known->second].feed = feed;
    return known->second;
  }
  if (sources_.size() >= std::min<size_t>(options_.sources_max, UINT16_MAX)) {
    return std::nullopt;
  }
  const auto id = static_cast<SourceId>(sources_.size());
  sources_.emplace_back().feed = feed;
  source_ids_.emplace(std::string(name), id);
  return id;
}

bool TopologyStore::Graph::SpeaksFor(const Speaker& speaker, const Owner& owner) const {
  return speaker.source ? owner.source == *speaker.source
                        : sources_[owner.source].feed == speaker.feed;
}

std::optional<KindId> TopologyStore::Graph::KindNamed(std::string_view name) const {
  const auto known = kinds_.find(name);
  return known == kinds_.end() ? std::nullopt : std::optional(known->second);
}

TopologyStore::Graph::Problem TopologyStore::Graph::Invalid(std::string words) {
  ++stats_.refused_invalid;
  return words;
}

TopologyStore::Graph::Problem TopologyStore::Graph::CheckName(std::string_view entity) const {
  const size_t colon = entity.find(':');
  if (colon == std::string_view::npos || colon == 0 || colon + 1 == entity.size()) {
    return fmt::format("\"{}\" is no entity name: write kind:id", entity);
  }
  const std::optional<KindId> kind = KindNamed(KindName(entity));
  if (kind && !IdentityLabels(program_->kind(*kind), entity)) {
    return fmt::format("\"{}\" does not have the id that kind {} declares: {}", entity,
                       program_->kind(*kind).name, fmt::join(program_->kind(*kind).identity, "/"));
  }
  return std::nullopt;
}

TopologyStore::Graph::Problem TopologyStore::Graph::CheckEnd(const Relation& relation,
                                                             const End& end, bool from) const {
  if (!end.id) {
    if (Problem problem = CheckName(end.name)) {
      return problem;
    }
  }
  const std::vector<KindId>& kinds = from ? relation.from_kinds : relation.to_kinds;
  const std::optional<KindId> kind =
      end.id ? nodes_.At(*end.id).kind : KindNamed(KindName(end.name));
  if (!kinds.empty() && (!kind || std::find(kinds.begin(), kinds.end(), *kind) == kinds.end())) {
    return fmt::format("relation {} does not go {} {}", relation.name, from ? "from" : "to",
                       KindName(end.name));
  }
  return std::nullopt;
}

TopologyStore::Graph::Problem TopologyStore::Graph::AddEntity(const TopologyChange& change,
                                                              SourceId source, EventTime time) {
  const End end{change.entity, Find(change.entity)};
  if (!end.id) {
    if (Problem problem = CheckName(change.entity)) {
      return Invalid(*std::move(problem));
    }
    if (entities_kept() >= options_.entities_max) {
      ++stats_.refused_limit;
      return fmt::format("entity {} is refused: the map holds {} entities already", change.entity,
                         options_.entities_max);
    }
  }
  NameEntity(OpenOrCreate(end, time), source, change.labels);
  return std::nullopt;
}

TopologyStore::Graph::Problem TopologyStore::Graph::AddRelation(const TopologyChange& change,
                                                                SourceId source, EventTime time) {
  const auto relation = relations_.find(change.relation);
  if (relation == relations_.end()) {
    ++stats_.unknown_relation;
    return fmt::format("relation {} is not declared: {} -> {} is dropped", change.relation,
                       change.from, change.to);
  }
  const Relation& declared = program_->relation(relation->second);
  const End from{change.from, Find(change.from)}, to{change.to, Find(change.to)};
  Problem problem = CheckEnd(declared, from, true);
  if (problem || (problem = CheckEnd(declared, to, false))) {
    return Invalid(*std::move(problem));
  }
  const bool loop = change.from == change.to;
  const size_t needed = (from.id ? 0U : 1U) + (to.id || loop ? 0U : 1U);
  const bool known =
      from.id && to.id && edges_.Find({relation->second, *from.id, *to.id}) != EdgeTable::kNone;
  if (entities_kept() + needed > options_.entities_max ||
      (!known && edges_.size() >= options_.relations_max)) {
    ++stats_.refused_limit;
    return fmt::format(
        "relation {} from {} to {} is refused: the map is full ({} entities, {} "
        "relations)",
        change.relation, change.from, change.to, entities_kept(), edges_.size());
  }
  const EntityId from_id = OpenOrCreate(from, time);
  const EntityId to_id = loop ? from_id : OpenOrCreate(to, time);
  OpenEdge({relation->second, from_id, to_id}, source, time);
  return std::nullopt;
}

void TopologyStore::Graph::DeleteEntity(const TopologyChange& change, const Speaker& speaker,
                                        EventTime time) {
  const std::optional<EntityId> id = Find(change.entity);
  if (!id) {
    return;  // It was never named, or is forgotten: compaction repeats such tombstones.
  }
  const auto gone = [&](const Owner& owner) { return SpeaksFor(speaker, owner); };
  auto& owners = states_[id->index()].owners;
  owners.erase(std::remove_if(owners.begin(), owners.end(), gone), owners.end());
  for (const EdgeTable::Slot slot : OpenEdgesOf(*id)) {
    Disown(slot, gone, time);
  }
  if (nodes_.At(*id).validity.to != kMaxTime) {
    return;  // Its last relation took it along; its last labels stay readable.
  }
  CloseIfUnnamed(*id, time);
  if (nodes_.At(*id).validity.to == kMaxTime) {
    UpdateLabels(*id);
  }
}

TopologyStore::Graph::Problem TopologyStore::Graph::DeleteRelation(const TopologyChange& change,
                                                                   const Speaker& speaker,
                                                                   EventTime time) {
  const auto relation = relations_.find(change.relation);
  if (relation == relations_.end()) {
    ++stats_.unknown_relation;
    return fmt::format("relation {} is not declared: its end is dropped", change.relation);
  }
  const std::optional<EntityId> from = Find(change.from), to = Find(change.to);
  if (from && to) {
    Disown(
        edges_.Find({relation->second, *from, *to}),
        [&](const Owner& owner) { return SpeaksFor(speaker, owner); }, time);
  }
  return std::nullopt;
}

TopologyStore::Graph::Problem TopologyStore::Graph::BeginSnapshot(const TopologyChange& change,
                                                                  std::string_view feed) {
  const std::optional<SourceId> id =
      SourceNamed(change.source.empty() ? "f" + std::string(feed) : "s" + change.source, feed);
  if (!id) {
    ++stats_.refused_limit;
    return fmt::format("source {} is refused: more than {} sources", change.source,
                       options_.sources_max);
  }
  Source& source = sources_[*id];
  ++source.epoch;
  source.open = true;
  source.epoch_name = change.epoch;
  open_snapshots_.insert_or_assign(std::string(feed), *id);
  return std::nullopt;
}

TopologyStore::Graph::Problem TopologyStore::Graph::EndSnapshot(const TopologyChange& change,
                                                                std::string_view feed,
                                                                EventTime time) {
  const std::optional<SourceId> id =
      SourceNamed(change.source.empty() ? "f" + std::string(feed) : "s" + change.source, feed);
  if (!id || !sources_[*id].open || sources_[*id].epoch_name != change.epoch) {
    return Invalid(
        fmt::format("snapshot end of source {} epoch {} without its begin: nothing is "
                    "deleted",
                    change.source, change.epoch));
  }
  sources_[*id].open = false;
  absl::erase_if(open_snapshots_, [&](const auto& open) { return open.second == *id; });
  const uint32_t epoch = sources_[*id].epoch;
  const auto gone = [&](const Owner& owner) { return owner.source == *id && owner.epoch < epoch; };
  for (EdgeTable::Slot slot = 0; slot < edges_.end(); ++slot) {
    Disown(slot, gone, time);
  }
  for (size_t i = 0; i < states_.size(); ++i) {
    auto& owners = states_[i].owners;
    const auto kept = std::remove_if(owners.begin(), owners.end(), gone);
    if (kept == owners.end()) {
      continue;
    }
    owners.erase(kept, owners.end());
    const EntityId entity(static_cast<uint32_t>(i));
    CloseIfUnnamed(entity, time);
    if (nodes_.At(entity).validity.to == kMaxTime) {
      UpdateLabels(entity);
    }
  }
  return std::nullopt;
}

std::vector<std::string> TopologyStore::Graph::AliasConflicts(size_t max) const {
  std::vector<std::string> conflicts;
  if (current_ == nullptr) {
    return conflicts;
  }
  for (size_t kind = 0; kind < current_->of_kind.size(); ++kind) {
    StringMap<std::vector<std::string>> names;
    for (const EntityId id : *current_->of_kind[kind]) {
      const TopologyNode& node = current_->nodes.At(id);
      for (const std::string_view value : AliasesOf(*program_, node)) {
        if (node.validity.to == kMaxTime) {
          names[std::string(value)].push_back(node.name);
        }
      }
    }
    for (const auto& [value, entities] : names) {
      if (entities.size() > 1) {
        conflicts.push_back(fmt::format("alias {} of kind {}: {}", value,
                                        program_->kinds[kind].name, fmt::join(entities, ", ")));
      }
    }
  }
  std::sort(conflicts.begin(), conflicts.end());
  conflicts.resize(std::min(conflicts.size(), max));
  return conflicts;
}

}  // namespace rootnote
