#include "engine/cli/settings.h"

#include <algorithm>

#include "fmt/format.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

#include "connectors/kafka/embedded.h"
#include "tests/unit/cli/process.h"
#include "tests/unit/cli/small_story.h"

namespace rootnote {
namespace {

using ::testing::AllOf;
using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class SettingsTest : public ::testing::Test {
 protected:
  SettingsTest()
      : log_({.now = [] { return EventTime(); },
              .write = [this](std::string_view line) { lines_.emplace_back(line); }}) {
    WriteRules(testing::kSmallRules);
    WriteConfig("");
  }

  void WriteRules(std::string_view text) { folder_.Write("rules.rn", text); }
  void WriteConfig(std::string_view more) {
    path_ = folder_.Write("rootnote.yaml", fmt::format("rules: [{}]\n"
                                                       "kafka: {{bootstrap_servers: k}}\n"
                                                       "inputs: [{{topic: metrics}}]\n{}",
                                                       folder_.Path("rules.rn"), more));
  }
  Settings Loaded() {
    absl::StatusOr<Settings> settings = LoadSettings(path_, false, log_);
    EXPECT_TRUE(settings.ok()) << settings.status();
    return settings.ok() ? *settings : Settings();
  }

  testing::Folder folder_;
  std::string path_;
  std::vector<std::string> lines_;
  Log log_;
};

TEST_F(SettingsTest, ConfigurationAndRulesAreReadTogether) {
  const Settings settings = Loaded();
  ASSERT_NE(settings.program, nullptr);
  EXPECT_FALSE(settings.program->signals.empty());
  EXPECT_EQ(settings.config_hash.size(), 16U);
  EXPECT_TRUE(settings.config.pipeline.now);
  EXPECT_FALSE(settings.config.pipeline.incidents.engine_version.empty());
  EXPECT_EQ(Loaded().config_hash, settings.config_hash);
  WriteConfig("engine: {threads: 2}\n");
  EXPECT_NE(Loaded().config_hash, settings.config_hash);
  EXPECT_EQ(Loaded().program->version, settings.program->version);
}

TEST_F(SettingsTest, AShadowIsOneFromTheBeginning) {
  const absl::StatusOr<Settings> settings = LoadSettings(path_, true, log_);
  ASSERT_TRUE(settings.ok());
  EXPECT_EQ(settings->config.kafka.group, "rootnote.shadow");
  EXPECT_FALSE(settings->config.pipeline.incidents.routing);
  EXPECT_TRUE(Loaded().config.pipeline.incidents.routing);
  const absl::StatusOr<Settings> again = ReloadSettings(*settings, log_);
  ASSERT_TRUE(again.ok()) << again.status();
  EXPECT_EQ(again->config.kafka.group, "rootnote.shadow");
}

TEST_F(SettingsTest, EveryFindingIsALine) {
  WriteConfig("engine: {treads: 1}\nhttp: {port: x}\n");
  const absl::StatusOr<Settings> settings = LoadSettings(path_, false, log_);
  EXPECT_EQ(settings.status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(lines_, Contains(HasSubstr("rootnote.yaml:4:10: error: unknown key")));
  EXPECT_THAT(lines_, Contains(HasSubstr("http.port must be")));
}

TEST_F(SettingsTest, AFileThatIsMissingIsNotFound) {
  EXPECT_EQ(LoadSettings("/nowhere.yaml", false, log_).status().code(),
            absl::StatusCode::kNotFound);
  EXPECT_THAT(lines_, Contains(HasSubstr("/nowhere.yaml: cannot be read")));
}

TEST_F(SettingsTest, WrongRulesAreToldWithTheirPlace) {
  WriteRules(fmt::format("{}{}", testing::kSmallRules,
                         "\nsignal broken on nothing {\n  when up < 1\n}\n"));
  EXPECT_EQ(LoadSettings(path_, false, log_).status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(lines_,
              Contains(AllOf(HasSubstr("error "), HasSubstr("code=E"), HasSubstr("rules.rn:"))));
  EXPECT_THAT(lines_.back(), HasSubstr("rootnote check"));
}

TEST_F(SettingsTest, AReloadTakesWhatIsRight) {
  const Settings running = Loaded();
  lines_.clear();
  WriteConfig("engine: {lookback: 1m}\n");
  const absl::StatusOr<Settings> read = ReloadSettings(running, log_);
  ASSERT_TRUE(read.ok()) << read.status();
  EXPECT_EQ(read->config.pipeline.lookback, Millis(60'000));
  EXPECT_THAT(lines_, IsEmpty());
}

TEST_F(SettingsTest, AReloadOfWhatIsWrongChangesNothing) {
  const Settings running = Loaded();
  WriteRules("signal");
  EXPECT_FALSE(ReloadSettings(running, log_).ok());
  EXPECT_THAT(lines_.back(), HasSubstr("stay as they are"));
}

TEST_F(SettingsTest, AReloadWithAWrongPropertyChangesNothing) {
  const Settings running = Loaded();
  path_ = folder_.Write("rootnote.yaml",
                        fmt::format("rules: [{}]\n"
                                    "kafka: {{bootstrap_servers: k, producer: {{linger: 5}}}}\n"
                                    "inputs: [{{topic: metrics}}]\n",
                                    folder_.Path("rules.rn")));
  EXPECT_EQ(ReloadSettings(running, log_).status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(lines_, Contains(HasSubstr("Kafka property linger")));
}

TEST_F(SettingsTest, WhatLibrdkafkaLacksIsOneLine) {
  path_ = folder_.Write(
      "rootnote.yaml",
      fmt::format("rules: [{}]\n"
                  "kafka: {{bootstrap_servers: k, properties: {{sasl.mechanism: OAUTHBEARER, "
                  "sasl.oauthbearer.method: oidc}}}}\n"
                  "inputs: [{{topic: metrics}}]\n",
                  folder_.Path("rules.rn")));
  const absl::StatusOr<Settings> settings = LoadSettings(path_, false, log_);
  const std::vector<std::string> features = KafkaLibraryFeatures();
  if (std::find(features.begin(), features.end(), "oidc") != features.end()) GTEST_SKIP();
  EXPECT_EQ(settings.status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(lines_, Contains(HasSubstr("lacking=OIDC")));
  EXPECT_THAT(lines_.back(), HasSubstr("sasl.oauthbearer.method"));
}

TEST_F(SettingsTest, AReloadCannotMoveToAnotherGroup) {
  const Settings running = Loaded();
  WriteConfig("http: {port: 1}\n");
  EXPECT_EQ(ReloadSettings(running, log_).status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(lines_,
              Contains(AllOf(HasSubstr("only with a restart"), HasSubstr("key=http.port"))));
}

}  // namespace
}  // namespace rootnote
