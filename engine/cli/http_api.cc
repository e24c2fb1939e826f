#include "engine/cli/http_api.h"

#include <algorithm>
#include <memory>
#include <utility>

#include "rapidjson/stringbuffer.h"
#include "rapidjson/writer.h"

#include "engine/cli/kafka_setup.h"
#include "engine/cli/version.h"
#include "schemas/incident_encoder.h"

namespace rootnote {
namespace {

constexpr std::string_view kJson = "application/json";

using JsonWriter = rapidjson::Writer<rapidjson::StringBuffer>;

void Text(JsonWriter& json, std::string_view text) {
  json.String(text.data(), static_cast<rapidjson::SizeType>(text.size()));
}

void Key(JsonWriter& json, std::string_view key) {
  json.Key(key.data(), static_cast<rapidjson::SizeType>(key.size()));
}

void Member(JsonWriter& json, std::string_view key, std::string_view value) {
  Key(json, key);
  Text(json, value);
}

// It would become a bool.
void Member(JsonWriter& json, std::string_view key, const char* value) = delete;

void Member(JsonWriter& json, std::string_view key, int64_t value) {
  Key(json, key);
  json.Int64(value);
}

void Member(JsonWriter& json, std::string_view key, bool value) {
  Key(json, key);
  json.Bool(value);
}

// Left out where there is none yet.
void Member(JsonWriter& json, std::string_view key, EventTime value) {
  if (value != kMinTime && value != EventTime()) Member(json, key, FormatRfc3339(value));
}

void Object(JsonWriter& json, std::string_view key, const std::function<void()>& members) {
  Key(json, key);
  json.StartObject();
  members();
  json.EndObject();
}

std::string IncidentsJson(const EngineView& view) {
  std::string body = "{\"incidents\":[";
  for (size_t i = 0; i < view.incidents.size(); ++i) {
    if (i > 0) body += ',';
    body += EncodeIncident(view.incidents[i]);
  }
  return body + "]}\n";
}

std::string FindingsJson(const EngineView& view) {
  rapidjson::StringBuffer buffer;
  JsonWriter json(buffer);
  json.StartObject();
  json.Key("findings");
  json.StartArray();
  for (const Finding& finding : view.findings) {
    json.StartObject();
    Member(json, "signal", finding.signal);
    Member(json, "entity", finding.entity);
    Member(json, "state", Name(finding.state));
    Member(json, "verdict", finding.verdict);
    Member(json, "detail", finding.detail);
    if (!finding.incident_id.empty()) Member(json, "incident_id", finding.incident_id);
    json.EndObject();
  }
  json.EndArray();
  json.EndObject();
  return std::string(buffer.GetString(), buffer.GetSize()) + "\n";
}

void WriteSettings(JsonWriter& json, const DaemonView& daemon) {
  if (daemon.settings == nullptr) return;
  const Settings& settings = *daemon.settings;
  Object(json, "config", [&] {
    Member(json, "file", settings.path);
    Member(json, "hash", settings.config_hash);
    Member(json, "loaded_at", daemon.loaded);
    Member(json, "last_reload_successful", !daemon.last_reload_failed);
    Member(json, "shadow", settings.config.shadow);
  });
  Object(json, "rules", [&] {
    json.Key("files");
    json.StartArray();
    for (const RuleSource& source : settings.program->sources) Text(json, source.name());
    json.EndArray();
    Member(json, "hash", settings.program->version);
    Member(json, "signals", static_cast<int64_t>(settings.program->signals.size()));
    Member(json, "faults", static_cast<int64_t>(settings.program->faults.size()));
  });
  const KafkaConfig& kafka = settings.config.kafka;
  if (kafka.bootstrap_servers.empty()) return;
  Object(json, "kafka", [&] {
    Member(json, "bootstrap_servers", kafka.bootstrap_servers);
    Member(json, "group", kafka.group);
    if (!kafka.instance.empty()) Member(json, "instance", kafka.instance);
    Member(json, "transactional_id", TransactionalId(kafka));
    Member(json, "election_topic", ElectionTopic(kafka));
  });
}

std::string_view RoleName(TopicRole role) {
  constexpr std::string_view kNames[] = {"data", "topology", "control"};
  return kNames[static_cast<size_t>(role)];
}

void WritePartition(JsonWriter& json, const PartitionView& partition) {
  json.StartObject();
  Member(json, "topic", partition.partition.topic);
  Member(json, "partition", static_cast<int64_t>(partition.partition.partition));
  Member(json, "role", RoleName(partition.role));
  Member(json, "watermark", partition.watermark);
  Member(json, "next_offset", partition.next_offset);
  if (partition.end_offset >= 0) {
    Member(json, "end_offset", partition.end_offset);
    Member(json, "lag", std::max<int64_t>(0, partition.end_offset - partition.next_offset));
  }
  Member(json, "idle", partition.idle);
  Member(json, "unreachable", partition.unreachable);
  json.EndObject();
}

void WriteEngine(JsonWriter& json, const EngineView& engine) {
  Member(json, "phase", Name(engine.phase));
  Member(json, "rules_warming", static_cast<int64_t>(engine.warming));
  Member(json, "watermark", engine.watermark);
  Member(json, "closed_tick", engine.closed_tick);
  Object(json, "topology", [&] {
    Member(json, "version", static_cast<int64_t>(engine.topology_version));
    Member(json, "entities", static_cast<int64_t>(engine.topology_entities));
  });
  Object(json, "incidents", [&] {
    const auto open = std::count_if(
        engine.incidents.begin(), engine.incidents.end(),
        [](const Incident& incident) { return incident.status == IncidentStatus::kOpen; });
    Member(json, "open", static_cast<int64_t>(open));
    Member(json, "kept", static_cast<int64_t>(engine.incidents.size()));
  });
  json.Key("partitions");
  json.StartArray();
  for (const PartitionView& partition : engine.partitions) WritePartition(json, partition);
  json.EndArray();
}

std::string StatusJson(const DaemonViews& views) {
  const DaemonView& daemon = views.daemon;
  const Readiness readiness = ReadinessOf(views);
  rapidjson::StringBuffer buffer;
  JsonWriter json(buffer);
  json.StartObject();
  Member(json, "version", kVersion);
  Member(json, "started_at", daemon.started);
  Member(json, "role", Name(daemon.role));
  Member(json, "role_since", daemon.since);
  Member(json, "term", static_cast<int64_t>(daemon.term));
  Member(json, "ready", readiness.ready);
  Member(json, "ready_detail", readiness.why);
  WriteSettings(json, daemon);
  if (views.engine != nullptr) WriteEngine(json, *views.engine);
  json.EndObject();
  return std::string(buffer.GetString(), buffer.GetSize()) + "\n";
}

HttpResponse OneIncident(const EngineView& view, std::string_view id) {
  for (const Incident& incident : view.incidents) {
    if (incident.id == id) {
      return {.content_type = std::string(kJson), .body = EncodeIncident(incident) + "\n"};
    }
  }
  return {.status = 404,
          .content_type = std::string(kJson),
          .body = "{\"error\":\"no incident with this id is kept\"}\n"};
}

}  // namespace

void AddHttpApi(HttpServer& server, std::function<DaemonViews()> views, const Metrics& metrics) {
  const auto engine = [views] {
    const std::shared_ptr<const EngineView> view = views().engine;
    return view != nullptr ? view : std::make_shared<const EngineView>();
  };
  server.Get("/metrics", [&metrics](const HttpRequest&) {
    return HttpResponse{.content_type = "text/plain; version=0.0.4; charset=utf-8",
                        .body = metrics.Text()};
  });
  server.Get("/-/healthy", [](const HttpRequest&) { return HttpResponse{.body = "healthy\n"}; });
  server.Get("/-/ready", [views](const HttpRequest&) {
    const Readiness readiness = ReadinessOf(views());
    return HttpResponse{.status = readiness.ready ? 200 : 503, .body = readiness.why + "\n"};
  });
  server.Get("/api/v1/status", [views](const HttpRequest&) {
    return HttpResponse{.content_type = std::string(kJson), .body = StatusJson(views())};
  });
  server.Get("/api/v1/incidents", [engine](const HttpRequest&) {
    return HttpResponse{.content_type = std::string(kJson), .body = IncidentsJson(*engine())};
  });
  server.Get("/api/v1/incidents/*",
             [engine](const HttpRequest& request) { return OneIncident(*engine(), request.rest); });
  server.Get("/api/v1/findings", [engine](const HttpRequest&) {
    return HttpResponse{.content_type = std::string(kJson), .body = FindingsJson(*engine())};
  });
}

}  // namespace rootnote
