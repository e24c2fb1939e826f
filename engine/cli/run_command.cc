#include <cstdlib>

#include "connectors/file/sink.h"
#include "connectors/file/source.h"
#include "connectors/http/server.h"
#include "engine/cli/commands.h"
#include "engine/cli/daemon_status.h"
#include "engine/cli/exit_code.h"
#include "engine/cli/http_api.h"
#include "engine/cli/kafka_daemon.h"
#include "engine/cli/kafka_setup.h"
#include "engine/cli/log.h"
#include "engine/cli/process_metrics.h"
#include "engine/cli/settings.h"
#include "engine/cli/stop_signals.h"
#include "engine/cli/terminal.h"
#include "engine/cli/version.h"
#include "engine/cli/wall_clock.h"
#include "schemas/base/string_view.h"

namespace rootnote {
namespace {

LogOptions LogOptionsOf(const RunArguments& arguments) {
  LogOptions options;
  const Terminal terminal(stderr);  // standard output belongs to the incidents
  options.level = LogLevelNamed(arguments.log_level);
  options.json = LogsAsJson(arguments.log_format, terminal.interactive());
  options.color = terminal.color();
  options.now = WallClock;
  return options;
}

int Failed(Log& log, const absl::Status& status) {
  log.Error(ToStd(status.message()));
  return ExitCodeOf(status);
}

// What does not end by itself ends here: everything committed is safe.
SignalCalls CallsFor(Log& log, std::function<void()> stop, std::function<void()> reload) {
  SignalCalls calls;
  calls.stop = [&log, stop = std::move(stop)](int signal) {
    log.Info("committing what is closed, then stopping", {{"signal", signal}});
    stop();
  };
  calls.stop_again = [&log](int signal) {
    log.Warn("stopping at once", {{"signal", signal}});
    std::_Exit(kExitUnavailable);
  };
  calls.overdue = [&log] {
    log.Error("not stopped after 10 s, ending: a restart goes on from what was committed");
    std::_Exit(kExitUnavailable);
  };
  calls.reload = std::move(reload);
  return calls;
}

absl::Status RunFiles(const Settings& settings, Log& log, Metrics& metrics, DaemonStatus& status,
                      StopSignals& signals) {
  const Config& config = settings.config;
  FileSinkOptions out;
  out.paths = config.outputs;
  out.append = true;  // a restart adds to what was written
  out.paths.try_emplace(config.pipeline.outputs.incidents, "-");
  ASSIGN_OR_RETURN(std::unique_ptr<Source> source, OpenFileSource({.inputs = config.files}));
  ASSIGN_OR_RETURN(std::unique_ptr<Sink> sink, OpenFileSink(std::move(out)));
  Pipeline pipeline(settings.program, *source, *sink, metrics, config.pipeline);
  pipeline.OnIncident(
      [&log](const Incident& incident) { log.Info("incident", IncidentFields(incident)); });
  status.BeginTerm([&pipeline] { return pipeline.View(); });
  signals.Watch(CallsFor(
      log, [&pipeline] { pipeline.Stop(); },
      [&log] { log.Warn("a run on files is not reloaded: restart it"); }));
  const absl::Status ran = pipeline.Run();
  signals.Release();
  status.EndTerm();
  const absl::Status closed = sink->Close();
  source->Close();
  return ran.ok() ? closed : ran;
}

absl::Status RunKafka(std::shared_ptr<const Settings> settings, Log& log, Metrics& metrics,
                      DaemonStatus& status, StopSignals& signals) {
  KafkaDaemon daemon(std::move(settings), log, metrics, status);
  signals.Watch(CallsFor(
      log, [&daemon] { daemon.Stop(); }, [&daemon] { daemon.Reload(); }));
  const absl::Status ran = daemon.Run();
  signals.Release();
  return ran;
}

}  // namespace

int RunDaemon(const RunArguments& arguments) {
  StopSignals signals;
  Log log(LogOptionsOf(arguments));
  absl::StatusOr<Settings> loaded = LoadSettings(arguments.config, arguments.shadow, log);
  if (!loaded.ok()) return ExitCodeOf(loaded.status());  // the log has it
  const auto settings = std::make_shared<const Settings>(*std::move(loaded));
  const Config& config = settings->config;
  const bool files = !config.files.empty();
  log.SetSecrets(SecretsOf(config.kafka));
  log.Info("rootnote", {{"version", kVersion},
                        {"rules", settings->program->version},
                        {"signals", settings->program->signals.size()},
                        {"faults", settings->program->faults.size()},
                        {"reading", files ? "files" : config.kafka.bootstrap_servers},
                        {"shadow", config.shadow}});

  Metrics metrics;
  DaemonStatus status(WallClock);
  status.SetSettings(settings);
  AddProcessMetrics(metrics);
  AddDaemonMetrics(metrics, status);
  HttpServer http({.address = config.http.address, .port = config.http.port});
  if (config.http.enabled) {
    AddHttpApi(
        http, [&status] { return status.Views(); }, metrics);
    const absl::Status started = http.Start();
    if (!started.ok()) return Failed(log, started);
    log.Info("serving /metrics, /-/ready, /api/v1/status and /api/v1/incidents",
             {{"address", config.http.address}, {"port", http.port()}});
  }
  const absl::Status ran = files ? RunFiles(*settings, log, metrics, status, signals)
                                 : RunKafka(settings, log, metrics, status, signals);
  if (config.http.enabled) http.Stop();
  return ran.ok() ? kExitOk : Failed(log, ran);
}

}  // namespace rootnote
