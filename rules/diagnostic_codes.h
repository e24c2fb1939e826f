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
  X(200, kExpected, "something else was expected here")                           \
  X(201, kUnknownDeclaration, "no declaration begins like this")                  \
  X(202, kUnknownClause, "the block has no such clause")                          \
  X(203, kClauseTwice, "a clause that is given twice")                            \
  X(204, kMissingClause, "a clause that must not be left out")                    \
  X(205, kBlockNotClosed, "a block without its closing brace")                    \
  X(206, kUnknownWord, "a word that is none of those allowed here")               \
  X(207, kBadAmount, "a number or duration that cannot be")                       \
  X(208, kInvalidEntity, "not the name of an entity")                             \
  X(209, kBadSeriesNotation, "not the values of a series")                        \
  X(210, kBadTime, "a time, date or zone that does not exist")                    \
  X(211, kBadText, "a text whose braces do not match")                            \
  X(212, kBlocksTooDeep, "blocks nested too deeply")                              \
  X(220, kUnknownKind, "an unknown kind")                                         \
  X(221, kUnknownRelation, "an unknown relation")                                 \
  X(222, kUnknownSignal, "an unknown signal")                                     \
  X(223, kUnknownFault, "an unknown fault")                                       \
  X(224, kUnknownTemplate, "an unknown template")                                 \
  X(225, kDeclaredTwice, "a name that is declared twice")                         \
  X(226, kUnknownReference, "a reference in a text to what is not there")         \
  X(227, kUnknownAlias, "a filter that names no step before it")                  \
  X(228, kNotIdentityLabel, "a label that identifies neither end")                \
  X(229, kNoRelation, "two kinds without a relation between them")                \
  X(230, kSeveralRelations, "two kinds with several relations between them")      \
  X(231, kRelationOfOthers, "a relation between other kinds")                     \
  X(232, kEntityParts, "an entity with too many parts")                           \
  X(240, kIdentityLost, "a result that cannot name its entity")                   \
  X(241, kOffGrid, "an interval that is no multiple of the tick")                 \
  X(242, kHistoryTooLong, "a look too far back")                                  \
  X(243, kLooksAhead, "a look into the future, or at a fixed time")               \
  X(244, kDimensionMismatch, "two quantities of different dimensions")            \
  X(245, kNotACondition, "not a condition")                                       \
  X(246, kSignalOfOtherKind, "a signal on another kind")                          \
  X(247, kCauseNotCarried, "an effect that no relation carries")                  \
  X(248, kTooTolerant, "a relation that tolerates more than there is")            \
  X(249, kSignalCycle, "signals that wait for each other")                        \
  X(250, kUnboundedPattern, "a pattern without an end")                           \
  X(251, kBadTopic, "not the name of a Kafka topic")                              \
  X(252, kStepKey, "a step whose labels do not name the key")                     \
  X(253, kMisplacedStep, "a part of a pattern that cannot stand here")            \
  X(254, kReuseCycle, "packs, definitions or templates that use each other")      \
  X(255, kPackNotFound, "a pack that cannot be read")                             \
  X(256, kNoQueryHere, "a duration that only a query over a time has")            \
  X(257, kTopicOfTwoForms, "a topic that would hold records of two forms")        \
  X(300, kNotExecutedYet, "read and checked, but not executed yet")               \
  X(310, kRuleFile, "a YAML file that Prometheus would refuse")                   \
  X(400, kClauseWordAsMetric, "a word of the rule language used as a metric name")\
  X(401, kPercentOfUnknown, "a percentage of something without a unit")           \
  X(402, kForShorterThanEvery, "a `for` shorter than the interval")               \
  X(403, kClearOverlapsWhen, "a `clear` that is true while `when` is")            \
  X(404, kCarriesNothing, "a relation that never carries anything")               \
  X(405, kAlwaysTrue, "a condition that is always true")                          \
  X(406, kNeverTrue, "a condition that is never true")                            \
  X(407, kWithoutEffect, "a clause without effect")                               \
  X(408, kEntityIncomplete, "an entity with too few parts")                       \
  X(409, kSeriesNobodyReads, "a test series that no rule reads")                  \
  X(410, kTestExpectsNothing, "a test that expects nothing")                      \
  X(411, kEntityNotInTest, "an expected entity that the test does not have")      \
  X(412, kSignalAndEvent, "one name for a signal and an event")                   \
  X(413, kMetricNeverSeen, "a metric that nobody has seen")                       \
  X(414, kWindowTooShort, "a window with fewer than two samples")                 \
  X(415, kSignalUncovered, "a signal that correlates with nothing")               \
  X(416, kKeysCannotJoin, "a step that never meets the others")                   \
  X(430, kRuleFileDoubtful, "a rule of Prometheus that is hardly meant")          \
  X(431, kAlertTarget, "an alert that names no entity")                           \
  X(432, kRuleLeftOut, "a rule of Prometheus that is left out")
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
