#include "schemas/incident_encoder.h"

#include <algorithm>
#include <cmath>
#include <utility>
#include <vector>

#include "fmt/format.h"
#include "rapidjson/stringbuffer.h"
#include "rapidjson/writer.h"

#include "schemas/json_syntax.h"

namespace rootnote {
namespace {

// One JSON value being written, keys in the order of the calls.
class Json {
 public:
  Json& Open() {
    writer_.StartObject();
    return *this;
  }
  std::string Close() {
    writer_.EndObject();
    return Text();
  }
  std::string Text() const { return {buffer_.GetString(), buffer_.GetSize()}; }

  Json& Key(std::string_view key) {
    writer_.Key(key.data(), static_cast<rapidjson::SizeType>(key.size()));
    return *this;
  }
  // Bytes that are not UTF-8 become U+FFFD: what we emit is always JSON.
  Json& String(std::string_view text) {
    std::string repaired;
    while (const std::optional<size_t> bad = FindBadUtf8(text)) {
      repaired += text.substr(0, *bad);
      repaired += "\xEF\xBF\xBD";
      text.remove_prefix(*bad + 1);
    }
    repaired += text;
    writer_.String(repaired.data(), static_cast<rapidjson::SizeType>(repaired.size()));
    return *this;
  }
  Json& Int(int64_t value) {
    writer_.Int64(value);
    return *this;
  }
  Json& Bool(bool value) {
    writer_.Bool(value);
    return *this;
  }
  Json& Time(EventTime time) { return String(FormatRfc3339(time)); }
  // Shortest form that reads back as the same bits; what JSON has no number for is a word.
  Json& Number(double value) {
    if (std::isnan(value)) {
      return String("NaN");
    }
    if (std::isinf(value)) {
      return String(value < 0 ? "-Inf" : "+Inf");
    }
    return Raw(value == 0 && std::signbit(value) ? "-0.0" : fmt::format("{}", value));
  }
  Json& Raw(std::string_view json) {
    writer_.RawValue(json.data(), json.size(), rapidjson::kNumberType);
    return *this;
  }
  template <typename Container>
  Json& Strings(const Container& texts) {
    writer_.StartArray();
    for (const auto& text : texts) {
      String(text);
    }
    writer_.EndArray();
    return *this;
  }
  Json& Texts(const std::map<std::string, std::string>& texts) {
    writer_.StartObject();
    for (const auto& [name, text] : texts) {
      String(name).String(text);
    }
    writer_.EndObject();
    return *this;
  }
  Json& Lists(const std::map<std::string, std::vector<std::string>>& lists) {
    writer_.StartObject();
    for (const auto& [name, values] : lists) {
      String(name).Strings(values);
    }
    writer_.EndObject();
    return *this;
  }
  Json& End() {
    writer_.EndObject();
    return *this;
  }

