#include "rules/promql/parser.h"

#include <memory>
#include <string>
#include <vector>

#include "fmt/format.h"
#include <gtest/gtest.h>

#include "rules/diagnostic_codes.h"
#include "rules/promql/ast.h"
#include "rules/promql/evaluator.h"
#include "rules/promql/functions.h"

namespace rootnote::promql {
namespace {

struct Case {
  const char* text;
  const char* want;  // canonical text, or line:column and the message of the first error
};

std::string Parsed(const std::string& text, const ParseOptions& options = {}) {
  Diagnostics diagnostics;
  const std::unique_ptr<Expr> expr = ParseText(text, diagnostics, options);
  if (expr) return ToString(*expr);
  if (diagnostics.list().empty()) return "null without a diagnostic";
  const Diagnostic& first = diagnostics.list().front();
  const Position at = RuleSource("t", text).At(first.span.begin);
  return fmt::format("{}:{} {}", at.line, at.column, first.message);
}

bool IsParsed(const std::string& text, const ParseOptions& options) {
  Diagnostics diagnostics;
  return ParseText(text, diagnostics, options) != nullptr;
}

void Check(const std::vector<Case>& cases, const ParseOptions& options = {}) {
  for (const Case& c : cases) {
    const std::string got = Parsed(c.text, options);
    EXPECT_EQ(got, c.want) << c.text;
    // What was printed reads as itself.
    if (IsParsed(c.text, options)) {
      EXPECT_EQ(Parsed(got, options), got) << c.text;
    }
  }
}

TEST(Parser, Literals) {
  Check({
      {"1", "1"},
      {"+1", "1"},
      {"-1", "-1"},
      {"1.50", "1.5"},
      {".5", "0.5"},
      {"5.", "5"},
      {"1e3", "1000"},
      {"1e30", "1e+30"},
      {"0x1F", "31"},
      {"0755", "493"},
      {"1_000_000", "1000000"},
      {"Inf", "Inf"},
      {"-inf", "-Inf"},
      {"nan", "NaN"},
      {"5m", "5m"},
      {"1h30m", "1h30m"},
      {"90s", "1m30s"},
      {"-5m", "-5m"},
      {"- -1", "1"},
      {"-(1)", "-(1)"},
      {"\"a\\nb\"", "\"a\\nb\""},
      {"'it''", "1:5 unterminated quoted string"},
      {"`a\"b`", "\"a\\\"b\""},
  });
}

TEST(Parser, UnitsOfOurs) {
  Check({
      {"5%", "5%"},
      {"99.9%", "99.9%"},
      {"-0.1%", "-0.1%"},
      {"4GiB", "4294967296B"},
      {"1.5s", "1s500ms"},
      {"0.25ms", "0.00025s"},
      {"200/s", "200/s"},
      {"10MB/s", "10000000B/s"},
      {"x > 5%", "x > 5%"},
      {"x > 5% and y", "x > 5% and y"},
      {"x % 5", "x % 5"},
      {"x%5", "x % 5"},
      {"5/s", "5/s"},
      {"5/s_total", "5 / s_total"},
      {"5%2", "5 % 2"},
  });
  Check({{"5%", "1:3 unexpected end of input"},
         {"5/s", "5 / s"},
         {"4GiB", "1:1 bad number or duration syntax: \"4GiB\""}},
        {.extensions = false});
}

TEST(Parser, PrecedenceAndAssociativity) {
  Check({
      {"1 + 2 * 3", "1 + 2 * 3"},
      {"(1+2)*3", "(1 + 2) * 3"},
      {"a or b and c", "a or b and c"},
      {"-a ^ b", "-a ^ b"},
      {"2 ^ 3 ^ 4", "2 ^ 3 ^ 4"},
      {"2 ^ -1", "2 ^ -1"},
      {"a atan2 b", "a atan2 b"},
      {"a ATAN2 b AND c UNLESS d OR e", "a atan2 b and c unless d or e"},
      {"a <-1", "a < -1"},
      {"a - -b", "a - -b"},
      {"--a", "--a"},
      {"+a", "+a"},
      {"a == bool b != bool c", "a == bool b != bool c"},
  });
}

// The tree, not the text: which operator is on top, and what stands left of it.
TEST(Parser, TreesOfOperators) {
  const struct {
    const char* text;
    BinaryOp top;
    const char* left;
  } cases[] = {
      {"1 + 2 * 3", BinaryOp::kAdd, "1"},
      {"1 * 2 + 3", BinaryOp::kAdd, "1 * 2"},
      {"1 - 2 - 3", BinaryOp::kSub, "1 - 2"},
      {"2 ^ 3 ^ 4", BinaryOp::kPow, "2"},
      {"-a * b", BinaryOp::kMul, "-a"},
      {"2 ^ -1 * 3", BinaryOp::kMul, "2 ^ -1"},
      {"a or b and c", BinaryOp::kOr, "a"},
      {"a and b unless c", BinaryOp::kUnless, "a and b"},
      {"a > 1 and b", BinaryOp::kAnd, "a > 1"},
      {"a + b > c", BinaryOp::kGt, "a + b"},
      {"a % b atan2 c", BinaryOp::kAtan2, "a % b"},
  };
  for (const auto& c : cases) {
    Diagnostics diagnostics;
    const auto expr = ParseText(c.text, diagnostics);
    ASSERT_NE(expr, nullptr) << c.text;
    ASSERT_EQ(expr->kind, ExprKind::kBinary) << c.text;
    EXPECT_EQ(expr->op, c.top) << c.text;
    EXPECT_EQ(ToString(*expr->args[0]), c.left) << c.text;
  }
  Diagnostics diagnostics;
  EXPECT_EQ(ParseText("-a ^ 2", diagnostics)->kind, ExprKind::kUnary);
  EXPECT_EQ(ParseText("-1 ^ 2", diagnostics)->kind, ExprKind::kUnary);
}

TEST(Parser, Selectors) {
  Check({
      {"foo", "foo"},
      {"foo{}", "foo"},
      {"foo{a=\"b\"}", "foo{a=\"b\"}"},
      {"foo {a=\"b\", c!='d', e=~`f.*`, g!~\"h|i\",}",
       "foo{a=\"b\", c!=\"d\", e=~\"f.*\", g!~\"h|i\"}"},
      {"{a=\"b\"}", "{a=\"b\"}"},
      {"{__name__=\"foo\"}", "foo"},
      {"{a=\"b\",__name__=\"foo\"}", "foo{a=\"b\"}"},
      {"{__name__=~\"foo.*\"}", "{__name__=~\"foo.*\"}"},
      {"{__name__=\"a\", __name__!=\"b\"}", "{__name__=\"a\", __name__!=\"b\"}"},
      {"{\"foo.bar\"}", "{\"foo.bar\"}"},
      {"{\"foo\", x=\"y\"}", "foo{x=\"y\"}"},
      {"{x=\"y\", \"foo\"}", "foo{x=\"y\"}"},
      {"{\"strange label\"=\"x\", \"m\"}", "m{\"strange label\"=\"x\"}"},
      {"a:b:c", "a:b:c"},
      {":a", ":a"},
      {"::a:b", "::a:b"},
      {"sum", "{\"sum\"}"},
      {"sum{a=\"b\"}", "{\"sum\", a=\"b\"}"},
      {"and + offset", "{\"and\"} + {\"offset\"}"},
      {"by", "{\"by\"}"},
      {"foo{sum=\"1\", on=\"2\", inf=\"3\"}", "foo{sum=\"1\", on=\"2\", inf=\"3\"}"},
      {"start + end", "{\"start\"} + {\"end\"}"},
      {"foo[5m]", "foo[5m]"},
      {"foo[90]", "foo[1m30s]"},
      {"foo[0x10]", "foo[16s]"},
      {"foo [5m]", "foo[5m]"},
      {"foo{a=\"b\"}[1d12h]", "foo{a=\"b\"}[1d12h]"},
      {"foo offset 5m", "foo offset 5m"},
      {"foo OFFSET -5m", "foo offset -5m"},
      {"foo offset - 300", "foo offset -5m"},
      {"foo offset 0s", "foo"},
      {"foo[5m] offset 1w", "foo[5m] offset 1w"},
      {"foo @ 100", "foo @ 100.000"},
      {"foo @ -1.5", "foo @ -1.500"},
      {"foo @ 1e3 offset 5m", "foo @ 1000.000 offset 5m"},
      {"foo offset 5m @ start()", "foo @ start() offset 5m"},
      {"foo[5m] @ end()", "foo[5m] @ end()"},
  });
}

TEST(Parser, SubqueriesFunctionsAndAggregations) {
  Check({
      {"foo[5m:1m]", "foo[5m:1m]"},
      {"foo[5m:]", "foo[5m:]"},
      {"rate(foo[1m])[5m:30s] offset 1m @ 10", "rate(foo[1m])[5m:30s] @ 10.000 offset 1m"},
      {"(a + b)[1h:]", "(a + b)[1h:]"},
      {"max_over_time(rate(x[1m])[30m:1m])", "max_over_time(rate(x[1m])[30m:1m])"},
      {"sum_over_time(max_over_time(x[1m:10s])[1h:1m])",
       "sum_over_time(max_over_time(x[1m:10s])[1h:1m])"},
      {"time()", "time()"},
      {"hour()", "hour()"},
      {"hour(x)", "hour(x)"},
      {"round(x)", "round(x)"},
      {"round(x, 5)", "round(x, 5)"},
      {"label_join(x, \"d\", \",\")", "label_join(x, \"d\", \",\")"},
      {"label_join(x, \"d\", \",\", \"a\", \"b\")", "label_join(x, \"d\", \",\", \"a\", \"b\")"},
      {"label_replace(x, \"d\", \"$1\", \"s\", \"(.*)\")",
       "label_replace(x, \"d\", \"$1\", \"s\", \"(.*)\")"},
      {"quantile_over_time(0.9, x[5m])", "quantile_over_time(0.9, x[5m])"},
      {"histogram_quantile(0.9, sum by (le) (rate(x_bucket[5m])))",
       "histogram_quantile(0.9, sum by (le) (rate(x_bucket[5m])))"},
      {"info(x, {a=~\".*\"})", "info(x, {a=~\".*\"})"},
      {"info(x)", "info(x)"},
      {"x[2 * 5m]", "x[10m]"},
      {"x[max_of(step(), 5m)]", "x[max_of(step(), 300)]"},
      {"x[-(5m - STEP() ^ 2)]", "x[-(300 - step() ^ 2)]"},
      {"x[(-2) ^ step()]", "x[(-2) ^ step()]"},
      {"max_over_time(x[1h:range() / 10])", "max_over_time(x[1h:range() / 10])"},
      {"x offset step()", "x offset (step())"},
      {"x offset (1h - 5m)", "x offset 55m"},
      {"x offset -(step() * 2)", "x offset (-(step() * 2))"},
      {"x offset (step() * 2)", "x offset (step() * 2)"},
      {"a + on (b) group_left fill(-1) c",
       "a + on (b) group_left () fill_left (-1) fill_right (-1) c"},
      {"a / fill_right(0) fill_left(1) b", "a / fill_left (1) fill_right (0) b"},
      {"a + fill", "a + fill"},
      {"info(x, {__name__=\"a_info\"})", "info(x, {__name__=\"a_info\"})"},
      {"baseline(x, 1d)", "baseline(x, 1d)"},
      {"zscore_over_time(x[1h])", "zscore_over_time(x[1h])"},
      {"sum(x)", "sum(x)"},
      {"sum by (a) (x)", "sum by (a) (x)"},
      {"sum(x) by (a, b,)", "sum by (a, b) (x)"},
      {"sum without () (x)", "sum without () (x)"},
      {"sum by () (x)", "sum(x)"},
      {"SUM WITHOUT (a) (x)", "sum without (a) (x)"},
      {"sum by (by, on, inf, \"a.b\") (x)", "sum by (by, on, inf, \"a.b\") (x)"},
      {"topk(5, x)", "topk(5, x)"},
      {"topk by (a) (scalar(y), x)", "topk by (a) (scalar(y), x)"},
      {"quantile(0.9, x)", "quantile(0.9, x)"},
      {"count_values(\"v\", x)", "count_values(\"v\", x)"},
      {"limitk(1, x) + limit_ratio(0.5, x)", "limitk(1, x) + limit_ratio(0.5, x)"},
      {"group(x)", "group(x)"},
      {"stddev(x) / stdvar(x)", "stddev(x) / stdvar(x)"},
      {"avg(x) by (a) > 1", "avg by (a) (x) > 1"},
  });
}

TEST(Parser, VectorMatching) {
  Check({
      {"a + on(x) b", "a + on (x) b"},
      {"a + on() b", "a + on () b"},
      {"a + ignoring() b", "a + b"},
      {"a + ignoring(x, y) b", "a + ignoring (x, y) b"},
      {"a * on(x) group_left b", "a * on (x) group_left () b"},
      {"a * on(x) group_left(y) b", "a * on (x) group_left (y) b"},
      {"a * ignoring(x) group_right(y, z) b", "a * ignoring (x) group_right (y, z) b"},
      {"a * ignoring() group_left b", "a * ignoring () group_left () b"},
      {"a > bool on(x) b", "a > bool on (x) b"},
      {"a and on(x) b", "a and on (x) b"},
      {"a unless ignoring(\"x y\") b", "a unless ignoring (\"x y\") b"},
      {"a\n+ # sum\nb", "a + b"},
  });
}

TEST(Parser, UnwrapOfEvents) {
  Check({
      {"sum_over_time(e{a=\"b\"} | unwrap ms [5m])", "sum_over_time(e{a=\"b\"} | unwrap ms [5m])"},
      {"sum_over_time(e[5m] | unwrap ms)", "sum_over_time(e | unwrap ms [5m])"},
      {"sum_over_time(e | unwrap \"a b\" [5m] offset 1m)",
       "sum_over_time(e | unwrap \"a b\" [5m] offset 1m)"},
      {"e | unwrap ms", "1:3 unwrap needs a range: an event has no value at an instant"},
      {"(e) | unwrap ms", "1:5 unwrap must follow a selector of events"},
      {"sum_over_time(e | unwrap a | unwrap b [5m])", "1:28 unwrap may not be set multiple times"},
      {"sum_over_time(e | unwrap [5m])",
       "1:26 unexpected \"[\" in unwrap, expected the name of an attribute"},
      {"sum_over_time(e | foo [5m])", "1:17 unexpected \"|\", expected \")\""},
  });
  Check({{"sum_over_time(e | unwrap ms [5m])", "1:17 unexpected \"|\", expected \")\""}},
        {.extensions = false});
}

TEST(Parser, SyntaxErrors) {
  Check({
      {"", "1:1 no expression found in input"},
      {"# nothing", "1:10 no expression found in input"},
      {"1 +", "1:4 unexpected end of input"},
      {"*1", "1:1 unexpected \"*\""},
      {"(1", "1:3 unclosed left parenthesis"},
      {"(1))", "1:4 unexpected \")\""},
      {"((1)", "1:5 unclosed left parenthesis"},
      {"()", "1:2 unexpected \")\""},
      {"1 2", "1:3 unexpected number \"2\""},
      {"foo bar", "1:5 unexpected identifier \"bar\""},
      {"foo\n  bar", "2:3 unexpected identifier \"bar\""},
      {"foo \"x\"", "1:5 unexpected string \"x\""},
      {"1 == == 2", "1:6 unexpected \"==\""},
      {"a + on b", "1:8 unexpected identifier \"b\" in grouping opts, expected \"(\""},
      {"a + on(1) b", "1:8 unexpected number \"1\" in grouping opts, expected label"},
      {"a + on(x y) b",
       "1:10 unexpected identifier \"y\" in grouping opts, expected \",\" or \")\""},
      {"a + on(x b", "1:10 unexpected identifier \"b\" in grouping opts, expected \",\" or \")\""},
      {"a + group_left b", "1:5 unexpected keyword \"group_left\""},
      {"a + bool", "1:9 unexpected end of input"},
      {"on", "1:1 unexpected keyword \"on\""},
      {"sum by a (x)", "1:5 unexpected keyword \"by\""},
      {"sum by (a) x", "1:12 unexpected identifier \"x\" in aggregation, expected \"(\""},
      {"sum(x) by (a b)",
       "1:14 unexpected identifier \"b\" in grouping opts, expected \",\" or \")\""},
      {"sum(x,)", "1:6 trailing commas not allowed in function call args"},
      {"sum by (\"\") (x)", "1:9 invalid label name \"\""},
      {"foo{", "1:5 unexpected end of input in label matching, expected identifier or \"}\""},
      {"foo{a}", "1:6 unexpected \"}\" in label matching, expected label matching operator"},
      {"foo{a=}", "1:7 unexpected \"}\" in label matching, expected string"},
      {"foo{a=1}", "1:7 unexpected number \"1\" in label matching, expected string"},
      {"foo{a=b}", "1:7 unexpected identifier \"b\" in label matching, expected string"},
      {"foo{a==\"b\"}",
       "1:6 unexpected \"==\" in label matching, expected label matching operator"},
      {"foo{a=\"b\" c=\"d\"}",
       "1:11 unexpected identifier \"c\" in label matching, expected \",\" or \"}\""},
      {"foo{,}", "1:5 unexpected \",\" in label matching, expected identifier or \"}\""},
      {"foo{a:b=\"c\"}",
       "1:5 unexpected metric identifier \"a:b\" in label matching, expected identifier or \"}\""},
      {"foo{\"\"=\"c\"}", "1:5 invalid label name \"\""},
      {"foo[",
       "1:5 unexpected end of input in subquery or range selector, expected number, duration, "
       "step(), or range()"},
      {"foo[10s / 0]", "1:5 division by zero"},
      {"foo[5m - 300]", "1:5 duration must be greater than 0"},
      {"foo[1h * (2]", "1:12 unexpected \"]\" in subquery or range selector, expected \")\""},
      {"foo[5m",
       "1:7 unexpected end of input in subquery or range, expected \":\" or "
       "\"]\""},
      {"foo[]",
       "1:5 unexpected \"]\" in subquery or range selector, expected number, duration, step(), or "
       "range()"},
      {"foo[\"5m\"]",
       "1:5 unexpected string \"5m\" in subquery or range selector, expected number, duration, "
       "step(), or range()"},
      {"foo[5m 30s]",
       "1:8 unexpected duration \"30s\" in subquery or range, expected "
       "\":\" or \"]\""},
      {"foo[30m1h]", "1:5 bad number or duration syntax: \"30m1h\""},
      {"foo[0]", "1:5 duration must be greater than 0"},
      {"foo[-5m]", "1:5 duration must be greater than 0"},
      {"foo[1e12]", "1:5 duration out of range"},
      {"foo[5m:0s]", "1:8 duration must be greater than 0"},
      {"foo[5m:1m", "1:10 unexpected end of input in subquery selector, expected \"]\""},
      {"foo[5m:x]",
       "1:8 unexpected identifier \"x\" in subquery selector, expected number, duration, "
       "step(), or range()"},
      {"foo offset",
       "1:11 unexpected end of input in offset, expected number, duration, step(), or range()"},
      {"foo offset x",
       "1:12 unexpected identifier \"x\" in offset, expected number, duration, step(), or range()"},
      {"foo @", "1:6 unexpected end of input in @, expected timestamp"},
      {"foo @ x", "1:7 unexpected identifier \"x\" in @, expected timestamp"},
      {"foo @ start", "1:12 unexpected end of input in @, expected \"(\""},
      {"foo @ start(1)", "1:13 unexpected number \"1\" in @, expected \")\""},
      {"foo @ Inf", "1:7 timestamp out of bounds for @ modifier: inf"},
      {"10x60", "1:1 bad number or duration syntax: \"10x60\""},
      {"1.2.3", "1:1 bad number or duration syntax: \"1.2.3\""},
      {"foo $", "1:5 unexpected character: '$'"},
      {"foo{a=\"\\q\"}", "1:8 unknown escape sequence \\q"},
      {"a -> b", "1:3 unexpected \"->\""},
      {"a , b", "1:3 unexpected \",\""},
      {"a ; b", "1:3 unexpected \";\""},
      {"a = b", "1:3 unexpected \"=\""},
      {"a =~ b", "1:3 unexpected \"=~\""},
  });
}

TEST(Parser, TypeErrorsInPrometheusWords) {
  Check({
      {"1 == 1", "1:3 comparisons between scalars must use BOOL modifier"},
      {"1 + bool 1", "1:3 bool modifier can only be used on comparison operators"},
      {"a and bool b", "1:3 bool modifier can only be used on comparison operators"},
      {"foo[5m] > 1", "1:1 binary expression must contain only scalar and instant vector types"},
      {"1 + \"a\"", "1:5 binary expression must contain only scalar and instant vector types"},
      {"foo and 1", "1:1 set operator \"and\" not allowed in binary scalar expression"},
      {"1 or foo", "1:1 set operator \"or\" not allowed in binary scalar expression"},
      {"foo * on(a) 1", "1:1 vector matching only allowed between instant vectors"},
      {"1 + ignoring(a) 2", "1:1 vector matching only allowed between instant vectors"},
      {"a or on(x) group_left(y) b", "1:1 no grouping allowed for \"or\" operation"},
      {"a * on(x) group_left(x) b",
       "1:3 label \"x\" must not occur in ON and GROUP clause at once"},
      {"-\"a\"",
       "1:1 unary expression only allowed on expressions of type scalar or instant "
       "vector, got \"string\""},
      {"-foo[5m]",
       "1:1 unary expression only allowed on expressions of type scalar or instant "
       "vector, got \"range vector\""},
      {"rate(foo)",
       "1:6 expected type range vector in call to function \"rate\", got instant vector"},
      {"abs(foo[5m])",
       "1:5 expected type instant vector in call to function \"abs\", got range vector"},
      {"abs(1)", "1:5 expected type instant vector in call to function \"abs\", got scalar"},
      {"vector(foo)",
       "1:8 expected type scalar in call to function \"vector\", got instant vector"},
      {"label_replace(foo, 1, \"\", \"\", \"\")",
       "1:20 expected type string in call to function \"label_replace\", got scalar"},
      {"abs()", "1:1 expected 1 argument(s) in call to \"abs\", got 0"},
      {"abs(a, b)", "1:1 expected 1 argument(s) in call to \"abs\", got 2"},
      {"time(1)", "1:1 expected 0 argument(s) in call to \"time\", got 1"},
      {"round()", "1:1 expected at least 1 argument(s) in call to \"round\", got 0"},
      {"round(a, 1, 2)", "1:1 expected at most 2 argument(s) in call to \"round\", got 3"},
      {"label_join(a, \"b\")",
       "1:1 expected at least 3 argument(s) in call to \"label_join\", got 2"},
      {"hour(a, b)", "1:1 expected at most 1 argument(s) in call to \"hour\", got 2"},
      {"sum()", "1:1 no arguments for aggregate expression provided"},
      {"sum(a, b)",
       "1:1 wrong number of arguments for aggregate expression provided, expected 1, "
       "got 2"},
      {"topk(a)",
       "1:1 wrong number of arguments for aggregate expression provided, expected 2, "
       "got 1"},
      {"sum(1)", "1:5 expected type instant vector in aggregation expression, got scalar"},
      {"sum(foo[5m])",
       "1:5 expected type instant vector in aggregation expression, got range vector"},
      {"topk(\"a\", b)", "1:6 expected type scalar in aggregation parameter, got string"},
      {"count_values(1, b)", "1:14 expected type string in aggregation parameter, got scalar"},
      {"1[5m]", "1:2 ranges only allowed for vector selectors"},
      {"(foo)[5m]", "1:6 ranges only allowed for vector selectors"},
      {"foo[5m][5m]", "1:8 ranges only allowed for vector selectors"},
      {"rate(foo[5m])[5m]", "1:14 ranges only allowed for vector selectors"},
      {"foo offset 5m[5m]", "1:14 no offset modifiers allowed before range"},
      {"foo @ 1 [5m]", "1:9 no @ modifiers allowed before range"},
      {"1[5m:]", "1:1 subquery is only allowed on instant vector, got scalar instead"},
      {"foo[5m][5m:]", "1:1 subquery is only allowed on instant vector, got range vector instead"},
      {"1 offset 5m",
       "1:1 offset modifier must be preceded by an instant vector selector or range "
       "vector selector or a subquery"},
      {"(foo) @ 5",
       "1:1 @ modifier must be preceded by an instant vector selector or range vector "
       "selector or a subquery"},
      {"foo offset 5m offset 5m", "1:1 offset may not be set multiple times"},
      {"foo @ 1 @ end()", "1:1 @ <timestamp> may not be set multiple times"},
      {"nosuch(foo)", "1:1 unknown function with name \"nosuch\""},
      {"{}", "1:1 vector selector must contain at least one non-empty matcher"},
      {"{a=\"\"}", "1:1 vector selector must contain at least one non-empty matcher"},
      {"{a=~\".*\", b!=\"c\"}", "1:1 vector selector must contain at least one non-empty matcher"},
      {"foo{__name__=\"bar\"}", "1:1 metric name must not be set twice: \"foo\" or \"bar\""},
      {"foo{\"bar\"}", "1:5 metric name must not be set twice: \"foo\" or \"bar\""},
      {"foo{a=~\"(\"}", "1:5 error parsing regexp: missing ): ("},
      {"label_replace(x, \"a\", \"b\", \"c\", \"(\")",
       "1:33 invalid regular expression in label_replace(): ("},
      {"info(x, y)", "1:9 expected label selectors only, got vector selector instead"},
      {"info(x, rate(y[5m]))", "1:9 expected label selectors only"},
  });
  Check({{"baseline(x, 1d)", "1:1 unknown function with name \"baseline\""}},
        {.extensions = false});
}

std::string Hint(const std::string& text) {
  Diagnostics diagnostics;
  ParseText(text, diagnostics);
  return diagnostics.list().empty() ? "none" : diagnostics.list().front().hint;
}

TEST(Parser, Hints) {
  EXPECT_EQ(Hint("ratee(x[5m])"), "did you mean rate?");
  EXPECT_EQ(Hint("summ(x)"), "did you mean sum?");
  EXPECT_EQ(Hint("holt_winters(x[5m], 0.5, 0.5)"), "did you mean double_exponential_smoothing?");
  EXPECT_EQ(Hint("1 == 1"), "write == bool");
  EXPECT_EQ(Hint("scalar(1)"), "vector(…) makes one of it");
  EXPECT_NE(Hint("rate(x)").find("x[5m]"), std::string::npos);
}

TEST(Parser, TellsSeveralErrorsOfTypesAtOnce) {
  Diagnostics diagnostics;
  EXPECT_EQ(ParseText("rate(a) + abs(b[5m]) > nosuch(c)", diagnostics), nullptr);
  EXPECT_EQ(diagnostics.errors(), 3u);
}

// The expression ends where it is complete; the rest is the rule language's.
TEST(Parser, TakesTheLongestPrefix) {
  const struct {
    const char* text;
    const char* expr;
    const char* next;  // the token behind it
  } cases[] = {
      {"rate(x[5m]) > 0.1 for 1m", "rate(x[5m]) > 0.1", "for"},
      {"x > 1 clear x < 0", "x > 1", "clear"},
      {"up == 0 }", "up == 0", "}"},
      {"sum(x) by (a) > 1 by host", "sum by (a) (x) > 1", "by"},
      {"sum(x) by host", "sum(x)", "by"},
      {"x > 5% for 30s", "x > 5%", "for"},
      {"x > 5% family errors", "x > 5%", "family"},
      {"x 5", "x", "5"},
      {"x and y\n  severity warning", "x and y", "severity"},
      {"x\n  offset 5m\n  summary \"s\"", "x offset 5m", "summary"},
      {"x > 3 * baseline(x, 1d) for 1m", "x > 3 * baseline(x, 1d)", "for"},
      {"x > 1 )", "x > 1", ")"},
      {"x ; y", "x", ";"},
      {"x = 3", "x", "="},
      {"x -> y", "x", "->"},
  };
  for (const auto& c : cases) {
    const RuleSource source("t", c.text);
    Diagnostics diagnostics;
    const std::vector<Token> tokens = Lex(source, 0, diagnostics);
    TokenCursor cursor(tokens);
    const auto expr = ParseExpr(cursor, diagnostics, {});
    ASSERT_NE(expr, nullptr) << c.text;
    EXPECT_EQ(ToString(*expr), c.expr);
    EXPECT_EQ(source.Text(cursor.Peek().span), c.next) << c.text;
    EXPECT_TRUE(diagnostics.list().empty()) << c.text;
  }
}

TEST(Parser, AfterAnErrorOfTypesTheCursorIsBehindTheExpression) {
  const RuleSource source("t", "rate(x) > 1 for 5m");
  Diagnostics diagnostics;
  const std::vector<Token> tokens = Lex(source, 0, diagnostics);
  TokenCursor cursor(tokens);
  EXPECT_EQ(ParseExpr(cursor, diagnostics, {}), nullptr);
  EXPECT_EQ(source.Text(cursor.Peek().span), "for");
}

TEST(Parser, WarnsOfAClauseWordWhereAnExpressionShouldBe) {
  Diagnostics diagnostics;
  const auto expr = ParseText("clear > 5", diagnostics);
  ASSERT_NE(expr, nullptr);
  ASSERT_EQ(diagnostics.list().size(), 1u);
  EXPECT_EQ(diagnostics.list()[0].code, DiagnosticCode::kClauseWordAsMetric);
  EXPECT_FALSE(diagnostics.has_errors());
  Diagnostics imported;
  EXPECT_NE(ParseText("clear > 5", imported, {.extensions = false}), nullptr);
  EXPECT_TRUE(imported.list().empty());
}

TEST(Parser, CallsOfDefsAreTypedAsVectors) {
  ParseOptions options;
  options.defs = {"hot"};
  EXPECT_EQ(Parsed("hot(cpu) > 1", options), "hot(cpu) > 1");
  EXPECT_EQ(Parsed("hott(cpu)", options), "1:1 unknown function with name \"hott\"");
}

TEST(Parser, TypesUnitsAndSpans) {
  Diagnostics diagnostics;
  const auto expr = ParseText("sum(rate(x[5m])) > 5%", diagnostics);
  ASSERT_NE(expr, nullptr);
  EXPECT_EQ(expr->type, ValueType::kVector);
  EXPECT_EQ(expr->span, (Span{0, 21}));
  const Expr& sum = *expr->args[0];
  EXPECT_EQ(sum.span, (Span{0, 16}));
  EXPECT_EQ(sum.args[0]->args[0]->type, ValueType::kMatrix);
  EXPECT_EQ(sum.args[0]->args[0]->span, (Span{9, 14}));
  const Expr& limit = *expr->args[1];
  EXPECT_EQ(limit.unit, Unit::kRatio);
  EXPECT_TRUE(limit.percent);
  EXPECT_EQ(limit.number, 0.05);
  EXPECT_EQ(ParseText("5m", diagnostics)->unit, Unit::kSeconds);
  EXPECT_EQ(ParseText("-4KiB", diagnostics)->number, -4096);
}

TEST(Parser, DeepNestingIsAnErrorNotACrash) {
  const auto repeat = [](const std::string& text, int times) {
    std::string all;
    for (int i = 0; i < times; ++i) all += text;
    return all;
  };
  const std::string deep = "expression is nested too deeply, at most 64 levels are allowed";
  for (const char* open : {"(", "-", "abs(", "sum(", "2 ^ ", "sum by (a) ("}) {
    const std::string got = Parsed(repeat(open, 20'000) + "x");
    EXPECT_NE(got.find(deep), std::string::npos) << open << ": " << got;
  }
  EXPECT_NE(Parsed(repeat("x + ", 20'000) + "x").find("more than 1000 operators"),
            std::string::npos);
  Diagnostics diagnostics;
  EXPECT_EQ(ParseText("x" + repeat("[1m:]", 20'000), diagnostics), nullptr);
  EXPECT_EQ(diagnostics.list().back().message, "expression has too many subqueries in a row");
  EXPECT_EQ(Parsed(repeat("(", 60) + "x" + repeat(")", 60)),
            repeat("(", 60) + "x" + repeat(")", 60));
  const std::string chain = repeat("x + ", 999) + "x";
  EXPECT_EQ(Parsed(chain), chain);
}

TEST(Ast, SelectorsInOrderOfAppearance) {
  Diagnostics diagnostics;
  const auto expr = ParseText("a / on(x) sum(rate(b[5m])) + max_over_time(c[1h:])", diagnostics);
  ASSERT_NE(expr, nullptr);
  const auto selectors = Selectors(*expr);
  ASSERT_EQ(selectors.size(), 3u);
  for (uint32_t i = 0; i < 3; ++i) EXPECT_EQ(selectors[i]->selector_id, i);
  EXPECT_EQ(selectors[0]->text, "a");
  EXPECT_EQ(selectors[1]->text, "b");
  EXPECT_EQ(selectors[2]->text, "c");
}

TEST(Ast, HistoryNeeded) {
  const struct {
    const char* text;
    Millis want;
  } cases[] = {
      {"1 + 2", 0min},
      {"a", 5min},
      {"a offset 1h", 65min},
      {"rate(a[10m]) + b", 10min},
      {"rate(a[10m] offset 5m)", 15min},
      {"a offset -10m", 0min},
      {"max_over_time(rate(a[5m])[1h:1m])", 65min},
      {"max_over_time(rate(a[5m])[1h:1m] offset 1h)", 125min},
      {"max_over_time(a[1h:])", 65min},
      {"label_replace(a, \"b\", \"\", \"c\", \"d\") or b offset 30m", 35min},
  };
  for (const auto& c : cases) {
    Diagnostics diagnostics;
    const auto expr = ParseText(c.text, diagnostics);
    ASSERT_NE(expr, nullptr) << c.text;
    EXPECT_EQ(HistoryNeeded(*expr, 5min), c.want) << c.text;
  }
}

TEST(Functions, AreSortedAndFound) {
  const auto functions = Functions();
  for (size_t i = 1; i < functions.size(); ++i) {
    EXPECT_LT(functions[i - 1].name, functions[i].name);
  }
  for (const FunctionSignature& function : functions) {
    EXPECT_EQ(FindFunction(function.name), &function);
  }
  EXPECT_EQ(FindFunction("nosuch"), nullptr);
  EXPECT_EQ(FindFunction(""), nullptr);
}

}  // namespace
}  // namespace rootnote::promql
