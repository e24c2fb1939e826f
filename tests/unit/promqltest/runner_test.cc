#include "rules/promqltest/runner.h"

#include <string>
#include <vector>

#include "fmt/format.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace rootnote::promqltest {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

constexpr std::string_view kLoad =
    "load 1m\n"
    "  up{job=\"a\"} 1 1 0 stale 1\n"
    "  up{job=\"b\"} 0+1x10\n"
    "\n";

// "line outcome", one per case.
std::vector<std::string> Outcomes(std::string_view text) {
  std::vector<std::string> outcomes;
  for (const CaseResult& result : RunScript(std::string(kLoad) + std::string(text))) {
    constexpr std::string_view kWords[] = {"passed", "failed", "skipped"};
    outcomes.push_back(fmt::format("{} {}{}{}", result.line,
                                   kWords[static_cast<size_t>(result.outcome)],
                                   result.message.empty() ? "" : ": ", result.message));
  }
  return outcomes;
}

std::string Only(std::string_view text) {
  const std::vector<std::string> outcomes = Outcomes(text);
  EXPECT_EQ(outcomes.size(), 1U);
  return outcomes.empty() ? "" : outcomes.front();
}

TEST(Runner, InstantQueries) {
  EXPECT_EQ(Only("eval instant at 1m up\n\tup{job=\"a\"} 1\n  up{job=\"b\"} 1\n"), "5 passed");
  EXPECT_EQ(Only("eval instant at 3m up\nup{job=\"b\"} 3"), "5 passed");
  EXPECT_EQ(Only("eval instant at 3m up\n  up{job=\"b\"} 4"),
            "5 failed: up{job=\"b\"}: expected 4, got 3");
  EXPECT_EQ(Only("eval instant at 3m up"), "5 failed: up{job=\"b\"} 3 was not expected");
  EXPECT_EQ(Only("eval instant at 3m nothing\n  x 1"), "5 failed: x was expected and is not there");
  EXPECT_EQ(Only("eval instant at 3m up == 3"), "5 failed: up{job=\"b\"} 3 was not expected");
  EXPECT_EQ(Only("eval instant at 0 1 + 1\n  2"), "5 passed");
  EXPECT_EQ(Only("eval instant at 0 1 + 1\n  {} 2"), "5 failed: got the scalar 2");
  EXPECT_EQ(Only("eval instant at 0 vector(1)\n  1"),
            "5 failed: expected the scalar 1, got\n  {} 1");
  EXPECT_EQ(Only("eval instant at 0 \"a\\tb\"\n  expect string `a\tb`"), "5 passed");
  EXPECT_EQ(Only("eval instant at 0 'a'\n  expect string \"b\""),
            "5 failed: expected the string \"b\", got \"a\"");
}

TEST(Runner, RangeQueries) {
  EXPECT_EQ(Only("eval range from 0 to 4m step 1m up{job=\"a\"}\n  up{job=\"a\"} 1 1 0 _ 1"),
            "5 passed");
  EXPECT_EQ(Only("eval range from 0 to 2m step 1m sum(up)\n  {} 1 2 3"),
            "5 failed: {}: expected 1@0 2@60 3@120, got 1@0 2@60 2@120");
  EXPECT_THAT(Only("eval range from 0 to 2m step 1m sum(up)\n  {} 1 2 2 2"),
              HasSubstr("4 values are expected of {}: more than the range has"));
  EXPECT_THAT(Only("eval range from 0 to 2m step 1m sum(up)\n expect ordered\n  {} 1 2 2"),
              HasSubstr("has no order"));
  EXPECT_EQ(Only("eval range from 1m to 3m step 1m 2\n  {} 2 2 2"), "5 passed");
}

TEST(Runner, RangeVectors) {
  EXPECT_EQ(
      Only("eval instant at 2m up{job=\"b\"}[2m]\n  expect range vector from 1m to 2m step 1m\n"
           "  up{job=\"b\"} 1 2"),
      "5 passed");
  EXPECT_THAT(Only("eval instant at 2m up{job=\"b\"}[2m]\n  up{job=\"b\"} 1"),
              HasSubstr("got a range vector"));
}

