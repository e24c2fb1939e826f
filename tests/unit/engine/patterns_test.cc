// Patterns at the seam of the book: written cases (tests/golden/patterns), and random streams
// against an evaluator that tries every way in which the items could be a match.
#include "engine/patterns.h"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <map>
#include <optional>
#include <random>
#include <set>
#include <sstream>
#include <string>
#include <tuple>
#include <vector>

#include "fmt/format.h"
#include "gtest/gtest.h"

#include "engine/rule_set.h"
#include "rules/compiler.h"

namespace rootnote {
namespace {

constexpr char kEstate[] =
    "kind app { id app }\nkind pair { id left, right }\n"
    "signal s1 on app { when s1_total > 0 every 1s }\n"
    "signal s2 on app { when s2_total > 0 every 1s by zone }\n";

std::shared_ptr<const Program> CompileRules(const std::string& rules) {
  const CompileResult result = Compile({RuleSource("case.rn", rules)});
  std::string messages;
  for (const Diagnostic& diagnostic : result.diagnostics.list()) {
    messages += FormatDiagnostic(diagnostic, result.sources);
  }
  EXPECT_NE(result.program, nullptr) << rules << "\n" << messages;
  return result.program;
}

// One item of a written stream: an event, or an edge of a signal (`+s1`, `-s1`).
struct Line {
  int64_t time = 0;  // ms
  char edge = 0;
  std::string name;
  Labels labels;
};

std::vector<Line> ParseStream(const std::string& text) {
  std::vector<Line> lines;
  std::stringstream items(text);
  for (std::string item; std::getline(items, item, ';');) {
    std::stringstream words(item);
    Line line;
    double seconds = 0;
    if (!(words >> seconds >> line.name)) continue;
    line.time = static_cast<int64_t>(seconds * 1000 + 0.5);
    if (line.name[0] == '+' || line.name[0] == '-') {
      line.edge = line.name[0];
      line.name.erase(0, 1);
    }
    std::vector<std::pair<std::string, std::string>> pairs = {{"app", "x"}};
    for (std::string word; words >> word;) {
      const size_t equal = word.find('=');
      pairs.emplace_back(word.substr(0, equal), word.substr(equal + 1));
    }
    line.labels = Labels::From(std::move(pairs));
    lines.push_back(std::move(line));
  }
  std::stable_sort(lines.begin(), lines.end(), [](const Line& a, const Line& b) {
    return std::tie(a.time, a.name, a.labels) < std::tie(b.time, b.name, b.labels);
  });
  return lines;
}

int64_t TickOf(int64_t time) { return (time + 999) / 1000; }

// The book fed tick by tick; what is live at each.
class Stream {
 public:
  explicit Stream(std::shared_ptr<const Program> program, PatternLimits limits = {})
      : program_(std::move(program)),
        book_(*program_, limits),
        map_(TopologyStore(program_, TopologyOptions()).Snapshot()) {}

  using LiveAt = std::map<int64_t, std::map<std::string, double>>;

  // Ticks without items are skipped unless the book asks for them: as the pipeline does.
  LiveAt Run(const std::vector<Line>& lines, const std::string& signal, int64_t until) {
    const SignalId wanted = *program_->FindSignal(signal);
    LiveAt live;
    std::map<std::string, double> now;
    size_t next = 0;
    for (int64_t tick = lines.empty() ? 0 : TickOf(lines.front().time); tick <= until; ++tick) {
      std::vector<Line> due;
      while (next < lines.size() && TickOf(lines[next].time) == tick) due.push_back(lines[next++]);
      if (due.empty() && book_.NextWake() > FromMillis(tick * 1000)) {
        live[tick] = now;
        continue;
      }
      now = Step(tick, due, wanted);
      live[tick] = now;
    }
    return live;
  }

  const PatternBook& book() const { return book_; }

