#include <atomic>
#include <filesystem>
#include <fstream>
#include <limits>
#include <thread>

#include "fmt/format.h"

#include "connectors/kafka/embedded.h"
#include "connectors/kafka/sink.h"
#include "connectors/kafka/source.h"
#include "engine/cli/commands.h"
#include "engine/cli/counted_source.h"
#include "engine/cli/demo_rules.h"
#include "engine/cli/estate/feed.h"
#include "engine/cli/exit_code.h"
#include "engine/cli/rule_files.h"
#include "engine/cli/terminal.h"
#include "engine/cli/time_lapse.h"
#include "engine/cli/version.h"
#include "engine/pipeline.h"

namespace rootnote {
namespace {

using estate::Feed;
using estate::FeedRecord;
using estate::FeedTopic;

// Partitions of the feed's topics. Enough that order across partitions is nobody's promise.
constexpr int kPartitions[] = {4, 2, 1, 1};
// The embedded Kafka keeps 5 MB per partition: never produce further ahead of the consumer.
constexpr int64_t kBytesAhead = 2 << 20;

std::string TopicName(FeedTopic topic) {
  return std::string(estate::kFeedTopics[static_cast<size_t>(topic)]);
}

OutputRecord ToOutput(const FeedRecord& record) {
  return {.topic = TopicName(record.topic),
          .key = record.key,
          .value = record.value,
          .timestamp = record.time};
}

// The collectors: produces the story, paced by what was consumed. Run is for a thread of its own.
class Collectors {
 public:
  Collectors(Feed& feed, KafkaProducer& producer, std::string record_to)
      : feed_(feed), producer_(producer), record_to_(std::move(record_to)) {}

  // The map: it is on its topic before anybody reads.
  absl::Status ProduceMap() {
    map_ = feed_.Topology();
    for (const FeedRecord& record : map_) RETURN_IF_ERROR(Produce(record));
    return producer_.Flush(30s);
  }

  absl::Status Run(CountedSource& source) {
    constexpr int64_t kNoLimit = std::numeric_limits<int64_t>::max();
    for (const FeedRecord& record : map_) source.WaitForRoom(SizeOf(record), kNoLimit);
    std::vector<FeedRecord> records;
    while (feed_.Step(records)) {
      for (const FeedRecord& record : records) {
        if (!source.WaitForRoom(SizeOf(record), kBytesAhead)) {
          return absl::OkStatus();  // The consumer has gone.
        }
        RETURN_IF_ERROR(Produce(record));
      }
      records.clear();
    }
    const absl::Status flushed = producer_.Flush(30s);
    source.ProducedAll();
    return flushed;
  }

 private:
  static int64_t SizeOf(const FeedRecord& record) {
    return static_cast<int64_t>(record.value.size());
  }

  absl::Status Produce(const FeedRecord& record) {
    RETURN_IF_ERROR(producer_.Produce(ToOutput(record)));
    return Keep(record);
  }

  absl::Status Keep(const FeedRecord& record) {
    if (record_to_.empty()) return absl::OkStatus();
    std::ofstream& file = files_[TopicName(record.topic)];
    if (!file.is_open()) {
      file.open(fmt::format("{}/{}.jsonl", record_to_, TopicName(record.topic)), std::ios::binary);
    }
    file << record.value << '\n';
    if (file.fail()) return absl::DataLossError(fmt::format("{}: cannot be written", record_to_));
    return absl::OkStatus();
  }

