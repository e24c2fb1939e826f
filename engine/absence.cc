#include "engine/absence.h"

#include <algorithm>
#include <chrono>
#include <utility>

namespace rootnote {
namespace {

double Seconds(Millis duration) { return std::chrono::duration<double>(duration).count(); }

bool Selected(const MissingCondition& condition, const Kind& kind, const Topology& topology,
              EntityId id) {
  const Labels& labels = topology.LabelsOf(id);
  const std::optional<Labels> identity = IdentityLabels(kind, topology.Name(id));
  return std::all_of(condition.where.begin(), condition.where.end(),
                     [&](const promql::Matcher& matcher) {
                       std::string_view value = labels.Get(matcher.name);
                       if (value.empty() && identity) {
                         value = identity->Get(matcher.name);
                       }
                       return matcher.Matches(value);
                     });
}

}  // namespace

Absence::Absence(const RuleSet& rules) : rules_(rules) {
  for (size_t i = 0; i < rules.program().signals.size(); ++i) {
    const Signal& signal = rules.program().signals[i];
    Watched watched;
    watched.condition = std::get_if<MissingCondition>(&signal.when.what);
    if (watched.condition != nullptr) {
      watched.selector = rules.plan(SignalId(static_cast<uint32_t>(i))).selectors.front();
    }
    watched_.push_back(std::move(watched));
  }
}

void Absence::Bind(const std::vector<const Series*>& series) {
  for (Watched& watched : watched_) {
    if (watched.condition == nullptr) {
      continue;
    }
    for (const Series* one : series) {
      if (std::binary_search(one->selectors.begin(), one->selectors.end(), watched.selector)) {
        watched.unresolved.push_back(one);
      }
    }
  }
}

void Absence::DropDead() {
  for (Watched& watched : watched_) {
    auto& series = watched.series;
    series.erase(std::remove_if(series.begin(), series.end(),
                                [](const auto& item) { return item.second->dead; }),
                 series.end());
    auto& unresolved = watched.unresolved;
    unresolved.erase(std::remove_if(unresolved.begin(), unresolved.end(),
                                    [](const Series* one) { return one->dead; }),
                     unresolved.end());
  }
}

void Absence::Resolve(SignalId signal, Watched& watched, const Topology& topology) {
  const Program& program = rules_.program();
  const auto resolved = [&](const Series* one) {
    auto key = InstanceOf(program, program.signal(signal), one->key.labels, topology);
    if (key) {
      watched.series.emplace_back(std::move(key->entity), one);
    }
    return key.has_value();
  };
  watched.unresolved.erase(
      std::remove_if(watched.unresolved.begin(), watched.unresolved.end(), resolved),
      watched.unresolved.end());
  for (const auto& [entity, series] : watched.series) {
    EventTime& last = watched.last.try_emplace(entity, kMinTime).first->second;
    last = std::max(last, series->last);
  }
}

std::vector<Observed> Absence::At(SignalId signal, EventTime instant, const Topology& topology) {
  begin_ = std::min(begin_, instant);
  Watched& watched = watched_[signal.index()];
  Resolve(signal, watched, topology);
  std::vector<Observed> out;
  for (auto at = watched.last.begin(); at != watched.last.end();) {
    const auto& [entity, last] = *at;
    const std::optional<EntityId> id = topology.Find(entity);
    const bool removed = id && !topology.ValidityOf(*id).At(instant);
    if (removed || instant - last > watched.condition->seen_within) {
      at = watched.last.erase(at);
      continue;
    }
    const Millis age = instant - std::max(last, counted_from_);
    if (age >= watched.condition->duration) {
      out.push_back({{entity, "", ""}, Seconds(instant - last)});
    }
    ++at;
  }
  if (watched.condition->expected) {
    Expected(signal, watched, instant, topology, out);
  }
  return out;
}

void Absence::Expected(SignalId signal, const Watched& watched, EventTime instant,
                       const Topology& topology, std::vector<Observed>& out) const {
  const std::optional<KindId> kind = rules_.program().signal(signal).kind;
  if (!kind) {
    return;
  }
  for (const EntityId id : topology.OfKind(*kind)) {
    const Validity validity = topology.ValidityOf(id);
    const std::string name(topology.Name(id));
    if (!validity.At(instant) || watched.last.contains(name) ||
        !Selected(*watched.condition, rules_.program().kind(*kind), topology, id)) {
      continue;
    }
    const EventTime since = std::max({begin_, validity.from, counted_from_});
    if (instant - since >= watched.condition->duration) {
      out.push_back({{name, "", ""}, Seconds(instant - since)});
    }
  }
}

bool Absence::quiet() const {
  return std::all_of(watched_.begin(), watched_.end(), [](const Watched& watched) {
    return watched.condition == nullptr ||
           (!watched.condition->expected && watched.last.empty() && watched.series.empty());
  });
}

}  // namespace rootnote
