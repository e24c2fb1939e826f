#include "engine/topology.h"

#include <chrono>
#include <set>
#include <utility>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

#include "tests/unit/topology/estate.h"

namespace rootnote {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

class TopologyStoreTest : public ::testing::Test {
 protected:
  void Make(const TopologyOptions& options = {}) {
    store_ = std::make_unique<TopologyStore>(program_, options);
  }
  // Applies without a problem.
  void Apply(const TopologyChange& change, EventTime now = kMinTime, std::string_view feed = {}) {
    const std::optional<std::string> problem = store_->Apply(change, now, feed);
    EXPECT_EQ(problem, std::nullopt);
  }
  std::string Problem(const TopologyChange& change) {
    return store_->Apply(change, kMinTime).value_or("none");
  }
  std::string Up(std::string_view entity) {
    return EdgesText(*store_->Snapshot(), *program_, entity);
  }
  std::string Down(std::string_view entity) {
    return EdgesText(*store_->Snapshot(), *program_, entity, false);
  }
  bool Alive(std::string_view entity) {
    const auto map = store_->Snapshot();
    const std::optional<EntityId> id = map->Find(entity);
    return id && map->ValidityOf(*id).to == kMaxTime;
  }
  KindId KindOf(std::string_view name) { return program_->FindKind(name).value(); }

