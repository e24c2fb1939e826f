#include "rules/promqltest/runner.h"

#include <algorithm>
#include <memory>
#include <utility>

#include "fmt/format.h"
#include "re2/re2.h"

#include "rules/promql/evaluator.h"
#include "rules/promql/parser.h"
#include "rules/promqltest/compare.h"
#include "rules/promqltest/memory_store.h"
#include "rules/promqltest/script.h"
#include "rules/promqltest/unsupported.h"

namespace rootnote::promqltest {
namespace {

using promql::Annotations;
using promql::EvalOptions;
using promql::Expr;
using promql::ExprKind;
using promql::Matrix;
using promql::Value;
using promql::Vector;

// What a file may hold in memory.
constexpr size_t kPointsMax = 5'000'000;

// Functions whose value moves with the time of the query though every selector is fixed by `@`.
constexpr std::string_view kTimeFunctions[] = {
    "days_in_month", "day_of_month", "day_of_week", "day_of_year",    "end",
    "hour",          "minute",       "month",       "predict_linear", "range",
    "start",         "step",         "timestamp",   "time",           "year"};

bool MovesWithTime(const Expr& expr) {
  if (expr.kind == ExprKind::kCall &&
      std::find(std::begin(kTimeFunctions), std::end(kTimeFunctions), expr.text) !=
          std::end(kTimeFunctions)) {
    return true;
  }
  return std::any_of(expr.args.begin(), expr.args.end(),
                     [](const auto& arg) { return MovesWithTime(*arg); });
}

// Gives every selector and subquery the time `at`, but for what has one or stands in a subquery.
void FixTime(Expr& expr, EventTime at) {
  if (expr.kind == ExprKind::kSelector || expr.kind == ExprKind::kSubquery) {
    const promql::AtModifier fixed{promql::AtModifier::Kind::kTime, at};
    if (!expr.at || expr.at->kind != promql::AtModifier::Kind::kTime) expr.at = fixed;
    return;
  }
  for (const std::unique_ptr<Expr>& arg : expr.args) FixTime(*arg, at);
}

// Whether a subquery reads something at `@ start()` or `@ end()`: FixTime does not reach it.
bool FollowsTheQuery(const Expr& expr, bool inside = false) {
  if (inside && expr.at && expr.at->kind != promql::AtModifier::Kind::kTime) return true;
  inside = inside || expr.kind == ExprKind::kSubquery;
  return std::any_of(expr.args.begin(), expr.args.end(),
                     [inside](const auto& arg) { return FollowsTheQuery(*arg, inside); });
}

// `start()`, `end()`, `range()` and `step()` mean another thing in a range query.
bool NamesTheQuery(const std::string& expr) {
  static const re2::RE2 names("(start|end|range|step)\\(\\)");
  return re2::RE2::PartialMatch(expr, names);
}

// Series that could not be loaded: what reads them is skipped.
struct LostSeries {
  Labels labels;
  std::string reason;
};

Labels WithoutSuffix(const Labels& labels) {
  std::string_view name = labels.metric();
  for (const std::string_view suffix : {"_bucket", "_count", "_sum"}) {
    if (name.size() > suffix.size() && name.substr(name.size() - suffix.size()) == suffix) {
      name.remove_suffix(suffix.size());
      break;
    }
  }
  return labels.With("le", "").With(kMetricName, name);
}

class Runner {
 public:
  explicit Runner(const RunOptions& options) : options_(options) {}

  std::vector<CaseResult> Run(std::string_view text) {
    for (const Command& command : ParseScript(text)) {
      std::visit([this](const auto& one) { Do(one); }, command);
    }
    return std::move(results_);
  }

 private:
  void Do(const ClearCommand& /*clear*/) {
    store_.Clear();
    lost_.clear();
    points_ = 0;
  }

  void Do(const WrongCommand& wrong) {
    results_.push_back({wrong.line, wrong.text, Outcome::kFailed, wrong.message, "", ""});
  }

