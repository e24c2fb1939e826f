#include "rules/parser_scenario.h"

#include <array>
#include <utility>

#include "fmt/core.h"

#include "rules/block_parser.h"
#include "rules/series_notation.h"

namespace rootnote {
namespace {

// A few bytes may stand for many values: what one line, and all tests of a file, may grow to.
constexpr size_t kEventTimesMax = 100'000;
constexpr size_t kValuesMax = 4'000'000;

std::optional<uint32_t> NumberWord(const Token& token) {
  static constexpr std::array<std::string_view, 11> kWords = {
      "no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"};
  if (token.kind == TokenKind::kNumber && token.value >= 1 && token.value < 1000) {
    return static_cast<uint32_t>(token.value);
  }
  if (token.kind != TokenKind::kIdentifier) return std::nullopt;
  for (size_t i = 1; i < kWords.size(); ++i) {
    if (token.text == kWords[i]) return static_cast<uint32_t>(i);
  }
  return std::nullopt;
}

class TestParser {
 public:
  explicit TestParser(TokenReader& reader)
      : reader_(reader),
        block_(reader, "test", {"start", "topology", "series", "event", "expect"}) {}

  bool Parse(std::vector<ast::Test>& into) {
    const uint32_t from = reader_.begin();
    reader_.Next();
    std::optional<ast::Text> name = reader_.ExpectString("the name of the test in quotes");
    if (!name) return false;
    for (const ast::Test& test : into) {
      for (const ast::Series& series : test.series) values_ += ValuesIn(series);
    }
    test_.name = *std::move(name);
    if (!block_.Parse([&] { return Clause(); })) return false;
    test_.span = reader_.SpanFrom(from);
    into.push_back(std::move(test_));
    return true;
  }

 private:
  bool Clause() {
    if (reader_.IsWord("start")) return Start();
    if (reader_.IsWord("topology")) return Topology();
    if (reader_.IsWord("series")) return SeriesLine();
    if (reader_.IsWord("event")) return EventLine();
    if (reader_.IsWord("expect")) return Expect();
    return block_.UnknownClause();
  }

  bool Start() {
    const Span word = reader_.Next().span;
    std::optional<ast::Name> text = reader_.ExpectRawWord("a time, as in 2026-03-21T16:00:00Z");
    if (!text) return false;
    const std::optional<EventTime> time = ParseRfc3339(text->text);
    if (!time) {
      return reader_.Fail(DiagnosticCode::kBadTime, text->span,
                          fmt::format("`{}` is not a time", text->text),
                          "write it as 2026-03-21T16:00:00Z");
    }
    return SetOnce(reader_, test_.start, std::optional(std::pair(*time, text->span)), "start",
                   word);
  }

  bool Topology() {
    const Span open = reader_.Next().span;
    if (!reader_.Expect(TokenKind::kLeftBrace, "`{` and the entities")) return false;
    std::optional<ast::Time> at;
    while (!reader_.Accept(TokenKind::kRightBrace)) {
      if (reader_.AtEnd()) {
        return reader_.Fail(DiagnosticCode::kBlockNotClosed, open,
                            "the topology of this test is not closed", "add the missing `}`");
      }
      if (!TopologyStatement(at)) return false;
    }
    return true;
  }

  // [at 3m:] [delete|add] CHAIN. A verb without `at` goes on with the time before it.
  bool TopologyStatement(std::optional<ast::Time>& at) {
    ast::TopologyLine line;
    const bool dated = reader_.AcceptWord("at");
    if (dated) {
      at = reader_.ExpectDuration("a time, as in 3m");
      if (!at || !reader_.Expect(TokenKind::kColon, "`:`")) return false;
    }
    const bool deletes = reader_.IsWord("delete") && !reader_.IsEntity();
    const bool adds = reader_.IsWord("add") && !reader_.IsEntity();
    if (deletes || adds) {
      if (!at) {
        return reader_.Fail(DiagnosticCode::kExpected, reader_.Peek().span,
                            fmt::format("`{}` needs a time", reader_.Peek().text),
                            "say when it happens: at 3m: delete vm:web1 <- app:shop");
      }
      reader_.Next();
      line.at = at;
      line.deleted = deletes;
    } else if (dated) {
      return reader_.FailExpected("`delete` or `add`");
    } else {
      at.reset();
    }
    if (!Chain(line)) return false;
    test_.topology.push_back(std::move(line));
    return true;
  }

