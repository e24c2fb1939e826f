#include "engine/cli/time_lapse.h"

#include <algorithm>

#include "fmt/format.h"

#include "engine/cli/incident_text.h"
#include "schemas/incident_encoder.h"

namespace rootnote {
namespace {

constexpr size_t kEntitiesShown = 3;
// How long a line waits for the verdict on it, and for incidents that belong before it.
constexpr Millis kSettle{180'000};

// "23:13:30" of an event time.
std::string Clock(EventTime time) { return FormatRfc3339(time).substr(11, 8); }

std::string_view Headline(estate::Story story) {
  switch (story) {
    case estate::Story::kDns:
      return "A music store is partly down: is it an attack, the network, storage, the database?";
    case estate::Story::kDisk:
      return "One disk of a RAID group fails. Then a second one.";
    case estate::Story::kQuiet:
      return "A normal evening: nobody should be called.";
  }
  return "";
}

}  // namespace

TimeLapse::TimeLapse(const Terminal& out, bool shown, const Program& program)
    : out_(out), shown_(shown), program_(program) {}

void TimeLapse::Begin(estate::Story story, const estate::Feed& feed) {
  if (!shown_) return;
  const estate::Estate& estate = feed.estate();
  out_.Print(fmt::format(
      "{}\n{}\n\n", out_.Paint(Ink::kBold, Headline(story)),
      out_.Paint(Ink::kDim,
                 fmt::format("{} apps in 3 regions, {} VMs, {} disks; "
                             "{} series every 10 s, through an "
                             "embedded Kafka; times are event time, "
                             "UTC",
                             estate.apps.size(), estate.vms.size(),
                             estate.arrays.size() * estate::kDisksPerArray, feed.series()))));
}

void TimeLapse::Look(const EngineView& view) {
  if (view.closed_tick > time_) Gather();
  for (Line& line : lines_) {
    if (line.incident || line.burst.to != SignalState::kFiring) continue;
    const std::string& signal = program_.signal(line.burst.signal).name;
    for (const Finding& finding : view.findings) {
      if (finding.signal != signal || finding.entity != line.burst.entities.front()) continue;
      const bool planned = finding.verdict == "in_maintenance";
      if (!planned && finding.verdict != "tolerated") continue;
      line.what = planned ? "planned" : "tolerated";
      line.ink = Ink::kDim;
    }
  }
}

void TimeLapse::Print(const Line& line) const {
  const std::string text = line.incident
                               ? line.text
                               : fmt::format("{} on {}", program_.signal(line.burst.signal).name,
                                             Entities(line.burst.entities));
  out_.Print(fmt::format("{}  {}  {}\n", out_.Paint(Ink::kDim, Clock(line.time)),
                         out_.Paint(line.ink, fmt::format("{:<9}", line.what)), text));
}

void TimeLapse::PrintUntil(EventTime time) {
  std::stable_sort(lines_.begin(), lines_.end(), [](const Line& a, const Line& b) {
    return std::pair(a.time, a.incident) < std::pair(b.time, b.incident);
  });
  size_t printed = 0;
  while (printed < lines_.size() && lines_[printed].time <= time) {
    if (shown_) Print(lines_[printed]);
    ++printed;
  }
  lines_.erase(lines_.begin(), lines_.begin() + static_cast<std::ptrdiff_t>(printed));
}

std::string TimeLapse::Entities(const std::vector<std::string>& entities) const {
  std::string text;
  for (size_t i = 0; i < std::min(entities.size(), kEntitiesShown); ++i) {
    text += fmt::format("{}{}", i > 0 ? ", " : "", entities[i]);
  }
  if (entities.size() > kEntitiesShown) {
    text += fmt::format(" and {} more", entities.size() - kEntitiesShown);
  }
  return text;
}

void TimeLapse::Note(const Transition& transition, const Program& program) {
  if (transition.to == SignalState::kPending || transition.from == SignalState::kPending) {
    if (transition.to != SignalState::kFiring) return;
  }
  if (transition.time != time_) {
    Gather();
    PrintUntil(transition.time - kSettle);
  }
  time_ = transition.time;
  if (transition.to == SignalState::kFiring) {
    ++alerts_[program.signal(transition.signal).name];
    ++alerts_total_;
  }
  for (Burst& burst : bursts_) {
    if (burst.signal == transition.signal && burst.to == transition.to) {
      burst.entities.push_back(transition.entity);
      return;
    }
  }
  bursts_.push_back({transition.signal, transition.to, {transition.entity}});
}

void TimeLapse::Gather() {
  for (Burst& burst : bursts_) {
    const bool firing = burst.to == SignalState::kFiring;
    const Signal& signal = program_.signal(burst.signal);
    const Ink ink = !firing                               ? Ink::kDim
                    : signal.severity >= Severity::kMajor ? Ink::kRed
                                                          : Ink::kYellow;
    lines_.push_back({.time = time_,
                      .ink = ink,
                      .what = std::string(firing ? Name(signal.severity) : "ends"),
                      .burst = std::move(burst)});
  }
  bursts_.clear();
}

void TimeLapse::Note(const Incident& incident) {
  // More evidence for the same decision is no news to a reader.
  if (incident.reason == "evidence") return;
  const std::string root = incident.root.empty() ? "unknown" : incident.root[0].entity;
  std::string text = fmt::format("{}: root {}, {} affected", Name(incident.state), root,
                                 incident.blast_radius.actual);
  if (incident.blast_radius.potential > 0) {
    text += fmt::format(", {} at risk", incident.blast_radius.potential);
  }
  if (incident.state == IncidentState::kUpdated) text += fmt::format(" ({})", incident.reason);
  lines_.push_back({.time = incident.updated_at,
                    .incident = true,
                    .ink = incident.status == IncidentStatus::kOpen ? Ink::kBold : Ink::kGreen,
                    .what = "INCIDENT",
                    .text = text});
}

void TimeLapse::End(const std::vector<std::string>& incidents, double seconds) {
  Gather();
  PrintUntil(kMaxTime);
  out_.Print(
      fmt::format("\n{}\n", out_.Paint(Ink::kBold, "What every alert would have said on its own")));
  Table table;
  for (const auto& [signal, count] : alerts_) table.Row({fmt::format("{:>5}", count), signal});
  table.Row({fmt::format("{:>5}", alerts_total_), "notifications in all"});
  out_.Print(table.Text("  "));
  PrintSummary(incidents);
  out_.Print(
      out_.Paint(Ink::kDim, fmt::format("\n{} revisions on the topic, {:.1f} s of wall clock\n",
                                        incidents.size(), seconds)));
}

void TimeLapse::PrintSummary(const std::vector<std::string>& incidents) const {
  std::map<std::string, Incident> latest, widest;  // by id; the one with the largest impact to show
  size_t unread = 0;
  for (const std::string& json : incidents) {
    absl::StatusOr<Incident> incident = DecodeIncident(json);
    if (!incident.ok()) {
      ++unread;
      continue;
    }
    Incident& shown = widest.try_emplace(incident->id, *incident).first->second;
    if (incident->blast_radius.actual > shown.blast_radius.actual) shown = *incident;
    latest[incident->id] = *std::move(incident);
  }
  out_.Print(fmt::format(
      "\n{}\n", out_.Paint(Ink::kBold, fmt::format("What Rootnote said instead: {} incident{}",
                                                   latest.size(), latest.size() == 1 ? "" : "s"))));
  for (const auto& [id, incident] : widest) {
    out_.Print("\n" + IncidentText(incident, out_));
    const Incident& last = latest.at(id);
    out_.Print(fmt::format("  {}  {}{}\n", out_.Paint(Ink::kDim, "in the end"), Name(last.status),
                           last.resolved_at ? " at " + Clock(*last.resolved_at) : ""));
  }
  if (unread > 0) out_.Print(fmt::format("{} records could not be read back\n", unread));
}

}  // namespace rootnote
