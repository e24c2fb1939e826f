// The commands as a user runs them: what they print, and the exit codes that scripts rely on.
#include <algorithm>
#include <fstream>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "rapidjson/document.h"

#include "engine/cli/exit_code.h"
#include "engine/cli/version.h"
#include "schemas/incident_encoder.h"
#include "tests/unit/cli/process.h"
#include "tests/unit/cli/small_story.h"

namespace rootnote {
namespace {

using ::rootnote::testing::Exit;
using ::rootnote::testing::Folder;
using ::rootnote::testing::kSmallMap;
using ::rootnote::testing::kSmallRules;
using ::rootnote::testing::ReadFile;
using ::rootnote::testing::RunBinary;
using ::rootnote::testing::SmallInput;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::StartsWith;

constexpr std::string_view kScenario = R"(
test "%s" {
  topology { app:shop <- vm:v1 }
  series vm_up{vm="v1"}  1x6 0x24 every 10s
  expect at 4m %s
}
)";

std::string Scenario(std::string_view name, std::string_view expectation) {
  std::string text(kScenario);
  text.replace(text.find("%s"), 2, name);
  text.replace(text.find("%s"), 2, expectation);
  // app:shop <- vm:v1 says: v1 is depended on; the rules know the relation.
  text.replace(text.find("app:shop <- vm:v1"), 17, "vm:v1 <- app:shop");
  return text;
}

// A folder with the small story in it.
class CommandsTest : public ::testing::Test {
 protected:
  CommandsTest() {
    rules_ = folder_.Write("rules.rn", kSmallRules);
    map_ = folder_.Write("map.jsonl", kSmallMap);
    input_ = folder_.Write("input.jsonl", SmallInput());
  }

  std::vector<std::string> Replay(std::vector<std::string> more = {}) const {
    std::vector<std::string> words = {"replay",  "--rules", rules_,     "--topology", map_,
                                      "--input", input_,    "--output", "-"};
    words.insert(words.end(), more.begin(), more.end());
    return words;
  }

