// info(v [, {labels}]): series with the labels of the info series of the same target.
#include <algorithm>
#include <map>
#include <optional>
#include <string>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "fmt/format.h"
#include "re2/re2.h"

#include "rules/promql/evaluation.h"

namespace rootnote::promql {
namespace {

constexpr std::string_view kIdentifying[] = {"instance", "job"};

bool IsMetadata(std::string_view name) {
  return name == kMetricName || name == "__type__" || name == "__unit__";
}

// When the info series are read: as the selectors below read, if all of them agree.
struct Moment {
  std::optional<EventTime> at;
  Millis offset{0};
};

class MomentFinder {
 public:
  explicit MomentFinder(const Evaluation& evaluation) : evaluation_(evaluation) {}

  // The moment of the info series for the instant `t`.
  absl::StatusOr<EventTime> Find(const Expr& expr, EventTime t) {
    ASSIGN_OR_RETURN(const bool any, Visit(expr, {}));
    if (!any || !uniform_ || !first_) return t;
    return first_->at.value_or(t) - first_->offset;
  }

 private:
  // Whether a selector stands below. `outer`: what the subqueries around it shift.
  absl::StatusOr<bool> Visit(const Expr& expr, Moment outer) {
    if (expr.type != ValueType::kVector && expr.type != ValueType::kMatrix) return false;
    if (expr.kind == ExprKind::kSelector || expr.kind == ExprKind::kSubquery) {
      ASSIGN_OR_RETURN(outer, Shifted(expr, outer));
    }
    if (expr.kind == ExprKind::kSelector) {
      Note(outer);
      return true;
    }
    const bool info = expr.kind == ExprKind::kCall && expr.text == "info";
    bool any = false;
    for (size_t i = 0; i < (info ? 1 : expr.args.size()); ++i) {
      ASSIGN_OR_RETURN(const bool found, Visit(*expr.args[i], outer));
      any = any || found;
    }
    // A vector of its own time, such as vector(1).
    if (!any) uniform_ = false;
    return any;
  }

  // Offsets add up until an @ fixes the time: what is further out than that does not matter.
  absl::StatusOr<Moment> Shifted(const Expr& expr, const Moment& outer) const {
    if (!expr.at) {
      // Relative to the epoch the reference is the offset, whatever it was computed from.
      ASSIGN_OR_RETURN(const EventTime moved, evaluation_.Reference(expr, EventTime()));
      return Moment{outer.at, outer.offset + (EventTime() - moved)};
    }
    ASSIGN_OR_RETURN(const EventTime fixed, evaluation_.Reference(expr, EventTime()));
    return Moment{fixed, Millis(0)};
  }

  void Note(const Moment& moment) {
    if (!first_) {
      first_ = moment;
      return;
    }
    const bool same = first_->at.has_value() == moment.at.has_value() &&
                      first_->at.value_or(EventTime()) - first_->offset ==
                          moment.at.value_or(EventTime()) - moment.offset;
    if (!same) uniform_ = false;
  }

  const Evaluation& evaluation_;
  std::optional<Moment> first_;
  bool uniform_ = true;
};

Matcher NameMatcher(MatchOp op, std::string value) {
  Matcher matcher{std::string(kMetricName), op, std::move(value), nullptr};
  if (op == MatchOp::kRegex) matcher.regex = std::make_shared<const re2::RE2>(matcher.value);
  return matcher;
}

// The names that info series have: target_info unless something else is asked for; if names are
// only excluded, all that end in _info.
std::vector<Matcher> InfoNames(const Expr& selector) {
  std::vector<Matcher> names;
  bool positive = false;
  for (const Matcher& matcher : selector.matchers) {
    if (matcher.name != kMetricName) continue;
    names.push_back(matcher);
    positive = positive || matcher.op == MatchOp::kEqual || matcher.op == MatchOp::kRegex;
  }
  if (positive) return names;
  if (names.empty()) return {NameMatcher(MatchOp::kEqual, "target_info")};
  names.insert(names.begin(), NameMatcher(MatchOp::kRegex, ".+_info"));
  return names;
}

Labels TargetOf(const Labels& labels) {
  std::vector<Label> pairs;
  for (const std::string_view name : kIdentifying) pairs.emplace_back(name, labels.Get(name));
  return Labels::FromViews(std::move(pairs));
}

class Enrichment {
 public:
  Enrichment(const Expr& selector, const Evaluation& evaluation)
      : selector_(selector), names_(InfoNames(selector)), evaluation_(evaluation) {}

