// limitk and limit_ratio: which elements they take is not defined, that they hold together is.
#include <algorithm>
#include <cmath>
#include <memory>
#include <string>

#include "fmt/format.h"
#include "gtest/gtest.h"

#include "rules/promql/evaluator.h"
#include "rules/promql/parser.h"
#include "rules/promqltest/memory_store.h"

namespace rootnote::promqltest {
namespace {

using promql::Vector;

class Limit : public testing::Test {
 protected:
  Limit() {
    for (size_t i = 0; i < kSeries; ++i) {
      store_.Add(
          Labels::From(
              {{"__name__", "m"}, {"job", i % 3 == 0 ? "a" : "b"}, {"i", std::to_string(i)}}),
          {FromMillis(0), static_cast<double>(i) * 1.5});
    }
  }

  Vector Eval(const std::string& text) const {
    Diagnostics diagnostics;
    const std::unique_ptr<promql::Expr> expr = promql::ParseText(text, diagnostics);
    EXPECT_TRUE(expr) << text;
    if (!expr) return {};
    const auto value = promql::Evaluate(*expr, FromMillis(0), store_, {});
    EXPECT_TRUE(value.ok()) << value.status();
    return value.ok() ? std::get<Vector>(*value) : Vector();
  }

  static bool Contains(const Vector& all, const promql::Element& one) {
    return std::any_of(all.begin(), all.end(), [&](const promql::Element& other) {
      return other.labels == one.labels && other.value == one.value;
    });
  }

  static bool Subset(const Vector& few, const Vector& all) {
    return std::all_of(few.begin(), few.end(),
                       [&](const promql::Element& one) { return Contains(all, one); });
  }

  static constexpr size_t kSeries = 300;
  MemoryStore store_;
};

TEST_F(Limit, LimitkTakesSoManyOfEachGroup) {
  const Vector all = Eval("m");
  for (const unsigned k : {0U, 1U, 7U, 99U, 300U, 1000U}) {
    const Vector some = Eval(fmt::format("limitk({}, m)", k));
    EXPECT_EQ(some.size(), std::min<size_t>(k, kSeries));
    EXPECT_TRUE(Subset(some, all));
    const Vector grouped = Eval(fmt::format("limitk by (job) ({}, m)", k));
    EXPECT_EQ(grouped.size(), std::min<size_t>(k, 100) + std::min<size_t>(k, 200));
    EXPECT_TRUE(Subset(grouped, all));
  }
  // What is taken does not depend on the values, and less is a part of more.
  EXPECT_TRUE(Subset(Eval("limitk(7, m)"), Eval("limitk(20, m)")));
  EXPECT_EQ(Eval("limitk(9, m) and limitk(9, m * 0)").size(), 0U);  // without the name
  EXPECT_EQ(Eval("limitk(9, m) and limitk(9, m)").size(), 9U);
}

TEST_F(Limit, LimitRatioSplitsInTwo) {
  const Vector all = Eval("m");
  for (const std::string ratio : {"0.05", "0.3", "0.5", "0.77", "0.999"}) {
    const Vector some = Eval(fmt::format("limit_ratio({}, m)", ratio));
    const Vector rest = Eval(fmt::format("limit_ratio(-(1 - {}), m)", ratio));
    EXPECT_TRUE(Subset(some, all));
    EXPECT_TRUE(Subset(rest, all));
    EXPECT_EQ(some.size() + rest.size(), all.size()) << ratio;
    for (const promql::Element& one : some) EXPECT_FALSE(Contains(rest, one)) << ratio;
    // About the share that was asked for: 4 standard deviations of 300 tosses.
    const double share = std::stod(ratio);
    const double spread = 4 * std::sqrt(share * (1 - share) / static_cast<double>(kSeries));
    EXPECT_NEAR(static_cast<double>(some.size()) / static_cast<double>(kSeries), share, spread)
        << ratio;
  }
  EXPECT_EQ(Eval("limit_ratio(0, m)").size(), 0U);
  EXPECT_EQ(Eval("limit_ratio(1, m)").size(), all.size());
  EXPECT_EQ(Eval("limit_ratio(-1, m)").size(), all.size());
  EXPECT_TRUE(Subset(Eval("limit_ratio(0.2, m)"), Eval("limit_ratio(0.6, m)")));
}

}  // namespace
}  // namespace rootnote::promqltest
