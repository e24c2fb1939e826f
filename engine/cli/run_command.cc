#include <atomic>
#include <thread>

#include "fmt/format.h"
#include "re2/re2.h"
#include "spdlog/sinks/stdout_color_sinks.h"
#include "spdlog/spdlog.h"
#include <signal.h>

#include "connectors/file/sink.h"
#include "connectors/file/source.h"
#include "connectors/http/server.h"
#include "connectors/kafka/sink.h"
#include "connectors/kafka/source.h"
#include "engine/cli/commands.h"
#include "engine/cli/config.h"
#include "engine/cli/exit_code.h"
#include "engine/cli/http_api.h"
#include "engine/cli/rule_files.h"
#include "engine/cli/terminal.h"
#include "engine/cli/version.h"
#include "engine/cli/wall_clock.h"
#include "schemas/base/string_view.h"

namespace rootnote {
namespace {

struct Ends {
  std::unique_ptr<Source> source;
  std::unique_ptr<Sink> sink;  // goes before its source: it borrows the group
};

void LogKafka(const KafkaLog& log) {
  const auto level = log.level <= 3   ? spdlog::level::err
                     : log.level == 4 ? spdlog::level::warn
                                      : spdlog::level::debug;
  spdlog::log(level, "kafka {}: {}", log.facility, log.message);
}

// A call into librdkafka that never returns: the process ends at once, and the next one starts from
// the committed offsets.
void Die(std::string why) {
  spdlog::critical("{}", why);
  std::_Exit(kExitUnavailable);
}

std::map<std::string, std::string> Join(std::map<std::string, std::string> properties,
                                        const std::map<std::string, std::string>& more) {
  for (const auto& [key, value] : more) properties[key] = value;
  return properties;
}

absl::StatusOr<Ends> OpenKafka(const Config& config) {
  KafkaSourceOptions in;
  for (const TopicOptions& topic : config.pipeline.topics) {
    (topic.role == TopicRole::kData ? in.topics : in.assigned).push_back(topic.topic);
  }
  const std::map<std::string, std::string> common =
      Join({{"bootstrap.servers", config.kafka.bootstrap_servers}, {"client.id", "rootnote"}},
           config.kafka.properties);
  in.properties = Join(Join(common, {{"group.id", config.kafka.group}}), config.kafka.consumer);
  in.from_beginning = config.kafka.from_beginning;
  in.now = WallClock;
  in.log = LogKafka;
  ASSIGN_OR_RETURN(std::unique_ptr<KafkaSource> source, OpenKafkaSource(std::move(in)));

  KafkaSinkOptions out;
  const std::string id =
      config.kafka.transactional_id.empty() ? config.kafka.group : config.kafka.transactional_id;
  out.properties = Join(Join(common, {{"transactional.id", id}}), config.kafka.producer);
  out.log = LogKafka;
  out.fatal = Die;
  ASSIGN_OR_RETURN(std::unique_ptr<Sink> sink, OpenKafkaSink(std::move(out)));
  return Ends{std::move(source), std::move(sink)};
}

absl::StatusOr<Ends> OpenFiles(const Config& config) {
  FileSinkOptions out;
  out.paths = config.outputs;
  out.append = true;  // a restart adds to what was written
  out.paths.try_emplace(config.pipeline.outputs.incidents, "-");
  ASSIGN_OR_RETURN(std::unique_ptr<Source> source, OpenFileSource({.inputs = config.files}));
  ASSIGN_OR_RETURN(std::unique_ptr<Sink> sink, OpenFileSink(std::move(out)));
  return Ends{std::move(source), std::move(sink)};
}

// SIGTERM and SIGINT end the run after the last commit. They are blocked in every thread and taken
// by this one, so that no code runs inside a signal.
class StopSignals {
 public:
  StopSignals() {
    sigemptyset(&set_);
    for (const int signal : {SIGTERM, SIGINT, SIGUSR1}) sigaddset(&set_, signal);
    pthread_sigmask(SIG_BLOCK, &set_, nullptr);
    signal(SIGPIPE, SIG_IGN);
  }
  void Watch(Pipeline& pipeline) {
    thread_ = std::thread([this, &pipeline] {
      int signal = SIGUSR1;
      while (signal == SIGUSR1 && !done_) sigwait(&set_, &signal);
      if (signal == SIGUSR1) return;
      spdlog::info("signal {}: committing what is closed, then stopping", signal);
      pipeline.Stop();
    });
  }
  // Before the pipeline goes: no signal reaches it any more.
  void Release() {
    if (!thread_.joinable()) return;
    done_ = true;
    pthread_kill(thread_.native_handle(), SIGUSR1);
    thread_.join();
  }
  ~StopSignals() { Release(); }

 private:
  sigset_t set_{};
  std::atomic<bool> done_ = false;
  std::thread thread_;
};

absl::Status RunPipeline(const Config& config, Pipeline& pipeline, const Metrics& metrics,
                         StopSignals& signals) {
  HttpServer http({.address = config.http.address, .port = config.http.port});
  if (config.http.enabled) {
    AddHttpApi(http, pipeline, metrics);
    RETURN_IF_ERROR(http.Start());
    spdlog::info("http://{}:{} serves /metrics, /-/ready, /api/v1/incidents", config.http.address,
                 http.port());
  }
  pipeline.OnIncident([](const Incident& incident) {
    spdlog::info("incident {} revision {} {} ({}): {}", incident.id, incident.revision,
                 Name(incident.state), incident.reason, incident.title);
  });
  signals.Watch(pipeline);
  const absl::Status status = pipeline.Run();
  signals.Release();
  if (config.http.enabled) http.Stop();
  return status;
}

}  // namespace

int RunDaemon(const RunArguments& arguments) {
  StopSignals signals;
  absl::StatusOr<Config> config = ReadConfig(arguments.config);
  if (!config.ok()) return PrintFailure(config.status());
  // Standard output belongs to the incidents.
  spdlog::set_default_logger(spdlog::stderr_color_mt("rootnote"));
  CompileOptions compile;
  compile.evaluation_interval = config->pipeline.evaluation_interval;
  compile.tick = config->pipeline.tick;
  compile.lookback = config->pipeline.lookback;
  absl::StatusOr<std::shared_ptr<const Program>> program = LoadRules(config->rules, compile);
  if (!program.ok()) return PrintFailure(program.status());

  const bool files = !config->files.empty();
  config->pipeline.now = files ? nullptr : std::function<EventTime()>(WallClock);
  config->pipeline.incidents.engine_version = kVersion;
  absl::StatusOr<Ends> ends = files ? OpenFiles(*config) : OpenKafka(*config);
  if (!ends.ok()) return PrintFailure(ends.status());
  spdlog::info("rootnote {}: {} signals, {} faults, reading {}", kVersion,
               (*program)->signals.size(), (*program)->faults.size(),
               files ? "files" : config->kafka.bootstrap_servers);

  Metrics metrics;
  Pipeline pipeline(*program, *ends->source, *ends->sink, metrics, config->pipeline);
  absl::Status status = RunPipeline(*config, pipeline, metrics, signals);
  const absl::Status closed = ends->sink->Close();
  ends->sink.reset();
  ends->source->Close();
  if (status.ok()) status = closed;
  return status.ok() ? kExitOk : PrintFailure(status);
}

}  // namespace rootnote
