// Order, duplicates, conflicts and limits of what a shard takes at the close of a tick.
#include "engine/shard.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <random>

#include "gtest/gtest.h"

#include "engine/series_store.h"
#include "tests/unit/engine/small_rules.h"

namespace rootnote {
namespace {

using testing::At;
using testing::Of;
using testing::ProgramBuilder;
using testing::When;

constexpr Millis kLookback{300'000};

std::shared_ptr<const Program> Rules(std::string_view expression) {
  ProgramBuilder builder;
  builder.AddSignal("s", builder.AddKind("host", {"host"}), When(expression));
  return builder.Build();
}

ShardSample Sampled(const char* host, int64_t time, double value, int64_t offset = 0) {
  return {
      {Of({{"__name__", "up"}, {"host", host}}), std::nullopt}, At(time), value, {0, 0, offset}};
}

std::vector<const Series*> Take(Shard& shard, std::vector<ShardSample> samples, EventTime tick,
                                ShardCounts* counts = nullptr) {
  shard.Prepare(std::move(samples));
  std::vector<const Series*> admitted;
  for (size_t i = 0; i < shard.newcomers().size(); ++i) {
    admitted.push_back(&shard.Admit(i));
  }
  const ShardCounts made = shard.Append(tick);
  if (counts != nullptr) {
    *counts = made;
  }
  return admitted;
}

TEST(Shard, EqualBitsAreDuplicatesElseTheLargerValueWins) {
  const RuleSet rules(Rules("up < 1"), kLookback);
  Shard shard(rules);
  ShardCounts counts;
  const double nan = std::numeric_limits<double>::quiet_NaN();
  const auto series = Take(shard,
                           {Sampled("a", 1, 2.0), Sampled("a", 1, 2.0), Sampled("a", 1, 3.0),
                            Sampled("a", 1, nan), Sampled("a", 2, nan), Sampled("a", 2, -5.0)},
                           At(2), &counts);
  ASSERT_EQ(series.size(), 1u);
  const auto points = series[0]->In(At(0), At(2));
  ASSERT_EQ(points.size(), 2u);
  EXPECT_EQ(points[0].value, 3.0);
  EXPECT_EQ(points[1].value, -5.0);
  EXPECT_EQ(counts.appended, 2u);
  EXPECT_EQ(counts.duplicates + counts.conflicts, 4u);
}

TEST(Shard, ADuplicateOfTheWinnerIsNoConflict) {
  const RuleSet rules(Rules("up < 1"), kLookback);
  Shard shard(rules);
  ShardCounts counts;
  Take(shard, {Sampled("a", 1, 2.0), Sampled("a", 1, 2.0)}, At(2), &counts);
  EXPECT_EQ(counts.duplicates, 1u);
  EXPECT_EQ(counts.conflicts, 0u);
}

TEST(Shard, ArrivalDecidesNothing) {
  const RuleSet rules(Rules("up < 1"), kLookback);
  std::vector<ShardSample> samples;
  for (int i = 0; i < 40; ++i) {
    samples.push_back(Sampled(i % 3 == 0 ? "a" : "b", i / 4, i % 5, i));
  }
  std::string first;
  std::mt19937 random(7);
  for (int round = 0; round < 20; ++round) {
    Shard shard(rules);
    std::string dump;
    for (const Series* series : Take(shard, samples, At(10))) {
      dump += series->key.labels.ToString() + " @" + std::to_string(series->position.offset);
      for (const promql::Point& point : series->In(kMinTime, At(10))) {
        dump += " " + std::to_string(ToMillis(point.time)) + "=" + std::to_string(point.value);
      }
    }
    first = first.empty() ? dump : first;
    ASSERT_EQ(dump, first) << "round " << round;
    std::shuffle(samples.begin(), samples.end(), random);
  }
}

TEST(Shard, NewSeriesStandInByteOrder) {
  const RuleSet rules(Rules("up < 1"), kLookback);
  Shard shard(rules);
  shard.Prepare({Sampled("c", 1, 1), Sampled("a", 1, 1), Sampled("b", 1, 1), Sampled("a", 2, 1)});
  ASSERT_EQ(shard.newcomers().size(), 3u);
  EXPECT_EQ(shard.newcomers()[0].key.labels.Get("host"), "a");
  EXPECT_EQ(shard.newcomers()[2].key.labels.Get("host"), "c");
  shard.Admit(0);
  const ShardCounts counts = shard.Append(At(2));
  EXPECT_EQ(counts.appended, 2u);
  EXPECT_EQ(counts.refused, 2u);
  EXPECT_EQ(shard.size(), 1u);
}

TEST(Shard, WhatNoInstantCanSeeAnyMoreGoes) {
  const RuleSet rules(Rules("sum_over_time(up[10s]) > 0"), Millis(10'000));
  Shard shard(rules);
  const Series* series = Take(shard, {Sampled("a", 0, 1)}, At(0))[0];
  for (int i = 1; i <= 1'000; ++i) {
    Take(shard, {Sampled("a", i, 1)}, At(i));
  }
  EXPECT_LE(series->points.size(), 64u);
  EXPECT_EQ(series->In(At(990), At(1'000)).size(), 10u) << "open on the left";
}

TEST(Shard, SeriesThatNothingSeesKeepNoPoints) {
  const RuleSet rules(Rules("up{host=\"a\"} < 1"), kLookback);
  Shard shard(rules);
  const auto series = Take(shard, {Sampled("a", 1, 1), Sampled("b", 1, 1)}, At(1));
  ASSERT_EQ(series.size(), 2u);
  EXPECT_EQ(series[0]->points.size(), 1u);
  EXPECT_TRUE(series[1]->points.empty());
}

TEST(Shard, ForgetsSeriesAfterAnHourOfSilence) {
  const RuleSet rules(Rules("up < 1"), kLookback);
  Shard shard(rules);
  WindowStore store(rules);
  store.Add(Take(shard, {Sampled("a", 0, 1), Sampled("b", 3'000, 1)}, At(3'000)));
  shard.MarkDead(At(3'600 + 300), kLookback);
  store.DropDead();
  shard.RemoveDead();
  EXPECT_EQ(shard.size(), 1u);
  EXPECT_EQ(store.size(), 1u);
}

TEST(WindowStore, SelectsWhatANaiveScanSelects) {
  ProgramBuilder builder;
  const KindId host = builder.AddKind("host", {"host"});
  const std::vector<std::string> expressions = {"up", "up{host=\"h1\"}", "up{host!=\"h1\"}",
                                                "rate(up[30s])", "{__name__=~\"u.*\", zone=\"\"}"};
  for (const std::string& expression : expressions) {
    builder.AddSignal("s", host, When(expression));
  }
  const auto program = builder.Build();
  const RuleSet rules(program, kLookback);
  std::vector<Shard> shards;
  for (int i = 0; i < 7; ++i) {
    shards.emplace_back(rules);
  }
  WindowStore store(rules);
  std::mt19937 random(3);
  std::vector<ShardSample> all;
  for (int tick = 1; tick <= 20; ++tick) {
    std::vector<std::vector<ShardSample>> batches(shards.size());
    for (int i = 0; i < 10; ++i) {
      ShardSample sample = Sampled(("h" + std::to_string(random() % 9)).c_str(), tick, 1.0 * i);
      if (random() % 4 == 0) {
        sample.key.labels = sample.key.labels.With("zone", "z").With("__name__", "ux");
      }
      const bool repeated = std::any_of(all.begin(), all.end(), [&](const ShardSample& other) {
        return other.key == sample.key && other.time == sample.time;
      });
      if (!repeated) {
        all.push_back(sample);
        batches[ShardOf(sample.key, shards.size())].push_back(sample);
      }
    }
    for (size_t i = 0; i < shards.size(); ++i) {
      store.Add(Take(shards[i], std::move(batches[i]), At(tick)));
    }
  }
  for (const Signal& signal : program->signals) {
    for (const promql::Expr* node : promql::Selectors(*std::get<ExprPtr>(signal.when.what))) {
      for (int from = 0; from < 20; from += 3) {
        const EventTime begin = At(from), end = At(from + 6);
        std::map<std::pair<uint64_t, std::string>, std::string> expected;
        std::sort(all.begin(), all.end(),
                  [](const ShardSample& a, const ShardSample& b) { return a.time < b.time; });
        for (const ShardSample& sample : all) {
          const Labels& labels = sample.key.labels;
          const bool matches = std::all_of(node->matchers.begin(), node->matchers.end(),
                                           [&](const promql::Matcher& matcher) {
                                             return matcher.Matches(labels.Get(matcher.name));
                                           });
          if (matches && begin < sample.time && sample.time <= end) {
            expected[{labels.hash(), std::string(labels.bytes())}] +=
                std::to_string(ToMillis(sample.time)) + "=" + std::to_string(sample.value) + " ";
          }
        }
        std::vector<std::string> wanted, selected;
        for (const auto& [key, points] : expected) {
          wanted.push_back(key.second + points);
        }
        for (const promql::SeriesPoints& series : store.Select(*node, begin, end)) {
          std::string text(series.labels.bytes());
          for (const promql::Point& point : series.points) {
            text += std::to_string(ToMillis(point.time)) + "=" + std::to_string(point.value) + " ";
          }
          selected.push_back(text);
        }
        ASSERT_EQ(selected, wanted) << promql::ToString(*node) << " from " << from;
        // A node that is not the program's is matched label by label, to the same answer.
        const promql::Expr* const same = node;
        promql::Expr copy;
        copy.kind = same->kind;
        copy.matchers = same->matchers;
        EXPECT_EQ(store.Select(copy, begin, end).size(), wanted.size());
      }
    }
  }
}

}  // namespace
}  // namespace rootnote
