#include "rules/seen_metrics.h"

#include <algorithm>
#include <optional>
#include <set>

#include "fmt/core.h"

#include "rules/diagnostic_codes.h"
#include "rules/prometheus/dependencies.h"
#include "rules/promql/ast.h"
#include "rules/unquote.h"

namespace rootnote {
namespace {

std::string_view Trimmed(std::string_view text) {
  constexpr std::string_view kSpace = " \t\r";
  const size_t begin = text.find_first_not_of(kSpace);
  if (begin == std::string_view::npos) return "";
  return text.substr(begin, text.find_last_not_of(kSpace) + 1 - begin);
}

// `name 1`, `name{…} 1`, `{"name", …} 1`, `name`; nothing for comments and empty lines.
std::optional<std::string> NameIn(std::string_view line) {
  line = Trimmed(line);
  if (line.empty() || line.front() == '#') return std::nullopt;
  if (line.front() == '{') line = Trimmed(line.substr(1));
  if (line.empty()) return std::nullopt;
  if (line.front() == '"') {
    size_t end = 1;
    while (end < line.size() && line[end] != '"') end += line[end] == '\\' ? 2 : 1;
    if (end >= line.size()) return std::nullopt;
    UnquoteError error;
    return Unquote(line.substr(0, end + 1), error);
  }
  const std::string_view name = line.substr(0, line.find_first_of("{ \t,"));
  if (name.empty()) return std::nullopt;
  return std::string(name);
}

class SeenChecker {
 public:
  SeenChecker(const Program& program, const std::vector<std::string>& seen,
              Diagnostics& diagnostics)
      : program_(program), seen_(seen), diagnostics_(diagnostics) {}

  // Names that need not be seen, since rules record them.
  void Record(const std::string& name) { recorded_.insert(name); }

  void CheckImported(const ImportedGroup& group) {
    for (const prometheus::Rule& rule : group.group->rules) {
      for (const promql::Expr* selector : prometheus::ReadBy(rule)) {
        if (!selector->text.empty()) CheckName(selector->text, group.place.source, rule.span);
      }
    }
  }

  void Check(const Signal& signal, const Condition& condition) {
    if (const auto* expr = std::get_if<ExprPtr>(&condition.what); expr != nullptr && *expr) {
      for (const promql::Expr* selector : promql::Selectors(**expr)) {
        if (!selector->text.empty()) CheckName(selector->text, signal.place.source, selector->span);
      }
    } else if (const auto* missing = std::get_if<MissingCondition>(&condition.what)) {
      CheckName(missing->metric, signal.place.source, SpanOf(signal, missing->metric));
    } else if (const auto* pattern = std::get_if<PatternCondition>(&condition.what)) {
      for (const PatternElement& element : pattern->elements) {
        for (const PatternStep& step : element.steps) {
          if (!step.signal) CheckName(step.name, signal.place.source, SpanOf(signal, step.name));
        }
      }
    }
  }

 private:
  // Where the declaration names it.
  Span SpanOf(const Signal& signal, const std::string& name) const {
    const Span whole = signal.place.span;
    if (signal.place.source >= program_.sources.size()) return whole;
    const size_t at = program_.sources[signal.place.source].Text(whole).find(name);
    if (at == std::string_view::npos) return whole;
    const uint32_t begin = whole.begin + static_cast<uint32_t>(at);
    return {begin, begin + static_cast<uint32_t>(name.size())};
  }

  void CheckName(const std::string& name, uint32_t source, Span span) {
    if (std::binary_search(seen_.begin(), seen_.end(), name) || recorded_.contains(name)) return;
    const std::string near = DidYouMean(name, seen_);
    diagnostics_.Warning(DiagnosticCode::kMetricNeverSeen, source, span,
                         fmt::format("no metric or event `{}` has been seen", name),
                         near.empty() ? "is it sent under another name, or not yet?"
                                      : fmt::format("did you mean `{}`?", near));
  }

  const Program& program_;
  const std::vector<std::string>& seen_;
  Diagnostics& diagnostics_;
  std::set<std::string> recorded_;
};

}  // namespace

std::vector<std::string> ReadMetricNames(std::string_view text) {
  std::vector<std::string> names;
  while (!text.empty()) {
    const size_t end = std::min(text.find('\n'), text.size());
    if (std::optional<std::string> name = NameIn(text.substr(0, end))) {
      names.push_back(*std::move(name));
    }
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  std::sort(names.begin(), names.end());
  names.erase(std::unique(names.begin(), names.end()), names.end());
  return names;
}

void CheckMetricsSeen(const Program& program, const std::vector<std::string>& seen,
                      Diagnostics& diagnostics) {
  SeenChecker checker(program, seen, diagnostics);
  for (const ImportedGroup& group : program.groups) {
    for (const prometheus::Rule& rule : group.group->rules) {
      if (!rule.alerting) checker.Record(rule.name);
    }
    checker.Record(prometheus::kAlertsMetric);
    checker.Record(prometheus::kAlertsForStateMetric);
  }
  for (const ImportedGroup& group : program.groups) checker.CheckImported(group);
  for (const Signal& signal : program.signals) {
    if (signal.imported) continue;
    checker.Check(signal, signal.when);
    if (signal.clear) checker.Check(signal, *signal.clear);
  }
}

}  // namespace rootnote
