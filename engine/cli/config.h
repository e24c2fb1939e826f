// rootnote.yaml: strict YAML (an unknown key is an error with its place and a suggestion),
// `${env:NAME:-default}` in scalars after parsing, secrets masked when shown.
// Every key: docs/operating.md; the shape: schemas/config.schema.json.
#pragma once

#include <map>
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
  bool from_beginning = false;   // `start: earliest`
  std::map<std::string, std::string> properties, consumer, producer;  // passed to librdkafka
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
  HttpConfig http;
  PipelineOptions pipeline;  // its `topics` cover topics and files alike
};

// NotFound: the file; InvalidArgument: file:line:column and what to do, all findings of the file.
absl::StatusOr<Config> ReadConfig(const std::string& path);
absl::StatusOr<Config> ParseConfig(std::string_view text, const std::string& name);

// `properties` with the values of secret-looking keys (password, secret, token, key) masked.
std::map<std::string, std::string> Masked(std::map<std::string, std::string> properties);

}  // namespace rootnote
