#include <algorithm>
#include <cmath>
#include <fstream>
#include <iterator>
#include <map>
#include <set>
#include <thread>

#include "fmt/format.h"
#include "rapidjson/stringbuffer.h"
#include "rapidjson/writer.h"

#include "connectors/file/sink.h"
#include "connectors/file/source.h"
#include "engine/base_rates.h"
#include "engine/cli/commands.h"
#include "engine/cli/config.h"
#include "engine/cli/exit_code.h"
#include "engine/cli/replay.h"
#include "engine/cli/rule_files.h"
#include "engine/cli/terminal.h"
#include "engine/cli/version.h"
#include "schemas/decoder.h"

namespace rootnote {
namespace {

absl::Status WrongFlag(std::string_view flag, std::string_view value, std::string_view wanted) {
  return absl::OutOfRangeError(fmt::format("{} {}: not {}", flag, value, wanted));
}

absl::Status ReadTimes(const ReplayArguments& arguments, PipelineOptions& options) {
  if (!arguments.until.empty()) {
    const std::optional<EventTime> until = ParseRfc3339(arguments.until);
    if (!until) return WrongFlag("--until", arguments.until, "a time such as 2026-11-22T07:00:00Z");
    options.until = *until;
  }
  if (!arguments.topology_from.empty()) {
    const std::optional<EventTime> from = ParseRfc3339(arguments.topology_from);
    if (!from) {
      return WrongFlag("--topology-from", arguments.topology_from,
                       "a time such as 2026-11-22T07:00:00Z");
    }
    options.topology_from = *from;
  }
  return absl::OkStatus();
}

absl::Status AddInputs(const ReplayArguments& arguments, ReplaySetup& setup) {
  if (!arguments.envelope.empty() && arguments.envelope != "kcat") {
    return WrongFlag("--envelope", arguments.envelope, "an envelope; known: kcat");
  }
  const Envelope envelope = arguments.envelope.empty() ? Envelope::kNone : Envelope::kKcat;
  const std::optional<Millis> lateness = ParseDuration(arguments.allowed_lateness);
  if (!lateness) {
    return WrongFlag("--allowed-lateness", arguments.allowed_lateness, "a duration such as 5s");
  }
  if (!MakeDecoder(arguments.format).ok()) {
    return WrongFlag("--format", arguments.format,
                     fmt::format("a format; known: {}", fmt::join(KnownFormats(), ", ")));
  }
  for (const std::string& path : arguments.topology) {
    setup.files.push_back({path, Envelope::kNone});
    setup.options.topics.push_back(
        {.topic = path, .role = TopicRole::kTopology, .format = "rootnote-json"});
  }
  for (const std::string& path : arguments.control) {
    setup.files.push_back({path, Envelope::kNone});
    setup.options.topics.push_back(
        {.topic = path, .role = TopicRole::kControl, .format = "rootnote-json"});
  }
  for (const std::string& path : arguments.input) setup.files.push_back({path, envelope});
  // Whatever is no topology is input: with an envelope its topics are known only from its lines.
  setup.options.topics.push_back(
      {.topic = "^.*", .format = arguments.format, .allowed_lateness = *lateness});
  return absl::OkStatus();
}

// What detection hands to correlation, a line each: what came of it can be compared with others'
// ways.
std::string SignalLine(const Transition& transition, const Program& program) {
  const Signal& signal = program.signal(transition.signal);
  rapidjson::StringBuffer buffer;
  rapidjson::Writer<rapidjson::StringBuffer> writer(buffer);
  const auto text = [&](const char* key, std::string_view value) {
    writer.Key(key);
    writer.String(value.data(), static_cast<rapidjson::SizeType>(value.size()));
  };
  writer.StartObject();
  text("time", FormatRfc3339(transition.time));
  text("signal", signal.name);
  text("entity", transition.entity);
  if (!transition.relation_from.empty()) text("relation_from", transition.relation_from);
  text("family", Name(signal.family));
  text("severity", Name(signal.severity));
  text("from", Name(transition.from));
  text("to", Name(transition.to));
  text("onset", FormatRfc3339(transition.onset));
  if (std::isfinite(transition.value)) {
    writer.Key("value");
    writer.Double(transition.value);
  }
  writer.EndObject();
  return std::string(buffer.GetString(), buffer.GetSize()) + '\n';
}

absl::Status ReadLearned(const std::string& path, PipelineOptions& options) {
  if (path == "none") return absl::OkStatus();
  std::ifstream file(path, std::ios::binary);
  const std::string text{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
  if (!file.is_open() || file.bad()) {
    return absl::NotFoundError(fmt::format("{}: cannot be read", path));
  }
  absl::StatusOr<BaseRates> rates = BaseRates::Parse(text);
  if (!rates.ok()) {
    return absl::InvalidArgumentError(
        fmt::format("{}: {}", path, std::string(rates.status().message())));
  }
  options.incidents.correlator.rates = std::make_shared<const BaseRates>(*std::move(rates));
  return absl::OkStatus();
}

// Learns how often signals fire while no incident that affects somebody holds them.
class Learning {
 public:
  void OnIncident(const Incident& incident) {
    std::set<std::string>& held = held_[incident.id];
    held.clear();
    if (incident.status != IncidentStatus::kOpen || incident.blast_radius.actual == 0) {
      held_.erase(incident.id);
      return;
    }
    for (const Incident::Symptom& symptom : incident.symptoms) held.insert(symptom.signal);
  }
  void OnTransition(const Transition& transition, const Program& program) {
    learner_.Advance(transition.time);
    if (transition.to != SignalState::kFiring) return;
    const std::string& signal = program.signal(transition.signal).name;
    learner_.Note(signal, std::any_of(held_.begin(), held_.end(), [&](const auto& entry) {
                    return entry.second.contains(signal);
                  }));
  }
  absl::Status Write(const std::string& path) const {
    std::ofstream file(path, std::ios::binary | std::ios::trunc);
    file << learner_.rates().ToText();
    if (!file.flush()) return absl::DataLossError(fmt::format("{}: cannot be written", path));
    return absl::OkStatus();
  }

 private:
  RateLearner learner_;
  std::map<std::string, std::set<std::string>> held_;  // signals by open incident
};

}  // namespace

absl::StatusOr<ReplaySetup> PrepareReplay(const ReplayArguments& arguments) {
  ReplaySetup setup;
  if (!arguments.config.empty()) {
    ASSIGN_OR_RETURN(Config config, ReadConfig(arguments.config));
    setup.options = std::move(config.pipeline);
  }
  RETURN_IF_ERROR(ReadTimes(arguments, setup.options));
  RETURN_IF_ERROR(AddInputs(arguments, setup));
  RETURN_IF_ERROR(ReadLearned(arguments.learned, setup.options));
  setup.options.threads = arguments.threads > 0
                              ? arguments.threads
                              : std::max(1, static_cast<int>(std::thread::hardware_concurrency()));
  setup.options.batch_records = std::max<size_t>(1, arguments.batch_records);
  setup.options.journal_path = arguments.journal;
  setup.options.retold_path = arguments.journal_from;
  setup.options.evidence_positions = !arguments.no_positions;
  setup.options.now = nullptr;
  setup.options.incidents.engine_version = kVersion;
  CompileOptions compile;
  compile.evaluation_interval = setup.options.evaluation_interval;
  compile.tick = setup.options.tick;
  compile.lookback = setup.options.lookback;
  ASSIGN_OR_RETURN(setup.program, LoadRules(arguments.rules, compile));
  return setup;
}

int RunReplay(const ReplayArguments& arguments) {
  absl::StatusOr<ReplaySetup> setup = PrepareReplay(arguments);
  if (!setup.ok()) return PrintFailure(setup.status());
  absl::StatusOr<std::unique_ptr<Source>> source = OpenFileSource({.inputs = setup->files});
  if (!source.ok()) return PrintFailure(source.status());
  FileSinkOptions outputs;
  outputs.paths[setup->options.outputs.incidents] = arguments.output;
  if (!arguments.dead_letter.empty()) {
    outputs.paths[setup->options.outputs.dead_letter] = arguments.dead_letter;
  }
  if (!arguments.late.empty()) outputs.paths[setup->options.outputs.late] = arguments.late;
  absl::StatusOr<std::unique_ptr<Sink>> sink = OpenFileSink(outputs);
  if (!sink.ok()) return PrintFailure(sink.status());

  Metrics metrics;
  Pipeline pipeline(setup->program, **source, **sink, metrics, setup->options);
  Terminal progress(stderr);
  size_t revisions = 0;
  Learning learning;
  pipeline.OnIncident([&](const Incident& incident) {
    ++revisions;
    learning.OnIncident(incident);
    progress.Progress(
        fmt::format("{}  {} revisions", FormatRfc3339(incident.updated_at), revisions));
  });
  std::ofstream signals;
  if (!arguments.signals.empty()) {
    signals.open(arguments.signals, std::ios::binary | std::ios::trunc);
  }
  if (!arguments.signals.empty() || !arguments.learn.empty()) {
    pipeline.OnTransition([&](const Transition& transition, const Program& program) {
      if (signals.is_open()) signals << SignalLine(transition, program);
      learning.OnTransition(transition, program);
    });
  }
  absl::Status status = pipeline.Run();
  (*source)->Close();
  const absl::Status closed = (*sink)->Close();
  if (status.ok()) status = closed;
  if (status.ok() && !arguments.signals.empty() && !signals.flush()) {
    status = absl::DataLossError(fmt::format("{}: cannot be written", arguments.signals));
  }
  if (status.ok() && !arguments.learn.empty()) status = learning.Write(arguments.learn);
  progress.Progress("");
  if (!status.ok()) return PrintFailure(status);
  if (progress.interactive()) {
    progress.Print(fmt::format("{} revisions written to {}\n", revisions, arguments.output));
  }
  return kExitOk;
}

}  // namespace rootnote