 private:
  rapidjson::StringBuffer buffer_;
  rapidjson::Writer<rapidjson::StringBuffer> writer_{buffer_};
};

// No score has as many summands; the bound is for records that others made.
constexpr size_t kPartsMax = 16;

void WriteParts(Json& json, const std::vector<Incident::ScorePart>& parts) {
  if (parts.empty()) {
    return;
  }
  std::string list;
  for (size_t i = 0; i < std::min(parts.size(), kPartsMax); ++i) {
    const Incident::ScorePart& part = parts[i];
    Json one;
    one.Open().Key("what").String(part.what).Key("points").Int(part.points);
    if (!part.detail.empty()) {
      one.Key("detail").String(part.detail);
    }
    list += list.empty() ? "[" : ",";
    list += one.Close();
  }
  json.Key("parts").Raw(list + "]");
}

std::string Encode(const Incident::Root& root) {
  Json json;
  json.Open().Key("entity").String(root.entity).Key("kind").String(root.kind);
  json.Key("fault").String(root.fault).Key("score").Int(root.score).Key("onset").Time(root.onset);
  if (root.recovered_at) {
    json.Key("recovered_at").Time(*root.recovered_at);
  }
  json.Key("monitored").Bool(root.monitored).Key("observed").Bool(root.observed);
  json.Key("causes").Strings(root.causes);
  WriteParts(json, root.parts);
  return json.Close();
}

std::string Encode(const Incident::Impact& impact) {
  Json json;
  json.Open().Key("entity").String(impact.entity).Key("kind").String(impact.kind);
  json.Key("path").Strings(impact.path).Key("relations").Strings(impact.relations);
  json.Key("signals").Strings(impact.signals).Key("onset").Time(impact.onset);
  json.Key("potential").Bool(impact.potential);
  if (!impact.maintenance.empty()) {
    json.Key("maintenance").String(impact.maintenance);
  }
  return json.Close();
}

std::string Encode(const Incident::Symptom& symptom) {
  Json json;
  json.Open().Key("signal").String(symptom.signal).Key("entity").String(symptom.entity);
  if (!symptom.relation_from.empty()) {
    json.Key("from").String(symptom.relation_from);
  }
  json.Key("family").String(Name(symptom.family)).Key("severity").String(Name(symptom.severity));
  json.Key("onset").Time(symptom.onset);
  if (symptom.resolved_at) {
    json.Key("resolved_at").Time(*symptom.resolved_at);
  }
  if (!symptom.resolved_reason.empty()) {
    json.Key("resolved_reason").String(symptom.resolved_reason);
  }
  json.Key("value").Number(symptom.value);
  if (!symptom.summary.empty()) {
    json.Key("summary").String(symptom.summary);
  }
  if (!symptom.labels.empty()) json.Key("labels").Texts(symptom.labels);
  if (!symptom.annotations.empty()) json.Key("annotations").Texts(symptom.annotations);
  return json.Close();
}

std::string Encode(const Incident::RuledOut& ruled_out) {
  Json json;
  json.Open().Key("what").String(ruled_out.what);
  if (!ruled_out.fault.empty()) {
    json.Key("fault").String(ruled_out.fault);
  }
  json.Key("reason").String(ruled_out.reason).Key("detail").String(ruled_out.detail);
  if (ruled_out.score) {
    json.Key("score").Int(*ruled_out.score);
  }
  WriteParts(json, ruled_out.parts);
  if (!ruled_out.entities.empty()) {
    json.Key("entities").Strings(ruled_out.entities);
  }
  return json.Close();
}

std::string Encode(const Incident::Evidence& evidence, bool positions) {
  Json json;
  json.Open().Key("signal").String(evidence.signal).Key("entity").String(evidence.entity);
  json.Key("value").Number(evidence.value);
  if (evidence.threshold) {
    json.Key("threshold").Number(*evidence.threshold);
  }
  json.Key("time").Time(evidence.time);
  if (positions && evidence.partition >= 0) {
    json.Key("topic").String(evidence.topic).Key("partition").Int(evidence.partition);
    json.Key("offset").Int(evidence.offset);
  }
  return json.Close();
}

std::string Encode(const Incident::Change& change) {
  Json json;
  json.Open().Key("event").String(change.event).Key("entity").String(change.entity);
  json.Key("detail").String(change.detail).Key("time").Time(change.time);
  return json.Close();
}

std::string Encode(const std::string& text) { return Json().String(text).Text(); }

std::string Encode(const Incident::BlastRadius& radius) {
  Json json;
  json.Open().Key("actual").Int(radius.actual).Key("potential").Int(radius.potential);
  json.Key("kinds").Open();
  for (const auto& [kind, count] : radius.kinds) {
    json.String(kind).Open().Key("actual").Int(count.actual);
    json.Key("potential").Int(count.potential).End();
  }
  json.End().Key("labels").Lists(radius.labels).Key("healthy").Lists(radius.healthy);
  return json.Close();
}

// A list of values, written; what is cut goes from the end.
using List = std::vector<std::string>;

template <typename Item>
List EncodeAll(const std::vector<Item>& items) {
  List list;
  list.reserve(items.size());
  for (const Item& item : items) {
    list.push_back(Encode(item));
  }
  return list;
}

size_t SizeOf(const List& list) {
  size_t size = list.empty() ? 0 : list.size() - 1;  // commas
  for (const std::string& item : list) {
    size += item.size();
  }
  return size;
}

std::string Join(const List& list) {
  std::string out = "[";
  for (const std::string& item : list) {
    out += out.size() > 1 ? "," : "";
    out += item;
  }
  return out += ']';
}

int64_t Total(int64_t told, size_t present) {
  return std::max(told, static_cast<int64_t>(present));
}

class Record {
 public:
  Record(const Incident& incident, const IncidentEncoding& encoding)
      : incident_(incident),
        root_(EncodeAll(incident.root)),
        symptoms_(EncodeAll(incident.symptoms)),
        ruled_out_(EncodeAll(incident.ruled_out)),
        unexplained_(EncodeAll(incident.unexplained)),
        changes_(EncodeAll(incident.changes)),
        links_(EncodeAll(incident.links)),
        limits_(EncodeAll(incident.limits)) {
    for (const Incident::Impact& impact : incident.impact) {
      (impact.potential ? potential_ : actual_).push_back(Encode(impact));
    }
    for (const Incident::Evidence& evidence : incident.evidence) {
      evidence_.push_back(Encode(evidence, encoding.evidence_positions));
    }
  }

  std::string Write(size_t bytes_max) {
    std::string out = Compose();
    if (out.size() > bytes_max) {
      size_t excess = out.size() - bytes_max;
      // First what has a total; then what is left can only be long texts: the rest goes as well.
      for (List* list : {&evidence_, &symptoms_, &potential_, &actual_, &unexplained_, &changes_,
                         &ruled_out_, &links_, &limits_}) {
        excess -= Cut(*list, excess);
      }
      while (excess > 0 && root_.size() > 1) {
        const size_t before = SizeOf(root_);
        root_.pop_back();
        excess -= std::min(excess, before - SizeOf(root_));
      }
      out = Compose();
    }
    return out;
  }

