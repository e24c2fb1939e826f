// The examples of the docs, against the compiler alone: blocks tagged `rule` have no diagnostics,
// `rule-error E0123` exactly that code; `rule estate` stands before the later blocks of its page.
#include <algorithm>
#include <filesystem>
#include <fstream>
#include <set>
#include <sstream>

#include "gtest/gtest.h"

#include "rules/compiler.h"
#include "rules/diagnostic_codes.h"
#include "rules/prometheus/rule_file.h"

namespace rootnote {
namespace {

struct Block {
  std::string tag, body;
  std::vector<std::string> seen;  // seen=a,b in the tag: names of metrics
  size_t line = 0;
};

Block BlockOf(std::string tag, size_t line) {
  Block block;
  block.line = line;
  if (const size_t at = tag.find(" seen="); at != std::string::npos) {
    std::istringstream names(tag.substr(at + 6));
    for (std::string name; std::getline(names, name, ',');) block.seen.push_back(name);
    std::sort(block.seen.begin(), block.seen.end());
    tag.resize(at);
  }
  block.tag = std::move(tag);
  return block;
}

std::vector<Block> BlocksOf(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  EXPECT_TRUE(in.good()) << path;
  std::vector<Block> blocks;
  bool inside = false;
  size_t number = 0;
  for (std::string line; std::getline(in, line);) {
    ++number;
    if (line.rfind("```", 0) == 0) {
      if (!inside) blocks.push_back(BlockOf(line.substr(3), number));
      inside = !inside;
    } else if (inside) {
      blocks.back().body += line + "\n";
    }
  }
  EXPECT_FALSE(inside) << path << ": a block is not closed";
  return blocks;
}

struct Findings {
  std::set<std::string> codes;
  std::string text;
};

// `import` reads the last rule file of Prometheus that stands before it.
Findings Check(const std::string& text, const std::vector<std::string>& seen,
               const std::string& imported) {
  CompileOptions options;
  options.metrics_seen = seen;
  if (!imported.empty()) {
    options.read_rule_files = [&](const std::string& pattern, const std::string&) {
      return std::vector<RuleSource>{RuleSource(pattern, imported)};
    };
  }
  const CompileResult result = Compile({RuleSource("example.rn", text)}, options);
  Findings findings;
  for (const Diagnostic& diagnostic : result.diagnostics.list()) {
    findings.codes.insert(CodeName(diagnostic.code));
    findings.text += FormatDiagnostic(diagnostic, result.sources);
  }
  return findings;
}

// `prometheus` blocks are rule files of Prometheus.
Findings CheckRuleFile(const std::string& text) {
  const std::vector<RuleSource> sources = {RuleSource("example.yaml", text)};
  Diagnostics diagnostics;
  prometheus::ParseRuleFile(sources[0], 0, diagnostics);
  Findings findings;
  for (const Diagnostic& diagnostic : diagnostics.list()) {
    findings.codes.insert(CodeName(diagnostic.code));
    findings.text += FormatDiagnostic(diagnostic, sources);
  }
  return findings;
}

void CheckPage(const std::string& path, std::set<std::string>& tags) {
  std::string estate, imported;
  for (const Block& block : BlocksOf(path)) {
    SCOPED_TRACE(path + ":" + std::to_string(block.line));
    tags.insert(block.tag);
    if (block.tag == "text") continue;
    if (block.tag.rfind("prometheus", 0) == 0) {
      imported = block.body;
      const Findings found = CheckRuleFile(block.body);
      std::set<std::string> expected;
      if (block.tag.rfind("prometheus-error ", 0) == 0) expected.insert(block.tag.substr(17));
      EXPECT_EQ(found.codes, expected) << found.text;
      continue;
    }
    const bool is_estate = block.tag == "rule estate";
    const Findings findings =
        Check(is_estate ? block.body : estate + block.body, block.seen, imported);
    if (is_estate) estate = block.body;
    if (block.tag.rfind("rule-error ", 0) == 0) {
      EXPECT_EQ(findings.codes, std::set<std::string>{block.tag.substr(11)}) << findings.text;
    } else {
      EXPECT_TRUE(block.tag == "rule" || block.tag == "scenario" || is_estate) << block.tag;
      EXPECT_TRUE(findings.codes.empty()) << findings.text;
    }
  }
}

TEST(Docs, RuleLanguage) {
  std::set<std::string> tags;
  CheckPage("docs/rule-language.md", tags);
  for (const char* tag : {"rule", "rule estate", "rule-error E0240", "scenario", "text"}) {
    EXPECT_TRUE(tags.contains(tag)) << tag;
  }
}

TEST(Docs, OnePagePerCode) {
  std::set<std::string> pages;
  for (const auto& entry : std::filesystem::directory_iterator("docs/errors")) {
    pages.insert(entry.path().filename().string());
  }
  std::set<std::string> expected;
  for (const DiagnosticCodeRow& row : kDiagnosticCodes) {
    const std::string code = CodeName(row.code);
    expected.insert(code + ".md");
    SCOPED_TRACE(code);
    std::set<std::string> tags;
    CheckPage("docs/errors/" + code + ".md", tags);
    EXPECT_TRUE(tags.contains("rule-error " + code) || tags.contains("prometheus-error " + code))
        << "no failing example";
    EXPECT_TRUE(tags.contains("rule") || tags.contains("prometheus")) << "no fixed example";
    std::ifstream in("docs/errors/" + code + ".md");
    std::string heading;
    std::getline(in, heading);
    EXPECT_EQ(heading, "# " + code + " " + row.title);
  }
  EXPECT_EQ(pages, expected);
}

}  // namespace
}  // namespace rootnote
