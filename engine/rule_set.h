// The loaded rules as the streams meet them: every distinct selector once, found by the name of the
// metric or event, with how far back it is read. What no selector can see is not kept.
// Thread: immutable, any thread.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/container/flat_hash_map.h"

#include "rules/program.h"
#include "rules/prometheus/dependencies.h"
#include "rules/prometheus/rule_file.h"
#include "rules/promql/ast.h"
#include "schemas/base/string_view.h"
#include "schemas/base/strong_id.h"
#include "schemas/schema.h"

namespace rootnote {

using SelectorId = StrongId<struct SelectorTag>;

struct Selector {
  std::string name;  // of the metric or event; "": it does not name one, any may match
  std::vector<promql::Matcher> matchers;
  bool range = false;                     // range selectors take events, too
  std::string unwrap;                     // events: the attribute that is the value
  std::vector<std::string> event_labels;  // events: what they are projected onto
  Millis history{0};                      // read at t: (t - history, t]
  bool presence = false;  // of a `missing` condition: only when it was last seen counts

  bool Matches(const Labels& labels) const;
  bool Matches(const Event& event) const;
  // What an event counts as; nullopt: the unwrapped attribute is no number.
  std::optional<double> ValueOf(const Event& event) const;
  Labels Project(const Event& event) const;
};

// When and what of one signal.
struct SignalPlan {
  std::vector<SelectorId> selectors;     // of `when`, each once, ascending
  std::vector<SelectorId> denominators;  // right of a division at the top of `when`
  bool yields_on_empty = false;  // absent() and the like: evaluated even if nothing was ever seen
  Millis history{0};             // how far back `when` and `clear` look
  // How much must have been read before they can be trusted: ranges whole, of the lookback of
  // instant selectors only as much as collectors need to send once.
  Millis settles{0};
};

// When one rule of an imported group can be trusted: as `settles` of a signal, with what the rules
// need whose series it reads.
struct ImportedRulePlan {
  Millis history{0};
  Millis settles{0};
  bool of_silence = false;  // says something about nothing
};

class RuleSet {
 public:
  RuleSet(std::shared_ptr<const Program> program, Millis lookback);

  const Program& program() const { return *program_; }
  const std::shared_ptr<const Program>& program_ptr() const { return program_; }
  const std::vector<Selector>& selectors() const { return selectors_; }
  const Selector& selector(SelectorId id) const { return selectors_[id.index()]; }
  const SignalPlan& plan(SignalId id) const { return plans_[id.index()]; }
  // By group and rule, as in the program.
  const std::vector<std::vector<ImportedRulePlan>>& imported() const { return imported_; }
  // Of a node of the program's own expressions; nullopt for any other.
  std::optional<SelectorId> Find(const promql::Expr& selector) const;

  // Whether any selector can match that name.
  bool Sees(std::string_view name) const;
  // Whether a pattern names that event.
  bool Awaits(std::string_view name) const { return awaited_.find(name) != awaited_.end(); }
  const std::vector<SignalId>& named_by_patterns() const { return named_by_patterns_; }
  // The selectors that match, ascending.
  std::vector<SelectorId> Match(const Labels& labels) const;
  std::vector<SelectorId> Match(const Event& event) const;

  Millis history() const { return history_; }  // the longest of all selectors
  // How much must be read before every rule says what it would say had it always run: the longest
  // look back and `for`, at most `limit`.
  Millis WarmUp(Millis limit) const;

 private:
  SelectorId Intern(Selector selector);
  SelectorId Add(const promql::Expr& node, Millis history);
  void PlanGroups(Millis lookback);
  ImportedRulePlan PlanRule(const prometheus::RuleGroup& group, const prometheus::Rule& rule,
                            Millis lookback);
  // How far back the rules look that write what is read, and how long they take to settle.
  ImportedRulePlan Behind(const promql::Expr& selector) const;
  void Plan(const Signal& signal, Millis lookback);
  void PlanPatterns();
  template <typename Item>
  std::vector<SelectorId> MatchName(std::string_view name, const Item& item) const;

  std::shared_ptr<const Program> program_;
  std::vector<Selector> selectors_;
  std::vector<SignalPlan> plans_;  // by SignalId
  std::vector<std::vector<ImportedRulePlan>> imported_;
  std::optional<prometheus::WrittenSeries> written_;  // none: nothing is imported
  absl::flat_hash_map<const promql::Expr*, SelectorId> nodes_;
  StringMap<SelectorId> interned_;
  StringMap<std::vector<SelectorId>> by_name_;
  std::vector<SelectorId> any_name_;
  std::vector<SignalId> named_by_patterns_;
  StringMap<bool> awaited_;  // events that patterns name
  Millis history_{0};
};

}  // namespace rootnote
