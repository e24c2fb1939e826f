#include "engine/incidents_record.h"

#include <algorithm>
#include <iterator>
#include <set>
#include <utility>

#include "fmt/format.h"

#include "engine/correlator_ruled_out.h"
#include "engine/incidents_text.h"

namespace rootnote {
namespace {

// How long before the first onset a deploy or change is a suspect.
constexpr Millis kSuspectWindow{30 * 60'000};
// A map without any change for so long is named in limits[]: longer than a quiet weekend.
constexpr Millis kMapStale{7 * 24 * 3'600'000};
// Entities of one kind looked at for the list of healthy regions: bounds the cost of a revision.
constexpr size_t kHealthyScanMax = 20'000;
// Labels and annotations of one imported alert that a symptom shows.
constexpr size_t kAlertTextsMax = 64;

void FillRoots(const RecordContext& context, const LiveIncident& live, Incident& record) {
  Incident::Root root;
  root.entity = live.root;
  root.kind = KindName(live.root);
  root.fault = live.fault;
  root.score = live.candidate.score;
  root.onset = live.candidate.onset;
  root.recovered_at = live.recovered_at;
  root.monitored = live.candidate.monitored;
  root.observed = live.had_evidence;
  root.causes = live.causes;
  root.parts = live.candidate.parts;
  if (root.causes.size() > context.caps.causes) root.causes.resize(context.caps.causes);
  record.root = {root};
  for (const Incident::Root& rival : live.rivals) {
    if (record.root.size() < context.caps.roots) record.root.push_back(rival);
  }
}

void FillActual(const RecordContext& context, const LiveIncident& live, Incident& record) {
  std::vector<std::pair<size_t, const std::string*>> order;
  for (const auto& [entity, impact] : live.impact) {
    if (!impact.path.empty()) order.emplace_back(impact.path.size(), &entity);
  }
  std::sort(order.begin(), order.end(), [](const auto& a, const auto& b) {
    return a.first != b.first ? a.first < b.first : *a.second < *b.second;
  });
  for (const auto& [length, name] : order) {
    const OwnedImpact& impact = live.impact.at(*name);
    ++record.impact_total;
    ++record.blast_radius.actual;
    ++record.blast_radius.kinds[std::string(KindName(*name))].actual;
    if (record.impact.size() >= context.caps.actual) continue;
    Incident::Impact& entry = record.impact.emplace_back();
    entry.entity = *name;
    entry.kind = KindName(*name);
    entry.path = impact.path;
    entry.relations = impact.relations;
    entry.signals.assign(impact.signals.begin(), impact.signals.end());
    entry.onset = impact.onset;
    entry.maintenance = impact.maintenance;
  }
  for (const auto& [kind, count] : live.hidden_impact) {
    record.impact_total += count;
    record.blast_radius.actual += count;
    if (count > 0) record.blast_radius.kinds[kind].actual += count;
  }
}

void FillPotential(const RecordContext& context, const LiveIncident& live, const ImpactView& view,
                   Incident& record) {
  const Estate& estate = context.estate;
  size_t listed = 0;
  for (const ImpactPath& path : view.paths) {
    std::string name(estate.Name(path.entity));
    if (live.impact.contains(name) || name == live.root) continue;
    if (std::find(live.causes.begin(), live.causes.end(), name) != live.causes.end()) continue;
    ++record.impact_total;
    ++record.blast_radius.potential;
    ++record.blast_radius.kinds[std::string(KindName(name))].potential;
    if (listed++ >= context.caps.potential) continue;
    Incident::Impact& entry = record.impact.emplace_back();
    entry.kind = KindName(name);
    entry.entity = std::move(name);
    for (EntityId step : path.path) entry.path.emplace_back(estate.Name(step));
    for (RelationId step : path.relations) {
      entry.relations.push_back(estate.program().relation(step).name);
    }
    entry.onset = live.candidate.onset;
    entry.potential = true;
    if (const Maintenance* window =
            context.calendar.Covering(estate.map(), path.entity, estate.now())) {
      entry.maintenance = window->name;
    }
  }
}

using Kinds = std::map<KindId, uint8_t>;  // with families, by bit

// The kinds that are affected, with the families that show.
Kinds AffectedKinds(const Estate& estate, const LiveIncident& live) {
  Kinds kinds;
  for (const auto& [key, owned] : live.symptoms) {
    std::optional<EntityId> id = estate.Find(owned.symptom.entity);
    std::optional<KindId> kind = id ? estate.KindOf(*id) : std::nullopt;
    if (!kind || owned.symptom.entity == live.root) continue;
    auto family = static_cast<size_t>(estate.program().signal(owned.symptom.signal).family);
    kinds[*kind] = static_cast<uint8_t>(kinds[*kind] | 1U << family);
  }
  return kinds;
}

enum class Health : uint8_t { kUnknown, kWell, kShowing };

Health HealthIn(const Estate& estate, EntityId entity, uint8_t families) {
  bool fresh = false;
  for (size_t family = 0; family < kFamilies; ++family) {
    NodeKey node = ToNode(entity, static_cast<Family>(family));
    if (estate.Showing(node)) return Health::kShowing;
    fresh = fresh || ((families >> family & 1) != 0 && estate.WatchOf(node) == Watch::kFresh);
  }
  return fresh ? Health::kWell : Health::kUnknown;
}

// Values of the label where entities of the affected kinds are watched and none is concerned.
std::vector<std::string> HealthyValues(const Estate& estate, const std::string& label,
                                       const Kinds& kinds, std::set<std::string> concerned) {
  std::set<std::string> healthy;
  Labels identity;
  for (const auto& [kind, families] : kinds) {
    std::span<const EntityId> entities = estate.map().OfKind(kind);
    for (EntityId entity : entities.first(std::min(entities.size(), kHealthyScanMax))) {
      if (!estate.Alive(entity)) continue;
      std::string value(LabelOf(estate, entity, label, identity));
      if (value.empty()) continue;
      const Health health = HealthIn(estate, entity, families);
      if (health == Health::kShowing) concerned.insert(value);
      if (health == Health::kWell) healthy.insert(value);
    }
  }
  std::vector<std::string> values;
  std::set_difference(healthy.begin(), healthy.end(), concerned.begin(), concerned.end(),
                      std::back_inserter(values));
  return values;
}

// Values of a label where the affected kinds are affected, and where they are watched and well.
void FillLabels(const RecordContext& context, const LiveIncident& live, const ImpactView& view,
                Incident& record) {
  const Estate& estate = context.estate;
  const Kinds kinds = AffectedKinds(estate, live);
  for (const std::string& label : context.blast_labels) {
    std::set<std::string> affected;
    Labels identity;
    for (const auto& [name, impact] : live.impact) {
      std::optional<EntityId> id = estate.Find(name);
      if (id) affected.emplace(LabelOf(estate, *id, label, identity));
    }
    std::set<std::string> concerned = affected;
    for (const ImpactPath& path : view.paths) {
      concerned.emplace(LabelOf(estate, path.entity, label, identity));
    }
    affected.erase("");
    if (!affected.empty()) {
      record.blast_radius.labels[label].assign(affected.begin(), affected.end());
    }
    std::vector<std::string> healthy = HealthyValues(estate, label, kinds, std::move(concerned));
    if (!healthy.empty()) record.blast_radius.healthy[label] = std::move(healthy);
  }
}

std::map<std::string, std::string> AlertLabels(const Symptom& symptom) {
  std::map<std::string, std::string> labels;
  if (symptom.alert == nullptr) return labels;
  for (const auto& [name, value] : symptom.alert->labels.ToVector()) {
    if (labels.size() < kAlertTextsMax) labels.emplace(name, CutText(value));
  }
  return labels;
}

std::map<std::string, std::string> AlertAnnotations(const Symptom& symptom) {
  std::map<std::string, std::string> annotations;
  if (symptom.alert == nullptr) return annotations;
  for (const auto& [name, text] : symptom.alert->annotations) {
    if (annotations.size() < kAlertTextsMax) annotations.emplace(name, CutText(text));
  }
  return annotations;
}

struct SymptomOrder {
  bool root;
  Severity severity;
  EventTime onset;
  const OwnedSymptom* owned;
};

void FillEvidence(const RecordContext& context, const Signal& signal, const Symptom& symptom,
                  Incident& record) {
  // What a restored record had no room for is not known any more.
  if (symptom.position.time == kMinTime) return;
  if (record.evidence.size() >= context.caps.evidence) return;
  record.evidence.push_back({signal.name, symptom.entity, symptom.value, signal.when.threshold,
                             symptom.position.time, symptom.position.topic,
                             symptom.position.partition, symptom.position.offset});
}

void FillForeign(const RecordContext& context, const LiveIncident& live, Incident& record) {
  record.symptoms_total += static_cast<int64_t>(live.foreign.size()) + live.hidden_symptoms;
  record.evidence_total = record.symptoms_total;
  for (const Incident::Symptom& symptom : live.foreign) {
    if (record.symptoms.size() < context.caps.symptoms) record.symptoms.push_back(symptom);
  }
}

void FillSymptoms(const RecordContext& context, const LiveIncident& live, Incident& record) {
  const Program& program = context.estate.program();
  std::vector<SymptomOrder> order;
  for (const auto& [key, owned] : live.symptoms) {
    const std::string& entity = ConcernedBy(program, owned.symptom, live.root);
    bool root = entity == live.root ||
                std::find(live.causes.begin(), live.causes.end(), entity) != live.causes.end();
    order.push_back(
        {root, program.signal(owned.symptom.signal).severity, owned.symptom.onset, &owned});
  }
  // The root's own first, then the worst, then the earliest; the map's order decides ties.
  std::stable_sort(order.begin(), order.end(), [](const SymptomOrder& a, const SymptomOrder& b) {
    if (a.root != b.root) return a.root;
    if (a.severity != b.severity) return a.severity > b.severity;
    return a.onset < b.onset;
  });
  record.symptoms_total = record.evidence_total = static_cast<int64_t>(order.size());
  for (const SymptomOrder& next : order) {
    const Symptom& symptom = next.owned->symptom;
    const Signal& signal = program.signal(symptom.signal);
    if (record.symptoms.size() < context.caps.symptoms) {
      record.symptoms.push_back({signal.name, symptom.entity, symptom.relation_from, signal.family,
                                 signal.severity, symptom.onset, next.owned->resolved_at,
                                 next.owned->resolved_reason, symptom.value, symptom.summary,
                                 AlertLabels(symptom), AlertAnnotations(symptom)});
    }
    FillEvidence(context, signal, symptom, record);
    if (!next.root && !live.impact.contains(symptom.entity)) continue;
    if (next.root || !live.impact.at(symptom.entity).path.empty()) continue;
    if (record.unexplained.size() < context.caps.unexplained) {
      record.unexplained.push_back(signal.name + " " + symptom.entity);
    }
  }
}

void FillChanges(const RecordContext& context, const LiveIncident& live, const ImpactView& view,
                 Incident& record) {
  std::set<std::string_view> concerned{live.root};
  for (const std::string& cause : live.causes) concerned.insert(cause);
  for (const auto& [entity, impact] : live.impact) concerned.insert(entity);
  for (const ImpactPath& path : view.paths) {
    for (EntityId step : path.path) concerned.insert(context.estate.Name(step));
  }
  for (const Incident::Change& change : context.changes) {
    if (change.time > record.started_at || change.time < record.started_at - kSuspectWindow) {
      continue;
    }
    if (concerned.contains(change.entity) && record.changes.size() < context.caps.changes) {
      record.changes.push_back(change);
    }
  }
}

void FillLimits(const RecordContext& context, const LiveIncident& live, const ImpactView& view,
                Incident& record) {
  const Estate& estate = context.estate;
  if (view.silent_on_paths > 0) {
    record.limits.push_back(fmt::format(
        "{} on the path {} no monitors",
        view.silent_on_paths == 1 ? "1 entity" : fmt::format("{} entities", view.silent_on_paths),
        view.silent_on_paths == 1 ? "has" : "have"));
  }
  if (!live.had_evidence) {
    record.limits.push_back(live.candidate.monitored
                                ? fmt::format("{} shows nothing itself", live.root)
                                : fmt::format("{} has no monitor of its own", live.root));
  }
  if (!view.assumed.empty()) {
    std::string names;
    for (size_t i = 0; i < std::min<size_t>(view.assumed.size(), 5); ++i) {
      names += (names.empty() ? "" : ", ") + view.assumed[i];
    }
    record.limits.push_back(fmt::format("{} counted as failed without a monitor: {}",
                                        Count(static_cast<int64_t>(view.assumed.size()), "member"),
                                        names));
  }
  const std::optional<Flapping>& flapping = estate.program().incidents.flapping;
  if (flapping && record.status == IncidentStatus::kOpen &&
      live.turns.size() >= flapping->changes) {
    record.limits.push_back(fmt::format("it flaps: {} within {}; it stays open until quiet for {}",
                                        Count(static_cast<int64_t>(live.turns.size()), "change"),
                                        FormatDuration(flapping->in),
                                        FormatDuration(flapping->quiet)));
  }
  if (view.cut) record.limits.emplace_back("the list of dependants is cut: node budget reached");
  const EventTime updated = estate.map().updated_at();
  if (estate.map().size() == 0) {
    record.limits.emplace_back("no map of the estate");
  } else if (updated != kMinTime && estate.now() - updated > kMapStale) {
    record.limits.push_back(fmt::format("map stale: last change {}", FormatRfc3339(updated)));
  }
}

}  // namespace

std::string_view LabelOf(const Estate& estate, EntityId id, const std::string& label,
                         Labels& identity) {
  if (estate.InMap(id) && estate.map().LabelsOf(id).Has(label)) {
    return estate.map().LabelsOf(id).Get(label);
  }
  std::optional<KindId> kind = estate.KindOf(id);
  if (!kind) return {};
  std::optional<Labels> parts = IdentityLabels(estate.program().kind(*kind), estate.Name(id));
  if (!parts) return {};
  identity = *std::move(parts);
  return identity.Get(label);
}

size_t AddRoutes(const IncidentPolicy& policy, Incident& record) {
  size_t added = 0;
  // What is in a maintenance window is marked for those who look, not sent to those on call.
  if (record.status != IncidentStatus::kOpen || !record.maintenance_name.empty()) return added;
  if (record.silenced) return added;
  for (const Route& route : policy.routes) {
    if (route.severity_at_least && record.severity < *route.severity_at_least) continue;
    const bool matches = std::all_of(
        route.matchers.begin(), route.matchers.end(), [&](const promql::Matcher& matcher) {
          auto label = record.labels.find(matcher.name);
          return matcher.Matches(label == record.labels.end() ? std::string_view() : label->second);
        });
    if (!matches) continue;
    auto at = std::lower_bound(record.routed.begin(), record.routed.end(), route.topic);
    if (at != record.routed.end() && *at == route.topic) continue;
    record.routed.insert(at, route.topic);
    ++added;
  }
  return added;
}

ImpactView ViewOf(const Estate& estate, const LiveIncident& live) {
  if (estate.Find(live.root) != live.candidate.entity) return {};
  return ImpactOf(estate, live.candidate);
}

Severity SeverityOf(const Program& program, const LiveIncident& live) {
  if (live.in_maintenance || live.tolerated) return Severity::kInfo;
  Severity worst = Severity::kInfo;
  for (const auto& [key, owned] : live.symptoms) {
    worst = std::max(worst, program.signal(owned.symptom.signal).severity);
  }
  for (const Incident::Symptom& symptom : live.foreign) worst = std::max(worst, symptom.severity);
  if (!live.declared) return worst;
  for (const SeverityRule& rule : program.fault(*live.declared).severity) {
    if (!rule.when_impact_has) return rule.severity;
    const std::string& kind = program.kind(*rule.when_impact_has).name;
    for (const auto& [entity, impact] : live.impact) {
      if (!impact.path.empty() && KindName(entity) == kind) return rule.severity;
    }
    auto hidden = live.hidden_impact.find(kind);
    if (hidden != live.hidden_impact.end() && hidden->second > 0) return rule.severity;
  }
  return worst;
}

void FillRecord(const RecordContext& context, LiveIncident& live, Incident& record) {
  const Estate& estate = context.estate;
  const Program& program = estate.program();
  record.root.clear(), record.impact.clear(), record.symptoms.clear(), record.evidence.clear();
  record.ruled_out.clear(), record.unexplained.clear(), record.changes.clear();
  record.limits.clear(), record.labels.clear();
  record.blast_radius = {};
  record.impact_total = 0;
  ImpactView view;
  if (record.status == IncidentStatus::kOpen) view = ViewOf(estate, live);
  record.started_at = live.candidate.onset;
  for (const auto& [key, owned] : live.symptoms) {
    record.started_at = std::min(record.started_at, owned.symptom.onset);
  }
  FillRoots(context, live, record);
  FillActual(context, live, record);
  FillPotential(context, live, view, record);
  FillLabels(context, live, view, record);
  FillSymptoms(context, live, record);
  FillForeign(context, live, record);
  FillChanges(context, live, view, record);
  FillLimits(context, live, view, record);
  record.severity = live.severity;
  if (std::optional<EntityId> root = estate.Find(live.root); root && estate.InMap(*root)) {
    for (const auto& [name, value] : estate.map().LabelsOf(*root).ToVector()) {
      record.labels.emplace(name, value);
    }
  }
  record.ruled_out = RuledOutOf(estate, live, view, context.caps.ruled_out);
  record.owner = live.declared ? program.fault(*live.declared).owner : "";
  record.runbook = live.declared ? program.fault(*live.declared).runbook : "";
  for (const Incident::Symptom& symptom : record.symptoms) {
    if (symptom.entity != live.root) continue;
    for (const Signal& signal : program.signals) {
      if (signal.name != symptom.signal) continue;
      if (record.owner.empty()) record.owner = signal.owner;
      if (record.runbook.empty()) record.runbook = signal.runbook;
      for (const auto& [name, value] : signal.labels) record.labels.emplace(name, value);
    }
  }
  record.title = TitleOf(estate, live, record);
  record.summary = SummaryOf(estate, live, record);
  record.rules_version = program.version;
  record.topology_version = fmt::format("{}", estate.map().version());
  record.engine_version = context.engine_version;
}

}  // namespace rootnote
