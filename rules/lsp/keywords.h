// The words of the rule language and what an editor says about them.
#pragma once

#include <span>
#include <string_view>

namespace rootnote {

struct Keyword {
  std::string_view block;  // where it stands: "" for declarations, "signal", "relation", …
  std::string_view word;   // `hold back` is one
  std::string_view doc;    // one sentence or two
};

// By block, in the order in which one would offer them.
std::span<const Keyword> Keywords();

}  // namespace rootnote
