// Imported groups of Prometheus within detection.
#include <algorithm>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "engine/detector.h"

namespace rootnote {

// Before our own signals, which may read what groups record.
void Detector::EvaluateImported(EventTime instant, const Topology& topology, bool frozen,
                                std::vector<Transition>& out) {
  ImportedRules::Hooks hooks;
  hooks.ready = [&](const ImportedRulePlan& plan) {
    return Covers(plan.settles, instant) && !(frozen && plan.of_silence);
  };
  // A symptom that was restored does not say which alerts fired: all of its entity.
  hooks.active_since = [&](SignalId id, const Labels& labels) -> std::optional<EventTime> {
    if (resumed_[id.index()].empty()) {
      return std::nullopt;
    }
    const InstanceKey key =
        InstanceOfAlert(rules_.program(), rules_.program().signal(id), labels, topology);
    for (const Transition& symptom : resumed_[id.index()]) {
      if (symptom.entity == key.entity && symptom.onset <= instant) {
        return symptom.onset;
      }
    }
    return std::nullopt;
  };
  for (const ImportedRules::Alerts& alerts : imported_.Evaluate(instant, hooks)) {
    EventTime& from = evaluated_from_[alerts.signal.index()];
    from = std::min(from, instant);
    resumed_[alerts.signal.index()].clear();
    book_.Step(StepOf(alerts, instant, topology), out);
  }
  if (const std::vector<const Series*> admitted = imported_.TakeAdmitted(); !admitted.empty()) {
    watch_.Bind(admitted, topology);
    absence_.Bind(admitted);
    series_.Set(static_cast<int64_t>(store_.size()));
  }
}

SignalStep Detector::StepOf(const ImportedRules::Alerts& alerts, EventTime instant,
                            const Topology& topology) const {
  const Program& program = rules_.program();
  SignalStep step;
  step.signal = alerts.signal;
  step.time = instant;
  step.decided.emplace();
  for (const auto& [labels, alert] : *alerts.alerts) {
    if (!alert.active()) continue;
    step.decided->push_back(
        {InstanceOfAlert(program, program.signal(alerts.signal), labels, topology),
         alert.state == prometheus::AlertState::kFiring, alert.active_at, alert.value,
         std::make_shared<const AlertTexts>(AlertTexts{labels, alert.annotations})});
  }
  return step;
}

}  // namespace rootnote
