// Prometheus' YAML files on the command line: rule files to check, unit tests to run.
#pragma once

#include <string>
#include <vector>

#include "engine/cli/terminal.h"
#include "engine/cli/test_report.h"
#include "rules/prometheus/rule_file.h"
#include "rules/prometheus/unit_test.h"
#include "rules/source.h"
#include "schemas/base/status.h"

namespace rootnote {

// Reads files and matches patterns (*, ?, […]) in the file system.
prometheus::UnitTestFiles UnitTestFilesOnDisk();

// The files of an `import` in the file `from`, which its pattern is relative to; ascending.
absl::StatusOr<std::vector<RuleSource>> ReadRuleFilesOfImport(const std::string& pattern,
                                                              const std::string& from);

// promtool's unit tests: a case per entry of `tests`.
absl::StatusOr<TestReport> RunUnitTestFile(const std::string& path);

// Checks what of `path` is Prometheus'; kNotPrometheus when it is neither rule file nor unit test.
enum class YamlCheck { kNotPrometheus, kGood, kBad };
struct YamlCounts {
  size_t rule_files = 0, alerting = 0, recording = 0, groups = 0;
  size_t test_files = 0, tests = 0;
};
YamlCheck CheckPrometheusYaml(const std::string& path, const Terminal& err, YamlCounts& counts);
// "ok 1 file: 12 alerting rules, 3 recording rules in 4 groups", nothing when there was no file.
void PrintYamlCounts(const YamlCounts& counts, const Terminal& out);

}  // namespace rootnote
