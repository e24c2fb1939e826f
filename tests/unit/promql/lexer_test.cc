#include "rules/lexer.h"

#include <cmath>
#include <string>
#include <vector>

#include "fmt/format.h"
#include <gtest/gtest.h>

#include "rules/diagnostic_codes.h"
#include "rules/unquote.h"

namespace rootnote {
namespace {

const char* UnitName(Unit unit) {
  switch (unit) {
    case Unit::kNone:
      return "";
    case Unit::kRatio:
      return "ratio";
    case Unit::kSeconds:
      return "s";
    case Unit::kBytes:
      return "B";
    case Unit::kPerSecond:
      return "/s";
    case Unit::kBytesPerSecond:
      return "B/s";
  }
  return "?";
}

// Each token as it came, with one character for its kind; symbols as they were written.
std::string Show(const Token& token, const RuleSource& source) {
  switch (token.kind) {
    case TokenKind::kEnd:
      return "$";
    case TokenKind::kInvalid:
      return "!";
    case TokenKind::kIdentifier:
      return "i:" + token.text;
    case TokenKind::kMetricIdentifier:
      return "m:" + token.text;
    case TokenKind::kNumber:
      return fmt::format("n:{}", token.value);
    case TokenKind::kQuantity:
      return fmt::format("q:{} {}", token.value, UnitName(token.unit));
    case TokenKind::kOddNumber:
      return "o:" + token.text;
    case TokenKind::kDuration:
      return fmt::format("d:{}", token.duration.count());
    case TokenKind::kString:
      return "s:" + token.text;
    default:
      return std::string(source.Text(token.span));
  }
}

std::string LexAll(const std::string& text, bool extensions = true) {
  Diagnostics diagnostics;
  std::string shown;
  const RuleSource source("t", text);
  for (const Token& token : Lex(source, 0, diagnostics, {.extensions = extensions})) {
    if (!shown.empty()) shown += ' ';
    shown += Show(token, source);
  }
  for (const Diagnostic& diagnostic : diagnostics.list()) {
    shown += " | " + CodeName(diagnostic.code) + " " + diagnostic.message;
  }
  return shown;
}

struct Case {
  const char* text;
  const char* tokens;
};

TEST(Lexer, NumbersAsPrometheusReadsThem) {
  const Case cases[] = {
      {"1", "n:1 $"},
      {"1.5", "n:1.5 $"},
      {".5", "n:0.5 $"},
      {"5.", "n:5 $"},
      {"1e3", "n:1000 $"},
      {"1.5E-3", "n:0.0015 $"},
      {"1_000_000", "n:1000000 $"},
      {"0x1F", "n:31 $"},
      {"0xdead_beef", "n:3735928559 $"},
      {"0755", "n:493 $"},
      {"089", "n:89 $"},
      {"Inf", "n:inf $"},
      {"+inf", "+ n:inf $"},
      {"NaN", "n:nan $"},
      {"nAN", "n:nan $"},
      {"1e400", "o:1e400 $"},
      {"1_", "o:1_ $"},
      {"1__0", "o:1__0 $"},
      {"1.2.3", "o:1.2.3 $"},
      {"10.0.0.1", "o:10.0.0.1 $"},
      {"3com", "o:3com $"},
      {"10x60", "o:10x60 $"},
      {"0x", "o:0x $"},
      {"1e", "o:1e $"},
      {"1e+", "o:1e + $"},
  };
  for (const Case& c : cases) EXPECT_EQ(LexAll(c.text), c.tokens) << c.text;
}

TEST(Lexer, DurationsAndUnits) {
  const Case cases[] = {
      {"5m", "d:300000 $"},
      {"1h30m", "d:5400000 $"},
      {"1d12h", "d:129600000 $"},
      {"200ms", "d:200 $"},
      {"0s", "d:0 $"},
      {"1y", "d:31536000000 $"},
      // The largest first, each once.
      {"30m1h", "o:30m1h $"},
      {"5m5m", "o:5m5m $"},
      {"5mm", "o:5mm $"},
      {"1.5s", "q:1.5 s $"},
      {"0.5ms", "q:0.0005 s $"},
      {"4GiB", "q:4294967296 B $"},
      {"10kB", "q:10000 B $"},
      {"1.5MB", "q:1500000 B $"},
      {"10MB/s", "q:10000000 B/s $"},
      {"4gib", "o:4gib $"},
      {"5%", "q:0.05 ratio $"},
      {"077%", "q:0.77 ratio $"},
      {"1e2%", "q:1 ratio $"},
      {"0.3ms", "q:0.0003 s $"},
      {"0.1%)", "q:0.001 ratio ) $"},
      {"99.9%,", "q:0.999 ratio , $"},
      {"200/s", "q:200 /s $"},
      {"200/s)", "q:200 /s ) $"},
  };
  for (const Case& c : cases) EXPECT_EQ(LexAll(c.text), c.tokens) << c.text;
}

// `N%` is modulo unless the sign touches the number and something closes behind it; `N/s` divides
// if a name goes on.
TEST(Lexer, PercentAndPerSecondOrModuloAndDivision) {
  const Case cases[] = {
      {"5 % 2", "n:5 % n:2 $"},
      {"5%2", "n:5 % n:2 $"},
      {"5%x", "n:5 % i:x $"},
      {"5%(x)", "n:5 % ( i:x ) $"},
      {"5% 2", "q:0.05 ratio n:2 $"},
      {"5%\n", "q:0.05 ratio $"},
      {"5%# note", "q:0.05 ratio $"},
      {"5 %", "n:5 % $"},
      {"5/s_total", "n:5 / i:s_total $"},
      {"5/s{}", "n:5 / i:s { } $"},
      {"5/s[1m]", "n:5 / i:s [ d:60000 ] $"},
      {"5/s(x)", "n:5 / i:s ( i:x ) $"},
      {"5 /s", "n:5 / i:s $"},
      {"5/s:x", "n:5 / m:s:x $"},
      {"0x10/s", "n:16 / i:s $"},
      {"0x5%", "n:5 % $"},
  };
  for (const Case& c : cases) EXPECT_EQ(LexAll(c.text), c.tokens) << c.text;
}

TEST(Lexer, WithoutExtensionsThereAreNoUnits) {
  const Case cases[] = {
      {"5%", "n:5 % $"},    {"200/s", "n:200 / i:s $"}, {"4GiB", "o:4GiB $"},
      {"1.5s", "o:1.5s $"}, {"5m", "d:300000 $"},
  };
  for (const Case& c : cases) EXPECT_EQ(LexAll(c.text, false), c.tokens) << c.text;
}

TEST(Lexer, NamesAndColons) {
  const Case cases[] = {
      {"foo_bar1", "i:foo_bar1 $"},
      {"job:rate5m:sum", "m:job:rate5m:sum $"},
      {"a::b", "m:a::b $"},
      // A colon at an end of a word stands for itself.
      {"a: b", "i:a : i:b $"},
      {"a :b", "i:a : i:b $"},
      {"[5m:1m]", "[ d:300000 : d:60000 ] $"},
      {"[5m:]", "[ d:300000 : ] $"},
      {"host:10.0.0.1", "m:host:10 o:.0.0.1 $"},
      {"disk:a1/d7", "m:disk:a1 / i:d7 $"},
      {"dns:internal-atlantic", "m:dns:internal - i:atlantic $"},
  };
  for (const Case& c : cases) EXPECT_EQ(LexAll(c.text), c.tokens) << c.text;
}

TEST(Lexer, StringsAndTheirEscapes) {
  const Case cases[] = {
      {R"("a b")", "s:a b $"},
      {R"('it')", "s:it $"},
      {R"("\"q\"")", "s:\"q\" $"},
      {R"("a\tb\\")", "s:a\tb\\ $"},
      {R"("\x41\101\u00e9\U0001F600")", "s:AA\xC3\xA9\xF0\x9F\x98\x80 $"},
      {"`raw \\n \"x\"`", "s:raw \\n \"x\" $"},
      {"`two\nlines`", "s:two\nlines $"},
      {R"("")", "s: $"},
      {R"("\z")", "! $ | E0102 unknown escape sequence \\z"},
      // The other quote needs no escape and has none, as in Go.
      {R"("\'")", "! $ | E0102 unknown escape sequence \\'"},
      {R"("\x4")", "! $ | E0102 escape sequence not terminated"},
      {R"("\u12g4")", "! $ | E0102 illegal character in escape sequence"},
      {R"("\ud800")", "! $ | E0102 escape sequence is an invalid Unicode code point"},
      {R"("\U00110000")", "! $ | E0102 escape sequence is above the largest code"},
      {R"("\xff")", "! $ | E0103 escape sequence gives a byte that is not UTF-8"},
      {"\"\xff\"", "! $ | E0103 invalid UTF-8 in a string"},
      {R"("abc)", "! $ | E0101 unterminated quoted string"},
      {"\"a\nb\"",
       "! i:b ! $ | E0101 unterminated quoted string | E0101 unterminated quoted string"},
      {"`abc", "! $ | E0101 unterminated raw string"},
  };
  for (const Case& c : cases) EXPECT_EQ(LexAll(c.text), c.tokens) << c.text;
}

TEST(Lexer, SymbolsCommentsAndWhatMeansNothing) {
  const Case cases[] = {
      {"", "$"},
      {"# only a comment", "$"},
      {"a # b\nc", "i:a i:c $"},
      {"= == =~ != !~ < <= > >=", "= == =~ != !~ < <= > >= $"},
      {"->", "-> $"},
      // Less, minus: only the parser knows where `<-` is an arrow.
      {"<-", "< - $"},
      {"... \xE2\x80\xA6", "... \xE2\x80\xA6 $"},
      {"a $ b", "i:a ! i:b $ | E0100 unexpected character: '$'"},
      {"\xC3\xA9t\xC3\xA9",
       "! i:t ! $ | E0100 unexpected character: '\xC3\xA9' | E0100 unexpected "
       "character: '\xC3\xA9'"},
      {"a \xff\xfe b", "i:a ! i:b $ | E0103 invalid UTF-8"},
      {"\x01", "! $ | E0100 unexpected character: 0x01"},
      {"\xEF\xBB\xBFup", "i:up $"},
  };
  for (const Case& c : cases) EXPECT_EQ(LexAll(c.text), c.tokens) << c.text;
}

TEST(Lexer, KindsOfSymbols) {
  Diagnostics diagnostics;
  const RuleSource source("t",
                          "= == =~ != !~ < <= > >= -> <- ... \xE2\x80\xA6 | @ ; . { } [ ] ( )");
  const TokenKind want[] = {
      TokenKind::kAssign,       TokenKind::kEqual,         TokenKind::kMatchRegex,
      TokenKind::kNotEqual,     TokenKind::kNotMatchRegex, TokenKind::kLess,
      TokenKind::kLessEqual,    TokenKind::kGreater,       TokenKind::kGreaterEqual,
      TokenKind::kArrow,        TokenKind::kLess,          TokenKind::kMinus,
      TokenKind::kEllipsis,     TokenKind::kEllipsis,      TokenKind::kPipe,
      TokenKind::kAt,           TokenKind::kSemicolon,     TokenKind::kDot,
      TokenKind::kLeftBrace,    TokenKind::kRightBrace,    TokenKind::kLeftBracket,
      TokenKind::kRightBracket, TokenKind::kLeftParen,     TokenKind::kRightParen,
      TokenKind::kEnd};
  const std::vector<Token> tokens = Lex(source, 0, diagnostics);
  ASSERT_EQ(tokens.size(), std::size(want));
  for (size_t i = 0; i < tokens.size(); ++i) EXPECT_EQ(tokens[i].kind, want[i]) << i;
}

TEST(Lexer, SpansSpaceAndNewlines) {
  Diagnostics diagnostics;
  const RuleSource source("t", "a  b\n  'c'#x\n5m");
  const std::vector<Token> tokens = Lex(source, 0, diagnostics);
  ASSERT_EQ(tokens.size(), 5u);
  EXPECT_EQ(source.Text(tokens[2].span), "'c'");
  EXPECT_EQ(source.Text(tokens[3].span), "5m");
  EXPECT_TRUE(tokens[1].space_before);
  EXPECT_FALSE(tokens[1].newline_before);
  EXPECT_TRUE(tokens[2].newline_before);
  EXPECT_TRUE(tokens[3].newline_before);
  EXPECT_EQ(tokens[4].span, (Span{15, 15}));
}

TEST(TokenCursor, StopsAtTheEndAndKnowsTheArrow) {
  Diagnostics diagnostics;
  const RuleSource source("t", "a <- b < - c");
  const std::vector<Token> tokens = Lex(source, 0, diagnostics);
  TokenCursor cursor(tokens);
  cursor.Next();
  EXPECT_TRUE(cursor.IsBackArrow());
  cursor.Next();
  cursor.Next();
  cursor.Next();
  EXPECT_FALSE(cursor.IsBackArrow());
  while (!cursor.AtEnd()) cursor.Next();
  EXPECT_EQ(cursor.Next().kind, TokenKind::kEnd);
  EXPECT_EQ(cursor.Peek(7).kind, TokenKind::kEnd);
}

TEST(RuleSource, PositionsCountCodePoints) {
  const RuleSource source("t", "ab\n\xC3\xA9x\r\n");
  EXPECT_EQ(source.At(0).line, 1u);
  EXPECT_EQ(source.At(1).column, 2u);
  EXPECT_EQ(source.At(3).line, 2u);
  EXPECT_EQ(source.At(5).column, 2u);
  EXPECT_EQ(source.At(99).line, 3u);
  EXPECT_EQ(source.Line(1), "ab");
  EXPECT_EQ(source.Line(2), "\xC3\xA9x");
  EXPECT_EQ(source.Line(3), "");
  EXPECT_EQ(source.Line(4), "");
  EXPECT_EQ(source.Line(0), "");
}

TEST(Unquote, BytesThatAreNoTextWhereGoHasThem) {
  UnquoteError error;
  EXPECT_EQ(Unquote(R"("a\xc5z\377")", error, ByteEscapes::kAnyByte), "a\xc5z\xff");
  EXPECT_EQ(Unquote(R"("\xc3\xa9")", error, ByteEscapes::kAnyByte), "\xC3\xA9");
  EXPECT_EQ(Quote("a\xc5z\xC3\xA9"), "\"a\\xc5z\xC3\xA9\"");
  EXPECT_EQ(Unquote(Quote("\xff\x80"), error, ByteEscapes::kAnyByte), "\xff\x80");
  EXPECT_EQ(Unquote("\"\xff\"", error, ByteEscapes::kAnyByte), std::nullopt);
}

TEST(Unquote, GivesBackWhatQuoteWrote) {
  for (const std::string text : {"", "plain", "\"q\" \\ \n\r\t", "\x01\x7f", "caf\xC3\xA9"}) {
    UnquoteError error;
    EXPECT_EQ(Unquote(Quote(text), error), text) << Quote(text);
  }
}

}  // namespace
}  // namespace rootnote
