// `rootnote explain`: what became of a signal, at an instant; and an incident in words.
#include <cstdint>
#include <sstream>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

#include "engine/cli/exit_code.h"
#include "tests/unit/cli/process.h"
#include "tests/unit/cli/small_story.h"

namespace rootnote {
namespace {

using ::rootnote::testing::Exit;
using ::rootnote::testing::Folder;
using ::rootnote::testing::RunBinary;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::MatchesRegex;
using ::testing::Not;
using ::testing::StartsWith;

class ExplainTest : public ::testing::Test {
 protected:
  ExplainTest() {
    rules_ = folder_.Write("rules.rn", testing::kSmallRules);
    map_ = folder_.Write("map.jsonl", testing::kSmallMap);
    input_ = folder_.Write("input.jsonl", testing::SmallInput());
  }

  Exit Ask(const std::string& signal, const std::string& entity, const std::string& at = "") {
    std::vector<std::string> words = {"explain", "--rules",  rules_, "--topology", map_,  "--input",
                                      input_,    "--signal", signal, "--entity",   entity};
    if (!more_.empty()) words.insert(words.end(), {"--input", more_});
    if (!at.empty()) words.insert(words.end(), {"--at", "2026-01-01T00:" + at + "Z"});
    return RunBinary(words);
  }

  std::string Why(const std::string& signal, const std::string& entity,
                  const std::string& at = "") {
    const Exit exit = Ask(signal, entity, at);
    EXPECT_EQ(exit.code, kExitOk) << exit.err;
    return exit.out;
  }

  // The records of the story, as a file.
  std::string Incidents() {
    const std::string path = folder_.Path("incidents.jsonl");
    const Exit exit = RunBinary(
        {"replay", "--rules", rules_, "--topology", map_, "--input", input_, "--output", path});
    EXPECT_EQ(exit.code, kExitOk) << exit.err;
    return path;
  }