 private:
  // Removes items until `excess` bytes are gained; the bytes gained, at most `excess`.
  static size_t Cut(List& list, size_t excess) {
    size_t gained = 0;
    while (gained < excess && !list.empty()) {
      gained += list.back().size() + (list.size() > 1 ? 1 : 0);
      list.pop_back();
    }
    return std::min(gained, excess);
  }

  std::string Compose() const {
    Json json;
    json.Open();
    WriteHead(json);
    List impact = actual_;
    impact.insert(impact.end(), potential_.begin(), potential_.end());
    json.Key("root").Raw(Join(root_));
    json.Key("impact").Raw(Join(impact)).Key("impact_total");
    json.Int(Total(incident_.impact_total, incident_.impact.size()));
    json.Key("blast_radius").Raw(Encode(incident_.blast_radius));
    json.Key("symptoms").Raw(Join(symptoms_)).Key("symptoms_total");
    json.Int(Total(incident_.symptoms_total, incident_.symptoms.size()));
    if (!incident_.maintenance_name.empty()) {
      json.Key("maintenance").Open().Key("name").String(incident_.maintenance_name);
      json.Key("owner").String(incident_.maintenance_owner).End();
    }
    json.Key("ruled_out").Raw(Join(ruled_out_)).Key("unexplained").Raw(Join(unexplained_));
    json.Key("evidence").Raw(Join(evidence_)).Key("evidence_total");
    json.Int(Total(incident_.evidence_total, incident_.evidence.size()));
    json.Key("changes").Raw(Join(changes_));
    WriteTail(json);
    return json.Close();
  }

  void WriteHead(Json& json) const {
    json.Key("schema").String(kIncidentSchema);
    json.Key("incident_id").String(incident_.id).Key("incident_key").String(incident_.key);
    json.Key("episode").Int(incident_.episode).Key("revision").Int(incident_.revision);
    json.Key("status").String(Name(incident_.status)).Key("state").String(Name(incident_.state));
    json.Key("reason").String(incident_.reason).Key("severity").String(Name(incident_.severity));
    json.Key("title").String(incident_.title).Key("summary").String(incident_.summary);
    json.Key("started_at").Time(incident_.started_at).Key("opened_at").Time(incident_.opened_at);
    if (incident_.reopened_at) {
      json.Key("reopened_at").Time(*incident_.reopened_at);
    }
    json.Key("updated_at").Time(incident_.updated_at);
    if (incident_.resolved_at) {
      json.Key("resolved_at").Time(*incident_.resolved_at);
    }
    WriteHeld(json);
    if (incident_.catching_up) {
      json.Key("catching_up").Bool(true);
    }
  }

  void WriteHeld(Json& json) const {
    if (const std::optional<Incident::Acknowledgement>& held = incident_.acknowledged) {
      json.Key("acknowledged").Open().Key("by").String(held->by).Key("at").Time(held->at);
      WriteUnlessEmpty(json, "comment", held->comment);
      json.End();
    }
    if (const std::optional<Incident::Silence>& silence = incident_.silenced) {
      json.Key("silenced").Open().Key("id").String(silence->id).Key("by").String(silence->by);
      json.Key("until").Time(silence->until);
      WriteUnlessEmpty(json, "comment", silence->comment);
      json.End();
    }
  }

  void WriteTail(Json& json) const {
    json.Key("labels").Texts(incident_.labels);
    WriteUnlessEmpty(json, "owner", incident_.owner);
    WriteUnlessEmpty(json, "runbook", incident_.runbook);
    json.Key("links").Raw(Join(links_));
    WriteUnlessEmpty(json, "merged_into", incident_.merged_into);
    WriteUnlessEmpty(json, "superseded_by", incident_.superseded_by);
    if (!incident_.merged_from.empty()) {
      json.Key("merged_from").Strings(incident_.merged_from);
    }
    if (!incident_.routed.empty()) {
      json.Key("routed").Strings(incident_.routed);
    }
    json.Key("versions").Open().Key("rules").String(incident_.rules_version);
    json.Key("topology").String(incident_.topology_version);
    json.Key("engine").String(incident_.engine_version).End();
    json.Key("limits").Raw(Join(limits_));
  }

  static void WriteUnlessEmpty(Json& json, std::string_view key, const std::string& text) {
    if (!text.empty()) {
      json.Key(key).String(text);
    }
  }

  const Incident& incident_;
  List root_, actual_, potential_, symptoms_, ruled_out_, unexplained_, evidence_, changes_, links_,
      limits_;
};

}  // namespace

std::string EncodeIncident(const Incident& incident, const IncidentEncoding& encoding) {
  return Record(incident, encoding).Write(encoding.bytes_max);
}

}  // namespace rootnote
