#include "engine/outbox.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "fmt/format.h"

#include "schemas/base/check.h"
#include "schemas/incident_encoder.h"

namespace rootnote {
namespace {

constexpr std::string_view kConnect = "__connect.errors.";

void AppendQuoted(std::string_view text, std::string& out) {
  out += '"';
  for (const char c : text) {
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (static_cast<unsigned char>(c) < 0x20) {
      fmt::format_to(std::back_inserter(out), "\\u{:04x}", static_cast<unsigned>(c));
    } else {
      out += c;
    }
  }
  out += '"';
}

void AppendKey(std::string_view key, std::string& out) {
  out += out.empty() || out.back() == '{' ? "" : ",";
  AppendQuoted(key, out);
  out += ':';
}

void AppendText(std::string_view key, std::string_view value, std::string& out) {
  AppendKey(key, out);
  AppendQuoted(value, out);
}

void AppendNumber(std::string_view key, double value, std::string& out) {
  AppendKey(key, out);
  if (IsStaleNan(value)) {
    out += "\"stale\"";
  } else if (std::isnan(value)) {
    out += "\"NaN\"";
  } else if (std::isinf(value)) {
    out += value > 0 ? "\"+Inf\"" : "\"-Inf\"";
  } else {
    fmt::format_to(std::back_inserter(out), "{}", value);
  }
}

void AppendLabels(std::string_view key, const Labels& labels, std::string& out) {
  if (labels.empty()) {
    return;
  }
  AppendKey(key, out);
  out += '{';
  for (const auto& [name, value] : labels.ToVector()) {
    if (name != kMetricName) {
      AppendText(name, value, out);
    }
  }
  out += '}';
}

class HeaderList {
 public:
  explicit HeaderList(OutputRecord& record) : record_(record) {}
  // As Connect does: what is there already stays.
  void Add(std::string name, std::string value) {
    const bool present = std::any_of(record_.headers.begin(), record_.headers.end(),
                                     [&](const auto& header) { return header.first == name; });
    if (!present) {
      record_.headers.emplace_back(std::move(name), std::move(value));
    }
  }

