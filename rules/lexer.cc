#include "rules/lexer.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "fmt/core.h"
#include "re2/re2.h"

#include "rules/diagnostic_codes.h"
#include "rules/unquote.h"

namespace rootnote {
namespace {

bool IsDigit(char c) { return c >= '0' && c <= '9'; }
bool IsNameStart(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; }
bool IsNameChar(char c) { return IsNameStart(c) || IsDigit(c); }
bool IsSpace(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }
char Lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

bool EqualsIgnoringCase(std::string_view text, std::string_view lower) {
  if (text.size() != lower.size()) return false;
  for (size_t i = 0; i < text.size(); ++i) {
    if (Lower(text[i]) != lower[i]) return false;
  }
  return true;
}

struct NamedUnit {
  std::string_view name;
  Unit unit;
  double factor;
};

// Longest first where one is a prefix of another. Durations are PromQL's own.
constexpr NamedUnit kByteUnits[] = {
    {"B", Unit::kBytes, 1},
    {"kB", Unit::kBytes, 1e3},
    {"MB", Unit::kBytes, 1e6},
    {"GB", Unit::kBytes, 1e9},
    {"TB", Unit::kBytes, 1e12},
    {"KiB", Unit::kBytes, 1024.0},
    {"MiB", Unit::kBytes, 1024.0 * 1024},
    {"GiB", Unit::kBytes, 1024.0 * 1024 * 1024},
    {"TiB", Unit::kBytes, 1024.0 * 1024 * 1024 * 1024},
};
constexpr NamedUnit kTimeUnits[] = {
    {"ms", Unit::kSeconds, 0.001},     {"s", Unit::kSeconds, 1},
    {"m", Unit::kSeconds, 60},         {"h", Unit::kSeconds, 3600},
    {"d", Unit::kSeconds, 86'400},     {"w", Unit::kSeconds, 604'800},
    {"y", Unit::kSeconds, 31'536'000},
};

// A number as Prometheus reads it: underscores between digits, hexadecimal and octal integers.
std::optional<double> ParseNumber(std::string_view text) {
  std::string digits;
  digits.reserve(text.size());
  for (const char c : text) {
    if (c != '_') digits += c;
  }
  const bool hex = digits.size() > 2 && digits[0] == '0' && Lower(digits[1]) == 'x';
  const bool octal = !hex && digits.size() > 1 && digits[0] == '0' &&
                     digits.find_first_not_of("01234567") == std::string::npos;
  if (octal) return static_cast<double>(std::strtoull(digits.c_str(), nullptr, 8));
  char* end = nullptr;
  const double value = std::strtod(digits.c_str(), &end);
  if (end != digits.c_str() + digits.size()) return std::nullopt;
  // Go's ParseFloat refuses what is out of range; so does this.
  if (std::isinf(value)) return std::nullopt;
  return value;
}

class Scanner {
 public:
  Scanner(const RuleSource& source, uint32_t source_index, Diagnostics& diagnostics,
          const LexerOptions& options)
      : text_(source.text()),
        source_index_(source_index),
        diagnostics_(diagnostics),
        options_(options) {
    if (options_.unicode_names) letter_ = std::make_unique<const re2::RE2>("\\pL");
  }

  std::vector<Token> Run() {
    if (text_.substr(0, 3) == "\xEF\xBB\xBF") at_ = 3;
    while (true) {
      Token token;
      SkipSpace(token);
      token.span.begin = static_cast<uint32_t>(at_);
      if (at_ >= text_.size()) {
        token.span.end = token.span.begin;
        tokens_.push_back(std::move(token));
        return std::move(tokens_);
      }
      Scan(token);
      token.span.end = static_cast<uint32_t>(at_);
      tokens_.push_back(std::move(token));
    }
  }

 private:
  char Char(size_t ahead = 0) const {
    return at_ + ahead < text_.size() ? text_[at_ + ahead] : '\0';
  }

  void SkipSpace(Token& token) {
    token.space_before = at_ == 0;
    while (at_ < text_.size()) {
      if (Char() == '#') {
        while (at_ < text_.size() && Char() != '\n') ++at_;
      } else if (!IsSpace(Char())) {
        return;
      } else {
        token.newline_before |= Char() == '\n';
        ++at_;
      }
      token.space_before = true;
    }
  }