  void Do(const LoadCommand& load) {
    for (const SeriesLine& series : load.series) points_ += series.values.size();
    if (points_ > kPointsMax) {
      results_.push_back(
          {load.line, "load", Outcome::kFailed,
           fmt::format("more than {} samples at a time; `clear` forgets them", kPointsMax), "",
           ""});
      return;
    }
    for (size_t i = 0; i < load.series.size(); ++i) {
      const SeriesLine& series = load.series[i];
      // Of a series that is there twice the last line counts.
      const bool again =
          std::any_of(load.series.begin() + static_cast<std::ptrdiff_t>(i) + 1, load.series.end(),
                      [&](const SeriesLine& later) { return later.labels == series.labels; });
      if (!again) LoadOne(load, series);
    }
  }

  void LoadOne(const LoadCommand& load, const SeriesLine& series) {
    if (load.with_nhcb) {
      lost_.push_back(
          {WithoutSuffix(series.labels), "load_with_nhcb (native histograms with custom buckets)"});
    }
    if (series.histograms) lost_.push_back({series.labels, "native histograms"});
    if (load.start_times) lost_.push_back({series.labels, "start times (@st)"});
    EventTime time;
    for (const std::optional<double>& value : series.values) {
      if (value) store_.Add(series.labels, {time, *value});
      time += load.step;
    }
  }

  void Do(const EvalCommand& eval) {
    result_ = {eval.line, eval.text, Outcome::kPassed, "", ExpectedText(eval), ""};
    Check(eval);
    results_.push_back(std::move(result_));
  }

  void Skip(std::string reason) {
    result_.outcome = Outcome::kSkipped;
    result_.message = "needs " + std::move(reason);
  }

  bool Fail(std::string message) {
    result_.outcome = Outcome::kFailed;
    result_.message = std::move(message);
    return false;
  }

  // Why this cannot be run at all; "" when it can.
  std::string Missing(const EvalCommand& eval, const Expr& expr) const {
    if (std::string what = NotExecuted(expr); !what.empty()) return what;
    if (std::any_of(eval.series.begin(), eval.series.end(),
                    [](const SeriesLine& line) { return line.histograms; })) {
      return "native histograms";
    }
    for (const Expr* selector : Selectors(expr)) {
      for (const LostSeries& lost : lost_) {
        if (Selects(*selector, lost.labels)) {
          return fmt::format("{}, loaded as {}", lost.reason, lost.labels.ToString());
        }
      }
    }
    return "";
  }

  void Check(const EvalCommand& eval) {
    Diagnostics diagnostics;
    const std::unique_ptr<Expr> expr = Parse(eval, diagnostics);
    if (!expr) {
      if (std::string what = UnsupportedIn(eval.expr); !what.empty()) return Skip(std::move(what));
      CheckFailure(eval, diagnostics.list().empty() ? "" : diagnostics.list().front().message);
      return;
    }
    if (std::string what = Missing(eval, *expr); !what.empty()) return Skip(std::move(what));
    if (eval.is_range) {
      CheckRange(eval, *expr);
    } else if (CheckInstant(eval, *expr, eval.at) && options_.cross_check) {
      CheckFixed(eval);
    }
  }

  static std::unique_ptr<Expr> Parse(const EvalCommand& eval, Diagnostics& diagnostics) {
    std::unique_ptr<Expr> expr =
        promql::ParseText(eval.expr, diagnostics, {.extensions = false, .unicode_names = true});
    return diagnostics.has_errors() ? nullptr : std::move(expr);
  }

  // An evaluation that failed: whether it should have, and with these words. Returns whether that
  // is in order.
  bool CheckFailure(const EvalCommand& eval, const std::string& message) {
    result_.got = " failure: " + message;
    for (const Expectation& one : eval.expectations) {
      if (one.kind != ExpectKind::kFail) continue;
      if (one.Matches(message)) return true;
      return Fail(fmt::format("failed with other words: {}", message));
    }
    return Fail("failed: " + message);
  }

  bool CheckStatus(const EvalCommand& eval, const absl::Status& status) {
    if (status.code() == absl::StatusCode::kUnimplemented) {
      Skip(std::string(status.message()));
      return false;
    }
    return CheckFailure(eval, std::string(status.message()));
  }

