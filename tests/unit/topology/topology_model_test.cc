// The store against a naive model: all in plain maps, everything looked at after every change.

#include <algorithm>
#include <map>
#include <random>
#include <set>
#include <tuple>

#include "gtest/gtest.h"

#include "tests/unit/topology/estate.h"

namespace rootnote {
namespace {

constexpr Millis kHistory{40'000};
constexpr size_t kIntervalsMax = 3;

class Model {
 public:
  using EdgeKey = std::tuple<std::string, std::string, std::string>;  // relation, from, to
  struct Entity {
    std::vector<std::pair<std::string, Labels>> owners;  // the latest statement last
    Labels labels;
    Validity validity;
  };
  struct Edge {
    std::set<std::string> owners;
    std::vector<Validity> intervals;
    bool open() const { return intervals.back().to == kMaxTime; }
  };

  void Apply(const TopologyChange& change, EventTime now, const std::string& feed) {
    Prune(now);
    const EventTime time = change.time.value_or(now);
    const auto source = [&] {
      if (!change.source.empty()) return "s" + change.source;
      return open_.count(feed) > 0 ? open_[feed] : "f" + feed;
    };
    switch (change.type) {
      case TopologyChange::Type::kEntity:
        feed_of_[source()] = feed;
        Name(change.entity, source(), change.labels, time);
        break;
      case TopologyChange::Type::kRelation:
        feed_of_[source()] = feed;
        Join({change.relation, change.from, change.to}, source(), time);
        break;
      case TopologyChange::Type::kEntityDeleted:
      case TopologyChange::Type::kRelationDeleted:
        feed_of_[source()] = feed;
        Delete(change, feed, time);
        break;
      case TopologyChange::Type::kSnapshotBegin:
        open_[feed] = "s" + change.source;
        feed_of_["s" + change.source] = feed;
        epoch_[change.source] = change.epoch;
        named_["s" + change.source].clear();
        break;
      case TopologyChange::Type::kSnapshotEnd:
        feed_of_["s" + change.source] = feed;
        if (epoch_.count(change.source) > 0 && epoch_[change.source] == change.epoch) {
          EndSnapshot("s" + change.source, time);
          epoch_.erase(change.source);
        }
        break;
    }
  }

  std::map<std::string, Entity> entities;
  std::map<EdgeKey, Edge> edges;

 private:
  void Name(const std::string& name, const std::string& source, const Labels& labels,
            EventTime time) {
    Open(name, time);
    auto& owners = entities[name].owners;
    std::erase_if(owners, [&](const auto& owner) { return owner.first == source; });
    owners.emplace_back(source, labels);
    named_[source].insert(name);
    Settle(time);
  }

  void Join(const EdgeKey& key, const std::string& source, EventTime time) {
    Open(std::get<1>(key), time);
    Open(std::get<2>(key), time);
    Edge& edge = edges[key];
    edge.owners.insert(source);
    named_[source].insert(Text(key));
    std::vector<Validity>& intervals = edge.intervals;
    if (!intervals.empty() && time <= intervals.back().to) {
      intervals.back() = {std::min(intervals.back().from, time), kMaxTime};
    } else {
      intervals.push_back({time, kMaxTime});
    }
    while (intervals.size() > 1 && intervals.back().from <= intervals[intervals.size() - 2].to) {
      intervals[intervals.size() - 2].from =
          std::min(intervals.back().from, intervals[intervals.size() - 2].from);
      intervals[intervals.size() - 2].to = kMaxTime;
      intervals.pop_back();
    }
    if (intervals.size() > kIntervalsMax) {
      intervals.erase(intervals.begin());
    }
    Settle(time);
  }

  void Delete(const TopologyChange& change, const std::string& feed, EventTime time) {
    const auto speaks_for = [&](const std::string& owner) {
      return change.source.empty() ? feed_of_[owner] == feed : owner == "s" + change.source;
    };
    const bool entity = change.type == TopologyChange::Type::kEntityDeleted;
    if (entity && entities.count(change.entity) > 0) {
      std::erase_if(entities[change.entity].owners,
                    [&](const auto& owner) { return speaks_for(owner.first); });
    }
    for (auto& [key, edge] : edges) {
      const bool meant =
          entity ? std::get<1>(key) == change.entity || std::get<2>(key) == change.entity
                 : key == EdgeKey{change.relation, change.from, change.to};
      if (meant) {
        std::erase_if(edge.owners, speaks_for);
      }
    }
    Settle(time);
  }

  void EndSnapshot(const std::string& source, EventTime time) {
    std::erase_if(open_, [&](const auto& item) { return item.second == source; });
    for (auto& [name, entity] : entities) {
      std::erase_if(entity.owners, [&, &of = name](const auto& owner) {
        return owner.first == source && named_[source].count(of) == 0;
      });
    }
    for (auto& [key, edge] : edges) {
      if (named_[source].count(Text(key)) == 0) {
        edge.owners.erase(source);
      }
    }
    Settle(time);
  }

  // Ends what nobody names, forgets what never held, computes labels.
  void Settle(EventTime time) {
    for (auto it = edges.begin(); it != edges.end();) {
      Edge& edge = it->second;
      if (edge.open() && edge.owners.empty()) {
        if (time <= edge.intervals.back().from) {
          edge.intervals.pop_back();
        } else {
          edge.intervals.back().to = time;
        }
      }
      it = edge.intervals.empty() ? edges.erase(it) : std::next(it);
    }
    for (auto& [name, entity] : entities) {
      if (entity.validity.to != kMaxTime) {
        continue;
      }
      bool joined = false;
      for (const auto& [key, edge] : edges) {
        joined = joined || (edge.open() && (std::get<1>(key) == name || std::get<2>(key) == name));
      }
      if (entity.owners.empty() && !joined) {
        entity.validity.to = std::max(time, entity.validity.from);
        continue;
      }
      std::vector<std::pair<std::string, std::string>> labels;
      for (const auto& [source, own] : entity.owners) {
        for (const auto& [label, value] : own.ToVector()) {
          labels.emplace_back(label, value);
        }
      }
      entity.labels = Labels::From(labels);
    }
  }

  void Open(const std::string& name, EventTime time) {
    const auto [it, is_new] = entities.try_emplace(name);
    Validity& validity = it->second.validity;
    if (is_new) {
      validity = {time, kMaxTime};
    } else if (validity.to == kMaxTime) {
      validity.from = std::min(validity.from, time);
    } else {
      const bool joins = time <= validity.to && validity.from < validity.to;
      validity = {joins ? std::min(validity.from, time) : time, kMaxTime};
    }
  }

  void Prune(EventTime now) {
    now_ = std::max(now_, now);
    const EventTime horizon = now_ - kHistory;
    for (auto it = edges.begin(); it != edges.end();) {
      std::erase_if(it->second.intervals,
                    [&](const Validity& interval) { return interval.to < horizon; });
      it = it->second.intervals.empty() ? edges.erase(it) : std::next(it);
    }
    std::erase_if(entities, [&](const auto& item) {
      return item.second.validity.to < horizon &&
             std::none_of(edges.begin(), edges.end(), [&](const auto& edge) {
               return std::get<1>(edge.first) == item.first ||
                      std::get<2>(edge.first) == item.first;
             });
    });
  }

  static std::string Text(const EdgeKey& key) {
    return std::get<0>(key) + "|" + std::get<1>(key) + "|" + std::get<2>(key);
  }

  std::map<std::string, std::string> open_, epoch_, feed_of_;
  std::map<std::string, std::set<std::string>> named_;  // since the begin, by source
  EventTime now_ = EventTime();
};

std::string Text(const Validity& validity) {
  return std::to_string(ToMillis(validity.from)) + "-" +
         (validity.to == kMaxTime ? "" : std::to_string(ToMillis(validity.to)));
}

// Everything that a reader can see, as text.
std::string Dump(const Topology& map, const Program& program) {
  std::map<std::string, std::string> lines;
  for (uint32_t i = 0; i < map.size(); ++i) {
    const EntityId id(i);
    const std::string name(map.Name(id));
    if (name.empty()) {
      continue;
    }
    EXPECT_EQ(map.Find(name), id);
    std::string line = name + " " + Text(map.ValidityOf(id)) + " " + map.LabelsOf(id).ToString();
    for (const Edge& edge : map.Upstream(id)) {
      line += " >" + program.relation(edge.relation).name + ":" +
              std::string(map.Name(edge.other)) + " " + Text(edge.validity);
    }
    for (const Edge& edge : map.Downstream(id)) {
      line += " <" + program.relation(edge.relation).name + ":" +
              std::string(map.Name(edge.other)) + " " + Text(edge.validity);
    }
    lines[name] = line;
  }
  std::string text;
  for (const auto& [name, line] : lines) {
    text += line + "\n";
  }
  for (size_t kind = 0; kind < program.kinds.size(); ++kind) {
    for (const EntityId id : map.OfKind(KindId(static_cast<uint16_t>(kind)))) {
      text += " " + std::string(map.Name(id));
    }
  }
  for (int ip = 0; ip < 4; ++ip) {
    const auto id =
        map.Resolve(program.FindKind("vm").value(), Labels::From({{"ip", std::to_string(ip)}}));
    text += " ip" + std::to_string(ip) + "=" + (id ? std::string(map.Name(*id)) : "none");
  }
  text += "\nalive " + std::to_string(map.entities_alive()) + " " +
          std::to_string(map.relations_alive());
  return text;
}

std::string ModelEdges(const Model& model, const Program& program, const std::string& name,
                       bool upstream) {
  std::string text;
  for (const Relation& relation : program.relations) {
    for (const auto& [key, edge] : model.edges) {
      const std::string& self = upstream ? std::get<1>(key) : std::get<2>(key);
      const std::string& other = upstream ? std::get<2>(key) : std::get<1>(key);
      if (std::get<0>(key) == relation.name && self == name) {
        for (const Validity& interval : edge.intervals) {
          text += (upstream ? " >" : " <") + relation.name + ":" + other + " " + Text(interval);
        }
      }
    }
  }
  return text;
}

std::string Dump(const Model& model, const Program& program) {
  std::string text;
  size_t alive = 0, relations = 0;
  for (const auto& [name, entity] : model.entities) {
    alive += entity.validity.to == kMaxTime ? 1 : 0;
    text += name + " " + Text(entity.validity) + " " + entity.labels.ToString();
    text += ModelEdges(model, program, name, true);
    text += ModelEdges(model, program, name, false) + "\n";
  }
  for (const auto& [key, edge] : model.edges) {
    relations += edge.open() ? 1 : 0;
  }
  for (const Kind& kind : program.kinds) {
    for (const auto& [name, entity] : model.entities) {
      text += KindName(name) == kind.name ? " " + name : "";
    }
  }
  for (int ip = 0; ip < 4; ++ip) {
    std::vector<std::string> living, gone;
    for (const auto& [name, entity] : model.entities) {
      if (KindName(name) == "vm" && entity.labels.Get("ip") == std::to_string(ip)) {
        (entity.validity.to == kMaxTime ? living : gone).push_back(name);
      }
    }
    const auto& named = living.empty() ? gone : living;
    text += " ip" + std::to_string(ip) + "=" + (named.size() == 1 ? named[0] : "none");
  }
  text += "\nalive " + std::to_string(alive) + " " + std::to_string(relations);
  return text;
}

class RandomChanges {
 public:
  explicit RandomChanges(uint32_t seed) : random_(seed) {}

  uint32_t Below(uint32_t n) { return static_cast<uint32_t>(random_() % n); }

  TopologyChange Next() {
    TopologyChange change = Undated();
    if (Below(5) == 0) {
      change.time = now_ + Millis(static_cast<int64_t>(Below(40'000)) - 20'000);
    }
    return change;
  }
  EventTime Now() {
    now_ += Millis(Below(1'500));
    return now_;
  }
  std::string Feed() { return Below(4) == 0 ? "other" : ""; }

 private:
  std::string App() { return "app:" + std::string(1, static_cast<char>('a' + Below(4))); }
  std::string Vm() { return "vm:" + std::to_string(Below(4)); }
  std::string Source() {
    return Below(2) == 0 ? "" : std::string(1, static_cast<char>('x' + Below(2)));
  }

  TopologyChange Undated() {
    const uint32_t what = Below(20);
    if (what < 4) {
      return From(Source(), Entity(Vm(), {{"ip", Below(5) == 0 ? "" : std::to_string(Below(4))},
                                          {"n", std::to_string(Below(3))}}));
    }
    if (what < 5) return From(Source(), Entity(App()));
    if (what < 9) return From(Source(), RelationAdded("runs_on", App(), Vm()));
    if (what < 11) return From(Source(), RelationAdded("calls", App(), App()));
    if (what < 12) return From(Source(), RelationAdded("stored_on", Vm(), "array:a"));
    if (what < 15) return From(Source(), RelationDeleted("runs_on", App(), Vm()));
    if (what < 16) return From(Source(), RelationDeleted("calls", App(), App()));
    if (what < 18) return From(Source(), EntityDeleted(Below(2) == 0 ? App() : Vm()));
    const std::string source(1, static_cast<char>('x' + Below(2)));
    return SnapshotMark(what == 18, source, std::to_string(Below(2)));
  }

  std::mt19937 random_;
  EventTime now_ = At(1'000);
};

TEST(TopologyModelTest, AgreesWithTheNaiveModelOnRandomChanges) {
  const std::shared_ptr<Program> program = Estate();
  TopologyOptions options;
  options.history = kHistory;
  options.intervals_max = kIntervalsMax;
  for (uint32_t seed = 1; seed <= 60; ++seed) {
    RandomChanges changes(seed);
    TopologyStore store(program, options);
    Model model;
    std::vector<std::pair<std::shared_ptr<const Topology>, std::string>> kept;
    for (int step = 0; step < 250; ++step) {
      const TopologyChange change = changes.Next();
      const EventTime now = changes.Now();
      const std::string feed = changes.Feed();
      store.Apply(change, now, feed);
      model.Apply(change, now, feed);
      if (changes.Below(3) != 0) {
        continue;  // several changes between two snapshots
      }
      const auto map = store.Snapshot();
      const std::string text = Dump(*map, *program);
      ASSERT_EQ(text, Dump(model, *program)) << "seed " << seed << " step " << step;
      if (changes.Below(10) == 0) {
        kept.emplace_back(map, text);
      }
    }
    EXPECT_GT(kept.size(), 0U);
    for (const auto& [map, text] : kept) {
      ASSERT_EQ(Dump(*map, *program), text) << "an old snapshot changed, seed " << seed;
    }
    EXPECT_GT(store.stats().pruned, 0U);
  }
}

}  // namespace
}  // namespace rootnote
