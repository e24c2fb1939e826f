// The HTTP face of the daemon: /metrics, /-/healthy, /-/ready, /api/v1/status,
// /api/v1/incidents[/ID], /api/v1/findings. Shapes: docs/operating.md. Callbacks only read
// immutable views, so it serves before, between and after the terms of a pipeline. Thread: any.
#pragma once

#include <functional>

#include "connectors/http/server.h"
#include "engine/cli/daemon_status.h"
#include "engine/metrics.h"

namespace rootnote {

// Adds the routes. `views` is called for each request; metrics are borrowed and outlive the server.
void AddHttpApi(HttpServer& server, std::function<DaemonViews()> views, const Metrics& metrics);

}  // namespace rootnote