  void Scan(Token& token) {
    const char c = Char();
    if (IsNameStart(c) || LetterLength() > 0) {
      ScanWord(token);
    } else if (IsDigit(c) || (c == '.' && IsDigit(Char(1)))) {
      ScanNumber(token);
    } else if (c == '"' || c == '\'' || c == '`') {
      ScanString(token);
    } else {
      ScanSymbol(token);
    }
  }

  void ScanWord(Token& token) {
    const size_t begin = at_;
    token.kind = TokenKind::kIdentifier;
    for (size_t length = LetterLength(); length > 0 || IsNameByte() || IsColonInside();
         length = LetterLength()) {
      if (Char() == ':') token.kind = TokenKind::kMetricIdentifier;
      at_ += std::max<size_t>(length, 1);
    }
    token.text = std::string(text_.substr(begin, at_ - begin));
    if (EqualsIgnoringCase(token.text, "inf")) {
      token.kind = TokenKind::kNumber;
      token.value = HUGE_VAL;
    } else if (EqualsIgnoringCase(token.text, "nan")) {
      token.kind = TokenKind::kNumber;
      token.value = std::nan("");
    }
  }

  bool IsNameByte(size_t ahead = 0) const {
    return IsNameChar(Char(ahead)) || (options_.unicode_names && Char(ahead) == '.');
  }

  // Bytes of the letter beyond ASCII that stands here, where names may hold one; else 0.
  size_t LetterLength(size_t ahead = 0) const {
    if (letter_ == nullptr || static_cast<unsigned char>(Char(ahead)) < 0x80) return 0;
    const std::string_view rest = text_.substr(at_ + ahead);
    const size_t length = CodePointLength(rest);
    const bool letter =
        length > 0 && re2::RE2::FullMatch(re2::StringPiece(rest.data(), length), *letter_);
    return letter ? length : 0;
  }

  // A colon that goes on with a name; one at the end of a word stands for itself.
  bool IsColonInside() const {
    if (Char() != ':') return false;
    size_t ahead = 1;
    while (Char(ahead) == ':') ++ahead;
    return IsNameByte(ahead) || LetterLength(ahead) > 0;
  }

  void ScanNumber(Token& token) {
    const size_t begin = at_;
    const bool hex = Char() == '0' && Lower(Char(1)) == 'x';
    ScanDigits(hex);
    const std::string_view digits = text_.substr(begin, at_ - begin);
    const std::optional<double> value = ParseNumber(digits);
    if (value.has_value() && IsNumberEnd()) {
      token.kind = TokenKind::kNumber;
      token.value = *value;
      if (options_.extensions && !hex) ScanShareOrRate(token, digits);
      return;
    }
    if (!hex && ScanUnits(token, begin, value)) return;
    at_ = begin;
    ScanOddNumber(token);
  }

  // Digits, with a point, an exponent and single underscores between digits.
  void ScanDigits(bool hex) {
    if (hex) at_ += 2;
    const auto is_digit = [hex](char c) {
      return IsDigit(c) || (hex && Lower(c) >= 'a' && Lower(c) <= 'f');
    };
    const auto run = [&] {
      while (is_digit(Char()) || (Char() == '_' && is_digit(Char(1)))) ++at_;
    };
    run();
    if (hex) return;
    if (Char() == '.' && !IsNameStart(Char(1)) && Char(1) != '.') {
      ++at_;
      run();
    } else if (Char() == '.' && Lower(Char(1)) == 'e' && IsExponent(1)) {
      ++at_;
    }
    if (IsExponent(0)) {
      at_ += IsDigit(Char(1)) ? 1 : 2;
      run();
    }
  }

  bool IsExponent(size_t ahead) const {
    if (Lower(Char(ahead)) != 'e') return false;
    const char next = Char(ahead + 1);
    return IsDigit(next) || ((next == '+' || next == '-') && IsDigit(Char(ahead + 2)));
  }

  bool IsNumberEnd() const { return !IsNameChar(Char()) && !(Char() == '.' && IsDigit(Char(1))); }

