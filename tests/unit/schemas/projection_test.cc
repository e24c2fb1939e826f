// Records in the forms of ticketing systems: what their documentation demands, and the mapping
// language.
#include "schemas/projection.h"

#include <algorithm>
#include <fstream>
#include <iterator>
#include <map>
#include <random>
#include <string>

#include "rapidjson/document.h"
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "schemas/incident_encoder.h"
#include "tests/schemas/random_incident.h"

namespace rootnote {
namespace {

using ::testing::HasSubstr;

Incident Outage() {
  Incident incident;
  incident.id = "rn-00000000000000aa-1";
  incident.key = "dns:internal-atlantic dns_failure";
  incident.revision = 3;
  incident.reason = "root_found";
  incident.severity = Severity::kMajor;
  incident.title = "DNS internal-atlantic is failing 2 applications";
  incident.summary = "names do not resolve";
  incident.started_at = FromMillis(1795331836117);
  incident.opened_at = incident.updated_at = FromMillis(1795331856000);
  incident.root.push_back(
      {.entity = "dns:internal-atlantic", .kind = "dns", .fault = "dns_failure", .score = 420});
  incident.impact.push_back({.entity = "app:shop/uk", .kind = "app"});
  incident.impact.push_back({.entity = "app:mail/uk", .kind = "app"});
  incident.impact_total = 2;
  incident.runbook = "https://runbooks.example/dns";
  incident.labels = {{"team", "names"}};
  return incident;
}

std::string Projected(std::string_view name, const Incident& incident) {
  const absl::StatusOr<Projection> projection = Projection::BuiltIn(name);
  EXPECT_TRUE(projection.ok()) << projection.status();
  return projection.ok() ? projection->Apply(EncodeIncident(incident)) : "";
}

rapidjson::Document Read(const std::string& text) {
  rapidjson::Document document;
  document.Parse(text.data(), text.size());
  EXPECT_FALSE(document.HasParseError()) << text;
  return document;
}

std::string Text(const rapidjson::Value& value) {
  return value.IsString() ? std::string(value.GetString(), value.GetStringLength()) : "no text";
}

// Of the text of a member; 0 if there is none.
size_t Characters(const rapidjson::Value& object, const char* key) {
  const auto member = object.FindMember(key);
  if (member == object.MemberEnd()) return 0;
  const std::string text = Text(member->value);
  return static_cast<size_t>(std::count_if(text.begin(), text.end(), [](char c) {
    return (static_cast<unsigned char>(c) & 0xC0) != 0x80;
  }));
}

TEST(Projection, BuiltInOnesCanBeRead) {
  EXPECT_THAT(ProjectionNames(),
              testing::ElementsAre("alertmanager", "jira", "pagerduty", "servicenow"));
  for (const std::string& name : ProjectionNames()) {
    const absl::StatusOr<Projection> projection = Projection::BuiltIn(name);
    EXPECT_TRUE(projection.ok()) << name << ": " << projection.status();
  }
  EXPECT_EQ(Projection::BuiltIn("pager").status().code(), absl::StatusCode::kNotFound);
}

TEST(Projection, PagerDutyTriggersAndResolvesByTheIncidentsId) {
  Incident incident = Outage();
  const rapidjson::Document open = Read(Projected("pagerduty", incident));
  EXPECT_EQ(Text(open["event_action"]), "trigger");
  EXPECT_EQ(Text(open["dedup_key"]), incident.id);
  EXPECT_EQ(Text(open["payload"]["summary"]), incident.title);
  EXPECT_EQ(Text(open["payload"]["severity"]), "error");
  EXPECT_EQ(Text(open["payload"]["source"]), "dns:internal-atlantic");
  EXPECT_EQ(Text(open["payload"]["timestamp"]), "2026-11-22T07:17:36Z");
  EXPECT_EQ(Text(open["payload"]["custom_details"]["impact"][1]), "app:mail/uk");
  EXPECT_EQ(open["payload"]["custom_details"]["impact_total"].GetInt(), 2);
  ASSERT_EQ(open["links"].Size(), 1u);  // there is no second link
  EXPECT_EQ(Text(open["links"][0]["href"]), incident.runbook);
  incident.runbook.clear();
  EXPECT_FALSE(Read(Projected("pagerduty", incident)).HasMember("links"));
  for (const IncidentStatus over :
       {IncidentStatus::kResolved, IncidentStatus::kMerged, IncidentStatus::kSuperseded}) {
    incident.status = over;
    const rapidjson::Document closed = Read(Projected("pagerduty", incident));
    EXPECT_EQ(Text(closed["event_action"]), "resolve");
    EXPECT_EQ(Text(closed["dedup_key"]), incident.id);
  }
}

TEST(Projection, ServiceNowClearsWithSeverityZero) {
  Incident incident = Outage();
  const rapidjson::Document open = Read(Projected("servicenow", incident));
  const auto& event = open["records"][0];
  EXPECT_EQ(Text(event["severity"]), "2");
  EXPECT_EQ(Text(event["resolution_state"]), "New");
  EXPECT_EQ(Text(event["node"]), "internal-atlantic");
  EXPECT_EQ(Text(event["message_key"]), incident.id);
  EXPECT_EQ(Text(event["time_of_event"]), "2026-11-22 07:17:36");
  EXPECT_EQ(Text(event["description"]), incident.title + ": names do not resolve");
  // Further keys are allowed only as JSON inside a text.
  const rapidjson::Document more = Read(Text(event["additional_info"]));
  EXPECT_EQ(Text(more["impact"]), "app:shop/uk, app:mail/uk");
  incident.status = IncidentStatus::kResolved;
  const rapidjson::Document closed = Read(Projected("servicenow", incident));
  EXPECT_EQ(Text(closed["records"][0]["severity"]), "0");
  EXPECT_EQ(Text(closed["records"][0]["resolution_state"]), "Closing");
}

TEST(Projection, JiraHasTheBodyOfItsTwoRequests) {
  Incident incident = Outage();
  const rapidjson::Document open = Read(Projected("jira", incident));
  EXPECT_EQ(Text(open["alias"]), incident.id);
  EXPECT_EQ(Text(open["priority"]), "P2");
  EXPECT_EQ(Text(open["tags"][0]), "dns_failure");
  EXPECT_EQ(Text(open["details"]["impact_total"]), "2");  // details are texts
  incident.status = IncidentStatus::kResolved;
  incident.state = IncidentState::kResolved;
  incident.reason = "symptoms_ended";
  EXPECT_EQ(Projected("jira", incident),
            R"({"source":"Rootnote","note":"resolved: symptoms_ended"})");
}

// An alert is its labels: what changes within an incident would make another one of it.
TEST(Projection, AlertmanagerKeepsOneAlertPerIncident) {
  Incident incident = Outage();
  const rapidjson::Document open = Read(Projected("alertmanager", incident));
  EXPECT_EQ(Text(open[0]["labels"]["alertname"]), "dns_failure");
  EXPECT_EQ(Text(open[0]["labels"]["entity"]), "dns:internal-atlantic");
  EXPECT_EQ(Text(open[0]["labels"]["team"]), "names");
  EXPECT_EQ(Text(open[0]["startsAt"]), "2026-11-22T07:17:16.117Z");
  EXPECT_FALSE(open[0].HasMember("endsAt"));
  incident.severity = Severity::kCritical;
  incident.root[0].entity = "dns:internal-pacific";
  incident.title = "another";
  incident.status = IncidentStatus::kResolved;
  incident.resolved_at = FromMillis(1795332000000);
  const rapidjson::Document closed = Read(Projected("alertmanager", incident));
  EXPECT_TRUE(closed[0]["labels"] == open[0]["labels"]);
  EXPECT_EQ(Text(closed[0]["endsAt"]), "2026-11-22T07:20:00Z");
}

// Whatever the record is: within the limits that the systems document.
TEST(Projection, LimitsHoldForEveryRecord) {
  std::mt19937_64 random(11);
  const std::string longest(20'000, 'x');
  for (int i = 0; i < 200; ++i) {
    Incident incident = RandomIncident(random, static_cast<size_t>(i % 6));
    if (i % 3 == 0) {
      incident.title = longest;
      incident.title += "\xC3\xA9";
      incident.summary = longest;
      for (Incident::Root& root : incident.root) {
        root.entity = "disk:";
        root.entity += longest;
      }
    }
    const rapidjson::Document pager = Read(Projected("pagerduty", incident));
    EXPECT_LE(Characters(pager["payload"], "summary"), 1024u);
    EXPECT_LE(Characters(pager["payload"], "source"), 255u);
    EXPECT_LE(Characters(pager, "dedup_key"), 255u);
    const rapidjson::Document now = Read(Projected("servicenow", incident));
    for (const char* key : {"source", "node", "type", "resource"}) {
      EXPECT_LE(Characters(now["records"][0], key), 100u) << key;
    }
    EXPECT_TRUE(now["records"][0].HasMember("event_class"));  // mandatory without a node
    const rapidjson::Document jira = Read(Projected("jira", incident));
    EXPECT_LE(Characters(jira, "message"), 130u);
    EXPECT_LE(Characters(jira, "description"), 15000u);
    const rapidjson::Document alerts = Read(Projected("alertmanager", incident));
    ASSERT_TRUE(alerts.IsArray());
    for (const char* key : {"labels", "annotations"}) {
      const auto texts = alerts[0].FindMember(key);
      if (texts == alerts[0].MemberEnd()) continue;
      for (const auto& one : texts->value.GetObject()) EXPECT_TRUE(one.value.IsString());
    }
  }
}

std::string Applied(std::string_view record_of_mapping) {
  const std::string mapping =
      R"({"tables":{"word":{"open":"offen"}},"record":)" + std::string(record_of_mapping) + "}";
  const absl::StatusOr<Projection> projection = Projection::Parse(mapping);
  return projection.ok() ? projection->Apply(EncodeIncident(Outage()))
                         : std::string(projection.status().message());
}

TEST(Mapping, WhatItsPartsMean) {
  const std::map<std::string, std::string> cases = {
      {R"({"a":1,"b":true,"c":"as it stands"})", R"({"a":1,"b":true,"c":"as it stands"})"},
      {R"({"a":"{revision}","b":"{revision|text}"})", R"({"a":3,"b":"3"})"},
      {R"({"a":"{{{status}}}"})", R"({"a":"{open}"})"},
      {R"({"a":"{owner}","b":"{owner|or:status}","c":"{owner|default:nobody}"})",
       R"({"b":"open","c":"nobody"})"},
      {R"({"a":"by {owner}","b":{"c":"{owner}"},"d":["{owner}"]})", "{}"},
      {R"([{"!a":"{owner}","b":1},{"!a":"{status}","b":1}])", R"([{"a":"open","b":1}])"},
      {R"({"a":"{status|map:word}","b":"{state|max:3}","c":"{severity|map:word}"})",
       "{\"a\":\"offen\",\"b\":\"op\xE2\x80\xA6\"}"},
      {R"({"a":"{impact.1.entity|before::}","b":"{impact.1.entity|after:/}"})",
       R"({"a":"app","b":"uk"})"},
      {R"({"a":"{impact|each:entity|first:1}"})", R"({"a":["app:shop/uk"]})"},
      {R"({"$when":"status","open":{"a":1},"else":{"a":2}})", R"({"a":1})"},
      {R"({"$when":"severity","open":{"a":1},"else":{"a":2}})", R"({"a":2})"},
      {R"({"a":{"$json":{"b":"{status}"}}})", R"({"a":"{\"b\":\"open\"}"})"},
      {R"({"team":"ours","*":"{labels}","x":"{labels.team}"})", R"({"team":"ours","x":"names"})"},
  };
  for (const auto& [mapping, expected] : cases) EXPECT_EQ(Applied(mapping), expected) << mapping;
}

TEST(Mapping, TheExampleOfTheDocumentation) {
  std::ifstream file("docs/formats.md");
  const std::string text{std::istreambuf_iterator<char>(file), {}};
  constexpr std::string_view kFence = "```json mapping\n";
  const size_t begin = text.find(kFence);
  ASSERT_NE(begin, std::string::npos);
  const std::string_view mapping = std::string_view(text).substr(begin + kFence.size());
  const absl::StatusOr<Projection> projection =
      Projection::Parse(mapping.substr(0, mapping.find("```")));
  ASSERT_TRUE(projection.ok()) << projection.status();
  EXPECT_EQ(projection->Apply(EncodeIncident(Outage())),
            R"({"id":"rn-00000000000000aa-1","action":"trigger",)"
            R"("text":"DNS internal-atlantic is failing 2 applications",)"
            R"("who":"app:shop/uk, app:mail/uk",)"
            R"("links":[{"href":"https://runbooks.example/dns","text":"Runbook"}]})");
}

TEST(Mapping, WhatIsWrongIsSaidWithItsPlace) {
  EXPECT_THAT(Applied(R"({"a":{"b":"{title"}})"),
              HasSubstr("mapping, record.a.b: a brace is not closed"));
  EXPECT_THAT(Applied(R"(["x}"])"), HasSubstr("record.0: a closing brace"));
  EXPECT_THAT(Applied(R"({"a":"{title|upper}"})"), HasSubstr("there is no filter \"upper\""));
  EXPECT_THAT(Applied(R"({"a":"{title|max}"})"), HasSubstr("max needs an argument"));
  EXPECT_THAT(Applied(R"({"a":"{title|max:0}"})"), HasSubstr("a number above zero"));
  EXPECT_THAT(Applied(R"({"a":"{title|map:words}"})"), HasSubstr("there is no table \"words\""));
  EXPECT_THAT(Applied(R"({"a":"{}"})"), HasSubstr("without a path"));
  EXPECT_THAT(Applied(R"({"$when":1})"), HasSubstr("must be a path"));
  std::string deep;
  for (int i = 0; i < 100; ++i) deep += R"({"a":)";
  EXPECT_THAT(Applied(deep + "1" + std::string(100, '}')), HasSubstr("nested too deeply"));
  for (const auto& [text, message] : std::map<std::string, std::string>{
           {"{", "not JSON at byte"},
           {"[]", "it has no \"record\""},
           {R"({"record":{},"tabels":{}})", "there is no \"tabels\" here"},
           {R"({"tables":{"a":{"b":1}},"record":{}})", "tables.a: must hold texts"}}) {
    EXPECT_THAT(std::string(Projection::Parse(text).status().message()), HasSubstr(message));
  }
}

}  // namespace
}  // namespace rootnote