  Folder folder_;
  std::string rules_, map_, input_, more_;
};

TEST_F(ExplainTest, Pending) {
  EXPECT_THAT(Why("app_errors", "app:shop", "01:20"),
              StartsWith("app_errors on app:shop is pending: pending"));
  EXPECT_THAT(Why("vm_down", "vm:v1", "01:05"), HasSubstr("is pending: pending"));
}

// Nobody monitors the VM under this app, so that nothing shows yet which of the two it is.
TEST_F(ExplainTest, HeldBackAndUntilWhen) {
  map_ = folder_.Write("held.jsonl",
                       fmt::format("{}{}\n", testing::kSmallMap,
                                   R"({"relation":"runs_on","from":"app:lone","to":"vm:v3"})"));
  std::string lines;
  for (int second = 0; second <= 300; second += 10) {
    lines +=
        testing::SmallSample("app_error_ratio", R"("app":"lone")", second < 200 ? 0 : 0.8, second);
  }
  more_ = folder_.Write("more.jsonl", lines);
  EXPECT_THAT(Why("app_errors", "app:lone", "03:55"),
              AllOf(StartsWith("app_errors on app:lone is firing: held_back"),
                    HasSubstr("until 2026-01-01T00:04:10Z")));
  EXPECT_THAT(Why("app_errors", "app:lone", "04:15"), HasSubstr("is firing: owned by rn-"));
}

TEST_F(ExplainTest, OwnedByAnIncident) {
  for (const char* subject : {"vm_down on vm:v1", "app_errors on app:shop"}) {
    const std::string signal(subject, std::string(subject).find(' '));
    const std::string entity = std::string(subject).substr(signal.size() + 4);
    EXPECT_THAT(Why(signal, entity, "02:30"),
                AllOf(StartsWith(std::string(subject) + " is firing: owned by rn-"),
                      HasSubstr("root vm:v1")));
  }
}

TEST_F(ExplainTest, Tolerated) {
  EXPECT_THAT(Why("disk_errors", "disk:a1/d2"),
              AllOf(StartsWith("disk_errors on disk:a1/d2 is firing: tolerated"),
                    HasSubstr("array:a1"), HasSubstr("1 of 3")));
}

TEST_F(ExplainTest, InMaintenance) {
  EXPECT_THAT(Why("app_errors", "app:wiki"),
              AllOf(StartsWith("app_errors on app:wiki is firing: in_maintenance"),
                    HasSubstr("\"upgrade\"")));
}

TEST_F(ExplainTest, BelowTheThreshold) {
  EXPECT_THAT(
      Why("memory_high", "host:h1"),
      AllOf(StartsWith("memory_high on host:h1 is firing: below_threshold"), HasSubstr("info")));
}

TEST_F(ExplainTest, NeverPending) {
  EXPECT_THAT(Why("disk_errors", "disk:a1/d1"), HasSubstr("was never pending"));
  EXPECT_THAT(Why("vm_down", "vm:v1", "00:50"), HasSubstr("was never pending"));
  EXPECT_THAT(Why("vm_down", "vm:nowhere"), HasSubstr("no series names it"));
}

TEST_F(ExplainTest, OverAgain) {
  EXPECT_THAT(Why("vm_down", "vm:v1"),
              AllOf(StartsWith("vm_down on vm:v1 is inactive: it was last firing until "
                               "2026-01-01T00:03:00Z"),
                    Not(HasSubstr("never"))));
}

TEST_F(ExplainTest, WhatItDoesNotKnow) {
  const Exit signal = Ask("vm_dwon", "vm:v1");
  EXPECT_EQ(signal.code, kExitUsage);
  EXPECT_THAT(signal.err,
              AllOf(HasSubstr("no signal \"vm_dwon\""), HasSubstr("did you mean vm_down?")));
  EXPECT_EQ(Ask("vm_down", "vm:v1", "nonsense").code, kExitUsage);
  EXPECT_EQ(RunBinary({"explain", "--signal", "vm_down", "--rules", rules_}).code, kExitUsage);
}

TEST_F(ExplainTest, AnIncidentInWords) {
  const std::string path = Incidents();
  const Exit exit = RunBinary({"explain", path});
  EXPECT_EQ(exit.code, kExitOk) << exit.err;
  EXPECT_THAT(exit.out, AllOf(HasSubstr("■ vm:v1"), HasSubstr("│ runs_on"), HasSubstr("● app:shop"),
                              HasSubstr("Why vm:v1"), HasSubstr("own evidence"), HasSubstr("rn-"),
                              Not(HasSubstr("\x1b["))));
  // Of several revisions the last one is told, also from standard input.
  EXPECT_EQ(RunBinary({"explain", "-"}, {}, testing::ReadFile(path)).out, exit.out);
}

TEST_F(ExplainTest, WhyAnEntityIsNotTheRoot) {
  const std::string path = Incidents();
  EXPECT_THAT(RunBinary({"explain", path, "--why-not", "array:a1"}).out, HasSubstr("array:a1"));
  const Exit root = RunBinary({"explain", path, "--why-not", "vm:v1"});
  EXPECT_EQ(root.code, kExitOk);
  EXPECT_THAT(root.out, HasSubstr("is the root"));
  EXPECT_THAT(RunBinary({"explain", path, "--why-not", "vm:nowhere"}).out, HasSubstr("vm:nowhere"));
}

TEST_F(ExplainTest, TheScoreIsASum) {
  const Exit exit = RunBinary({"explain", Incidents(), "--why-not", "vm:v1"});
  std::istringstream lines(exit.out);
  int64_t sum = 0, score = 0;
  for (std::string line; std::getline(lines, line);) {
    std::istringstream words(line);
    std::string number, word;
    words >> number >> word;
    if (word == "score") {
      score = std::stoll(number);
    } else if (number.starts_with('+') || number.starts_with('-')) {
      sum += std::stoll(number);
    }
  }
  EXPECT_GT(score, 0) << exit.out;
  EXPECT_EQ(sum, score) << exit.out;
}

TEST_F(ExplainTest, DrawnForOthers) {
  const std::string path = Incidents();
  const Exit dot = RunBinary({"explain", path, "--format", "dot"});
  EXPECT_EQ(dot.code, kExitOk) << dot.err;
  EXPECT_THAT(dot.out, AllOf(StartsWith("digraph incident {"), HasSubstr("vm:v1\nvm_down"),
                             HasSubstr("n0 -> n1 [label=\"runs_on\"];")));
  const Exit mermaid = RunBinary({"explain", path, "--format", "mermaid"});
  EXPECT_THAT(mermaid.out, AllOf(HasSubstr("graph TD\n"), HasSubstr(":::root"),
                                 HasSubstr("n0 -->|\"runs_on\"| n1")));
  const Exit json = RunBinary({"explain", path, "--format", "json"});
  EXPECT_THAT(json.out, AllOf(StartsWith("{\"incident_id\":\"rn-"), HasSubstr("\"parts\":[{"),
                              HasSubstr("\"role\":\"root\"")));
  const Exit why = RunBinary({"explain", path, "--why-not", "app:shop", "--format", "json"});
  EXPECT_THAT(why.out, HasSubstr("\"verdict\":\"affected\""));
  EXPECT_EQ(RunBinary({"explain", path, "--format", "png"}).code, kExitUsage);
  EXPECT_EQ(RunBinary({"explain", path, "--format", "dot", "--why-not", "app:shop"}).code,
            kExitUsage);
}

TEST_F(ExplainTest, ASignalOfARecord) {
  const std::string path = Incidents();
  EXPECT_THAT(RunBinary({"explain", path, "--signal", "vm_down", "--entity", "vm:v1"}).out,
              AllOf(StartsWith("vm_down on vm:v1 is over: owned by rn-"), HasSubstr("root vm:v1")));
  EXPECT_THAT(RunBinary({"explain", path, "--signal", "vm_down", "--entity", "vm:v2"}).out,
              HasSubstr("is not part of rn-"));
  EXPECT_EQ(RunBinary({"explain", path, "--signal", "vm_down"}).code, kExitUsage);
}

// As `curl …/api/v1/findings | rootnote explain - --signal S --entity E` does.
TEST_F(ExplainTest, ASignalOfADaemonsFindings) {
  const std::string findings =
      R"({"findings":[{"signal":"disk_errors","entity":"disk:a1/d2","state":"firing",)"
      R"("verdict":"tolerated","detail":"array:a1: 1 of 3 disks failing, tolerated"}]})";
  const auto ask = [&](const std::string& entity) {
    return RunBinary({"explain", "-", "--signal", "disk_errors", "--entity", entity}, {}, findings);
  };
  EXPECT_EQ(ask("disk:a1/d2").out,
            "disk_errors on disk:a1/d2 is firing: tolerated (array:a1: 1 of 3 disks failing, "
            "tolerated)\n");
  EXPECT_THAT(ask("disk:a1/d1").out, HasSubstr("is inactive"));
  EXPECT_NE(RunBinary({"explain", "-", "--signal", "a", "--entity", "b"}, {}, "nonsense").code,
            kExitOk);
}

TEST_F(ExplainTest, WhatIsNoIncident) {
  const std::string path = folder_.Write("no.json", "{\"a\":1}\n");
  const Exit exit = RunBinary({"explain", path});
  EXPECT_NE(exit.code, kExitOk);
  EXPECT_THAT(exit.err, StartsWith("rootnote: "));
  EXPECT_NE(RunBinary({"explain", folder_.Write("empty.json", "")}).code, kExitOk);
}

}  // namespace
}  // namespace rootnote
