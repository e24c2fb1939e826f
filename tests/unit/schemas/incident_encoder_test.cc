#include "schemas/incident_encoder.h"

#include <algorithm>
#include <bit>
#include <random>
#include <string>

#include <gtest/gtest.h>

#include "schemas/json_syntax.h"
#include "tests/schemas/random_incident.h"

namespace rootnote {
namespace {

std::string Reencoded(const std::string& record, size_t bytes_max = 64U << 10) {
  const absl::StatusOr<Incident> incident = DecodeIncident(record);
  EXPECT_TRUE(incident.ok()) << incident.status() << "\n" << record;
  return incident.ok() ? EncodeIncident(*incident, {.bytes_max = bytes_max}) : "";
}

Incident Small() {
  Incident incident;
  incident.id = "rn-00000000000000aa-1";
  incident.key = "dns:internal-atlantic dns_failure";
  incident.reason = "root_found";
  incident.severity = Severity::kCritical;
  incident.title = "DNS internal-atlantic is failing";
  incident.started_at = FromMillis(1795331836117);
  incident.opened_at = incident.updated_at = FromMillis(1795331856000);
  incident.root.push_back({.entity = "dns:internal-atlantic",
                           .kind = "dns",
                           .fault = "dns_failure",
                           .score = 420,
                           .onset = incident.started_at,
                           .monitored = true});
  incident.evidence.push_back({.signal = "dns_servfail",
                               .entity = "dns:internal-atlantic",
                               .value = 0.3,
                               .threshold = 0.05,
                               .time = incident.started_at,
                               .topic = "metrics",
                               .partition = 3,
                               .offset = 42});
  return incident;
}

TEST(IncidentEncoder, OrderOfKeysIsFixed) {
  EXPECT_EQ(
      EncodeIncident(Small()),
      R"({"schema":"rootnote.incident.v1","incident_id":"rn-00000000000000aa-1",)"
      R"("incident_key":"dns:internal-atlantic dns_failure","episode":1,"revision":1,"status":"open",)"
      R"("state":"open","reason":"root_found","severity":"critical","title":"DNS internal-atlantic is failing",)"
      R"("summary":"","started_at":"2026-11-22T07:17:16.117Z","opened_at":"2026-11-22T07:17:36Z",)"
      R"("updated_at":"2026-11-22T07:17:36Z","root":[{"entity":"dns:internal-atlantic","kind":"dns",)"
      R"("fault":"dns_failure","score":420,"onset":"2026-11-22T07:17:16.117Z","monitored":true,"observed":false,"causes":[]}],)"
      R"("impact":[],"impact_total":0,"blast_radius":{"actual":0,"potential":0,"kinds":{},"labels":{},)"
      R"("healthy":{}},"symptoms":[],"symptoms_total":0,"ruled_out":[],"unexplained":[],)"
      R"("evidence":[{"signal":"dns_servfail","entity":"dns:internal-atlantic","value":0.3,"threshold":0.05,)"
      R"("time":"2026-11-22T07:17:16.117Z","topic":"metrics","partition":3,"offset":42}],"evidence_total":1,)"
      R"("changes":[],"labels":{},"links":[],"versions":{"rules":"","topology":"","engine":""},"limits":[]})");
}

TEST(IncidentEncoder, PositionsOfEvidenceCanBeLeftOut) {
  const std::string record = EncodeIncident(Small(), {.evidence_positions = false});
  EXPECT_EQ(record.find("partition"), std::string::npos);
  EXPECT_EQ(record.find("topic\""), std::string::npos);
  EXPECT_EQ(Reencoded(record), record);
}

TEST(IncidentEncoder, EveryRecordMakesTheRoundTrip) {
  std::mt19937_64 random(5);
  for (int i = 0; i < 300; ++i) {
    const Incident incident = RandomIncident(random, static_cast<size_t>(i % 6));
    const std::string record = EncodeIncident(incident);
    ASSERT_EQ(FindJsonFault(record), std::nullopt) << record;
    ASSERT_EQ(Reencoded(record), record);
  }
}

TEST(IncidentEncoder, FieldsSurviveTheRoundTrip) {
  std::mt19937_64 random(8);
  const Incident incident = RandomIncident(random, 2);
  const absl::StatusOr<Incident> read = DecodeIncident(EncodeIncident(incident));
  ASSERT_TRUE(read.ok()) << read.status();
  EXPECT_EQ(read->id, incident.id);
  EXPECT_EQ(read->status, incident.status);
  EXPECT_EQ(read->state, incident.state);
  EXPECT_EQ(read->summary, incident.summary);
  EXPECT_EQ(read->resolved_at, incident.resolved_at);
  EXPECT_EQ(read->root.size(), incident.root.size());
  EXPECT_EQ(read->labels, incident.labels);
  EXPECT_EQ(read->blast_radius.healthy, incident.blast_radius.healthy);
  EXPECT_EQ(read->limits, incident.limits);
}

// What a restart needs besides, each only written where it says something.
TEST(IncidentEncoder, FieldsOfARestartSurviveTheRoundTrip) {
  Incident incident = Small();
  for (const char* key : {"catching_up", "routed", "\"from\"", "reopened_at"}) {
    EXPECT_EQ(EncodeIncident(incident).find(key), std::string::npos) << key;
  }
  incident.catching_up = true;
  incident.routed = {"incidents.net", "incidents.page"};
  incident.reopened_at = FromMillis(1795331999000);
  incident.root[0].observed = true;
  incident.symptoms.push_back(
      {.signal = "link_errors", .entity = "app:shop", .relation_from = "app:portal"});
  const absl::StatusOr<Incident> read = DecodeIncident(EncodeIncident(incident));
  ASSERT_TRUE(read.ok()) << read.status();
  EXPECT_TRUE(read->catching_up);
  EXPECT_EQ(read->routed, incident.routed);
  EXPECT_EQ(read->reopened_at, incident.reopened_at);
  EXPECT_TRUE(read->root[0].observed);
  EXPECT_EQ(read->symptoms[0].relation_from, "app:portal");
}

// A record of an engine that did not write them yet.
TEST(DecodeIncident, FieldsOfARestartMayBeAbsent) {
  std::string record = EncodeIncident(Small());
  const std::string_view key = R"("observed":false,)";
  const size_t at = record.find(key);
  ASSERT_NE(at, std::string::npos);
  record.erase(at, key.size());
  const absl::StatusOr<Incident> read = DecodeIncident(record);
  ASSERT_TRUE(read.ok()) << read.status();
  EXPECT_FALSE(read->root[0].observed);
  EXPECT_FALSE(read->catching_up);
}

TEST(IncidentEncoder, NumbersKeepTheirBits) {
  Incident incident = Small();
  incident.evidence.clear();
  for (const double value :
       {0.1, -0.0, 1e300, 5e-324, 123456789012345678.0, 18446744073709551616.0, 1e16, 1.0 / 3}) {
    incident.evidence.push_back({.signal = "s", .entity = "e:1", .value = value});
  }
  const absl::StatusOr<Incident> read = DecodeIncident(EncodeIncident(incident));
  ASSERT_TRUE(read.ok()) << read.status();
  for (size_t i = 0; i < incident.evidence.size(); ++i) {
    EXPECT_EQ(std::bit_cast<uint64_t>(read->evidence[i].value),
              std::bit_cast<uint64_t>(incident.evidence[i].value));
  }
}

TEST(IncidentEncoder, BrokenUtf8IsRepaired) {
  Incident incident = Small();
  incident.title =
      "a\xFF"
      "b";
  const std::string record = EncodeIncident(incident);
  EXPECT_EQ(FindJsonFault(record), std::nullopt);
  EXPECT_NE(record.find("a\xEF\xBF\xBD"
                        "b"),
            std::string::npos);
}

// A storm: 1,500 symptoms, 1,500 entities hurt.
Incident Storm() {
  Incident incident = Small();
  for (int i = 0; i < 1'500; ++i) {
    const std::string entity = "app:n" + std::to_string(i);
    incident.impact.push_back({.entity = entity,
                               .kind = "app",
                               .path = {"dns:internal-atlantic", entity},
                               .relations = {"resolves_with"},
                               .potential = i >= 200});
    incident.symptoms.push_back({.signal = "resolve_errors", .entity = entity});
    incident.evidence.push_back({.signal = "resolve_errors", .entity = entity});
  }
  return incident;
}

TEST(IncidentEncoder, CapsCutInOrder) {
  const Incident storm = Storm();
  const auto counts = [&](size_t bytes_max) {
    const std::string record = EncodeIncident(storm, {.bytes_max = bytes_max});
    EXPECT_LE(record.size(), bytes_max);
    EXPECT_EQ(Reencoded(record, bytes_max), record);
    const Incident read = *DecodeIncident(record);
    EXPECT_EQ(read.evidence_total, 1'501);
    EXPECT_EQ(read.symptoms_total, 1'500);
    EXPECT_EQ(read.impact_total, 1'500);
    const auto potential =
        std::count_if(read.impact.begin(), read.impact.end(),
                      [](const Incident::Impact& impact) { return impact.potential; });
    return std::vector<size_t>{read.evidence.size(), read.symptoms.size(),
                               static_cast<size_t>(potential),
                               read.impact.size() - static_cast<size_t>(potential)};
  };
  std::vector<size_t> now = counts(10U << 20);
  EXPECT_EQ(now, (std::vector<size_t>{1'501, 1'500, 1'300, 200}));
  for (const size_t bytes_max :
       {600U << 10, 420U << 10, 270U << 10, 64U << 10, 16U << 10, 2U << 10}) {
    const std::vector<size_t> next = counts(bytes_max);
    for (size_t i = 0; i < next.size(); ++i) {
      EXPECT_LE(next[i], now[i]);
      // What is cut later is whole as long as something that is cut before it is left.
      for (size_t later = i + 1; later < next.size() && next[i] > 0; ++later) {
        EXPECT_EQ(next[later], (std::vector<size_t>{1'501, 1'500, 1'300, 200})[later]);
      }
    }
    now = next;
  }
  EXPECT_LE(EncodeIncident(storm).size(), 64U << 10);
}

TEST(IncidentEncoder, CutsNoMoreThanItMust) {
  const Incident storm = Storm();
  const size_t whole = EncodeIncident(storm, {.bytes_max = 10U << 20}).size();
  const std::string record = EncodeIncident(storm, {.bytes_max = whole - 1});
  EXPECT_EQ(DecodeIncident(record)->evidence.size(), 1'500U);
  EXPECT_EQ(EncodeIncident(storm, {.bytes_max = whole}).size(), whole);
}

TEST(IncidentEncoder, RandomStormsFit) {
  std::mt19937_64 random(13);
  for (int i = 0; i < 8; ++i) {
    const std::string record = EncodeIncident(RandomIncident(random, 100));
    EXPECT_LE(record.size(), 64U << 10);
    EXPECT_EQ(Reencoded(record), record);
  }
}

TEST(DecodeIncident, NamesThePlaceOfWhatIsWrong) {
  const std::string good = EncodeIncident(Small());
  const auto broken = [&](std::string_view from, std::string_view to) {
    std::string record = good;
    const size_t at = record.find(from);
    EXPECT_NE(at, std::string::npos) << from;
    record.replace(at, from.size(), to);
    const absl::Status status = DecodeIncident(record).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << to;
    return std::string(status.message());
  };
  EXPECT_NE(broken(R"("value":0.3)", R"("value":"much")").find("\"/evidence/0/value\""),
            std::string::npos);
  EXPECT_NE(broken(R"("episode":1)", R"("episode":1.5)").find("\"/episode\""), std::string::npos);
  EXPECT_NE(broken(R"("offset":42)", R"("offsets":42)").find("\"/evidence/0/offset\": is missing"),
            std::string::npos);
  EXPECT_NE(broken(R"("state":"open")", R"("state":"ajar")").find("\"ajar\""), std::string::npos);
  EXPECT_NE(broken(R"("time":"2026-11)", R"("time":"2026-13)").find("\"/evidence/0/time\""),
            std::string::npos);
  EXPECT_NE(broken("incident.v1", "incident.v2").find("\"/schema\""), std::string::npos);
  EXPECT_NE(broken(R"("root":[)", R"("root":{)").find("byte"), std::string::npos);
  EXPECT_NE(broken(R"("partition":3)", R"("partition":-3)").find("\"/evidence/0/partition\""),
            std::string::npos);
  for (const char* text : {"", "{}", "[]", "null", "{", "{\"schema\":1}"}) {
    EXPECT_FALSE(DecodeIncident(text).ok()) << text;
  }
}

TEST(DecodeIncident, LetsUnknownKeysBe) {
  std::string record = EncodeIncident(Small());
  record.insert(1, R"("added_later":{"x":[1]},)");
  EXPECT_EQ(Reencoded(record), EncodeIncident(Small()));
}

// Every record cut off anywhere is an error, never a crash.
TEST(DecodeIncident, TruncatedRecordsAreErrors) {
  std::mt19937_64 random(21);
  const std::string record = EncodeIncident(RandomIncident(random, 2));
  for (size_t length = 0; length < record.size(); ++length) {
    EXPECT_FALSE(DecodeIncident(std::string_view(record).substr(0, length)).ok());
  }
}

TEST(Names, AreReadBack) {
  for (const Severity severity :
       {Severity::kInfo, Severity::kWarning, Severity::kMajor, Severity::kCritical}) {
    EXPECT_EQ(ParseSeverity(Name(severity)), severity);
  }
  for (const Family family :
       {Family::kErrors, Family::kLatency, Family::kSaturation, Family::kTraffic, Family::kDown}) {
    EXPECT_EQ(ParseFamily(Name(family)), family);
  }
  EXPECT_EQ(Name(Severity::kMajor), "major");
  EXPECT_EQ(Name(Family::kSaturation), "saturation");
  EXPECT_EQ(Name(IncidentStatus::kSuperseded), "superseded");
  EXPECT_EQ(Name(IncidentState::kReopened), "reopened");
  EXPECT_EQ(ParseSeverity("minor"), std::nullopt);
  EXPECT_EQ(ParseFamily(""), std::nullopt);
}

}  // namespace
}  // namespace rootnote
