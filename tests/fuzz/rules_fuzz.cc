// Any bytes as a rule file: no crash; a program or errors, never both or neither; every diagnostic
// has a code, a message, a place inside the text, and can be shown.
#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "rules/compiler.h"
#include "rules/diagnostic.h"
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
  return 0;
}