  Feed& feed_;
  KafkaProducer& producer_;
  std::string record_to_;
  std::vector<FeedRecord> map_;
  std::map<std::string, std::ofstream> files_;
};

PipelineOptions DemoPipeline() {
  PipelineOptions options;
  options.topics = {{.topic = TopicName(FeedTopic::kTopology),
                     .role = TopicRole::kTopology,
                     .format = "rootnote-json"},
                    {.topic = TopicName(FeedTopic::kTelegraf), .format = "telegraf-json"},
                    {.topic = TopicName(FeedTopic::kSynthetic), .format = "rootnote-json"},
                    {.topic = TopicName(FeedTopic::kEvents), .format = "rootnote-json"}};
  options.threads = std::max(1, static_cast<int>(std::thread::hardware_concurrency()));
  options.incidents.engine_version = kVersion;
  // Time-lapse: event time follows the records alone, as in replay.
  options.now = nullptr;
  return options;
}

struct Broker {
  std::unique_ptr<EmbeddedKafka> kafka;
  std::unique_ptr<KafkaProducer> producer;
};

absl::StatusOr<Broker> StartBroker(const PipelineOptions& options) {
  Broker broker;
  ASSIGN_OR_RETURN(broker.kafka, StartEmbeddedKafka());
  for (size_t i = 0; i < std::size(kPartitions); ++i) {
    RETURN_IF_ERROR(broker.kafka->CreateTopic(std::string(estate::kFeedTopics[i]), kPartitions[i]));
  }
  const OutputTopics& outputs = options.outputs;
  for (const std::string& topic :
       {outputs.incidents, outputs.dead_letter, outputs.late, outputs.unresolved}) {
    RETURN_IF_ERROR(broker.kafka->CreateTopic(topic, 1));
  }
  ASSIGN_OR_RETURN(broker.producer,
                   OpenKafkaProducer({{"bootstrap.servers", broker.kafka->bootstrap_servers()},
                                      {"linger.ms", "5"}}));
  return broker;
}

absl::StatusOr<std::unique_ptr<KafkaSource>> OpenFeed(const std::string& servers) {
  KafkaSourceOptions options;
  options.topics = {TopicName(FeedTopic::kTelegraf), TopicName(FeedTopic::kSynthetic),
                    TopicName(FeedTopic::kEvents)};
  options.assigned = {TopicName(FeedTopic::kTopology)};
  options.properties = {{"bootstrap.servers", servers}, {"group.id", "rootnote-demo"}};
  options.from_beginning = true;
  return OpenKafkaSource(std::move(options));
}

// The incidents topic, read back from its beginning: what a ticketing system would have got.
absl::StatusOr<std::vector<std::string>> ReadIncidents(const std::string& servers,
                                                       const std::string& topic) {
  KafkaSourceOptions options;
  options.assigned = {topic};
  options.properties = {{"bootstrap.servers", servers}, {"group.id", "rootnote-demo-reader"}};
  ASSIGN_OR_RETURN(std::unique_ptr<KafkaSource> source, OpenKafkaSource(std::move(options)));
  std::vector<std::string> values;
  const auto deadline = std::chrono::steady_clock::now() + 15s;
  bool at_end = false;
  while (!at_end) {
    ASSIGN_OR_RETURN(const SourceBatch batch, source->Poll({}, 100ms));
    for (const Record& record : batch.batch.records) {
      if (record.value) values.emplace_back(*record.value);
    }
    for (const PartitionNotice& notice : batch.notices) {
      at_end = at_end || notice.type == PartitionNotice::Type::kAtEnd;
    }
    if (std::chrono::steady_clock::now() > deadline) {
      return absl::UnavailableError("the embedded Kafka did not give the incidents back");
    }
  }
  source->Close();
  return values;
}

struct DemoRun {
  std::vector<std::string> incidents;  // as read back, in the order of the topic
  double seconds = 0;
};

absl::StatusOr<DemoRun> Play(Feed& feed, const std::shared_ptr<const Program>& program,
                             const std::string& record_to, TimeLapse& lapse) {
  const auto began = std::chrono::steady_clock::now();
  const PipelineOptions options = DemoPipeline();
  ASSIGN_OR_RETURN(Broker broker, StartBroker(options));
  const std::string servers = broker.kafka->bootstrap_servers();
  Collectors collectors(feed, *broker.producer, record_to);
  RETURN_IF_ERROR(collectors.ProduceMap());
  ASSIGN_OR_RETURN(std::unique_ptr<KafkaSource> kafka, OpenFeed(servers));
  const Pipeline* running = nullptr;
  CountedSource source(*kafka, [&] { lapse.Look(*running->View()); });
  ASSIGN_OR_RETURN(std::unique_ptr<Sink> sink,
                   OpenKafkaSink({.properties = {{"bootstrap.servers", servers},
                                                 {"transactional.id", "rootnote-demo"}}}));
  Metrics metrics;
  Pipeline pipeline(program, source, *sink, metrics, options);
  running = &pipeline;
  pipeline.OnTransition([&](const Transition& t, const Program& p) { lapse.Note(t, p); });
  pipeline.OnIncident([&](const Incident& incident) { lapse.Note(incident); });

  absl::Status produced;
  std::thread thread([&] {
    produced = collectors.Run(source);
    if (!produced.ok()) pipeline.Stop();
  });
  const absl::Status ran = pipeline.Run();
  source.Abandon();
  thread.join();
  RETURN_IF_ERROR(ran);
  RETURN_IF_ERROR(produced);
  RETURN_IF_ERROR(sink->Close());
  sink.reset();
  kafka->Close();
  DemoRun run;
  ASSIGN_OR_RETURN(run.incidents, ReadIncidents(servers, options.outputs.incidents));
  run.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - began).count();
  return run;
}

absl::StatusOr<std::shared_ptr<const Program>> DemoProgram() {
  std::vector<RuleSource> sources;
  sources.emplace_back("store.rn", std::string(DemoRules()));
  const CompileResult result = Compile(std::move(sources), WithPacks());
  if (!PrintDiagnostics(result, Terminal(stderr))) {
    return absl::InternalError("the demo's own rules have errors");
  }
  return result.program;
}

}  // namespace

int RunDemo(const DemoArguments& arguments) {
  const std::optional<estate::Story> story = estate::ParseStory(arguments.story);
  if (!story) {
    return PrintFailure(absl::OutOfRangeError(
        fmt::format("no scenario \"{}\"; there are dns, disk and quiet", arguments.story)));
  }
  if (!arguments.record.empty()) {
    std::error_code error;
    std::filesystem::create_directories(arguments.record, error);
  }
  absl::StatusOr<std::shared_ptr<const Program>> program = DemoProgram();
  if (!program.ok()) return PrintFailure(program.status());
  Feed feed(estate::BuildEstate({.seed = arguments.seed}), *story);
  const bool text = arguments.format == "text";
  const Terminal out(stdout);
  TimeLapse lapse(out, text, **program);
  lapse.Begin(*story, feed);
  absl::StatusOr<DemoRun> run = Play(feed, *program, arguments.record, lapse);
  if (!run.ok()) return PrintFailure(run.status());
  if (!text) {
    for (const std::string& incident : run->incidents) out.Print(incident + "\n");
    return kExitOk;
  }
  lapse.End(run->incidents, run->seconds);
  return kExitOk;
}

}  // namespace rootnote
