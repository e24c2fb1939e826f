#include "rules/format/format.h"

#include <algorithm>
#include <cmath>
#include <utility>
#include <vector>

#include "rules/diagnostic_codes.h"
#include "rules/format/atoms.h"
#include "rules/format/layout.h"
#include "rules/lexer.h"
#include "rules/parser.h"

namespace rootnote {
namespace {

struct Parsed {
  std::vector<Token> tokens;
  std::vector<Span> raw_spans;
};

Parsed ParseText(const RuleSource& source, Diagnostics& diagnostics) {
  Parsed parsed;
  Diagnostics lexed;
  parsed.tokens = Lex(source, 0, lexed);
  StringSet signals;
  CollectSignalNames(parsed.tokens, signals);
  parsed.raw_spans = ParseFile(source, 0, parsed.tokens, signals, diagnostics).raw_spans;
  for (const Diagnostic& diagnostic : lexed.list()) {
    const bool raw =
        std::any_of(parsed.raw_spans.begin(), parsed.raw_spans.end(), [&](const Span span) {
          return span.begin <= diagnostic.span.begin && diagnostic.span.end <= span.end;
        });
    if (raw) continue;
    diagnostics.Error(diagnostic.code, 0, diagnostic.span, diagnostic.message, diagnostic.hint);
  }
  diagnostics.Sort();
  return parsed;
}

bool SameToken(const Token& a, const Token& b) {
  const bool same_value = a.value == b.value || (std::isnan(a.value) && std::isnan(b.value));
  return a.kind == b.kind && a.text == b.text && same_value && a.unit == b.unit;
}

// Whether both mean the same: the same tokens, and the same texts read past the lexer.
bool SameMeaning(const RuleSource& a, const Parsed& from, const RuleSource& b, const Parsed& to) {
  return std::equal(from.tokens.begin(), from.tokens.end(), to.tokens.begin(), to.tokens.end(),
                    SameToken) &&
         std::equal(from.raw_spans.begin(), from.raw_spans.end(), to.raw_spans.begin(),
                    to.raw_spans.end(), [&](Span x, Span y) { return a.Text(x) == b.Text(y); });
}

}  // namespace

Formatted Format(const RuleSource& source) {
  Formatted result;
  const Parsed parsed = ParseText(source, result.diagnostics);
  if (result.diagnostics.has_errors()) return result;
  std::string text = LayOut(ReadAtoms(source, parsed.tokens, parsed.raw_spans));
  // What would not read back as the same is left as it is: a layout is never worth a meaning.
  const RuleSource made(source.name(), text);
  Diagnostics again;
  const Parsed back = ParseText(made, again);
  const bool same = !again.has_errors() && SameMeaning(source, parsed, made, back);
  result.text = same ? std::move(text) : std::string(source.text());
  return result;
}

}  // namespace rootnote
