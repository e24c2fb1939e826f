// Sources → Program: what comes out for what goes in, and that nothing that goes in breaks it.
#include "rules/compiler.h"

#include <algorithm>
#include <fstream>
#include <map>
#include <random>
#include <set>
#include <sstream>
#include <string>
#include <utility>

#include "gtest/gtest.h"

#include "rules/diagnostic_codes.h"
#include "rules/lexer.h"

namespace rootnote {
namespace {

std::string ReadFile(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  EXPECT_TRUE(in.good()) << path;
  std::ostringstream text;
  text << in.rdbuf();
  return text.str();
}

std::shared_ptr<const Program> CompileText(const std::string& text,
                                           const CompileOptions& options = {}) {
  const CompileResult result = Compile({RuleSource("rules.rn", text)}, options);
  std::string diagnostics;
  for (const Diagnostic& diagnostic : result.diagnostics.list()) {
    diagnostics += FormatDiagnostic(diagnostic, result.sources);
  }
  EXPECT_NE(result.program, nullptr) << diagnostics;
  return result.program != nullptr ? result.program : std::make_shared<const Program>();
}

const std::string kEstate =
    "kind app { id app }\nkind vm { id vm }\nkind disk { id array, disk }\n"
    "relation runs_on : app -> vm carries errors\n"
    "relation stored_on : vm -> disk carries errors\n";

std::shared_ptr<const Program> CompileSignal(const std::string& clauses) {
  return CompileText(kEstate + "signal s on vm { " + clauses + " }");
}

CompileOptions WithPacks(std::map<std::string, std::string> packs) {
  CompileOptions options;
  options.read = [packs = std::move(packs)](const std::string& path,
                                            const std::string& from) -> absl::StatusOr<RuleSource> {
    const auto found = packs.find(path);
    if (found == packs.end()) return absl::NotFoundError("looked beside " + from);
    return RuleSource(path, found->second);
  };
  return options;
}

// The first error or warning, "" if there is none.
std::string FirstMessage(const CompileResult& result) {
  const auto& list = result.diagnostics.list();
  return list.empty() ? "" : CodeName(list.front().code) + " " + list.front().message;
}

TEST(Reuse, PacksAreReadOnceFromWhereverTheyAreUsed) {
  const CompileResult result = Compile(
      {RuleSource("a.rn", "use \"one\" use \"two\" signal s on vm { when x > 1 }")},
      WithPacks({{"one", "use \"two\" kind app { id app }"}, {"two", "kind vm { id vm }"}}));
  ASSERT_NE(result.program, nullptr) << FirstMessage(result);
  EXPECT_EQ(result.program->kinds.size(), 2U);
  EXPECT_EQ(result.sources.size(), 3U);
}

TEST(Reuse, PacksThatUseEachOtherAreNamed) {
  const CompileResult result = Compile(
      {RuleSource("a.rn", "use \"one\"")},
      WithPacks({{"one", "use \"two\""}, {"two", "use \"three\""}, {"three", "use \"one\""}}));
  EXPECT_EQ(FirstMessage(result),
            "E0254 packs use each other: one \u2192 two \u2192 three \u2192 one");
}

TEST(Reuse, PacksThatAreNotThere) {
  const CompileResult result = Compile({RuleSource("a.rn", "use \"one\"")}, WithPacks({}));
  EXPECT_EQ(FirstMessage(result), "E0255 there is no pack `one`");
  EXPECT_EQ(FirstMessage(Compile({RuleSource("a.rn", "use \"one\"")})),
            "E0255 `one` cannot be read here");
}

// What the condition of the signal `s` is in the end.
std::string Expanded(const std::string& text) {
  const CompileResult result = Compile({RuleSource("a.rn", kEstate + text)});
  if (result.program == nullptr) return FirstMessage(result);
  const auto& signal = result.program->signals.front();
  return promql::ToString(*std::get<ExprPtr>(signal.when.what));
}

TEST(Reuse, DefinitionsStandWhereTheyAreCalled) {
  EXPECT_EQ(Expanded("def hot(x) = avg_over_time(x[5m]) > 0.9\nsignal s on vm { when hot(cpu) }"),
            "(avg_over_time(cpu[5m]) > 0.9)");
  EXPECT_EQ(Expanded("def hot(x, n) = x * 2 > n\nsignal s on vm { when hot(cpu + 1, 3) and up }"),
            "((cpu + 1) * 2 > 3) and up");
  // Used before it is declared, in another definition, and within its own argument.
  EXPECT_EQ(Expanded("signal s on vm { when both(twice(twice(a)), b) > 0 }\n"
                     "def both(x, y) = twice(x) + y\ndef twice(x) = 2 * x"),
            "((2 * ((2 * ((2 * a))))) + b) > 0");
}

TEST(Reuse, NamesAreNotCaughtByAccident) {
  // A parameter is no label, and an argument of the same name is none of the parameters.
  EXPECT_EQ(Expanded("def part(vm, b) = sum by (vm) (vm{vm=\"x\"}) / b\n"
                     "signal s on vm { when part(b, vm) > 0 }"),
            "(sum by (vm) (b{vm=\"x\"}) / vm) > 0");
  EXPECT_EQ(Expanded("def idle(x) = rate(x{mode=\"idle\"}[5m])\n"
                     "signal s on vm { when idle(cpu{core=\"1\"}) > 0 }"),
            "(rate(cpu{core=\"1\", mode=\"idle\"}[5m])) > 0");
}

TEST(Reuse, MistakesInDefinitions) {
  EXPECT_EQ(Expanded("def hot(x) = x > 1\nsignal s on vm { when hot(a, b) }"),
            "E0113 `hot` takes 1 arguments, not 2");
  EXPECT_EQ(Expanded("def rate(x) = x > 1\nsignal s on vm { when up > 0 }"),
            "E0225 `rate` is a function of PromQL");
  EXPECT_EQ(Expanded("def a(x) = b(x)\ndef b(x) = c(x)\ndef c(x) = a(x)\n"
                     "signal s on vm { when a(up) > 0 }")
                .substr(0, 5),
            "E0254");
}

TEST(Reuse, TemplatesAreFilledIn) {
  const auto program = CompileText(
      kEstate +
      "template slo(service, objective) {\n"
      "  signal burn on app { when 1 - avg by (app) (slo_ratio{service=service}) > 1 - objective\n"
      "    summary \"{service} misses {objective}\" }\n"
      "  signal slow on app { when burn for 5m }\n"
      "  fault missed on app { shows burn }\n"
      "}\n"
      "slo(\"dns\", 99.9%)\nslo(\"mail eu\", 95%)\n");
  ASSERT_EQ(program->signals.size(), 4U);
  EXPECT_EQ(program->signals[0].name, "burn_dns");
  EXPECT_EQ(program->signals[3].name, "slow_mail_eu");
  EXPECT_EQ(promql::ToString(*std::get<ExprPtr>(program->signals[0].when.what)),
            "1 - avg by (app) (slo_ratio{service=\"dns\"}) > 1 - 99.9%");
  EXPECT_EQ(program->signals[0].summary.pieces.at(0).text, "dns misses 99.9%");
  EXPECT_EQ(program->faults.at(1).shown_by.at(0).index(), 2U);
}

TEST(Reuse, MistakesInTemplates) {
  const auto first = [](const std::string& text) {
    return FirstMessage(Compile({RuleSource("a.rn", kEstate + text)}));
  };
  EXPECT_EQ(first("slo(1)"), "E0224 there is no template `slo`");
  EXPECT_EQ(first("template slo(a) { }\nslo(1, 2)"), "E0113 `slo` takes 1 arguments, not 2");
  EXPECT_EQ(first("template slo(a) { signal s on vm { when up < a } }\nslo(1)\nslo(1)"),
            "E0225 the signal `s_1` is declared twice");
  EXPECT_EQ(first("template a(x) { b(x) }\ntemplate b(x) { a(x) }\na(1)").substr(0, 5), "E0254");
}

TEST(Compile, TheTourOfTheLanguage) {
  CompileOptions options = WithPacks({{"packs/dns", "# nothing"}});
  options.read_rule_files = [](const std::string&, const std::string&) {
    const std::string rules = "groups: [{name: g, rules: [{alert: HostDown, expr: up == 0}]}]";
    return std::vector<RuleSource>{RuleSource("alerts/a.yaml", rules)};
  };
  const CompileResult result =
      Compile({RuleSource("tour.rn", ReadFile("tests/golden/tour.rn")),
               RuleSource("tour_names.rn", ReadFile("tests/golden/tour_names.rn"))},
              options);
  size_t not_executed = 0;
  for (const Diagnostic& diagnostic : result.diagnostics.list()) {
    if (diagnostic.level == DiagnosticLevel::kWarning) {
      // The tour says app:shop, and apps have a region, too; and it says `merge within`.
      EXPECT_TRUE(diagnostic.code == DiagnosticCode::kEntityIncomplete ||
                  diagnostic.code == DiagnosticCode::kWithoutEffect)
          << FormatDiagnostic(diagnostic, result.sources);
      continue;
    }
    EXPECT_EQ(diagnostic.code, DiagnosticCode::kNotExecutedYet)
        << FormatDiagnostic(diagnostic, result.sources);
    ++not_executed;
  }
  EXPECT_EQ(not_executed, 0U);
}

TEST(Compile, DefaultsOfASignal) {
  const auto program = CompileSignal("when cpu_ratio > 0.9");
  const Signal& signal = program->signals.at(0);
  EXPECT_EQ(signal.every, 5s);
  EXPECT_EQ(signal.family, Family::kErrors);
  EXPECT_EQ(signal.severity, Severity::kWarning);
  EXPECT_EQ(signal.no_data, NoDataPolicy::kResolve);
  EXPECT_EQ(signal.when.hold, 0s);
  EXPECT_EQ(signal.when.threshold, 0.9);
  EXPECT_EQ(signal.when.direction, Condition::Direction::kAbove);
  EXPECT_EQ(program->kind(*signal.kind).name, "vm");
}

TEST(Compile, PercentagesAreScaledForMetricsInPercent) {
  const auto threshold = [](const std::string& when) {
    return CompileSignal("when " + when)->signals.at(0).when.threshold;
  };
  EXPECT_EQ(threshold("used_percent > 90%"), 90);
  EXPECT_EQ(threshold("used_ratio > 90%"), 0.9);
  EXPECT_EQ(threshold("errors / requests > 5%"), 0.05);
  EXPECT_EQ(threshold("100 * (errors / requests) > 5%"), 5);
}

TEST(Compile, SelectorsOfEventsKnowTheirLabels) {
  const auto program = CompileText(
      kEstate +
      "signal s on disk { when sum by (disk, array, rack) (count_over_time(e[1m])) > 1 }");
  const auto& expr = std::get<ExprPtr>(program->signals.at(0).when.what);
  EXPECT_EQ(promql::Selectors(*expr).at(0)->event_labels,
            (std::vector<std::string>{"array", "disk", "rack"}));
}

TEST(Compile, RelationsFindLabelsOfBothEnds) {
  const auto program = CompileText(
      "kind app { id app }\n"
      "relation calls : app -> app from { app=caller } to { app=callee } carries latency\n"
      "signal slow on relation calls { when max_over_time(call_seconds[1m]) > 1 }");
  const auto& expr = std::get<ExprPtr>(program->signals.at(0).when.what);
  EXPECT_EQ(promql::Selectors(*expr).at(0)->event_labels,
            (std::vector<std::string>{"callee", "caller"}));
  EXPECT_EQ(program->relations.at(0).from_labels.at(0),
            (std::pair<std::string, std::string>{"app", "caller"}));
}

TEST(Compile, OptionsDecideGridAndHistory) {
  CompileOptions options;
  options.tick = 100ms;
  options.evaluation_interval = 300ms;
  EXPECT_EQ(CompileText(kEstate + "signal s on vm { when x > 1 }", options)->signals.at(0).every,
            300ms);
  EXPECT_EQ(CompileText(kEstate + "signal s on vm { when x > 1 every 500ms }", options)
                ->signals.at(0)
                .every,
            500ms);
  options.max_history = 1h;
  const CompileResult result =
      Compile({RuleSource("r.rn", kEstate + "signal s on vm { when rate(x[2h]) > 1 }")}, options);
  ASSERT_EQ(result.diagnostics.list().size(), 1U);
  EXPECT_EQ(result.diagnostics.list()[0].code, DiagnosticCode::kHistoryTooLong);
}

TEST(Compile, NamesAreFoundInLaterDeclarationsAndFiles) {
  const CompileResult result =
      Compile({RuleSource("a.rn", "fault f on vm { shows hot }\nsignal hot on vm { when x > 1 }"),
               RuleSource("b.rn", "kind vm { id vm }")});
  ASSERT_NE(result.program, nullptr);
  EXPECT_EQ(result.program->faults.at(0).shown_by, (std::vector<SignalId>{SignalId(0)}));
  EXPECT_EQ(result.program->signals.at(0).place.source, 0U);
  EXPECT_EQ(result.program->kinds.at(0).place.source, 1U);
}

TEST(Compile, EntitiesOfTests) {
  const auto program = CompileText(
      "kind vm { id vm }\nkind ip { id address, port }\nrelation at : ip -> vm carries errors\n"
      "signal s on vm { when x > 1 }\n"
      "test \"t\" {\n"
      "  topology { vm:10.0.0.1, vm:\"a b/c\" {zone=\"n\"} <- ip:10.0.0.1/7d\n"
      "             at 3m: delete vm:10.0.0.1 <- ip:10.0.0.1/7d add vm:cms-db\n"
      "             at 4m: delete vm:cms-db }\n"
      "  series x{vm=\"cms-db\"} 0x3 _x2 stale 1 every 10s from 1m\n"
      "  event deploy{vm=\"cms-db\"} {version=\"1\"} \"went well\" at 2m, 5m\n"
      "  event tick{vm=\"cms-db\"} every 10s from 1m to 2m\n"
      "  expect at 9m no incident\n"
      "}");
  const rootnote::Test& test = program->tests.at(0);
  std::vector<std::string> changes;
  for (const rootnote::Test::Change& change : test.topology) {
    changes.push_back(std::to_string(change.at.count() / 1000) + (change.deleted ? " - " : " + ") +
                      (change.relation.empty()
                           ? change.entity
                           : change.from + " " + change.relation + " " + change.to) +
                      (change.labels.empty() ? "" : " " + change.labels.ToString()));
  }
  EXPECT_EQ(changes,
            (std::vector<std::string>{
                "0 + vm:10.0.0.1", "0 + vm:a b%2Fc {zone=\"n\"}", "0 + ip:10.0.0.1/7d",
                "0 + ip:10.0.0.1/7d at vm:10.0.0.1", "0 + ip:10.0.0.1/7d at vm:a b%2Fc",
                "180 - ip:10.0.0.1/7d at vm:10.0.0.1", "180 + vm:cms-db", "240 - vm:cms-db"}));
  ASSERT_EQ(test.series.size(), 4U);
  EXPECT_EQ(test.series[0].values.size(), 8U);
  EXPECT_EQ(test.series[0].start, 1min);
  EXPECT_EQ(test.series[0].labels.ToString(), "x{vm=\"cms-db\"}");
  EXPECT_EQ(test.series[1].message, "went well");
  EXPECT_EQ(test.series[2].start, 5min);
  EXPECT_EQ(test.series[3].values.size(), 7U);
  EXPECT_EQ(test.length, 9min);
}

// The hash follows what decides the meaning, and only that.
TEST(Compile, HashOfASignal) {
  const auto hash = [](const std::string& clauses) {
    return CompileSignal(clauses)->signals.at(0).hash;
  };
  const uint64_t plain = hash("when x > 1 for 1m");
  EXPECT_EQ(plain, hash("summary \"a text\" severity critical when x  >  1 for 60s"
                        " runbook \"r\" owner \"o\" labels { a=\"b\" }"));
  EXPECT_NE(plain, hash("when x > 2 for 1m"));
  EXPECT_NE(plain, hash("when x > 1 for 2m"));
  EXPECT_NE(plain, hash("when x > 1 for 1m clear x < 0"));
  EXPECT_NE(plain, hash("when x > 1 for 1m every 10s"));
  EXPECT_NE(plain, hash("when x > 1 for 1m by mode"));
  EXPECT_NE(plain, hash("when x > 1 for 1m family latency"));
  EXPECT_NE(plain, hash("when x > 1 for 1m no data hold"));
  const auto other_kind =
      CompileText("kind vm { id vm, region }\nsignal s on vm { when x > 1 for 1m }");
  EXPECT_NE(plain, other_kind->signals.at(0).hash);
}

TEST(Compile, HashOfAFaultFollowsItsSignals) {
  const auto hash = [](const std::string& when, const std::string& title) {
    return CompileText(kEstate + "signal s on vm { when " + when +
                       " }\nfault f on vm { shows s title \"" + title + "\" }")
        ->faults.at(0)
        .hash;
  };
  EXPECT_EQ(hash("x > 1", "a"), hash("x > 1", "b"));
  EXPECT_NE(hash("x > 1", "a"), hash("x > 2", "a"));
}

TEST(Compile, VersionIgnoresTestsAndComments) {
  const std::string version = CompileText(kEstate)->version;
  EXPECT_EQ(version.size(), 16U);
  EXPECT_EQ(version, CompileText("# hello\n" + kEstate)->version);
  EXPECT_EQ(
      version,
      CompileText(kEstate + "test \"t\" { topology { vm:a } expect never incident }")->version);
  EXPECT_NE(version, CompileText(kEstate + "incidents { hold back 5s }")->version);
  EXPECT_NE(version, CompileText(kEstate + "kind host { id host }")->version);
}

TEST(Compile, TopicsOfRoutesAreKafkas) {
  const auto compiles = [](const std::string& topic) {
    const CompileResult result =
        Compile({RuleSource("r.rn", "incidents { route to topic \"" + topic + "\" }")});
    for (const Diagnostic& diagnostic : result.diagnostics.list()) {
      EXPECT_EQ(diagnostic.code, DiagnosticCode::kBadTopic);
    }
    return result.program != nullptr;
  };
  for (const std::string& topic : {std::string("a"), std::string("Pages.all_2-x"),
                                   std::string("..."), std::string(249, 'x')}) {
    EXPECT_TRUE(compiles(topic)) << topic;
  }
  for (const std::string& topic :
       {std::string(), std::string("."), std::string(".."), std::string("a b"), std::string("a/b"),
        std::string("\xC3\xBC"), std::string(250, 'x')}) {
    EXPECT_FALSE(compiles(topic)) << topic;
  }
}

TEST(Compile, VersionFollowsRoutes) {
  const auto version = [](const std::string& policy) {
    const CompileResult result = Compile({RuleSource("r.rn", "incidents { " + policy + " }")});
    EXPECT_NE(result.program, nullptr) << policy;
    return result.program == nullptr ? policy : result.program->version;
  };
  const std::set<std::string> versions{version(""),
                                       version("route to topic \"a\""),
                                       version("route to topic \"b\""),
                                       version("route severity >= major to topic \"a\""),
                                       version("route x=\"1\" to topic \"a\""),
                                       version("route to topic \"a\" route to topic \"b\"")};
  EXPECT_EQ(versions.size(), 6U);
}

TEST(Compile, NothingGivesAnEmptyProgram) {
  const CompileResult result = Compile({});
  ASSERT_NE(result.program, nullptr);
  EXPECT_TRUE(result.program->kinds.empty());
}

TEST(Compile, LimitOfErrorsIsCounted) {
  std::string text;
  for (int i = 0; i < 150; ++i)
    text += "signal s" + std::to_string(i) + " on nowhere { when x > 1 }\n";
  const CompileResult result = Compile({RuleSource("r.rn", text)});
  EXPECT_EQ(result.diagnostics.errors(), 150U);
  EXPECT_EQ(result.diagnostics.list().size(), 100U);
  EXPECT_EQ(result.diagnostics.dropped(), 50U);
}

// Whatever part of a file is there, the compiler says something and lives.
TEST(Compile, EveryPrefixOfTheTour) {
  const std::string tour = ReadFile("tests/golden/tour.rn");
  for (size_t size = 0; size < tour.size(); size += 7) {
    const CompileResult result = Compile({RuleSource("tour.rn", tour.substr(0, size))});
    EXPECT_EQ(result.program == nullptr, result.diagnostics.has_errors());
  }
}

TEST(Compile, TheTourWithoutAnyOneOfItsWords) {
  const std::string tour = ReadFile("tests/golden/tour.rn");
  size_t at = 0;
  while (at < tour.size()) {
    const size_t end = std::min(tour.find_first_of(" \n", at), tour.size());
    const CompileResult result =
        Compile({RuleSource("tour.rn", tour.substr(0, at) + tour.substr(end))});
    for (const Diagnostic& diagnostic : result.diagnostics.list()) {
      EXPECT_LE(diagnostic.span.end, tour.size());
      EXPECT_LE(diagnostic.span.begin, diagnostic.span.end);
      EXPECT_FALSE(FormatDiagnostic(diagnostic, result.sources).empty());
    }
    at = end + 1;
  }
}

// Words of the tour in the wrong places, always the same ones.
TEST(Compile, TheTourStirred) {
  const RuleSource tour("tour.rn", ReadFile("tests/golden/tour.rn"));
  Diagnostics lexed;
  const std::vector<Token> tokens = Lex(tour, 0, lexed);
  std::mt19937 random(20260321);
  const auto any = [&] { return tokens[random() % tokens.size()].span; };
  for (int round = 0; round < 1500; ++round) {
    std::string text(tour.text());
    for (int change = 0; change < 3; ++change) {
      const Span from = any(), to = any();
      text.replace(to.begin, to.end - to.begin, std::string(tour.Text(from)) + " ");
    }
    const CompileResult result = Compile({RuleSource("tour.rn", text)});
    EXPECT_EQ(result.program == nullptr, result.diagnostics.has_errors());
    for (const Diagnostic& diagnostic : result.diagnostics.list()) {
      EXPECT_LE(diagnostic.span.begin, diagnostic.span.end);
      EXPECT_LE(diagnostic.span.end, text.size());
    }
  }
}

TEST(Compile, DeepInputIsRefusedAndNotFollowed) {
  const auto repeat = [](const std::string& text, int times) {
    std::string all;
    for (int i = 0; i < times; ++i) all += text;
    return all;
  };
  for (const std::string& text :
       {repeat("template t() {", 5000),
        "kind vm { id vm } signal s on vm { when " + repeat("(", 5000),
        "kind vm { id vm } signal s on vm { when " + repeat("-", 5000) + "x > 1 }",
        "test \"t\" { " + repeat("topology { ", 5000), "incidents " + repeat("{", 5000)}) {
    const CompileResult result = Compile({RuleSource("deep.rn", text)});
    EXPECT_TRUE(result.diagnostics.has_errors());
  }
}

TEST(Compile, LongChainsOfWaitingSignals) {
  std::string text = "kind vm { id vm }\n";
  for (int i = 0; i < 3000; ++i) {
    text +=
        "signal s" + std::to_string(i) + " on vm { when s" + std::to_string(i + 1) + " for 1m }\n";
  }
  const CompileResult result = Compile({RuleSource("chain.rn", text)});
  EXPECT_NE(result.program, nullptr);
}

}  // namespace
}  // namespace rootnote
