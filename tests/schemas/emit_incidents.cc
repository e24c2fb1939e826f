// Writes incident records as the engine writes them, one a line: input of validate_test.py.
#include <cstddef>
#include <cstdio>
#include <random>

#include "schemas/incident_encoder.h"
#include "tests/schemas/random_incident.h"

int main() {
  constexpr int kIncidents = 300;
  constexpr size_t kSizes[] = {0, 1, 1, 2, 20, 200};
  std::mt19937_64 random(20261122);
  for (int i = 0; i < kIncidents; ++i) {
    const size_t size = kSizes[static_cast<size_t>(i) % std::size(kSizes)];
    const rootnote::Incident incident = rootnote::RandomIncident(random, size);
    const rootnote::IncidentEncoding encoding{.evidence_positions = i % 2 == 0};
    std::puts(rootnote::EncodeIncident(incident, encoding).c_str());
  }
  return 0;
}