  Folder folder_;
  std::string rules_, map_, input_;
};

TEST_F(CommandsTest, VersionNamesItselfAndItsFeatures) {
  const Exit plain = RunBinary({"version"});
  EXPECT_EQ(plain.code, kExitOk);
  EXPECT_EQ(plain.out, "rootnote " + std::string(kVersion) + "\n");
  const Exit features = RunBinary({"version", "--features"});
  EXPECT_EQ(features.code, kExitOk);
  for (const char* part : {"rootnote-json", "telegraf-json", "librdkafka", "evaluator"}) {
    EXPECT_THAT(features.out, HasSubstr(part));
  }
  EXPECT_EQ(RunBinary({"--version"}).code, kExitOk);
  EXPECT_EQ(RunBinary({"--help"}).code, kExitOk);
}

TEST_F(CommandsTest, WrongUsageIs64) {
  for (const std::vector<std::string>& words : {std::vector<std::string>{},
                                                {"runn"},
                                                {"replay"},
                                                {"test"},
                                                {"check", "--nonsense"},
                                                {"explain"},
                                                {"demo", "flood"},
                                                {"demo", "--format", "xml"},
                                                {"run"},
                                                {"replay", "--rules", "a"}}) {
    const Exit exit = RunBinary(words);
    EXPECT_EQ(exit.code, kExitUsage) << (words.empty() ? "" : words[0]) << exit.err;
    EXPECT_THAT(exit.err, Not(IsEmpty()));
  }
}

TEST_F(CommandsTest, CheckCountsWhatItFound) {
  const Exit good = RunBinary({"check", rules_});
  EXPECT_EQ(good.code, kExitOk) << good.err;
  EXPECT_EQ(good.out, "ok 1 file: 5 kinds, 3 relations, 4 signals, 0 faults, 0 tests\n");
  EXPECT_EQ(RunBinary({"check", "examples"}).code, kExitOk);
  EXPECT_EQ(RunBinary({"check", "examples/rootnote.yaml"}).code, kExitOk);
  const Exit codes = RunBinary({"check", "--list-codes"});
  EXPECT_EQ(codes.code, kExitOk);
  EXPECT_THAT(codes.out, StartsWith("E0"));
}

TEST_F(CommandsTest, CheckReportsAllErrorsAndEndsWith1) {
  const std::string wrong = folder_.Write("wrong.rn",
                                          "kind app { id app }\n"
                                          "signal a on ap { when x > 1 }\n"
                                          "signal b on app { when y > 1 famly errors }\n"
                                          "signal c on app { when sum(z > 1 }\n");
  const Exit exit = RunBinary({"check", wrong});
  EXPECT_EQ(exit.code, kExitFindings);
  for (const char* place : {"wrong.rn:2:", "wrong.rn:3:", "wrong.rn:4:"}) {
    EXPECT_THAT(exit.err, HasSubstr(place));
  }
  EXPECT_THAT(exit.err, HasSubstr("error["));
  EXPECT_THAT(exit.err, Not(HasSubstr("\x1b[")));  // no terminal, no colours
  EXPECT_EQ(exit.out, "");
}

TEST_F(CommandsTest, CheckOfConfigurationEndsWith1) {
  const std::string config = folder_.Write("c.yaml", "rules: r\nhttpp: {port: 1}\n");
  const Exit exit = RunBinary({"check", config});
  EXPECT_EQ(exit.code, kExitFindings);
  EXPECT_THAT(exit.err, AllOf(HasSubstr("c.yaml:2:1: error: unknown key \"httpp\""),
                              HasSubstr("did you mean http?")));
}

TEST_F(CommandsTest, NoInputIs66) {
  for (const std::vector<std::string>& words :
       {std::vector<std::string>{"check", "/nowhere.rn"},
        {"test", "/nowhere.rn"},
        {"run", "-c", "/nowhere.yaml"},
        {"explain", "/nowhere.json"},
        {"replay", "--rules", "/nowhere", "--input", input_, "--output", "-"},
        {"replay", "--rules", rules_, "--input", "/nowhere.jsonl", "--output", "-"},
        {"replay", "--rules", rules_, "--topology", "/nowhere.jsonl", "--input", input_, "--output",
         "-"}}) {
    const Exit exit = RunBinary(words);
    EXPECT_EQ(exit.code, kExitNoInput) << words[0] << exit.err;
    const std::string begin =
        words[0] == "run" ? "{\"ts\":" : "rootnote: ";  // the daemon has a log
    EXPECT_THAT(exit.err, AllOf(StartsWith(begin), HasSubstr("/nowhere")));
  }
}

TEST_F(CommandsTest, TestPassesAndFails) {
  const std::string good = folder_.Write(
      "good.rn", std::string(kSmallRules) + Scenario("down", "one incident { root vm:v1 }"));
  const Exit passed = RunBinary({"test", good});
  EXPECT_EQ(passed.code, kExitOk) << passed.out << passed.err;
  EXPECT_THAT(passed.out, HasSubstr("pass  " + good + ": down\n1 passed, 0 failed, 0 skipped\n"));
  EXPECT_THAT(RunBinary({"test", "-v", good}).out, HasSubstr("1 incident(s) { root vm:v1 }"));

  const std::string bad =
      folder_.Write("bad.rn", std::string(kSmallRules) + Scenario("up", "no incident"));
  const Exit failed = RunBinary({"test", good, bad});
  EXPECT_EQ(failed.code, kExitFindings);
  EXPECT_THAT(failed.out,
              AllOf(HasSubstr("FAIL  " + bad + ": up"), HasSubstr("expected  no incident"),
                    HasSubstr("root vm:v1"), HasSubstr("what happened:"),
                    HasSubstr("firing         vm_down on vm:v1"), HasSubstr("1 passed, 1 failed")));
}

TEST_F(CommandsTest, TestRunsPromqltestFiles) {
  folder_.Write("sub.rn",
                std::string(kSmallRules) + Scenario("down", "one incident { root vm:v1 }"));
  const std::string file = folder_.Write("sub.test",
                                         "load 1m\n  a 1+1x5\n  h {{count:1}}\n\n"
                                         "eval instant at 2m a\n  a 3\n\n"
                                         "eval instant at 2m a * 2\n  {} 5\n\n"
                                         "eval instant at 2m h\n");
  const std::string junit = folder_.Path("promql.xml");
  const Exit exit = RunBinary({"test", "--summary", "--junit", junit, folder_.Path("")});
  EXPECT_EQ(exit.code, kExitFindings);
  EXPECT_THAT(exit.out, AllOf(HasSubstr("pass  " + folder_.Path("") + "sub.rn: down"),
                              HasSubstr("FAIL  " + file +
                                        ": 8: eval instant at 2m a * 2\n"
                                        "    {}: expected 5, got 6\n"),
                              HasSubstr("skip  " + file +
                                        ": 11: eval instant at 2m h\n"
                                        "    needs native histograms"),
                              HasSubstr("2 passed, 1 failed, 1 skipped\n"), HasSubstr("file ")));
  EXPECT_THAT(exit.out, Not(HasSubstr("pass  " + file)));
  EXPECT_THAT(RunBinary({"test", "-v", file}).out,
              HasSubstr("pass  " + file + ": 5: eval instant at 2m a\n    expected\n  a 3\n"));
  EXPECT_THAT(ReadFile(junit), AllOf(HasSubstr("tests=\"4\" failures=\"1\" skipped=\"1\""),
                                     HasSubstr("<skipped message=\"needs native histograms")));
}

TEST_F(CommandsTest, TestWritesJunit) {
  const std::string file = folder_.Write(
      "both.rn", std::string(kSmallRules) + Scenario("down", "one incident { root vm:v1 }") +
                     Scenario("up & <away>", "no incident"));
  const std::string report = folder_.Path("junit.xml");
  EXPECT_EQ(RunBinary({"test", "--junit", report, file}).code, kExitFindings);
  const std::string xml = ReadFile(report);
  EXPECT_THAT(
      xml, StartsWith("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
                      "<testsuite name=\"rootnote\" tests=\"2\" failures=\"1\" skipped=\"0\">\n"));
  EXPECT_THAT(xml, AllOf(HasSubstr("name=\"down\"></testcase>"),
                         HasSubstr("name=\"up &amp; &lt;away&gt;\"><failure"),
                         HasSubstr("expected  no incident"), HasSubstr("</testsuite>")));
  EXPECT_EQ(RunBinary({"test", "--junit", "/nowhere/junit.xml", file}).code, kExitIo);
}

TEST_F(CommandsTest, ReplayWritesIncidentRecords) {
  const Exit exit = RunBinary(Replay());
  ASSERT_EQ(exit.code, kExitOk) << exit.err;
  EXPECT_EQ(exit.err, "");  // no terminal, no progress
  std::vector<Incident> incidents;
  size_t begin = 0;
  for (size_t end; (end = exit.out.find('\n', begin)) != std::string::npos; begin = end + 1) {
    const auto incident = DecodeIncident(exit.out.substr(begin, end - begin));
    ASSERT_TRUE(incident.ok()) << incident.status();
    incidents.push_back(*incident);
  }
  ASSERT_FALSE(incidents.empty());
  EXPECT_EQ(incidents.front().root[0].entity, "vm:v1");
  EXPECT_EQ(incidents.front().engine_version, kVersion);
  EXPECT_EQ(incidents.back().status, IncidentStatus::kResolved);
  EXPECT_EQ(incidents.front().evidence.at(0).topic, input_);
  for (const Incident& incident : incidents) EXPECT_EQ(incident.id, incidents[0].id);

  const std::string path = folder_.Path("incidents.jsonl");
  std::vector<std::string> words = Replay();
  words[8] = path;
  EXPECT_EQ(RunBinary(words).out, "");
  EXPECT_EQ(ReadFile(path), exit.out);
}

TEST_F(CommandsTest, ReplayReadsStandardInputAndLeavesPositionsOut) {
  std::vector<std::string> words = Replay({"--no-positions"});
  const Exit file = RunBinary(words);
  EXPECT_THAT(file.out, AllOf(Not(IsEmpty()), Not(HasSubstr("\"offset\""))));
  words[6] = "-";
  EXPECT_EQ(RunBinary(words, {}, SmallInput()).out, file.out);
}

TEST_F(CommandsTest, ReplayKeepsWhatItCannotUse) {
  const std::string last = testing::SmallSample("vm_up", R"("vm":"v1")", 1, 10);
  const std::string input = folder_.Write("broken.jsonl", SmallInput() + "{\"metric\":\n" + last);
  const std::string dead = folder_.Path("dead.jsonl"), late = folder_.Path("late.jsonl");
  std::vector<std::string> words =
      Replay({"--dead-letter", dead, "--late", late, "--journal", folder_.Path("journal")});
  words[6] = input;
  const Exit exit = RunBinary(words);
  ASSERT_EQ(exit.code, kExitOk) << exit.err;
  rapidjson::Document letter;
  ASSERT_FALSE(letter.Parse(ReadFile(dead).c_str()).HasParseError()) << ReadFile(dead);
  EXPECT_STREQ(letter["payload"].GetString(), "{\"metric\":");
  EXPECT_THAT(ReadFile(dead), HasSubstr("__connect.errors.exception.message"));
  EXPECT_THAT(ReadFile(late), HasSubstr("vm_up"));
  EXPECT_THAT(ReadFile(folder_.Path("journal")), Not(IsEmpty()));
}

TEST_F(CommandsTest, ReplaysFlagsHaveTheirType) {
  for (const std::vector<std::string>& words : {std::vector<std::string>{"--until", "tomorrow"},
                                                {"--topology-from", "then"},
                                                {"--allowed-lateness", "soon"},
                                                {"--format", "xml"},
                                                {"--envelope", "kcatt"}}) {
    const Exit exit = RunBinary(Replay(words));
    EXPECT_EQ(exit.code, kExitUsage) << words[0] << exit.err;
    EXPECT_THAT(exit.err, HasSubstr(words[1]));
    EXPECT_EQ(exit.out, "");
  }
  EXPECT_EQ(RunBinary(Replay({"--threads", "many"})).code, kExitUsage);
  EXPECT_EQ(RunBinary(Replay({"--batch", "-1"})).code, kExitUsage);
}

TEST_F(CommandsTest, ReplayWithWrongRulesOrConfigurationIs78) {
  std::vector<std::string> words = Replay();
  words[2] = folder_.Write("wrong.rn", "signal a on nothing { when x > 1 }\n");
  const Exit rules = RunBinary(words);
  EXPECT_EQ(rules.code, kExitConfig);
  EXPECT_THAT(rules.err, AllOf(HasSubstr("wrong.rn:1:"), HasSubstr("nothing was started")));
  const std::string config = folder_.Write("c.yaml", "rules: r\nwrong: 1\n");
  EXPECT_EQ(RunBinary(Replay({"--config", config})).code, kExitConfig);
  EXPECT_EQ(RunBinary({"run", "-c", config}).code, kExitConfig);
}

TEST_F(CommandsTest, AFullDiskIs74) {
  std::vector<std::string> words = Replay();
  words[8] = "/dev/full";
  const Exit exit = RunBinary(words);
  EXPECT_EQ(exit.code, kExitIo) << exit.err;
  EXPECT_THAT(exit.err, HasSubstr("/dev/full"));
}

TEST_F(CommandsTest, ReplayGoesOnUntilATime) {
  // The record that resolves needs a minute of quiet: cut short, it is not there.
  std::string input = SmallInput();
  input.resize(input.find(testing::SmallSample("vm_up", R"("vm":"v1")", 1, 190)));
  const std::string path = folder_.Write("short.jsonl", input);
  std::vector<std::string> words = Replay();
  words[6] = path;
  EXPECT_THAT(RunBinary(words).out, Not(HasSubstr("\"status\":\"resolved\"")));
  words.insert(words.end(), {"--until", "2026-01-01T00:20:00Z"});
  EXPECT_THAT(RunBinary(words).out, HasSubstr("\"status\":\"resolved\""));
}

}  // namespace
}  // namespace rootnote
