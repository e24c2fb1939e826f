#include "engine/incidents_text.h"

#include <algorithm>
#include <optional>
#include <vector>

#include "fmt/format.h"

#include "engine/correlator_estate.h"

namespace rootnote {
namespace {

constexpr std::string_view kImpact = "impact";
constexpr size_t kAreasMax = 8;

std::optional<std::string> IdentityLabel(const Program& program, std::string_view entity,
                                         std::string_view label) {
  for (const Kind& kind : program.kinds) {
    if (kind.name != KindName(entity)) continue;
    std::optional<Labels> identity = IdentityLabels(kind, entity);
    if (identity && identity->Has(label)) return std::string(identity->Get(label));
  }
  return std::nullopt;
}

int64_t ImpactCount(const Incident& incident, std::string_view words) {
  int64_t count = 0;
  for (const auto& [kind, number] : incident.blast_radius.kinds) {
    if (words == kind || words == PluralOf(kind) || words == kind + "s") {
      count += number.actual;
    }
  }
  return count;
}

std::string Reference(const Program& program, const Incident& incident, const std::string& path) {
  const Incident::Root& root = incident.root.front();
  if (path == "entity") return root.entity;
  if (path == "kind") return root.kind;
  if (path == "fault") return root.fault;
  if (path == kImpact) return fmt::format("{}", incident.blast_radius.actual);
  if (path.starts_with("impact.")) {
    return fmt::format("{}", ImpactCount(incident, std::string_view(path).substr(7)));
  }
  std::string_view label = path;
  if (label.starts_with("root.")) label.remove_prefix(5);
  if (std::optional<std::string> value = IdentityLabel(program, root.entity, label)) return *value;
  auto own = incident.labels.find(std::string(label));
  if (own != incident.labels.end()) return own->second;
  return fmt::format("{{{}}}", path);
}

std::string Words(std::string fault) {
  std::replace(fault.begin(), fault.end(), '_', ' ');
  return fault;
}

// "12 affected (8 app, 4 transaction)".
std::string AffectedWords(const Incident& incident) {
  std::string kinds;
  for (const auto& [kind, count] : incident.blast_radius.kinds) {
    if (count.actual == 0) continue;
    kinds += fmt::format("{}{} {}", kinds.empty() ? "" : ", ", count.actual, kind);
  }
  std::string text = fmt::format("{} affected", incident.blast_radius.actual);
  if (!kinds.empty()) text += fmt::format(" ({})", kinds);
  if (incident.blast_radius.potential > 0) {
    text += fmt::format(", {} more depend on it", incident.blast_radius.potential);
  }
  return text;
}

std::string RuledOutWords(const Incident& incident) {
  std::vector<std::string> words;
  for (const Incident::RuledOut& out : incident.ruled_out) {
    std::string word = out.what.find(':') == std::string::npos ? out.what : out.fault;
    if (word.empty() || std::find(words.begin(), words.end(), word) != words.end()) continue;
    if (words.size() < kAreasMax) words.push_back(word);
  }
  std::string text;
  for (const std::string& word : words) text += (text.empty() ? "" : ", ") + word;
  return text;
}

}  // namespace

std::string Count(int64_t count, std::string_view word) {
  return fmt::format("{} {}", count, count == 1 ? std::string(word) : PluralOf(word));
}

std::string NumberWords(double value) { return fmt::format("{:.4g}", value); }

std::string Render(const Template& text, const Program& program, const Incident& incident) {
  std::string result;
  for (const Template::Piece& piece : text.pieces) {
    result += piece.reference ? Reference(program, incident, piece.text) : piece.text;
  }
  return result;
}

std::string TitleOf(const Program& program, const LiveIncident& live, const Incident& incident) {
  if (live.declared && !program.fault(*live.declared).title.empty()) {
    return Render(program.fault(*live.declared).title, program, incident);
  }
  std::string title = fmt::format("{}: {}", live.root, Words(live.fault));
  if (incident.blast_radius.actual > 0) {
    title += fmt::format(", {} affected", incident.blast_radius.actual);
  }
  return title;
}

std::string SummaryOf(const Program& program, const LiveIncident& live, const Incident& incident) {
  if (live.declared && !program.fault(*live.declared).summary.empty()) {
    return Render(program.fault(*live.declared).summary, program, incident);
  }
  std::string text = fmt::format("{} ({}) since {}", live.root, Words(live.fault),
                                 FormatRfc3339(incident.root.front().onset));
  if (!live.causes.empty()) {
    std::string causes;
    for (const std::string& cause : live.causes) causes += (causes.empty() ? "" : ", ") + cause;
    text += fmt::format(", because of {}", causes);
  }
  text += "; " + AffectedWords(incident);
  std::string ruled_out = RuledOutWords(incident);
  if (!ruled_out.empty()) text += "; ruled out: " + ruled_out;
  return text;
}

}  // namespace rootnote