 private:
  std::map<std::string, double> Step(int64_t tick, const std::vector<Line>& due, SignalId wanted) {
    std::vector<ArrivedEvent> events;
    for (const Line& line : due) {
      if (line.edge != 0) continue;
      ArrivedEvent& arrived = events.emplace_back();
      arrived.event.name = line.name;
      arrived.event.labels = line.labels;
      arrived.event.time = FromMillis(line.time);
    }
    book_.Begin(FromMillis(tick * 1000), std::move(events));
    for (const Line& line : due) {
      if (line.edge == 0) continue;
      InstanceEdge edge;
      edge.signal = *program_->FindSignal(line.name);
      edge.key.entity = "app:" + std::string(line.labels.Get("app"));
      if (line.labels.Has("zone")) {
        edge.key.by = "zone\xff" + std::string(line.labels.Get("zone")) + "\xff";
      }
      edge.firing = line.edge == '+';
      book_.Add(edge, true, *map_);
    }
    std::map<std::string, double> now;
    for (const SignalId id : book_.order()) {
      std::set<InstanceKey> live;
      for (const Observed& observed : book_.Step(id, *map_)) {
        live.insert(observed.key);
        if (id == wanted) now[observed.key.entity] = observed.value;
      }
      for (const InstanceKey& key : live) {
        if (!live_[id].contains(key)) Edge(id, key, true);
      }
      for (const InstanceKey& key : live_[id]) {
        if (!live.contains(key)) Edge(id, key, false);
      }
      live_[id] = std::move(live);
    }
    return now;
  }

  void Edge(SignalId id, const InstanceKey& key, bool firing) {
    InstanceEdge edge;
    edge.signal = id;
    edge.key = key;
    edge.firing = firing;
    book_.Add(edge, true, *map_);
  }

  std::shared_ptr<const Program> program_;
  PatternBook book_;
  std::shared_ptr<const Topology> map_;
  std::map<SignalId, std::set<InstanceKey>> live_;
};

struct Case {
  std::string name, when, in, live, extra;
};

// Blocks of lines `case`, `when`, `in` (again: more of it), `live`; `also` is a further
// declaration.
std::vector<Case> ReadCases() {
  std::vector<std::string> files;
  for (const auto& entry : std::filesystem::directory_iterator("tests/golden/patterns")) {
    files.push_back(entry.path().string());
  }
  std::sort(files.begin(), files.end());
  std::vector<Case> cases;
  for (const std::string& file : files) {
    std::ifstream in(file);
    for (std::string line; std::getline(in, line);) {
      const size_t space = line.find(' ');
      const std::string word = line.substr(0, space);
      const std::string rest = space == std::string::npos ? "" : line.substr(space + 1);
      if (word == "case") cases.push_back({rest, "", "", "", ""});
      if (word == "when") cases.back().when += rest + "\n";
      if (word == "in") cases.back().in += rest + ";";
      if (word == "live") cases.back().live = rest;
      if (word == "also") cases.back().extra += rest + "\n";
    }
  }
  return cases;
}

// "x 2-12 20-30, y 3-4": ticks from which to which (not included) each key is live.
std::string Intervals(const Stream::LiveAt& live, int64_t until) {
  std::map<std::string, std::string> texts;
  std::map<std::string, int64_t> since;
  for (const auto& [tick, now] : live) {
    for (const auto& [key, value] : now) since.try_emplace(key, tick);
    for (auto at = since.begin(); at != since.end();) {
      if (now.contains(at->first)) {
        ++at;
        continue;
      }
      texts[at->first] += fmt::format(" {}-{}", at->second, tick);
      at = since.erase(at);
    }
  }
  for (const auto& [key, from] : since) texts[key] += fmt::format(" {}-", from);
  std::string text;
  for (const auto& [key, intervals] : texts) {
    text += (text.empty() ? "" : ", ") + key.substr(4) + intervals;
  }
  static_cast<void>(until);
  return text.empty() ? "never" : text;
}

constexpr int64_t kUntil = 400;

TEST(Patterns, WrittenCases) {
  const std::vector<Case> cases = ReadCases();
  EXPECT_GE(cases.size(), 60U);
  for (const Case& one : cases) {
    SCOPED_TRACE(one.name + "\n" + one.when + one.in);
    const auto program =
        CompileRules(std::string(kEstate) + one.extra + "signal p on app { when " + one.when + "}");
    ASSERT_NE(program, nullptr);
    EXPECT_EQ(Intervals(Stream(program).Run(ParseStream(one.in), "p", kUntil), kUntil), one.live);
  }
}

// A start in the middle that reads back as far as the rules look says the same from there on, but
// for `no overlap`, where what a match uses up depends on the one before.
TEST(Patterns, RestartInTheMiddle) {
  size_t restarts = 0;
  for (const Case& one : ReadCases()) {
    if (one.when.find("no overlap") != std::string::npos) continue;
    const auto program =
        CompileRules(std::string(kEstate) + one.extra + "signal p on app { when " + one.when + "}");
    ASSERT_NE(program, nullptr);
    const std::vector<Line> lines = ParseStream(one.in);
    if (std::any_of(lines.begin(), lines.end(), [](const Line& line) { return line.edge != 0; })) {
      continue;  // edges are made anew by the signals, not read
    }
    const int64_t history =
        RuleSet(program, Millis(0)).plan(*program->FindSignal("p")).history.count();
    const Stream::LiveAt whole = Stream(program).Run(lines, "p", kUntil);
    for (const Line& line : lines) {
      const int64_t start = TickOf(line.time) + 3;
      std::vector<Line> read;
      for (const Line& again : lines) {
        if (again.time > start * 1000 - history) read.push_back(again);
      }
      Stream::LiveAt live = Stream(program).Run(read, "p", kUntil);
      for (const auto& [tick, now] : whole) {
        if (tick >= start) {
          EXPECT_EQ(live[tick].empty(), now.empty())
              << one.name << " from " << start << " at " << tick;
        }
      }
      ++restarts;
    }
  }
  EXPECT_GE(restarts, 100U);
}

// Every way in which the items of one key can be a match, by trying them all.
class SlowMatcher {
 public:
  SlowMatcher(const PatternCondition& pattern, std::vector<Line> items)
      : pattern_(pattern), items_(std::move(items)) {}

