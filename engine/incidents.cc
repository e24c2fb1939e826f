#include "engine/incidents.h"

#include <utility>

#include "engine/incidents_lifecycle.h"

namespace rootnote {

IncidentStore::IncidentStore(std::shared_ptr<const Program> program, const WatchView& watch,
                             const IncidentOptions& options)
    : lifecycle_(std::make_unique<Lifecycle>(std::move(program), watch, options)) {}

IncidentStore::~IncidentStore() = default;

void IncidentStore::Restore(std::vector<Incident> records) {
  lifecycle_->Restore(std::move(records));
}

void IncidentStore::SetCatchingUp(bool catching_up) { lifecycle_->SetCatchingUp(catching_up); }

std::vector<Incident> IncidentStore::Step(EventTime tick, std::span<const Transition> transitions,
                                          std::shared_ptr<const Topology> topology) {
  return lifecycle_->Step(tick, transitions, std::move(topology));
}

void IncidentStore::Control(const ControlChange& change, EventTime from) {
  lifecycle_->Control(change, from);
}
void IncidentStore::NoteChange(const Incident::Change& change) { lifecycle_->NoteChange(change); }
std::vector<Incident> IncidentStore::All() const { return lifecycle_->All(); }
std::vector<Finding> IncidentStore::Findings() const { return lifecycle_->Findings(); }
IncidentStats IncidentStore::stats() const { return lifecycle_->stats(); }

}  // namespace rootnote
