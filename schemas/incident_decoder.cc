// Reads what EncodeIncident wrote. Keys it does not know are let be: the record is additive within
// v1, so an older engine can read what a newer one left behind.
#include <limits>
#include <map>
#include <string>
#include <utility>

#include "fmt/format.h"
#include "rapidjson/document.h"
#include "rapidjson/error/en.h"

#include "schemas/incident_encoder.h"
#include "schemas/json_syntax.h"

namespace rootnote {
namespace {

using rapidjson::Value;

std::string_view TextOf(const Value& value) { return {value.GetString(), value.GetStringLength()}; }

// One value of the record with its pointer. The first failure is kept, all later reads yield
// defaults; so the mapping below reads like the record.
class Cursor {
 public:
  Cursor(const Value* value, std::string pointer, absl::Status* status)
      : value_(value), pointer_(std::move(pointer)), status_(status) {}

  bool ok() const { return status_->ok(); }

  // A member; absent only if it is not `required`.
  Cursor operator[](std::string_view key) const { return Member(key, true); }
  Cursor Optional(std::string_view key) const { return Member(key, false); }
  bool present() const { return value_ != nullptr; }

  std::string String() const {
    return Is(&Value::IsString, "a string") ? std::string(TextOf(*value_)) : std::string();
  }
  bool Bool() const { return Is(&Value::IsBool, "true or false") && value_->GetBool(); }
  int64_t Int() const { return Is(&Value::IsInt64, "a whole number") ? value_->GetInt64() : 0; }
  double Number() const {
    if (value_ != nullptr && value_->IsString()) {
      const std::string_view word = TextOf(*value_);
      constexpr double kInfinity = std::numeric_limits<double>::infinity();
      if (word == "NaN" || word == "+Inf" || word == "-Inf") {
        return word == "NaN"    ? std::numeric_limits<double>::quiet_NaN()
               : word == "+Inf" ? kInfinity
                                : -kInfinity;
      }
    }
    return Is(&Value::IsNumber, "a number") ? value_->GetDouble() : 0;
  }
  EventTime Time() const {
    const std::optional<EventTime> time = ParseRfc3339(String());
    if (!time) {
      Fail("an RFC 3339 time expected");
    }
    return time.value_or(EventTime());
  }
  std::optional<EventTime> OptionalTime() const {
    return present() ? std::optional(Time()) : std::nullopt;
  }
  bool OptionalBool() const { return present() && Bool(); }
  std::string OptionalString() const { return present() ? String() : std::string(); }

  // Calls `read` with a cursor for each element.
  template <typename Read>
  void Each(Read read) const {
    if (!Is(&Value::IsArray, "an array")) {
      return;
    }
    for (rapidjson::SizeType i = 0; i < value_->Size() && ok(); ++i) {
      read(Cursor(&(*value_)[i], pointer_ + "/" + std::to_string(i), status_));
    }
  }
  // Calls `read` with the name of and a cursor for each member.
  template <typename Read>
  void EachMember(Read read) const {
    if (!Is(&Value::IsObject, "an object")) {
      return;
    }
    for (auto member = value_->MemberBegin(); member != value_->MemberEnd() && ok(); ++member) {
      const std::string name(TextOf(member->name));
      read(name, Cursor(&member->value, Below(name), status_));
    }
  }
  std::vector<std::string> Strings() const {
    std::vector<std::string> out;
    Each([&](const Cursor& text) { out.push_back(text.String()); });
    return out;
  }

  void Fail(std::string_view why) const {
    if (ok()) {
      *status_ =
          absl::InvalidArgumentError(fmt::format("incident record, at \"{}\": {}", pointer_, why));
    }
  }

 private:
  std::string Below(std::string_view key) const {
    std::string pointer = pointer_;
    AppendPointer(key, pointer);
    return pointer;
  }

  bool Is(bool (Value::*type)() const, std::string_view expected) const {
    if (!ok()) {
      return false;
    }
    if (value_ == nullptr || !(value_->*type)()) {
      Fail(fmt::format("{} {}", expected, value_ == nullptr ? "is missing" : "expected"));
      return false;
    }
    return true;
  }

  Cursor Member(std::string_view key, bool required) const {
    const Value* found = nullptr;
    if (Is(&Value::IsObject, "an object")) {
      const Value name(
          rapidjson::StringRef(key.data(), static_cast<rapidjson::SizeType>(key.size())));
      const auto member = value_->FindMember(name);
      found = member == value_->MemberEnd() ? nullptr : &member->value;
    }
    Cursor cursor(found, Below(key), status_);
    if (found == nullptr && required) {
      cursor.Fail("is missing");
    }
    return cursor;
  }

