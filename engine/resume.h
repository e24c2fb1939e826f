// Where a former run ended, and how a new one takes its place without a snapshot: the windows are
// filled again from history, read muted; the incidents come back from their own topic. What a run
// needs to know of its predecessor travels in the metadata of the committed offsets, so that it is
// committed with what was emitted or not at all.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "connectors/record.h"
#include "schemas/base/time.h"
#include "schemas/incident.h"

namespace rootnote {

struct ResumePoint {
  // Ticks up to here are decided: lived through again without a word. kMinTime: none is.
  EventTime closed = kMinTime;
  // Nothing older is read; kMinTime: all there is.
  EventTime warm_from = kMinTime;
  // Records below were decided: taken, late, or dead-lettered.
  std::map<TopicPartition, int64_t> taken;
  // Committed offsets: lowest record that is not in a closed tick.
  std::map<TopicPartition, int64_t> committed;
  // Revisions found on the incidents topic; the highest of each counts.
  std::vector<Incident> incidents;

  bool empty() const { return closed == kMinTime && taken.empty() && incidents.empty(); }
};

// The metadata of one committed offset: {"tick":MS,"taken":OFFSET,"journal":LINES}.
struct CommitMark {
  EventTime tick;
  int64_t taken = 0;
  uint64_t journal = 0;
  friend bool operator==(const CommitMark&, const CommitMark&) = default;
};
std::string ToMetadata(const CommitMark& mark);
// nullopt: not ours, as after an operator has set the offsets.
std::optional<CommitMark> ParseCommitMark(std::string_view metadata);

// `closed`, `taken` and `committed`. An offset without our metadata, set by hand, is read from
// there as new.
ResumePoint ResumeFrom(std::span<const CommitOffset> offsets);

}  // namespace rootnote
