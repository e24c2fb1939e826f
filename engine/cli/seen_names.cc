#include "engine/cli/seen_names.h"

#include <algorithm>
#include <memory>
#include <set>
#include <string_view>
#include <utility>

#include "fmt/format.h"
#include "rapidjson/document.h"

#include "connectors/file/source.h"
#include "rules/seen_metrics.h"
#include "schemas/decoder.h"

namespace rootnote {
namespace {

// A line of JSON, not of an exposition: `{"name", …} 1` is one of the latter.
bool IsJson(std::string_view line) {
  const size_t begin = line.find_first_not_of(" \t");
  if (begin == std::string_view::npos || (line[begin] != '{' && line[begin] != '[')) return false;
  size_t at = line.find_first_not_of(" \t", begin + 1);
  if (at == std::string_view::npos || line[at] != '"') return line[begin] == '[';
  for (++at; at < line.size() && line[at] != '"'; ++at) {
    if (line[at] == '\\') ++at;
  }
  at = line.find_first_not_of(" \t", std::min(at + 1, line.size()));
  return at != std::string_view::npos && line[at] == ':';
}

// The record's value in a line of `kcat -J`; the line itself if it is none.
std::string PayloadOf(std::string_view line) {
  rapidjson::Document document;
  document.Parse<rapidjson::kParseIterativeFlag>(line.data(), line.size());
  const bool envelope = !document.HasParseError() && document.IsObject() &&
                        document.HasMember("topic") && document.HasMember("payload") &&
                        document["payload"].IsString();
  if (!envelope) return std::string(line);
  return {document["payload"].GetString(), document["payload"].GetStringLength()};
}

class SeenNames {
 public:
  explicit SeenNames(std::unique_ptr<Decoder> decoder) : decoder_(std::move(decoder)) {}

  void Add(std::string_view line) {
    if (!IsJson(line)) {
      for (std::string& name : ReadMetricNames(line)) names_.insert(std::move(name));
      return;
    }
    decoded_.Clear();
    DecodeContext context;
    context.record_time = FromMillis(0);
    if (decoder_->Decode(PayloadOf(line), context, decoded_)) return;
    for (const Sample& sample : decoded_.samples) names_.emplace(sample.labels.metric());
    for (const Event& event : decoded_.events) names_.insert(event.name);
  }

  size_t size() const { return names_.size(); }
  std::vector<std::string> Take() const { return {names_.begin(), names_.end()}; }

 private:
  std::unique_ptr<Decoder> decoder_;
  Decoded decoded_;
  std::set<std::string> names_;
};

absl::Status ReadFile(const std::string& path, SeenNames& names) {
  ASSIGN_OR_RETURN(const std::unique_ptr<Source> source,
                   OpenFileSource({.inputs = {FileInput{path, Envelope::kNone}}}));
  bool finished = false;
  while (!finished) {
    ASSIGN_OR_RETURN(const SourceBatch batch, source->Poll(PollLimits(), Millis(1'000)));
    for (const Record& record : batch.batch.records) {
      if (record.value) names.Add(*record.value);
    }
    for (const PartitionNotice& notice : batch.notices) {
      finished = finished || notice.type == PartitionNotice::Type::kFinished;
    }
  }
  source->Close();
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::vector<std::string>> ReadSeenNames(const std::vector<std::string>& paths) {
  ASSIGN_OR_RETURN(std::unique_ptr<Decoder> decoder, MakeDecoder("auto"));
  SeenNames names(std::move(decoder));
  for (const std::string& path : paths) {
    RETURN_IF_ERROR(ReadFile(path, names));
    if (names.size() == 0) {
      return absl::InvalidArgumentError(
          fmt::format("{}: no name of a metric or an event in it", path));
    }
  }
  return names.Take();
}

}  // namespace rootnote
