// Imported groups of Prometheus at their instants: those that are due are evaluated one after the
// other, who reads after who writes. What they record goes into the windows at once, as if it had
// been received, so that later rules, our own signals too, read it at the same instant.
// Thread: one at a time, while no other reads or writes the shards.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <utility>
#include <vector>

#include "engine/metrics.h"
#include "engine/rule_set.h"
#include "engine/series_store.h"
#include "engine/shard.h"
#include "rules/prometheus/group.h"

namespace rootnote {

// Writes the samples of rules to the shards that own the series. A sample that no rule can read is
// dropped.
class Recorder : public prometheus::SampleSink {
 public:
  // Borrows all of it.
  Recorder(const RuleSet& rules, std::vector<Shard>& shards, WindowStore& store, size_t series_max,
           Metrics& metrics);

  void Begin(EventTime instant) { instant_ = instant; }
  absl::Status Append(const Labels& labels, promql::Point point) override;
  void Publish() override;
  // The series that are new since the last call, in the order in which they came.
  std::vector<const Series*> TakeAdmitted() { return std::exchange(published_, {}); }

 private:
  const RuleSet& rules_;
  std::vector<Shard>& shards_;
  WindowStore& store_;
  size_t series_max_;
  EventTime instant_ = kMinTime;
  std::vector<const Series*> admitted_, published_;
  Metric &recorded_, &refused_;
};

class ImportedRules {
 public:
  // What one alerting rule says at an instant. The alerts are those of the rule, resolved ones
  // included; they live until it is evaluated again.
  struct Alerts {
    SignalId signal;
    const std::map<Labels, prometheus::Alert>* alerts = nullptr;
  };

  // Borrows the rules and what the recorder borrows.
  ImportedRules(const RuleSet& rules, std::vector<Shard>& shards, WindowStore& store,
                const prometheus::GroupOptions& options, size_t series_max, Metrics& metrics);

  struct Hooks {
    // Whether the rule is evaluated; otherwise it keeps its state.
    std::function<bool(const ImportedRulePlan&)> ready;
    // As GroupHooks::active_since.
    std::function<std::optional<EventTime>(SignalId, const Labels&)> active_since;
  };

  // Evaluates what is due at the instant. The alerting rules that were evaluated, in the order of
  // evaluation.
  std::vector<Alerts> Evaluate(EventTime instant, const Hooks& hooks);
  std::vector<const Series*> TakeAdmitted() { return recorder_.TakeAdmitted(); }

  // Something was written or is active: the next instant has something to say.
  bool busy() const;
  // As in the program; for those who look.
  const std::vector<prometheus::GroupEvaluation>& groups() const { return groups_; }
  // The intervals of all groups.
  const std::set<Millis>& grids() const { return grids_; }
  // Some rule says something about nothing, as absent() does.
  bool speaks_of_nothing() const { return speaks_of_nothing_; }

 private:
  const RuleSet& rules_;
  WindowStore& store_;
  Recorder recorder_;
  std::vector<prometheus::GroupEvaluation> groups_;  // as in the program
  std::vector<std::vector<Metric*>> errors_;         // by group and rule
  std::set<Millis> grids_;
  bool speaks_of_nothing_ = false;
};

}  // namespace rootnote
