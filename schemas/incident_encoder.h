// Incident → the JSON of schemas/incident.schema.json: fixed key order, one line, at most 64 KiB.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "schemas/base/status.h"
#include "schemas/incident.h"

namespace rootnote {

// What the record's `schema` says; v1 only ever gains optional keys.
inline constexpr std::string_view kIncidentSchema = "rootnote.incident.v1";

struct IncidentEncoding {
  // Caps cut evidence, symptoms, potential impact, actual impact in this order; totals tell the
  // rest.
  size_t bytes_max = 64U << 10;
  // Shuffled, duplicated or re-partitioned input is compared without topic, partition, offset.
  bool evidence_positions = true;
};

// Same incident, same bytes: doubles in shortest round-trip form, times in RFC 3339.
std::string EncodeIncident(const Incident& incident, const IncidentEncoding& encoding = {});

// Reads what EncodeIncident wrote (explain, takeover). InvalidArgument with the JSON pointer.
absl::StatusOr<Incident> DecodeIncident(std::string_view json);

}  // namespace rootnote
