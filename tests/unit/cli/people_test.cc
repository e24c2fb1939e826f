// What people say and read, the whole way through the binary: acknowledgements and silences from a
// control file, the rules' own words in the record, and the incident about a rule at its limit.
#include <algorithm>
#include <map>
#include <sstream>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

#include "engine/cli/exit_code.h"
#include "schemas/incident_encoder.h"
#include "tests/unit/cli/process.h"
#include "tests/unit/cli/small_story.h"

namespace rootnote {
namespace {

using ::rootnote::testing::Exit;
using ::rootnote::testing::Folder;
using ::rootnote::testing::RunBinary;
using ::testing::HasSubstr;
using ::testing::Not;

class PeopleTest : public ::testing::Test {
 protected:
  std::vector<Incident> Replay(std::string_view rules, std::string_view map,
                               const std::string& input, const std::string& control = "") {
    const std::string out = folder_.Path("incidents.jsonl");
    std::vector<std::string> words = {"replay",
                                      "--rules",
                                      folder_.Write("rules.rn", rules),
                                      "--topology",
                                      folder_.Write("map.jsonl", map),
                                      "--input",
                                      folder_.Write("input.jsonl", input),
                                      "--output",
                                      out};
    if (!control.empty()) {
      words.insert(words.end(), {"--control", folder_.Write("control.jsonl", control)});
    }
    const Exit exit = RunBinary(words);
    EXPECT_EQ(exit.code, kExitOk) << exit.err;
    std::vector<Incident> incidents;
    std::istringstream lines(testing::ReadFile(out));
    for (std::string line; std::getline(lines, line);) {
      absl::StatusOr<Incident> incident = DecodeIncident(line);
      EXPECT_TRUE(incident.ok()) << incident.status();
      if (incident.ok()) incidents.push_back(*std::move(incident));
    }
    return incidents;
  }
  std::vector<Incident> Story(const std::string& control) {
    return Replay(testing::kSmallRules, testing::kSmallMap, testing::SmallInput(), control);
  }

