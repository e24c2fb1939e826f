#include "rules/promql/evaluator.h"

#include <fstream>
#include <iterator>
#include <string>

#include <gtest/gtest.h>

#include "rules/promql/parser.h"
#include "tests/unit/promql/promqltest.h"

namespace rootnote::promql {
namespace {

std::string ReadFile(const std::string& path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), {}};
}

class PromqlFile : public testing::TestWithParam<const char*> {};

TEST_P(PromqlFile, AsPrometheusEvaluatesIt) {
  const std::string path = std::string("tests/unit/promql/testdata/") + GetParam() + ".test";
  const std::string text = ReadFile(path);
  ASSERT_FALSE(text.empty()) << path;
  const PromqlTestResult result = RunPromqlTest(text);
  EXPECT_GT(result.evals, 20);
  for (const std::string& failure : result.failures) ADD_FAILURE() << path << ":" << failure;
}

INSTANTIATE_TEST_SUITE_P(Files, PromqlFile,
                         testing::Values("selectors", "rate", "over_time", "operators",
                                         "aggregates", "functions", "random"));

}  // namespace
}  // namespace rootnote::promql
