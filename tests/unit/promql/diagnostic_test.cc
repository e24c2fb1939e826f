#include "rules/diagnostic.h"

#include <iterator>
#include <set>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "rules/diagnostic_codes.h"

namespace rootnote {
namespace {

TEST(DiagnosticCodes, AscendUniquelyAndHaveTitles) {
  std::set<std::string> names;
  for (size_t i = 0; i < std::size(kDiagnosticCodes); ++i) {
    const DiagnosticCodeRow& row = kDiagnosticCodes[i];
    if (i > 0) {
      EXPECT_LT(kDiagnosticCodes[i - 1].code, row.code) << row.name;
    }
    EXPECT_TRUE(names.insert(row.name).second) << row.name;
    EXPECT_NE(std::string(row.title), "") << row.name;
    EXPECT_EQ(row.name[0], 'k') << row.name;
  }
}

TEST(Diagnostics, PrintsPlaceLineCaretAndHint) {
  const std::vector<RuleSource> sources = {RuleSource("a.rn", "ok\n\twhen foo > 1\n")};
  Diagnostic diagnostic;
  diagnostic.code = DiagnosticCode::kBadNumber;
  diagnostic.span = {9, 12};
  diagnostic.message = "no such thing";
  diagnostic.hint = "do this";
  EXPECT_EQ(FormatDiagnostic(diagnostic, sources),
            "a.rn:2:7: error[E0104]: no such thing\n"
            "    2 | \twhen foo > 1\n"
            "      | \t     ^^^\n"
            "  hint: do this\n");
  diagnostic.source = 1;
  EXPECT_EQ(FormatDiagnostic(diagnostic, sources), "error[E0104]: no such thing\n");
}

TEST(Diagnostics, CaretAtTheEndAndOverLines) {
  const std::vector<RuleSource> sources = {RuleSource("a.rn", "one\ntwo")};
  Diagnostic diagnostic;
  diagnostic.code = DiagnosticCode::kBadNumber;
  diagnostic.level = DiagnosticLevel::kWarning;
  diagnostic.message = "m";
  diagnostic.span = {7, 7};
  EXPECT_EQ(FormatDiagnostic(diagnostic, sources),
            "a.rn:2:4: warning[E0104]: m\n    2 | two\n      |    ^\n");
  diagnostic.span = {1, 6};
  EXPECT_EQ(FormatDiagnostic(diagnostic, sources),
            "a.rn:1:2: warning[E0104]: m\n    1 | one\n      |  ^^\n");
}

TEST(Diagnostics, KeepsErrorsUpToTheLimitAndSorts) {
  Diagnostics diagnostics(2);
  diagnostics.Error(DiagnosticCode::kBadNumber, 1, {5, 6}, "c");
  diagnostics.Warning(DiagnosticCode::kBadNumber, 0, {9, 9}, "b");
  diagnostics.Error(DiagnosticCode::kBadNumber, 0, {1, 2}, "a");
  diagnostics.Error(DiagnosticCode::kBadNumber, 0, {0, 1}, "dropped");
  EXPECT_EQ(diagnostics.errors(), 3u);
  EXPECT_EQ(diagnostics.dropped(), 1u);
  diagnostics.Sort();
  ASSERT_EQ(diagnostics.list().size(), 3u);
  EXPECT_EQ(diagnostics.list()[0].message, "a");
  EXPECT_EQ(diagnostics.list()[1].message, "b");
  EXPECT_EQ(diagnostics.list()[2].message, "c");
}

TEST(DidYouMean, NearestWithinAThird) {
  const std::vector<std::string> words = {"rate", "irate", "increase", "resets"};
  EXPECT_EQ(DidYouMean("ratee", words), "rate");
  EXPECT_EQ(DidYouMean("incraese", words), "increase");
  EXPECT_EQ(DidYouMean("reset", words), "resets");
  EXPECT_EQ(DidYouMean("banana", words), "");
  EXPECT_EQ(DidYouMean("x", {}), "");
  // Of equally near ones the first by name, whatever the order.
  EXPECT_EQ(DidYouMean("bat", {"cat", "hat"}), "cat");
  EXPECT_EQ(DidYouMean("bat", {"hat", "cat"}), "cat");
}

}  // namespace
}  // namespace rootnote
