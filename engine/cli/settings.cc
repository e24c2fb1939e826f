#include "engine/cli/settings.h"

#include "fmt/format.h"

#include "connectors/kafka/embedded.h"
#include "engine/cli/kafka_setup.h"
#include "engine/cli/rule_files.h"
#include "engine/cli/version.h"
#include "engine/cli/wall_clock.h"
#include "schemas/base/string_view.h"

namespace rootnote {
namespace {

// FNV-1a, to tell one configuration from another.
std::string HashText(std::string_view text) {
  uint64_t hash = 0xcbf29ce484222325;
  for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3;
  return fmt::format("{:016x}", hash);
}

// A line of the log for each of the message's.
void LogLines(std::string_view message, LogLevel level, Log& log) {
  while (!message.empty()) {
    const size_t end = std::min(message.find('\n'), message.size());
    if (end > 0) log.Write(level, message.substr(0, end));
    message.remove_prefix(std::min(end + 1, message.size()));
  }
}

void LogDiagnostics(const CompileResult& result, Log& log) {
  for (const Diagnostic& diagnostic : result.diagnostics.list()) {
    LogFields fields = {{"code", CodeName(diagnostic.code)}};
    if (diagnostic.source < result.sources.size()) {
      const RuleSource& source = result.sources[diagnostic.source];
      const Position at = source.At(diagnostic.span.begin);
      fields.emplace_back("at", fmt::format("{}:{}:{}", source.name(), at.line, at.column));
    }
    if (!diagnostic.hint.empty()) fields.emplace_back("hint", diagnostic.hint);
    const bool error = diagnostic.level == DiagnosticLevel::kError;
    log.Write(error ? LogLevel::kError : LogLevel::kWarn, diagnostic.message, fields);
  }
}

absl::StatusOr<std::shared_ptr<const Program>> CompileRules(const Config& config, Log& log) {
  CompileOptions options;
  options.evaluation_interval = config.pipeline.evaluation_interval;
  options.tick = config.pipeline.tick;
  options.lookback = config.pipeline.lookback;
  ASSIGN_OR_RETURN(std::vector<RuleSource> sources, ReadRuleFiles(config.rules));
  const CompileResult result = Compile(std::move(sources), WithPacks(options));
  LogDiagnostics(result, log);
  if (result.program == nullptr) {
    return absl::InvalidArgumentError(
        fmt::format("the rules have {} error{}; rootnote check shows them in their lines",
                    result.diagnostics.errors(), result.diagnostics.errors() == 1 ? "" : "s"));
  }
  RETURN_IF_ERROR(CheckZones(*result.program));
  return result.program;
}

void LogLacking(const KafkaConfig& kafka, Log& log) {
  if (AsksForScram(kafka) && !KafkaScramLimit().empty()) {
    log.Warn(KafkaScramLimit(), {{"librdkafka", KafkaLibraryVersion()}});
  }
  const std::vector<std::string> lacking = LackingFeatures(kafka, KafkaLibraryFeatures());
  if (lacking.empty()) return;
  log.Warn("this librdkafka lacks what the configuration asks for",
           {{"lacking", fmt::format("{}", fmt::join(lacking, ", "))},
            {"librdkafka", KafkaLibraryVersion()}});
}

absl::StatusOr<Settings> Load(const std::string& path, bool shadow, Log& log) {
  Settings settings;
  settings.path = path;
  ASSIGN_OR_RETURN(settings.config, ReadConfig(path));
  for (const std::string& warning : settings.config.warnings)
    LogLines(warning, LogLevel::kWarn, log);
  settings.config_hash = HashText(settings.config.text);
  if (shadow) settings.config = Shadowed(std::move(settings.config));
  PipelineOptions& pipeline = settings.config.pipeline;
  pipeline.incidents.engine_version = kVersion;
  pipeline.incidents.routing = !shadow;
  if (settings.config.files.empty()) {
    pipeline.now = WallClock;
    LogLacking(settings.config.kafka, log);
    RETURN_IF_ERROR(CheckKafkaProperties(settings.config.kafka));
  }
  ASSIGN_OR_RETURN(settings.program, CompileRules(settings.config, log));
  return settings;
}

}  // namespace

absl::StatusOr<Settings> LoadSettings(const std::string& path, bool shadow, Log& log) {
  absl::StatusOr<Settings> settings = Load(path, shadow, log);
  if (!settings.ok()) LogLines(ToStd(settings.status().message()), LogLevel::kError, log);
  return settings;
}

absl::StatusOr<Settings> ReloadSettings(const Settings& running, Log& log) {
  absl::StatusOr<Settings> settings = LoadSettings(running.path, running.config.shadow, log);
  if (settings.ok()) {
    for (const std::string& key : NeedsRestart(running.config, settings->config)) {
      log.Error("this key changes only with a restart", {{"key", key}});
      settings = absl::InvalidArgumentError("keys have changed that need a restart");
    }
  }
  if (!settings.ok()) {
    log.Error("reload refused: rules and configuration stay as they are", {{"file", running.path}});
  }
  return settings;
}

}  // namespace rootnote