  bool IsInfo(const Labels& labels) const {
    const std::string_view name = labels.metric();
    return std::all_of(names_.begin(), names_.end(),
                       [&](const Matcher& matcher) { return matcher.Matches(name); });
  }

  // The newest info series of each name and target.
  absl::Status Read(EventTime moment, const Vector& base) {
    absl::flat_hash_set<Labels> targets;
    for (const Element& element : base) {
      if (!IsInfo(element.labels)) targets.insert(TargetOf(element.labels));
    }

    // A copy of what the selector asks for, with the names. The engine knows it by its matchers.
    Expr select;
    select.kind = ExprKind::kSelector;
    select.type = ValueType::kVector;
    select.matchers = names_;
    for (const Matcher& matcher : selector_.matchers) {
      if (matcher.name != kMetricName) select.matchers.push_back(matcher);
    }
    for (const SeriesPoints& series : evaluation_.Lookback(select, moment)) {
      const Labels target = TargetOf(series.labels);
      if (target.empty() || !targets.contains(target)) continue;
      auto& by_name = infos_[target];
      const auto [found, added] =
          by_name.try_emplace(std::string(series.labels.metric()), Found{series.labels, {}});
      const EventTime time = series.points.back().time;
      if (!added && found->second.time == time) return Conflict(found->second, series.labels);
      if (added || found->second.time < time) found->second = {series.labels, time};
    }
    return absl::OkStatus();
  }

  // Nothing: an info series must be there, and is not.
  absl::StatusOr<std::optional<Labels>> Enriched(const Labels& base) const {
    const auto found = infos_.find(TargetOf(base));
    std::map<std::string, std::string, std::less<>> added;
    if (found != infos_.end()) {
      for (const auto& [name, info] : found->second) {
        RETURN_IF_ERROR(Collect(info.labels, added));
      }
    } else if (NeedsInfo()) {
      return std::nullopt;
    }
    Labels labels = base;
    for (const auto& [name, value] : added) {
      if (!base.Has(name)) labels = labels.With(name, value);
    }
    return labels;
  }

 private:
  struct Found {
    Labels labels;
    EventTime time;
  };

  static absl::Status Conflict(const Found& existing, const Labels& added) {
    const int64_t time = ToMillis(existing.time);
    return absl::InvalidArgumentError(
        fmt::format("found duplicate series for info metric: existing {} @ {}, new {} @ {}",
                    existing.labels.ToString(), time, added.ToString(), time));
  }

  bool Wanted(std::string_view name) const {
    bool any = false;
    for (const Matcher& matcher : selector_.matchers) {
      if (matcher.name == kMetricName) continue;
      any = true;
      if (matcher.name == name) return true;
    }
    return !any;
  }

  bool NeedsInfo() const {
    return std::any_of(
        selector_.matchers.begin(), selector_.matchers.end(),
        [](const Matcher& matcher) { return matcher.name != kMetricName && !matcher.Matches(""); });
  }

  absl::Status Collect(const Labels& info,
                       std::map<std::string, std::string, std::less<>>& added) const {
    for (const auto& [name, value] : info.ToVector()) {
      if (IsMetadata(name) || !Wanted(name)) continue;
      const auto [found, first] = added.try_emplace(std::string(name), value);
      if (!first && found->second != value) {
        return absl::InvalidArgumentError(fmt::format("conflicting label: {}", name));
      }
    }
    return absl::OkStatus();
  }

  const Expr& selector_;
  const std::vector<Matcher> names_;
  const Evaluation& evaluation_;
  absl::flat_hash_map<Labels, std::map<std::string, Found>> infos_;
};

}  // namespace

absl::StatusOr<Vector> EvalInfo(const Expr& expr, EventTime t, const Evaluation& evaluation) {
  ASSIGN_OR_RETURN(Vector vector, evaluation.Instant(*expr.args[0], t));
  ASSIGN_OR_RETURN(const EventTime moment, MomentFinder(evaluation).Find(*expr.args[0], t));
  Enrichment enrichment(*expr.args[1], evaluation);
  RETURN_IF_ERROR(enrichment.Read(moment, vector));
  Vector result;
  for (Element& element : vector) {
    if (enrichment.IsInfo(element.labels)) {
      result.push_back(std::move(element));
      continue;
    }
    ASSIGN_OR_RETURN(std::optional<Labels> labels, enrichment.Enriched(element.labels));
    if (labels) result.push_back({std::move(*labels), element.value, element.drop_name});
  }
  RETURN_IF_ERROR(Normalise(result));
  return result;
}

}  // namespace rootnote::promql
