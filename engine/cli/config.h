// rootnote.yaml: strict YAML (an unknown key is an error with its place and a suggestion),
// `${env:NAME:-default}` and `${file:PATH}` in scalars after parsing, secrets masked when shown.
// Every key: docs/operating.md; the shape: schemas/config.schema.json.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "connectors/file/source.h"
#include "engine/pipeline.h"
#include "schemas/base/status.h"

namespace rootnote {

struct KafkaConfig {
  std::string bootstrap_servers;  // "": no Kafka
  std::string group = "rootnote";
  std::string instance;          // group.instance.id: static membership
  std::string transactional_id;  // default: the group
  // Where to begin without committed offsets: `start: earliest`, a time, or neither (latest).
  bool from_beginning = false;
  std::optional<EventTime> from_time;
  std::string election_topic;   // default: `<group>.active`
  bool create_topics = true;    // ours that are missing
  int replication_factor = -1;  // of topics that are created; -1: the broker's default
  std::map<std::string, std::string> properties, consumer, producer;  // passed to librdkafka
};

// What is kept of the outputs' records, where their topics are created here.
struct OutputConfig {
  int partitions = 1;  // one keeps the revisions of all incidents in their order
};

struct HttpConfig {
  bool enabled = true;
  std::string address = "127.0.0.1";
  int port = 9464;
};

struct Config {
  std::vector<std::string> rules;
  KafkaConfig kafka;
  std::vector<FileInput> files;                // inputs that are files, in order
  std::map<std::string, std::string> outputs;  // topic → file, for outputs without Kafka
  OutputConfig output;
  HttpConfig http;
  PipelineOptions pipeline;           // its `topics` cover topics and files alike
  Millis history{3'600'000};          // the most that a warm-up reads back
  Millis catching_up_after{300'000};  // event time this far behind at the start is catching up
  bool shadow = false;                // see Shadowed
  std::vector<std::string> warnings;  // file:line:column and what to do
  std::string text;                   // as it was read
};

// NotFound: the file; InvalidArgument: file:line:column and what to do, all findings of the file.
absl::StatusOr<Config> ReadConfig(const std::string& path);
absl::StatusOr<Config> ParseConfig(std::string_view text, const std::string& name);

// The same, made harmless beside a run in earnest: every output topic and file, the group, the
// transactional id and what depends on them get `.shadow`; routes are off (`shadow`).
Config Shadowed(Config config);

// The keys whose change takes effect only after a restart, of those that differ.
std::vector<std::string> NeedsRestart(const Config& running, const Config& read);

// Whether a property's value is to be hidden: its name speaks of a password, secret, token or key
// (a path to one is no secret).
bool IsSecret(std::string_view key);
// `properties` as they may be shown.
std::map<std::string, std::string> Masked(std::map<std::string, std::string> properties);

}  // namespace rootnote
