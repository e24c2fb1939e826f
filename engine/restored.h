// Symptoms that open incidents had when the former run ended, until detection has its own word on
// each. A rule whose window the warm-up did not cover, or that speaks of data which came before it,
// cannot say that a symptom is over: such a symptom stays as it was, a day at most.
// Thread: one at a time.
#pragma once

#include <map>
#include <string>
#include <tuple>
#include <vector>

#include "engine/detector.h"
#include "engine/transition.h"
#include "schemas/incident.h"

namespace rootnote {

class RestoredSymptoms {
 public:
  // `incidents`: any revisions; the unresolved symptoms of open ones count.
  RestoredSymptoms(const Program& program, const std::vector<Incident>& incidents);

  // The first live instant: what is known of all symptoms. `active`: what detection sees now, in
  // order. Those that are over are ended at once.
  std::vector<Transition> Begin(EventTime tick, const Detector& detector,
                                std::vector<Transition> active);
  // A later tick's transitions: ends what detection denies by now, and keeps quiet about what it
  // only begins to see.
  void Settle(EventTime tick, const Detector& detector, std::vector<Transition>& transitions);

  // All of them: what detection takes up again.
  std::vector<Transition> Symptoms() const;

  bool empty() const { return waiting_.empty(); }

 private:
  using Key = std::tuple<SignalId, std::string, std::string>;  // signal, entity, relation_from
  static Key KeyOf(const Transition& transition);
  bool Over(EventTime tick, const Detector& detector, const Transition& symptom) const;

  const Program& program_;
  EventTime begun_ = kMinTime;
  std::map<Key, Transition> waiting_;  // as last known; as many as the records list at most
};

}  // namespace rootnote
