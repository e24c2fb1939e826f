#include <algorithm>
#include <map>

#include "fmt/format.h"

#include "engine/cli/scenario.h"
#include "engine/cli/terminal.h"

namespace rootnote {
namespace {

using Pattern = TestExpectation::Pattern;

bool Contains(const std::vector<std::string>& list, std::string_view item) {
  return std::find(list.begin(), list.end(), item) != list.end();
}

// `by` names some relations of the path, in order from the root.
bool IsSubsequence(const std::vector<std::string>& by, const std::vector<std::string>& path) {
  size_t next = 0;
  for (const std::string& relation : path) {
    if (next < by.size() && by[next] == relation) ++next;
  }
  return next == by.size();
}

bool HasImpact(const Incident& incident, const Pattern::Impact& wanted) {
  for (const Incident::Impact& impact : incident.impact) {
    if (impact.entity != wanted.entity) continue;
    if (wanted.potential && *wanted.potential != impact.potential) continue;
    if (IsSubsequence(wanted.by, impact.relations)) return true;
  }
  return false;
}

// `wanted` is an entity, a word or a fault, optionally followed by the reason.
bool RulesOut(const Incident& incident, std::string_view wanted) {
  const size_t space = wanted.find(' ');
  const std::string_view what = wanted.substr(0, space);
  const std::string_view reason =
      space == std::string_view::npos ? std::string_view() : wanted.substr(space + 1);
  return std::any_of(incident.ruled_out.begin(), incident.ruled_out.end(),
                     [&](const Incident::RuledOut& ruled) {
                       return (ruled.what == what || ruled.fault == what) &&
                              (reason.empty() || ruled.reason == reason);
                     });
}

// "" when the incident is as the pattern says, else the first difference.
std::string Difference(const Incident& incident, const Pattern& pattern) {
  const std::string root = incident.root.empty() ? "" : incident.root[0].entity;
  const std::string fault = incident.root.empty() ? "" : incident.root[0].fault;
  if (!pattern.root.empty() && root != pattern.root) return fmt::format("root {}", root);
  if (!pattern.fault.empty() && fault != pattern.fault) return fmt::format("fault {}", fault);
  for (const Pattern::Impact& impact : pattern.impact) {
    if (!HasImpact(incident, impact)) return fmt::format("no such impact {}", impact.entity);
  }
  for (const std::string& entity : pattern.not_impact) {
    if (HasImpact(incident, {.entity = entity})) return fmt::format("impact {}", entity);
  }
  for (const std::string& cause : pattern.causes) {
    if (incident.root.empty() || !Contains(incident.root[0].causes, cause)) {
      return fmt::format("{} is no cause", cause);
    }
  }
  for (const std::string& ruled : pattern.ruled_out) {
    if (!RulesOut(incident, ruled)) return fmt::format("{} is not ruled out", ruled);
  }
  if (!pattern.severity.empty() && Name(incident.severity) != pattern.severity) {
    return fmt::format("severity {}", Name(incident.severity));
  }
  if (!pattern.status.empty() && Name(incident.status) != pattern.status) {
    return fmt::format("status {}", Name(incident.status));
  }
  if (!pattern.maintenance.empty() && incident.maintenance_name != pattern.maintenance) {
    return fmt::format("maintenance \"{}\"", incident.maintenance_name);
  }
  if (pattern.reason && incident.reason != *pattern.reason) {
    return fmt::format("reason {}", incident.reason);
  }
  return "";
}

std::string Describe(const Incident& incident) {
  return fmt::format(
      "{} {} root {} fault {} impact {} actual {} potential, {}", incident.id,
      Name(incident.status), incident.root.empty() ? "none" : incident.root[0].entity,
      incident.root.empty() ? "none" : incident.root[0].fault, incident.blast_radius.actual,
      incident.blast_radius.potential, Name(incident.severity));
}

std::string Describe(const Pattern& pattern) {
  std::string text = "{";
  const auto add = [&](std::string_view word, const std::string& value) {
    if (!value.empty()) text += fmt::format(" {} {}", word, value);
  };
  add("root", pattern.root);
  add("fault", pattern.fault);
  for (const Pattern::Impact& impact : pattern.impact) {
    add("impact", impact.entity);
    if (!impact.by.empty()) text += fmt::format(" by {}", fmt::join(impact.by, ", "));
    if (impact.potential) text += *impact.potential ? " potential" : " actual";
  }
  for (const std::string& entity : pattern.not_impact) add("not impact", entity);
  for (const std::string& cause : pattern.causes) add("causes", cause);
  for (const std::string& ruled : pattern.ruled_out) add("ruled out", ruled);
  add("severity", pattern.severity);
  add("status", pattern.status);
  add("maintenance", pattern.maintenance);
  add("reason", pattern.reason.value_or(""));
  return text + " }";
}

// What an imported alert says, for tables: `; summary: h1 is down`.
std::string AlertWords(const Transition& transition) {
  if (transition.alert == nullptr) return "";
  std::string text;
  for (const auto& [name, said] : transition.alert->annotations) {
    text += fmt::format("; {}: {}", name, said);
  }
  return text;
}

// The latest revision of each incident as of `at`, by id.
std::map<std::string, Incident> AsOf(const std::vector<Incident>& revisions, EventTime at) {
  std::map<std::string, Incident> latest;
  for (const Incident& incident : revisions) {
    if (incident.updated_at <= at) latest[incident.id] = incident;
  }
  return latest;
}

// Where several incidents are expected, `more` names all of them, the first included.
std::vector<Pattern> PatternsOf(const TestExpectation& expectation) {
  return expectation.more.empty() ? std::vector<Pattern>{expectation.pattern} : expectation.more;
}

// Each pattern takes an incident of its own: tried in all orders, since there are few.
bool Assign(const std::vector<Pattern>& patterns, const std::vector<Incident>& incidents,
            size_t next, std::vector<bool>& taken) {
  if (next == patterns.size()) return true;
  for (size_t i = 0; i < incidents.size(); ++i) {
    if (taken[i] || !Difference(incidents[i], patterns[next]).empty()) continue;
    taken[i] = true;
    if (Assign(patterns, incidents, next + 1, taken)) return true;
    taken[i] = false;
  }
  return false;
}

void JudgeIncidents(const TestExpectation& expectation, EventTime at,
                    const std::vector<Incident>& revisions, Expected& result) {
  const std::vector<Pattern> patterns = PatternsOf(expectation);
  const bool none = expectation.what == TestExpectation::What::kNoIncident;
  std::vector<Incident> present;
  for (const auto& [id, incident] : AsOf(revisions, at)) {
    const bool open = incident.status == IncidentStatus::kOpen;
    // Incidents that ended count only where the test speaks of their status.
    const bool asked = !patterns[0].status.empty();
    if (open || (asked && Name(incident.status) == patterns[0].status)) present.push_back(incident);
  }
  std::vector<bool> taken(present.size());
  const size_t count = none ? 0 : expectation.count;
  result.holds = present.size() == count && (none || Assign(patterns, present, 0, taken));
  result.expected = none ? "no incident" : fmt::format("{} incident(s)", count);
  if (!none) {
    for (const Pattern& pattern : patterns) result.expected += " " + Describe(pattern);
  }
  result.got = present.empty() ? "no incident" : "";
  for (const Incident& incident : present) {
    if (!result.got.empty()) result.got += "; ";
    result.got += Describe(incident);
    const std::string difference = Difference(incident, patterns[0]);
    if (!none && !difference.empty()) result.got += fmt::format(" ({})", difference);
  }
}

void JudgeNever(const TestExpectation& expectation, const std::vector<Incident>& revisions,
                Expected& result) {
  result.holds = true;
  result.expected = "never an incident " + Describe(expectation.pattern);
  result.got = "none";
  for (const Incident& incident : revisions) {
    if (!Difference(incident, expectation.pattern).empty()) continue;
    result.holds = false;
    result.got = fmt::format("{}: {}", FormatRfc3339(incident.updated_at), Describe(incident));
    return;
  }
}

void JudgeSignal(const Program& program, const TestExpectation& expectation, EventTime at,
                 const std::vector<Transition>& transitions, Expected& result) {
  SignalState state = SignalState::kInactive;
  for (const Transition& transition : transitions) {
    if (transition.time <= at && transition.entity == expectation.entity &&
        program.signal(transition.signal).name == expectation.signal) {
      state = transition.to;
    }
  }
  result.holds = Name(state) == expectation.state;
  result.expected =
      fmt::format("signal {} on {} {}", expectation.signal, expectation.entity, expectation.state);
  result.got = std::string(Name(state));
}

}  // namespace

std::vector<Expected> Judge(const Program& program, const Test& test,
                            const std::vector<Incident>& revisions,
                            const std::vector<Transition>& transitions) {
  std::vector<Expected> results;
  for (const TestExpectation& expectation : test.expectations) {
    Expected result{.place = expectation.place};
    const EventTime at = ScenarioStart(test) + expectation.at;
    if (expectation.when == TestExpectation::When::kNever) {
      JudgeNever(expectation, revisions, result);
    } else if (expectation.what == TestExpectation::What::kSignal) {
      JudgeSignal(program, expectation, at, transitions, result);
    } else {
      JudgeIncidents(expectation, at, revisions, result);
    }
    results.push_back(std::move(result));
  }
  return results;
}

std::string Timeline(const Program& program, const Test& test, const ScenarioOutcome& outcome) {
  struct Line {
    EventTime time;
    std::string what, subject, detail;
  };
  std::vector<Line> lines;
  for (const Transition& t : outcome.transitions) {
    lines.push_back({t.time, std::string(Name(t.to)),
                     fmt::format("{} on {}", program.signal(t.signal).name, t.entity),
                     fmt::format("value {}{}", t.value, AlertWords(t))});
  }
  for (const Incident& incident : outcome.revisions) {
    lines.push_back({incident.updated_at, fmt::format("incident {}", Name(incident.state)),
                     Describe(incident), incident.reason});
  }
  std::stable_sort(lines.begin(), lines.end(),
                   [](const Line& a, const Line& b) { return a.time < b.time; });
  constexpr size_t kLinesMax = 60;
  Table table;
  for (size_t i = 0; i < std::min(lines.size(), kLinesMax); ++i) {
    table.Row({FormatDuration(lines[i].time - ScenarioStart(test)), lines[i].what, lines[i].subject,
               lines[i].detail});
  }
  std::string text = table.Text("      ");
  if (lines.size() > kLinesMax) text += fmt::format("      … {} more\n", lines.size() - kLinesMax);
  return text;
}

}  // namespace rootnote