  std::shared_ptr<Program> program_ = Estate();
  std::unique_ptr<TopologyStore> store_ =
      std::make_unique<TopologyStore>(program_, TopologyOptions());
};

TEST_F(TopologyStoreTest, StartsEmpty) {
  const auto map = store_->Snapshot();
  EXPECT_EQ(map->size(), 0U);
  EXPECT_EQ(map->Find("vm:a"), std::nullopt);
  EXPECT_TRUE(map->OfKind(KindOf("vm")).empty());
  EXPECT_EQ(map, store_->Snapshot());
}

TEST_F(TopologyStoreTest, RelationCreatesItsEnds) {
  Apply(RelationAdded("runs_on", "app:shop", "vm:web1"));
  const auto map = store_->Snapshot();
  EXPECT_EQ(map->size(), 2U);
  EXPECT_EQ(map->entities_alive(), 2U);
  EXPECT_EQ(map->relations_alive(), 1U);
  EXPECT_EQ(Up("app:shop"), "runs_on vm:web1 [-,-)");
  EXPECT_EQ(Down("vm:web1"), "runs_on app:shop [-,-)");
  EXPECT_EQ(map->KindOf(*map->Find("vm:web1")), KindOf("vm"));
}

TEST_F(TopologyStoreTest, EdgesAreSortedByRelationThenName) {
  for (const char* const name : {"vm:c", "vm:a", "vm:b"}) {
    Apply(RelationAdded("runs_on", "app:shop", name));
    store_->Snapshot();
  }
  Apply(RelationAdded("calls", "app:shop", "app:0"));
  Apply(RelationAdded("runs_on", "app:shop", "vm:aa"));
  EXPECT_EQ(Up("app:shop"),
            "runs_on vm:a [-,-) runs_on vm:aa [-,-) runs_on vm:b [-,-) runs_on vm:c [-,-) "
            "calls app:0 [-,-)");
}

TEST_F(TopologyStoreTest, SnapshotsDoNotChange) {
  Apply(RelationAdded("runs_on", "app:shop", "vm:web1"), At(10));
  const auto before = store_->Snapshot();
  Apply(RelationDeleted("runs_on", "app:shop", "vm:web1"), At(20));
  Apply(RelationAdded("runs_on", "app:shop", "vm:web2"), At(20));
  Apply(Entity("app:shop", {{"owner", "b"}}), At(20));
  const auto after = store_->Snapshot();
  EXPECT_EQ(EdgesText(*before, *program_, "app:shop"), "runs_on vm:web1 [10,-)");
  EXPECT_EQ(before->Find("vm:web2"), std::nullopt);
  EXPECT_EQ(before->LabelsOf(*before->Find("app:shop")), Labels());
  EXPECT_EQ(EdgesText(*after, *program_, "app:shop"),
            "runs_on vm:web1 [10,20) runs_on vm:web2 [20,-)");
  EXPECT_EQ(after->LabelsOf(*after->Find("app:shop")).Get("owner"), "b");
  EXPECT_EQ(after->version(), before->version() + 1);
  EXPECT_EQ(before->Find("app:shop"), after->Find("app:shop"));
  EXPECT_EQ(after->updated_at(), At(20));
}

TEST_F(TopologyStoreTest, SayingItAgainChangesNothing) {
  Apply(RelationAdded("runs_on", "app:shop", "vm:web1"), At(10));
  Apply(Entity("vm:web1", {{"region", "uk"}}), At(10));
  const auto before = store_->Snapshot();
  Apply(RelationAdded("runs_on", "app:shop", "vm:web1"), At(30));
  Apply(Entity("vm:web1", {{"region", "uk"}}), At(30));
  EXPECT_EQ(store_->Snapshot(), before);
}

TEST_F(TopologyStoreTest, JudgedAsOfOnsetWithGrace) {
  Apply(RelationAdded("runs_on", "app:shop", "vm:web1"), At(10));
  Apply(RelationDeleted("runs_on", "app:shop", "vm:web1"), At(600));
  const auto map = store_->Snapshot();
  const auto edges = map->Upstream(*map->Find("app:shop"));
  ASSERT_EQ(edges.size(), 1U);
  EXPECT_TRUE(edges[0].validity.At(At(10)));
  EXPECT_TRUE(edges[0].validity.At(At(599)));
  EXPECT_FALSE(edges[0].validity.At(At(600)));
  EXPECT_FALSE(edges[0].validity.At(At(9)));
  // Onset 4 minutes after the move still sees the edge, 5 minutes after does not.
  EXPECT_TRUE(edges[0].validity.Within(At(840 - 300), At(840)));
  EXPECT_FALSE(edges[0].validity.Within(At(900 - 300), At(900)));
}

TEST_F(TopologyStoreTest, AddingAgainOpensANewInterval) {
  Apply(RelationAdded("runs_on", "app:shop", "vm:web1"), At(10));
  Apply(RelationDeleted("runs_on", "app:shop", "vm:web1"), At(20));
  EXPECT_FALSE(Alive("app:shop"));
  Apply(RelationAdded("runs_on", "app:shop", "vm:web1"), At(30));
  EXPECT_EQ(Up("app:shop"), "runs_on vm:web1 [10,20) runs_on vm:web1 [30,-)");
  EXPECT_TRUE(Alive("app:shop"));
  EXPECT_EQ(store_->Snapshot()->relations_alive(), 1U);
}

TEST_F(TopologyStoreTest, DatedChangesKeepTheirTime) {
  Apply(Dated(At(100), RelationAdded("runs_on", "app:shop", "vm:web1")), At(500));
  Apply(Dated(At(300), RelationDeleted("runs_on", "app:shop", "vm:web1")), At(500));
  EXPECT_EQ(Up("app:shop"), "runs_on vm:web1 [100,300)");
}

TEST_F(TopologyStoreTest, DeletedAtOnceNeverHeld) {
  Apply(RelationAdded("runs_on", "app:shop", "vm:web1"), At(10));
  Apply(RelationDeleted("runs_on", "app:shop", "vm:web1"), At(10));
  EXPECT_EQ(Up("app:shop"), "");
  EXPECT_EQ(store_->Snapshot()->relations_alive(), 0U);
}

TEST_F(TopologyStoreTest, EntityDeleteTakesItsRelationsAlong) {
  Apply(Entity("vm:web1"));
  Apply(RelationAdded("runs_on", "app:shop", "vm:web1"));
  Apply(RelationAdded("stored_on", "vm:web1", "array:a1"));
  Apply(EntityDeleted("vm:web1"), At(50));
  EXPECT_FALSE(Alive("vm:web1"));
  EXPECT_EQ(Up("vm:web1"), "stored_on array:a1 [-,50)");
  EXPECT_EQ(Down("vm:web1"), "runs_on app:shop [-,50)");
  EXPECT_EQ(store_->Snapshot()->relations_alive(), 0U);
  // Nothing else names its neighbours.
  EXPECT_EQ(store_->Snapshot()->entities_alive(), 0U);
}

TEST_F(TopologyStoreTest, DeleteInOneBatchWithTheAdds) {
  Apply(RelationAdded("runs_on", "app:shop", "vm:web1"), At(1));
  store_->Snapshot();
  Apply(RelationAdded("runs_on", "app:news", "vm:web1"), At(2));
  Apply(EntityDeleted("vm:web1"), At(3));
  EXPECT_EQ(Down("vm:web1"), "runs_on app:news [2,3) runs_on app:shop [1,3)");
}

TEST_F(TopologyStoreTest, SeveralSourcesOwnTheSameThing) {
  Apply(From("cmdb", Entity("vm:web1", {{"owner", "x"}})), At(1));
  Apply(From("cloud", Entity("vm:web1", {{"region", "uk"}})), At(1));
  const auto labels = [&] {
    const auto map = store_->Snapshot();
    return map->LabelsOf(*map->Find("vm:web1"));
  };
  EXPECT_EQ(labels(), Labels::From({{"owner", "x"}, {"region", "uk"}}));
  Apply(From("cmdb", EntityDeleted("vm:web1")), At(2));
  EXPECT_TRUE(Alive("vm:web1"));
  EXPECT_EQ(labels(), Labels::From({{"region", "uk"}}));
  Apply(From("cloud", EntityDeleted("vm:web1")), At(3));
  EXPECT_FALSE(Alive("vm:web1"));
}

TEST_F(TopologyStoreTest, ADeleteOfAStrangerChangesNothing) {
  Apply(From("cmdb", Entity("vm:web1")), At(1));
  Apply(From("cloud", EntityDeleted("vm:web1")), At(2));
  EXPECT_TRUE(Alive("vm:web1"));
  Apply(EntityDeleted("vm:web1"), At(2), "another-topic");
  EXPECT_TRUE(Alive("vm:web1"));
  Apply(EntityDeleted("vm:nobody"), At(2));
}

TEST_F(TopologyStoreTest, UnnamedDeleteSpeaksForItsFeed) {
  Apply(From("cmdb", Entity("vm:web1")), At(1), "topology");
  Apply(EntityDeleted("vm:web1"), At(2), "topology");
  EXPECT_FALSE(Alive("vm:web1"));
}

TEST_F(TopologyStoreTest, IdentityLabelsAreNotKept) {
  Apply(Entity("disk:a1/d7", {{"array", "a1"}, {"disk", "d7"}, {"size", "4T"}}));
  const auto map = store_->Snapshot();
  EXPECT_EQ(map->LabelsOf(*map->Find("disk:a1/d7")), Labels::From({{"size", "4T"}}));
}

TEST_F(TopologyStoreTest, SnapshotEndDeletesWhatWasNotNamed) {
  Apply(SnapshotMark(true, "cmdb", "1"), At(1));
  Apply(Entity("vm:a"), At(1));
  Apply(Entity("vm:b"), At(1));
  Apply(RelationAdded("runs_on", "app:shop", "vm:a"), At(1));
  Apply(RelationAdded("runs_on", "app:shop", "vm:b"), At(1));
  Apply(SnapshotMark(false, "cmdb", "1"), At(2));
  EXPECT_EQ(store_->Snapshot()->entities_alive(), 3U);

  Apply(SnapshotMark(true, "cmdb", "2"), At(10));
  Apply(Entity("vm:b"), At(10));
  Apply(RelationAdded("runs_on", "app:shop", "vm:b"), At(10));
  EXPECT_TRUE(Alive("vm:a"));
  Apply(SnapshotMark(false, "cmdb", "2"), At(11));
  EXPECT_FALSE(Alive("vm:a"));
  EXPECT_TRUE(Alive("vm:b"));
  EXPECT_EQ(Up("app:shop"), "runs_on vm:a [1,11) runs_on vm:b [1,-)");
}

TEST_F(TopologyStoreTest, SnapshotWithoutEndLeavesTheOldState) {
  Apply(SnapshotMark(true, "cmdb", "1"), At(1));
  Apply(Entity("vm:a"), At(1));
  Apply(SnapshotMark(false, "cmdb", "1"), At(2));
  Apply(SnapshotMark(true, "cmdb", "2"), At(10));
  Apply(Entity("vm:b"), At(10));
  // The feed died and begins again: what it named before that counts no more.
  Apply(SnapshotMark(true, "cmdb", "3"), At(20));
  EXPECT_TRUE(Alive("vm:a"));
  Apply(Entity("vm:a"), At(20));
  Apply(SnapshotMark(false, "cmdb", "3"), At(21));
  EXPECT_TRUE(Alive("vm:a"));
  EXPECT_FALSE(Alive("vm:b"));
}

TEST_F(TopologyStoreTest, SnapshotSparesWhatOthersName) {
  Apply(From("cloud", Entity("vm:a")), At(1));
  Apply(From("cmdb", Entity("vm:a")), At(1));
  Apply(From("cmdb", Entity("vm:b")), At(1));
  Apply(From("cloud", RelationAdded("runs_on", "app:shop", "vm:b")), At(1));
  Apply(SnapshotMark(true, "cmdb", "1"), At(5));
  Apply(SnapshotMark(false, "cmdb", "1"), At(6));
  EXPECT_TRUE(Alive("vm:a"));
  EXPECT_TRUE(Alive("vm:b"));  // a relation of cloud names it
}

TEST_F(TopologyStoreTest, LoneSnapshotEndDeletesNothing) {
  Apply(From("cmdb", Entity("vm:a")), At(1));
  EXPECT_THAT(Problem(SnapshotMark(false, "cmdb", "9")), HasSubstr("without its begin"));
  Apply(SnapshotMark(true, "cmdb", "1"), At(2));
  EXPECT_THAT(Problem(SnapshotMark(false, "cmdb", "2")), HasSubstr("without its begin"));
  EXPECT_TRUE(Alive("vm:a"));
  EXPECT_EQ(store_->stats().refused_invalid, 2U);
}

TEST_F(TopologyStoreTest, ResolvesByIdentityThenByAlias) {
  Apply(Entity("vm:web1", {{"fqdn", "web1.example"}, {"ip", "10.0.0.1"}}));
  Apply(Entity("disk:a1/d7"));
  const auto map = store_->Snapshot();
  const auto resolve = [&](std::string_view kind,
                           std::vector<std::pair<std::string, std::string>> labels) {
    const auto id = map->Resolve(KindOf(kind), Labels::From(std::move(labels)));
    return id ? std::string(map->Name(*id)) : "none";
  };
  EXPECT_EQ(resolve("vm", {{"vm", "web1"}, {"other", "x"}}), "vm:web1");
  EXPECT_EQ(resolve("vm", {{"vm", "web1.example"}}), "vm:web1");
  EXPECT_EQ(resolve("vm", {{"ip", "10.0.0.1"}}), "vm:web1");
  EXPECT_EQ(resolve("vm", {{"ip", "10.0.0.2"}}), "none");
  EXPECT_EQ(resolve("vm", {{"host", "10.0.0.1"}}), "none");
  EXPECT_EQ(resolve("app", {{"app", "10.0.0.1"}}), "none");
  EXPECT_EQ(resolve("disk", {{"array", "a1"}, {"disk", "d7"}}), "disk:a1/d7");
  EXPECT_EQ(resolve("disk", {{"array", "a1"}}), "none");
}

TEST_F(TopologyStoreTest, AliasConflictResolvesToNoneAndIsReported) {
  Apply(Entity("vm:web1", {{"ip", "10.0.0.1"}}), At(1));
  Apply(Entity("vm:web2", {{"ip", "10.0.0.1"}}), At(1));
  const Labels labels = Labels::From({{"ip", "10.0.0.1"}});
  EXPECT_EQ(store_->Snapshot()->Resolve(KindOf("vm"), labels), std::nullopt);
  EXPECT_EQ(store_->stats().alias_conflicts, 1U);
  EXPECT_THAT(store_->AliasConflicts(), ElementsAre("alias 10.0.0.1 of kind vm: vm:web1, vm:web2"));
  // The address goes from one to the other.
  Apply(EntityDeleted("vm:web1"), At(5));
  const auto map = store_->Snapshot();
  EXPECT_EQ(map->Resolve(KindOf("vm"), labels), map->Find("vm:web2"));
  EXPECT_TRUE(store_->AliasConflicts().empty());
  Apply(Entity("vm:web2", {{"ip", "10.0.0.9"}}), At(6));
  // Nobody alive has it: the one that had it last.
  EXPECT_EQ(store_->Snapshot()->Resolve(KindOf("vm"), labels), map->Find("vm:web1"));
}

TEST_F(TopologyStoreTest, KindsAreListedByName) {
  for (const char* const name : {"vm:c", "vm:a"}) {
    Apply(Entity(name));
  }
  const auto first = store_->Snapshot();
  Apply(Entity("vm:b"));
  Apply(Entity("array:x"));
  const auto map = store_->Snapshot();
  const auto names = [&](const Topology& topology) {
    std::vector<std::string> list;
    for (const EntityId id : topology.OfKind(KindOf("vm"))) {
      list.emplace_back(topology.Name(id));
    }
    return list;
  };
  EXPECT_THAT(names(*first), ElementsAre("vm:a", "vm:c"));
  EXPECT_THAT(names(*map), ElementsAre("vm:a", "vm:b", "vm:c"));
}

TEST_F(TopologyStoreTest, CyclesAreLegal) {
  Apply(RelationAdded("calls", "app:a", "app:b"));
  Apply(RelationAdded("calls", "app:b", "app:a"));
  Apply(RelationAdded("calls", "app:a", "app:a"));
  EXPECT_EQ(Up("app:a"), "calls app:a [-,-) calls app:b [-,-)");
  EXPECT_EQ(Down("app:a"), "calls app:a [-,-) calls app:b [-,-)");
  Apply(EntityDeleted("app:a"), At(9));
  EXPECT_EQ(store_->Snapshot()->entities_alive(), 0U);
}

TEST_F(TopologyStoreTest, UnknownKindIsKeptInert) {
  Apply(Entity("sensor:s1", {{"room", "7"}}));
  Apply(Entity("sensor:s1", {{"room", "8"}}));
  const auto map = store_->Snapshot();
  ASSERT_TRUE(map->Find("sensor:s1"));
  EXPECT_EQ(map->KindOf(*map->Find("sensor:s1")), std::nullopt);
  EXPECT_EQ(store_->stats().unknown_kind, 1U);
}

TEST_F(TopologyStoreTest, RefusalsSayWhy) {
  EXPECT_THAT(Problem(RelationAdded("likes", "app:a", "vm:b")),
              HasSubstr("relation likes is not declared"));
  EXPECT_THAT(Problem(RelationAdded("runs_on", "vm:b", "app:a")),
              HasSubstr("relation runs_on does not go from vm"));
  EXPECT_THAT(Problem(RelationAdded("runs_on", "app:a", "box:b")),
              HasSubstr("relation runs_on does not go to box"));
  EXPECT_THAT(Problem(Entity("web1")), HasSubstr("write kind:id"));
  EXPECT_THAT(Problem(Entity("vm:")), HasSubstr("write kind:id"));
  EXPECT_THAT(Problem(Entity("disk:a1")), HasSubstr("array/disk"));
  EXPECT_EQ(store_->stats().unknown_relation, 1U);
  EXPECT_EQ(store_->stats().refused_invalid, 5U);
  EXPECT_EQ(store_->Snapshot()->size(), 0U);
}

TEST_F(TopologyStoreTest, LimitsRefuseAndCount) {
  TopologyOptions options;
  options.entities_max = 3;
  options.relations_max = 2;
  options.sources_max = 2;
  Make(options);
  Apply(RelationAdded("runs_on", "app:a", "vm:a"));
  Apply(RelationAdded("calls", "app:a", "app:a"));
  EXPECT_THAT(Problem(RelationAdded("runs_on", "app:b", "vm:b")), HasSubstr("the map is full"));
  Apply(Entity("vm:b"));
  EXPECT_THAT(Problem(Entity("vm:c")), HasSubstr("3 entities already"));
  EXPECT_THAT(Problem(RelationAdded("runs_on", "app:a", "vm:b")), HasSubstr("the map is full"));
  Apply(From("one", Entity("vm:b")));
  EXPECT_THAT(Problem(From("two", Entity("vm:b"))), HasSubstr("more than 2 sources"));
  EXPECT_EQ(store_->stats().refused_limit, 4U);
  EXPECT_EQ(store_->Snapshot()->size(), 3U);
}

TEST_F(TopologyStoreTest, ForgetsAfterHistoryAndGivesIdsAgain) {
  TopologyOptions options;
  options.history = Millis(60'000);
  options.entities_max = 3;
  Make(options);
  Apply(RelationAdded("runs_on", "app:a", "vm:a"), At(10));
  Apply(Entity("app:a"), At(10));
  Apply(EntityDeleted("vm:a"), At(20));
  const auto before = store_->Snapshot();
  Apply(Entity("app:a"), At(80));
  EXPECT_EQ(Up("app:a"), "runs_on vm:a [10,20)");
  Apply(Entity("app:a"), At(81));
  EXPECT_EQ(Up("app:a"), "");
  EXPECT_EQ(store_->Snapshot()->Find("vm:a"), std::nullopt);
  EXPECT_TRUE(store_->Snapshot()->OfKind(KindOf("vm")).empty());
  EXPECT_EQ(store_->stats().pruned, 2U);
  Apply(Entity("array:x"), At(82));
  const auto after = store_->Snapshot();
  EXPECT_EQ(after->size(), 2U);
  EXPECT_EQ(after->Find("array:x"), before->Find("vm:a"));
  EXPECT_EQ(before->Name(*before->Find("vm:a")), "vm:a");
}

TEST_F(TopologyStoreTest, OldIntervalsAreForgottenOneByOne) {
  TopologyOptions options;
  options.history = Millis(60'000);
  options.intervals_max = 3;
  Make(options);
  Apply(Entity("app:a"), At(0));
  for (int64_t i = 0; i < 5; ++i) {
    Apply(RelationAdded("runs_on", "app:a", "vm:a"), At(10 * i));
    if (i < 4) {
      Apply(RelationDeleted("runs_on", "app:a", "vm:a"), At(10 * i + 5));
    }
  }
  EXPECT_EQ(Up("app:a"), "runs_on vm:a [20,25) runs_on vm:a [30,35) runs_on vm:a [40,-)");
  Apply(Entity("vm:z"), At(90));
  EXPECT_EQ(Up("app:a"), "runs_on vm:a [30,35) runs_on vm:a [40,-)");
}

TEST_F(TopologyStoreTest, OneChangeOfALargeMapIsCheap) {
  constexpr int kEntities = 100'000;
  const auto start = std::chrono::steady_clock::now();
  for (int i = 0; i < kEntities / 2; ++i) {
    const std::string n = std::to_string(i);
    Apply(RelationAdded("runs_on", "app:" + n, "vm:" + n));
    Apply(RelationAdded("stored_on", "vm:" + n, "array:" + std::to_string(i % 10)));
    Apply(RelationAdded("calls", "app:" + n, "app:" + std::to_string(i * 7 % 1'000)));
  }
  const auto map = store_->Snapshot();
  EXPECT_EQ(map->entities_alive(), static_cast<size_t>(kEntities + 10));
  EXPECT_EQ(map->relations_alive(), static_cast<size_t>(kEntities / 2 * 3));
  EXPECT_EQ(map->Downstream(*map->Find("array:3")).size(), static_cast<size_t>(kEntities / 20));
  const auto loaded = std::chrono::steady_clock::now();
  for (int i = 0; i < 100; ++i) {
    Apply(Entity("vm:" + std::to_string(i), {{"round", std::to_string(i)}}), At(1));
    store_->Snapshot();
  }
  const auto after = store_->Snapshot();
  EXPECT_EQ(after->version(), map->version() + 100);
  // What did not change is shared, not copied.
  const EntityId untouched = *map->Find("vm:49999");
  EXPECT_EQ(&after->LabelsOf(untouched), &map->LabelsOf(untouched));
  const EntityId neighbour = *map->Find("app:5");  // in one chunk with entities that changed
  EXPECT_EQ(after->Upstream(neighbour).data(), map->Upstream(neighbour).data());
  EXPECT_NE(&after->LabelsOf(*map->Find("vm:5")), &map->LabelsOf(*map->Find("vm:5")));
  // It takes well under a second; sanitizers and a busy machine are much slower.
  EXPECT_LT(loaded - start, std::chrono::seconds(40));
  RecordProperty("load_ms", static_cast<int>((loaded - start) / Millis(1)));
}

// So many relations at once are put in order by ranks of names; the lists must be as if compared.
TEST_F(TopologyStoreTest, ManyRelationsAtOnceStandInOrder) {
  constexpr int kEntities = 40'000;
  const auto name = [](int i) { return "app:" + std::to_string(i * 7'919 % kEntities); };
  for (int i = 0; i < kEntities; ++i) {
    Apply(RelationAdded("calls", name(i), name(i / 7)));
    Apply(RelationAdded("calls", name(i), "app:" + std::to_string(i % 50)));
    Apply(RelationAdded("runs_on", name(i), "vm:" + name(i % 3'000).substr(4)));
  }
  const auto map = store_->Snapshot();
  size_t edges = 0;
  const auto expect_order = [&](std::span<const Edge> list) {
    edges += list.size();
    for (size_t i = 1; i < list.size(); ++i) {
      const auto key = [&](const Edge& edge) {
        return std::pair(edge.relation, map->Name(edge.other));
      };
      ASSERT_LT(key(list[i - 1]), key(list[i]));
    }
  };
  for (uint32_t i = 0; i < map->size(); ++i) {
    expect_order(map->Upstream(EntityId(i)));
    expect_order(map->Downstream(EntityId(i)));
  }
  EXPECT_EQ(edges, map->relations_alive() * 2);
  std::string_view last;
  for (const EntityId id : map->OfKind(KindOf("app"))) {
    EXPECT_LT(last, map->Name(id));
    last = map->Name(id);
  }
}

TEST_F(TopologyStoreTest, SaysWhatChangedSinceTheVersionBefore) {
  Apply(RelationAdded("runs_on", "app:a", "vm:a"));
  Apply(RelationAdded("runs_on", "app:b", "vm:b"));
  Apply(Entity("vm:c"));
  const auto before = store_->Snapshot();
  Apply(RelationDeleted("runs_on", "app:b", "vm:b"), At(10));
  Apply(Entity("vm:c", {{"ip", "10.0.0.1"}}), At(10));
  Apply(Entity("vm:d"), At(10));
  Apply(Entity("vm:a"), At(10));  // says nothing new
  const auto after = store_->Snapshot();
  std::vector<EntityId> ids;
  ASSERT_TRUE(after->ChangedSince(before->version(), ids));
  std::set<std::string> names;
  for (const EntityId id : ids) names.emplace(after->Name(id));
  EXPECT_EQ(names.size(), ids.size());
  EXPECT_THAT(names, ElementsAre("app:b", "vm:b", "vm:c", "vm:d"));
  ids.clear();
  EXPECT_TRUE(after->ChangedSince(after->version(), ids));
  EXPECT_TRUE(ids.empty());
  Apply(Entity("vm:e"), At(20));
  EXPECT_FALSE(store_->Snapshot()->ChangedSince(before->version(), ids));
}

// A relation that goes and comes back before anybody looked is one relation.
TEST_F(TopologyStoreTest, ARelationErasedAndAddedAgainBetweenSnapshotsStandsOnce) {
  Apply(Entity("app:a"), At(0));
  Apply(RelationAdded("runs_on", "app:a", "vm:a"), At(10));
  store_->Snapshot();
  Apply(RelationDeleted("runs_on", "app:a", "vm:a"), At(10));  // it never held
  Apply(RelationAdded("runs_on", "app:a", "vm:b"), At(11));
  Apply(RelationAdded("runs_on", "app:a", "vm:a"), At(12));
  EXPECT_EQ(Up("app:a"), "runs_on vm:a [12,-) runs_on vm:b [11,-)");
  Apply(RelationDeleted("runs_on", "app:a", "vm:b"), At(11));
  EXPECT_EQ(Up("app:a"), "runs_on vm:a [12,-)");
}

}  // namespace
}  // namespace rootnote
