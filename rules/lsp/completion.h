// What may be written at a place of a document.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "rules/lsp/analysis.h"

namespace rootnote {

struct Completion {
  // As the protocol numbers them.
  enum class Type : uint8_t {
    kFunction = 3,
    kLabel = 5,
    kKind = 7,
    kRelation = 8,
    kMetric = 12,
    kKeyword = 14,
    kFault = 18,
    kWord = 20,
    kSignal = 23,
  } type = Type::kKeyword;
  std::string label, detail, doc;
};

// Everything that fits; the editor picks by what has been typed. Nothing in comments and strings.
std::vector<Completion> CompletionsAt(const Analysis& analysis, uint32_t offset);

}  // namespace rootnote
