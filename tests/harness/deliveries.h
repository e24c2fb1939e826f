// What goes wrong on the way in and out, on purpose: input that is shuffled or repeated, a sink
// that fails. For tests of the pipeline.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "connectors/memory/memory.h"
#include "connectors/sink.h"
#include "schemas/base/time.h"

namespace rootnote::testing {

// A record with the event time that its text carries.
struct TimedRecord {
  EventTime time;
  MemoryRecord record;
};

std::vector<MemoryRecord> InOrder(std::vector<TimedRecord> records);
// Out of order, but none by as much as `lateness`.
std::vector<MemoryRecord> ShuffledWithin(std::vector<TimedRecord> records, Millis lateness,
                                         uint64_t seed);
// Every `every`th record comes a second time, up to `later` records later.
std::vector<TimedRecord> WithDuplicates(std::vector<TimedRecord> records, size_t every,
                                        size_t later);

// Keeps what it accepts. Checks that no offset passes a poison record whose dead letter has not
// been accepted in the same commit or before.
class FaultySink : public MemorySink {
 public:
  // Answers the commits of these numbers, counted from 0 over all calls, with Aborted.
  std::set<size_t> abort;
  // From this call on Unavailable: the outcome is unknown. Nothing is kept.
  size_t unavailable_from = SIZE_MAX;
  // Offsets of records that can only become dead letters.
  std::map<TopicPartition, std::set<int64_t>> poison;

  absl::Status Write(const Commit& commit) override;

  size_t calls() const { return calls_; }
  size_t accepted() const { return accepted_; }
  // "" or what was committed too early.
  const std::string& violation() const { return violation_; }

 private:
  void Check(const Commit& commit);

  size_t calls_ = 0;
  size_t accepted_ = 0;
  std::map<TopicPartition, std::set<int64_t>> lettered_;
  std::string violation_;
};

}  // namespace rootnote::testing