  Folder folder_;
};

std::vector<std::string> Reasons(const std::vector<Incident>& incidents) {
  std::vector<std::string> reasons;
  for (const Incident& incident : incidents) reasons.push_back(incident.reason);
  return reasons;
}

TEST_F(PeopleTest, AnAcknowledgementFromAFile) {
  const std::vector<Incident> before = Story("");
  ASSERT_FALSE(before.empty());
  const std::string id = before[0].id;
  const std::vector<Incident> after = Story(fmt::format(
      R"({{"acknowledge":"{}","by":"anna","comment":"on it","time":"2026-01-01T00:02:30Z"}})"
      "\n",
      id));
  EXPECT_EQ(after.size(), before.size() + 1);
  const auto held = std::find_if(after.begin(), after.end(), [](const Incident& incident) {
    return incident.reason == "acknowledged";
  });
  ASSERT_NE(held, after.end());
  EXPECT_EQ(FormatRfc3339(held->updated_at), "2026-01-01T00:02:30Z");
  EXPECT_EQ(held->acknowledged->by, "anna");
  EXPECT_EQ(after.back().acknowledged->comment, "on it");
  const Exit explained = RunBinary({"explain", folder_.Path("incidents.jsonl")});
  EXPECT_THAT(explained.out, HasSubstr("anna at 00:02:30: on it"));
}

TEST_F(PeopleTest, ASilenceFromAFile) {
  const std::vector<Incident> incidents =
      Story(R"({"silence":"v1","entity":"vm:v1","until":"2026-01-01T00:02:30Z","by":"bo"})"
            "\n");
  ASSERT_FALSE(incidents.empty());
  EXPECT_TRUE(incidents[0].silenced);
  EXPECT_THAT(Reasons(incidents), ::testing::Contains("silence_ended"));
  EXPECT_FALSE(incidents.back().silenced);
}

TEST_F(PeopleTest, WhatIsWrongIsADeadLetterAndNoSilence) {
  const std::string dead = folder_.Path("dead.jsonl");
  const std::string control =
      folder_.Write("control.jsonl", R"({"silence":"v1","entity":"vm:v1","by":"bo"})"
                                     "\n"
                                     R"({"acknowledge":"rn-1","by":"bo"})"
                                     "\n");
  const Exit exit =
      RunBinary({"replay", "--rules", folder_.Write("rules.rn", testing::kSmallRules), "--topology",
                 folder_.Write("map.jsonl", testing::kSmallMap), "--input",
                 folder_.Write("input.jsonl", testing::SmallInput()), "--control", control,
                 "--output", folder_.Path("out.jsonl"), "--dead-letter", dead});
  EXPECT_EQ(exit.code, kExitOk) << exit.err;
  const std::string letters = testing::ReadFile(dead);
  EXPECT_THAT(letters, HasSubstr("v1"));
  EXPECT_THAT(letters, HasSubstr("rn-1"));
}

constexpr std::string_view kTexts = R"(
kind app { id app }
signal errors_high on app {
  when sum by (app, code) (app_errors) > 10 every 10s
  by code
  labels { team = "shop" }
  summary "{app} has {value} errors of {code}, more than {threshold}; {labels.team} and {labels.tier}"
}
signal bad_deploy on app {
  when deploy_finished as d then errors_high within 5m
  summary "version {d.version} broke {app}"
}
incidents { hold back 10s }
)";

TEST_F(PeopleTest, TheRulesOwnWordsAreInTheRecord) {
  std::string input;
  for (int second = 0; second <= 120; second += 10) {
    for (const char* code : {"500", "503"}) {
      const double value = second < 50 ? 0 : code[2] == '3' ? 70 : 12.5;
      input += testing::SmallSample("app_errors", fmt::format(R"("app":"shop","code":"{}")", code),
                                    value, second);
    }
    if (second == 30) {
      input += fmt::format(
          R"({{"event":"deploy_finished","labels":{{"app":"shop"}},"attributes":{{"version":"7.1"}},"time":{}}})"
          "\n",
          ToMillis(testing::SmallStart()) + 30'000);
    }
  }
  const std::vector<Incident> incidents = Replay(kTexts,
                                                 R"({"entity":"app:shop","labels":{"tier":"gold"}})"
                                                 "\n",
                                                 input);
  ASSERT_FALSE(incidents.empty());
  std::map<std::string, std::string> summaries;
  for (const Incident::Symptom& symptom : incidents.back().symptoms) {
    summaries[symptom.signal] = symptom.summary;
  }
  // Of the two codes the worst one speaks.
  EXPECT_EQ(summaries["errors_high"], "shop has 70 errors of 503, more than 10; shop and gold");
  EXPECT_EQ(summaries["bad_deploy"], "version 7.1 broke shop");
}

constexpr std::string_view kLimited = R"(
kind vm { id vm }
signal broken on vm { when vm_errors > 0 every 10s family errors limit 2 series }
incidents { hold back 10s resolve after 30s }
)";

TEST_F(PeopleTest, ARuleAtItsLimitIsAnIncidentAboutTheRule) {
  std::string input;
  for (int second = 0; second <= 900; second += 10) {
    for (int vm = 1; vm <= 4; ++vm) {
      const bool broken = second >= 60 && second < 200;
      input += testing::SmallSample("vm_errors", fmt::format(R"("vm":"v{}")", vm), broken, second);
    }
  }
  const std::vector<Incident> incidents = Replay(kLimited, "", input);
  std::map<std::string, Incident> latest;
  for (const Incident& incident : incidents) latest[incident.root[0].entity] = incident;
  // Two are watched, two are shed, and the rule says so, until none was for five minutes.
  ASSERT_EQ(latest.size(), 3U);
  ASSERT_TRUE(latest.contains("rule:broken"));
  const Incident& limit = latest["rule:broken"];
  EXPECT_EQ(limit.root[0].fault, "rule_limit");
  EXPECT_EQ(limit.title, "Rule broken is at its limit of series");
  EXPECT_EQ(limit.symptoms[0].summary, "rule broken is at its limit: 2 series shed");
  EXPECT_EQ(limit.status, IncidentStatus::kResolved);
  EXPECT_THAT(FormatRfc3339(*limit.resolved_at), HasSubstr("T00:08:"));
}

TEST_F(PeopleTest, NoLimitNoIncident) {
  std::string input;
  for (int second = 0; second <= 120; second += 10) {
    input += testing::SmallSample("vm_errors", R"("vm":"v1")", 1, second);
  }
  for (const Incident& incident : Replay(kLimited, "", input)) {
    EXPECT_THAT(incident.root[0].entity, Not(HasSubstr("rule:")));
  }
}

}  // namespace
}  // namespace rootnote
