#include "engine/cli/log.h"

#include <limits>

#include "fmt/format.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "rapidjson/document.h"

namespace rootnote {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;

class LogTest : public ::testing::Test {
 protected:
  LogOptions Options(bool json = false) {
    LogOptions options;
    options.json = json;
    options.now = [this] { return now_; };
    options.write = [this](std::string_view line) { lines_.emplace_back(line); };
    return options;
  }

  // The last line as JSON.
  rapidjson::Document Json() const {
    rapidjson::Document document;
    EXPECT_FALSE(lines_.empty());
    if (!lines_.empty()) {
      EXPECT_FALSE(document.Parse<rapidjson::kParseValidateEncodingFlag>(lines_.back().c_str())
                       .HasParseError())
          << lines_.back();
      EXPECT_EQ(lines_.back().find('\n'), lines_.back().size() - 1);
    }
    return document;
  }

  EventTime now_ = *ParseRfc3339("2026-11-22T07:17:16.005Z");
  std::vector<std::string> lines_;
};

TEST_F(LogTest, TextIsAlignedAndReadable) {
  Log log(Options());
  log.Info("started", {{"version", "0.1.0"}, {"signals", 12}});
  log.Error("topic \"a\" is gone", {{"topic", "a b"}, {"again", false}, {"after", 0.5}});
  now_ += Millis(995);
  log.Warn("alone");
  const std::string pad(44 - 7, ' ');
  EXPECT_EQ(lines_[0],
            "2026-11-22T07:17:16.005Z info  started" + pad + " version=0.1.0 signals=12\n");
  EXPECT_THAT(lines_[1], AllOf(HasSubstr("error topic \"a\" is gone   "),
                               HasSubstr(" topic=\"a b\" again=false after=0.5\n")));
  EXPECT_EQ(lines_[2], "2026-11-22T07:17:17.000Z warn  alone\n");
}

TEST_F(LogTest, ColoursOnlyWhenAsked) {
  LogOptions options = Options();
  options.color = true;
  Log(options).Error("broken", {{"why", "x"}});
  EXPECT_THAT(lines_[0], AllOf(HasSubstr("\x1b[31merror\x1b[0m"), HasSubstr("why=\x1b[0mx")));
}

TEST_F(LogTest, JsonHasTheFieldsAsMembers) {
  Log log(Options(true));
  log.Warn("lag", {{"topic", "a\"b"},
                   {"records", int64_t{1} << 60},
                   {"share", 0.25},
                   {"idle", true},
                   {"odd", std::numeric_limits<double>::quiet_NaN()}});
  const rapidjson::Document line = Json();
  EXPECT_STREQ(line["ts"].GetString(), "2026-11-22T07:17:16.005Z");
  EXPECT_STREQ(line["level"].GetString(), "warn");
  EXPECT_STREQ(line["msg"].GetString(), "lag");
  EXPECT_STREQ(line["topic"].GetString(), "a\"b");
  EXPECT_EQ(line["records"].GetInt64(), int64_t{1} << 60);
  EXPECT_EQ(line["share"].GetDouble(), 0.25);
  EXPECT_TRUE(line["idle"].GetBool());
  EXPECT_STREQ(line["odd"].GetString(), "nan");
}

// Topic names, labels and librdkafka's words may hold anything.
TEST_F(LogTest, WhateverIsLoggedStaysOneLine) {
  {
    Log log(Options());
    log.Info("two\nlines", {{"value", "a\nb\x1b[31m\t\"\\"}});
    EXPECT_THAT(lines_[0], HasSubstr("two lines"));
    EXPECT_THAT(lines_[0], HasSubstr(R"(value="a\nb\x1b[31m\x09\"\\")"));
  }
  Log log(Options(true));
  log.Info("bad \xff\xc3 utf8", {{"value", "\xf0\x9f end"}, {"long", std::string(9'000, 'x')}});
  EXPECT_STREQ(Json()["msg"].GetString(), "bad \xEF\xBF\xBD\xEF\xBF\xBD utf8");
  EXPECT_LT(lines_.back().size(), 5'000U);
}

TEST_F(LogTest, LevelsBelowAreNotWritten) {
  LogOptions options = Options();
  options.level = LogLevel::kWarn;
  Log log(options);
  log.Debug("a");
  log.Info("b");
  log.Limited("cause", LogLevel::kInfo, "c");
  log.Kafka({.level = 6, .facility = "F", .message = "d"});
  EXPECT_THAT(lines_, IsEmpty());
  log.Warn("e");
  EXPECT_THAT(lines_, SizeIs(1));
}

TEST_F(LogTest, ACauseIsSaidAtOnceThenOnceAMinuteWithTheCount) {
  Log log(Options());
  for (int i = 0; i < 10; ++i) {
    log.Limited("connect", LogLevel::kError, "cannot connect", {{"attempt", i}});
    now_ += Millis(1'000);
  }
  ASSERT_THAT(lines_, SizeIs(1));
  log.Limited("other", LogLevel::kError, "something else");
  EXPECT_THAT(lines_, SizeIs(2));
  // The minute is over: the last of the nine stands for them.
  now_ += Millis(50'000);
  log.Limited("connect", LogLevel::kError, "cannot connect", {{"attempt", 10}});
  ASSERT_THAT(lines_, SizeIs(3));
  EXPECT_THAT(lines_[2], AllOf(HasSubstr("attempt=9"), HasSubstr("suppressed=9")));
  now_ += Millis(59'999);
  log.Info("x");
  EXPECT_THAT(lines_, SizeIs(4));
  now_ += Millis(1);
  log.Info("y");
  ASSERT_THAT(lines_, SizeIs(6));
  EXPECT_THAT(lines_[4], AllOf(HasSubstr("attempt=10"), HasSubstr("suppressed=1")));
  // Quiet for a minute after that: the next is said at once again.
  now_ += Millis(60'000);
  log.Limited("connect", LogLevel::kError, "cannot connect", {{"attempt", 11}});
  EXPECT_THAT(lines_.back(), AllOf(HasSubstr("attempt=11"), Not(HasSubstr("suppressed"))));
}

TEST_F(LogTest, WhatWasSuppressedIsSaidAtTheEnd) {
  {
    Log log(Options());
    for (int i = 0; i < 3; ++i) log.Limited("c", LogLevel::kWarn, "again");
  }
  ASSERT_THAT(lines_, SizeIs(2));
  EXPECT_THAT(lines_[1], HasSubstr("suppressed=2"));
}

TEST_F(LogTest, CausesAreBoundedAndNoneIsLost) {
  Log log(Options());
  for (int i = 0; i < 300; ++i) {
    now_ += Millis(1);
    log.Limited(fmt::format("cause {}", i), LogLevel::kInfo, fmt::format("line {}", i));
    log.Limited(fmt::format("cause {}", i), LogLevel::kInfo, fmt::format("line {}", i));
  }
  // 300 first ones, and the 44 that had to go told what they had suppressed.
  ASSERT_THAT(lines_, SizeIs(344));
  now_ += Millis(60'000);
  log.Info("sweep");
  EXPECT_THAT(lines_, SizeIs(344 + 256 + 1));
}

TEST_F(LogTest, LibrdkafkasLinesAreLimitedByTheirWords) {
  Log log(Options(true));
  log.Kafka({.level = 3, .facility = "FAIL", .message = "127.0.0.1:9092/1: refused after 12 ms"});
  const rapidjson::Document line = Json();
  EXPECT_STREQ(line["level"].GetString(), "error");
  EXPECT_STREQ(line["facility"].GetString(), "FAIL");
  EXPECT_STREQ(line["from"].GetString(), "kafka");
  log.Kafka({.level = 3, .facility = "FAIL", .message = "127.0.0.1:9093/2: refused after 7 ms"});
  log.Kafka({.level = 3,
             .facility = "FAIL",
             .message = "127.0.0.1:9093/2: refused after 7 ms, 3 identical error(s) suppressed"});
  EXPECT_THAT(lines_, SizeIs(1));
  log.Kafka({.level = 4, .facility = "FAIL", .message = "127.0.0.1:9093/2: refused after 7 ms"});
  EXPECT_THAT(lines_, SizeIs(2));
  EXPECT_STREQ(Json()["level"].GetString(), "warn");
  log.Kafka({.level = 7, .facility = "DEBUG", .message = "noise"});
  EXPECT_THAT(lines_, SizeIs(2));
}

TEST_F(LogTest, SecretsNeverShow) {
  LogOptions options = Options();
  options.secrets = {"hunter2", "hunter2-longer", "x"};
  Log log(options);
  log.Kafka({.level = 3, .facility = "SASL", .message = "password hunter2-longer is wrong"});
  log.Info("x marks", {{"sasl", "user hunter2 hunter2"}});
  EXPECT_THAT(lines_[0], AllOf(HasSubstr("password *** is wrong"), Not(HasSubstr("hunter"))));
  EXPECT_THAT(lines_[1], AllOf(HasSubstr("x marks"), HasSubstr("\"user *** ***\"")));
  log.SetSecrets({"other"});
  log.Info("other");
  EXPECT_THAT(lines_[2], Not(HasSubstr("other")));
}

TEST_F(LogTest, AutoIsTextOnATerminalOnly) {
  EXPECT_FALSE(LogsAsJson("auto", true));
  EXPECT_TRUE(LogsAsJson("auto", false));
  EXPECT_TRUE(LogsAsJson("json", true));
  EXPECT_FALSE(LogsAsJson("text", false));
}

}  // namespace
}  // namespace rootnote
