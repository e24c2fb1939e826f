// The whole way, end to end: JSON records in memory → decode → windows → rules → incidents, on the
// generated estate's DNS story. Each run is checked: one incident with the right root, the same
// bytes out every time. Nothing is timed in a build that says nothing about speed.
#include <algorithm>
#include <cstdio>
#include <fstream>
#include <memory>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "benchmark/benchmark.h"
#include "fmt/format.h"

#include "bench/fitness.h"
#include "connectors/memory/memory.h"
#include "engine/cli/demo_rules.h"
#include "engine/cli/estate/feed.h"
#include "engine/cli/rule_files.h"
#include "engine/pipeline.h"
#include "schemas/decoder.h"
#include "schemas/incident_encoder.h"

namespace rootnote {
namespace {

using estate::FeedTopic;

constexpr int32_t kPartitions[] = {4, 2, 1, 1};  // of the feed's topics, as in the demo

uint64_t Fnv(std::string_view text, uint64_t hash = 0xcbf29ce484222325ULL) {
  for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3ULL;
  return hash;
}

struct Input {
  std::vector<MemoryRecord> records;
  int64_t bytes = 0;
  int64_t samples = 0;  // and events
  uint64_t digest = Fnv("");
};

PipelineOptions Options(int threads) {
  PipelineOptions options;
  for (size_t i = 0; i < std::size(estate::kFeedTopics); ++i) {
    const auto topic = static_cast<FeedTopic>(i);
    options.topics.push_back(
        {.topic = std::string(estate::kFeedTopics[i]),
         .role = topic == FeedTopic::kTopology ? TopicRole::kTopology : TopicRole::kData,
         .format = topic == FeedTopic::kTelegraf ? "telegraf-json" : "rootnote-json"});
  }
  options.threads = threads;
  return options;
}

void Add(Input& input, const estate::FeedRecord& record) {
  const auto topic = static_cast<size_t>(record.topic);
  MemoryRecord& to = input.records.emplace_back();
  to.topic = std::string(estate::kFeedTopics[topic]);
  to.partition = static_cast<int32_t>(Fnv(record.key) % static_cast<uint64_t>(kPartitions[topic]));
  to.key = record.key;
  to.value = record.value;
  input.bytes += static_cast<int64_t>(record.value.size());
  input.digest = Fnv(record.value, input.digest);
}

void CountSamples(Input& input) {
  const auto decoder = MakeDecoder("auto");
  Decoded decoded;
  for (const MemoryRecord& record : input.records) {
    if (record.topic == estate::kFeedTopics[static_cast<size_t>(FeedTopic::kTopology)]) continue;
    decoded.Clear();
    if ((*decoder)->Decode(*record.value, {}, decoded)) continue;
    input.samples += static_cast<int64_t>(decoded.samples.size() + decoded.events.size());
  }
}

Input MakeInput(uint32_t apps) {
  Input input;
  estate::Feed feed(estate::BuildEstate({.seed = 1, .apps = apps}), estate::Story::kDns);
  std::vector<estate::FeedRecord> records = feed.Topology();
  do {
    for (const estate::FeedRecord& record : records) Add(input, record);
    records.clear();
  } while (feed.Step(records));
  CountSamples(input);
  return input;
}

// "" when the run gave what the story asks for.
std::string Complaint(const MemorySink& sink, const OutputTopics& topics,
                      const std::vector<Incident>& revisions) {
  std::set<std::string> ids;
  for (const Incident& incident : revisions) ids.insert(incident.id);
  if (ids.size() != 1) return fmt::format("{} incidents instead of 1", ids.size());
  const Incident& last = revisions.back();
  if (last.root[0].entity != "dns:internal-atlantic" || last.root[0].fault != "dns_failure") {
    return fmt::format("root {} with fault {}", last.root[0].entity, last.root[0].fault);
  }
  if (last.status != IncidentStatus::kResolved) return "the incident is not resolved";
  for (const std::string& topic : {topics.dead_letter, topics.late, topics.unresolved}) {
    if (!sink.Lines(topic).empty()) return fmt::format("records on {}", topic);
  }
  return "";
}

struct Run {
  std::string complaint;
  uint64_t digest = 0;  // of the incident records
};

Run Replay(const std::shared_ptr<const Program>& program, std::vector<MemoryRecord> records,
           int threads, benchmark::State& state) {
  const PipelineOptions options = Options(threads);
  MemorySource source(std::move(records));
  MemorySink sink;
  Metrics metrics;
  std::vector<Incident> revisions;
  state.ResumeTiming();
  Pipeline pipeline(program, source, sink, metrics, options);
  pipeline.OnIncident([&](const Incident& incident) { revisions.push_back(incident); });
  const absl::Status status = pipeline.Run();
  state.PauseTiming();
  if (!status.ok()) return {std::string(status.message())};
  return {Complaint(sink, options.outputs, revisions), Fnv(sink.Lines(options.outputs.incidents))};
}

// The digest that every run on this input must give, whatever its threads.
struct Case {
  Input input;
  std::optional<uint64_t> output;
};

void ReplayEstate(benchmark::State& state, const std::shared_ptr<const Program>& program,
                  Case& story, uint32_t apps) {
  if (story.input.records.empty()) story.input = MakeInput(apps);
  const Input& input = story.input;
  for (auto _ : state) {
    state.PauseTiming();
    const Run run = Replay(program, input.records, static_cast<int>(state.range(0)), state);
    if (!story.output) story.output = run.digest;
    if (!run.complaint.empty()) return state.SkipWithError(run.complaint.c_str());
    if (run.digest != *story.output) return state.SkipWithError("other bytes than the run before");
    state.ResumeTiming();
  }
  const auto rate = [&](int64_t each) {
    return benchmark::Counter(static_cast<double>(each) * static_cast<double>(state.iterations()),
                              benchmark::Counter::kIsRate);
  };
  state.counters["records/s"] = rate(static_cast<int64_t>(input.records.size()));
  state.counters["samples/s"] = rate(input.samples);
  state.SetBytesProcessed(input.bytes * state.iterations());
  state.SetLabel(fmt::format("in {:016x} out {:016x}", input.digest, *story.output));
}

std::string FirstLine(const char* command) {
  std::string line;
  if (std::FILE* pipe = popen(command, "r"); pipe != nullptr) {
    char buffer[256] = "";
    if (std::fgets(buffer, sizeof(buffer), pipe) != nullptr) line = buffer;
    pclose(pipe);
  }
  while (!line.empty() && line.back() == '\n') line.pop_back();
  return line.empty() ? "unknown" : line;
}

std::string Cpu() {
  std::ifstream file("/proc/cpuinfo");
  for (std::string line; std::getline(file, line);) {
    if (line.starts_with("model name")) return line.substr(line.find(':') + 2);
  }
  return "unknown";
}

void AddContext() {
  benchmark::AddCustomContext("commit", FirstLine("git describe --always --dirty 2>/dev/null"));
  benchmark::AddCustomContext("compiler", __VERSION__);
  benchmark::AddCustomContext("cpu", Cpu());
  benchmark::AddCustomContext("cores", std::to_string(std::thread::hardware_concurrency()));
  benchmark::AddCustomContext("load", FirstLine("cut -d' ' -f1-3 /proc/loadavg"));
}

int Main(int argc, char** argv) {
  if (const std::string why = bench::Unfit(); !why.empty()) {
    fmt::print(stderr,
               "replay_bench: this build is not for measuring: {}; use the preset release\n", why);
    return 64;
  }
  std::vector<RuleSource> sources;
  sources.emplace_back("store.rn", std::string(DemoRules()));
  const CompileResult rules = Compile(std::move(sources));
  if (!PrintDiagnostics(rules, Terminal(stderr))) return 70;
  std::vector<std::unique_ptr<Case>> cases;
  for (const uint32_t apps : {18U, 72U}) {
    Case& story = *cases.emplace_back(std::make_unique<Case>());
    benchmark::RegisterBenchmark(fmt::format("Replay/apps:{}", apps).c_str(),
                                 [&story, apps, program = rules.program](benchmark::State& state) {
                                   ReplayEstate(state, program, story, apps);
                                 })
        ->ArgName("threads")
        ->Arg(1)
        ->Arg(2)
        ->UseRealTime()
        ->MeasureProcessCPUTime()
        ->Unit(benchmark::kMillisecond);
  }
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 64;
  AddContext();
  benchmark::RunSpecifiedBenchmarks();
  benchmark::Shutdown();
  return 0;
}

}  // namespace
}  // namespace rootnote

int main(int argc, char** argv) { return rootnote::Main(argc, argv); }