TEST(Runner, Failures) {
  const std::string many = "eval instant at 0 up + on() up\n";
  EXPECT_EQ(Only(many + "  expect fail"), "5 passed");
  EXPECT_EQ(Only(many + "  expect fail regex: many-to-many matching"), "5 passed");
  EXPECT_THAT(Only(many + "  expect fail msg: many-to-many"),
              HasSubstr("failed with other words: found duplicate series"));
  EXPECT_THAT(Only(many), HasSubstr("5 failed: failed: found duplicate series"));
  EXPECT_EQ(Only("eval instant at 0 up\n  expect fail"), "5 failed: was expected to fail");
  EXPECT_EQ(Only("eval instant at 0 sum(\n  expect fail"), "5 passed");
  EXPECT_THAT(Only("eval instant at 0 sum("), HasSubstr("5 failed"));
}

TEST(Runner, OlderForms) {
  EXPECT_EQ(Only("eval_fail instant at 0 up + on() up"), "5 passed");
  EXPECT_EQ(Only("eval_fail instant at 0 up + on() up\n  expected_fail_regexp duplicate.*unique"),
            "5 passed");
  EXPECT_THAT(Only("eval_fail instant at 0 up + on() up\n  expected_fail_message duplicate"),
              HasSubstr("failed with other words"));
  EXPECT_EQ(Only("eval_ordered instant at 2m sort(up)\n  up{job=\"a\"} 0\n  up{job=\"b\"} 2"),
            "5 passed");
  EXPECT_THAT(Only("eval_ordered instant at 2m sort(up)\n  up{job=\"b\"} 2\n  up{job=\"a\"} 0"),
              HasSubstr("was expected at place 2, it is at 1"));
  EXPECT_THAT(Only("eval_warn instant at 0 up\n  up{job=\"a\"} 1\n  up{job=\"b\"} 0"),
              HasSubstr("a warning was expected, there is none"));
  EXPECT_THAT(Only("eval_info instant at 0 up\n  up{job=\"a\"} 1\n  up{job=\"b\"} 0"),
              HasSubstr("an info was expected, there is none"));
}

TEST(Runner, OrderCountsWhereItIsExpected) {
  const std::string query = "eval instant at 2m sort_desc(up)\n";
  EXPECT_EQ(Only(query + "  up{job=\"a\"} 0\n  up{job=\"b\"} 2"), "5 passed");
  EXPECT_THAT(Only(query + "  expect ordered\n  up{job=\"a\"} 0\n  up{job=\"b\"} 2"),
              HasSubstr("was expected at place"));
}

// Prometheus' own test files are read with this flag set.
TEST(Runner, NamesMayHoldLettersOfUnicodeAndDots) {
  EXPECT_THAT(Outcomes("load 1m\n  {\"http.requests\", \"ort.gr\u00f6\u00dfe\"=\"1\"} 5\n\n"
                       "eval instant at 0 http.requests{ort.gr\u00f6\u00dfe=\"1\"}\n"
                       "  {\"http.requests\", \"ort.gr\u00f6\u00dfe\"=\"1\"} 5\n\n"
                       "eval instant at 0 sum by (ort.gr\u00f6\u00dfe) (http.requests)\n"
                       "  {\"ort.gr\u00f6\u00dfe\"=\"1\"} 5\n\n"
                       "eval instant at 0 a\u0308b\n  expect fail\n"),
              ElementsAre("8 passed", "11 passed", "14 passed"));
}

TEST(Runner, WhatIsNotSupportedIsSkippedAlone) {
  EXPECT_THAT(Outcomes("load 1m\n  h{a=\"1\"} {{count:1}}\n  h{a=\"2\"} 5\n\n"
                       "eval instant at 0 h\n\n"
                       "eval instant at 0 h{a=\"2\"}\n  h{a=\"2\"} 5\n\n"
                       "eval instant at 0 up{job=\"a\"}\n  up{job=\"a\"} 1\n\n"
                       "clear\n\neval instant at 0 h\n"),
              ElementsAre("9 skipped: needs native histograms, loaded as h{a=\"1\"}", "11 passed",
                          "14 passed", "19 passed"));
  EXPECT_THAT(Outcomes("load_with_nhcb 1m\n  lat_bucket{le=\"1\"} 4\n\n"
                       "eval instant at 0 histogram_count(lat)\n\n"
                       "eval instant at 0 lat\n\n"
                       "eval instant at 0 lat_bucket\n  lat_bucket{le=\"1\"} 4\n"),
              ElementsAre(HasSubstr("8 skipped: needs"),
                          HasSubstr("10 skipped: needs load_with_nhcb"), "12 passed"));
  EXPECT_THAT(Only("eval instant at 0 up </ 3"), HasSubstr("skipped: needs operator </"));
  EXPECT_THAT(Only("eval instant at 0 rate(up[5m] smoothed)"),
              HasSubstr("skipped: needs modifier smoothed"));
  EXPECT_THAT(Only("eval instant at 1m up\n  up{job=\"a\"} {{count:1}}"),
              HasSubstr("skipped: needs native histograms"));
}

