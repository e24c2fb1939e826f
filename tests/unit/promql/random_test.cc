// Properties of random expressions: they print as what they are, evaluate without a crash and to
// the same bits every time, and no text crashes the parser. And the cases that Prometheus was
// asked: testdata/random.test. With ROOTNOTE_PROMQL_CASES=FILE the last test writes new ones, to be
// run by promqltest of Prometheus itself (with a default step of one minute for subqueries); only
// cases on which both agree are kept.
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <string>

#include "fmt/format.h"
#include <gtest/gtest.h>

#include "rules/promql/evaluator.h"
#include "rules/promql/parser.h"
#include "tests/unit/promql/promqltest.h"
#include "tests/unit/promql/random_expr.h"

namespace rootnote::promql {
namespace {

TEST(RandomExpr, PrintsAsWhatItIs) {
  RandomExpr random(1, false);
  int parsed = 0;
  for (int i = 0; i < 3000; ++i) {
    const std::string text = random.Vector(4);
    Diagnostics diagnostics;
    const auto expr = ParseText(text, diagnostics);
    if (!expr) continue;
    ++parsed;
    const std::string canonical = ToString(*expr);
    Diagnostics again;
    const auto reparsed = ParseText(canonical, again);
    ASSERT_NE(reparsed, nullptr) << text << "\n" << canonical;
    EXPECT_EQ(ToString(*reparsed), canonical) << text;
    EXPECT_EQ(HistoryNeeded(*reparsed, 5min), HistoryNeeded(*expr, 5min)) << text;
    EXPECT_EQ(Selectors(*reparsed).size(), Selectors(*expr).size()) << text;
  }
  // What the generator makes is nearly always right; otherwise this would test little.
  EXPECT_GT(parsed, 2700);
}

TEST(RandomExpr, NumbersPrintAsTheirBits) {
  RandomExpr random(2, false);
  for (int i = 0; i < 20'000; ++i) {
    const double value = static_cast<double>(random.Below(1'000'000)) /
                         std::pow(10, static_cast<double>(random.Below(9)));
    static constexpr const char* kUnits[] = {"", "%", "s", "ms", "/s", "MB", "B/s", "h"};
    const std::string text = fmt::format("{}{}", value, kUnits[random.Below(8)]);
    Diagnostics diagnostics;
    const auto expr = ParseText(text, diagnostics);
    if (!expr) continue;  // 1e-05ms and the like
    Diagnostics again;
    const auto reparsed = ParseText(ToString(*expr), again);
    ASSERT_NE(reparsed, nullptr) << text << " " << ToString(*expr);
    EXPECT_EQ(reparsed->number, expr->number) << text << " " << ToString(*expr);
    EXPECT_EQ(reparsed->unit, expr->unit) << text << " " << ToString(*expr);
  }
}

TEST(RandomText, NeverCrashes) {
  RandomExpr random(3, false);
  int errors = 0;
  for (int i = 0; i < 20'000; ++i) {
    const std::string text = random.Noise(static_cast<int>(random.Below(20)));
    Diagnostics diagnostics;
    const auto expr = ParseText(text, diagnostics, {.extensions = i % 2 == 0});
    // Either an expression or a reason.
    EXPECT_NE(expr == nullptr, diagnostics.errors() == 0) << text;
    errors += expr == nullptr ? 1 : 0;
  }
  EXPECT_GT(errors, 10'000);
}

// Cuts and doubles pieces of what is right.
TEST(RandomText, MutatedExpressionsNeverCrash) {
  RandomExpr random(4, false);
  for (int i = 0; i < 5000; ++i) {
    std::string text = random.Vector(3);
    const size_t at = random.Below(static_cast<uint32_t>(text.size()));
    const size_t length = random.Below(6);
    if (i % 2 == 0) text.erase(at, length);
    if (i % 2 == 1) text.insert(at, text.substr(text.size() - at, length));
    Diagnostics diagnostics;
    const auto expr = ParseText(text, diagnostics);
    EXPECT_NE(expr == nullptr, diagnostics.errors() == 0) << text;
  }
}

std::string Shown(const absl::StatusOr<Value>& value) {
  if (!value.ok()) return std::string(value.status().message());
  std::string text;
  if (const auto* vector = std::get_if<Vector>(&*value)) {
    for (const Element& element : *vector) {
      uint64_t bits;
      std::memcpy(&bits, &element.value, sizeof bits);
      text += fmt::format("{} {:x}\n", element.labels.ToString(), bits);
    }
  }
  return text;
}

// Series in another order come in the same order out of the store, and results are the same bits.
TEST(RandomExpr, EvaluatesToTheSameBits) {
  TestStore store;
  std::string load = RandomLoad(5);
  load.erase(0, load.find('\n') + 1);
  while (!load.empty()) {
    const size_t end = load.find('\n');
    ASSERT_EQ(LoadSeries(std::string_view(load).substr(2, end - 2), 10s, store), "");
    load.erase(0, end + 1);
  }
  RandomExpr random(6, false);
  int elements = 0;
  for (int i = 0; i < 1500; ++i) {
    const std::string text = random.Vector(3);
    Diagnostics diagnostics;
    const auto expr = ParseText(text, diagnostics);
    if (!expr || !NotExecuted(*expr).empty()) continue;
    const EventTime at = FromMillis(random.Below(600'000));
    const EvalOptions options{.start = at, .end = at};
    const auto first = Evaluate(*expr, at, store, options);
    EXPECT_EQ(Shown(first), Shown(Evaluate(*expr, at, store, options))) << text;
    if (!first.ok()) {
      EXPECT_EQ(first.status().code(), absl::StatusCode::kInvalidArgument) << first.status();
      continue;
    }
    const auto& vector = std::get<Vector>(*first);
    elements += static_cast<int>(vector.size());
    for (size_t j = 1; j < vector.size(); ++j) {
      EXPECT_FALSE(vector[j - 1].labels == vector[j].labels) << text;
    }
  }
  EXPECT_GT(elements, 500);
}

// One case as promqltest writes it; "" for what it cannot hold.
std::string CaseText(const std::string& text, EventTime at, const TestStore& store) {
  Diagnostics diagnostics;
  const auto expr = ParseText(text, diagnostics, {.extensions = false});
  if (!expr) return "";
  const auto got =
      Evaluate(*expr, at, store, {.default_step = Millis(60'000), .start = at, .end = at});
  std::string out = fmt::format("eval instant at {} {}\n",
                                at == FromMillis(0) ? "0" : FormatDuration(at.time_since_epoch()),
                                ToString(*expr));
  if (!got.ok()) return out + "  expect fail\n\n";
  for (const Element& element : std::get<Vector>(*got)) {
    std::string labels = element.labels.ToString();
    if (labels.empty()) labels = "{}";
    out += fmt::format("  {} {}\n", labels, element.value);
  }
  return out + "\n";
}

TEST(RandomExpr, WritesCasesForPrometheus) {
  const char* path = std::getenv("ROOTNOTE_PROMQL_CASES");
  const char* seed = std::getenv("ROOTNOTE_PROMQL_SEED");
  const uint64_t number = seed == nullptr ? 7 : std::strtoull(seed, nullptr, 10);
  TestStore store;
  const std::string load = RandomLoad(number);
  std::string rest = load.substr(load.find('\n') + 1);
  while (!rest.empty()) {
    const size_t end = rest.find('\n');
    ASSERT_EQ(LoadSeries(std::string_view(rest).substr(2, end - 2), 10s, store), "");
    rest.erase(0, end + 1);
  }
  RandomExpr random(number, true);
  std::string cases;
  for (int i = 0; i < 400; ++i) {
    const std::string text = random.Vector(3);
    cases += CaseText(text, FromMillis(300'000 + random.Below(60) * 5'000), store);
  }
  EXPECT_NE(cases.find("eval instant"), std::string::npos);
  if (path != nullptr) std::ofstream(path) << load << "\n" << cases;
}

}  // namespace
}  // namespace rootnote::promql
