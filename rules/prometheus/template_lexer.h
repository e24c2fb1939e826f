// A template's text in items, as the parser takes them. Of this folder only.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace rootnote::prometheus {

enum class TemplateWord : uint8_t {
  kEnd,
  kText,
  kLeft,
  kRight,
  kSpace,
  kIdentifier,
  kField,
  kVariable,
  kNumber,
  kString,
  kChar,  // a rune constant
  kPunctuation,
};

struct TemplateItem {
  TemplateWord word = TemplateWord::kEnd;
  std::string_view text;
  size_t position = 0;
};

struct TemplateItems {
  std::vector<TemplateItem> items;  // the last one is kEnd; borrowed from the text
  std::string error;                // "": none
  size_t error_at = 0;
};

// Blanks inside of actions are items, as they separate operands.
TemplateItems LexTemplate(std::string_view text);

}  // namespace rootnote::prometheus
