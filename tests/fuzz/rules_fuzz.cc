// Any bytes as a rule file: no crash; a program or errors, never both or neither; every diagnostic
// has a code, a message, a place inside the text, and can be shown. The formatter's text is its own
// layout, and an editor gets an answer at every place.
#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "rules/compiler.h"
#include "rules/diagnostic.h"
#include "rules/format/format.h"
#include "rules/lsp/completion.h"
#include "rules/lsp/hover.h"
#include "schemas/base/check.h"

namespace rootnote {
namespace {

void CheckDiagnostic(const Diagnostic& diagnostic, const std::vector<RuleSource>& sources) {
  CHECK(diagnostic.source < sources.size());
  CHECK(diagnostic.span.begin <= diagnostic.span.end);
  CHECK(diagnostic.span.end <= sources[diagnostic.source].text().size());
  CHECK(!diagnostic.message.empty());
  CHECK(CodeName(diagnostic.code).size() == 5);
  CHECK(!FormatDiagnostic(diagnostic, sources).empty());
}

void CheckFormat(const RuleSource& source) {
  const Formatted once = Format(source);
  CHECK(once.text.has_value() != once.diagnostics.has_errors());
  if (once.text) CHECK(Format(RuleSource("fuzz.rn", *once.text)).text == once.text);
}

// Somewhere in the text, which the text itself decides.
void CheckEditor(const RuleSource& source) {
  const Analysis analysis = Analyse(source, {});
  const size_t size = source.text().size();
  for (const size_t offset : {size, size / 2, size / 3}) {
    const auto at = static_cast<uint32_t>(offset);
    for (const Completion& one : CompletionsAt(analysis, at)) CHECK(!one.label.empty());
    if (const auto hover = HoverAt(analysis, at)) CHECK(!hover->text.empty());
    const Symbol* symbol = SymbolAt(analysis, TokenAt(analysis.tokens, at), at);
    if (symbol != nullptr) CHECK(symbol->name_span.end <= size);
  }
}

}  // namespace
}  // namespace rootnote

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t size) {
  std::vector<rootnote::RuleSource> sources;
  sources.emplace_back("fuzz.rn", std::string(reinterpret_cast<const char*>(bytes), size));
  const rootnote::CompileResult result = rootnote::Compile(std::move(sources));
  CHECK((result.program != nullptr) == !result.diagnostics.has_errors());
  for (const rootnote::Diagnostic& diagnostic : result.diagnostics.list()) {
    rootnote::CheckDiagnostic(diagnostic, result.sources);
  }
  const rootnote::RuleSource source("fuzz.rn",
                                    std::string(reinterpret_cast<const char*>(bytes), size));
  rootnote::CheckFormat(source);
  rootnote::CheckEditor(source);
  return 0;
}