  bool Chain(ast::TopologyLine& line) {
    while (true) {
      ast::TopologyLink link;
      const uint32_t from = reader_.begin();
      if (!line.chain.empty()) {
        if (!reader_.IsBackArrow()) return true;
        reader_.Next();
        reader_.Next();
        if (reader_.Accept(TokenKind::kLeftParen)) {
          link.relation = reader_.ExpectName("a relation");
          if (!link.relation || !reader_.Expect(TokenKind::kRightParen, "`)`") ||
              !reader_.Expect(TokenKind::kMinus, "`-`, as in `<-(stored_on)-`")) {
            return false;
          }
        }
        link.arrow = reader_.SpanFrom(from);
      }
      do {
        ast::TopologyLink::Item item;
        std::optional<ast::Entity> entity = reader_.ExpectEntity();
        if (!entity || !reader_.AcceptLabelBlock(item.labels)) return false;
        item.entity = *std::move(entity);
        link.items.push_back(std::move(item));
      } while (reader_.Accept(TokenKind::kComma));
      line.chain.push_back(std::move(link));
    }
  }

  // series NAME{…} 0+10x60 _x3 stale every 10s
  bool SeriesLine() {
    ast::Series series;
    const uint32_t from = reader_.begin();
    reader_.Next();
    std::optional<ast::Name> name = reader_.ExpectMetric("a metric");
    if (!name || !reader_.AcceptLabelBlock(series.labels)) return false;
    series.name = *std::move(name);
    while (!reader_.IsWord("every") && !reader_.IsWord("from")) {
      if (reader_.Is(TokenKind::kRightBrace) || reader_.AtEnd() || block_.IsClauseWord()) {
        return reader_.FailExpected("values and `every` with the step, as in `0+10x60 every 10s`");
      }
      std::optional<ast::Name> word = reader_.ExpectRawWord("values, as in `0+10x60`");
      if (!word) return false;
      std::string error = AppendSeriesNotation(word->text, series.values);
      if (!error.empty()) {
        return reader_.Fail(DiagnosticCode::kBadSeriesNotation, word->span, std::move(error),
                            "values are written as Prometheus' unit tests do: 1 2 3, 0+10x60, "
                            "5x20, _, _x3, stale");
      }
    }
    if (series.values.empty()) {
      return reader_.FailExpected("values, as in `0+10x60`");
    }
    if (!SeriesClauses(series)) return false;
    if (!series.every) {
      return reader_.FailExpected("`every` and the step, as in `every 10s`");
    }
    series.span = reader_.SpanFrom(from);
    return Add(std::move(series));
  }

  static size_t ValuesIn(const ast::Series& series) {
    if (!series.event) return series.values.size();
    if (!series.to || !series.every || series.every->value <= Millis(0)) return series.at.size();
    const Millis from = series.from ? series.from->value : Millis(0);
    return static_cast<size_t>((series.to->value - from) / series.every->value) + 1;
  }

  bool Add(ast::Series series) {
    values_ += ValuesIn(series);
    if (values_ > kValuesMax) {
      return reader_.Fail(
          DiagnosticCode::kBadSeriesNotation, series.name.span,
          fmt::format("the tests of this file have more than {} values", kValuesMax),
          "make them shorter, or spread them over several files");
    }
    test_.series.push_back(std::move(series));
    return true;
  }

  bool SeriesClauses(ast::Series& series) {
    while (true) {
      const Span span = reader_.Peek().span;
      if (reader_.AcceptWord("every")) {
        if (!SetOnce(reader_, series.every, reader_.ExpectDuration("the step, as in 10s"), "every",
                     span)) {
          return false;
        }
      } else if (reader_.AcceptWord("from")) {
        if (!SetOnce(reader_, series.from, reader_.ExpectDuration("a time, as in 1m"), "from",
                     span)) {
          return false;
        }
      } else if (series.event && reader_.AcceptWord("to")) {
        if (!SetOnce(reader_, series.to, reader_.ExpectDuration("a time, as in 4m"), "to", span)) {
          return false;
        }
      } else {
        return true;
      }
    }
  }

