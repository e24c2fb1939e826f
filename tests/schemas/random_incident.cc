#include "tests/schemas/random_incident.h"

#include <bit>
#include <limits>
#include <map>
#include <string>
#include <utility>

namespace rootnote {
namespace {

class Maker {
 public:
  Maker(std::mt19937_64& random, size_t size) : random_(random), size_(size) {}

  Incident Make() {
    Incident incident;
    incident.id = "rn-0123456789abcdef-" + std::to_string(1 + Below(9));
    incident.key = Entity() + " " + Word();
    incident.episode = 1 + static_cast<int64_t>(Below(9));
    incident.revision = 1 + static_cast<int64_t>(Below(1000));
    incident.status = static_cast<IncidentStatus>(Below(4));
    incident.state = static_cast<IncidentState>(Below(6));
    incident.reason = Word();
    incident.severity = static_cast<Severity>(Below(4));
    incident.title = Text();
    incident.summary = Text();
    incident.started_at = Time();
    incident.opened_at = Time();
    incident.updated_at = Time();
    incident.reopened_at = Below(4) == 0 ? std::optional(Time()) : std::nullopt;
    incident.resolved_at = Maybe() ? std::optional(Time()) : std::nullopt;
    incident.catching_up = Below(4) == 0;
    if (Below(3) == 0) {
      incident.acknowledged = {Text(), Time(), Maybe() ? Text() : ""};
    }
    if (Below(3) == 0) {
      incident.silenced = {"night shift", Text(), Time(), Maybe() ? Text() : ""};
    }
    Fill(incident.root, [this] { return Root(); });
    Fill(incident.impact, [this] { return Impact(); });
    incident.impact_total = static_cast<int64_t>(incident.impact.size() + Below(3));
    incident.blast_radius = Radius();
    Fill(incident.symptoms, [this] { return Symptom(); });
    incident.symptoms_total = static_cast<int64_t>(incident.symptoms.size() + Below(3));
    if (Maybe()) {
      incident.maintenance_name = "array firmware";
      incident.maintenance_owner = Maybe() ? "storage" : "";
    }
    Fill(incident.ruled_out, [this] { return RuledOut(); });
    Fill(incident.unexplained, [this] { return Word() + " " + Entity(); });
    Fill(incident.evidence, [this] { return Evidence(); });
    incident.evidence_total = static_cast<int64_t>(incident.evidence.size() + Below(3));
    Fill(incident.changes, [this] {
      return Incident::Change{
          .event = Word(), .entity = Entity(), .detail = Text(), .time = Time()};
    });
    for (size_t i = Below(4); i > 0; --i) {
      incident.labels[Word()] = Text();
    }
    incident.owner = Maybe() ? Text() : "";
    incident.runbook = Maybe() ? "https://runbooks.example/dns" : "";
    Fill(incident.links, [] { return std::string("https://console.example/incidents"); });
    incident.merged_into = Maybe() ? "rn-00000000000000ff-2" : "";
    incident.superseded_by = Maybe() ? "rn-00000000000000ff-3" : "";
    Fill(incident.merged_from, [] { return std::string("rn-0000000000000001-1"); });
    if (Below(3) == 0) {
      incident.routed = {"incidents.net", "incidents.page"};
    }
    incident.rules_version = Word();
    incident.topology_version = std::to_string(Below(1000));
    incident.engine_version = "0.1.0";
    Fill(incident.limits, [this] { return Text(); });
    return incident;
  }

 private:
  size_t Below(size_t bound) { return random_() % bound; }
  bool Maybe() { return Below(2) == 0; }

  template <typename Item, typename MakeItem>
  void Fill(std::vector<Item>& items, MakeItem make) {
    for (size_t i = size_ == 0 ? 0 : Below(4 * size_); i > 0; --i) {
      items.push_back(make());
    }
  }

  std::string Word() {
    static constexpr const char* kWords[] = {
        "dns_failure", "resolve_errors",
        "impact_grew", "http_errors",
        "deploy",      "root_found",
        "region",      "a_very_long_name_of_a_signal_that_somebody_wrote"};
    return kWords[Below(std::size(kWords))];
  }

  std::string Entity() {
    static constexpr const char* kKinds[] = {"vm", "app", "disk", "transaction", "dns"};
    return std::string(kKinds[Below(std::size(kKinds))]) + ":n" + std::to_string(Below(500)) +
           (Maybe() ? "/p%2F" + std::to_string(Below(9)) : "");
  }

  std::string Text() {
    static constexpr const char* kTexts[] = {"",
                                             "DNS internal-atlantic is failing 12 applications",
                                             "array a1: 1 of 8 disks failing, tolerated",
                                             "quotes \" and \\ and / and \b\f\n\r\t",
                                             "\x01 control \x7F",
                                             "Gr\xC3\xB6\xC3\x9F"
                                             "e \xE2\x82\xAC \xF0\x9F\x98\x80",
                                             "</script>"};
    return kTexts[Below(std::size(kTexts))];
  }