  const Value* value_;
  std::string pointer_;
  absl::Status* status_;
};

template <typename Enum>
Enum Word(const Cursor& cursor, std::optional<Enum> (*parse)(std::string_view)) {
  const std::string word = cursor.String();
  const std::optional<Enum> value = parse(word);
  if (!value) {
    cursor.Fail(fmt::format("\"{}\" is not one of the words for it", word));
  }
  return value.value_or(Enum{});
}

std::vector<Incident::ScorePart> ReadParts(const Cursor& json) {
  std::vector<Incident::ScorePart> parts;
  if (json.present()) {
    json.Each([&](const Cursor& part) {
      parts.push_back({.what = part["what"].String(),
                       .points = part["points"].Int(),
                       .detail = part.Optional("detail").OptionalString()});
    });
  }
  return parts;
}

Incident::Root ReadRoot(const Cursor& json) {
  return {.entity = json["entity"].String(),
          .kind = json["kind"].String(),
          .fault = json["fault"].String(),
          .score = json["score"].Int(),
          .onset = json["onset"].Time(),
          .recovered_at = json.Optional("recovered_at").OptionalTime(),
          .monitored = json["monitored"].Bool(),
          .observed = json.Optional("observed").OptionalBool(),
          .causes = json["causes"].Strings(),
          .parts = ReadParts(json.Optional("parts"))};
}

Incident::Impact ReadImpact(const Cursor& json) {
  return {.entity = json["entity"].String(),
          .kind = json["kind"].String(),
          .path = json["path"].Strings(),
          .relations = json["relations"].Strings(),
          .signals = json["signals"].Strings(),
          .onset = json["onset"].Time(),
          .potential = json["potential"].Bool(),
          .maintenance = json.Optional("maintenance").OptionalString()};
}

std::map<std::string, std::string> ReadTexts(const Cursor& json) {
  std::map<std::string, std::string> texts;
  if (!json.present()) return texts;
  json.EachMember(
      [&](const std::string& name, const Cursor& value) { texts[name] = value.String(); });
  return texts;
}

Incident::Symptom ReadSymptom(const Cursor& json) {
  return {.signal = json["signal"].String(),
          .entity = json["entity"].String(),
          .relation_from = json.Optional("from").OptionalString(),
          .family = Word<Family>(json["family"], &ParseFamily),
          .severity = Word<Severity>(json["severity"], &ParseSeverity),
          .onset = json["onset"].Time(),
          .resolved_at = json.Optional("resolved_at").OptionalTime(),
          .resolved_reason = json.Optional("resolved_reason").OptionalString(),
          .value = json["value"].Number(),
          .summary = json.Optional("summary").OptionalString(),
          .labels = ReadTexts(json.Optional("labels")),
          .annotations = ReadTexts(json.Optional("annotations"))};
}

Incident::RuledOut ReadRuledOut(const Cursor& json) {
  Incident::RuledOut out{.what = json["what"].String(),
                         .fault = json.Optional("fault").OptionalString(),
                         .reason = json["reason"].String(),
                         .detail = json["detail"].String(),
                         .score = std::nullopt,
                         .parts = ReadParts(json.Optional("parts"))};
  if (const Cursor score = json.Optional("score"); score.present()) {
    out.score = score.Int();
  }
  if (const Cursor entities = json.Optional("entities"); entities.present()) {
    out.entities = entities.Strings();
  }
  return out;
}

Incident::Evidence ReadEvidence(const Cursor& json) {
  Incident::Evidence evidence{.signal = json["signal"].String(),
                              .entity = json["entity"].String(),
                              .value = json["value"].Number(),
                              .threshold = std::nullopt,
                              .time = json["time"].Time(),
                              .topic = json.Optional("topic").OptionalString()};
  if (const Cursor threshold = json.Optional("threshold"); threshold.present()) {
    evidence.threshold = threshold.Number();
  }
  if (const Cursor partition = json.Optional("partition"); partition.present()) {
    const int64_t number = partition.Int();
    if (number < 0 || number > std::numeric_limits<int32_t>::max()) {
      partition.Fail("no partition");
    }
    evidence.partition = static_cast<int32_t>(number);
    evidence.offset = json["offset"].Int();
  }
  return evidence;
}

Incident::BlastRadius ReadBlastRadius(const Cursor& json) {
  Incident::BlastRadius radius;
  radius.actual = json["actual"].Int();
  radius.potential = json["potential"].Int();
  json["kinds"].EachMember([&](const std::string& kind, const Cursor& count) {
    radius.kinds[kind] = {count["actual"].Int(), count["potential"].Int()};
  });
  json["labels"].EachMember([&](const std::string& name, const Cursor& values) {
    radius.labels[name] = values.Strings();
  });
  json["healthy"].EachMember([&](const std::string& name, const Cursor& values) {
    radius.healthy[name] = values.Strings();
  });
  return radius;
}

template <typename Item>
std::vector<Item> ReadAll(const Cursor& json, Item (*read)(const Cursor&)) {
  std::vector<Item> out;
  json.Each([&](const Cursor& item) { out.push_back(read(item)); });
  return out;
}

void ReadHead(const Cursor& json, Incident& incident) {
  if (const std::string schema = json["schema"].String(); schema != kIncidentSchema) {
    json["schema"].Fail(fmt::format("\"{}\", expected \"{}\"", schema, kIncidentSchema));
  }
  incident.id = json["incident_id"].String();
  incident.key = json["incident_key"].String();
  incident.episode = json["episode"].Int();
  incident.revision = json["revision"].Int();
  incident.status = Word<IncidentStatus>(json["status"], &ParseStatus);
  incident.state = Word<IncidentState>(json["state"], &ParseState);
  incident.reason = json["reason"].String();
  incident.severity = Word<Severity>(json["severity"], &ParseSeverity);
  incident.title = json["title"].String();
  incident.summary = json["summary"].String();
  incident.started_at = json["started_at"].Time();
  incident.opened_at = json["opened_at"].Time();
  incident.reopened_at = json.Optional("reopened_at").OptionalTime();
  incident.updated_at = json["updated_at"].Time();
  incident.resolved_at = json.Optional("resolved_at").OptionalTime();
  if (const Cursor held = json.Optional("acknowledged"); held.present()) {
    incident.acknowledged = {held["by"].String(), held["at"].Time(),
                             held.Optional("comment").OptionalString()};
  }
  if (const Cursor silence = json.Optional("silenced"); silence.present()) {
    incident.silenced = {silence["id"].String(), silence["by"].String(), silence["until"].Time(),
                         silence.Optional("comment").OptionalString()};
  }
  incident.catching_up = json.Optional("catching_up").OptionalBool();
}

void ReadLists(const Cursor& json, Incident& incident) {
  incident.root = ReadAll(json["root"], &ReadRoot);
  incident.impact = ReadAll(json["impact"], &ReadImpact);
  incident.impact_total = json["impact_total"].Int();
  incident.blast_radius = ReadBlastRadius(json["blast_radius"]);
  incident.symptoms = ReadAll(json["symptoms"], &ReadSymptom);
  incident.symptoms_total = json["symptoms_total"].Int();
  if (const Cursor maintenance = json.Optional("maintenance"); maintenance.present()) {
    incident.maintenance_name = maintenance["name"].String();
    incident.maintenance_owner = maintenance["owner"].String();
  }
  incident.ruled_out = ReadAll(json["ruled_out"], &ReadRuledOut);
  incident.unexplained = json["unexplained"].Strings();
  incident.evidence = ReadAll(json["evidence"], &ReadEvidence);
  incident.evidence_total = json["evidence_total"].Int();
  json["changes"].Each([&](const Cursor& change) {
    incident.changes.push_back({.event = change["event"].String(),
                                .entity = change["entity"].String(),
                                .detail = change["detail"].String(),
                                .time = change["time"].Time()});
  });
}

void ReadTail(const Cursor& json, Incident& incident) {
  incident.labels = ReadTexts(json["labels"]);
  incident.owner = json.Optional("owner").OptionalString();
  incident.runbook = json.Optional("runbook").OptionalString();
  incident.links = json["links"].Strings();
  incident.merged_into = json.Optional("merged_into").OptionalString();
  incident.superseded_by = json.Optional("superseded_by").OptionalString();
  if (const Cursor merged = json.Optional("merged_from"); merged.present()) {
    incident.merged_from = merged.Strings();
  }
  if (const Cursor routed = json.Optional("routed"); routed.present()) {
    incident.routed = routed.Strings();
  }
  const Cursor versions = json["versions"];
  incident.rules_version = versions["rules"].String();
  incident.topology_version = versions["topology"].String();
  incident.engine_version = versions["engine"].String();
  incident.limits = json["limits"].Strings();
}

}  // namespace

absl::StatusOr<Incident> DecodeIncident(std::string_view json) {
  if (const std::optional<DecodeFailure> fault = FindJsonFault(json)) {
    return absl::InvalidArgumentError(fmt::format("incident record, at \"{}\", byte {}: {}",
                                                  fault->pointer, fault->byte_offset,
                                                  fault->detail));
  }
  rapidjson::Document document;
  constexpr unsigned kFlags = rapidjson::kParseFullPrecisionFlag | rapidjson::kParseIterativeFlag;
  document.Parse<kFlags>(json.data(), json.size());
  if (document.HasParseError()) {
    return absl::InvalidArgumentError(
        fmt::format("incident record, byte {}: {}", document.GetErrorOffset(),
                    rapidjson::GetParseError_En(document.GetParseError())));
  }
  Incident incident;
  absl::Status status;
  const Cursor root(&document, "", &status);
  ReadHead(root, incident);
  ReadLists(root, incident);
  ReadTail(root, incident);
  RETURN_IF_ERROR(status);
  return incident;
}

}  // namespace rootnote
