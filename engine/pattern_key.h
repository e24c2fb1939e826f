// One key of one pattern: its partial matches and its live ones. Items come in order of time; what
// is found does not depend on how they are cut into ticks.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "engine/identity.h"
#include "engine/series.h"
#include "rules/program.h"
#include "schemas/base/time.h"
#include "schemas/labels.h"

namespace rootnote {

// What a step may match: an event, or a signal's instance that began to fire.
struct PatternItem {
  EventTime time;
  uint64_t sequence = 0;
  std::string source, name;
  std::optional<SignalId> signal;  // absent: an event
  InstanceKey instance;            // signals
  Labels labels;                   // with attributes, identity and `by` labels
  std::string message;
  double value = 0;
  RecordPosition position;  // events

  std::string_view Get(std::string_view attribute) const;
};
using PatternItemPtr = std::shared_ptr<const PatternItem>;

// An item as one key meets it: the pattern's steps (in order, over all elements) that it may be.
struct PatternArrival {
  PatternItemPtr item;
  uint64_t hits = 0;  // by name and matchers
  uint64_t near = 0;  // by name, of `N of last M`
};

// What is the same for all keys of a pattern.
struct PatternPlan {
  // `words`: a text that may name attributes of the pattern's steps; null: none.
  explicit PatternPlan(const PatternCondition& pattern, const Template* words = nullptr);
  const PatternCondition& pattern;
  std::vector<size_t> first_step;  // by element
  std::vector<bool> alias_used;    // by a filter, or by the text
  struct Named {                   // {d.version}
    std::string reference;
    size_t alias = 0;
    std::string attribute;
  };
  std::vector<Named> named;  // by the text
  // One counted step alone: true for as long as the window holds enough.
  bool counting = false;

 private:
  void Name(const Template& words);
};

class PatternKey {
 public:
  PatternKey(const PatternPlan& plan, size_t runs_max) : plan_(plan), runs_max_(runs_max) {}

  using Firing = std::function<bool(const PatternItem&)>;
  // `arrivals`: ascending by time, none later than the tick.
  void Step(EventTime tick, const std::vector<PatternArrival>& arrivals, const Firing& firing);
  // A signal's instance no longer fires.
  void Ended(SignalId signal, const InstanceKey& instance);

  // Matches that are live; of a counted step alone, how many items its window holds. 0: none.
  double live() const;
  // When something changes although nothing arrives; kMaxTime: there is nothing left.
  EventTime wake() const { return wake_; }
  uint64_t TakeShed() { return std::exchange(shed_, 0); }
  // What the text names, of the match that began what is live.
  const std::vector<std::pair<std::string, std::string>>& bindings() const { return bindings_; }
  // Times at which matches completed in the last step; for tests.
  const std::vector<EventTime>& completed() const { return completed_; }

 private:
  struct Run {
    size_t element = 0;  // the one that it waits for
    uint64_t start = 0;  // its first item, where that matters
    EventTime since;     // the element before was complete
    uint32_t count = 0;
    std::deque<bool> last;               // N of last M
    std::vector<PatternItemPtr> filled;  // by step of a group
    std::vector<PatternItemPtr> bound;   // by alias
    PatternItemPtr last_signal;
    bool begun = false;
    bool dead = false;
  };
  struct Hit {
    EventTime time;
    uint64_t sequence = 0;
    bool hit = false;
  };
  struct Live {
    EventTime until;
    PatternItemPtr signal;  // until it ends; null: until the time
  };

  bool Fits(size_t element, size_t step, const PatternArrival& arrival,
            const std::vector<PatternItemPtr>& bound) const;
  void Begin(const PatternArrival& arrival);
  void BeginCounted(const PatternArrival& arrival);
  void BeginGroup(const PatternArrival& arrival);
  void Offer(size_t run, const PatternArrival& arrival);
  void OfferStep(size_t run, const PatternArrival& arrival);
  void OfferGroup(size_t run, const PatternArrival& arrival);
  void Bind(Run& run, size_t element, size_t step, const PatternItemPtr& item) const;
  void BindGroup(Run& run, size_t element, const std::vector<PatternItemPtr>& filled) const;
  void Advance(Run run, EventTime time);
  void Complete(const Run& run, EventTime time);
  void PassSilence(EventTime until);
  void Settle(EventTime time);
  void Prune();
  void PruneSilent();
  void Expire();
  size_t Counted(EventTime at) const;
  void SetWake();

  const PatternPlan& plan_;
  const size_t runs_max_;
  std::vector<Run> runs_;
  std::deque<Hit> hits_;                      // of a counted first step
  std::vector<PatternItemPtr> first_filled_;  // of a group that comes first
  std::set<uint64_t> done_;                   // first items of matches, while still in the group
  EventTime not_before_ = kMinTime;           // items up to here were used up by a match
  std::vector<Live> live_;
  std::vector<std::pair<std::string, std::string>> bindings_;
  bool reached_ = false;  // counting: reached within this tick
  EventTime tick_ = kMinTime;
  EventTime wake_ = kMaxTime;
  const Firing* firing_ = nullptr;
  uint64_t shed_ = 0;
  std::vector<EventTime> completed_;
};

}  // namespace rootnote
