// The only two conversions between std::string_view and Debian's absl::string_view (its own type
// in Debian 12), and hash maps keyed by strings that are found by view.
#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <string_view>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "absl/strings/string_view.h"

namespace rootnote {

inline absl::string_view ToAbsl(std::string_view text) { return {text.data(), text.size()}; }
inline std::string_view ToStd(absl::string_view text) { return {text.data(), text.size()}; }

struct TransparentStringHash {
  using is_transparent = void;
  size_t operator()(std::string_view text) const { return std::hash<std::string_view>{}(text); }
};

// Iteration order is not defined: never let it reach an output.
template <typename Value>
using StringMap = absl::flat_hash_map<std::string, Value, TransparentStringHash, std::equal_to<>>;
using StringSet = absl::flat_hash_set<std::string, TransparentStringHash, std::equal_to<>>;

}  // namespace rootnote