  EvalOptions OptionsAt(const EvalCommand& eval, EventTime at, Annotations& annotations) const {
    EvalOptions options;
    options.default_step = Millis(60'000);
    options.start = options.end = at;
    options.annotations = &annotations;
    options.delayed_name_removal = options_.delayed_name_removal;
    options.text = eval.expr;
    return options;
  }

  void CheckRange(const EvalCommand& eval, const Expr& expr) {
    Annotations annotations;
    const absl::StatusOr<Matrix> got = EvaluateRange(expr, eval.start, eval.end, eval.step, store_,
                                                     OptionsAt(eval, eval.start, annotations));
    if (!got.ok()) {
      CheckStatus(eval, got.status());
      return;
    }
    result_.got = ValueText(*got);
    if (eval.Has(ExpectKind::kFail)) {
      Fail("was expected to fail");
      return;
    }
    std::string wrong = CompareAnnotations(eval, annotations);
    if (wrong.empty()) wrong = CompareRange(eval, *got);
    if (!wrong.empty()) Fail(std::move(wrong));
  }

  // Returns whether the cross-checks still make sense.
  bool CheckInstant(const EvalCommand& eval, const Expr& expr, EventTime at) {
    Annotations annotations;
    const absl::StatusOr<Value> got = Evaluate(expr, at, store_, OptionsAt(eval, at, annotations));
    if (!got.ok()) return CheckStatus(eval, got.status());
    result_.got = ValueText(*got);
    if (eval.Has(ExpectKind::kFail)) return Fail("was expected to fail");
    std::string wrong = CompareAnnotations(eval, annotations);
    if (wrong.empty()) wrong = CompareInstant(eval, *got);
    if (!wrong.empty()) return Fail(std::move(wrong));
    return !options_.cross_check ||
           CheckAsRange(eval, expr, at, std::holds_alternative<double>(*got));
  }

  // The same query in the middle of a range of three.
  bool CheckAsRange(const EvalCommand& eval, const Expr& expr, EventTime at, bool scalar) {
    const bool no_range = expr.type == promql::ValueType::kMatrix ||
                          expr.type == promql::ValueType::kString || eval.range_vector ||
                          eval.string || NamesTheQuery(eval.expr);
    if (no_range) return true;
    Annotations annotations;
    const absl::StatusOr<Matrix> range =
        EvaluateRange(expr, at - 1min, at + 1min, 1min, store_, OptionsAt(eval, at, annotations));
    if (!range.ok()) {
      return Fail(
          fmt::format("as a range query: failed: {}", std::string(range.status().message())));
    }
    if (eval.Has(ExpectKind::kOrdered)) return true;
    Vector middle;
    for (const promql::Series& series : *range) {
      for (const promql::Point& point : series.points) {
        if (point.time == at) middle.push_back({series.labels, point.value});
      }
    }
    Value value = middle;
    if (scalar && middle.size() == 1) value = middle.front().value;
    std::string wrong = CompareInstant(eval, value);
    return wrong.empty() ? true : Fail("as a range query: " + std::move(wrong));
  }

  // The same query at other times, with the time of what it reads fixed.
  void CheckFixed(const EvalCommand& eval) {
    Diagnostics diagnostics;
    const std::unique_ptr<Expr> expr = Parse(eval, diagnostics);
    if (MovesWithTime(*expr) || FollowsTheQuery(*expr)) return;
    FixTime(*expr, eval.at);
    const int64_t at = ToMillis(eval.at);
    std::vector<int64_t> others{-10 * at, 0, at / 5, at, 10 * at};
    if (at == 0) others = {-1000, 0, 1000};
    for (const int64_t other : others) {
      if (!CheckInstant(eval, *expr, FromMillis(other))) {
        result_.message +=
            fmt::format(" (evaluated at {} s with `@ {}`)", static_cast<double>(other) / 1000,
                        static_cast<double>(at) / 1000);
        return;
      }
    }
  }

  const RunOptions options_;
  MemoryStore store_;
  size_t points_ = 0;  // of all loads since the last `clear`
  std::vector<LostSeries> lost_;
  CaseResult result_;
  std::vector<CaseResult> results_;
};

}  // namespace

std::vector<CaseResult> RunScript(std::string_view text, const RunOptions& options) {
  return Runner(options).Run(text);
}

}  // namespace rootnote::promqltest
