// The formatter: what it makes of a text, and over every rule file of the repository that it is
// idempotent and changes no meaning.
#include "rules/format/format.h"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <map>
#include <sstream>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

#include "rules/compiler.h"
#include "rules/program.h"

namespace rootnote {
namespace {

namespace fs = std::filesystem;

std::string Formatted(const std::string& text) {
  return Format(RuleSource("rules.rn", text)).text.value_or("errors");
}

std::string ReadFile(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  std::ostringstream text;
  text << in.rdbuf();
  return text.str();
}

// All rules that stand in the repository: files, the sources of goldens, blocks of the docs.
std::map<std::string, std::string> AllRules() {
  std::map<std::string, std::string> rules;
  for (const char* folder : {"docs", "examples", "rules", "tests"}) {
    for (const auto& entry : fs::recursive_directory_iterator(folder)) {
      const std::string extension = entry.path().extension();
      const std::string path = entry.path().string();
      if (extension == ".rn") rules[path] = ReadFile(entry.path());
      if (extension == ".golden") {
        const std::string text = ReadFile(entry.path());
        rules[path] = text.substr(0, text.find("\n----\n") + 1);
      }
      if (extension != ".md") continue;
      const std::string text = ReadFile(entry.path());
      for (size_t at = 0; (at = text.find("\n```", at)) != std::string::npos;) {
        const size_t begin = text.find('\n', at + 1);
        const size_t end = text.find("\n```", begin);
        if (begin == std::string::npos || end == std::string::npos) break;
        const std::string info = text.substr(at + 4, begin - at - 4);
        if (info.starts_with("rule") || info == "scenario") {
          rules[path + ":" + std::to_string(at)] = text.substr(begin + 1, end - begin);
        }
        at = end + 4;
      }
    }
  }
  return rules;
}

std::string WithoutSpace(const std::string& text) {
  std::string words;
  std::copy_if(text.begin(), text.end(), std::back_inserter(words),
               [](char c) { return c != ' ' && c != '\n' && c != '\t' && c != '\r'; });
  return words;
}

TEST(Format, EveryRuleFileKeepsItsMeaningAndItsWords) {
  size_t formatted = 0, compiled = 0;
  for (const auto& [path, text] : AllRules()) {
    SCOPED_TRACE(path);
    const std::optional<std::string> once = Format(RuleSource(path, text)).text;
    if (!once) continue;
    ++formatted;
    EXPECT_EQ(Format(RuleSource(path, *once)).text, once);
    EXPECT_EQ(WithoutSpace(*once), WithoutSpace(text));
    const CompileResult before = Compile({RuleSource(path, text)});
    const CompileResult after = Compile({RuleSource(path, *once)});
    EXPECT_EQ(before.diagnostics.errors(), after.diagnostics.errors());
    ASSERT_EQ(before.program == nullptr, after.program == nullptr);
    if (before.program == nullptr) continue;
    ++compiled;
    EXPECT_EQ(ToString(*before.program), ToString(*after.program));
    EXPECT_EQ(before.program->version, after.program->version);
  }
  EXPECT_GE(formatted, 150U);
  EXPECT_GE(compiled, 100U);
}

// What is left alone would pass the test above, too.
TEST(Format, MostFilesInOneLongLineAreLaidOutAnew) {
  const std::string text = Formatted("kind   vm{id vm}  kind app{ id app,region }\n");
  EXPECT_EQ(text, "kind vm { id vm }  kind app { id app, region }\n");
}

TEST(Format, ClausesShareAColumn) {
  EXPECT_EQ(Formatted("signal a on vm{\nwhen x>1 for 1m\n  keep firing for 5m\nno data hold\n"
                      "severity   warning\n}\n"),
            "signal a on vm {\n"
            "  when        x > 1 for 1m\n"
            "  keep firing for 5m\n"
            "  no data     hold\n"
            "  severity    warning\n"
            "}\n");
}

TEST(Format, KindsAndRelationsShareColumns) {
  EXPECT_EQ(Formatted("kind vm {id vm}\nkind transaction { id name }\n\n"
                      "relation a :vm->vm carries errors\n"
                      "relation abc : vm -> vm,app carries down within 1m tolerates all but 1\n"),
            "kind vm          { id vm }\n"
            "kind transaction { id name }\n"
            "\n"
            "relation a   : vm -> vm       carries errors\n"
            "relation abc : vm -> vm, app  carries down  within 1m tolerates all but 1\n");
}

TEST(Format, CommentsStayWhereTheyBelong) {
  EXPECT_EQ(Formatted("# head\n\n\n\nsignal a on vm {   # why\n# of when\n when x > 1#one\n"
                      "every 5s # two\n      # last\n}\n# end\n\n"),
            "# head\n"
            "\n"
            "signal a on vm {  # why\n"
            "  # of when\n"
            "  when  x > 1  #one\n"
            "  every 5s     # two\n"
            "  # last\n"
            "}\n"
            "# end\n");
}

TEST(Format, LongConditionsGoOnBelowTheirBegin) {
  EXPECT_EQ(Formatted("signal a on vm {\n  when sum by(vm)(\nrate(x[5m])\n)\n/ y>5% for 1m\n"
                      "  family errors\n}\n"),
            "signal a on vm {\n"
            "  when   sum by (vm) (\n"
            "           rate(x[5m])\n"
            "         )\n"
            "         / y > 5% for 1m\n"
            "  family errors\n"
            "}\n");
}

TEST(Format, OperatorsAndSelectors) {
  EXPECT_EQ(Formatted("signal a on vm { when (x{ a=\"b\" , c!~\"d\" } offset 5m+-y)*-2 > 1 }\n"),
            "signal a on vm { when (x{a=\"b\",c!~\"d\"} offset 5m + -y) * -2 > 1 }\n");
  EXPECT_EQ(Formatted("signal a on vm { when a<-1 }\n"), "signal a on vm { when a < -1 }\n");
  EXPECT_EQ(Formatted("signal a on vm { when x offset -5m - on(vm)-y > -1 }\n"),
            "signal a on vm { when x offset -5m - on (vm) -y > -1 }\n");
  EXPECT_EQ(Formatted("signal a on vm { when a/b > 200/s }\n"),
            "signal a on vm { when a / b > 200/s }\n");
}

TEST(Format, TestsKeepTheirNotations) {
  EXPECT_EQ(Formatted("test \"t\" {\ntopology {\n  disk:a1/d7,disk:a1/d8<-array:a1\n"
                      "app:\"a b\"   <-(serves)- transaction:buy\n}\n"
                      "series x{a=\"1\"} 0+10x5 _ 1e3-2x4 every 10s\n"
                      "series longer{a=\"1\"} 0x9 every 10s\n"
                      "expect at 5m one incident { root array:a1\nimpact app:shop }\n"
                      "expect never incident {}\n}\n"),
            "test \"t\" {\n"
            "  topology {\n"
            "    disk:a1/d7, disk:a1/d8 <- array:a1\n"
            "    app:\"a b\"              <-(serves)- transaction:buy\n"
            "  }\n"
            "  series x{a=\"1\"}      0+10x5 _ 1e3-2x4 every 10s\n"
            "  series longer{a=\"1\"} 0x9 every 10s\n"
            "  expect at 5m one incident { root array:a1\n"
            "                              impact app:shop }\n"
            "  expect never incident {}\n"
            "}\n");
}

TEST(Format, LineEndsAndByteOrderMarks) {
  EXPECT_EQ(Formatted("\xEF\xBB\xBFkind vm { id vm }\r\n\r\nkind app { id app }"),
            "kind vm { id vm }\n\nkind app { id app }\n");
  EXPECT_EQ(Formatted(""), "");
  EXPECT_EQ(Formatted("\n\n \t\n"), "");
  EXPECT_EQ(Formatted("# only a comment"), "# only a comment\n");
}

TEST(Format, ErrorsOfSyntaxAreReportedAndNothingIsTouched) {
  const rootnote::Formatted result = Format(RuleSource("rules.rn", "kind { id }"));
  EXPECT_FALSE(result.text.has_value());
  EXPECT_TRUE(result.diagnostics.has_errors());
  // Names that are unknown do not matter.
  EXPECT_TRUE(Format(RuleSource("rules.rn", "signal a on nothing { when x > 1 }")).text);
}

}  // namespace
}  // namespace rootnote
