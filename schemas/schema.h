// What the data is, once decoded: samples, events, topology changes. The engine's whole input.
// Words: docs/glossary.md. Own JSON that maps one to one onto these: docs/formats.md.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "schemas/base/time.h"
#include "schemas/labels.h"

namespace rootnote {

// Prometheus' stale marker: a NaN with these bits. Compare bits, never values.
inline constexpr uint64_t kStaleNanBits = 0x7ff0000000000002ULL;
double StaleNan();
bool IsStaleNan(double value);

// One number of one series at one event time. `labels` holds `__name__`.
struct Sample {
  Labels labels;
  double value = 0;
  EventTime time;
};

// Something that happened. Labels may become dimensions; attributes are filters and `unwrap` values
// (text as it came; numbers in their JSON spelling). `id`, when given, decides deduplication alone.
struct Event {
  std::string name;
  Labels labels;
  Labels attributes;
  std::string message;
  std::string id;
  EventTime time;
};

// An entity is written `kind:id`; an id of several parts joins them with `/`, parts
// percent-encoded.
struct TopologyChange {
  enum class Type : uint8_t {
    kEntity,
    kEntityDeleted,
    kRelation,
    kRelationDeleted,
    kSnapshotBegin,
    kSnapshotEnd,
  };
  Type type = Type::kEntity;
  std::string entity;    // kEntity*
  std::string relation;  // kRelation*: the relation's name …
  std::string from;      // … the entity that depends …
  std::string to;        // … on this one
  Labels labels;
  std::string source;  // who says so; "" is the feed itself
  std::string epoch;   // kSnapshot*
  std::optional<EventTime>
      time;  // absent: holds from the moment of arrival (undated file: for ever)
};

// What people say of incidents: somebody has one in hand, or does not want to hear of something.
struct ControlChange {
  enum class Type : uint8_t { kAcknowledge, kAcknowledgeDeleted, kSilence, kSilenceDeleted };
  Type type = Type::kAcknowledge;
  std::string id;  // of the incident that is acknowledged, or of the silence itself
  std::string by, comment;
  // Of a silence: whom it is about; all that is given must fit, and something is given.
  std::string entity, signal;
  Labels labels;                  // of the entity, its identity included
  EventTime until;                // kSilence
  std::optional<EventTime> time;  // since when; absent: from its arrival on
};

// What one record became. All or nothing: a record that fails leaves nothing behind.
struct Decoded {
  std::vector<Sample> samples;
  std::vector<Event> events;
  std::vector<TopologyChange> changes;
  std::vector<ControlChange> controls;
  uint32_t samples_null = 0;  // fields that held no number ("null" is no sample, never 0)

  void Clear() {
    samples.clear();
    events.clear();
    changes.clear();
    controls.clear();
    samples_null = 0;
  }
};

}  // namespace rootnote