  // `5%` and `200/s`, after a number that has been read.
  void ScanShareOrRate(Token& token, std::string_view digits) {
    if (Char() == '%' && IsPercentEnd(Char(1))) {
      ++at_;
      token.kind = TokenKind::kQuantity;
      token.unit = Unit::kRatio;
      // 99.9% is 0.999, which 99.9 / 100 is not quite.
      const bool shift = digits.find_first_of("eE") == std::string_view::npos;
      token.value = shift ? *ParseNumber(std::string(digits) + "e-2") : token.value / 100;
    } else if (IsPerSecond()) {
      at_ += 2;
      token.kind = TokenKind::kQuantity;
      token.unit = Unit::kPerSecond;
    }
  }

  static bool IsPercentEnd(char c) {
    return c == '\0' || IsSpace(c) || c == ')' || c == ',' || c == ']' || c == '}' || c == '#';
  }

  bool IsPerSecond() const {
    if (Char() != '/' || Char(1) != 's') return false;
    const char after = Char(2);
    return !IsNameChar(after) && after != ':' && after != '{' && after != '[' && after != '(';
  }

  // A duration, or with extensions a number of bytes or a fraction of a time unit.
  bool ScanUnits(Token& token, size_t begin, std::optional<double> value) {
    size_t end = begin;
    while (end < text_.size() && IsNameChar(text_[end])) ++end;
    const bool ends = end >= text_.size() ||
                      !(text_[end] == '.' && end + 1 < text_.size() && IsDigit(text_[end + 1]));
    if (const auto duration = ParseDuration(text_.substr(begin, end - begin)); duration && ends) {
      at_ = end;
      token.kind = TokenKind::kDuration;
      token.unit = Unit::kSeconds;
      token.duration = *duration;
      token.value = static_cast<double>(duration->count()) / 1000;
      return true;
    }
    if (!options_.extensions || !value) return false;
    end = at_;
    while (end < text_.size() && IsNameChar(text_[end])) ++end;
    const std::string_view name = text_.substr(at_, end - at_);
    const auto take = [&](const NamedUnit& unit) {
      if (unit.name != name) return false;
      at_ = end;
      token.kind = TokenKind::kQuantity;
      token.unit = unit.unit;
      // Dividing by a thousand is exact where multiplying by a thousandth is not.
      token.value = unit.factor < 1 ? *value / (1 / unit.factor) : *value * unit.factor;
      return true;
    };
    for (const NamedUnit& unit : kByteUnits) {
      if (!take(unit)) continue;
      if (IsPerSecond()) {
        at_ += 2;
        token.unit = Unit::kBytesPerSecond;
      }
      return true;
    }
    for (const NamedUnit& unit : kTimeUnits) {
      if (take(unit)) return true;
    }
    return false;
  }

  void ScanOddNumber(Token& token) {
    const size_t begin = at_;
    while (IsNameChar(Char()) || (Char() == '.' && IsNameChar(Char(1)))) ++at_;
    if (at_ == begin) ++at_;
    token.kind = TokenKind::kOddNumber;
    token.text = std::string(text_.substr(begin, at_ - begin));
  }

  void ScanString(Token& token) {
    const size_t begin = at_;
    const char quote = Char();
    ++at_;
    while (at_ < text_.size() && Char() != quote && (quote == '`' || Char() != '\n')) {
      at_ += Char() == '\\' && quote != '`' && at_ + 1 < text_.size() && Char(1) != '\n' ? 2 : 1;
    }
    if (at_ >= text_.size() || Char() != quote) {
      Report(
          DiagnosticCode::kUnterminatedString, begin, begin + 1,
          quote == '`' ? "unterminated raw string" : "unterminated quoted string",
          fmt::format("close it with {}; only raw strings, in `…`, may hold line breaks", quote));
      token.kind = TokenKind::kInvalid;
      return;
    }
    ++at_;
    UnquoteError error;
    std::optional<std::string> unquoted =
        Unquote(text_.substr(begin, at_ - begin), error,
                options_.extensions ? ByteEscapes::kMustBeUtf8 : ByteEscapes::kAnyByte);
    if (!unquoted) {
      const bool utf8 = error.kind == UnquoteError::Kind::kInvalidUtf8;
      Report(utf8 ? DiagnosticCode::kInvalidUtf8 : DiagnosticCode::kInvalidEscape,
             begin + error.begin, begin + error.end, error.message,
             utf8 ? ""
                  : R"(the escapes are \a \b \f \n \r \t \v \\ \" \' \ooo \xhh \uhhhh \Uhhhhhhhh;)"
                    " raw strings in `…` have none");
      token.kind = TokenKind::kInvalid;
      return;
    }
    token.kind = TokenKind::kString;
    token.text = std::move(*unquoted);
  }

