// Two texts as a unified diff, three lines around each change.
#pragma once

#include <string>
#include <string_view>

namespace rootnote {

// "" when they are equal.
std::string LineDiff(std::string_view name, std::string_view from, std::string_view to);

}  // namespace rootnote
