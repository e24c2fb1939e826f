// The HTTP face of a running engine: /metrics, /-/healthy, /-/ready, /api/v1/incidents[/ID],
// /api/v1/findings. Callbacks only read immutable views. Thread: any.
#pragma once

#include "connectors/http/server.h"
#include "engine/metrics.h"
#include "engine/pipeline.h"

namespace rootnote {

// Adds the routes; pipeline and metrics are borrowed and outlive the server.
void AddHttpApi(HttpServer& server, const Pipeline& pipeline, const Metrics& metrics);

}  // namespace rootnote