  struct Symbol {
    std::string_view text;
    TokenKind kind;
  };

  void ScanSymbol(Token& token) {
    // Longer ones first.
    static constexpr Symbol kSymbols[] = {
        {"\xE2\x80\xA6", TokenKind::kEllipsis},
        {"...", TokenKind::kEllipsis},
        {"==", TokenKind::kEqual},
        {"=~", TokenKind::kMatchRegex},
        {"!=", TokenKind::kNotEqual},
        {"!~", TokenKind::kNotMatchRegex},
        {"<=", TokenKind::kLessEqual},
        {">=", TokenKind::kGreaterEqual},
        {"->", TokenKind::kArrow},
        {"=", TokenKind::kAssign},
        {"<", TokenKind::kLess},
        {">", TokenKind::kGreater},
        {"+", TokenKind::kPlus},
        {"-", TokenKind::kMinus},
        {"*", TokenKind::kStar},
        {"/", TokenKind::kSlash},
        {"%", TokenKind::kPercent},
        {"^", TokenKind::kCaret},
        {"(", TokenKind::kLeftParen},
        {")", TokenKind::kRightParen},
        {"{", TokenKind::kLeftBrace},
        {"}", TokenKind::kRightBrace},
        {"[", TokenKind::kLeftBracket},
        {"]", TokenKind::kRightBracket},
        {",", TokenKind::kComma},
        {":", TokenKind::kColon},
        {";", TokenKind::kSemicolon},
        {".", TokenKind::kDot},
        {"@", TokenKind::kAt},
        {"|", TokenKind::kPipe},
    };
    for (const Symbol& symbol : kSymbols) {
      if (text_.substr(at_, symbol.text.size()) != symbol.text) continue;
      token.kind = symbol.kind;
      at_ += symbol.text.size();
      return;
    }
    ScanInvalid(token);
  }

  // One diagnostic for a run of characters that mean nothing.
  void ScanInvalid(Token& token) {
    const size_t begin = at_;
    token.kind = TokenKind::kInvalid;
    const size_t length = CodePointLength(text_.substr(at_));
    if (length == 0) {
      while (at_ < text_.size() && CodePointLength(text_.substr(at_)) == 0) ++at_;
      Report(DiagnosticCode::kInvalidUtf8, begin, at_, "invalid UTF-8",
             "rule files are UTF-8 text");
      return;
    }
    at_ += length;
    const std::string_view what = text_.substr(begin, length);
    const bool printable = length > 1 || (what[0] > ' ' && what[0] < 127);
    Report(DiagnosticCode::kInvalidCharacter, begin, at_,
           printable ? fmt::format("unexpected character: '{}'", what)
                     : fmt::format("unexpected character: 0x{:02x}",
                                   static_cast<unsigned>(static_cast<unsigned char>(what[0]))),
           length > 1 ? "names with such characters stand in quotes" : "");
  }

  void Report(DiagnosticCode code, size_t begin, size_t end, std::string message,
              std::string hint) {
    diagnostics_.Error(code, source_index_,
                       {static_cast<uint32_t>(begin), static_cast<uint32_t>(end)},
                       std::move(message), std::move(hint));
  }

  const std::string_view text_;
  const uint32_t source_index_;
  Diagnostics& diagnostics_;
  const LexerOptions options_;
  std::unique_ptr<const re2::RE2> letter_;
  size_t at_ = 0;
  std::vector<Token> tokens_;
};

}  // namespace

std::vector<Token> Lex(const RuleSource& source, uint32_t source_index, Diagnostics& diagnostics,
                       const LexerOptions& options) {
  return Scanner(source, source_index, diagnostics, options).Run();
}

}  // namespace rootnote
