// The mapping files of schemas/projections, as the build finds them.
#pragma once

#include <span>
#include <string_view>

namespace rootnote {

struct BuiltInMapping {
  std::string_view name, text;
};

// Ascending by name.
std::span<const BuiltInMapping> BuiltInMappings();

}  // namespace rootnote
