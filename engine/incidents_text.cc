#include "engine/incidents_text.h"

#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <utility>
#include <vector>

#include "fmt/format.h"

namespace rootnote {
namespace {

constexpr size_t kAreasMax = 8;
// So many names are read, not skipped.
constexpr size_t kNamesMax = 3;
constexpr size_t kVictimsMax = 2;
constexpr std::string_view kUnobserved =
    "unobserved_";  // how inferred faults of silent roots begin
constexpr size_t kPlacesMax = 5;

struct KindWord {
  std::string_view kind, word;
};
// What people say for the kinds that are usually written short. Others are said as they are
// written.
constexpr KindWord kKindWords[] = {
    {"app", "application"},
    {"db", "database"},
    {"dns", "DNS server"},
    {"fs", "filesystem"},
    {"lb", "load balancer"},
    {"lun", "LUN"},
    {"nic", "NIC"},
    {"raid", "RAID group"},
    {"svc", "service"},
    {"vm", "VM"},
    {"vlan", "VLAN"},
    {"vpn", "VPN"},
    {"transaction", "transaction"},
};

std::string WordFor(std::string_view kind) {
  for (const KindWord& known : kKindWords) {
    if (known.kind == kind) return std::string(known.word);
  }
  std::string word(kind);
  std::replace(word.begin(), word.end(), '_', ' ');
  return word;
}

std::string Capital(std::string text) {
  if (!text.empty() && text[0] >= 'a' && text[0] <= 'z') text[0] = static_cast<char>(text[0] - 32);
  return text;
}

// "2026-11-22 07:17:16 UTC"
std::string Moment(EventTime time) {
  const std::string text = FormatRfc3339(time);
  return fmt::format("{} {} UTC", text.substr(0, 10), text.substr(11, 8));
}

std::string Clock(EventTime time) { return FormatRfc3339(time).substr(11, 8); }

// "45s", "12m", "3h 20m", "2d 4h"
std::string Lasted(Millis duration) {
  const int64_t seconds = std::max<int64_t>(0, duration.count() / 1000);
  const int64_t minutes = seconds / 60, hours = minutes / 60, days = hours / 24;
  if (minutes == 0) return fmt::format("{}s", seconds);
  if (hours == 0) return fmt::format("{}m", minutes);
  if (days == 0) {
    return minutes % 60 == 0 ? fmt::format("{}h", hours)
                             : fmt::format("{}h {}m", hours, minutes % 60);
  }
  return hours % 24 == 0 ? fmt::format("{}d", days) : fmt::format("{}d {}h", days, hours % 24);
}

std::string NumberWord(size_t count) {
  static constexpr std::string_view kWords[] = {"no",  "one",   "two",   "three", "four", "five",
                                                "six", "seven", "eight", "nine",  "ten"};
  return count < std::size(kWords) ? std::string(kWords[count]) : fmt::format("{}", count);
}

std::string MapLabel(const Estate& estate, std::string_view entity, std::string_view label) {
  const std::optional<EntityId> id = estate.Find(entity);
  if (!id || !estate.InMap(*id)) return "";
  return std::string(estate.map().LabelsOf(*id).Get(label));
}

std::optional<std::string> IdentityLabel(const Program& program, std::string_view entity,
                                         std::string_view label) {
  const std::optional<KindId> kind = program.FindKind(KindName(entity));
  if (!kind) return std::nullopt;
  const std::optional<Labels> identity = IdentityLabels(program.kind(*kind), entity);
  if (!identity || !identity->Has(label)) return std::nullopt;
  return std::string(identity->Get(label));
}

// Without its kind: the label that names it, else the parts of its id.
std::string NameOf(const Estate& estate, std::string_view entity) {
  for (const std::string_view label : {"display_name", "name"}) {
    std::string name = MapLabel(estate, entity, label);
    if (!name.empty()) return name;
  }
  std::string name;
  std::string_view rest = entity.substr(std::min(entity.size(), KindName(entity).size() + 1));
  while (true) {
    const size_t slash = rest.find('/');
    name += (name.empty() ? "" : "/") + DecodeIdPart(rest.substr(0, slash));
    if (slash == std::string_view::npos) return name;
    rest.remove_prefix(slash + 1);
  }
}

// "3 VMs and 2 applications", those of which there are most first.
std::string KindsWords(const Incident& incident) {
  std::vector<std::pair<int64_t, std::string>> counts;
  for (const auto& [kind, count] : incident.blast_radius.kinds) {
    if (count.actual > 0) counts.emplace_back(-count.actual, kind);
  }
  std::sort(counts.begin(), counts.end());
  std::vector<std::string> words;
  for (const auto& [count, kind] : counts) words.push_back(Count(-count, WordFor(kind)));
  return Enumerated(words, words.size());
}

// Those furthest from the cause, at which paths end: what users see.
std::vector<std::string> Victims(const Estate& estate, const Incident& incident) {
  std::set<std::string_view> inner;
  for (const Incident::Impact& impact : incident.impact) {
    for (size_t i = 0; i + 1 < impact.path.size(); ++i) {
      if (!impact.potential) inner.insert(impact.path[i]);
    }
  }
  std::vector<std::pair<size_t, std::string_view>> ends;
  for (const Incident::Impact& impact : incident.impact) {
    if (impact.potential || inner.contains(impact.entity)) continue;
    ends.emplace_back(impact.path.size(), impact.entity);
  }
  std::stable_sort(ends.begin(), ends.end(),
                   [](const auto& a, const auto& b) { return a.first > b.first; });
  std::vector<std::string> names;
  for (const auto& [length, entity] : ends) {
    if (names.size() == kVictimsMax) break;
    std::string name = Called(estate, entity);
    if (std::find(names.begin(), names.end(), name) == names.end()) names.push_back(name);
  }
  return names;
}

// "in two regions (uk, us)"; "" where the map has no such labels.
std::string Places(const Incident& incident) {
  for (const auto& [label, values] : incident.blast_radius.labels) {
    if (values.empty()) continue;
    if (values.size() == 1) return fmt::format("in {} {}", label, values[0]);
    const size_t shown = std::min(values.size(), kPlacesMax);
    return fmt::format(
        "in {} {} ({}{})", NumberWord(values.size()), PluralOf(label),
        fmt::join(values.begin(), values.begin() + static_cast<std::ptrdiff_t>(shown), ", "),
        shown < values.size() ? ", …" : "");
  }
  return "";
}

std::string WellElsewhere(const Incident& incident) {
  for (const auto& [label, values] : incident.blast_radius.labels) {
    auto healthy = incident.blast_radius.healthy.find(label);
    if (values.empty() || healthy == incident.blast_radius.healthy.end()) continue;
    return fmt::format("; {} {} well", Enumerated(healthy->second, kNamesMax),
                       healthy->second.size() == 1 ? "is" : "are");
  }
  return "";
}

std::string CausesWords(const Estate& estate, const Incident& incident) {
  std::vector<std::string> names;
  for (const std::string& cause : incident.root.front().causes) {
    names.push_back(Called(estate, cause));
  }
  return Enumerated(names, kNamesMax);
}

std::string AffectedSentence(const Estate& estate, const Incident& incident) {
  const Incident::BlastRadius& radius = incident.blast_radius;
  const bool over = incident.status != IncidentStatus::kOpen;
  if (radius.actual == 0) {
    std::string text = over ? "Nobody was affected" : "Nobody is affected yet";
    if (radius.potential > 0) {
      text += fmt::format("; {} on it", radius.potential == 1
                                            ? "one entity depends"
                                            : fmt::format("{} depend", radius.potential));
    }
    return text + ".";
  }
  std::string text = fmt::format(
      "{} {} affected", KindsWords(incident),
      over ? (radius.actual == 1 ? "was" : "were") : (radius.actual == 1 ? "is" : "are"));
  const std::vector<std::string> victims = Victims(estate, incident);
  if (radius.actual > static_cast<int64_t>(victims.size()) && !victims.empty()) {
    text += ", among them " + Enumerated(victims, kVictimsMax);
  } else if (!victims.empty()) {
    text += ": " + Enumerated(victims, kVictimsMax);
  }
  const std::string places = Places(incident);
  if (!places.empty()) text += ", " + places;
  text += WellElsewhere(incident);
  if (radius.potential > 0) {
    text += fmt::format("; {} more {} on it", radius.potential,
                        radius.potential == 1 ? "depends" : "depend");
  }
  return text + ".";
}

std::string RuledOutWords(const Incident& incident) {
  std::vector<std::string> words;
  for (const Incident::RuledOut& out : incident.ruled_out) {
    std::string word = out.what.find(':') == std::string::npos ? out.what : out.fault;
    if (word.starts_with(kUnobserved)) continue;  // a guess that was none: no word for anybody
    std::replace(word.begin(), word.end(), '_', ' ');
    if (word.empty() || std::find(words.begin(), words.end(), word) != words.end()) continue;
    if (words.size() < kAreasMax) words.push_back(word);
  }
  return Enumerated(words, kAreasMax);
}

// "resolve errors" of `resolve_errors`; "slow" of `vm_slow` on a VM, since that is said already.
std::string FaultWords(const Incident::Root& root) {
  std::string_view fault = root.fault;
  if (fault.size() > root.kind.size() + 1 && fault.starts_with(root.kind) &&
      fault[root.kind.size()] == '_') {
    fault.remove_prefix(root.kind.size() + 1);
  }
  std::string words(fault);
  std::replace(words.begin(), words.end(), '_', ' ');
  return words;
}

// "Array a1 lost its redundancy", "VM web1: slow", "Datastore ds1 probably fails".
std::string WhatIsBroken(const Estate& estate, const Incident& incident) {
  const Incident::Root& root = incident.root.front();
  const std::string who = Capital(Called(estate, root.entity));
  if (root.fault == "redundancy_lost") return who + " lost its redundancy";
  if (root.fault.starts_with(kUnobserved)) return who + " probably fails";
  return fmt::format("{}: {}", who, FaultWords(root));
}

std::string BecauseSentence(const Estate& estate, const Incident& incident) {
  const Incident::Root& root = incident.root.front();
  if (!root.causes.empty()) {
    return fmt::format("{} failed.", Capital(CausesWords(estate, incident)));
  }
  if (!root.fault.starts_with(kUnobserved)) return "";
  const std::string family = root.fault.substr(kUnobserved.size());
  return fmt::format("It {}; it is what explains {} in all that depends on it.",
                     root.monitored ? "shows nothing itself" : "has no monitor of its own",
                     family == "down" ? "the failures" : "the " + family);
}

// The rules' own words for what the root, or one of its causes, shows.
std::string ShownSentence(const Incident& incident) {
  const Incident::Root& root = incident.root.front();
  for (const Incident::Symptom& symptom : incident.symptoms) {
    const bool cause =
        std::find(root.causes.begin(), root.causes.end(), symptom.entity) != root.causes.end();
    if ((symptom.entity != root.entity && !cause) || symptom.summary.empty()) continue;
    return symptom.summary + (symptom.summary.ends_with('.') ? "" : ".");
  }
  return "";
}

std::string ChangeSentence(const Estate& estate, const Incident& incident) {
  if (incident.changes.empty()) return "";
  const Incident::Change& change = incident.changes.back();
  std::string event = change.event;
  std::replace(event.begin(), event.end(), '_', ' ');
  return fmt::format("Shortly before, at {}: {} on {}.", Clock(change.time), event,
                     Called(estate, change.entity));
}

std::string EndSentence(const Incident& incident) {
  const Incident::Root& root = incident.root.front();
  if (incident.resolved_at) {
    return fmt::format("Over since {}, after {}.", Clock(*incident.resolved_at),
                       Lasted(*incident.resolved_at - incident.started_at));
  }
  if (!root.recovered_at) return "";
  return fmt::format("It recovered itself at {}.", Clock(*root.recovered_at));
}

int64_t ImpactCount(const Incident& incident, std::string_view words) {
  if (words == "actual") return incident.blast_radius.actual;
  if (words == "potential") return incident.blast_radius.potential;
  if (words == "total") return incident.impact_total;
  int64_t count = 0;
  for (const auto& [kind, number] : incident.blast_radius.kinds) {
    if (words == kind || words == PluralOf(kind) || words == kind + "s") count += number.actual;
  }
  return count;
}

std::string AffectedCount(const Incident& incident, std::string_view words) {
  for (const auto& [kind, number] : incident.blast_radius.kinds) {
    if (words == kind || words == PluralOf(kind) || words == kind + "s") {
      return Count(number.actual, WordFor(kind));
    }
  }
  return Count(0,
               words.ends_with('s') ? WordFor(words.substr(0, words.size() - 1)) : WordFor(words));
}

std::optional<std::string> Phrase(const std::string& path, const Estate& estate,
                                  const Incident& incident) {
  const Incident::Root& root = incident.root.front();
  if (path == "entity") return root.entity;
  if (path == "kind") return root.kind;
  if (path == "name") return Called(estate, root.entity);
  if (path == "fault") return root.fault;
  if (path == "severity") return std::string(Name(incident.severity));
  if (path == "since") return Moment(incident.started_at);
  if (path == "until") {
    return incident.resolved_at ? Moment(*incident.resolved_at) : std::string("now");
  }
  if (path == "because") {
    return root.causes.empty() ? FaultWords(root) : CausesWords(estate, incident);
  }
  if (path == "places") return Places(incident);
  if (path == "affected") {
    return incident.blast_radius.actual == 0 ? std::string("nobody yet") : KindsWords(incident);
  }
  if (path == "impact") return fmt::format("{}", incident.blast_radius.actual);
  if (path.starts_with("impact.")) {
    return fmt::format("{}", ImpactCount(incident, std::string_view(path).substr(7)));
  }
  if (path.starts_with("affected.")) {
    return AffectedCount(incident, std::string_view(path).substr(9));
  }
  return std::nullopt;
}

std::string Reference(const std::string& path, const Estate& estate, const Incident& incident) {
  const Incident::Root& root = incident.root.front();
  std::string_view label = path;
  if (label.starts_with("root.")) label.remove_prefix(5);
  if (label.starts_with("labels.")) label.remove_prefix(7);
  // A kind's own labels come before our words, as they stand in the rules.
  if (auto value = IdentityLabel(estate.program(), root.entity, label)) return *value;
  if (std::optional<std::string> phrase = Phrase(path, estate, incident)) return *phrase;
  auto own = incident.labels.find(std::string(label));
  if (own != incident.labels.end()) return own->second;
  return fmt::format("{{{}}}", path);
}

}  // namespace

std::string Count(int64_t count, std::string_view word) {
  return fmt::format("{} {}", count, count == 1 ? std::string(word) : PluralOf(word));
}

std::string NumberWords(double value) { return fmt::format("{:.4g}", value); }

std::string Enumerated(const std::vector<std::string>& names, size_t max) {
  std::string text;
  const size_t shown = names.size() <= max ? names.size() : max;
  for (size_t i = 0; i < shown; ++i) {
    const bool last = i + 1 == names.size();
    text += (i == 0 ? "" : last ? " and " : ", ") + names[i];
  }
  if (shown < names.size()) text += fmt::format(" and {} more", names.size() - shown);
  return text;
}

std::string Called(const Estate& estate, std::string_view entity) {
  return WordFor(KindName(entity)) + " " + NameOf(estate, entity);
}

std::string CutText(std::string_view text) {
  constexpr size_t kBytesMax = 2'000;
  if (text.size() <= kBytesMax) return std::string(text);
  size_t end = kBytesMax;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0U) == 0x80U) --end;
  return std::string(text.substr(0, end)) + "…";
}

