#include "engine/cli/explanation.h"

#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <utility>

#include "fmt/format.h"
#include "rapidjson/document.h"
#include "rapidjson/stringbuffer.h"
#include "rapidjson/writer.h"

#include "engine/cli/incident_graph.h"
#include "engine/correlator_ruled_out.h"
#include "rules/program.h"

namespace rootnote {
namespace {

constexpr size_t kRuledOutShown = 12;
constexpr size_t kEvidenceShown = 6;
constexpr size_t kRivalsShown = 3;

std::string Clock(EventTime time) { return FormatRfc3339(time).substr(11, 8); }

std::string DateAndClock(EventTime time) {
  const std::string text = FormatRfc3339(time);
  return fmt::format("{} {} UTC", text.substr(0, 10), text.substr(11, 8));
}

std::string Spaced(std::string text) {
  std::replace(text.begin(), text.end(), '_', ' ');
  return text;
}

// The summands, one a line, and what they come to.
void AddSum(const std::vector<Incident::ScorePart>& parts, int64_t score, const Terminal& terminal,
            std::string& text) {
  if (parts.empty()) return;
  size_t width = 0;
  for (const Incident::ScorePart& part : parts) width = std::max(width, part.what.size());
  int64_t sum = 0;
  for (const Incident::ScorePart& part : parts) {
    sum += part.points;
    text +=
        fmt::format("  {:>+7}  {:<{}}  {}\n", part.points, Spaced(part.what), width, part.detail);
  }
  text += fmt::format("  {:>7}  {}\n", sum, terminal.Paint(Ink::kBold, "score"));
  // A part that this version does not know would be said here, not hidden.
  if (sum != score) text += fmt::format("  {:>7}  as recorded\n", score);
}

class Page {
 public:
  Page(const Incident& incident, const Terminal& terminal)
      : incident_(incident), terminal_(terminal) {}

  std::string Take() {
    Head();
    Path();
    Why();
    Rivals();
    RuledOut();
    Evidence();
    Rest();
    return std::move(text_);
  }

 private:
  void Item(std::string_view name, std::string_view text) {
    text_ +=
        fmt::format("  {} {}\n", terminal_.Paint(Ink::kDim, fmt::format("{:<12}", name)), text);
  }
  void Title(std::string_view title) {
    text_ += fmt::format("\n{}\n", terminal_.Paint(Ink::kBold, title));
  }

  void Head() {
    const Ink ink = incident_.severity >= Severity::kMajor ? Ink::kRed : Ink::kYellow;
    text_ += fmt::format("{}  {}\n", terminal_.Paint(ink, Name(incident_.severity)),
                         terminal_.Paint(Ink::kBold, incident_.title));
    if (!incident_.summary.empty()) text_ += fmt::format("  {}\n", incident_.summary);
    text_ += '\n';
    Item("incident", fmt::format("{}, {}, revision {} ({})", incident_.id, Name(incident_.status),
                                 incident_.revision, incident_.reason));
    std::string when = fmt::format("since {}, opened {}", DateAndClock(incident_.started_at),
                                   Clock(incident_.opened_at));
    if (incident_.reopened_at) when += fmt::format(", reopened {}", Clock(*incident_.reopened_at));
    if (incident_.resolved_at) when += fmt::format(", resolved {}", Clock(*incident_.resolved_at));
    Item("when", when);
    Held();
  }

  void Held() {
    const auto said = [](const std::string& comment) {
      return comment.empty() ? std::string() : ": " + comment;
    };
    if (const auto& held = incident_.acknowledged) {
      Item("in hand", fmt::format("{} at {}{}", held->by, Clock(held->at), said(held->comment)));
    }
    if (const auto& silence = incident_.silenced) {
      Item("silenced", fmt::format("by {} until {}{}", silence->by, DateAndClock(silence->until),
                                   said(silence->comment)));
    }
    if (!incident_.maintenance_name.empty()) {
      Item("maintenance", fmt::format("\"{}\"{}", incident_.maintenance_name,
                                      incident_.maintenance_owner.empty()
                                          ? ""
                                          : ", owner " + incident_.maintenance_owner));
    }
    if (!incident_.merged_into.empty()) Item("merged into", incident_.merged_into);
    if (!incident_.superseded_by.empty()) Item("superseded", "by " + incident_.superseded_by);
    if (!incident_.merged_from.empty()) {
      Item("merged from", fmt::format("{}", fmt::join(incident_.merged_from, ", ")));
    }
    if (!incident_.owner.empty()) Item("owner", incident_.owner);
    if (!incident_.runbook.empty()) Item("runbook", incident_.runbook);
  }