  // The earliest completion of every start, ascending; `no overlap` uses items up.
  std::vector<int64_t> Completions() {
    if (pattern_.policy != MatchPolicy::kNoOverlap) return Found(INT64_MIN);
    std::vector<int64_t> out;
    for (int64_t used = INT64_MIN;;) {
      const std::vector<int64_t> found = Found(used);
      if (found.empty()) return out;
      used = found.front();
      out.push_back(used);
    }
  }

 private:
  using Bound = std::vector<const Line*>;

  std::vector<int64_t> Found(int64_t after) {
    after_ = after;
    first_.clear();
    all_.clear();
    for (size_t x = 0; x < items_.size(); ++x) {
      if (items_[x].time > after) FirstAt(x);
    }
    std::vector<int64_t> out;
    if (pattern_.policy == MatchPolicy::kOnce) {
      out.assign(all_.begin(), all_.end());
    } else {
      for (const auto& [start, time] : first_) out.push_back(time);
    }
    std::sort(out.begin(), out.end());
    return out;
  }

  static std::string Value(const PatternStep::Operand& operand, const Line& own,
                           const Bound& bound) {
    using Type = PatternStep::Operand::Type;
    if (operand.type == Type::kText) return operand.text;
    if (operand.type == Type::kNumber) return fmt::format("{}", operand.number);
    const Line* line = operand.type == Type::kOwn ? &own : bound[operand.alias];
    return line == nullptr ? "" : std::string(line->labels.Get(operand.text));
  }

  static bool Near(const PatternStep& step, const Line& item) { return step.name == item.name; }

  static bool Fits(const PatternStep& step, const Line& item, const Bound& bound) {
    if (!Named(step, item)) return false;
    return std::all_of(step.where.begin(), step.where.end(), [&](const auto& filter) {
      const bool equal = Value(filter.left, item, bound) == Value(filter.right, item, bound);
      return equal == (filter.op == PatternStep::Filter::Op::kEqual);
    });
  }

