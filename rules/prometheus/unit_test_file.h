// The text of a unit test file, read.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "rules/diagnostic.h"
#include "rules/prometheus/rule_file.h"
#include "rules/source.h"
#include "schemas/base/status.h"
#include "schemas/base/time.h"
#include "schemas/labels.h"

namespace rootnote::prometheus {

struct InputSeries {
  std::string series, values;
};
struct ExpectedAlert {
  Texts labels, annotations;
};
struct AlertCase {
  Millis eval_time{0};
  std::string alert;
  std::vector<ExpectedAlert> expected;
};
struct ExpectedSample {
  std::string labels;
  double value = 0;
  std::string histogram;
};
struct ExprCase {
  std::string expr;
  Millis eval_time{0};
  std::vector<ExpectedSample> expected;
};
struct UnitTest {
  std::string name;
  Millis interval{0};
  std::vector<InputSeries> input;
  std::vector<AlertCase> alerts;
  std::vector<ExprCase> exprs;
  Labels external_labels;
  std::string external_url;
  EventTime start;  // 1970 unless given
};
struct UnitTestFile {
  std::vector<std::string> rule_files;
  Millis interval{60'000};
  std::vector<std::string> group_order;
  bool fuzzy = false;
  std::vector<UnitTest> tests;
};

std::optional<UnitTestFile> ParseUnitTestFile(const RuleSource& source, uint32_t index,
                                              Diagnostics& diagnostics);

// metric{a="b"} as Prometheus' ParseMetric reads it; "" and {} are the empty set.
absl::StatusOr<Labels> ParseMetric(const std::string& text);

}  // namespace rootnote::prometheus