  EventTime Time() {
    const int64_t ms = 1795331836117 + static_cast<int64_t>(Below(100'000'000));
    return FromMillis(Maybe() ? ms : ms / 1000 * 1000);
  }

  double Number() {
    switch (Below(10)) {
      case 0:
        return std::numeric_limits<double>::infinity();
      case 1:
        return -std::numeric_limits<double>::infinity();
      case 2:
        return std::numeric_limits<double>::quiet_NaN();
      case 3:
        return -0.0;
      case 4:
        return 0.1 * static_cast<double>(Below(100));
      case 5:
        return static_cast<double>(random_());
      case 6:
        return static_cast<double>(Below(1000));
      default:
        return std::bit_cast<double>(random_());
    }
  }

  Incident::Root Root() {
    Incident::Root root{.entity = Entity(),
                        .kind = Word(),
                        .fault = Word(),
                        .score = static_cast<int64_t>(random_()),
                        .onset = Time(),
                        .recovered_at = std::nullopt,
                        .monitored = Maybe(),
                        .observed = Maybe()};
    if (Maybe()) {
      root.recovered_at = Time();
    }
    Fill(root.causes, [this] { return Entity(); });
    Fill(root.parts, [this] { return Part(); });
    return root;
  }

  Incident::ScorePart Part() {
    return {.what = Word(), .points = static_cast<int64_t>(Below(400)) - 200, .detail = Text()};
  }

  Incident::Impact Impact() {
    Incident::Impact impact{.entity = Entity(), .kind = Word()};
    Fill(impact.path, [this] { return Entity(); });
    Fill(impact.relations, [this] { return Word(); });
    Fill(impact.signals, [this] { return Word(); });
    impact.onset = Time();
    impact.potential = Maybe();
    impact.maintenance = Below(5) == 0 ? "launch event" : "";
    return impact;
  }

  Incident::Symptom Symptom() {
    return {.signal = Word(),
            .entity = Entity(),
            .relation_from = Below(4) == 0 ? Entity() : "",
            .family = static_cast<Family>(Below(5)),
            .severity = static_cast<Severity>(Below(4)),
            .onset = Time(),
            .resolved_at = Maybe() ? std::optional(Time()) : std::nullopt,
            .resolved_reason = Below(4) == 0 ? "no_data" : "",
            .value = Number(),
            .summary = Text(),
            .labels = Texts(),
            .annotations = Texts()};
  }

  std::map<std::string, std::string> Texts() {
    std::map<std::string, std::string> texts;
    for (size_t i = Below(4); i > 0; --i) texts[Word()] = Text();
    return texts;
  }

  Incident::RuledOut RuledOut() {
    static constexpr const char* kReasons[] = {
        "healthy_and_fresh", "tolerated",      "began_after_effect", "explains_too_little",
        "no_path_at_onset",  "in_maintenance", "scores_lower"};
    Incident::RuledOut out{.what = Entity(),
                           .fault = Maybe() ? Word() : "",
                           .reason = kReasons[Below(std::size(kReasons))],
                           .detail = Text(),
                           .score = std::nullopt};
    if (Maybe()) {
      out.score = static_cast<int64_t>(Below(900));
      Fill(out.parts, [this] { return Part(); });
    } else {
      Fill(out.entities, [this] { return Entity(); });
    }
    return out;
  }

  Incident::Evidence Evidence() {
    Incident::Evidence evidence{.signal = Word(), .entity = Entity(), .value = Number()};
    evidence.threshold = Maybe() ? std::optional(Number()) : std::nullopt;
    evidence.time = Time();
    if (Maybe()) {
      evidence.topic = "metrics.telegraf";
      evidence.partition = static_cast<int32_t>(Below(64));
      evidence.offset = static_cast<int64_t>(random_() >> 1);
    }
    return evidence;
  }

  Incident::BlastRadius Radius() {
    Incident::BlastRadius radius;
    radius.actual = static_cast<int64_t>(Below(1000));
    radius.potential = static_cast<int64_t>(Below(1000));
    for (size_t i = Below(4); i > 0; --i) {
      radius.kinds[Word()] = {static_cast<int64_t>(Below(9)), static_cast<int64_t>(Below(9))};
      Fill(radius.labels[Word()], [this] { return Text(); });
      Fill(radius.healthy[Word()], [this] { return Text(); });
    }
    return radius;
  }

  std::mt19937_64& random_;
  size_t size_;
};

}  // namespace

Incident RandomIncident(std::mt19937_64& random, size_t size) { return Maker(random, size).Make(); }

}  // namespace rootnote
