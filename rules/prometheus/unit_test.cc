#include "rules/prometheus/unit_test.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <memory>
#include <set>
#include <utility>
#include <variant>

#include "fmt/format.h"

#include "rules/prometheus/group.h"
#include "rules/prometheus/memory_series.h"
#include "rules/prometheus/template_value.h"
#include "rules/prometheus/unit_test_file.h"
#include "rules/promql/parser.h"
#include "rules/promqltest/series_line.h"

namespace rootnote::prometheus {
namespace {

using Outcome = UnitTestResult::Outcome;

// What is evaluated is expected to end some day.
constexpr int64_t kInstantsMax = 10'000'000;

struct LoadedRules {
  std::vector<RuleFile> files;
  std::string errors;  // of reading them: every test fails with these
};

std::string Indented(std::string_view text, std::string_view indent) {
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    if (i == 0 || text[i - 1] == '\n') out += indent;
    out += text[i];
  }
  return out;
}

std::string FolderOf(const std::string& path) {
  const size_t slash = path.rfind('/');
  return slash == std::string::npos ? "" : path.substr(0, slash + 1);
}

void LoadOne(const std::string& path, const UnitTestFiles& files, LoadedRules& loaded) {
  absl::StatusOr<std::string> text = files.read(path);
  if (!text.ok()) {
    loaded.errors += fmt::format("{}: {}\n", path, std::string(text.status().message()));
    return;
  }
  const std::vector<RuleSource> sources = {RuleSource(path, *std::move(text))};
  Diagnostics diagnostics;
  std::optional<RuleFile> rules = ParseRuleFile(sources[0], 0, diagnostics);
  if (rules) {
    loaded.files.push_back(*std::move(rules));
    return;
  }
  for (const Diagnostic& diagnostic : diagnostics.list()) {
    if (diagnostic.level == DiagnosticLevel::kError) {
      loaded.errors += FormatDiagnostic(diagnostic, sources);
    }
  }
}

LoadedRules Load(const RuleSource& file, const UnitTestFile& test, const UnitTestFiles& files,
                 std::vector<std::string>& warnings) {
  LoadedRules loaded;
  std::set<std::string> seen;
  for (const std::string& pattern : test.rule_files) {
    const bool relative = !pattern.empty() && pattern[0] != '/';
    const std::string whole = relative ? FolderOf(file.name()) + pattern : pattern;
    const absl::StatusOr<std::vector<std::string>> paths = files.glob(whole);
    if (!paths.ok()) {
      loaded.errors += fmt::format("{}: {}\n", whole, std::string(paths.status().message()));
      continue;
    }
    if (paths->empty()) warnings.push_back(fmt::format("no file match pattern {}", whole));
    for (const std::string& path : *paths) {
      if (seen.insert(path).second) LoadOne(path, files, loaded);
    }
  }
  return loaded;
}

bool UsesHistograms(const UnitTest& test) {
  const auto is_histogram = [](const ExpectedSample& sample) { return !sample.histogram.empty(); };
  const bool loads = std::any_of(test.input.begin(), test.input.end(), [](const auto& series) {
    return series.values.find("{{") != std::string::npos;
  });
  return loads || std::any_of(test.exprs.begin(), test.exprs.end(), [&](const ExprCase& expr) {
           return std::any_of(expr.expected.begin(), expr.expected.end(), is_histogram);
         });
}

struct Loading {
  Labels labels;
  std::vector<std::optional<double>> values;
  size_t next = 0;
};

class TestRun {
 public:
  TestRun(const UnitTest& test, const UnitTestFile& file, const LoadedRules& rules)
      : test_(test), file_(file) {
    GroupOptions options;
    options.default_step = file.interval;
    options.external_labels = test.external_labels;
    options.external_url = test.external_url;
    std::map<std::string, size_t> order;
    for (const std::string& name : file.group_order) order.emplace(name, order.size());
    // What is not in the list has the first one's place, as in promtool.
    std::multimap<size_t, const RuleGroup*> groups;
    for (const RuleFile& loaded : rules.files) {
      for (const RuleGroup& group : loaded.groups) {
        const auto found = order.find(group.name);
        groups.emplace(found == order.end() ? 0 : found->second, &group);
      }
    }
    for (const auto& [place, group] : groups) groups_.emplace_back(*group, options);
  }

