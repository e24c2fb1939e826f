#include "engine/base_rates.h"

#include "gtest/gtest.h"

#include "tests/unit/correlator/world.h"

namespace rootnote {
namespace {

EventTime Hour(int64_t hour) { return FromMillis(hour * 3'600'000 + 1000); }

TEST(BaseRates, RareOnesWeighMoreThanChattyOnes) {
  BaseRates rates;
  rates.steps = {{"rare", 0}, {"usual", 2}, {"chatty", 4}, {"noise", 12}};
  EXPECT_EQ(rates.PercentOf("rare"), 132);
  EXPECT_EQ(rates.PercentOf("usual"), 100);
  EXPECT_EQ(rates.PercentOf("chatty"), 68);
  EXPECT_EQ(rates.PercentOf("noise"), 52);
  EXPECT_EQ(rates.PercentOf("unknown"), 100);
}

TEST(BaseRates, AreTextAndBack) {
  BaseRates rates;
  rates.version = 24;
  rates.steps = {{"a", 0}, {"b", 7}};
  const std::string text = "rootnote-base-rates 1\nversion 24\na 0\nb 7\n";
  EXPECT_EQ(rates.ToText(), text);
  const auto read = BaseRates::Parse(text);
  ASSERT_TRUE(read.ok()) << read.status();
  EXPECT_EQ(read->version, 24);
  EXPECT_EQ(read->steps, rates.steps);
}

TEST(BaseRates, BadTablesAreRefusedWithTheLine) {
  const std::string head = "rootnote-base-rates 1\nversion 1\n";
  const std::pair<std::string, std::string> cases[] = {
      {"something\n", "line 1"},       {"rootnote-base-rates 1\na 1\n", "line 2"},
      {head + "a\n", "line 3"},        {head + "a -1\n", "line 3"},
      {head + "a 1x\n", "line 3"},     {head + "a 21\n", "line 3"},
      {head + "a 1\na 2\n", "line 4"}, {head + "a 99999999999999999999\n", "line 3"}};
  for (const auto& [text, place] : cases) {
    const auto read = BaseRates::Parse(text);
    ASSERT_FALSE(read.ok()) << text;
    EXPECT_NE(std::string(read.status().message()).find(place), std::string::npos) << text;
  }
}

TEST(RateLearner, NewAtFullHoursOnly) {
  RateLearner learner;
  EXPECT_FALSE(learner.Advance(Hour(10)));
  learner.Note("a", false);
  EXPECT_FALSE(learner.Advance(Hour(10) + Millis{3'000'000}));
  EXPECT_TRUE(learner.rates().steps.empty());
  EXPECT_TRUE(learner.Advance(Hour(11)));
  EXPECT_EQ(learner.rates().version, 1);
  EXPECT_EQ(learner.rates().steps.size(), 1U);
}

TEST(RateLearner, LearnsHowOftenAndForgets) {
  RateLearner learner;
  learner.Advance(Hour(0));
  for (int hour = 1; hour <= 2000; ++hour) {
    for (int i = 0; i < 10; ++i) learner.Note("chatty", false);
    if (hour % 240 == 0) learner.Note("rare", false);
    learner.Advance(Hour(hour));
  }
  EXPECT_EQ(learner.rates().steps.at("chatty"), 7);  // 240 a day
  EXPECT_EQ(learner.rates().steps.at("rare"), 0);
  for (int hour = 2001; hour <= 4000; ++hour) learner.Advance(Hour(hour));
  EXPECT_LE(learner.rates().steps.at("chatty"), 4);
}

TEST(RateLearner, AnIncidentTeachesNothing) {
  RateLearner learner;
  learner.Advance(Hour(0));
  for (int hour = 1; hour <= 100; ++hour) {
    for (int i = 0; i < 1000; ++i) learner.Note("a", true);
    learner.Advance(Hour(hour));
  }
  EXPECT_EQ(learner.rates().steps.at("a"), 0);
}

TEST(BaseRates, DecideBetweenTwoThatFail) {
  // Two databases fail beside each other, and the application waits for both.
  constexpr std::string_view kRules = R"(
kind app { id app }
kind db  { id db }
kind cache { id cache }
relation queries : app -> db     carries errors
relation reads   : app -> cache  carries errors
signal app_errors on app     { when x > 1 for 20s family errors severity major }
signal db_errors on db       { when x > 1 for 20s family errors severity warning }
signal cache_errors on cache { when x > 1 for 20s family errors severity warning}
)";
  auto root_with = [&](std::map<std::string, int> steps) {
    World world(kRules);
    world.Map("app:a -queries-> db:d\napp:a -reads-> cache:c");
    auto rates = std::make_shared<BaseRates>();
    rates->steps = std::move(steps);
    CorrelatorOptions options;
    options.rates = rates;
    Correlator correlator(world.shared_program(), world.watch(), options);
    correlator.SetTopology(world.Snapshot(), World::At(0));
    std::vector<Correlator::Ended> ended;
    correlator.Apply(world.Firing(30, "db_errors", "db:d", 10), ended);
    correlator.Apply(world.Firing(30, "cache_errors", "cache:c", 10), ended);
    correlator.Apply(world.Firing(30, "app_errors", "app:a", 10), ended);
    return correlator.Evaluate(World::At(60), {})[0].candidates()[0].name;
  };
  EXPECT_EQ(root_with({{"cache_errors", 0}, {"db_errors", 5}}), "cache:c");
  EXPECT_EQ(root_with({{"cache_errors", 5}, {"db_errors", 0}}), "db:d");
}

}  // namespace
}  // namespace rootnote
