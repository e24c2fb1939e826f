#include "engine/cli/scenario.h"

#include <algorithm>
#include <numeric>

#include "fmt/format.h"
#include "rapidjson/stringbuffer.h"
#include "rapidjson/writer.h"

#include "schemas/schema.h"

namespace rootnote {
namespace {

constexpr std::string_view kTopologyTopic = "topology";
constexpr std::string_view kInputTopic = "input";
constexpr Millis kLateness{5'000};

using JsonWriter = rapidjson::Writer<rapidjson::StringBuffer>;

void Key(JsonWriter& json, std::string_view key) {
  json.Key(key.data(), static_cast<rapidjson::SizeType>(key.size()));
}
void Text(JsonWriter& json, std::string_view text) {
  json.String(text.data(), static_cast<rapidjson::SizeType>(text.size()));
}
void Number(JsonWriter& json, double value) {
  if (IsStaleNan(value)) return Text(json, "stale");
  if (value != value) return Text(json, "NaN");
  const std::string text = fmt::format("{}", value);
  if (text == "inf" || text == "-inf") return Text(json, text == "inf" ? "+Inf" : "-Inf");
  json.RawValue(text.data(), text.size(), rapidjson::kNumberType);
}
void WriteLabels(JsonWriter& json, std::string_view key, const Labels& labels) {
  Key(json, key);
  json.StartObject();
  for (const auto& [name, value] : labels.ToVector()) {
    if (name == kMetricName) continue;
    Key(json, name);
    Text(json, value);
  }
  json.EndObject();
}

template <typename Body>
std::string Object(Body body) {
  rapidjson::StringBuffer buffer;
  JsonWriter json(buffer);
  json.StartObject();
  body(json);
  json.EndObject();
  return {buffer.GetString(), buffer.GetSize()};
}

MemoryRecord TopologyRecord(const Test::Change& change, EventTime start) {
  MemoryRecord record{.topic = std::string(kTopologyTopic)};
  record.value = Object([&](JsonWriter& json) {
    if (change.relation.empty()) {
      Key(json, "entity");
      Text(json, change.entity);
    } else {
      Key(json, "relation");
      Text(json, change.relation);
      Key(json, "from");
      Text(json, change.from);
      Key(json, "to");
      Text(json, change.to);
    }
    if (!change.labels.empty()) WriteLabels(json, "labels", change.labels);
    if (change.deleted) {
      Key(json, "deleted");
      json.Bool(true);
    }
    if (change.dated) {
      Key(json, "time");
      json.Int64(ToMillis(start + change.at));
    }
  });
  return record;
}

std::string InputValue(const TestSeries& series, double value, EventTime time) {
  return Object([&](JsonWriter& json) {
    Key(json, series.event ? "event" : "metric");
    Text(json, series.name);
    WriteLabels(json, "labels", series.labels);
    if (!series.event) {
      Key(json, "value");
      Number(json, value);
    }
    if (!series.attributes.empty()) WriteLabels(json, "attributes", series.attributes);
    if (!series.message.empty()) {
      Key(json, "message");
      Text(json, series.message);
    }
    Key(json, "time");
    json.Int64(ToMillis(time));
  });
}

struct Timed {
  EventTime time;
  EventTime delivered;
  std::string value;
};

std::vector<Timed> InputRecords(const Test& test, const ScenarioDelivery& delivery) {
  const EventTime start = ScenarioStart(test);
  std::vector<Timed> records;
  for (const TestSeries& series : test.series) {
    for (size_t i = 0; i < series.values.size(); ++i) {
      if (!series.values[i]) continue;
      const EventTime time = start + series.start + series.step * static_cast<int64_t>(i);
      records.push_back({time, time, InputValue(series, *series.values[i], time)});
    }
  }
  uint64_t random = delivery.shuffle_seed;
  if (random != 0) {
    for (Timed& record : records) {
      // SplitMix64: displaced by less than the lateness, so that nothing becomes late.
      uint64_t z = (random += 0x9e3779b97f4a7c15ULL);
      z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
      z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
      record.delivered += Millis(static_cast<int64_t>((z ^ (z >> 31)) % 4'900));
    }
  }
  if (delivery.duplicates) {
    const size_t originals = records.size();
    for (size_t i = 0; i < originals; i += 3) {
      records.push_back(records[i]);
      records.back().delivered += Millis(static_cast<int64_t>(i % 4'000));
    }
  }
  std::stable_sort(records.begin(), records.end(),
                   [](const Timed& a, const Timed& b) { return a.delivered < b.delivered; });
  return records;
}

}  // namespace

bool ScenarioOutcome::passed() const {
  return dead_letters.empty() &&
         std::all_of(expectations.begin(), expectations.end(),
                     [](const Expected& expected) { return expected.holds; });
}

EventTime ScenarioStart(const Test& test) {
  return test.start.value_or(std::chrono::sys_days(std::chrono::year(2026) / 1 / 1));
}

std::vector<MemoryRecord> ScenarioRecords(const Test& test, const ScenarioDelivery& delivery) {
  std::vector<MemoryRecord> records;
  const EventTime start = ScenarioStart(test);
  std::vector<size_t> order(test.topology.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::stable_sort(order.begin(), order.end(), [&](size_t a, size_t b) {
    const auto at = [&](size_t i) {
      return test.topology[i].dated ? test.topology[i].at : Millis::min();
    };
    return at(a) < at(b);
  });
  for (const size_t i : order) records.push_back(TopologyRecord(test.topology[i], start));
  int32_t next = 0;
  for (Timed& timed : InputRecords(test, delivery)) {
    MemoryRecord record{.topic = std::string(kInputTopic), .partition = next};
    record.value = std::move(timed.value);
    records.push_back(std::move(record));
    next = (next + 1) % std::max(delivery.partitions, 1);
  }
  return records;
}

absl::StatusOr<ScenarioOutcome> RunScenario(const std::shared_ptr<const Program>& program,
                                            const Test& test, const ScenarioDelivery& delivery) {
  PipelineOptions options;
  options.topics = {{.topic = std::string(kTopologyTopic),
                     .role = TopicRole::kTopology,
                     .format = "rootnote-json"},
                    {.topic = std::string(kInputTopic),
                     .format = "rootnote-json",
                     .allowed_lateness = kLateness}};
  options.threads = delivery.threads;
  options.batch_records = delivery.batch_records;
  options.until = ScenarioStart(test) + test.length;
  // Positions are compared only where the records lie where they lay.
  options.evidence_positions =
      delivery.shuffle_seed == 0 && !delivery.duplicates && delivery.partitions == 1;

  MemorySource source(ScenarioRecords(test, delivery));
  MemorySink sink;
  Metrics metrics;
  Pipeline pipeline(program, source, sink, metrics, options);
  ScenarioOutcome outcome;
  pipeline.OnIncident([&](const Incident& incident) { outcome.revisions.push_back(incident); });
  pipeline.OnTransition([&](const Transition& transition, const Program&) {
    outcome.transitions.push_back(transition);
  });
  RETURN_IF_ERROR(pipeline.Run());
  outcome.output = sink.Lines(options.outputs.incidents);
  outcome.dead_letters = sink.Lines(options.outputs.dead_letter);
  outcome.expectations = Judge(*program, test, outcome.revisions, outcome.transitions);
  return outcome;
}

}  // namespace rootnote