  // "" or what failed.
  std::string Run() {
    if (!LoadInput()) return errors_;
    Millis last{0};
    std::map<Millis, std::vector<const AlertCase*>> cases;
    for (const AlertCase& alert : test_.alerts) {
      cases[alert.eval_time].push_back(&alert);
      last = std::max(last, alert.eval_time);
    }
    for (const ExprCase& expr : test_.exprs) last = std::max(last, expr.eval_time);
    if (last / file_.interval > kInstantsMax) return "    too many evaluations\n";
    auto next = cases.begin();
    for (Millis at{0}; at <= last; at += file_.interval) {
      if (!EvaluateAt(at)) return errors_;
      for (; next != cases.end() && next->first < at + file_.interval; ++next) {
        for (const AlertCase* alert : next->second) CheckAlert(*alert);
      }
    }
    for (const ExprCase& expr : test_.exprs) CheckExpr(expr);
    return errors_;
  }

 private:
  bool LoadInput() {
    for (const InputSeries& input : test_.input) {
      absl::StatusOr<promqltest::SeriesLine> line =
          promqltest::ParseSeriesLine(input.series + " " + input.values);
      if (!line.ok()) {
        errors_ += fmt::format("    series: {}\n    {}\n", input.series,
                               std::string(line.status().message()));
        return false;
      }
      // A series that is there twice is what the last one says, as in promtool.
      std::erase_if(loading_, [&](const Loading& other) { return other.labels == line->labels; });
      loading_.push_back({line->labels, std::move(line->values)});
    }
    return true;
  }

  absl::Status LoadUntil(Millis at) {
    for (Loading& loading : loading_) {
      for (; loading.next < loading.values.size(); ++loading.next) {
        const Millis time = static_cast<int64_t>(loading.next) * test_.interval;
        if (time > at) break;
        const std::optional<double> value = loading.values[loading.next];
        if (!value) continue;
        RETURN_IF_ERROR(store_.Append(loading.labels, {test_.start + time, *value}));
      }
    }
    return absl::OkStatus();
  }

  bool EvaluateAt(Millis at) {
    const absl::Status loaded = LoadUntil(at);
    if (!loaded.ok()) {
      errors_ += fmt::format("    {}\n", std::string(loaded.message()));
      return false;
    }
    bool good = true;
    for (GroupEvaluation& group : groups_) {
      group.Evaluate(test_.start + at, store_, store_);
      for (size_t i = 0; i < group.states().size(); ++i) {
        const std::string& error = group.states()[i].error;
        if (error.empty()) continue;
        good = false;
        errors_ += fmt::format("    rule: {}, time: {}, err: {}\n", group.group().rules[i].name,
                               FormatDuration(at), error);
      }
    }
    return good;
  }

  using AlertText = std::pair<Labels, Labels>;  // labels, annotations

  static std::string Show(const std::vector<AlertText>& alerts) {
    if (alerts.empty()) return "[]";
    std::string text;
    for (size_t i = 0; i < alerts.size(); ++i) {
      const std::string number = fmt::format("{}", i);
      text += fmt::format("{}{}: Labels:      {}\n{}  Annotations: {}", i == 0 ? "" : "\n", number,
                          alerts[i].first.ToString(), std::string(number.size(), ' '),
                          alerts[i].second.ToString());
    }
    return text;
  }

  void Failed(const std::string& what, const std::string& expected, const std::string& got) {
    errors_ += fmt::format("    {}\n        exp:\n{}\n        got:\n{}\n", what,
                           Indented(expected, "            "), Indented(got, "            "));
  }

  void CheckAlert(const AlertCase& wanted) {
    std::vector<AlertText> got, expected;
    for (const GroupEvaluation& group : groups_) {
      for (size_t i = 0; i < group.states().size(); ++i) {
        const Rule& rule = group.group().rules[i];
        if (!rule.alerting || rule.name != wanted.alert) continue;
        for (const auto& [labels, alert] : group.states()[i].alerts) {
          if (!alert.active() || alert.state != AlertState::kFiring) continue;
          got.emplace_back(labels, Labels::From(alert.annotations));
        }
      }
    }
    for (const ExpectedAlert& alert : wanted.expected) {
      Texts labels = alert.labels;
      labels.emplace_back("alertname", wanted.alert);
      expected.emplace_back(Labels::From(std::move(labels)), Labels::From(alert.annotations));
    }
    std::sort(got.begin(), got.end());
    std::sort(expected.begin(), expected.end());
    if (got == expected) return;
    Failed(fmt::format("alertname: {}, time: {}", wanted.alert, FormatDuration(wanted.eval_time)),
           Show(expected), Show(got));
  }

  using Sample = std::pair<Labels, double>;

