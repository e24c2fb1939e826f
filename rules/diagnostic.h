// What is wrong with a rule, where, and what to do: the author's errors are values, never a Status.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "rules/source.h"

namespace rootnote {

enum class DiagnosticLevel : uint8_t { kError, kWarning, kNote };

// A stable code; one page each in docs/errors. The whole list is rules/diagnostic_codes.h.
enum class DiagnosticCode : uint16_t;

struct Diagnostic {
  DiagnosticLevel level = DiagnosticLevel::kError;
  DiagnosticCode code{};
  uint32_t source = 0;  // index into the compilation's sources
  Span span;
  std::string message;  // what is wrong
  std::string hint;     // what to do, "did you mean"; may be empty
};

// Collects; keeps at most `limit` errors, counts the rest.
class Diagnostics {
 public:
  explicit Diagnostics(size_t limit = 100) : limit_(limit) {}

  void Error(DiagnosticCode code, uint32_t source, Span span, std::string message,
             std::string hint = "");
  void Warning(DiagnosticCode code, uint32_t source, Span span, std::string message,
               std::string hint = "");

  // Whether a further error would only be counted.
  bool full() const { return errors_ >= limit_; }
  bool has_errors() const { return errors_ > 0; }
  size_t errors() const { return errors_; }
  const std::vector<Diagnostic>& list() const { return list_; }
  size_t dropped() const { return dropped_; }
  // By source, position, code.
  void Sort();

 private:
  size_t limit_;
  size_t errors_ = 0;
  size_t dropped_ = 0;
  std::vector<Diagnostic> list_;
};

// "E0123": the code as it is printed.
std::string CodeName(DiagnosticCode code);

// file:line:col: error[E0123]: message
//   12 | the line
//      |     ^^^^
//   hint: …
std::string FormatDiagnostic(const Diagnostic& diagnostic, const std::vector<RuleSource>& sources,
                             bool color = false);

// The candidate nearest to `word` by edit distance, "" when none is near enough (a third of its
// length).
std::string DidYouMean(std::string_view word, const std::vector<std::string>& candidates);

}  // namespace rootnote
