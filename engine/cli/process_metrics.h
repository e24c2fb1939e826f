// The process_* metrics that every Prometheus client has, from /proc.
#pragma once

#include <string>

#include "engine/metrics.h"

namespace rootnote {

// `proc` stands for /proc in tests. What cannot be read is left out.
void ReadProcess(const std::string& proc, MetricSamples& samples);

void AddProcessMetrics(Metrics& metrics);

}  // namespace rootnote
