// Disks, an array, a datastore, VMs and an app; a story of ten minutes in which two disks of the
// array fail; and one call that runs a pipeline over records in memory.
#pragma once

#include <algorithm>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "fmt/format.h"
#include "gtest/gtest.h"

#include "engine/pipeline.h"
#include "rules/compiler.h"
#include "schemas/incident_encoder.h"
#include "tests/harness/deliveries.h"

namespace rootnote::testing {

inline constexpr std::string_view kRules = R"(
kind app       { id app }
kind vm        { id vm }
kind datastore { id datastore }
kind array     { id array }
kind disk      { id array, disk }

relation runs_on    : app -> vm          carries errors, latency, down as errors
relation stored_on  : vm -> datastore    carries errors, latency within 2m
relation backed_by  : datastore -> array carries errors, latency
relation built_from : array -> disk      carries errors, errors as latency tolerates 1

signal disk_write_errors on disk {
  when rate(diskio_write_errors_total[1m]) > 0.1 for 10s
  family errors
}
signal vm_slow on vm {
  when avg_over_time(vm_write_latency_seconds[30s]) > 0.1 for 10s
  family latency
}
signal app_errors on app {
  when sum by (app) (count_over_time(request{code="500"}[30s]))
       / sum by (app) (count_over_time(request[30s])) > 20% for 10s
  family errors
}
incidents { hold back 20s }
)";

inline EventTime T(int64_t seconds) { return FromMillis(1'774'094'400'000 + seconds * 1'000); }

inline std::shared_ptr<const Program> Rules(std::string_view text = kRules) {
  CompileResult result = Compile({RuleSource("rules.rn", std::string(text))});
  for (const Diagnostic& diagnostic : result.diagnostics.list()) {
    if (diagnostic.level == DiagnosticLevel::kError) {
      ADD_FAILURE() << FormatDiagnostic(diagnostic, result.sources);
    }
  }
  return result.program;
}

inline MemoryRecord On(std::string topic, std::string value, int32_t partition = 0) {
  MemoryRecord record;
  record.topic = std::move(topic);
  record.partition = partition;
  record.value = std::move(value);
  return record;
}

inline TimedRecord Sampled(EventTime time, std::string_view metric, std::string_view labels,
                           double value, int32_t partition = 0) {
  return {time, On("metrics",
                   fmt::format(R"({{"metric":"{}","labels":{},"value":{},"time":"{}"}})", metric,
                               labels, value, FormatRfc3339(time)),
                   partition)};
}

inline std::vector<MemoryRecord> Map() {
  std::vector<MemoryRecord> records;
  auto relation = [&records](std::string_view name, std::string_view from, std::string_view to) {
    records.push_back(On(
        "topology", fmt::format(R"({{"relation":"{}","from":"{}","to":"{}"}})", name, from, to)));
  };
  relation("runs_on", "app:shop", "vm:web1");
  relation("runs_on", "app:shop", "vm:web2");
  relation("stored_on", "vm:web1", "datastore:ds1");
  relation("stored_on", "vm:web2", "datastore:ds1");
  relation("backed_by", "datastore:ds1", "array:a1");
  for (int disk = 0; disk < 4; ++disk) {
    relation("built_from", "array:a1", fmt::format("disk:a1/d{}", disk));
  }
  return records;
}

// Ten minutes: d1 fails at 2m, d2 at 4m; the VMs are slow and the app fails from 4m30s until 7m.
inline std::vector<TimedRecord> Story() {
  std::vector<TimedRecord> out;
  for (int second = 0; second <= 600; second += 5) {
    const EventTime time = T(second) + Millis(second % 7 * 100);
    for (int disk = 0; disk < 4; ++disk) {
      const int begin = disk == 1 ? 120 : disk == 2 ? 240 : 10'000;
      const int errors = std::max(0, std::min(second, 420) - begin);
      out.push_back(Sampled(time, "diskio_write_errors_total",
                            fmt::format(R"({{"array":"a1","disk":"d{}"}})", disk), errors,
                            disk % 2));
    }
    const bool bad = second >= 270 && second < 420;
    for (const char* vm : {"web1", "web2"}) {
      out.push_back(Sampled(time, "vm_write_latency_seconds", fmt::format(R"({{"vm":"{}"}})", vm),
                            bad ? 0.9 : 0.004, 1));
    }
    for (int request = 0; request < 4; ++request) {
      out.push_back({time + Millis(request),
                     On("logs", fmt::format(R"({{"event":"request","labels":{{"app":"shop","code":)"
                                            R"("{}"}},"message":"r{}","time":"{}"}})",
                                            bad && request % 2 == 0 ? 500 : 200, request,
                                            FormatRfc3339(time + Millis(request))))});
    }
  }
  return out;
}

inline PipelineOptions Options() {
  PipelineOptions options;
  options.topics.push_back({"topology", TopicRole::kTopology, "rootnote-json", "", Millis(0)});
  options.topics.push_back({"metrics", TopicRole::kData, "rootnote-json", "", Millis(5'000)});
  options.topics.push_back({"logs", TopicRole::kData, "auto", "", Millis(5'000)});
  return options;
}

struct Ran {
  absl::Status status;
  std::string incidents;     // lines
  std::string dead_letters;  // lines
  std::vector<Incident> decoded;
  std::shared_ptr<const EngineView> view;
  size_t late = 0;
};

inline std::vector<MemoryRecord> With(std::vector<MemoryRecord> map,
                                      std::vector<MemoryRecord> records) {
  map.insert(map.end(), std::make_move_iterator(records.begin()),
             std::make_move_iterator(records.end()));
  return map;
}

inline Ran Replay(std::vector<MemoryRecord> records, const PipelineOptions& options,
                  FaultySink& sink, Metrics& metrics,
                  const std::shared_ptr<const Program>& program = Rules()) {
  MemorySource source(std::move(records));
  Pipeline pipeline(program, source, sink, metrics, options);
  size_t called = 0;
  pipeline.OnIncident([&](const Incident&) {
    ++called;
    EXPECT_LE(called,
              static_cast<size_t>(std::count_if(
                  sink.records().begin(), sink.records().end(),
                  [&](const auto& record) { return record.topic == options.outputs.incidents; })))
        << "called before the commit";
  });
  Ran ran;
  ran.status = pipeline.Run();
  ran.incidents = sink.Lines(options.outputs.incidents);
  ran.dead_letters = sink.Lines(options.outputs.dead_letter);
  for (const OutputRecord& record : sink.records()) {
    ran.late += record.topic == options.outputs.late;
    if (record.topic == options.outputs.incidents) {
      auto incident = DecodeIncident(*record.value);
      EXPECT_TRUE(incident.ok()) << incident.status().message();
      if (incident.ok()) {
        ran.decoded.push_back(*std::move(incident));
      }
    }
  }
  EXPECT_EQ(called, ran.decoded.size());
  ran.view = pipeline.View();
  EXPECT_EQ(sink.violation(), "");
  return ran;
}

inline Ran Replay(std::vector<MemoryRecord> records, const PipelineOptions& options = Options()) {
  FaultySink sink;
  Metrics metrics;
  return Replay(std::move(records), options, sink, metrics);
}

}  // namespace rootnote::testing