  static std::string Show(const std::vector<Sample>& samples) {
    if (samples.empty()) return "nil";
    size_t width = 0;
    for (const Sample& sample : samples) width = std::max(width, sample.first.ToString().size());
    std::string text;
    for (const Sample& sample : samples) {
      text += fmt::format("{}{:<{}} {}", text.empty() ? "" : "\n", sample.first.ToString(), width,
                          FormatShortest(sample.second));
    }
    return text;
  }

  bool Same(double a, double b) const {
    const double infinity = std::numeric_limits<double>::infinity();
    return a == b ||
           (file_.fuzzy && (std::nextafter(a, -infinity) == b || std::nextafter(a, infinity) == b));
  }

  absl::StatusOr<std::vector<Sample>> Query(const ExprCase& wanted) const {
    Diagnostics diagnostics;
    promql::ParseOptions parse;
    parse.extensions = false;
    const std::unique_ptr<promql::Expr> expr = promql::ParseText(wanted.expr, diagnostics, parse);
    if (expr == nullptr || diagnostics.has_errors()) {
      return absl::InvalidArgumentError(
          diagnostics.list().empty() ? "parse error" : diagnostics.list().front().message);
    }
    promql::EvalOptions options;
    options.default_step = file_.interval;
    const EventTime at = test_.start + wanted.eval_time;
    options.start = options.end = at;
    ASSIGN_OR_RETURN(const promql::Value value, promql::Evaluate(*expr, at, store_, options));
    std::vector<Sample> samples;
    if (const auto* vector = std::get_if<promql::Vector>(&value)) {
      for (const promql::Element& element : *vector) {
        samples.emplace_back(element.labels, element.value);
      }
    } else if (const auto* scalar = std::get_if<double>(&value)) {
      samples.emplace_back(Labels(), *scalar);
    } else {
      return absl::InvalidArgumentError("rule result is not a vector or scalar");
    }
    return samples;
  }

  absl::StatusOr<std::vector<Sample>> Expected(const ExprCase& wanted) const {
    std::vector<Sample> expected;
    for (const ExpectedSample& sample : wanted.expected) {
      const absl::StatusOr<Labels> labels = ParseMetric(sample.labels);
      if (!labels.ok()) {
        return absl::InvalidArgumentError(fmt::format("labels \"{}\": {}", sample.labels,
                                                      std::string(labels.status().message())));
      }
      expected.emplace_back(*labels, sample.value);
    }
    return expected;
  }

  void CheckExpr(const ExprCase& wanted) {
    const std::string what =
        fmt::format("expr: \"{}\", time: {}", wanted.expr, FormatDuration(wanted.eval_time));
    absl::StatusOr<std::vector<Sample>> got = Query(wanted);
    absl::StatusOr<std::vector<Sample>> expected = Expected(wanted);
    const absl::Status status = got.ok() ? expected.status() : got.status();
    if (!status.ok()) {
      errors_ += fmt::format("    {}, err: {}\n", what, std::string(status.message()));
      return;
    }
    const auto by_labels = [](const Sample& a, const Sample& b) { return a.first < b.first; };
    std::stable_sort(got->begin(), got->end(), by_labels);
    std::stable_sort(expected->begin(), expected->end(), by_labels);
    const bool same = std::equal(got->begin(), got->end(), expected->begin(), expected->end(),
                                 [&](const Sample& a, const Sample& b) {
                                   return a.first == b.first && Same(a.second, b.second);
                                 });
    if (!same) Failed(what, Show(*expected), Show(*got));
  }

  const UnitTest& test_;
  const UnitTestFile& file_;
  std::vector<GroupEvaluation> groups_;
  std::vector<Loading> loading_;
  MemorySeries store_;
  std::string errors_;
};

}  // namespace

UnitTestReport RunUnitTests(const RuleSource& file, const UnitTestFiles& files,
                            Diagnostics& diagnostics) {
  UnitTestReport report;
  const std::optional<UnitTestFile> parsed = ParseUnitTestFile(file, 0, diagnostics);
  if (!parsed) return report;
  const LoadedRules rules = Load(file, *parsed, files, report.warnings);
  for (const UnitTest& test : parsed->tests) {
    UnitTestResult result;
    result.name = test.name;
    if (UsesHistograms(test)) {
      result.outcome = Outcome::kSkipped;
      result.message = "native histograms are not supported";
    } else {
      result.message = rules.errors.empty() ? TestRun(test, *parsed, rules).Run()
                                            : Indented(rules.errors, "    ");
      if (!result.message.empty()) result.outcome = Outcome::kFailed;
    }
    report.results.push_back(std::move(result));
  }
  return report;
}

}  // namespace rootnote::prometheus