  void Path() {
    Title("From cause to impact");
    text_ += DrawLayers(GraphOf(incident_), terminal_);
    std::string kinds;
    for (const auto& [kind, count] : incident_.blast_radius.kinds) {
      kinds += fmt::format("{}{} {} affected", kinds.empty() ? "" : "; ", count.actual, kind);
      if (count.potential > 0) kinds += fmt::format(", {} at risk", count.potential);
    }
    if (!kinds.empty()) Item("in all", kinds);
    for (const auto& [label, values] : incident_.blast_radius.labels) {
      std::string words = fmt::format("affected {}", fmt::join(values, ", "));
      auto healthy = incident_.blast_radius.healthy.find(label);
      if (healthy != incident_.blast_radius.healthy.end()) {
        words += fmt::format("; healthy {}", fmt::join(healthy->second, ", "));
      }
      Item(label, words);
    }
  }

  void Why() {
    if (incident_.root.empty()) return;
    const Incident::Root& root = incident_.root.front();
    Title(fmt::format("Why {}", root.entity));
    std::set<std::string> entities;
    for (const Incident::Symptom& symptom : incident_.symptoms) entities.insert(symptom.entity);
    text_ += fmt::format("  As {} it explains {} symptom{} of {}{} entit{}.{}\n", root.fault,
                         incident_.symptoms_total, incident_.symptoms_total == 1 ? "" : "s",
                         incident_.symptoms.size() < static_cast<size_t>(incident_.symptoms_total)
                             ? "at least "
                             : "",
                         entities.size(), entities.size() == 1 ? "y" : "ies", Seen(root));
    AddSum(root.parts, root.score, terminal_, text_);
    if (root.parts.empty()) Item("score", fmt::format("{}", root.score));
    if (!root.causes.empty()) {
      Item("because", fmt::format("{} failed", fmt::join(root.causes, ", ")));
    }
    if (root.recovered_at) {
      Item("recovered",
           fmt::format("at {}, before what it left behind", Clock(*root.recovered_at)));
    }
  }

  static std::string Seen(const Incident::Root& root) {
    if (root.observed) return " It shows the fault itself.";
    return root.monitored ? " It shows nothing itself." : " It has no monitor of its own.";
  }

  void Rivals() {
    if (incident_.root.size() < 2) return;
    Title("Next best");
    for (size_t i = 1; i < std::min(incident_.root.size(), kRivalsShown + 1); ++i) {
      const Incident::Root& rival = incident_.root[i];
      text_ += fmt::format("  {:>7}  {} ({}), since {}{}\n", rival.score, rival.entity, rival.fault,
                           Clock(rival.onset), rival.observed ? "" : ", shows nothing itself");
    }
  }

  void RuledOut() {
    if (incident_.ruled_out.empty()) return;
    Title("Ruled out");
    Table table;
    const size_t shown = std::min(incident_.ruled_out.size(), kRuledOutShown);
    for (size_t i = 0; i < shown; ++i) {
      const Incident::RuledOut& out = incident_.ruled_out[i];
      table.Row({out.what, terminal_.Paint(Ink::kDim, Spaced(out.reason)), out.detail});
    }
    text_ += table.Text("  ");
    if (incident_.ruled_out.size() > shown) {
      text_ += fmt::format("  and {} more\n", incident_.ruled_out.size() - shown);
    }
  }

  void Evidence() {
    if (incident_.evidence.empty()) return;
    Title("Evidence");
    Table table;
    const size_t shown = std::min(incident_.evidence.size(), kEvidenceShown);
    for (size_t i = 0; i < shown; ++i) {
      const Incident::Evidence& evidence = incident_.evidence[i];
      std::string value = fmt::format("{:.4g}", evidence.value);
      if (evidence.threshold) value += fmt::format(" (limit {:.4g})", *evidence.threshold);
      std::vector<std::string> row = {evidence.entity, evidence.signal, value,
                                      Clock(evidence.time)};
      if (evidence.partition >= 0) {
        row.push_back(terminal_.Paint(Ink::kDim, fmt::format("{}[{}]@{}", evidence.topic,
                                                             evidence.partition, evidence.offset)));
      }
      table.Row(std::move(row));
    }
    text_ += table.Text("  ");
    const int64_t total = std::max<int64_t>(incident_.evidence_total, 0);
    if (total > static_cast<int64_t>(shown)) {
      text_ += fmt::format("  and {} more\n", total - static_cast<int64_t>(shown));
    }
  }

