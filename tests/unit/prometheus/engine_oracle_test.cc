// The cases of tests/oracle_rules through the engine's detection: imported, evaluated over the
// windows of its shards, recorded into them. What must come out is what Prometheus' package `rules`
// gave, for any number of threads, whether all series are kept or only what the rules read.
#include <memory>
#include <string>
#include <vector>

#include "gtest/gtest.h"

#include "engine/detector.h"
#include "engine/topology.h"
#include "rules/compiler.h"
#include "rules/diagnostic_codes.h"
#include "tests/unit/prometheus/oracle_case.h"

namespace rootnote {
namespace {

using prometheus::kInstants;
using prometheus::kStep;

// A rule that reads everything, so that all that was recorded is there to be looked at.
constexpr const char* kReadsAll =
    "kind any { id any }\n"
    "signal reads_all on any { when last_over_time({__name__=~\".+\"}[10m]) == 0.123456789 }\n";

std::shared_ptr<const Program> Imported(const std::string& name, bool keep_all) {
  CompileOptions options;
  options.evaluation_interval = Millis{60'000};
  options.read_rule_files = [&](const std::string&, const std::string&) {
    const std::string text = prometheus::ReadWhole(prometheus::kFolder + name + ".yaml");
    return std::vector<RuleSource>{RuleSource(name + ".yaml", text)};
  };
  const std::string rules = "import prometheus \"case.yaml\"\n";
  CompileResult result =
      Compile({RuleSource("rules.rn", keep_all ? kReadsAll + rules : rules)}, options);
  for (const Diagnostic& diagnostic : result.diagnostics.list()) {
    if (diagnostic.code == DiagnosticCode::kAlertTarget) continue;
    if (diagnostic.level == DiagnosticLevel::kError) {
      ADD_FAILURE() << FormatDiagnostic(diagnostic, result.sources);
    }
  }
  return result.program;
}

struct Outcome {
  std::vector<std::string> lines;
  std::string transitions;
};

class Detection {
 public:
  Detection(std::shared_ptr<const Program> program, int threads)
      : program_(std::move(program)),
        rules_(program_, Millis{300'000}),
        pool_(threads),
        topology_(program_, TopologyOptions()),
        detector_(rules_, pool_, topics_, Options(), metrics_) {}

  Outcome Run(const std::vector<promqltest::SeriesLine>& input) {
    const std::shared_ptr<const Topology> map = topology_.Snapshot();
    for (size_t i = 0; i < kInstants; ++i) {
      const EventTime at = FromMillis(0) + static_cast<int64_t>(i) * kStep;
      TickWork work;
      work.tick = at;
      work.samples.resize(Options().shards);
      for (const promqltest::SeriesLine& series : input) {
        if (i >= series.values.size() || !series.values[i]) continue;
        ShardSample sample{{series.labels, std::nullopt}, at, *series.values[i], {}};
        work.samples[ShardOf(sample.key, Options().shards)].push_back(std::move(sample));
      }
      for (const Transition& transition : detector_.Close(std::move(work), *map, false)) {
        outcome_.transitions += fmt::format(
            "{} {} {} {} {}\n", ToMillis(transition.time), program_->signal(transition.signal).name,
            transition.entity, Name(transition.to), transition.value);
      }
      for (const prometheus::GroupEvaluation& group : detector_.imported().groups()) {
        if (ToMillis(at) % group.group().interval->count() != 0) continue;
        for (size_t k = 0; k < group.states().size(); ++k) lives_.Look(group, k, at);
      }
      lives_.LookAtSeries(detector_.store(), at);
    }
    outcome_.lines = lives_.Result();
    return outcome_;
  }

 private:
  static DetectorOptions Options() {
    DetectorOptions options;
    options.evaluation_interval = Millis{60'000};
    options.external_labels = Labels::From({{"cluster", "blue"}});
    options.external_url = "http://prometheus.example";
    return options;
  }

  std::shared_ptr<const Program> program_;
  RuleSet rules_;
  ShardPool pool_;
  TopicNames topics_;
  Metrics metrics_;
  TopologyStore topology_;
  Detector detector_;
  prometheus::Lives lives_;
  Outcome outcome_;
};

std::vector<std::string> WithoutSamples(std::vector<std::string> lines) {
  std::erase_if(lines, [](const std::string& line) { return line.starts_with("="); });
  return lines;
}

class EngineOracle : public testing::TestWithParam<const char*> {};

TEST_P(EngineOracle, RulesDoAsInPrometheus) {
  const std::string name = GetParam();
  const std::vector<promqltest::SeriesLine> input = prometheus::ReadSeries(name);
  const std::vector<std::string> expected =
      prometheus::Lines(prometheus::ReadWhole(prometheus::kFolder + name + ".golden"));
  ASSERT_GT(expected.size(), 100U);
  const std::shared_ptr<const Program> all = Imported(name, true);
  ASSERT_NE(all, nullptr);
  const Outcome first = Detection(all, 1).Run(input);
  prometheus::ExpectGolden(name, expected, first.lines);
  EXPECT_NE(first.transitions, "");
  const Outcome threads = Detection(all, 3).Run(input);
  EXPECT_EQ(threads.lines, first.lines);
  EXPECT_EQ(threads.transitions, first.transitions);
  const Outcome read = Detection(Imported(name, false), 2).Run(input);
  prometheus::ExpectGolden(name + ", only what is read", WithoutSamples(expected),
                           WithoutSamples(read.lines));
  EXPECT_EQ(read.transitions, first.transitions);
}

INSTANTIATE_TEST_SUITE_P(Cases, EngineOracle,
                         testing::Values("blackbox", "haproxy", "kafka", "kubernetes", "node",
                                         "postgres"),
                         [](const auto& param) { return std::string(param.param); });

}  // namespace
}  // namespace rootnote
