// The demo on the terminal: what happened in the store as an SRE would want to read it, what each
// naive alert would have said, and the one incident instead. Thread: the pipeline's.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "engine/cli/estate/feed.h"
#include "engine/cli/terminal.h"
#include "engine/pipeline.h"
#include "engine/transition.h"
#include "rules/program.h"
#include "schemas/incident.h"

namespace rootnote {

class TimeLapse {
 public:
  // `shown` off: counts only, prints nothing.
  TimeLapse(const Terminal& out, bool shown, const Program& program);

  // Takes over what the engine thinks of findings that opened nothing: planned, tolerated.
  void Look(const EngineView& view);
  void Begin(estate::Story story, const estate::Feed& feed);
  void Note(const Transition& transition, const Program& program);
  void Note(const Incident& incident);
  // `incidents`: the records as read back from Kafka.
  void End(const std::vector<std::string>& incidents, double seconds);

 private:
  // One line of the lapse gathers what one signal did at one instant.
  struct Burst {
    SignalId signal;
    SignalState to = SignalState::kInactive;
    std::vector<std::string> entities;
  };
  // Incidents come with their commit, later than the transitions behind them: lines wait until
  // event time has moved on, and leave in the order of their times.
  struct Line {
    EventTime time;
    bool incident = false;
    Ink ink = Ink::kPlain;
    std::string what, text;
    Burst burst;
  };
  void Gather();
  void PrintUntil(EventTime time);
  void Print(const Line& line) const;
  std::string Entities(const std::vector<std::string>& entities) const;
  void PrintSummary(const std::vector<std::string>& incidents) const;

  const Terminal& out_;
  bool shown_;
  const Program& program_;
  EventTime time_ = kMinTime;
  std::vector<Burst> bursts_;
  std::vector<Line> lines_;
  std::map<std::string, size_t> alerts_;  // signal → times it fired
  size_t alerts_total_ = 0;
};

}  // namespace rootnote