  void Rest() {
    if (!incident_.changes.empty()) Title("Changes shortly before");
    for (const Incident::Change& change : incident_.changes) {
      text_ += fmt::format("  {}  {} on {}{}\n", Clock(change.time), change.event, change.entity,
                           change.detail.empty() ? "" : ": " + change.detail);
    }
    if (!incident_.unexplained.empty()) Title("Unexplained");
    for (const std::string& symptom : incident_.unexplained) text_ += "  " + symptom + "\n";
    if (!incident_.limits.empty()) Title("What the decision could not see");
    for (const std::string& limit : incident_.limits) text_ += "  " + limit + "\n";
  }

  const Incident& incident_;
  const Terminal& terminal_;
  std::string text_;
};

void AddRuledOut(const Incident& incident, WhyNot& why) {
  for (const Incident::RuledOut& out : incident.ruled_out) {
    const std::string named = out.fault.empty() ? "" : fmt::format(" as {}", out.fault);
    if (out.what == why.entity) {
      why.findings.push_back({"ruled_out", out.reason,
                              fmt::format("ruled out{}: {}", named,
                                          out.detail.empty() ? Spaced(out.reason) : out.detail),
                              out.score, out.parts});
    } else if (std::find(out.entities.begin(), out.entities.end(), why.entity) !=
                   out.entities.end() ||
               (out.entities.empty() && out.what == AreaOf(KindName(why.entity)))) {
      why.findings.push_back({"summed_up",
                              out.reason,
                              fmt::format("ruled out with {}: {}", out.what, out.detail),
                              std::nullopt,
                              {}});
    }
  }
}

void AddRival(const Incident& incident, WhyNot& why) {
  for (size_t i = 1; i < incident.root.size(); ++i) {
    const Incident::Root& rival = incident.root[i];
    if (rival.entity != why.entity) continue;
    const Incident::Root& root = incident.root.front();
    std::string words = fmt::format("number {} as {}: score {} against {} of {}", i + 1,
                                    rival.fault, rival.score, root.score, root.entity);
    if (!rival.observed) words += rival.monitored ? "; shows nothing itself" : "; has no monitor";
    if (rival.score > root.score) {
      words += "; better, but not by a fifth for long enough yet";
    }
    why.findings.push_back({"rival", "scores_lower", std::move(words), rival.score, rival.parts});
  }
}

void AddImpact(const Incident& incident, WhyNot& why) {
  const Incident::Impact* through = nullptr;
  for (const Incident::Impact& impact : incident.impact) {
    if (impact.entity == why.entity) {
      why.findings.push_back(
          {impact.potential ? "at_risk" : "affected",
           "",
           fmt::format("{} the root: {}{}", impact.potential ? "depends on" : "is affected by",
                       fmt::join(impact.path, " → "),
                       impact.potential ? ""
                                        : fmt::format(", since {} ({})", Clock(impact.onset),
                                                      fmt::join(impact.signals, ", "))),
           std::nullopt,
           {}});
      return;
    }
    if (through == nullptr &&
        std::find(impact.path.begin(), impact.path.end(), why.entity) != impact.path.end()) {
      through = &impact;
    }
  }
  if (through == nullptr) return;
  why.findings.push_back({"on_path",
                          "",
                          fmt::format("lies on the way from the root, and shows nothing itself: {}",
                                      fmt::join(through->path, " → ")),
                          std::nullopt,
                          {}});
}

void AddOther(const Incident& incident, WhyNot& why) {
  for (const std::string& symptom : incident.unexplained) {
    if (!symptom.ends_with(" " + why.entity)) continue;
    why.findings.push_back({"unexplained",
                            "",
                            fmt::format("fails ({}), but no path leads from the root to it",
                                        symptom.substr(0, symptom.find(' '))),
                            std::nullopt,
                            {}});
  }
  if (!why.findings.empty()) return;
  const bool cut = incident.impact.size() < static_cast<size_t>(incident.impact_total);
  why.findings.push_back(
      {"not_considered",
       "",
       cut ? "the record does not name it; it was cut to its size"
           : "was not considered: nothing that is affected depended on it, or its name is another",
       std::nullopt,
       {}});
}

// One JSON text, written in the order of the calls.
class JsonText {
 public:
  JsonText& Key(std::string_view key) {
    writer_.Key(key.data(), static_cast<rapidjson::SizeType>(key.size()));
    return *this;
  }
  JsonText& String(std::string_view value) {
    writer_.String(value.data(), static_cast<rapidjson::SizeType>(value.size()));
    return *this;
  }
  JsonText& Int(int64_t value) {
    writer_.Int64(value);
    return *this;
  }
  JsonText& Strings(const std::vector<std::string>& values) {
    writer_.StartArray();
    for (const std::string& value : values) String(value);
    writer_.EndArray();
    return *this;
  }
  JsonText& Open(char bracket) {
    bracket == '{' ? writer_.StartObject() : writer_.StartArray();
    return *this;
  }
  JsonText& Close(char bracket) {
    bracket == '}' ? writer_.EndObject() : writer_.EndArray();
    return *this;
  }
  std::string Take() { return std::string(buffer_.GetString(), buffer_.GetSize()) + "\n"; }