TEST(Runner, WrongLinesAreFailedCases) {
  EXPECT_THAT(Outcomes("nonsense\n\neval instant at x up\n\neval instant at 0 1\n  1\n\n"
                       "load 1m\n  m{ 1\n\nload\n\neval instant at 0 up\n  up 1 2\n\n"
                       "eval instant at 0 up\n  expect happiness\n\n"
                       "eval range from 5m to 1m step 1m up\n\neval instant at 0 up\n"
                       "  expect warn\n  expect no_warn\n\neval_never instant at 0 up\n"),
              ElementsAre(HasSubstr("5 failed: expected `load`, `clear` or `eval`"),
                          HasSubstr("7 failed: `x` is no duration"), "9 passed",
                          HasSubstr("13 failed: column"), HasSubstr("15 failed"),
                          HasSubstr("18 failed: an instant query gives one value"),
                          HasSubstr("21 failed: `expect happiness` is not known"),
                          HasSubstr("23 failed: the range ends before it starts"),
                          HasSubstr("27 failed: `expect warn` and `expect no_warn`"),
                          HasSubstr("29 failed: `eval_never` is no command")));
}

TEST(Runner, LoadsAddUpAndCommentsEndBlocks) {
  EXPECT_EQ(Only("load 5m\n  up{job=\"a\"} _ 9\n# a comment\n  # another\n"
                 "eval instant at 5m up{job=\"a\"}\n  up{job=\"a\"} 9\n"),
            "9 passed");
}

// A function that reads its time is not asked again at another time; others are.
TEST(Runner, CrossChecks) {
  EXPECT_EQ(Only("eval instant at 2m time() + sum(up)\n  {} 122"), "5 passed");
  EXPECT_EQ(
      Only("eval instant at 2m rate(up{job=\"b\"}[2m] @ end())\n  {job=\"b\"} 0.016666666667"),
      "5 passed");
  EXPECT_EQ(
      Only("eval instant at 10m sum_over_time(up{job=\"b\"}[3m:1m] offset 1m)\n  {job=\"b\"} 24"),
      "5 passed");
}

TEST(Runner, Limits) {
  EXPECT_THAT(Only("eval range from 0 to 1000d step 1ms up"), HasSubstr("more than 100000 steps"));
  std::string load = "load 1s\n";
  for (int i = 0; i < 26; ++i) load += fmt::format("  m{{i=\"{}\"}} 1x199990\n", i);
  EXPECT_THAT(Outcomes(load + "\neval instant at 0 up{job=\"b\"}\n  up{job=\"b\"} 0\n"),
              ElementsAre(HasSubstr("failed: more than 5000000 samples at a time"), "33 passed"));
}

// Bytes that are changed, doubled and taken away: an answer each time, whatever it is.
TEST(Runner, NoiseIsAnswered) {
  std::string text(kLoad);
  text +=
      "load 30s\n  {\"a b\", \"c\"='d'} 1+2x3 _x2 stale {{count:1}}x2 NaN\n\n"
      "eval instant at 2m sum by (job) (rate(up[2m] offset 1m)) > 0\n"
      "  expect no_warn\n  expect info regex: a.*b\n  {job=\"b\"} 1\n\n"
      "eval range from 0 to 2m step 1m up @ 60\n  expect ordered\n  up 1 2 3\n\n"
      "eval instant at 0 \"text\"\n  expect string \"te\\nxt\"\n\nclear\n";
  uint64_t random = 42;
  const auto below = [&random](size_t n) {
    random = random * 6364136223846793005ULL + 1442695040888963407ULL;
    return static_cast<size_t>(random >> 33) % n;
  };
  size_t cases = 0;
  for (int round = 0; round < 2000; ++round) {
    std::string noisy = text;
    for (size_t edits = 1 + below(4); edits > 0; --edits) {
      const size_t at = below(noisy.size());
      const size_t what = below(3);
      if (what == 0) noisy[at] = static_cast<char>(below(256));
      if (what == 1) noisy.erase(at, 1 + below(8));
      if (what == 2) noisy.insert(at, noisy.substr(below(noisy.size()), below(12)));
    }
    cases += RunScript(noisy).size();
  }
  EXPECT_GT(cases, 4000U);
}

}  // namespace
}  // namespace rootnote::promqltest