std::string Render(const Template& text, const Estate& estate, const Incident& incident) {
  std::string result;
  for (const Template::Piece& piece : text.pieces) {
    result += piece.reference ? Reference(piece.text, estate, incident) : piece.text;
  }
  return result;
}

std::string TitleOf(const Estate& estate, const LiveIncident& live, const Incident& incident) {
  const Program& program = estate.program();
  if (live.declared && !program.fault(*live.declared).title.empty()) {
    return Render(program.fault(*live.declared).title, estate, incident);
  }
  std::string title = WhatIsBroken(estate, incident);
  if (incident.blast_radius.actual > 0) {
    title += fmt::format(", {} affected", KindsWords(incident));
  }
  return title;
}

std::string SummaryOf(const Estate& estate, const LiveIncident& live, const Incident& incident) {
  const Program& program = estate.program();
  if (live.declared && !program.fault(*live.declared).summary.empty()) {
    return Render(program.fault(*live.declared).summary, estate, incident);
  }
  std::string text = fmt::format("{} since {}.", WhatIsBroken(estate, incident),
                                 Moment(incident.root.front().onset));
  for (const std::string& sentence : {BecauseSentence(estate, incident), ShownSentence(incident),
                                      AffectedSentence(estate, incident),
                                      ChangeSentence(estate, incident), EndSentence(incident)}) {
    if (!sentence.empty()) text += " " + sentence;
  }
  const std::string ruled_out = RuledOutWords(incident);
  if (!ruled_out.empty()) text += fmt::format(" Ruled out: {}.", ruled_out);
  return text;
}

}  // namespace rootnote