  static bool Named(const PatternStep& step, const Line& item) {
    return Near(step, item) &&
           std::all_of(step.matchers.begin(), step.matchers.end(), [&](const auto& matcher) {
             return matcher.Matches(item.labels.Get(matcher.name));
           });
  }

  // Whether an item that the pattern names lies between the two times.
  bool Between(int64_t from, int64_t to) const {
    return std::any_of(items_.begin(), items_.end(), [&](const Line& item) {
      if (item.time <= from || item.time >= to) return false;
      for (const PatternElement& element : pattern_.elements) {
        for (const PatternStep& step : element.steps) {
          if (Named(step, item)) return true;
        }
      }
      return false;
    });
  }

  // Whether the element can be complete with item `x`, of items later than `from`; the first of
  // them and what it binds.
  struct Part {
    size_t first = 0;
    Bound bound;
  };
  std::optional<Part> PartAt(const PatternElement& element, size_t x, int64_t from, bool closed,
                             const Bound& bound) const {
    const int64_t time = items_[x].time;
    Part part{x, bound};
    if (element.group) {
      std::vector<size_t> latest;
      bool any = false;
      for (const PatternStep& step : element.steps) {
        any = any || Fits(step, items_[x], bound);
        for (size_t i = x + 1; i-- > 0;) {
          const bool inside = closed ? items_[i].time >= from : items_[i].time > from;
          if (!inside || items_[i].time <= after_ || !Fits(step, items_[i], bound)) continue;
          latest.push_back(i);
          if (step.alias) part.bound[*step.alias] = &items_[i];
          break;
        }
      }
      if (!any || latest.size() < element.needed) return std::nullopt;
      std::sort(latest.rbegin(), latest.rend());
      part.first = latest[element.needed - 1];
      return part;
    }
    const PatternStep& step = element.steps[0];
    if (!Fits(step, items_[x], bound)) return std::nullopt;
    uint32_t hits = 0, seen = 0;
    for (size_t i = x + 1; i-- > 0 && hits < step.times;) {
      const bool counts = step.of_last > 0 ? Near(step, items_[i]) : Fits(step, items_[i], bound);
      if (items_[i].time <= from || items_[i].time <= after_ || !counts) continue;
      if (step.of_last > 0 && ++seen > step.of_last) break;
      if (!Fits(step, items_[i], bound)) continue;
      ++hits;
      part.first = i;
    }
    if (hits < step.times) return std::nullopt;
    if (step.alias) part.bound[*step.alias] = &items_[x];
    static_cast<void>(time);
    return part;
  }

  void FirstAt(size_t x) {
    const PatternElement& first = pattern_.elements[0];
    const int64_t from = items_[x].time - first.within.count();
    const bool counted = !first.group && (first.steps[0].times > 1 || first.steps[0].of_last > 0);
    const bool open = !first.group && !counted;
    const auto part = PartAt(first, x, open ? items_[x].time - 1 : from, first.group,
                             Bound(pattern_.aliases.size()));
    if (part) Then(1, items_[x].time, part->first, part->bound);
  }

  void Then(size_t at, int64_t since, size_t start, const Bound& bound) {
    if (at == pattern_.elements.size()) {
      const auto [found, added] = first_.try_emplace(start, since);
      found->second = std::min(found->second, since);
      all_.insert(since);
      return;
    }
    const PatternElement& element = pattern_.elements[at];
    const int64_t end = since + element.within.count();
    if (element.negated) {
      for (const Line& item : items_) {
        for (const PatternStep& step : element.steps) {
          if (item.time > since && item.time <= end && Fits(step, item, bound)) return;
        }
      }
      Then(at + 1, end, start, bound);
      return;
    }
    for (size_t x = 0; x < items_.size(); ++x) {
      if (items_[x].time <= since || items_[x].time > end) continue;
      const auto part = PartAt(element, x, since, false, bound);
      if (!part) continue;
      const PatternStep& step = element.steps[0];
      const bool alone = !element.group && step.times == 1 && step.of_last == 0;
      const int64_t begin = alone ? items_[x].time : FirstAfter(element, since, bound);
      if (element.immediately && Between(since, begin)) continue;
      Then(at + 1, items_[x].time, start, part->bound);
    }
  }