 private:
  OutputRecord& record_;
};

OutputRecord From(const ArrivedRecord& arrived, const std::string& topic) {
  const Record& record = arrived.record;
  OutputRecord out;
  out.topic = topic;
  if (record.key) {
    out.key = std::string(*record.key);
  }
  for (const HeaderView& header : record.headers) {
    out.headers.emplace_back(
        std::string(header.key),
        header.value ? std::optional(std::string(*header.value)) : std::nullopt);
  }
  out.timestamp = record.record_time;
  return out;
}

size_t BytesOf(const OutputRecord& record) {
  size_t bytes = sizeof(OutputRecord) + record.topic.size();
  bytes += record.key ? record.key->size() : 0;
  bytes += record.value ? record.value->size() : 0;
  for (const auto& [name, value] : record.headers) {
    bytes += name.size() + (value ? value->size() : 0);
  }
  return bytes;
}

}  // namespace

std::string OwnJson(const Sample& sample) {
  std::string out = "{";
  AppendText("metric", sample.labels.metric(), out);
  AppendLabels("labels", sample.labels, out);
  AppendNumber("value", sample.value, out);
  AppendText("time", FormatRfc3339(sample.time), out);
  return out + "}";
}

std::string OwnJson(const Event& event) {
  std::string out = "{";
  AppendText("event", event.name, out);
  AppendLabels("labels", event.labels, out);
  AppendLabels("attributes", event.attributes, out);
  if (!event.message.empty()) {
    AppendText("message", event.message, out);
  }
  if (!event.id.empty()) {
    AppendText("id", event.id, out);
  }
  AppendText("time", FormatRfc3339(event.time), out);
  return out + "}";
}

Outbox::Outbox(const OutputTopics& topics, bool evidence_positions, std::string version,
               Metrics& metrics)
    : topics_(topics),
      evidence_positions_(evidence_positions),
      version_(std::move(version)),
      metrics_(metrics) {}

void Outbox::UseProjections(const std::vector<Route>& routes) {
  for (const Route& route : routes) {
    if (route.projection.empty()) {
      continue;
    }
    absl::StatusOr<Projection> projection = Projection::BuiltIn(route.projection);
    CHECK(projection.ok());  // the checker of the rules knows the names
    projections_.emplace(route.topic, std::pair(route.projection, *std::move(projection)));
  }
}

void Outbox::Add(OutputRecord record) {
  bytes_ += BytesOf(record);
  metrics_
      .Counter("rootnote_kafka_records_produced_total", "Records handed to the sink.",
               fmt::format("topic=\"{}\"", EscapeLabelValue(record.topic)))
      .Add();
  commit_.records.push_back(std::move(record));
}

void Outbox::AddIncident(Incident incident) {
  OutputRecord record;
  record.topic = topics_.incidents;
  record.key = incident.id;
  IncidentEncoding encoding;
  encoding.evidence_positions = evidence_positions_;
  record.value = EncodeIncident(incident, encoding);
  record.headers = {
      {"ce_specversion", "1.0"},
      {"ce_id", fmt::format("{}/{}", incident.id, incident.revision)},
      {"ce_source", "rootnote"},
      {"ce_type", "rootnote.incident.v1"},
      {"ce_time", FormatRfc3339(incident.updated_at)},
      {"content-type", "application/json"},
  };
  record.timestamp = incident.updated_at;
  for (const std::string& topic : incident.routed) {
    AddRouted(record, incident, topic);
  }
  Add(std::move(record));
  incidents_.push_back(std::move(incident));
}

void Outbox::AddRouted(const OutputRecord& record, const Incident& incident,
                       const std::string& topic) {
  OutputRecord copy = record;
  copy.topic = topic;
  if (const auto form = projections_.find(topic); form != projections_.end()) {
    const auto& [name, projection] = form->second;
    copy.value = projection.Apply(*record.value);
    for (auto& [header, value] : copy.headers) {
      if (header == "ce_type") {
        value = "rootnote.incident." + name;
      }
    }
    copy.headers.emplace_back("x-rootnote-projection", name);
    copy.headers.emplace_back("x-rootnote-status", std::string(Name(incident.status)));
  }
  Add(std::move(copy));
}

void Outbox::AddDeadLetter(const ArrivedRecord& arrived, std::string_view stage,
                           const DecodeFailure& failure) {
  const Record& record = arrived.record;
  OutputRecord out = From(arrived, topics_.dead_letter);
  if (record.value) {
    out.value = std::string(*record.value);
  }
  HeaderList headers(out);
  const std::string connect(kConnect);
  headers.Add(connect + "topic", std::string(record.topic));
  headers.Add(connect + "partition", std::to_string(record.partition));
  headers.Add(connect + "offset", std::to_string(record.offset));
  headers.Add(connect + "connector.name", "rootnote");
  headers.Add(connect + "stage", std::string(stage));
  headers.Add(connect + "exception.message",
              fmt::format("{}: {}", ErrorName(failure.error), failure.detail));
  headers.Add("x-rootnote-format", std::string(arrived.format));
  headers.Add("x-rootnote-reason", std::string(ErrorName(failure.error)));
  headers.Add("x-rootnote-json-pointer", failure.pointer);
  headers.Add("x-rootnote-byte-offset", std::to_string(failure.byte_offset));
  headers.Add("x-rootnote-version", version_);
  Add(std::move(out));
  metrics_
      .Counter("rootnote_dead_letter_records_total", "Records sent to the dead-letter topic.",
               fmt::format("reason=\"{}\"", ErrorName(failure.error)))
      .Add();
}

void Outbox::AddLate(const ArrivedRecord& arrived, std::string_view source, EventTime watermark,
                     std::string own_json) {
  const Record& record = arrived.record;
  OutputRecord out = From(arrived, topics_.late);
  out.value = std::move(own_json);
  HeaderList headers(out);
  headers.Add("x-rootnote-reason", "late");
  headers.Add("x-rootnote-source", std::string(source));
  headers.Add("x-rootnote-watermark", FormatRfc3339(watermark));
  headers.Add("x-rootnote-topic", std::string(record.topic));
  headers.Add("x-rootnote-partition", std::to_string(record.partition));
  headers.Add("x-rootnote-offset", std::to_string(record.offset));
  headers.Add("content-type", "application/json");
  Add(std::move(out));
}

void Outbox::AddUnresolved(const UnresolvedResult& result) {
  OutputRecord out;
  out.topic = topics_.unresolved;
  out.key = result.signal;
  std::string json = "{";
  AppendText("signal", result.signal, json);
  AppendLabels("labels", result.labels, json);
  AppendNumber("value", result.value, json);
  AppendText("time", FormatRfc3339(result.time), json);
  out.value = json + "}";
  out.headers = {{"x-rootnote-reason", "unresolved"}, {"content-type", "application/json"}};
  out.timestamp = result.time;
  Add(std::move(out));
}

void Outbox::AddOffset(CommitOffset offset) { commit_.offsets.push_back(std::move(offset)); }

void Outbox::CountFailure(const absl::Status& status) {
  const char* what = absl::IsAborted(status)              ? "aborted"
                     : absl::IsUnavailable(status)        ? "unknown_outcome"
                     : absl::IsFailedPrecondition(status) ? "fenced"
                                                          : "refused";
  metrics_
      .Counter("rootnote_kafka_commit_failures_total", "Commits that did not come about at once.",
               fmt::format("class=\"{}\"", what))
      .Add();
}

absl::StatusOr<std::vector<Incident>> Outbox::Write(Sink& sink, int attempts) {
  absl::Status status;
  for (int attempt = 0; attempt < attempts; ++attempt) {
    status = sink.Write(commit_);
    if (!status.ok()) {
      CountFailure(status);
    }
    if (!absl::IsAborted(status)) {
      break;
    }
  }
  RETURN_IF_ERROR(status);
  commit_ = Commit();
  bytes_ = 0;
  return std::exchange(incidents_, {});
}

}  // namespace rootnote
