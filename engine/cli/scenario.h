// A `test` block run for real: expanded to the records it stands for (own JSON and a topology
// feed), sent through the whole pipeline on a virtual clock, and its expectations judged on what
// came out.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "connectors/memory/memory.h"
#include "engine/pipeline.h"
#include "rules/program.h"
#include "schemas/base/status.h"
#include "schemas/incident.h"

namespace rootnote {

// How the records are delivered. Whatever is chosen, the same incidents must come out.
struct ScenarioDelivery {
  int threads = 1;
  size_t batch_records = 256;
  uint64_t shuffle_seed = 0;  // not 0: records displaced within the allowed lateness
  bool duplicates = false;    // every third record comes twice
  int32_t partitions = 1;     // records spread over so many
};

struct Expected {
  Place place;
  bool holds = false;
  std::string expected, got;
};

struct ScenarioOutcome {
  std::vector<Expected> expectations;
  std::vector<Incident> revisions;      // as committed, in order
  std::vector<Transition> transitions;  // as released, in order
  std::string output;                   // the incident topic's values, a line each
  std::string dead_letters;             // of a scenario that is wrong in itself

  bool passed() const;
};

// Where a test's clock begins unless it says `start`.
EventTime ScenarioStart(const Test& test);

std::vector<MemoryRecord> ScenarioRecords(const Test& test, const ScenarioDelivery& delivery);

// Status: the pipeline failed; a test that fails is an outcome.
absl::StatusOr<ScenarioOutcome> RunScenario(const std::shared_ptr<const Program>& program,
                                            const Test& test,
                                            const ScenarioDelivery& delivery = {});

// Judges expectations on what came out (scenario_expect.cc).
std::vector<Expected> Judge(const Program& program, const Test& test,
                            const std::vector<Incident>& revisions,
                            const std::vector<Transition>& transitions);

// What happened over time, as a table: for a failed test.
std::string Timeline(const Program& program, const Test& test, const ScenarioOutcome& outcome);

}  // namespace rootnote
