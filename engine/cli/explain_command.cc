#include <algorithm>
#include <fstream>
#include <iostream>
#include <iterator>
#include <sstream>
#include <utility>

#include "fmt/format.h"

#include "connectors/file/source.h"
#include "connectors/memory/memory.h"
#include "engine/cli/commands.h"
#include "engine/cli/exit_code.h"
#include "engine/cli/explanation.h"
#include "engine/cli/incident_graph.h"
#include "engine/cli/replay.h"
#include "engine/cli/terminal.h"
#include "rules/diagnostic.h"
#include "schemas/incident_encoder.h"
#include "schemas/projection.h"

namespace rootnote {
namespace {

absl::StatusOr<std::string> ReadAll(const std::string& path) {
  std::ostringstream text;
  if (path == "-") {
    text << std::cin.rdbuf();
    return text.str();
  }
  std::ifstream file(path, std::ios::binary);
  text << file.rdbuf();
  if (!file)
    return absl::NotFoundError(fmt::format("{}: cannot be read; is the path right?", path));
  return text.str();
}

// The last record of the file: of several revisions the newest.
std::string LastLine(const std::string& text) {
  const size_t end = text.find_last_not_of(" \r\n");
  if (end == std::string::npos) return "";
  const size_t begin = text.rfind('\n', end);
  return text.substr(begin == std::string::npos ? 0 : begin + 1,
                     end - (begin == std::string::npos ? 0 : begin + 1) + 1);
}

// Of one signal on one entity, as far as a record or the findings of a daemon tell.
int ExplainSymptom(const ExplainArguments& arguments, const std::string& text,
                   const absl::StatusOr<Incident>& incident, const Terminal& out) {
  if (arguments.signal.empty() || arguments.entity.empty()) {
    return PrintFailure(absl::OutOfRangeError("--signal and --entity belong together"));
  }
  if (!incident.ok()) {
    absl::StatusOr<std::string> answer = FindingText(text, arguments.signal, arguments.entity);
    if (!answer.ok()) return PrintFailure(answer.status());
    out.Print(*answer);
    return kExitOk;
  }
  const std::string answer = SymptomText(*incident, arguments.signal, arguments.entity);
  out.Print(!answer.empty() ? answer
                            : fmt::format("{} on {} is not part of {}; --rules and --input, or the "
                                          "answer of /api/v1/findings, tell what became of it\n",
                                          arguments.signal, arguments.entity, incident->id));
  return kExitOk;
}

std::string Explained(const ExplainArguments& arguments, const Incident& incident,
                      const Terminal& out) {
  if (!arguments.why_not.empty()) {
    const WhyNot why = WhyNotOf(incident, arguments.why_not);
    return arguments.format == "json" ? WhyNotJson(incident, why) : WhyNotText(incident, why, out);
  }
  if (arguments.format == "json") return ExplanationJson(incident);
  if (arguments.format == "dot") return GraphDot(incident, GraphOf(incident));
  if (arguments.format == "mermaid") return GraphMermaid(incident, GraphOf(incident));
  return ExplanationText(incident, out);
}

// One record over several lines, as a person lays it out, is read as well.
absl::StatusOr<Incident> ReadIncident(const std::string& text) {
  absl::StatusOr<Incident> last = DecodeIncident(LastLine(text));
  if (last.ok()) return last;
  absl::StatusOr<Incident> whole = DecodeIncident(text);
  return whole.ok() ? std::move(whole) : std::move(last);
}

int ExplainIncident(const ExplainArguments& arguments) {
  const Terminal out(stdout);
  const bool drawn = arguments.format == "dot" || arguments.format == "mermaid";
  if (drawn && !arguments.why_not.empty()) {
    return PrintFailure(absl::OutOfRangeError("--why-not is told as text or json, not drawn"));
  }
  const absl::StatusOr<std::string> text = ReadAll(arguments.incident);
  if (!text.ok()) return PrintFailure(text.status());
  const absl::StatusOr<Incident> incident = ReadIncident(*text);
  if (!arguments.signal.empty() || !arguments.entity.empty()) {
    return ExplainSymptom(arguments, *text, incident, out);
  }
  if (!incident.ok()) return PrintFailure(incident.status());
  if (!arguments.projection.empty()) {
    const absl::StatusOr<Projection> projection = Projection::BuiltIn(arguments.projection);
    if (!projection.ok()) return PrintFailure(projection.status());
    out.Print(projection->Apply(EncodeIncident(*incident)) + "\n");
    return kExitOk;
  }
  out.Print(Explained(arguments, *incident, out));
  return kExitOk;
}

absl::Status CheckSignal(const Program& program, const std::string& signal) {
  if (program.FindSignal(signal)) return absl::OkStatus();
  std::vector<std::string> names;
  for (const Signal& known : program.signals) names.push_back(known.name);
  const std::string near = DidYouMean(signal, names);
  return absl::OutOfRangeError(
      fmt::format("no signal \"{}\" in the rules{}", signal,
                  near.empty() ? "" : fmt::format("; did you mean {}?", near)));
}

// What `signal` did on `entity` up to `at`, the last change of it.
struct LastChange {
  SignalState state = SignalState::kInactive;
  EventTime time = kMinTime;
  double value = 0;
};

std::string Answer(const ExplainArguments& arguments, const EngineView& view,
                   const LastChange& last) {
  const std::string subject = fmt::format("{} on {}", arguments.signal, arguments.entity);
  for (const Finding& finding : view.findings) {
    if (finding.signal != arguments.signal || finding.entity != arguments.entity) continue;
    std::string text = fmt::format("{} is {}: {}", subject, Name(finding.state), finding.verdict);
    if (!finding.incident_id.empty()) text += fmt::format(" by {}", finding.incident_id);
    if (!finding.detail.empty()) text += fmt::format(" ({})", finding.detail);
    return text + "\n";
  }
  if (last.time == kMinTime) {
    return fmt::format(
        "{} was never pending: its condition was not true for this entity, or no "
        "series names it\n",
        subject);
  }
  return fmt::format("{} is inactive: it was last {} until {} (value {:.4g})\n", subject,
                     Name(last.state), FormatRfc3339(last.time), last.value);
}

int ExplainSignal(const ExplainArguments& arguments) {
  ReplayArguments replay = arguments.replay;
  absl::StatusOr<ReplaySetup> setup = PrepareReplay(replay);
  if (!setup.ok()) return PrintFailure(setup.status());
  const absl::Status known = CheckSignal(*setup->program, arguments.signal);
  if (!known.ok()) return PrintFailure(known);
  EventTime at = kMaxTime;
  if (!arguments.at.empty()) {
    const std::optional<EventTime> time = ParseRfc3339(arguments.at);
    if (!time) {
      return PrintFailure(absl::OutOfRangeError(
          fmt::format("--at {}: not a time such as 2026-11-22T07:00:00Z", arguments.at)));
    }
    at = *time;
  }
  setup->options.stop_at = at;
  absl::StatusOr<std::unique_ptr<Source>> source = OpenFileSource({.inputs = setup->files});
  if (!source.ok()) return PrintFailure(source.status());
  MemorySink sink;
  Metrics metrics;
  Pipeline pipeline(setup->program, **source, sink, metrics, setup->options);
  LastChange last;
  pipeline.OnTransition([&](const Transition& transition, const Program& program) {
    if (transition.entity != arguments.entity || transition.time > at ||
        program.signal(transition.signal).name != arguments.signal) {
      return;
    }
    last = {transition.from, transition.time, transition.value};
  });
  const absl::Status status = pipeline.Run();
  (*source)->Close();
  if (!status.ok()) return PrintFailure(status);
  Terminal(stdout).Print(Answer(arguments, *pipeline.View(), last));
  return kExitOk;
}

}  // namespace

int RunExplain(const ExplainArguments& given) {
  ExplainArguments arguments = given;
  constexpr std::string_view kForms[] = {"text", "json", "dot", "mermaid"};
  if (std::find(std::begin(kForms), std::end(kForms), given.format) == std::end(kForms)) {
    if (!given.incident.empty()) {
      return PrintFailure(absl::OutOfRangeError(
          fmt::format("--format {}: not one of text, json, dot, mermaid", given.format)));
    }
    arguments.replay.format = std::exchange(arguments.format, "text");
  }
  if (!arguments.incident.empty()) return ExplainIncident(arguments);
  if (!arguments.signal.empty() && !arguments.entity.empty() && !arguments.replay.input.empty()) {
    return ExplainSignal(arguments);
  }
  PrintFailure(absl::InvalidArgumentError(
      "explain needs an incident record, or --signal, --entity, --rules and --input"));
  return kExitUsage;
}

}  // namespace rootnote
