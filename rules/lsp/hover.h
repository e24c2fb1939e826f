// What an editor shows about the word under the pointer, in Markdown.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "rules/lsp/analysis.h"
#include "rules/promql/functions.h"

namespace rootnote {

struct Hover {
  Span span;
  std::string text;
};

std::optional<Hover> HoverAt(const Analysis& analysis, uint32_t offset);

// "rate(range vector) → instant vector"
std::string SignatureText(const promql::FunctionSignature& function);
// The declaration, with the comment above it.
std::string SymbolText(const Analysis& analysis, const Symbol& symbol);

}  // namespace rootnote
