#include <utility>

#include "fmt/core.h"

#include "rules/block_parser.h"
#include "rules/parser_fault.h"

namespace rootnote {
namespace {

class PolicyParser {
 public:
  explicit PolicyParser(TokenReader& reader) : reader_(reader) {}

  bool Parse(std::vector<ast::Incidents>& into);

 private:
  bool IncidentsClause(ast::Incidents& incidents, BlockParser& block);
  bool FlappingClause(ast::Incidents& incidents);
  bool RouteClause(ast::Incidents& incidents);

  TokenReader& reader_;
};

bool PolicyParser::Parse(std::vector<ast::Incidents>& into) {
  ast::Incidents incidents;
  const uint32_t from = reader_.begin();
  reader_.Next();
  BlockParser block(
      reader_, "incident policy",
      {"hold", "merge", "reopen", "remind", "resolve", "flapping", "route", "tolerated"});
  const bool whole = block.Parse([&] { return IncidentsClause(incidents, block); });
  incidents.span = reader_.SpanFrom(from);
  if (whole) into.push_back(std::move(incidents));
  return whole;
}

bool PolicyParser::IncidentsClause(ast::Incidents& incidents, BlockParser& block) {
  const Span span = reader_.Peek().span;
  const auto duration = [&](std::optional<ast::Time>& slot, std::string_view word,
                            std::string_view clause) {
    reader_.Next();
    return reader_.ExpectWord(word) &&
           SetOnce(reader_, slot, reader_.ExpectDuration("a duration, as in 20s"), clause, span);
  };
  if (reader_.IsWord("hold")) return duration(incidents.hold_back, "back", "hold back");
  if (reader_.IsWord("merge")) return duration(incidents.merge, "within", "merge");
  if (reader_.IsWord("reopen")) return duration(incidents.reopen, "within", "reopen");
  if (reader_.IsWord("remind")) return duration(incidents.remind, "every", "remind");
  if (reader_.IsWord("resolve")) return duration(incidents.resolve_after, "after", "resolve");
  if (reader_.AcceptWord("flapping")) return FlappingClause(incidents);
  if (reader_.AcceptWord("route")) return RouteClause(incidents);
  if (reader_.AcceptWord("tolerated")) {
    incidents.tolerated_open_info = true;
    return reader_.ExpectWord("open") && reader_.ExpectWord("info");
  }
  return block.UnknownClause();
}

// flapping after 5 changes in 10m until quiet for 15m
bool PolicyParser::FlappingClause(ast::Incidents& incidents) {
  ast::Flapping flapping;
  const uint32_t from = reader_.begin();
  if (!reader_.ExpectWord("after")) return false;
  const std::optional<uint32_t> changes = reader_.ExpectCount("a number of changes");
  if (!changes || !reader_.ExpectWord("changes") || !reader_.ExpectWord("in")) return false;
  flapping.changes = *changes;
  const std::optional<ast::Time> in = reader_.ExpectDuration("a duration, as in 10m");
  if (!in || !reader_.ExpectWord("until") || !reader_.ExpectWord("quiet") ||
      !reader_.ExpectWord("for")) {
    return false;
  }
  const std::optional<ast::Time> quiet = reader_.ExpectDuration("a duration, as in 15m");
  if (!quiet) return false;
  flapping.in = *in;
  flapping.quiet = *quiet;
  flapping.span = reader_.SpanFrom(from);
  return SetOnce(reader_, incidents.flapping, std::optional(flapping), "flapping", flapping.span);
}

// route [severity >= major] [LABEL="…" …] to topic "incidents.page" [as pagerduty]
bool PolicyParser::RouteClause(ast::Incidents& incidents) {
  ast::Route route;
  const uint32_t from = reader_.begin();
  while (!reader_.IsWord("to")) {
    if (reader_.IsWord("severity") && reader_.Is(TokenKind::kGreaterEqual, 1)) {
      reader_.Next();
      reader_.Next();
      route.severity_at_least = reader_.ExpectName("a severity");
      if (!route.severity_at_least) return false;
    } else if (reader_.IsWord("severity")) {
      reader_.Next();
      return reader_.FailExpected("`>=` and a severity");
    } else {
      std::optional<ast::MatcherNode> matcher = reader_.ExpectMatcher();
      if (!matcher) return false;
      route.matchers.push_back(*std::move(matcher));
    }
    if (!reader_.Accept(TokenKind::kComma)) reader_.AcceptWord("and");
  }
  reader_.Next();
  if (!reader_.ExpectWord("topic")) return false;
  std::optional<ast::Text> topic = reader_.ExpectString("the topic in quotes");
  if (!topic) return false;
  route.topic = *std::move(topic);
  if (reader_.AcceptWord("as")) {
    route.projection = reader_.ExpectName("a projection, as in pagerduty");
    if (!route.projection) return false;
  }
  route.span = reader_.SpanFrom(from);
  incidents.routes.push_back(std::move(route));
  return true;
}

}  // namespace

bool ParseIncidents(TokenReader& reader, std::vector<ast::Incidents>& into) {
  return PolicyParser(reader).Parse(into);
}

}  // namespace rootnote
