// Every diagnostic code, once. The number is printed as E0123 and never reused; one page each in
// docs/errors. 01xx: lexer and PromQL. 02xx and 03xx: the rule language. 04xx: warnings.
// One row each: X(number, kName, "title in a few words").
#pragma once

#include <cstdint>

#include "rules/diagnostic.h"

// clang-format off
#define ROOTNOTE_DIAGNOSTIC_CODES(X)                                              \
  X(100, kInvalidCharacter, "a character that means nothing here")                \
  X(101, kUnterminatedString, "a string without its closing quote")               \
  X(102, kInvalidEscape, "an unknown or incomplete escape in a string")           \
  X(103, kInvalidUtf8, "text that is not valid UTF-8")                            \
  X(104, kBadNumber, "neither a number nor a duration")                           \
  X(110, kPromqlSyntax, "not a PromQL expression")                                \
  X(111, kNestingTooDeep, "an expression nested too deeply")                      \
  X(112, kUnknownFunction, "an unknown function")                                 \
  X(113, kArgumentCount, "too many or too few arguments")                         \
  X(114, kWrongType, "an operand of the wrong type")                              \
  X(115, kComparisonNeedsBool, "a comparison of two scalars without bool")        \
  X(116, kInvalidMatching, "vector matching that cannot be")                      \
  X(117, kEmptySelector, "a selector that matches everything")                    \
  X(118, kInvalidRegex, "an invalid regular expression")                          \
  X(119, kInvalidDuration, "a duration that is not allowed here")                 \
  X(120, kMisplacedModifier, "offset or @ in the wrong place")                    \
  X(121, kMetricNameTwice, "a metric name that is set twice")                     \
  X(122, kInvalidLabelName, "an invalid label name")                              \
  X(123, kMisplacedRange, "a range or subquery in the wrong place")               \
  X(124, kMisplacedUnwrap, "unwrap in the wrong place")                           \
  X(400, kClauseWordAsMetric, "a word of the rule language used as a metric name")
// clang-format on

namespace rootnote {

enum class DiagnosticCode : uint16_t {
#define ROOTNOTE_CODE_ENUM(number, name, title) name = number,
  ROOTNOTE_DIAGNOSTIC_CODES(ROOTNOTE_CODE_ENUM)
#undef ROOTNOTE_CODE_ENUM
};

struct DiagnosticCodeRow {
  DiagnosticCode code;
  const char* name;   // kBadNumber
  const char* title;  // a few words, lower case
};

// The list above, ascending, for tests and docs.
inline constexpr DiagnosticCodeRow kDiagnosticCodes[] = {
#define ROOTNOTE_CODE_ROW(number, name, title) {DiagnosticCode::name, #name, title},
    ROOTNOTE_DIAGNOSTIC_CODES(ROOTNOTE_CODE_ROW)
#undef ROOTNOTE_CODE_ROW
};

}  // namespace rootnote