  // event NAME{labels} {attributes} "message" at 2m, 5m    … every 10s from 1m to 4m
  bool EventLine() {
    ast::Series event;
    event.event = true;
    const uint32_t from = reader_.begin();
    reader_.Next();
    std::optional<ast::Name> name = reader_.ExpectMetric("an event");
    if (!name || !reader_.AcceptLabelBlock(event.labels) ||
        !reader_.AcceptLabelBlock(event.attributes)) {
      return false;
    }
    event.name = *std::move(name);
    if (reader_.Is(TokenKind::kString)) event.message = reader_.ExpectString("")->text;
    if (reader_.AcceptWord("at")) {
      do {
        std::optional<ast::Time> at = reader_.ExpectDuration("a time, as in 2m");
        if (!at) return false;
        event.at.push_back(*at);
      } while (reader_.Accept(TokenKind::kComma));
    } else {
      if (!reader_.IsWord("every")) {
        return reader_.FailExpected("`at` and times, or `every` and a step",
                                    "at 2m, 5m    every 10s from 1m to 4m");
      }
      if (!SeriesClauses(event)) return false;
      if (!event.to) return reader_.FailExpected("`to` and a time, as in `from 1m to 4m`");
      if (!EventRange(event)) return false;
    }
    event.span = reader_.SpanFrom(from);
    return Add(std::move(event));
  }

  bool EventRange(const ast::Series& event) {
    const Millis from = event.from ? event.from->value : Millis(0);
    if (event.every->value.count() <= 0 || event.to->value < from) {
      return reader_.Fail(DiagnosticCode::kBadTime, event.to->span,
                          "the event ends before it begins", "`to` is a time of the test's clock");
    }
    if (static_cast<size_t>((event.to->value - from) / event.every->value) > kEventTimesMax) {
      return reader_.Fail(DiagnosticCode::kBadSeriesNotation, event.to->span,
                          fmt::format("more than {} events in one line", kEventTimesMax),
                          "make the step longer");
    }
    return true;
  }

  // expect at T … | expect never … | expect signal S on E firing at T
  bool Expect() {
    ast::Expectation expectation;
    const uint32_t from = reader_.begin();
    reader_.Next();
    expectation.never = reader_.AcceptWord("never");
    if (!expectation.never && reader_.AcceptWord("at")) {
      expectation.at = reader_.ExpectDuration("a time, as in 4m");
      if (!expectation.at) return false;
    }
    if (!(reader_.IsWord("signal") && !expectation.never ? ExpectSignal(expectation)
                                                         : ExpectIncidents(expectation))) {
      return false;
    }
    expectation.span = reader_.SpanFrom(from);
    test_.expectations.push_back(std::move(expectation));
    return true;
  }

  bool ExpectSignal(ast::Expectation& expectation) {
    expectation.what = ast::Expectation::What::kSignal;
    reader_.Next();
    std::optional<ast::Name> signal = reader_.ExpectName("a signal");
    if (!signal || !reader_.ExpectWord("on")) return false;
    std::optional<ast::Entity> entity = reader_.ExpectEntity();
    if (!entity) return false;
    std::optional<ast::Name> state = reader_.ExpectName("`pending`, `firing` or `inactive`");
    if (!state) return false;
    if (!expectation.at) {
      if (!reader_.ExpectWord("at")) return false;
      expectation.at = reader_.ExpectDuration("a time, as in 4m");
      if (!expectation.at) return false;
    }
    expectation.signal = *std::move(signal);
    expectation.entity = *std::move(entity);
    expectation.state = *std::move(state);
    return true;
  }

  bool ExpectIncidents(ast::Expectation& expectation) {
    if (!expectation.at && !expectation.never) {
      return reader_.FailExpected("`at` and a time, `never` or `signal`");
    }
    expectation.what = ast::Expectation::What::kIncidents;
    expectation.count = 1;
    if (!expectation.never) {
      const std::optional<uint32_t> count = NumberWord(reader_.Peek());
      const bool none = reader_.IsWord("no");
      if (!count && !none) {
        return reader_.FailExpected("`no incident`, `one incident` or how many, or `signal`");
      }
      reader_.Next();
      if (none) expectation.what = ast::Expectation::What::kNoIncident;
      expectation.count = none ? 0 : *count;
    }
    if (!reader_.AcceptWord("incident") && !reader_.AcceptWord("incidents")) {
      return reader_.FailExpected("`incident`");
    }
    while (reader_.Is(TokenKind::kLeftBrace)) {
      const Span span = reader_.Peek().span;
      if (expectation.patterns.size() >= std::max(1U, expectation.count)) {
        return reader_.Fail(DiagnosticCode::kBadAmount, span,
                            "more incidents are described than expected",
                            "say how many: two incidents { … } { … }");
      }
      if (expectation.what == ast::Expectation::What::kNoIncident) {
        return reader_.Fail(DiagnosticCode::kUnknownClause, span,
                            "`no incident` takes no description",
                            "for one that must not come: expect never incident { … }");
      }
      ast::IncidentPattern pattern;
      if (!PatternBlock(pattern)) return false;
      expectation.patterns.push_back(std::move(pattern));
    }
    return true;
  }

