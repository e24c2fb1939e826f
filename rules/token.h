// Tokens of the rule language and of PromQL inside it: one lexer for both.
#pragma once

#include <cstdint>
#include <string>

#include "rules/source.h"
#include "schemas/base/time.h"

namespace rootnote {

enum class TokenKind : uint8_t {
  kEnd,
  kInvalid,     // a diagnostic has been given
  kIdentifier,  // [A-Za-z_][A-Za-z0-9_]* ; PromQL metric names may hold ':' (kMetricIdentifier)
  kMetricIdentifier,
  kNumber,     // 1, 1.5e3, 0x1F, Inf, NaN (value)
  kQuantity,   // number with a unit in base units: 20ms 5% 4GiB 200/s (value, unit)
  kOddNumber,  // digits that are no number: 10x60, 10.0.0.1, 3com (text as written). Right only in
               // the series of tests and in names of entities; elsewhere the parser refuses it.
  kDuration,   // 5m, 1h30m, 90s (duration); also usable where a number of seconds is expected
  kString,     // "…", '…' with escapes, `…` raw (text is unescaped)
  kLeftParen,
  kRightParen,
  kLeftBrace,
  kRightBrace,
  kLeftBracket,
  kRightBracket,
  kComma,
  kColon,
  kSemicolon,
  kDot,
  kAt,
  kPipe,
  kSlash,
  kAssign,         // =
  kEqual,          // ==
  kNotEqual,       // !=
  kMatchRegex,     // =~
  kNotMatchRegex,  // !~
  kLess,
  kLessEqual,
  kGreater,
  kGreaterEqual,
  kPlus,
  kMinus,
  kStar,
  kPercent,
  kCaret,
  kArrow,      // ->
  kBackArrow,  // <-   never from the lexer, which gives kLess and kMinus with no space between: `a
               // <-1` in PromQL is less, minus. Only the parser knows (IsBackArrow).
  kEllipsis,   // …
};

// kBytesPerSecond: 10MB/s. Durations have kSeconds.
enum class Unit : uint8_t { kNone, kRatio, kSeconds, kBytes, kPerSecond, kBytesPerSecond };

struct Token {
  TokenKind kind = TokenKind::kEnd;
  Span span;
  std::string text;    // identifier or unescaped string; Inf and NaN as written; "" for numbers
  double value = 0;    // kNumber, kQuantity; kDuration: seconds
  Millis duration{0};  // kDuration
  Unit unit = Unit::kNone;
  bool space_before = false;  // white space or a comment stood before it
  bool newline_before = false;
};

}  // namespace rootnote
