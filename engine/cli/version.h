// The version of this engine: in `rootnote version`, build_info and every record's versions.engine.
#pragma once

#include <string_view>

namespace rootnote {

inline constexpr std::string_view kVersion = "0.1.0";

}  // namespace rootnote
