// The life of signal instances: pending, firing, resolved (SEMANTICS section 4), and how the
// instances of one entity become one symptom. Pure state: what was evaluated goes in, transitions
// come out. `for`, `keep firing for` and `clear … for` count instants exactly as Prometheus'
// alerting rules do. Thread: one at a time.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "engine/identity.h"
#include "engine/transition.h"
#include "rules/program.h"
#include "schemas/base/time.h"

namespace rootnote {

struct Observed {
  InstanceKey key;
  double value = 0;
  // What the rule's texts may name besides the key: attributes of a pattern's steps.
  std::vector<std::pair<std::string, std::string>> bindings;
};

// An instance that was active before the first instant that is evaluated, as a former run knew it.
struct Running {
  InstanceKey key;
  EventTime onset;
  double value = 0;
};

// An instance whose state others have decided: an alert of an imported group.
struct Decided {
  InstanceKey key;
  bool firing = false;
  EventTime onset;
  double value = 0;
  std::shared_ptr<const AlertTexts> alert;
};

// What one instant says of one signal. Lists in any order; a key may come more than once.
struct SignalStep {
  SignalId signal;
  EventTime time;
  std::vector<Observed> when;                   // `when` is true of these
  std::vector<InstanceKey> clear;               // `clear` is true of these
  std::vector<InstanceKey> known_without_data;  // for `no data raise`
  std::vector<Running> running;                 // at the signal's first instant only
  // Whether any selector yields an element for the instance; asked only where it matters.
  std::function<bool(const InstanceKey&)> has_data;
  // All instances that are pending or firing, in any order; then nothing above counts.
  std::optional<std::vector<Decided>> decided;
};

// One instance begins or ceases to fire: what patterns match and wait for.
struct InstanceEdge {
  SignalId signal;
  InstanceKey key;
  bool firing = false;
  EventTime onset;
  double value = 0;
};

class SignalBook {
 public:
  // `instances_max`: per signal, where the rule sets no limit of its own.
  explicit SignalBook(const Program& program, uint32_t instances_max = 10'000);

  // Appends the transitions of this instant, ascending by (entity, relation_from).
  void Step(SignalStep step, std::vector<Transition>& out);

  // Edges of these signals are kept from now on …
  void Watch(SignalId signal) { signals_[signal.index()].watched = true; }
  // … until they are taken, in the order in which they came.
  std::vector<InstanceEdge> TakeEdges() { return std::exchange(edges_, {}); }

  size_t active() const { return active_; }  // instances that are pending or firing
  // The symptoms that are, as transitions from nothing, dated when they began to fire (pending:
  // their onset); in order.
  std::vector<Transition> Symptoms() const;
  bool Has(SignalId signal, const std::string& entity, const std::string& relation_from) const;
  bool Active(SignalId signal) const { return !signals_[signal.index()].instances.empty(); }
  uint64_t shed() const { return shed_; }  // new instances refused by a limit
  // How many the last step of this signal refused.
  uint32_t shed(SignalId signal) const { return signals_[signal.index()].shed; }

 private:
  struct Instance {
    bool firing = false;
    EventTime onset;
    double value = 0;
    std::vector<std::pair<std::string, std::string>> bindings;
    EventTime off_since = kMaxTime;      // keep firing for
    EventTime clear_since = kMaxTime;    // clear … for
    EventTime no_data_since = kMaxTime;  // no data hold
    bool ended = false;                  // to be removed after the merge
    bool ended_without_data = false;
    std::shared_ptr<const AlertTexts> alert;
  };
  struct Symptom {
    SignalState state = SignalState::kInactive;
    EventTime onset, since;  // `since`: of this state
    double value = 0;
    std::vector<std::pair<std::string, std::string>> bindings;  // of the instance with this value
    std::shared_ptr<const AlertTexts> alert;
  };
  using SymptomKey = std::pair<std::string, std::string>;  // entity, relation_from
  struct SignalInstances {
    std::map<InstanceKey, Instance> instances;
    std::map<SymptomKey, Symptom> symptoms;
    bool watched = false;
    uint32_t shed = 0;  // by the last step
  };

  void Resume(const Signal& signal, const SignalStep& step);
  void True(const Signal& signal, const SignalStep& step, const Observed& observed);
  void NotTrue(const Signal& signal, const SignalStep& step, const InstanceKey& key,
               Instance& instance);
  void Decide(SignalId signal, std::vector<Decided> decided);
  void Merge(const Signal& signal, const SignalStep& step, std::vector<Transition>& out);

  const Program& program_;
  uint32_t instances_max_;
  std::vector<SignalInstances> signals_;  // by SignalId
  std::vector<InstanceEdge> edges_;
  size_t active_ = 0;
  uint64_t shed_ = 0;
};

// Which of two values says more, in the direction of the condition's comparison: without one the
// larger; NaN says least.
double MoreExtreme(Condition::Direction direction, double a, double b);

}  // namespace rootnote
