// Acknowledgements and silences: what people say of incidents, by event time. They decide nothing
// about causes; they only end reminders, and keep silent incidents from going to anybody new.
#include <algorithm>
#include <utility>

#include "engine/correlator_estate.h"
#include "engine/incidents_lifecycle.h"

namespace rootnote {

void IncidentStore::Lifecycle::Control(const ControlChange& change, EventTime from) {
  if (controls_.size() + silences_.size() >= 2 * options_.silences_max) {
    ++stats_.refused_controls;
    return;
  }
  controls_.emplace(from, change);
  next_due_ = kMinTime;
}

void IncidentStore::Lifecycle::ApplyControls() {
  while (!controls_.empty() && controls_.begin()->first <= now_) {
    const auto [from, change] = std::move(*controls_.begin());
    controls_.erase(controls_.begin());
    switch (change.type) {
      case ControlChange::Type::kAcknowledge:
      case ControlChange::Type::kAcknowledgeDeleted:
        Acknowledge(change, from);
        break;
      case ControlChange::Type::kSilence:
        if (change.until <= now_) {
          silences_.erase(change.id);
        } else if (silences_.contains(change.id) || silences_.size() < options_.silences_max) {
          silences_[change.id] = change;
        } else {
          ++stats_.refused_controls;
        }
        break;
      case ControlChange::Type::kSilenceDeleted:
        silences_.erase(change.id);
        break;
    }
  }
  std::erase_if(silences_, [&](const auto& silence) { return silence.second.until <= now_; });
  MarkHeld();
}

// What was said before the incident opened, or was reopened, is about something else.
void IncidentStore::Lifecycle::Acknowledge(const ControlChange& change, EventTime at) {
  for (auto& [slot, live] : open_) {
    if (live.record.id != change.id) continue;
    if (at < live.record.reopened_at.value_or(live.record.opened_at)) return;
    if (change.type == ControlChange::Type::kAcknowledgeDeleted) {
      live.held.reset();
    } else {
      live.held = Incident::Acknowledgement{change.by, at, change.comment};
    }
    return;
  }
  ++stats_.refused_controls;
}

// Tells what is different from the last revision, whatever was said and taken back in between.
void IncidentStore::Lifecycle::MarkHeld() {
  for (auto& [slot, live] : open_) {
    Incident& record = live.record;
    if (record.acknowledged != live.held) {
      Note(live, live.held ? "acknowledged" : "unacknowledged", /*urgent=*/true);
      record.acknowledged = live.held;
    }
    if (silences_.empty() && !record.silenced) continue;
    std::optional<Incident::Silence> silenced;
    if (const ControlChange* silence = SilenceOf(live)) {
      silenced = Incident::Silence{silence->id, silence->by, silence->until, silence->comment};
    }
    if (record.silenced == silenced) continue;
    Note(live, silenced ? "silenced" : "silence_ended", /*urgent=*/true);
    record.silenced = std::move(silenced);
  }
}

// Of several the first by id. It covers an incident whose root it names, or all that still fires.
const ControlChange* IncidentStore::Lifecycle::SilenceOf(const LiveIncident& live) const {
  for (const auto& [id, silence] : silences_) {
    if (silence.signal.empty() && Fits(silence, live.root)) return &silence;
    bool any = false;
    const bool all = std::all_of(
        live.symptoms.begin(), live.symptoms.end(), [&, &wanted = silence](const auto& entry) {
          const OwnedSymptom& owned = entry.second;
          if (owned.resolved_at) return true;
          any = true;
          const std::string& signal = program_->signal(owned.symptom.signal).name;
          return (wanted.signal.empty() || wanted.signal == signal) &&
                 Fits(wanted, owned.symptom.entity);
        });
    if (any && all) return &silence;
  }
  return nullptr;
}

bool IncidentStore::Lifecycle::Fits(const ControlChange& silence, const std::string& entity) const {
  if (!silence.entity.empty() && silence.entity != entity) return false;
  if (silence.labels.size() == 0) return true;
  const Estate& estate = correlator_.estate();
  const std::optional<EntityId> id = estate.Find(entity);
  const std::optional<KindId> kind = estate.rules().FindKind(KindName(entity));
  const Labels identity =
      kind ? IdentityLabels(program_->kind(*kind), entity).value_or(Labels()) : Labels();
  const std::vector<Label> wanted = silence.labels.ToVector();
  return std::all_of(wanted.begin(), wanted.end(), [&](const auto& label) {
    if (identity.Has(label.first)) return identity.Get(label.first) == label.second;
    return id && estate.InMap(*id) && estate.map().LabelsOf(*id).Get(label.first) == label.second;
  });
}

EventTime IncidentStore::Lifecycle::NextControl() const {
  EventTime next = controls_.empty() ? kMaxTime : controls_.begin()->first;
  if (open_.empty()) return next;
  for (const auto& [id, silence] : silences_) next = std::min(next, silence.until);
  return next;
}

}  // namespace rootnote
