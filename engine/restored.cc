#include "engine/restored.h"

#include <algorithm>
#include <utility>

namespace rootnote {
namespace {

// As long as `missing` remembers, and `no data hold` holds.
constexpr Millis kKeptMax{86'400'000};

Transition FiringOf(SignalId signal, const Incident::Symptom& symptom) {
  Transition transition;
  transition.time = symptom.onset;
  transition.signal = signal;
  transition.entity = symptom.entity;
  transition.relation_from = symptom.relation_from;
  transition.to = SignalState::kFiring;
  transition.onset = symptom.onset;
  transition.value = symptom.value;
  transition.summary = symptom.summary;
  return transition;
}

Transition EndOf(const Transition& symptom, EventTime tick, std::string reason) {
  Transition end = symptom;
  end.time = tick;
  end.from = SignalState::kFiring;
  end.to = SignalState::kInactive;
  end.reason = std::move(reason);
  return end;
}

// The latest revision of each incident that is open.
std::map<std::string, const Incident*> OpenOnes(const std::vector<Incident>& incidents) {
  std::map<std::string, const Incident*> latest;
  for (const Incident& incident : incidents) {
    const Incident*& known = latest[incident.id];
    if (known == nullptr || incident.revision > known->revision) {
      known = &incident;
    }
  }
  std::erase_if(latest,
                [](const auto& item) { return item.second->status != IncidentStatus::kOpen; });
  return latest;
}

}  // namespace

RestoredSymptoms::Key RestoredSymptoms::KeyOf(const Transition& transition) {
  return {transition.signal, transition.entity, transition.relation_from};
}

RestoredSymptoms::RestoredSymptoms(const Program& program, const std::vector<Incident>& incidents)
    : program_(program) {
  for (const auto& [id, incident] : OpenOnes(incidents)) {
    for (const Incident::Symptom& symptom : incident->symptoms) {
      const std::optional<SignalId> signal = program.FindSignal(symptom.signal);
      if (signal && !symptom.resolved_at) {
        Transition transition = FiringOf(*signal, symptom);
        waiting_.try_emplace(KeyOf(transition), std::move(transition));
      }
    }
  }
}

std::vector<Transition> RestoredSymptoms::Symptoms() const {
  std::vector<Transition> out;
  for (const auto& [key, symptom] : waiting_) {
    out.push_back(symptom);
  }
  return out;
}

bool RestoredSymptoms::Over(EventTime tick, const Detector& detector,
                            const Transition& symptom) const {
  if (tick - begun_ >= kKeptMax) {
    return true;
  }
  const Signal& signal = program_.signal(symptom.signal);
  // What speaks of silence, or lasts through it, needs to have heard something since.
  const bool of_silence = std::holds_alternative<MissingCondition>(signal.when.what) ||
                          signal.no_data != NoDataPolicy::kResolve;
  if (std::holds_alternative<PatternCondition>(signal.when.what) &&
      detector.Lasts(symptom.signal, symptom.entity)) {
    return false;  // it matched before what was read again
  }
  return detector.Warm(symptom.signal, tick) &&
         (!of_silence || detector.Hears(symptom.signal, symptom.entity));
}

std::vector<Transition> RestoredSymptoms::Begin(EventTime tick, const Detector& detector,
                                                std::vector<Transition> active) {
  begun_ = tick;
  std::vector<Transition> out;
  for (Transition& transition : active) {
    const auto found = waiting_.find(KeyOf(transition));
    if (found == waiting_.end()) {
      out.push_back(std::move(transition));
      continue;
    }
    found->second.unmapped = transition.unmapped;
    found->second.position = transition.position;
    found->second.alert = transition.alert;
    if (transition.to == SignalState::kFiring) {
      found->second.value = transition.value;
      if (!transition.summary.empty()) {
        found->second.summary = transition.summary;
      }
      out.push_back(found->second);  // its onset is older than the warm-up could see
      waiting_.erase(found);
    }
  }
  std::vector<Transition> ends;
  for (auto at = waiting_.begin(); at != waiting_.end();) {
    out.push_back(at->second);
    const bool pending = std::any_of(active.begin(), active.end(), [&](const Transition& one) {
      return KeyOf(one) == at->first;
    });
    if (!pending && Over(tick, detector, at->second)) {
      ends.push_back(EndOf(at->second, tick, ""));
      at = waiting_.erase(at);
    } else {
      ++at;
    }
  }
  std::sort(out.begin(), out.end());
  out.insert(out.end(), ends.begin(), ends.end());
  return out;
}

void RestoredSymptoms::Settle(EventTime tick, const Detector& detector,
                              std::vector<Transition>& transitions) {
  if (waiting_.empty()) {
    return;
  }
  std::erase_if(transitions, [this](const Transition& transition) {
    const auto found = waiting_.find(KeyOf(transition));
    if (found == waiting_.end()) {
      return false;
    }
    if (transition.to == SignalState::kPending) {
      return true;  // it fires already
    }
    const bool known = transition.onset == found->second.onset;
    waiting_.erase(found);
    return known && transition.to == SignalState::kFiring;
  });
  for (auto at = waiting_.begin(); at != waiting_.end();) {
    const auto& [signal, entity, relation_from] = at->first;
    if (!detector.Active(signal, entity, relation_from) && Over(tick, detector, at->second)) {
      transitions.push_back(EndOf(at->second, tick, tick - begun_ >= kKeptMax ? "no_data" : ""));
      at = waiting_.erase(at);
    } else {
      ++at;
    }
  }
  std::sort(transitions.begin(), transitions.end());
}

}  // namespace rootnote