  // When the element begins: its first item later than `since`.
  int64_t FirstAfter(const PatternElement& element, int64_t since, const Bound& bound) const {
    for (const Line& item : items_) {
      for (const PatternStep& step : element.steps) {
        if (item.time > since && Fits(step, item, bound)) return item.time;
      }
    }
    return since;
  }

  const PatternCondition& pattern_;
  std::vector<Line> items_;
  int64_t after_ = INT64_MIN;
  std::map<size_t, int64_t> first_;  // by start
  std::set<int64_t> all_;
};

class RandomPattern {
 public:
  explicit RandomPattern(uint64_t seed) : random_(seed) {}

  size_t Below(size_t limit) { return random_() % limit; }

  std::string Text() {
    std::string text = Element(true);
    const size_t links = Below(3) + (counted_first_ ? 0 : 1);
    for (size_t i = 0; i < links; ++i) {
      const bool negated = Below(4) == 0;
      if (negated) {
        text += fmt::format(" then no event {} for {}s", Step(false), 1 + Below(6));
      } else {
        text += Below(4) == 0 ? " then immediately " : " then ";
        text += Element(false);
      }
    }
    text += Below(3) == 0 ? fmt::format(" resolve after {}s", 1 + Below(8)) : "";
    static constexpr const char* kPolicies[] = {"", " match every", " match no overlap"};
    return text + kPolicies[Below(3)];
  }

  // Times of half a second, often the same.
  std::vector<Line> Items() {
    std::string text;
    const size_t count = 4 + Below(14);
    for (size_t i = 0; i < count; ++i) {
      text += fmt::format("{} {} v={};", 1 + static_cast<double>(Below(60)) / 2, kNames[Below(3)],
                          Below(2));
    }
    return ParseStream(text);
  }

 private:
  static constexpr const char* kNames[] = {"a", "b", "c"};

  std::string Step(bool first) {
    std::string text = kNames[Below(3)];
    if (Below(4) == 0) text += fmt::format("{{v=\"{}\"}}", Below(2));
    if (first && Below(2) == 0) {
      text += " as f";
      alias_ = true;
    } else if (alias_ && !first && Below(3) == 0) {
      text += Below(2) == 0 ? " where v == f.v" : " where v != f.v";
    }
    return text;
  }

  std::string Element(bool first) {
    const size_t kind = Below(6);
    if (kind == 0) {
      counted_first_ = first;
      return fmt::format("event {} {} times within {}s", Step(first), 2 + Below(2), 2 + Below(8));
    }
    if (kind == 1) {
      counted_first_ = first;
      return fmt::format("event {} 2 of last {} within {}s", Step(first), 2 + Below(3),
                         2 + Below(8));
    }
    if (kind == 2) {
      counted_first_ = first;
      static constexpr const char* kTypes[] = {"all", "any", "2"};
      return fmt::format("{} of (event {}, event {}, event c) within {}s", kTypes[Below(3)],
                         Step(false), Step(false), 1 + Below(8));
    }
    if (first) return "event " + Step(true);
    return fmt::format("event {} within {}s", Step(false), 1 + Below(10));
  }