  bool PatternBlock(ast::IncidentPattern& pattern) {
    BlockParser block(reader_, "expected incident",
                      {"root", "fault", "impact", "causes", "not", "ruled", "severity", "status",
                       "maintenance", "reason"});
    return block.Parse([&] { return PatternClause(pattern, block); });
  }

  bool PatternClause(ast::IncidentPattern& pattern, BlockParser& block) {
    const Span span = reader_.Peek().span;
    const auto name = [&](std::optional<ast::Name>& slot, std::string_view word) {
      return SetOnce(reader_, slot, reader_.ExpectName(fmt::format("a {}", word)), word, span);
    };
    if (reader_.AcceptWord("root")) {
      return SetOnce(reader_, pattern.root, reader_.ExpectEntity(), "root", span);
    }
    if (reader_.AcceptWord("fault")) return name(pattern.fault, "fault");
    if (reader_.AcceptWord("severity")) return name(pattern.severity, "severity");
    if (reader_.AcceptWord("status")) return name(pattern.status, "status");
    if (reader_.AcceptWord("reason")) return name(pattern.reason, "reason");
    if (reader_.AcceptWord("maintenance")) {
      return SetOnce(reader_, pattern.maintenance, reader_.ExpectString("its name in quotes"),
                     "maintenance", span);
    }
    if (reader_.AcceptWord("causes")) return Entities(pattern.causes);
    if (reader_.AcceptWords({"not", "impact"})) return Entities(pattern.not_impact);
    if (reader_.AcceptWords({"ruled", "out"})) return RuledOut(pattern);
    if (reader_.AcceptWord("impact")) return Impact(pattern);
    return block.UnknownClause();
  }

  bool Entities(std::vector<ast::Entity>& into) {
    do {
      std::optional<ast::Entity> entity = reader_.ExpectEntity();
      if (!entity) return false;
      into.push_back(*std::move(entity));
    } while (reader_.Accept(TokenKind::kComma));
    return true;
  }

  // impact E, E by R, R potential
  bool Impact(ast::IncidentPattern& pattern) {
    std::vector<ast::Entity> entities;
    if (!Entities(entities)) return false;
    ast::IncidentPattern::Impact impact;
    if (reader_.AcceptWord("by") && !reader_.ExpectNames("a relation", impact.by)) return false;
    if (reader_.AcceptWord("potential")) {
      impact.potential = true;
    } else if (reader_.AcceptWord("actual")) {
      impact.potential = false;
    }
    for (ast::Entity& entity : entities) {
      impact.entity = std::move(entity);
      pattern.impact.push_back(impact);
    }
    return true;
  }

  // ruled out storage    ruled out array:a1 tolerated
  bool RuledOut(ast::IncidentPattern& pattern) {
    static const std::vector<std::string> reasons = {
        "healthy_and_fresh", "tolerated",      "began_after_effect", "explains_too_little",
        "no_path_at_onset",  "in_maintenance", "scores_lower"};
    do {
      ast::Name what;
      if (reader_.IsEntity()) {
        std::optional<ast::Entity> entity = reader_.ExpectEntity();
        if (!entity) return false;
        what = {entity->name, entity->span};
      } else {
        std::optional<ast::Name> word = reader_.ExpectName("an entity or a word, as in storage");
        if (!word) return false;
        what = *std::move(word);
      }
      if (reader_.IsAnyWord(reasons)) {
        what.text += " " + reader_.Peek().text;
        what.span.end = reader_.Next().span.end;
      }
      pattern.ruled_out.push_back(std::move(what));
    } while (reader_.Accept(TokenKind::kComma));
    return true;
  }

  TokenReader& reader_;
  BlockParser block_;
  ast::Test test_;
  size_t values_ = 0;  // in the file so far
};

}  // namespace

bool ParseTest(TokenReader& reader, std::vector<ast::Test>& into) {
  return TestParser(reader).Parse(into);
}

}  // namespace rootnote