 private:
  rapidjson::StringBuffer buffer_;
  rapidjson::Writer<rapidjson::StringBuffer> writer_{buffer_};
};

void WriteParts(JsonText& json, const std::vector<Incident::ScorePart>& parts) {
  json.Key("parts").Open('[');
  for (const Incident::ScorePart& part : parts) {
    json.Open('{').Key("what").String(part.what).Key("points").Int(part.points);
    json.Key("detail").String(part.detail).Close('}');
  }
  json.Close(']');
}

void WriteCandidates(JsonText& json, const Incident& incident) {
  json.Key("candidates").Open('[');
  for (const Incident::Root& root : incident.root) {
    json.Open('{').Key("entity").String(root.entity).Key("fault").String(root.fault);
    json.Key("score").Int(root.score).Key("onset").String(FormatRfc3339(root.onset));
    WriteParts(json, root.parts);
    json.Close('}');
  }
  json.Close(']').Key("ruled_out").Open('[');
  for (const Incident::RuledOut& out : incident.ruled_out) {
    json.Open('{').Key("what").String(out.what).Key("fault").String(out.fault);
    json.Key("reason").String(out.reason).Key("detail").String(out.detail);
    if (out.score) json.Key("score").Int(*out.score);
    WriteParts(json, out.parts);
    json.Close('}');
  }
  json.Close(']');
}

}  // namespace

std::string ExplanationText(const Incident& incident, const Terminal& terminal) {
  return Page(incident, terminal).Take();
}

std::string ExplanationJson(const Incident& incident) {
  const IncidentGraph graph = GraphOf(incident);
  JsonText json;
  json.Open('{').Key("incident_id").String(incident.id).Key("revision").Int(incident.revision);
  json.Key("status").String(Name(incident.status)).Key("severity").String(Name(incident.severity));
  json.Key("title").String(incident.title).Key("summary").String(incident.summary);
  json.Key("started_at").String(FormatRfc3339(incident.started_at));
  WriteCandidates(json, incident);
  json.Key("nodes").Open('[');
  for (const IncidentGraph::Node& node : graph.nodes) {
    json.Open('{').Key("entity").String(node.entity).Key("role").String(Name(node.role));
    json.Key("layer").Int(static_cast<int64_t>(node.layer)).Key("shows").Strings(node.shows);
    if (node.onset) json.Key("onset").String(FormatRfc3339(*node.onset));
    json.Close('}');
  }
  json.Close(']').Key("edges").Open('[');
  for (const IncidentGraph::Edge& edge : graph.edges) {
    json.Open('{').Key("from").String(graph.nodes[edge.from].entity);
    json.Key("to").String(graph.nodes[edge.to].entity).Key("relation").String(edge.relation);
    json.Close('}');
  }
  json.Close(']').Key("unexplained").Strings(incident.unexplained);
  json.Key("limits").Strings(incident.limits).Close('}');
  return json.Take();
}

WhyNot WhyNotOf(const Incident& incident, std::string_view entity) {
  WhyNot why;
  why.entity = entity;
  if (!incident.root.empty()) {
    const Incident::Root& root = incident.root.front();
    if (root.entity == entity) {
      why.findings.push_back({"root", "", "is the root", root.score, root.parts});
      return why;
    }
    if (std::find(root.causes.begin(), root.causes.end(), entity) != root.causes.end()) {
      why.findings.push_back(
          {"cause",
           "",
           fmt::format("is one of the causes: with it more failed than {} bears", root.entity),
           std::nullopt,
           {}});
    }
  }
  AddRuledOut(incident, why);
  AddRival(incident, why);
  AddImpact(incident, why);
  AddOther(incident, why);
  return why;
}

std::string WhyNotText(const Incident& incident, const WhyNot& why, const Terminal& terminal) {
  std::string text;
  for (const WhyNot::Finding& finding : why.findings) {
    text += fmt::format("{} {}\n", terminal.Paint(Ink::kBold, why.entity), finding.words);
    if (finding.score) AddSum(finding.parts, *finding.score, terminal, text);
  }
  const bool root = !why.findings.empty() && why.findings.front().verdict == "root";
  if (root || incident.root.empty()) return text;
  const Incident::Root& present = incident.root.front();
  const bool compared = std::any_of(why.findings.begin(), why.findings.end(),
                                    [](const auto& finding) { return finding.score.has_value(); });
  if (compared) {
    text += fmt::format("The root, {} ({}):\n", terminal.Paint(Ink::kBold, present.entity),
                        present.fault);
    AddSum(present.parts, present.score, terminal, text);
  } else {
    text += fmt::format("The root is {} ({}), score {}.\n", present.entity, present.fault,
                        present.score);
  }
  return text;
}

std::string WhyNotJson(const Incident& incident, const WhyNot& why) {
  JsonText json;
  json.Open('{').Key("incident_id").String(incident.id).Key("entity").String(why.entity);
  if (!incident.root.empty()) {
    json.Key("root").String(incident.root.front().entity);
    json.Key("root_score").Int(incident.root.front().score);
  }
  json.Key("findings").Open('[');
  for (const WhyNot::Finding& finding : why.findings) {
    json.Open('{').Key("verdict").String(finding.verdict).Key("reason").String(finding.reason);
    json.Key("words").String(finding.words);
    if (finding.score) json.Key("score").Int(*finding.score);
    WriteParts(json, finding.parts);
    json.Close('}');
  }
  json.Close(']').Close('}');
  return json.Take();
}

std::string SymptomText(const Incident& incident, std::string_view signal,
                        std::string_view entity) {
  for (const Incident::Symptom& symptom : incident.symptoms) {
    if (symptom.signal != signal || symptom.entity != entity) continue;
    return fmt::format("{} on {} is {}: owned by {}, root {}, since {} (value {:.4g})\n", signal,
                       entity, symptom.resolved_at ? "over" : "firing", incident.id,
                       incident.root.empty() ? "unknown" : incident.root.front().entity,
                       DateAndClock(symptom.onset), symptom.value);
  }
  return "";
}

absl::StatusOr<std::string> FindingText(std::string_view json, std::string_view signal,
                                        std::string_view entity) {
  rapidjson::Document document;
  document.Parse<rapidjson::kParseIterativeFlag>(json.data(), json.size());
  if (document.HasParseError() || !document.IsObject() || !document.HasMember("findings") ||
      !document["findings"].IsArray()) {
    return absl::InvalidArgumentError(
        "neither an incident record nor the answer of /api/v1/findings");
  }
  const auto member = [](const rapidjson::Value& value, const char* key) {
    if (!value.IsObject() || !value.HasMember(key) || !value[key].IsString()) return std::string();
    return std::string(value[key].GetString(), value[key].GetStringLength());
  };
  for (const rapidjson::Value& finding : document["findings"].GetArray()) {
    if (member(finding, "signal") != signal || member(finding, "entity") != entity) continue;
    std::string text = fmt::format("{} on {} is {}: {}", signal, entity, member(finding, "state"),
                                   member(finding, "verdict"));
    if (const std::string id = member(finding, "incident_id"); !id.empty()) text += " by " + id;
    const std::string detail = member(finding, "detail");
    return text + (detail.empty() ? "\n" : fmt::format(" ({})\n", detail));
  }
  return fmt::format("{} on {} is inactive: its condition is not true, or no series names it\n",
                     signal, entity);
}

}  // namespace rootnote
