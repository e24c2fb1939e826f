// Who is watched, who is fresh, who is missing.
#include "engine/watch.h"

#include "gtest/gtest.h"

#include "engine/absence.h"
#include "engine/topology.h"
#include "tests/unit/engine/small_rules.h"

namespace rootnote {
namespace {

using testing::At;
using testing::Of;
using testing::ProgramBuilder;
using testing::When;

constexpr Millis kLookback{60'000};

struct Bound {
  explicit Bound(const ProgramBuilder& builder)
      : program(builder.Build()),
        rules(program, kLookback),
        store(program, TopologyOptions()),
        watch(rules, kLookback),
        absence(rules) {}

  Series& Add(std::vector<std::pair<std::string, std::string>> labels, EventTime last) {
    auto one = std::make_unique<Series>();
    one->key.labels = Of(std::move(labels));
    one->selectors = rules.Match(one->key.labels);
    one->last = last;
    series.push_back(std::move(one));
    const std::vector<const Series*> added = {series.back().get()};
    watch.Bind(added, *store.Snapshot());
    absence.Bind(added);
    return *series.back();
  }
  void AddEntity(const std::string& name, Labels labels = Labels()) {
    TopologyChange change;
    change.entity = name;
    change.labels = std::move(labels);
    EXPECT_FALSE(store.Apply(change, kMinTime));
  }

  std::shared_ptr<const Program> program;
  RuleSet rules;
  TopologyStore store;
  WatchBook watch;
  Absence absence;
  std::vector<std::unique_ptr<Series>> series;
};

TEST(WatchBook, FreshWhileEverySelectorHasARecentSample) {
  ProgramBuilder builder;
  builder.AddSignal("s", builder.AddKind("host", {"host"}), When("errors / requests > 1")).family =
      Family::kErrors;
  Bound bound(builder);
  Series& errors = bound.Add({{"__name__", "errors"}, {"host", "a"}}, At(0));
  Series& requests = bound.Add({{"__name__", "requests"}, {"host", "a"}}, At(0));
  EXPECT_EQ(bound.watch.Of("host:a", Family::kErrors, At(60)), Watch::kFresh);
  EXPECT_EQ(bound.watch.Of("host:a", Family::kErrors, At(61)), Watch::kStale);
  EXPECT_EQ(bound.watch.Of("host:a", Family::kLatency, At(0)), Watch::kUnmonitored);
  EXPECT_EQ(bound.watch.Of("host:b", Family::kErrors, At(0)), Watch::kUnmonitored);
  requests.last = At(100);
  EXPECT_EQ(bound.watch.Of("host:a", Family::kErrors, At(100)), Watch::kStale) << "only one of two";
  errors.interval = Millis(40'000);
  EXPECT_EQ(bound.watch.Of("host:a", Family::kErrors, At(100)), Watch::kFresh)
      << "three intervals are more than the lookback";
}

TEST(WatchBook, InformationDoesNotMonitor) {
  ProgramBuilder builder;
  builder.AddSignal("s", builder.AddKind("host", {"host"}), When("load > 1")).severity =
      Severity::kInfo;
  Bound bound(builder);
  bound.Add({{"__name__", "load"}, {"host", "a"}}, At(0));
  EXPECT_EQ(bound.watch.Of("host:a", Family::kErrors, At(0)), Watch::kUnmonitored);
  EXPECT_NE(bound.watch.Newest(SignalId(0), "host:a"), nullptr);
}

TEST(WatchBook, NewestSampleBehindAFinding) {
  ProgramBuilder builder;
  builder.AddSignal("s", builder.AddKind("host", {"host"}), When("load > 1"));
  Bound bound(builder);
  bound.Add({{"__name__", "load"}, {"host", "a"}, {"cpu", "0"}}, At(5));
  Series& newer = bound.Add({{"__name__", "load"}, {"host", "a"}, {"cpu", "1"}}, At(6));
  EXPECT_EQ(bound.watch.Newest(SignalId(0), "host:a"), &newer);
  newer.dead = true;
  bound.watch.DropDead();
  EXPECT_EQ(bound.watch.Newest(SignalId(0), "host:a")->last, At(5));
}

TEST(WatchBook, AliasesAreTriedAgainWhenTheMapChanges) {
  ProgramBuilder builder;
  builder.AddSignal("s", builder.AddKind("host", {"host"}, {"fqdn"}), When("load > 1"));
  Bound bound(builder);
  bound.Add({{"__name__", "load"}, {"fqdn", "a.example"}}, At(5));
  EXPECT_EQ(bound.watch.unresolved(), 1u);
  bound.AddEntity("host:a", Of({{"fqdn", "a.example"}}));
  bound.watch.Retry(*bound.store.Snapshot());
  EXPECT_EQ(bound.watch.unresolved(), 0u);
  EXPECT_EQ(bound.watch.Of("host:a", Family::kErrors, At(5)), Watch::kFresh);
}

TEST(WatchBook, ASelectorThatNamesNobodyCannotTell) {
  ProgramBuilder builder;
  builder.AddSignal("s", builder.AddKind("vm", {"vm"}),
                    When("load * on (host) group_left (vm) placement > 1"));
  Bound bound(builder);
  bound.Add({{"__name__", "load"}, {"host", "a"}}, At(0));
  bound.Add({{"__name__", "placement"}, {"host", "a"}, {"vm", "v"}}, At(0));
  EXPECT_EQ(bound.watch.Of("vm:v", Family::kErrors, At(1)), Watch::kFresh);
}

MissingCondition Heartbeat(Millis duration) {
  MissingCondition missing;
  missing.metric = "heartbeat";
  missing.duration = duration;
  return missing;
}

ProgramBuilder WithHeartbeat(MissingCondition missing) {
  ProgramBuilder builder;
  Condition when;
  when.what = std::move(missing);
  builder.AddSignal("silent", builder.AddKind("host", {"host"}), when).family = Family::kDown;
  return builder;
}

std::string Missing(Bound& bound, EventTime at) {
  std::string out;
  for (const Observed& one : bound.absence.At(SignalId(0), at, *bound.store.Snapshot())) {
    out += one.key.entity + "=" + std::to_string(static_cast<int>(one.value)) + " ";
  }
  return out;
}

TEST(Absence, KnownKeysAreMissingAfterTheDuration) {
  Bound bound(WithHeartbeat(Heartbeat(Millis(90'000))));
  Series& series = bound.Add({{"__name__", "heartbeat"}, {"host", "a"}}, At(0));
  EXPECT_EQ(Missing(bound, At(89)), "");
  EXPECT_EQ(Missing(bound, At(90)), "host:a=90 ");
  series.last = At(91);
  EXPECT_EQ(Missing(bound, At(95)), "");
}

TEST(Absence, OutlivesTheSeriesForADay) {
  Bound bound(WithHeartbeat(Heartbeat(Millis(90'000))));
  Series& series = bound.Add({{"__name__", "heartbeat"}, {"host", "a"}}, At(0));
  Missing(bound, At(5));
  series.dead = true;
  bound.absence.DropDead();
  EXPECT_EQ(Missing(bound, At(86'400)), "host:a=86400 ");
  EXPECT_FALSE(bound.absence.quiet());
  EXPECT_EQ(Missing(bound, At(86'401)), "");
  EXPECT_TRUE(bound.absence.quiet());
}

TEST(Absence, DoesNotAdvanceWhileInputIsFrozen) {
  Bound bound(WithHeartbeat(Heartbeat(Millis(90'000))));
  bound.Add({{"__name__", "heartbeat"}, {"host", "a"}}, At(0));
  bound.absence.Frozen(At(80));
  EXPECT_EQ(Missing(bound, At(100)), "");
  EXPECT_EQ(Missing(bound, At(170)), "host:a=170 ");
}

TEST(Absence, ExpectedComesFromTheMap) {
  MissingCondition missing = Heartbeat(Millis(90'000));
  missing.expected = true;
  promql::Matcher matcher;
  matcher.name = "monitored";
  matcher.value = "true";
  missing.where.push_back(matcher);
  Bound bound(WithHeartbeat(missing));
  bound.AddEntity("host:a", Of({{"monitored", "true"}}));
  bound.AddEntity("host:b", Of({{"monitored", "false"}}));
  bound.AddEntity("host:c", Of({{"monitored", "true"}}));
  bound.Add({{"__name__", "heartbeat"}, {"host", "c"}}, At(60));
  EXPECT_EQ(Missing(bound, At(0)), "");
  EXPECT_EQ(Missing(bound, At(90)), "host:a=90 ");
  EXPECT_FALSE(bound.absence.quiet());
}

TEST(Absence, RemovedEntitiesAreNotMissing) {
  Bound bound(WithHeartbeat(Heartbeat(Millis(90'000))));
  bound.AddEntity("host:a");
  bound.Add({{"__name__", "heartbeat"}, {"host", "a"}}, At(0));
  EXPECT_EQ(Missing(bound, At(90)), "host:a=90 ");
  TopologyChange change;
  change.type = TopologyChange::Type::kEntityDeleted;
  change.entity = "host:a";
  bound.store.Apply(change, At(95));
  EXPECT_EQ(Missing(bound, At(100)), "");
}

}  // namespace
}  // namespace rootnote
