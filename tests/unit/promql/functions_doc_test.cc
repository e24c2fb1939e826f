#include <cstdlib>
#include <fstream>
#include <iterator>
#include <string>

#include "fmt/format.h"
#include <gtest/gtest.h>

#include "rules/promql/functions.h"

namespace rootnote::promql {
namespace {

constexpr const char* kPath = "docs/rule-language.md";
constexpr std::string_view kEnd = "<!-- end of functions -->";

std::string Tables() {
  std::string text = "\n| Function | Gives |\n|---|---|\n";
  for (const FunctionSignature& function : Functions()) {
    text += fmt::format("| `{}` | {}{} |\n", function.Text(), function.doc,
                        function.ours ? "; ours" : "");
  }
  text += "\n| Aggregation | Gives, of every group |\n|---|---|\n";
  for (const AggregateSignature& aggregate : Aggregates()) {
    text += fmt::format("| `{}` | {} |\n", aggregate.Text(), aggregate.doc);
  }
  return text + "\n";
}

// The list in the documentation is the table in the code.
TEST(Functions, AreListedInTheDocumentation) {
  std::ifstream file(kPath);
  std::string text{std::istreambuf_iterator<char>(file), {}};
  const size_t begin = text.find("<!-- functions:");
  const size_t end = text.find(kEnd);
  ASSERT_TRUE(begin != std::string::npos && end != std::string::npos) << kPath;
  const size_t from = text.find('\n', begin) + 1;
  const std::string got = text.substr(from, end - from);
  if (std::getenv("UPDATE_GOLDEN") != nullptr && got != Tables()) {
    text.replace(from, end - from, Tables());
    std::ofstream(kPath) << text;
    return;
  }
  EXPECT_EQ(got, Tables()) << "UPDATE_GOLDEN=1 rewrites it";
}

TEST(Functions, HaveTexts) {
  EXPECT_EQ(FindFunction("round")->Text(), "round(instant vector[, scalar])");
  EXPECT_EQ(FindFunction("hour")->Text(), "hour([instant vector])");
  EXPECT_EQ(FindFunction("pi")->Text(), "pi()");
  EXPECT_EQ(FindFunction("label_join")->Text(),
            "label_join(instant vector, string, string[, string, …])");
  EXPECT_EQ(FindAggregate("topk")->Text(), "topk(scalar, instant vector)");
}

}  // namespace
}  // namespace rootnote::promql