  std::mt19937_64 random_;
  bool alias_ = false;
  bool counted_first_ = false;
};

// What is live at a tick by the completions alone.
double LiveBy(const PatternCondition& pattern, const std::vector<int64_t>& completions,
              int64_t tick) {
  double live = 0;
  for (const int64_t time : completions) {
    const bool lasts = time <= tick * 1000 && tick * 1000 < time + pattern.lasts.count();
    live += lasts || TickOf(time) == tick ? 1 : 0;
  }
  return pattern.policy == MatchPolicy::kOnce ? std::min(live, 1.0) : live;
}

TEST(Patterns, AgreeWithEveryWayOfMatching) {
  size_t compared = 0, matched = 0;
  for (uint64_t seed = 1; seed <= 3000; ++seed) {
    RandomPattern random(seed);
    const std::string text = random.Text();
    const auto program = CompileRules("kind app { id app }\nsignal p on app { when " + text + " }");
    ASSERT_NE(program, nullptr);
    const auto& pattern = std::get<PatternCondition>(program->signals[0].when.what);
    if (PatternPlan(pattern).counting) continue;  // below
    for (int round = 0; round < 4; ++round) {
      const std::vector<Line> items = random.Items();
      const std::vector<int64_t> completions = SlowMatcher(pattern, items).Completions();
      const Stream::LiveAt live = Stream(program).Run(items, "p", 80);
      std::string stream;
      for (const Line& line : items) {
        stream += fmt::format("{} {} v={}; ", static_cast<double>(line.time) / 1000, line.name,
                              line.labels.Get("v"));
      }
      for (const auto& [tick, now] : live) {
        const double got = now.empty() ? 0 : now.begin()->second;
        ASSERT_EQ(got, LiveBy(pattern, completions, tick))
            << "seed " << seed << " at " << tick << ": " << text << "\n"
            << stream;
      }
      ++compared;
      matched += completions.empty() ? 0 : 1;
    }
  }
  EXPECT_GE(compared, 10'000U);
  EXPECT_GE(matched, compared / 5);
}

TEST(Patterns, CountedStepsAreWindows) {
  for (uint64_t seed = 1; seed <= 500; ++seed) {
    RandomPattern random(seed);
    const size_t times = 2 + random.Below(3), within = 2 + random.Below(9);
    const auto program = CompileRules(
        fmt::format("kind app {{ id app }}\nsignal p on app {{ when event a {} times within {}s }}",
                    times, within));
    ASSERT_NE(program, nullptr);
    const std::vector<Line> items = random.Items();
    for (const auto& [tick, now] : Stream(program).Run(items, "p", 60)) {
      const auto count = [&](int64_t at) {
        return static_cast<size_t>(std::count_if(items.begin(), items.end(), [&](const Line& line) {
          return line.name == "a" && line.time <= at &&
                 line.time > at - static_cast<int64_t>(within) * 1000;
        }));
      };
      // At the tick, or at a moment within it.
      bool expected = count(tick * 1000) >= times;
      for (const Line& line : items) {
        expected = expected ||
                   (TickOf(line.time) == tick && line.name == "a" && count(line.time) >= times);
      }
      ASSERT_EQ(!now.empty(), expected) << "seed " << seed << " at " << tick;
    }
  }
}

TEST(Patterns, LimitsAreKeptAndCounted) {
  const auto program = CompileRules(
      "kind app { id app }\nsignal p on app { when event a then event b within 1h match every }");
  ASSERT_NE(program, nullptr);
  std::string text;
  for (int i = 0; i < 40; ++i) text += fmt::format("{} a; {} a app=k{};", 1 + i, 1 + i, i);
  Stream stream(program, {.keys = 5, .runs = 8});
  const Stream::LiveAt live = stream.Run(ParseStream(text + "100 b"), "p", 120);
  EXPECT_EQ(stream.book().keys(), 5U);
  EXPECT_GT(stream.book().shed(), 32U);
  EXPECT_EQ(live.at(110).at("app:x"), 8);  // the newest ones
}

// Nothing is kept of what can no longer match.
TEST(Patterns, StateExpires) {
  for (const char* text : {"event a then event b within 5s", "event a then no event b for 5s",
                           "event a 3 times within 5s", "all of (event a, event b) within 5s"}) {
    const auto program =
        CompileRules(fmt::format("kind app {{ id app }}\nsignal p on app {{ when {} }}", text));
    ASSERT_NE(program, nullptr);
    Stream stream(program);
    stream.Run(ParseStream("1 a; 2 a app=y; 30 a app=z"), "p", 100);
    EXPECT_EQ(stream.book().keys(), 0U) << text;
    EXPECT_EQ(stream.book().NextWake(), kMaxTime) << text;
  }
}

}  // namespace
}  // namespace rootnote
