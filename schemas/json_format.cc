#include "schemas/json_format.h"

#include <algorithm>
#include <utility>

#include "fmt/format.h"

#include "schemas/json_syntax.h"

namespace rootnote {

DecodeFailure FailAt(const JsonTree& tree, size_t node, DecodeError error, std::string detail) {
  return {error, std::move(detail), tree.PointerTo(node), tree[node].offset};
}

DecodeFailure FailType(const JsonTree& tree, size_t node, std::string_view expected) {
  return FailAt(tree, node, DecodeError::kWrongType,
                fmt::format("{} expected, not {}", expected, TypeName(tree[node].type)));
}

DecodeFailure FailAtKey(const JsonTree& tree, size_t node, DecodeError error, std::string detail) {
  return {error, std::move(detail), tree.PointerTo(node), tree[node].key_offset};
}

DecodeFailure FailNumber(const JsonTree& tree, size_t node) {
  const std::string shown = Shown(tree[node].text);
  const bool inexact = tree[node].number_error == NumberError::kInexact;
  return FailAt(tree, node, DecodeError::kBadNumber,
                inexact ? shown + " is above 2^63, and no double holds it exactly"
                        : shown + " is larger than any double");
}

bool IsPlainName(std::string_view name) {
  return !name.empty() && std::none_of(name.begin(), name.end(), [](char c) {
    return static_cast<unsigned char>(c) < 0x20 || c == '\x7F';
  });
}

bool IsPlausible(int64_t ms) { return ms >= -62'167'219'200'000 && ms <= 253'402'300'799'999; }

}  // namespace rootnote
