#include "engine/cli/http_api.h"

#include "fmt/format.h"
#include "rapidjson/stringbuffer.h"
#include "rapidjson/writer.h"

#include "schemas/incident_encoder.h"

namespace rootnote {
namespace {

constexpr std::string_view kJson = "application/json";

std::string IncidentsJson(const EngineView& view) {
  std::string body = "{\"incidents\":[";
  for (size_t i = 0; i < view.incidents.size(); ++i) {
    if (i > 0) body += ',';
    body += EncodeIncident(view.incidents[i]);
  }
  return body + "]}\n";
}

void Member(rapidjson::Writer<rapidjson::StringBuffer>& json, std::string_view key,
            std::string_view value) {
  json.Key(key.data(), static_cast<rapidjson::SizeType>(key.size()));
  json.String(value.data(), static_cast<rapidjson::SizeType>(value.size()));
}

std::string FindingsJson(const EngineView& view) {
  rapidjson::StringBuffer buffer;
  rapidjson::Writer<rapidjson::StringBuffer> json(buffer);
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

void AddHttpApi(HttpServer& server, const Pipeline& pipeline, const Metrics& metrics) {
  server.Get("/metrics", [&metrics](const HttpRequest&) {
    return HttpResponse{.content_type = "text/plain; version=0.0.4; charset=utf-8",
                        .body = metrics.Text()};
  });
  server.Get("/-/healthy", [](const HttpRequest&) { return HttpResponse{.body = "healthy\n"}; });
  server.Get("/-/ready", [&pipeline](const HttpRequest&) {
    const bool ready = pipeline.View()->ready;
    return HttpResponse{
        .status = ready ? 200 : 503,
        .body = ready ? "ready\n" : "not ready: waiting for partitions and the map\n"};
  });
  server.Get("/api/v1/incidents", [&pipeline](const HttpRequest&) {
    return HttpResponse{.content_type = std::string(kJson),
                        .body = IncidentsJson(*pipeline.View())};
  });
  server.Get("/api/v1/incidents/*", [&pipeline](const HttpRequest& request) {
    return OneIncident(*pipeline.View(), request.rest);
  });
  server.Get("/api/v1/findings", [&pipeline](const HttpRequest&) {
    return HttpResponse{.content_type = std::string(kJson), .body = FindingsJson(*pipeline.View())};
  });
}

}  // namespace rootnote
