#include "engine/cli/incident_text.h"

#include <algorithm>
#include <map>

#include "fmt/format.h"

namespace rootnote {
namespace {

constexpr size_t kPathsShown = 6;
constexpr size_t kRuledOutShown = 12;
constexpr size_t kEvidenceShown = 6;

std::string Clock(EventTime time) { return FormatRfc3339(time).substr(11, 8); }

class Words {
 public:
  Words(const Incident& incident, const Terminal& terminal)
      : incident_(incident), terminal_(terminal) {}

  void Item(std::string_view name, std::string_view text) {
    text_ +=
        fmt::format("  {}  {}\n", terminal_.Paint(Ink::kDim, fmt::format("{:<9}", name)), text);
  }

  void Head() {
    const Ink ink = incident_.severity >= Severity::kMajor ? Ink::kRed : Ink::kYellow;
    text_ += fmt::format("{}  {}\n", terminal_.Paint(ink, Name(incident_.severity)),
                         terminal_.Paint(Ink::kBold, incident_.title));
    if (!incident_.summary.empty()) Item("", incident_.summary);
    Item("incident", fmt::format("{}, {}, revision {}", incident_.id, Name(incident_.status),
                                 incident_.revision));
    std::string when =
        fmt::format("since {}, opened {}", Clock(incident_.started_at), Clock(incident_.opened_at));
    if (incident_.resolved_at) when += fmt::format(", resolved {}", Clock(*incident_.resolved_at));
    Item("when", when);
    if (!incident_.maintenance_name.empty()) Item("planned", incident_.maintenance_name);
  }

  void Roots() {
    for (size_t i = 0; i < incident_.root.size(); ++i) {
      const Incident::Root& root = incident_.root[i];
      std::string text =
          fmt::format("{} ({}), score {}, since {}{}", root.entity, root.fault, root.score,
                      Clock(root.onset), root.monitored ? "" : ", has no monitor of its own");
      if (root.recovered_at) text += fmt::format(", recovered {}", Clock(*root.recovered_at));
      Item(i == 0 ? "root" : "rival", i == 0 ? terminal_.Paint(Ink::kBold, text) : text);
      if (!root.causes.empty()) Item("causes", fmt::format("{}", fmt::join(root.causes, ", ")));
    }
  }

  void Impacts() {
    std::string text;
    for (const auto& [kind, count] : incident_.blast_radius.kinds) {
      text += fmt::format("{}{} {} affected", text.empty() ? "" : "; ", count.actual, kind);
      if (count.potential > 0) text += fmt::format(", {} at risk", count.potential);
    }
    Item("impact", text.empty() ? "none yet" : text);
    // The longest paths tell the most: cause first, what users see last.
    std::vector<const Incident::Impact*> paths;
    for (const Incident::Impact& impact : incident_.impact) paths.push_back(&impact);
    std::stable_sort(paths.begin(), paths.end(),
                     [](const Incident::Impact* a, const Incident::Impact* b) {
                       if (a->potential != b->potential) return !a->potential;
                       return a->path.size() > b->path.size();
                     });
    for (size_t i = 0; i < std::min(paths.size(), kPathsShown); ++i) {
      Item(paths[i]->potential ? "at risk" : "path",
           fmt::format("{}", fmt::join(paths[i]->path, " → ")));
    }
    if (paths.size() > kPathsShown)
      Item("", fmt::format("and {} more", paths.size() - kPathsShown));
    for (const auto& [label, values] : incident_.blast_radius.labels) {
      Item(label, fmt::format("affected {}", fmt::join(values, ", ")));
    }
    for (const auto& [label, values] : incident_.blast_radius.healthy) {
      Item(label, fmt::format("healthy {}", fmt::join(values, ", ")));
    }
  }

  void RuledOut() {
    const size_t shown = std::min(incident_.ruled_out.size(), kRuledOutShown);
    for (size_t i = 0; i < shown; ++i) {
      const Incident::RuledOut& ruled = incident_.ruled_out[i];
      const bool named = ruled.detail.find(ruled.what) != std::string::npos;
      const std::string& why = ruled.detail.empty() ? ruled.reason : ruled.detail;
      Item(i == 0 ? "ruled out" : "", named ? why : fmt::format("{}: {}", ruled.what, why));
    }
    if (incident_.ruled_out.size() > shown) {
      Item("", fmt::format("and {} more", incident_.ruled_out.size() - shown));
    }
  }

  void Evidence() {
    for (size_t i = 0; i < std::min(incident_.evidence.size(), kEvidenceShown); ++i) {
      const Incident::Evidence& evidence = incident_.evidence[i];
      std::string text =
          fmt::format("{} on {}: {:.4g}", evidence.signal, evidence.entity, evidence.value);
      if (evidence.threshold) text += fmt::format(" (limit {:.4g})", *evidence.threshold);
      Item(i == 0 ? "evidence" : "", text);
    }
  }

  void Rest() {
    if (!incident_.unexplained.empty()) {
      Item("unclear", fmt::format("{}", fmt::join(incident_.unexplained, ", ")));
    }
    for (const std::string& limit : incident_.limits) Item("limits", limit);
    if (!incident_.owner.empty()) Item("owner", incident_.owner);
    if (!incident_.runbook.empty()) Item("runbook", incident_.runbook);
  }

  std::string Take() { return std::move(text_); }

 private:
  const Incident& incident_;
  const Terminal& terminal_;
  std::string text_;
};

}  // namespace

std::string IncidentText(const Incident& incident, const Terminal& terminal) {
  Words words(incident, terminal);
  words.Head();
  words.Roots();
  words.Impacts();
  words.RuledOut();
  words.Evidence();
  words.Rest();
  return words.Take();
}

}  // namespace rootnote
